package notify

import (
	"context"
	"slices"
	"time"
)

// This file holds what a Rehearsal records.

// RecordPlan implements Ledger.
func (r *Rehearsal) RecordPlan(_ context.Context, p Plan) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.conflicts(p); err != nil {
		return err
	}
	for _, e := range p.Examinations {
		r.of(e.Organization, e.Credential).examination = e
	}
	for _, e := range p.Skipped {
		r.leave(e)
		r.of(e.Organization, e.Credential).entries[entryKey{e.Step.Name, e.Tier}] = e
	}
	for _, o := range p.Messages {
		r.enqueue(o, p.Run.Started)
	}
	r.dropEmpty()
	for _, id := range p.Refresh {
		r.messages[id].updateDue = p.Run.Started
	}
	r.runs = append(r.runs, p.Run)
	return nil
}

// conflicts looks whether a plan still fits, before anything is changed.
func (r *Rehearsal) conflicts(p Plan) error {
	freed := map[string]bool{}
	for _, e := range p.Skipped {
		freed[e.Organization+"\x00"+e.Credential+"\x00"+e.Step.Name+"\x00"+string(e.Tier)] = e.Outcome == OutcomeFailed
	}
	for _, o := range p.Messages {
		if m, ok := r.messages[o.ID]; ok && m.State != StateQueued {
			return ErrConflict
		}
		for _, i := range o.Items {
			e, ok := r.of(i.Organization, i.Credential).entries[entryKey{i.Step.Name, i.Tier}]
			if !ok || i.Step.IsZero() || e.Outcome == OutcomeFailed || e.Outcome == OutcomeQueued && e.Message == o.ID ||
				freed[i.Organization+"\x00"+i.Credential+"\x00"+i.Step.Name+"\x00"+string(i.Tier)] {
				continue
			}
			return ErrConflict
		}
	}
	return nil
}

// leave takes a queued step out of its message.
func (r *Rehearsal) leave(e Entry) {
	if m, ok := r.messages[e.Message]; ok && m.State == StateQueued {
		m.Items = slices.DeleteFunc(m.Items, func(i OutgoingItem) bool {
			return i.Organization == e.Organization && i.Credential == e.Credential &&
				i.Step.Name == e.Step.Name && i.Tier == e.Tier
		})
	}
}

func (r *Rehearsal) enqueue(o Outgoing, now time.Time) {
	if m, ok := r.messages[o.ID]; ok {
		m.Items, m.NotBefore = append(m.Items, o.Items...), o.NotBefore
	} else {
		r.put(o)
	}
	for _, i := range o.Items {
		if !i.Step.IsZero() {
			r.of(i.Organization, i.Credential).entries[entryKey{i.Step.Name, i.Tier}] = Entry{
				Organization: i.Organization, Credential: i.Credential, Step: i.Step, Tier: i.Tier, Outcome: OutcomeQueued,
				Reason: ReasonDue, Recipient: o.To, Message: o.ID, At: now,
			}
		}
	}
}

// dropEmpty drops the queued messages that no step is left in.
func (r *Rehearsal) dropEmpty() {
	for _, m := range r.messages {
		told := slices.ContainsFunc(m.Items, func(i OutgoingItem) bool { return !i.Step.IsZero() })
		if m.State == StateQueued && m.Key == "" && !told {
			m.State, m.Reason = StateDropped, ReasonSuperseded
		}
	}
}

