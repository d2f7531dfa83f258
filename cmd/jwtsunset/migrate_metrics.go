package main

import (
	"context"
	"time"

	"jwtsunset/approval"
	"jwtsunset/config"
	"jwtsunset/migrator"
)

const (
	// migrationMetricsJob shows what commands, other replicas and the passing of time have changed.
	migrationMetricsJob     = "migration-metrics"
	migrationMetricsEvery   = "@every 1m"
	migrationMetricsTimeout = 10 * time.Minute
	// causeOff is why nothing starts where the configuration does not migrate; the other causes are holds.
	causeOff = "off"
)

// publishMigrations shows how requests and migrations stand. It asks nobody outside. What cannot be read stays as it is
// shown.
func (d *daemon) publishMigrations(ctx context.Context) {
	if err := d.showMigrations(ctx); err != nil && ctx.Err() == nil {
		d.log.Error("the metrics of migrations are not up to date", "error", err)
	}
}

func (d *daemon) showMigrations(ctx context.Context) error {
	d.book.mu.Lock() // also keeps what was read before from being shown after what was read later
	defer d.book.mu.Unlock()
	if err := d.book.follow(ctx); err != nil {
		return err
	}
	line, err := d.store.Line(ctx)
	if err != nil {
		return err
	}
	cfg, _ := d.current()
	now := d.clock()
	x := d.book.view(now)
	x.Leader = holds(&line, now)
	if x.Paused, err = pauses(ctx, cfg, &line, x.InFlight, now); err != nil {
		return err
	}
	x.Paused[string(migrator.HoldCanary)] = cfg.Migrator.Canary && d.book.awaitsCanary(&line, now)
	d.metrics.PublishMigrations(x)
	return nil
}

// holds tells whether this process has the line.
func holds(l *approval.Line, now time.Time) bool {
	return l.Lease.Holder == thisProcess().Process && now.Before(l.Lease.Until)
}

// pauses are the causes that keep this process from starting anything now. Several may hold at once.
func pauses(
	ctx context.Context, cfg *config.Config, l *approval.Line, inFlight bool, now time.Time,
) (map[string]bool, error) {
	rules := migratorRules(cfg)
	unclocked := *l
	paused := map[migrator.Hold]bool{
		causeOff:          !cfg.Migrator.Enabled,
		migrator.HoldBusy: inFlight,
		migrator.HoldLease: now.Before(l.Lease.Quiet) ||
			l.Lease.Holder != "" && now.Before(l.Lease.Until) && !holds(l, now),
		migrator.HoldClock:  unclocked.CheckClock(now) != nil,
		migrator.HoldFrozen: l.Frozen != nil, migrator.HoldStopped: l.Stopped != "",
	}
	// Rules tell only the first of the holds that there are, so each is asked for with what the others rest on left out.
	for hold, alone := range map[migrator.Hold]struct {
		line  approval.Line
		rules migrator.Rules
	}{
		migrator.HoldAsked:  {line: approval.Line{NotBefore: l.NotBefore}},
		migrator.HoldPause:  {approval.Line{LastEnd: l.LastEnd}, migrator.Rules{Pause: rules.Pause}},
		migrator.HoldDaily:  {approval.Line{Starts: l.Starts}, migrator.Rules{Daily: rules.Daily}},
		migrator.HoldWindow: {rules: migrator.Rules{Windows: rules.Windows, Closed: rules.Closed, Zone: rules.Zone}},
	} {
		got, err := heldOn(ctx, alone.line, alone.rules, now)
		if err != nil {
			return nil, err
		}
		paused[hold] = got == hold
	}
	named := map[string]bool{}
	for hold, is := range paused {
		named[string(hold)] = is
	}
	return named, nil
}

// heldOn asks the engine itself what would hold an approved migration on some line.
func heldOn(ctx context.Context, l approval.Line, r migrator.Rules, now time.Time) (migrator.Hold, error) {
	waiting := migrator.Migration{Request: approval.Request{ID: "waiting", State: approval.StateApproved}}
	e := &migrator.Engine{
		Ledger: migrator.NewRehearsal(l, waiting), Rules: &r, Clock: func() time.Time { return now },
	}
	hold, _, err := e.Held(ctx)
	return hold, err
}

// migrationSeen is told of every state that a migration of this process comes into.
func (d *daemon) migrationSeen(m migrator.Migration) {
	if m.State.Busy() {
		d.book.undertaken = m.ID
		if m.State == approval.StateStarting {
			go d.jobs.runNow(context.Background(), migrationMetricsJob) // what goes on does not wait for it
		}
		return
	}
	if took, ok := duration(&m); ok && d.book.undertaken == m.ID {
		d.metrics.MigrationTook(took)
	}
	d.book.undertaken = ""
}

// duration is how long a migration took whose start the program sent and which was read back as done.
func duration(m *migrator.Migration) (time.Duration, bool) {
	a := m.Last()
	if m.State != approval.StateMigrated || m.Proof != migrator.ProofRead || m.Origin != migrator.OriginOurs ||
		m.Method == approval.MethodGuided || a == nil || a.Sending.IsZero() {
		return 0, false
	}
	return a.Ended.Sub(a.Sending), true
}
