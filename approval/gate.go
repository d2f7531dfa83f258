package approval

import (
	"context"
	"slices"
	"strings"
	"time"

	"jwtsunset/audit"
)

// Ledger keeps requests. What its methods do is done and recorded in one transaction, or not at all.
type Ledger interface {
	// AddRequest keeps a new request. If the credential has an open one that is given instead, and joined is true.
	AddRequest(ctx context.Context, r Request, e audit.Event) (kept Request, joined bool, err error)
	// ChangeRequest reads a request and the line, lets change alter both and writes them with the event that it gives. Its
	// error leaves both as they were, and is given back; if it is a *Refusal the event is recorded all the same. id may be
	// the beginning of an id that no other request has, or a credential's that has an open request.
	ChangeRequest(ctx context.Context, id string, change func(*Request, *Line) (audit.Event, error)) (Request, error)
	// ChangeLine is ChangeRequest for the line alone.
	ChangeLine(ctx context.Context, change func(*Line) (audit.Event, error)) (Line, error)
	// Refused records a refusal that concerns no request on record.
	Refused(ctx context.Context, e audit.Event) error
}

// Gate is where every decision is made. It is safe for concurrent use. A Policy is not changed while a Gate uses it.
type Gate struct {
	Ledger Ledger
	Policy *Policy
	Clock  func() time.Time
}

// Ask is a request as it comes in.
type Ask struct {
	Hand   Hand
	Reason string
	// NotBefore is the earliest start; zero for as soon as it may be.
	NotBefore time.Time
}

// Request asks for the migration of a credential, whose facts were read just now. Anybody whom the configuration knows
// may ask. A second request joins the one that is open.
func (g *Gate) Request(ctx context.Context, s Subject, a Ask) (r Request, joined bool, err error) {
	now := g.Clock()
	r = Request{
		ID: NewID(), Organization: s.Credential.Organization, Credential: s.Credential.ID, State: StateRequested,
		Card: NewCard(s), Reason: tidy(a.Reason), At: now, NotBefore: a.NotBefore, Method: s.Method,
		Required: g.Policy.RequiredFor(s.Credential),
	}
	r.Fingerprint = r.Card.Fingerprint()
	refusal := g.mayAsk(s, a.Hand, &r)
	event := r.event(audit.ActionMigrationRequested, refusal)
	event.Facts = append(event.Facts, audit.Number("required", int64(r.Required)))
	if refusal != nil {
		if err := g.Ledger.Refused(ctx, event); err != nil {
			return r, false, err
		}
		return r, false, refusal
	}
	return g.Ledger.AddRequest(ctx, r, event)
}

func (g *Gate) mayAsk(s Subject, h Hand, r *Request) *Refusal {
	by, refusal := g.Policy.Knows(h)
	if refusal != nil {
		return refusal
	}
	r.By = by
	if refusal := Migratable(s.Credential); refusal != nil {
		return refusal
	}
	return g.Policy.Guard(s)
}

// Knows finds who acts.
func (p *Policy) Knows(h Hand) (Signature, *Refusal) {
	person, ok := p.People.Find(h.Identity)
	if ok { // records tell people by their names
		person, ok = p.People.Named(person.Name)
	}
	if !ok {
		return Signature{}, refuse(RefusedNobody, "name the person under people, with this identity",
			"%q is not an identity of a person whom the configuration knows", h.Identity)
	}
	return Signature{person.Name, h.Door, h.Strength}, nil
}

// Verb is a decision as it comes in. Fingerprint is that of the card which the person saw.
type Verb struct {
	Kind        DecisionKind
	Hand        Hand
	Fingerprint string
	Reason      string
}

// Decide makes a decision about a request. The error is a *Refusal if the rules do not allow it, which is recorded.
func (g *Gate) Decide(ctx context.Context, id string, v Verb) (Request, error) {
	v.Reason = tidy(v.Reason)
	return g.Ledger.ChangeRequest(ctx, id, func(r *Request, line *Line) (audit.Event, error) {
		now := g.Clock()
		refusal := g.decide(r, line, v, now)
		e := r.event(actionOf(v.Kind), refusal)
		e.Facts = append(e.Facts, audit.Text("seen", v.Fingerprint), audit.Text("reason", v.Reason),
			audit.Number("approvals", int64(len(r.Approvers()))), audit.Number("required", int64(r.Required)))
		if refusal != nil {
			return e, refusal
		}
		return e, nil
	})
}

// actions are what the audit log calls decisions.
var actions = map[DecisionKind]audit.Action{
	DecisionApprove: audit.ActionMigrationApproved, DecisionDecline: audit.ActionMigrationDeclined,
	DecisionRevoke: audit.ActionMigrationRevoked, DecisionOverride: audit.ActionMigrationOverridden,
}

