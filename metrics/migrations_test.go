package metrics

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"

	"jwtsunset/credential"
)

// migrationsOfSeeded has one of everything: a credential that is asked for, one in flight, an attested one that a read
// has shown to be migrated, and counts of what was before.
func migrationsOfSeeded() *Migrations {
	return &Migrations{
		States: map[string]map[string]Requested{"acme": {
			id(1): {State: credential.StateRequested}, id(2): {State: credential.StateAttested},
			id(4): {State: credential.StateRunning},
		}},
		Results: map[string]map[string]int{
			"acme":   {"migrated": 7, "attested": 2, "failed": 1, "refused": 1, "needs_attention": 3},
			"closed": {"migrated": 5},
		},
		Decisions: map[string]int{"approve": 12, "decline": 2, "revoke": 1, "override": 1, "cancel": 1, "refused": 4},
		Watched: map[string]map[string]int{
			"acme": {"open": 4, "sound": 2, "unconfirmed": 1, "alarm": 1}, "closed": {"open": 1},
		},
		Pending: 1, OldestPending: noon.Add(-5 * time.Hour), OldestWaiting: noon.Add(-20 * time.Minute),
		NeedingAttention: 2, InFlight: true, Began: noon.Add(-6 * time.Second),
		Paused: map[string]bool{"in-flight": true, "pause": true}, Leader: true,
	}
}

func migrating() *Metrics {
	m := published(Options{Organizations: []string{"acme", "fresh"}}, seeded())
	m.PublishMigrations(migrationsOfSeeded())
	return m
}

func TestMigrationsState(t *testing.T) {
	m := migrating()
	families := gather(t, m)
	for name, n := range map[string]float64{
		"approvals_pending": 1, "approval_oldest_pending_timestamp_seconds": float64(noon.Unix() - 5*3600),
		"migration_oldest_waiting_timestamp_seconds": float64(noon.Unix() - 1200), "migrations_needing_attention": 2,
		"migration_in_progress": 1, "migration_started_timestamp_seconds": float64(noon.Unix() - 6), "leader": 1,
	} {
		want(t, families, n, name)
	}
	for decision, n := range migrationsOfSeeded().Decisions {
		want(t, families, float64(n), "approval_decisions_total", "decision", decision)
	}
	for result, n := range migrationsOfSeeded().Results["acme"] {
		want(t, families, float64(n), "migrations_total", "organization", "acme", "result", result)
		want(t, families, 0, "migrations_total", "organization", "fresh", "result", result)
		wantAbsent(t, families, "migrations_total", "organization", "closed", "result", result)
	}
	for watch, n := range migrationsOfSeeded().Watched["acme"] {
		want(t, families, float64(n), "migrations_watched", "organization", "acme", "watch", watch)
		want(t, families, 0, "migrations_watched", "organization", "fresh", "watch", watch)
	}
	for _, cause := range pauseCauses() {
		want(t, families, number(cause == "in-flight" || cause == "pause"), "migrations_paused", "cause", cause)
	}
	for name, n := range map[string]int{
		"approval_decisions_total": 6, "migrations_total": 10, "migrations_watched": 8, "migrations_paused": 11,
	} {
		if got := children(t, m, name); got != n {
			t.Errorf("%s has %d series, want %d", name, got, n)
		}
	}
	for _, name := range []string{"approval_decisions_total", "migrations_total"} {
		if f := families[namespace+"_"+name]; f.GetType() != dto.MetricType_COUNTER {
			t.Errorf("%s is a %s", name, f.GetType())
		}
	}
	if problems, err := testutil.GatherAndLint(m.Registry()); err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
}

// Without any request everything is there at zero.
func TestMigrationsStartAtZero(t *testing.T) {
	m := published(Options{Organizations: []string{"acme"}}, seeded())
	m.PublishMigrations(&Migrations{})
	families := gather(t, m)
	for _, f := range migrationFamilies() {
		series := families[f.Name].GetMetric()
		if len(series) == 0 {
			t.Errorf("%s is absent", f.Name)
		}
		for _, s := range series {
			if n := s.GetGauge().GetValue() + s.GetCounter().GetValue(); n != 0 {
				t.Errorf("%s%v is %v", f.Name, labelsOf(s), n)
			}
		}
	}
	want(t, families, 1, "credential_info", "credential_id", id(1), "state", "affected")
}

