package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"jwtsunset/approval"
	"jwtsunset/migrator"
	"jwtsunset/report"
)

// migrateFlags are the flags of migrate.
type migrateFlags struct {
	yes    bool
	format string
}

func (a *app) migrateCommand() *cobra.Command {
	var f migrateFlags
	cmd := &cobra.Command{
		Use:   "migrate [ID]",
		Short: "Show what would be migrated now, or migrate what was approved",
		Long: `Show what would happen to everything that was approved, or to one request: each is read from Adobe and checked
by the code that migrates, and nothing is started or recorded. With --yes it is done: one at a time, each checked right
before, and read back after. What cannot be read back needs a person's attention and is never tried again by itself.

While serve runs with migrator.enabled it migrates by itself, and no other process can.

Exit code 0: nothing is left that could be done now. 4: something failed, needs attention or is held.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkFormat(f.format, report.FormatTable, report.FormatJSON); err != nil {
				return err
			}
			id := ""
			if len(args) > 0 {
				id = args[0]
			}
			return a.migrate(cmd.Context(), id, f)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.yes, "yes", false, "migrate; it cannot be undone")
	formatFlag(cmd, &f.format, report.FormatTable, report.FormatJSON)
	return a.configured(cmd)
}

func (a *app) migrate(ctx context.Context, id string, f migrateFlags) error {
	if !f.yes {
		return a.withMigrations(ctx, opening{}, true, func(m *migrations) error {
			if err := m.only(ctx, id); err != nil {
				return err
			}
			return a.dryMigrate(ctx, m, f.format)
		})
	}
	return a.withMigrations(ctx, opening{record: true}, true, func(m *migrations) (err error) {
		if !m.cfg.Migrator.Enabled {
			return hinted{errors.New("migrations are off"), "set migrator.enabled to true: see docs/migration.md"}
		}
		lock, err := m.store.Lock(ctx)
		if err != nil {
			return hinted{err, "serve migrates by itself while it runs"}
		}
		defer func() { err = errors.Join(err, lock.Release()) }()
		if err := m.only(ctx, id); err != nil {
			return err
		}
		return a.migrateAll(ctx, m, f.format)
	})
}

// only narrows the engine to one request.
func (m *migrations) only(ctx context.Context, id string) error {
	if id == "" {
		return nil
	}
	x, err := m.store.Migration(ctx, id)
	if err == nil {
		m.engine.Only = x.ID
	}
	return err
}

// dryRunRecord is what would happen to a migration, as JSON.
type dryRunRecord struct {
	Request    string `json:"request"`
	Credential string `json:"credential"`
	Name       string `json:"name"`
	Start      string `json:"start"`
	Hold       string `json:"hold"`
	Why        string `json:"why"`
}

// dryMigrate shows what would happen.
func (a *app) dryMigrate(ctx context.Context, m *migrations, format string) error {
	all, err := m.engine.DryRun(ctx)
	if err != nil {
		return err
	}
	records := []dryRunRecord{}
	g := grid{header: []string{"CREDENTIAL", "NAME", "WOULD START", "HELD BY", "WHY"}}
	for _, x := range all {
		if m.engine.Only != "" && x.Migration.ID != m.engine.Only {
			continue
		}
		name := first(x.Migration.Card.Fact(approval.FactName))
		records = append(records, dryRunRecord{
			Request: x.Migration.ID, Credential: x.Migration.Credential, Name: name, Start: string(x.Phase),
			Hold: string(x.Hold), Why: x.Why,
		})
		g.add(x.Migration.Credential, name, orDash(string(x.Phase)), orDash(string(x.Hold)), orDash(x.Why))
	}
	if format == report.FormatJSON {
		return a.writeJSON(map[string]any{"dry_run": true, "migrations": records})
	}
	if len(records) == 0 {
		_, err := fmt.Fprintln(a.stdout, "nothing is approved that could start")
		return err
	}
	if err := g.write(a.stdout); err != nil {
		return err
	}
	_, err = fmt.Fprintln(a.stdout, "\nthis was a dry run: nothing was started. To migrate: jwtsunset migrate --yes")
	return err
}

// migrateAll works on the line until nothing more can be done now.
func (a *app) migrateAll(ctx context.Context, m *migrations, format string) error {
	bystander := a.watchMigrations(m)
	err := m.work(ctx, func(why string) { bystander.bar.line("waiting, held by " + report.Clean(why)) })
	done := bystander.stop()
	if release := m.engine.Release(context.WithoutCancel(ctx)); err == nil {
		err = release
	}
	if err != nil {
		return err
	}
	records := []migrationRecord{}
	g := grid{header: []string{"CREDENTIAL", "NAME", "STATE", "WHY"}}
	for _, x := range done {
		records = append(records, migrationRecordOf(x))
		g.add(x.Credential, first(x.Card.Fact(approval.FactName)), string(x.State), orDash(x.Why))
		if x.State == approval.StateFailed || x.State == approval.StateNeedsAttention || x.State == approval.StateStale {
			a.result = exitPartial
		}
	}
	hold, why, err := m.engine.Held(ctx)
	if err != nil {
		return err
	}
	if hold != "" {
		a.result = exitPartial
	}
	if format == report.FormatJSON {
		return a.writeJSON(map[string]any{"migrations": records, "hold": string(hold), "why": why})
	}
	if hold != "" {
		if _, err := fmt.Fprintf(a.stdout, "held by %s: %s\n", hold, report.Clean(why)); err != nil {
			return err
		}
	}
	if len(g.rows) == 0 {
		_, err := fmt.Fprintln(a.stdout, "nothing was migrated")
		return err
	}
	return g.write(a.stdout)
}

// longestPause is how long a command waits for the pause between two migrations, and for another process to give the
// line up; what takes longer is left to serve.
const longestPause = 10 * time.Minute

// work does what can be done now, and waits for what is under way, for the pause between two migrations, and until
// whoever held the line before is sure to start nothing. say is told why it waits.
func (m *migrations) work(ctx context.Context, say func(why string)) error {
	said, patience := "", m.clock().Add(longestPause)
	for ctx.Err() == nil {
		worked, err := m.engine.Tick(ctx)
		if worked && err == nil {
			continue
		}
		wait, why := false, ""
		switch {
		case err == nil:
			wait, why, err = m.mustWait(ctx)
		case errors.Is(err, migrator.ErrNotLeader) && m.clock().Before(patience):
			wait, why, err = true, "lease: another process held the line a moment ago, and may still live", nil
		}
		if err != nil || !wait {
			return err
		}
		if why != "" && why != said {
			say(why)
			said = why
		}
		if m.engine.Sleep(ctx, time.Second) != nil {
			return nil //nolint:nilerr // told to stop: what is open is on record
		}
	}
	return ctx.Err()
}

// mustWait tells whether something is under way that will be known soon, or what holds the line is over soon, and why.
func (m *migrations) mustWait(ctx context.Context) (wait bool, why string, err error) {
	open, err := m.store.Migrations(ctx)
	if err != nil {
		return false, "", err
	}
	for _, x := range open {
		if x.State.Busy() && x.Method != approval.MethodGuided {
			return true, "", nil
		}
	}
	hold, why, err := m.engine.Held(ctx)
	wait = hold == migrator.HoldLease || hold == migrator.HoldPause && m.cfg.Migrator.Pause <= longestPause
	return wait, string(hold) + ": " + why, err
}

// bystander follows an engine and shows how far it is.
type bystander struct {
	clock func() time.Time
	bar   *progress
	end   chan struct{}
	ended sync.WaitGroup

	mu      sync.Mutex
	order   []string
	last    map[string]migrator.Migration
	current string
}

// usualTime is what Adobe's page says a migration takes at most.
const usualTime = 10 * time.Second

// watchMigrations shows what is under way until stop is called.
func (a *app) watchMigrations(m *migrations) *bystander {
	_, isTerminal := terminal(a.stderr)
	b := &bystander{
		clock: a.clock, bar: newProgress(a.stderr, isTerminal), end: make(chan struct{}),
		last: map[string]migrator.Migration{},
	}
	m.engine.Observe = b.see
	b.ended.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				b.show()
			case <-b.end:
				return
			}
		}
	})
	return b
}

func (b *bystander) see(m migrator.Migration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, known := b.last[m.ID]; !known {
		b.order = append(b.order, m.ID)
	}
	b.last[m.ID], b.current = m, ""
	if m.State.Busy() {
		b.current = m.ID
	}
}

func (b *bystander) show() {
	b.mu.Lock()
	m, busy := b.last[b.current]
	b.mu.Unlock()
	if !busy || m.Last() == nil {
		return
	}
	gone := b.clock().Sub(m.Last().Began)
	b.bar.update(int(gone.Seconds()), max(int(gone.Seconds()), int(usualTime.Seconds())),
		"seconds, "+report.Clean(m.Credential)+" "+string(m.State))
}

// stop ends the showing and gives the migrations that were seen, in their order.
func (b *bystander) stop() []migrator.Migration {
	close(b.end)
	b.ended.Wait()
	b.bar.finish()
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []migrator.Migration
	for _, id := range b.order {
		all = append(all, b.last[id])
	}
	return all
}
