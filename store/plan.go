package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"jwtsunset/audit"
	"jwtsunset/notify"
)

// RecordPlan writes down what a run decided, all of it or nothing, with its entry of the audit log. It fails with
// notify.ErrConflict if a step is taken already, a message was claimed, may have been sent or ended meanwhile, or there
// is another message in the place of one: of its key, or waiting for its recipient. A sent message that Refresh names
// and that waits for an update already stays as it is.
func (s *Store) RecordPlan(ctx context.Context, p notify.Plan) error {
	bulk := len(p.Examinations)+len(p.Skipped)+len(p.Messages) >= bulkRows
	err := s.inTx(ctx, func(tx *transaction) error {
		tx.recording = true
		w := planWriter{tx: tx, q: &s.queries.reminders, now: s.options.Clock(), started: p.Run.Started}
		if err := w.take(p); err != nil {
			return err
		}
		if bulk {
			if err := s.engine.prepareBulk(ctx, tx.Tx); err != nil {
				return err
			}
		}
		if err := w.write(ctx, p); err != nil {
			return err
		}
		return tx.append(ctx, planEvent(p.Run))
	})
	if bulk {
		s.endBulk(context.WithoutCancel(ctx))
	}
	return s.wrap("record a plan of reminders", err)
}

// planEvent is what the audit log says of a plan.
func planEvent(r notify.Run) audit.Event {
	return audit.Event{
		Action: audit.ActionRemindersPlanned, Object: audit.Object{Type: "reminders"}, Result: audit.ResultOK,
		Facts: []audit.Fact{
			audit.Number("examined", int64(r.Examined)), audit.Number("queued", int64(r.Queued)),
			audit.Number("skipped", int64(r.Skipped)), audit.Number("waiting", int64(r.Waiting)),
		},
	}
}

// planWriter writes one plan.
type planWriter struct {
	tx  *transaction
	q   *reminderQueries
	now time.Time
	// started is when the run began; what it queues has this time.
	started time.Time

	passed, queued []notify.Entry
	items          []itemRow
	latest         []notify.Entry // of each credential and tier the one that is due last
}

// entryKey is what there is one entry for.
type entryKey struct {
	organization, credential, step string
	tier                           notify.Tier
}

func keyOf(e notify.Entry) entryKey {
	return entryKey{e.Organization, e.Credential, e.Step.Name, e.Tier}
}

// take sorts out what is to be written, and refuses plans that could only come from a defect.
func (w *planWriter) take(p notify.Plan) error {
	for _, e := range p.Skipped {
		if e.Outcome != notify.OutcomeSkipped && e.Outcome != notify.OutcomeFailed || e.Step.IsZero() {
			return fmt.Errorf("the plan passes over step %q with the outcome %q", e.Step.Name, e.Outcome)
		}
		e.Message = "" // it leaves the message
		e.At = w.at(e.At)
		w.passed = append(w.passed, e)
	}
	for _, m := range p.Messages {
		if m.ID == "" || m.Key == "" && len(m.Items) == 0 || m.To.IsZero() {
			return fmt.Errorf("the plan has message %q for %s with %d items", m.ID, m.To, len(m.Items))
		}
		for _, i := range m.Items {
			w.items = append(w.items, itemRow{m.ID, i})
			if !i.Step.IsZero() {
				w.queued = append(w.queued, w.entry(m, i))
			}
		}
	}
	w.latest = lastDue(append(w.passed[:len(w.passed):len(w.passed)], w.queued...))
	return errors.Join(unique(w.passed), unique(w.queued))
}

// entry is the entry of an item that is queued.
func (w *planWriter) entry(m notify.Outgoing, i notify.OutgoingItem) notify.Entry {
	return notify.Entry{
		Organization: i.Organization, Credential: i.Credential, Step: i.Step, Tier: i.Tier,
		Outcome: notify.OutcomeQueued, Reason: notify.ReasonDue, Recipient: m.To, Message: m.ID, At: w.at(w.started),
	}
}

// at is a time of the plan, or now where it has none.
func (w *planWriter) at(t time.Time) time.Time {
	if t.IsZero() {
		return w.now
	}
	return t
}

// unique refuses entries of which one would be written over another.
func unique(entries []notify.Entry) error {
	seen := make(map[entryKey]bool, len(entries))
	for _, e := range entries {
		if seen[keyOf(e)] {
			return fmt.Errorf("the plan has step %q of credential %q twice", e.Step.Name, e.Credential)
		}
		seen[keyOf(e)] = true
	}
	return nil
}

// lastDue picks of each credential and tier the entry that is due last.
func lastDue(entries []notify.Entry) []notify.Entry {
	at := make(map[entryKey]int, len(entries))
	var latest []notify.Entry
	for _, e := range entries {
		pair := keyOf(e)
		pair.step = ""
		i, ok := at[pair]
		switch {
		case !ok:
			at[pair] = len(latest)
			latest = append(latest, e)
		case later(e.Step, latest[i].Step):
			latest[i] = e
		}
	}
	return latest
}

