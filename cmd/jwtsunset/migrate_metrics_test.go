package main

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jwtsunset/approval"
	"jwtsunset/audit"
	"jwtsunset/config"
	"jwtsunset/credential"
	"jwtsunset/metrics"
	"jwtsunset/migrator"
	"jwtsunset/simulator"
	"jwtsunset/store"
)

// yard is a daemon in the test's own process, with people who decide, and the engine over an Adobe that the test makes
// up. Its line works by the test's clock.
type yard struct {
	*movable
	t      *testing.T
	place  *place
	store  *store.Store
	d      *daemon
	log    capture
	gate   *approval.Gate
	desk   *migrator.Desk
	engine *migrator.Engine
	// fate is what Adobe does at the start of a migration, and truth what a status call reads; without one it cannot.
	fate  func(id string) migrator.Outcome
	truth map[string]migrator.Truth
	// during is called while a start is under way.
	during func()
}

// usual is how long a start takes.
const usual = 8700 * time.Millisecond

func newYard(t *testing.T, credentials int) *yard {
	t.Helper()
	y := &yard{t: t, movable: &movable{now: time.Date(2026, time.November, 23, 10, 0, 0, 0, time.UTC)}}
	y.truth, y.during = map[string]migrator.Truth{}, func() {}
	y.fate = func(string) migrator.Outcome { return migrator.OutcomeAccepted }
	y.place = newPlace(t, simulator.Options{}, "people:", "  - {name: ana, os_user: ana, roles: [approver]}",
		"  - {name: bo, os_user: bo, roles: [approver]}", "  - {name: cy, os_user: cy, roles: [approver]}",
		"approval: {via: [cli]}")
	y.begin()
	var met []credential.Credential
	for n := range credentials {
		c := owed(n, y.time())
		c.AuthMethod, c.Eligible = credential.AuthUnknown, credential.EligibleUnknown
		met, y.truth[c.ID] = append(met, c), migrator.TruthJWT
	}
	meet(t, y.store, y.time().Add(-time.Hour), met)
	y.thaw()
	return y
}

// begin opens the store and makes the daemon, and the engine beside it.
func (y *yard) begin() {
	y.t.Helper()
	a := &app{stdout: io.Discard, stderr: io.Discard, clock: y.time, configPath: y.place.config}
	log := slog.New(slog.NewTextHandler(&y.log, nil))
	r := newRecording(metrics.New(metrics.Options{Clock: y.time, Logger: log, Version: "test"}), log)
	cfg, err := a.loadConfig()
	if err != nil {
		y.t.Fatal(err)
	}
	s, err := a.openStore(y.t.Context(), cfg, log, r.opening())
	if err != nil {
		y.t.Fatal(err)
	}
	d, err := newDaemon(y.t.Context(), cfg, s, r, y.time, log, new(slog.LevelVar))
	if err != nil {
		y.t.Fatal(err)
	}
	y.store, y.d = s, d
	y.t.Cleanup(func() {
		mustStop(y.t, d.jobs)
		if err := s.Close(); err != nil {
			y.t.Error(err)
		}
	})
	policy := approvalPolicy(cfg)
	policy.Methods[credential.QueryService] = approval.MethodQueryService
	rules := migratorRules(cfg)
	rules.Pause, rules.Canary = 0, false
	y.gate = &approval.Gate{Ledger: s.Requests(), Policy: policy, Clock: y.time}
	y.desk = &migrator.Desk{Ledger: s, Policy: policy, Clock: y.time, Quarantine: rules.Quarantine}
	y.engine = &migrator.Engine{
		Ledger: s, Policy: policy, Rules: rules, Reader: y, Sender: thisProcess(), Clock: y.time, Log: log,
		Methods: map[approval.Method]migrator.Method{
			approval.MethodQueryService: &migrator.QueryServiceMethod{Calls: y, Timeout: time.Minute},
		},
		Dead: func(migrator.Sender) bool { return true }, Observe: d.migrationSeen,
		Sleep: func(_ context.Context, d time.Duration) error {
			y.advance(d)
			return nil
		},
	}
}

