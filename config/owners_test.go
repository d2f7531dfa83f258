package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func mustOwners(t *testing.T, text string) *Owners {
	t.Helper()
	o, err := ParseOwners("owners.yml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// TestBadOwners compares every problem of every bad file, place and wording included, with the text beside it.
func TestBadOwners(t *testing.T) {
	files, err := filepath.Glob("testdata/owners/bad/*.yml")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d bad files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yml"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			owners, err := ParseOwners("owners.yml", data)
			var problems Problems
			if owners != nil || !errors.As(err, &problems) || len(problems) == 0 {
				t.Fatalf("ParseOwners = %v, %v; want Problems", owners, err)
			}
			var got strings.Builder
			for _, p := range problems {
				got.WriteString(p.String() + "\n")
			}
			if strings.Contains(err.Error(), canary) {
				t.Errorf("a secret is in the error:\n%v", err)
			}
			golden(t, strings.TrimSuffix(file, ".yml")+".txt", got.String())
		})
	}
}

func TestOwners(t *testing.T) {
	o, err := LoadOwners("testdata/owners/good/everything.yml")
	if err != nil {
		t.Fatal(err)
	}
	const none = "none"
	show := func(r Rule, ok bool) string {
		if !ok {
			return none
		}
		_, line, _ := strings.Cut(r.Where, ".yml:")
		return line + " " + r.target()
	}
	for identity, want := range map[string]string{
		"ana@example.com": "2:5 user", "ANA@EXAMPLE.COM": "2:5 user", "ana2@example.com": none, "": none, "*": none,
		"svc-1@example.com": "3:5 channel", "svc-x@example.com": none, "svc-1/x@example.com": "3:5 channel",
		"old@example.com": "4:5 email", "cleo@vendor.example": "6:5 user", "dan@vendor.example": "7:5 channel",
		"x@partner.example": "8:5 webhook", "0a1b2c3d@adobeid": "9:5 channel", "mana@example.com": none,
	} {
		if got := show(o.Owner(identity)); got != want {
			t.Errorf("Owner(%q) is %s, want %s", identity, got, want)
		}
	}
	for identity, want := range map[string]string{
		"ana@example.com": "11:5 channel", "x@vendor.example": "12:5 email", "": none,
	} {
		if got := show(o.Manager(identity)); got != want {
			t.Errorf("Manager(%q) is %s, want %s", identity, got, want)
		}
	}
	for name, want := range map[string]string{
		"prod": "14:5 channel", "PROD-eu": "14:5 channel", "stage": "15:5 user", "stage2": none,
	} {
		if got := show(o.Sandbox(name)); got != want {
			t.Errorf("Sandbox(%q) is %s, want %s", name, got, want)
		}
	}
	want := Rule{Match: "svc-[0-9]*@example.com", Channel: "#platform", Group: "S012ABCDEF",
		Where: "testdata/owners/good/everything.yml:3:5"}
	if diff := cmp.Diff(want, o.Rules()[1]); diff != "" || len(o.Rules()) != 12 {
		t.Errorf("%d rules; the second (-want +got)\n%s", len(o.Rules()), diff)
	}
}

// TestOwnersLanguage sees that a rule with a language alone neither hides a later target nor is one.
func TestOwnersLanguage(t *testing.T) {
	o, err := LoadOwners("testdata/owners/good/everything.yml")
	if err != nil {
		t.Fatal(err)
	}
	for identity, want := range map[string]string{
		"ana@example.com": "", "Dan@vendor.example": "zh-TW", "x@partner.example": "en", "": "",
	} {
		if got, ok := o.Language(identity); got != want || ok != (want != "") {
			t.Errorf("Language(%q) = %q, %v; want %q", identity, got, ok, want)
		}
	}
	if r, ok := mustOwners(t, "owners: [{match: a, language: en}]\n").Owner("a"); ok {
		t.Errorf("a language alone is the owner's target %+v", r)
	}
}

// TestOwnersFirstMatch compares the index with going through the rules one by one.
func TestOwnersFirstMatch(t *testing.T) {
	patterns := []string{"b*", "bc", "*c", "a", "?c", "ab", "*"}
	texts := []string{"a", "b", "c", "ab", "bc", "ac", "abc", "/", "a/c"}
	for n := range 1 << len(patterns) {
		var rules []Rule
		for i, p := range patterns {
			if n&(1<<i) != 0 {
				rules = append(rules, Rule{Match: p, User: fmt.Sprint(i)})
			}
		}
		x := newIndex(rules, hasTarget)
		for _, text := range texts {
			var want Rule
			for _, r := range rules {
				if ok, err := filepath.Match(r.Match, strings.ReplaceAll(text, "/", "_")); ok && err == nil {
					want = r
					break
				}
			}
			if got, ok := x.first(text); got != want || ok != (want != Rule{}) {
				t.Errorf("rules %v: %q is %v, want %v", rules, text, got, want)
			}
		}
	}
}

