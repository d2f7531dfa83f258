package main

import (
	"context"
	"time"

	"jwtsunset/metrics"
	"jwtsunset/notify"
)

// observed tells the metrics what happens to messages.
type observed struct{ metrics *metrics.Metrics }

func (o observed) Sent(k notify.Kind, s notify.SinkName, late time.Duration) {
	o.metrics.NotificationSent(string(k), string(s), late)
}

func (o observed) Failed(k notify.Kind, s notify.SinkName, reason notify.Reason) {
	o.metrics.NotificationFailed(string(k), string(s), string(reason))
}

func (o observed) Suppressed(k notify.Kind, s notify.SinkName, reason notify.Reason) {
	o.metrics.NotificationSuppressed(string(k), string(s), string(reason))
}

func (o observed) SlackCalled(method, code string, d time.Duration) {
	o.metrics.SlackCalled(method, code, d)
}

func (o observed) Reach(s notify.SinkName, up bool) { o.metrics.ChannelUp(string(s), up) }

// unobserved is for commands, which export no metrics.
type unobserved struct{}

func (unobserved) Sent(notify.Kind, notify.SinkName, time.Duration)       {}
func (unobserved) Failed(notify.Kind, notify.SinkName, notify.Reason)     {}
func (unobserved) Suppressed(notify.Kind, notify.SinkName, notify.Reason) {}
func (unobserved) Reach(notify.SinkName, bool)                            {}
func (unobserved) SlackCalled(string, string, time.Duration)              {}

// publishReminders shows how reminders stand. It asks nobody outside.
func (d *daemon) publishReminders(ctx context.Context) {
	r := d.currentReminders()
	if r == nil {
		return
	}
	view, err := r.view(ctx)
	if err != nil {
		if ctx.Err() == nil {
			d.log.Error("the metrics of reminders are not up to date", "error", err)
		}
		return
	}
	d.metrics.PublishReminders(view)
}