// What was never read is absent, and credentials are as scans tell.
func TestMigrationsAreAbsentUntilRead(t *testing.T) {
	m := New(Options{Organizations: []string{"acme"}, SeriesLimit: all})
	m.PublishMigrations(migrationsOfSeeded())
	families := gather(t, m)
	for _, f := range migrationFamilies() {
		if families[f.Name] != nil {
			t.Errorf("%s is there before the credentials were loaded", f.Name)
		}
	}
	families = gather(t, published(Options{Organizations: []string{"acme"}}, seeded()))
	for _, f := range migrationFamilies() {
		if families[f.Name] != nil {
			t.Errorf("%s is there before requests were read", f.Name)
		}
	}
	want(t, families, 1, "credential_info", "credential_id", id(1), "state", "affected")
	m.Publish(seeded())
	families = gather(t, m)
	want(t, families, 2, "migrations_needing_attention")
	want(t, families, 1, "credential_info", "credential_id", id(1), "state", "requested")
}

// The state of a credential that a request gives moves it in all three families, and is the same in each.
func TestStatesOfRequests(t *testing.T) {
	families := gather(t, migrating())
	want(t, families, 1, "credential_info", "credential_id", id(1), "state", "requested")
	want(t, families, 1, "credential_info", "credential_id", id(4), "state", "running")
	want(t, families, 1, "credential_info", "credential_id", id(2), "state", "migrated")
	want(t, families, 1, "credential_open", "credential_id", id(4))
	want(t, families, 1, "credentials", "organization", "acme", "kind", "query-service", "auth_method", "unknown",
		"state", "requested")
	want(t, families, 0, "credentials", "organization", "acme", "kind", "query-service", "auth_method", "unknown",
		"state", "affected")
	want(t, families, 1, "credentials", "organization", "acme", "kind", "developer-console", "auth_method", "jwt",
		"state", "running")
	want(t, families, 1, "sandbox_credentials", "sandbox", "prod", "state", "requested")
	want(t, families, 0, "sandbox_credentials", "sandbox", "prod", "state", "affected")
	want(t, families, 0, "sandbox_credentials", "sandbox", "prod", "state", "attested")
	wantOneStateEach(t, families, 5)
}

// wantOneStateEach fails unless so many credentials are counted, none twice.
func wantOneStateEach(t *testing.T, families map[string]*dto.MetricFamily, n float64) {
	t.Helper()
	var sum float64
	for _, m := range families["jwtsunset_credentials"].GetMetric() {
		sum += m.GetGauge().GetValue()
	}
	if sum != n {
		t.Errorf("%v credentials are counted, want %v", sum, n)
	}
}

// For everything that scans can tell, and every state that a request can give.
func TestStateOf(t *testing.T) {
	read := map[string]credential.Credential{
		"unknown": {AuthMethod: credential.AuthUnknown, Presence: credential.Present},
		"jwt":     {AuthMethod: credential.AuthJWT, Presence: credential.Present},
		"both":    {AuthMethod: credential.AuthBoth, Presence: credential.Present},
		"oauth":   {AuthMethod: credential.AuthOAuth, Presence: credential.Present},
		"gone":    {AuthMethod: credential.AuthUnknown, Presence: credential.Gone},
		"exempt":  {AuthMethod: credential.AuthUnknown, Presence: credential.Present, Excluded: "rule"},
		"exempt jwt": {
			AuthMethod: credential.AuthJWT, Presence: credential.Present, Excluded: "rule",
		},
	}
	for name, c := range read {
		unread := name == "unknown" || name == "exempt"
		for _, asked := range append(credential.States(), "", "ana@example.com") {
			for _, ago := range []time.Duration{-time.Hour, 0, time.Hour} { // from the read-back to the scan
				want := c.State()
				switch {
				case slices.Contains(credential.States()[1:6], asked): // requested to needs_attention
					want = asked
				case asked == credential.StateAttested && unread:
					want = asked
				case asked == credential.StateMigrated && (unread || ago < 0 && name != "gone"):
					want = asked
				}
				if got := stateOf(&c, Requested{asked, noon}, noon.Add(ago)); got != want {
					t.Errorf("read as %s, scanned %v later, asked %q: %s, want %s", name, ago, asked, got, want)
				}
			}
		}
	}
}

