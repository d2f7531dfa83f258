package migrator

import (
	"context"
	"strings"
	"time"

	"jwtsunset/approval"
	"jwtsunset/audit"
)

// Desk is where people say what the program cannot find out. It is safe for concurrent use.
type Desk struct {
	Ledger     Ledger
	Policy     *approval.Policy
	Clock      func() time.Time
	Quarantine time.Duration
}

// Word is what somebody says about a migration.
type Word string

// The words.
const (
	// WordSenderDead: the process that may have sent a start is certainly dead.
	WordSenderDead Word = "sender-dead"
	// WordDone: I have done in Adobe's page what was handed to me.
	WordDone Word = "done"
	// WordMigrated: I have seen in Adobe's page that it is migrated.
	WordMigrated Word = "migrated"
	// WordNotMigrated: I have seen that it is not, and nothing is under way.
	WordNotMigrated Word = "not-migrated"
)

var wordActions = map[Word]audit.Action{
	WordSenderDead: audit.ActionSenderReleased, WordDone: audit.ActionMigrationReported,
	WordMigrated: audit.ActionMigrationAttested, WordNotMigrated: audit.ActionMigrationDismissed,
}

// Say puts somebody's word on record. The error is an *approval.Refusal if the rules do not let it count, which is
// recorded too.
func (d *Desk) Say(ctx context.Context, id string, w Word, h approval.Hand, reason string) (Migration, error) {
	reason = tidy(reason)
	if wordActions[w] == "" {
		return Migration{}, approval.Refuse(approval.RefusedNothing, "", "there is no word %q", w)
	}
	return d.Ledger.ChangeMigration(ctx, id, func(m *Migration, l *approval.Line) (audit.Event, error) {
		before := m.State
		refusal := d.say(m, l, w, h, reason)
		e := transition(m, before, string(w))
		e.Action, e.Facts = wordActions[w], append(e.Facts, audit.Text("reason", reason))
		if refusal != nil {
			e.Result = audit.ResultRefused
			e.Facts = append(e.Facts, audit.Text("refused", string(refusal.Reason)))
			return e, refusal
		}
		return e, nil
	})
}

func (d *Desk) say(m *Migration, l *approval.Line, w Word, h approval.Hand, reason string) *approval.Refusal {
	now := d.Clock()
	by, refusal := d.who(w, h)
	if refusal != nil {
		return refusal
	}
	if refusal := l.CheckClock(now); refusal != nil {
		return refusal
	}
	if reason == "" {
		return approval.Refuse(approval.RefusedNoReason, "say with --reason how that is known", "a word needs a reason")
	}
	said := &approval.Decision{By: by, Fingerprint: m.Fingerprint, Reason: reason, At: now.UTC()}
	a := m.Last()
	if a == nil || m.State != approval.StateNeedsAttention && !m.inHand() {
		return approval.Refuse(approval.RefusedNothing, "", "nothing is open about the migration: it is %s", m.State)
	}
	switch w {
	case WordSenderDead:
		return d.release(m, l, said, now)
	case WordDone:
		return done(m, said)
	case WordMigrated:
		return attest(m, l, said, now)
	case WordNotMigrated:
		return dismiss(m, l, said, now)
	default:
		return approval.Refuse(approval.RefusedNothing, "", "there is no word %q", w)
	}
}

// who finds who says it. That something was done may be said by whoever has done it.
func (d *Desk) who(w Word, h approval.Hand) (approval.Signature, *approval.Refusal) {
	if w == WordDone {
		return d.Policy.Knows(h)
	}
	return d.Policy.Decider(h)
}

// inHand tells whether a person has the migration in hand.
func (m *Migration) inHand() bool {
	return m.State == approval.StateRunning && m.Method == approval.MethodGuided
}

