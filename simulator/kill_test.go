package simulator

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// servedStarts is set for a process of this test program that is to be a simulator with this starts file.
const servedStarts = "SIMULATOR_TEST_STARTS"

func TestMain(m *testing.M) {
	if path := os.Getenv(servedStarts); path != "" {
		serveUntilKilled(path)
		return
	}
	m.Run()
}

func killOptions(path string) Options {
	return Options{
		Scenario: "large", Sandboxes: 1, Accounts: 200, MigrationTime: new(3 * time.Millisecond), StartsFile: path,
		TokenLifetime: 1000 * time.Hour,
	}
}

func serveUntilKilled(path string) {
	s, err := New(killOptions(path))
	if err != nil {
		panic(err)
	}
	token, err := s.issue(ClientID, "test", allScopes, false, time.Hour)
	if err != nil {
		panic(err)
	}
	fmt.Println(httptest.NewServer(s).URL, token)
	select {}
}

// A simulator that is killed at any moment must know afterwards whatever a client could have learnt from it.
func TestKilledSimulatorForgetsNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "starts")
	ids := eligible(t, newSimulator(t, killOptions("")))
	known := map[string]bool{}
	var answered, sent int
	for round := range 6 {
		a, b := killedRound(t, path, ids[round*30:round*30+30], time.Duration(20+15*round)*time.Millisecond, known)
		answered, sent = answered+a, sent+b
		s := newSimulator(t, killOptions(path))
		for id := range known {
			if truth := trueOf(s, id); truth.AuthType != "oauth" {
				t.Errorf("round %d: %s was seen migrated", round, id)
			}
		}
		took := map[string]int{}
		for _, start := range s.Ledger().Starts() {
			if start.TookEffect {
				took[start.TechnicalAccountID]++
			}
			if start.Ended.IsZero() || took[start.TechnicalAccountID] > 1 {
				t.Errorf("round %d: %+v", round, start)
			}
		}
		if n := len(s.Ledger().Starts()); n < answered || n > sent {
			t.Errorf("round %d: %d starts written down, %d sent, %d answered", round, n, sent, answered)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if answered == 0 || answered == sent {
		t.Errorf("%d of %d starts were answered, so no kill struck between them", answered, sent)
	}
}

// killedRound migrates accounts from three clients until the simulator is killed. It notes what was seen migrated.
func killedRound(
	t *testing.T, path string, ids []string, life time.Duration, known map[string]bool,
) (answered, sent int) {
	t.Helper()
	process := exec.CommandContext(t.Context(), os.Args[0])
	process.Env = append(os.Environ(), servedStarts+"="+path)
	out, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	url, token, _ := strings.Cut(strings.TrimSpace(line), " ")
	next, mu := atomic.Int64{}, sync.Mutex{}
	var group sync.WaitGroup
	for range 3 {
		group.Go(func() {
			for n := next.Add(1) - 1; n < int64(len(ids)); n = next.Add(1) - 1 {
				mu.Lock()
				sent++
				mu.Unlock()
				status := migrateAt(url, token, ids[n])
				mu.Lock()
				if status == http.StatusOK {
					answered, known[ids[n]] = answered+1, true
				}
				mu.Unlock()
			}
		})
	}
	if err := wait(t.Context(), life); err != nil {
		t.Fatal(err)
	}
	if err := process.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = process.Wait() // it was killed, which is an error
	group.Wait()
	return answered, sent
}

// migrateAt is the status of a start sent to a simulator in another process, zero where there is none.
func migrateAt(url, token, account string) int {
	r, err := http.NewRequest(http.MethodPost, url+queryPath(account)+"/migrate", nil)
	if err != nil {
		return 0
	}
	r.Header = http.Header{
		"Authorization": {"Bearer " + token}, "X-Api-Key": {ClientID}, "X-Gw-Ims-Org-Id": {IMSOrganization},
		"X-Sandbox-Name": {"prod"},
	}
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(r)
	if err != nil {
		return 0
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}
