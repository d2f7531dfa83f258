package main

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"jwtsunset/audit"
	"jwtsunset/metrics"
	"jwtsunset/store"
)

// TestResumeDoesNotScanAgainAndAgain has every scan fail to be recorded, for a reason of its own: once the store takes
// other records again one scan makes up for what was missed, and the next not before an hour.
func TestResumeDoesNotScanAgainAndAgain(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		c := newTally()
		r := newRecording(metrics.New(metrics.Options{Clock: time.Now, Version: "test"}), slog.New(slog.NewTextHandler(c, nil)))
		s, err := store.Open(t.Context(), "sqlite:"+filepath.Join(folder, "test.db"), store.Options{
			Create: true, Logger: r.log, Clock: time.Now, Audit: &store.Audit{Appended: r.appended, Failed: r.failure},
		})
		if err != nil {
			t.Fatal(err)
		}
		jobs := c.scheduler(time.Now)
		scan := job{name: scanJob, spec: "0 0 1 1 *", timeout: time.Minute, run: func(context.Context) error {
			c.count(scanJob)
			r.failure(errors.New("does not fit"))
			return nil
		}}
		if err := jobs.replace(time.UTC, []job{scan}); err != nil {
			t.Fatal(err)
		}
		jobs.start()
		d := &daemon{clock: time.Now, log: r.log, store: s, metrics: r.metrics, recording: r, jobs: jobs}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			d.resumeRecording(ctx)
		}()
		began := time.Now()
		r.failure(errors.New("full"))
		for _, step := range []struct {
			until time.Duration
			scans int
		}{{resumeFirst - time.Second, 0}, {resumeFirst + time.Second, 1}, {resumeScans - time.Second, 1}} {
			<-time.After(time.Until(began.Add(step.until)))
			synctest.Wait()
			if n := c.of(scanJob); n != step.scans {
				t.Errorf("%d scans after %v, want %d", n, step.until, step.scans)
			}
		}
		if !strings.Contains(c.logged(), "left to the schedule") {
			t.Errorf("the log does not tell:\n%s", c.logged())
		}
		<-time.After(2 * resumeScans)
		r.failure(errors.New("full"))
		<-time.After(resumeFirst + time.Second)
		synctest.Wait()
		if n := c.of(scanJob); n != 2 {
			t.Errorf("%d scans hours later, want 2", n)
		}
		_, head, err := s.AuditHead(t.Context())
		if err != nil || head == (audit.Head{}) {
			t.Errorf("the log has %+v (%v)", head, err)
		}
		cancel()
		<-ended
		mustStop(t, jobs)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}
