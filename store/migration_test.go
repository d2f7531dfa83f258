package store

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jwtsunset/approval"
	"jwtsunset/audit"
	"jwtsunset/credential"
	"jwtsunset/migrator"
)

// requestID is the id of the request for credential n of acme.
func requestID(n int) string { return fmt.Sprintf("%06x%026x", n, n) }

// requestFor is a request to migrate credential n of acme.
func requestFor(n int) approval.Request {
	c := sample("acme", n)
	r := approval.Request{
		ID: requestID(n), Organization: "acme", Credential: c.ID, State: approval.StateRequested,
		Method: approval.MethodQueryService, Reason: `"ü"; -- <b>`, At: start.Add(time.Duration(n) * time.Second),
		By:       approval.Signature{Person: "ana", Door: audit.DoorCLI, Strength: audit.StrengthOSUser},
		Card:     approval.NewCard(approval.Subject{Credential: c, Method: approval.MethodQueryService}),
		Required: 1,
	}
	r.Fingerprint = r.Card.Fingerprint()
	return r
}

// requested is what the audit log is to say of a request.
func requested(r approval.Request) audit.Event {
	return audit.Event{
		Action: audit.ActionMigrationRequested, Result: audit.ResultOK,
		Object: audit.Object{Type: "credential", Organization: r.Organization, ID: r.Credential},
		Facts:  []audit.Fact{audit.Text("request", r.ID)},
	}
}

// withRequests opens a store with the requests of so many credentials of acme.
func withRequests(tb testing.TB, s *Store, n int) *Store {
	tb.Helper()
	record(tb, s, "acme", start, writing(start, samples("acme", n)))
	for i := range n {
		addRequest(tb, s, requestFor(i))
	}
	return s
}

func addRequest(tb testing.TB, s *Store, r approval.Request) {
	tb.Helper()
	kept, joined, err := s.AddRequest(context.Background(), r, requested(r))
	if err != nil || joined || kept.ID != r.ID {
		tb.Fatalf("kept %s, joined %t: %v", kept.ID, joined, err)
	}
}

type (
	migrationChange = func(*migrator.Migration, *approval.Line) (audit.Event, error)
	lineChange      = func(*approval.Line) (audit.Event, error)
)

// becoming is a change into a state.
func becoming(state approval.State) migrationChange {
	return func(m *migrator.Migration, _ *approval.Line) (audit.Event, error) {
		m.State = state
		if !state.Open() {
			m.End(state, "test", start)
		}
		return changedTo(state), nil
	}
}

func changedTo(state approval.State) audit.Event {
	return audit.Event{
		Action: audit.ActionMigrationChanged, Object: audit.Object{Type: "credential"}, Result: audit.ResultOK,
		Facts: []audit.Fact{audit.Text("state", string(state))},
	}
}

const changedWords = "migration-changed credential// ok state="

func become(tb testing.TB, s *Store, id string, state approval.State) {
	tb.Helper()
	m, err := s.ChangeMigration(context.Background(), id, becoming(state))
	if err != nil || m.State != state {
		tb.Fatalf("it is %s: %v", m.State, err)
	}
}

// try runs a statement past all that the store looks at.
func try(s *Store, statement string) error {
	return second(s.writer.ExecContext(context.Background(), statement))
}