func TestAccounts(t *testing.T) {
	for _, o := range []*Owners{mustLoad(t, "reminders.yml").Owners(), mustParse(t, Loader{}, minimal+
		"people: [{name: ana, emails: [Ana@example.com], slack: U456, adobe: 0A1B@AdobeID}, {name: b, slack: U789}, {name: c}]\n").Owners()} {
		for identity, want := range map[string]string{
			"ana@example.com": "U456", "0a1b@AdobeID": "U456", "ben@example.com": "", "": "",
		} {
			if got, ok := o.Account(identity); got != want || ok != (want != "") {
				t.Errorf("Account(%q) = %q, %v; want %q", identity, got, ok, want)
			}
		}
	}
}

// withOwners is a configuration that names a file of owners with a text.
func withOwners(t *testing.T, text string) (config, owners string) {
	t.Helper()
	folder := t.TempDir()
	config, owners = filepath.Join(folder, "jwtsunset.yml"), filepath.Join(folder, "owners.yml")
	for file, content := range map[string]string{
		config: minimal + "reminders: {owners_file: " + owners + "}\n", owners: text,
	} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return config, owners
}

func TestLoadReadsOwners(t *testing.T) {
	file, _ := withOwners(t, "owners: [{match: a, user: U0123}]\n")
	c, err := Loader{}.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if r, ok := c.Owners().Owner("a"); !ok || r.User != "U0123" {
		t.Errorf("owner = %+v, %v", r, ok)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := mustParse(t, Loader{}, string(data)).Owners().Rules(); len(got) != 0 {
		t.Errorf("Parse read another file: %v", got)
	}
	if got := Default().Owners().Rules(); len(got) != 0 {
		t.Errorf("without a file there are %v", got)
	}
}

// TestLoadReportsOwners sees that both files' problems come at once, those of the configuration first.
func TestLoadReportsOwners(t *testing.T) {
	file, owners := withOwners(t, "owners: [{match: a, user: CANARY}]\n")
	_, err := Loader{Environ: []string{"JWTSUNSET_LOG_LEVEL=CANARY"}}.Load(file)
	var problems Problems
	if !errors.As(err, &problems) || len(problems) != 2 || problems[0].Field != "log.level" ||
		!strings.HasPrefix(problems[1].String(), owners+":1:27: owners[0].user: must be a Slack user id") {
		t.Errorf("error = %v", err)
	}
	if strings.Contains(fmt.Sprint(err), canary) {
		t.Errorf("a value is in the error: %v", err)
	}
}

func TestLoadMissingOwners(t *testing.T) {
	file, owners := withOwners(t, "owners: []\n")
	if err := os.Remove(owners); err != nil {
		t.Fatal(err)
	}
	_, err := Loader{}.Load(file)
	if want := ":6:26: reminders.owners_file: cannot be read: no such file or directory"; err == nil ||
		!strings.HasSuffix(err.Error(), want) {
		t.Errorf("error = %v, want …%s", err, want)
	}
	_, err = Loader{Environ: []string{"JWTSUNSET_REMINDERS_OWNERS_FILE=" + canarySecret}}.Load(file)
	if err == nil {
		t.Fatal("a file that is not there was read")
	}
	mustNotLeak(t, err)
	if _, err := LoadOwners(owners); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), owners) {
		t.Errorf("error = %v", err)
	}
}

