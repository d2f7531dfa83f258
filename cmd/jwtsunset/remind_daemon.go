package main

import (
	"context"
	"fmt"
	"time"

	"jwtsunset/config"
	"jwtsunset/notify"
)

const (
	remindJob  = "remind"
	digestJob  = "digest"
	deliverJob = "deliver"
	// deliverEvery is how often messages are sent that are queued: those that waited for the hours of their recipient or
	// for a sink that failed.
	deliverEvery = "@every 1m"
	// remindTimeout bounds a run without its sending, which takes as long as the rate limits make it.
	remindTimeout = time.Hour
	// publishEvery is how often metrics follow a delivery that goes on.
	publishEvery = time.Minute
	// freshScan is how old what is known of Adobe may be when reminders are planned; beyond it a scan goes first.
	freshScan = 30 * time.Minute
)

// reminderJobs are the jobs of a configuration that reminds.
func (d *daemon) reminderJobs(cfg *config.Config) []job {
	if !cfg.Reminds() {
		return nil
	}
	return []job{
		{name: remindJob, spec: cfg.Schedule.Remind, timeout: remindTimeout, jitter: cfg.Schedule.Jitter, run: d.remind},
		{name: digestJob, spec: cfg.Schedule.Digest, timeout: remindTimeout, run: d.digest},
		{name: deliverJob, spec: deliverEvery, run: d.deliver},
	}
}

// applyReminders builds what reminds under a configuration; nil where it asks for none.
func (d *daemon) applyReminders(cfg *config.Config) (*reminders, error) {
	if !cfg.Reminds() {
		return nil, nil //nolint:nilnil // nothing reminds
	}
	return newReminders(cfg, d.store, d.clock, d.log, observed{d.metrics})
}

func (d *daemon) currentReminders() *reminders {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.reminders
}

// remind plans reminders from what a scan has just seen, and leaves the sending to deliver.
func (d *daemon) remind(ctx context.Context) error {
	r := d.currentReminders()
	if r == nil {
		return nil
	}
	if err := d.hold(ctx); err != nil {
		return fmt.Errorf("no reminders were planned: %w", err)
	}
	d.scanIfOld(ctx, r)
	plan, err := r.plan(ctx)
	if err == nil {
		d.log.Info("reminders planned", "examined", plan.Run.Examined, "queued", plan.Run.Queued,
			"skipped", plan.Run.Skipped, "waiting", plan.Run.Waiting)
	}
	d.publishReminders(ctx)
	d.wake()
	return err
}

// scanIfOld lets a scan go first, so that nobody is told of what was done this morning. If it fails, what is on record
// has to do: reminders.evidence_age bounds how old that may be.
func (d *daemon) scanIfOld(ctx context.Context, r *reminders) {
	for _, org := range r.cfg.Organizations {
		started, err := d.store.LastStarted(ctx, org.Name)
		if err != nil || d.clock().Sub(started) > freshScan {
			d.jobs.runNow(ctx, scanJob)
			return
		}
	}
}

// digest queues the digest of the week.
func (d *daemon) digest(ctx context.Context) error {
	r := d.currentReminders()
	if r == nil {
		return nil
	}
	if err := d.hold(ctx); err != nil {
		return fmt.Errorf("no digest was queued: %w", err)
	}
	queued, err := r.queueDigest(ctx)
	if err == nil && !queued {
		d.log.Warn("there is no channel for the weekly digest", "next", "set slack.channel")
	}
	d.wake()
	return err
}

// deliver sends what is due. Recipients who turn out to be unreachable make it plan anew.
func (d *daemon) deliver(ctx context.Context) error {
	r := d.currentReminders()
	if r == nil {
		return nil
	}
	if err := d.hold(ctx); err != nil {
		return fmt.Errorf("nothing was sent: %w", err)
	}
	published := d.clock()
	done, err := r.courier.Deliver(ctx, func(notify.Delivered) {
		if now := d.clock(); now.Sub(published) >= publishEvery {
			published = now
			d.publishReminders(ctx)
		}
	})
	if err == nil && done.Refused {
		_, err = r.plan(ctx)
		d.wake()
	}
	if done != (notify.Delivered{}) {
		d.publishReminders(ctx)
		d.log.Info("messages sent", "sent", done.Sent, "failed", done.Failed, "dropped", done.Dropped,
			"put_off", done.PutOff, "updated", done.Updated)
	}
	return err
}

// wake lets deliver run at once, unless it runs already.
func (d *daemon) wake() { go d.jobs.runNow(context.Background(), deliverJob) }

// hold makes sure that no other process works on the store.
func (d *daemon) hold(ctx context.Context) error {
	if d.lock == nil {
		return nil
	}
	return d.lock.Hold(ctx)
}

// missedReminders makes up for a run that should have taken place while the daemon was not there.
func (d *daemon) missedReminders(ctx context.Context) {
	r := d.currentReminders()
	if r == nil {
		return
	}
	last, err := d.store.LastRun(ctx)
	if err != nil {
		d.log.Error("missed reminders are left to the schedule", "error", err)
		return
	}
	schedule, err := parseSchedule(r.cfg.Schedule.Remind, r.cfg.Schedule.TimeZone, d.clock())
	if err != nil || last.Started.IsZero() {
		return // the first run ever is the schedule's, so that a new installation can be looked at before it speaks
	}
	if next := schedule.Next(last.Started); !next.IsZero() && next.Before(d.clock()) {
		d.log.Info("a run of reminders was missed and is made up for", "due", next)
		d.jobs.runNow(ctx, remindJob)
	}
}
