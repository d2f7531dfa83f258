package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"jwtsunset/notify"
)

// Store is where reminders are kept.
var _ notify.Ledger = (*Store)(nil)

// Outbox gives the messages that are queued or sending, the oldest first, with their items.
func (s *Store) Outbox(ctx context.Context) ([]notify.Outgoing, error) {
	messages, err := s.outgoing(ctx, s.queries.reminders.outbox)
	return messages, s.wrap("read the outbox", err)
}

// LastSent gives the message of each kind that was sent to each recipient last, with its items.
func (s *Store) LastSent(ctx context.Context) ([]notify.Outgoing, error) {
	messages, err := s.outgoing(ctx, s.queries.reminders.lastSent)
	return messages, s.wrap("read the last messages", err)
}

// Due gives the ids of the messages that can be claimed at a time, those due first at the front. A limit of 0 or less
// is none.
func (s *Store) Due(ctx context.Context, now time.Time, limit int) ([]string, error) {
	ids, err := collect(ctx, s.readers, func(rows *sql.Rows) (id string, err error) {
		err = rows.Scan(&id)
		return id, err
	}, s.queries.reminders.due, micros(now), sqlLimit(limit))
	return ids, s.wrap("look for messages that are due", err)
}

// Claim takes a message for sending until a time. It fails with notify.ErrTaken if it cannot be claimed now. Nothing is
// given out to be sent while its sending could not be recorded.
func (s *Store) Claim(ctx context.Context, id string, now, until time.Time) (notify.Outgoing, error) {
	var claimed messageRow
	err := s.inTx(ctx, func(tx *transaction) error {
		if err := tx.recordable(ctx); err != nil {
			return err
		}
		n, err := changed(ctx, tx, s.queries.reminders.claim, text(id), micros(now), micros(until))
		if err == nil && n == 0 {
			err = notify.ErrTaken
		}
		if err != nil {
			return err
		}
		claimed, _, err = s.messageRow(ctx, tx, id)
		return err
	})
	if err != nil {
		return notify.Outgoing{}, s.wrap(fmt.Sprintf("claim message %q", id), err)
	}
	return claimed.Outgoing, nil
}

// recordable makes sure that the audit log can be added to.
func (tx *transaction) recordable(ctx context.Context) error {
	if _, err := tx.configured(ctx); err != nil {
		return err
	}
	_, err := tx.soundHead(ctx)
	return err
}

// Progress records of a claimed message how many of its pages were sent, where the first of them lies, and what its
// items show. It fails with notify.ErrTaken if the claim was lost.
func (s *Store) Progress(
	ctx context.Context, o notify.Outgoing, pages int, at notify.Receipt, items []notify.OutgoingItem,
) error {
	err := s.inTx(ctx, func(tx *transaction) error {
		args := appendReceipt([]any{text(o.ID), o.Claim, pages}, at)
		n, err := changed(ctx, tx, s.queries.reminders.progress, args...)
		if err == nil && n == 0 {
			err = notify.ErrTaken
		}
		if err != nil {
			return err
		}
		return tx.show(ctx, o.ID, items)
	})
	return s.wrap(fmt.Sprintf("record the progress of message %q", o.ID), err)
}

// Refused gives the recipients that were refused since a time.
func (s *Store) Refused(ctx context.Context, since time.Time) (map[notify.Recipient]notify.Rejection, error) {
	refused := map[notify.Recipient]notify.Rejection{}
	_, err := collect(ctx, s.readers, func(rows *sql.Rows) (none struct{}, err error) {
		var to notify.Recipient
		var reason notify.Reason
		var at int64
		err = rows.Scan(&to.Sink, &to.Kind, &to.ID, &to.Group, &reason, &at)
		refused[to] = notify.Rejection{Reason: reason, At: fromMicros(at)}
		return none, err
	}, s.queries.reminders.refused, micros(since))
	return refused, s.wrap("read the refused recipients", err)
}

// Updates gives the sent messages that are due for an update, with their items. A limit of 0 or less is none.
func (s *Store) Updates(ctx context.Context, now time.Time, limit int) ([]notify.Update, error) {
	var updates []notify.Update
	err := s.snapshot(ctx, func(tx *sql.Tx) error {
		rows, err := s.messageRows(ctx, tx, s.queries.reminders.updates, micros(now), sqlLimit(limit))
		for i := range rows {
			updates = append(updates, notify.Update{
				Outgoing: rows[i].Outgoing, Tries: rows[i].updateTries,
				Superseded: rows[i].supersededBy != "" && !rows[i].Stands(),
			})
		}
		return err
	})
	return updates, s.wrap("look for messages that are due for an update", err)
}

// Updated records an update, or with a later time that it is put off; shown are the items as shown now. A message that
// was superseded since u was read stays due for the update that says so.
func (s *Store) Updated(
	ctx context.Context, u notify.Update, again time.Time, shown []notify.OutgoingItem,
) error {
	tries := u.Tries + 1
	if again.IsZero() {
		tries = 0
	}
	err := s.inTx(ctx, func(tx *transaction) error {
		if _, err := tx.ExecContext(ctx, s.queries.reminders.updated,
			text(u.ID), micros(again), tries, bit(u.Superseded)); err != nil {
			return err
		}
		return tx.show(ctx, u.ID, shown)
	})
	return s.wrap(fmt.Sprintf("record the update of message %q", u.ID), err)
}
