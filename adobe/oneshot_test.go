package adobe

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"jwtsunset/credential"
)

const testAccount = "5F1C2D3E65D47A1B0A495F8C"

func TestOneShotIsSentAsConfigured(t *testing.T) {
	var seen *http.Request
	var body string
	base := serve(t, withToken(func(w http.ResponseWriter, r *http.Request) {
		seen = r
		text, _ := io.ReadAll(r.Body)
		body = string(text)
		reply(w, 202, `{"result":{"state":"QUEUED"}}`)
	}))
	m := newTestMigrator(t, testOptions(t, base))
	o := OneShot{
		Method: http.MethodPost, URLTemplate: base + "/data/{organization}/{sandbox}/accounts/{account}?id={account}",
		Headers: map[string]string{"x-extra": "for {account}", "Accept": "application/vnd.adobe+json"},
		Body:    `{"account":"{account}","deep":{"in":["{sandbox}"]}}`,
		Success: Success{Statuses: []int{202}, Member: "result.state", Values: []string{"DONE", "QUEUED"}},
	}
	a := m.OneShot(context.Background(), o, testAccount, "prod", recorded())
	answered(t, a, Accepted)
	if want := "/data/" + testOrg + "/prod/accounts/" + testAccount + "?id=" + testAccount; seen.RequestURI != want {
		t.Errorf("asked %s", seen.RequestURI)
	}
	for name, want := range map[string]string{
		"X-Extra": "for " + testAccount, "Accept": "application/vnd.adobe+json", "Content-Type": "application/json",
		"X-Api-Key": testClient, "X-Gw-Ims-Org-Id": testOrg, "X-Sandbox-Name": "prod", "Authorization": "Bearer " + canaryToken,
		"X-Request-Id": a.RequestID,
	} {
		if got := seen.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if seen.Method != http.MethodPost || body != `{"account":"`+testAccount+`","deep":{"in":["prod"]}}` {
		t.Errorf("sent %s %s", seen.Method, body)
	}
}

func TestOneShotSuccess(t *testing.T) {
	word := Success{Member: "a.b", Values: []string{"DONE", "1", "true"}}
	for name, test := range map[string]struct {
		success Success
		status  int
		body    string
		want    Outcome
	}{
		"no rule":          {Success{}, 200, `{"x":1}`, Accepted},
		"no rule, empty":   {Success{}, 204, ``, Accepted},
		"status":           {Success{Statuses: []int{202}}, 202, `{}`, Accepted},
		"other status":     {Success{Statuses: []int{202}}, 200, `{}`, Unknown},
		"word":             {word, 200, `{"a":{"b":"DONE"}}`, Accepted},
		"number":           {word, 200, `{"a":{"b":1}}`, Accepted},
		"true":             {word, 200, `{"a":{"b":true}}`, Accepted},
		"other word":       {word, 200, `{"a":{"b":"done"}}`, Unknown},
		"null":             {word, 200, `{"a":{"b":null}}`, Unknown},
		"no member":        {word, 200, `{"a":{}}`, Unknown},
		"member elsewhere": {word, 200, `{"b":"DONE"}`, Unknown},
		"other case":       {word, 200, `{"A":{"b":"DONE"}}`, Unknown},
		"twice":            {word, 200, `{"a":{"b":"DONE","b":"DONE"}}`, Unknown},
		"a list":           {word, 200, `{"a":[{"b":"DONE"}]}`, Unknown},
		"an object":        {word, 200, `{"a":{"b":{}}}`, Unknown},
		"empty":            {word, 200, ``, Unknown},
		"with an error":    {word, 200, `{"a":{"b":"DONE"},"error":"x"}`, Unknown},
		"refused":          {word, 403, `{"a":{"b":"DONE"}}`, Refused},
		"conflict":         {word, 409, `{"a":{"b":"DONE"}}`, Unknown},
		"already":          {word, 409, already, Already},
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int32
			base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				calls.Add(1)
				reply(w, test.status, test.body)
			})
			o := OneShot{Method: "POST", URLTemplate: base + "/x/{account}", Success: test.success}
			m := migrator(t, base)
			if err := m.CheckOneShot(o); err != nil {
				t.Fatal(err)
			}
			answered(t, m.OneShot(context.Background(), o, testAccount, "prod", recorded()), test.want)
			if calls.Load() != 1 {
				t.Errorf("%d calls", calls.Load())
			}
		})
	}
}

