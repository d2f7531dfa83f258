// Package jwtsunset_test holds what no compiler does: which package may import which, which calls the tree may not
// contain, how few places reveal a secret, and that no file speaks of the machine it was written on.
package jwtsunset_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "jwtsunset"

// arrows says which packages of ours each package may import; folders below one share its row. The command may import
// everything and nothing imports the command.
var arrows = map[string][]string{
	"credential": {},
	"audit":      {},
	"secret":     {},
	"config":     {"secret"},
	"adobe":      {"credential", "secret"},
	"scanner":    {"credential"},
	"notify":     {"notify", "credential", "secret"},
	"approval":   {"credential", "audit"},
	"migrator":   {"credential", "approval", "audit"},
	"store":      {"audit", "credential", "notify", "approval", "migrator"},
	"metrics":    {"credential"},
	"report":     {"credential"},
	"simulator":  {},
	"cmd": {
		"credential", "audit", "secret", "config", "adobe", "scanner", "notify", "approval", "migrator", "store", "metrics",
		"report", "simulator",
	},
	"verify": {},
}

// forTests says what tests may import besides. The simulator's own tests get nothing: it and the client it plays Adobe
// to must not share a mistake.
var forTests = map[string][]string{
	"credential": {},
	"audit":      {},
	"secret":     {},
	"config":     {},
	"adobe":      {"simulator"},
	"scanner":    {"adobe", "secret", "simulator", "store"},
	"notify":     {"simulator"},
	"approval":   {},
	"migrator":   {},
	"store":      {"verify"},
	"metrics":    {"store"},
	"report":     {},
	"simulator":  {},
	"cmd":        {},
	"verify":     {},
}

// listed is what `go list -json` tells of a package.
type listed struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

func TestArrows(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range goList(t) {
		name := row(p.ImportPath)
		if name == "" {
			continue
		}
		seen[name] = true
		allowed, known := arrows[name]
		if !known {
			t.Errorf("%s: the table of arrows has no row for %s", p.ImportPath, name)
			continue
		}
		checkImports(t, p.ImportPath, p.Imports, allowed)
		tests := slices.Concat(p.TestImports, p.XTestImports)
		checkImports(t, p.ImportPath+" (tests)", tests, slices.Concat(allowed, forTests[name]))
	}
	for name := range arrows {
		if !seen[name] {
			t.Errorf("the table of arrows has a row for %s, and there is no such package", name)
		}
	}
}

func checkImports(t *testing.T, who string, imports, allowed []string) {
	t.Helper()
	own := row(strings.Fields(who)[0])
	for _, imported := range imports {
		target := row(imported)
		if target != "" && target != own && !slices.Contains(allowed, target) {
			t.Errorf("%s imports %s; it may import only %v of ours", who, imported, allowed)
		}
	}
}

// row is the name that the table has for an import path of ours; "" for others and for the folder of this test.
func row(importPath string) string {
	rest, ours := strings.CutPrefix(importPath, module+"/")
	if !ours {
		return ""
	}
	first, _, _ := strings.Cut(rest, "/")
	return first
}

func goList(t *testing.T) []listed {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-tags", "verify", "-json", "./...")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var packages []listed
	for decoder := json.NewDecoder(strings.NewReader(string(out))); decoder.More(); {
		var p listed
		if err := decoder.Decode(&p); err != nil {
			t.Fatalf("reading the answer of go list: %v", err)
		}
		packages = append(packages, p)
	}
	return packages
}

