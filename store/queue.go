package store

import (
	"context"
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
