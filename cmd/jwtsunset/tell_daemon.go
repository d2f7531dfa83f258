package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"jwtsunset/config"
	"jwtsunset/notify"
	"jwtsunset/store"
)

const (
	tellJob = "tell"
	// tellEvery is how often it is looked for what people are to be told about migrations.
	tellEvery = "@every 1m"
	// tellTimeout bounds it: people may have to be looked up.
	tellTimeout = 10 * time.Minute
	// queueTimeout is how long a command takes for it, which looks nobody up.
	queueTimeout = 10 * time.Second
)

// tellJobs are the jobs of a configuration that tells people about migrations.
func (d *daemon) tellJobs(cfg *config.Config) []job {
	if !cfg.Reminds() {
		return nil
	}
	return []job{{name: tellJob, spec: tellEvery, timeout: tellTimeout, run: d.tellNews}}
}

// tellNews queues what people are to be told about migrations, and lets it be sent.
func (d *daemon) tellNews(ctx context.Context) error {
	r := d.currentReminders()
	if r == nil {
		return nil
	}
	if err := d.hold(ctx); err != nil {
		return fmt.Errorf("nobody was told about migrations: %w", err)
	}
	queued, err := r.tell(ctx, r.accounts.LookUp(ctx))
	if queued > 0 {
		d.log.Info("messages about migrations queued", "queued", queued)
		d.publishReminders(ctx)
		d.wake()
	}
	return err
}

// tellSoon lets tellNews run at once, unless it runs already.
func (d *daemon) tellSoon() { go d.jobs.runNow(context.Background(), tellJob) }

// queueNews queues what a command has changed, for serve or remind to send. It asks nobody outside: who is not known
// yet is left to them. What the command did is on record, whatever becomes of this.
func queueNews(ctx context.Context, cfg *config.Config, s *store.Store, clock func() time.Time, log *slog.Logger) {
	if !cfg.Reminds() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), queueTimeout)
	defer cancel()
	r, err := newReminders(cfg, s, clock, log, unobserved{})
	if err == nil {
		defer r.close()
		_, err = r.tell(ctx, notify.Remembered(ctx, s))
	}
	if err != nil {
		log.Warn("nobody is told yet; serve or the next run of remind does it", "error", err)
	}
}
