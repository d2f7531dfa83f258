package store

import (
	"fmt"
	"testing"
	"time"

	"jwtsunset/approval"
	"jwtsunset/audit"
	"jwtsunset/migrator"
)

// BenchmarkChangeRequest makes one decision about one of 1,000 open requests beside 10,000 that are over; it is recorded
// and on the disk when it is done.
func BenchmarkChangeRequest(b *testing.B) {
	s, _ := newFile(b)
	benchMigrations(b, s, 10_000)
	ids := make([]string, 1000)
	record(b, s, "acme", start, writing(start, samples("acme", len(ids))))
	for n := range ids {
		addRequest(b, s, requestFor(n))
		ids[n] = requestID(n)
	}
	b.ReportAllocs()
	round := 0
	for b.Loop() {
		round++
		_, err := s.ChangeRequest(b.Context(), ids[round%len(ids)], func(r *approval.Request, _ *approval.Line) (audit.Event, error) {
			d := approval.Decision{Kind: approval.DecisionApprove, By: r.By, Fingerprint: r.Fingerprint, At: start}
			r.Decisions = []approval.Decision{d}
			r.Expires = start.Add(time.Duration(round))
			return requested(*r), nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "decisions/s")
}

// benchMigrations puts many migrations that are over into a store.
func benchMigrations(tb testing.TB, s *Store, n int) {
	tb.Helper()
	list := make([]migrationRow, n)
	for i := range list {
		r := requestFor(i)
		r.ID, r.Organization, r.State, r.Ended = fmt.Sprintf("ffff%028x", i*7919), "past", approval.StateExpired, start
		row, err := encodeMigration(&migrator.Migration{Request: r})
		if err != nil {
			tb.Fatal(err)
		}
		list[i] = row
	}
	err := s.inTx(tb.Context(), func(tx *transaction) error {
		return insertAll(tb.Context(), tx, list, s.queries.tables[len(s.queries.tables)-2].insert,
			func(args []any, r *migrationRow) ([]any, error) { return append(args, r.args()...), nil })
	})
	if err != nil {
		tb.Fatal(err)
	}
}

// BenchmarkOpenMigrations reads 1,000 open requests beside 10,000 that are over.
func BenchmarkOpenMigrations(b *testing.B) {
	s, _ := newFile(b)
	benchMigrations(b, s, 10_000)
	withRequests(b, s, 1000)
	b.ReportAllocs()
	for b.Loop() {
		list, err := s.Migrations(b.Context())
		if err != nil || len(list) != 1000 {
			b.Fatal(len(list), err)
		}
	}
}
