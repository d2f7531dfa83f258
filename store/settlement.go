package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"time"

	"jwtsunset/audit"
	"jwtsunset/notify"
)

// Settle ends a claim. It fails with notify.ErrTaken if the claim was lost, and then nothing is written. A message that
// came to its end gets its entry of the audit log; one that is to be tried again gets none.
func (s *Store) Settle(ctx context.Context, o notify.Outgoing, end notify.Settlement) error {
	err := s.inTx(ctx, func(tx *transaction) error {
		tx.recording = true
		m, ok, err := s.messageRow(ctx, tx, o.ID)
		if err == nil && (!ok || m.State != notify.StateSending || m.Claim != o.Claim) {
			err = notify.ErrTaken
		}
		if err != nil {
			return err
		}
		w := settler{tx: tx, q: &s.queries.reminders, now: s.options.Clock(), message: m, end: end}
		return w.write(ctx)
	})
	return s.wrap(fmt.Sprintf("record what became of message %q", o.ID), err)
}

// settler ends the claim of one message.
type settler struct {
	tx      *transaction
	q       *reminderQueries
	now     time.Time
	message messageRow
	end     notify.Settlement
}

func (w *settler) write(ctx context.Context) error {
	w.keep()
	switch w.end.State {
	case notify.StateQueued:
		return w.writeMessage(ctx, time.Time{})
	case notify.StateSent, notify.StateFailed, notify.StateDropped:
	case notify.StateSending:
		fallthrough
	default:
		return fmt.Errorf("a message cannot end as %q", w.end.State)
	}
	for _, step := range []func(context.Context) error{
		func(ctx context.Context) error { return w.writeMessage(ctx, w.now) },
		func(ctx context.Context) error { return w.tx.show(ctx, w.message.ID, w.end.Items) },
		w.writeEntries, w.writeRecipient,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	e, err := w.event(ctx)
	if err != nil {
		return err
	}
	return w.tx.append(ctx, e)
}

// keep fills in what is known already, so that pages that were sent are never forgotten.
func (w *settler) keep() {
	if w.end.Items == nil {
		w.end.Items = w.message.Items
	}
	if w.end.Pages < w.message.Pages || w.end.Pages == 0 {
		w.end.Pages, w.end.Receipt = w.message.Pages, w.message.Receipt
	}
	if w.end.State == notify.StateSent && w.end.Receipt.At.IsZero() {
		w.end.Receipt.At = w.now
	}
}

func (w *settler) writeMessage(ctx context.Context, ended time.Time) error {
	notBefore := w.end.NotBefore
	if w.end.State != notify.StateQueued {
		notBefore = w.message.NotBefore
	}
	args := appendReceipt([]any{
		text(w.message.ID), string(w.end.State), text(string(w.end.Reason)), micros(notBefore), bit(w.end.Unclear),
		w.end.Pages,
	}, w.end.Receipt)
	_, err := w.tx.ExecContext(ctx, w.q.settle, append(args, micros(ended))...)
	return err
}

// writeEntries ends the entries of the message.
func (w *settler) writeEntries(ctx context.Context) error {
	id := text(w.message.ID)
	if _, err := w.tx.ExecContext(ctx, w.q.settleShown, id, micros(w.now)); err != nil {
		return err
	}
	outcome, told := notify.OutcomeSent, id
	if w.end.State == notify.StateFailed {
		outcome = notify.OutcomeFailed
	}
	if w.end.State == notify.StateDropped {
		outcome, told = notify.OutcomeSkipped, ""
	}
	if _, err := w.tx.ExecContext(ctx, w.q.settleRest,
		id, string(outcome), text(string(w.end.Reason)), told, micros(w.now)); err != nil {
		return err
	}
	if w.end.State != notify.StateSent {
		return nil
	}
	_, err := w.tx.ExecContext(ctx, w.q.countTold, id)
	return err
}

// writeRecipient notes what follows for the recipient: an older message of the kind is not the newest any more, or
// nothing can be told there for a while.
func (w *settler) writeRecipient(ctx context.Context) error {
	m := &w.message
	if w.end.State == notify.StateSent {
		args := appendRecipient([]any{text(m.ID), string(m.Kind)}, m.To)
		if _, err := w.tx.ExecContext(ctx, w.q.supersede, append(args, micros(w.now))...); err != nil {
			return err
		}
	}
	if !w.end.Refused {
		return nil
	}
	args := append(appendRecipient(nil, m.To), text(string(w.end.Reason)), micros(w.now))
	_, err := w.tx.ExecContext(ctx, w.q.refuse, args...)
	return err
}

// event is what the audit log says of the message: no address, no user's id and no name of a credential.
func (w *settler) event(ctx context.Context) (audit.Event, error) {
	m := &w.message
	to, err := w.recipient(ctx)
	e := audit.Event{
		Object: audit.Object{Type: "message", ID: m.ID}, Result: audit.ResultOK, RequestID: w.end.Receipt.RequestID,
		Facts: []audit.Fact{
			audit.Text("kind", string(m.Kind)), audit.Text("sink", string(m.To.Sink)),
			audit.Text("to_kind", string(m.To.Kind)), audit.Text("to", to), audit.Number("items", int64(len(m.Items))),
			audit.Number("pages", int64(w.end.Pages)), audit.Text("digest", itemsDigest(w.end.Items)),
			audit.Number("attempts", int64(m.Attempts)), audit.Number("repeat", bit(w.end.Repeat)),
		},
	}
	switch w.end.State {
	case notify.StateSent:
		e.Action = audit.ActionMessageSent
		return e, err
	case notify.StateFailed:
		e.Action, e.Result = audit.ActionMessageFailed, audit.ResultFailed
	default:
		e.Action = audit.ActionMessageDropped
	}
	e.Facts = append(e.Facts, audit.Text("reason", string(w.end.Reason)))
	return e, err
}

// recipient is how the audit log names who the message is for: a channel by its id, people by the id of a person.
func (w *settler) recipient(ctx context.Context) (string, error) {
	to := w.message.To
	if to.Kind == notify.ToChannel {
		return to.ID, nil
	}
	return w.tx.person(ctx, Actor{Identity: string(to.Sink) + ":" + to.ID})
}

// itemsDigest is a SHA-256 over what a message was about and what was shown, in an order of its own.
func itemsDigest(items []notify.OutgoingItem) string {
	lines := make([]string, 0, len(items))
	for _, i := range items {
		line := ""
		for _, part := range []string{
			i.Organization, i.Credential, i.Step.Name, string(i.Tier), string(i.Shown),
		} {
			line += strconv.Quote(text(part)) + " "
		}
		lines = append(lines, line+"\n")
	}
	slices.Sort(lines)
	sum := sha256.New()
	for _, line := range lines {
		_, _ = sum.Write([]byte(line)) // a hash does not fail
	}
	return hex.EncodeToString(sum.Sum(nil))
}
