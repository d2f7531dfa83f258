package config

import (
	"reflect"
	"strings"

	"github.com/spf13/pflag"
)

// FlagValues holds what the command line set. It is made by AddFlags and read by Loader.
type FlagValues struct {
	overrides []override
	// broken are --set flags that name no key.
	broken []Problem
}

// AddFlags adds a flag for each single value outside lists, and --set for every key.
func AddFlags(fs *pflag.FlagSet) *FlagValues {
	values := &FlagValues{}
	schema().visit(func(n *node) {
		if n.kind != scalar || n.inList() {
			return
		}
		flag := fs.VarPF(&flagValue{values: values, node: n, text: n.text(n.initial)}, n.flag(), "", usage(n))
		if n.typ.Kind() == reflect.Bool {
			flag.NoOptDefVal = "true"
		}
	})
	fs.Var(&setFlag{values: values}, "set", "set any `key.path=value`; can be repeated")
	return values
}

// usage is the help of the flag: its first sentence, for the list of flags is long.
func usage(n *node) string {
	sentence, _, _ := strings.Cut(n.rule.help, ". ")
	return strings.TrimSuffix(sentence, ".")
}

// flagValue is the flag of one key.
type flagValue struct {
	values *FlagValues
	node   *node
	text   string
}

func (f *flagValue) String() string {
	if f.node == nil {
		return ""
	}
	return f.text
}

// Type names what the flag takes, for the help text.
func (f *flagValue) Type() string {
	if f.node.rule.form.plain {
		return "value"
	}
	return "text"
}

// Set keeps the text; its form is checked with everything else when the configuration is loaded.
func (f *flagValue) Set(text string) error {
	f.text = text
	f.values.overrides = append(f.values.overrides,
		override{where: "--" + f.node.flag(), layer: layerFlag, steps: setSteps(f.node.path), text: text})
	return nil
}

// setFlag is --set.
type setFlag struct{ values *FlagValues }

func (f *setFlag) String() string { return "" }

// Type names what the flag takes.
func (f *setFlag) Type() string { return "key.path=value" }

// Set keeps the setting; like every problem, a wrong one is reported when the configuration is loaded.
func (f *setFlag) Set(text string) error {
	path, value, ok := strings.Cut(text, "=")
	if !ok {
		f.values.broken = append(f.values.broken, Problem{Where: "--set", place: place{layer: layerFlag},
			Message: "has no =", Hint: "write --set key.path=value"})
		return nil
	}
	steps := setSteps(path)
	if steps == nil {
		f.values.broken = append(f.values.broken, setProblem(path))
		return nil
	}
	f.values.overrides = append(f.values.overrides,
		override{where: "--set", layer: layerFlag, steps: steps, text: value})
	return nil
}

// setProblem describes a way that leads to no key. Only the part up to the first unknown name is sure to be ours.
func setProblem(path string) Problem {
	p := Problem{Where: "--set", Message: "no such key", place: place{layer: layerFlag}}
	parts := strings.Split(strings.NewReplacer("[", ".", "]", "").Replace(path), ".")
	known, way := schema(), []step(nil)
	for i := range parts {
		steps := setSteps(strings.Join(parts[:i+1], "."))
		if steps == nil {
			if known.kind == section {
				advice := unknownKey(schema(), known, parts[i])
				p.Message, p.Hint = advice.message, advice.hint
				if showable(known, parts[i]) {
					p.Field = join(pathOf(way), parts[i])
				}
			}
			return p
		}
		known, way = steps[len(steps)-1].node, steps
	}
	return p
}
