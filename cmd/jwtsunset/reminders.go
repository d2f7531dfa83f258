package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"jwtsunset/config"
	"jwtsunset/credential"
	"jwtsunset/notify"
	"jwtsunset/notify/slack"
	"jwtsunset/notify/webhook"
	"jwtsunset/store"
)

// reminders plans and sends reminders under one configuration. It is safe for concurrent use.
type reminders struct {
	cfg       *config.Config
	store     *store.Store
	clock     func() time.Time
	log       *slog.Logger
	policy    *notify.Policy
	templates *notify.Templates
	// slack is nil where no token is configured.
	slack    *slack.Client
	accounts *notify.Accounts
	courier  *notify.Courier
}

// observer is told what happens to messages and to requests; see metrics.
type observer interface {
	notify.Observer
	SlackCalled(method, code string, d time.Duration)
}

// newReminders builds everything that can be built without sending.
func newReminders(
	cfg *config.Config, s *store.Store, clock func() time.Time, log *slog.Logger, o observer,
) (*reminders, error) {
	r := &reminders{cfg: cfg, store: s, clock: clock, log: log, policy: reminderPolicy(cfg)}
	var err error
	if r.templates, err = templates(cfg); err != nil {
		return nil, err
	}
	sinks, err := r.sinks(o)
	if err != nil {
		return nil, err
	}
	r.accounts = &notify.Accounts{Memory: s, Clock: clock, Failed: func(f *notify.Failure) { r.lookUpFailed(f, o) }}
	if r.slack != nil {
		r.accounts.Directory = r.slack
	}
	r.courier = &notify.Courier{
		Ledger: s, Sinks: sinks, Policy: r.policy, LookUp: r.accounts.LookUp, Current: r.current, Digest: r.digestOf,
		Notice: r.noticeOf, Link: cfg.Reminders.PageURL, Clock: clock, Log: log, Observer: o,
	}
	return r, nil
}

// templates loads the words of messages.
func templates(cfg *config.Config) (*notify.Templates, error) {
	t, err := notify.LoadTemplates(cfg.Reminders.Templates)
	if err != nil {
		return nil, hinted{fmt.Errorf("reminders.templates: %w", err), "docs/messages.md describes templates"}
	}
	if language := notify.Language(cfg.Reminders.Language, ""); language == "" {
		return nil, hinted{fmt.Errorf("reminders.language: there is no language %q", cfg.Reminders.Language),
			"use " + joinOr(notify.Languages())}
	}
	return t, nil
}

// sinks makes the ways to reach people that are configured.
func (r *reminders) sinks(o observer) (map[notify.SinkName]notify.Sink, error) {
	sinks := map[notify.SinkName]notify.Sink{}
	if token, ok := r.cfg.Slack.Token(); ok {
		c, err := slack.New(slack.Options{
			Token: token.Read, APIURL: r.cfg.Slack.APIURL, Templates: r.templates, Clock: r.clock, Logger: r.log,
			Observe: o.SlackCalled,
		})
		if err != nil {
			return nil, err
		}
		r.slack = c
		sinks[notify.SinkSlack] = c
	}
	if r.cfg.Webhook.URL != "" {
		key, _ := r.cfg.Webhook.Secret()
		hook, err := webhook.New(webhook.Options{
			URL: r.cfg.Webhook.URL, Secret: key.Read, Source: r.cfg.Webhook.Source, Clock: r.clock,
			Templates: r.templates,
		})
		if err != nil {
			return nil, err
		}
		sinks[notify.SinkWebhook] = hook
	}
	return sinks, nil
}

// lookUpFailed says that people cannot be looked up, and so are not told.
func (r *reminders) lookUpFailed(f *notify.Failure, o observer) {
	level := slog.LevelWarn
	if f.Class == notify.Operator {
		level = slog.LevelError
		o.Reach(notify.SinkSlack, false)
	}
	r.log.Log(context.Background(), level, "people cannot be looked up, so their reminders wait", "class", f.Class,
		"reason", f.Reason, "next", f.Hint, "error", f)
}

// close gives back connections.
func (r *reminders) close() {
	if r.slack != nil {
		r.slack.Close()
	}
}

// reminderPolicy is the configuration in the form that counts.
func reminderPolicy(cfg *config.Config) *notify.Policy {
	c := cfg.Reminders
	p := &notify.Policy{
		Deadlines: deadlines(cfg), Windows: c.Windows, OverdueDays: int(c.OverdueEvery / (24 * time.Hour)),
		Hours: notify.Hours{From: c.Hours.From, To: c.Hours.To, Weekdays: map[time.Weekday]bool{}},
		Zone:  cfg.Schedule.TimeZone, MinGap: c.MinGap, EscalateAfter: c.EscalateAfter, RunLimit: c.RunLimit,
		EvidenceAge: c.EvidenceAge, Domains: cfg.Slack.Domains, Guests: cfg.Slack.Guests, Language: c.Language,
		Answers: notify.AnswerLimits{Snooze: c.SnoozeMax, Promise: c.PromiseMax, Snoozes: c.SnoozeCount},
		Owners:  owners{cfg.Owners()}, Sinks: map[notify.SinkName]bool{},
	}
	for _, day := range c.Weekdays {
		p.Hours.Weekdays[day] = true
	}
	if _, ok := cfg.Slack.Token(); ok {
		p.Sinks[notify.SinkSlack] = true
	}
	if cfg.Webhook.URL != "" {
		p.Sinks[notify.SinkWebhook] = true
	}
	p.Fallback = fallback(cfg)
	return p
}