func TestOneShotTemplatesAreChecked(t *testing.T) {
	const home = "https://platform.example"
	o := testOptions(t, home)
	m := newTestMigrator(t, o, func(o *MigratorOptions) { o.OneShotURL = "https://qs.example:8443/base" })
	header := func(name, value string) func(*OneShot) {
		return func(o *OneShot) { o.Headers = map[string]string{name: value} }
	}
	address := func(text string) func(*OneShot) { return func(o *OneShot) { o.URLTemplate = text } }
	for name, test := range map[string]struct {
		change func(*OneShot)
		want   string // "" for good ones
	}{
		"good":             {func(*OneShot) {}, ""},
		"other base":       {address("https://qs.example:8443/{account}"), ""},
		"port in words":    {address("https://PLATFORM.example:443/{account}"), ""},
		"DELETE":           {func(o *OneShot) { o.Method = "DELETE" }, ""},
		"GET":              {func(o *OneShot) { o.Method = "GET" }, "method"},
		"no method":        {func(o *OneShot) { o.Method = "" }, "method"},
		"lower case":       {func(o *OneShot) { o.Method = "post" }, "method"},
		"other host":       {address("https://evil.example/{account}"), "configured address"},
		"other port":       {address("https://platform.example:8443/{account}"), "configured address"},
		"http":             {address("http://platform.example/{account}"), "configured address"},
		"suffix":           {address("https://platform.example.evil.example/"), "configured address"},
		"user":             {address("https://me:" + canarySecret + "@platform.example/"), "user name"},
		"account as user":  {address("https://{account}@platform.example/"), "address: it is none"},
		"account as host":  {address("https://{account}/x"), "address: it is none"},
		"host in account":  {address("https://platform.example{account}/x"), "address: it is none"},
		"relative":         {address("/x/{account}"), "not one like"},
		"no scheme":        {address("platform.example/{account}"), "not one like"},
		"opaque":           {address("https:platform.example"), "not one like"},
		"fragment":         {address(home + "/x#{account}"), "fragment"},
		"other word":       {address(home + "/{id}"), "braces"},
		"backslash":        {address(home + `/\evil.example/`), "braces"},
		"control":          {address(home + "/\n"), "address"},
		"console":          {address(strings.Replace(home, "platform", "ims", 1)), "configured address"},
		"body no JSON":     {func(o *OneShot) { o.Body = `{"a":{account}}` }, "not JSON"},
		"status":           {func(o *OneShot) { o.Success.Statuses = []int{302} }, "302"},
		"206":              {func(o *OneShot) { o.Success.Statuses = []int{206} }, "206"},
		"member alone":     {func(o *OneShot) { o.Success.Member = "a" }, "without the other"},
		"values alone":     {func(o *OneShot) { o.Success.Values = []string{"a"} }, "without the other"},
		"path":             {func(o *OneShot) { o.Success = Success{Member: "a..b", Values: []string{"x"}} }, "dotted path"},
		"header":           {header("X-Extra", "a b"), ""},
		"header name":      {header("X Extra", "a"), "a name cannot be one"},
		"empty name":       {header("", "a"), "a name cannot be one"},
		"header value":     {header("X-Extra", "a\r\nb: c"), "cannot be one"},
		"token":            {header("authorization", "Bearer "+canarySecret), "Authorization is not for a template"},
		"key":              {header("idempotency-key", "1"), "Idempotency-Key is not for a template"},
		"other key":        {header("x-Idempotency-key", "1"), "not for a template"},
		"expect":           {header("expect", "100-continue"), "not for a template"},
		"host":             {header("HOST", "evil.example"), "not for a template"},
		"method in header": {header("X-HTTP-Method-Override", "GET"), "not for a template"},
	} {
		t.Run(name, func(t *testing.T) {
			o := OneShot{Method: "POST", URLTemplate: home + "/x/{account}", Body: `{"s":"{sandbox}"}`}
			test.change(&o)
			err := m.CheckOneShot(o)
			if test.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("error is %v, want one with %q", err, test.want)
			}
			noCanary(t, "the error", err.Error())
			a := m.OneShot(context.Background(), o, testAccount, "prod", Start{
				RequestID: "r", BeforeSend: func() error { t.Error("a record was made"); return nil },
			})
			answered(t, a, NotSent)
		})
	}
}

func TestHostileAccounts(t *testing.T) {
	w := onWire(t, raw("200 OK", `{}`), hangUp)
	m := migrator(t, w.base)
	o := OneShot{Method: "POST", URLTemplate: w.base + "/x/{sandbox}/{account}", Body: `{"a":"{account}"}`}
	for _, bad := range []string{"", ".", "..", "a/b", "a?b", "a#b", `a"b`, "a b", "a%2fb", "{sandbox}", "ü", "a\nb"} {
		for _, pair := range [][2]string{{bad, "prod"}, {testAccount, bad}} {
			s := recorded()
			s.RequestID = "r"
			answered(t, m.OneShot(context.Background(), o, pair[0], pair[1], s), NotSent)
			q := OneShotStatus{URLTemplate: o.URLTemplate, Member: "s", Migrated: []string{"M"}}
			if _, err := m.OneShotStatus(context.Background(), q, pair[0], pair[1]); err == nil {
				t.Errorf("%q was asked for", pair)
			}
		}
	}
	if w.requests.Load() != 0 {
		t.Errorf("%d requests", w.requests.Load())
	}
}

