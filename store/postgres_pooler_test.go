//go:build verify

package store

import (
	"strings"
	"testing"

	"jwtsunset/verify/pgserver"
)

// TestPostgresPooler does everything through a pooler that gives each transaction another session. Statements must not
// be prepared for a session then, which the address says.
func TestPostgresPooler(t *testing.T) {
	server := pgserver.Start(t)
	pooler := server.Pooler(t)
	for _, mode := range []string{"exec", "cache_describe", "simple_protocol"} {
		t.Run(mode, func(t *testing.T) {
			o := withKeys(t, Options{Create: true})
			o.Audit.Actor = Actor{Identity: "os:ana", Name: "Ana"}
			address := strings.Replace(server.URL(server.CreateDatabase(t)), server.Address(), pooler, 1) +
				"?default_query_exec_mode=" + mode
			one, two := openAt(t, address, o), openAt(t, address, o)
			twoWriters(t, one, two)
			record(t, one, "beta", start, writing(start, samples("beta", 120), found(samples("beta", 120))...))
			wantCredentials(t, two, "beta", samples("beta", 120)...)
			lock, err := one.Lock(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			wantLocked(t, second(two.Lock(t.Context())))
			server.Execute(t, "postgres", "SELECT pg_terminate_backend(pid) "+daemons)
			if err := lock.Hold(t.Context()); err != nil {
				t.Error(err)
			}
			wantLocked(t, second(two.Lock(t.Context())))
			if err := lock.Release(); err != nil {
				t.Error(err)
			}
			useAll(t, two)
		})
	}
	t.Run("a parameter that it does not know", func(t *testing.T) {
		address := strings.Replace(server.URL("postgres"), server.Address(), pooler, 1)
		wantRefused(t, server, address+"?lock_timeout=1s", quiet(Options{}), nil, "08P01", "ignore_startup_parameters")
	})
}
