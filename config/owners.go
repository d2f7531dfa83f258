package config

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// Owners says to whom what belongs to somebody goes: the file that reminders.owners_file names, and the accounts of
// people. It is not changed after loading; share it freely. An empty identity or name matches nothing.
type Owners struct {
	file                        ownersFile
	owners, managers, sandboxes index
	languages                   index
	// accounts are Slack user ids by identity in lower case.
	accounts map[string]string
	cutOff   bool
}

// ownersFile is the file.
type ownersFile struct {
	Owners    []Rule `key:"owners"`
	Managers  []Rule `key:"managers"`
	Sandboxes []Rule `key:"sandboxes"`
}

// Rule says where what belongs to a match goes. Exactly one of User, Channel, Email and Webhook is set, or none if the
// rule has a Language alone; Owner, Manager and Sandbox never give such a one.
type Rule struct {
	// Match is a pattern in the syntax of path.Match. Case does not matter, and / is a character like any other.
	Match string `key:"match"`
	// User is a Slack user id.
	User string `key:"user"`
	// Channel is the name of a Slack channel with its #, or its id.
	Channel string `key:"channel"`
	// Group is the id of a Slack user group that is mentioned in Channel.
	Group string `key:"group"`
	// Email is the address to look up in Slack instead.
	Email   string `key:"email"`
	Webhook bool   `key:"webhook"`
	// Language is as in zh-TW; empty where the rule does not say.
	Language string `key:"language"`

	// Where is the rule's place, as in owners.yml:3:5.
	Where string
}

// target is the key that says where the rule leads; empty for none.
func (r Rule) target() string {
	switch {
	case r.User != "":
		return "user"
	case r.Channel != "":
		return "channel"
	case r.Email != "":
		return "email"
	case r.Webhook:
		return "webhook"
	default:
		return ""
	}
}

// ownersLimit is how many rules a list may have: one of them for each of several thousand owners.
const ownersLimit = 10000

// onlyTrue is the form of a switch that has no other position.
var onlyTrue = form{name: "true", plain: true, set: func(v reflect.Value, text string) bool {
	v.SetBool(text == "true")
	return text == "true"
}}

// ownersTable is the table of the file's keys.
var ownersTable = slices.Concat(
	ruleTable("owners", "Who owners are, by e-mail address or Adobe user id."),
	ruleTable("managers", "Who is told when owners leave reminders unanswered, by the owner's e-mail address or id."),
	ruleTable("sandboxes", "Where credentials of unknown owners go, by sandbox."),
)

func ruleTable(list, help string) []rule {
	at := list + "[]."
	return []rule{
		{list, listForm, "", "", help},
		{list + "[]", groupForm, "", "", "One rule; the first that matches counts."},
		{at + "match", globForm, "", required, "Pattern; case does not matter."},
		{at + "user", slackUser, "", "", "Slack user."},
		{at + "channel", slackChannel, "", "", "Slack channel."},
		{at + "group", slackGroup, "", "", "Slack user group that is mentioned in the channel."},
		{at + "email", email, "", "", "E-mail address to look up in Slack instead."},
		{at + "webhook", onlyTrue, "", "", "Whether it goes to webhook.url."},
		{at + "language", language, "", "", "Language of the messages."},
	}
}

// ownersSchema is the tree of all places of the file.
var ownersSchema = sync.OnceValue(func() *node {
	return newSchema(ownersTable, reflect.ValueOf(&ownersFile{}).Elem())
})

// LoadOwners reads a file of owners. The error is Problems when the content is wrong. A relative path starts at the
// working directory, as those in the configuration do.
func LoadOwners(path string) (*Owners, error) {
	data, err := readStable(path)
	if err != nil {
		return nil, fmt.Errorf("read owners: %w", err)
	}
	return ParseOwners(path, []byte(data))
}

// ParseOwners is LoadOwners for a file that has been read; name stands for it in problems.
func ParseOwners(name string, data []byte) (*Owners, error) {
	run := newLoading(name, ownersSchema(), ownersLimit)
	root := run.document(data, true)
	if root == nil {
		return nil, run.problems
	}
	o := &Owners{cutOff: len(data) > 0 && data[len(data)-1] != '\n'}
	run.value(run.root, root, reflect.ValueOf(&o.file).Elem(), "")
	if len(run.problems) == 0 && len(run.at) == 1 {
		run.fail("", "has no owners, managers or sandboxes", "write owners: [] if there are to be none")
	}
	o.owners = run.checkRules(o.file.Owners, "owners")
	o.managers = run.checkRules(o.file.Managers, "managers")
	o.sandboxes = run.checkRules(o.file.Sandboxes, "sandboxes")
	o.languages = newIndex(o.file.Owners, hasLanguage)
	if len(run.problems) > 0 {
		run.problems.sort()
		return nil, run.problems
	}
	return o, nil
}

func hasLanguage(r Rule) bool { return r.Language != "" }

func hasTarget(r Rule) bool { return r.target() != "" }