// Read implements migrator.Reader.
func (y *yard) Read(ctx context.Context, organization, id string) (migrator.Reading, error) {
	c, err := y.store.Credential(ctx, organization, id)
	return migrator.Reading{Subject: approval.Subject{Credential: c, Method: approval.MethodQueryService}}, err
}

// Migrate and Status make it the Adobe of its engine.
func (y *yard) Migrate(_ context.Context, c credential.Credential, s migrator.Start) migrator.Answer {
	if err := s.Before(); err != nil {
		return migrator.Answer{Outcome: migrator.OutcomeNotSent, Err: err}
	}
	y.during()
	y.advance(usual)
	outcome := y.fate(c.ID)
	if outcome == migrator.OutcomeAccepted && y.truth[c.ID] != "" {
		y.truth[c.ID] = migrator.TruthMigrated
	}
	return migrator.Answer{Outcome: outcome}
}

func (y *yard) Status(_ context.Context, c credential.Credential) (migrator.Truth, migrator.Call, bool, error) {
	truth, ok := y.truth[c.ID]
	return truth, migrator.Call{Operation: "status"}, ok, nil
}

func yardHand(name string) approval.Hand {
	return approval.Hand{
		Identity: approval.IdentityOf(approval.SchemeOS, name), Door: audit.DoorCLI, Strength: audit.StrengthOSUser,
	}
}

func (y *yard) thaw() {
	y.t.Helper()
	if _, err := y.gate.Thaw(y.t.Context(), yardHand("cy"), approval.Thaw{Reason: "test", New: true}); err != nil {
		y.t.Fatal(err)
	}
}

// ask makes ana's request for the n-th credential.
func (y *yard) ask(n int) approval.Request {
	y.t.Helper()
	reading, err := y.Read(y.t.Context(), "acme", owed(n, y.time()).ID)
	if err != nil {
		y.t.Fatal(err)
	}
	subject := reading.Subject
	subject.Verdict = y.gate.Policy.Judgement.Judge(subject.Method, subject.Credential, reading.Evidence, y.time())
	r, _, err := y.gate.Request(y.t.Context(), subject, approval.Ask{Hand: yardHand("ana")})
	if err != nil {
		y.t.Fatal(err)
	}
	return r
}

func (y *yard) decide(r approval.Request, kind approval.DecisionKind, by string) error {
	_, err := y.gate.Decide(y.t.Context(), r.ID, approval.Verb{
		Kind: kind, Hand: yardHand(by), Fingerprint: r.Fingerprint, Reason: "test",
	})
	return err
}

// approved asks for the migration of the n-th credential, which bo approves.
func (y *yard) approved(n int) approval.Request {
	y.t.Helper()
	r := y.ask(n)
	if err := y.decide(r, approval.DecisionApprove, "bo"); err != nil {
		y.t.Fatal(err)
	}
	return r
}

// migrated is approved with what the engine makes of it.
func (y *yard) migrated(n int, want approval.State) approval.Request {
	y.t.Helper()
	r := y.approved(n)
	for worked := true; worked; {
		var err error
		if worked, err = y.engine.Tick(y.t.Context()); err != nil {
			y.t.Fatal(err)
		}
	}
	m, err := y.store.Migration(y.t.Context(), r.ID)
	if err != nil || m.State != want {
		y.t.Fatalf("credential %d is %s: %s, %v, want %s", n, m.State, m.Why, err, want)
	}
	return r
}

func (y *yard) say(r approval.Request, w migrator.Word) {
	y.t.Helper()
	if _, err := y.desk.Say(y.t.Context(), r.ID, w, yardHand("cy"), "seen"); err != nil {
		y.t.Fatal(err)
	}
}

// scrape reads /metrics.
func (y *yard) scrape() samples {
	y.t.Helper()
	server := httptest.NewServer(y.d.metrics.Handler())
	defer server.Close()
	d := &daemonProcess{
		process: &process{t: y.t}, address: strings.TrimPrefix(server.URL, "http://"), client: server.Client(),
	}
	return d.scrape()
}

