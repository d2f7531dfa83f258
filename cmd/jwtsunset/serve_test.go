package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"jwtsunset/config"
	"jwtsunset/credential"
	"jwtsunset/simulator"
)

// ofAcme is a series of an organization that has no further label.
func ofAcme(name string) string { return name + `{organization="acme"}` }

// counted is the series that counts credentials of one kind, auth method and state.
func counted(f fact) string {
	return fmt.Sprintf(`jwtsunset_credentials{auth_method=%q,kind=%q,organization="acme",state=%q}`,
		f.method, f.kind, f.state)
}

// wantCounts fails unless the counts are exactly those of the facts, zero for every other combination.
func (s samples) wantCounts(t *testing.T, facts map[string]fact) {
	t.Helper()
	want := map[string]float64{}
	for _, f := range facts {
		want[counted(f)]++
		for place := range strings.SplitSeq(f.sandboxes, ",") {
			if place != "" {
				want[fmt.Sprintf(`jwtsunset_sandbox_credentials{organization="acme",sandbox=%q,state=%q}`, place, f.state)]++
			}
		}
	}
	for series, got := range s {
		isCount := strings.HasPrefix(series, "jwtsunset_credentials{") ||
			strings.HasPrefix(series, "jwtsunset_sandbox_credentials{")
		if isCount && got != want[series] {
			t.Errorf("%s is %v, want %v", series, got, want[series])
		}
	}
	for series, n := range want {
		s.want(t, series, n)
	}
	if n := s.number("jwtsunset_credentials{"); n != 80 {
		t.Errorf("%d combinations are counted, want 80", n)
	}
}

// wantCredentials fails unless exactly the credentials of the store have series of their own, with their deadlines.
func (s samples) wantCredentials(t *testing.T, credentials []credential.Credential) {
	t.Helper()
	for _, c := range credentials {
		labels := fmt.Sprintf(`{credential_id=%q,organization="acme"}`, c.ID)
		affected := 0.0
		if c.Affected() {
			affected = 1
		}
		s.want(t, "jwtsunset_credential_open"+labels, affected)
		deadline, due := credential.Effective(c, credential.DefaultDeadlines())
		if _, there := s["jwtsunset_credential_deadline_timestamp_seconds"+labels]; there != due {
			t.Errorf("%s has a deadline: %v, want %v", c.ID, there, due)
		}
		if due {
			s.wantTime(t, "jwtsunset_credential_deadline_timestamp_seconds"+labels, deadline.At)
		}
	}
	if n := s.number("jwtsunset_credential_open{"); n != len(credentials) {
		t.Errorf("%d credentials have series of their own, want %d", n, len(credentials))
	}
}

// wantLastScan fails unless the gauges of the last scan are those of its record.
func (s samples) wantLastScan(t *testing.T, scan credential.Scan) {
	t.Helper()
	s.wantTime(t, ofAcme("jwtsunset_scan_last_start_timestamp_seconds"), scan.Started)
	s.wantTime(t, ofAcme("jwtsunset_scan_last_completion_timestamp_seconds"), scan.Finished)
	s.want(t, `jwtsunset_scan_items{organization="acme",result="listed"}`, float64(scan.Announced))
	s.want(t, `jwtsunset_scan_items{organization="acme",result="read"}`, float64(scan.Read))
	s.want(t, `jwtsunset_scan_items{organization="acme",result="failed"}`, float64(len(scan.Unseen)))
	took := s[ofAcme("jwtsunset_scan_duration_seconds")]
	if d := took - scan.Duration().Seconds(); d > 1e-6 || d < -1e-6 {
		t.Errorf("the duration is %v, want %v", took, scan.Duration())
	}
	if scan.Complete {
		s.want(t, ofAcme("jwtsunset_scan_complete"), 1)
		s.wantTime(t, ofAcme("jwtsunset_scan_last_success_timestamp_seconds"), scan.Finished)
	} else {
		s.want(t, ofAcme("jwtsunset_scan_complete"), 0)
	}
}

