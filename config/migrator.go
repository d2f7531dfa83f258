package config

import (
	"fmt"
	"time"
)

// Migrator says how, how fast and when credentials are migrated.
type Migrator struct {
	Enabled bool `key:"enabled"`
	// ClientID is empty when the credentials that scan also migrate.
	ClientID string `key:"client_id"`
	// At most one of the two is set; ClientSecret covers them.
	ClientSecretFile string `key:"client_secret_file"`
	ClientSecretEnv  string `key:"client_secret_env"`
	// Scopes are asked for with the token of whatever credential migrates.
	Scopes  []string `key:"scopes"`
	Methods Methods  `key:"methods"`
	// Pause is between two migrations.
	Pause time.Duration `key:"pause"`
	// Daily is how many may start in 24 hours; 0 is no limit.
	Daily int `key:"daily"`
	// StopAfter is a number of failures in a row.
	StopAfter int  `key:"stop_after"`
	Canary    bool `key:"canary"`
	// Timeout limits one start.
	Timeout time.Duration `key:"timeout"`
	// Settle is for how long after a start Adobe's word may lag behind the truth.
	Settle time.Duration `key:"settle"`
	// Quarantine is how long a sender is waited for of which nothing proves that it is dead.
	Quarantine time.Duration `key:"quarantine"`
	// Watch is how long a migrated credential is looked after.
	Watch time.Duration `key:"watch"`
	// Rest is how long the JWT half must have been unused before it is retired.
	Rest        time.Duration `key:"rest"`
	EvidenceAge time.Duration `key:"evidence_age"`
	// GuidedTime is how long a person has for what only a person can do.
	GuidedTime time.Duration `key:"guided_time"`
	// Windows are the times in which migrations may start, in the zone of the schedules; none means any time.
	Windows []ChangeWindow `key:"windows"`
	// Closed are the days on which none may start.
	Closed []ClosedDays `key:"closed"`
	Deny   []Deny       `key:"deny"`
	// Managed are patterns of the names of projects that a product of Adobe's manages by itself.
	Managed []string `key:"managed"`
	OneShot OneShot  `key:"one_shot"`
}

// Methods is how credentials of each kind are migrated.
type Methods struct {
	QueryService     string `key:"query-service"`
	DeveloperConsole string `key:"developer-console"`
}

// methodGuided is the method in which a person does what the program cannot.
const methodGuided = "guided"

// ChangeWindow is a time of the week. Weekdays is not empty, and holds each day once.
type ChangeWindow struct {
	Weekdays []time.Weekday `key:"weekdays"`
	Hours    Hours          `key:"hours"`
}

// ClosedDays are the days from From to To, both included.
type ClosedDays struct {
	From   Day    `key:"from"`
	To     Day    `key:"to"`
	Reason string `key:"reason"`
}

// Deny keeps credentials from being migrated by this program. Of the patterns, in the syntax of path.Match, at least
// one is set; what is set must match.
type Deny struct {
	Credential string `key:"credential"`
	Name       string `key:"name"`
	// Project is compared with the name and the id of the project.
	Project string `key:"project"`
	Sandbox string `key:"sandbox"`
	Reason  string `key:"reason"`
}

func defaultMigrator() Migrator {
	return Migrator{
		Scopes: []string{
			"openid", "AdobeID", "read_organizations", "additional_info.projectedProductContext", "session", "adobeio_api",
			"read_client_secret",
		},
		Methods: Methods{QueryService: methodGuided, DeveloperConsole: kindDeveloperConsole},
		Pause:   time.Minute, Daily: 50, StopAfter: 2, Canary: true,
		Timeout: 2 * time.Minute, Settle: 3 * time.Minute, Quarantine: 15 * time.Minute,
		Watch: day, Rest: day, EvidenceAge: 15 * time.Minute, GuidedTime: day,
		OneShot: defaultOneShot(), Managed: []string{"AEM-*"},
	}
}

// ClientSecret is where the client secret of the credential that migrates is; false when it has none of its own.
func (m Migrator) ClientSecret() (Source, bool) {
	s := Source{File: m.ClientSecretFile, Env: m.ClientSecretEnv, Key: "migrator.client_secret_file"}
	return s, !s.IsZero()
}

