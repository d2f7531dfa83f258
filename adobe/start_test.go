package adobe

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"jwtsunset/credential"
	"jwtsunset/secret"
)

func newTestMigrator(t *testing.T, o Options, change ...func(*MigratorOptions)) *Migrator {
	t.Helper()
	mo := MigratorOptions{Options: o}
	for _, f := range change {
		f(&mo)
	}
	m, err := NewMigrator(mo)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// migrator is one whose tokens come from a server of their own, and whose calls all go to base.
func migrator(t *testing.T, base string, change ...func(*MigratorOptions)) *Migrator {
	t.Helper()
	o := testOptions(t, base)
	o.IMSURL = serve(t, withToken(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the identity service was asked %s %s", r.Method, r.URL)
	}))
	return newTestMigrator(t, o, change...)
}

func within(limit time.Duration) func(*MigratorOptions) {
	return func(o *MigratorOptions) { o.StartTimeout = limit }
}

// recorded is a Start whose record always succeeds.
func recorded() Start { return Start{BeforeSend: func() error { return nil }} }

// starts are the starts of the Developer Console.
func starts(m *Migrator) map[string]func(context.Context, Start) Answer {
	return map[string]func(context.Context, Start) Answer{
		"POST":   func(ctx context.Context, s Start) Answer { return m.Bind(ctx, "1", "2", s) },
		"PATCH":  func(ctx context.Context, s Start) Answer { return m.Finalize(ctx, "1", "2", s) },
		"DELETE": func(ctx context.Context, s Start) Answer { return m.CancelBinding(ctx, "1", "2", s) },
	}
}

// answered checks what holds for every answer.
func answered(t *testing.T, a Answer, want Outcome) *Error {
	t.Helper()
	if a.Outcome != want {
		t.Errorf("outcome %q, want %q: %+v", a.Outcome, want, a)
	}
	noCanary(t, "the answer", fmt.Sprintf("%+v %#v", a, a))
	if a.Sent == (a.Outcome == NotSent) || a.RequestID == "" || a.Sent && a.At.IsZero() {
		t.Errorf("contradicts itself: %+v", a)
	}
	if a.Outcome == Accepted {
		if a.Err != nil || !a.Complete {
			t.Errorf("accepted, yet %+v", a)
		}
		return nil
	}
	var e *Error
	if !errors.As(a.Err, &e) {
		t.Fatalf("error is %T (%v), want *Error", a.Err, a.Err)
	}
	if e.Retryable {
		t.Errorf("says it may be repeated: %v", e)
	}
	return failed(t, a.Err, e.Reason())
}

// wire is a server of raw bytes that counts connections and whole requests.
type wire struct {
	base                  string
	connections, requests atomic.Int32
	heads                 chan *http.Request
}

// onWire answers each request with bytes, and then does with the connection what is asked.
func onWire(t *testing.T, text string, then func(net.Conn)) *wire {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{base: "http://" + listener.Addr().String(), heads: make(chan *http.Request, 100)}
	var group sync.WaitGroup
	group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			w.connections.Add(1)
			group.Go(func() { w.serve(conn, text, then) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		group.Wait()
	})
	return w
}

func (w *wire) serve(conn net.Conn, text string, then func(net.Conn)) {
	defer conn.Close()
	r, err := http.ReadRequest(newReader(conn))
	if err != nil {
		return
	}
	_, _ = io.Copy(io.Discard, r.Body)
	w.requests.Add(1)
	w.heads <- r
	_, _ = io.WriteString(conn, text)
	then(conn)
}

func hangUp(net.Conn) {}

func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
}

