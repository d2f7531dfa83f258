package simulator

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestGatewayCodes(t *testing.T) {
	s := newSimulator(t, Options{})
	good := newCaller(t, s)
	poor := good.form("/ims/token/v3", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {ClientID}, "client_secret": {ClientSecret}, "scope": {"openid"},
	}).text("access_token")
	tests := []struct {
		header, value string
		status        int
		code          string
	}{
		{"Authorization", "", 403, "403010"},
		{"Authorization", "Bearer nonsense", 401, "401013"},
		{"Authorization", "Basic nonsense", 401, "401013"},
		{"Authorization", "Bearer " + poor, 403, "403025"},
		{"x-api-key", "", 403, "403000"},
		{"x-api-key", CLIKey, 403, "403003"},
		{"x-gw-ims-org-id", "", 400, "400003"},
		{"x-gw-ims-org-id", OrganizationID, 403, "403027"},
		{"x-sandbox-name", "", 400, "400003"},
	}
	for _, test := range tests {
		header := good.header.Clone()
		if header.Set(test.header, test.value); test.value == "" {
			header.Del(test.header)
		}
		got := good.send(http.MethodGet, "/data/foundation/queryauth/accounts", header, nil)
		if got.status != test.status || got.text("error_code") != test.code || got.header.Get("X-Request-Id") == "" {
			t.Errorf("%s %q: %d %s", test.header, test.value, got.status, got.body)
		}
	}
	if got := good.call(http.MethodPatch, "/data/foundation/queryauth/accounts"); got.status != 405 {
		t.Errorf("PATCH: %d", got.status)
	}
	if got := good.get("/data/foundation/other"); got.status != 404 {
		t.Errorf("other path: %d", got.status)
	}
}

func TestSandboxListing(t *testing.T) {
	const base = "/data/foundation/sandbox-management/"
	tests := []struct {
		target string
		status int
		count  int
		next   bool
	}{
		{"", 200, 50, true}, {"sandboxes", 200, 50, true},
		{"sandboxes?limit=50&offset=50", 200, 20, false}, {"?limit=100&offset=0", 200, 70, false},
		{"sandboxes?limit=50&offset=900", 200, 0, false},
		{"sandboxes?limit=50", 400, 0, false}, {"sandboxes?offset=0", 400, 0, false},
		{"sandboxes?limit=0&offset=0", 400, 0, false}, {"sandboxes?limit=101&offset=0", 400, 0, false},
		{"sandboxes?limit=9&offset=-1", 400, 0, false},
		{"sandboxes?property=name==dev-00.", 200, 9, false}, {"sandboxes?property=region==VA7", 400, 0, false},
		{"sandboxes?property=name==(", 400, 0, false}, {"sandboxes?orderBy=created", 400, 0, false},
		{"sandboxes?orderBy=asc:nothing", 400, 0, false},
	}
	c := newCaller(t, newSimulator(t, Options{Scenario: "large", Sandboxes: 70, Accounts: 1}))
	for _, test := range tests {
		got := c.get(base + test.target)
		if got.status != test.status {
			t.Errorf("%s: %d %s", test.target, got.status, got.body)
			continue
		}
		if test.status != 200 {
			continue
		}
		list, links := got.object()["sandboxes"].([]any), got.object()["_links"].(map[string]any)
		if len(list) != test.count || (links["next"] != nil) != test.next {
			t.Errorf("%s: %d sandboxes, links %v", test.target, len(list), links)
		}
		href := links["page"].(map[string]any)["href"].(string)
		if !strings.Contains(href, "adobe.example:443/") || !strings.Contains(href, "{limit}") {
			t.Errorf("%s: link %s", test.target, href)
		}
	}
}

func TestSandboxOrder(t *testing.T) {
	c := newCaller(t, newSimulator(t, Options{}))
	got := c.get("/data/foundation/sandbox-management/sandboxes?orderBy=desc:name").object()["sandboxes"].([]any)
	if first := got[0].(map[string]any)["name"]; first != "stage" || len(got) != 5 {
		t.Errorf("first of %d is %v", len(got), first)
	}
}

