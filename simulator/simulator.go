// Package simulator is a pretend Adobe: the identity service (IMS), Experience Platform's sandboxes and Query Service
// accounts, and the Developer Console, as one http.Handler over one made-up organization.
//
// It answers as Adobe's documentation and Adobe's own open-source clients say that Adobe answers, is as strict about
// headers and tokens, and turns every point that Adobe does not document into a switch (see SwitchHelp). Scenarios
// choose the organization, a seed makes it the same one each time, and faults make chosen calls fail in chosen ways.
// What lies under /simulator/ is not Adobe's: it shows the truth and the ledger and takes faults and steps.
package simulator

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// The fixed points that a client needs to talk to a Simulator.
const (
	// ClientID and ClientSecret are the scanning credential's, accepted by the token endpoint.
	ClientID     = "demo-client"
	ClientSecret = "demo-secret"
	// IMSOrganization is the organization's id in headers, OrganizationID its id in paths of the Developer Console.
	IMSOrganization = "1A2B3C4D5E6F7A8B0A495C12@AdobeOrg"
	OrganizationID  = "234567"
	// CLIKey is the x-api-key of Adobe's own command line program; the Developer Console takes it with any token.
	CLIKey = "aio-cli-console-auth"
)

// Options choose what a Simulator pretends. The zero value is the scenario "small" with every switch at its default.
type Options struct {
	// Scenario is one of Scenarios; empty means "small".
	Scenario string
	// Seed decides every made-up id, name and time: the same seed makes the same organization.
	Seed uint64
	// Sandboxes and Accounts (per sandbox) size the scenarios "large" and "deep", and Accounts "shared-stamp"; zero
	// means the scenario's own size.
	Sandboxes, Accounts int
	// SharedStamp is how many neighbours share one created time in the scenario "shared-stamp"; zero means 3.
	SharedStamp int
	// PageSize is the number of accounts on a page; zero means 20, which Adobe documents for sibling lists only.
	PageSize int
	// Latency passes before each answer to a call of Adobe's.
	Latency time.Duration
	// Clock tells the time for tokens, uses and migrations; nil means time.Now. Times of creation come from the seed.
	Clock func() time.Time
	// TokenLifetime is how long tokens are good for; zero means 24 hours.
	TokenLifetime time.Duration
	// MigrationTime is how long a one-shot migration takes; nil means 8 to 10 seconds, drawn for each by the seed.
	MigrationTime *time.Duration
	// ConsoleTime is how long the Developer Console takes to start, cancel and finish a migration.
	ConsoleTime time.Duration
	// Settle is how long reads still tell of the time before a start took effect.
	Settle time.Duration
	// StartsFile keeps every start as lines of JSON, each on the disk before what it tells of happens or is answered.
	// A file that exists is continued, and what took effect in it stays in effect. Empty means no file.
	StartsFile string
	// Switches decide what Adobe leaves undocumented, by name; see SwitchHelp.
	Switches map[string]string
	// Faults are in force from the start; see SetFaults.
	Faults []Fault
	// LedgerSize bounds how many requests the ledger keeps in full; zero means 10,000. Counters have no bound.
	LedgerSize int
	// Logger receives one debug record for each request; nil discards them.
	Logger *slog.Logger
}

// Simulator is one pretend organization behind one http.Handler. It is safe for concurrent use.
type Simulator struct {
	options  Options
	switches map[string]string
	clock    func() time.Time
	logger   *slog.Logger
	routes   []route
	tokens   tokenStore
	faults   faultSet
	ledger   *Ledger
	serial   atomic.Uint64

	// mu guards org, churn and everything reachable from them.
	mu    sync.RWMutex
	org   *organization
	churn churn
}

// New builds the organization that o describes. It fails on an unknown scenario, switch, value or fault.
func New(o Options) (*Simulator, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	switches, err := completeSwitches(o.Switches)
	if err != nil {
		return nil, err
	}
	s := &Simulator{
		options: o, switches: switches, clock: o.Clock, logger: o.Logger,
		tokens: tokenStore{grants: map[string]grant{}}, ledger: newLedger(o.LedgerSize),
	}
	s.ledger.faults = &s.faults
	if err := s.SetFaults(o.Faults); err != nil {
		return nil, err
	}
	s.routes = routeTable()
	s.org = build(o, switches)
	s.churn = newChurn(o.Seed)
	if o.StartsFile != "" {
		if err := s.openStarts(o.StartsFile); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (o *Options) complete() error {
	if o.Scenario == "" {
		o.Scenario = "small"
	}
	if _, ok := builders[o.Scenario]; !ok {
		return fmt.Errorf("simulator: unknown scenario %q: choose one of %s", o.Scenario, scenarioNames())
	}
	if o.Sandboxes < 0 || o.Accounts < 0 || o.SharedStamp < 0 || o.PageSize < 0 || o.LedgerSize < 0 ||
		o.Latency < 0 || o.TokenLifetime < 0 || o.ConsoleTime < 0 || o.Settle < 0 ||
		o.MigrationTime != nil && *o.MigrationTime < 0 {
		return fmt.Errorf("simulator: sizes and durations must not be negative")
	}
	setDefault(&o.PageSize, 20)
	setDefault(&o.SharedStamp, 3)
	setDefault(&o.LedgerSize, 10_000)
	setDefault(&o.TokenLifetime, 24*time.Hour)
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}

func setDefault[T comparable](value *T, fallback T) {
	var zero T
	if *value == zero {
		*value = fallback
	}
}

// Ledger is the record of the requests received so far.
func (s *Simulator) Ledger() *Ledger { return s.ledger }

// ServeHTTP answers one request: as Adobe would, or as the fault that is due has it.
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.serveControl(w, r) {
		return
	}
	c, problem := s.newCall(r)
	entry := s.ledger.begin(c, s.clock())
	defer func() {
		s.ledger.end(entry, s.clock())
		s.logger.DebugContext(r.Context(), "simulated call", "operation", entry.Operation, "method", entry.Method,
			"path", entry.Path, "sandbox", entry.Sandbox, "status", entry.Status, "fault", entry.Fault)
	}()
	due := s.faults.due(c)
	entry.Fault = due.names()
	answer := s.takeIn(w, c, due, problem)
	defer c.answered(0)
	if c.start == nil || !c.start.Accepted {
		if err := wait(r.Context(), s.options.Latency+due.delay); err != nil {
			return
		}
	}
	s.deliver(w, c, entry, due, answer)
}

// takeIn reads the call and gives what will answer it: the problem that is known already, the work of a start, which
// has its delay in it, or the route's handler.
func (s *Simulator) takeIn(
	w http.ResponseWriter, c *call, due *dueFaults, problem func(*call) reply,
) func(*call) reply {
	if !due.unread() {
		if err := c.read(w); err != nil {
			return unreadable(err)
		}
	}
	switch {
	case problem != nil:
		return problem
	case c.route.start:
		return s.receive(c, due)
	}
	return s.answer
}

// answer runs the call's handler under the lock that its route asks for.
func (s *Simulator) answer(c *call) reply {
	if c.route.write {
		s.mu.Lock()
		defer s.mu.Unlock()
	} else {
		s.mu.RLock()
		defer s.mu.RUnlock()
	}
	if c.route.gate != nil {
		if refused := c.route.gate(c); refused != nil {
			return *refused
		}
	}
	return c.route.handle(c)
}

// wait lets d pass, or returns earlier with the context's error.
func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
