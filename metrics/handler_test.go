package metrics

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"jwtsunset/credential"
)

func do(t testing.TB, h http.Handler, method, target string, header http.Header) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, http.NoBody)
	for name, values := range header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func scrape(t testing.TB, m *Metrics, header http.Header) *httptest.ResponseRecorder {
	t.Helper()
	w := do(t, m.Handler(), http.MethodGet, "/metrics", header)
	if w.Code != http.StatusOK {
		t.Fatalf("scrape answered %d: %.300s", w.Code, w.Body)
	}
	return w
}

func TestPathsAndMethods(t *testing.T) {
	h := lively().Handler()
	for _, test := range []struct {
		method, path string
		code         int
	}{
		{http.MethodGet, "/", http.StatusOK},
		{http.MethodHead, "/", http.StatusOK},
		{http.MethodGet, "/metrics", http.StatusOK},
		{http.MethodHead, "/metrics", http.StatusOK},
		{http.MethodGet, "/-/healthy", http.StatusOK},
		{http.MethodGet, "/static/style.css", http.StatusOK},
		{http.MethodPost, "/metrics", http.StatusMethodNotAllowed},
		{http.MethodDelete, "/", http.StatusMethodNotAllowed},
		{http.MethodPut, "/-/ready", http.StatusMethodNotAllowed},
		{http.MethodGet, "/metrics/", http.StatusNotFound},
		{http.MethodGet, "/static/", http.StatusNotFound},
		{http.MethodGet, "/debug/pprof/", http.StatusNotFound},
		{http.MethodGet, "/page.html", http.StatusNotFound},
	} {
		w := do(t, h, test.method, test.path, nil)
		if w.Code != test.code {
			t.Errorf("%s %s answered %d, want %d", test.method, test.path, w.Code, test.code)
		}
		if w.Header().Get("X-Content-Type-Options") != "nosniff" ||
			!strings.HasPrefix(w.Header().Get("Content-Security-Policy"), "default-src 'none'; style-src 'self';") {
			t.Errorf("%s %s has no security headers: %v", test.method, test.path, w.Header())
		}
		if test.code == http.StatusMethodNotAllowed && w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("%s %s allows %q", test.method, test.path, w.Header().Get("Allow"))
		}
	}
}

func TestReadiness(t *testing.T) {
	m := New(Options{})
	h := m.Handler()
	expect := func(code int, text string) {
		t.Helper()
		w := do(t, h, http.MethodGet, "/-/ready", nil)
		if w.Code != code || strings.TrimSpace(w.Body.String()) != text {
			t.Errorf("ready answered %d %q, want %d %q", w.Code, w.Body, code, text)
		}
		if w := do(t, h, http.MethodGet, "/-/healthy", nil); w.Code != http.StatusOK {
			t.Errorf("healthy answered %d", w.Code)
		}
		if w := do(t, h, http.MethodGet, "/metrics", nil); w.Code != http.StatusOK {
			t.Errorf("metrics answered %d", w.Code)
		}
	}
	expect(http.StatusServiceUnavailable, "not ready: starting: the store is not open yet")
	var broken error
	m.SetReady(func(context.Context) error { return broken })
	expect(http.StatusServiceUnavailable, "not ready: starting: the last known state is not loaded yet")
	m.Publish(&Snapshot{})
	expect(http.StatusOK, "ready")
	broken = errors.New("store: disk\nfull")
	expect(http.StatusServiceUnavailable, "not ready: store: disk full")
	m.SetReady(nil)
	expect(http.StatusOK, "ready")
}