// wantSeriesOf fails for every series of ours that another scrape has and this one lacks. Of those that hold changeable
// texts only the number must stay.
func (s samples) wantSeriesOf(t *testing.T, before samples) {
	t.Helper()
	const info = "jwtsunset_credential_info{"
	if s.number(info) != before.number(info) {
		t.Errorf("%d credentials have texts, before %d", s.number(info), before.number(info))
	}
	for series := range before {
		// The audit log grows, and a daemon that was just started has not verified it.
		moves := strings.HasPrefix(series, info) || strings.HasPrefix(series, "jwtsunset_audit_")
		if _, ok := s[series]; !ok && strings.HasPrefix(series, "jwtsunset_") && !moves {
			t.Errorf("%s is lost", series)
		}
	}
}

// number is how many series begin with a text.
func (s samples) number(prefix string) (n int) {
	for series := range s {
		if strings.HasPrefix(series, prefix) {
			n++
		}
	}
	return n
}

// sum adds up the counts of credentials in a state.
func (s samples) sum(state string) (n float64) {
	for series, value := range s {
		if strings.HasPrefix(series, "jwtsunset_credentials{") && strings.Contains(series, fmt.Sprintf("state=%q", state)) {
			n += value
		}
	}
	return n
}

func TestServeShowsWhatIsThere(t *testing.T) {
	t.Parallel()
	p := newPlace(t, simulator.Options{Scenario: "small", Seed: 7}, "log: {format: json}")
	d := p.serve()
	d.awaitSample(`jwtsunset_scans_total{organization="acme",result="complete"}`, 1)
	before := time.Now()
	m := d.awaitSample(ofAcme("jwtsunset_scan_complete"), 1)
	after := time.Now()

	known := p.stored()
	wantFacts(t, factsOf(known.credentials), p.truth())
	m.wantCounts(t, p.truth())
	m.wantCredentials(t, known.credentials)
	if len(known.finished()) != 1 {
		t.Fatalf("%d scans are recorded, want the one at start", len(known.finished()))
	}
	m.wantLastScan(t, known.finished()[0])
	m.want(t, ofAcme("jwtsunset_scan_in_progress"), 0)
	m.want(t, ofAcme("jwtsunset_scan_interval_seconds"), (6 * time.Hour).Seconds())
	m.want(t, "jwtsunset_config_last_reload_successful", 1)
	wantDeadlines(t, m, before, after)
	wantPaths(t, d, m)
	for line := range strings.Lines(d.stderr.String()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("line %q of the log is no JSON", line)
		}
	}
	d.stop()
	if out := d.stdout.String(); out != "" {
		t.Errorf("the daemon wrote to stdout: %q", out)
	}
}

// wantDeadlines fails unless both default deadlines are counted down to, as of a scrape between two instants.
func wantDeadlines(t *testing.T, m samples, before, after time.Time) {
	t.Helper()
	for _, deadline := range credential.DefaultDeadlines() {
		labels := fmt.Sprintf("{deadline=%q}", deadline.Name)
		m.wantTime(t, "jwtsunset_deadline_timestamp_seconds"+labels, deadline.At)
		left := m["jwtsunset_deadline_remaining_seconds"+labels]
		if left > deadline.SecondsLeft(before)+0.01 || left < deadline.SecondsLeft(after)-0.01 {
			t.Errorf("%v seconds are left to %s, want %v", left, deadline.Name, deadline.SecondsLeft(before))
		}
	}
}

// wantPaths fails unless the probes answer and the page shows the counts of a scrape.
func wantPaths(t *testing.T, d *daemonProcess, m samples) {
	t.Helper()
	for path, want := range map[string]string{
		"/-/healthy": "healthy", "/-/ready": "ready", "/": "acme", "/static/style.css": "{",
	} {
		if code, body := d.get(path); code != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s answers %d: %.200s", path, code, body)
		}
	}
	if code, _ := d.get("/nowhere"); code != http.StatusNotFound {
		t.Errorf("/nowhere answers %d", code)
	}
	_, page := d.get("/")
	for _, want := range []string{"end-of-support", fmt.Sprintf(`<td class="number">%v</td>`, m.sum("affected"))} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not show %q:\n%s", want, page)
		}
	}
}

