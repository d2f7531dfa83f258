package config

import (
	"crypto/sha256"
	"encoding/hex"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Digest is the SHA-256, in hex, of the effective configuration: two processes with the same digest work alike. What
// the file of owners said when the configuration was loaded is part of it. Secret values are not, only where they are
// read from; nor are the templates of messages.
func (c *Config) Digest() string {
	sum := sha256.Sum256([]byte(flow(schema(), reflect.ValueOf(c).Elem()) + "\n" + c.Owners().text()))
	return hex.EncodeToString(sum[:])
}

// RestartOnly names the keys that differ between two configurations and that a reload cannot change.
func RestartOnly(before, after *Config) []string {
	var changed []string
	schema().visit(func(n *node) {
		if n.kind == section || n.inList() || !needsRestart(n.path) {
			return
		}
		if flow(n, n.in(before)) != flow(n, n.in(after)) {
			changed = append(changed, n.path)
		}
	})
	return changed
}

// in finds the node's value in a configuration. The node is not inside a list.
func (n *node) in(c *Config) reflect.Value {
	v := reflect.ValueOf(c).Elem()
	for _, s := range setSteps(n.path) {
		v = v.Field(s.node.field)
	}
	return v
}

// flow writes a value as YAML on one line. Equal texts mean equal values.
func flow(n *node, v reflect.Value) string {
	var parts []string
	switch n.kind {
	case section:
		for _, c := range n.fields {
			if field := v.Field(c.field); !n.inList() || !field.IsZero() {
				parts = append(parts, c.name+": "+flow(c, field))
			}
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case list:
		for i := range v.Len() {
			parts = append(parts, flow(n.elem, v.Index(i)))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	default:
		return quote(n, n.text(v))
	}
}

// bare are texts that mean themselves in YAML without quotes.
var bare = regexp.MustCompile(`^[A-Za-z/]([A-Za-z0-9_./@+:-]*[A-Za-z0-9_./@+-])?$`)

// unquoted are the types whose texts never need quotes.
var unquoted = []reflect.Type{reflect.TypeFor[Date](), reflect.TypeFor[Day](), reflect.TypeFor[time.Duration]()}

// quote puts text that YAML could take for something else in quotes.
func quote(n *node, text string) string {
	if n.rule.form.plain || bare.MatchString(text) || slices.Contains(unquoted, n.typ) {
		return text
	}
	return strconv.Quote(text)
}

// text writes a single value as the file does, without quotes.
func (n *node) text(v reflect.Value) string {
	switch value := v.Interface().(type) {
	case string:
		return value
	case time.Duration:
		return formatDuration(value)
	case *time.Location:
		if value == nil {
			return ""
		}
		return value.String()
	case Date:
		return value.String()
	case Day:
		return value.String()
	case Hours:
		return value.String()
	case time.Weekday:
		return weekdayNames[value]
	case bool:
		return strconv.FormatBool(value)
	case float64:
		return formatNumber(value)
	default:
		return strconv.FormatInt(v.Int(), 10)
	}
}
