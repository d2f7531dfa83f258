package simulator

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// quick are options under which a start is over at once.
func quick() Options { return Options{MigrationTime: new(time.Duration(0))} }

func queryPath(account string) string { return notAdobe + "query-service/accounts/" + account }

// eligible finds the accounts that can be migrated in the sandbox prod, matched ones first.
func eligible(t testing.TB, s *Simulator) (ids []string) {
	t.Helper()
	var unmatched []string
	for _, c := range s.Truth().Credentials {
		if c.AuthType != "jwt" || c.ReadOnly || !slices.Contains(c.Sandboxes, "prod") {
			continue
		}
		if c.IntegrationID == "" {
			unmatched = append(unmatched, c.TechnicalAccountID)
			continue
		}
		ids = append(ids, c.TechnicalAccountID)
	}
	if ids = append(ids, unmatched...); len(ids) < 2 {
		t.Fatal("prod has too few accounts")
	}
	return ids
}

func (c *caller) migrate(account string) response {
	c.t.Helper()
	return c.call("POST", queryPath(account)+"/migrate")
}

// attempt is a caller that numbers its starts.
func (c *caller) attempt(name string) *caller {
	other := *c
	other.header = c.header.Clone()
	other.header.Set(attemptHeader, name)
	return &other
}

func (c *caller) wantStatus(account, want string) {
	c.t.Helper()
	if got := c.get(queryPath(account)).text("migrationStatus"); got != want {
		c.t.Errorf("%s is %q, want %q", account, got, want)
	}
}

func trueOf(s *Simulator, account string) TrueCredential {
	list := s.Truth().Credentials
	return list[slices.IndexFunc(list, func(c TrueCredential) bool { return c.TechnicalAccountID == account })]
}

func TestOneShotMigration(t *testing.T) {
	s := newSimulator(t, quick())
	c, ids := newCaller(t, s), eligible(t, s)
	for _, id := range []string{ids[0], ids[len(ids)-1]} {
		c.wantStatus(id, "Eligible")
		got := c.migrate(id)
		if want := `{"status":"Migrated","technicalAccountId":"` + id + `"}`; got.status != 200 || got.body != want {
			t.Fatalf("%d %s", got.status, got.body)
		}
		if got.header.Get("X-Simulator") != "not Adobe" || c.get(queryPath(id)).header.Get("X-Simulator") != "not Adobe" {
			t.Error("the answer passes for Adobe's")
		}
		c.wantStatus(id, "Migrated")
		got = c.migrate(id)
		if got.status != 409 || got.body != `{"message":"already migrated","status":"Migrated"}` {
			t.Errorf("second start: %d %s", got.status, got.body)
		}
		truth := trueOf(s, id)
		if truth.AuthType != "oauth" || truth.QueryServiceStatus != "Migrated" || truth.AcceptedStarts != 1 ||
			truth.IntegrationID != "" && truth.MigrationStatus != "COMPLETED" {
			t.Errorf("truth %+v", truth)
		}
	}
	if name := c.get(queryPath(ids[0])).text("name"); name != trueOf(s, ids[0]).Name {
		t.Errorf("name %q", name)
	}
}