// What was read back as migrated stays so until a scan that read everything since tells something else. One that did
// not see everything changes nothing.
func TestReadBackAsMigrated(t *testing.T) {
	s := uniform(1, credential.AuthJWT)
	m := published(Options{}, s)
	m.PublishMigrations(&Migrations{States: map[string]map[string]Requested{
		"acme": {id(0): {State: credential.StateMigrated, Read: noon.Add(time.Minute)}},
	}})
	wantState := func(state string, open float64) {
		t.Helper()
		families := gather(t, m)
		want(t, families, 1, "credential_info", "credential_id", id(0), "state", state)
		want(t, families, open, "credential_open", "credential_id", id(0))
		wantOneStateEach(t, families, 1)
	}
	wantState("migrated", 0)
	scanned := func(complete bool) {
		next := uniform(1, credential.AuthJWT)
		o := &next.Organizations[0]
		o.Last.Started, o.Last.Finished = noon.Add(time.Hour), noon.Add(time.Hour+time.Second)
		if o.Last.Complete = complete; complete {
			o.LastSuccess = o.Last.Finished
		}
		m.Publish(next)
	}
	scanned(false)
	wantState("migrated", 0)
	scanned(true)
	wantState("affected", 1)
}

// Nothing is left to do for an attested credential until a read says otherwise.
func TestAttestedIsNotOpen(t *testing.T) {
	s := seeded()
	m := published(reminding(), s)
	m.PublishReminders(remindersOfSeeded())
	m.PublishMigrations(&Migrations{
		States: map[string]map[string]Requested{"acme": {id(1): {State: credential.StateAttested}}},
	})
	families := gather(t, m)
	want(t, families, 0, "credential_open", "credential_id", id(1))
	want(t, families, 1, "credential_info", "credential_id", id(1), "state", "attested", "deadline_reason", "")
	wantAbsent(t, families, "credential_deadline_timestamp_seconds", "credential_id", id(1))
	wantAbsent(t, families, "credential_remaining_seconds", "credential_id", id(1))
	want(t, families, 0, "credentials_by_contact", "organization", "acme", "contact", "delivered")
	want(t, families, 1, "credentials_by_contact", "organization", "acme", "contact", "none")
	want(t, families, 1, "sandbox_credentials", "sandbox", "prod", "state", "attested")

	again := seeded()
	again.Organizations[0].Credentials[0].AuthMethod = credential.AuthJWT
	m.Publish(again)
	families = gather(t, m)
	want(t, families, 1, "credential_open", "credential_id", id(1))
	want(t, families, 1, "credential_info", "credential_id", id(1), "state", "affected")
}

// The same id in another organization is another credential.
func TestStatesBelongToAnOrganization(t *testing.T) {
	s := seeded()
	s.Organizations[1].Credentials = []credential.Credential{s.Organizations[0].Credentials[0]}
	m := published(Options{}, s)
	m.PublishMigrations(migrationsOfSeeded())
	families := gather(t, m)
	want(t, families, 1, "credential_info", "organization", "fresh", "credential_id", id(1), "state", "affected")
	want(t, families, 1, "credential_info", "organization", "acme", "credential_id", id(1), "state", "requested")
}

func TestUnknownWordsOfMigrations(t *testing.T) {
	const person = "ana@example.com"
	m := published(Options{Organizations: []string{"acme", "acme"}}, seeded())
	m.PublishMigrations(&Migrations{
		States:    map[string]map[string]Requested{"acme": {id(1): {State: person}}, person: {person: {State: person}}},
		Results:   map[string]map[string]int{"acme": {person: 1, "migrated": 2}},
		Decisions: map[string]int{person: 3}, Watched: map[string]map[string]int{"acme": {person: 4}},
		Paused: map[string]bool{person: true},
	})
	families := gather(t, m)
	want(t, families, 1, "migrations_total", "organization", "acme", "result", "other")
	want(t, families, 2, "migrations_total", "organization", "acme", "result", "migrated")
	want(t, families, 3, "approval_decisions_total", "decision", "other")
	want(t, families, 4, "migrations_watched", "organization", "acme", "watch", "other")
	if strings.Contains(scrape(t, m, nil).Body.String(), "@") {
		t.Error("an address stands in the exposition")
	}
}

