package metrics

import (
	"strings"
	"sync"
	"testing"
	"time"

	"jwtsunset/credential"
)

// reminded publishes the seeded state with its reminders.
func reminded() *Metrics {
	m := published(reminding(), seeded())
	m.PublishReminders(remindersOfSeeded())
	return m
}

func TestRemindersState(t *testing.T) {
	m := reminded()
	families := gather(t, m)
	want(t, families, float64(noon.Unix()-600), "reminders_last_run_timestamp_seconds")
	want(t, families, float64(noon.Unix()-72*3600), "reminder_oldest_due_timestamp_seconds")
	want(t, families, float64(noon.Unix()-3600), "notification_oldest_queued_timestamp_seconds")
	want(t, families, 3, "notification_queue_length", "channel", "slack")
	want(t, families, 0, "notification_queue_length", "channel", "webhook")
	for name, n := range map[string]int{
		"notification_queue_length": 2, "reminders_waiting": 5,
		"credentials_by_contact": 5, "answers": 4, // of acme only: nothing of fresh was ever read
		"credentials_owner_unknown": 1, "credentials_silent": 1, "promises_broken": 1,
	} {
		if got := children(t, m, name); got != n {
			t.Errorf("%s has %d series, want %d", name, got, n)
		}
	}
}

// Only open credentials count; of one that is migrated the contact stands in credential_info and nowhere else.
func TestOnlyOpenCredentialsCount(t *testing.T) {
	m := reminded()
	families := gather(t, m)
	for contact, n := range map[string]float64{
		"none": 1, "delivered": 1, "acknowledged": 0, "guessed": 0, "unreachable": 0,
	} {
		want(t, families, n, "credentials_by_contact", "organization", "acme", "contact", contact)
	}
	for kind, n := range map[string]float64{"will-migrate": 1, "blocked": 0, "retire": 0, "snooze": 0} {
		want(t, families, n, "answers", "organization", "acme", "kind", kind)
	}
	for _, name := range []string{"credentials_owner_unknown", "credentials_silent", "promises_broken"} {
		want(t, families, 1, name, "organization", "acme")
	}
	want(t, families, 1, "reminders_waiting", "reason", "old-evidence")
	want(t, families, 0, "reminders_waiting", "reason", "run-limit")
	for n, contact := range map[int]string{1: "delivered", 2: "acknowledged", 4: "none", 5: "none"} {
		want(t, families, 1, "credential_info", "credential_id", id(n), "contact", contact)
	}

	// A scan that shows the migration ends what was counted of the credential, without a run in between.
	s := seeded()
	s.Organizations[0].Credentials[0].AuthMethod = credential.AuthOAuth
	m.Publish(s)
	families = gather(t, m)
	want(t, families, 0, "credentials_by_contact", "organization", "acme", "contact", "delivered")
	want(t, families, 0, "promises_broken", "organization", "acme")
	want(t, families, 1, "credential_info", "credential_id", id(1), "contact", "delivered", "state", "migrated")
}

// Two credentials with the same standing count as two, and each id has its own.
func TestStandingsAddUp(t *testing.T) {
	const size = 20
	m := published(reminding(), uniform(size, credential.AuthJWT))
	standings := map[string]Standing{}
	for i := range 12 {
		standings[id(i)] = Standing{
			Contact: "guessed", Silent: i < 7, OwnerUnknown: i < 3, PromiseBroken: i < 2, Answer: "blocked",
			Waiting: "look-up-failed",
		}
	}
	m.PublishReminders(&Reminders{Standings: map[string]map[string]Standing{"acme": standings}})
	families := gather(t, m)
	want(t, families, 12, "credentials_by_contact", "organization", "acme", "contact", "guessed")
	want(t, families, size-12, "credentials_by_contact", "organization", "acme", "contact", "none")
	want(t, families, 7, "credentials_silent", "organization", "acme")
	want(t, families, 3, "credentials_owner_unknown", "organization", "acme")
	want(t, families, 2, "promises_broken", "organization", "acme")
	want(t, families, 12, "answers", "organization", "acme", "kind", "blocked")
	want(t, families, 12, "reminders_waiting", "reason", "look-up-failed")
	for _, name := range []string{
		"reminders_last_run_timestamp_seconds", "reminder_oldest_due_timestamp_seconds",
		"notification_oldest_queued_timestamp_seconds",
	} {
		want(t, families, 0, name)
	}
}

