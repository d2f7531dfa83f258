package main

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"jwtsunset/approval"
	"jwtsunset/audit"
	"jwtsunset/migrator"
	"jwtsunset/simulator"
)

// aheadClock is the time of a command, which goes on while it sleeps and at no other time.
type aheadClock struct {
	from  time.Time
	ahead atomic.Int64
}

func (c *aheadClock) now() time.Time { return c.from.Add(time.Duration(c.ahead.Load())) }

func (c *aheadClock) sleep(ctx context.Context, d time.Duration) error {
	c.ahead.Add(int64(d))
	return ctx.Err()
}

// TestMigrateWaitsForTheLine migrates by the command where another process held the line that may still live. It waits
// for the end of its lease, and once more as long before it starts anything; but not for one that goes on.
func TestMigrateWaitsForTheLine(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		// until is when the other's lease ends, after the command began; other is who holds it then.
		until   time.Duration
		other   string
		renews  bool
		waits   time.Duration
		says    []string
		problem error
	}{
		"nobody held it":      {waits: 0},
		"a moment ago":        {until: -time.Second, other: "s-other", waits: lease, says: []string{"whoever held the line before"}},
		"still":               {until: lease / 2, other: "s-other", waits: lease/2 + lease, says: []string{"a moment ago", "whoever held"}},
		"by a clock far off":  {until: 100 * lease, other: "s-other", waits: 2 * lease, says: []string{"a moment ago", "whoever held"}},
		"and works on":        {until: lease, other: "s-other", renews: true, waits: longestPause, says: []string{"a moment ago"}, problem: migrator.ErrNotLeader},
		"who has given it up": {until: lease, waits: 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			p := newWaiting(t)
			clock := &aheadClock{from: time.Now()}
			a := &app{stdout: &stdout, stderr: &stderr, clock: clock.now, configPath: p.config}
			err := a.withMigrations(t.Context(), opening{record: true}, true, func(m *migrations) error {
				give := func() error {
					_, err := m.store.ChangeLine(t.Context(), func(l *approval.Line) (audit.Event, error) {
						l.Lease = approval.Lease{
							Holder: c.other, Host: "elsewhere", Boot: "b", Term: lease, Fence: l.Lease.Fence + 1,
							Until: clock.now().Add(c.until).UTC(),
						}
						return audit.Event{}, nil
					})
					return err
				}
				m.engine.Sleep = func(ctx context.Context, d time.Duration) error {
					if c.renews {
						if err := give(); err != nil {
							return err
						}
					}
					return clock.sleep(ctx, d)
				}
				return errors.Join(give(), a.migrateAll(t.Context(), m, "table"))
			})
			if !errors.Is(err, c.problem) || (err == nil) != (c.problem == nil) {
				t.Fatalf("it ends with %v, want %v", err, c.problem)
			}
			if migrated := len(p.adobe.Ledger().Starts()) == 1; migrated != (c.problem == nil) {
				t.Errorf("migrated: %t\n%s", migrated, &stdout)
			}
			if took := time.Duration(clock.ahead.Load()); took < c.waits || took > c.waits+5*time.Second {
				t.Errorf("it took %s, want %s and no more than some readings", took, c.waits)
			}
			if lines := slices.Collect(strings.Lines(stderr.String())); len(lines) != len(c.says) {
				t.Errorf("it says %q", lines)
			}
			for _, words := range c.says {
				if !strings.Contains(stderr.String(), "waiting, held by lease: ") || !strings.Contains(stderr.String(), words) {
					t.Errorf("it does not say %q:\n%s", words, &stderr)
				}
			}
		})
	}
}

// newWaiting is a place in which one migration is approved.
func newWaiting(t *testing.T) *place {
	t.Helper()
	p := newPlace(t, simulator.Options{Seed: 1, MigrationTime: new(time.Millisecond)})
	p.reconfigure(p.configuration(migratingConfig(p.server.URL, "false", "")))
	p.inside("scan")
	p.inside("thaw", "--new-installation", "--reason", "new")
	for _, c := range p.adobe.Truth().Credentials {
		if c.AuthType == "jwt" && !c.ReadOnly && slices.Equal(c.Sandboxes, []string{"prod"}) {
			p.inside("request", c.TechnicalAccountID)
			p.inside("approve", c.TechnicalAccountID, "--yes")
			break
		}
	}
	return p
}

// inside runs a command in the test's own process.
func (p *place) inside(args ...string) {
	p.t.Helper()
	var stdout, stderr bytes.Buffer
	a := &app{stdout: &stdout, stderr: &stderr, clock: time.Now}
	if code := a.run(p.t.Context(), append(args, "-c", p.config)); code == exitError {
		p.t.Fatalf("%v: %s", args, &stderr)
	}
}
