package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"jwtsunset/approval"
	"jwtsunset/audit"
	"jwtsunset/config"
	"jwtsunset/migrator"
	"jwtsunset/simulator"
	"jwtsunset/store"
)

// judgeHere makes the test binary the judge: a pretend Adobe in a process of its own, which survives those that are
// killed and has a synced record of every start. Its value is the folder for the records.
const judgeHere = "RUN_THE_JUDGE_IN"

// freshPath makes the judge begin a new organization, with a record of its own.
const freshPath = "/judge/fresh"

// judge serves one organization after the other on one address.
type judge struct {
	folder string
	mu     sync.Mutex
	n      int
	adobe  *simulator.Simulator
}

func judgeAsProcess(folder string) int {
	fmt.Println(httptest.NewServer(&judge{folder: folder}).URL)
	select {} // until it is killed
}

func (j *judge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	j.mu.Lock()
	if r.URL.Path == freshPath {
		j.begin()
		_, _ = io.WriteString(w, "{}")
		j.mu.Unlock()
		return
	}
	adobe := j.adobe
	j.mu.Unlock()
	adobe.ServeHTTP(w, r)
}

func (j *judge) begin() {
	j.n++
	adobe, err := simulator.New(simulator.Options{
		Scenario: "small", Seed: 1, MigrationTime: new(10 * time.Millisecond), ConsoleTime: 5 * time.Millisecond,
		StartsFile: filepath.Join(j.folder, fmt.Sprintf("starts-%d", j.n)), LedgerSize: 10,
	})
	if err != nil {
		panic(err)
	}
	if j.adobe != nil {
		_ = j.adobe.Close() // its record is on the disk
	}
	j.adobe = adobe
}

// proceedings are what the judge knows of the starts.
type proceedings struct {
	Starts []simulator.Start `json:"starts"`
	simulator.StartCounts
	Error string `json:"starts_error"`
}

// promise is what people were told: the requests, and those of them that were approved.
type promise struct{ requested, approved []string }

// hear takes what a process printed.
func (p *promise) hear(output string) {
	for line := range strings.Lines(output) {
		word, id, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch word {
		case wordRequested:
			p.requested = append(p.requested, id)
		case wordApproved:
			p.approved = append(p.approved, id)
		}
	}
}

// evidence is all that a run has left behind.
type evidence struct {
	proceedings
	truth      simulator.TrueCredential
	migrations []migrator.Migration
	open       []migrator.Migration
	entries    []entryFacts
	// news are the keys of the messages that people are sent.
	news map[string]bool
}

// entryFacts is what an entry of the audit log says of a migration.
type entryFacts struct {
	action, result, request, from, to, state string
}

// judgement is everything that is wrong with a run; nil is as it should be.
func (e *evidence) judgement(method approval.Method, p *promise) error {
	return errors.Join(e.starts(method), e.allowed(), e.kept(p), e.told(), e.announced(), e.finished())
}

// allowed sees that after a start that may have left no other was allowed without people.
func (e *evidence) allowed() (err error) {
	for _, m := range e.migrations {
		may := map[migrator.Phase]*migrator.Attempt{}
		for i := range m.Attempts {
			a := &m.Attempts[i]
			if a.Sending.IsZero() || a.Outcome == migrator.OutcomeNotSent {
				continue
			}
			if before := may[a.Phase]; before != nil && !approvedBetween(&m, before.Ended, a.Began) {
				err = errors.Join(err, fmt.Errorf("request %s allowed %s and %s: both may have left", m.ID, before.ID, a.ID))
			}
			may[a.Phase] = a
		}
	}
	return err
}

// approvedBetween tells whether somebody has approved a migration after one time and not after another.
func approvedBetween(m *migrator.Migration, after, until time.Time) bool {
	return slices.ContainsFunc(slices.Concat(m.Past, m.Decisions), func(d approval.Decision) bool {
		return d.Kind == approval.DecisionApprove && !after.IsZero() && !d.At.Before(after) && !d.At.After(until)
	})
}

