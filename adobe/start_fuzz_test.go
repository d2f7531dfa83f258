package adobe

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// fuzzMigrator is a Migrator that is never asked to send.
func fuzzMigrator(f *testing.F) *Migrator {
	f.Helper()
	const base = "https://adobe.example"
	m, err := NewMigrator(MigratorOptions{OneShotURL: "https://qs.example", Options: Options{
		Organization: "acme", IMSOrg: testOrg, ClientID: testClient, UserToken: givenToken,
		PlatformURL: base, ConsoleURL: base,
	}})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(m.Close)
	return m
}

// Whatever comes back, an outcome other than unknown needs what is documented for it.
func FuzzJudge(f *testing.F) {
	for _, seed := range []string{``, `{}`, already, `{"error":1}`, `{"a":{"b":"DONE"}}`, `["already migrated"]`, `{"a":1,"a":2}`} {
		for _, status := range []int{200, 204, 400, 401, 403, 409, 429, 500} {
			f.Add(status, []byte(seed), "application/json", "a.b")
		}
	}
	m := fuzzMigrator(f)
	f.Fuzz(func(t *testing.T, status int, data []byte, media, member string) {
		b := &body{}
		b.Write(data)
		success := Success{}
		if member != "" && checkMember("member", member) == nil {
			success = Success{Member: member, Values: []string{"DONE"}}
		}
		a := &answer{body: b, header: http.Header{"Content-Type": {media}}}
		outcome, code := m.judge(status, a, success)
		if code != "" && !plainCode.MatchString(code) {
			t.Errorf("code %q", code)
		}
		switch outcome {
		case Accepted:
			var object map[string]json.RawMessage
			sound := len(data) == 0 && success.Member == "" || json.Unmarshal(data, &object) == nil && object != nil
			if !slices.Contains(accepting, status) || !sound {
				t.Errorf("%d %q is accepted", status, data)
			}
			if success.Member != "" && !strings.Contains(string(data), "DONE") && !strings.Contains(string(data), `\u`) {
				t.Errorf("%q is success", data)
			}
		case Already:
			said := strings.Contains(strings.ToLower(string(data)), "already") || strings.Contains(string(data), `\u`)
			if status != 400 && status != 409 || !said && utf8.Valid(data) && isASCII(data) {
				t.Errorf("%d %q says already", status, data)
			}
		case Refused:
			if !slices.Contains([]int{400, 403, 404, 429}, status) {
				t.Errorf("%d is refused", status)
			}
		case Unknown: // every answer may be
		case NotSent:
			t.Error("an answer proves that nothing was sent")
		}
	})
}

func isASCII(data []byte) bool {
	return !slices.ContainsFunc(data, func(b byte) bool { return b >= utf8.RuneSelf })
}

// Whatever a template says and is filled in with, the token goes to a configured address.
func FuzzTemplate(f *testing.F) {
	for _, seed := range []string{
		"https://adobe.example/x/{account}", "https://qs.example/{sandbox}?a={account}", "https://adobe.example@evil.example/",
		"https://evil.example#adobe.example", "//adobe.example/{account}", "https://adobe.example:443/{organization}",
	} {
		f.Add(seed, testAccount, "prod", `{"a":"{account}"}`)
	}
	m := fuzzMigrator(f)
	f.Fuzz(func(t *testing.T, template, account, sandbox, text string) {
		o := OneShot{Method: http.MethodPost, URLTemplate: template, Body: text}
		s, err := m.oneShotStart(o, target{account, sandbox, testOrg})
		if err != nil {
			return
		}
		req, err := s.build(t.Context(), s.method, nil, bearer{})
		if err != nil {
			return
		}
		if to := origin(req.URL); to != "https://adobe.example:443" && to != "https://qs.example:443" {
			t.Errorf("%q leads to %s", template, to)
		}
		if req.URL.User != nil || req.Host != req.URL.Host || len(s.body) > 0 && !json.Valid(s.body) {
			t.Errorf("%q makes %s with %q", template, req.URL, s.body)
		}
		if u, err := url.Parse(template); err == nil && strings.Count(u.EscapedPath(), "/") != strings.Count(req.URL.EscapedPath(), "/") {
			t.Errorf("%q makes %s", template, req.URL)
		}
	})
}

func FuzzUsages(f *testing.F) {
	for _, seed := range []string{
		`{"client_secrets":[]}`, `{"client_secrets":[{"secret_usages":null}]}`,
		`{"client_secrets":[{"secret_usages":[` + usage(`"jwt_token"`, `"1700000000000"`) + `]}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		u, err := decodeBytes(data, func(d *decoder) (Usages, error) { return decodeUsages(d, DefaultJWTGrants()) })
		if err != nil {
			return
		}
		words := map[string]bool{}
		for _, g := range u.Grants {
			if g.At.IsZero() || words[g.Word] || !utf8.ValidString(g.Word) {
				t.Errorf("usages %+v", u)
			}
			words[g.Word] = true
			checkTime(t, g.At)
		}
		if _, known := u.Old(); known && u.Unreadable > 0 {
			t.Errorf("known, yet %+v", u)
		}
	})
}

func FuzzClaims(f *testing.F) {
	f.Add(canaryToken)
	f.Add("a.e30.c")
	f.Add("a.eyJjbGllbnRfaWQiOiJhIiwiY3JlYXRlZF9hdCI6IjEiLCJleHBpcmVzX2luIjoiMSJ9.c")
	f.Fuzz(func(t *testing.T, token string) {
		c, err := readClaims(token)
		if err != nil && c != (claims{}) {
			t.Errorf("%+v with %v", c, err)
		}
		if !utf8.ValidString(c.clientID) {
			t.Errorf("client id %q", c.clientID)
		}
	})
}