// fallback is where everything goes that has no other recipient.
func fallback(cfg *config.Config) notify.Recipient {
	_, token := cfg.Slack.Token()
	switch {
	case token && cfg.Slack.Channel != "":
		return notify.Recipient{Sink: notify.SinkSlack, Kind: notify.ToChannel, ID: cfg.Slack.Channel}
	case !token && cfg.Webhook.URL != "":
		return notify.Recipient{Sink: notify.SinkWebhook, Kind: notify.ToEndpoint, ID: string(notify.SourceFallback)}
	}
	return notify.Recipient{}
}

// owners is the operator's list of owners, as package notify reads it.
type owners struct{ *config.Owners }

func (o owners) Owner(identity string) (notify.Target, bool) {
	return targetOf(o.Owners.Owner(identity))
}
func (o owners) Manager(identity string) (notify.Target, bool) {
	return targetOf(o.Owners.Manager(identity))
}
func (o owners) Sandbox(name string) (notify.Target, bool) { return targetOf(o.Owners.Sandbox(name)) }

func targetOf(r config.Rule, ok bool) (notify.Target, bool) {
	return notify.Target{
		User: r.User, Email: r.Email, Channel: r.Channel, Group: r.Group, Endpoint: r.Webhook, Language: r.Language,
	}, ok
}

// organizations reads all organizations of the configuration, without their histories.
func (r *reminders) organizations(ctx context.Context) ([]notify.Organization, error) {
	var all []notify.Organization
	for _, org := range r.cfg.Organizations {
		o := notify.Organization{Name: org.Name}
		last, err := lastScan(ctx, r.store, org.Name)
		if err != nil {
			return nil, err
		}
		if last != nil {
			o.Last = *last
		}
		if o.Credentials, err = r.store.Credentials(ctx, org.Name); err != nil {
			return nil, err
		}
		all = append(all, o)
	}
	return all, nil
}

// current reads a credential again, right before somebody is told of it.
func (r *reminders) current(ctx context.Context, organization, id string) (notify.Current, error) {
	c, err := r.store.Credential(ctx, organization, id)
	if errors.Is(err, store.ErrNotFound) {
		return notify.Current{Credential: credential.Credential{Organization: organization, ID: id}}, nil
	}
	if err != nil {
		return notify.Current{}, err
	}
	last, err := r.store.LastScan(ctx, organization)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return notify.Current{}, err
	}
	answers, err := r.store.Answers(ctx, organization, c.ID)
	return notify.Current{Credential: c, Known: true, Seen: c.SeenAt(last), Answers: answers}, err
}

// warm looks many owners up at once. Where that fails each is looked up by itself.
func (r *reminders) warm(ctx context.Context, a *notify.Accounts, organizations []notify.Organization) error {
	err := a.Warm(ctx, r.policy.Addresses(organizations))
	if f := (*notify.Failure)(nil); errors.As(err, &f) {
		r.log.Warn("the directory of people was not read as a whole", "reason", f.Reason, "next", f.Hint)
		return nil
	}
	return err
}

// state is all that a plan is made from, as it is now.
func (r *reminders) state(ctx context.Context) (notify.State, error) {
	organizations, err := r.organizations(ctx)
	if err != nil {
		return notify.State{}, err
	}
	return notify.ReadState(ctx, r.store, organizations, r.clock())
}

// plan decides what is due and queues it.
func (r *reminders) plan(ctx context.Context) (notify.Plan, error) {
	organizations, err := r.organizations(ctx)
	if err != nil {
		return notify.Plan{}, err
	}
	if err := r.warm(ctx, r.accounts, organizations); err != nil {
		return notify.Plan{}, err
	}
	return r.policy.Run(ctx, r.store, organizations, r.accounts.LookUp(ctx), r.clock)
}

// rounds is how often a run plans anew for recipients who turn out to be unreachable.
const rounds = 3

// run plans and sends. A recipient who turns out to be unreachable is passed over at once.
func (r *reminders) run(
	ctx context.Context, progress func(notify.Plan, notify.Delivered),
) (notify.Plan, notify.Delivered, error) {
	var first notify.Plan
	var total notify.Delivered
	for round := range rounds {
		plan, err := r.plan(ctx)
		if round == 0 {
			first = plan
		}
		if err != nil {
			return first, total, err
		}
		done, err := r.courier.Deliver(ctx, func(d notify.Delivered) { progress(plan, d) })
		total.Add(done)
		if err != nil || !done.Refused {
			return first, total, err
		}
	}
	return first, total, nil
}
