package slack

import (
	"bytes"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	hangLimit = 10 * time.Minute
	hugeSize  = 64 << 20
	page503   = "<!DOCTYPE html><html><head><title>Slack</title></head><body><h1>Server Error</h1></body></html>"
)

// FaultKind is one way in which a call can fail.
type FaultKind struct{ Name, Help string }

// faultKind is what a kind does. One of instead, change and ending is set, or none for latency.
type faultKind struct {
	help    string
	instead func(*Fault, time.Time) answer
	change  func(answer) answer
	ending  ending
}

// ending is how the sending of an answer goes wrong.
type ending int

const (
	endsWell ending = iota
	hangs
	resets
	cuts
	floods
)

var faultKinds = map[string]faultKind{
	"error": {help: "ok:false with the fault's error and status 200", instead: func(f *Fault, _ time.Time) answer {
		code := f.Error
		setDefault(&code, "internal_error")
		return failure(code)
	}},
	"throttle": {help: "429 and ratelimited; retry-after chooses the header", instead: throttle},
	"500":      {help: "500 with a page of HTML", instead: htmlPage(http.StatusInternalServerError)},
	"502":      {help: "502 with a page of HTML", instead: htmlPage(http.StatusBadGateway)},
	"503": {
		help: "503 with a page of HTML; retry-after chooses the header", instead: htmlPage(http.StatusServiceUnavailable),
	},
	"504": {help: "504 as plain text", instead: func(*Fault, time.Time) answer {
		return answer{status: http.StatusGatewayTimeout, kind: "text/plain", body: []byte("upstream request timeout")}
	}},
	"html-200": {help: "200 with a page of HTML, as from a proxy", instead: htmlPage(http.StatusOK)},
	"garbage": {help: "200 with bytes that are no JSON", instead: func(*Fault, time.Time) answer {
		return answer{status: http.StatusOK, kind: jsonKind, body: []byte("\x00\x1f\x8b{{not json at all]]\xff")}
	}},
	"empty": {help: "200 with no body", instead: func(*Fault, time.Time) answer {
		return answer{status: http.StatusOK, kind: jsonKind, body: []byte{}}
	}},
	"redirect-302": {help: "302 to another host", instead: redirect(http.StatusFound)},
	"redirect-307": {help: "307 to another host", instead: redirect(http.StatusTemporaryRedirect)},

	"truncated": {help: "an answer whose JSON breaks off", change: func(a answer) answer {
		body := a.bytes()
		return answer{status: a.status, kind: a.kind, header: a.header, body: body[:len(body)*2/3]}
	}},
	"wrong-content": {help: "the right JSON under the content type text/html", change: func(a answer) answer {
		a.kind = "text/html; charset=utf-8"
		return a
	}},
	"invalid-utf8": {help: "a text with a byte that is not UTF-8", change: func(a answer) answer {
		body := bytes.Replace(a.bytes(), []byte(`":"`), []byte("\":\"\xff"), 1)
		return answer{status: a.status, kind: a.kind, header: a.header, body: body}
	}},
	"no-fields": {help: "ok:true and nothing else", change: func(a answer) answer {
		a.fields = map[string]any{"ok": a.ok()}
		return a
	}},

	"hang":    {help: "no answer until the client gives up", ending: hangs},
	"reset":   {help: "the connection is cut before the answer", ending: resets},
	"cut":     {help: "the connection is cut in the middle of the body", ending: cuts},
	"huge":    {help: "a body of 64 MiB without end in sight", ending: floods},
	"latency": {help: "the answer comes after delay"},
}

func throttle(f *Fault, now time.Time) answer {
	a := failure("ratelimited")
	a.status = http.StatusTooManyRequests
	return f.retryAfter(a, now)
}

// FaultKinds lists the kinds of faults by name.
func FaultKinds() []FaultKind {
	kinds := make([]FaultKind, 0, len(faultKinds))
	for _, name := range slices.Sorted(maps.Keys(faultKinds)) {
		kinds = append(kinds, FaultKind{name, faultKinds[name].help})
	}
	return kinds
}