// later tells whether a step comes after another in the order that the tables have.
func later(a, b notify.Step) bool {
	if due, other := micros(a.Due), micros(b.Due); due != other {
		return due > other
	}
	return text(a.Name) > text(b.Name)
}

// write writes the plan in an order in which a step can leave one message and come into another.
func (w *planWriter) write(ctx context.Context, p notify.Plan) error {
	if err := insertAll(ctx, w.tx, p.Examinations, w.q.upsertExaminations, examinationArgs); err != nil {
		return err
	}
	if err := w.writeEntries(ctx, w.passed, w.q.pass); err != nil {
		return err
	}
	if len(w.passed) > 0 {
		if _, err := w.tx.ExecContext(ctx, w.q.leave); err != nil {
			return err
		}
	}
	if err := w.writeMessages(ctx, p.Messages); err != nil {
		return err
	}
	if err := w.writeEntries(ctx, w.queued, w.q.queue); err != nil {
		return err
	}
	if err := insertAll(ctx, w.tx, w.latest, w.q.upsertLatest, latestArgs); err != nil {
		return err
	}
	return w.finish(ctx, p)
}

// writeEntries writes entries, each of which must find its place free.
func (w *planWriter) writeEntries(ctx context.Context, entries []notify.Entry, statement func(int) string) error {
	written, err := insertCounting(ctx, w.tx, entries, statement, entryArgs)
	if err == nil && written != len(entries) {
		err = fmt.Errorf("%d of %d steps are taken already or on their way: %w",
			len(entries)-written, len(entries), notify.ErrConflict)
	}
	return err
}

func latestArgs(args []any, e *notify.Entry) ([]any, error) {
	return append(args, text(e.Organization), text(e.Credential), text(string(e.Tier)), text(e.Step.Name),
		micros(e.Step.Due)), nil
}

// writeMessages adds to messages that are queued, and queues the others.
func (w *planWriter) writeMessages(ctx context.Context, messages []notify.Outgoing) error {
	open, err := w.openMessages(ctx)
	if err != nil {
		return err
	}
	var fresh []messageRow
	for _, m := range messages {
		switch open[text(m.ID)] {
		case "":
			fresh = append(fresh, w.fresh(m))
		case notify.StateQueued:
			if err := w.absorb(ctx, m); err != nil {
				return err
			}
		default:
			return fmt.Errorf("message %q is on its way: %w", m.ID, notify.ErrConflict)
		}
	}
	written, err := insertCounting(ctx, w.tx, fresh, w.q.insertMessages, messageArgs)
	if err == nil && written != len(fresh) {
		err = fmt.Errorf("%d of %d messages have ended, or another one is in their place: %w",
			len(fresh)-written, len(fresh), notify.ErrConflict)
	}
	if err != nil {
		return err
	}
	return insertAll(ctx, w.tx, w.items, w.q.insertItems, itemArgs)
}

// fresh is a message that nobody tried to send.
func (w *planWriter) fresh(m notify.Outgoing) messageRow {
	return messageRow{Outgoing: notify.Outgoing{
		ID: m.ID, Kind: m.Kind, To: m.To, Key: m.Key, Language: m.Language, Zone: m.Zone,
		Created: w.at(m.Created), NotBefore: m.NotBefore, State: notify.StateQueued, Reason: m.Reason,
	}}
}

func (w *planWriter) openMessages(ctx context.Context) (map[string]notify.OutgoingState, error) {
	states := map[string]notify.OutgoingState{}
	_, err := collect(ctx, w.tx, func(rows *sql.Rows) (none struct{}, err error) {
		var id string
		var state notify.OutgoingState
		err = rows.Scan(&id, &state)
		states[id] = state
		return none, err
	}, w.q.openMessages)
	return states, err
}

func (w *planWriter) absorb(ctx context.Context, m notify.Outgoing) error {
	args := append(appendRecipient([]any{text(m.ID), text(string(m.Kind))}, m.To), micros(m.NotBefore))
	n, err := changed(ctx, w.tx, w.q.absorb, args...)
	if err == nil && n != 1 {
		err = fmt.Errorf("message %q may have been sent, or is one for somebody else: %w", m.ID, notify.ErrConflict)
	}
	return err
}

// finish does what follows from the rest of the plan.
func (w *planWriter) finish(ctx context.Context, p notify.Plan) error {
	if len(w.passed) > 0 {
		if _, err := w.tx.ExecContext(ctx, w.q.dropEmpty, micros(w.now)); err != nil {
			return err
		}
	}
	for _, id := range p.Refresh {
		if _, err := w.tx.ExecContext(ctx, w.q.refresh, text(id), micros(w.now)); err != nil {
			return err
		}
	}
	_, err := w.tx.ExecContext(ctx, w.q.insertRun, runArgs(p.Run)...)
	return err
}
