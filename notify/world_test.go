package notify_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"jwtsunset/credential"
	"jwtsunset/notify"
)

// world is an organization that goes on living while the program reminds its people: credentials are found, migrated
// and given to others, owners answer, leave and are locked out, Slack fails, and the program is restarted.
type world struct {
	t      *testing.T
	random *rand.Rand
	now    time.Time
	policy *notify.Policy

	people      map[string]*notify.Person
	credentials []*credential.Credential
	openUntil   map[string]time.Time
	ownerSince  map[string]time.Time
	answers     int64

	ledger  *notify.Rehearsal
	slack   *pretendSlack
	courier *notify.Courier
}

var begin = time.Date(2024, time.November, 4, 6, 0, 0, 0, time.UTC)

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{
		t: t, random: rand.New(rand.NewPCG(seed, 1)), now: begin, people: map[string]*notify.Person{},
		openUntil: map[string]time.Time{}, ownerSince: map[string]time.Time{}, ledger: notify.NewRehearsal(notify.State{}),
	}
	w.policy = testPolicy()
	w.slack = &pretendSlack{world: w, posts: map[string]post{}}
	zones := []string{"Asia/Taipei", "America/Los_Angeles", "Europe/Berlin", "UTC", "Asia/Kolkata"}
	for i := range 12 {
		address := fmt.Sprintf("owner%d@example.com", i)
		w.people[address] = &notify.Person{
			Standing: notify.StandingActive, ID: fmt.Sprintf("U%03d", i), Zone: zones[i%len(zones)],
		}
	}
	for range 20 {
		w.find()
	}
	w.restart()
	return w
}

func testPolicy() *notify.Policy {
	days := map[time.Weekday]bool{}
	for d := time.Monday; d <= time.Friday; d++ {
		days[d] = true
	}
	return &notify.Policy{
		Deadlines: credential.DefaultDeadlines(), Windows: []int{90, 60, 30, 14, 7, 3, 1}, OverdueDays: 7,
		Hours: notify.Hours{From: 9 * 60, To: 17 * 60, Weekdays: days}, Zone: time.UTC, MinGap: 20 * time.Hour,
		EscalateAfter: 3, RunLimit: 1000, EvidenceAge: 72 * time.Hour, Language: "en",
		Fallback: notify.Recipient{Sink: notify.SinkSlack, Kind: notify.ToChannel, ID: "C0FALLBACK"},
		Owners:   noOwners{}, Sinks: map[notify.SinkName]bool{notify.SinkSlack: true},
	}
}

// noOwners is an operator who maps nobody.
type noOwners struct{}

func (noOwners) Account(string) (string, bool)        { return "", false }
func (noOwners) Owner(string) (notify.Target, bool)   { return notify.Target{}, false }
func (noOwners) Manager(string) (notify.Target, bool) { return notify.Target{}, false }
func (noOwners) Sandbox(string) (notify.Target, bool) { return notify.Target{}, false }
func (noOwners) Language(string) (string, bool)       { return "", false }

// restart begins anew with what the ledger has, as after a crash.
func (w *world) restart() {
	accounts := &notify.Accounts{Memory: w.ledger, Directory: w, Clock: w.clock}
	w.courier = &notify.Courier{
		Ledger: crashing{w.ledger, w}, Sinks: map[notify.SinkName]notify.Sink{notify.SinkSlack: w.slack}, Policy: w.policy,
		LookUp: accounts.LookUp, Current: w.read, Clock: w.clock, Log: slog.New(slog.DiscardHandler), Observer: silent{},
	}
}

func (w *world) clock() time.Time { return w.now }

func (w *world) chance(percent float64) bool { return w.random.Float64()*100 < percent }

// hourly tells whether something happens in this hour that has a chance to happen on a day.
func (w *world) hourly(percentADay float64) bool { return w.chance(percentADay / 24) }

func (w *world) find() {
	c := &credential.Credential{
		Organization: "acme", ID: fmt.Sprintf("C%04d", len(w.credentials)), Kind: credential.QueryService,
		Name: "job", AuthMethod: credential.AuthJWT, Presence: credential.Present, FirstSeen: w.now, Created: w.now,
		Sandboxes: []string{"prod"},
	}
	if w.chance(30) {
		c.Kind = credential.DeveloperConsole
		c.Console.IntegrationID = c.ID
	}
	w.give(c)
	w.credentials = append(w.credentials, c)
}

