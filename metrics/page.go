package metrics

import (
	"bytes"
	_ "embed" // for the template
	"fmt"
	"html/template"
	"net/http"
	"time"

	"jwtsunset/credential"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// page is what the template shows. It holds no person and no name of a credential.
type page struct {
	Version       string
	Now           string
	Loaded        bool
	Troubles      []string
	Deadlines     []pageDeadline
	Organizations []pageOrganization
}

type pageDeadline struct {
	Name, LastDay, Countdown string
	Over                     bool
}

type pageOrganization struct {
	Name, LastStart, LastSuccess, Result string
	Running, Complete, Known             bool
	Counts                               credential.Counts
}

func (m *Metrics) servePage(w http.ResponseWriter, _ *http.Request) {
	var body bytes.Buffer
	if err := pageTemplate.Execute(&body, m.page()); err != nil {
		m.logger.Error("page not made", "error", err)
		http.Error(w, "the page could not be made; the log says why", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if _, err := body.WriteTo(w); err != nil {
		m.logger.Debug("page not sent", "error", err)
	}
}

func (m *Metrics) page() page {
	now := m.clock()
	p := page{Version: clean(m.version), Now: stamp(now), Troubles: m.ledger.troubles()}
	v := m.view.Load()
	if v == nil {
		return p
	}
	p.Loaded = true
	for _, d := range v.deadlines {
		p.Deadlines = append(p.Deadlines, pageDeadline{
			Name: d.Name, LastDay: d.LastDay().Format(time.DateOnly), Countdown: d.Countdown(now), Over: !now.Before(d.At),
		})
	}
	for i := range v.organizations {
		o := &v.organizations[i]
		start, running := m.progress.of(o)
		p.Organizations = append(p.Organizations, pageOrganization{
			Name: o.label, LastStart: stamp(start), LastSuccess: stamp(o.LastSuccess), Result: verdict(o.Last),
			Running: running, Complete: o.complete(), Known: o.everRead(), Counts: o.counts,
		})
	}
	return p
}

// verdict says in words how the latest scan ended.
func verdict(scan *credential.Scan) string {
	switch {
	case scan == nil:
		return "no scan has ended yet"
	case scan.Complete:
		return "complete"
	case len(scan.Unseen) == 1:
		return "partial: 1 thing could not be seen"
	default:
		return fmt.Sprintf("partial: %d things could not be seen", len(scan.Unseen))
	}
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format("2006-01-02 15:04 UTC")
}
