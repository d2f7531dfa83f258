package simulator

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// seen takes a start over a real connection and gives the status that the caller sees, zero where it sees none.
func seen(t *testing.T, s *Simulator, target startTarget) int {
	t.Helper()
	server := httptest.NewServer(s)
	defer server.Close()
	answer, err := newCaller(t, s).over(t.Context(), server, target, []byte(`{}`))
	if err != nil {
		return 0
	}
	// What a fault does to the body is not looked at here.
	_, _ = io.CopyN(io.Discard, answer.Body, 1<<20)
	if err := answer.Body.Close(); err != nil {
		t.Error(err)
	}
	return answer.StatusCode
}

// Every way to fail must do to the credential what its effect says, whatever the caller gets to see.
func TestEveryFaultOfStarts(t *testing.T) {
	for _, operation := range StartOperations() {
		faults := StartFaults(operation)
		if len(faults) < 80 {
			t.Errorf("%s: only %d faults", operation, len(faults))
		}
		for _, f := range faults {
			f.Host, f.Times = "trap.invalid", 1
			f.Delay = time.Millisecond
			t.Run(f.String(), func(t *testing.T) {
				t.Parallel()
				o := quick()
				o.Switches = map[string]string{swFinalizeBody: "status"}
				s := newSimulator(t, o)
				target := targetOf(t, s, operation)
				if err := s.SetFaults([]Fault{f}); err != nil {
					t.Fatal(err)
				}
				status := seen(t, s, target)
				start := ended(t, s, 1)[0]
				want := map[string]string{effectDone: target.to, effectNone: target.from}[f.Effect]
				if got := trueOf(s, target.account).AuthType; got != want {
					t.Errorf("credential is on %s, want %s", got, want)
				}
				if start.TookEffect != (f.Effect == effectDone) || start.Effect != f.Effect || start.Fault != f.Kind ||
					start.Status != status && f.Kind != "cut" && f.Kind != "stall" {
					t.Errorf("caller saw %d, ledger has %+v", status, start)
				}
				if f.Status != 0 && status != f.Status {
					t.Errorf("status %d", status)
				}
				if count := s.Ledger().Faults()[0]; count.Matched != 1 || count.Applied != 1 {
					t.Errorf("fault %+v", count)
				}
			})
		}
	}
}

func TestFaultAnswersOfStarts(t *testing.T) {
	type check func(c *caller, r response, account string) bool
	holds := func(text string) check {
		return func(_ *caller, r response, _ string) bool { return strings.Contains(r.body, text) }
	}
	header := func(name, want string) check {
		return func(_ *caller, r response, _ string) bool { return r.header.Get(name) == want }
	}
	tests := []struct {
		fault  string
		status int
		check  check
	}{
		{"kind=status", 500, holds(`"title":"InternalServerErrorError"`)},
		{"kind=status,status=408", 408, holds(`"status":408`)},
		{"kind=status,status=409,form=html", 409, header("Content-Type", "text/html; charset=utf-8")},
		{"kind=status,status=429,form=text,retry-after=7", 429, header("Retry-After", "7")},
		{"kind=status,status=503,form=html,retry-after=date", 503, header("Retry-After", "Mon, 16 Jun 2025 12:00:01 GMT")},
		{"kind=status,status=401,form=text", 401, holds("Unauthorized")},
		{"kind=already", 400, holds("already migrated")},
		{"kind=already-409", 409, holds(`"status":"Migrated"`)},
		{"kind=empty-200", 200, func(_ *caller, r response, _ string) bool { return r.body == "" }},
		{"kind=wrong-json", 200, holds(`[{"result"`)},
		{"kind=other-id", 200, func(c *caller, r response, account string) bool {
			id := r.text("technicalAccountId")
			return id != account && c.s.org.byAccount[id] != nil && r.text("status") == "Migrated"
		}},
		{"kind=unknown-status", 200, func(_ *caller, r response, account string) bool {
			return r.text("technicalAccountId") == account && r.text("status") == "Transmogrified"
		}},
		{"kind=still-eligible", 200, func(_ *caller, r response, account string) bool {
			return r.text("technicalAccountId") == account && r.text("status") == "Eligible"
		}},
		{"kind=accepted-202", 202, holds("Accepted")},
		{"kind=no-content", 204, func(_ *caller, r response, _ string) bool { return r.body == "" }},
		{"kind=redirect-303,host=trap.invalid", 303, nil},
		{"kind=redirect-308,host=trap.invalid", 308, nil},
		{"kind=truncated,effect=none", 200, func(_ *caller, r response, _ string) bool {
			return len(r.body) > 10 && !strings.HasSuffix(r.body, "}")
		}},
		{"kind=slow,delay=1ms", 200, holds(`"status":"Migrated"`)},
	}
	for _, test := range tests {
		t.Run(test.fault, func(t *testing.T) {
			s := newSimulator(t, quick())
			c, account := newCaller(t, s), eligible(t, s)[0]
			f, err := ParseFault(test.fault + ",operation=migrate")
			if err != nil {
				t.Fatal(err)
			}
			if err := s.SetFaults([]Fault{f}); err != nil {
				t.Fatal(err)
			}
			got := c.migrate(account)
			if test.check == nil {
				to, err := url.Parse(got.header.Get("Location"))
				if err != nil || to.Host != "trap.invalid" || to.Path != queryPath(account)+"/migrate" {
					t.Errorf("leads to %v, %v", to, err)
				}
			}
			if got.status != test.status || test.check != nil && !test.check(c, got, account) {
				t.Errorf("%d %v %s", got.status, got.header, got.body)
			}
		})
	}
}

