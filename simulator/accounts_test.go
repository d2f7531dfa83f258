package simulator

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// readAll reads a sandbox's accounts as Adobe's page tells: follow the next link until there is none, the page is
// empty, or it brought nothing new.
func readAll(c *caller, query string) (ids []string, pages int) {
	c.t.Helper()
	seen := map[string]bool{}
	target := "/data/foundation/queryauth/accounts" + query
	for target != "" && pages < 1000 {
		got := c.get(target)
		if got.status != http.StatusOK {
			c.t.Fatalf("%s: %d %s", target, got.status, got.body)
		}
		pages++
		object, before := got.object(), len(seen)
		for _, item := range object["accounts"].([]any) {
			seen[item.(map[string]any)["technicalAccountId"].(string)] = true
		}
		target = ""
		links, _ := object["_links"].(map[string]any)
		if href := linkText(links["next"]); href != "" && len(seen) > before {
			at, err := url.Parse(href)
			if err != nil {
				c.t.Fatal(err)
			}
			target = at.RequestURI()
		}
	}
	return slices.Sorted(maps.Keys(seen)), pages
}

func trueIDs(s *Simulator, sandbox string) []string {
	var ids []string
	for _, credential := range s.Truth().Credentials {
		if credential.Active && slices.Contains(credential.Sandboxes, sandbox) {
			ids = append(ids, credential.TechnicalAccountID)
		}
	}
	return ids
}

func TestPagingListsExactlyTheTruth(t *testing.T) {
	for _, scope := range []string{"sandbox", "organization"} {
		for _, cursor := range []string{"exclusive", "inclusive"} {
			for _, last := range []string{"next", "empty", "null"} {
				for _, form := range []string{"object", "string"} {
					for _, ascending := range []string{"supported", "ignored"} {
						for _, filter := range []string{"active", "all"} {
							switches := map[string]string{
								swAccountsScope: scope, swCursor: cursor, swLastPage: last, swNextForm: form,
								swAscending: ascending, swDefaultFilter: filter,
							}
							for _, size := range []int{3, 20} {
								checkPaging(t, switches, size)
							}
						}
					}
				}
			}
		}
	}
}

func checkPaging(t *testing.T, switches map[string]string, size int) {
	t.Helper()
	s := newSimulator(t, Options{Seed: 7, PageSize: size, Switches: switches})
	c := newCaller(t, s)
	for _, place := range s.Truth().Sandboxes {
		if place.State != "active" {
			continue
		}
		want := trueIDs(s, place.Name)
		if len(want) != place.Accounts {
			t.Errorf("truth of %s counts %d, lists %d", place.Name, place.Accounts, len(want))
		}
		for _, query := range []string{"", "?orderby=%2Bcreated"} {
			if got, pages := readAll(c.in(place.Name), query); !slices.Equal(got, want) {
				t.Errorf("%v, size %d, %s%s: %d of %d accounts in %d pages",
					switches, size, place.Name, query, len(got), len(want), pages)
			}
		}
	}
}

func TestPreviousLinkLeadsBack(t *testing.T) {
	c := newCaller(t, newSimulator(t, Options{Scenario: "large", Sandboxes: 1, Accounts: 50}))
	first := c.get("/data/foundation/queryauth/accounts").object()
	follow := func(page map[string]any, rel string) map[string]any {
		at, err := url.Parse(linkText(page["_links"].(map[string]any)[rel]))
		if err != nil {
			t.Fatal(err)
		}
		return c.get(at.RequestURI()).object()
	}
	back := follow(follow(first, "next"), "prev")
	if fmt.Sprint(back["accounts"]) != fmt.Sprint(first["accounts"]) {
		t.Errorf("prev of the second page is not the first page")
	}
}

func TestSharedStampsAreLostAtExclusiveBorders(t *testing.T) {
	for cursor, lost := range map[string]bool{"exclusive": true, "inclusive": false} {
		s := newSimulator(t, Options{Scenario: "shared-stamp", Switches: map[string]string{swCursor: cursor}})
		got, _ := readAll(newCaller(t, s), "")
		if missing := len(s.Truth().Credentials) - len(got); (missing > 0) != lost {
			t.Errorf("%s cursor: %d accounts missing", cursor, missing)
		}
	}
}

