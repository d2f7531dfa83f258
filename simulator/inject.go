package simulator

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	hangLimit = 10 * time.Minute
	hugeSize  = 64 << 20
)

// deliver answers a call and sends the answer, both as the fault that is due has it.
func (s *Simulator) deliver(w http.ResponseWriter, c *call, entry *Entry, due *dueFaults, answer func(*call) reply) {
	if due.main == nil {
		send(w, c, entry, answer(c))
		return
	}
	f := due.main
	if f.kind.replaces() && f.acts() {
		answer(c)
	}
	switch f.kind.ending {
	case endsWell:
		send(w, c, entry, s.spoil(c, entry, due, answer))
	case hangs:
		c.answered(0)
		hang(c, f.Delay)
	case resets:
		panic(http.ErrAbortHandler)
	case refuses:
		c.answered(0)
		resetNow(w)
	case cutsHead:
		c.answered(0)
		say(w, entry, halfHead)
	case babbles:
		c.answered(0)
		say(w, entry, "\x15\x03\x01\x00\x02\x02\x46 this is not HTTP\r\n\r\n")
	case floods:
		c.answered(http.StatusOK)
		flood(w, entry)
	case cuts:
		cutShort(w, c, entry, answer(c))
	case trickles:
		trickle(w, c, entry, answer(c), f.Delay)
	case stalls:
		stall(w, c, entry, answer(c), f.Delay)
	}
}

// spoil is the answer of a call whose fault changes or replaces it. A fault that has taken away a start's effect has
// been applied even where it found no body to change.
func (s *Simulator) spoil(c *call, entry *Entry, due *dueFaults, answer func(*call) reply) reply {
	f := due.main
	if f.kind.instead != nil {
		return f.kind.instead(c, &f.Fault)
	}
	if f.kind.prepare != nil {
		f.kind.prepare(c)
		return answer(c)
	}
	whole := answer(c)
	spoiled, ok := f.kind.change(c, &f.Fault, whole)
	if ok {
		return spoiled
	}
	if f.Effect != effectNone || !c.start.Accepted {
		due.missed()
		entry.Fault = ""
	}
	return whole
}

func writeHead(w http.ResponseWriter, c *call, entry *Entry, r reply) {
	header := w.Header()
	header.Set("X-Request-Id", c.requestID)
	for name, value := range r.header {
		header.Set(name, value)
	}
	if r.kind != "" {
		header.Set("Content-Type", r.kind)
	}
	if r.status != http.StatusNoContent {
		header.Set("Content-Length", strconv.Itoa(len(r.body)))
	}
	entry.Status = r.status
	c.answered(r.status)
	w.WriteHeader(r.status)
}

func send(w http.ResponseWriter, c *call, entry *Entry, r reply) {
	writeHead(w, c, entry, r)
	if _, err := w.Write(r.body); err != nil {
		entry.Broken = true
	}
}

// halfHead is an answer that breaks off in its head.
const halfHead = "HTTP/1.1 200 OK\r\nContent-Type: applicat"

// cutShort promises the whole body, sends half of it and cuts the connection. Without a body it cuts the head.
func cutShort(w http.ResponseWriter, c *call, entry *Entry, r reply) {
	if len(r.body) == 0 {
		c.answered(r.status)
		say(w, entry, halfHead)
		return
	}
	sendHalf(w, c, entry, r)
	panic(http.ErrAbortHandler)
}

func sendHalf(w http.ResponseWriter, c *call, entry *Entry, r reply) {
	writeHead(w, c, entry, r)
	entry.Broken = true
	if _, err := w.Write(r.body[:len(r.body)/2]); err == nil {
		// Nothing more is sent in any case.
		_ = http.NewResponseController(w).Flush()
	}
}

// stall sends half of an answer and hangs. Without a body it hangs before the head.
func stall(w http.ResponseWriter, c *call, entry *Entry, r reply, limit time.Duration) {
	c.answered(r.status)
	if len(r.body) > 0 {
		sendHalf(w, c, entry, r)
	}
	hang(c, limit)
}

// hang holds on until the client gives up, or cuts the connection after the limit.
func hang(c *call, limit time.Duration) {
	setDefault(&limit, hangLimit)
	if err := wait(c.r.Context(), limit); err == nil {
		panic(http.ErrAbortHandler)
	}
}

// hijack takes the connection from the server; where that cannot be done the call is aborted.
func hijack(w http.ResponseWriter) net.Conn {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	return conn
}