func TestContentNegotiation(t *testing.T) {
	m := lively()
	for name, test := range map[string]struct {
		accept, encoding        string
		contentType, compressed string
	}{
		"plain":       {"", "", "text/plain; version=0.0.4", ""},
		"openmetrics": {"application/openmetrics-text; version=1.0.0", "", "application/openmetrics-text; version=1.0.0", ""},
		"gzip":        {"", "gzip", "text/plain; version=0.0.4", "gzip"},
		"zstd":        {"", "zstd", "text/plain; version=0.0.4", "zstd"},
		"both":        {"application/openmetrics-text", "zstd", "application/openmetrics-text", "zstd"},
		"neither":     {"", "br", "text/plain; version=0.0.4", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := scrape(t, m, http.Header{"Accept": {test.accept}, "Accept-Encoding": {test.encoding}})
			if got := w.Header().Get("Content-Type"); !strings.HasPrefix(got, test.contentType) {
				t.Errorf("content type %q, want %q", got, test.contentType)
			}
			if got := w.Header().Get("Content-Encoding"); got != test.compressed {
				t.Errorf("content encoding %q, want %q", got, test.compressed)
			}
			body := unpacked(t, w)
			if !strings.Contains(body, `jwtsunset_deadline_remaining_seconds{deadline="end-of-support"} -4.4`) {
				t.Errorf("the countdown is missing in %.200q", body)
			}
			if isOM := strings.HasSuffix(body, "# EOF\n"); isOM != strings.Contains(test.contentType, "openmetrics") {
				t.Errorf("ends with # EOF: %v", isOM)
			}
		})
	}
}

func unpacked(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	var r io.Reader = w.Body
	switch w.Header().Get("Content-Encoding") {
	case "gzip":
		z, err := gzip.NewReader(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		r = z
	case "zstd":
		z, err := zstd.NewReader(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		r = z
	}
	body, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// stuck is a collector that does not come back until it is let go.
type stuck struct{ entered, release chan struct{} }

func (stuck) Describe(chan<- *prometheus.Desc) {}

func (s stuck) Collect(chan<- prometheus.Metric) {
	s.entered <- struct{}{}
	<-s.release
}

func TestScrapesAtOnceAreLimited(t *testing.T) {
	m := New(Options{})
	s := stuck{make(chan struct{}), make(chan struct{})}
	m.Registry().MustRegister(s)
	h := m.Handler()
	codes := make(chan int, scrapesAtOnce)
	for range scrapesAtOnce {
		go func() { codes <- do(t, h, http.MethodGet, "/metrics", nil).Code }()
		<-s.entered
	}
	if w := do(t, h, http.MethodGet, "/metrics", nil); w.Code != http.StatusServiceUnavailable {
		t.Errorf("one scrape too many answered %d", w.Code)
	}
	if w := do(t, h, http.MethodGet, "/-/healthy", nil); w.Code != http.StatusOK {
		t.Errorf("healthy answered %d meanwhile", w.Code)
	}
	close(s.release)
	for range scrapesAtOnce {
		if code := <-codes; code != http.StatusOK {
			t.Errorf("scrape answered %d", code)
		}
	}
}

// A collector of another part that breaks costs its own metrics only.
func TestABrokenCollectorDoesNotCostTheScrape(t *testing.T) {
	var log bytes.Buffer
	m := published(Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}, seeded())
	desc := prometheus.NewDesc("jwtsunset_broken", "Broken.", nil, nil)
	m.Registry().MustRegister(prometheus.CollectorFunc(func(ch chan<- prometheus.Metric) {
		ch <- prometheus.NewInvalidMetric(desc, errors.New("broken"))
	}))
	if body := scrape(t, m, nil).Body.String(); !strings.Contains(body, "jwtsunset_credential_open{") {
		t.Error("the other metrics are missing")
	}
	if !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), "broken") {
		t.Errorf("the log says %q", &log)
	}
}

func hostile(text string) *Snapshot {
	s := seeded()
	o := &s.Organizations[0]
	o.Last.Sandboxes[0].Name = text
	o.Last.Unseen[0].What = text
	for i := range o.Credentials {
		c := &o.Credentials[i]
		c.Name, c.Owner = text, credential.Owner{AssignedTo: text}
		c.Sandboxes = append(c.Sandboxes, text)
	}
	o.Credentials[0].ID, o.Credentials[1].ID = text, text+"\xfe"
	o.Credentials[0].Kind, o.Credentials[1].AuthMethod = credential.Kind(text), credential.AuthMethod(text)
	return s
}

