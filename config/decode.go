package config

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// problemLimit bounds the work that a hostile file can cause.
const problemLimit = 1000

// loading is one run of a Loader.
type loading struct {
	// file names the file in problems.
	file string
	// root is what the file can hold, and listLimit how many elements a list of it.
	root      *node
	listLimit int
	// origin tells for nodes that do not come from the file which override they come from.
	origin map[*yaml.Node]override
	// at holds the node of every path that something sets, keys of sections included.
	at map[string]*yaml.Node
	// meant holds paths that a misspelt or inline key was likely meant for: they are not reported as missing too.
	meant map[string]bool
	// unknown holds a problem for each variable that names no key.
	unknown  map[string]Problem
	problems Problems
}

func newLoading(file string, root *node, listLimit int) *loading {
	return &loading{
		file: file, root: root, listLimit: listLimit,
		origin:  map[*yaml.Node]override{},
		at:      map[string]*yaml.Node{},
		meant:   map[string]bool{},
		unknown: map[string]Problem{},
	}
}

func (l *loading) add(p Problem) {
	if !l.full() {
		l.problems = append(l.problems, p)
	}
}

// full tells whether further problems are not kept.
func (l *loading) full() bool { return len(l.problems) >= problemLimit }

// report adds a problem at a node.
func (l *loading) report(y *yaml.Node, path, message, hint string) {
	p := Problem{Where: l.file, Field: path, Message: message, Hint: hint}
	if y != nil {
		p.Where, p.place = l.where(y)
	}
	l.add(p)
}

// where names the place of a node.
func (l *loading) where(y *yaml.Node) (string, place) {
	if o, ok := l.origin[y]; ok {
		return o.where, place{layer: o.layer}
	}
	if y.Line == 0 {
		return l.file, place{}
	}
	return position(l.file, y.Line, y.Column), place{line: y.Line, column: y.Column}
}

func position(file string, line, column int) string {
	return file + ":" + strconv.Itoa(line) + ":" + strconv.Itoa(column)
}

// value reads the node of a place into v.
func (l *loading) value(n *node, y *yaml.Node, v reflect.Value, path string) {
	l.at[path] = y
	if !l.plainYAML(y, path) || !l.rightKind(n, y, path) {
		return
	}
	switch n.kind {
	case section:
		l.section(n, y, v, path)
	case list:
		l.list(n, y, v, path)
	default:
		l.scalar(n, y, v, path)
	}
}

const (
	noAnchors  = "anchors (&) and aliases (*) are not accepted"
	anchorHint = "write the value out, in quotes if it begins with & or *"
)

// plainYAML refuses what hides a value from the reader of the file.
func (l *loading) plainYAML(y *yaml.Node, path string) bool {
	switch {
	case y.Kind == yaml.AliasNode || y.Anchor != "":
		l.report(y, path, noAnchors, anchorHint)
		return false
	case y.Style&yaml.TaggedStyle != 0:
		l.report(y, path, "YAML tags (!) are not accepted", "remove the tag, or put a value that begins with ! in quotes")
		return false
	}
	return true
}

func (l *loading) rightKind(n *node, y *yaml.Node, path string) bool {
	var is nodeKind
	switch y.Kind {
	case yaml.MappingNode:
		is = section
	case yaml.SequenceNode:
		is = list
	default:
		if y.Tag == "!!null" {
			l.report(y, path, "has no value", "give one or remove the key")
			return false
		}
		is = scalar
	}
	if is == n.kind {
		return true
	}
	wanted := n.kind.String()
	if n.kind == scalar {
		wanted = n.rule.form.name
	}
	l.report(y, path, "must be "+wanted+", not "+is.String(), "")
	return false
}

func (l *loading) section(n *node, y *yaml.Node, v reflect.Value, path string) {
	first := map[string]*yaml.Node{}
	for i := 0; i+1 < len(y.Content) && !l.full(); i += 2 {
		key, value := y.Content[i], y.Content[i+1]
		name, ok := l.keyName(key, path)
		if !ok {
			continue
		}
		c := n.child(name)
		if c == nil {
			l.unknownKey(n, key, path)
			continue
		}
		if before, twice := first[name]; twice {
			where, _ := l.where(before)
			l.report(key, join(path, name), "is set twice", "it is already set at "+where)
			continue
		}
		first[name] = key
		l.value(c, value, v.Field(c.field), join(path, name))
	}
	l.missing(n, y, path)
}

// keyName reads the name of a key.
func (l *loading) keyName(key *yaml.Node, path string) (string, bool) {
	if key.Kind != yaml.ScalarNode {
		l.report(key, path, "a key must be a name", "")
		return "", false
	}
	if key.Tag == "!!merge" {
		l.report(key, path, "merge keys (<<) are not accepted", "write the keys out")
		return "", false
	}
	return key.Value, l.plainYAML(key, path)
}

func (l *loading) unknownKey(n *node, key *yaml.Node, path string) {
	advice := unknownKey(l.root, n, key.Value)
	l.meant[join(path, advice.meant)] = true
	field := path
	if showable(n, key.Value) {
		field = join(path, key.Value)
	}
	l.report(key, field, advice.message, advice.hint)
}

// missing reports the required keys that a section lacks.
func (l *loading) missing(n *node, y *yaml.Node, path string) {
	for _, c := range n.fields {
		if c.rule.need != required || lookup(y, c.name) != nil || l.meant[join(path, c.name)] {
			continue
		}
		hint := "it is " + c.rule.form.name
		switch {
		case c.kind == list && c.elem.kind == section:
			hint = "it is a list; each element needs " + needs(c.elem)
		case c.kind == list:
			hint = "it is a list; each element is " + c.elem.rule.form.name
		}
		l.report(y, join(path, c.name), "is missing", hint)
	}
}

// needs lists the keys without which an element is not complete.
func needs(n *node) string {
	var names, secrets []string
	for _, c := range n.fields {
		switch {
		case c.rule.need == required:
			names = append(names, c.name)
		case strings.HasSuffix(c.name, "_file"), strings.HasSuffix(c.name, "_env"):
			secrets = append(secrets, c.name)
		}
	}
	if len(secrets) == 0 {
		return strings.Join(names, ", ")
	}
	return strings.Join(names, ", ") + " and one of " + choice(secrets)
}

func (l *loading) list(n *node, y *yaml.Node, v reflect.Value, path string) {
	if len(y.Content) > l.listLimit {
		l.report(y, path, fmt.Sprintf("has more than %d elements", l.listLimit), "")
		return
	}
	elements := reflect.MakeSlice(n.typ, len(y.Content), len(y.Content))
	for i, item := range y.Content {
		elements.Index(i).Set(newElement(n.elem.typ))
		l.value(n.elem, item, elements.Index(i), path+"["+strconv.Itoa(i)+"]")
	}
	v.Set(elements)
}

func (l *loading) scalar(n *node, y *yaml.Node, v reflect.Value, path string) {
	form := n.rule.form
	quoted := y.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
	switch {
	case form.plain && quoted:
		l.report(y, path, "must be "+form.name+", not text", "remove the quotes")
	case !printable(y.Value):
		l.report(y, path, fmt.Sprintf("must be one line of at most %d bytes without control characters", valueLimit), "")
	case !form.set(v, y.Value):
		hint := ""
		if form.hint != nil {
			hint = form.hint(y.Value)
		}
		l.report(y, path, "must be "+form.name, hint)
	}
}

// printable tells whether a text can stand in labels, logs and tables without doing harm.
func printable(text string) bool {
	return len(text) <= valueLimit && utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}
