package slack

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// maxProblems bounds how many problems of one message are told.
const maxProblems = 100

// validator collects what is wrong with blocks, in Slack's words where those are known, each with its place.
type validator struct {
	problems []string
	blockIDs map[string]bool
	// actionIDs are those of the block at hand.
	actionIDs map[string]bool
}

func (v *validator) problem(at, format string, args ...any) {
	if len(v.problems) < maxProblems {
		v.problems = append(v.problems, fmt.Sprintf(format, args...)+" [json-pointer:"+at+"]")
	}
}

// unique notes an id among those seen before.
func (v *validator) unique(seen map[string]bool, at, name string, value any) {
	object, _ := value.(map[string]any)
	id, _ := object[name].(string)
	if id != "" && seen[id] {
		v.problem(at+"/"+name, "`%s` already exists: %s", name, id)
	}
	seen[id] = true
}

// rule checks one value of a kind that Slack documents.
type rule func(v *validator, at string, value any)

// member is one property of an object.
type member struct {
	rule     rule
	required bool
}

// must and may make members.
func must(r rule) member { return member{r, true} }
func may(r rule) member  { return member{r, false} }

// shape is an object with these members and no others.
type shape map[string]member

func (s shape) check(v *validator, at string, value any) {
	object, ok := value.(map[string]any)
	if !ok {
		v.problem(at, "must provide an object")
		return
	}
	for _, name := range slices.Sorted(maps.Keys(s)) {
		if inner, given := object[name]; given {
			s[name].rule(v, at+"/"+pointer(name), inner)
		} else if s[name].required {
			v.problem(at, "missing required field: %s", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if _, known := s[name]; !known {
			v.problem(at, "invalid additional property: %s", name)
		}
	}
}

// pointer escapes a name for a JSON pointer.
func pointer(name string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(name) }

// str is a text of least to most UTF-16 units.
func str(least, most int) rule {
	return func(v *validator, at string, value any) {
		text, ok := value.(string)
		switch n := units(text); {
		case !ok:
			v.problem(at, "must provide a string")
		case n < least:
			v.problem(at, "must be more than %d characters", least-1)
		case n > most:
			v.problem(at, "must be less than %d characters", most+1)
		}
	}
}

func boolean(v *validator, at string, value any) {
	if _, ok := value.(bool); !ok {
		v.problem(at, "must provide a boolean")
	}
}

func integer(v *validator, at string, value any) {
	number, ok := value.(json.Number)
	if _, err := number.Int64(); !ok || err != nil {
		v.problem(at, "must be an integer")
	}
}

func oneOf(allowed ...string) rule {
	return func(v *validator, at string, value any) {
		if text, ok := value.(string); !ok || !slices.Contains(allowed, text) {
			v.problem(at, "must be a valid enum value")
		}
	}
}

// address is an absolute URL that a browser opens.
func address(v *validator, at string, value any) {
	str(1, 3000)(v, at, value)
	text, _ := value.(string)
	if !strings.HasPrefix(text, "https://") && !strings.HasPrefix(text, "http://") {
		v.problem(at, "must be a valid url")
	}
}

// list is an array of least to most items.
func list(least, most int, item rule) rule {
	return func(v *validator, at string, value any) {
		items, ok := value.([]any)
		switch {
		case !ok:
			v.problem(at, "must provide an array")
			return
		case len(items) < least:
			v.problem(at, "no less than %d items allowed", least)
		case len(items) > most:
			v.problem(at, "no more than %d items allowed", most)
			return
		}
		for i, inner := range items {
			item(v, at+"/"+strconv.Itoa(i), inner)
		}
	}
}

// byType chooses a rule by the property type.
func byType(kinds map[string]rule) rule {
	return func(v *validator, at string, value any) {
		object, ok := value.(map[string]any)
		if !ok {
			v.problem(at, "must provide an object")
			return
		}
		kind, given := object["type"].(string)
		if !given {
			v.problem(at, "missing required field: type")
			return
		}
		r, known := kinds[kind]
		if !known {
			v.problem(at+"/type", "unsupported type: %.100s", kind)
			return
		}
		r(v, at, value)
	}
}

// decodeJSON reads one JSON value, its numbers as written.
func decodeJSON(raw []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, fmt.Errorf("more than one JSON value")
	}
	return value, nil
}

// walk visits every object within a value, in an order that is always the same.
func walk(value any, at string, visit func(at string, object map[string]any)) {
	switch value := value.(type) {
	case []any:
		for i, inner := range value {
			walk(inner, at+"/"+strconv.Itoa(i), visit)
		}
	case map[string]any:
		visit(at, value)
		for _, name := range slices.Sorted(maps.Keys(value)) {
			walk(value[name], at+"/"+pointer(name), visit)
		}
	}
}
