package notify

import (
	"slices"
	"strings"
	"time"

	"jwtsunset/credential"
)

// LookUp finds an account: by e-mail address in lower case, or by the directory's id with the prefix "id:". An error is
// a *Failure and means that nothing can be told now.
type LookUp func(identity string) (Person, error)

// byID is the identity of an account whose id is known.
func byID(id string) string { return "id:" + id }

// resolution is whom a credential's reminders go to.
type resolution struct {
	recipient Recipient
	source    Source
	// identity is the candidate that the recipient was found by; "" for a sandbox's default and the fallback.
	identity string
	refusals []Refusal
	language string
	zone     *time.Location
	// failure is set where a look-up failed: nobody else may be told in the meantime.
	failure error
}

// resolver finds recipients. It decides from what it is given and asks nobody but look.
type resolver struct {
	policy  *Policy
	look    LookUp
	refused map[Recipient]Rejection
}

// candidate is somebody whom Adobe names as an owner.
type candidate struct {
	identity string
	source   Source
}

// candidates are those that a credential names, best first. Addresses are in lower case.
func candidates(o credential.Owner) []candidate {
	var list []candidate
	add := func(identity string, s Source) {
		identity = canonical(identity)
		known := slices.ContainsFunc(list, func(c candidate) bool { return c.identity == identity })
		if identity != "" && !known {
			list = append(list, candidate{identity, s})
		}
	}
	add(o.AssignedTo, SourceAssigned)
	add(o.CreatedBy, SourceCreator)
	return list
}

