package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"jwtsunset/adobe"
	"jwtsunset/approval"
	"jwtsunset/audit"
	"jwtsunset/config"
	"jwtsunset/credential"
	"jwtsunset/migrator"
	"jwtsunset/store"
)

// migrations asks for, decides about and carries out migrations under one configuration.
type migrations struct {
	cfg    *config.Config
	store  *store.Store
	clock  func() time.Time
	log    *slog.Logger
	policy *approval.Policy
	gate   *approval.Gate
	desk   *migrator.Desk
	reader *adobeReader
	engine *migrator.Engine
	// own are the clients that were made for it, by organization.
	own map[string]*adobe.Migrator
}

// newMigrations builds everything that can be built without sending. alone tells that no other process of this machine
// can work on the store: whoever did is dead.
func newMigrations(
	cfg *config.Config, s *store.Store, clock func() time.Time, log *slog.Logger, observe func(adobe.Call), alone bool,
) (*migrations, error) {
	m := &migrations{cfg: cfg, store: s, clock: clock, log: log, policy: approvalPolicy(cfg)}
	m.gate = &approval.Gate{Ledger: s.Requests(), Policy: m.policy, Clock: clock}
	m.desk = &migrator.Desk{Ledger: s, Policy: m.policy, Clock: clock, Quarantine: cfg.Migrator.Quarantine}
	var err error
	if m.own, err = migrators(cfg, clock, log, observe); err != nil {
		return nil, err
	}
	if m.reader, err = newAdobeReader(cfg, s, m.own, clock, log, observe); err != nil {
		return nil, err
	}
	sender := thisProcess()
	m.engine = &migrator.Engine{
		Ledger: s, Policy: m.policy, Rules: migratorRules(cfg), Methods: m.methods(), Reader: m.reader, Sender: sender,
		Dead:  func(other migrator.Sender) bool { return alone && sameBoot(sender, other) },
		Clock: clock, Sleep: sleep, Log: log,
	}
	return m, nil
}

// methods are those that the configuration uses.
func (m *migrations) methods() map[approval.Method]migrator.Method {
	c := m.cfg.Migrator
	shot := &oneShot{cfg: m.cfg, migrators: m.own, clock: m.clock}
	all := map[approval.Method]migrator.Method{
		approval.MethodGuided: &migrator.GuidedMethod{Calls: shot, Time: c.GuidedTime, Hand: m.handOut},
	}
	if c.Methods.DeveloperConsole == string(approval.MethodConsole) {
		all[approval.MethodConsole] = &migrator.ConsoleMethod{Calls: &consoleCalls{m.own, m.clock}, Timeout: c.Timeout}
	}
	if c.Methods.QueryService == string(approval.MethodQueryService) {
		all[approval.MethodQueryService] = &migrator.QueryServiceMethod{Calls: shot, Timeout: c.Timeout}
	}
	return all
}

// handOut says that a person is to act.
func (m *migrations) handOut(ctx context.Context, r migrator.Reading) {
	c := r.Subject.Credential
	m.log.WarnContext(ctx, "a credential is handed out: press Migrate in Adobe's page, then run jwtsunset resolve --done",
		"organization", c.Organization, "credential", c.ID, "page", guidedLink(m.cfg, c))
}

// guidedLink is the page of Adobe's on which a credential is migrated.
func guidedLink(cfg *config.Config, c credential.Credential) string {
	sandbox := ""
	if len(c.Sandboxes) > 0 {
		sandbox = c.Sandboxes[0]
	}
	return fillTemplate(cfg.Adobe.UIURL, map[string]string{
		"organization": organizationID(cfg, c.Organization), "sandbox": sandbox, "credential": c.ID, "account": c.ID,
		"project": c.Console.ProjectID, "workspace": c.Console.WorkspaceID,
	})
}

func organizationID(cfg *config.Config, name string) string {
	for _, o := range cfg.Organizations {
		if o.Name == name {
			return o.IMSOrg
		}
	}
	return ""
}

// close gives back connections.
func (m *migrations) close() {
	for _, c := range m.own {
		c.Close()
	}
	m.reader.close()
}

// approvalPolicy is the configuration in the form that counts.
func approvalPolicy(cfg *config.Config) *approval.Policy {
	c, a := cfg.Migrator, cfg.Approval
	p := &approval.Policy{
		Required: a.Required, FourEyes: a.FourEyes, Expires: a.Expires, Deadlines: deadlines(cfg),
		Methods: map[credential.Kind]approval.Method{
			credential.QueryService:     approval.Method(c.Methods.QueryService),
			credential.DeveloperConsole: approval.Method(c.Methods.DeveloperConsole),
		},
		Judgement: approval.Judgement{Rest: c.Rest, MaxAge: c.EvidenceAge},
	}
	for _, door := range a.Via {
		p.Doors = append(p.Doors, audit.Door(door))
	}
	for _, rule := range a.Sandboxes {
		p.Sandboxes = append(p.Sandboxes, approval.SandboxRule{Match: rule.Match, Required: rule.Required})
	}
	for _, d := range c.Deny {
		p.Deny = append(p.Deny, approval.DenyRule{
			Credential: d.Credential, Name: d.Name, Project: d.Project, Sandbox: d.Sandbox, Reason: d.Reason,
		})
	}
	for _, pattern := range c.Managed {
		p.Deny = append(p.Deny, approval.DenyRule{Project: pattern, Reason: "a product of Adobe's manages the project"})
	}
	for _, x := range cfg.People {
		p.People = append(p.People, person(x))
	}
	return p
}

