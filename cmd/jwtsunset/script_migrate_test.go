package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"jwtsunset/simulator"
)

// judges are the pretend Adobes of the scripts that migrate, by the address of their server.
var judges sync.Map

// migratingScript serves a pretend Adobe and writes a configuration that migrates there at once: migrating [KEY=VALUE]...
// with scenario, and lines of the configuration under four_eyes and extra.
func migratingScript(ts *testscript.TestScript, _ bool, args []string) {
	scenario, fourEyes, extra := "small", "false", ""
	for _, arg := range args {
		key, value, _ := strings.Cut(arg, "=")
		switch key {
		case "scenario":
			scenario = value
		case "four_eyes":
			fourEyes = value
		case "extra":
			extra = "  " + value + "\n"
		default:
			ts.Fatalf("migrating: unknown argument %q", arg)
		}
	}
	s, err := simulator.New(simulator.Options{Scenario: scenario, Seed: 1, MigrationTime: new(time.Duration)})
	ts.Check(err)
	server := httptest.NewServer(s)
	ts.Defer(server.Close)
	judges.Store(server.URL, s)
	ts.Setenv("ADOBE", server.URL)
	ts.Check(os.WriteFile(ts.MkAbs("jwtsunset.yml"), []byte(testConfig(server.URL, "client-secret")+
		migratingConfig(server.URL, fourEyes, extra)), 0o600))
}

// migratingConfig lets the user who runs the tests ask and approve.
func migratingConfig(url, fourEyes, extra string) string {
	account := url + "/simulator/not-adobe/query-service/accounts/{account}"
	return `
people: [{name: me, os_user: ` + strconv.Quote(osUser()) + `, roles: [approver]}]
approval: {via: [cli], four_eyes: ` + fourEyes + `}
migrator:
  enabled: true
  methods: {query-service: query-service}
  pause: 0s
  canary: false
  settle: 1s
  quarantine: 1s
  one_shot:
    url: "` + account + `/migrate"
    success: {member: status, values: [Migrated]}
    status: {url: "` + account + `", account_member: technicalAccountId}
` + extra
}

// pickScript puts the id of a credential into a variable: pick NAME KIND AUTH, where AUTH is jwt or both, and KIND
// query-service, developer-console or guarded.
func pickScript(ts *testscript.TestScript, _ bool, args []string) {
	taken := ts.Getenv("TAKEN")
	for _, c := range judgeOf(ts).Truth().Credentials {
		kind := "developer-console"
		if len(c.Sandboxes) > 0 {
			kind = "query-service"
		}
		if c.ReadOnly || c.Managed != "" {
			kind = "guarded"
		}
		if kind == args[1] && c.AuthType == args[2] && !strings.Contains(taken, c.TechnicalAccountID) {
			ts.Setenv(args[0], c.TechnicalAccountID)
			ts.Setenv("TAKEN", taken+" "+c.TechnicalAccountID)
			return
		}
	}
	ts.Fatalf("pick: there is no credential %s %s", args[1], args[2])
}

func judgeOf(ts *testscript.TestScript) *simulator.Simulator {
	found, ok := judges.Load(ts.Getenv("ADOBE"))
	if !ok {
		ts.Fatalf("begin with migrating")
	}
	return found.(*simulator.Simulator)
}

// startsScript wants a number of starts to have arrived, of which none overlapped another or came twice.
func startsScript(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	ledger := judgeOf(ts).Ledger()
	if n, counts := len(ledger.Starts()), ledger.StartCounts(); n != want || counts != (simulator.StartCounts{}) {
		ts.Fatalf("%d starts, want %d: %+v", n, want, counts)
	}
}

// useScript says when a credential was last used: use ID GRANT AGO, as in use $ID jwt 25h.
func useScript(ts *testscript.TestScript, _ bool, args []string) {
	ago, err := time.ParseDuration(args[2])
	ts.Check(err)
	body, err := json.Marshal(map[string]string{
		"credential": args[0], "grant": args[1], "at": time.Now().Add(-ago).UTC().Format(time.RFC3339),
	})
	ts.Check(err)
	client := http.Client{Timeout: patience}
	response, err := client.Post(ts.Getenv("ADOBE")+simulator.ControlPrefix+"use", "application/json", strings.NewReader(string(body)))
	ts.Check(err)
	ts.Check(response.Body.Close())
	if response.StatusCode != http.StatusOK {
		ts.Fatalf("use: %s", response.Status)
	}
}

// faultScript lets calls fail from here on: fault SPEC..., none to let them work again.
func faultScript(ts *testscript.TestScript, _ bool, args []string) {
	var faults []simulator.Fault
	for _, arg := range args {
		f, err := simulator.ParseFault(arg)
		ts.Check(err)
		faults = append(faults, f)
	}
	ts.Check(judgeOf(ts).SetFaults(faults))
}
