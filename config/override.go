package config

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

const (
	envPrefix = "JWTSUNSET_"
	// envFile names the configuration file to the commands; it is not a key.
	envFile = envPrefix + "CONFIG"
)

// step is one part of the way from the root to a key: the node reached, and its number in a list.
type step struct {
	node  *node
	index int
}

// override is one value from the environment or from a flag.
type override struct {
	where string
	layer layer
	steps []step
	text  string
}

// target is the node that the override sets.
func (o override) target() *node { return o.steps[len(o.steps)-1].node }

// path is the way with the numbers of elements.
func pathOf(steps []step) string {
	var path string
	for _, s := range steps {
		if s.node.name == "" {
			path += "[" + strconv.Itoa(s.index) + "]"
			continue
		}
		path = join(path, s.node.name)
	}
	return path
}

// compareSteps orders overrides: sections before their keys, elements by number.
func compareSteps(a, b []step) int {
	return slices.CompareFunc(a, b, func(x, y step) int {
		return cmp.Or(cmp.Compare(x.node.path, y.node.path), cmp.Compare(x.index, y.index))
	})
}

// environment reads the variables that begin with the prefix.
func (l *loading) environment(environ []string) []override {
	var found []override
	for _, pair := range environ {
		name, text, ok := strings.Cut(pair, "=")
		if !ok || !strings.HasPrefix(name, envPrefix) || name == envFile {
			continue
		}
		steps := envSteps(schema(), strings.TrimPrefix(name, envPrefix), nil)
		switch {
		case steps == nil && clusterVariable.MatchString(name):
			continue
		case steps == nil:
			l.unknown[name] = envProblem(name)
			continue
		}
		found = append(found, override{where: name, layer: layerEnv, steps: steps, text: text})
	}
	slices.SortStableFunc(found, func(a, b override) int { return compareSteps(a.steps, b.steps) })
	return found
}

// clusterVariable matches what Kubernetes sets in every pod beside a service that is called jwtsunset: the addresses of
// that service, which have nothing to do with us. No key has such a name.
var clusterVariable = regexp.MustCompile(
	`^JWTSUNSET_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`)

// envSteps finds the way that the rest of a variable's name spells; nil if there is none. Names of keys hold
// underscores too, so every key that fits is tried; a test sees to it that at most one does.
func envSteps(n *node, rest string, way []step) []step {
	if rest == "" {
		return way
	}
	if n.kind == list {
		number, after, _ := strings.Cut(rest, "_")
		index, ok := elementNumber(number)
		if !ok {
			return nil
		}
		return envSteps(n.elem, after, append(slices.Clone(way), step{n.elem, index}))
	}
	for _, c := range n.fields {
		after, ok := strings.CutPrefix(rest, envWord(c.name))
		if !ok || (after != "" && after[0] != '_') {
			continue
		}
		next := append(slices.Clone(way), step{node: c})
		if steps := envSteps(c, strings.TrimPrefix(after, "_"), next); steps != nil {
			return steps
		}
	}
	return nil
}

// envWord is a key as it stands in a variable's name.
func envWord(name string) string { return strings.ToUpper(strings.ReplaceAll(name, "-", "_")) }

func elementNumber(text string) (int, bool) {
	n, err := strconv.ParseUint(text, 10, 16)
	return int(n), err == nil && strconv.FormatUint(n, 10) == text
}

// numbers are the numbers of elements in the name of a variable.
var numbers = regexp.MustCompile(`_[0-9]+_`)

// envProblem describes a variable that names no key.
func envProblem(name string) Problem {
	p := Problem{Where: name, Message: "no such key", place: place{layer: layerEnv}}
	var known []string
	schema().visit(func(n *node) {
		if n.path != "" && n.name != "" {
			known = append(known, strings.ToLower(n.env()))
		}
	})
	lower := strings.ToLower(name)
	// An inline secret is told first: its nearest neighbour may be another key.
	for _, tail := range []string{"_file", "_env"} {
		if slices.Contains(known, numbers.ReplaceAllString(lower, "_<n>_")+tail) {
			p.Message = inlineMessage
			p.Hint = "set " + name + "_FILE or " + name + "_ENV"
			return p
		}
	}
	if best := nearest(numbers.ReplaceAllString(lower, "_<n>_"), known); best != "" {
		p.Hint = "did you mean " + strings.ToUpper(best) + "?"
		return p
	}
	if secretLike(name) {
		p.Hint = "a variable that holds a secret is named by a key such as organizations[N].client_secret_env"
	}
	return p
}

