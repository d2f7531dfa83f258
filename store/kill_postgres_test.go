//go:build torture

package store

import (
	"path/filepath"
	"testing"
	"time"

	"jwtsunset/verify/pgserver"
)

// TestKillPostgres kills two processes that record scans into one PostgreSQL database, and at each tenth strike the
// server as well.
func TestKillPostgres(t *testing.T) {
	t.Parallel()
	server := pgserver.Start(t)
	var database string
	k := newKiller(t, func(t *testing.T) site {
		t.Helper()
		database = server.CreateDatabase(t)
		folder := t.TempDir()
		return site{
			address: server.SocketURL(database), rows: crashRows,
			keyFile: filepath.Join(folder, "key"), checkpointFile: filepath.Join(folder, "checkpoint"),
		}
	})
	k.killServer = func(t *testing.T) {
		t.Helper()
		server.Kill(t)
		server.Restart(t)
	}
	// The server ends what a dead client began, at its own time.
	k.settle = func(t *testing.T) {
		t.Helper()
		for server.Query(t, database, `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid()`) != "0" {
			pause(t.Context(), int64(time.Millisecond))
		}
	}
	k.strikes(t, *torture)
}