// TestServeKeepsValuesWithoutAdobe starts on a record that is an hour old while Adobe hangs, lets the scan fail, and
// starts again with Adobe gone altogether.
func TestServeKeepsValuesWithoutAdobe(t *testing.T) {
	t.Parallel()
	p := newPlace(t, simulator.Options{Scenario: "small", Seed: 8})
	p.scanned(time.Hour)
	hourOld := p.stored().finished()[0]
	p.adobeAnswers("hang")

	d := p.serve()
	m := d.scrape()
	p.called("token")
	wantStale := func(m samples) {
		t.Helper()
		m.wantCounts(t, p.truth())
		m.wantCredentials(t, p.stored().credentials)
		m.wantTime(t, ofAcme("jwtsunset_scan_last_success_timestamp_seconds"), hourOld.Finished)
	}
	wantStale(m)
	running := d.scrape()
	wantStale(running)
	running.want(t, ofAcme("jwtsunset_scan_in_progress"), 1)
	running.want(t, ofAcme("jwtsunset_scan_complete"), 1)
	running.wantTime(t, ofAcme("jwtsunset_scan_last_completion_timestamp_seconds"), hourOld.Finished)
	start := running[ofAcme("jwtsunset_scan_last_start_timestamp_seconds")]
	if start < float64(hourOld.Started.Add(30*time.Minute).Unix()) {
		t.Errorf("the scan that runs began at %v", start)
	}
	if code, _ := d.get("/-/ready"); code != http.StatusOK {
		t.Errorf("not ready while a scan hangs: %d", code)
	}

	p.adobeAnswers("reset")
	p.server.CloseClientConnections()
	d.awaitSample(`jwtsunset_scans_total{organization="acme",result="failed"}`, 1)
	failed := d.awaitSample(ofAcme("jwtsunset_scan_complete"), 0)
	wantStale(failed)
	failed.wantSeriesOf(t, running)
	failed.wantLastScan(t, p.stored().finished()[0])
	if n := failed[`jwtsunset_scan_errors_total{organization="acme",reason="token",stage="sandboxes"}`]; n < 1 {
		t.Errorf("%v errors are counted", n)
	}
	d.stop()

	p.server.Close()
	d = p.serve()
	again := d.scrape()
	wantStale(again)
	again.wantSeriesOf(t, failed)
	again.wantLastScan(t, p.stored().finished()[0])
	d.stop()
}

// TestServeReloads changes the configuration while the scan at start waits for the least time between two scans.
func TestServeReloads(t *testing.T) {
	t.Parallel()
	p := newPlace(t, simulator.Options{Scenario: "small", Seed: 9})
	p.scanned(restartGap - 20*time.Second)
	excluded := affectedID(t, p.truth())
	d := p.serve()
	before := d.scrape()

	p.reconfigure(p.changed(excluded))
	d.signal(syscall.SIGHUP)
	d.await("configuration reloaded")
	reloaded := d.scrape()
	if strings.Contains(d.stderr.String(), "scan finished") {
		t.Fatal("the scan at start came before the reload: the machine is too busy for this test")
	}
	reloaded.wantSeriesOf(t, before)
	moved := time.Date(2031, 2, 4, 0, 0, 0, 0, time.UTC)
	reloaded.wantTime(t, `jwtsunset_deadline_timestamp_seconds{deadline="end-of-support"}`, moved)
	added := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	reloaded.wantTime(t, `jwtsunset_deadline_timestamp_seconds{deadline="our-own"}`, added)
	reloaded.want(t, `jwtsunset_scan_complete{organization="globex"}`, 0)
	reloaded.want(t, `jwtsunset_scan_last_success_timestamp_seconds{organization="globex"}`, 0)
	if text := d.stderr.String(); strings.Contains(text, "after a restart") {
		t.Errorf("nothing that changed needs a restart:\n%s", text)
	}

	p.wantRefusal(d, reloaded, p.changed(excluded)+"nonsense: {}\n")
	p.wantRefusal(d, reloaded, p.changed(excluded)+"scan: [\n")
	p.reconfigure(p.changed(excluded))
	d.signal(syscall.SIGHUP)
	d.awaitSample("jwtsunset_config_last_reload_successful", 1)

	d.awaitSample(`jwtsunset_scans_total{organization="globex",result="failed"}`, 1)
	d.awaitSample(`jwtsunset_scans_total{organization="acme",result="complete"}`, 1)
	after := d.awaitSample(`jwtsunset_scan_in_progress{organization="globex"}`, 0)
	for name := range reloaded { // nobody has to act on the excluded one, so nothing counts down to its end
		countdown := strings.Contains(name, "_remaining_") || strings.Contains(name, "_deadline_")
		if countdown && strings.Contains(name, excluded) {
			delete(reloaded, name)
		}
	}
	after.wantSeriesOf(t, reloaded)
	after.want(t, `jwtsunset_scan_items{organization="acme",result="excluded"}`, 1)
	if n := p.stored().finished()[0].Counts.Affected; float64(n) != before.sum("affected")-1 {
		t.Errorf("the scan counts %d affected credentials, %v before one was excluded", n, before.sum("affected"))
	}
	d.stop()
}

