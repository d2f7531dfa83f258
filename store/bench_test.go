package store

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"jwtsunset/audit"
	"jwtsunset/credential"
)

const benchRows = 100_000

func found(list []credential.Credential) []credential.Change {
	changes := make([]credential.Change, len(list))
	for i, c := range list {
		changes[i] = credential.Change{
			Organization: c.Organization, CredentialID: c.ID, At: start, Kind: credential.ChangeFound, To: c.Name,
		}
	}
	return changes
}

// BenchmarkFirstInsert records 100,000 new credentials; with a change for each as a real first scan does.
func BenchmarkFirstInsert(b *testing.B) {
	list := samples("acme", benchRows)
	for _, bench := range []struct {
		name    string
		changes []credential.Change
	}{{"credentials", nil}, {"credentials and changes", found(list)}} {
		b.Run(bench.name, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				s, err := Open(b.Context(), "sqlite:"+filepath.Join(b.TempDir(), "b.db"), quiet(Options{Create: true}))
				if err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				record(b, s, "acme", start, writing(start, list, bench.changes...))
				b.StopTimer()
				if err := s.Close(); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
}

func filled(b *testing.B) (*Store, string) {
	s, file := newFile(b)
	list := samples("acme", benchRows)
	record(b, s, "acme", start, writing(start, list, found(list)...))
	return s, file
}

// BenchmarkRecord records a scan of 100,000 credentials of which some changed. Reading them is part of it. Only the
// changed ones are written: rows/op are theirs, the scan's two, and of the audit log the entry and the newest checkpoint.
func BenchmarkRecord(b *testing.B) {
	for _, bench := range []struct {
		name  string
		every int
	}{{"none changed", benchRows + 1}, {"1 percent changed", 100}, {"all changed", 1}} {
		b.Run(bench.name, func(b *testing.B) {
			s, _ := filled(b)
			before := totalChanges(b, s)
			b.ReportAllocs()
			for b.Loop() {
				record(b, s, "acme", start, missing(bench.every))
			}
			rows := (totalChanges(b, s) - before) / int64(b.N)
			if want := int64(benchRows/bench.every + 4); rows < want || rows > want+1 { // and a milestone at times
				b.Errorf("%d rows were written for each scan, want %d", rows, want)
			}
			b.ReportMetric(float64(rows), "rows/op")
		})
	}
}

// missing is a merge that changes one of so many credentials.
func missing(every int) Merge {
	return func(previous []credential.Credential, _ credential.Scan) (credential.Recording, error) {
		r := credential.Recording{Scan: credential.Scan{Finished: start}}
		for i := every - 1; i < len(previous); i += every {
			previous[i].Missed++
			r.Changed = append(r.Changed, previous[i])
		}
		return r, nil
	}
}

// TestRecordWritesOnlyChanges records a scan of many credentials of which one percent changed.
func TestRecordWritesOnlyChanges(t *testing.T) {
	s, _ := newFile(t)
	record(t, s, "acme", start, writing(start, samples("acme", 20_000)))
	before := totalChanges(t, s)
	record(t, s, "acme", start, missing(100))
	if got := totalChanges(t, s) - before; got != 200+4 { // the scan started and ended, the entry, its checkpoint
		t.Errorf("%d rows were written for 200 changed credentials, want 204", got)
	}
}

// BenchmarkRecordEvent adds one entry to the audit log, on the disk when it is done.
func BenchmarkRecordEvent(b *testing.B) {
	s, _ := newFile(b)
	b.ReportAllocs()
	for b.Loop() {
		if err := s.RecordEvent(b.Context(), mark("a")); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkVerifyLog reads and verifies an audit log of 50,000 entries, as many as four scans a day make in 34 years.
func BenchmarkVerifyLog(b *testing.B) {
	const entries = 50_000
	s, _ := newFile(b)
	r := credential.Recording{Scan: wholeScan()}
	err := s.inTx(b.Context(), func(tx *transaction) error {
		for tx.newest.head.Size < entries {
			if err := tx.append(b.Context(), scanEvent(tx.newest.head.Size, "acme", r)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	trust := audit.Trust{Key: auditKey(b, s)}
	b.ReportAllocs()
	for b.Loop() {
		err := s.AuditLog(b.Context(), func(log audit.Log) error {
			report, err := audit.Verify(b.Context(), log, trust)
			if err == nil && report.Last != entries {
				err = fmt.Errorf("%d entries were verified, want %d", report.Last, entries)
			}
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(entries)*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
}

// BenchmarkLoad reads 100,000 credentials, all of which the Developer Console knows too, or none.
func BenchmarkLoad(b *testing.B) {
	for _, console := range []bool{true, false} {
		b.Run(fmt.Sprintf("console %t", console), func(b *testing.B) {
			s, _ := newFile(b)
			list := samples("acme", benchRows)
			for i := range list {
				if !console {
					list[i].Console = credential.Console{}
				}
			}
			record(b, s, "acme", start, writing(start, list))
			b.ReportAllocs()
			for b.Loop() {
				list, err := s.Credentials(context.Background(), "acme")
				if err != nil || len(list) != benchRows {
					b.Fatal(len(list), err)
				}
			}
		})
	}
}

// BenchmarkCredential finds one of 100,000 credentials.
func BenchmarkCredential(b *testing.B) {
	s, _ := filled(b)
	for b.Loop() {
		if _, err := s.Credential(context.Background(), "", "00000000000000000000ABCD"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpen opens a database of 100,000 credentials, with and without looking for damage.
func BenchmarkOpen(b *testing.B) {
	s, file := filled(b)
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	for name, skip := range map[string]bool{"checked": false, "unchecked": true} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				s, err := Open(b.Context(), "sqlite:"+file, quiet(Options{SkipCheck: skip}))
				if err != nil {
					b.Fatal(err)
				}
				if err := s.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkCheck reads the whole database of 100,000 credentials for damage.
func BenchmarkCheck(b *testing.B) {
	s, _ := filled(b)
	for b.Loop() {
		if err := s.Check(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}
