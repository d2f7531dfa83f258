package config

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode"
)

const (
	docsFile  = "../docs/configuration.md"
	docsBegin = "<!-- reference: begin (written by go test ./config -run TestDocs -update) -->\n"
	docsEnd   = "<!-- reference: end -->\n"
)

// TestDocs compares the reference in the documentation with the table of keys.
func TestDocs(t *testing.T) {
	data, err := os.ReadFile(docsFile)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := strings.Cut(string(data), docsBegin)
	got, after, ends := strings.Cut(rest, docsEnd)
	if !begins || !ends {
		t.Fatal("the documentation has no place for the reference")
	}
	want := reference()
	if *update {
		if err := os.WriteFile(docsFile, []byte(before+docsBegin+want+docsEnd+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != want {
		t.Error("the reference is not that of the table of keys: run go test ./config -run TestDocs -update")
	}
	for _, key := range Keys() {
		for _, text := range []string{key.Path, key.Env, key.Flag, key.Default} {
			if text != "" && !strings.Contains(got, "`"+text+"`") {
				t.Errorf("the reference lacks %s", text)
			}
		}
	}
}

// reference writes the section of each key.
func reference() string {
	var b strings.Builder
	keys := map[string]Key{}
	for _, key := range Keys() {
		keys[key.Path] = key
	}
	schema().visit(func(n *node) {
		path := strings.ReplaceAll(n.path, "[]", "[N]")
		top := !strings.ContainsAny(n.path, ".[") && n.path != ""
		if top {
			fmt.Fprintf(&b, "\n### `%s`\n\n", path)
		}
		key, isKey := keys[path]
		if top && !isKey {
			fmt.Fprintf(&b, "%s\n", plain.Replace(n.rule.help))
		}
		if isKey {
			b.WriteString(keyText(key, n.rule.need == required, top))
		}
	})
	b.WriteString("\n")
	return b.String()
}

// plain keeps Markdown from reading marks into a text.
var plain = strings.NewReplacer("*", `\*`, "_", `\_`)

func keyText(key Key, needed, top bool) string {
	var b strings.Builder
	if !top {
		fmt.Fprintf(&b, "\n#### `%s`\n\n", key.Path)
	}
	fmt.Fprintf(&b, "%s\n\n- Form: %s\n", plain.Replace(key.Help), plain.Replace(key.Type))
	switch {
	case needed:
		b.WriteString("- Required\n")
	case key.Default != "":
		fmt.Fprintf(&b, "- Default: `%s`\n", key.Default)
	}
	fmt.Fprintf(&b, "- Variable: `%s`\n", key.Env)
	if key.Flag != "" {
		fmt.Fprintf(&b, "- Flag: `%s`\n", key.Flag)
	}
	if key.Restart {
		b.WriteString("- A change needs a restart\n")
	}
	return b.String()
}

// TestDocsLines sees that the prose is not wider than the rest of the repository.
func TestDocsLines(t *testing.T) {
	data, err := os.ReadFile(docsFile)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(data), docsBegin)
	_, after, _ := strings.Cut(rest, docsEnd)
	for line := range strings.Lines(before + after) {
		if len([]rune(line)) > 121 || strings.ContainsFunc(strings.TrimSuffix(line, "\n"), unicode.IsControl) {
			t.Errorf("line of the documentation: %q", line)
		}
	}
}

// TestDocsRestart compares the list of keys that wait for a restart with the keys.
func TestDocsRestart(t *testing.T) {
	data, err := os.ReadFile(docsFile)
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(data), "\n## Changes while running\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for _, key := range Keys() {
		if listed := strings.Contains(section, "`"+key.Path+"`"); listed != key.Restart {
			t.Errorf("%s: listed %v, waits for a restart %v", key.Path, listed, key.Restart)
		}
	}
}

// TestDocsMigrations loads the configuration that the documentation shows for migrations.
func TestDocsMigrations(t *testing.T) {
	data, err := os.ReadFile(docsFile)
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(data), "\n## Migrations\n")
	_, shown, _ := strings.Cut(section, "```yaml\n")
	shown, _, _ = strings.Cut(shown, "```\n")
	t.Setenv("TEST_DOCS", "x")
	told := `webhook: {url: "https://hooks.example.com/notices", secret_env: TEST_DOCS}` + "\n"
	c := mustParse(t, Loader{}, minimal+shown+told)
	if !c.Migrator.Enabled || len(c.Unused()) != 0 {
		t.Errorf("enabled %v, unused %v", c.Migrator.Enabled, c.Unused())
	}
	for _, w := range c.Warnings() {
		if !strings.Contains(w, "/run/secrets/") { // which this machine does not have
			t.Errorf("warning: %s", w)
		}
	}
}