func TestOneShotRefusals(t *testing.T) {
	kind := func(fits func(TrueCredential) bool) func(*Simulator) (string, string) {
		return func(s *Simulator) (string, string) {
			list := s.Truth().Credentials
			c := list[slices.IndexFunc(list, fits)]
			return c.TechnicalAccountID, append(c.Sandboxes, "prod")[0]
		}
	}
	good := kind(func(c TrueCredential) bool { return c.AuthType == "jwt" && slices.Contains(c.Sandboxes, "prod") })
	tests := map[string]struct {
		scenario string
		target   func(*Simulator) (account, sandbox string)
		header   http.Header
		want     int
	}{
		"no token":      {"", good, http.Header{"Authorization": nil}, 403},
		"wrong token":   {"", good, http.Header{"Authorization": {"Bearer x"}}, 401},
		"no key":        {"", good, http.Header{"X-Api-Key": nil}, 403},
		"no org":        {"", good, http.Header{"X-Gw-Ims-Org-Id": nil}, 400},
		"other org":     {"", good, http.Header{"X-Gw-Ims-Org-Id": {"ABC@AdobeOrg"}}, 403},
		"no sandbox":    {"", good, http.Header{"X-Sandbox-Name": nil}, 400},
		"other sandbox": {"", good, http.Header{"X-Sandbox-Name": {"dev-01"}}, 404},
		"inactive":      {"", good, http.Header{"X-Sandbox-Name": {"old-poc"}}, 403},
		"unknown": {"", func(*Simulator) (string, string) { return "0123456789ABCDEF01234567", "prod" },
			nil, 404},
		"console only": {"", kind(func(c TrueCredential) bool { return c.AuthType == "jwt" && c.Kind != "query-service" }),
			nil, 404},
		"read-only": {"", kind(func(c TrueCredential) bool { return c.AuthType == "jwt" && c.ReadOnly }), nil, 403},
		"never JWT": {"", kind(func(c TrueCredential) bool { return c.MigrationStatus == "NONE" && len(c.Sandboxes) > 0 }),
			nil, 400},
		"converted": {"", kind(func(c TrueCredential) bool {
			return c.AuthType == "oauth" && c.Sandboxes != nil &&
				len(c.Sandboxes) > 0 && c.MigrationStatus == "COMPLETED"
		}), nil, 409},
		"migrated by the page": {"", kind(func(c TrueCredential) bool {
			return c.AuthType == "oauth" && c.MigrationStatus == ""
		}), nil, 409},
		"no rights": {"admin-verification-failed", good, nil, 403},
		"forbidden sandbox": {"forbidden-sandbox", kind(func(c TrueCredential) bool {
			return slices.Contains(c.Sandboxes, "secret-lab")
		}), nil, 403},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			o := quick()
			o.Scenario = test.scenario
			s := newSimulator(t, o)
			account, sandbox := test.target(s)
			c, before := newCaller(t, s).in(sandbox), s.Truth()
			for key, values := range test.header {
				c.header[key] = values
			}
			if got := c.migrate(account); got.status != test.want {
				t.Errorf("%d %s", got.status, got.body)
			}
			starts := s.Ledger().Starts()
			if len(starts) != 1 || starts[0].Accepted || starts[0].TookEffect || starts[0].Status != test.want ||
				starts[0].Ended.IsZero() || starts[0].TechnicalAccountID != account {
				t.Errorf("starts %+v", starts)
			}
			if after := s.Truth(); !slices.EqualFunc(before.Credentials, after.Credentials, func(a, b TrueCredential) bool {
				return a.AuthType == b.AuthType && a.AcceptedStarts == b.AcceptedStarts
			}) {
				t.Error("a refused start took effect")
			}
		})
	}
}

// sleep lets time pass in a test's bubble.
func sleep(t *testing.T, d time.Duration) {
	t.Helper()
	if err := wait(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
}

func TestMigrationTakesEffectAtTheEndOfItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSimulator(t, Options{Clock: time.Now, Latency: time.Second})
		c := newCaller(t, s)
		id := eligible(t, s)[0]
		var answer response
		begin := time.Now()
		var took time.Duration
		answered := make(chan struct{})
		go func() {
			defer close(answered)
			answer = c.migrate(id)
			took = time.Since(begin)
		}()
		sleep(t, 8*time.Second+999*time.Millisecond)
		select {
		case <-answered:
			t.Errorf("answered after %v", took)
		default:
		}
		if got := trueOf(s, id).AuthType; got != "jwt" {
			t.Errorf("before its time: %s", got)
		}
		<-answered
		if got := trueOf(s, id).AuthType; got != "oauth" || answer.status != 200 || took < 9*time.Second ||
			took > 11*time.Second {
			t.Errorf("after its time: %s, %d after %v", got, answer.status, took)
		}
		if start := s.Ledger().Starts()[0]; start.Ended.Sub(start.Received) != took {
			t.Errorf("%v to %v, answered after %v", start.Received, start.Ended, took)
		}
	})
}

