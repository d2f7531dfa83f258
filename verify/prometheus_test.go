//go:build verify

package verify

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/url"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestPrometheus lets a real Prometheus scrape the daemon and queries back what it stored: it must equal what the
// daemon's own store and the simulator hold, and it must survive a restart in which Adobe cannot be reached.
func TestPrometheus(t *testing.T) {
	simulator := start(t, program(t, "simulate", "--listen", "127.0.0.1:0", "--scenario", "small", "--seed", "7"))
	adobe := simulator.await(t, `(?m)^listening on (http://\S+)$`)[1]
	metrics := freeAddress(t)
	config := configure(t, t.TempDir(), adobe, metrics)
	daemon := serve(t, config, metrics)
	p := startPrometheus(t, metrics)

	p.eventually(t, "a scrape after the first complete scan", `jwtsunset_scan_complete{organization="acme"} == 1`)
	held := list(t, config)
	checkTruth(t, held, readTruth(t, adobe))
	p.checkStore(t, held)
	p.checkDeadlines(t)
	checkExposition(t, metrics)
	began := p.one(t, `process_start_time_seconds{job="jwtsunset"}`)

	simulator.stop(t)
	daemon.stop(t)
	serve(t, config, metrics)
	p.eventually(t, "a scrape after the restart", fmt.Sprintf(`process_start_time_seconds{job="jwtsunset"} != %f`, began))
	p.eventually(t, "a failed scan after the restart", `sum(jwtsunset_scan_errors_total{organization="acme"}) > 0`)
	if diff := cmp.Diff(held.counts(), list(t, config).counts()); diff != "" {
		t.Errorf("the store after a scan that reached nobody (-before +after):\n%s", diff)
	}
	p.checkStore(t, held)
}

// counts are the credentials by the labels of jwtsunset_credentials.
func (i inventory) counts() map[string]float64 {
	counts := map[string]float64{}
	for _, c := range i.Credentials {
		state := "migrated"
		switch {
		case c.Presence == "gone":
			state = "gone"
		case c.Affected:
			state = "affected"
		}
		counts[strings.Join([]string{c.Kind, c.AuthMethod, state}, " ")]++
	}
	return counts
}

// checkTruth compares the store with what the simulator holds.
func checkTruth(t *testing.T, held inventory, want truth) {
	t.Helper()
	got, expected := map[string]string{}, map[string]string{}
	for _, c := range held.Credentials {
		got[c.ID] = fmt.Sprint(c.Kind, " ", c.AuthMethod, " affected=", c.Affected)
	}
	for _, c := range want.Credentials {
		expected[c.TechnicalAccountID] = fmt.Sprint(c.Kind, " ", c.KnownAuthType, " affected=", c.Affected)
	}
	if diff := cmp.Diff(expected, got); diff != "" {
		t.Errorf("credentials (-the simulator holds +list tells):\n%s", diff)
	}
}

// checkStore compares what Prometheus holds with what the store holds.
func (p *prometheus) checkStore(t *testing.T, held inventory) {
	t.Helper()
	got := map[string]float64{}
	for _, s := range p.query(t, `jwtsunset_credentials{organization="acme"}`) {
		if s.value != 0 {
			got[strings.Join([]string{s.Metric["kind"], s.Metric["auth_method"], s.Metric["state"]}, " ")] = s.value
		}
	}
	if diff := cmp.Diff(held.counts(), got); diff != "" {
		t.Errorf("jwtsunset_credentials (-the store holds +Prometheus holds):\n%s", diff)
	}

	deadlines := map[string]float64{}
	for _, c := range held.Credentials {
		if c.Deadline == "" || c.Presence == "gone" {
			continue
		}
		at, err := time.Parse(time.RFC3339, c.Deadline)
		if err != nil {
			t.Errorf("credential %s: deadline: %v", c.ID, err)
			continue
		}
		deadlines[c.ID] = float64(at.Unix())
	}
	if len(deadlines) == 0 {
		t.Error("no credential has a deadline, so comparing deadlines shows nothing")
	}
	if diff := cmp.Diff(deadlines, p.byCredential(t, "jwtsunset_credential_deadline_timestamp_seconds")); diff != "" {
		t.Errorf("deadlines of credentials (-the store holds +Prometheus holds):\n%s", diff)
	}
	p.checkCountdown(t, "jwtsunset_credential_remaining_seconds", "credential_id", deadlines)
}

func (p *prometheus) byCredential(t *testing.T, name string) map[string]float64 {
	t.Helper()
	values := map[string]float64{}
	for _, s := range p.query(t, name+`{organization="acme"}`) {
		values[s.Metric["credential_id"]] = s.value
	}
	return values
}