// TestDigestCoversOwners sees that what the file of owners says is part of the digest, and how it says it is not.
func TestDigestCoversOwners(t *testing.T) {
	file, owners := withOwners(t, "owners: [{match: a, user: U0123}]\n")
	digest := func(text string) string {
		t.Helper()
		if err := os.WriteFile(owners, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Loader{}.Load(file)
		if err != nil {
			t.Fatal(err)
		}
		if c.Owners().Digest() != mustOwners(t, text).Digest() {
			t.Error("the digest of the owners depends on how they were read")
		}
		return c.Digest()
	}
	first := digest("owners: [{match: a, user: U0123}]\n")
	if again := digest("# the same\nowners:\n  - user: U0123\n    match: a\n"); again != first {
		t.Error("the digest depends on how the file is written")
	}
	for _, text := range []string{
		"owners: [{match: b, user: U0123}]\n", "managers: [{match: a, user: U0123}]\n", "owners: []\n",
	} {
		if digest(text) == first {
			t.Errorf("%q has the digest of another file", text)
		}
	}
}

func TestOwnersWarnings(t *testing.T) {
	const slack, webhook = "slack: {token_env: TEST_TOKEN, channel: \"#x\"}\n",
		"webhook: {url: \"https://hooks.example.com\", secret_env: TEST_TOKEN}\n"
	t.Setenv("TEST_TOKEN", "x")
	secret := writeSecret(t, "x", 0o600)
	for _, test := range []struct{ name, owners, more, want string }{
		{"both ways", "owners: [{match: a, webhook: true}, {match: b, user: U0123}]\n", slack + webhook, ""},
		{"no webhook", "owners: [{match: a, webhook: true}]\n", slack, ":1:10 needs a webhook.url, and there is none"},
		{"no Slack", "owners: [{match: a, email: a@b}]\n", webhook, ":1:10 needs a Slack token, and there is none"},
		{"a language needs nothing", "owners: [{match: a, language: en}]\n", webhook, ""},
		{"cut off", "owners: []", slack, "the last line of the file of owners has no line end: is the file complete?"},
	} {
		t.Run(test.name, func(t *testing.T) {
			file, _ := withOwners(t, test.owners)
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			text := strings.Replace(string(data), "/run/secrets/adobe", secret, 1) + test.more
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			c, err := Loader{}.Load(file)
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(c.Warnings(), "\n")
			if !strings.HasSuffix(got, test.want) || (got == "") != (test.want == "") {
				t.Errorf("warnings %q, want %q", got, test.want)
			}
		})
	}
}

func TestOwnersLimits(t *testing.T) {
	var b strings.Builder
	b.WriteString("owners:\n")
	for i := range ownersLimit {
		fmt.Fprintf(&b, "  - {match: a%d, user: U0123}\n", i)
	}
	o := mustOwners(t, b.String())
	if r, ok := o.Owner(fmt.Sprintf("a%d", ownersLimit-1)); !ok || r.User != "U0123" {
		t.Errorf("the last of many is %+v, %v", r, ok)
	}
	b.WriteString("  - {match: b, user: U0123}\n")
	if _, err := ParseOwners("owners.yml", []byte(b.String())); err == nil ||
		!strings.Contains(err.Error(), "has more than 10000 elements") {
		t.Errorf("one more: %v", err)
	}
	if _, err := ParseOwners("owners.yml", make([]byte, fileLimit+1)); err == nil ||
		!strings.Contains(err.Error(), "is larger than") {
		t.Errorf("a large file: %v", err)
	}
}

// TestOwnersTable sees that every key of the file is explained where people look.
func TestOwnersTable(t *testing.T) {
	docs, err := os.ReadFile("../docs/owners.md")
	if err != nil {
		t.Fatal(err)
	}
	ownersSchema().visit(func(n *node) {
		if n.name != "" && !strings.Contains(string(docs), "`"+n.name+"`") {
			t.Errorf("docs/owners.md does not explain %s", n.path)
		}
	})
	_, example, _ := strings.Cut(string(docs), "```yaml\n")
	example, _, _ = strings.Cut(example, "```")
	if o := mustOwners(t, example); len(o.Rules()) < 6 {
		t.Errorf("the example in docs/owners.md has %d rules", len(o.Rules()))
	}
}

// FuzzOwners sees that no text makes the parser panic, that what is accepted is stable and reads back, and that a rule
// which stands for one text is found by it.
func FuzzOwners(f *testing.F) {
	files, err := filepath.Glob("testdata/owners/*/*.yml")
	if err != nil || len(files) == 0 {
		f.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data), "ana@example.com")
	}
	f.Fuzz(func(t *testing.T, text, identity string) {
		o, err := ParseOwners("fuzz.yml", []byte(text))
		if (o == nil) != (err != nil) {
			t.Fatalf("ParseOwners gives %v and %v", o, err)
		}
		if err != nil {
			return
		}
		for _, find := range []func(string) (Rule, bool){o.Owner, o.Manager, o.Sandbox} {
			if r, ok := find(identity); ok != (r.target() != "") || (ok && r.Where == "") {
				t.Fatalf("%q is %+v, %v", identity, r, ok)
			}
		}
		for _, r := range o.file.Owners {
			found, ok := o.Owner(r.Match)
			if !isGlob(r.Match) && hasTarget(r) && (!ok || found != r) {
				t.Fatalf("%+v is not found by its text but %+v", r, found)
			}
		}
		again, err := ParseOwners("flow.yml", []byte(o.text()+"\n"))
		if len(o.Rules()) > 0 && (err != nil || again.Digest() != o.Digest()) {
			t.Fatalf("%q reads back with %v", o.text(), err)
		}
		if !reflect.DeepEqual(o.Rules(), mustOwnersNamed(t, "fuzz.yml", text).Rules()) {
			t.Fatal("the rules are not stable")
		}
	})
}

func mustOwnersNamed(t *testing.T, name, text string) *Owners {
	t.Helper()
	o, err := ParseOwners(name, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return o
}
