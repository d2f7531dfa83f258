package report

import (
	"fmt"
	"slices"
	"strings"

	"jwtsunset/credential"
)

// Filter chooses credentials. An empty list or text chooses all; several values of one field are alternatives, and all
// fields must match.
type Filter struct {
	Organizations []string                `json:"organizations,omitempty"`
	Sandboxes     []string                `json:"sandboxes,omitempty"`
	States        []credential.State      `json:"states,omitempty"`
	Kinds         []credential.Kind       `json:"kinds,omitempty"`
	AuthMethods   []credential.AuthMethod `json:"auth_methods,omitempty"`
	// Owner is a pattern of the owner in which * stands for any text and ? for one character; case does not count.
	// NoOwner chooses the credentials of which no owner is known.
	Owner string `json:"owner,omitempty"`
}

// NoOwner is the pattern of the credentials without a known owner, as tables show them.
const NoOwner = "-"

// IsZero tells whether the filter chooses everything.
func (f Filter) IsZero() bool {
	return len(f.Organizations) == 0 && len(f.Sandboxes) == 0 && len(f.States) == 0 && len(f.Kinds) == 0 &&
		len(f.AuthMethods) == 0 && f.Owner == ""
}

// Validate refuses states, kinds and auth methods that do not exist, and names those that do.
func (f Filter) Validate() error {
	if err := known("state", f.States, credential.States()); err != nil {
		return err
	}
	if err := known("kind", f.Kinds, credential.Kinds()); err != nil {
		return err
	}
	return known("auth method", f.AuthMethods, credential.AuthMethods())
}

func known[T ~string](what string, given, all []T) error {
	for _, v := range given {
		if !slices.Contains(all, v) {
			return fmt.Errorf("unknown %s %q: use one of %s", what, string(v), join(all, ", "))
		}
	}
	return nil
}

func join[T ~string](values []T, separator string) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = string(v)
	}
	return strings.Join(texts, separator)
}

// Match tells whether the filter chooses the credential.
func (f Filter) Match(c credential.Credential) bool {
	return anyOf(f.Organizations, c.Organization) && anyOf(f.States, c.State()) && anyOf(f.Kinds, c.Kind) &&
		anyOf(f.AuthMethods, c.AuthMethod) && f.matchSandbox(c.Sandboxes) && f.matchOwner(c.Owner.String())
}

func anyOf[T comparable](wanted []T, v T) bool { return len(wanted) == 0 || slices.Contains(wanted, v) }

func (f Filter) matchSandbox(sandboxes []string) bool {
	return len(f.Sandboxes) == 0 ||
		slices.ContainsFunc(sandboxes, func(s string) bool { return slices.Contains(f.Sandboxes, s) })
}

func (f Filter) matchOwner(owner string) bool {
	switch f.Owner {
	case "":
		return true
	case NoOwner:
		return owner == ""
	default:
		return glob(strings.ToLower(f.Owner), strings.ToLower(owner))
	}
}

// glob matches * and ?. After a failure it goes back to the last star only, so the time is at most the product of the
// two lengths.
func glob(pattern, text string) bool {
	p, t := []rune(pattern), []rune(text)
	star, resume := -1, 0
	i, j := 0, 0
	for j < len(t) {
		switch {
		case i < len(p) && p[i] == '*':
			star, resume = i, j
			i++
		case i < len(p) && (p[i] == '?' || p[i] == t[j]):
			i++
			j++
		case star >= 0:
			resume++
			i, j = star+1, resume
		default:
			return false
		}
	}
	for i < len(p) && p[i] == '*' {
		i++
	}
	return i == len(p)
}

// Select narrows the report to the credentials that f chooses. Organizations that f does not name are left out
// altogether; of the others the record of the scan stays whole.
func (r Report) Select(f Filter) Report {
	var chosen []Organization
	for _, o := range r.Organizations {
		if !anyOf(f.Organizations, o.Name) {
			continue
		}
		var match []credential.Credential
		for _, c := range o.Credentials {
			if f.Match(c) {
				match = append(match, c)
			}
		}
		o.Credentials = match
		chosen = append(chosen, o)
	}
	r.Organizations, r.Selection = chosen, f
	return r
}