func TestLengthsOfMigrationsComeFromTheSeed(t *testing.T) {
	lengths := func(seed uint64) (all []time.Duration) {
		s := newSimulator(t, Options{Seed: seed})
		for seq := range uint64(50) {
			l := s.startLength(&pendingStart{Start: Start{Seq: seq + 1, Operation: "migrate"}})
			if l < 8*time.Second || l > 10*time.Second {
				t.Errorf("start %d takes %v", seq+1, l)
			}
			all = append(all, l)
		}
		return all
	}
	one := lengths(1)
	if !slices.Equal(one, lengths(1)) || slices.Equal(one, lengths(2)) || slices.Min(one) == slices.Max(one) {
		t.Errorf("lengths %v", one)
	}
}

func TestHangingUpCancelsNothing(t *testing.T) {
	for _, operation := range StartOperations() {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			const length = 800 * time.Millisecond
			s := newSimulator(t, Options{MigrationTime: new(length), ConsoleTime: length})
			c, target := newCaller(t, s), targetOf(t, s, operation)
			server := httptest.NewServer(s)
			defer server.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if answer, err := c.over(ctx, server, target, nil); err == nil {
				t.Fatalf("answered %s", answer.Status)
			}
			if got := trueOf(s, target.account).AuthType; got != target.from {
				t.Errorf("%s right after the hang-up", got)
			}
			start := ended(t, s, 1)[0]
			if got := trueOf(s, target.account).AuthType; got != target.to || !start.TookEffect || start.Status != 0 {
				t.Errorf("%s, %+v", got, start)
			}
		})
	}
}

// startTarget is a start with the credential's state before and after it.
type startTarget struct{ operation, method, path, account, from, to string }

// targetOf is a start of an operation that will succeed.
func targetOf(t testing.TB, s *Simulator, operation string) startTarget {
	t.Helper()
	consoles := map[string][5]string{
		"binding-create": {"POST", "/binding", "jwt", "both"}, "binding-delete": {"DELETE", "/binding", "both", "jwt"},
		"finalize": {"PATCH", "/finalize", "both", "oauth"},
	}
	if operation == "migrate" {
		id := eligible(t, s)[0]
		return startTarget{operation, "POST", queryPath(id) + "/migrate", id, "jwt", "oauth"}
	}
	how := consoles[operation]
	for _, i := range s.org.integrations() {
		if i.account != nil && i.account.authType() == how[2] && !i.readOnly {
			return startTarget{operation, how[0], migrationPath(i, how[1]), i.account.id, how[2], how[3]}
		}
	}
	t.Fatalf("nothing to %s", operation)
	return startTarget{}
}

// over sends a start over a real connection and follows no redirect.
func (c *caller) over(
	ctx context.Context, server *httptest.Server, target startTarget, body []byte,
) (*http.Response, error) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(ctx, target.method, server.URL+target.path, bytes.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header = c.header.Clone()
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return client.Do(r)
}

// ended waits until the given number of starts are over.
func ended(t testing.TB, s *Simulator, want int) []Start {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		starts := s.Ledger().Starts()
		if len(starts) == want && !slices.ContainsFunc(starts, func(start Start) bool { return start.Ended.IsZero() }) {
			return starts
		}
		if err := wait(t.Context(), 5*time.Millisecond); err != nil {
			break
		}
	}
	t.Fatalf("starts %+v", s.Ledger().Starts())
	return nil
}

