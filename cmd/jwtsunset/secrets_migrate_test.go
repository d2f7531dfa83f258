package main

import (
	"jwtsunset/simulator"
)

// migrating lets the vault migrate, and gives the ids of a Query Service credential and of one of the Developer Console.
// The secret of the credential that migrates is the one that scans; the OAuth halves have secrets of their own, which the
// pretend Adobe shows to whoever proves that they work.
func (v *vault) migrating() (query, console string) {
	v.t.Helper()
	v.good = v.configuration("log: {level: debug}", migratingConfig(v.server.URL, "false", ""))
	v.configure(v.good)
	v.configured("scan", exitLeft, "scan")
	v.inside("thaw", exitDone, "thaw", "--new-installation", "--reason", "new")
	for _, c := range v.adobe.Truth().Credentials {
		free := c.AuthType == "jwt" && !c.ReadOnly && c.Managed == ""
		switch {
		case free && query == "" && len(c.Sandboxes) > 0:
			query = c.TechnicalAccountID
		case free && console == "" && len(c.Sandboxes) == 0:
			console = c.TechnicalAccountID
		}
	}
	return query, console
}

// deciding runs the commands about one request, well and badly.
func (v *vault) deciding(before [][]string, command ...string) {
	v.t.Helper()
	query, _ := v.migrating()
	put := func(words []string) []string {
		all := make([]string, len(words))
		for i, word := range words {
			if all[i] = word; word == "ID" {
				all[i] = query
			}
		}
		return all
	}
	for _, step := range before {
		v.inside("before", exitDone, put(step)...)
	}
	command = put(command)
	v.configured("good", exitDone, command...)
	v.configured("again", -1, command...)
	v.badKeys(command...)
	v.badly(6, command...)
}

var requested = [][]string{{"request", "ID"}}

func (v *vault) request() { v.deciding(nil, "request", "ID", "--reason", "moved") }

func (v *vault) approve() { v.deciding(requested, "approve", "ID", "--yes") }

func (v *vault) decline() { v.deciding(requested, "decline", "ID", "--reason", "no") }

func (v *vault) revoke() { v.deciding(requested, "revoke", "ID") }

func (v *vault) queue() { v.deciding(requested, "queue", "ID", "-o", "json") }

func (v *vault) freeze() { v.deciding(nil, "freeze", "--reason", "audit") }

func (v *vault) thaw() { v.deciding(nil, "thaw", "--reason", "audit is over") }

// migrate runs the whole way by both methods, with answers that repeat what they were sent.
func (v *vault) migrate() {
	query, console := v.migrating()
	v.inside("request", exitDone, "request", query, console)
	v.inside("approve", exitDone, "approve", query, console, "--yes")
	v.configured("dry run", exitDone, "migrate", "-o", "json")
	v.configured("migrate", exitDone, "migrate", "--yes")
	v.inside("migrate", -1, "migrate", "--yes", "-o", "json")
	v.inside("queue", exitDone, "queue", console, "-o", "json")
	v.badKeys("migrate", "--yes")
	v.badly(6, "migrate")
}

// unresolved leaves a migration of which nobody knows what became of it.
func (v *vault) unresolved(fault string) (query, console string) {
	v.t.Helper()
	query, console = v.migrating()
	f, err := simulator.ParseFault(fault)
	if err != nil {
		v.t.Fatal(err)
	}
	if err := v.adobe.SetFaults([]simulator.Fault{f}); err != nil {
		v.t.Fatal(err)
	}
	v.inside("request", exitDone, "request", query, console)
	v.inside("approve", exitDone, "approve", query, console, "--yes")
	v.inside("migrate", -1, "migrate", "--yes")
	if err := v.adobe.SetFaults(nil); err != nil {
		v.t.Fatal(err)
	}
	return query, console
}

func (v *vault) resolve() {
	query, _ := v.unresolved("kind=504,operation=migrate,effect=none")
	command := []string{"resolve", query, "--not-migrated", "--reason", "seen"}
	v.configured("good", exitDone, command...)
	v.inside("again", exitError, command...)
	v.badKeys(command...)
	v.badly(6, command...)
}

func (v *vault) cancel() {
	_, console := v.unresolved("kind=504,operation=migrate,effect=done")
	v.inside("migrate", -1, "migrate", "--yes")
	command := []string{"cancel", console, "--reason", "leaked", "--yes"}
	v.configured("good", -1, command...)
	v.inside("again", -1, command...)
	v.badKeys(command...)
	v.badly(6, command...)
}
