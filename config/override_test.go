package config

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
)

// parseFlags is a command line's values.
func parseFlags(t *testing.T, args ...string) *FlagValues {
	t.Helper()
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	values := AddFlags(fs)
	if err := fs.Parse(args); err != nil {
		t.Fatal(err)
	}
	return values
}

// TestPrecedence puts every combination of the three sources over the default.
func TestPrecedence(t *testing.T) {
	for n := range 8 {
		l, file, want := Loader{}, minimal, 8
		if n&1 != 0 {
			file, want = file+"adobe: {concurrency: 11}\n", 11
		}
		if n&2 != 0 {
			l.Environ, want = []string{"JWTSUNSET_ADOBE_CONCURRENCY=12", "PATH=/bin", "JWTSUNSET_CONFIG=x"}, 12
		}
		if n&4 != 0 {
			l.Flags, want = parseFlags(t, "--adobe.concurrency", "13"), 13
		}
		if got := mustParse(t, l, file).Adobe.Concurrency; got != want {
			t.Errorf("file, env, flag = %v %v %v: concurrency %d, want %d", n&1 != 0, n&2 != 0, n&4 != 0, got, want)
		}
	}
}

// TestEveryKeyCanBeOverridden sets each key by its variable, by its flag and by --set.
func TestEveryKeyCanBeOverridden(t *testing.T) {
	first := strings.NewReplacer("<N>", "0", "[N]", "[0]")
	paths := map[string]string{}
	for _, key := range Keys() {
		name := strings.ReplaceAll(first.Replace(key.Env), envPrefix, "")
		path := first.Replace(key.Path)
		if other, twice := paths[name]; twice {
			t.Errorf("%s and %s have the same variable", other, key.Path)
		}
		paths[name] = key.Path
		if got := pathOf(envSteps(schema(), name, nil)); got != path {
			t.Errorf("%s sets %q, want %q", key.Env, got, path)
		}
		for _, spelling := range []string{path, strings.ReplaceAll(path, "[0]", ".0")} {
			if got := pathOf(setSteps(spelling)); got != path {
				t.Errorf("--set %s sets %q", spelling, got)
			}
		}
		if (key.Flag == "") == (key.Type != "a list of sections" && !strings.HasPrefix(key.Type, "a list;") &&
			!strings.Contains(key.Path, "[N]")) {
			t.Errorf("%s has the flag %q", key.Path, key.Flag)
		}
		if key.Flag == "" {
			continue
		}
		values := parseFlags(t, key.Flag+"=x")
		if got := pathOf(values.overrides[0].steps); got != path || values.overrides[0].text != "x" {
			t.Errorf("%s sets %q", key.Flag, got)
		}
	}
	if len(paths) < 70 {
		t.Errorf("only %d keys", len(paths))
	}
}

// TestEnvironmentIsUnambiguous sees that no variable can mean two keys.
func TestEnvironmentIsUnambiguous(t *testing.T) {
	var ways func(n *node, rest string) int
	ways = func(n *node, rest string) int {
		if rest == "" {
			return 1
		}
		if n.kind == list {
			_, after, _ := strings.Cut(rest, "_")
			return ways(n.elem, after)
		}
		count := 0
		for _, c := range n.fields {
			after, ok := strings.CutPrefix(rest, envWord(c.name))
			if ok && (after == "" || after[0] == '_') {
				count += ways(c, strings.TrimPrefix(after, "_"))
			}
		}
		return count
	}
	for _, key := range Keys() {
		name := strings.ReplaceAll(strings.TrimPrefix(key.Env, envPrefix), "<N>", "0")
		if n := ways(schema(), name); n != 1 {
			t.Errorf("%s means %d keys", key.Env, n)
		}
	}
}

