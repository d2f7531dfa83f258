package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"jwtsunset/config"
	"jwtsunset/metrics"
	"jwtsunset/simulator"
	"jwtsunset/store"
)

// janitor is a daemon in the test's own process that only looks after its store, with a clock that the test sets.
type janitor struct {
	*place
	d     *daemon
	store *store.Store
	now   time.Time
	log   bytes.Buffer
}

func newJanitor(t *testing.T, further ...string) *janitor {
	t.Helper()
	j := &janitor{place: newPlace(t, simulator.Options{}, further...)}
	j.now = time.Date(2026, time.November, 23, 3, 43, 0, 0, time.UTC)
	a := &app{stdout: io.Discard, stderr: io.Discard, clock: j.clock, configPath: j.config}
	log := slog.New(slog.NewTextHandler(&j.log, nil))
	r := newRecording(metrics.New(metrics.Options{Clock: j.clock, Logger: log, Version: "test"}), log)
	cfg := j.loaded()
	var err error
	if j.store, err = a.openStore(t.Context(), cfg, log, r.opening()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := j.store.Close(); err != nil {
			t.Error(err)
		}
	})
	if j.d, err = newDaemon(t.Context(), cfg, j.store, r, j.clock, log, new(slog.LevelVar)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mustStop(t, j.d.jobs) })
	return j
}

func (j *janitor) clock() time.Time { return j.now }

// loaded is the configuration of the place as it is now.
func (j *janitor) loaded() *config.Config {
	j.t.Helper()
	cfg, err := (&app{clock: j.clock, configPath: j.config}).loadConfig()
	if err != nil {
		j.t.Fatal(err)
	}
	return cfg
}

// recorded lets scans have begun so many days ago, at the hour of the clock, each of which found one credential.
func (j *janitor) recorded(daysAgo ...int) {
	j.t.Helper()
	for _, days := range daysAgo {
		recordScan(j.t, j.store, "acme", j.now.AddDate(0, 0, -days))
	}
}

// maintain runs the job as its schedule does, and gives what it logged.
func (j *janitor) maintain() string {
	j.t.Helper()
	j.log.Reset()
	if !j.d.jobs.runNow(j.t.Context(), maintenanceJob) {
		j.t.Fatal("the job did not run")
	}
	return j.log.String()
}

// behind opens the database behind the program's back.
func (j *janitor) behind(do func(*sql.DB) error) {
	j.t.Helper()
	db, err := sql.Open("sqlite", j.database())
	if err == nil {
		err = errors.Join(do(db), db.Close())
	}
	if err != nil {
		j.t.Fatal(err)
	}
}

// damage runs statements each of which must change something.
func (j *janitor) damage(statements ...string) {
	j.t.Helper()
	j.behind(func(db *sql.DB) error {
		for _, statement := range statements {
			result, err := db.ExecContext(j.t.Context(), statement)
			if err != nil {
				return err
			}
			if n, err := result.RowsAffected(); err != nil || n == 0 && !strings.HasPrefix(statement, "DROP") {
				return fmt.Errorf("%s: changed %d rows, %w", statement, n, err)
			}
		}
		return nil
	})
}

// overwrite puts zeros over the first page of a table, as a failing disk may.
func (j *janitor) overwrite(table string) {
	j.t.Helper()
	var root, size int64
	j.behind(func(db *sql.DB) error {
		err := db.QueryRowContext(j.t.Context(), "SELECT rootpage, (SELECT page_size FROM pragma_page_size)"+
			" FROM sqlite_schema WHERE name = ?", table).Scan(&root, &size)
		if err != nil {
			return err
		}
		_, err = db.ExecContext(j.t.Context(), "PRAGMA wal_checkpoint(TRUNCATE)")
		return err
	})
	f, err := os.OpenFile(j.database(), os.O_WRONLY, 0)
	if err != nil {
		j.t.Fatal(err)
	}
	_, err = f.WriteAt(make([]byte, size), (root-1)*size)
	if err := errors.Join(err, f.Close()); err != nil {
		j.t.Fatal(err)
	}
}

// scans is how many scans are on record.
func (j *janitor) scans() int {
	j.t.Helper()
	scans, err := j.store.Scans(j.t.Context(), "acme", 0)
	if err != nil {
		j.t.Fatal(err)
	}
	return len(scans)
}

