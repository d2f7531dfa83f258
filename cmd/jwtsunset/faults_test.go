package main

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"jwtsunset/adobe"
	"jwtsunset/credential"
	"jwtsunset/scanner"
	"jwtsunset/secret"
	"jwtsunset/simulator"
	"jwtsunset/store"
)

// liars are the faults that no reader could see through: they answer as if there were less.
var liars = []string{"empty-list", "short-list"}

// rig is a pretend Adobe, a trap for whatever leaves for another host, and all that a scan needs.
type rig struct {
	t          *testing.T
	adobe      *simulator.Simulator
	server     *httptest.Server
	trap       *httptest.Server
	trapped    atomic.Int64
	client     *adobe.Client
	store      *store.Store
	concurrent int
	inactive   bool
	patience   time.Duration
}

func newRig(t *testing.T, o simulator.Options) *rig {
	t.Helper()
	r := &rig{t: t, concurrent: 4, patience: patient}
	var err error
	if r.adobe, err = simulator.New(o); err != nil {
		t.Fatal(err)
	}
	r.server = httptest.NewServer(r.adobe)
	t.Cleanup(r.server.Close)
	t.Cleanup(r.server.CloseClientConnections) // a hanging call would keep it open
	r.trap = httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { r.trapped.Add(1) }))
	t.Cleanup(r.trap.Close)
	r.connect()
	if r.store, err = store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "test.db"),
		store.Options{Create: true, Audit: &store.Audit{}, Logger: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.store.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// Under faults a client waits briefly, since some of them hang; without, it must not give up on a busy machine.
const (
	hasty   = 250 * time.Millisecond
	patient = 30 * time.Second
)

// connect makes the client of a new process, which has no token yet.
func (r *rig) connect() {
	r.t.Helper()
	c, err := adobe.New(adobe.Options{
		Organization: "acme", IMSOrg: simulator.IMSOrganization, ClientID: simulator.ClientID,
		ClientSecret: func() (secret.String, error) { return secret.New(simulator.ClientSecret), nil },
		IMSURL:       r.server.URL, PlatformURL: r.server.URL, ConsoleURL: r.server.URL,
		Concurrency: r.concurrent, Retries: 3, RetryWait: time.Millisecond, RetryAfterMax: 5 * time.Millisecond,
		RequestTimeout: r.patience, MaxBody: 1 << 20,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(c.Close)
	r.client = c
}

func (r *rig) setFaults(faults ...simulator.Fault) {
	r.t.Helper()
	if err := r.adobe.SetFaults(faults); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) scan() credential.Scan {
	r.t.Helper()
	scan, err := scanner.New(scanner.Options{
		Organization: "acme", IMSOrg: simulator.IMSOrganization, Platform: r.client, Console: r.client, Recorder: r.store,
		Concurrency: r.concurrent, Timeout: time.Minute, Inactive: r.inactive,
	}).Scan(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return scan
}

// affected are the ids on record that somebody must still migrate.
func (r *rig) affected() []string {
	r.t.Helper()
	all, err := r.store.Credentials(r.t.Context(), "acme")
	if err != nil {
		r.t.Fatal(err)
	}
	var ids []string
	for _, c := range all {
		if c.Affected() {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// truth are the ids that a complete scan has to call affected.
func (r *rig) truth() []string {
	var ids []string
	for _, c := range r.adobe.Truth().Credentials {
		if c.Visible && c.Affected {
			ids = append(ids, c.TechnicalAccountID)
		}
	}
	return ids
}

func TestEveryScenarioListsExactlyWhatIsThere(t *testing.T) {
	partial := []string{"forbidden-sandbox", "admin-verification-failed", "console-forbidden"}
	for _, s := range simulator.Scenarios() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, simulator.Options{Scenario: s.Name, Seed: 3, Sandboxes: 6, Accounts: 50})
			for range 4 {
				scan := r.scan()
				if want := !slices.Contains(partial, s.Name); scan.Complete != want {
					t.Fatalf("complete is %v; unseen %+v", scan.Complete, scan.Unseen)
				}
				if s.Name != "churn" {
					r.wantTruth()
				}
				r.adobe.Step()
			}
			r.scan()
			r.scan() // what disappeared is gone only now
			r.wantTruth()
		})
	}
}

// wantTruth fails unless exactly what is there is listed. context says under which circumstances.
func (r *rig) wantTruth(context ...any) {
	r.t.Helper()
	got, want := r.affected(), r.truth()
	lacks, extra := without(want, got), without(got, want)
	if len(lacks)+len(extra) > 0 {
		r.t.Fatalf("%d of %d affected credentials are not listed %v, %d are listed that are not %v\n%+v",
			len(lacks), len(want), lacks, len(extra), extra, context)
	}
}

func without(from, what []string) (rest []string) {
	for _, s := range from {
		if !slices.Contains(what, s) {
			rest = append(rest, s)
		}
	}
	return rest
}

// TestRandomFaults scans under 200 random schedules of faults. A scan must list exactly what is there, or be partial and
// say why; whatever happened before, a scan without faults must be right.
func TestRandomFaults(t *testing.T) {
	first := rand.Uint64()
	t.Logf("seeds %d to %d", first, first+199)
	for i := range uint64(200) {
		seed := first + i
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			oneRandomSchedule(t, rand.New(rand.NewPCG(seed, 0)))
		})
	}
}

func oneRandomSchedule(t *testing.T, random *rand.Rand) {
	o := simulator.Options{Scenario: pick(random, "small", "small", "shared-stamp", "demo"), Seed: random.Uint64(),
		PageSize: 5 + random.IntN(40), Switches: randomSwitches(random)}
	if o.Scenario == "shared-stamp" { // an excluding cursor hides accounts from every reader that reads once
		o.Switches["cursor"], o.Switches["ascending"] = "inclusive", "supported"
	}
	r := newRig(t, o)
	r.inactive = o.Switches["inactive-accounts"] == "present"
	for range 2 {
		known := r.affected()
		faults := r.randomFaults(random)
		r.patience = hasty
		r.connect()
		scan := r.scan()
		switch lost := without(known, r.affected()); {
		case scan.Complete:
			r.wantTruth(faults, o.Switches)
		case len(scan.Unseen) == 0:
			t.Fatalf("partial without a reason under %+v", faults)
		case len(lost) > 0:
			t.Fatalf("a partial scan lost %v under %+v", lost, faults)
		}
	}
	r.setFaults()
	r.patience = patient
	r.connect()
	if scan := r.scan(); !scan.Complete {
		t.Fatalf("without faults still partial: %+v\n%+v", scan.Unseen, o)
	}
	r.wantTruth(o)
	if n := r.trapped.Load(); n > 0 {
		t.Fatalf("%d requests left for another host", n)
	}
}

// randomSwitches decides what Adobe leaves undocumented, but for the choices under which nobody could see everything.
func randomSwitches(random *rand.Rand) map[string]string {
	fixed := []string{"technical-account", "sandbox-administration", "hidden-project"}
	switches := map[string]string{}
	for _, s := range simulator.SwitchHelp() {
		if !slices.Contains(fixed, s.Name) {
			switches[s.Name] = s.Values[random.IntN(len(s.Values))]
		}
	}
	return switches
}

// randomFaults puts one to four faults in force.
func (r *rig) randomFaults(random *rand.Rand) []simulator.Fault {
	var faults []simulator.Fault
	for wanted := 1 + random.IntN(4); len(faults) < wanted; {
		kinds, operations := simulator.FaultKinds(), append(simulator.Operations(), "", "accounts", "accounts")
		f := simulator.Fault{
			Kind: kinds[random.IntN(len(kinds))].Name, Operation: operations[random.IntN(len(operations))],
			Call: 1 + random.IntN(12), Times: random.IntN(4), Host: r.trap.URL,
			RetryAfter: pick(random, "", "0", "-1", "1", "date", "past", "huge", "garbage"),
			Delay:      time.Duration(random.IntN(300)) * time.Millisecond,
		}
		if random.IntN(3) == 0 {
			f.Times, f.Probability = 0, random.Float64()/4
		}
		// Not every fault can befall every operation; the simulator knows.
		if !slices.Contains(liars, f.Kind) && r.adobe.SetFaults(append(faults, f)) == nil {
			faults = append(faults, f)
		}
	}
	r.setFaults(faults...)
	return faults
}

func pick(random *rand.Rand, values ...string) string { return values[random.IntN(len(values))] }

// TestEveryFaultAtEveryCall puts each kind of fault on each kind of call and wants the right answer or a partial scan.
func TestEveryFaultAtEveryCall(t *testing.T) {
	for _, kind := range simulator.FaultKinds() {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, simulator.Options{Scenario: "small", Seed: 5})
			befallen := 0
			for _, operation := range r.operations() {
				f := simulator.Fault{Kind: kind.Name, Operation: operation, Host: r.trap.URL, Delay: time.Millisecond, RetryAfter: "0"}
				if r.adobe.SetFaults([]simulator.Fault{f}) != nil {
					continue
				}
				befallen++
				r.patience = hasty
				r.connect()
				scan := r.scan()
				if scan.Complete && !slices.Contains(liars, kind.Name) {
					r.wantTruth(f)
				}
				if strings.Contains(fmt.Sprint(scan.Unseen), simulator.ClientSecret) {
					t.Fatalf("%s: the secret is in the record", operation)
				}
			}
			if befallen == 0 {
				t.Error("the fault befell no call")
			}
			if r.trapped.Load() > 0 {
				t.Fatal("a request left for another host")
			}
		})
	}
}

// operations are those that a scan without faults needs.
func (r *rig) operations() []string {
	r.t.Helper()
	r.scan()
	var names []string
	for name := range r.adobe.Ledger().Counts() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
