package store

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// canary is a password that no message may hold any part of that would be worth something.
const canary = "hunter2"

// TestPostgresAddresses opens addresses that cannot work: what they say never holds the password, however it is
// written.
func TestPostgresAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"postgres:":                                                                  "not complete",
		"postgres:hunter2":                                                           "not complete",
		"postgres:host=h password=hunter2":                                           "not complete",
		"postgresql:/u:hunter2@h/db":                                                 "not complete",
		"postgres:user:hunter2@127.0.0.1/db":                                         "not complete",
		"postgres://u:12/hunter2@127.0.0.1/db":                                       "%2F",
		"postgres://u:12?hunter2@127.0.0.1/db":                                       "%3F",
		"postgres://u:12#hunter2@127.0.0.1/db":                                       "%23",
		"postgres://u:a/hunter2#b@127.0.0.1/db":                                      "%2F",
		"postgres://u:p@127.0.0.1/db?password=hunter2@x":                             "%40",
		"postgres://u:p@127.0.0.1/db#hunter2":                                        "%23",
		"postgres://u:hunter2":                                                       "not valid",
		"postgres://u:hunter2/db":                                                    "not valid",
		"postgres://u:hunter2%zz@127.0.0.1/db":                                       "not valid",
		"postgres://u:hunter2%@127.0.0.1/db":                                         "not valid",
		"postgres://u:hun ter2@127.0.0.1/db":                                         "not valid",
		"postgres://u:hunter2\x00@127.0.0.1/db":                                      "not valid",
		"postgres://u:hunter2\n@127.0.0.1:1/db":                                      "cannot connect",
		"postgres://u:hunter2@127.0.0.1:port/db":                                     "not valid",
		"postgres://u:hunter2@127.0.0.1:99999/db":                                    "not valid",
		"postgres://u:hunter2@127.0.0.1:hunter2/db":                                  "not valid",
		"postgres://u:p@127.0.0.1:1:hunter2/db":                                      "not valid",
		"postgres://u:hunter2@[::1/db":                                               "not valid",
		"postgres://u:hunter2@127.0.0.1/db?sslmode=maybe":                            "not valid",
		"postgres://u:hunter2@127.0.0.1/db?%zz=1":                                    "not valid",
		"postgres://u@127.0.0.1/db?password=hunter2&port=":                           "cannot connect",
		"postgres://u:hunter2@127.0.0.1/db?connect_timeout=hunter2":                  "not valid",
		"postgres://u:hunter2@127.0.0.1/db?pool_max_conns=hunter2":                   "not valid",
		"postgres://u:hunter2@127.0.0.1/db?default_query_exec_mode=hunter2":          "not valid",
		"postgres://u:hunter2@127.0.0.1/db?target_session_attrs=hunter2":             "not valid",
		"postgres://u:hunter2@127.0.0.1/db?sslmode=verify-full&sslrootcert=/nowhere": "/nowhere",
		"postgres://u:hunter2@127.0.0.1:1/db":                                        "open the PostgreSQL database \"db\" at 127.0.0.1:1: cannot connect",
		"postgres://u:hunter2@127.0.0.1:1,127.0.0.1:2/db":                            "cannot connect",
		"postgres://u:hunter2@host.invalid/db":                                       "cannot connect",
		"postgresql://u:hunter2@127.0.0.1:1/db?sslmode=disable":                      "connection refused",
		"postgres:///db?host=/nowhere&password=hunter2":                              "cannot connect",
		"postgres://u:%68unter2@127.0.0.1:1/db":                                      "cannot connect",
	} {
		t.Run(fmt.Sprintf("%q", address), func(t *testing.T) {
			s, err := Open(t.Context(), address, quiet(Options{}))
			if err == nil {
				t.Fatal(errors.Join(errors.New("it was opened"), s.Close()))
			}
			if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), canary) {
				t.Errorf("error %q must say %q and never the password", err, want)
			}
			if _, err := VersionOf(t.Context(), address, Options{}); err == nil || strings.Contains(err.Error(), canary) {
				t.Errorf("version: %v", err)
			}
		})
	}
}