// shown publishes as the job does and reads /metrics.
func (y *yard) shown() samples {
	y.t.Helper()
	if err := y.d.showMigrations(y.t.Context()); err != nil {
		y.t.Fatal(err)
	}
	return y.scrape()
}

// queue is what the command of that name shows.
func (y *yard) queue(format string) string {
	y.t.Helper()
	var out strings.Builder
	a := &app{stdout: &out, clock: y.time, configPath: y.place.config}
	cfg, err := a.loadConfig()
	if err == nil {
		err = a.queue(y.t.Context(), cfg, y.store, format)
	}
	if err != nil {
		y.t.Fatal(err)
	}
	return out.String()
}

// TestCanaryIsShown shows in the queue and in the metrics that a request waits for the first one by its method, and only
// while one does.
func TestCanaryIsShown(t *testing.T) {
	t.Parallel()
	y := newYard(t, 2)
	y.engine.Rules.Canary = true
	const paused, why = `jwtsunset_migrations_paused{cause="canary"}`, "waits for the first one by query-service"
	y.shown().want(t, paused, 0)
	y.migrated(0, approval.StateMigrated)
	y.shown().want(t, paused, 0)
	y.migrated(1, approval.StateApproved)
	y.shown().want(t, paused, 1)
	if s := y.queue("table"); !strings.Contains(s, why) {
		t.Errorf("the queue says\n%s", s)
	}
	if s := y.queue("json"); !strings.Contains(s, `"hold": "canary"`) || !strings.Contains(s, why) {
		t.Errorf("the queue says\n%s", s)
	}
	y.advance(25 * time.Hour)
	if _, err := y.engine.Tick(t.Context()); err != nil { // with which the watch ends
		t.Fatal(err)
	}
	y.shown().want(t, paused, 0)
	if s := y.queue("table"); strings.Contains(s, why) {
		t.Errorf("the queue says\n%s", s)
	}
}