func migrationOf(tb testing.TB, s *Store, id string) migrator.Migration {
	tb.Helper()
	m, err := s.Migration(context.Background(), id)
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

func lineOf(tb testing.TB, s *Store) approval.Line {
	tb.Helper()
	l, err := s.Line(context.Background())
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

// idsOf are the ids of migrations, shortened.
func idsOf(list []migrator.Migration) (ids []string) {
	for _, m := range list {
		ids = append(ids, m.ID[:6])
	}
	return ids
}

// migrateAll leaves something in each table of migrations.
func migrateAll(t *testing.T, s *Store) {
	t.Helper()
	for n := range 2 {
		addRequest(t, s, requestFor(n))
	}
	become(t, s, requestID(0), approval.StateStarting)
	become(t, s, requestID(1), approval.StateDeclined)
	if _, err := s.ChangeLine(t.Context(), func(l *approval.Line) (audit.Event, error) {
		l.Frozen, l.Lease.Fence = nil, 7
		return mark("line"), nil
	}); err != nil {
		t.Fatal(err)
	}
}

// testRequests asks for migrations: for what is known, once for each credential at a time.
func testRequests(t *testing.T, open opener) {
	s, ctx := open(t), t.Context()
	record(t, s, "acme", start, writing(start, append(samples("acme", 2), credential.Credential{Organization: "acme", ID: "aB"})))
	n := len(auditEntries(t, s))
	first := requestFor(1)
	kept, joined, err := s.AddRequest(ctx, first, requested(first))
	if err != nil || joined || !cmp.Equal(kept, first) {
		t.Errorf("kept, joined %t, %v\n%s", joined, err, cmp.Diff(first, kept))
	}
	words := "migration-requested credential/acme/" + first.Credential + " ok request="
	n = wantAdded(t, s, n, words+first.ID)
	second := requestFor(1)
	second.ID, second.Reason = requestID(7), "another"
	kept, joined, err = s.AddRequest(ctx, second, requested(second))
	if err != nil || !joined || !cmp.Equal(kept, first) {
		t.Errorf("joined %t, %v\n%s", joined, err, cmp.Diff(first, kept))
	}
	n = wantAdded(t, s, n, words+second.ID+" joined="+first.ID)
	become(t, s, first.ID, approval.StateDeclined)
	addRequest(t, s, second)
	n += 2
	for name, change := range map[string]func(*approval.Request){
		"no such credential":   func(r *approval.Request) { r.Credential = "none" },
		"another organization": func(r *approval.Request) { r.Organization = "zeta" },
		"in another case":      func(r *approval.Request) { r.Credential = "ab" },
	} {
		r := requestFor(0)
		change(&r)
		if _, _, err := s.AddRequest(ctx, r, requested(r)); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, change := range map[string]func(*approval.Request){
		"no id": func(r *approval.Request) { r.ID = "" }, "over": func(r *approval.Request) { r.State = approval.StateStale },
		"unknown state": func(r *approval.Request) { r.State = "odd" }, "same id": func(r *approval.Request) { r.ID = first.ID },
		"begun": func(r *approval.Request) { r.State = approval.StateRunning },
	} {
		r := requestFor(0)
		change(&r)
		if kept, joined, err := s.AddRequest(ctx, r, requested(r)); err == nil {
			t.Errorf("%s: kept %v, %t", name, kept, joined)
		}
	}
	wantAdded(t, s, n)
	list, err := s.MigrationsOf(ctx, "acme", first.Credential)
	if got := idsOf(list); err != nil || !slices.Equal(got, []string{"000007", "000001"}) {
		t.Errorf("requests %v, %v", got, err)
	}
}

// testWholeMigration keeps everything that a migration and the line can say.
func testWholeMigration(t *testing.T, open opener) {
	s := withRequests(t, open(t), 1)
	whole, line := wholeMigration(), wholeLine()
	got, err := s.ChangeMigration(t.Context(), requestID(0), func(m *migrator.Migration, l *approval.Line) (audit.Event, error) {
		*m, *l = whole, line
		return mark("whole"), nil
	})
	if err != nil || !cmp.Equal(got, whole) || !cmp.Equal(migrationOf(t, s, requestID(0)), whole) {
		t.Errorf("%v\n%s", err, cmp.Diff(whole, got))
	}
	if l := lineOf(t, s); !cmp.Equal(l, line) {
		t.Error(cmp.Diff(line, l))
	}
}

func wholeMigration() migrator.Migration {
	by := approval.Signature{Person: "bo", Door: audit.DoorSlack, Strength: audit.StrengthSlack}
	d := approval.Decision{Kind: approval.DecisionApprove, By: by, Fingerprint: "f", Reason: "r\x00\u2028", At: start}
	m := migrator.Migration{
		Request: requestFor(0), Proof: migrator.ProofAttested, Origin: migrator.OriginOutside, MigratedAt: start,
		WatchedUntil: start.AddDate(0, 0, 30), Watch: migrator.WatchBack,
		Done: &d, Cancel: &d, Evidence: approval.Evidence{Read: start, JWTUsed: start, OAuthUsed: start, RequestID: "q"},
	}
	m.Rebound, m.Decisions, m.Past, m.Override = []string{"a", "b"}, []approval.Decision{d}, []approval.Decision{d}, &d
	m.NotBefore, m.Expires, m.Ended, m.Why = start, start, start, "why"
	m.State = approval.StateMigrated
	m.Attempts = []migrator.Attempt{{
		ID: "at", Phase: migrator.PhaseFinalize, Method: approval.MethodConsole,
		Sender:    migrator.Sender{Process: "p", Host: "h", Boot: "b", PID: 7, Fence: 3},
		Approvers: []string{"bo"}, Fingerprint: "f", Began: start, Sending: start, Until: start, Answered: start, Ended: start,
		Calls: []migrator.Call{{
			Operation: "o", At: start, Took: time.Second, Status: 502, RequestID: "q", Length: 7, SHA256: "s", Error: "e",
		}},
		Outcome: migrator.OutcomeUnknown, Truth: migrator.TruthBoth, TruthAt: start, Settled: true, Released: &d,
		Result: migrator.ResultMigrated, Why: "y",
	}}
	return m
}

func wholeLine() approval.Line {
	return approval.Line{
		Frozen:  &approval.Freeze{By: requestFor(0).By, Reason: "r", At: start, New: true},
		Stopped: "s", StoppedAt: start, DoubtAbout: "r", ClockSet: start, Failures: 2,
		Starts: []time.Time{start, start.Add(time.Second)}, LastEnd: start,
		NotBefore: start, Canary: map[approval.Method]string{approval.MethodGuided: "acme/A"}, Highest: start,
		Lease: approval.Lease{
			Holder: "h", Host: "m", Boot: "b", Until: start, Term: time.Minute, Quiet: start, Fence: 9,
		},
	}
}

// TestWholeMigration holds that the tests of keeping everything have everything.
func TestWholeMigration(t *testing.T) {
	m, l := wholeMigration(), wholeLine()
	wantAllSet(t, reflect.ValueOf(m), "Migration")
	wantAllSet(t, reflect.ValueOf(m.Attempts[0]), "Attempt")
	wantAllSet(t, reflect.ValueOf(m.Attempts[0].Calls[0]), "Call")
	wantAllSet(t, reflect.ValueOf(*m.Override), "Decision")
	wantAllSet(t, reflect.ValueOf(l), "Line")
	wantAllSet(t, reflect.ValueOf(*l.Frozen), "Freeze")
}

// testFindMigration finds requests by what people write.
func testFindMigration(t *testing.T, open opener) {
	s, ctx := open(t), t.Context()
	hex := "00112233445566778899AABB"
	for _, organization := range []string{"acme", "zeta"} {
		record(t, s, organization, start, writing(start, []credential.Credential{
			{Organization: organization, ID: hex}, {Organization: organization, ID: "console-aB"},
			{Organization: organization, ID: "console-ab"}, {Organization: organization, ID: "acme/x"},
			{Organization: organization, ID: "acme/y"},
		}))
	}
	add := func(id, organization, credentialID string, at int, end approval.State) {
		r := requestFor(0)
		r.ID, r.Organization, r.Credential = id+strings.Repeat("0", 32-len(id)), organization, credentialID
		r.At = start.Add(time.Duration(at) * time.Second)
		addRequest(t, s, r)
		if end != "" {
			become(t, s, r.ID, end)
		}
	}
	add("aaaaaa1", "acme", hex, 5, approval.StateDeclined)
	add("aaaaaa2", "acme", hex, 3, "")
	add("bbbbbb1", "zeta", hex, 1, approval.StateExpired)
	add("bbbbbb2", "zeta", hex, 9, approval.StateRevoked)
	add("cccccc1", "acme", "console-aB", 1, approval.StateStale)
	add("cccccc2", "acme", "console-ab", 2, approval.StateStale)
	add("dddddd1", "acme", "acme/x", 2, "")
	add("dddddd2", "zeta", "acme/y", 2, "")
	for said, want := range map[string]string{
		"aaaaaa1" + strings.Repeat("0", 25): "aaaaaa1", "aaaaaa1": "aaaaaa1", "AAAAAA1": "aaaaaa1", "bbbbbb2000": "bbbbbb2",
		"aaaaa": "not found", "aaaaaa": "ambiguous", "aaaaaaa": "not found", "": "not found", "a%": "not found", "______": "not found",
		hex: "aaaaaa2", strings.ToLower(hex): "aaaaaa2", "acme/" + hex: "aaaaaa2", "zeta/" + strings.ToLower(hex): "bbbbbb2",
		"none/" + hex: "not found", "console-aB": "cccccc1", "acme/console-ab": "cccccc2", "CONSOLE-AB": "ambiguous",
		"acme/x": "dddddd1", "zeta/acme/y": "dddddd2", "acme/Y": "dddddd2", "acme/acme/y": "not found", "/" + hex: "not found",
	} {
		m, err := s.Migration(ctx, said)
		got := strings.TrimRight(m.ID, "0")
		switch {
		case errors.Is(err, ErrNotFound):
			got = "not found"
		case errors.Is(err, ErrAmbiguous):
			got = "ambiguous"
		case err != nil:
			t.Errorf("%q: %v", said, err)
		}
		if got != want {
			t.Errorf("%q is %s, want %s", said, got, want)
		}
		r, err2 := s.ChangeRequest(ctx, said, func(*approval.Request, *approval.Line) (audit.Event, error) { return mark("x"), nil })
		if r.ID != m.ID || errors.Is(err, ErrNotFound) != errors.Is(err2, ErrNotFound) {
			t.Errorf("%q: changed %s: %v", said, r.ID, err2)
		}
	}
}

// testListMigrations reads many at once.
func testListMigrations(t *testing.T, open opener) {
	s, ctx := withRequests(t, open(t), 5), t.Context()
	become(t, s, requestID(0), approval.StateMigrated)
	become(t, s, requestID(1), approval.StateNeedsAttention)
	become(t, s, requestID(3), approval.StateDeclined)
	for _, test := range []struct {
		states []approval.State
		want   []string
	}{
		{nil, []string{"000001", "000002", "000004"}},
		{[]approval.State{approval.StateDeclined, approval.StateMigrated}, []string{"000000", "000003"}},
		{[]approval.State{approval.StateRequested}, []string{"000002", "000004"}},
		{[]approval.State{"odd"}, nil},
		{approval.States(), []string{"000000", "000001", "000002", "000003", "000004"}},
	} {
		list, err := s.Migrations(ctx, test.states...)
		if got := idsOf(list); err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%v: %v, %v, want %v", test.states, got, err, test.want)
		}
	}
	counts, err := s.MigrationCounts(ctx)
	want := map[string]map[approval.State]int{"acme": {
		approval.StateMigrated: 1, approval.StateNeedsAttention: 1, approval.StateDeclined: 1, approval.StateRequested: 2,
	}}
	if err != nil || !cmp.Equal(counts, want) {
		t.Errorf("counts %v, %v", counts, err)
	}
}

// testChangeMigration has changes succeed, be refused, and fail.
func testChangeMigration(t *testing.T, open opener) {
	s, ctx := withRequests(t, open(t), 1), t.Context()
	id, n := requestID(0), len(auditEntries(t, s))
	refusal := &approval.Refusal{Reason: approval.RefusedFrozen, Text: "no"}
	failure := errors.New("it failed")
	alter := func(err error) migrationChange {
		return func(m *migrator.Migration, l *approval.Line) (audit.Event, error) {
			m.State, l.Stopped, l.Frozen.Reason = approval.StateApproved, "altered", "altered"
			m.Card.Facts[0].Values[0] = "altered"
			return changedTo("altered"), err
		}
	}
	before := migrationOf(t, s, id)
	for _, refused := range []error{refusal, fmt.Errorf("wrapped: %w", refusal), failure} {
		m, err := s.ChangeMigration(ctx, id, alter(refused))
		if err != refused || !cmp.Equal(m, before) || !cmp.Equal(migrationOf(t, s, id), before) { //nolint:errorlint // itself
			t.Errorf("%v: %v\n%s", refused, err, cmp.Diff(before, m))
		}
		if l := lineOf(t, s); l.Stopped != "" || l.Frozen.Reason == "altered" {
			t.Errorf("%v: the line is %+v", refused, l)
		}
		l, err := s.ChangeLine(ctx, func(l *approval.Line) (audit.Event, error) {
			return alter(refused)(&migrator.Migration{Request: before.Request}, l)
		})
		if err != refused || l.Stopped != "" || l.Frozen.Reason == "altered" { //nolint:errorlint // itself
			t.Errorf("%v: the line is %+v, %v", refused, l, err)
		}
		before = migrationOf(t, s, id)
	}
	w := changedWords + "altered"
	n = wantAdded(t, s, n, w, w, w, w)
	silent := func(*migrator.Migration, *approval.Line) (audit.Event, error) { return audit.Event{}, refusal }
	if _, err := s.ChangeMigration(ctx, id, silent); err != error(refusal) { //nolint:errorlint // itself
		t.Errorf("a refusal without an entry: %v", err)
	}
	wantAdded(t, s, n)
	m, err := s.ChangeMigration(ctx, id, alter(nil))
	if err != nil || m.State != approval.StateApproved || lineOf(t, s).Stopped != "altered" {
		t.Errorf("changed to %s, %v", m.State, err)
	}
	wantAdded(t, s, n, w)
	for name, change := range map[string]func(*migrator.Migration){
		"another id": func(m *migrator.Migration) { m.ID = "x" }, "another time": func(m *migrator.Migration) { m.At = start.AddDate(1, 0, 0) },
		"another credential": func(m *migrator.Migration) { m.Credential = "x" }, "odd": func(m *migrator.Migration) { m.State = "odd" },
		"no time": func(m *migrator.Migration) { m.NotBefore = start.AddDate(90_000, 0, 0) },
	} {
		if m, err := s.ChangeMigration(ctx, id, func(m *migrator.Migration, _ *approval.Line) (audit.Event, error) {
			change(m)
			return mark("x"), nil
		}); err == nil {
			t.Errorf("%s: %v", name, m)
		}
	}
	wantAdded(t, s, n, w)
	if got := func() (r any) {
		defer func() { r = recover() }()
		return second(s.ChangeMigration(ctx, id, func(*migrator.Migration, *approval.Line) (audit.Event, error) { panic("change") }))
	}(); got != "change" {
		t.Errorf("recovered %v", got)
	}
	become(t, s, id, approval.StateRevoked) // the store works on
	other := requestFor(0)
	other.ID = requestID(5)
	addRequest(t, s, other)
	if _, err := s.ChangeMigration(ctx, id, becoming(approval.StateApproved)); !errors.Is(err, ErrConflict) {
		t.Errorf("opened again: %v", err)
	}
}

// testOneInFlight has two migrations never be in flight at once.
func testOneInFlight(t *testing.T, open opener) {
	s, ctx := withRequests(t, open(t), 3), t.Context()
	unsettled := func(settled bool) migrationChange {
		return func(m *migrator.Migration, _ *approval.Line) (audit.Event, error) {
			m.State, m.Attempts = approval.StateNeedsAttention, []migrator.Attempt{{ID: "a", Settled: settled}}
			return changedTo(m.State), nil
		}
	}
	var h heard
	told := twin(t, s, h.options())
	busy := func(change migrationChange) {
		t.Helper()
		n := len(auditEntries(t, s))
		before := contentsOf(t, s)
		_, err := told.ChangeMigration(ctx, requestID(1), change)
		if !errors.Is(err, migrator.ErrBusy) || !strings.Contains(err.Error(), requestID(0)) {
			t.Errorf("two in flight: %v", err)
		}
		if !slices.Equal(contentsOf(t, s), before) || len(auditEntries(t, s)) != n || len(h.failed) != 0 {
			t.Errorf("something was written, or told: %v", h.failed)
		}
	}
	for _, state := range []approval.State{approval.StateStarting, approval.StateRunning, approval.StateVerifying} {
		become(t, s, requestID(0), state)
		busy(becoming(approval.StateStarting))
		busy(unsettled(false))
	}
	if _, err := s.ChangeMigration(ctx, requestID(0), unsettled(false)); err != nil {
		t.Fatal(err)
	}
	busy(becoming(approval.StateStarting))
	if _, err := s.ChangeMigration(ctx, requestID(0), unsettled(true)); err != nil {
		t.Fatal(err)
	}
	become(t, s, requestID(1), approval.StateStarting)
	become(t, s, requestID(2), approval.StateApproved)
	if err := try(s, "UPDATE migration SET in_flight = 1 WHERE id = '"+requestID(2)+"'"); err == nil {
		t.Error("the database takes a second one in flight")
	}
	if err := try(s, "INSERT INTO migration SELECT 'x', organization, credential_id, state, requested_at, 1, 0, 0, body "+
		"FROM migration WHERE id = '"+requestID(2)+"'"); err == nil {
		t.Error("the database takes a second open one of a credential")
	}
}

// testStartAtOnce has a hundred start at the same time by two stores on one database: exactly one is in flight, all
// others learn that it is.
func testStartAtOnce(t *testing.T, open opener) {
	const n = 100
	s := withRequests(t, open(t), n)
	stores := []*Store{s, twin(t, s, Audit{})}
	entries := len(auditEntries(t, s))
	var group sync.WaitGroup
	var mu sync.Mutex
	var started, busy int
	for i := range n {
		group.Go(func() {
			_, err := stores[i%2].ChangeMigration(context.Background(), requestID(i), becoming(approval.StateStarting))
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				started++
			case errors.Is(err, migrator.ErrBusy):
				busy++
			default:
				t.Error(err)
			}
		})
	}
	group.Wait()
	list, err := s.Migrations(t.Context(), approval.StateStarting)
	if err != nil || len(list) != 1 || started != 1 || busy != n-1 {
		t.Errorf("%d started, %d busy, in flight %v, %v", started, busy, idsOf(list), err)
	}
	wantAdded(t, s, entries, changedWords+"starting")
}

// testEndedSince gives what is over since a moment, that moment included, and never what is open.
func testEndedSince(t *testing.T, open opener) {
	s := withRequests(t, open(t), 5)
	for n, state := range map[int]approval.State{
		1: approval.StateMigrated, 2: approval.StateFailed, 3: approval.StateDeclined, 4: approval.StateApproved,
	} {
		become(t, s, requestID(n), state) // those that end do so at the start
	}
	end := func(m *migrator.Migration, _ *approval.Line) (audit.Event, error) {
		m.Ended = start.Add(time.Hour)
		return changedTo(m.State), nil
	}
	if _, err := s.ChangeMigration(t.Context(), requestID(2), end); err != nil {
		t.Fatal(err)
	}
	for since, want := range map[time.Time][]int{
		{}: {1, 2, 3}, start: {1, 2, 3}, start.Add(time.Microsecond): {2}, start.Add(time.Hour): {2},
		start.Add(time.Hour + time.Microsecond): nil,
	} {
		list, err := s.MigrationsEnded(t.Context(), since)
		var ids []string
		for _, n := range want {
			ids = append(ids, requestID(n)[:6])
		}
		if err != nil || !slices.Equal(idsOf(list), ids) {
			t.Errorf("since %s: %v, want %v; %v", since, idsOf(list), ids, err)
		}
	}
}

// testAuditLinesAfter gives the end of the audit log from any entry on, and stops where its reader does.
func testAuditLinesAfter(t *testing.T, open opener) {
	s := withRequests(t, open(t), 3)
	var all []string
	read := func(after int64) (lines []string) {
		if err := s.AuditLinesAfter(t.Context(), after, func(line []byte) error {
			lines = append(lines, string(line))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return lines
	}
	if err := s.AuditLog(t.Context(), func(l audit.Log) error {
		for line, err := range l.Lines {
			if err != nil {
				return err
			}
			all = append(all, string(line))
		}
		return nil
	}); err != nil || len(all) < 4 {
		t.Fatal(len(all), err)
	}
	for after := range len(all) + 2 {
		if got, want := read(int64(after)), all[min(after, len(all)):]; !slices.Equal(got, want) {
			t.Errorf("%d lines after %d, want %d", len(got), after, len(want))
		}
	}
	enough := errors.New("enough")
	if err := s.AuditLinesAfter(t.Context(), 0, func([]byte) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("its reader has had enough: %v", err)
	}
}

// testAskAtOnce has many ask for the same credential at the same time: there is one request, and all learn of it.
func testAskAtOnce(t *testing.T, open opener) {
	s := open(t)
	record(t, s, "acme", start, writing(start, samples("acme", 1)))
	var group sync.WaitGroup
	ids := make([]string, 20)
	for i := range ids {
		group.Go(func() {
			r := requestFor(0)
			r.ID = requestID(i)
			kept, _, err := s.AddRequest(context.Background(), r, requested(r))
			if err != nil {
				t.Error(err)
			}
			ids[i] = kept.ID
		})
	}
	group.Wait()
	if all := slices.Compact(slices.Sorted(slices.Values(ids))); len(all) != 1 || migrationOf(t, s, all[0]).Credential == "" {
		t.Errorf("requests %v", all)
	}
}

// testLine reads and changes the line.
func testLine(t *testing.T, open opener) {
	s, ctx := open(t), t.Context()
	n := len(auditEntries(t, s))
	l := lineOf(t, s)
	if f := l.Frozen; f == nil || !f.New || !f.At.IsZero() || f.By.Person != "" || !strings.Contains(f.Reason, "new installation") {
		t.Errorf("a new line is %+v", l)
	}
	want := l
	want.Lease = approval.Lease{Holder: "a", Until: start, Fence: 1}
	want.Highest = start
	lease := func(fence int64) lineChange {
		return func(l *approval.Line) (audit.Event, error) {
			l.Lease, l.Highest = approval.Lease{Holder: "a", Until: start, Fence: fence}, start
			return audit.Event{}, nil
		}
	}
	if got, err := s.ChangeLine(ctx, lease(1)); err != nil || !cmp.Equal(got, want) || !cmp.Equal(lineOf(t, s), want) {
		t.Errorf("%v\n%s", err, cmp.Diff(want, got))
	}
	n = wantAdded(t, s, n)
	if l, err := s.ChangeLine(ctx, lease(-1)); err == nil {
		t.Errorf("a fence below zero: %+v", l)
	}
	for name, change := range map[string]func(*approval.Line){
		"thawed": func(l *approval.Line) { l.Frozen = nil }, "stopped": func(l *approval.Line) { l.Stopped = "x" },
		"another reason": func(l *approval.Line) { l.Frozen.Reason = "x" }, "started": func(l *approval.Line) { l.Started(start) },
	} {
		l, err := s.ChangeLine(ctx, func(l *approval.Line) (audit.Event, error) {
			change(l)
			return audit.Event{}, nil
		})
		if !errors.Is(err, audit.ErrInvalid) || !cmp.Equal(lineOf(t, s), want) {
			t.Errorf("%s without an entry: %+v, %v", name, l, err)
		}
	}
	if _, err := s.ChangeLine(ctx, func(l *approval.Line) (audit.Event, error) {
		l.Frozen = nil
		return mark("thawed"), nil
	}); err != nil || lineOf(t, s).Frozen != nil {
		t.Errorf("thawed: %v", err)
	}
	wantAdded(t, s, n, "audit-exported mark//thawed ok")
}

// testDamagedMigrations reads what this program never wrote: nothing is made of it, and everything stands still.
func testDamagedMigrations(t *testing.T, open opener) {
	for set, say := range map[string]string{
		"body = ''": "not an object", "body = 'null'": "not an object", "body = '[]'": "not an object",
		"body = body || ' x'": "follows its end", "body = body || body": "follows its end",
		"body = substr(body, 1, 100)": "EOF", `body = replace(body, '"state"', '"stat"')`: "unknown field",
		`body = replace(body, '"requested"', '"approved"')`:                      "its columns say something else",
		`body = replace(body, '"requested"', '"odd"')`:                           "no state",
		`body = replace(body, '"organization":"acme"', '"organization":"zeta"')`: "its columns say something else",
		"state = 'approved'": "its columns say something else", "open = 0": "its columns say something else",
		"in_flight = 1": "its columns say something else", "ended_at = 7": "its columns say something else",
		"requested_at = 7": "its columns say something else", "credential_id = 'x'": "its columns say something else",
	} {
		t.Run(set, func(t *testing.T) {
			s, ctx := withRequests(t, open(t), 2), t.Context()
			n := len(auditEntries(t, s))
			if err := try(s, "UPDATE migration SET "+set+" WHERE id = '"+requestID(1)+"'"); err != nil {
				t.Fatal(err)
			}
			all := func() error { return second(s.Migrations(ctx, approval.States()...)) }
			for name, err := range map[string]error{
				"Migration":       second(s.Migration(ctx, requestID(1))),
				"Migrations":      all(),
				"ChangeMigration": second(s.ChangeMigration(ctx, requestID(1), becoming(approval.StateApproved))),
				"Check":           s.Check(ctx),
			} {
				if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), say) || !strings.Contains(err.Error(), requestID(1)) {
					t.Errorf("%s: %v", name, err)
				}
			}
			wantAdded(t, s, n)
		})
	}
	for set, say := range map[string]string{
		"body = 'null'": "not an object", "body = '{}'": "its columns", "fence = 8": "its columns", "body = body || '}'": "follows its end",
		`body = replace(body, '"frozen"', '"cold"')`: "unknown field",
	} {
		t.Run("line "+set, func(t *testing.T) {
			s, ctx := withRequests(t, open(t), 1), t.Context()
			if _, err := s.ChangeLine(ctx, func(l *approval.Line) (audit.Event, error) {
				l.Lease.Fence = 7
				return mark("line"), nil
			}); err != nil {
				t.Fatal(err)
			}
			n := len(auditEntries(t, s))
			if err := try(s, "UPDATE migration_line SET "+set); err != nil {
				t.Fatal(err)
			}
			for name, err := range map[string]error{
				"Line": second(s.Line(ctx)), "Check": s.Check(ctx),
				"ChangeLine":      second(s.ChangeLine(ctx, func(*approval.Line) (audit.Event, error) { return mark("x"), nil })),
				"ChangeMigration": second(s.ChangeMigration(ctx, requestID(0), becoming(approval.StateApproved))),
			} {
				if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), say) {
					t.Errorf("%s: %v, want %s", name, err, say)
				}
			}
			wantAdded(t, s, n)
		})
	}
}

