package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"jwtsunset/adobe"
	"jwtsunset/simulator"
	"jwtsunset/store"
)

// shape is an organization to measure a scan of.
type shape struct {
	name, scenario      string
	sandboxes, accounts int
	deepest             int // accounts of the largest sandbox
}

const (
	benchLatency     = 50 * time.Millisecond
	benchPage        = 100
	benchConcurrency = 8
)

// BenchmarkScan measures the real command against the real simulator, each a process of its own, beside a bare reader
// that knows nothing but how to follow pages. The limit is what no reader can beat: the longest chain of requests, or
// all requests shared out to the slots.
//
// The medians of all rounds are reported:
//
//	x-limit    reading time of the scan over that limit
//	x-floor    the same over the bare reader's time in this run
//	peak-MB    largest resident memory of the scanning process
//	rows       how many a scan with nothing changed writes
func BenchmarkScan(b *testing.B) {
	shapes := []shape{
		{"100000-in-200", "large", 200, 500, 500},
		{"one-ten-times-deeper", "deep", 40, 500, 5000},
	}
	for _, s := range shapes {
		b.Run(s.name, func(b *testing.B) { s.measure(b) })
	}
}

func (s shape) measure(b *testing.B) {
	url := s.simulate(b)
	folder := b.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "secret"), []byte(simulator.ClientSecret), 0o600); err != nil {
		b.Fatal(err)
	}
	config := strings.Replace(testConfig(url, "secret"), "console_url: "+url,
		fmt.Sprintf("console_url: \"\"\n  concurrency: %d", benchConcurrency), 1)
	if err := os.WriteFile(filepath.Join(folder, defaultConfig), []byte(config), 0o600); err != nil {
		b.Fatal(err)
	}
	s.scan(b, folder) // the next one knows which chain is the longest
	figures := map[string][]float64{}
	before := rows(b, folder)
	for b.Loop() {
		took, calls, peak := s.scan(b, folder)
		after := rows(b, folder)
		for unit, figure := range map[string]float64{
			"x-limit": took.Seconds() / s.limit(calls).Seconds(), "x-floor": took.Seconds() / s.floor(b, url).Seconds(),
			"peak-MB": float64(peak) / 1e6, "rows": float64(after - before),
		} {
			figures[unit] = append(figures[unit], figure)
		}
		before = after
	}
	for unit, all := range figures {
		slices.Sort(all)
		b.ReportMetric(all[len(all)/2], unit)
	}
}

// limit is the time below which no reader can stay: the chain of token, list of sandboxes, and the deepest sandbox's
// pages with the empty one that ends them; or all requests, shared out to the slots.
func (s shape) limit(calls int) time.Duration {
	const tokenAndList = 2
	chain := tokenAndList + s.deepest/benchPage + 1
	return max(time.Duration(chain)*benchLatency, time.Duration(calls)*benchLatency/benchConcurrency)
}

// program is the real command as a process of its own.
func program(b *testing.B, folder string, args ...string) *exec.Cmd {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.CommandContext(b.Context(), self, args...)
	cmd.Dir, cmd.Env, cmd.Stderr = folder, append(os.Environ(), actAsProgram+"=1"), os.Stderr
	return cmd
}

func (s shape) simulate(b *testing.B) string {
	b.Helper()
	cmd := program(b, b.TempDir(), "simulate", "--listen", "127.0.0.1:0", "--scenario", s.scenario,
		"--sandboxes", fmt.Sprint(s.sandboxes), "--accounts", fmt.Sprint(s.accounts),
		"--page-size", fmt.Sprint(benchPage), "--latency", benchLatency.String())
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := cmd.Process.Kill(); err != nil {
			b.Error(err)
		}
		_ = cmd.Wait() // it was killed
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(strings.TrimPrefix(line, "listening on "))
}

// scan runs one scan and gives the time that reading took, the requests sent and the peak of memory in bytes.
func (s shape) scan(b *testing.B, folder string) (took time.Duration, calls int, peak int64) {
	b.Helper()
	cmd := program(b, folder, "scan", "-o", "json")
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	ended := make(chan struct{})
	highest := make(chan int64)
	go func() { highest <- peakOf(cmd.Process.Pid, ended) }()
	err := cmd.Wait()
	close(ended)
	peak = <-highest
	if code := cmd.ProcessState.ExitCode(); code != exitLeft {
		b.Fatalf("scan ended with %d: %v", code, err)
	}
	var r struct {
		Organizations []struct {
			Duration float64 `json:"duration_seconds"`
			Calls    int     `json:"calls"`
		} `json:"organizations"`
		Credentials []struct{} `json:"credentials"`
	}
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		b.Fatal(err)
	}
	if want := (s.sandboxes-1)*s.accounts + s.deepest; len(r.Credentials) != want {
		b.Fatalf("%d credentials, want %d", len(r.Credentials), want)
	}
	o := r.Organizations[0]
	return time.Duration(o.Duration * float64(time.Second)), o.Calls, peak
}