func TestStartsAreWrittenDown(t *testing.T) {
	s := newSimulator(t, quick())
	c, i := newCaller(t, s), inState(t, s, notStarted)
	c.header.Set("x-request-id", "request-1")
	c.attempt("a-1").call("POST", migrationPath(i, "/binding"))
	c.call("PATCH", migrationPath(i, "/finalize"))
	c.call("DELETE", migrationPath(i, "/binding"))
	want := Start{
		Seq: 1, Received: now, Ended: now, Operation: "binding-create", Credential: i.id, TechnicalAccountID: i.account.id,
		Sandbox: "prod", Accepted: true, Effect: "done", TookEffect: true, Status: 201, RequestID: "request-1",
		Remote: "192.0.2.1:1234", Attempt: "a-1",
	}
	starts := s.Ledger().Starts()
	if len(starts) != 3 || starts[0] != want {
		t.Fatalf("starts %+v, want first %+v", starts, want)
	}
	for n, want := range []struct {
		operation string
		took      bool
		status    int
	}{{"binding-create", true, 201}, {"finalize", true, 200}, {"binding-delete", false, 400}} {
		if got := starts[n]; got.Operation != want.operation || got.TookEffect != want.took || got.Status != want.status ||
			got.Accepted != want.took || got.Seq != uint64(n+1) {
			t.Errorf("start %d: %+v", n+1, got)
		}
	}
	s.Ledger().Reset()
	var shown struct {
		Starts   []Start
		Overlaps *int
		Repeats  *int
		Resent   *int
	}
	body := c.get(ControlPrefix + "ledger").body
	if err := json.Unmarshal([]byte(body), &shown); err != nil || len(shown.Starts) != 3 || shown.Starts[0] != want ||
		shown.Overlaps == nil || shown.Repeats == nil || shown.Resent == nil || strings.Contains(body, "starts_error") {
		t.Errorf("%v %s", err, body)
	}
}

func TestCountsOfStarts(t *testing.T) {
	s := newSimulator(t, quick())
	c, ids := newCaller(t, s), eligible(t, s)
	all := s.org.integrations()
	i := all[slices.IndexFunc(all, func(i *integration) bool { return i.status == notStarted && !i.account.query })]
	steps := []struct {
		name string
		do   func()
		want StartCounts
	}{
		{"a first start", func() { c.attempt("1").migrate(ids[1]) }, StartCounts{}},
		{"another credential", func() { c.attempt("2").migrate(ids[2]) }, StartCounts{}},
		{"one refused again", func() { c.attempt("3").migrate(ids[1]) }, StartCounts{}},
		{"one refused with an old attempt", func() { c.attempt("1").migrate(ids[1]) }, StartCounts{Resent: 1}},
		{"the same attempt for another", func() { c.attempt("1").migrate(ids[3]) }, StartCounts{Resent: 1}},
		{"a binding", func() { c.call("POST", migrationPath(i, "/binding")) }, StartCounts{Resent: 1}},
		{"taken back", func() { c.call("DELETE", migrationPath(i, "/binding")) }, StartCounts{Resent: 1}},
		{"and made again", func() { c.call("POST", migrationPath(i, "/binding")) }, StartCounts{Resent: 1, Repeats: 1}},
	}
	for _, step := range steps {
		step.do()
		if got := s.Ledger().StartCounts(); got != step.want {
			t.Errorf("%s: %+v, want %+v", step.name, got, step.want)
		}
	}
}