func TestMigrationDuration(t *testing.T) {
	m := New(Options{})
	histogram := func() *dto.Histogram {
		return gather(t, m)["jwtsunset_migration_duration_seconds"].GetMetric()[0].GetHistogram()
	}
	if h := histogram(); h.GetSampleCount() != 0 || len(h.GetBucket()) != 18 {
		t.Errorf("it starts as %v", h)
	}
	for _, d := range []time.Duration{8700 * time.Millisecond, 9400 * time.Millisecond, time.Hour, -time.Second} {
		m.MigrationTook(d)
	}
	h := histogram()
	if h.GetSampleCount() != 4 || h.GetSampleSum() != 8.7+9.4+3600 {
		t.Errorf("%d in all, %v seconds", h.GetSampleCount(), h.GetSampleSum())
	}
	atMost := map[float64]uint64{1: 1, 8.5: 1, 9: 2, 9.5: 3, 120: 3}
	for _, b := range h.GetBucket() {
		if n, ok := atMost[b.GetUpperBound()]; ok && b.GetCumulativeCount() != n {
			t.Errorf("%d took at most %v s, want %d", b.GetCumulativeCount(), b.GetUpperBound(), n)
		}
	}
}

// Every scrape sees one state of migrations, whole, and with the credentials it was joined to.
func TestNoTornMigrationsUnderConcurrentPublish(t *testing.T) {
	const size = 200
	m := published(Options{Organizations: []string{"acme"}}, uniform(size, credential.AuthUnknown))
	shapes := []*Migrations{
		uniformMigrations(size, credential.StateRequested), uniformMigrations(size, credential.StateAttested),
	}
	m.PublishMigrations(shapes[0])
	stop := make(chan struct{})
	var swapping sync.WaitGroup
	swapping.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			m.PublishMigrations(shapes[i%2])
		}
	})
	for range 40 {
		families := gather(t, m)
		pending, _ := value(t, families, "approvals_pending")
		want(t, families, pending, "credentials", "kind", "query-service", "auth_method", "unknown", "state", "requested")
		want(t, families, size-pending, "credentials", "kind", "query-service", "auth_method", "unknown", "state", "attested")
		wantOneStateEach(t, families, size)
	}
	close(stop)
	swapping.Wait()
}

func uniformMigrations(size int, state credential.State) *Migrations {
	x := &Migrations{States: map[string]map[string]Requested{"acme": {}}}
	for i := range size {
		x.States["acme"][id(i)] = Requested{State: state}
	}
	if state == credential.StateRequested {
		x.Pending = size
	}
	return x
}

// BenchmarkPublishMigrations is what one publication costs with 100,000 credentials, all of which were asked for.
func BenchmarkPublishMigrations(b *testing.B) {
	const size = 100_000
	m := published(Options{Organizations: []string{"acme"}}, uniform(size, credential.AuthUnknown))
	x := []*Migrations{
		uniformMigrations(size, credential.StateRequested), uniformMigrations(size, credential.StateRequested),
	}
	b.Run("same", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			m.PublishMigrations(x[i%2])
		}
	})
	x[0].Pending = 0
	b.Run("other", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			m.PublishMigrations(x[i%2])
		}
	})
}

// Whatever changes, and nothing else, makes a new view.
func TestMigrationsAreComparedWhole(t *testing.T) {
	if !migrationsOfSeeded().equal(migrationsOfSeeded()) || (*Migrations)(nil).equal(migrationsOfSeeded()) ||
		migrationsOfSeeded().equal(nil) || !(*Migrations)(nil).equal(nil) {
		t.Error("the same are told apart, or something from nothing is not")
	}
	for name, change := range map[string]func(*Migrations){
		"state":    func(x *Migrations) { x.States["acme"][id(1)] = Requested{State: credential.StateApproved} },
		"one more": func(x *Migrations) { x.States["acme"][id(9)] = Requested{} },
		"one less": func(x *Migrations) { delete(x.States["acme"], id(1)) },
		"results":  func(x *Migrations) { x.Results["acme"]["failed"]++ },
		"decision": func(x *Migrations) { x.Decisions["approve"]++ },
		"watched":  func(x *Migrations) { x.Watched["acme"]["alarm"]++ },
		"paused":   func(x *Migrations) { x.Paused["off"] = true },
		"waiting":  func(x *Migrations) { x.OldestWaiting = noon },
		"leader":   func(x *Migrations) { x.Leader = false },
	} {
		x := migrationsOfSeeded()
		if change(x); x.equal(migrationsOfSeeded()) || migrationsOfSeeded().equal(x) {
			t.Errorf("%s: no difference is seen", name)
		}
	}
}