// TestNoFile builds a whole configuration from the environment.
func TestNoFile(t *testing.T) {
	c, err := Loader{Environ: []string{
		"JWTSUNSET_ORGANIZATIONS_1_CLIENT_SECRET_ENV=OTHER",
		"JWTSUNSET_ORGANIZATIONS_1={name: other, ims_org: FFFFFFFFFFFFFFFFFFFFFFFF@AdobeOrg, client_id: b}",
		"JWTSUNSET_ORGANIZATIONS_0_NAME=acme",
		"JWTSUNSET_ORGANIZATIONS_0_IMS_ORG=1A2B3C4D5E6F7A8B0A495C12@AdobeOrg",
		"JWTSUNSET_ORGANIZATIONS_0_CLIENT_ID=a",
		"JWTSUNSET_ORGANIZATIONS_0_CLIENT_SECRET_FILE=/run/secrets/adobe",
		"JWTSUNSET_ORGANIZATIONS_0_SCOPES=[openid, AdobeID]",
		"JWTSUNSET_ADOBE_CONSOLE_URL=",
		"JWTSUNSET_MIGRATOR_METHODS_QUERY_SERVICE=guided",
		"JWTSUNSET_DEADLINES_0_DATE=2025-05-31",
	}}.Load("")
	if err != nil {
		t.Fatal(err)
	}
	want := []Organization{
		{Name: "acme", IMSOrg: "1A2B3C4D5E6F7A8B0A495C12@AdobeOrg", ClientID: "a",
			ClientSecretFile: "/run/secrets/adobe", Scopes: []string{"openid", "AdobeID"}},
		{Name: "other", IMSOrg: "FFFFFFFFFFFFFFFFFFFFFFFF@AdobeOrg", ClientID: "b", ClientSecretEnv: "OTHER",
			Scopes: defaultScopes},
	}
	if diff := cmp.Diff(want, c.Organizations); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if c.Adobe.ConsoleURL != "" {
		t.Errorf("an empty variable did not empty the value: %q", c.Adobe.ConsoleURL)
	}
	if c.Deadlines[0].Date.String() != "2025-05-31" || c.Deadlines[0].Name != "end-of-support" || len(c.Deadlines) != 2 {
		t.Errorf("one key of a default element: %+v", c.Deadlines)
	}
}

// TestSectionsMerge sees that a section given whole keeps the file's other keys, and a list does not.
func TestSectionsMerge(t *testing.T) {
	c := mustParse(t, Loader{
		Environ: []string{"JWTSUNSET_ADOBE_RETRIES=3", "JWTSUNSET_ADOBE={retries: 2, undocumented: {accounts_limit: 7}}"},
		Flags:   parseFlags(t, "--set", "scan.include.sandboxes=[c]", "--metrics.owner-label", "--set=log.level=warn"),
	}, minimal+"adobe: {concurrency: 3, undocumented: {sandbox_list: visible}}\nscan: {include: {sandboxes: [a, b]}}\n")
	if c.Adobe.Concurrency != 3 || c.Adobe.Retries != 3 || c.Adobe.Undocumented.AccountsLimit != 7 ||
		c.Adobe.Undocumented.SandboxList != "visible" {
		t.Errorf("adobe = %+v", c.Adobe)
	}
	if diff := cmp.Diff([]string{"c"}, c.Scan.Include.Sandboxes); diff != "" {
		t.Error(diff)
	}
	if !c.Metrics.OwnerLabel || c.Log.Level != "warn" {
		t.Errorf("flags: %+v %+v", c.Metrics, c.Log)
	}
}

