// Package config turns one strict YAML file, the environment and the flags into a Config.
//
// A value comes from the first of these that has it: a flag, an environment variable JWTSUNSET_*, the file, the
// default. Whatever is wrong is reported at once, each problem with its place. Values are never repeated in errors,
// because a value in the wrong place may be a secret. Secrets themselves are not part of a Config: it holds where they
// are read from, and each use reads them again.
package config

import (
	"time"

	"jwtsunset/secret"
)

// Config is the effective configuration. It is not changed after loading; share it freely.
type Config struct {
	Organizations []Organization `key:"organizations"`
	Adobe         Adobe          `key:"adobe"`
	Scan          Scan           `key:"scan"`
	Deadlines     []Deadline     `key:"deadlines"`
	Schedule      Schedule       `key:"schedule"`
	// Store is the address of the store: sqlite:PATH or postgres://…. It is empty when StoreFile or StoreEnv names
	// where the address is; StoreURL covers the three.
	Store     string `key:"store"`
	StoreFile string `key:"store_file"`
	StoreEnv  string `key:"store_env"`
	// StoreOnNetwork allows a database on a network file system.
	StoreOnNetwork bool    `key:"store_on_network"`
	History        History `key:"history"`
	Audit          Audit   `key:"audit"`
	Listen         Listen  `key:"listen"`
	Metrics        Metrics `key:"metrics"`
	Log            Log     `key:"log"`
	// Reminders say when and how owners are reminded; Slack and Webhook are the ways to them.
	Reminders Reminders `key:"reminders"`
	Slack     Slack     `key:"slack"`
	Webhook   Webhook   `key:"webhook"`
	People    []Person  `key:"people"`
	Approval  Approval  `key:"approval"`
	Migrator  Migrator  `key:"migrator"`

	// given holds the paths that the file, the environment or a flag set; cutOff tells of a file without a last line end.
	given  map[string]bool
	cutOff bool
	// owners is nil before loading.
	owners *Owners
}

// Organization is one Adobe organization and the credential with which it is read.
type Organization struct {
	// Name is ours: the label of metrics and the key of records. Lower-case letters, digits and dashes.
	Name     string `key:"name"`
	IMSOrg   string `key:"ims_org"`
	ClientID string `key:"client_id"`
	// Exactly one of the four is set.
	ClientSecretFile string   `key:"client_secret_file"`
	ClientSecretEnv  string   `key:"client_secret_env"`
	UserTokenFile    string   `key:"user_token_file"`
	UserTokenEnv     string   `key:"user_token_env"`
	Scopes           []string `key:"scopes"`
}

// ClientSecret is where the client secret is; false when the organization is read with a user's token instead.
func (o Organization) ClientSecret() (Source, bool) {
	s := Source{File: o.ClientSecretFile, Env: o.ClientSecretEnv, Key: "client_secret_file"}
	return s, !s.IsZero()
}

// UserToken is where a user's access token is; false when the organization is read with a client secret.
func (o Organization) UserToken() (Source, bool) {
	s := Source{File: o.UserTokenFile, Env: o.UserTokenEnv, Key: "user_token_file"}
	return s, !s.IsZero()
}

// Adobe says where Adobe is and how hard it may be asked.
type Adobe struct {
	IMSURL      string `key:"ims_url"`
	PlatformURL string `key:"platform_url"`
	// ConsoleURL is empty when the Developer Console is not to be asked.
	ConsoleURL string `key:"console_url"`
	UIURL      string `key:"ui_url"`
	// RequestsPerSecond is 0 for no limit.
	RequestsPerSecond float64       `key:"requests_per_second"`
	Concurrency       int           `key:"concurrency"`
	RequestTimeout    time.Duration `key:"request_timeout"`
	// Retries is how often a request is sent at most, the first time included.
	Retries          int           `key:"retries"`
	RetryAfterMax    time.Duration `key:"retry_after_max"`
	MaxResponseBytes int64         `key:"max_response_bytes"`
	CAFile           string        `key:"ca_file"`
	Undocumented     Undocumented  `key:"undocumented"`
}

// Undocumented holds the points that Adobe does not document, each with the choice that has been seen to work.
type Undocumented struct {
	// AccountsLimit is the page size asked for; 0 sends none.
	AccountsLimit          int      `key:"accounts_limit"`
	AccountsOrderCheck     string   `key:"accounts_order_check"`
	SandboxList            string   `key:"sandbox_list"`
	InactiveAccounts       bool     `key:"inactive_accounts"`
	AdminVerificationTexts []string `key:"admin_verification_texts"`
	// ConsoleAPIKey is empty to send the client id of the token.
	ConsoleAPIKey string `key:"console_api_key"`
}

// Scan says what one scan covers.
type Scan struct {
	Timeout   time.Duration `key:"timeout"`
	Include   Include       `key:"include"`
	Exclude   []Exclude     `key:"exclude"`
	PageLimit int           `key:"page_limit"`
}

// Include narrows scans. Patterns have the syntax of path.Match.
type Include struct {
	// Sandboxes is empty for all.
	Sandboxes []string `key:"sandboxes"`
}

// Exclude is one rule that leaves something out. Exactly one of the patterns, in the syntax of path.Match, is set.
type Exclude struct {
	Sandbox    string `key:"sandbox"`
	Credential string `key:"credential"`
	Name       string `key:"name"`
	Owner      string `key:"owner"`
	Reason     string `key:"reason"`
}

