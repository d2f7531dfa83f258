package metrics

import (
	"slices"
	"time"
)

// Reminders is how it stands with the reminders of all organizations. Once published, nobody may change it.
type Reminders struct {
	// LastRun is the end of the latest run that decided about reminders; zero if there was none.
	LastRun time.Time
	// OldestDue is when the oldest step came due that is not taken, OldestQueued when the oldest message that still waits
	// was queued. They are zero where none waits.
	OldestDue, OldestQueued time.Time
	// Queued counts the messages that wait, by channel. A configured channel that is not in it has none.
	Queued map[string]int
	// Standings are by organization, as the configuration names it, and credential id. An organization that is not in it
	// was never examined and has no counts; a credential that is not in its map has the zero Standing.
	Standings map[string]map[string]Standing
}

// Standing is how it stands with the owner of one credential. No field names a person. Of a credential that is not open
// only Contact counts.
type Standing struct {
	// Contact is how far the owner was reached: one of contacts, "none" for any other text.
	Contact string
	// OwnerUnknown is set where the owner is not known or cannot be reached.
	OwnerUnknown bool
	// Silent is set where as many reminders are unanswered as lead to an escalation.
	Silent bool
	// Waiting is why the step that is due cannot be taken; "" if none is due or it can.
	Waiting string
	// Answer is the kind of the answer in force; "" if there is none.
	Answer string
	// PromiseBroken is set where the owner promised a date that has passed.
	PromiseBroken bool
}

// none is the contact of a credential of which nothing is known, and other stands for words that are in no list.
const (
	none  = "none"
	other = "other"
)

// contacts are in the order of reach.
func contacts() []string {
	return []string{none, "unreachable", "guessed", "delivered", "acknowledged"}
}

// answerKinds are those that take the place of reminders.
func answerKinds() []string { return []string{"will-migrate", "blocked", "retire", "snooze"} }

// waitReasons say why a step that is due cannot be taken.
func waitReasons() []string {
	return []string{"look-up-failed", "old-evidence", "nobody-to-tell", "run-limit", "outcome-unknown"}
}

// contact is the Standing's contact as a label.
func (s Standing) contact() string {
	if slices.Contains(contacts(), s.Contact) {
		return s.Contact
	}
	return none
}

// PublishReminders makes r what scrapes show of reminders from now on, as a whole and together with the published
// snapshot, before which nothing of it shows. It is never modified, by nobody. Nil ends the series: reminders are not
// configured.
func (m *Metrics) PublishReminders(r *Reminders) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reminders = r
	m.remake()
}