func TestSandboxSwitches(t *testing.T) {
	const all, available = "/data/foundation/sandbox-management/sandboxes", "/data/foundation/sandbox-management/"
	missing := newCaller(t, newSimulator(t, Options{
		Scenario: "forbidden-sandbox", Switches: map[string]string{swSandboxAdmin: "missing"},
	}))
	if got := missing.get(all); got.status != 403 || !strings.Contains(got.body, "SMS-1000-403") {
		t.Errorf("without permission: %d %s", got.status, got.body)
	}
	if got := missing.get(available); len(got.object()["sandboxes"].([]any)) != 4 {
		t.Errorf("available: %s", got.body)
	}
	if got := missing.get(all + "/secret-lab"); got.status != 403 {
		t.Errorf("forbidden sandbox: %d", got.status)
	}
	if got := missing.get(all + "/nowhere"); got.status != 404 {
		t.Errorf("unknown sandbox: %d", got.status)
	}
	mixed := newCaller(t, newSimulator(t, Options{Switches: map[string]string{
		swSandboxDates: "mixed", swETag: "etag", swSandboxCount: "total", swSandboxNext: "always",
	}}))
	object := mixed.get(all).object()
	first, second := object["sandboxes"].([]any)[0].(map[string]any), object["sandboxes"].([]any)[1].(map[string]any)
	if _, err := time.Parse(time.DateTime, first["createdDate"].(string)); err != nil {
		t.Error(err)
	}
	if _, err := time.Parse(time.RFC3339, second["createdDate"].(string)); err != nil {
		t.Error(err)
	}
	if first["etag"] == nil || object["_page"].(map[string]any)["count"] != 5.0 ||
		object["_links"].(map[string]any)["next"] == nil {
		t.Errorf("switches had no effect: %v", object)
	}
}

func TestServiceErrorForms(t *testing.T) {
	want := map[string]string{
		"problem": `"detail"`, "chain": `"error-chain"`, "errors": `"errors":{"403"`, "query": `"errorType":"USER_ERROR"`,
		"message": `"statusCode":403`, "text": "Forbidden",
	}
	for form, text := range want {
		c := newCaller(t, newSimulator(t, Options{
			Switches: map[string]string{swSandboxAdmin: "missing", swServiceErrors: form},
		}))
		if got := c.get("/data/foundation/sandbox-management/sandboxes"); !strings.Contains(got.body, text) {
			t.Errorf("%s: %s", form, got.body)
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for name, o := range map[string]Options{
		"scenario":  {Scenario: "nothing"},
		"switch":    {Switches: map[string]string{"nothing": "x"}},
		"value":     {Switches: map[string]string{swCursor: "sideways"}},
		"fault":     {Faults: []Fault{{Kind: "nothing"}}},
		"operation": {Faults: []Fault{{Kind: "500", Operation: "nothing"}}},
		"size":      {Accounts: -1},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestEveryScenarioBuildsTheSameFromTheSameSeed(t *testing.T) {
	for _, scenario := range Scenarios() {
		o := Options{Scenario: scenario.Name, Seed: 42, Sandboxes: 3, Accounts: 30}
		one, two := newSimulator(t, o), newSimulator(t, o)
		for range 5 {
			if a, b := fmt.Sprint(one.Truth()), fmt.Sprint(two.Truth()); a != b {
				t.Errorf("%s: two organizations from one seed", scenario.Name)
			}
			one.Step()
			two.Step()
		}
		o.Seed++
		if other := newSimulator(t, o); scenario.Name != "empty" && fmt.Sprint(one.Truth()) == fmt.Sprint(other.Truth()) {
			t.Errorf("%s: one organization from two seeds", scenario.Name)
		}
	}
}
