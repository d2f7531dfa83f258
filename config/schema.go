package config

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"time"
)

// nodeKind tells what stands at a place of the configuration.
type nodeKind int

const (
	scalar nodeKind = iota
	list
	section
)

func (k nodeKind) String() string {
	return [...]string{"a single value", "a list", "a section of keys"}[k]
}

// node is one place of the configuration: a field of Config joined with its line in the table of keys.
type node struct {
	kind nodeKind
	// name is the last part of the path; empty for the root and for elements of lists.
	name string
	// path has [] after the names of lists.
	path string
	rule rule
	typ  reflect.Type
	// field is the index in the parent's struct.
	field int
	// initial is the value when nothing sets it; invalid for elements of lists that have none.
	initial reflect.Value
	fields  []*node
	elem    *node
}

// schema is the tree of all places of the configuration. Its root is the file.
var schema = sync.OnceValue(func() *node {
	return newSchema(rules, reflect.ValueOf(Default()).Elem())
})

// newSchema joins a table of keys with the struct that they are read into.
func newSchema(rules []rule, v reflect.Value) *node {
	table := make(map[string]rule, len(rules))
	for _, r := range rules {
		table[r.path] = r
	}
	table[""] = rule{form: groupForm}
	root := grow(table, "", v)
	if len(table) > 0 {
		panic(fmt.Sprintf("keys without a field: %v", table))
	}
	return root
}

// single are the struct types that the file writes as one value.
var single = map[reflect.Type]bool{
	reflect.TypeFor[*time.Location](): true,
	reflect.TypeFor[Date]():           true,
	reflect.TypeFor[Day]():            true,
	reflect.TypeFor[Hours]():          true,
}

// grow makes the node of a path whose value is v by default and takes its line out of the table.
func grow(table map[string]rule, path string, v reflect.Value) *node {
	r, ok := table[path]
	if !ok {
		panic("no line in the table of keys for " + path)
	}
	delete(table, path)
	n := &node{path: path, rule: r, typ: v.Type(), initial: v}
	switch {
	case single[v.Type()]:
	case v.Kind() == reflect.Struct:
		n.kind = section
		n.growFields(table, v)
	case v.Kind() == reflect.Slice:
		n.kind = list
		n.elem = grow(table, path+"[]", newElement(v.Type().Elem()))
		if n.elem.kind == scalar {
			n.elem.initial = reflect.Value{}
		}
	}
	return n
}

func (n *node) growFields(table map[string]rule, v reflect.Value) {
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("key")
		if name == "" {
			continue
		}
		child := grow(table, join(n.path, name), v.Field(i))
		child.name, child.field = name, i
		n.fields = append(n.fields, child)
	}
}

// newElement is a new element of a list, with its defaults.
func newElement(t reflect.Type) reflect.Value {
	v := reflect.New(t)
	if d, ok := v.Interface().(interface{ setDefaults() }); ok {
		d.setDefaults()
	}
	return v.Elem()
}

// join appends a name to a path.
func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// inList tells whether the place is inside a list.
func (n *node) inList() bool { return strings.Contains(n.path, "[]") }

// child finds a key of a section; nil if there is none.
func (n *node) child(name string) *node {
	for _, c := range n.fields {
		if c.name == name {
			return c
		}
	}
	return nil
}

// visit calls f for the node and all below it, parents first.
func (n *node) visit(f func(*node)) {
	f(n)
	for _, c := range n.fields {
		c.visit(f)
	}
	if n.elem != nil {
		n.elem.visit(f)
	}
}
