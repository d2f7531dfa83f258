package simulator

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// FaultKind is one way in which a call can fail.
type FaultKind struct{ Name, Help string }

// faultKind is a FaultKind with what it does. One of prepare, instead, change and ending is set, or none for latency.
type faultKind struct {
	FaultKind
	// applies tells whether the fault makes sense for a call.
	applies func(*route) bool
	// prepare changes the call before it is answered.
	prepare func(*call)
	// instead answers in the place of Adobe.
	instead func(*call, *Fault) reply
	// change spoils Adobe's answer; ok is false where there was nothing to spoil.
	change func(*call, *Fault, reply) (spoiled reply, ok bool)
	ending ending
}

// ending is how the sending of an answer goes wrong.
type ending int

const (
	endsWell ending = iota
	hangs
	resets
	cuts
	floods
	// refuses resets the connection with the body unread.
	refuses
	// cutsHead ends the connection in the middle of the answer's head, babbles answers with what is not HTTP.
	cutsHead
	babbles
	// trickles sends the right answer byte by byte, stalls half of it and then nothing more.
	trickles
	stalls
)

// replaces tells whether the kind stands in the place of Adobe's answer, so that Adobe need not see the call.
func (k faultKind) replaces() bool {
	return k.instead != nil ||
		slices.Contains([]ending{hangs, resets, floods, refuses, cutsHead, babbles}, k.ending)
}

var faultKinds = []faultKind{
	instead("throttle", "429 with the gateway's body; retry-after chooses the header", throttle),
	instead("status", "any error: status=400..599, form=json, html or text, retry-after", anyStatus),
	instead("500", "500 with an error body of the service", failWith(http.StatusInternalServerError)),
	instead("503", "503 with an error body of the service; retry-after chooses the header",
		failWith(http.StatusServiceUnavailable)),
	instead("504", "504 as plain text", func(*call, *Fault) reply {
		return plain(http.StatusGatewayTimeout, "upstream request timeout")
	}),
	instead("html", "502 as a page of HTML", htmlPage(http.StatusBadGateway)),
	instead("html-200", "200 with a page of HTML, as from a proxy", htmlPage(http.StatusOK)),
	instead("unauthorized", "401: the token is not valid, for this call", unauthorized),
	instead("revoke-token", "401, and every token given so far is void", func(c *call, f *Fault) reply {
		c.s.tokens.revokeAll()
		return unauthorized(c, f)
	}),
	instead("forbidden", "403 with an error body of the service", failWith(http.StatusForbidden)),
	instead("garbage", "200 with bytes that are no JSON", func(*call, *Fault) reply {
		return reply{status: http.StatusOK, kind: jsonKind, body: []byte("\x00\x1f\x8b{{not json at all]]\xff")}
	}),
	instead("error-200", "200 with an error object", func(*call, *Fault) reply {
		return gatewayError(http.StatusOK, "500000", "Something went wrong")
	}),
	instead("redirect-302", "302 to another host", redirect(http.StatusFound)),
	instead("redirect-307", "307 to another host", redirect(http.StatusTemporaryRedirect)),

	ends("hang", "no answer until the client gives up", hangs),
	ends("reset", "the connection is cut before the answer", resets),
	ends("cut", "the connection is cut in the middle of the body", cuts),
	ends("huge", "a body of 64 MiB without end in sight", floods),
	{FaultKind: FaultKind{"latency", "the answer comes after delay"}, applies: anyCall},

	changes("truncated", "a whole answer whose JSON breaks off", hasBody, truncate),
	changes("wrong-content", "the right JSON under the content type text/html", hasBody, wrongContent),
	changes("invalid-utf8", "a text with a byte that is not UTF-8", hasBody, invalidUTF8),
	changes("null-list", "null instead of the list", isList, replaceList("null")),
	changes("wrong-type", "a text instead of the list", isList, replaceList(`"none"`)),
	changes("missing-list", "no list in the answer", isList, dropList),
	changes("empty-list", "an empty list and no further page", isList, replaceList("[]")),
	changes("short-list", "the list without its last item", isList, leaveOut),
	changes("duplicate-keys", "the list, and the same key again with an empty list", isNamedList,
		secondKey(strings.Clone)),
	changes("cased-keys", "the list, and the key in capitals with an empty list", isNamedList, secondKey(strings.ToUpper)),
	changes("duplicates", "the first items of a page again at its end", isList, duplicate(false)),
	changes("conflicting-duplicates", "the first items of a page again, with other content", isList, duplicate(true)),
	changes("bad-dates", "times that cannot be read or lie in the future", isAccounts, badDates),
	changes("next-host", "a next link that leads to another host", isAccounts, nextHost),
	prepares("cursor-stuck", "the same page for ever, with a next link", isPaged, func(c *call) { c.cursor = "stuck" }),
	prepares("cursor-loop", "the second page's next link leads back to the first", isAccounts,
		func(c *call) { c.cursor = "loop" }),
	prepares("no-scope", "a token without scopes", isToken, func(c *call) { c.scopeless = true }),
	changes("expires-zero", "a token that expires in 0 seconds", isToken, tokenField("expires_in", 0)),
	changes("token-type", "a token of a type other than bearer", isToken, tokenField("token_type", "mac")),
}

