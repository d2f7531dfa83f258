package config

import (
	"reflect"
	"strings"
)

// exampleHead begins the example.
const exampleHead = `# Configuration of jwtsunset, with every key and its default. A setting with a # before it is off:
# delete the # to switch it on.
#
# A value comes from the first of these that has it:
#   a flag                   --adobe.concurrency 4, or --set for any key: --set organizations[0].name=acme
#   an environment variable  JWTSUNSET_ADOBE_CONCURRENCY=4, JWTSUNSET_ORGANIZATIONS_0_NAME=acme
#   this file
#   the default
# Secrets are never written here: name a file (…_file) or an environment variable (…_env) that holds them. They are
# read anew at each use. Check the file with: jwtsunset config check
`

// commentWidth is where comments of the example are broken, in characters.
const commentWidth = 100

// inactive are the parts of the example that are commented out though they could stand: alternatives to others, ways
// to owners that need an account elsewhere, rules that are everyone's own, and what has no effect in this version.
var inactive = map[string]bool{
	"organizations[].client_secret_env": true,
	"organizations[].user_token_file":   true,
	"organizations[].user_token_env":    true,
	"scan.include":                      true,
	"scan.exclude":                      true,
	"scan.exclude[].credential":         true,
	"scan.exclude[].name":               true,
	"scan.exclude[].owner":              true,
	"slack":                             true,
	"slack.token_env":                   true,
	"slack.app_token_env":               true,
	"slack.signing_secret_env":          true,
	"webhook":                           true,
	"webhook.secret_env":                true,
	"people":                            true,
	"approval.via":                      true,
	"approval.sandboxes":                true,
	"migrator.windows":                  true,
	"migrator.closed":                   true,
	"migrator.deny":                     true,
	"migrator.deny[].name":              true,
	"migrator.deny[].project":           true,
	"migrator.deny[].sandbox":           true,
	"migrator.one_shot":                 true,
	"migrator.one_shot.body":            true,
	"migrator.one_shot.success.member":  true,
	"migrator.one_shot.success.values":  true,

	"migrator.one_shot.status.account_member": true,
}

// Example is a commented configuration file with every key. It loads as it stands.
func Example() []byte {
	e := &example{}
	e.b.WriteString(exampleHead)
	for _, n := range schema().fields {
		if n.kind != scalar || n.name == "store" {
			e.b.WriteString("\n")
		}
		e.write(n, n.initial, "")
	}
	return []byte(e.b.String())
}

type example struct {
	b strings.Builder
	// off holds the indentations at which the commented-out parts around the place begin.
	off []int
}

// line writes one line at an indentation, with a # for each commented-out part around it. To uncomment a part, one #
// is deleted from each of its lines.
func (e *example) line(indent, text string) {
	from := 0
	for _, column := range e.off {
		e.b.WriteString(indent[from:column] + "#")
		from = column
	}
	e.b.WriteString(indent[from:] + text + "\n")
}

// write writes one key with its comment.
func (e *example) write(n *node, v reflect.Value, indent string) {
	e.comment(n.rule.help, indent)
	leave := e.enter(n, v, indent)
	defer leave()
	switch {
	case n.kind == section:
		e.line(indent, n.name+":")
		e.fields(n, v, indent+"  ", "")
	case n.kind == list && n.elem.kind == section:
		e.line(indent, n.name+":")
		e.elements(n, v, indent+"  ")
	default:
		e.line(indent, n.name+": "+sample(n, v))
	}
}

// enter begins a commented-out part where one begins; what it gives ends it.
func (e *example) enter(n *node, v reflect.Value, indent string) func() {
	unset := len(e.off) == 0 && n.kind == scalar && !n.inList() && n.rule.sample != "" && v.IsZero()
	if !inactive[n.path] && !unset {
		return func() {}
	}
	e.off = append(e.off, len(indent))
	return func() { e.off = e.off[:len(e.off)-1] }
}

func (e *example) comment(help, indent string) {
	line := "#"
	for word := range strings.FieldsSeq(help) {
		if len(indent)+len(line)+1+len(word) > commentWidth {
			e.line(indent, line)
			line = "#"
		}
		line += " " + word
	}
	e.line(indent, line)
}

// fields writes the keys of a section. An element of a list has its dash at the first key.
func (e *example) fields(n *node, v reflect.Value, indent, dash string) {
	for i, c := range n.fields {
		if i == 0 && dash != "" {
			e.line(indent, dash+c.name+": "+sample(c, v.Field(c.field)))
			indent += "  "
			continue
		}
		e.write(c, v.Field(c.field), indent)
	}
}

// elements writes the elements that a list of sections has by default, or one made of samples. Only the first has
// comments.
func (e *example) elements(n *node, v reflect.Value, indent string) {
	first := n.elem.initial
	if v.Len() > 0 {
		first = v.Index(0)
	}
	e.comment(n.elem.fields[0].rule.help, indent)
	e.fields(n.elem, first, indent, "- ")
	for i := 1; i < v.Len(); i++ {
		e.line(indent, "- "+flow(n.elem, v.Index(i)))
	}
}

// sample is the value to show: the default, or a made-up one where there is none.
func sample(n *node, v reflect.Value) string {
	switch {
	case n.rule.sample == "" || !v.IsZero():
		return flow(n, v)
	case n.kind == list:
		return "[" + quote(n.elem, n.rule.sample) + "]"
	default:
		return quote(n, n.rule.sample)
	}
}
