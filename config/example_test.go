package config

import (
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"
)

// TestExampleLoads sees that the example can be used as it stands and changes no default but the organization.
func TestExampleLoads(t *testing.T) {
	c, err := Loader{CheckSchedule: checkSchedule}.Parse("example.yml", Example())
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Organizations = c.Organizations
	if diff := cmp.Diff(wholeText(want), wholeText(c)); diff != "" {
		t.Errorf("the example differs from the defaults (-default +example)\n%s", diff)
	}
	if len(c.Organizations) != 1 || len(c.Unused()) != 0 {
		t.Errorf("%d organizations, unused %v", len(c.Organizations), c.Unused())
	}
}

// off is the start of a line that is commented out; a comment has one blank after its #.
var off = regexp.MustCompile(`(?m)^( *)#([^ \n]|  )`)

// TestExampleHasEveryKey uncomments everything and compares keys and defaults with the table.
func TestExampleHasEveryKey(t *testing.T) {
	_, all, _ := strings.Cut(string(Example()), "config check\n")
	for off.MatchString(all) {
		all = off.ReplaceAllString(all, "$1$2")
	}
	root, err := parseTree([]byte(all))
	if err != nil {
		t.Fatalf("%v\n%s", err, all)
	}
	values := map[string]*yaml.Node{}
	collect(root, "", values)
	for _, key := range Keys() {
		y := values[key.Path]
		if y == nil {
			t.Errorf("%s is not in the example", key.Path)
			continue
		}
		if key.Flag == "" || key.Default == `""` {
			continue
		}
		if got := y.Value; got != strings.Trim(key.Default, `"`) {
			t.Errorf("%s is %q in the example, its default is %s", key.Path, got, key.Default)
		}
	}
	for path := range values {
		if n := nodeAt(path); n == nil || n.rule.help == "" {
			t.Errorf("%s is in the example and is no key", path)
		}
	}
}

// collect finds the first value of every path.
func collect(y *yaml.Node, path string, values map[string]*yaml.Node) {
	if _, twice := values[path]; path != "" && !twice {
		values[path] = y
	}
	for i, c := range y.Content {
		switch {
		case y.Kind == yaml.SequenceNode:
			collect(c, path+"[N]", values)
		case i%2 == 1:
			collect(c, join(path, y.Content[i-1].Value), values)
		}
	}
}

func nodeAt(path string) *node {
	var found *node
	schema().visit(func(n *node) {
		if strings.ReplaceAll(n.path, "[]", "[N]") == path {
			found = n
		}
	})
	return found
}

// TestExamplePartsLoad uncomments each part by itself: a person who does so must get what the comment says.
func TestExamplePartsLoad(t *testing.T) {
	lines := strings.Split(string(Example()), "\n")
	parts := 0
	for i := 0; i < len(lines); i++ {
		if !off.MatchString(lines[i]) || i < strings.Count(exampleHead, "\n") {
			continue
		}
		column := strings.Index(lines[i], "#")
		prefix := strings.Repeat(" ", column) + "#"
		end := i
		for end < len(lines) && strings.HasPrefix(lines[end], prefix) && off.MatchString(lines[end]) {
			end++
			if !strings.HasPrefix(lines[end], prefix+"  ") {
				break
			}
		}
		part := append([]string(nil), lines[:i]...)
		for _, line := range lines[i:end] {
			part = append(part, line[:column]+line[column+1:])
		}
		part = append(part, lines[end:]...)
		_, err := Loader{}.Parse("part.yml", []byte(strings.Join(part, "\n")))
		if err != nil && !strings.Contains(err.Error(), "cannot be set together with") {
			t.Errorf("uncommented %q: %v", lines[i], err)
		}
		parts, i = parts+1, end-1
	}
	if parts < 12 {
		t.Errorf("only %d parts", parts)
	}
}

// TestTable sees that every key has a form, a help text that ends in a full stop, and that defaults have their form.
func TestTable(t *testing.T) {
	schema().visit(func(n *node) {
		if n.path == "" {
			return
		}
		if !strings.HasSuffix(n.rule.help, ".") || n.rule.form.name == "" {
			t.Errorf("%s: help %q, form %q", n.path, n.rule.help, n.rule.form.name)
		}
		if n.kind != scalar {
			return
		}
		v := reflect.New(n.typ).Elem()
		if n.rule.sample != "" && !n.rule.form.set(v, n.rule.sample) {
			t.Errorf("%s: the sample does not have the form", n.path)
		}
		if !n.inList() && !n.rule.form.set(v, n.text(n.initial)) {
			t.Errorf("%s: the default does not have the form", n.path)
		}
	})
}
