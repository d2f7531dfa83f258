package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// check holds the rules that concern more than one value. A key whose own value is wrong has been reported already;
// it counts as set.
func (l *loading) check(c *Config, schedule func(string, *time.Location) error) {
	l.checkOrganizations(c)
	l.checkExclusions(c)
	l.checkDeadlines(c)
	l.checkSchedules(c, schedule)
	l.checkStore(c)
	l.checkListeners(c)
	l.checkPairs()
	l.checkReminders(c)
	l.checkWebhook(c)
	l.checkPeople(c)
	l.checkMigrator(c)
}

// fail reports a problem at the nearest place that is set.
func (l *loading) fail(path, message, hint string) {
	l.report(l.nearest(path), path, message, hint)
}

func (l *loading) nearest(path string) *yaml.Node {
	for path != "" && l.at[path] == nil {
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return l.at[path]
}

// set lists which of some keys of a section are set.
func (l *loading) set(path string, names ...string) []string {
	var found []string
	for _, name := range names {
		if l.at[join(path, name)] != nil {
			found = append(found, name)
		}
	}
	return found
}

// meantAny tells whether a misspelt key of a section was likely meant for one of some keys.
func (l *loading) meantAny(path string, names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return l.meant[join(path, name)] })
}

// oneOf reports a section that does not have exactly one of some keys.
func (l *loading) oneOf(path string, names ...string) {
	switch found := l.set(path, names...); len(found) {
	case 0:
		if l.meantAny(path, names...) {
			return
		}
		l.fail(path, "needs exactly one of "+choice(names), "")
	case 1:
	default:
		l.fail(join(path, found[1]), "cannot be set together with "+found[0], "keep one of them")
	}
}

// unique reports values that stand in more than one element of a list. Empty ones are reported elsewhere.
func (l *loading) unique(values map[string]string, path, value, message string) {
	if value == "" {
		return
	}
	if first, twice := values[value]; twice {
		where, _ := l.where(l.nearest(first))
		l.fail(path, message, first+" has the same, at "+where)
		return
	}
	values[value] = path
}

func (l *loading) checkOrganizations(c *Config) {
	if node := l.at["organizations"]; node != nil && node.Kind == yaml.SequenceNode && len(node.Content) == 0 {
		l.fail("organizations", "must have an element", "each needs "+needs(schema().child("organizations").elem))
	}
	names, ids := map[string]string{}, map[string]string{}
	for i, o := range c.Organizations {
		path := fmt.Sprintf("organizations[%d]", i)
		if !l.isSection(path) {
			continue
		}
		l.unique(names, path+".name", o.Name, "must be unique")
		l.unique(ids, path+".ims_org", strings.ToUpper(o.IMSOrg), "must be unique, or credentials would count twice")
		l.oneOf(path, "client_secret_file", "client_secret_env", "user_token_file", "user_token_env")
		if len(o.Scopes) == 0 && l.isList(path+".scopes") {
			l.fail(path+".scopes", "must have an element", "remove the key to ask for the default scopes")
		}
	}
}

// isSection tells whether a section stands at a path; one that is not has been reported.
func (l *loading) isSection(path string) bool {
	return l.at[path] != nil && l.at[path].Kind == yaml.MappingNode
}

// isList tells whether a list stands at a path.
func (l *loading) isList(path string) bool {
	return l.at[path] != nil && l.at[path].Kind == yaml.SequenceNode
}

func (l *loading) checkExclusions(c *Config) {
	for i := range c.Scan.Exclude {
		if path := fmt.Sprintf("scan.exclude[%d]", i); l.isSection(path) {
			l.oneOf(path, "sandbox", "credential", "name", "owner")
		}
	}
}

func (l *loading) checkDeadlines(c *Config) {
	if l.isList("deadlines") && len(c.Deadlines) == 0 {
		l.fail("deadlines", "must have an element", "remove the key to count down to Adobe's own dates")
	}
	names := map[string]string{}
	for i, d := range c.Deadlines {
		path := fmt.Sprintf("deadlines[%d]", i)
		l.unique(names, path+".name", d.Name, "must be unique")
		if d.Name == "certificate" {
			l.fail(path+".name", "must not be certificate", "that is the deadline of a credential's own certificates")
		}
		if len(d.AppliesTo) == 0 && l.isList(path+".applies_to") {
			l.fail(path+".applies_to", "must have an element", "remove the key to apply it to all kinds")
		}
	}
}

func (l *loading) checkSchedules(c *Config, check func(string, *time.Location) error) {
	if check == nil {
		return
	}
	for _, job := range []struct{ path, spec string }{
		{"schedule.scan", c.Schedule.Scan},
		{"schedule.maintenance", c.Schedule.Maintenance},
		{"schedule.remind", c.Schedule.Remind},
		{"schedule.digest", c.Schedule.Digest},
	} {
		// An empty one has been reported already.
		if strings.TrimSpace(job.spec) == "" {
			continue
		}
		if err := check(job.spec, c.Schedule.TimeZone); err != nil {
			l.fail(job.path, "cannot be used: "+err.Error(), "")
		}
	}
}

// checkStore sees that one of the three ways to name the store is used; the default yields to the other two.
func (l *loading) checkStore(c *Config) {
	found := l.set("", "store", "store_file", "store_env")
	if len(found) > 1 {
		l.fail(found[1], "cannot be set together with "+found[0], "keep one of them")
	}
	if l.at["store"] == nil && (c.StoreFile != "" || c.StoreEnv != "") {
		c.Store = ""
	}
	if ValidStore(c.Store) && strings.HasPrefix(c.Store, "postgres") && c.Audit.KeyFile == "" {
		l.fail("audit.key_file", "must be set for a store that is no file",
			"name a file for the key of the audit log, the same key on every replica")
	}
}

func (l *loading) checkListeners(c *Config) {
	if c.Listen.Web == c.Listen.Metrics && !strings.HasSuffix(c.Listen.Web, ":0") {
		path := "listen.web"
		if l.at[path] == nil {
			path = "listen.metrics"
		}
		l.fail(path, "must differ from the other listener's address", "")
	}
}

// checkPairs sees that a secret has one source.
func (l *loading) checkPairs() {
	for _, base := range []string{
		"slack.token", "slack.app_token", "slack.signing_secret", "migrator.client_secret",
	} {
		if l.at[base+"_file"] != nil && l.at[base+"_env"] != nil {
			l.fail(base+"_env", "cannot be set together with "+base+"_file", "keep one of them")
		}
	}
}

// checkPeople sees that an identity belongs to one person: four eyes are compared by person.
func (l *loading) checkPeople(c *Config) {
	names, identities := map[string]string{}, map[string]string{}
	for i, p := range c.People {
		path := fmt.Sprintf("people[%d]", i)
		l.unique(names, path+".name", p.Name, "must be unique")
		identity := func(field, kind, value string) {
			if value != "" {
				l.unique(identities, path+"."+field, kind+" "+value, "must belong to one person")
			}
		}
		for j, address := range p.Emails {
			identity(fmt.Sprintf("emails[%d]", j), "email", lower(address))
		}
		for j, subject := range p.OIDC {
			identity(fmt.Sprintf("oidc[%d]", j), "oidc", subject)
		}
		identity("slack", "slack", p.Slack)
		identity("os_user", "os", p.OSUser)
		identity("adobe", "adobe", lower(p.Adobe))
	}
}