func htmlPage(status int) func(*Fault, time.Time) answer {
	return func(f *Fault, now time.Time) answer {
		return f.retryAfter(answer{status: status, kind: "text/html; charset=utf-8", body: []byte(page503)}, now)
	}
}

// retryAfter adds the header that the fault asks for.
func (f *Fault) retryAfter(a answer, now time.Time) answer {
	value := f.RetryAfter
	switch value {
	case "", "absent":
		return a
	case "huge":
		value = "315360000"
	case "garbage":
		value = "soon, we hope"
	case "date":
		value = now.Add(time.Second).UTC().Format(http.TimeFormat)
	}
	return a.with("Retry-After", value)
}

func redirect(status int) func(*Fault, time.Time) answer {
	return func(f *Fault, _ time.Time) answer {
		host := f.Host
		setDefault(&host, "https://attacker.invalid")
		if !strings.Contains(host, "://") {
			host = "http://" + host
		}
		target := strings.TrimSuffix(host, "/") + "/api/" + f.Method
		return answer{status: status, kind: "text/plain", body: []byte{}}.with("Location", target)
	}
}

// deliver answers a call and sends the answer, both as the fault that is due has it.
func (w *Workspace) deliver(writer http.ResponseWriter, c *call, entry *Call, due dueFaults, perform func() answer) {
	if due.down {
		w.send(writer, entry, htmlPage(http.StatusServiceUnavailable)(&Fault{}, w.clock()))
		return
	}
	if due.main == nil {
		a := perform()
		entry.TS = c.made
		w.send(writer, entry, a)
		return
	}
	f, kind := due.main, faultKinds[due.main.Kind]
	var whole answer
	if f.After || kind.change != nil || kind.ending == cuts {
		whole = perform()
		entry.TS = c.made
	}
	switch {
	case kind.ending != endsWell:
		w.breakOff(writer, c, entry, f, whole)
	case kind.instead != nil:
		w.send(writer, entry, kind.instead(f, w.clock()))
	default:
		w.send(writer, entry, kind.change(whole))
	}
}

// breakOff ends a call without a whole answer.
func (w *Workspace) breakOff(writer http.ResponseWriter, c *call, entry *Call, f *Fault, whole answer) {
	entry.Broken = true
	switch faultKinds[f.Kind].ending {
	case endsWell, resets:
	case hangs:
		limit := f.Delay
		setDefault(&limit, hangLimit)
		if err := wait(c.r.Context(), limit); err != nil {
			return
		}
	case cuts:
		body := whole.bytes()
		writeHead(writer, entry, whole, len(body))
		if _, err := writer.Write(body[:len(body)/2]); err == nil {
			// The connection is cut next in any case.
			_ = http.NewResponseController(writer).Flush()
		}
	case floods:
		flood(writer, entry)
		return
	}
	panic(http.ErrAbortHandler)
}

func writeHead(writer http.ResponseWriter, entry *Call, a answer, length int) {
	header := writer.Header()
	for name, value := range a.header {
		header.Set(name, value)
	}
	header.Set("Content-Type", a.kind)
	header.Set("Content-Length", strconv.Itoa(length))
	entry.Status, entry.OK, entry.Error, entry.RetryAfter = a.status, a.ok(), a.error(), a.header["Retry-After"]
	writer.WriteHeader(a.status)
}

func (w *Workspace) send(writer http.ResponseWriter, entry *Call, a answer) {
	body := a.bytes()
	writeHead(writer, entry, a, len(body))
	if _, err := writer.Write(body); err != nil {
		entry.Broken = true
	}
}

// flood sends a JSON list that is far too long, as long as the client takes it.
func flood(writer http.ResponseWriter, entry *Call) {
	writer.Header().Set("Content-Type", jsonKind)
	entry.Status = http.StatusOK
	writer.WriteHeader(http.StatusOK)
	block := bytes.Repeat([]byte(`"flood, flood",`), 4096)
	_, err := writer.Write([]byte(`{"ok":true,"flood":[`))
	for sent := 0; sent < hugeSize && err == nil; sent += len(block) {
		_, err = writer.Write(block)
	}
	if err == nil {
		_, err = writer.Write([]byte(`""]}`))
	}
	entry.Broken = err != nil
}
