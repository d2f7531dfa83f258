package simulator

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"
)

const accountsPath = "/data/foundation/queryauth/accounts"

func faulty(t *testing.T, texts ...string) *caller {
	t.Helper()
	c := newCaller(t, newSimulator(t, Options{Scenario: "large", Sandboxes: 1, Accounts: 50}))
	var faults []Fault
	for _, text := range texts {
		f, err := ParseFault(text)
		if err != nil {
			t.Fatal(err)
		}
		faults = append(faults, f)
	}
	if err := c.s.SetFaults(faults); err != nil {
		t.Fatal(err)
	}
	return c
}

// applied is the number of times that the first fault was applied.
func (c *caller) applied() int { return c.s.Ledger().Faults()[0].Applied }

func TestFaultAnswers(t *testing.T) {
	header := func(name, want string) func(response) bool {
		return func(r response) bool { return r.header.Get(name) == want }
	}
	holds := func(text string) func(response) bool {
		return func(r response) bool { return strings.Contains(r.body, text) }
	}
	isJSON := func(want bool) func(response) bool {
		return func(r response) bool { return json.Valid([]byte(r.body)) == want }
	}
	const moved = "https://attacker.invalid/data/foundation/queryauth/accounts?limit=5"
	tests := []struct {
		fault  string
		status int
		check  func(response) bool
	}{
		{"kind=throttle", 429, header("Retry-After", "")},
		{"kind=throttle,retry-after=absent", 429, holds("429050")},
		{"kind=throttle,retry-after=1", 429, header("Retry-After", "1")},
		{"kind=throttle,retry-after=0", 429, header("Retry-After", "0")},
		{"kind=throttle,retry-after=-5", 429, header("Retry-After", "-5")},
		{"kind=throttle,retry-after=huge", 429, header("Retry-After", "315360000")},
		{"kind=throttle,retry-after=garbage", 429, header("Retry-After", "soon, we hope")},
		{"kind=throttle,retry-after=date", 429, header("Retry-After", "Mon, 16 Jun 2025 12:00:01 GMT")},
		{"kind=throttle,retry-after=past", 429, header("Retry-After", "Mon, 16 Jun 2025 11:00:00 GMT")},
		{"kind=500", 500, isJSON(true)},
		{"kind=503,retry-after=2", 503, header("Retry-After", "2")},
		{"kind=504", 504, header("Content-Type", "text/plain; charset=utf-8")},
		{"kind=html", 502, holds("<html>")},
		{"kind=html-200", 200, holds("<html>")},
		{"kind=unauthorized", 401, holds("401013")},
		{"kind=forbidden", 403, isJSON(true)},
		{"kind=garbage", 200, isJSON(false)},
		{"kind=error-200", 200, holds(`"error_code"`)},
		{"kind=redirect-302", 302, header("Location", moved)},
		{"kind=redirect-307,host=127.0.0.1:9", 307, header("Location", "http://127.0.0.1:9"+accountsPath+"?limit=5")},
		{"kind=huge", 200, func(r response) bool { return len(r.body) >= 64<<20 && strings.HasSuffix(r.body, `""]}`) }},
		{"kind=truncated", 200, isJSON(false)},
		{"kind=wrong-content", 200, header("Content-Type", "text/html; charset=utf-8")},
		{"kind=invalid-utf8", 200, func(r response) bool { return !utf8.ValidString(r.body) }},
		{"kind=null-list", 200, holds(`"accounts":null`)},
		{"kind=wrong-type", 200, holds(`"accounts":"none"`)},
		{"kind=missing-list", 200, func(r response) bool { return !strings.Contains(r.body, `"accounts":`) }},
		{"kind=empty-list", 200, holds(`"_links":{}`)},
		{"kind=short-list", 200, func(r response) bool { return len(r.object()["accounts"].([]any)) == 4 }},
		{"kind=duplicate-keys", 200, holds(`,"accounts":[]}`)},
		{"kind=cased-keys", 200, holds(`,"ACCOUNTS":[]}`)},
		{"kind=duplicates", 200, func(r response) bool { return len(r.object()["accounts"].([]any)) == 7 }},
		{"kind=conflicting-duplicates", 200, holds(`"accountName":"changed `)},
		{"kind=bad-dates", 200, holds(`"created":"yesterday"`)},
		{"kind=next-host", 200, holds(`"href":"https://attacker.invalid/data/foundation/queryauth/accounts?`)},
		{"kind=next-host,host=http://u@evil.invalid:1/", 200, holds(`"href":"http://u@evil.invalid:1/data/`)},
		{"kind=next-host,href=http://a,b/?c=d", 200, holds(`"next":{"href":"http://a,b/?c=d"}`)},
	}
	for _, test := range tests {
		t.Run(test.fault, func(t *testing.T) {
			c := faulty(t, test.fault)
			got := c.get(accountsPath + "?limit=5")
			if got.status != test.status || !test.check(got) {
				t.Errorf("%d %v %.300s", got.status, got.header, got.body)
			}
			if c.applied() != 1 {
				t.Errorf("applied %d times", c.applied())
			}
		})
	}
}