func TestBadOverrides(t *testing.T) {
	tests := []struct {
		name    string
		environ []string
		args    []string
		file    string
		want    []string
	}{
		{name: "misspelt variable", environ: []string{"JWTSUNSET_ADOBE_CONCURENCY=4"},
			want: []string{"JWTSUNSET_ADOBE_CONCURENCY: no such key; did you mean JWTSUNSET_ADOBE_CONCURRENCY?"}},
		{name: "misspelt variable of an element", environ: []string{"JWTSUNSET_ORGANIZATIONS_0_CLINT_ID=4"},
			want: []string{"JWTSUNSET_ORGANIZATIONS_0_CLINT_ID: no such key; " +
				"did you mean JWTSUNSET_ORGANIZATIONS_<N>_CLIENT_ID?"}},
		{name: "unknown variable", environ: []string{"JWTSUNSET_WOBBLE=CANARY"},
			want: []string{"JWTSUNSET_WOBBLE: no such key"}},
		{name: "secret variable", environ: []string{"JWTSUNSET_ORGANIZATIONS_0_CLIENT_SECRET=CANARY"},
			want: []string{"JWTSUNSET_ORGANIZATIONS_0_CLIENT_SECRET: a secret is never written here; set " +
				"JWTSUNSET_ORGANIZATIONS_0_CLIENT_SECRET_FILE or JWTSUNSET_ORGANIZATIONS_0_CLIENT_SECRET_ENV"}},
		{name: "some secret", environ: []string{"JWTSUNSET_MY_PASSWORD=CANARY"},
			want: []string{"JWTSUNSET_MY_PASSWORD: no such key; a variable that holds a secret is named by a key such as" +
				" organizations[N].client_secret_env"}},
		{name: "wrong value", environ: []string{"JWTSUNSET_ADOBE_CONCURRENCY=CANARY"},
			want: []string{"JWTSUNSET_ADOBE_CONCURRENCY: adobe.concurrency: must be a whole number from 1 to 256"}},
		{name: "wrong kind", environ: []string{"JWTSUNSET_SCAN_EXCLUDE=CANARY", "JWTSUNSET_ADOBE=[CANARY]"},
			want: []string{"JWTSUNSET_ADOBE: adobe: must be a section of keys, not a list",
				"JWTSUNSET_SCAN_EXCLUDE: scan.exclude: must be a list, not a single value"}},
		{name: "not YAML", environ: []string{"JWTSUNSET_SCAN_EXCLUDE=[CANARY"},
			want: []string{"JWTSUNSET_SCAN_EXCLUDE: scan.exclude: the list in [ ] is not closed; add , or ]"}},
		{name: "empty list", environ: []string{"JWTSUNSET_SCAN_EXCLUDE="},
			want: []string{"JWTSUNSET_SCAN_EXCLUDE: scan.exclude: has no value; write a list in YAML"}},
		{name: "inside a list", environ: []string{"JWTSUNSET_SCAN_EXCLUDE=[{sandbox: a, client_secret: CANARY}]"},
			want: []string{
				"JWTSUNSET_SCAN_EXCLUDE: scan.exclude[0].client_secret: a secret is never written here; " +
					"use organizations[N].client_secret_file",
				"JWTSUNSET_SCAN_EXCLUDE: scan.exclude[0].reason: is missing; it is text that is not empty"}},
		{name: "gap in a list", environ: []string{"JWTSUNSET_ORGANIZATIONS_5_NAME=x"},
			want: []string{"JWTSUNSET_ORGANIZATIONS_5_NAME: organizations[5]: the number of the next element is 1"}},
		{name: "incomplete element", environ: []string{"JWTSUNSET_SCAN_EXCLUDE_0_SANDBOX=dev"},
			want: []string{"JWTSUNSET_SCAN_EXCLUDE_0_SANDBOX: scan.exclude[0].reason: is missing"}},
		{name: "flag", args: []string{"--log.level", "CANARY"},
			want: []string{"--log.level: log.level: must be debug, info, warn or error"}},
		{name: "set", args: []string{"--set", "adobe.retries=CANARY", "--set", "CANARY", "--set", "adobe.retrys=1",
			"--set", "organizations[x].name=1", "--set", "adobe.p8eCANARY=1", "--set", "client_secret=CANARY"},
			want: []string{
				"--set: has no =; write --set key.path=value",
				"--set: adobe.retrys: unknown key; did you mean retries?",
				"--set: no such key",
				"--set: unknown key; known here are ims_url,",
				"--set: client_secret: a secret is never written here; use organizations[N].client_secret_file",
				"--set: adobe.retries: must be a whole number from 1 to 20"}},
		{name: "order", file: "log: {level: x}\nadobe: {retries: x}\n", args: []string{"--log.format", "x"},
			environ: []string{"JWTSUNSET_SCHEDULE_JITTER=x", "JWTSUNSET_ADOBE_CONCURRENCY=x"},
			want: []string{"test.yml:6:14: log.level", "test.yml:7:18: adobe.retries", "JWTSUNSET_ADOBE_CONCURRENCY: ",
				"JWTSUNSET_SCHEDULE_JITTER: ", "--log.format: "}},
		{name: "under what the file has wrong", file: "adobe: [1]\n", environ: []string{"JWTSUNSET_ADOBE_RETRIES=1"},
			want: []string{"test.yml:6:8: adobe: must be a section of keys, not a list"}},
		{name: "under what should be a list", file: "scan: {exclude: {sandbox: a}}\n",
			environ: []string{"JWTSUNSET_SCAN_EXCLUDE_0_SANDBOX=b"},
			want:    []string{"test.yml:6:17: scan.exclude: must be a list, not a section of keys"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Loader{Environ: test.environ, Flags: parseFlags(t, test.args...)}.
				Parse("test.yml", []byte(minimal+test.file))
			var problems Problems
			if !errors.As(err, &problems) || len(problems) != len(test.want) {
				t.Fatalf("got %v, want %d problems", err, len(test.want))
			}
			for i, p := range problems {
				if !strings.HasPrefix(p.String(), test.want[i]) {
					t.Errorf("problem %d:\n got %s\nwant %s", i, p, test.want[i])
				}
			}
			if strings.Contains(err.Error(), canary) {
				t.Errorf("a value is in the error: %v", err)
			}
		})
	}
}