// setSteps reads the way that --set spells: adobe.concurrency, organizations[0].name or organizations.0.name.
func setSteps(path string) []step {
	path = strings.NewReplacer("[", ".", "]", "").Replace(path)
	n := schema()
	var way []step
	for part := range strings.SplitSeq(path, ".") {
		var next step
		if n.kind == section {
			next.node = n.child(part)
		}
		if index, ok := elementNumber(part); ok && n.kind == list {
			next = step{n.elem, index}
		}
		if next.node == nil {
			return nil
		}
		way, n = append(way, next), next.node
	}
	return way
}

// apply puts the override into the tree.
func (l *loading) apply(root *yaml.Node, o override) {
	value, err := overrideValue(o)
	if err != nil {
		l.refuse(o, o.steps, err)
		return
	}
	at := root
	for i, s := range o.steps {
		next := l.slot(at, s, o, i)
		if next == nil {
			return
		}
		at = next
	}
	l.mark(value, o)
	l.merge(at, value)
}

// refuse reports a problem of an override.
func (l *loading) refuse(o override, steps []step, err error) {
	p := Problem{Where: o.where, Field: pathOf(steps), Message: err.Error(), place: place{layer: o.layer}}
	var syntax *syntaxError
	if errors.As(err, &syntax) {
		p.Hint = syntax.hint
	}
	l.add(p)
}

// slot is the node of the next step, made where the tree does not have it yet. It is nil where the tree has something
// else, which is reported with the file's other problems, or after a problem of the override.
func (l *loading) slot(at *yaml.Node, s step, o override, i int) *yaml.Node {
	if s.node.name != "" {
		if !l.become(at, yaml.MappingNode, o) {
			return nil
		}
		if v := lookup(at, s.node.name); v != nil {
			return v
		}
		key, v := &yaml.Node{Kind: yaml.ScalarNode, Value: s.node.name}, &yaml.Node{}
		at.Content = append(at.Content, key, v)
		l.mark(key, o)
		l.mark(v, o)
		return v
	}
	absent := at.Kind != yaml.SequenceNode
	if !l.become(at, yaml.SequenceNode, o) {
		return nil
	}
	if absent {
		l.fill(at, o.steps[i-1].node, o)
	}
	if s.index > len(at.Content) || s.index >= l.listLimit {
		l.refuse(o, o.steps[:i+1], fmt.Errorf("the number of the next element is %d", len(at.Content)))
		return nil
	}
	if s.index == len(at.Content) {
		v := &yaml.Node{}
		l.mark(v, o)
		at.Content = append(at.Content, v)
	}
	return at.Content[s.index]
}

// become makes an empty collection of a node that has nothing yet; false if it has something else.
func (l *loading) become(at *yaml.Node, kind yaml.Kind, o override) bool {
	if at.Kind == 0 || at.Tag == "!!null" {
		*at = yaml.Node{Kind: kind}
		l.mark(at, o)
	}
	return at.Kind == kind
}

// fill starts a list that the file does not have with its defaults, so that single elements of them can be changed.
func (l *loading) fill(at *yaml.Node, n *node, o override) {
	if n.inList() || n.initial.Len() == 0 {
		return
	}
	defaults, err := parseTree([]byte(flow(n, n.initial)))
	if err != nil || defaults == nil {
		panic("the default of " + n.path + " is not YAML")
	}
	l.mark(defaults, o)
	at.Content = defaults.Content
}

// mark records for a node and all below it which override it came from.
func (l *loading) mark(y *yaml.Node, o override) {
	l.origin[y] = o
	for _, c := range y.Content {
		l.mark(c, o)
	}
}

// overrideValue reads the text of an override: as it stands for a single value, as YAML for lists and sections.
func overrideValue(o override) (*yaml.Node, error) {
	if o.target().kind == scalar {
		return &yaml.Node{Kind: yaml.ScalarNode, Value: o.text}, nil
	}
	if len(o.text) > fileLimit {
		return nil, fmt.Errorf("longer than %d bytes", fileLimit)
	}
	value, err := parseTree([]byte(o.text))
	if err != nil {
		return nil, err
	}
	if value == nil {
		return nil, fmt.Errorf("has no value; write %s in YAML", o.target().kind)
	}
	return value, nil
}

// merge puts value in the place of at. Sections are merged key by key, everything else is replaced.
func (l *loading) merge(at, value *yaml.Node) {
	if at.Kind != yaml.MappingNode || value.Kind != yaml.MappingNode {
		*at = *value
		l.origin[at] = l.origin[value]
		return
	}
	for i := 0; i+1 < len(value.Content); i += 2 {
		if old := lookup(at, value.Content[i].Value); old != nil {
			l.merge(old, value.Content[i+1])
			continue
		}
		at.Content = append(at.Content, value.Content[i], value.Content[i+1])
	}
}

// lookup finds the value of a key; nil if the mapping does not have it.
func lookup(mapping *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Kind == yaml.ScalarNode && mapping.Content[i].Value == key {
			return mapping.Content[i+1]
		}
	}
	return nil
}
