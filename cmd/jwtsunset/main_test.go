package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"jwtsunset/simulator"
)

// actAsProgram makes the test binary the real program, for tests that start and kill it as a process of its own.
const actAsProgram = "RUN_AS_THE_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(actAsProgram) != "" {
		if err := os.Unsetenv(actAsProgram); err != nil {
			panic(err)
		}
		if ahead := os.Getenv(clockAhead); ahead != "" {
			os.Exit(runAhead(ahead))
		}
		main()
		return
	}
	testscript.Main(m, map[string]func(){"jwtsunset": main})
}

// TestScripts runs the command as its users do. A script can start a pretend Adobe with
//
//	adobe [scenario=NAME] [seed=N] [fault=F]... [switch=NAME=VALUE]...
//
// which writes a configuration jwtsunset.yml for it, and let some time pass there with "step". Further it can end a
// command with an exact exit code, change bytes of a file, and make the database that the first release left:
//
//	code N COMMAND...
//	overwrite FILE OLD NEW
//	release1 FILE
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"adobe": adobeScript,
			"code":  codeScript,
			"step":  stepScript,

			"slack":     slackScript,
			"migrating": migratingScript,
			"pick":      pickScript,
			"starts":    startsScript,
			"use":       useScript,
			"fault":     faultScript,
			"firstid":   firstIDScript,
			"overwrite": overwriteScript,
			"release1":  release1Script,
		},
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("NO_COLOR", "1")
			return os.WriteFile(filepath.Join(e.WorkDir, "client-secret"), []byte(simulator.ClientSecret+"\n"), 0o600)
		},
	})
}

func adobeScript(ts *testscript.TestScript, _ bool, args []string) {
	withSlack := false
	o := simulator.Options{Scenario: "small", Seed: 1, Switches: map[string]string{}}
	for _, arg := range args {
		key, value, _ := strings.Cut(arg, "=")
		switch key {
		case "scenario":
			o.Scenario = value
		case "seed":
			seed, err := strconv.ParseUint(value, 10, 64)
			ts.Check(err)
			o.Seed = seed
		case "fault":
			f, err := simulator.ParseFault(value)
			ts.Check(err)
			o.Faults = append(o.Faults, f)
		case "slack":
			withSlack = true
		case "switch":
			name, setting, _ := strings.Cut(value, "=")
			o.Switches[name] = setting
		default:
			ts.Fatalf("adobe: unknown argument %q", arg)
		}
	}
	s, err := simulator.New(o)
	ts.Check(err)
	if withSlack {
		startWithSlack(ts, s)
		return
	}
	server := httptest.NewServer(s)
	ts.Defer(server.Close)
	ts.Setenv("ADOBE", server.URL)
	ts.Check(os.WriteFile(ts.MkAbs("jwtsunset.yml"), []byte(testConfig(server.URL, "client-secret")), 0o600))
}

// stepScript lets the pretend Adobe go on to its next state.
func stepScript(ts *testscript.TestScript, _ bool, _ []string) {
	client := http.Client{Timeout: patience}
	response, err := client.Post(ts.Getenv("ADOBE")+simulator.ControlPrefix+"step", "application/json", nil)
	ts.Check(err)
	ts.Check(response.Body.Close())
	if response.StatusCode != http.StatusOK {
		ts.Fatalf("step: %s", response.Status)
	}
}

// codeScript runs the command and wants an exact exit code, which "exec" cannot tell.
func codeScript(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit, ok := err.(interface{ ExitCode() int }); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// overwriteScript puts a text of the same length in the place of the first that is like another.
func overwriteScript(ts *testscript.TestScript, _ bool, args []string) {
	file, before, after := ts.MkAbs(args[0]), args[1], args[2]
	content, err := os.ReadFile(file)
	ts.Check(err)
	at := bytes.Index(content, []byte(before))
	if at < 0 || len(before) != len(after) {
		ts.Fatalf("%s holds no %q, or it is not as long as %q", file, before, after)
	}
	copy(content[at:], after)
	ts.Check(os.WriteFile(file, content, 0o600))
}

func release1Script(ts *testscript.TestScript, _ bool, args []string) {
	script, err := os.ReadFile(filepath.Join(repository, "store", "testdata", "schema-1.sql"))
	ts.Check(err)
	db, err := sql.Open("sqlite", ts.MkAbs(args[0]))
	ts.Check(err)
	_, err = db.ExecContext(context.Background(), string(script))
	ts.Check(errors.Join(err, db.Close()))
}

// testConfig is the configuration of an organization at a pretend Adobe.
func testConfig(url, secretFile string) string {
	return `organizations:
  - name: acme
    ims_org: ` + simulator.IMSOrganization + `
    client_id: ` + simulator.ClientID + `
    client_secret_file: ` + secretFile + `
adobe:
  ims_url: ` + url + `
  platform_url: ` + url + `
  console_url: ` + url + `
  requests_per_second: 0
  retries: 1
store: sqlite:jwtsunset.db
`
}
