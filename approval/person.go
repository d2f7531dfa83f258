package approval

import (
	"slices"
	"strings"

	"jwtsunset/audit"
)

// Identity is how somebody was recognized: a scheme and what it calls the person, as in os:ana, oidc:ISSUER|SUBJECT,
// slack:U123, adobe:…@AdobeID and email:ana@example.com.
type Identity string

// The schemes of identities.
const (
	SchemeOS    = "os"
	SchemeOIDC  = "oidc"
	SchemeSlack = "slack"
	SchemeAdobe = "adobe"
	SchemeEmail = "email"
)

// IdentityOf joins a scheme and a name into one spelling. Addresses and Adobe ids are compared without regard to the
// case of ASCII letters; no name is no identity.
func IdentityOf(scheme, name string) Identity {
	name = strings.TrimSpace(name)
	if name == "" {
		return ""
	}
	if scheme == SchemeEmail || scheme == SchemeAdobe {
		name = lower(name)
	}
	return Identity(scheme + ":" + name)
}

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

// Role is what a person may do.
type Role string

// The roles.
const (
	// RoleApprover may approve, decline and revoke, freeze and thaw.
	RoleApprover Role = "approver"
)

// Person is one person with all identities. Four eyes are compared by person, never by account.
type Person struct {
	Name       string
	Identities []Identity
	Roles      []Role
}

// May tells whether the person has a role.
func (p Person) May(r Role) bool { return slices.Contains(p.Roles, r) }

// People are all persons that the configuration knows. An identity that belongs to nobody decides nothing.
type People []Person

// Find gives the person with an identity. One that two persons have belongs to nobody.
func (p People) Find(id Identity) (Person, bool) {
	found := -1
	for i := range p {
		if id == "" || !slices.Contains(p[i].Identities, id) {
			continue
		}
		if found >= 0 {
			return Person{}, false
		}
		found = i
	}
	if found < 0 {
		return Person{}, false
	}
	return p[found], true
}

// Named gives the person of a name. One that two persons have is nobody's.
func (p People) Named(name string) (Person, bool) {
	is := func(x Person) bool { return x.Name == name }
	i := slices.IndexFunc(p, is)
	if i < 0 || name == "" || slices.ContainsFunc(p[i+1:], is) {
		return Person{}, false
	}
	return p[i], true
}

// Hand is somebody who acts: who it is, by which door, and what the identity rests on.
type Hand struct {
	Identity Identity
	Door     audit.Door
	Strength audit.Strength
}

// Signature is who did something. Person is the configured name; it is empty for the program itself.
type Signature struct {
	Person   string         `json:"person"`
	Door     audit.Door     `json:"door"`
	Strength audit.Strength `json:"strength"`
}