// Trap T1: the token goes to the configured addresses only, also where a read's template leads astray.
func TestOneShotStatusIsPinned(t *testing.T) {
	trap := serve(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("the trap got %v", r.Header) })
	m := migrator(t, serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", trap)
		w.WriteHeader(http.StatusTemporaryRedirect)
	}))
	q := OneShotStatus{URLTemplate: trap + "/{account}", Member: "s", Migrated: []string{"M"}}
	_, err := m.OneShotStatus(context.Background(), q, testAccount, "prod")
	failed(t, err, credential.ReasonInternal)
	q.URLTemplate = m.options.PlatformURL + "/{account}"
	_, err = m.OneShotStatus(context.Background(), q, testAccount, "prod")
	failed(t, err, credential.ReasonRedirect)
}

func TestOneShotStatus(t *testing.T) {
	q := OneShotStatus{
		Member: "account.status", AccountMember: "account.id", Eligible: []string{"Eligible"}, Migrated: []string{"Migrated"},
	}
	body := func(status string) string { return `{"account":{"id":"` + testAccount + `","status":` + status + `}}` }
	for name, test := range map[string]struct {
		status int
		body   string
		want   OneShotState
		reason credential.Reason
	}{
		"eligible":      {200, body(`"Eligible"`), OneShotEligible, ""},
		"migrated":      {200, body(`"Migrated"`), OneShotMigrated, ""},
		"id in case":    {200, strings.ToLower(body(`"x"`)), OneShotUnknown, ""},
		"other case":    {200, body(`"MIGRATED"`), OneShotUnknown, ""},
		"other word":    {200, body(`"Migrating"`), OneShotUnknown, ""},
		"null":          {200, body(`null`), OneShotUnknown, credential.ReasonMalformed},
		"no member":     {200, `{"account":{"id":"` + testAccount + `"}}`, OneShotUnknown, credential.ReasonMalformed},
		"twice":         {200, body(`"Eligible","status":"Migrated"`), OneShotUnknown, credential.ReasonMalformed},
		"twice by case": {200, body(`"Eligible","STATUS":"Migrated"`), OneShotUnknown, credential.ReasonMalformed},
		"more behind":   {200, body(`"Eligible"`) + body(`"Migrated"`), OneShotUnknown, credential.ReasonMalformed},
		"error beside":  {200, `{"error":"x",` + body(`"Migrated"`)[1:], OneShotUnknown, credential.ReasonMalformed},
		"other account": {200, `{"account":{"id":"A","status":"Migrated"}}`, OneShotUnknown, credential.ReasonMismatch},
		"no account":    {200, `{"account":{"status":"Migrated"}}`, OneShotUnknown, credential.ReasonMismatch},
		"list":          {200, `[]`, OneShotUnknown, credential.ReasonMalformed},
		"forbidden":     {403, `{}`, OneShotUnknown, credential.ReasonForbidden},
		"not there":     {404, `{}`, OneShotUnknown, credential.ReasonNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			calls := 0
			base := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if calls++; calls == 1 {
					w.WriteHeader(http.StatusServiceUnavailable) // reads are repeated
					return
				}
				if r.Method != http.MethodGet || r.URL.Path != "/s/"+testAccount || r.Header.Get("X-Sandbox-Name") != "prod" ||
					r.Header.Get("X-Extra") != "e" {
					t.Errorf("asked %s %s with %v", r.Method, r.URL, r.Header)
				}
				reply(w, test.status, test.body)
			})
			q := q
			q.URLTemplate, q.Headers = base+"/s/{account}", map[string]string{"X-Extra": "e"}
			m := migrator(t, base)
			if err := m.CheckOneShotStatus(q); err != nil {
				t.Fatal(err)
			}
			got, err := m.OneShotStatus(context.Background(), q, testAccount, "prod")
			if got != test.want || calls < 2 {
				t.Errorf("%q after %d calls, want %q", got, calls, test.want)
			}
			if test.reason == "" && err != nil {
				t.Error(err)
			}
			if test.reason != "" {
				if e := failed(t, err, test.reason); e.Path != "/s/{account}" {
					t.Errorf("path %q", e.Path)
				}
			}
		})
	}
	m := migrator(t, "http://127.0.0.1:1")
	for name, change := range map[string]func(*OneShotStatus){
		"no member":   func(q *OneShotStatus) { q.Member = "" },
		"no words":    func(q *OneShotStatus) { q.Migrated = nil },
		"both":        func(q *OneShotStatus) { q.Eligible = q.Migrated },
		"path":        func(q *OneShotStatus) { q.Member = ".a" },
		"other path":  func(q *OneShotStatus) { q.AccountMember = "a." },
		"other host":  func(q *OneShotStatus) { q.URLTemplate = "https://evil.example/{account}" },
		"bad headers": func(q *OneShotStatus) { q.Headers = map[string]string{"Cookie": "x"} },
	} {
		q := q
		q.URLTemplate = "http://127.0.0.1:1/{account}"
		change(&q)
		if m.CheckOneShotStatus(q) == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