// testMigrationsUnrecorded has the entry of the audit log fail: nothing of what it would be about is done.
func testMigrationsUnrecorded(t *testing.T, open opener) {
	var h heard
	s, ctx := withRequests(t, open(t), 2), t.Context()
	record(t, s, "acme", start, writing(start, samples("acme", 3)))
	before := contentsOf(t, s)
	broken := twin(t, s, h.options())
	broken.ledger.options.Actor.Door = "window"
	reader := *s
	reader.ledger = nil
	refuse := func(*migrator.Migration, *approval.Line) (audit.Event, error) {
		return mark("refused"), &approval.Refusal{Text: "no"}
	}
	joining := requestFor(1)
	joining.ID = requestID(9)
	for want, s := range map[error]*Store{audit.ErrInvalid: broken, ErrReadOnly: &reader} {
		for name, err := range map[string]error{
			"AddRequest":      addError(s.AddRequest(ctx, requestFor(2), requested(requestFor(2)))),
			"joining":         addError(s.AddRequest(ctx, joining, requested(joining))),
			"ChangeMigration": second(s.ChangeMigration(ctx, requestID(0), becoming(approval.StateApproved))),
			"a refusal":       second(s.ChangeMigration(ctx, requestID(0), refuse)),
			"ChangeLine": second(s.ChangeLine(ctx, func(l *approval.Line) (audit.Event, error) {
				l.Frozen = nil
				return mark("x"), nil
			})),
			"Refused": s.Requests().Refused(ctx, mark("x")),
		} {
			if !errors.Is(err, want) || isRefusal(err) {
				t.Errorf("%s: %v, want %v", name, err, want)
			}
		}
	}
	if after := contentsOf(t, s); !slices.Equal(after, before) {
		t.Errorf("something was written:\n%s", cmp.Diff(before, after))
	}
	if len(h.failed) != 6 {
		t.Errorf("told failures %v", h.failed)
	}
}