func TestTokenFaults(t *testing.T) {
	if got := faulty(t, "kind=expires-zero").form("/ims/token/v3", credentials()); got.object()["expires_in"] != 0.0 {
		t.Error(got.body)
	}
	if got := faulty(t, "kind=token-type").form("/ims/token/v3", credentials()); got.text("token_type") != "mac" {
		t.Error(got.body)
	}
	c := faulty(t, "kind=no-scope")
	if got := newCaller(t, c.s).get(accountsPath); got.status != 403 || got.text("error_code") != "403025" {
		t.Errorf("%d %s", got.status, got.body)
	}
	c = faulty(t, "kind=revoke-token,operation=accounts,call=2,times=1")
	for call, want := range []int{200, 401, 401} {
		if got := c.get(accountsPath); got.status != want {
			t.Errorf("call %d: %d", call+1, got.status)
		}
	}
	if got := newCaller(t, c.s).get(accountsPath); got.status != 200 {
		t.Errorf("new token: %d", got.status)
	}
}

func TestFaultsOnEveryListOfAdobes(t *testing.T) {
	const unchanged = "kind=null-list"
	for operation, target := range map[string]string{
		"sandboxes": "/data/foundation/sandbox-management/sandboxes", "projects": consoleBase + "/projects",
		"integrations": consoleBase + "/integrations", "organizations": "/console/organizations",
	} {
		c := faulty(t, unchanged+",operation="+operation, "kind=500,operation=token")
		if got := c.get(target); got.status != 200 || !strings.Contains(got.body, "null") {
			t.Errorf("%s: %d %s", operation, got.status, got.body)
		}
	}
}

func TestCursorFaults(t *testing.T) {
	page := func(c *caller, target string) (first, next string) {
		object := c.get(target).object()
		first = object["accounts"].([]any)[0].(map[string]any)["technicalAccountId"].(string)
		at, err := url.Parse(linkText(object["_links"].(map[string]any)["next"]))
		if err != nil {
			t.Fatal(err)
		}
		return first, at.RequestURI()
	}
	for kind, want := range map[string]string{"cursor-stuck": "AAAAA", "cursor-loop": "ABABA"} {
		c := faulty(t, "kind="+kind)
		names, path, target := map[string]string{}, "", accountsPath
		for range want {
			var first string
			if first, target = page(c, target); names[first] == "" {
				names[first] = string(rune('A' + len(names)))
			}
			path += names[first]
		}
		if path != want || c.applied() != len(want) {
			t.Errorf("%s: pages %s, want %s", kind, path, want)
		}
	}
}

func TestFaultsAreCountedAndTimed(t *testing.T) {
	c := faulty(t, "kind=500,operation=accounts,sandbox=prod,call=3,times=2", "kind=503,operation=projects")
	var got []int
	for range 6 {
		got = append(got, c.get(accountsPath).status)
		c.in("dev-001").get(accountsPath)
	}
	if !slices.Equal(got, []int{200, 200, 500, 500, 200, 200}) {
		t.Errorf("statuses %v", got)
	}
	counts := c.s.Ledger().Faults()
	if counts[0].Matched != 6 || counts[0].Applied != 2 || counts[1].Matched != 0 || counts[1].Applied != 0 {
		t.Errorf("counts %v", counts)
	}
	if faults := c.s.Ledger().Entries(); faults[5].Fault != "500" {
		t.Errorf("ledger %v", faults[5])
	}
}

func TestFaultWithoutEffectIsNotTicked(t *testing.T) {
	c := faulty(t, "kind=null-list,operation=accounts")
	c.header.Del("Authorization")
	if got := c.get(accountsPath); got.status != 403 || c.applied() != 0 {
		t.Errorf("%d, applied %d times", got.status, c.applied())
	}
}