// checkRules reports rules that say too little, too much or nothing that another has not said, and makes them ready.
func (l *loading) checkRules(rules []Rule, list string) index {
	for i := range rules {
		path := fmt.Sprintf("%s[%d]", list, i)
		if !l.isSection(path) {
			continue
		}
		rules[i].Where, _ = l.where(l.at[path])
		targets := l.set(path, "user", "channel", "email", "webhook")
		group := l.at[path+".group"] != nil
		language := list == "owners" && l.at[path+".language"] != nil
		switch {
		case group && !slices.Contains(targets, "channel") && !l.meant[path+".channel"]:
			l.fail(path+".group", "needs channel", "the group is mentioned in a channel")
		case len(targets) > 0 || !language:
			l.oneOf(path, "user", "channel", "email", "webhook")
		}
	}
	targets, languages := newIndex(rules, hasTarget), newIndex(rules, hasLanguage)
	l.checkReach(rules, list, targets, languages)
	return targets
}

// checkReach reports rules that can never be used, because an earlier one takes all that they match.
func (l *loading) checkReach(rules []Rule, list string, indexes ...index) {
	patterns := map[string]string{}
	for i, r := range rules {
		path := fmt.Sprintf("%s[%d].match", list, i)
		_, twice := patterns[fold(r.Match)]
		l.unique(patterns, path, fold(r.Match), "must be unique")
		if first, hidden := hides(indexes, r, i); hidden && !twice {
			l.fail(path, "is never used", fmt.Sprintf("put it before %s[%d] at %s, which matches the same",
				list, first, rules[first].Where))
		}
	}
}

// hides finds a rule before the i-th that takes what the i-th is for. Only a rule for one single text can be told to be
// hidden by a pattern.
func hides(indexes []index, r Rule, i int) (first int, hidden bool) {
	if r.Match == "" || isGlob(r.Match) {
		return 0, false
	}
	for _, x := range indexes {
		if first, ok := x.find(r.Match); ok && first < i && x.has(r) {
			return first, true
		}
	}
	return 0, false
}

// Owners is the operator's list of owners. It is empty without a file and without people; it is never nil.
func (c *Config) Owners() *Owners {
	if c.owners == nil {
		return &Owners{}
	}
	return c.owners
}

// withPeople gives the owners with the accounts of people.
func (o *Owners) withPeople(people []Person) *Owners {
	all := *o
	all.accounts = map[string]string{}
	for _, p := range people {
		if p.Slack == "" {
			continue
		}
		// In T123/U123 the user comes after the team.
		id := p.Slack[strings.Index(p.Slack, "/")+1:]
		for _, identity := range append(slices.Clone(p.Emails), p.Adobe) {
			all.accounts[lower(identity)] = id
		}
	}
	delete(all.accounts, "")
	return &all
}

// Account gives the Slack user id that people has for an e-mail address or Adobe user id.
func (o *Owners) Account(identity string) (slackID string, ok bool) {
	slackID, ok = o.accounts[lower(identity)]
	return slackID, ok
}

// Owner gives the first rule of owners with a target that matches an e-mail address or Adobe user id.
func (o *Owners) Owner(identity string) (Rule, bool) { return o.owners.first(identity) }

// Manager gives the first rule of managers that matches the e-mail address or Adobe user id of an owner.
func (o *Owners) Manager(identity string) (Rule, bool) { return o.managers.first(identity) }

// Sandbox gives the first rule of sandboxes that matches the name of a sandbox.
func (o *Owners) Sandbox(name string) (Rule, bool) { return o.sandboxes.first(name) }

// Language gives the language of the first rule of owners that matches an identity and has one.
func (o *Owners) Language(identity string) (string, bool) {
	r, ok := o.languages.first(identity)
	return r.Language, ok
}

// Rules lists all rules of the file, in its order within owners, managers and sandboxes.
func (o *Owners) Rules() []Rule {
	return slices.Concat(o.file.Owners, o.file.Managers, o.file.Sandboxes)
}

// Digest is the SHA-256, in hex, of what the file says, however it is written.
func (o *Owners) Digest() string {
	sum := sha256.Sum256([]byte(o.text()))
	return hex.EncodeToString(sum[:])
}

// text is the file on one line.
func (o *Owners) text() string { return flow(ownersSchema(), reflect.ValueOf(&o.file).Elem()) }

// warnings lists what the file leads to and is not there.
func (o *Owners) warnings(slack, webhook bool) []string {
	if o == nil {
		return nil
	}
	var found []string
	if o.cutOff {
		found = append(found, "the last line of the file of owners has no line end: is the file complete?")
	}
	for _, way := range []struct {
		there, webhook bool
		need           string
	}{{slack, false, "Slack token"}, {webhook, true, "webhook.url"}} {
		i := slices.IndexFunc(o.Rules(), func(r Rule) bool { return hasTarget(r) && r.Webhook == way.webhook })
		if i >= 0 && !way.there {
			found = append(found, fmt.Sprintf("%s needs a %s, and there is none", o.Rules()[i].Where, way.need))
		}
	}
	return found
}

// readOwners reads the file that the configuration names, if it names one and that is well.
func (l *loading) readOwners(c *Config) *Owners {
	if c.Reminders.OwnersFile == "" {
		return &Owners{}
	}
	owners, err := LoadOwners(c.Reminders.OwnersFile)
	var problems Problems
	switch {
	case err == nil:
		return owners
	case errors.As(err, &problems):
		for _, p := range problems {
			p.place.layer = layerOwners
			l.add(p)
		}
	default:
		// The path of a file that is not there is not repeated: it may be a secret in the wrong place.
		var problem *fs.PathError
		if errors.As(err, &problem) {
			err = problem.Err
		}
		l.fail("reminders.owners_file", "cannot be read: "+err.Error(), "")
	}
	return &Owners{}
}
