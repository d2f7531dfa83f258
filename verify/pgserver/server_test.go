//go:build verify

package pgserver

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// TestServer takes a server through its life: what was committed is there after a stop and after a kill.
func TestServer(t *testing.T) {
	s := Start(t)
	name := s.CreateDatabase(t)
	s.Execute(t, name, "CREATE TABLE word (text TEXT)", "INSERT INTO word VALUES ('kept')")
	if fsync := s.Query(t, name, "SELECT current_setting('fsync')"); fsync != "on" {
		t.Errorf("fsync is %s", fsync)
	}
	conn, err := pgx.Connect(t.Context(), s.URL(name))
	if err != nil {
		t.Fatal(err)
	}
	s.Kill(t)
	if _, err := conn.Exec(t.Context(), "SELECT 1"); err == nil {
		t.Error("a killed server answers")
	}
	if _, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.Address()); err == nil {
		t.Error("a killed server listens")
	}
	s.Restart(t)
	if !strings.Contains(s.Log(), "was not properly shut down") {
		t.Errorf("the server does not notice that it was killed:\n%s", s.Log())
	}
	s.Restart(t)
	if strings.Contains(s.Log(), "was not properly shut down") {
		t.Errorf("the server was not stopped properly:\n%s", s.Log())
	}
	if word := s.Query(t, name, "SELECT text FROM word"); word != "kept" {
		t.Errorf("the row reads %q", word)
	}
	if name == s.CreateDatabase(t) {
		t.Error("two databases have the same name")
	}
}

// TestSettings starts a server with settings, and fails to with impossible ones.
func TestSettings(t *testing.T) {
	s := Start(t, "fsync=off", "work_mem=1MB")
	if got := s.Query(t, "postgres", "SELECT current_setting('fsync') || current_setting('work_mem')"); got != "off1MB" {
		t.Errorf("settings %s", got)
	}
	s.settings = []string{"fsync=perhaps"}
	s.Stop(t)
	if err := s.start(t.Context()); err == nil || !strings.Contains(err.Error(), "Boolean") {
		t.Errorf("error %v, want one with what the server printed", err)
	}
}

// TestPassword holds that TCP needs the password.
func TestPassword(t *testing.T) {
	s := Start(t)
	if _, err := pgx.Connect(t.Context(), s.UserURL("postgres", "wrong", "postgres")); err == nil {
		t.Error("a wrong password is accepted")
	}
	b, err := os.ReadFile(filepath.Join(s.data(), "pg_hba.conf"))
	if err != nil || !strings.Contains(string(b), "scram-sha-256") {
		t.Errorf("%s %v", b, err)
	}
}