func FuzzHostileTextsNeverCostAScrape(f *testing.F) {
	for _, text := range []string{
		"", "\xff\xfe", "a\nb 1\n# HELP x", `"} 1`, "\\", "</script>", "\u202e", "ana@example.com", "@", "＠",
		"<!channel>", "=cmd()", strings.Repeat("é", 300), "\x00", "prod", id(4),
	} {
		f.Add(text, false)
		f.Add(text, true)
	}
	var log bytes.Buffer // gets what was left out of a scrape because of an error
	m := New(Options{Clock: fixed(noon), Logger: slog.New(slog.NewTextHandler(&log, nil))})
	h := m.Handler()
	f.Fuzz(func(t *testing.T, text string, owner bool) {
		o := reminding()
		o.OwnerLabel, o.Organizations = owner, []string{text}
		m.Configure(o)
		s := hostile(text)
		if owner { // names of deadlines are the operator's words and shown as they are
			s.Deadlines[0].Name = text
		}
		m.Publish(s)
		m.ScanFinished(credential.Scan{Organization: text, Unseen: []credential.Unseen{{Stage: credential.Stage(text)}}})
		hostileReminders(m, text)
		w := do(t, h, http.MethodGet, "/metrics", nil)
		if w.Code != http.StatusOK || log.Len() > 0 {
			t.Fatalf("scrape answered %d: %s; logged: %s", w.Code, w.Body, &log)
		}
		body := w.Body.Bytes()
		parser := expfmt.NewTextParser(model.UTF8Validation)
		if _, err := parser.TextToMetricFamilies(bytes.NewReader(body)); err != nil {
			t.Fatalf("the exposition does not parse: %v", err)
		}
		for line := range bytes.Lines(body) {
			fromOutside := false
			for _, prefix := range []string{"credential", "sandbox", "notification", "reminder", "answers", "slack"} {
				fromOutside = fromOutside || bytes.HasPrefix(line, []byte("jwtsunset_"+prefix))
			}
			if !owner && fromOutside && bytes.Contains(line, []byte("@")) {
				t.Fatalf("an address stands in %s", line)
			}
		}
		if w := do(t, h, http.MethodGet, "/", nil); w.Code != http.StatusOK {
			t.Fatalf("the page answered %d", w.Code)
		}
	})
}

// hostileReminders puts the text wherever reminders take one.
func hostileReminders(m *Metrics, text string) {
	standing := Standing{Contact: text, Waiting: text, Answer: text}
	m.PublishReminders(&Reminders{
		Queued: map[string]int{text: 1, text + "\xfe": 1},
		Standings: map[string]map[string]Standing{
			"acme": {text: standing, id(4): standing, text + "\xfe": standing}, text: {text: standing},
		},
	})
	m.NotificationSent(text, text, time.Second)
	m.NotificationFailed(text, text, text)
	m.NotificationFailed("reminder", "slack", text)
	m.NotificationSuppressed(text, text, text)
	m.ChannelUp(text, false)
	m.SlackCalled(text, text, time.Second)
}

