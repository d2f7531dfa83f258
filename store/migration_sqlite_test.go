package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jwtsunset/approval"
	"jwtsunset/audit"
	"jwtsunset/migrator"
)

// TestMigrationFullDisk has no room for a change: it does not happen, and is told not to have happened.
func TestMigrationFullDisk(t *testing.T) {
	s, file := newFile(t)
	withRequests(t, s, 1)
	before := contentsOf(t, s)
	limit(t, s, "PRAGMA max_page_count = 1") // as many as there are
	m, err := s.ChangeMigration(t.Context(), requestID(0), func(m *migrator.Migration, l *approval.Line) (audit.Event, error) {
		m.State, m.Why, l.Stopped = approval.StateStarting, strings.Repeat("x", 100_000), "x"
		return changedTo(m.State), nil
	})
	if err == nil || !strings.Contains(err.Error(), "make room") || !strings.Contains(err.Error(), file) ||
		errors.Is(err, ErrCommitUnknown) {
		t.Errorf("a full disk says %v, %+v", err, m)
	}
	if after := contentsOf(t, s); !slices.Equal(after, before) {
		t.Errorf("something was written:\n%s", cmp.Diff(before, after))
	}
	limit(t, s, "PRAGMA max_page_count = 1000000")
	become(t, s, requestID(0), approval.StateStarting)
	auditEntries(t, s)
}

// failCommits makes each commit fail that changes a migration.
func failCommits(t *testing.T, s *Store) {
	t.Helper()
	limit(t, s, "CREATE TABLE trap (id INTEGER REFERENCES scan (id) DEFERRABLE INITIALLY DEFERRED)")
	limit(t, s, "CREATE TRIGGER trapped AFTER UPDATE ON migration BEGIN INSERT INTO trap VALUES (-1); END")
}

// TestMigrationCommitFails has the commit itself fail. The database is asked, and says that nothing was recorded.
func TestMigrationCommitFails(t *testing.T) {
	s, _ := newFile(t)
	withRequests(t, s, 1)
	failCommits(t, s)
	before, n := migrationOf(t, s, requestID(0)), len(auditEntries(t, s))
	_, err := s.ChangeMigration(t.Context(), requestID(0), becoming(approval.StateStarting))
	if err == nil || errors.Is(err, ErrCommitUnknown) || errors.Is(err, errCommit) || !strings.Contains(err.Error(), "FOREIGN KEY") {
		t.Errorf("the error is %v", err)
	}
	if m := migrationOf(t, s, requestID(0)); !cmp.Equal(m, before) {
		t.Errorf("it is %+v", m)
	}
	wantAdded(t, s, n)
	limit(t, s, "DROP TRIGGER trapped")
	become(t, s, requestID(0), approval.StateStarting)
}

// deaf is an engine that does not let anything be written any more after so many times.
type deaf struct {
	engine
	left int
}

func (d *deaf) begin(ctx context.Context, tx *sql.Tx) error {
	if d.left--; d.left < 0 {
		return errInjected
	}
	return d.engine.begin(ctx, tx)
}

// TestMigrationCommitUnknown has the database neither commit nor answer afterwards.
func TestMigrationCommitUnknown(t *testing.T) {
	askFor = 300 * time.Millisecond
	t.Cleanup(func() { askFor = 30 * time.Second })
	s, _ := newFile(t)
	withRequests(t, s, 1)
	failCommits(t, s)
	sane := s.engine
	s.engine = &deaf{sane, 1}
	m, err := s.ChangeMigration(t.Context(), requestID(0), becoming(approval.StateStarting))
	if !errors.Is(err, ErrCommitUnknown) || !errors.Is(err, errInjected) || m.ID != "" || strings.Contains(err.Error(), "nothing was recorded") {
		t.Errorf("%+v, %v", m, err)
	}
	s.engine = &deaf{sane, 2} // it answers when it is asked again
	if _, err := s.ChangeMigration(t.Context(), requestID(0), becoming(approval.StateStarting)); err == nil || errors.Is(err, ErrCommitUnknown) {
		t.Error(err)
	}
}

// TestMigrationQueryPlans holds that what is read or changed often is found by an index in SQLite.
func TestMigrationQueryPlans(t *testing.T) {
	s, _ := newFile(t)
	q := &s.queries.migrations
	for query, args := range map[string]int{
		q.open: 0, q.inStates(3): 3, q.of: 2, q.byID: 1, q.hasID: 1, q.ids: 2, q.named: 2, q.openOf: 2, q.inFlight: 1, q.counts: 0,
		q.update: 7, q.proofs: 1, q.ended: 1,
	} {
		values := make([]any, args)
		for i := range values {
			values[i] = i
		}
		steps, err := collect(t.Context(), s.readers, func(rows *sql.Rows) (step string, err error) {
			var id, parent, unused int
			err = rows.Scan(&id, &parent, &unused, &step)
			return step, err
		}, "EXPLAIN QUERY PLAN "+query, values...)
		if err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		for _, step := range steps {
			if strings.HasPrefix(step, "SCAN") && !strings.Contains(step, "USING") {
				t.Errorf("%s\n%s", query, step)
			}
		}
	}
}