func TestHundredStartsAtOnce(t *testing.T) {
	const callers = 100
	for name, same := range map[string]bool{"one credential": true, "many credentials": false} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "starts")
			s := newSimulator(t, Options{
				Scenario: "large", Sandboxes: 1, Accounts: callers, MigrationTime: new(100 * time.Millisecond), StartsFile: path,
				PageSize: callers,
			})
			c, ids := newCaller(t, s).in("prod"), eligible(t, s)
			statuses := make([]int, callers)
			var group sync.WaitGroup
			for n := range callers {
				group.Go(func() {
					id := ids[n]
					if same {
						id = ids[0]
					}
					statuses[n] = c.migrate(id).status
					c.get(queryPath(id))
					s.Truth()
					s.Ledger().snapshot()
				})
			}
			group.Wait()
			slices.Sort(statuses)
			want := map[bool][2]int{true: {1, callers - 1}, false: {callers, 0}}[same]
			if ok, refused := slices.Index(statuses, 409), len(statuses); same && (ok != want[0] || refused-ok != want[1]) ||
				!same && statuses[callers-1] != 200 {
				t.Errorf("statuses %v", statuses)
			}
			took := 0
			for _, start := range ended(t, s, callers) {
				if start.TookEffect {
					took++
				}
			}
			counts := s.Ledger().StartCounts()
			if took != want[0] || counts.Overlaps == 0 || same != (counts.Repeats > 0) {
				t.Errorf("%d took effect, %+v", took, counts)
			}
			again := newSimulator(t, Options{
				Scenario: "large", Sandboxes: 1, Accounts: callers, StartsFile: path, PageSize: callers,
			})
			if got := again.Ledger().StartCounts(); got != counts {
				t.Errorf("counts after a restart %+v, want %+v", got, counts)
			}
			if !slices.Equal(again.Ledger().Starts(), s.Ledger().Starts()) {
				t.Error("the file tells another story")
			}
		})
	}
}

// restart ends a simulator as a crash would and starts the next one with its file.
func restart(t *testing.T, s *Simulator, o Options) *Simulator {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return newSimulator(t, o)
}

func TestRestartForgetsNothing(t *testing.T) {
	o := quick()
	o.StartsFile = filepath.Join(t.TempDir(), "starts")
	s := newSimulator(t, o)
	c, ids := newCaller(t, s), eligible(t, s)
	bound, cancelled, finished := inState(t, s, notStarted), inState(t, s, started), inState(t, s, started)
	for _, i := range s.org.integrations() {
		if i.status == started && i != cancelled {
			finished = i
		}
	}
	c.migrate(ids[len(ids)-1])
	c.migrate(ids[1])
	c.migrate(ids[1])
	c.call("POST", migrationPath(bound, "/binding"))
	c.call("DELETE", migrationPath(cancelled, "/binding"))
	c.call("PATCH", migrationPath(finished, "/finalize"))
	before := s.Truth()
	for range 2 {
		s = restart(t, s, o)
		if after := s.Truth(); !slices.EqualFunc(before.Credentials, after.Credentials, func(a, b TrueCredential) bool {
			return a.AuthType == b.AuthType && a.MigrationStatus == b.MigrationStatus &&
				a.QueryServiceStatus == b.QueryServiceStatus && a.AcceptedStarts == b.AcceptedStarts &&
				a.CertificateNotAfter.Equal(b.CertificateNotAfter)
		}) {
			t.Error("the truth is another one after a restart")
		}
	}
	if got := newCaller(t, s).migrate(ids[1]); got.status != 409 {
		t.Errorf("again after a restart: %d", got.status)
	}
	if starts := s.Ledger().Starts(); len(starts) != 7 || starts[6].Seq != 7 || starts[2].Status != 409 {
		t.Errorf("starts %+v", starts)
	}
}

func TestReceivedIsOnTheDiskBeforeTheEffect(t *testing.T) {
	o := Options{MigrationTime: new(time.Hour), StartsFile: filepath.Join(t.TempDir(), "starts")}
	s := newSimulator(t, o)
	c, ids := newCaller(t, s), eligible(t, s)
	server := httptest.NewServer(s)
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		if _, err := c.over(ctx, server, startTarget{method: "POST", path: queryPath(ids[0]) + "/migrate"}, nil); err == nil {
			t.Error("answered")
		}
	}()
	for len(s.Ledger().Starts()) == 0 {
		if err := wait(ctx, time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	lines := eventsOf(t, o.StartsFile)
	if len(lines) != 1 || lines[0].Event != eventReceived || !lines[0].Accepted || lines[0].TookEffect {
		t.Errorf("file %+v", lines)
	}
	c.wantStatus(ids[0], "Eligible")
	cancel()
	<-gone
	// What Adobe has accepted it finishes, whether or not the simulator lives to see it.
	s = restart(t, s, o)
	if lines := eventsOf(t, o.StartsFile); len(lines) != 2 || lines[1].Event != eventEnded || !lines[1].TookEffect ||
		lines[1].Status != 0 {
		t.Errorf("file %+v", lines)
	}
	newCaller(t, s).wantStatus(ids[0], "Migrated")
}

func eventsOf(t *testing.T, path string) (events []startEvent) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(content) {
		var event startEvent
		if err := json.Unmarshal(line, &event); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		events = append(events, event)
	}
	return events
}