// entries is how many entries the audit log has.
func (j *janitor) entries() int64 {
	j.t.Helper()
	_, head, err := j.store.AuditHead(j.t.Context())
	if err != nil {
		j.t.Fatal(err)
	}
	return head.Size
}

// want fails unless /metrics has the line, or for a line that ends in "absent" no series of that name.
func (j *janitor) want(lines ...string) {
	j.t.Helper()
	answer := httptest.NewRecorder()
	j.d.metrics.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	body := answer.Body.String()
	for _, line := range lines {
		series, absent := strings.CutSuffix(line, " absent")
		if there := strings.Contains(body, "\n"+series+" "); absent && there {
			j.t.Errorf("/metrics has %s", series)
		}
		if !absent && !strings.Contains(body, "\n"+line+"\n") {
			j.t.Errorf("/metrics has no line %q", line)
		}
	}
}

func TestMaintenanceRemovesOldHistory(t *testing.T) {
	t.Parallel()
	j := newJanitor(t, "history: {keep: 90d}")
	j.recorded(200, 200, 91, 89, 1)
	before := j.entries()
	j.want("jwtsunset_store_sound absent", "jwtsunset_audit_chain_valid absent")
	if log := j.maintain(); !strings.Contains(log, "scans=1 emptied=2 changes=3") || strings.Contains(log, "ERROR") {
		t.Errorf("the log says\n%s", log)
	}
	if scans, entries := j.scans(), j.entries(); scans != 4 || entries != before+1 {
		t.Errorf("%d scans and %d audit entries, want 4 and %d", scans, entries, before+1)
	}
	j.now = j.now.AddDate(0, 0, 1)
	if log := j.maintain(); strings.Contains(log, "removed") || strings.Contains(log, "ERROR") {
		t.Errorf("where nothing is to be done the log says\n%s", log)
	}
	if j.entries() != before+1 {
		t.Error("the audit log tells of nothing removed")
	}
	j.want("jwtsunset_store_sound 1", "jwtsunset_audit_chain_valid 1", "jwtsunset_store_writable 1",
		"jwtsunset_audit_last_verification_timestamp_seconds "+strconv.FormatFloat(float64(j.now.Unix()), 'g', -1, 64))
	j.now = j.now.AddDate(0, 0, 3)
	if log := j.maintain(); !strings.Contains(log, "scans=0 emptied=1 changes=1") {
		t.Errorf("once another scan is too old the log says\n%s", log)
	}
}

func TestMaintenanceKeepsWhatAReloadAsksFor(t *testing.T) {
	t.Parallel()
	j := newJanitor(t, "history: {keep: 365d}")
	j.recorded(200, 200, 1)
	j.maintain()
	if n := j.scans(); n != 3 {
		t.Fatalf("%d scans, want all 3", n)
	}
	j.reconfigure(j.configuration("history: {keep: 100d}"))
	if err := j.d.reload(t.Context(), j.loaded()); err != nil {
		t.Fatal(err)
	}
	j.maintain()
	if n := j.scans(); n != 2 {
		t.Errorf("%d scans, want 2", n)
	}
}

