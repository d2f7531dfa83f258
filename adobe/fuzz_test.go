package adobe

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"jwtsunset/credential"
)

var fuzzBase = &url.URL{Scheme: "https", Host: "platform.adobe.io"}

// decodeBytes decodes as a client does. The interner is new each time, so that runs do not depend on each other.
func decodeBytes[T any](data []byte, decode func(*decoder) (T, error)) (T, error) {
	b := &body{}
	b.Write(data)
	return decodeAnswer(newDecoder(&answer{body: b, header: http.Header{}}, newInterner()), decode)
}

func FuzzAccounts(f *testing.F) {
	for _, seed := range []string{
		accountSample, `{"accounts":[]}`, `{"accounts":null}`, `{"Accounts":[]}`,
		`{"accounts":[` + goodAccount + `,` + goodAccount + `]}`,
		`{"accounts":[{"technicalAccountId":7,"active":1,"created":1682448485000}],"_links":{"next":"?start=x"}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		type page struct {
			list []credential.Account
			next *credential.Cursor
		}
		p, err := decodeBytes(data, func(d *decoder) (page, error) {
			list, paging, err := decodeAccounts(d)
			if err != nil {
				return page{}, err
			}
			next, _, err := paging.next(fuzzBase, credential.Cursor{})
			return page{list, next}, err
		})
		if err != nil {
			if !utf8.ValidString(clean(err.Error(), maxMessage)) {
				t.Errorf("the error is not valid text: %q", err)
			}
			return
		}
		if !strings.Contains(string(data), "accounts") && !strings.Contains(string(data), `\u`) {
			t.Error("a list was read from an answer without one")
		}
		for _, a := range p.list {
			if a.TechnicalAccountID == "" || !isHeaderValue(a.TechnicalAccountID) {
				t.Errorf("account without a usable id: %+v", a)
			}
			checkTime(t, a.Created)
			checkTime(t, a.LastUpdated)
		}
		if p.next != nil && (p.next.Start == "" || !isParameter(p.next.Start)) {
			t.Errorf("cursor %+v", p.next)
		}
	})
}

func checkTime(t *testing.T, at time.Time) {
	t.Helper()
	if at.Location() != time.UTC || at.Year() < 1 || at.Year() > 9999 {
		t.Errorf("time %v", at)
	}
}

func FuzzSandboxes(f *testing.F) {
	f.Add([]byte(sandboxSample))
	f.Add([]byte(`{"sandboxes":[{"name":"a","state":"active","isDefault":1}]}`))
	f.Add([]byte(`{"sandboxes":[],"_page":{"limit":20}}`))
	f.Add([]byte(`{"sandboxes":[],"_page":{"limit":-1e99}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		page, err := decodeBytes(data, decodeSandboxes)
		if err != nil {
			return
		}
		for _, s := range page.list {
			if s.Name == "" || s.State == "" || !utf8.ValidString(s.Title) {
				t.Errorf("sandbox %+v", s)
			}
		}
	})
}

