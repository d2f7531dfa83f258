package scanner

import (
	"fmt"
	"path"
	"strings"

	"jwtsunset/credential"
)

// Rules say what a scan leaves out. Everything left out is listed in the scan's record.
type Rules struct {
	// IncludeSandboxes are globs; if there are any, other sandboxes are left out.
	IncludeSandboxes []string
	Exclude          []ExcludeRule
}

// ExcludeRule leaves out what its one matcher matches. Matchers are globs in the sense of path.Match, without regard
// to case.
type ExcludeRule struct {
	Sandbox, Credential, Name, Owner string
	// Reason is the operator's own sentence, shown wherever the exclusion is.
	Reason string
}

// String is the rule as it is shown in records.
func (r ExcludeRule) String() string {
	matcher := ""
	for _, m := range []struct{ key, glob string }{
		{"sandbox", r.Sandbox}, {"credential", r.Credential}, {"name", r.Name}, {"owner", r.Owner},
	} {
		if m.glob != "" {
			matcher = m.key + " " + m.glob
		}
	}
	return fmt.Sprintf("exclude %s (%s)", matcher, r.Reason)
}

// sandbox gives the rule that leaves a sandbox out, or "".
func (r Rules) sandbox(name string) string {
	if len(r.IncludeSandboxes) > 0 && !matchesAny(r.IncludeSandboxes, name) {
		return "not among the included sandboxes"
	}
	for _, rule := range r.Exclude {
		if matches(rule.Sandbox, name) {
			return rule.String()
		}
	}
	return ""
}

// credential gives the rule that leaves a credential out, or "".
func (r Rules) credential(c credential.Credential) string {
	for _, rule := range r.Exclude {
		if matches(rule.Credential, c.ID) || matches(rule.Name, c.Name) || matches(rule.Owner, c.Owner.String()) {
			return rule.String()
		}
	}
	return ""
}

func matchesAny(globs []string, text string) bool {
	for _, g := range globs {
		if matches(g, text) {
			return true
		}
	}
	return false
}

// matches is false for an empty glob. Globs were checked when the configuration was read.
func matches(glob, text string) bool {
	if glob == "" {
		return false
	}
	// A "/" in a name is a character like any other here.
	hide := strings.NewReplacer("/", "\x00")
	ok, err := path.Match(strings.ToLower(hide.Replace(glob)), strings.ToLower(hide.Replace(text)))
	return err == nil && ok
}