// canonical is the one form of an identity. Adobe's ids end in an upper-case realm and are told apart by case.
func canonical(identity string) string {
	identity = strings.TrimSpace(identity)
	if isAdobeID(identity) {
		return identity
	}
	return lower(identity)
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

// isAdobeID tells an Adobe user id (…@AdobeID, …@1a2b3c4d.e) from an e-mail address.
func isAdobeID(identity string) bool {
	_, realm, ok := strings.Cut(identity, "@")
	return !ok || realm == "AdobeID" || strings.EqualFold(realm, "techacct.adobe.com") || strings.HasSuffix(realm, ".e")
}

// owner finds whom reminders about a credential go to: the accounts of those whom Adobe names, then the operator's list
// for them, then the default of its sandboxes, then the fallback.
func (r *resolver) owner(c credential.Credential, answers []Answer) resolution {
	named := candidates(c.Owner)
	found := resolution{source: SourceNone}
	if len(named) == 0 {
		found.refuse("", SourceAssigned, ReasonUnnamed)
	}
	named = slices.DeleteFunc(named, func(n candidate) bool {
		no := rejected(answers, n.identity)
		if no {
			found.refuse(n.identity, n.source, ReasonNotMine)
		}
		return no
	})
	for _, n := range named {
		if r.account(&found, n) || found.failure != nil {
			return found
		}
	}
	for _, n := range named {
		if target, ok := r.policy.Owners.Owner(n.identity); ok && r.target(&found, target, n.identity, SourceMapping) {
			return found
		}
		if found.failure != nil {
			return found
		}
	}
	r.nobody(&found, c)
	return found
}

// nobody finds where a credential without a reachable owner goes.
func (r *resolver) nobody(found *resolution, c credential.Credential) {
	for _, sandbox := range c.Sandboxes {
		if target, ok := r.policy.Owners.Sandbox(sandbox); ok && r.target(found, target, "", SourceSandbox) {
			return
		}
		if found.failure != nil {
			return
		}
	}
	r.fallback(found)
}

// fallback takes the channel for everything else, in its own language: not in that of a target that could not be told.
func (r *resolver) fallback(found *resolution) {
	if r.policy.Fallback.IsZero() {
		return
	}
	found.language = ""
	r.take(found, r.policy.Fallback, "", SourceFallback)
}

// account takes the account of somebody whom Adobe names, if that person can be told.
func (r *resolver) account(found *resolution, n candidate) bool {
	identity := n.identity
	if id, ok := r.policy.Owners.Account(n.identity); ok {
		identity = byID(id)
	}
	if !r.policy.Sinks[SinkSlack] {
		return r.policy.Sinks[SinkWebhook] &&
			r.take(found, Recipient{Sink: SinkWebhook, Kind: ToEndpoint, ID: n.identity}, n.identity, n.source)
	}
	switch {
	case isAdobeID(n.identity) && identity == n.identity:
		found.refuse(n.identity, n.source, ReasonNoMapping)
		return false
	case identity == n.identity && !r.policy.ours(n.identity):
		found.refuse(n.identity, n.source, ReasonExternalDomain)
		return false
	}
	return r.person(found, identity, n.identity, n.source)
}

// person takes an account if it is one that can be told.
func (r *resolver) person(found *resolution, looked, identity string, source Source) bool {
	p, err := r.look(looked)
	if err != nil {
		found.failure = err
		return false
	}
	if reason := r.unfit(p); reason != "" {
		found.refuse(identity, source, reason)
		return false
	}
	if !r.take(found, Recipient{Sink: SinkSlack, Kind: ToUser, ID: p.ID}, identity, source) {
		return false
	}
	found.zone = p.Location(r.policy.Zone)
	if found.language == "" {
		found.language = p.Locale
	}
	return true
}

// unfit says why an account cannot be told; "" if it can.
func (r *resolver) unfit(p Person) Reason {
	switch p.Standing {
	case StandingActive:
		return ""
	case StandingGuest:
		if r.policy.Guests {
			return ""
		}
		return ReasonGuest
	case StandingDeactivated:
		return ReasonDeactivated
	case StandingBot:
		return ReasonBot
	case StandingExternal:
		return ReasonExternal
	case StandingAmbiguous:
		return ReasonAmbiguous
	default:
		return ReasonNotFound
	}
}

// target takes what the operator mapped something to.
func (r *resolver) target(found *resolution, t Target, identity string, source Source) bool {
	found.language = t.Language
	switch {
	case t.User != "":
		return r.slack() && r.person(found, byID(t.User), orElse(identity, t.User), source)
	case t.Email != "":
		return r.slack() && r.person(found, canonical(t.Email), orElse(identity, t.Email), source)
	case t.Channel != "":
		to := Recipient{Sink: SinkSlack, Kind: ToChannel, ID: t.Channel, Group: t.Group}
		return r.slack() && r.take(found, to, identity, source)
	case t.Endpoint:
		to := Recipient{Sink: SinkWebhook, Kind: ToEndpoint, ID: orElse(identity, string(source))}
		return r.policy.Sinks[SinkWebhook] && r.take(found, to, identity, source)
	}
	return false
}

func (r *resolver) slack() bool { return r.policy.Sinks[SinkSlack] }

// take makes a recipient the answer, unless the sink refused it lately.
func (r *resolver) take(found *resolution, to Recipient, identity string, source Source) bool {
	if _, refused := r.refused[to]; refused {
		found.refuse(orElse(identity, to.String()), source, ReasonRefused)
		return false
	}
	found.recipient, found.identity, found.source, found.zone = to, identity, source, r.policy.Zone
	if language, ok := r.policy.Owners.Language(identity); ok {
		found.language = language
	}
	return true
}

// manager finds who is told when the owner leaves reminders unanswered.
func (r *resolver) manager(owner resolution) resolution {
	found := resolution{source: SourceNone}
	if target, ok := r.policy.Owners.Manager(owner.identity); ok && r.target(&found, target, "", SourceMapping) {
		return found
	}
	if found.failure == nil {
		r.fallback(&found)
	}
	return found
}

func (f *resolution) refuse(candidate string, s Source, r Reason) {
	f.refusals = append(f.refusals, Refusal{Candidate: candidate, Source: s, Reason: r})
}

// named tells whether Adobe or the operator names an owner at all.
func (f *resolution) named() bool {
	return f.source.Known() || slices.ContainsFunc(f.refusals, func(r Refusal) bool { return r.Reason != ReasonUnnamed })
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
