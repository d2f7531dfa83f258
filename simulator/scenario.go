package simulator

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Scenario is one kind of organization to pretend.
type Scenario struct{ Name, Help string }

type scenarioBuilder struct {
	help  string
	build func(*builder)
}

var builders = map[string]scenarioBuilder{
	"empty": {"an organization with sandboxes and no credential at all", (*builder).empty},
	"small": {"every kind of credential, a sandbox that is not active, hostile names", (*builder).small},
	"large": {"many sandboxes with many accounts (--sandboxes, --accounts), nothing in the Developer Console",
		(*builder).large},
	"deep": {"as large, and the sandbox listed last is ten times deeper than the others", (*builder).deep},
	"forbidden-sandbox": {"as small, with one sandbox whose accounts the caller may not list",
		(*builder).forbiddenSandbox},
	"admin-verification-failed": {"as small, but Query Service says that AEP admin verification failed",
		func(b *builder) { b.small(); b.org.noAdmin = true }},
	"console-forbidden": {"as small, but the Developer Console refuses the caller",
		func(b *builder) { b.small(); b.org.consoleForbidden = true }},
	"churn":        {"as small; a step removes, returns, adds, reassigns and migrates credentials", (*builder).small},
	"shared-stamp": {"one sandbox in which neighbours share a created time, also at page borders", (*builder).sharedStamp},
	"guarded": {"credentials that must not be migrated, beside plain ones: read-only, auto-generated, AEM's",
		(*builder).guarded},
	"demo": {"about 300 credentials with everyday names in 8 sandboxes", (*builder).demo},
}

// Scenarios lists the scenarios in alphabetical order.
func Scenarios() []Scenario {
	var list []Scenario
	for _, name := range slices.Sorted(maps.Keys(builders)) {
		list = append(list, Scenario{name, builders[name].help})
	}
	return list
}

func scenarioNames() string { return strings.Join(slices.Sorted(maps.Keys(builders)), ", ") }

func (b *builder) empty() {
	b.sandbox("prod", "active")
	b.sandbox("dev-01", "active")
}

func (b *builder) small() {
	for _, name := range []string{"prod", "dev-01", "stage", "eu-analytics"} {
		b.sandbox(name, "active")
	}
	b.sandbox("old-poc", "deleting")
	for i, text := range hostileTexts {
		a := b.account("prod")
		a.name, a.description = text, hostileTexts[(i+1)%len(hostileTexts)]
	}
	b.account("dev-01").name = strings.Repeat("very-long-name-", 400)
	b.account("dev-01").description = " "
	b.account("stage").owner = ""
	b.account("stage", "eu-analytics")
	b.matched(notStarted, "prod", "dev-01")
	for range 3 {
		b.matched(notStarted, "prod")
		b.matched(started, "dev-01")
		b.matched(completed, "eu-analytics")
	}
	b.matched(completed, "stage").converted = true
	b.matched(none, "stage")
	b.matched(notStarted, "prod").readOnly = true
	b.account("prod").oauth = true
	b.smallConsole()
	b.fill("prod", 4)
	b.fill("eu-analytics", 3)
}

func (b *builder) smallConsole() {
	expired := b.consoleOnly(notStarted)
	expired.certificates, expired.jwtUsed = b.certificates(-200*24*time.Hour), time.Time{}
	b.consoleOnly(notStarted)
	b.consoleOnly(started)
	b.consoleOnly(completed)
	b.consoleOnly(completed).converted = true
	b.consoleOnly(none)
	b.apiKey()
	b.project("jaeger", "Production", "Stage")
}

// guarded has what nobody should start a migration of. Adobe refuses it for read-only projects, to which auto-generated
// ones belong; a project that AEM looks after can be told by its name alone, and Adobe would let it happen.
func (b *builder) guarded() {
	b.sandbox("prod", "active")
	b.sandbox("dev-01", "active")
	for range 2 {
		b.matched(notStarted, "prod")
		b.matched(notStarted, "dev-01").readOnly = true
		b.consoleOnly(notStarted)
	}
	b.matched(started, "prod").readOnly = true
	b.managed(b.matched(notStarted, "prod"), "auto-generated", "Auto-generated project for Query Service")
	b.managed(b.consoleOnly(notStarted), "auto-generated", "Auto-generated project for Experience Platform")
	b.managed(b.matched(notStarted, "dev-01"), "aem", "AEM-CS-p12345-e67890 IMS configuration")
	b.managed(b.consoleOnly(notStarted), "aem", "AEM-CS-p12345-e67891 IMS configuration")
	b.account("prod")
}

// managed puts a credential's project into the hands of Adobe's services.
func (b *builder) managed(i *integration, by, title string) {
	i.project.managed, i.project.title, i.readOnly = by, title, by == "auto-generated"
}

func (b *builder) large() {
	setDefault(&b.options.Sandboxes, 20)
	setDefault(&b.options.Accounts, 100)
	b.sized(func(int) int { return b.options.Accounts })
}

func (b *builder) deep() {
	setDefault(&b.options.Sandboxes, 10)
	setDefault(&b.options.Accounts, 20)
	b.sized(func(i int) int {
		if i == b.options.Sandboxes-1 {
			return 10 * b.options.Accounts
		}
		return b.options.Accounts
	})
}

func (b *builder) sized(accounts func(i int) int) {
	for i := range b.options.Sandboxes {
		name := "prod"
		if i > 0 {
			name = fmt.Sprintf("dev-%03d", i)
		}
		b.sandbox(name, "active")
		b.fill(name, accounts(i))
	}
}

func (b *builder) forbiddenSandbox() {
	b.small()
	b.sandbox("secret-lab", "active").forbidden = true
	b.fill("secret-lab", 5)
}

func (b *builder) sharedStamp() {
	setDefault(&b.options.Accounts, 60)
	b.sandbox("prod", "active")
	for i := range b.options.Accounts {
		previous := b.stamp
		a := b.account("prod")
		if i%b.options.SharedStamp != 0 {
			b.stamp, a.created, a.updated = previous, previous, previous
		}
	}
}

// demo is an organization in the middle of its migration.
func (b *builder) demo() {
	places := []string{"prod", "prod-eu", "stage", "dev-analytics", "dev-loyalty", "qa", "training", "data-science"}
	depths := []int{88, 61, 34, 30, 24, 20, 12, 11}
	for i, place := range places {
		b.sandbox(place, "active")
		for range depths[i] {
			b.demoAccount(place)
		}
	}
	b.sandbox("poc-2022", "deleted")
	for range 4 {
		b.matched(notStarted, "prod", "prod-eu")
	}
	for _, at := range []status{notStarted, notStarted, notStarted, started, completed, none} {
		for range 3 {
			b.consoleOnly(at)
		}
	}
	b.apiKey()
}

// demoAccount adds an account of which, like in real life, the Developer Console knows about two in three.
func (b *builder) demoAccount(place string) {
	switch roll := b.below(100); {
	case roll < 32:
		b.account(place)
	case roll < 72:
		b.matched(notStarted, place)
	case roll < 80:
		b.matched(started, place)
	case roll < 92:
		b.matched(completed, place)
	case roll < 97:
		b.matched(completed, place).converted = true
	default:
		b.matched(none, place)
	}
}
