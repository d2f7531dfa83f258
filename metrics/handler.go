package metrics

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	_ "github.com/prometheus/client_golang/prometheus/promhttp/zstd" // lets promhttp offer zstd
)

const (
	// scrapesAtOnce is enough for a few Prometheus servers; each scrape holds its whole answer in memory.
	scrapesAtOnce = 5
	scrapeTimeout = 10 * time.Second
)

// readyCheck says why the program cannot serve right now, or nil.
type readyCheck func(context.Context) error

//go:embed static/style.css
var static embed.FS

// SetReady tells that the store is open. From then on /-/ready answers 200 once a snapshot is published, unless check
// returns an error, which is shown as the reason. It must return quickly and its error must hold no secret.
func (m *Metrics) SetReady(check func(context.Context) error) {
	c := readyCheck(check)
	m.check.Store(&c)
}

// Handler serves /metrics, /-/healthy, /-/ready, and the page at /, for GET and HEAD only.
func (m *Metrics) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		Registry:            m.registry,
		ErrorLog:            slog.NewLogLogger(m.logger.Handler(), slog.LevelError),
		ErrorHandling:       promhttp.ContinueOnError,
		EnableOpenMetrics:   true,
		OfferedCompressions: []promhttp.Compression{promhttp.Identity, promhttp.Gzip, promhttp.Zstd},
		MaxRequestsInFlight: scrapesAtOnce,
		Timeout:             scrapeTimeout,
	}))
	mux.HandleFunc("GET /-/healthy", m.serveHealthy)
	mux.HandleFunc("GET /-/ready", m.serveReady)
	mux.Handle("GET /static/style.css", http.FileServerFS(static))
	mux.HandleFunc("GET /{$}", m.servePage)
	return guarded(mux)
}

// guarded sets the headers that keep a browser from running, framing or keeping anything.
func guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; "+
			"form-action 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

func (m *Metrics) serveHealthy(w http.ResponseWriter, _ *http.Request) {
	m.say(w, http.StatusOK, "healthy")
}

func (m *Metrics) serveReady(w http.ResponseWriter, r *http.Request) {
	if err := m.ready(r.Context()); err != nil {
		m.say(w, http.StatusServiceUnavailable, "not ready: "+clean(err.Error()))
		return
	}
	m.say(w, http.StatusOK, "ready")
}

// ready says why the program is not ready.
func (m *Metrics) ready(ctx context.Context) error {
	check := m.check.Load()
	switch {
	case check == nil:
		return errors.New("starting: the store is not open yet")
	case m.view.Load() == nil:
		return errors.New("starting: the last known state is not loaded yet")
	case *check == nil:
		return nil
	default:
		return (*check)(ctx)
	}
}

func (m *Metrics) say(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	if _, err := fmt.Fprintln(w, text); err != nil {
		m.logger.Debug("answer to a probe not sent", "error", err)
	}
}