func TestCutOffStarts(t *testing.T) {
	s := newSimulator(t, quick())
	ids := eligible(t, s)
	bound := inState(t, s, started)
	line := func(event string, start Start) string {
		encoded, err := encode(startEvent{event, start})
		if err != nil {
			t.Fatal(err)
		}
		return string(encoded) + "\n"
	}
	received := func(change func(*Start)) string {
		start := Start{
			Seq: 1, Received: now, Operation: "migrate", TechnicalAccountID: ids[0], Accepted: true, Effect: effectDone,
		}
		change(&start)
		return line(eventReceived, start)
	}
	same := func(*Start) {}
	tests := map[string]struct {
		file, account, want string
		starts              int
	}{
		"accepted":          {received(same), ids[0], "oauth", 1},
		"refused":           {received(func(s *Start) { s.Accepted = false }), ids[0], "jwt", 1},
		"without effect":    {received(func(s *Start) { s.Effect = effectNone }), ids[0], "jwt", 1},
		"with effect later": {received(func(s *Start) { s.Effect = effectLater }), ids[0], "oauth", 1},
		"two of one":        {received(same) + received(func(s *Start) { s.Seq = 2 }), ids[0], "oauth", 2},
		"torn":              {received(same)[:40], ids[0], "jwt", 0},
		"torn end":          {received(same) + line(eventEnded, Start{Seq: 1})[:30], ids[0], "oauth", 1},
		"finalize": {received(func(s *Start) { s.Operation, s.TechnicalAccountID = "finalize", bound.account.id }),
			bound.account.id, "oauth", 1},
		"unknown and refused": {received(func(s *Start) { s.Accepted, s.TechnicalAccountID = false, "1" }), ids[0], "jwt", 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			o := quick()
			o.StartsFile = filepath.Join(t.TempDir(), "starts")
			if err := os.WriteFile(o.StartsFile, []byte(test.file), 0o600); err != nil {
				t.Fatal(err)
			}
			s := newSimulator(t, o)
			if got := trueOf(s, test.account).AuthType; got != test.want {
				t.Errorf("credential is on %s", got)
			}
			took := 0
			for _, start := range ended(t, s, test.starts) {
				if start.TookEffect {
					took++
				}
			}
			if want := map[string]int{"oauth": 1}[test.want]; took != want {
				t.Errorf("%d took effect", took)
			}
			if got := newCaller(t, s).migrate(ids[1]); got.status != 200 {
				t.Errorf("next start: %d", got.status)
			}
			if events := eventsOf(t, o.StartsFile); len(events) != 2*test.starts+2 ||
				events[len(events)-1].Seq != uint64(test.starts+1) {
				t.Errorf("file %+v", events)
			}
			if got := s.Ledger().StartCounts().Overlaps; got != max(0, test.starts-1) {
				t.Errorf("%d overlaps", got)
			}
		})
	}
}