func TestConnectionFaultsOfStarts(t *testing.T) {
	for kind, want := range map[string]string{
		"reset-unread": "", "cut-head": "EOF", "bad-http": "malformed HTTP", "cut": "EOF", "reset": "EOF",
	} {
		s := newSimulator(t, quick())
		server := httptest.NewServer(s)
		target := targetOf(t, s, "binding-delete")
		if err := s.SetFaults([]Fault{{Kind: kind, Operation: target.operation}}); err != nil {
			t.Fatal(err)
		}
		body := make([]byte, maxBody/2)
		if kind != "reset-unread" {
			body = nil
		}
		answer, err := newCaller(t, s).over(t.Context(), server, target, body)
		if err == nil {
			t.Errorf("%s: answered %s", kind, answer.Status)
		} else if !strings.Contains(err.Error(), want) && !errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", kind, err)
		}
		server.Close()
	}
}

// The caller hears of the failure at once, and the start runs on.
func TestEffectLater(t *testing.T) {
	for _, kind := range []string{"504", "status", "html-200", "truncated"} {
		synctest.Test(t, func(t *testing.T) {
			s := newSimulator(t, Options{Clock: time.Now, MigrationTime: new(9 * time.Second)})
			c, account := newCaller(t, s), eligible(t, s)[0]
			if err := s.SetFaults([]Fault{{Kind: kind, Operation: "migrate", Effect: effectLater}}); err != nil {
				t.Fatal(err)
			}
			begin := time.Now()
			got := c.migrate(account)
			if time.Since(begin) > time.Second || trueOf(s, account).AuthType != "jwt" {
				t.Errorf("%s: %d after %v", kind, got.status, time.Since(begin))
			}
			if start := s.Ledger().Starts()[0]; !start.Ended.IsZero() || start.Status != got.status {
				t.Errorf("%s: %+v", kind, start)
			}
			sleep(t, 10*time.Second)
			if start := s.Ledger().Starts()[0]; !start.TookEffect || start.Ended.Sub(begin) != 9*time.Second ||
				trueOf(s, account).AuthType != "oauth" {
				t.Errorf("%s: %+v", kind, start)
			}
		})
	}
}

func TestFaultsThatMakeNoSense(t *testing.T) {
	for _, text := range []string{
		"kind=500,effect=none", "kind=500,effect=later,operation=accounts", "kind=500,effect=maybe,operation=migrate",
		"kind=500,effect=done,after=true", "kind=500,status=503", "kind=status,status=200", "kind=status,status=600",
		"kind=status,form=xml", "kind=throttle,form=html", "kind=already,operation=accounts", "kind=status,status=x",
		"kind=truncated,operation=binding-delete", "kind=slow,operation=token",
	} {
		if f, err := ParseFault(text); err == nil {
			t.Errorf("%s is taken for %v", text, f)
		}
	}
	for _, text := range []string{"kind=500,effect=done", "kind=already", "kind=status,status=599,form=text"} {
		if _, err := ParseFault(text); err != nil {
			t.Error(err)
		}
	}
}

func TestUseIsSettable(t *testing.T) {
	s := newSimulator(t, Options{Switches: map[string]string{swFinalizeChecks: "enforced"}})
	c, i := newCaller(t, s), inState(t, s, started)
	post := func(body string) response {
		return c.send(http.MethodPost, ControlPrefix+"use", http.Header{}, strings.NewReader(body))
	}
	usages := func() string { return c.get(consoleBase + "/credentials/" + i.id + "/secrets").body }
	for n, step := range []struct {
		body, want string
		finalize   int
	}{
		{`{"credential":"` + i.id + `","grant":"jwt","at":"never"}`, `"jwt":""`, 0},
		{`{"credential":"` + i.account.id + `","grant":"jwt","at":"2025-06-14T12:00:00Z"}`, `"jwt":"2025-06-14T12:00:00Z"`, 0},
		{`{"credential":"` + i.id + `","grant":"oauth","at":"2025-06-13T12:00:00Z"}`, `"oauth":"2025-06-13T12:00:00Z"`, 400},
		{`{"credential":"` + i.id + `","grant":"oauth"}`, `"oauth":"2025-06-16T12:00:00Z"`, 200},
	} {
		if got := post(step.body); got.status != 200 || !strings.Contains(got.body, step.want) {
			t.Errorf("step %d: %d %s", n, got.status, got.body)
		}
		if n == 0 && strings.Contains(usages(), "jwt-bearer") || n == 1 && !strings.Contains(usages(), `"1749902400000"`) {
			t.Errorf("step %d: %s", n, usages())
		}
		if step.finalize != 0 {
			if got := c.call("PATCH", migrationPath(i, "/finalize")); got.status != step.finalize {
				t.Errorf("step %d: finalize %d %s", n, got.status, got.body)
			}
		}
	}
	for _, body := range []string{
		"", `{"credential":"1","grant":"jwt"}`, `{"credential":"` + i.id + `","grant":"password"}`,
		`{"credential":"` + i.id + `","grant":"jwt","at":"yesterday"}`,
	} {
		if got := post(body); got.status != 400 {
			t.Errorf("%s: %d", body, got.status)
		}
	}
}

func TestTokenCallsAreUses(t *testing.T) {
	s := newSimulator(t, quick())
	c, i := newCaller(t, s), inState(t, s, notStarted)
	if got := c.call("POST", migrationPath(i, "/binding")); got.status != 201 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if i.oauthUsed.Equal(now) {
		t.Error("used before it was")
	}
	values := credentials()
	values.Set("client_id", i.clientID)
	values.Set("client_secret", i.secrets[0].value)
	if got := c.form("/ims/token/v3", values); got.status != 200 || !i.oauthUsed.Equal(now) {
		t.Errorf("%d, used %v", got.status, i.oauthUsed)
	}
}
