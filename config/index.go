package config

import (
	"path"
	"strings"
)

// index finds the first of many rules that matches a text.
type index struct {
	rules []Rule
	// has tells which of the rules are in the index.
	has func(Rule) bool
	// exact are the rules for one single text, by that text; patterns are the others, in their order.
	exact    map[string]int
	patterns []numbered
}

// numbered is a pattern, folded, with the number of its rule.
type numbered struct {
	pattern string
	rule    int
}

func newIndex(rules []Rule, has func(Rule) bool) index {
	x := index{rules: rules, has: has, exact: map[string]int{}}
	for i, r := range rules {
		if !has(r) || r.Match == "" {
			continue
		}
		if isGlob(r.Match) {
			x.patterns = append(x.patterns, numbered{fold(r.Match), i})
			continue
		}
		if _, twice := x.exact[fold(r.Match)]; !twice {
			x.exact[fold(r.Match)] = i
		}
	}
	return x
}

// find gives the number of the first rule that matches.
func (x index) find(text string) (int, bool) {
	if text == "" {
		return 0, false
	}
	text = fold(text)
	best, found := x.exact[text]
	for _, p := range x.patterns {
		if found && p.rule > best {
			break
		}
		// Patterns were checked when they were read.
		if ok, err := path.Match(p.pattern, text); ok && err == nil {
			return p.rule, true
		}
	}
	return best, found
}

func (x index) first(text string) (Rule, bool) {
	i, ok := x.find(text)
	if !ok {
		return Rule{}, false
	}
	return x.rules[i], true
}

// isGlob tells whether a pattern can match more than one text, or matches another one than itself.
func isGlob(pattern string) bool { return strings.ContainsAny(pattern, `*?[\`) }

// fold makes texts equal that differ in case only, and / a character like any other.
func fold(text string) string { return strings.ReplaceAll(lower(text), "/", "\x00") }

// lower lowers ASCII letters only: by Unicode's rules letters of other scripts become ASCII ones, and so one person's
// address another's.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}