func TestUselessStartsFilesAreRefused(t *testing.T) {
	for name, text := range map[string]string{
		"no JSON":         "hello\n",
		"unknown event":   `{"event":"begun","seq":1}` + "\n",
		"out of order":    `{"event":"received","seq":2}` + "\n",
		"ended only":      `{"event":"ended","seq":1}` + "\n",
		"unknown account": `{"event":"received","seq":1,"operation":"migrate","technical_account_id":"1","accepted":true}` + "\n",
	} {
		path := filepath.Join(t.TempDir(), "starts")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := New(Options{StartsFile: path}); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := New(Options{StartsFile: t.TempDir()}); err == nil {
		t.Error("a folder is taken for a file")
	}
	if _, err := New(Options{MigrationTime: new(-time.Second)}); err == nil {
		t.Error("a negative time is taken")
	}
}

// A start that cannot be written down must not happen: the judge would not know of it.
func TestNoStartWithoutItsRecord(t *testing.T) {
	o := quick()
	o.StartsFile = filepath.Join(t.TempDir(), "starts")
	s := newSimulator(t, o)
	c, id := newCaller(t, s), eligible(t, s)[0]
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got := c.migrate(id); got.status != 500 || !strings.Contains(got.body, "starts file") {
		t.Errorf("%d %s", got.status, got.body)
	}
	c.wantStatus(id, "Eligible")
	if starts := s.Ledger().Starts(); starts[0].Accepted || starts[0].TookEffect || s.Ledger().StartsError() == "" {
		t.Errorf("%+v, error %q", starts, s.Ledger().StartsError())
	}
}

func TestReadsSettleLater(t *testing.T) {
	at := now
	o := quick()
	o.Settle, o.Clock = time.Minute, func() time.Time { return at }
	s := newSimulator(t, o)
	c, id := newCaller(t, s), eligible(t, s)[0]
	i := s.org.byAccount[id].integration
	shown := func() string {
		return c.get(queryPath(id)).text("migrationStatus") + " " +
			c.get(migrationPath(i, "/status")).text("migrationStatus") + " " + c.get("/console/clients/"+i.clientID+"/credential").text("credential_type") + " " +
			trueOf(s, id).KnownAuthType + " " + trueOf(s, id).MigrationStatus
	}
	const (
		old  = "Eligible NOT_STARTED service jwt NOT_STARTED"
		both = "Eligible STARTED oauth_server_to_server_migrate both STARTED"
		last = "Migrated COMPLETED oauth_server_to_server oauth COMPLETED"
	)
	for n, step := range []struct {
		method, path string
		status       int
		pause        time.Duration
		shown, truth string
	}{
		{"POST", migrationPath(i, "/binding"), 201, 0, old, "both"},
		{"POST", migrationPath(i, "/binding"), 400, 59 * time.Second, old, "both"},
		{"GET", migrationPath(i, "/binding"), 404, time.Second, both, "both"},
		{"PATCH", migrationPath(i, "/finalize"), 200, 30 * time.Second, both, "oauth"},
		{"POST", queryPath(id) + "/migrate", 409, 30 * time.Second, last, "oauth"},
	} {
		if got := c.call(step.method, step.path); got.status != step.status {
			t.Errorf("step %d: %d %s", n, got.status, got.body)
		}
		at = at.Add(step.pause)
		if got := shown(); got != step.shown || trueOf(s, id).AuthType != step.truth {
			t.Errorf("step %d: %q, truly %s", n, got, trueOf(s, id).AuthType)
		}
	}
}

func TestGuardedScenario(t *testing.T) {
	o := quick()
	o.Scenario = "guarded"
	s := newSimulator(t, o)
	counts := map[string]int{}
	for _, credential := range s.Truth().Credentials {
		kind := credential.Managed
		if credential.ReadOnly {
			kind += " read-only"
		}
		counts[kind]++
		if credential.Managed != "" && credential.Project == "" {
			t.Errorf("%s: project without title", credential.TechnicalAccountID)
		}
		if len(credential.Sandboxes) == 0 {
			continue
		}
		got := newCaller(t, s).in(credential.Sandboxes[0]).migrate(credential.TechnicalAccountID)
		if want := map[bool]int{true: 403, false: 200}[credential.ReadOnly]; got.status != want {
			t.Errorf("%s: %d", kind, got.status)
		}
	}
	for kind, want := range map[string]int{"": 5, " read-only": 3, "auto-generated read-only": 2, "aem": 2} {
		if counts[kind] != want {
			t.Errorf("%d credentials are %q", counts[kind], kind)
		}
	}
}
