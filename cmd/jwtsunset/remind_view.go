package main

import (
	"context"

	"jwtsunset/metrics"
	"jwtsunset/notify"
	"jwtsunset/notify/slack"
	"jwtsunset/notify/webhook"
)

// view is how reminders stand, for the metrics. It asks nobody outside.
func (r *reminders) view(ctx context.Context) (*metrics.Reminders, error) {
	s, err := r.state(ctx)
	if err != nil {
		return nil, err
	}
	last, err := r.store.LastRun(ctx)
	if err != nil {
		return nil, err
	}
	overview := r.policy.Overview(s, notify.Remembered(ctx, r.store))
	view := &metrics.Reminders{
		LastRun: last.Finished, OldestDue: overview.OldestDue,
		Queued: map[string]int{}, Standings: map[string]map[string]metrics.Standing{},
	}
	for _, o := range s.Outbox {
		view.Queued[string(o.To.Sink)]++
		if view.OldestQueued.IsZero() || o.Created.Before(view.OldestQueued) {
			view.OldestQueued = o.Created
		}
	}
	for _, o := range s.Organizations {
		view.Standings[o.Name] = map[string]metrics.Standing{}
	}
	for _, x := range overview.Open {
		view.Standings[x.Examination.Organization][x.Examination.Credential] = standing(x)
	}
	return view, nil
}

func standing(x notify.Standpoint) metrics.Standing {
	e := x.Examination
	s := metrics.Standing{
		Contact: string(e.Contact), OwnerUnknown: !x.Unsure && !e.Source.Known(), Silent: x.Silent, Answer: string(x.Answer),
		PromiseBroken: x.Broken,
	}
	if e.Decision == notify.DecisionWait {
		s.Waiting = string(e.Reason)
	}
	return s
}

// notificationOptions are the words that the metrics of a configuration's reminders can have.
func notificationOptions(r *reminders, o metrics.Options) metrics.Options {
	if r == nil {
		return o
	}
	for _, kind := range notify.Kinds() {
		o.Kinds = append(o.Kinds, string(kind))
	}
	o.SuppressReasons = []string{string(notify.ReasonSettled)}
	if r.policy.Sinks[notify.SinkSlack] {
		o.SlackCodes = slack.Reasons()
		o.Sinks = append(o.Sinks, metrics.Sink{Name: string(notify.SinkSlack), FailureReasons: slack.Reasons()})
	}
	if r.policy.Sinks[notify.SinkWebhook] {
		o.Sinks = append(o.Sinks, metrics.Sink{Name: string(notify.SinkWebhook), FailureReasons: webhook.Reasons()})
	}
	return o
}