// operations are the starts of a whole migration by a method.
var operations = map[approval.Method][]string{
	approval.MethodQueryService: {"migrate"}, approval.MethodGuided: {"migrate"},
	approval.MethodConsole: {"binding-create", "finalize"},
}

var operationOf = map[migrator.Phase]string{
	migrator.PhaseMigrate: "migrate", migrator.PhaseBind: "binding-create", migrator.PhaseFinalize: "finalize",
}

// starts sees that no start came twice, that none came without a record, and that one approval led to one at most.
func (e *evidence) starts(method approval.Method) (err error) {
	if e.StartCounts != (simulator.StartCounts{}) || e.Error != "" {
		err = fmt.Errorf("the judge counts %+v (%s)", e.StartCounts, e.Error)
	}
	perRequest, accepted := map[string]int{}, []string{}
	for _, s := range e.Starts {
		if s.Accepted {
			accepted = append(accepted, s.Operation)
		}
		if method == approval.MethodGuided && s.RequestID == byHand {
			continue
		}
		m, a := e.attempt(s.RequestID)
		switch {
		case a == nil || a.Sending.IsZero() || operationOf[a.Phase] != s.Operation:
			err = errors.Join(err, fmt.Errorf("the start %+v has no record that allows it", s))
			continue
		case len(m.Decisions)+len(m.Past) == 0:
			err = errors.Join(err, fmt.Errorf("the start %+v has no approval", s))
		case a.Result != migrator.ResultMigrated && a.Result != migrator.ResultStaged:
			err = errors.Join(err, fmt.Errorf("the start %+v is on record as %s: %s", s, a.Result, a.Why))
		}
		perRequest[m.ID+" "+s.Operation]++
		if perRequest[m.ID+" "+s.Operation] > 1 {
			err = errors.Join(err, fmt.Errorf("one approval led to two starts, the second is %+v", s))
		}
	}
	if slices.Sort(accepted); !slices.Equal(accepted, operations[method]) {
		err = errors.Join(err, fmt.Errorf("the starts accepted are %v, want %v", accepted, operations[method]))
	}
	return err
}

// attempt finds the attempt with an id.
func (e *evidence) attempt(id string) (*migrator.Migration, *migrator.Attempt) {
	for i := range e.migrations {
		for j := range e.migrations[i].Attempts {
			if e.migrations[i].Attempts[j].ID == id {
				return &e.migrations[i], &e.migrations[i].Attempts[j]
			}
		}
	}
	return nil, nil
}

// kept sees that what people were told is on record.
func (e *evidence) kept(p *promise) (err error) {
	for _, id := range p.requested {
		if e.migration(id) == nil {
			err = errors.Join(err, fmt.Errorf("request %s is lost", id))
		}
	}
	for _, id := range p.approved {
		m := e.migration(id)
		if m == nil || !slices.ContainsFunc(slices.Concat(m.Past, m.Decisions), func(d approval.Decision) bool {
			return d.Kind == approval.DecisionApprove
		}) {
			err = errors.Join(err, fmt.Errorf("the approval of %s is lost", id))
		}
	}
	return err
}

func (e *evidence) migration(id string) *migrator.Migration {
	at := slices.IndexFunc(e.migrations, func(m migrator.Migration) bool { return m.ID == id })
	if at < 0 {
		return nil
	}
	return &e.migrations[at]
}

// told sees that the audit log tells of every state that a migration came into, one after the other.
func (e *evidence) told() (err error) {
	states := map[string]string{}
	for _, x := range e.entries {
		if x.result != string(audit.ResultOK) {
			continue
		}
		switch {
		case x.to != "":
			if states[x.request] != x.from {
				err = errors.Join(err, fmt.Errorf("an entry says that %s was %s, and the one before that it was %s",
					x.request, x.from, states[x.request]))
			}
			states[x.request] = x.to
		case x.state != "":
			states[x.request] = x.state
		}
	}
	for _, m := range e.migrations {
		if states[m.ID] != string(m.State) {
			err = errors.Join(err, fmt.Errorf("request %s is %s, and the audit log says %q", m.ID, m.State, states[m.ID]))
		}
	}
	return err
}