// stall keeps the connection until the other side gives up.
func stall(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

// answer writes an answer with a length.
func raw(status, body string, headers ...string) string {
	head := "HTTP/1.1 " + status + "\r\nContent-Type: application/json\r\n"
	for _, h := range headers {
		head += h + "\r\n"
	}
	return fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", head, len(body), body)
}

const (
	jsonHead = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	already  = `{"messages":[{"template":"X","message":"This credential was ALREADY migrated"}]}`
)

// Every shape of answer has one outcome, and none makes us send again.
func TestOutcomes(t *testing.T) {
	big := strings.Repeat("x", maxErrorBody)
	tests := map[string]struct {
		text string
		then func(net.Conn)
		want Outcome
	}{
		"200 empty":                    {raw("200 OK", ""), hangUp, Accepted},
		"200 object":                   {raw("200 OK", `{"id":1}`), hangUp, Accepted},
		"200 chunked":                  {jsonHead + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", hangUp, Accepted},
		"200 then stalls":              {raw("200 OK", `{}`), stall, Accepted},
		"200 after 103":                {"HTTP/1.1 103 Early Hints\r\n\r\n" + raw("200 OK", `{}`), hangUp, Accepted},
		"200 identity":                 {raw("200 OK", `{}`, "Content-Encoding: identity"), hangUp, Accepted},
		"200 null error":               {raw("200 OK", `{"error":null,"id":"2"}`), hangUp, Accepted},
		"201":                          {raw("201 Created", `{"clientId":"a"}`), hangUp, Accepted},
		"202":                          {raw("202 Accepted", `{}`), hangUp, Accepted},
		"204":                          {"HTTP/1.1 204 No Content\r\n\r\n", hangUp, Accepted},
		"200 error code":               {raw("200 OK", `{"error_code":"403003","message":"no"}`), hangUp, Unknown},
		"200 errors":                   {raw("200 OK", `{"errors":[{"code":"x"}]}`), hangUp, Unknown},
		"200 messages":                 {raw("200 OK", `{"messages":[{"message":"no"}]}`), hangUp, Unknown},
		"200 other case":               {raw("200 OK", `{"Error":"x"}`), hangUp, Unknown},
		"200 doubled":                  {raw("200 OK", `{"id":1,"id":2}`), hangUp, Unknown},
		"200 list":                     {raw("200 OK", `[]`), hangUp, Unknown},
		"200 no JSON":                  {raw("200 OK", `OK`), hangUp, Unknown},
		"200 two values":               {raw("200 OK", `{}{}`), hangUp, Unknown},
		"200 half JSON":                {raw("200 OK", `{"id":`), hangUp, Unknown},
		"200 HTML":                     {"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>", hangUp, Unknown},
		"200 gzip":                     {raw("200 OK", `{}`, "Content-Encoding: gzip"), hangUp, Unknown},
		"200 too large":                {raw("200 OK", `{"x":"`+big+`"}`), hangUp, Unknown},
		"200 too large, sound":         {raw("200 OK", `{}`+strings.Repeat(" ", maxErrorBody)), hangUp, Unknown},
		"403 too large":                {raw("403 Forbidden", big+"x"), hangUp, Unknown},
		"200 half, closed":             {jsonHead + "Content-Length: 20\r\n\r\n{}", hangUp, Unknown},
		"200 half, reset":              {jsonHead + "Content-Length: 20\r\n\r\n{}", reset, Unknown},
		"200 half, stalled":            {jsonHead + "Content-Length: 20\r\n\r\n{}", stall, Unknown},
		"200 half chunk":               {jsonHead + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", hangUp, Unknown},
		"200 bad chunk":                {jsonHead + "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n", hangUp, Unknown},
		"200 without length":           {jsonHead + "\r\n{}", hangUp, Unknown},
		"200 of HTTP/1.0":              {"HTTP/1.0 200 OK\r\n\r\n{}", hangUp, Unknown},
		"203":                          {raw("203 Non-Authoritative Information", `{}`), hangUp, Unknown},
		"206":                          {raw("206 Partial Content", `{}`), hangUp, Unknown},
		"207":                          {raw("207 Multi-Status", `{}`), hangUp, Unknown},
		"101":                          {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", stall, Unknown},
		"299":                          {raw("299 What", `{}`), hangUp, Unknown},
		"304":                          {"HTTP/1.1 304 Not Modified\r\n\r\n", hangUp, Unknown},
		"400":                          {raw("400 Bad Request", `{"code":"ERR_X","messages":[{"message":"wrong state"}]}`), hangUp, Refused},
		"400 HTML":                     {raw("400 Bad Request", `<html>already migrated`), hangUp, Refused},
		"400 already":                  {raw("400 Bad Request", already), hangUp, Already},
		"400 already, a name":          {raw("400 Bad Request", `{"already migrated":"no"}`), hangUp, Refused},
		"400 already, unsound":         {raw("400 Bad Request", already+"x"), hangUp, Refused},
		"400 half":                     {"HTTP/1.1 400 Bad Request\r\nContent-Length: 999\r\n\r\n" + already, hangUp, Unknown},
		"401":                          {raw("401 Unauthorized", `{"error_code":"401013","message":"x"}`), hangUp, Unknown},
		"402":                          {raw("402 Payment Required", `{}`), hangUp, Unknown},
		"403":                          {raw("403 Forbidden", `{"error_code":"403025"}`), hangUp, Refused},
		"403 already":                  {raw("403 Forbidden", already), hangUp, Refused},
		"403 half":                     {"HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\n{", hangUp, Unknown},
		"404":                          {raw("404 Not Found", ``), hangUp, Refused},
		"405":                          {raw("405 Method Not Allowed", ``), hangUp, Unknown},
		"408":                          {raw("408 Request Timeout", ``), hangUp, Unknown},
		"409":                          {raw("409 Conflict", `{"message":"busy"}`), hangUp, Unknown},
		"409 already":                  {raw("409 Conflict", already), hangUp, Already},
		"409 already, too large":       {raw("409 Conflict", `["already migrated","`+big+`"]`), hangUp, Unknown},
		"429":                          {raw("429 Too Many Requests", `{"error_code":"429001"}`, "Retry-After: 7"), hangUp, Refused},
		"429 without end":              {"HTTP/1.1 429 Too Many Requests\r\n\r\n", hangUp, Unknown},
		"500":                          {raw("500 Internal Server Error", `{"id":"x"}`), hangUp, Unknown},
		"502":                          {raw("502 Bad Gateway", `<html>`), hangUp, Unknown},
		"503":                          {raw("503 Service Unavailable", ``, "Retry-After: 1"), hangUp, Unknown},
		"504":                          {raw("504 Gateway Timeout", `upstream request timeout`), hangUp, Unknown},
		"999":                          {raw("999 What", ``), hangUp, Unknown},
		"no answer, closed":            {"", hangUp, Unknown},
		"no answer, reset":             {"", reset, Unknown},
		"no answer, stalled":           {"", stall, Unknown},
		"half a head, closed":          {"HTTP/1.1 200 OK\r\nContent-", hangUp, Unknown},
		"half a head, stalled":         {"HTTP/1.1 200 OK\r\nContent-", stall, Unknown},
		"no HTTP":                      {"220 smtp ready\r\n", hangUp, Unknown},
		"huge head":                    {"HTTP/1.1 200 OK\r\nX: " + strings.Repeat(big, 5) + "\r\n\r\n", hangUp, Unknown},
		"two lengths":                  {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", hangUp, Unknown},
		"only 100 Continue":            {"HTTP/1.1 100 Continue\r\n\r\n", hangUp, Unknown},
		"bad Location of a 302":        {raw("302 Found", ``, "Location: ://"), hangUp, Unknown},
		"401 with a token in its id":   {raw("401 Unauthorized", ``, "X-Request-Id: "+canaryToken), hangUp, Unknown},
		"403 with a token in its code": {raw("403 Forbidden", `{"error_code":"`+canaryToken+`"}`), hangUp, Refused},
		"500 with a token in it": {raw("500 Internal Server Error",
			`{"code":"`+canaryCredential+`","message":"`+canaryToken+` `+canarySecret+`"}`), hangUp, Unknown},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for method := range starts(nil) {
				w := onWire(t, test.text, test.then)
				limit := 5 * time.Second
				if strings.Contains(name, "stalled") {
					limit = 50 * time.Millisecond
				}
				m := migrator(t, w.base, within(limit))
				a := starts(m)[method](context.Background(), recorded())
				e := answered(t, a, test.want)
				if n := w.requests.Load(); n != 1 || w.connections.Load() != 1 {
					t.Errorf("%d requests on %d connections, want one", n, w.connections.Load())
				}
				if e != nil && e.Method != method {
					t.Errorf("the error is about %s: %v", e.Method, e)
				}
				if a.Status != 0 && (a.SHA256 == "" || a.Length > maxErrorBody+1) || a.Took <= 0 {
					t.Errorf("answer %+v", a)
				}
				if a.Complete && test.want == Unknown && e.Unwrap() == nil && a.Status < 300 {
					t.Errorf("no cause: %v", e)
				}
			}
		})
	}
}

func TestAnswerKeepsWhatTheRecordNeeds(t *testing.T) {
	w := onWire(t, raw("429 Too Many Requests", `{"error_code":"429001","message":"slow"}`, "Retry-After: 7",
		"X-Request-Id: adobe-1"), hangUp)
	m := migrator(t, w.base)
	a := m.Finalize(context.Background(), "1", "2", Start{RequestID: "ours-1", BeforeSend: recorded().BeforeSend})
	e := answered(t, a, Refused)
	sum := sha256.Sum256([]byte(`{"error_code":"429001","message":"slow"}`))
	if a.Status != 429 || a.RequestID != "adobe-1" || a.Length != 40 || a.SHA256 != hex.EncodeToString(sum[:]) ||
		a.RetryAfter != 7*time.Second || e.Code != "429001" || e.Message != "" || a.At.IsZero() {
		t.Errorf("answer %+v, error %v", a, e)
	}
	if e.Path != "/console/organizations/{organization}/credentials/oauth-server-to-server/{integration}/finalize" {
		t.Errorf("path %s", e.Path)
	}
	head := <-w.heads
	if head.Header.Get("X-Request-Id") != "ours-1" || head.Method != http.MethodPatch {
		t.Errorf("sent %s with %v", head.Method, head.Header)
	}
	// The next call waits for as long as was asked, like a read.
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	answered(t, m.Finalize(ctx, "1", "2", recorded()), NotSent)
	if w.requests.Load() != 1 {
		t.Error("a start did not hold back")
	}
}

func TestOurRequestIDStays(t *testing.T) {
	w := onWire(t, raw("200 OK", `{}`), hangUp)
	a := migrator(t, w.base).Bind(context.Background(), "1", "2", recorded())
	answered(t, a, Accepted)
	if sent := (<-w.heads).Header.Get("X-Request-Id"); sent != a.RequestID || len(sent) != 36 {
		t.Errorf("sent %q, answer %+v", sent, a)
	}
}

// Trap T2: net/http sends again by itself where a request looks safe to repeat. Nothing of ours may look so.
func TestStartsDoNotLookRepeatable(t *testing.T) {
	for method := range starts(nil) {
		w := onWire(t, "", reset)
		m := migrator(t, w.base)
		for range 3 {
			answered(t, starts(m)[method](context.Background(), recorded()), Unknown)
		}
		if w.requests.Load() != 3 || w.connections.Load() != 3 {
			t.Errorf("%s: %d requests on %d connections, want 3", method, w.requests.Load(), w.connections.Load())
		}
		head := <-w.heads
		for _, name := range []string{
			"Idempotency-Key", "X-Idempotency-Key", "Expect", "Accept-Encoding", "Cookie", "Referer",
		} {
			if head.Header.Get(name) != "" {
				t.Errorf("%s is sent", name)
			}
		}
		if head.Method != method || !head.Close || head.ContentLength > 0 || head.ProtoMinor != 1 ||
			head.Header.Get("X-Gw-Ims-Org-Id") != "" || head.Header.Get("X-Api-Key") != testClient {
			t.Errorf("sent %+v", head)
		}
	}
}

func TestStartRequestHasNoGetBody(t *testing.T) {
	m := migrator(t, "http://127.0.0.1:1")
	s, err := m.oneShotStart(OneShot{
		Method: "POST", URLTemplate: "http://127.0.0.1:1/x/{account}", Body: `{"id":"{account}"}`,
	}, m.sample())
	if err != nil {
		t.Fatal(err)
	}
	req, failure := m.prepare(context.Background(), &s)
	if failure != nil || req.GetBody != nil || req.ContentLength == 0 {
		t.Errorf("request %+v, failure %v", req, failure)
	}
}

func TestStartTransport(t *testing.T) {
	o := testOptions(t, "https://adobe.example").withDefaults()
	tr := newStartTransport(o, bases{})
	if !tr.DisableKeepAlives || tr.ForceAttemptHTTP2 || tr.Protocols.HTTP2() || tr.Protocols.UnencryptedHTTP2() ||
		!tr.Protocols.HTTP1() || tr.TLSNextProto == nil || len(tr.TLSNextProto) != 0 || tr.ExpectContinueTimeout != 0 {
		t.Errorf("transport %+v", tr)
	}
	if tr == newStartTransport(o, bases{}) {
		t.Error("two starts share a transport")
	}
	reads, ok := newTransport(o, bases{}).(*http.Transport)
	if !ok || reflect.ValueOf(reads.Proxy).Pointer() != reflect.ValueOf(tr.Proxy).Pointer() {
		t.Error("starts have another rule for proxies than reads")
	}
}

// Traps T1 and T3: nothing follows a redirect, least of all the token.
func TestStartsFollowNoRedirect(t *testing.T) {
	var trapped atomic.Int32
	trap := serve(t, func(http.ResponseWriter, *http.Request) { trapped.Add(1) })
	for _, status := range []int{300, 301, 302, 303, 305, 307, 308} {
		for _, to := range []string{trap + "/x", "//" + strings.TrimPrefix(trap, "http://"), "/elsewhere", ""} {
			for method := range starts(nil) {
				w := onWire(t, raw(fmt.Sprintf("%d Moved", status), `{}`, "Location: "+to), hangUp)
				a := starts(migrator(t, w.base))[method](context.Background(), recorded())
				e := answered(t, a, Unknown)
				if a.Status != status || e.Reason() != credential.ReasonRedirect || w.requests.Load() != 1 {
					t.Errorf("%s, %d to %q: %+v after %d requests", method, status, to, a, w.requests.Load())
				}
			}
		}
	}
	if trapped.Load() != 0 {
		t.Error("the trap was reached")
	}
}

// Over HTTP/2 a GOAWAY makes net/http send again. Reads may use it, starts may not.
func TestStartsUseHTTP1(t *testing.T) {
	var protocols sync.Map
	server := httptest.NewUnstartedServer(withToken(func(w http.ResponseWriter, r *http.Request) {
		protocols.Store(r.Method, r.Proto)
		reply(w, 200, `{"migrationStatus":"STARTED"}`)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	o := testOptions(t, server.URL)
	o.RootCAs = x509.NewCertPool()
	o.RootCAs.AddCert(server.Certificate())
	m := newTestMigrator(t, o)
	if _, err := m.MigrationStatus(context.Background(), "1", "2"); err != nil {
		t.Fatal(err)
	}
	for _, start := range starts(m) {
		answered(t, start(context.Background(), recorded()), Accepted)
	}
	for method, want := range map[string]string{
		"GET": "HTTP/2.0", "POST": "HTTP/1.1", "PATCH": "HTTP/1.1", "DELETE": "HTTP/1.1",
	} {
		if got, _ := protocols.Load(method); got != want {
			t.Errorf("%s over %v, want %s", method, got, want)
		}
	}
}

// The record is made when the token is there and before anything goes to Adobe.
func TestRecordComesBeforeTheFirstByte(t *testing.T) {
	w := onWire(t, raw("200 OK", `{}`), hangUp)
	var tokens atomic.Int32
	o := testOptions(t, w.base)
	o.IMSURL = serve(t, func(rw http.ResponseWriter, r *http.Request) {
		tokens.Add(1)
		withToken(nil)(rw, r)
	})
	m := newTestMigrator(t, o)
	ran := 0
	hook := func(err error) Start {
		return Start{BeforeSend: func() error {
			ran++
			if tokens.Load() != 1 || w.connections.Load() != 0 {
				t.Errorf("after %d tokens and %d connections", tokens.Load(), w.connections.Load())
			}
			return err
		}}
	}
	errFull := errors.New("disk full")
	for _, start := range starts(m) {
		a := start(context.Background(), hook(errFull))
		answered(t, a, NotSent)
		if !errors.Is(a.Err, errFull) || !a.At.IsZero() {
			t.Errorf("answer %+v", a)
		}
		answered(t, start(context.Background(), Start{}), NotSent)
	}
	if ran != 3 || w.connections.Load() != 0 {
		t.Fatalf("the record was made %d times, %d connections", ran, w.connections.Load())
	}
	answered(t, m.Bind(context.Background(), "1", "2", hook(nil)), Accepted)
	if ran != 4 || w.requests.Load() != 1 {
		t.Errorf("the record was made %d times, %d requests", ran, w.requests.Load())
	}
}

func TestCallerStopsAStartOnlyBeforeItIsSent(t *testing.T) {
	w := onWire(t, raw("200 OK", `{}`), hangUp)
	m := migrator(t, w.base)
	stopped, cancel := context.WithCancel(context.Background())
	cancel()
	a := m.Bind(stopped, "1", "2", Start{BeforeSend: func() error { t.Error("a record was made"); return nil }})
	if e := answered(t, a, NotSent); e.Reason() != credential.ReasonCanceled {
		t.Errorf("reason %s", e.Reason())
	}
	late, cancel := context.WithCancel(context.Background())
	a = m.Bind(late, "1", "2", Start{BeforeSend: func() error { cancel(); return nil }})
	if e := answered(t, a, NotSent); e.Reason() != credential.ReasonCanceled || w.connections.Load() != 0 {
		t.Errorf("reason %s, %d connections", e.Reason(), w.connections.Load())
	}
	// Once it is under way a start keeps to its own time limit alone.
	for _, deadline := range []bool{false, true} {
		ctx, cancel := context.WithCancel(context.Background())
		if deadline {
			ctx, cancel = context.WithTimeout(context.Background(), 500*time.Millisecond)
		}
		base := serve(t, withToken(func(rw http.ResponseWriter, _ *http.Request) {
			if !deadline {
				cancel()
			}
			<-ctx.Done()
			reply(rw, 200, `{}`)
		}))
		answered(t, migrator(t, base).Bind(ctx, "1", "2", recorded()), Accepted)
		cancel()
	}
}

func TestStartTimeLimit(t *testing.T) {
	w := onWire(t, "", stall)
	a := migrator(t, w.base, within(30*time.Millisecond)).Finalize(context.Background(), "1", "2", recorded())
	e := answered(t, a, Unknown)
	if e.Reason() != credential.ReasonTimeout || !a.Sent || a.Took < 30*time.Millisecond || a.Took > 3*time.Second {
		t.Errorf("answer %+v", a)
	}
}

// What ends before a connection is there proves that nothing was sent.
func TestNotSentIsProved(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + listener.Addr().String()
	_ = listener.Close()
	plain := onWire(t, raw("200 OK", `{}`), hangUp)
	selfSigned := newAuthority(t).server(t, certificateTemplate(time.Now().Add(time.Hour)), nil)
	for name, test := range map[string]struct {
		base, orgID, id string
		want            credential.Reason
	}{
		"refused":      {closed, "1", "2", credential.ReasonNetwork},
		"no such host": {"https://adobe.invalid", "1", "2", credential.ReasonNetwork},
		"certificate":  {selfSigned, "1", "2", credential.ReasonTLS},
		"no TLS":       {"https" + strings.TrimPrefix(serve(t, withToken(nil)), "http"), "1", "2", credential.ReasonTLS},
		"bad id":       {plain.base, "1", "../2", credential.ReasonMalformed},
		"no id":        {plain.base, "1", "", credential.ReasonMalformed},
		"bad org":      {plain.base, "a/b", "2", credential.ReasonMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			a := migrator(t, test.base).Finalize(context.Background(), test.orgID, test.id, recorded())
			if e := answered(t, a, NotSent); e.Reason() != test.want {
				t.Errorf("reason %s, want %s: %v", e.Reason(), test.want, e)
			}
		})
	}
	a := migrator(t, plain.base).Bind(context.Background(), "1", "2", Start{
		RequestID: "a\r\nb", BeforeSend: recorded().BeforeSend,
	})
	if a.Outcome != NotSent || plain.requests.Load() != 0 {
		t.Errorf("answer %+v, %d requests", a, plain.requests.Load())
	}
	m := migrator(t, "https://169.254.7.7")
	m.bases = bases{} // as if a name had led there
	if e := answered(t, m.Bind(context.Background(), "1", "2", recorded()), NotSent); !strings.Contains(
		e.Error(), "link-local") {
		t.Errorf("error %v", e)
	}
	o := testOptions(t, plain.base)
	o.ConsoleURL = ""
	answered(t, newTestMigrator(t, o).Bind(context.Background(), "1", "2", recorded()), NotSent)
}

func TestStartNeedsAFreshToken(t *testing.T) {
	now := time.Now()
	issuedTokens, life := 0, 0
	w := onWire(t, raw("200 OK", `{}`), hangUp)
	o := testOptions(t, w.base)
	o.Clock = func() time.Time { return now }
	o.IMSURL = serve(t, func(rw http.ResponseWriter, _ *http.Request) {
		issuedTokens++
		reply(rw, 200, fmt.Sprintf(`{"access_token":"t%d","token_type":"bearer","expires_in":%d}`, issuedTokens, life))
	})
	m := newTestMigrator(t, o)
	ask := func(advance time.Duration, lives int, want Outcome, tokens int) {
		t.Helper()
		now, life = now.Add(advance), lives
		answered(t, m.Bind(context.Background(), "1", "2", recorded()), want)
		if issuedTokens != tokens {
			t.Errorf("%d tokens, want %d", issuedTokens, tokens)
		}
	}
	ask(0, 3600, Accepted, 1)
	ask(49*time.Minute, 3600, Accepted, 1)
	ask(2*time.Minute, 3600, Accepted, 2) // nine minutes are left, which would do for a read
	ask(51*time.Minute, 500, NotSent, 3)  // the new one has eight
	ask(0, 601, Accepted, 4)
	if w.requests.Load() != 4 {
		t.Errorf("%d requests", w.requests.Load())
	}
}

func TestStartWithAGivenToken(t *testing.T) {
	now := time.Now()
	w := onWire(t, raw("200 OK", `{}`), hangUp)
	var token string
	var failure error
	o := testOptions(t, w.base)
	o.ClientSecret, o.IMSURL = nil, ""
	o.UserToken = func() (secret.String, error) { return secret.New(token), failure }
	m := newTestMigrator(t, o)
	for name, test := range map[string]struct {
		token string
		want  Outcome
	}{
		"hours left":       {tokenOf(testClient, now, time.Hour), Accepted},
		"minutes left":     {tokenOf(testClient, now, 9*time.Minute), NotSent},
		"past":             {tokenOf(testClient, now.Add(-25*time.Hour), 24*time.Hour), NotSent},
		"tells nothing":    {"opaque", Accepted},
		"is none":          {"a b", NotSent},
		"is empty":         {"", NotSent},
		"claims unsound":   {"a." + "e30x" + ".c", Accepted},
		"no claim of time": {"a.e30.c", Accepted},
	} {
		token = test.token
		before := w.requests.Load()
		a := m.Bind(context.Background(), "1", "2", recorded())
		if a.Outcome != test.want || (w.requests.Load() > before) != (test.want == Accepted) {
			t.Errorf("%s: %+v", name, a)
		}
	}
	failure = errors.New("gone")
	answered(t, m.Bind(context.Background(), "1", "2", recorded()), NotSent)
}

func TestRefusedTokenIsNotReplacedDuringAStart(t *testing.T) {
	id := newIdentity()
	id.revoke(1)
	var starts atomic.Int32
	m := newTestMigrator(t, testOptions(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPatch {
			starts.Add(1)
		}
		id.handle(w, r)
	})))
	e := answered(t, m.Finalize(context.Background(), "1", "2", recorded()), Unknown)
	if e.Status != 401 || starts.Load() != 1 || id.count() != 1 {
		t.Errorf("%d starts with %d tokens: %v", starts.Load(), id.count(), e)
	}
}

func TestNoTokenNoStart(t *testing.T) {
	w := onWire(t, raw("200 OK", `{}`), hangUp)
	o := testOptions(t, w.base)
	o.IMSURL = serve(t, func(rw http.ResponseWriter, _ *http.Request) {
		reply(rw, 400, `{"error":"invalid_client","error_description":"`+canarySecret+`"}`)
	})
	e := answered(t, newTestMigrator(t, o).Bind(context.Background(), "1", "2", recorded()), NotSent)
	if e.Reason() != credential.ReasonToken || e.Method != http.MethodPost || w.connections.Load() != 0 {
		t.Errorf("%d connections, error %v", w.connections.Load(), e)
	}
}

func TestStartsAreObserved(t *testing.T) {
	w := onWire(t, raw("403 Forbidden", `{"error_code":"403025"}`), hangUp)
	var calls []Call
	m := migrator(t, w.base, func(o *MigratorOptions) { o.Observe = func(c Call) { calls = append(calls, c) } })
	e := answered(t, m.Bind(context.Background(), "1", "2", recorded()), Refused)
	if len(calls) != 2 || calls[1].Stage != StageBind || calls[1].Status != 403 || m.Usage().Calls != 2 {
		t.Errorf("calls %+v", calls)
	}
	if !strings.Contains(e.Hint(), "entitlement") {
		t.Errorf("hint %q", e.Hint())
	}
}

const proxyChild = "JWTSUNSET_TEST_PROXY"

// Proxies come from the environment, which net/http reads once in a process; so this test has one of its own.
func TestStartThroughProxy(t *testing.T) {
	if os.Getenv(proxyChild) == "" {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestStartThroughProxy$")
		cmd.Env = append(os.Environ(), proxyChild+"=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	trusted := newAuthority(t)
	template := certificateTemplate(time.Now().Add(time.Hour))
	template.DNSNames = []string{"developers.adobe.example"}
	origin := strings.TrimPrefix(trusted.server(t, template, nil), "https://")
	var tunnels, refused atomic.Int32
	refuse := false
	proxy := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Header.Get("Authorization") != "" {
			t.Errorf("the proxy sees %s with %v", r.Method, r.Header)
		}
		if refuse {
			refused.Add(1)
			w.WriteHeader(http.StatusForbidden)
			return
		}
		tunnels.Add(1)
		tunnel(t, w, origin)
	})
	t.Setenv("HTTPS_PROXY", proxy)
	o := testOptions(t, "https://developers.adobe.example")
	o.RootCAs = x509.NewCertPool()
	o.RootCAs.AddCert(trusted.cert)
	m := newTestMigrator(t, o)
	answered(t, m.Bind(context.Background(), "1", "2", recorded()), Accepted)
	if tunnels.Load() != 2 {
		t.Errorf("%d tunnels, want one for the token and one for the start", tunnels.Load())
	}
	refuse = true
	answered(t, m.Bind(context.Background(), "1", "2", recorded()), NotSent)
	if refused.Load() != 1 {
		t.Errorf("the proxy was asked %d times", refused.Load())
	}
}

func tunnel(t *testing.T, w http.ResponseWriter, to string) {
	t.Helper()
	far, err := net.Dial("tcp", to)
	if err != nil {
		t.Error(err)
		return
	}
	near, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	_, _ = io.WriteString(near, "HTTP/1.1 200 OK\r\n\r\n")
	go func() {
		_, _ = io.Copy(far, near)
		_ = far.Close()
	}()
	_, _ = io.Copy(near, far)
	_ = near.Close()
}

// The scanner's client cannot change anything: it has no method that does, and a read is always a GET.
func TestClientOnlyReads(t *testing.T) {
	methods := func(v any) (names []string) {
		for i := range reflect.TypeOf(v).NumMethod() {
			names = append(names, reflect.TypeOf(v).Method(i).Name)
		}
		return names
	}
	want := []string{
		"Access", "AccountPage", "Certificates", "Close", "Integration", "IntegrationPage", "MigrationStatus",
		"OrganizationID", "Project", "ProjectPage", "Sandboxes", "SuspiciousLinks", "Usage", "WorkspaceCredentials", "Workspaces",
	}
	if got := methods((*Client)(nil)); !slices.Equal(got, want) {
		t.Errorf("a client has the methods %q", got)
	}
}