// give gives a credential to an owner, or to nobody.
func (w *world) give(c *credential.Credential) {
	c.Owner.AssignedTo = fmt.Sprintf("owner%d@example.com", w.random.IntN(14)) // two of them do not exist
	if w.chance(5) {
		c.Owner.AssignedTo = ""
	}
	w.ownerSince[c.ID] = w.now
}

// live lets an hour's events happen.
func (w *world) live() {
	for _, c := range w.credentials {
		if !c.Affected() {
			continue
		}
		switch {
		case w.hourly(0.2):
			c.AuthMethod = credential.AuthOAuth
			w.openUntil[c.ID] = w.now
		case w.hourly(0.3):
			w.give(c)
		case w.hourly(1):
			w.answer(c)
		}
	}
	for _, p := range w.people {
		if w.hourly(0.3) {
			p.Standing = []notify.Standing{notify.StandingActive, notify.StandingDeactivated}[w.random.IntN(2)]
		}
	}
	if w.hourly(4) {
		w.find()
	}
	if w.hourly(5) {
		w.slack.outage = w.now.Add(time.Duration(w.random.IntN(9*24)) * time.Hour)
	}
}

func (w *world) answer(c *credential.Credential) {
	w.answers++
	a := notify.Answer{
		ID: w.answers, Organization: "acme", Credential: c.ID, At: w.now,
		Kind:  notify.AnswerKinds()[w.random.IntN(len(notify.AnswerKinds()))],
		Until: w.now.Truncate(24*time.Hour).AddDate(0, 0, 1+w.random.IntN(40)),
	}
	if a.Kind == notify.AnswerNotMine {
		a.Candidate, a.Until = c.Owner.AssignedTo, time.Time{}
	}
	w.ledger.Answer(a)
}

// run makes a plan, as the schedule has it.
func (w *world) run() notify.Plan {
	accounts := &notify.Accounts{Memory: w.ledger, Directory: w, Clock: w.clock}
	plan, err := w.policy.Run(w.t.Context(), w.ledger, w.organizations(), accounts.LookUp(w.t.Context()), w.clock)
	if err != nil {
		w.t.Fatalf("%s: %v", w.now, err)
	}
	return plan
}

func (w *world) organizations() []notify.Organization {
	o := notify.Organization{Name: "acme", Last: credential.Scan{ID: 1, Started: w.now.Add(-time.Hour)}}
	for _, c := range w.credentials {
		o.Credentials = append(o.Credentials, *c)
	}
	return []notify.Organization{o}
}

func (w *world) read(_ context.Context, organization, id string) (notify.Current, error) {
	for _, c := range w.credentials {
		if c.ID == id {
			return notify.Current{
				Credential: *c, Known: true, Seen: w.now, Answers: w.ledger.Answers(organization, id),
			}, nil
		}
	}
	return notify.Current{}, nil
}

// ByEmail and ByID make the world the directory of its people.
func (w *world) ByEmail(_ context.Context, address string) (notify.Person, error) {
	if w.now.Before(w.slack.outage) {
		return notify.Person{}, &notify.Failure{Class: notify.Later, Reason: "timeout"}
	}
	if p, ok := w.people[address]; ok && p.Standing == notify.StandingActive {
		return *p, nil
	}
	return notify.Person{Standing: notify.StandingNotFound}, nil
}

func (w *world) ByID(context.Context, string) (notify.Person, error) {
	return notify.Person{Standing: notify.StandingNotFound}, nil
}

// crashing is a ledger whose process is killed, now and then, just before it records what became of a message.
type crashing struct {
	*notify.Rehearsal
	world *world
}

var errKilled = errors.New("killed")

func (c crashing) Settle(ctx context.Context, o notify.Outgoing, s notify.Settlement) error {
	c.world.slack.mu.Lock()
	killed := c.world.chance(3)
	c.world.slack.mu.Unlock()
	if killed {
		return errKilled
	}
	return c.Rehearsal.Settle(ctx, o, s)
}

// silent observes nothing.
type silent struct{}

func (silent) Sent(notify.Kind, notify.SinkName, time.Duration)       {}
func (silent) Failed(notify.Kind, notify.SinkName, notify.Reason)     {}
func (silent) Reach(notify.SinkName, bool)                            {}
func (silent) Suppressed(notify.Kind, notify.SinkName, notify.Reason) {}