func TestAccountsRefusals(t *testing.T) {
	tests := map[string]struct {
		options Options
		sandbox string
		query   string
		status  int
		body    string
	}{
		"no sandbox":      {status: 400, body: "400003"},
		"unknown sandbox": {sandbox: "nowhere", status: 403, body: "not active"},
		"unknown, by switch": {options: Options{Switches: map[string]string{swUnknownSandbox: "404"}},
			sandbox: "x", status: 404},
		"not active":          {sandbox: "old-poc", status: 403},
		"forbidden":           {options: Options{Scenario: "forbidden-sandbox"}, sandbox: "secret-lab", status: 403},
		"allowed beside it":   {options: Options{Scenario: "forbidden-sandbox"}, sandbox: "prod", status: 200},
		"no admin":            {options: noAdmin("403"), sandbox: "prod", status: 403, body: "admin verification"},
		"no admin, as text":   {options: noAdmin("200-text"), sandbox: "prod", status: 200, body: "AEP admin"},
		"no admin, as object": {options: noAdmin("200-json"), sandbox: "prod", status: 200, body: `{"message":"AEP admin`},
		"raw plus":            {sandbox: "prod", query: "?orderby=+created", status: 400},
		"other order":         {sandbox: "prod", query: "?orderby=-name", status: 400},
		"other property":      {sandbox: "prod", query: "?property=name==x", status: 400},
		"bad start":           {sandbox: "prod", query: "?start=yesterday", status: 400},
		"limit zero":          {sandbox: "prod", query: "?limit=0", status: 400},
		"limit too large":     {sandbox: "prod", query: "?limit=1001", status: 400},
		"limit ignored": {options: Options{Switches: map[string]string{swLimit: "ignored"}}, sandbox: "prod",
			query: "?limit=0", status: 200},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := newCaller(t, newSimulator(t, test.options)).in(test.sandbox)
			got := c.get("/data/foundation/queryauth/accounts" + test.query)
			if got.status != test.status || !strings.Contains(got.body, test.body) {
				t.Errorf("got %d %s", got.status, got.body)
			}
		})
	}
}

func noAdmin(form string) Options {
	return Options{Scenario: "admin-verification-failed", Switches: map[string]string{swAdminVerification: form}}
}

func TestSecretIsListedOnlyByItsSwitch(t *testing.T) {
	for value, want := range map[string]bool{"absent": false, "present": true} {
		c := newCaller(t, newSimulator(t, Options{Switches: map[string]string{swSecretField: value}}))
		body := c.get("/data/foundation/queryauth/accounts").body
		if strings.Contains(body, "CANARY") != want {
			t.Errorf("credential field %s: %.200s", value, body)
		}
	}
}

func TestInactiveAccounts(t *testing.T) {
	s := newSimulator(t, Options{Switches: map[string]string{swInactive: "present"}})
	c := newCaller(t, s)
	active, _ := readAll(c, "")
	inactive, _ := readAll(c, "?property=active==false")
	if len(inactive) != 3 || !slices.Equal(active, trueIDs(s, "prod")) {
		t.Errorf("%d inactive, %d active", len(inactive), len(active))
	}
}

// discard is a response writer that costs nothing.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header            { return d.header }
func (d *discard) WriteHeader(status int)         { d.status = status }
func (d *discard) Write(body []byte) (int, error) { return len(body), nil }

func BenchmarkAccountsPage(b *testing.B) {
	s := newSimulator(b, Options{Scenario: "large", Sandboxes: 1, Accounts: 10_000, PageSize: 100})
	r := httptest.NewRequest(http.MethodGet, "http://adobe.example"+accountsPath+"?start=2023-01-01T00:00:00.000Z", nil)
	r.Header = newCaller(b, s).header
	b.ReportAllocs()
	for b.Loop() {
		w := discard{header: http.Header{}}
		if s.ServeHTTP(&w, r); w.status != http.StatusOK {
			b.Fatal(w.status)
		}
	}
}
