package approval

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"jwtsunset/credential"
)

// Subject is what is known of a credential from fresh reads, and what would be done to it. What NewCard makes facts of
// is what a decision is bound to.
type Subject struct {
	Credential credential.Credential
	Method     Method
	Verdict    Verdict
	// ProjectType is Adobe's type of the Developer Console project; "" where it was not read.
	ProjectType string
	// APIs and Profiles are what the credential may use; nil where Adobe shows neither.
	APIs, Profiles []string
	Shown          Shown
}

// Shown is what people see beside the facts. Times change without anything having changed, so nothing is bound to them.
type Shown struct {
	// Read is when the facts were read.
	Read time.Time
	// Deadline is the one that applies; its zero value is none.
	Deadline credential.Deadline
	// JWTUsed and OAuthUsed are the last uses by each grant, where Adobe shows them.
	JWTUsed, OAuthUsed time.Time
}

// Fact is one line of a card: a name, which is a constant of the program, and values from outside.
type Fact struct {
	Name   string   `json:"name"`
	Values []string `json:"values,omitempty"`
}

// Card is what people decide on, in the one form that every door renders: facts that the decision is bound to, and what
// is shown with them. All values come from outside and are to be escaped by whoever shows them.
type Card struct {
	Facts []Fact `json:"facts"`
	Shown []Fact `json:"shown"`
	// Effects say what will and will not happen, in the words of this program.
	Effects []string `json:"effects"`
}

// The names of facts.
const (
	FactOrganization = "organization"
	FactCredential   = "credential"
	FactKind         = "kind"
	FactName         = "name"
	FactOwner        = "owner"
	FactCreatedBy    = "created-by"
	FactSandboxes    = "sandboxes"
	FactAuthMethod   = "auth-method"
	FactEligible     = "eligible"
	FactActive       = "active"
	FactExcluded     = "excluded"
	FactProject      = "project"
	FactProjectType  = "project-type"
	FactWorkspace    = "workspace"
	FactIntegration  = "integration"
	FactClientID     = "client-id"
	FactStatus       = "migration-status"
	FactReadOnly     = "read-only"
	FactAPIs         = "apis"
	FactProfiles     = "product-profiles"
	FactMethod       = "method"
	FactVerdict      = "verdict"
)

// The names of what is only shown.
const (
	ShownRead         = "read-at"
	ShownCreated      = "created"
	ShownUpdated      = "last-updated"
	ShownDeadline     = "deadline"
	ShownJWTUsed      = "last-use-jwt"
	ShownOAuthUsed    = "last-use-oauth"
	ShownCertificates = "certificate-expires"
)

// NewCard makes the card of a subject. The same facts always give the same card, whatever their order was.
func NewCard(s Subject) Card {
	c := s.Credential
	return Card{
		Facts: []Fact{
			one(FactOrganization, c.Organization), one(FactCredential, c.ID), one(FactKind, string(c.Kind)),
			one(FactName, c.Name), one(FactOwner, c.Owner.AssignedTo), one(FactCreatedBy, c.Owner.CreatedBy),
			sorted(FactSandboxes, c.Sandboxes), one(FactAuthMethod, string(c.AuthMethod)),
			one(FactEligible, string(c.Eligible)), one(FactActive, strconv.FormatBool(c.Active)),
			one(FactExcluded, c.Excluded), many(FactProject, []string{c.Console.ProjectID, c.Console.ProjectName}),
			one(FactProjectType, s.ProjectType), many(FactWorkspace, []string{c.Console.WorkspaceID, c.Console.WorkspaceName}),
			one(FactIntegration, c.Console.IntegrationID), one(FactClientID, c.Console.ClientID),
			one(FactStatus, string(c.Console.Status)), one(FactReadOnly, strconv.FormatBool(c.Console.ReadOnly)),
			sorted(FactAPIs, s.APIs), sorted(FactProfiles, s.Profiles),
			one(FactMethod, string(s.Method)), one(FactVerdict, string(s.Verdict)),
		},
		Shown: []Fact{
			at(ShownRead, s.Shown.Read), at(ShownCreated, c.Created), at(ShownUpdated, c.LastUpdated),
			many(ShownDeadline, deadlineValues(s.Shown.Deadline)), at(ShownJWTUsed, s.Shown.JWTUsed),
			at(ShownOAuthUsed, s.Shown.OAuthUsed), at(ShownCertificates, c.Console.CertificateNotAfter),
		},
		Effects: s.Method.Effects(),
	}
}

func one(name, value string) Fact { return many(name, []string{value}) }

// many leaves out empty values at the end: nothing known is no value.
func many(name string, values []string) Fact {
	values = slices.Clone(values)
	for len(values) > 0 && values[len(values)-1] == "" {
		values = values[:len(values)-1]
	}
	if len(values) == 0 {
		values = nil
	}
	for i, v := range values {
		values[i] = plain(v)
	}
	return Fact{name, values}
}

// notText begins a value that is not UTF-8, and is told by its bytes.
const notText = "\ufffd"

// plain gives a value that stays as it is when it is kept as JSON, where all bytes that are not UTF-8 become one
// character. Different values stay different.
func plain(s string) string {
	if utf8.ValidString(s) && !strings.HasPrefix(s, notText) {
		return s
	}
	return notText + hex.EncodeToString([]byte(s))
}

func sorted(name string, values []string) Fact {
	return many(name, slices.Sorted(slices.Values(values)))
}

func at(name string, t time.Time) Fact {
	if t.IsZero() {
		return Fact{Name: name}
	}
	return one(name, t.UTC().Format(time.RFC3339))
}

func deadlineValues(d credential.Deadline) []string {
	if d.At.IsZero() {
		return nil
	}
	return []string{d.At.UTC().Format(time.RFC3339), d.Name}
}

// Fact gives a fact by its name, also one that is only shown.
func (c Card) Fact(name string) []string {
	for _, f := range slices.Concat(c.Facts, c.Shown) {
		if f.Name == name {
			return f.Values
		}
	}
	return nil
}

// fingerprintPrefix keeps the hash of a card from being the hash of anything else.
const fingerprintPrefix = "jwtsunset-card-v1\n"

// Fingerprint is the SHA-256 of the facts, in hexadecimal digits. What is only shown is not in it.
func (c Card) Fingerprint() string {
	text, err := json.Marshal(c.Facts)
	if err != nil { // names and values are texts, which always have a JSON form
		panic(err)
	}
	sum := sha256.Sum256(append([]byte(fingerprintPrefix), text...))
	return hex.EncodeToString(sum[:])
}

// Changed names the facts in which two cards differ, in the order of the card. One that a card lacks differs.
func (c Card) Changed(other Card) []string {
	var names []string
	for _, f := range c.Facts {
		same := func(x Fact) bool { return x.Name == f.Name && slices.Equal(x.Values, f.Values) }
		if !slices.ContainsFunc(other.Facts, same) {
			names = append(names, f.Name)
		}
	}
	for _, f := range other.Facts {
		if !slices.ContainsFunc(c.Facts, func(x Fact) bool { return x.Name == f.Name }) {
			names = append(names, f.Name)
		}
	}
	return names
}