// changed is a configuration with another date, an exclusion and one more organization, which Adobe does not know.
func (p *place) changed(excluded string) string {
	another := strings.Replace(p.configuration(
		"deadlines:",
		"  - {name: end-of-support, date: 2031-02-03}",
		"  - {name: our-own, date: 2030-01-02T03:04:05Z}",
		"  - {name: conversion, date: 2026-03-01, applies_to: [developer-console]}",
		fmt.Sprintf("scan: {exclude: [{credential: %s, reason: a test}]}", excluded),
	), "\nadobe:", `
  - name: globex
    ims_org: 0F1E2D3C4B5A69788796A5B4@AdobeOrg
    client_id: nobody
    client_secret_file: `+p.path("client-secret")+"\nadobe:", 1)
	return another
}

// wantRefusal gives the daemon a bad configuration, and wants it to say so and to change nothing.
func (p *place) wantRefusal(d *daemonProcess, before samples, bad string) {
	p.t.Helper()
	refusals := strings.Count(d.stderr.String(), "configuration was not reloaded")
	p.reconfigure(bad)
	d.signal(syscall.SIGHUP)
	eventually(p.t, "the refusal", func() error {
		if n := strings.Count(d.stderr.String(), "configuration was not reloaded"); n != refusals+1 {
			return fmt.Errorf("%d refusals", n)
		}
		return nil
	})
	m := d.awaitSample("jwtsunset_config_last_reload_successful", 0)
	m.wantSeriesOf(p.t, before)
	for _, series := range slices.Sorted(maps.Keys(before)) {
		if strings.HasPrefix(series, "jwtsunset_deadline_timestamp") ||
			series == "jwtsunset_config_last_reload_success_timestamp_seconds" {
			m.want(p.t, series, before[series])
		}
	}
}

func affectedID(t *testing.T, facts map[string]fact) string {
	t.Helper()
	for _, id := range slices.Sorted(maps.Keys(facts)) {
		if facts[id].state == "affected" {
			return id
		}
	}
	t.Fatal("nothing is affected")
	return ""
}

// TestExclusionHolds excludes one credential: it is exempt wherever it is shown, and noted once.
func TestExclusionHolds(t *testing.T) {
	t.Parallel()
	p := newPlace(t, simulator.Options{Seed: 20})
	p.scanned(time.Hour)
	excluded := affectedID(t, p.truth())
	p.reconfigure(p.configuration(fmt.Sprintf("scan: {exclude: [{credential: %s, reason: a test}]}", excluded)))
	p.run("scan").want(exitLeft)
	p.run("scan").want(exitLeft)

	want := p.truth()
	exempt := want[excluded]
	exempt.state = "exempt"
	want[excluded] = exempt
	known := p.stored()
	wantFacts(t, factsOf(known.credentials), want)
	if n := known.finished()[0].Counts.Exempt; n != 1 {
		t.Errorf("the record of the scan counts %d exempt credentials", n)
	}
	shown := p.run("show", excluded, "-o", "json").want(exitDone).stdout.String()
	if n := len(regexp.MustCompile(`"kind": ?"excluded"`).FindAllString(shown, -1)); n != 1 {
		t.Errorf("the history has %d notes of the exclusion:\n%s", n, shown)
	}
	d := p.serve()
	m := d.scrape()
	m.wantCounts(t, want)
	m.want(t, fmt.Sprintf(`jwtsunset_credential_open{credential_id=%q,organization="acme"}`, excluded), 0)
	d.stop()
}

