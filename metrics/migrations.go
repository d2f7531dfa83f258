package metrics

import (
	"maps"
	"reflect"
	"time"

	"jwtsunset/credential"
)

// Migrations is how it stands with requests for migration, and with what was undertaken for them. Once published,
// nobody may change it.
type Migrations struct {
	// States are those that requests give credentials, by organization, as the configuration names it, and credential id.
	// Credentials that are not in it are as scans tell.
	States map[string]map[string]Requested
	// Results counts how migrations came out, by organization and result, and Decisions what people decided. Neither may
	// fall while the program runs.
	Results   map[string]map[string]int
	Decisions map[string]int
	// Watched counts migrated credentials, by organization and what watching them has found.
	Watched map[string]map[string]int
	// Pending is how many requests wait for people, and OldestPending since when; zero where none does.
	Pending       int
	OldestPending time.Time
	// OldestWaiting is since when the oldest approved request could have started; zero where none waits.
	OldestWaiting time.Time
	// NeedingAttention is how many migrations need a person.
	NeedingAttention int
	// InFlight tells whether a migration is, and Began since when.
	InFlight bool
	Began    time.Time
	// Paused has the causes for which nothing may start.
	Paused map[string]bool
	// Leader tells whether this process holds the line.
	Leader bool
}

// Requested is the state that requests give a credential: that of the open request, or else StateMigrated or
// StateAttested by the newest that was carried out. Other states count as none.
type Requested struct {
	State credential.State
	// Read is when StateMigrated was read from Adobe.
	Read time.Time
}

// decisions are what people decide; refused is a try that the rules did not let count.
func decisions() []string {
	return []string{"approve", "decline", "revoke", "override", "cancel", "refused"}
}

// migrationResults are how a migration comes out.
func migrationResults() []string {
	return []string{"migrated", "attested", "failed", "refused", "needs_attention"}
}

// pauseCauses are why no migration may start.
func pauseCauses() []string {
	return []string{
		"frozen", "stopped", "window", "clock", "pause", "daily-limit", "adobe-asked", "in-flight", "canary", "lease", "off",
	}
}

// watchStates are what the watching of a migrated credential finds.
func watchStates() []string { return []string{"open", "sound", "unconfirmed", "alarm"} }

// PublishMigrations makes x what scrapes show of migrations from now on, as a whole and together with the published
// snapshot, before which nothing of it shows. It is never modified, by nobody. Before the first nothing is known, and
// credentials are as scans tell.
func (m *Metrics) PublishMigrations(x *Migrations) {
	m.mu.Lock()
	defer m.mu.Unlock()
	same := m.migrations.equal(x) // as it mostly is, and far less work than a view
	if m.migrations = x; !same {
		m.remake()
	}
}

func (x *Migrations) equal(y *Migrations) bool {
	if x == nil || y == nil {
		return x == y
	}
	a, b := *x, *y
	a.States, b.States = nil, nil // which can be many
	return reflect.DeepEqual(a, b) && maps.EqualFunc(x.States, y.States, maps.Equal[map[string]Requested])
}

// MigrationTook adds how long a migration took that this process started.
func (m *Metrics) MigrationTook(d time.Duration) {
	m.events.migration.WithLabelValues().Observe(max(0, d.Seconds()))
}