// FuzzPostgresAddress parses anything: an address that is refused is refused without repeating the password.
func FuzzPostgresAddress(f *testing.F) {
	f.Add("u:", "@h/db")
	f.Add("u:a/", "@h:5432/db?sslmode=disable")
	f.Add("", "?host=/tmp&x=%zz")
	f.Fuzz(func(t *testing.T, before, after string) {
		if _, err := postgresConfig("postgres://" + before + canary + after); err != nil &&
			strings.Contains(err.Error(), canary) && !strings.Contains(err.Error(), "names a file") {
			t.Errorf("%q", err)
		}
	})
}

func TestPostgresSettings(t *testing.T) {
	schema := "public"
	good := settings{
		version: 150004, encoding: "UTF8", fsync: "on", synchronousCommit: "on", fullPageWrites: "on", isReadOnly: "off",
		schema: &schema,
	}
	for name, test := range map[string]struct {
		change func(*settings)
		want   error
		say    string // "" where nothing is wrong
	}{
		"as shipped":       {func(*settings) {}, nil, ""},
		"oldest":           {func(s *settings) { s.version = 130000 }, nil, ""},
		"remote_apply":     {func(s *settings) { s.synchronousCommit = "remote_apply" }, nil, ""},
		"local":            {func(s *settings) { s.synchronousCommit = "local" }, nil, ""},
		"partial pages":    {func(s *settings) { s.fullPageWrites = "off" }, nil, ""},
		"old server":       {func(s *settings) { s.version = 120022 }, ErrUnsupported, "PostgreSQL 12 and must be 13"},
		"encoding":         {func(s *settings) { s.encoding = "LATIN1" }, ErrUnsupported, "encoding LATIN1"},
		"standby":          {func(s *settings) { s.standby, s.isReadOnly = true, "on" }, nil, "primary's host"},
		"reading only":     {func(s *settings) { s.isReadOnly = "on" }, nil, "default_transaction_read_only"},
		"no fsync":         {func(s *settings) { s.fsync = "off" }, nil, "set fsync=on"},
		"commits not safe": {func(s *settings) { s.synchronousCommit = "off" }, nil, "synchronous_commit=off"},
		"no schema":        {func(s *settings) { s.schema = nil }, ErrMissing, "CREATE SCHEMA"},
	} {
		found := good
		test.change(&found)
		err := found.refuse()
		if (err != nil) != (test.say != "") || test.want != nil && !errors.Is(err, test.want) ||
			err != nil && !strings.Contains(err.Error(), test.say) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPostgresErrors says what to do about answers of a server, and keeps their identity.
func TestPostgresErrors(t *testing.T) {
	d, err := newPostgres("postgres://ana:hunter2@db.example.com/sunset", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		code   string
		commit bool
		want   error
		say    string
	}{
		{"53100", false, nil, "make room"},
		{"53200", false, nil, "lacks memory"},
		{"53300", false, nil, "max_connections"},
		{"57P01", false, nil, "nothing was recorded"},
		{"57P01", true, nil, "not known whether"},
		{"57P03", false, nil, "try again"},
		{"08006", true, nil, "not known whether"},
		{"25006", false, nil, "read-only"},
		{"25P03", false, nil, "starved"},
		{"42501", false, nil, `role "ana" lacks a privilege`},
		{"28P01", false, nil, "pg_hba.conf"},
		{"3D000", false, ErrMissing, "createdb"},
		{"55P03", false, nil, "pg_locks"},
		{"57014", false, nil, "statement_timeout"},
		{"40001", false, nil, "try again"},
		{"40P01", true, nil, "nothing was recorded"},
		{"23505", false, ErrConflict, "person_pkey"},
		{"XX001", false, ErrCorrupt, "restore a backup"},
		{"XX002", false, ErrCorrupt, "restore a backup"},
		{"42704", false, nil, "parameter"},
		{"54000", false, nil, "2,700 bytes"},
		{"22012", false, nil, "message"},
	} {
		failure := error(&pgconn.PgError{Code: test.code, Message: "message", ConstraintName: "person_pkey"})
		if test.commit {
			failure = fmt.Errorf("%w: %w", errCommit, failure)
		}
		err := d.explain(fmt.Errorf("write: %w", failure))
		var kept *pgconn.PgError
		if !strings.Contains(err.Error(), test.say) || !strings.Contains(err.Error(), "message") ||
			test.want != nil && !errors.Is(err, test.want) || !errors.As(err, &kept) {
			t.Errorf("%s: %v", test.code, err)
		}
	}
}