// TestServeNamesWhatNeedsARestart changes every key that a reload cannot.
func TestServeNamesWhatNeedsARestart(t *testing.T) {
	t.Parallel()
	p := newPlace(t, simulator.Options{Seed: 10})
	p.scanned(time.Second)
	d := p.serve()
	p.write("web.yml", "{}\n")
	p.reconfigure(strings.Replace(p.configuration(
		`listen: {metrics: "127.0.0.1:1", web: "127.0.0.1:2"}`,
		"log: {format: json, level: debug}",
		"metrics: {web_config_file: "+p.path("web.yml")+"}",
	), p.database(), p.path("other.db"), 1))
	d.signal(syscall.SIGHUP)
	d.await("configuration reloaded")
	for _, key := range []string{"store", "listen.metrics", "listen.web", "log.format", "metrics.web_config_file"} {
		want := `msg="this change takes effect after a restart" key=` + key + "\n"
		if !strings.Contains(d.stderr.String(), want) {
			t.Errorf("the log does not say %q", want)
		}
	}
	d.scrape().wantCounts(t, p.truth())
	if _, err := os.Stat(p.path("other.db")); err == nil {
		t.Error("the other database was opened")
	}
	d.stop()
}

// TestServeSaysThatAFileMayBeCutOff reloads the first half of a configuration, which is valid too.
func TestServeSaysThatAFileMayBeCutOff(t *testing.T) {
	t.Parallel()
	p := newPlace(t, simulator.Options{Seed: 21})
	p.scanned(time.Second)
	d := p.serve()
	p.reconfigure(strings.TrimSuffix(p.configuration(), "\n"))
	d.signal(syscall.SIGHUP)
	d.await("configuration reloaded")
	if text := d.stderr.String(); !strings.Contains(text, "is the file complete?") {
		t.Errorf("the log does not doubt the file:\n%s", text)
	}
	d.stop()
}

// TestDemoEndsWithItsTerminal wants the demo to stop, and not to read the configuration that lies there.
func TestDemoEndsWithItsTerminal(t *testing.T) {
	t.Parallel()
	p := newPlace(t, simulator.Options{Seed: 22})
	p.environment = []string{"TMPDIR=" + t.TempDir()}
	c := p.start(p.command("demo", "--listen=127.0.0.1:0"))
	c.await("Stop with Ctrl-C")
	c.signal(syscall.SIGHUP)
	c.want(exitDone)
	if left, err := os.ReadDir(strings.TrimPrefix(p.environment[0], "TMPDIR=")); err != nil || len(left) > 0 {
		t.Errorf("the demo left %v behind (%v)", left, err)
	}
	if counts := p.adobe.Ledger().Counts(); len(counts) > 0 {
		t.Errorf("the demo asked the configured Adobe: %v", counts)
	}
}

func TestServeLetsAScanEnd(t *testing.T) {
	t.Parallel()
	p := newPlace(t, simulator.Options{Seed: 11, Latency: 150 * time.Millisecond})
	d := p.serve()
	p.called("accounts")
	d.stop()
	known := p.stored()
	if len(known.finished()) != 1 || !known.finished()[0].Complete {
		t.Fatalf("the scan under way was not recorded whole: %+v", known.scans)
	}
	wantFacts(t, factsOf(known.credentials), p.truth())
}

func TestServeCutsOffAScanThatDoesNotEnd(t *testing.T) {
	t.Parallel()
	p := newPlace(t, simulator.Options{Seed: 12})
	p.reconfigure(strings.Replace(p.configuration(), "  retries: 1", "  retries: 1\n  request_timeout: 5m", 1))
	p.adobeAnswers("hang")
	d := p.serve()
	p.called("token")
	asked := time.Now()
	d.signal(syscall.SIGINT)
	d.want(exitDone, "stopping", "jobs are cut off to stop")
	if took := time.Since(asked); took > stopGrace+cancelGrace {
		t.Errorf("the stop took %v", took)
	}
	if known := p.stored(); len(known.scans)+len(known.credentials) != 0 {
		t.Errorf("something is left of the scan that was cut off: %+v", known)
	}
}

func TestServeEndsAtOnceAtTheSecondSignal(t *testing.T) {
	t.Parallel()
	p := newPlace(t, simulator.Options{Seed: 13})
	p.scanned(time.Hour)
	before := p.stored()
	p.adobeAnswers("hang")
	d := p.serve()
	p.called("token")
	d.signal(syscall.SIGTERM)
	d.await("stopping")
	asked := time.Now()
	eventually(t, "the end", func() error {
		_ = d.cmd.Process.Signal(syscall.SIGTERM) // it may have ended meanwhile
		select {
		case <-d.exited:
			return nil
		default:
			return fmt.Errorf("still there")
		}
	})
	if status, _ := d.cmd.ProcessState.Sys().(syscall.WaitStatus); status.Signal() != syscall.SIGTERM {
		t.Errorf("it ended with %v, want by the signal", d.cmd.ProcessState)
	}
	if took := time.Since(asked); took > stopGrace/2 {
		t.Errorf("the second signal took %v", took)
	}
	after := p.stored()
	wantFacts(t, factsOf(after.credentials), factsOf(before.credentials))
	if len(after.finished()) != 1 {
		t.Errorf("%d scans are recorded, want the one before", len(after.finished()))
	}
}