// TestOverrideHidesNothing sees that a wrong list in the file is reported although a flag sets an element of it.
func TestOverrideHidesNothing(t *testing.T) {
	_, err := Loader{Environ: []string{"JWTSUNSET_LOG_LEVEL=info"}}.Parse("test.yml", []byte("- a\n"))
	if err == nil || !strings.Contains(err.Error(), "test.yml:1:1: must be a section of keys, not a list") {
		t.Errorf("error = %v", err)
	}
}

// TestSecretVariableWithPrefix sees that the configuration may name a variable that begins like ours.
func TestSecretVariableWithPrefix(t *testing.T) {
	l := Loader{Environ: []string{"JWTSUNSET_ADOBE_SECRET=CANARY"}}
	file := strings.Replace(minimal, "file: /run/secrets/adobe", "env: JWTSUNSET_ADOBE_SECRET", 1)
	mustParse(t, l, file)
	if _, err := l.Parse("test.yml", []byte(minimal)); err == nil {
		t.Error("the variable was accepted though nothing names it")
	}
}

func TestFlagHelp(t *testing.T) {
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	AddFlags(fs)
	help := fs.FlagUsages()
	for _, want := range []string{"--adobe.requests-per-second", "(default 10)", "--set key.path=value", "--store text"} {
		if !strings.Contains(help, want) {
			t.Errorf("help has no %q:\n%s", want, help)
		}
	}
}

// TestVariablesOfAClusterAreNotOurs takes what Kubernetes sets in pods beside a service of our name.
func TestVariablesOfAClusterAreNotOurs(t *testing.T) {
	environ := []string{
		"JWTSUNSET_SERVICE_HOST=10.0.0.1", "JWTSUNSET_SERVICE_PORT=9465", "JWTSUNSET_SERVICE_PORT_METRICS=9465",
		"JWTSUNSET_PORT=tcp://10.0.0.1:9465", "JWTSUNSET_PORT_9465_TCP=tcp://10.0.0.1:9465",
		"JWTSUNSET_PORT_9465_TCP_PROTO=tcp", "JWTSUNSET_PORT_9465_TCP_PORT=9465", "JWTSUNSET_PORT_9465_TCP_ADDR=10.0.0.1",
	}
	mustParse(t, Loader{Environ: environ}, minimal)
	for _, k := range Keys() {
		if clusterVariable.MatchString(k.Env) {
			t.Errorf("%s would not be heard", k.Env)
		}
	}
	_, err := Loader{Environ: []string{"JWTSUNSET_PORTS=1"}}.Parse("test.yml", []byte(minimal))
	if err == nil || !strings.Contains(err.Error(), "JWTSUNSET_PORTS") {
		t.Errorf("a variable that only resembles them: %v", err)
	}
}