// resetNow ends the connection with a reset in the place of an orderly end.
func resetNow(w http.ResponseWriter) {
	conn := hijack(w)
	if tcp, ok := conn.(*net.TCPConn); ok {
		// Without it the end is an orderly one, which is a fault as well.
		_ = tcp.SetLinger(0)
	}
	// The connection is over in any case.
	_ = conn.Close()
}

// say sends raw bytes in the place of an answer and ends the connection.
func say(w http.ResponseWriter, entry *Entry, text string) {
	conn := hijack(w)
	entry.Broken = true
	// The caller may be gone already, and the connection is over in any case.
	_, _ = io.WriteString(conn, text)
	_ = conn.Close()
}

// trickle sends an answer with a pause, of a tenth of a second unless given, before its head and before each byte.
func trickle(w http.ResponseWriter, c *call, entry *Entry, r reply, pause time.Duration) {
	setDefault(&pause, 100*time.Millisecond)
	c.answered(r.status)
	if err := wait(c.r.Context(), pause); err != nil {
		return
	}
	writeHead(w, c, entry, r)
	for n := range r.body {
		entry.Broken = true
		if err := wait(c.r.Context(), pause); err != nil {
			return
		}
		if _, err := w.Write(r.body[n : n+1]); err != nil {
			return
		}
		if err := http.NewResponseController(w).Flush(); err != nil {
			return
		}
		entry.Broken = n < len(r.body)-1
	}
}

// flood sends a JSON list that is far too long, as long as the client takes it.
func flood(w http.ResponseWriter, entry *Entry) {
	w.Header().Set("Content-Type", jsonKind)
	entry.Status = http.StatusOK
	w.WriteHeader(http.StatusOK)
	block := bytes.Repeat([]byte(`"flood, flood",`), 4096)
	_, err := w.Write([]byte(`{"flood":[`))
	for sent := 0; sent < hugeSize && err == nil; sent += len(block) {
		_, err = w.Write(block)
	}
	if err != nil {
		entry.Broken = true
		return
	}
	_, err = w.Write([]byte(`""]}`))
	entry.Broken = err != nil
}

func truncate(_ *call, _ *Fault, r reply) (reply, bool) {
	if len(r.body) < 2 {
		return r, false
	}
	r.body = r.body[:len(r.body)*2/3]
	return r, true
}

func wrongContent(_ *call, _ *Fault, r reply) (reply, bool) {
	ok := len(r.body) > 0
	r.kind = "text/html; charset=utf-8"
	return r, ok
}

func invalidUTF8(_ *call, _ *Fault, r reply) (reply, bool) {
	changed := bytes.Replace(r.body, []byte(`":"`), []byte("\":\"\xff"), 1)
	ok := !bytes.Equal(changed, r.body)
	r.body = changed
	return r, ok
}

// listBody is an answer taken apart: its members, and those of its list.
type listBody struct {
	members map[string]json.RawMessage
	items   []json.RawMessage
}

// takeApart reads a successful answer that holds a list.
func takeApart(c *call, r reply) (body listBody, ok bool) {
	if r.status != http.StatusOK {
		return body, false
	}
	list := json.RawMessage(r.body)
	if c.route.list != "." {
		if err := json.Unmarshal(r.body, &body.members); err != nil {
			return body, false
		}
		list = body.members[c.route.list]
	}
	err := json.Unmarshal(list, &body.items)
	return body, err == nil
}

// putTogether is the reverse of takeApart, with value in the place of the list.
func (b listBody) putTogether(c *call, r reply, value any) (reply, bool) {
	if c.route.list != "." {
		raw, err := encode(value)
		if err != nil {
			return r, false
		}
		b.members[c.route.list] = raw
		value = b.members
	}
	body, err := encode(value)
	r.body = body
	return r, err == nil
}

func replaceList(with string) func(*call, *Fault, reply) (reply, bool) {
	return func(c *call, _ *Fault, r reply) (reply, bool) {
		body, ok := takeApart(c, r)
		if !ok {
			return r, false
		}
		if with == "[]" && body.members["_links"] != nil {
			body.members["_links"] = json.RawMessage("{}")
		}
		return body.putTogether(c, r, json.RawMessage(with))
	}
}