// TestScanIsInterrupted stops one scan of the command line in the middle.
func TestScanIsInterrupted(t *testing.T) {
	t.Parallel()
	p := newPlace(t, simulator.Options{Seed: 14})
	p.adobeAnswers("hang")
	c := p.start(p.command("scan", "-c", p.config))
	p.called("token")
	c.signal(syscall.SIGINT)
	c.want(exitError, "^error: stopped before the end")
	if known := p.stored(); len(known.scans)+len(known.credentials) != 0 {
		t.Errorf("something is left of the scan that was stopped: %+v", known)
	}
	if out := c.stdout.String(); out != "" {
		t.Errorf("a result was printed: %s", out)
	}
}

func TestServeIsAloneOnItsDatabase(t *testing.T) {
	t.Parallel()
	p := newPlace(t, simulator.Options{Seed: 15})
	d := p.serve()
	d.awaitSample(ofAcme("jwtsunset_scan_complete"), 1)
	second := p.run("serve")
	holder := fmt.Sprint(d.cmd.Process.Pid)
	second.want(exitError, "^error: the database is in use: .*held by .process "+holder, "stop that process")
	if strings.Contains(second.stderr.String(), "serving") {
		t.Error("the second daemon listened")
	}
	p.run("scan", "-o", "json").want(exitLeft)
	p.run("list").want(exitDone)
	p.run("show", affectedID(t, p.truth())).want(exitDone)
	if code, _ := d.get("/-/ready"); code != http.StatusOK {
		t.Errorf("the first daemon answers %d", code)
	}
	d.stop()
	p.serve().stop()
}

// TestServeUnderACrashLoop starts and kills the daemon again and again, as a supervisor would.
func TestServeUnderACrashLoop(t *testing.T) {
	t.Parallel()
	p := newPlace(t, simulator.Options{Seed: 16, Latency: 20 * time.Millisecond})
	for i := range 20 {
		d := p.serve()
		if i == 0 {
			p.called("token")
		}
		if i%2 == 1 {
			d.await("the scan at start waits")
		}
		if !d.kill() {
			t.Fatal("the daemon ended by itself")
		}
	}
	counts := p.adobe.Ledger().Counts()
	if counts["token"] != 1 || counts["sandboxes"] > 1 {
		t.Errorf("20 starts asked Adobe %v, want at most one scan", counts)
	}
}

func TestDefaultAddressesAreLoopback(t *testing.T) {
	t.Parallel()
	p := newPlace(t, simulator.Options{Seed: 17})
	p.scanned(time.Second)
	p.reconfigure(strings.Replace(p.configuration("# listen:"), "# listen:", "", 1))
	c := p.start(p.command("serve", "-c", p.config))
	// Where something else has the port, the refusal names the address.
	wantLoopback(t, c.await(serving+`|listen tcp (\S+):`))
	wantLoopback(t, []string{config.Default().Listen.Metrics})
	wantLoopback(t, []string{config.Default().Listen.Web})
	for _, name := range []string{"demo", "simulate"} {
		cmd, _, err := new(app).root().Find([]string{name})
		if err != nil {
			t.Fatal(err)
		}
		wantLoopback(t, []string{cmd.Flags().Lookup("listen").DefValue})
	}
}

// wantLoopback fails unless the last address given is one that only this machine reaches.
func wantLoopback(t *testing.T, addresses []string) {
	t.Helper()
	address := slices.DeleteFunc(slices.Clone(addresses), func(a string) bool { return a == "" })
	host, _, err := net.SplitHostPort(address[len(address)-1])
	if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		t.Errorf("address %q: other machines can reach it (%v)", address, err)
	}
}

// password and its bcrypt hash, of the lowest cost, open the metrics of these tests.
const (
	password     = "only-for-this-test"
	passwordHash = "$2a$04$t31ZhGvrZ140J7U9zzkUr.Zfrxn1FbRYt1Xd8ChetxOlzkVNp.iAO"
)