func addError(_ approval.Request, _ bool, err error) error { return err }

// testMigrationsKept has nothing remove a migration.
func testMigrationsKept(t *testing.T, open opener) {
	s, ctx := withRequests(t, open(t), 2), t.Context()
	become(t, s, requestID(0), approval.StateMigrated)
	if p, err := s.Prune(ctx, start.AddDate(10, 0, 0)); err != nil {
		t.Errorf("pruned %+v, %v", p, err)
	}
	if err := try(s, "DELETE FROM migration"); err == nil || !strings.Contains(err.Error(), "never removed") {
		t.Errorf("removed: %v", err)
	}
	if list, err := s.Migrations(ctx, approval.States()...); err != nil || len(list) != 2 {
		t.Errorf("left are %v, %v", idsOf(list), err)
	}
}

// testCommitted asks whether transactions were committed, also once others have gone on.
func testCommitted(t *testing.T, open opener) {
	s, ctx := open(t), t.Context()
	run := func(id string, end error) *transaction {
		var tx *transaction
		err := s.inTx(ctx, func(x *transaction) error {
			tx = x
			return errors.Join(x.append(ctx, mark(id)), end)
		})
		if !errors.Is(err, end) {
			t.Fatal(err)
		}
		return tx
	}
	lost, kept := run("lost", errInjected), run("kept", nil)
	if err := s.RecordEvent(ctx, mark("b")); err != nil {
		t.Fatal(err)
	}
	later := run("later", errInjected)
	for name, test := range map[string]struct {
		tx   *transaction
		want bool
	}{"kept": {kept, true}, "lost": {lost, false}, "lost at the end": {later, false}} {
		gone, cancel := context.WithCancel(ctx)
		cancel()
		if got, err := s.committed(gone, test.tx); err != nil || got != test.want {
			t.Errorf("%s: %t, %v", name, got, err)
		}
	}
	if got, err := s.committed(ctx, &transaction{store: s}); err == nil {
		t.Errorf("without an entry: %t", got)
	}
}