// What is not known is absent: before a run examined an organization, before anything of it was read, before anything
// was published, and after reminders are switched off.
func TestAbsentRatherThanWrong(t *testing.T) {
	m := New(reminding())
	m.PublishReminders(remindersOfSeeded())
	families := gather(t, m)
	for _, f := range reminderFamilies() {
		if families[f.Name] != nil {
			t.Errorf("%s is there before the credentials were loaded", f.Name)
		}
	}
	m.Publish(seeded())
	want(t, gather(t, m), 3, "notification_queue_length", "channel", "slack")

	r := remindersOfSeeded()
	r.Standings = map[string]map[string]Standing{"fresh": {}}
	m.PublishReminders(r)
	families = gather(t, m)
	for _, name := range []string{"credentials_by_contact", "answers", "credentials_owner_unknown"} {
		wantAbsent(t, families, name, "organization", "acme")  // not examined
		wantAbsent(t, families, name, "organization", "fresh") // not read
	}
	want(t, families, 1, "credential_info", "credential_id", id(1), "contact", "none")

	m.PublishReminders(nil)
	families = gather(t, m)
	for _, f := range reminderFamilies() {
		if families[f.Name] != nil {
			t.Errorf("%s is there although reminders are not configured", f.Name)
		}
	}
}

func TestUnknownWords(t *testing.T) {
	const person = "ana@example.com"
	m := published(reminding(), seeded())
	m.PublishReminders(&Reminders{
		Queued: map[string]int{person: 2, "pigeon": 1, "slack": 1},
		Standings: map[string]map[string]Standing{"acme": {
			id(1): {Contact: person, Answer: person, Waiting: person}, id(4): {Answer: "not-mine", Waiting: "other"},
			person: {Contact: "delivered"},
		}},
	})
	families := gather(t, m)
	want(t, families, 3, "notification_queue_length", "channel", "other")
	want(t, families, 1, "notification_queue_length", "channel", "slack")
	want(t, families, 2, "answers", "organization", "acme", "kind", "other")
	want(t, families, 2, "reminders_waiting", "reason", "other")
	want(t, families, 2, "credentials_by_contact", "organization", "acme", "contact", "none")
	if strings.Contains(scrape(t, m, nil).Body.String(), "@") {
		t.Error("an address stands in the exposition")
	}
}

// The limit on series of single credentials does not touch the counts.
func TestSeriesLimitLeavesReach(t *testing.T) {
	m := reminded()
	o := reminding()
	o.SeriesLimit = 0
	m.Configure(o)
	want(t, gather(t, m), 1, "credentials_by_contact", "organization", "acme", "contact", "delivered")
}

// Every scrape sees one state of reminders, whole, and with the credentials it was joined to.
func TestNoTornRemindersUnderConcurrentPublish(t *testing.T) {
	const size = 300
	snapshot := uniform(size, credential.AuthJWT)
	m := published(reminding(), snapshot)
	states := []*Reminders{uniformReminders(size, "guessed", 1), uniformReminders(size, "delivered", 2)}
	m.PublishReminders(states[0])
	stop := make(chan struct{})
	var swapping sync.WaitGroup
	swapping.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			m.PublishReminders(states[i%2])
			if i%20 == 0 {
				m.Publish(snapshot)
				m.Configure(reminding())
			}
		}
	})
	defer func() {
		close(stop)
		swapping.Wait()
	}()
	for range 40 {
		wantOneState(t, m, size)
	}
}

func uniformReminders(size int, contact string, at int64) *Reminders {
	standings := map[string]Standing{}
	for i := range size {
		standings[id(i)] = Standing{Contact: contact}
	}
	return &Reminders{
		LastRun: time.Unix(at, 0), Queued: map[string]int{"slack": int(at)},
		Standings: map[string]map[string]Standing{"acme": standings},
	}
}

func wantOneState(t *testing.T, m *Metrics, size int) {
	t.Helper()
	families := gather(t, m)
	run, _ := value(t, families, "reminders_last_run_timestamp_seconds")
	contact := map[float64]string{1: "guessed", 2: "delivered"}[run]
	want(t, families, run, "notification_queue_length", "channel", "slack")
	want(t, families, float64(size), "credentials_by_contact", "organization", "acme", "contact", contact)
	for _, series := range families["jwtsunset_credential_info"].GetMetric() {
		if got := labelsOf(series)["contact"]; got != contact {
			t.Errorf("torn state: a credential's contact is %s, counted are %s", got, contact)
		}
	}
}