const (
	webTLS  = "tls_server_config: {cert_file: server.pem, key_file: server.key, min_version: TLS12}\n"
	webAuth = "basic_auth_users: {prometheus: " + passwordHash + "}\n"
)

func TestWebConfiguration(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"none": "", "tls": webTLS, "password": webAuth, "tls and password": webTLS + webAuth,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, simulator.Options{Seed: 18})
			p.scanned(time.Second)
			roots := p.certificate("server")
			guard := "--metrics.web-config-file=" + p.write("web.yml", text)
			d := p.serve(guard)
			d.client.Transport = &http.Transport{
				DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			}
			d.wantGuarded(strings.Contains(text, webTLS), strings.Contains(text, webAuth))
			healthy := p.run("healthcheck", "--listen.metrics="+d.address, guard).want(exitDone)
			if out := healthy.stdout.String(); out != "healthy\n" {
				t.Errorf("healthcheck prints %q", out)
			}
			d.stop()
			p.run("healthcheck", "--listen.metrics="+d.address, guard).want(exitError, "no answer from", "hint:")
		})
	}
}

// wantGuarded fails unless the metrics are there for those who may see them and for nobody else.
func (d *daemonProcess) wantGuarded(encrypted, locked bool) {
	d.t.Helper()
	scheme := "http"
	if encrypted {
		scheme = "https"
	}
	withoutPassword := http.StatusOK
	if locked {
		withoutPassword = http.StatusUnauthorized
	}
	for _, c := range []struct {
		password string
		want     int
	}{{"", withoutPassword}, {"not-" + password, withoutPassword}, {password, http.StatusOK}} {
		request, err := http.NewRequestWithContext(d.t.Context(), http.MethodGet, scheme+"://"+d.address+"/metrics", nil)
		if err != nil {
			d.t.Fatal(err)
		}
		if c.password != "" {
			request.SetBasicAuth("prometheus", c.password)
		}
		code, body := fetch(d.t, d.client, request)
		if code != c.want || (code == http.StatusOK) != strings.Contains(body, "jwtsunset_credentials{") {
			d.t.Errorf("with password %q: status %d, want %d: %.100s", c.password, code, c.want, body)
		}
	}
	if encrypted {
		if code, body := d.get("/metrics"); code == http.StatusOK || strings.Contains(body, "jwtsunset") {
			d.t.Errorf("without TLS: status %d: %.100s", code, body)
		}
	}
}

// certificate writes NAME.pem and NAME.key for the loop-back address and gives the pool that trusts them.
func (p *place) certificate(name string) *x509.CertPool {
	p.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		p.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Minute),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		p.t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		p.t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	p.write(name+".pem", string(public))
	p.write(name+".key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(public) {
		p.t.Fatal("the test's own certificate cannot be read")
	}
	return roots
}

// TestHealthcheckIsNotFooled asks things that are not the daemon.
func TestHealthcheckIsNotFooled(t *testing.T) {
	t.Parallel()
	p := newPlace(t, simulator.Options{Seed: 19})
	sick := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	t.Cleanup(sick.Close)
	elsewhere := httptest.NewServer(http.RedirectHandler("http://"+sick.Listener.Addr().String()+"/", http.StatusFound))
	t.Cleanup(elsewhere.Close)
	// It speaks TLS, with a certificate that is not the configured one.
	stranger := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	stranger.Config.ErrorLog = log.New(io.Discard, "", 0) // the refusal that is wanted
	stranger.StartTLS()
	t.Cleanup(stranger.Close)
	p.certificate("server")
	secure := "--metrics.web-config-file=" + p.write("web.yml", webTLS)

	ask := func(s *httptest.Server, further ...string) *process {
		return p.run(append([]string{"healthcheck", "--listen.metrics=" + s.Listener.Addr().String()}, further...)...)
	}
	ask(sick).want(exitError, "^error: .* answers with status 503")
	ask(elsewhere).want(exitError, "^error: .* answers with status 302")
	ask(stranger, secure).want(exitError, "^error: no answer from .*certificate")
	ask(sick, "--metrics.web-config-file="+p.path("none.yml")).want(exitError, "none.yml")
	ask(sick, "--listen.metrics=nonsense", "--log.level=nonsense").want(exitError, "log.level")
}