// actionRefused is what the audit log calls the attempt to decide what is no decision.
const actionRefused audit.Action = "decision-refused"

func actionOf(k DecisionKind) audit.Action {
	if a, ok := actions[k]; ok {
		return a
	}
	return actionRefused
}

// decide checks a decision in the order that the package promises, and makes it.
func (g *Gate) decide(r *Request, line *Line, v Verb, now time.Time) *Refusal {
	by, refusal := g.Policy.Decider(v.Hand)
	if refusal != nil {
		return refusal
	}
	if refusal := line.CheckClock(now); refusal != nil {
		return refusal
	}
	d := Decision{Kind: v.Kind, By: by, Fingerprint: v.Fingerprint, Reason: v.Reason, At: now}
	r.Expire(now)
	switch v.Kind {
	case DecisionApprove, DecisionOverride:
		refusal = g.agree(r, line, d, now)
	case DecisionDecline:
		refusal = decline(r, d, now)
	case DecisionRevoke:
		refusal = revoke(r, d, now)
	default:
		refusal = refuse(RefusedNothing, "", "there is no decision %q", v.Kind)
	}
	return refusal
}

// Decider finds who decides, and sees that deciding by this door is the person's right.
func (p *Policy) Decider(h Hand) (Signature, *Refusal) {
	if !slices.Contains(p.Doors, h.Door) {
		return Signature{}, refuse(RefusedDoor, "see approval.via", "decisions are not made by the door %q", h.Door)
	}
	by, refusal := p.Knows(h)
	if refusal != nil {
		return by, refusal
	}
	if person, ok := p.People.Named(by.Person); !ok || !person.May(RoleApprover) {
		return by, refuse(RefusedRole, "give the person the role approver", "%s is not an approver", by.Person)
	}
	return by, nil
}

// agree adds an approval, or lets a migration be finished without evidence.
func (g *Gate) agree(r *Request, line *Line, d Decision, now time.Time) *Refusal {
	switch {
	case !r.State.Open():
		return over(r)
	case r.State.Busy():
		return refuse(RefusedUnderWay, "", "the migration has begun")
	case line.Frozen != nil:
		return refuse(RefusedFrozen, "jwtsunset thaw", "nothing is approved while the line is frozen: %s", line.Frozen.Reason)
	case d.Fingerprint != r.Fingerprint: // only what was decided before the card was rebound holds on
		return refuse(RefusedStale, "look at the card again", "the facts are not those that were shown")
	case d.Kind == DecisionOverride && d.Reason == "":
		return refuse(RefusedNoReason, "say why with --reason", "an override needs a reason")
	case d.Kind == DecisionApprove && slices.Contains(r.Approvers(), d.By.Person) && !r.Expired(now):
		return refuse(RefusedTwice, "", "%s has approved it", d.By.Person)
	}
	if refusal := g.Policy.mayApprove(r, d.By); refusal != nil {
		return refusal
	}
	if d.Kind == DecisionOverride {
		return override(r, d)
	}
	if r.Expired(now) { // a staged one: what was decided before has ended, and everybody is asked again
		var later *Decision
		if o := r.Override; o != nil && !o.At.Before(r.Expires) {
			later, r.Override = o, nil
		}
		r.Reopen()
		r.Override = later
	}
	r.Decisions = append(r.Decisions, d)
	if len(r.Approvers()) >= r.Required && r.Expires.IsZero() {
		r.Expires = now.Add(g.Policy.Expires)
		if r.State == StateRequested {
			r.State = StateApproved
		}
	}
	return nil
}