// peakOf watches the high-water mark of a process's resident memory. What the kernel reports after the end would count
// the parent's memory too.
func peakOf(pid int, ended <-chan struct{}) (bytes int64) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return bytes
		case <-tick.C:
		}
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			continue // it has just ended
		}
		for line := range strings.Lines(string(status)) {
			var kB int64
			if n, err := fmt.Sscanf(line, "VmHWM: %d kB", &kB); n == 1 && err == nil {
				bytes = max(bytes, kB*1024)
			}
		}
	}
}

// rows counts the rows of scans, credentials and changes.
func rows(b *testing.B, folder string) int {
	b.Helper()
	s, err := store.Open(b.Context(), "sqlite:"+filepath.Join(folder, "jwtsunset.db"), store.Options{SkipCheck: true})
	if err != nil {
		b.Fatal(err)
	}
	scans, err := s.Scans(b.Context(), "", 0)
	if err != nil {
		b.Fatal(err)
	}
	credentials, err := s.Credentials(b.Context(), "")
	if err != nil {
		b.Fatal(err)
	}
	changes, err := s.Changes(b.Context(), "", "", 0)
	if err != nil {
		b.Fatal(err)
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	return len(scans) + len(credentials) + len(changes)
}

// floor reads every page with as many slots and does nothing with it: one slot is a chain's own from its first page to
// its last, the deepest chain first.
func (s shape) floor(b *testing.B, base string) time.Duration {
	b.Helper()
	f := bareReader{base: base, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: benchConcurrency}}}
	f.login(b)
	var names []string
	for _, t := range f.truth(b) {
		names = append(names, t.Name)
	}
	if s.deepest > s.accounts {
		names[0], names[len(names)-1] = names[len(names)-1], names[0]
	}
	start := time.Now()
	chains := make(chan string)
	var slots sync.WaitGroup
	for range benchConcurrency {
		slots.Go(func() {
			for name := range chains {
				for cursor := ""; ; {
					if cursor = f.page(b, name, cursor); cursor == "" {
						break
					}
				}
			}
		})
	}
	for _, name := range names {
		chains <- name
	}
	close(chains)
	slots.Wait()
	f.client.CloseIdleConnections()
	return time.Since(start)
}

type bareReader struct {
	base, token string
	client      *http.Client
}

func (f *bareReader) login(b *testing.B) {
	b.Helper()
	response, err := f.client.PostForm(f.base+"/ims/token/v3", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {simulator.ClientID},
		"client_secret": {simulator.ClientSecret}, "scope": {strings.Join(adobe.DefaultScopes(), ",")},
	})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var token struct {
		Text string `json:"access_token"`
	}
	if err := json.NewDecoder(response.Body).Decode(&token); err != nil {
		b.Fatal(err)
	}
	f.token = token.Text
}

func (f *bareReader) truth(b *testing.B) []simulator.TrueSandbox {
	b.Helper()
	var truth simulator.Truth
	f.get(b, "/simulator/truth", "", &truth)
	return truth.Sandboxes
}

func (f *bareReader) page(b *testing.B, sandbox, start string) (next string) {
	query := ""
	if start != "" {
		query = "?start=" + url.QueryEscape(start)
	}
	var page struct {
		Accounts []json.RawMessage `json:"accounts"`
		Page     struct {
			Next string `json:"next"`
		} `json:"_page"`
	}
	f.get(b, "/data/foundation/queryauth/accounts"+query, sandbox, &page)
	if len(page.Accounts) == 0 {
		return ""
	}
	return page.Page.Next
}

func (f *bareReader) get(b *testing.B, path, sandbox string, into any) {
	request, err := http.NewRequestWithContext(b.Context(), http.MethodGet, f.base+path, nil)
	if err != nil {
		b.Error(err)
		return
	}
	request.Header.Set("Authorization", "Bearer "+f.token)
	request.Header.Set("x-api-key", simulator.ClientID)
	request.Header.Set("x-gw-ims-org-id", simulator.IMSOrganization)
	request.Header.Set("x-sandbox-name", sandbox)
	response, err := f.client.Do(request)
	if err != nil {
		b.Error(err)
		return
	}
	if response.StatusCode != http.StatusOK {
		b.Errorf("%s: status %d", path, response.StatusCode)
	}
	body, err := io.ReadAll(response.Body)
	if err == nil {
		err = response.Body.Close()
	}
	if err == nil {
		err = json.Unmarshal(body, into)
	}
	if err != nil {
		b.Errorf("%s: %v", path, err)
	}
}