// checkMigrator holds the rules of one section at any time, and what migrating needs when it is switched on.
func (l *loading) checkMigrator(c *Config) {
	for i := range c.Migrator.Windows {
		l.checkWeekdays(fmt.Sprintf("migrator.windows[%d].weekdays", i), "remove the window")
	}
	for i, days := range c.Migrator.Closed {
		// A day that is none has been reported and is zero here.
		if days.From != (Day{}) && days.To != (Day{}) && days.To.Compare(days.From) < 0 {
			l.fail(fmt.Sprintf("migrator.closed[%d].to", i), "must not be before from", "both days are included")
		}
	}
	for i := range c.Migrator.Deny {
		path := fmt.Sprintf("migrator.deny[%d]", i)
		patterns := []string{"credential", "name", "project", "sandbox"}
		if l.isSection(path) && len(l.set(path, patterns...)) == 0 && !l.meantAny(path, patterns...) {
			l.fail(path, "needs at least one of "+choice(patterns), "all that are set must match")
		}
	}
	l.checkOneShot(c)
	if c.Migrator.Enabled {
		l.checkApprovers(c)
		l.checkMethods(c)
		l.checkMigratorSecret(c)
	}
}

func (l *loading) checkMethods(c *Config) {
	m := c.Migrator
	if m.Methods.QueryService == kindQueryService && !l.filled("migrator.one_shot.url") &&
		!l.meant["migrator.one_shot.url"] {
		l.fail("migrator.methods.query-service", "needs migrator.one_shot.url",
			"Adobe publishes no such endpoint: without one set the method to guided")
	}
	if m.Methods.DeveloperConsole == kindDeveloperConsole && c.Adobe.ConsoleURL == "" {
		l.fail("migrator.methods.developer-console", "needs adobe.console_url",
			"set that, or set the method to guided")
	}
}

// checkMigratorSecret sees that the credential that migrates is whole. Two sources of its secret are reported anyway.
func (l *loading) checkMigratorSecret(c *Config) {
	id := "migrator.client_id"
	secret := l.filled("migrator.client_secret_file") || l.filled("migrator.client_secret_env") ||
		l.meant["migrator.client_secret_file"] || l.meant["migrator.client_secret_env"]
	switch {
	case !l.filled(id):
		if secret && !l.meant[id] {
			l.fail(id, "is missing", "without it the secret has no effect")
		}
		return
	case !secret:
		l.fail(id, "needs exactly one of client_secret_file or client_secret_env", "")
	}
	if len(c.Organizations) > 1 {
		l.fail(id, "cannot be set for several organizations", "a credential belongs to one of them: remove the key, and each"+
			" is migrated by the credential that scans it, or give each organization a configuration of its own")
	}
}

// untold warns where nobody is told of what becomes of migrations. Those who asked may be told on Slack all the same.
func (c *Config) untold() []string {
	_, slack := c.Slack.Token()
	switch {
	case !c.Reminders.Enabled:
		return []string{"reminders.enabled is false: nobody is told what waits for approval, what becomes of a migration," +
			" or that the line has stopped"}
	case c.Webhook.URL == "" && (!slack || c.Slack.Channel == ""):
		return []string{"neither slack.channel with a token nor webhook.url is set: no channel is told what waits for" +
			" approval, what needs attention, or that the line has stopped"}
	default:
		return nil
	}
}

// migratorWarnings lists what is unwise about migrating as configured, while it is switched on.
func (c *Config) migratorWarnings() []string {
	m := c.Migrator
	if !m.Enabled {
		return nil
	}
	found := append(c.approvalWarnings(), c.untold()...)
	if m.ClientID == "" {
		found = append(found, "migrator.client_id is not set: the credential that scans can also migrate")
	}
	for i, o := range c.Organizations {
		if m.ClientID == o.ClientID {
			found = append(found, fmt.Sprintf("migrator.client_id is that of organizations[%d]:"+
				" the credential that scans can also migrate", i))
		}
	}
	for _, limit := range []struct {
		key      string
		is, safe time.Duration
		why      string
	}{
		{"settle", m.Settle, 2 * time.Minute, "what Adobe says may still be from before the migration"},
		{"quarantine", m.Quarantine, 5 * time.Minute, "a process that is taken for dead may still be sending"},
		{"rest", m.Rest, 24 * time.Hour, "what uses a credential once a day may still use its JWT half"},
	} {
		if limit.is < limit.safe {
			least := formatDuration(limit.safe)
			found = append(found, fmt.Sprintf("migrator.%s is less than %s: %s", limit.key, least, limit.why))
		}
	}
	if m.Methods.QueryService == kindQueryService && m.OneShot.Status.URL == "" && c.Adobe.ConsoleURL == "" {
		found = append(found, "neither migrator.one_shot.status.url nor adobe.console_url is set: nothing tells what a"+
			" migration by query-service has done, and a second person must attest it")
	}
	return found
}
