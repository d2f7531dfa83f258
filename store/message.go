package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"jwtsunset/notify"
)

// messageRow is a row of table message.
type messageRow struct {
	notify.Outgoing
	ended        int64
	supersededBy string
	updateDue    int64
	updateTries  int
}

// itemRow is a row of table message_item.
type itemRow struct {
	message string
	notify.OutgoingItem
}

// Messages are the newest messages that were ever queued, the newest first, with their items. A limit of 0 or less is
// none.
func (s *Store) Messages(ctx context.Context, limit int) ([]notify.Outgoing, error) {
	messages, err := s.outgoing(ctx, s.queries.reminders.messages, sqlLimit(limit))
	return messages, s.wrap("read the messages", err)
}

// outgoing reads messages with their items as they are at one moment.
func (s *Store) outgoing(ctx context.Context, query string, args ...any) ([]notify.Outgoing, error) {
	var messages []notify.Outgoing
	err := s.snapshot(ctx, func(tx *sql.Tx) error {
		rows, err := s.messageRows(ctx, tx, query, args...)
		for i := range rows {
			messages = append(messages, rows[i].Outgoing)
		}
		return err
	})
	return messages, err
}

// messageRows reads messages with their items.
func (s *Store) messageRows(ctx context.Context, q querier, query string, args ...any) ([]messageRow, error) {
	messages, err := collect(ctx, q, readMessage, query, args...)
	if err != nil {
		return nil, err
	}
	byID := make(map[string]*messageRow, len(messages))
	for i := range messages {
		byID[messages[i].ID] = &messages[i]
	}
	for chunk := range slices.Chunk(messages, rowsPerStatement) {
		ids := make([]any, len(chunk))
		for i := range chunk {
			ids[i] = chunk[i].ID
		}
		items, err := collect(ctx, q, readItem, s.queries.reminders.itemsOf(len(ids)), ids...)
		if err != nil {
			return nil, err
		}
		for _, i := range items {
			m := byID[i.message]
			m.Items = append(m.Items, i.OutgoingItem)
		}
	}
	return messages, nil
}

// messageRow reads one message with its items; ok is false if there is none.
func (s *Store) messageRow(ctx context.Context, q querier, id string) (m messageRow, ok bool, err error) {
	rows, err := s.messageRows(ctx, q, s.queries.reminders.message, text(id))
	if err != nil || len(rows) == 0 {
		return m, false, err
	}
	return rows[0], true, nil
}

func readMessage(rows *sql.Rows) (messageRow, error) {
	var m messageRow
	var created, notBefore, firstClaimed, claimedUntil, sent int64
	err := rows.Scan(&m.ID, &m.Kind, &m.To.Sink, &m.To.Kind, &m.To.ID, &m.To.Group, &m.Key, &m.Language, &m.Zone, &created,
		&notBefore, &m.State, &m.Reason, &m.Attempts, &m.Unclear, &firstClaimed, &claimedUntil, &m.Claim, &m.Pages,
		&m.Receipt.Channel, &m.Receipt.Timestamp, &m.Receipt.RequestID, &sent, &m.Receipt.Text, &m.ended,
		&m.supersededBy, &m.updateDue, &m.updateTries)
	m.Created, m.NotBefore = fromMicros(created), fromMicros(notBefore)
	m.FirstClaimed, m.ClaimedUntil, m.Receipt.At = fromMicros(firstClaimed), fromMicros(claimedUntil), fromMicros(sent)
	return m, err
}

func messageArgs(args []any, m *messageRow) ([]any, error) {
	args = appendRecipient(append(args, text(m.ID), text(string(m.Kind))), m.To)
	args = append(args, text(m.Key), text(m.Language), text(m.Zone), micros(m.Created), micros(m.NotBefore),
		text(string(m.State)), text(string(m.Reason)), m.Attempts, bit(m.Unclear), micros(m.FirstClaimed),
		micros(m.ClaimedUntil), m.Claim, m.Pages)
	args = appendReceipt(args, m.Receipt)
	return append(args, m.ended, text(m.supersededBy), m.updateDue, m.updateTries), nil
}

// appendReceipt appends the five columns of a receipt.
func appendReceipt(args []any, r notify.Receipt) []any {
	return append(args, text(r.Channel), text(r.Timestamp), text(r.RequestID), micros(r.At), text(r.Text))
}

func readItem(rows *sql.Rows) (itemRow, error) {
	var i itemRow
	var due int64
	err := rows.Scan(&i.message, &i.Organization, &i.Credential, &i.Step.Name, &i.Tier, &i.Step.Kind, &i.Step.Days, &due,
		&i.Guess, &i.Shown)
	i.Step.Due = fromMicros(due)
	return i, err
}

func itemArgs(args []any, i *itemRow) ([]any, error) {
	return append(args, text(i.message), text(i.Organization), text(i.Credential), text(i.Step.Name),
		text(string(i.Tier)), text(string(i.Step.Kind)), i.Step.Days, micros(i.Step.Due), bit(i.Guess),
		text(string(i.Shown))), nil
}

// show notes what was shown about the items of a message.
func (tx *transaction) show(ctx context.Context, message string, items []notify.OutgoingItem) (err error) {
	if len(items) == 0 {
		return nil
	}
	prepared, err := tx.PrepareContext(ctx, tx.store.queries.reminders.show)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, prepared.Close()) }()
	for _, i := range items {
		if _, err := prepared.ExecContext(ctx, text(message), text(i.Organization), text(i.Credential),
			text(i.Step.Name), text(string(i.Tier)), text(string(i.Shown))); err != nil {
			return err
		}
	}
	return nil
}

// changed runs a statement and gives how many rows it changed.
func changed(ctx context.Context, tx *transaction, statement string, args ...any) (rows int, err error) {
	err = execCounting(ctx, tx, &rows, statement, args...)
	return rows, err
}