// Due implements Ledger.
func (r *Rehearsal) Due(_ context.Context, now time.Time, limit int) ([]string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var ids []string
	for _, id := range r.order {
		if r.messages[id].free(now) && len(ids) < limit {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// free tells whether a message can be claimed.
func (m *rehearsedMessage) free(now time.Time) bool {
	return m.State == StateQueued && !m.NotBefore.After(now) || m.State == StateSending && !m.ClaimedUntil.After(now)
}

// Claim implements Ledger.
func (r *Rehearsal) Claim(_ context.Context, id string, now, until time.Time) (Outgoing, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m, ok := r.messages[id]
	if !ok || !m.free(now) {
		return Outgoing{}, ErrTaken
	}
	m.Unclear = m.Unclear || m.State == StateSending
	if m.FirstClaimed.IsZero() {
		m.FirstClaimed = now
	}
	m.State, m.ClaimedUntil = StateSending, until
	m.Attempts++
	m.Claim++
	return m.copy(), nil
}

// Progress implements Ledger.
func (r *Rehearsal) Progress(
	_ context.Context, o Outgoing, pages int, at Receipt, items []OutgoingItem,
) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.messages[o.ID]
	if m.State != StateSending || m.Claim != o.Claim {
		return ErrTaken
	}
	m.Pages, m.Receipt, m.Items = pages, at, slices.Clone(items)
	return nil
}

// Settle implements Ledger.
func (r *Rehearsal) Settle(_ context.Context, o Outgoing, s Settlement) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.messages[o.ID]
	if m.State != StateSending || m.Claim != o.Claim {
		return ErrTaken
	}
	m.State, m.Reason, m.Receipt, m.Pages, m.Unclear = s.State, s.Reason, s.Receipt, s.Pages, s.Unclear
	if s.State == StateQueued {
		m.NotBefore = s.NotBefore
		return nil
	}
	if s.Items != nil {
		m.Items = slices.Clone(s.Items)
	}
	r.settleItems(m, s)
	if s.Refused {
		r.refused[m.To] = Rejection{s.Reason, m.ClaimedUntil.Add(-claimFor)}
	}
	if s.State == StateSent {
		r.supersede(m)
	}
	return nil
}

// settleItems gives the entries of a message their outcome.
func (r *Rehearsal) settleItems(m *rehearsedMessage, s Settlement) {
	outcomes := map[OutgoingState]Outcome{
		StateSent: OutcomeSent, StateFailed: OutcomeFailed, StateDropped: OutcomeSkipped,
	}
	for _, i := range m.Items {
		x := r.of(i.Organization, i.Credential)
		e, ok := x.entries[entryKey{i.Step.Name, i.Tier}]
		if !ok || e.Message != m.ID || e.Outcome != OutcomeQueued {
			continue
		}
		e.Outcome, e.Reason = outcomes[s.State], s.Reason
		switch {
		case i.Shown == ReasonOwnerChanged:
			e.Outcome, e.Reason = OutcomeFailed, i.Shown
		case i.Shown != "":
			e.Outcome, e.Reason = OutcomeSkipped, i.Shown
		case e.Outcome == OutcomeSent && i.Tier == TierOwner:
			x.told[m.To]++
		}
		x.entries[entryKey{i.Step.Name, i.Tier}] = e
	}
}

// supersede makes the message sent before it to the same recipient say so.
func (r *Rehearsal) supersede(m *rehearsedMessage) {
	to := destination{m.Kind, m.To}
	if old, ok := r.messages[r.newest[to]]; ok && !m.Stands() {
		old.superseded, old.updateDue = true, m.Receipt.At
	}
	r.newest[to] = m.ID
}

// Updates implements Ledger.
func (r *Rehearsal) Updates(_ context.Context, now time.Time, limit int) ([]Update, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []Update
	for _, id := range r.order {
		m := r.messages[id]
		if m.State == StateSent && !m.updateDue.IsZero() && !m.updateDue.After(now) && len(list) < limit {
			list = append(list, Update{Outgoing: m.copy(), Superseded: m.superseded, Tries: m.tries})
		}
	}
	return list, nil
}

// Updated implements Ledger.
func (r *Rehearsal) Updated(_ context.Context, u Update, again time.Time, shown []OutgoingItem) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.messages[u.ID]
	m.updateDue, m.tries, m.Items = again, u.Tries+1, slices.Clone(shown)
	if again.IsZero() {
		m.tries = 0
	}
	return nil
}