func FuzzConsole(f *testing.F) {
	for _, seed := range []string{
		`[{"id":"234567","code":"1A2B@AdobeOrg"}]`, `[{"id":4566206088344523456,"name":"x","title":"y","type":"default"}]`,
		`[{"id_integration":"345678","flow_type":"entp","credential_type":"service","integration_type":"service"}]`,
		`{"page":0,"pages":1,"total":1,"content":[{"id":1,"apikey":"a","readOnly":1,"createdDate":1682448485000}]}`,
		`[{"bindingId":"b","notAfter":1751241599000}]`, `{"migrationStatus":"NOT_STARTED"}`,
		`{"access_token":"a","token_type":"bearer","expires_in":86399}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if list, err := decodeBytes(data, decodeOrganizations); err == nil {
			for _, o := range list {
				if o.id == "" {
					t.Error("organization without an id")
				}
			}
		}
		if list, err := decodeBytes(data, decodeWorkspaceCredentials); err == nil {
			for _, w := range list {
				if w.IntegrationID == "" || w.Type == "" {
					t.Errorf("credential %+v", w)
				}
			}
		}
		if list, err := decodeBytes(data, decodeCertificates); err == nil {
			for _, c := range list {
				checkTime(t, c.NotAfter)
			}
		}
		if page, err := decodeBytes(data, func(d *decoder) (credential.IntegrationPage, error) {
			return decodeIntegrationPage(d, 0)
		}); err == nil && page.More && len(page.Integrations) == 0 {
			t.Error("an empty page with more behind it")
		}
		g, err := decodeBytes(data, decodeGrant)
		if err == nil && (g.token == "" || g.expiresIn <= 0 || !isHeaderValue(g.token)) {
			t.Errorf("grant %+v", g)
		}
		word, err := decodeBytes(data, decodeStatus)
		known := slices.Contains([]credential.MigrationStatus{
			credential.MigrationNotStarted, credential.MigrationStarted, credential.MigrationCompleted, credential.MigrationNone,
		}, word)
		if err == nil && !known {
			t.Errorf("status %q", word)
		}
		_, _ = decodeBytes(data, decodeProjects)
		_, _ = decodeBytes(data, decodeWorkspaces)
	})
}

func FuzzErrorBody(f *testing.F) {
	for _, seed := range []string{
		`{"error_code":403010,"message":"m"}`, `{"errors":{"403":[{"code":"C","message":"m"}]}}`,
		`{"messages":[{"message":"m"}]}`,
		"<html>", "upstream request timeout", `{"title":"t","detail":"d","type":"x/SMS-1-400"}`, "\xff\x00\u202e",
	} {
		f.Add([]byte(seed), "application/json")
	}
	f.Fuzz(func(t *testing.T, data []byte, media string) {
		told := parseErrorBody(data, media)
		for _, text := range []string{told.code, told.message, told.requestID} {
			if !isParameter(text) || utf8.RuneCountInString(text) > maxMessage {
				t.Errorf("unclean text %q", text)
			}
		}
	})
}

func FuzzNextLink(f *testing.F) {
	for _, seed := range hostileLinks(fuzzBase, "evil.example")[:50] {
		f.Add(seed)
	}
	f.Add("https://platform.adobe.io:443/data/foundation/queryauth/accounts" +
		"?orderby=+created&property=active==true&start=2024")
	f.Add("?start=%2B")
	f.Fuzz(func(t *testing.T, href string) {
		cursor, suspicion := linkCursor(href, fuzzBase)
		if suspicion != "" && cursor != (credential.Cursor{}) {
			t.Errorf("%q is suspicious and gives %+v", href, cursor)
		}
		next, _, err := (&paging{href: href}).next(fuzzBase, credential.Cursor{})
		if err != nil || next == nil {
			return
		}
		c := &Client{platform: fuzzBase}
		r := c.platformRequest(accounts, "prod", c.accountQuery(*next))
		address, err := r.address()
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(address)
		if err != nil || origin(u) != origin(fuzzBase) || u.Path != accounts.path || u.User != nil || u.Fragment != "" {
			t.Errorf("%q leads to %q: %v", href, address, err)
		}
		if got := u.Query().Get("start"); got != next.Start {
			t.Errorf("start %q is sent as %q", next.Start, got)
		}
	})
}

func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{"7", "-1", "99999999999999999999", "Sun, 01 Nov 2026 12:00:30 GMT", "soon"} {
		f.Add(seed)
	}
	now, limit := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC), 2*time.Minute
	f.Fuzz(func(t *testing.T, value string) {
		if d := retryAfter(value, now, limit); d < 0 || d > limit {
			t.Errorf("%q gives %v", value, d)
		}
	})
}

func FuzzTime(f *testing.F) {
	for _, seed := range []string{
		"2024-02-20T10:11:12.345Z", "1708423872345", "2024-02-20 10:11:12", "9999-12-31T23:59:59-14:00",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) { checkTime(t, parseTime(text)) })
}

func FuzzAccess(f *testing.F) {
	f.Add([]byte(`{"sdkList":["A"],"serviceProperties":[{"sdkCode":"A","licenseConfigs":[{"name":"p"}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := decodeBytes(data, decodeAccess)
		if err == nil && (!slices.IsSorted(a.APIs) || !slices.IsSorted(a.Profiles)) {
			t.Errorf("%q, %q", a.APIs, a.Profiles)
		}
	})
}
