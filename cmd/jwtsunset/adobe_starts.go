package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"jwtsunset/adobe"
	"jwtsunset/config"
	"jwtsunset/credential"
	"jwtsunset/migrator"
)

// migrators makes the clients that can migrate, by organization; none while the configuration does not migrate. They
// have a credential of their own where the configuration names one, so that the one that scans need not be able to.
func migrators(
	cfg *config.Config, clock func() time.Time, log *slog.Logger, observe func(adobe.Call),
) (map[string]*adobe.Migrator, error) {
	all := map[string]*adobe.Migrator{}
	if !cfg.Migrator.Enabled {
		return all, nil
	}
	for _, org := range cfg.Organizations {
		o, err := clientOptions(cfg, org, clock, log, observe)
		if err != nil {
			return nil, err
		}
		o.Scopes = cfg.Migrator.Scopes
		if source, ok := cfg.Migrator.ClientSecret(); ok {
			o.ClientID, o.ClientSecret, o.UserToken = cfg.Migrator.ClientID, source.Read, nil
		}
		c, err := adobe.NewMigrator(adobe.MigratorOptions{
			Options: o, OneShotURL: originOf(cfg.Migrator.OneShot.URL), StartTimeout: cfg.Migrator.Timeout,
		})
		if err != nil {
			return nil, fmt.Errorf("organization %s: migrator: %w", org.Name, err)
		}
		all[org.Name] = c
	}
	return all, nil
}

// consoleCalls are the Developer Console's calls, by organization.
type consoleCalls struct {
	migrators map[string]*adobe.Migrator
	clock     func() time.Time
}

var _ migrator.ConsoleCalls = (*consoleCalls)(nil)

func (x *consoleCalls) Bind(ctx context.Context, c credential.Credential, s migrator.Start) migrator.Answer {
	return x.start(ctx, "bind", c, s, (*adobe.Migrator).Bind)
}

func (x *consoleCalls) Finalize(ctx context.Context, c credential.Credential, s migrator.Start) migrator.Answer {
	return x.start(ctx, "finalize", c, s, (*adobe.Migrator).Finalize)
}

func (x *consoleCalls) CancelBinding(ctx context.Context, c credential.Credential, s migrator.Start) migrator.Answer {
	return x.start(ctx, "cancel", c, s, (*adobe.Migrator).CancelBinding)
}

// start sends one start, about the integration whose technical account is the credential's.
func (x *consoleCalls) start(
	ctx context.Context, operation string, c credential.Credential, s migrator.Start,
	send func(m *adobe.Migrator, ctx context.Context, org, id string, s adobe.Start) adobe.Answer,
) migrator.Answer {
	m := x.migrators[c.Organization]
	if m == nil {
		return migrator.Answer{Outcome: migrator.OutcomeNotSent, Err: errNoMigrator}
	}
	org, err := m.OrganizationID(ctx)
	if err != nil {
		return migrator.Answer{Outcome: migrator.OutcomeNotSent, Err: err}
	}
	return answerOf(operation, send(m, ctx, org, c.Console.IntegrationID, adobe.Start{
		RequestID: s.RequestID, BeforeSend: s.Before,
	}))
}

func (x *consoleCalls) ProveOAuth(ctx context.Context, c credential.Credential) (migrator.Call, error) {
	call := migrator.Call{Operation: migrator.OperationProve, At: x.clock().UTC()}
	m := x.migrators[c.Organization]
	if m == nil {
		return call, errNoMigrator
	}
	org, err := m.OrganizationID(ctx)
	var proof adobe.Proof
	if err == nil {
		proof, err = m.ProveOAuth(ctx, org, c.Console.IntegrationID)
	}
	call.Took, call.RequestID, call.Error = x.clock().Sub(call.At), proof.RequestID, text(err)
	return call, err
}

// answerOf is an answer as package migrator has it.
func answerOf(operation string, a adobe.Answer) migrator.Answer {
	return migrator.Answer{
		Outcome: outcomes[a.Outcome], Wait: a.RetryAfter, Err: a.Err,
		Call: migrator.Call{
			Operation: operation, At: a.At.UTC(), Took: a.Took, Status: a.Status, RequestID: a.RequestID, Length: a.Length,
			SHA256: a.SHA256, Error: text(a.Err),
		},
	}
}

// outcomes are the words of the two packages; what is not among them is unknown.
var outcomes = map[adobe.Outcome]migrator.Outcome{
	adobe.NotSent: migrator.OutcomeNotSent, adobe.Refused: migrator.OutcomeRefused, adobe.Already: migrator.OutcomeAlready,
	adobe.Accepted: migrator.OutcomeAccepted, adobe.Unknown: migrator.OutcomeUnknown,
}

// oneShot is the endpoint that the operator has configured.
type oneShot struct {
	cfg       *config.Config
	migrators map[string]*adobe.Migrator
	clock     func() time.Time
}

var _ migrator.OneShotCalls = (*oneShot)(nil)

// Migrate implements migrator.OneShotCalls.
func (x *oneShot) Migrate(ctx context.Context, c credential.Credential, s migrator.Start) migrator.Answer {
	m := x.migrators[c.Organization]
	if m == nil {
		return migrator.Answer{Outcome: migrator.OutcomeNotSent, Err: errNoMigrator}
	}
	shot := x.cfg.Migrator.OneShot
	return answerOf("migrate", m.OneShot(ctx, adobe.OneShot{
		Method: shot.Method, URLTemplate: shot.URL, Body: shot.Body, Success: adobe.Success{
			Statuses: shot.Success.Statuses, Member: shot.Success.Member, Values: shot.Success.Values,
		},
	}, c.ID, firstSandbox(c), adobe.Start{RequestID: s.RequestID, BeforeSend: s.Before}))
}

func firstSandbox(c credential.Credential) string {
	if len(c.Sandboxes) == 0 {
		return ""
	}
	return c.Sandboxes[0]
}

// Status implements migrator.OneShotCalls.
func (x *oneShot) Status(
	ctx context.Context, c credential.Credential,
) (t migrator.Truth, call migrator.Call, ok bool, err error) {
	status := x.cfg.Migrator.OneShot.Status
	m := x.migrators[c.Organization]
	if status.URL == "" || m == nil || c.Kind != credential.QueryService {
		return "", call, false, nil
	}
	call = migrator.Call{Operation: "status", At: x.clock().UTC()}
	state, err := m.OneShotStatus(ctx, adobe.OneShotStatus{
		URLTemplate: status.URL, Member: status.Member, Eligible: status.Eligible, Migrated: status.Migrated,
		AccountMember: status.AccountMember,
	}, c.ID, firstSandbox(c))
	call.Took, call.Error = x.clock().Sub(call.At), text(err)
	switch {
	case err != nil:
		return migrator.TruthUnread, call, true, err
	case state == adobe.OneShotMigrated:
		return migrator.TruthMigrated, call, true, nil
	case state == adobe.OneShotEligible:
		return migrator.TruthJWT, call, true, nil
	default:
		return migrator.TruthUnread, call, true, nil
	}
}