func TestProbabilityComesFromTheSeed(t *testing.T) {
	statuses := func() (all []int) {
		c := faulty(t, "kind=500,operation=accounts,probability=0.5")
		for range 100 {
			all = append(all, c.get(accountsPath).status)
		}
		return all
	}
	one, failed := statuses(), 0
	for _, status := range one {
		if status == 500 {
			failed++
		}
	}
	if !slices.Equal(one, statuses()) || failed < 30 || failed > 70 {
		t.Errorf("%d of 100 failed", failed)
	}
}

func TestAfterLetsTheCallTakeEffect(t *testing.T) {
	for after, want := range map[string]string{"true": "STARTED", "false": "NOT_STARTED"} {
		s := newSimulator(t, Options{})
		c, i := newCaller(t, s), inState(t, s, notStarted)
		f, err := ParseFault("kind=504,operation=binding-create,after=" + after)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.SetFaults([]Fault{f}); err != nil {
			t.Fatal(err)
		}
		if got := c.call("POST", migrationPath(i, "/binding")); got.status != 504 {
			t.Errorf("%d %s", got.status, got.body)
		}
		if got := c.get(migrationPath(i, "/status")).text("migrationStatus"); got != want {
			t.Errorf("after=%s: %s", after, got)
		}
	}
}

// served puts a caller's simulator behind a real server, for faults of the connection.
func served(t *testing.T, c *caller) (get func(timeout time.Duration) (*http.Response, error)) {
	t.Helper()
	server := httptest.NewServer(c.s)
	t.Cleanup(server.Close)
	return func(timeout time.Duration) (*http.Response, error) {
		r, err := http.NewRequest(http.MethodGet, server.URL+accountsPath, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = c.header.Clone()
		client := server.Client()
		client.Timeout = timeout
		return client.Do(r)
	}
}

func TestConnectionFaults(t *testing.T) {
	if _, err := served(t, faulty(t, "kind=reset"))(time.Minute); !errors.Is(err, io.EOF) {
		t.Errorf("reset: %v", err)
	}
	answer, err := served(t, faulty(t, "kind=cut"))(time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	if err == nil || int64(len(body))*2 != answer.ContentLength &&
		int64(len(body))*2 != answer.ContentLength-1 {
		t.Errorf("cut: %d of %d bytes, %v", len(body), answer.ContentLength, err)
	}
	if err := answer.Body.Close(); err != nil {
		t.Error(err)
	}
	var late interface{ Timeout() bool }
	for _, fault := range []string{"kind=hang", "kind=latency,delay=1h"} {
		if _, err := served(t, faulty(t, fault))(50 * time.Millisecond); !errors.As(err, &late) || !late.Timeout() {
			t.Errorf("%s: %v", fault, err)
		}
	}
}

func TestManyCallersAtOnce(t *testing.T) {
	s := newSimulator(t, Options{Scenario: "churn", LedgerSize: 10})
	c := newCaller(t, s)
	if err := s.SetFaults([]Fault{{Kind: "duplicates", Operation: "accounts", Probability: 0.3}}); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for n := range 8 {
		group.Go(func() {
			for range 20 {
				switch n {
				case 0:
					s.Step()
				case 1:
					s.Truth()
				case 2:
					c.form("/ims/token/v3", credentials())
				case 3:
					c.get(consoleBase + "/projects?includeCredentials=true")
				case 4:
					s.Ledger().snapshot()
				default:
					if got := c.get(accountsPath); got.status != 200 {
						t.Errorf("%d %s", got.status, got.body)
					}
				}
			}
		})
	}
	group.Wait()
	if got := s.Ledger().Counts()["accounts"]; got != 60 || len(s.Ledger().Entries()) != 10 {
		t.Errorf("%d calls counted, %d kept", got, len(s.Ledger().Entries()))
	}
}

func FuzzParseFault(f *testing.F) {
	for _, kind := range FaultKinds() {
		f.Add("kind=" + kind.Name + ",operation=accounts,sandbox=dev-01,call=2,times=3,retry-after=1,after=true")
	}
	f.Add("kind=status,status=503,form=html,retry-after=1,operation=migrate,effect=none")
	f.Add("kind=next-host,probability=0.25,delay=3s,host=h,href=http://a,b=c")
	f.Fuzz(func(t *testing.T, text string) {
		fault, err := ParseFault(text)
		if err != nil {
			return
		}
		again, err := ParseFault(fault.String())
		if err != nil || again != fault {
			t.Errorf("%q became %q: %v", text, fault, err)
		}
	})
}
