package notify_test

import (
	"slices"
	"testing"
	"time"

	"jwtsunset/notify"
)

// TestRefusedOwner shows that what belongs to somebody who takes no message reaches the fallback on the same day: the
// state that is read again right before the sending must not lead back to the owner.
func TestRefusedOwner(t *testing.T) {
	w := newWorld(t, 1)
	w.credentials = w.credentials[:1]
	w.credentials[0].Owner.AssignedTo = "owner2@example.com"
	w.policy.Deadlines[0].At = begin // overdue from the start
	for hour := range 8 {
		w.now = time.Date(2024, time.November, 5, 9+hour, 0, 0, 0, time.UTC)
		w.run()
		w.deliver()
	}
	told := slices.ContainsFunc(w.slack.order, func(p post) bool { return p.To == w.policy.Fallback })
	if !told {
		t.Errorf("posted were %v", w.slack.order)
	}
	for _, e := range w.ledger.Entries("acme", w.credentials[0].ID) {
		if e.Outcome != notify.OutcomeSent {
			t.Errorf("%s ended as %s: %s", e.Step.Name, e.Outcome, e.Reason)
		}
	}
}
