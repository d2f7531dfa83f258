package config

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// OneShot is the endpoint for migrating a Query Service credential with one request. Adobe publishes none.
type OneShot struct {
	// URL is a template with {account}, {sandbox} and {organization}; empty for none.
	URL string `key:"url"`
	// Method is POST, PUT or PATCH.
	Method string `key:"method"`
	// Body is a template of JSON, or empty.
	Body    string         `key:"body"`
	Success OneShotSuccess `key:"success"`
	Status  OneShotStatus  `key:"status"`
}

// OneShotSuccess says which answers mean that the request was accepted.
type OneShotSuccess struct {
	// Statuses are some of 200, 201, 202 and 204.
	Statuses []int `key:"statuses"`
	// Member is the dotted path of a member of the answer that has one of Values; both are empty, or neither.
	Member string   `key:"member"`
	Values []string `key:"values"`
}

// OneShotStatus says how to read back what a request has done.
type OneShotStatus struct {
	// URL is a template as OneShot.URL is; empty when nothing can be read back.
	URL string `key:"url"`
	// Member is the dotted path of the member with the word, of which Eligible and Migrated have no one in common.
	Member   string   `key:"member"`
	Eligible []string `key:"eligible"`
	Migrated []string `key:"migrated"`
	// AccountMember is the dotted path of a member that must be the account asked for; empty for none.
	AccountMember string `key:"account_member"`
}

func defaultOneShot() OneShot {
	return OneShot{
		Method:  http.MethodPost,
		Success: OneShotSuccess{Statuses: []int{http.StatusOK}},
		Status: OneShotStatus{
			Member: "migrationStatus", Eligible: []string{"Eligible"}, Migrated: []string{"Migrated"},
		},
	}
}

// callFields are the placeholders in the templates of requests.
var callFields = []string{callAccount, "{sandbox}", "{organization}"}

const callAccount = "{account}"

const callHint = "the placeholders are {account}, {sandbox} and {organization}"

// fillCall puts a text in the place of every placeholder.
func fillCall(template, text string) string {
	for _, field := range callFields {
		template = strings.ReplaceAll(template, field, text)
	}
	return template
}

var visible = regexp.MustCompile(`^[\x21-\x7e]+$`)

// callURL is the address of a request, to which a token goes.
var callURL = textForm("an https address that may hold {account}, {sandbox} and {organization} after the host; http only"+
	" for this machine itself", validCallURL).withHint(callURLHint)

func validCallURL(text string) bool {
	filled := fillCall(text, "x")
	u, err := url.Parse(filled)
	if err != nil || u.Opaque != "" || u.Hostname() == "" || u.User != nil {
		return false
	}
	// A brace that is left over is an unknown placeholder.
	if !visible.MatchString(filled) || strings.ContainsAny(filled, `{}\#`) ||
		u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return false
	}
	// A placeholder in the host could send the token elsewhere.
	bare, err := url.Parse(fillCall(text, ""))
	return err == nil && bare.Scheme == u.Scheme && bare.Host == u.Host
}

func callURLHint(text string) string {
	bare, err := url.Parse(fillCall(text, ""))
	filled, errFilled := url.Parse(fillCall(text, "x"))
	switch {
	case strings.ContainsAny(fillCall(text, ""), "{}"):
		return callHint
	case err == nil && errFilled == nil && bare.Host != filled.Host:
		return "a placeholder in the host could send the token elsewhere"
	}
	return ""
}

// leftField is a placeholder that is none of ours. JSON has braces of its own.
var leftField = regexp.MustCompile(`\{[A-Za-z][A-Za-z0-9_-]*\}`)

// callBody is the body of a request. Placeholders stand inside its texts.
var callBody = textForm("JSON, whose texts may hold {account}, {sandbox} and {organization}", func(text string) bool {
	filled := fillCall(text, "x")
	return !leftField.MatchString(filled) && jsontext.Value(filled).IsValid()
}).withHint(func(text string) string {
	if leftField.MatchString(fillCall(text, "")) {
		return callHint
	}
	return ""
})

// memberPath is the way to a member of an answer.
var memberPath = pattern("the dotted path of a member such as data.status", `[^.]+(\.[^.]+){0,31}`)

func (l *loading) checkOneShot(c *Config) {
	o := c.Migrator.OneShot
	at := func(key string) string { return "migrator.one_shot." + key }
	if l.filled(at("url")) && validCallURL(o.URL) && !strings.Contains(o.URL+o.Body, callAccount) {
		l.fail(at("url"), "needs "+callAccount+", here or in body", "without it every credential has the same request")
	}
	if len(o.Success.Statuses) == 0 && l.isList(at("success.statuses")) {
		l.fail(at("success.statuses"), "must have an element", "")
	}
	member, values := l.filled(at("success.member")), len(o.Success.Values) > 0
	if member != values && !l.meantAny(at("success"), "member", "values") {
		l.fail(at("success"), "needs member and values, or neither", "")
	}
	l.checkOneShotStatus(c)
}

func (l *loading) checkOneShotStatus(c *Config) {
	s := c.Migrator.OneShot.Status
	at := func(key string) string { return "migrator.one_shot.status." + key }
	if validCallURL(s.URL) {
		if !strings.Contains(s.URL, callAccount) {
			l.fail(at("url"), "needs "+callAccount, "without it the answer is about no credential")
		}
		bases := []string{c.Adobe.PlatformURL, c.Migrator.OneShot.URL}
		if !slices.ContainsFunc(bases, func(base string) bool { return sameOrigin(base, s.URL) }) {
			l.fail(at("url"), "must have the scheme, host and port of one_shot.url or adobe.platform_url", "")
		}
	}
	if len(s.Migrated) == 0 && l.isList(at("migrated")) {
		l.fail(at("migrated"), "must have an element", "")
	}
	for i, word := range s.Migrated {
		if word != "" && slices.Contains(s.Eligible, word) {
			l.fail(fmt.Sprintf("%s[%d]", at("migrated"), i), "must not be among eligible too", "")
		}
	}
}

// sameOrigin compares scheme, host and port of two addresses, which may be templates.
func sameOrigin(a, b string) bool {
	x, errX := url.Parse(fillCall(a, "x"))
	y, errY := url.Parse(fillCall(b, "x"))
	return errX == nil && errY == nil && x.Scheme == y.Scheme && strings.EqualFold(x.Hostname(), y.Hostname()) &&
		port(x) == port(y)
}

func port(u *url.URL) string {
	if u.Port() == "" {
		return map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Port()
}
