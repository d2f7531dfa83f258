package notify

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"
)

// check looks at what templates say, before they are tried.
func (t *Templates) check(sources map[string]source) (problems []error) {
	for _, name := range fileNames() {
		if err := checkSource(sources[name]); err != nil {
			problems = append(problems, err)
		}
	}
	for name, set := range t.sets {
		if err := checkNames(set, name.kind, sources[path.Join(name.language, string(name.kind))].name); err != nil {
			problems = append(problems, err)
		}
	}
	slices.SortFunc(problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return problems
}

// checkSource refuses characters that a template has no use for: marks would be taken for ours, and what stands between
// angle brackets is a link or a mention to Slack.
func checkSource(s source) error {
	for number, line := range strings.Split(s.text, "\n") {
		for _, r := range line {
			if r < ' ' && r != '\t' && r != '\r' || r == 0x7f {
				return fmt.Errorf("%s:%d: it has a control character", s.name, number+1)
			}
		}
		if strings.ContainsAny(line, "<>&") {
			return fmt.Errorf(`%s:%d: it has one of < > &, which messages cannot hold; `+
				`a link is written {{link "https://…" "words"}}, and conditions gt, lt, and`, s.name, number+1)
		}
	}
	return nil
}

// blocks are those that a kind must have.
func blocks(kind Kind) []string {
	all := []string{"title", "intro", "outro", "footer", "more"}
	switch kind {
	case KindDigest:
		return append(all, digestParts()...)
	case KindMigration:
		return append(all, "fact")
	default:
		return append(all, "item", "line")
	}
}

// checkNames holds that a set has every block that is needed, and that every field it names exists, used or not.
func checkNames(root *template.Template, kind Kind, file string) error {
	for _, block := range blocks(kind) {
		if root.Lookup(block) == nil {
			return fmt.Errorf("%s: the block %q is missing: {{define %q}}…{{end}}", file, block, block)
		}
	}
	known := fieldNames()
	var problems []error
	for _, t := range root.Templates() {
		if t.Tree == nil {
			continue
		}
		for name, at := range fieldsUsed(reflect.ValueOf(t.Root)) {
			if !known[name] {
				location, _ := t.ErrorContext(at)
				problems = append(problems, fmt.Errorf("template: %s: there is no field %s", location, name))
			}
		}
	}
	slices.SortFunc(problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(problems...)
}

// fieldsUsed finds the fields that a tree of nodes names, by walking whatever it is made of.
func fieldsUsed(v reflect.Value) map[string]parse.Node {
	found := map[string]parse.Node{}
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		if v.IsNil() || v.Type() == reflect.TypeFor[*parse.Tree]() {
			return found
		}
		collect(found, v)
		maps.Copy(found, fieldsUsed(v.Elem()))
	case reflect.Slice:
		for i := range v.Len() {
			maps.Copy(found, fieldsUsed(v.Index(i)))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				maps.Copy(found, fieldsUsed(v.Field(i)))
			}
		}
	default: // a leaf
	}
	return found
}

// collect adds the names of one node. A variable's first name is the variable's own.
func collect(found map[string]parse.Node, v reflect.Value) {
	var names []string
	node, _ := v.Interface().(parse.Node)
	switch n := v.Interface().(type) {
	case *parse.FieldNode:
		names = n.Ident
	case *parse.VariableNode:
		names = n.Ident[1:]
	case *parse.ChainNode:
		names = n.Field
	}
	for _, name := range names {
		found[name] = node
	}
}

// fieldNames are the names of all that templates see.
func fieldNames() map[string]bool {
	known := map[string]bool{}
	for _, t := range dataTypes() {
		for i := range t.NumField() {
			known[t.Field(i).Name] = true
		}
	}
	return known
}

func dataTypes() []reflect.Type {
	return []reflect.Type{
		reflect.TypeFor[messageData](), reflect.TypeFor[countData](), reflect.TypeFor[itemData](),
		reflect.TypeFor[deadlineData](), reflect.TypeFor[stepData](), reflect.TypeFor[answerData](),
		reflect.TypeFor[digestData](), reflect.TypeFor[organizationData](), reflect.TypeFor[paceData](),
		reflect.TypeFor[reachData](), reflect.TypeFor[waitingData](), reflect.TypeFor[noticeData](),
		reflect.TypeFor[factData](),
	}
}

// lineUnits is how long a line may get whatever it is about, so that a page of them has room.
const lineUnits = 300

// try executes everything on samples, and says what fails and what is too long or says nothing.
func (t *Templates) try() []error {
	var problems []error
	for _, language := range Languages() {
		for _, m := range samples(language) {
			for number := range 2 {
				r, err := t.Render(m, PageOf(m, number, max(1, len(m.Items)/2), 2), PlainMedium())
				if err != nil {
					problems = append(problems, errors.Unwrap(err))
					continue
				}
				problems = append(problems, judge(r, language, m)...)
			}
		}
	}
	return problems
}

func judge(r Rendered, language string, m Message) []error {
	var problems []error
	where := fmt.Sprintf("%s/%s%s", language, m.Kind, suffix)
	if r.Title == "" {
		problems = append(problems, fmt.Errorf("%s: the block \"title\" says nothing", where))
	}
	for _, line := range r.Lines {
		if Units(line) > lineUnits {
			problems = append(problems, fmt.Errorf("%s: the block \"line\" can get longer than %d characters", where, lineUnits))
		}
	}
	return problems
}
