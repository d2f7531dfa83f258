package store

import (
	"context"
	"database/sql"
	"fmt"

	"jwtsunset/notify"
)

// QueueMessage queues a message that no plan decides about, such as a digest. It fails with notify.ErrConflict if there
// was a message of its key, whatever became of it, or another one waits for its recipient.
func (s *Store) QueueMessage(ctx context.Context, o notify.Outgoing) error {
	err := s.inTx(ctx, func(tx *transaction) error {
		w := planWriter{tx: tx, q: &s.queries.reminders, now: s.options.Clock(), started: o.Created}
		if err := tx.recordable(ctx); err != nil {
			return err
		}
		if err := w.take(notify.Plan{Messages: []notify.Outgoing{o}}); err != nil {
			return err
		}
		return w.writeMessages(ctx, []notify.Outgoing{o})
	})
	return s.wrap(fmt.Sprintf("queue the message %q", o.Key), err)
}

// MessageKeys gives the keys of all messages on record that exist once, whatever became of them.
func (s *Store) MessageKeys(ctx context.Context) (map[string]bool, error) {
	keys := map[string]bool{}
	_, err := collect(ctx, s.readers, func(rows *sql.Rows) (none struct{}, err error) {
		var key string
		err = rows.Scan(&key)
		keys[key] = true
		return none, err
	}, `SELECT unique_key FROM message WHERE unique_key <> ''`)
	return keys, s.wrap("read the keys of messages", err)
}