// checkDeadlines holds the two dates that Adobe published, and the countdown to them.
func (p *prometheus) checkDeadlines(t *testing.T) {
	t.Helper()
	want := map[string]float64{
		"end-of-support": float64(time.Date(2025, time.July, 1, 0, 0, 0, 0, time.UTC).Unix()),
		"conversion":     float64(time.Date(2026, time.March, 2, 0, 0, 0, 0, time.UTC).Unix()),
	}
	got := map[string]float64{}
	for _, s := range p.query(t, "jwtsunset_deadline_timestamp_seconds") {
		got[s.Metric["deadline"]] = s.value
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("deadlines (-published +Prometheus holds):\n%s", diff)
	}
	p.checkCountdown(t, "jwtsunset_deadline_remaining_seconds", "deadline", want)
}

// checkCountdown compares a countdown with the time that is really left. Prometheus tells when it scraped a sample, so
// little is left to tolerate: how long a scrape takes.
func (p *prometheus) checkCountdown(t *testing.T, name, label string, deadlines map[string]float64) {
	t.Helper()
	scraped := map[string]float64{}
	for _, s := range p.query(t, "timestamp("+name+")") {
		scraped[s.Metric[label]] = s.value
	}
	// A scrape may come between the two queries; then the timestamps belong to the next sample, a second later.
	const tolerance = 3
	seen := map[string]float64{}
	for _, s := range p.query(t, name) {
		seen[s.Metric[label]] = s.value
		at := s.Metric[label]
		if want := deadlines[at] - scraped[at]; math.Abs(s.value-want) > tolerance {
			t.Errorf("%s{%s=%q} is %.0f, want %.0f", name, label, at, s.value, want)
		}
	}
	if diff := cmp.Diff(keys(deadlines), keys(seen)); diff != "" {
		t.Errorf("%s by %s (-want +got):\n%s", name, label, diff)
	}
}

func keys(m map[string]float64) map[string]bool {
	set := map[string]bool{}
	for key := range maps.Keys(m) {
		set[key] = true
	}
	return set
}

// checkExposition lets promtool judge the live metrics, as it judges them for whoever runs this in production.
func checkExposition(t *testing.T, metrics string) {
	t.Helper()
	exposition, err := get(t.Context(), "http://"+metrics+"/metrics")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), tool(t, "promtool"), "check", "metrics")
	cmd.Stdin = bytes.NewReader(exposition)
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}

// prometheus is a running Prometheus.
type prometheus struct{ address string }

// startPrometheus scrapes a target every second; more are further lines of the job that scrapes it.
func startPrometheus(t *testing.T, target string, more ...string) *prometheus {
	t.Helper()
	dir := t.TempDir()
	config := write(t, filepath.Join(dir, "prometheus.yml"), fmt.Sprintf(`global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
  - job_name: jwtsunset
    static_configs: [{targets: [%q]}]
%s
`, target, strings.Join(more, "\n")))
	p := &prometheus{address: freeAddress(t)}
	start(t, exec.CommandContext(t.Context(), tool(t, "prometheus"), "--config.file="+config,
		"--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+p.address))
	eventually(t, "Prometheus becoming ready", func(ctx context.Context) error {
		_, err := get(ctx, "http://"+p.address+"/-/ready")
		return err
	})
	return p
}

// sample is one element of an instant vector.
type sample struct {
	Metric map[string]string `json:"metric"`
	Value  [2]any            `json:"value"`
	value  float64
}

func (p *prometheus) ask(ctx context.Context, expression string) ([]sample, error) {
	body, err := get(ctx, "http://"+p.address+"/api/v1/query?query="+url.QueryEscape(expression))
	if err != nil {
		return nil, err
	}
	var answer struct {
		Data struct {
			Result []sample `json:"result"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, err
	}
	for i, s := range answer.Data.Result {
		text, _ := s.Value[1].(string)
		if answer.Data.Result[i].value, err = strconv.ParseFloat(text, 64); err != nil {
			return nil, err
		}
	}
	return answer.Data.Result, nil
}

func (p *prometheus) query(t *testing.T, expression string) []sample {
	t.Helper()
	result, err := p.ask(t.Context(), expression)
	if err != nil {
		t.Fatalf("asking Prometheus for %s: %v", expression, err)
	}
	return result
}

// eventually waits until an expression has a result.
func (p *prometheus) eventually(t *testing.T, what, expression string) {
	t.Helper()
	eventually(t, what, func(ctx context.Context) error {
		result, err := p.ask(ctx, expression)
		if err == nil && len(result) == 0 {
			err = fmt.Errorf("%s has no result", expression)
		}
		return err
	})
}

// one asks for a value that there is one of.
func (p *prometheus) one(t *testing.T, expression string) float64 {
	t.Helper()
	result := p.query(t, expression)
	if len(result) != 1 {
		t.Fatalf("%s has %d results, want one", expression, len(result))
	}
	return result[0].value
}