// banned are names of other packages that the tree may not use, tests included, with the reason.
var banned = map[string]string{
	"net/http.DefaultClient":     "it has no time-out and is not bound to a host",
	"net/http.Get":               "it uses http.DefaultClient",
	"net/http.Head":              "it uses http.DefaultClient",
	"net/http.Post":              "it uses http.DefaultClient",
	"net/http.PostForm":          "it uses http.DefaultClient",
	"net/http.Handle":            "it registers on a mux that every package shares",
	"net/http.HandleFunc":        "it registers on a mux that every package shares",
	"net/http.ListenAndServe":    "its server has no time-outs",
	"net/http.ListenAndServeTLS": "its server has no time-outs",
	"golang.org/x/oauth2.NewClient": "its client sends the token to any host that a request or redirect names; " +
		"use a transport that pins the host",
	"time.Sleep": "it cannot be canceled; use a timer with a context, or testing/synctest",
	"time.Tick":  "it cannot be stopped",
	"github.com/prometheus/client_golang/prometheus.DefaultRegisterer": "metrics have a registry of their own",
	"github.com/prometheus/client_golang/prometheus.DefaultGatherer":   "metrics have a registry of their own",
	"github.com/prometheus/client_golang/prometheus.Register":          "metrics have a registry of their own",
	"github.com/prometheus/client_golang/prometheus.MustRegister":      "metrics have a registry of their own",
	"github.com/prometheus/client_golang/prometheus/promhttp.Handler":  "it serves the registry that every package shares",
	"log.Fatal":   "only main ends the process",
	"log.Fatalf":  "only main ends the process",
	"log.Fatalln": "only main ends the process",
}

// bannedImports are packages that the tree may not import, tests included, with the reason.
var bannedImports = map[string]string{
	"text/template":  "it escapes nothing; pages are html/template, and other texts have an escape of their own",
	"math/rand":      "its successor math/rand/v2 is for jitter, crypto/rand for everything that must not be guessed",
	"net/http/pprof": "it registers on a mux that every package shares",
	"github.com/prometheus/client_golang/prometheus/promauto": "it registers on a registry that every package shares",
	"github.com/mattn/go-sqlite3":                             "it needs cgo, and the binary is static",
	"gopkg.in/yaml.v3":                                        "it is archived",
}

// maxReveals is how many places outside tests may take the text out of a secret.
const maxReveals = 7

// exceptions are folders that may import a banned package all the same.
var exceptions = map[string]string{
	"text/template": "notify/", // all that a template sees is escaped for its medium before
}

func TestBannedCallsAndReveals(t *testing.T) {
	var reveals []string
	for _, file := range goFiles(t) {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found, revealed := inspect(t, file, string(content))
		for _, f := range found {
			t.Error(f)
		}
		if !strings.HasSuffix(file, "_test.go") {
			reveals = append(reveals, revealed...)
		}
	}
	if len(reveals) > maxReveals {
		t.Errorf("%d places reveal a secret, at most %d may:\n\t%s", len(reveals), maxReveals,
			strings.Join(reveals, "\n\t"))
	}
}

// TestInspectBites shows that inspect finds what it is there to find.
func TestInspectBites(t *testing.T) {
	tests := map[string]string{
		"http.Get":           `import "net/http"; var _ = http.Get`,
		"renamed import":     `import web "net/http"; var _ = web.DefaultClient`,
		"NewClient":          `import "golang.org/x/oauth2"; var _ = oauth2.NewClient`,
		"Sleep":              `import "time"; func f() { time.Sleep(1) }`,
		"dot import":         `import . "time"`,
		"InsecureSkipVerify": `import "crypto/tls"; var _ = tls.Config{InsecureSkipVerify: true}`,
		"text/template":      `import _ "text/template"`,
		"math/rand":          `import "math/rand"`,
	}
	for name, source := range tests {
		if found, _ := inspect(t, "x.go", "package x; "+source); len(found) == 0 {
			t.Errorf("%s: not found in %s", name, source)
		}
	}
	clean := `package x; import "net/http"; func f(s interface{ Reveal() string }) { _ = s.Reveal(); _ = http.Client{} }`
	template := `package x; import _ "text/template"`
	if found, _ := inspect(t, "notify/x.go", template); len(found) != 0 {
		t.Errorf("found %v where templates may be", found)
	}
	if found, reveals := inspect(t, "x.go", clean); len(found) != 0 || len(reveals) != 1 {
		t.Errorf("found %v and the reveals %v in %s", found, reveals, clean)
	}
}