// announced sees that the end of each request is among the messages that people are sent.
func (e *evidence) announced() (err error) {
	for _, m := range e.migrations {
		key := "/" + m.ID + "/" + string(ended[m.State]) + "/"
		if !slices.ContainsFunc(slices.Collect(maps.Keys(e.news)), func(k string) bool { return strings.Contains(k, key) }) {
			err = errors.Join(err, fmt.Errorf("nobody is told that request %s is %s", m.ID, m.State))
		}
	}
	return err
}

// finished sees that nothing is left under way.
func (e *evidence) finished() (err error) {
	if len(e.open) > 0 {
		err = fmt.Errorf("%s is still %s", e.open[0].ID, e.open[0].State)
	}
	if n := len(e.migrations); n == 0 || e.migrations[0].State != approval.StateMigrated {
		err = errors.Join(err, fmt.Errorf("the last of %d requests is not migrated", n))
	}
	if e.truth.AuthType != "oauth" {
		err = errors.Join(err, fmt.Errorf("in truth the credential is on %q", e.truth.AuthType))
	}
	return err
}

// gather collects what a run has left, and verifies the store and its audit log.
func (l *life) gather(ctx context.Context) (e *evidence, err error) {
	e = &evidence{}
	if err := l.get(ctx, simulator.ControlPrefix+"ledger", &e.proceedings); err != nil {
		return nil, err
	}
	var truth simulator.Truth
	if err := l.get(ctx, simulator.ControlPrefix+"truth", &truth); err != nil {
		return nil, err
	}
	for _, c := range truth.Credentials {
		if c.TechnicalAccountID == l.Credential {
			e.truth = c
		}
	}
	var errorText strings.Builder
	a := &app{stdout: io.Discard, stderr: &errorText, clock: l.clock()}
	if code := a.run(ctx, []string{"audit", "verify", "-c", l.Config}); code != exitDone {
		return nil, fmt.Errorf("audit verify ends with %d: %s", code, &errorText)
	}
	a.configPath = l.Config
	return e, a.onRecord(ctx, func(_ *config.Config, s *store.Store) error { return e.read(ctx, s, l.Credential) })
}

func (e *evidence) read(ctx context.Context, s *store.Store, id string) (err error) {
	if e.migrations, err = s.MigrationsOf(ctx, "acme", id); err != nil {
		return err
	}
	if e.open, err = s.Migrations(ctx); err != nil {
		return err
	}
	if e.news, err = s.MessageKeys(ctx); err != nil {
		return err
	}
	if err := s.Check(ctx); err != nil {
		return err
	}
	return s.AuditLog(ctx, func(l audit.Log) error {
		for line, err := range l.Lines {
			if err != nil {
				return err
			}
			if err := e.readEntry(line); err != nil {
				return err
			}
		}
		return nil
	})
}

func (e *evidence) readEntry(line []byte) error {
	var x struct {
		Action string         `json:"action"`
		Result string         `json:"result"`
		Facts  map[string]any `json:"facts"`
	}
	if err := json.Unmarshal(line, &x); err != nil {
		return fmt.Errorf("%w: %s", err, line)
	}
	fact := func(name string) string { s, _ := x.Facts[name].(string); return s }
	if fact("request") != "" {
		e.entries = append(e.entries, entryFacts{
			x.Action, x.Result, fact("request"), fact("from"), fact("to"), fact("state"),
		})
	}
	return nil
}

func (l *life) get(ctx context.Context, path string, answer any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, l.Adobe+path, nil)
	if err != nil {
		return err
	}
	return ask(r, answer)
}