func TestPage(t *testing.T) {
	m := published(Options{Version: "1.2.3"}, seeded())
	m.ScanStarted("fresh", noon)
	w := do(t, m.Handler(), http.MethodGet, "/", nil)
	body := w.Body.String()
	for _, text := range []string{
		"version 1.2.3", "as of 2026-11-23 12:00 UTC", "2025-06-30", "511 days overdue", "267 days overdue",
		"partial: 1 thing could not be seen", "2026-11-23 10:00 UTC", "2026-11-22 10:00 UTC",
		`<td class="number">2</td>` + strings.Repeat(`<td class="number">1</td>`, 4),
		"2026-11-23 12:00 UTC (running)", "no scan has ended yet", "nothing read yet",
		`href="metrics"`, `href="-/healthy"`, `href="-/ready"`, `href="static/style.css"`,
	} {
		if !strings.Contains(body, text) {
			t.Errorf("the page does not say %q:\n%s", text, body)
		}
	}
	if strings.Contains(body, "@") || strings.Contains(body, "<script") {
		t.Error("the page holds an address or a script")
	}
	if got := w.Header().Get("Content-Type"); got != "text/html; charset=utf-8" {
		t.Errorf("content type %q", got)
	}
}

func TestPageSaysWhatIsWrongWithTheStore(t *testing.T) {
	m := published(Options{}, seeded())
	page := func() string { return do(t, m.Handler(), http.MethodGet, "/", nil).Body.String() }
	m.AuditAppended(3, "00", "key")
	m.AuditVerified(noon, true)
	m.StoreChecked(true)
	if body := page(); strings.Contains(body, "role=\"alert\"") {
		t.Errorf("all is well and the page says otherwise:\n%s", body)
	}
	m.AuditFailed()
	m.AuditVerified(noon, false)
	m.StoreChecked(false)
	body := page()
	for _, text := range []string{"tampered with", "store is damaged", "not recorded"} {
		if !strings.Contains(body, text) {
			t.Errorf("the page does not say %q:\n%s", text, body)
		}
	}
	m.AuditAppended(4, "01", "key")
	if body := page(); strings.Contains(body, "not recorded") {
		t.Errorf("it is recorded again and the page says otherwise:\n%s", body)
	}
}

func TestPageBeforeTheFirstPublish(t *testing.T) {
	body := do(t, New(Options{}).Handler(), http.MethodGet, "/", nil).Body.String()
	if !strings.Contains(body, "not loaded yet") || strings.Contains(body, "<table") {
		t.Errorf("page: %s", body)
	}
}

func TestPageEscapes(t *testing.T) {
	const text = `</td><script>alert(1)</script><img src=x onerror="y">`
	s := seeded()
	s.Organizations[0].Name = text
	s.Deadlines[0].Name = text
	body := do(t, published(Options{Version: text}, s).Handler(), http.MethodGet, "/", nil).Body.String()
	if strings.Contains(body, "<script") || strings.Contains(body, "<img") {
		t.Errorf("not escaped:\n%s", body)
	}
	if n := strings.Count(body, "&lt;script&gt;"); n != 3 {
		t.Errorf("the text is shown escaped %d times, want 3", n)
	}
}

func TestVersionInBuildInfo(t *testing.T) {
	want(t, gather(t, New(Options{Version: "v9\xff"})), 1, "build_info", "version", "v9\uFFFD")
}

func BenchmarkScrape(b *testing.B) {
	for _, size := range []struct {
		name string
		n    int
	}{{"1k", 1_000}, {"10k", 10_000}} {
		m := published(Options{}, uniform(size.n, credential.AuthJWT))
		h := m.Handler()
		b.Run(size.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				b.SetBytes(int64(scrape(b, m, nil).Body.Len()))
			}
		})
		b.Run(size.name+"/gzip", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				do(b, h, http.MethodGet, "/metrics", http.Header{"Accept-Encoding": {"gzip"}})
			}
		})
	}
}

func BenchmarkPublish(b *testing.B) {
	s := uniform(10_000, credential.AuthJWT)
	m := New(Options{Clock: fixed(noon), SeriesLimit: all})
	b.ReportAllocs()
	for b.Loop() {
		m.Publish(s)
	}
}

func BenchmarkPublishReminders(b *testing.B) {
	m := published(reminding(), uniform(10_000, credential.AuthJWT))
	r := uniformReminders(10_000, "delivered", 1)
	b.ReportAllocs()
	for b.Loop() {
		m.PublishReminders(r)
	}
}