// wantStates fails unless so many credentials are in each state, in all families, and all others at zero.
func (s samples) wantStates(t *testing.T, want map[credential.State]float64) {
	t.Helper()
	got, infos := map[credential.State]float64{}, map[credential.State]float64{}
	for series, n := range s {
		for _, state := range credential.States() {
			if !strings.Contains(series, fmt.Sprintf("state=%q", state)) {
				continue
			}
			switch {
			case strings.HasPrefix(series, "jwtsunset_credentials{"):
				got[state] += n
			case strings.HasPrefix(series, "jwtsunset_credential_info{"):
				infos[state] += n
			}
		}
	}
	all := map[credential.State]float64{}
	for _, state := range credential.States() {
		all[state] = want[state]
	}
	if diff := cmp.Diff(all, got); diff != "" {
		t.Errorf("states that are counted (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, infos); diff != "" {
		t.Errorf("states of credentials (-want +got):\n%s", diff)
	}
}

// TestMigrationMetrics takes requests into every state, by the gate, the desk and the engine themselves, and looks at
// what a daemon shows of it: while one is in flight, in the end, and after a restart.
func TestMigrationMetrics(t *testing.T) {
	t.Parallel()
	y := newYard(t, 10)
	if err := y.d.publishAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	y.scrape().wantStates(t, map[credential.State]float64{credential.StateAffected: 10})

	inFlight := 0
	y.during = func() {
		inFlight++
		s := y.shown()
		s.want(t, "jwtsunset_migration_in_progress", 1)
		s.wantTime(t, "jwtsunset_migration_started_timestamp_seconds", y.time())
		s.want(t, "jwtsunset_leader", 1)
		s.want(t, `jwtsunset_migrations_paused{cause="in-flight"}`, 1)
		s.wantStates(t, map[credential.State]float64{credential.StateAffected: 9, credential.StateRunning: 1})
	}
	y.migrated(3, approval.StateMigrated)
	y.during = func() {}
	if inFlight != 1 {
		t.Fatalf("%d starts were seen", inFlight)
	}
	y.fate = func(string) migrator.Outcome { return migrator.OutcomeRefused }
	y.migrated(4, approval.StateFailed)
	y.fate = func(string) migrator.Outcome { return migrator.OutcomeUnknown }
	delete(y.truth, owed(5, y.time()).ID)
	y.say(y.migrated(5, approval.StateNeedsAttention), migrator.WordMigrated)
	y.thaw()
	y.say(y.migrated(7, approval.StateNeedsAttention), migrator.WordNotMigrated)
	y.thaw()
	y.migrated(6, approval.StateNeedsAttention)

	asked := y.time()
	y.ask(1)
	y.advance(time.Minute)
	for kind, r := range map[approval.DecisionKind]approval.Request{
		approval.DecisionDecline: y.ask(8), approval.DecisionRevoke: {},
	} {
		if kind == approval.DecisionRevoke {
			y.thaw()
			r = y.approved(9)
		}
		if err := y.decide(r, kind, "bo"); err != nil {
			t.Fatal(err)
		}
	}
	again := y.ask(5) // and declined: that it was attested stays so
	if err := y.decide(again, approval.DecisionDecline, "bo"); err != nil {
		t.Fatal(err)
	}
	approvedAt := y.time()
	last := y.approved(2)
	for _, by := range []string{"ana", "nobody"} {
		if err := y.decide(last, approval.DecisionApprove, by); err == nil {
			t.Errorf("%s may approve", by)
		}
	}
	y.advance(time.Hour)

	check := func(s samples) {
		t.Helper()
		s.wantStates(t, map[credential.State]float64{
			credential.StateAffected: 5, credential.StateRequested: 1, credential.StateApproved: 1,
			credential.StateNeedsAttention: 1, credential.StateMigrated: 1, credential.StateAttested: 1,
		})
		for result, n := range map[string]float64{
			"migrated": 1, "attested": 1, "failed": 1, "refused": 1, "needs_attention": 3,
		} {
			s.want(t, fmt.Sprintf(`jwtsunset_migrations_total{organization="acme",result=%q}`, result), n)
		}
		for decision, n := range map[string]float64{
			"approve": 7, "decline": 2, "revoke": 1, "override": 0, "cancel": 0, "refused": 2,
		} {
			s.want(t, fmt.Sprintf("jwtsunset_approval_decisions_total{decision=%q}", decision), n)
		}
		for watch, n := range map[string]float64{"open": 1, "sound": 0, "unconfirmed": 0, "alarm": 0} {
			s.want(t, fmt.Sprintf(`jwtsunset_migrations_watched{organization="acme",watch=%q}`, watch), n)
		}
		s.want(t, "jwtsunset_approvals_pending", 1)
		s.wantTime(t, "jwtsunset_approval_oldest_pending_timestamp_seconds", asked)
		s.wantTime(t, "jwtsunset_migration_oldest_waiting_timestamp_seconds", approvedAt)
		s.want(t, "jwtsunset_migrations_needing_attention", 1)
		s.want(t, "jwtsunset_migration_in_progress", 0)
		s.want(t, "jwtsunset_migration_started_timestamp_seconds", 0)
		s.want(t, "jwtsunset_leader", 0) // the lease has run out
		s.want(t, `jwtsunset_migrations_paused{cause="off"}`, 1)
		s.want(t, `jwtsunset_migrations_paused{cause="in-flight"}`, 0)
	}
	s := y.shown()
	check(s)
	s.want(t, "jwtsunset_migration_duration_seconds_count", 1)
	s.want(t, "jwtsunset_migration_duration_seconds_sum", usual.Seconds())
	check(y.shown()) // nothing is counted twice

	// A restart counts the same from the log.
	y.begin()
	s = y.scrape()
	check(s)
	s.want(t, "jwtsunset_migration_duration_seconds_count", 0)
}

// TestMigrationMetricsStay takes away what the metrics are read from: what is shown stays, and the log says so.
func TestMigrationMetricsStay(t *testing.T) {
	t.Parallel()
	y := newYard(t, 4)
	y.ask(0)
	if err := y.d.publishAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	states := map[credential.State]float64{credential.StateAffected: 3, credential.StateRequested: 1}
	y.scrape().wantStates(t, states)
	for i, statement := range []string{
		"UPDATE migration_line SET body = '{'", "UPDATE migration SET body = '{'",
		"ALTER TABLE audit_entry RENAME TO elsewhere",
	} {
		y.ask(i + 1)
		db, err := sql.Open("sqlite", y.place.database())
		if err != nil {
			t.Fatal(err)
		}
		before := decodeTables(t, db)
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
		failed := strings.Count(y.log.String(), "the metrics of migrations are not up to date")
		y.d.publishMigrations(t.Context())
		if n := strings.Count(y.log.String(), "the metrics of migrations are not up to date"); n != failed+1 {
			t.Errorf("%s: the log says\n%s", statement, y.log.String())
		}
		s := y.scrape()
		s.want(t, "jwtsunset_approvals_pending", 1)
		s.wantStates(t, states)
		before.restore(t, db, statement)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	y.shown().want(t, "jwtsunset_approvals_pending", 4)
}

// kept is what the tables held before they were damaged.
type keptTables struct{ line, migration map[string]string }

func decodeTables(t *testing.T, db *sql.DB) keptTables {
	t.Helper()
	read := func(query string) map[string]string {
		rows, err := db.QueryContext(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		bodies := map[string]string{}
		for rows.Next() {
			var id, body string
			if err := rows.Scan(&id, &body); err != nil {
				t.Fatal(err)
			}
			bodies[id] = body
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		return bodies
	}
	return keptTables{read("SELECT one, body FROM migration_line"), read("SELECT id, body FROM migration")}
}

func (k keptTables) restore(t *testing.T, db *sql.DB, statement string) {
	t.Helper()
	if strings.HasPrefix(statement, "ALTER") {
		if _, err := db.ExecContext(t.Context(), "ALTER TABLE elsewhere RENAME TO audit_entry"); err != nil {
			t.Fatal(err)
		}
	}
	for query, bodies := range map[string]map[string]string{
		"UPDATE migration_line SET body = ?2 WHERE one = ?1": k.line,
		"UPDATE migration SET body = ?2 WHERE id = ?1":       k.migration,
	} {
		for id, body := range bodies {
			if _, err := db.ExecContext(t.Context(), query, id, body); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestMigrationBookFollows compares a book that follows each change with one that is begun anew, however many changed.
func TestMigrationBookFollows(t *testing.T) {
	t.Parallel()
	y := newYard(t, 8)
	follower := newMigrationBook(y.store, y.time)
	step := func(name string, do func()) {
		t.Helper()
		do()
		fresh := newMigrationBook(y.store, y.time)
		for _, b := range []*migrationBook{follower, fresh} {
			if err := b.follow(t.Context()); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if diff := cmp.Diff(fresh.view(y.time()), follower.view(y.time())); diff != "" {
			t.Errorf("%s (-begun anew +followed):\n%s", name, diff)
		}
	}
	var r approval.Request
	step("nothing", func() {})
	step("asked", func() { r = y.ask(0) })
	step("joined", func() { y.ask(0) })
	step("approved", func() {
		if err := y.decide(r, approval.DecisionApprove, "bo"); err != nil {
			t.Fatal(err)
		}
	})
	step("migrated", func() { y.migrated(1, approval.StateMigrated) })
	step("back on JWT", func() {
		y.truth[owed(1, y.time()).ID] = migrator.TruthJWT
		y.advance(2 * time.Hour)
		if _, err := y.engine.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
	if x := follower.view(y.time()); x.Watched["acme"]["alarm"] != 1 || len(x.States["acme"]) != 1 {
		t.Errorf("what went back is shown as %v, %v", x.Watched, x.States)
	}
	step("many", func() {
		y.thaw()
		for n := range 6 {
			y.ask(n + 2)
		}
	})
	step("days later", func() { y.advance(100 * 24 * time.Hour) })
}

// TestPauses asks for each cause alone, and for all that can be at once.
func TestPauses(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, time.November, 23, 10, 0, 0, 0, time.UTC) // a Monday
	today := config.Day{Year: now.Year(), Month: now.Month(), Day: now.Day()}
	lineOf := func(change func(*approval.Line)) approval.Line {
		l := approval.Line{}
		change(&l)
		return l
	}
	other := approval.Lease{Holder: "s-other", Until: now.Add(time.Minute)}
	all := func(l *approval.Line) {
		l.Frozen, l.Stopped = &approval.Freeze{Reason: "test"}, "test"
		l.NotBefore, l.LastEnd, l.Highest = now.Add(time.Hour), now.Add(-time.Second), now.Add(time.Hour)
		l.Starts = []time.Time{now.Add(-time.Hour), now.Add(-2 * time.Hour)}
		l.Lease = other
	}
	for name, test := range map[string]struct {
		line     func(*approval.Line)
		off      bool
		inFlight bool
		closed   bool
		want     []string
	}{
		"none":        {line: func(*approval.Line) {}},
		"frozen":      {line: func(l *approval.Line) { l.Frozen = &approval.Freeze{} }, want: []string{"frozen"}},
		"stopped":     {line: func(l *approval.Line) { l.Stopped = "x" }, want: []string{"stopped"}},
		"adobe-asked": {line: func(l *approval.Line) { l.NotBefore = now.Add(1) }, want: []string{"adobe-asked"}},
		"pause":       {line: func(l *approval.Line) { l.LastEnd = now.Add(-59 * time.Second) }, want: []string{"pause"}},
		"pause over":  {line: func(l *approval.Line) { l.LastEnd = now.Add(-time.Minute) }},
		"daily-limit": {
			line: func(l *approval.Line) { l.Starts = []time.Time{now.Add(-23 * time.Hour), now.Add(-time.Hour)} },
			want: []string{"daily-limit"},
		},
		"yesterday's": {line: func(l *approval.Line) { l.Starts = []time.Time{now.Add(-25 * time.Hour), now} }},
		"clock":       {line: func(l *approval.Line) { l.Highest = now.Add(2 * time.Minute) }, want: []string{"clock"}},
		"lease":       {line: func(l *approval.Line) { l.Lease = other }, want: []string{"lease"}},
		"lease over":  {line: func(l *approval.Line) { l.Lease.Holder, l.Lease.Until = "s-other", now }},
		"own lease": {line: func(l *approval.Line) {
			l.Lease.Holder, l.Lease.Until = thisProcess().Process, now.Add(time.Minute)
		}},
		"own lease, quiet": {line: func(l *approval.Line) {
			l.Lease.Holder, l.Lease.Until = thisProcess().Process, now.Add(time.Minute)
			l.Lease.Quiet = now.Add(time.Second)
		}, want: []string{"lease"}},
		"quiet, over": {line: func(l *approval.Line) { l.Lease.Quiet = now }},
		"off":         {line: func(*approval.Line) {}, off: true, want: []string{"off"}},
		"in-flight":   {line: func(*approval.Line) {}, inFlight: true, want: []string{"in-flight"}},
		"window":      {line: func(*approval.Line) {}, closed: true, want: []string{"window"}},
		"all": {line: all, off: true, inFlight: true, closed: true, want: []string{
			"adobe-asked", "clock", "daily-limit", "frozen", "in-flight", "lease", "off", "pause", "stopped", "window",
		}},
	} {
		cfg := pausesConfig(!test.off)
		if test.closed {
			cfg.Migrator.Closed = []config.ClosedDays{{From: today, To: today, Reason: "test"}}
		}
		l := lineOf(test.line)
		got, err := pauses(t.Context(), cfg, &l, test.inFlight, now)
		if err != nil || len(got) != 10 {
			t.Fatalf("%s: %d causes, %v", name, len(got), err)
		}
		if diff := cmp.Diff(test.want, causesOf(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func pausesConfig(enabled bool) *config.Config {
	return &config.Config{
		Migrator: config.Migrator{Enabled: enabled, Pause: time.Minute, Daily: 2},
		Schedule: config.Schedule{TimeZone: time.UTC},
	}
}

func causesOf(paused map[string]bool) (causes []string) {
	for cause, is := range paused {
		if is {
			causes = append(causes, cause)
		}
	}
	slices.Sort(causes)
	return causes
}