// testActor records acts as done by whom the context names, and others by whom the process works for.
func testActor(t *testing.T, open opener) {
	s := withRequests(t, twin(t, open(t), Audit{Actor: Actor{Identity: "os:ana", Door: audit.DoorCLI, Strength: audit.StrengthOSUser}}), 1)
	n := len(auditEntries(t, s))
	bo := Actor{Identity: "slack:U0BO", Name: "Bo", Door: audit.DoorSlack, Strength: audit.StrengthSlack}
	if _, err := s.ChangeMigration(WithActor(t.Context(), bo), requestID(0), becoming(approval.StateApproved)); err != nil {
		t.Fatal(err)
	}
	become(t, s, requestID(0), approval.StateStarting)
	people := peopleByIdentity(t, s)
	for i, want := range []audit.Actor{
		{Person: people["slack:U0BO"], Door: audit.DoorSlack, Strength: audit.StrengthSlack},
		{Person: people["os:ana"], Door: audit.DoorCLI, Strength: audit.StrengthOSUser},
	} {
		if e := auditEntries(t, s)[n+i]; e.Actor != want || e.Actor.Person == "" {
			t.Errorf("entry %d is by %+v, want %+v", i, e.Actor, want)
		}
	}
	if err := s.RecordEvent(WithActor(t.Context(), Actor{}), mark("x")); err != nil {
		t.Fatal(err)
	}
	if e := auditEntries(t, s)[n+2]; e.Actor != audit.System {
		t.Errorf("an entry of the program itself is by %+v", e.Actor)
	}
}

