package approval

import (
	"path"
	"slices"
	"strings"
	"time"

	"jwtsunset/audit"
	"jwtsunset/credential"
)

// Policy is who may decide what, as the configuration says.
type Policy struct {
	People People
	// Doors are those by which decisions can be made.
	Doors []audit.Door
	// Required is how many people must approve; Sandboxes can ask for more.
	Required  int
	Sandboxes []SandboxRule
	// FourEyes rules out the requester and the owner as approvers.
	FourEyes bool
	// Expires is how long an approval holds.
	Expires time.Duration
	// Deny are the credentials that must not be touched.
	Deny []DenyRule
	// Methods gives the method for each kind of credential.
	Methods   map[credential.Kind]Method
	Deadlines []credential.Deadline
	Judgement Judgement
}

// SandboxRule asks for more approvals where a credential is in a sandbox. Match is a pattern of path.Match in which /
// is a character like any other.
type SandboxRule struct {
	Match    string
	Required int
}

// DenyRule keeps credentials from being migrated by this program. What is not empty must match.
type DenyRule struct {
	Credential, Name, Project, Sandbox string
	Reason                             string
}

// RequiredFor is how many people must approve the migration of a credential.
func (p *Policy) RequiredFor(c credential.Credential) int {
	n := max(p.Required, 1)
	for _, rule := range p.Sandboxes {
		for _, s := range c.Sandboxes {
			if matches(rule.Match, s) {
				n = max(n, rule.Required)
			}
		}
	}
	return n
}

// matches compares without regard to the case of ASCII letters. A pattern that cannot be read matches everything: the
// rules of this package only make things harder.
func matches(pattern, text string) bool {
	fold := func(s string) string { return strings.ReplaceAll(lower(s), "/", "\x00") }
	ok, err := path.Match(fold(pattern), fold(text))
	return ok || err != nil
}

// MethodFor is how a credential would be migrated. A Query Service credential that the Developer Console knows as well
// is migrated by the method for Query Service.
func (p *Policy) MethodFor(c credential.Credential) (Method, *Refusal) {
	m, ok := p.Methods[c.Kind]
	if !ok || m == "" {
		return "", refuse(RefusedMethod, "see migrator.methods", "no method is configured for credentials of kind %s", c.Kind)
	}
	if m == MethodConsole && !c.Console.Matched() {
		return "", refuse(RefusedMethod, "use the method guided", "the Developer Console does not know the credential")
	}
	return m, nil
}

// Guard says why a credential must not be migrated by this program, whoever asks: nil if it may be.
func (p *Policy) Guard(s Subject) *Refusal {
	c := s.Credential
	for _, d := range p.Deny {
		if d.matches(c) {
			return refuse(RefusedGuarded, "see migrator.deny",
				"the credential is on the list of those not to be touched: %s", d.Reason)
		}
	}
	switch {
	case c.Console.ReadOnly:
		return refuse(RefusedGuarded, "Adobe migrates it by itself, or an administrator of the product does",
			"the credential's integration is read-only")
	case protectedProject(s.ProjectType):
		return refuse(RefusedGuarded, "Adobe migrates it by itself",
			"the project is of the type %q, which was made automatically", s.ProjectType)
	}
	return nil
}

func (d DenyRule) matches(c credential.Credential) bool {
	if d.Credential == "" && d.Name == "" && d.Project == "" && d.Sandbox == "" {
		return false
	}
	in := func(s string) bool { return matches(d.Sandbox, s) }
	return (d.Credential == "" || matches(d.Credential, c.ID)) && (d.Name == "" || matches(d.Name, c.Name)) &&
		(d.Project == "" || matches(d.Project, c.Console.ProjectName) || matches(d.Project, c.Console.ProjectID)) &&
		(d.Sandbox == "" || slices.ContainsFunc(c.Sandboxes, in))
}

// protectedProject tells projects that Adobe makes and migrates by itself. The types that Adobe documents for projects
// of people are "default" and "jaeger"; another word is taken for one of Adobe's own.
func protectedProject(kind string) bool {
	return kind != "" && kind != "default" && kind != "jaeger"
}

// Migratable says why there is nothing to do for a credential: nil if there is.
func Migratable(c credential.Credential) *Refusal {
	switch {
	case c.State() == credential.StateGone:
		return refuse(RefusedNothing, "", "the credential is gone: Adobe does not list it any more")
	case c.State() == credential.StateMigrated:
		return refuse(RefusedNothing, "", "the credential is on OAuth already")
	case c.Excluded != "":
		return refuse(RefusedGuarded, "see scan.exclude", "the configuration excludes the credential: %s", c.Excluded)
	case c.Eligible == credential.EligibleNo && !c.Console.ReadOnly: // Guard says more of a read-only one
		return refuse(RefusedNothing, "", "Adobe says that the credential is not eligible for migration")
	}
	return nil
}

// owners are the persons who own a credential. known is false if somebody whom Adobe names is nobody here, or if it
// names nobody: then an approver cannot be told from the owner.
func (p *Policy) owners(c Card) (names []string, known bool) {
	known = true
	for name, scheme := range map[string]string{FactOwner: SchemeEmail, FactCreatedBy: SchemeAdobe} {
		for _, value := range c.Fact(name) {
			person, ok := p.People.Find(IdentityOf(scheme, value))
			if !ok {
				known = false
				continue
			}
			names = append(names, person.Name)
		}
	}
	return names, known && len(names) > 0
}