// person is one person with all identities.
func person(x config.Person) approval.Person {
	p := approval.Person{Name: x.Name}
	add := func(scheme, name string) {
		if id := approval.IdentityOf(scheme, name); id != "" {
			p.Identities = append(p.Identities, id)
		}
	}
	add(approval.SchemeOS, x.OSUser)
	add(approval.SchemeSlack, x.Slack)
	add(approval.SchemeAdobe, x.Adobe)
	for _, address := range x.Emails {
		add(approval.SchemeEmail, address)
	}
	for _, subject := range x.OIDC {
		add(approval.SchemeOIDC, subject)
	}
	for _, role := range x.Roles {
		p.Roles = append(p.Roles, approval.Role(role))
	}
	return p
}

// lease is how long the right to work on the line holds: longer than any write takes, and short enough that another
// process need not be waited for long.
const lease = 2 * time.Minute

func migratorRules(cfg *config.Config) *migrator.Rules {
	c := cfg.Migrator
	r := &migrator.Rules{
		Pause: c.Pause, Daily: c.Daily, StopAfter: c.StopAfter, Zone: cfg.Schedule.TimeZone, Canary: c.Canary,
		Settle: c.Settle, Quarantine: c.Quarantine, Watch: c.Watch, Guided: c.GuidedTime, Lease: lease,
	}
	for _, w := range c.Windows {
		window := migrator.Window{
			Weekdays: map[time.Weekday]bool{}, From: time.Duration(w.Hours.From) * time.Minute,
			To: time.Duration(w.Hours.To) * time.Minute,
		}
		for _, day := range w.Weekdays {
			window.Weekdays[day] = true
		}
		r.Windows = append(r.Windows, window)
	}
	for _, p := range c.Closed {
		r.Closed = append(r.Closed, migrator.Period{From: utcDay(p.From), To: utcDay(p.To), Reason: p.Reason})
	}
	return r
}

// subject reads a credential afresh and gives what a decision about it rests on.
func (m *migrations) subject(
	ctx context.Context, c credential.Credential,
) (approval.Subject, error) {
	method, refusal := m.policy.MethodFor(c)
	if refusal != nil {
		return approval.Subject{}, refusal
	}
	r, err := m.reader.Read(ctx, c.Organization, c.ID)
	if err != nil {
		return r.Subject, hinted{fmt.Errorf("the credential could not be read from Adobe: %w", err),
			"a request is made from fresh facts only: try again when Adobe can be read"}
	}
	if x, ok := m.engine.Methods[method]; ok {
		truth, _, err := x.Truth(ctx, r)
		if err == nil && truth == migrator.TruthMigrated {
			return r.Subject, approval.Refuse(approval.RefusedNothing, "", "the credential is on OAuth already")
		}
	}
	r.Subject.Method = method
	r.Subject.Verdict = m.policy.Judgement.Judge(method, r.Subject.Credential, r.Evidence, m.clock())
	return r.Subject, nil
}

// withMigrations calls do with everything that decides about migrations, as a command that a person waits for. alone
// says that do works on the line only while it holds the store's lock.
func (a *app) withMigrations(ctx context.Context, o opening, alone bool, do func(*migrations) error) error {
	return a.withStore(ctx, o, func(cfg *config.Config, s *store.Store) error {
		log, err := a.commandLogger(cfg.Log)
		if err != nil {
			return err
		}
		m, err := newMigrations(cfg, s, a.clock, log, func(adobe.Call) {}, alone && s.OneMachine())
		if err != nil {
			return err
		}
		defer m.close()
		if o.record {
			defer queueNews(ctx, cfg, s, a.clock, log)
		}
		return refused(do(m))
	})
}

// refused gives a refusal its hint.
func refused(err error) error {
	var r *approval.Refusal
	if errors.As(err, &r) {
		return hinted{fmt.Errorf("refused (%s): %w", r.Reason, err), r.Hint}
	}
	return err
}

// hand is who runs a command.
func hand() approval.Hand {
	return approval.Hand{
		Identity: approval.IdentityOf(approval.SchemeOS, osUser()), Door: audit.DoorCLI, Strength: audit.StrengthOSUser,
	}
}

// fillTemplate puts values into the places of a template, escaped for a URL.
func fillTemplate(template string, values map[string]string) string {
	var pairs []string
	for name, value := range values {
		pairs = append(pairs, "{"+name+"}", escapePath(value))
	}
	return strings.NewReplacer(pairs...).Replace(template)
}

// utcDay is the beginning of a day, in the zone in which days are compared.
func utcDay(d config.Day) time.Time {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC)
}
