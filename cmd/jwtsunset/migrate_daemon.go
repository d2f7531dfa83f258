package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"jwtsunset/config"
	"jwtsunset/migrator"
)

const (
	migrateJob = "migrate"
	// migrateEvery is how often a run begins that looks at the line every few seconds until shortly before the next one.
	migrateEvery = "@every 1m"
	lookEvery    = 3 * time.Second
	lookFor      = 55 * time.Second
	// migrateGrace is what a stop waits beyond the longest time of one start, to record how it ended.
	migrateGrace = 30 * time.Second
)

// migrateJobs are the jobs that migrations need. Requests are shown also where nothing migrates.
func (d *daemon) migrateJobs(cfg *config.Config) []job {
	jobs := []job{{
		name: migrationMetricsJob, spec: migrationMetricsEvery, timeout: migrationMetricsTimeout, run: d.showMigrations,
	}}
	if cfg.Migrator.Enabled {
		jobs = append(jobs, job{name: migrateJob, spec: migrateEvery, run: d.migrate})
	}
	return append(jobs, d.tellJobs(cfg)...)
}

// applyMigrations builds what migrates under a configuration; nil where it asks for none.
func (d *daemon) applyMigrations(cfg *config.Config) (*migrations, error) {
	if !cfg.Migrator.Enabled {
		return nil, nil //nolint:nilnil // nothing migrates
	}
	return newMigrations(cfg, d.store, d.clock, d.log, d.observe, d.store.OneMachine())
}

// migrate looks at the line for about a minute, and does what there is to do on it. It ends when the daemon stops, but
// not before a start that was sent has been answered and that is on record. Runs do not overlap.
func (d *daemon) migrate(ctx context.Context) error {
	d.line.Lock()
	defer d.line.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(d.stopping, cancel)()
	for began := time.Now(); ; {
		worked, err := d.tick(ctx)
		switch {
		case ctx.Err() != nil:
			return nil // told to stop: what is open is on record
		case err != nil:
			return err
		case worked:
			continue
		case time.Since(began) > lookFor || sleep(ctx, lookEvery) != nil:
			return nil
		}
	}
}

// tick does the next thing on the line.
func (d *daemon) tick(ctx context.Context) (worked bool, err error) {
	m := d.currentMigrations()
	if m == nil {
		return false, nil
	}
	if err := d.hold(ctx); err != nil {
		return false, fmt.Errorf("nothing was migrated: %w", err)
	}
	m.engine.Adopt(d.engine)
	d.engine, m.engine.Observe = m.engine, d.migrationSeen
	worked, err = m.engine.Tick(ctx)
	if worked {
		d.tellSoon()
		d.publishMigrations(ctx)
	}
	if errors.Is(err, migrator.ErrNotLeader) {
		return false, nil // another replica works on the line
	}
	return worked, err
}

func (d *daemon) currentMigrations() *migrations {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.migrations
}

// releaseLine gives the lease back when the daemon stops, if nothing of the line is under way any more.
func (d *daemon) releaseLine(ctx context.Context) error {
	if !d.line.TryLock() {
		return nil
	}
	defer d.line.Unlock()
	if d.engine == nil {
		return nil
	}
	return d.engine.Release(ctx)
}

// stopTime is how long a stop waits for jobs to end by themselves.
func (d *daemon) stopTime() time.Duration {
	cfg, _ := d.current()
	if d.line.TryLock() {
		d.line.Unlock()
		return stopGrace
	}
	return max(stopGrace, cfg.Migrator.Timeout+migrateGrace)
}