// override lets a second person answer for what evidence does not show.
func override(r *Request, d Decision) *Refusal {
	if v := Verdict(first(r.Card.Fact(FactVerdict))); v.Safe() {
		return refuse(RefusedNothing, "", "the evidence says %s: nothing is to be overridden", v)
	}
	r.Override = &d
	return nil
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// mayApprove sees that somebody is neither requester nor owner.
func (p *Policy) mayApprove(r *Request, by Signature) *Refusal {
	if !p.FourEyes {
		return nil
	}
	if by.Person == r.By.Person {
		return refuse(RefusedRequester, "somebody else must approve", "%s asked for it", by.Person)
	}
	names, known := p.owners(r.Card)
	switch {
	case slices.Contains(names, by.Person):
		return refuse(RefusedOwner, "somebody else must approve", "%s owns the credential", by.Person)
	case !known && by.Door != audit.DoorCLI && r.Required < 2:
		return refuse(RefusedNoOwner, "approve on the command line, or ask for two approvals",
			"the owner is nobody whom the configuration knows, so it cannot be told whether %s is", by.Person)
	}
	return nil
}

func decline(r *Request, d Decision, now time.Time) *Refusal {
	switch {
	case !r.State.Open():
		return over(r)
	case r.State != StateRequested:
		return refuse(RefusedUnderWay, "jwtsunset revoke", "the request is %s: it can be revoked until it starts", r.State)
	case d.Reason == "":
		return refuse(RefusedNoReason, "say why with --reason", "declining needs a reason")
	}
	r.Decisions = append(r.Decisions, d)
	r.End(StateDeclined, d.Reason, now)
	return nil
}

// revoke takes an approval back before anything has begun. What is staged stays staged: taking the OAuth half away
// would break what uses it.
func revoke(r *Request, d Decision, now time.Time) *Refusal {
	switch {
	case !r.State.Open():
		return over(r)
	case r.State == StateStaged:
		r.Decisions, r.Override = append(r.Decisions, d), nil
		r.Expires = now
		return nil
	case !r.State.Pending():
		return refuse(RefusedUnderWay, "", "the migration has begun and cannot be taken back: it is %s", r.State)
	}
	r.Decisions = append(r.Decisions, d)
	r.End(StateRevoked, orElse(d.Reason, "revoked"), now)
	return nil
}

func over(r *Request) *Refusal {
	return refuse(RefusedOver, "jwtsunset request makes a new one", "the request is over: %s", r.State)
}

// Entitled checks again, right before a start and by the rules of now, that a request is approved: by people who still
// have the right, as many as the stricter of then and now asks for. It names those who count.
func (p *Policy) Entitled(r *Request, required int, now time.Time) (approvers []string, refusal *Refusal) {
	if r.Expired(now) || r.Expires.IsZero() {
		return nil, refuse(RefusedExpired, "ask for another approval", "the approval has expired")
	}
	for _, d := range r.Decisions {
		if d.Kind != DecisionApprove || !r.holds(d.Fingerprint) || slices.Contains(approvers, d.By.Person) ||
			Ahead(d.At, now) { // by a clock that ran ahead: it would hold for longer than an approval may
			continue
		}
		person, ok := p.People.Named(d.By.Person)
		if !ok || !person.May(RoleApprover) || !slices.Contains(p.Doors, d.By.Door) || p.mayApprove(r, d.By) != nil {
			continue
		}
		approvers = append(approvers, d.By.Person)
	}
	if need := max(required, r.Required); len(approvers) < need {
		return nil, refuse(RefusedRole, "ask for another approval",
			"%d of %d approvals count by the rules of now", len(approvers), need)
	}
	return approvers, nil
}

// MayStill tells whether somebody who decided something has the right to by the rules of now.
func (p *Policy) MayStill(by Signature) bool {
	person, ok := p.People.Named(by.Person)
	return ok && person.May(RoleApprover) && slices.Contains(p.Doors, by.Door)
}

// Overridden tells whether a person who may has answered for missing evidence, seeing this card. It is never one of
// those without whom the request would not be approved: a second person.
func (p *Policy) Overridden(r *Request, approvers []string, required int) bool {
	d := r.Override
	if d == nil || !r.holds(d.Fingerprint) || p.mayApprove(r, d.By) != nil {
		return false
	}
	person, ok := p.People.Named(d.By.Person)
	others := slices.DeleteFunc(slices.Clone(approvers), func(name string) bool { return name == d.By.Person })
	return ok && person.May(RoleApprover) && slices.Contains(p.Doors, d.By.Door) &&
		len(others) >= max(required, r.Required)
}

// event is what the audit log says of a request.
func (r *Request) event(a audit.Action, refusal *Refusal) audit.Event {
	e := audit.Event{
		Action: a, Result: audit.ResultOK, Before: r.Fingerprint,
		Object: audit.Object{Type: "credential", Organization: r.Organization, ID: r.Credential},
		Facts: []audit.Fact{
			audit.Text("request", r.ID), audit.Text("state", string(r.State)), audit.Text("method", string(r.Method)),
		},
	}
	if refusal != nil {
		e.Result = audit.ResultRefused
		e.Facts = append(e.Facts, audit.Text("refused", string(refusal.Reason)))
	}
	return e
}

// reasonLimit is how long a reason may be, in bytes.
const reasonLimit = 500

// tidy brings a reason to one line of bounded length.
func tidy(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > reasonLimit {
		s = strings.ToValidUTF8(s[:reasonLimit], "")
	}
	return s
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
