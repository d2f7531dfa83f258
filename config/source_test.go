package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func writeSecret(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(name, mode); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestSourceRead(t *testing.T) {
	tests := []struct{ name, text, want, problem string }{
		{"plain", "CANARY", "CANARY", ""},
		{"one line end is cut", "CANARY\n", "CANARY", ""},
		{"of either kind", "CANARY\r\n", "CANARY", ""},
		{"blanks stay", " CANARY ", " CANARY ", ""},
		{"two line ends", "CANARY\n\n", "", "holds more than one line"},
		{"two lines", "CANARY\nb", "", "holds more than one line"},
		{"empty", "", "", "is empty"},
		{"line end only", "\n", "", "is empty"},
		{"too long", strings.Repeat("CANARY", secretLimit), "", "bytes"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("TEST_SECRET", test.text)
			for _, source := range []Source{{File: writeSecret(t, test.text, 0o600)}, {Env: "TEST_SECRET"}} {
				got, err := source.Read()
				if got.Reveal() != test.want || (err == nil) != (test.problem == "") {
					t.Fatalf("%v: read %q, %v", source, got.Reveal(), err)
				}
				if err == nil {
					continue
				}
				if !strings.Contains(err.Error(), test.problem) || !strings.Contains(err.Error(), source.File+source.Env) {
					t.Errorf("error %q does not say %q of the source", err, test.problem)
				}
				if strings.Contains(err.Error(), canary) {
					t.Errorf("the secret is in the error %q", err)
				}
			}
		})
	}
}

// TestSourceReadsAnew sees that a rotated secret is used without a restart.
func TestSourceReadsAnew(t *testing.T) {
	name := writeSecret(t, "first\n", 0o600)
	source := Source{File: name}
	for _, want := range []string{"first", "second"} {
		if err := os.WriteFile(name, []byte(want+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := source.Read(); err != nil || got.Reveal() != want {
			t.Errorf("read %q, %v; want %q", got.Reveal(), err, want)
		}
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if _, err := source.Read(); err == nil || !strings.Contains(err.Error(), name) {
		t.Errorf("a file that is gone: %v", err)
	}
	_, err := Source{Env: "TEST_NOT_SET"}.Read()
	if err == nil || !strings.Contains(err.Error(), "TEST_NOT_SET is not set") {
		t.Errorf("a variable that is not set: %v", err)
	}
	if _, err := (Source{}).Read(); err == nil {
		t.Error("no source at all was read")
	}
}

func TestWarnings(t *testing.T) {
	private := writeSecret(t, "CANARY", 0o640)
	public := writeSecret(t, "CANARY", 0o644)
	tests := []struct{ name, secret, more, want string }{
		{"private secret", private, "", ""},
		{"public secret", public, "", "file " + public + " can be read by every user of this machine: chmod o-rwx it"},
		{"no secret", "/nonexistent/adobe", "", "read secret: file /nonexistent/adobe: no such file or directory"},
		{"secret for a path", "CANARY", "", "read secret: the file that client_secret_file names: no such file or directory"},
		{"open metrics", private, "listen: {metrics: \":9465\"}\n", "listen.metrics can be reached"},
		{"open metrics with TLS", private, "listen: {metrics: \":9465\"}\nmetrics: {web_config_file: web.yml}\n", ""},
		{"open web", private, "listen: {web: \"0.0.0.0:8465\"}\n", "listen.web can be reached"},
		{"no last line end", private, "log: {level: info}", "the last line of the configuration has no line end"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := mustParse(t, Loader{}, strings.Replace(minimal, "/run/secrets/adobe", test.secret, 1)+test.more)
			got := strings.Join(c.Warnings(), "\n")
			if (got == "") != (test.want == "") || !strings.HasPrefix(got, test.want) {
				t.Errorf("warnings %q, want %q", got, test.want)
			}
			if strings.Contains(got, canary) {
				t.Errorf("the secret is in %q", got)
			}
		})
	}
}

func TestStoreURL(t *testing.T) {
	if got, err := mustParse(t, Loader{}, minimal).StoreURL(); err != nil || got.Reveal() != "sqlite:jwtsunset.db" {
		t.Errorf("default: %q, %v", got.Reveal(), err)
	}
	t.Setenv("TEST_STORE", "postgres://u:CANARY@db/x")
	c := mustParse(t, Loader{}, minimal+"store_env: TEST_STORE\n")
	if got, err := c.StoreURL(); err != nil || got.Reveal() != "postgres://u:CANARY@db/x" {
		t.Errorf("from a variable: %q, %v", got.Reveal(), err)
	}
}

func TestValidStore(t *testing.T) {
	for address, want := range map[string]bool{
		"sqlite:jwtsunset.db": true, "sqlite:": false, "": false, "jwtsunset.db": false, "mysql://db/x": false,
		"postgres://db/x": true, "postgresql://u@db:5432/x?sslmode=verify-full": true,
		"postgres:///x?host=/run/postgresql": true, "postgres:///x": false,
		"postgres://u:CANARY@db/x": false, "postgres://u@db/x?password=CANARY": false,
		"postgres://u@db/x?sslpassword=CANARY": false, "postgres://u@db:99999999999/x%zz": false,
	} {
		if got := ValidStore(address); got != want {
			t.Errorf("%s: %v, want %v", address, got, want)
		}
	}
}