// FaultKinds lists the kinds of faults.
func FaultKinds() []FaultKind {
	var kinds []FaultKind
	for _, k := range faultKinds {
		kinds = append(kinds, k.FaultKind)
	}
	return kinds
}

func findKind(name string) (faultKind, bool) {
	for _, list := range [][]faultKind{faultKinds, startFaultKinds} {
		if i := slices.IndexFunc(list, func(k faultKind) bool { return k.Name == name }); i >= 0 {
			return list[i], true
		}
	}
	return faultKind{}, false
}

func instead(name, help string, answer func(*call, *Fault) reply) faultKind {
	return faultKind{FaultKind: FaultKind{name, help}, applies: anyCall, instead: answer}
}

func ends(name, help string, how ending) faultKind {
	return faultKind{FaultKind: FaultKind{name, help}, applies: anyCall, ending: how}
}

func changes(name, help string, to func(*route) bool, by func(*call, *Fault, reply) (reply, bool)) faultKind {
	return faultKind{FaultKind: FaultKind{name, help}, applies: to, change: by}
}

func prepares(name, help string, to func(*route) bool, by func(*call)) faultKind {
	return faultKind{FaultKind: FaultKind{name, help}, applies: to, prepare: by}
}

func anyCall(r *route) bool     { return r.handle != nil }
func hasBody(r *route) bool     { return r.handle != nil && r.operation != "binding-delete" }
func isList(r *route) bool      { return r.list != "" }
func isNamedList(r *route) bool { return r.list != "" && r.list != "." }
func isAccounts(r *route) bool  { return r.operation == "accounts" }
func isToken(r *route) bool     { return r.operation == "token" }
func isPaged(r *route) bool {
	paged := []string{"accounts", "sandboxes", "available-sandboxes", "projects", "integrations"}
	return slices.Contains(paged, r.operation)
}

// anyStatus answers with the status and in the form that the fault asks for.
func anyStatus(c *call, f *Fault) reply {
	status := f.Status
	setDefault(&status, http.StatusInternalServerError)
	switch f.Form {
	case "html":
		return f.retryAfter(c, htmlPage(status)(c, f))
	case "text":
		return f.retryAfter(c, plain(status, http.StatusText(status)))
	}
	return failWith(status)(c, f)
}

func throttle(c *call, f *Fault) reply {
	return f.retryAfter(c, gatewayError(http.StatusTooManyRequests, "429050", "Too many requests"))
}

// retryAfter adds the header that the fault asks for.
func (f *Fault) retryAfter(c *call, answer reply) reply {
	value := f.RetryAfter
	switch value {
	case "", "absent":
		return answer
	case "date":
		value = c.s.clock().Add(time.Second).UTC().Format(http.TimeFormat)
	case "past":
		value = c.s.clock().Add(-time.Hour).UTC().Format(http.TimeFormat)
	case "huge":
		value = "315360000"
	case "garbage":
		value = "soon, we hope"
	}
	return answer.with("Retry-After", value)
}

// failWith answers as the service that was called would fail.
func failWith(status int) func(*call, *Fault) reply {
	return func(c *call, f *Fault) reply {
		answer := c.serviceError(status, "SIM", http.StatusText(status))
		switch path := c.r.URL.Path; {
		case strings.HasPrefix(path, "/ims/"):
			answer = c.oauthError(status, "internal_error", "Please try again later")
		case strings.HasPrefix(path, "/console/"):
			answer = c.consoleError(status, "ERR_MSG_GENERIC_MESSAGE", "Unknown Error")
		}
		return f.retryAfter(c, answer)
	}
}

func htmlPage(status int) func(*call, *Fault) reply {
	return func(*call, *Fault) reply {
		const page = "<!DOCTYPE html><html><head><title>Error</title></head><body>We'll be right back</body></html>"
		return reply{status: status, kind: "text/html; charset=utf-8", body: []byte(page)}
	}
}

func unauthorized(*call, *Fault) reply {
	return gatewayError(http.StatusUnauthorized, "401013", "Oauth token is not valid")
}

// elsewhere is the scheme and host that a fault leads to.
func (f *Fault) elsewhere() string {
	switch {
	case f.Host == "":
		return "https://attacker.invalid"
	case strings.Contains(f.Host, "://"):
		return strings.TrimSuffix(f.Host, "/")
	}
	return "http://" + f.Host
}

func redirect(status int) func(*call, *Fault) reply {
	return func(c *call, f *Fault) reply {
		target := f.elsewhere() + (&url.URL{Path: c.r.URL.Path, RawQuery: c.r.URL.RawQuery}).String()
		return plain(status, "").with("Location", target)
	}
}