// inspect gives what a Go file has that it may not have, and the places that reveal secrets.
func inspect(t *testing.T, name, source string) (found, reveals []string) {
	t.Helper()
	files := token.NewFileSet()
	tree, err := parser.ParseFile(files, name, source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	report := func(n ast.Node, format string, args ...any) {
		found = append(found, fmt.Sprintf("%s: "+format, append([]any{files.Position(n.Pos())}, args...)...))
	}
	names := map[string]string{}
	for _, spec := range tree.Imports {
		local, imported := importNames(t, spec)
		names[local] = imported
		folder, excepted := exceptions[imported]
		if reason, no := bannedImports[imported]; no && (!excepted || !strings.HasPrefix(name, folder)) {
			report(spec, "imports %s: %s", imported, reason)
		}
		if local == "." {
			report(spec, "imports %s without its name, which hides what it uses", imported)
		}
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if reason, no := banned[qualified(n, names)]; no {
				report(n, "uses %s: %s", qualified(n, names), reason)
			}
			if n.Sel.Name == "Reveal" {
				reveals = append(reveals, files.Position(n.Pos()).String())
			}
		case *ast.Ident:
			if n.Name == "InsecureSkipVerify" {
				report(n, "InsecureSkipVerify accepts any certificate")
			}
		}
		return true
	})
	return found, reveals
}

// importNames gives the name that a file uses for an import, and the import's path.
func importNames(t *testing.T, spec *ast.ImportSpec) (local, imported string) {
	t.Helper()
	imported, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		t.Fatal(err)
	}
	if spec.Name != nil {
		return spec.Name.Name, imported
	}
	return path.Base(imported), imported
}

// qualified is a selector with its package's path: net/http.Get. It is empty for selectors of other things.
func qualified(n *ast.SelectorExpr, names map[string]string) string {
	local, ok := n.X.(*ast.Ident)
	if !ok || names[local.Name] == "" {
		return ""
	}
	return names[local.Name] + "." + n.Sel.Name
}

// foreign matches what a file of the repository has no business to name: folders of a developer's machine, and the
// hosts of registries, which are for each machine to configure. Its parts are split so that it does not match itself.
var foreign = regexp.MustCompile(strings.Join([]string{
	`(?:^|[\s"'=(:])/(?:wo` + `rk|ro` + `ot|ho` + `me/[a-z]+|Us` + `ers)/`,
	`registry\.(?:npm` + `js\.org|yarn` + `pkg\.com)`,
	`proxy\.gol` + `ang\.org`,
	`deb\.deb` + `ian\.org`,
	`sum\.gol` + `ang\.org`,
}, "|"))

func TestNoForeignNames(t *testing.T) {
	for _, file := range files(t) {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		for number, line := range strings.Split(string(content), "\n") {
			if found := foreign.FindString(line); found != "" {
				t.Errorf("%s:%d: names %q", file, number+1, strings.TrimSpace(found))
			}
		}
	}
}

// TestModuleFile holds that the module builds from what it names: a replacement would build something else here than
// where the module is installed from.
func TestModuleFile(t *testing.T) {
	content, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for number, line := range strings.Split(string(content), "\n") {
		switch first, _, _ := strings.Cut(strings.TrimSpace(line), " "); first {
		case "replace", "exclude", "toolchain":
			t.Errorf("go.mod:%d: has a %s line", number+1, first)
		}
	}
}

func goFiles(t *testing.T) []string {
	t.Helper()
	all := slices.DeleteFunc(files(t), func(name string) bool { return path.Ext(name) != ".go" })
	if len(all) == 0 {
		t.Fatal("found no Go file")
	}
	return all
}

// files lists the files of the repository, without what git ignores and what fuzzing and tests write.
func files(t *testing.T) []string {
	t.Helper()
	ignored := []string{".git", ".tools", "bin", "node_modules"}
	var found []string
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains(ignored, entry.Name()):
			return fs.SkipDir
		case entry.Type().IsRegular() && !slices.Contains([]string{".db", ".db-wal", ".db-shm"}, path.Ext(name)):
			found = append(found, filepath.ToSlash(name))
		}
		return nil
	})
	if err != nil {
		t.Fatal(fmt.Errorf("walking the repository: %w", err))
	}
	return found
}
