package simulator

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// epoch is when the made-up organization began; times of creation count from it.
var epoch = time.Date(2022, 3, 1, 8, 0, 0, 0, time.UTC)

// builder makes an organization piece by piece, the same pieces for the same seed.
type builder struct {
	dice
	options  Options
	switches map[string]string
	org      *organization
	now      time.Time
	// stamp is the created time of the account made last.
	stamp time.Time
	names []string
	used  int
	admin string
}

// build makes the organization of the scenario that o names.
func build(o Options, switches map[string]string) *organization {
	b := &builder{
		dice: dice{o.Seed}, options: o, switches: switches, org: &organization{}, now: o.Clock().UTC(), stamp: epoch,
	}
	b.names, b.admin = toolNames(&b.dice), b.user()
	builders[o.Scenario].build(b)
	b.extras()
	for _, a := range b.org.accounts {
		a.encode(switches[swSecretField] == "present")
	}
	b.org.reindex()
	return b.org
}

// extras adds what switches ask for beside the scenario.
func (b *builder) extras() {
	if b.switches[swInactive] == "present" {
		for range 3 {
			b.account(b.org.sandboxes[0].name).inactive = true
		}
	}
	if b.switches[swHiddenProject] == "present" {
		b.consoleOnly(notStarted).project.hidden = true
	}
}

func (b *builder) sandbox(name, state string) *sandbox {
	kind := "development"
	if strings.HasPrefix(name, "prod") {
		kind = "production"
	}
	title := strings.ToUpper(name[:1]) + strings.ReplaceAll(name[1:], "-", " ")
	created := epoch.Add(-time.Duration(1+b.below(400)) * 24 * time.Hour)
	s := &sandbox{
		name: name, title: title, state: state, kind: kind, isDefault: name == "prod",
		created: created, modified: created.Add(35 * time.Second),
	}
	b.org.sandboxes = append(b.org.sandboxes, s)
	return s
}

// name is a name not used before, as long as the stock lasts, and a numbered one then.
func (b *builder) name() string {
	b.used++
	name := b.names[(b.used-1)%len(b.names)]
	if round := (b.used - 1) / len(b.names); round > 0 {
		name += "-" + strconv.Itoa(round+1)
	}
	return name
}

// account adds a technical account, to Query Service if it is given sandboxes. Each is created later than the last.
func (b *builder) account(sandboxes ...string) *account {
	b.stamp = b.stamp.Add(time.Duration(1+b.below(3_600_000)) * time.Millisecond)
	a := &account{
		id: b.technicalAccount(), uuid: b.uuid(), query: len(sandboxes) > 0, name: b.name(),
		description: pick(&b.dice, descriptions), owner: pick(&b.dice, owners), createdBy: b.admin, updatedBy: b.admin,
		created: b.stamp, updated: b.stamp, sandboxes: sandboxes, secret: "CANARY-" + b.hex(24),
	}
	b.org.accounts = append(b.org.accounts, a)
	return a
}

// fill adds n plain accounts to one sandbox.
func (b *builder) fill(sandbox string, n int) {
	for range n {
		b.account(sandbox)
	}
}

// matched adds an account that Query Service and the Developer Console both know.
func (b *builder) matched(at status, sandboxes ...string) *integration {
	return b.integration(b.account(sandboxes...), at)
}

// consoleOnly adds an account that only the Developer Console knows.
func (b *builder) consoleOnly(at status) *integration { return b.integration(b.account(), at) }

// integration gives an account its project, workspace and credential in the Developer Console.
func (b *builder) integration(a *account, at status) *integration {
	p := b.project("default", "Production")
	i := b.credential(p, p.workspaces[0], a.name, a.created)
	i.account, i.status, a.integration = a, at, i
	i.secrets = []clientSecret{{b.uuid(), "p8e-" + b.hex(28), a.created}}
	i.lived(b)
	return i
}

// lived gives a credential the certificates and uses that fit its state.
func (i *integration) lived(b *builder) {
	day := 24 * time.Hour
	switch i.status {
	case notStarted:
		i.jwtUsed = b.now.Add(-time.Duration(1+b.below(40)) * time.Hour)
		i.certificates = b.certificates(-400*day, 200*day)
	case started:
		i.boundAt = b.now.Add(-3 * day)
		i.jwtUsed, i.oauthUsed = b.now.Add(-2*day), b.now.Add(-time.Hour)
		i.certificates = b.certificates(90 * day)
	case completed:
		i.boundAt, i.oauthUsed = i.created.Add(day), b.now.Add(-time.Hour)
	case none:
		i.oauthUsed = b.now.Add(-time.Hour)
	}
}

// certificates are some that end at the given distances from now, on the full hour.
func (b *builder) certificates(ends ...time.Duration) []certificate {
	var list []certificate
	for _, end := range ends {
		list = append(list, certificate{b.hex(24), b.hex(40), b.now.Add(end).Truncate(time.Hour)})
	}
	return list
}

func (b *builder) credential(p *project, w *workspace, name string, created time.Time) *integration {
	i := &integration{
		id: strconv.Itoa(345_678 + len(b.org.projects)*7), clientID: b.hex(32), name: name, project: p, workspace: w,
		createdBy: b.admin, created: created, modified: created,
		services: []string{sdkCode},
	}
	w.integrations = append(w.integrations, i)
	return i
}

func (b *builder) project(kind string, workspaces ...string) *project {
	number := len(b.org.projects) + 1
	p := &project{
		id: fmt.Sprintf("4566206088%09d", 344_523_456+number), name: fmt.Sprintf("%dAquaTiger", 100+number),
		title: fmt.Sprintf("Project %d", number), kind: kind, createdBy: b.admin, created: b.stamp, modified: b.stamp,
	}
	for i, name := range workspaces {
		p.workspaces = append(p.workspaces, &workspace{
			id: fmt.Sprintf("4566206099%09d", 10*number+i), name: name, title: name, created: b.stamp,
			runtimeNamespace: map[bool]string{true: OrganizationID + "-" + strconv.Itoa(number)}[kind == "jaeger"],
		})
	}
	b.org.projects = append(b.org.projects, p)
	return p
}

// apiKey adds a project with a credential that is of no interest: one without technical account.
func (b *builder) apiKey() {
	p := b.project("jaeger", "Production", "Stage")
	b.credential(p, p.workspaces[1], b.name(), b.stamp).apiKeyOnly = true
}