// Deadline is a named date by which credentials must be migrated.
type Deadline struct {
	Name     string         `key:"name"`
	Date     Date           `key:"date"`
	TimeZone *time.Location `key:"time_zone"`
	// AppliesTo lists kinds of credentials: query-service, developer-console.
	AppliesTo []string `key:"applies_to"`
}

// Schedule says when the daemon works.
type Schedule struct {
	TimeZone *time.Location `key:"time_zone"`
	Scan     string         `key:"scan"`
	// Maintenance is when old history is removed, and store and audit log are checked.
	Maintenance string `key:"maintenance"`
	// Remind is when owners are reminded, Digest when the channel for everyone gets its summary.
	Remind string        `key:"remind"`
	Digest string        `key:"digest"`
	Jitter time.Duration `key:"jitter"`
}

// History says how long the record of scans is kept.
type History struct {
	// Keep is the age from which scans and their changes are removed. Credentials and the audit log always stay.
	Keep time.Duration `key:"keep"`
}

// Audit says where the audit log's key is and where its checkpoints go.
type Audit struct {
	// KeyFile and CheckpointFile are empty for the files beside a SQLite database.
	KeyFile          string `key:"key_file"`
	CheckpointFile   string `key:"checkpoint_file"`
	CheckpointStdout bool   `key:"checkpoint_stdout"`
}

// Listen holds the addresses of the daemon's listeners.
type Listen struct {
	Metrics string `key:"metrics"`
	Web     string `key:"web"`
}

// Metrics says what /metrics shows and who may read it.
type Metrics struct {
	CredentialSeriesLimit int    `key:"credential_series_limit"`
	OwnerLabel            bool   `key:"owner_label"`
	WebConfigFile         string `key:"web_config_file"`
}

// Log says how the program logs. Level is a name that slog.Level reads.
type Log struct {
	Level  string `key:"level"`
	Format string `key:"format"`
}

// Person is one person with all identities. In this version OIDC has no effect.
type Person struct {
	Name   string   `key:"name"`
	Emails []string `key:"emails"`
	Slack  string   `key:"slack"`
	OIDC   []string `key:"oidc"`
	OSUser string   `key:"os_user"`
	Adobe  string   `key:"adobe"`
	Roles  []string `key:"roles"`
}

// The kinds of credentials, as the configuration names them.
const (
	kindQueryService     = "query-service"
	kindDeveloperConsole = "developer-console"
)

// Default is the configuration before file, environment and flags. It has no organization and so is not yet usable.
func Default() *Config {
	return &Config{
		Adobe: Adobe{
			IMSURL:            "https://ims-na1.adobelogin.com",
			PlatformURL:       "https://platform.adobe.io",
			ConsoleURL:        "https://developers.adobe.io",
			UIURL:             "https://experience.adobe.com/",
			RequestsPerSecond: 10,
			Concurrency:       8,
			RequestTimeout:    30 * time.Second,
			Retries:           5,
			RetryAfterMax:     2 * time.Minute,
			MaxResponseBytes:  32 << 20,
			Undocumented: Undocumented{
				AccountsOrderCheck:     "auto",
				SandboxList:            "all",
				AdminVerificationTexts: []string{"admin verification failed"},
			},
		},
		Scan:      Scan{Timeout: 30 * time.Minute, PageLimit: 10000},
		Deadlines: defaultDeadlines(),
		Schedule: Schedule{TimeZone: time.UTC, Scan: "17 */6 * * *", Maintenance: "43 3 * * *", Remind: "0 9 * * 1-5",
			Digest: "0 9 * * 1"},
		Store:     "sqlite:jwtsunset.db",
		History:   History{Keep: 730 * 24 * time.Hour},
		Listen:    Listen{Metrics: "127.0.0.1:9465", Web: "127.0.0.1:8465"},
		Metrics:   Metrics{CredentialSeriesLimit: 20000},
		Log:       Log{Level: "info", Format: "text"},
		Reminders: defaultReminders(),
		Slack:     Slack{APIURL: "https://slack.com/api/"},
		Webhook:   Webhook{Source: "jwtsunset"},
		Approval:  defaultApproval(),
		Migrator:  defaultMigrator(),
	}
}

// defaultDeadlines are Adobe's two published dates: the end of support, and the day on which Adobe converts what
// remains in the Developer Console.
func defaultDeadlines() []Deadline {
	conversion := Deadline{Name: "conversion", Date: calendarDay(2026, time.March, 1)}
	conversion.setDefaults()
	conversion.AppliesTo = []string{kindDeveloperConsole}
	support := Deadline{Name: "end-of-support", Date: calendarDay(2025, time.June, 30)}
	support.setDefaults()
	return []Deadline{support, conversion}
}

// setDefaults gives a new element of the list what it has when the file does not say.
func (o *Organization) setDefaults() {
	// The scopes of Adobe's published sample for Experience Platform.
	o.Scopes = []string{
		"openid", "AdobeID", "read_organizations", "additional_info.projectedProductContext", "session",
	}
}

func (d *Deadline) setDefaults() {
	d.TimeZone = time.UTC
	d.AppliesTo = []string{kindQueryService, kindDeveloperConsole}
}

// StoreURL is the address of the store. It is a secret only when it was read from a file or a variable.
func (c *Config) StoreURL() (secret.String, error) {
	if s := c.storeSource(); !s.IsZero() {
		return s.Read()
	}
	return secret.New(c.Store), nil
}

func (c *Config) storeSource() Source {
	return Source{File: c.StoreFile, Env: c.StoreEnv, Key: "store_file"}
}