// TestMaintenanceFailsInParts damages what one part of the work needs. The others must be done all the same, and both
// log and metrics must tell.
func TestMaintenanceFailsInParts(t *testing.T) {
	t.Parallel()
	const (
		unprotected = "DROP TRIGGER audit_entry_unchanged"
		changed     = `UPDATE audit_entry SET line = replace(line, '"changes":1', '"changes":2') WHERE seq = `
	)
	for name, test := range map[string]struct {
		damage        func(*janitor)
		pruned        bool
		logged        string
		sound, intact int
		written       int // whether the newest write was recorded
	}{
		"nothing is wrong": {damage: func(*janitor) {}, pruned: true, sound: 1, intact: 1, written: 1},
		"an old audit entry was changed": {
			func(j *janitor) {
				j.damage(unprotected, changed+"(SELECT min(seq) FROM audit_entry WHERE line LIKE '%\"changes\":1%')")
			},
			true, "audit log is tampered with", 1, 0, 1,
		},
		"the last audit entry was changed": {
			func(j *janitor) { j.damage(unprotected, changed+"(SELECT max(seq) FROM audit_entry)") },
			false, "audit log is tampered with", 1, 0, 0,
		},
		"the end of the audit log was cut off": {
			func(j *janitor) {
				j.damage("DROP TRIGGER audit_entry_kept",
					"DELETE FROM audit_entry WHERE seq = (SELECT max(seq) FROM audit_entry)")
			},
			false, "audit log is tampered with", 1, 0, 0,
		},
		"a row points nowhere": {
			func(j *janitor) {
				j.damage("INSERT INTO change (scan_id, organization, credential_id, at, kind, old, new)" +
					" VALUES (999, 'acme', 'A', 0, 'found', '', '')")
			},
			true, "point nowhere", 0, 1, 1,
		},
		"a page was lost": {func(j *janitor) { j.overwrite("credential") }, true, "damaged", 0, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := newJanitor(t, "history: {keep: 90d}")
			j.recorded(200, 200, 1)
			test.damage(j)
			log := j.maintain()
			if pruned := j.scans() == 2; pruned != test.pruned {
				t.Errorf("old history was removed: %v, want %v", pruned, test.pruned)
			}
			if failed := strings.Contains(log, `level=ERROR msg="job failed" job=maintenance`); failed != (test.logged != "") ||
				!strings.Contains(log, test.logged) {
				t.Errorf("the log does not say %q:\n%s", test.logged, log)
			}
			j.want("jwtsunset_store_sound "+strconv.Itoa(test.sound), "jwtsunset_audit_chain_valid "+strconv.Itoa(test.intact),
				"jwtsunset_store_writable "+strconv.Itoa(test.written),
				"jwtsunset_audit_append_failures_total "+strconv.Itoa(1-test.written))
		})
	}
}

// TestMaintenanceSaysNothingItDoesNotKnow cuts the work off before it comes to a result.
func TestMaintenanceSaysNothingItDoesNotKnow(t *testing.T) {
	t.Parallel()
	j := newJanitor(t)
	j.recorded(1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := j.d.maintain(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cut off, it says %v", err)
	}
	j.want("jwtsunset_store_sound absent", "jwtsunset_audit_chain_valid absent",
		"jwtsunset_audit_last_verification_timestamp_seconds absent", "jwtsunset_audit_append_failures_total 0")
	j.log.Reset()
	if j.d.firstVerification(ctx); j.log.Len() > 0 {
		t.Errorf("a stop at the start is logged: %s", &j.log)
	}
}

func TestFirstVerificationTells(t *testing.T) {
	t.Parallel()
	j := newJanitor(t)
	j.recorded(1)
	j.d.firstVerification(t.Context())
	j.want("jwtsunset_audit_chain_valid 1", "jwtsunset_store_sound absent")
	j.damage("DROP TRIGGER audit_head_advances", "UPDATE audit_head SET note = replace(note, '— ', '— x')")
	j.log.Reset()
	j.d.firstVerification(t.Context())
	if log := j.log.String(); !strings.Contains(log, "level=ERROR") || !strings.Contains(log, "tampered") {
		t.Errorf("the log says %q", log)
	}
	j.want("jwtsunset_audit_chain_valid 0")
}

// TestMaintenanceFindsARollback puts the log of a daemon that runs back to an earlier state, checkpoint and all. Only the
// checkpoint outside the database knows better.
func TestMaintenanceFindsARollback(t *testing.T) {
	t.Parallel()
	j := newJanitor(t)
	j.recorded(2)
	note, head, err := j.store.AuditHead(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	j.recorded(1)
	j.d.firstVerification(t.Context())
	j.want("jwtsunset_audit_chain_valid 1")
	j.damage("DROP TRIGGER audit_entry_kept", "DROP TRIGGER audit_head_advances",
		fmt.Sprintf("DELETE FROM audit_entry WHERE seq > %d", head.Size),
		fmt.Sprintf("UPDATE audit_head SET size = %d, note = '%s'", head.Size, note))
	j.d.firstVerification(t.Context())
	j.want("jwtsunset_audit_chain_valid 0")
	j.log.Reset()
	if err := os.Remove(j.d.checkpointFile); err != nil {
		t.Fatal(err)
	}
	j.d.firstVerification(t.Context())
	j.want("jwtsunset_audit_chain_valid 1") // as nothing else tells: that is why the checkpoint is kept outside
}