// release lets a person answer for a sender's death once it has been waited for long enough.
func (d *Desk) release(
	m *Migration, l *approval.Line, said *approval.Decision, now time.Time,
) *approval.Refusal {
	a := m.Last()
	switch until := a.over(l, now).Add(d.Quarantine); {
	case a.Settled:
		return approval.Refuse(approval.RefusedNothing, "", "it is certain already that nothing more can be sent")
	case now.Before(until):
		return approval.Refuse(approval.RefusedTooEarly, "", "its sender may still live: wait until %s",
			until.UTC().Format(time.RFC3339))
	}
	a.Released, a.Settled = said, true
	return nil
}

// over is when the sender of an attempt has given up for sure. If its clock ran ahead that counts from when a person
// set the clock right, which was later.
func (a *Attempt) over(l *approval.Line, now time.Time) time.Time {
	sent := later(a.Began, a.Sending)
	if approval.Ahead(sent, now) {
		sent = l.ClockSet
	}
	if a.Sending.IsZero() {
		return sent
	}
	return sent.Add(a.Until.Sub(a.Sending))
}

func done(m *Migration, said *approval.Decision) *approval.Refusal {
	if m.Method != approval.MethodGuided {
		return approval.Refuse(approval.RefusedNothing, "", "the program itself sends the start of this one")
	}
	m.Done = said
	return nil
}

// attest takes a second person's word for what cannot be read.
func attest(m *Migration, l *approval.Line, said *approval.Decision, now time.Time) *approval.Refusal {
	a := m.Last()
	switch {
	case a.Truth != TruthUnread && a.Truth != "":
		return approval.Refuse(approval.RefusedReadable, "", "what the credential is can be read: it is %s", a.Truth)
	case !a.Settled && !m.inHand():
		return approval.Refuse(approval.RefusedTooEarly, "jwtsunset resolve --sender-dead", "its sender may still live")
	case m.Done == nil && m.Method == approval.MethodGuided:
		return approval.Refuse(approval.RefusedNothing, "jwtsunset resolve --done", "nobody has said yet who did it")
	case m.Done != nil && m.Done.By.Person == said.By.Person:
		return approval.Refuse(approval.RefusedSamePair, "somebody else must look", "%s did it", said.By.Person)
	}
	m.State, m.Proof, m.Origin, m.Why = approval.StateMigrated, ProofAttested, OriginOurs, said.Reason
	m.MigratedAt, m.Ended = now.UTC(), now.UTC()
	m.Decisions = append(m.Decisions, *said)
	a.Settled, a.Ended, a.Result = true, now.UTC(), ResultMigrated
	l.LastEnd, l.Failures = now.UTC(), 0
	canaryBack(l, m)
	return nil
}

// dismiss ends what came to nothing. Where the OAuth half is in place all the same, people decide what becomes of it.
func dismiss(m *Migration, l *approval.Line, said *approval.Decision, now time.Time) *approval.Refusal {
	a := m.Last()
	switch {
	case a.Truth == TruthMigrated:
		return approval.Refuse(approval.RefusedReadable, "", "Adobe says that it is migrated")
	case !a.Settled && !m.inHand():
		return approval.Refuse(approval.RefusedTooEarly, "jwtsunset resolve --sender-dead", "its sender may still live")
	}
	if m.halfDone() {
		m.stageAgain(PhaseFinalize)
		m.Why, m.Cancel = said.Reason, nil
	} else {
		m.Decisions = append(m.Decisions, *said)
		m.End(approval.StateFailed, said.Reason, now.UTC())
	}
	if a.Result != ResultStaged { // which stays so, although the facts have changed since
		a.Settled, a.Ended, a.Result = true, now.UTC(), ResultFailed
	}
	l.LastEnd = now.UTC()
	return nil
}

// halfDone tells whether, as far as is known, both halves are in place because of this migration.
func (m *Migration) halfDone() bool {
	t := m.Last().Truth
	return m.Method == approval.MethodConsole && m.bound() && (t == TruthBoth || t == TruthUnread || t == "")
}

// tidy brings a text to one line.
func tidy(s string) string { return strings.Join(strings.Fields(s), " ") }