// testGate takes decisions through the gate into the store.
func testGate(t *testing.T, open opener) {
	s, ctx := open(t), t.Context()
	record(t, s, "acme", start, writing(start, samples("acme", 3)))
	g := approval.Gate{
		Ledger: s.Requests(), Clock: func() time.Time { return start },
		Policy: &approval.Policy{
			People: approval.People{
				{Name: "ana", Identities: []approval.Identity{"os:ana"}},
				{Name: "bo", Identities: []approval.Identity{"os:bo"}, Roles: []approval.Role{approval.RoleApprover}},
			},
			Doors: []audit.Door{audit.DoorCLI}, Required: 1, FourEyes: true, Expires: time.Hour,
		},
	}
	hand := func(name string) approval.Hand {
		return approval.Hand{Identity: approval.Identity("os:" + name), Door: audit.DoorCLI, Strength: audit.StrengthOSUser}
	}
	subject := approval.Subject{Credential: sample("acme", 1), Method: approval.MethodQueryService}
	r, joined, err := g.Request(ctx, subject, approval.Ask{Hand: hand("ana"), Reason: "because"})
	if err != nil || joined {
		t.Fatal(joined, err)
	}
	if _, joined, err := g.Request(ctx, subject, approval.Ask{Hand: hand("bo")}); err != nil || !joined {
		t.Errorf("joined %t, %v", joined, err)
	}
	if _, _, err := g.Request(ctx, subject, approval.Ask{Hand: hand("eve")}); !isRefusal(err) {
		t.Errorf("asked by a stranger: %v", err)
	}
	approve := approval.Verb{Kind: approval.DecisionApprove, Hand: hand("bo"), Fingerprint: r.Fingerprint}
	decide := func(id string, v approval.Verb, refused approval.RefusalReason) {
		t.Helper()
		n := len(auditEntries(t, s))
		_, err := g.Decide(ctx, id, v)
		var refusal *approval.Refusal
		if errors.As(err, &refusal); (refusal == nil) != (refused == "") || refusal != nil && refusal.Reason != refused {
			t.Errorf("refused with %v, want %q", err, refused)
		}
		if added := auditEntries(t, s)[n:]; len(added) != 1 || (added[0].Result == audit.ResultRefused) != (refused != "") {
			t.Errorf("recorded %v", allInWords(added))
		}
	}
	decide(r.ID, approve, approval.RefusedFrozen)
	if _, err := g.Thaw(ctx, hand("bo"), approval.Thaw{Reason: "it is", New: true}); err != nil {
		t.Fatal(err)
	}
	decide(r.ID[:6], approval.Verb{Kind: approval.DecisionApprove, Hand: hand("ana"), Fingerprint: r.Fingerprint}, approval.RefusedRole)
	decide(r.Credential, approve, "")
	decide("acme/"+r.Credential, approve, approval.RefusedTwice)
	m := migrationOf(t, s, r.ID)
	if m.State != approval.StateApproved || !slices.Equal(m.Approvers(), []string{"bo"}) || !m.Expires.Equal(start.Add(time.Hour)) {
		t.Errorf("it is %+v", m)
	}
}