func dropList(c *call, _ *Fault, r reply) (reply, bool) {
	body, ok := takeApart(c, r)
	if !ok {
		return r, false
	}
	if body.members == nil {
		body.members = map[string]json.RawMessage{}
	}
	delete(body.members, c.route.list)
	rest, err := encode(body.members)
	r.body = rest
	return r, err == nil
}

// leaveOut drops the last item of a list.
func leaveOut(c *call, _ *Fault, r reply) (reply, bool) {
	body, ok := takeApart(c, r)
	if !ok || len(body.items) == 0 {
		return r, false
	}
	return body.putTogether(c, r, body.items[:len(body.items)-1])
}

// secondKey adds the list's key, respelled, once more at the end and with an empty list.
func secondKey(respell func(string) string) func(*call, *Fault, reply) (reply, bool) {
	return func(c *call, _ *Fault, r reply) (reply, bool) {
		if _, ok := takeApart(c, r); !ok {
			return r, false
		}
		open := bytes.TrimSuffix(r.body, []byte("}"))
		r.body = slices.Concat(open, []byte(`,"`+respell(c.route.list)+`":[]}`))
		return r, true
	}
}

// duplicate repeats the first two items of a page at its end.
func duplicate(conflicting bool) func(*call, *Fault, reply) (reply, bool) {
	return func(c *call, _ *Fault, r reply) (reply, bool) {
		body, ok := takeApart(c, r)
		if !ok || len(body.items) == 0 {
			return r, false
		}
		for _, item := range body.items[:min(2, len(body.items))] {
			if conflicting {
				if item, ok = contradict(item); !ok {
					return r, false
				}
			}
			body.items = append(body.items, item)
		}
		return body.putTogether(c, r, body.items)
	}
}

// contradict is an item with the same ids and other content.
func contradict(item json.RawMessage) (json.RawMessage, bool) {
	var fields map[string]any
	if err := json.Unmarshal(item, &fields); err != nil {
		return nil, false
	}
	changed := false
	for _, name := range []string{"accountName", "title", "description", "credential_type", "assignedToUser"} {
		if text, ok := fields[name].(string); ok {
			fields[name], changed = "changed "+text, true
		}
	}
	if _, ok := fields["lastUpdated"]; ok {
		fields["lastUpdated"] = "2024-12-31T23:59:59.999Z"
	}
	raw, err := encode(fields)
	return raw, changed && err == nil
}

// badDates makes the first account's times unreadable and the second's lie in the future.
func badDates(c *call, _ *Fault, r reply) (reply, bool) {
	body, ok := takeApart(c, r)
	if !ok || len(body.items) == 0 {
		return r, false
	}
	for n, date := range []string{"yesterday", "2999-01-01T00:00:00.000Z"}[:min(2, len(body.items))] {
		var fields map[string]any
		if err := json.Unmarshal(body.items[n], &fields); err != nil {
			return r, false
		}
		fields["created"], fields["lastUpdated"] = date, date
		raw, err := encode(fields)
		if err != nil {
			return r, false
		}
		body.items[n] = raw
	}
	return body.putTogether(c, r, body.items)
}

// nextHost leads the next link of a page that has one to another host.
func nextHost(c *call, f *Fault, r reply) (reply, bool) {
	body, ok := takeApart(c, r)
	var links map[string]any
	if !ok || json.Unmarshal(body.members["_links"], &links) != nil || links["next"] == nil {
		return r, false
	}
	href := f.Href
	if href == "" {
		old := linkText(links["next"])
		at, err := url.Parse(old)
		if err != nil {
			return r, false
		}
		href = f.elsewhere() + strings.TrimPrefix(old, at.Scheme+"://"+at.Host)
	}
	links["next"] = c.nextForm(href)
	raw, err := encode(links)
	if err != nil {
		return r, false
	}
	body.members["_links"] = raw
	return body.putTogether(c, r, body.items)
}

func linkText(link any) string {
	if object, ok := link.(map[string]any); ok {
		link = object["href"]
	}
	text, ok := link.(string)
	if !ok {
		return ""
	}
	return text
}

// tokenField changes one field of a token answer.
func tokenField(name string, value any) func(*call, *Fault, reply) (reply, bool) {
	return func(_ *call, _ *Fault, r reply) (reply, bool) {
		var fields map[string]any
		if r.status != http.StatusOK || json.Unmarshal(r.body, &fields) != nil {
			return r, false
		}
		fields[name] = value
		body, err := encode(fields)
		r.body = body
		return r, err == nil
	}
}
