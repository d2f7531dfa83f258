package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"jwtsunset/approval"
	"jwtsunset/credential"
	"jwtsunset/migrator"
	"jwtsunset/notify"
	"jwtsunset/store"
)

// This file says in a notice what news are.

func lineNotice(n tiding) *notify.Notice {
	notice := &notify.Notice{Kind: n.kind, Why: n.line.Stopped}
	if f := n.line.Frozen; n.kind == notify.NoticeFrozen {
		notice.By, notice.Why, notice.New = f.By.Person, "", f.New
		if f.By.Person != "" {
			notice.Why = f.Reason
		}
	}
	return notice
}

func migrationNotice(n tiding) *notify.Notice {
	m := n.migration
	notice := &notify.Notice{
		Kind: n.kind, Request: m.ID, Method: string(m.Method), Verdict: first(m.Card.Fact(approval.FactVerdict)),
		Name: first(m.Card.Fact(approval.FactName)), Requester: m.By.Person, By: decider(m, n.kind), Why: m.Why,
		Approvals: len(m.Approvers()), Required: m.Required, Facts: cardFacts(m.Card, n.kind), Effects: m.Card.Effects,
		Attested: m.Proof == migrator.ProofAttested, Outside: m.Origin == migrator.OriginOutside,
	}
	switch n.kind {
	case notify.NoticeRequested:
		notice.Why = m.Reason
	case notify.NoticeHandedOut:
		notice.Until = m.Last().Until
	case notify.NoticeMigrated:
		notice.Until = m.WatchedUntil
	default: // nothing else is to be known
	}
	return notice
}

// decider is who declined or revoked.
func decider(m *migrator.Migration, k notify.NoticeKind) string {
	kinds := map[notify.NoticeKind][]approval.DecisionKind{
		notify.NoticeDeclined: {approval.DecisionDecline},
		notify.NoticeRevoked:  {approval.DecisionRevoke, approval.DecisionCancel},
	}[k]
	if k == notify.NoticeRevoked && m.Cancel != nil {
		return m.Cancel.By.Person
	}
	for _, d := range slices.Backward(m.Decisions) {
		if slices.Contains(kinds, d.Kind) {
			return d.By.Person
		}
	}
	return ""
}

// cardFacts are the facts of a card: all of them for a decision, else those by which a credential is known.
func cardFacts(c approval.Card, k notify.NoticeKind) []notify.Fact {
	decides := k == notify.NoticeRequested || k == notify.NoticeRenewal
	known := []string{
		approval.FactOrganization, approval.FactCredential, approval.FactName, approval.FactOwner, approval.FactSandboxes,
		approval.FactProject,
	}
	var facts []notify.Fact
	for _, f := range slices.Concat(c.Facts, c.Shown) {
		if decides || slices.Contains(known, f.Name) && len(f.Values) > 0 {
			facts = append(facts, notify.Fact{Name: f.Name, Values: f.Values})
		}
	}
	return facts
}

// pageOf is Adobe's page of a migration's credential.
func (r *reminders) pageOf(ctx context.Context, m *migrator.Migration) (string, error) {
	c, err := r.store.Credential(ctx, m.Organization, m.Credential)
	if errors.Is(err, store.ErrNotFound) {
		c, err = credential.Credential{Organization: m.Organization, ID: m.Credential}, nil
	}
	return guidedLink(r.cfg, c), err
}

// waitingShown is how many requests a digest names.
const waitingShown = 5

// waiting are the requests that nobody has decided on, the oldest first, and how many there are.
func (r *reminders) waiting(ctx context.Context) ([]notify.Waiting, int, error) {
	open, err := r.store.Migrations(ctx, approval.StateRequested)
	if err != nil {
		return nil, 0, err
	}
	var all []notify.Waiting
	for _, m := range open[:min(len(open), waitingShown)] {
		all = append(all, notify.Waiting{Since: m.At, Item: notify.Item{
			Organization: m.Organization, ID: m.Credential, Name: first(m.Card.Fact(approval.FactName)),
			Kind:      credential.Kind(first(m.Card.Fact(approval.FactKind))),
			Sandboxes: m.Card.Fact(approval.FactSandboxes), Owner: first(m.Card.Fact(approval.FactOwner)),
		}})
	}
	return all, len(open), nil
}

// previewPrefix is what stands before the kind of a notice that is to be previewed.
const previewPrefix = string(notify.KindMigration) + "/"

// previewNotice makes a message of the notice that --preview names, as in migration/requested: the newest one that
// there is to tell, or an example. ok is false where it names something else.
func (r *reminders) previewNotice(
	ctx context.Context, m notify.Message, who string,
) (_ notify.Message, ok bool, err error) {
	name, ok := strings.CutPrefix(who, previewPrefix)
	if !ok {
		return m, false, nil
	}
	kind := notify.NoticeKind(name)
	if !slices.Contains(notify.NoticeKinds(), kind) {
		return m, true, hinted{fmt.Errorf("there is no notice %q", name), "docs/messages.md lists them"}
	}
	m.Kind, m.To = notify.KindMigration, r.policy.Fallback
	m.Notice = &notify.Notice{
		Kind: kind, Request: strings.Repeat("0", 32), Name: "example", Method: string(approval.MethodGuided),
		Verdict: string(approval.VerdictNotNeeded), Effects: approval.MethodGuided.Effects(), Requester: "ana", By: "bo",
		Why: "an example", Required: 1, Page: r.cfg.Adobe.UIURL, Until: m.Now,
	}
	all, err := r.allNews(ctx, m.Now)
	for _, n := range slices.Backward(all) {
		if n.kind == kind {
			m.Notice, err = r.noticeOf(ctx, notify.Outgoing{Key: n.occasion()})
			break
		}
	}
	return m, true, err
}
