//go:build verify

package store

import (
	"testing"

	"jwtsunset/credential"
	"jwtsunset/verify/pgserver"
)

// BenchmarkPostgresFirstInsert records 100,000 new credentials with a change for each.
func BenchmarkPostgresFirstInsert(b *testing.B) {
	server := pgserver.Start(b)
	list := samples("acme", benchRows)
	changes := found(list)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		s, _, _ := openNew(b, server)
		b.StartTimer()
		record(b, s, "acme", start, writing(start, list, changes...))
	}
}

// BenchmarkPostgresRescan records a scan of 100,000 credentials of which none changed. Reading them is most of it.
func BenchmarkPostgresRescan(b *testing.B) {
	server := pgserver.Start(b)
	s, _, _ := openNew(b, server)
	record(b, s, "acme", start, writing(start, samples("acme", benchRows)))
	b.ReportAllocs()
	for b.Loop() {
		record(b, s, "acme", start, func([]credential.Credential, credential.Scan) (credential.Recording, error) {
			return credential.Recording{Scan: credential.Scan{Finished: start}}, nil
		})
	}
}
