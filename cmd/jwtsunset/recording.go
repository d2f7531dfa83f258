package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"time"

	"jwtsunset/audit"
	"jwtsunset/metrics"
)

// How soon a daemon that could not record something tries again.
const (
	resumeFirst = 15 * time.Second
	resumeLast  = 10 * time.Minute
	// resumeScans is how long after a scan that made up for one the next may. What fails again and again for a reason of
	// its own must not ask Adobe again and again.
	resumeScans = time.Hour
)

// recording shows whether a daemon can record what it does, and where its audit log ends.
type recording struct {
	metrics *metrics.Metrics
	log     *slog.Logger
	// checkpoints gets each new checkpoint as a line of JSON, if not nil.
	checkpoints io.Writer
	// failed holds something as long as the latest record failed.
	failed chan struct{}
}

func newRecording(m *metrics.Metrics, log *slog.Logger) *recording {
	return &recording{metrics: m, log: log, failed: make(chan struct{}, 1)}
}

// opening is how a daemon opens its store.
func (r *recording) opening() opening {
	return opening{record: true, create: true, daemon: true, appended: r.appended, failure: r.failure}
}

func (r *recording) appended(note []byte, head audit.Head, key audit.PublicKey) {
	r.settled()
	r.metrics.AuditAppended(head.Size, head.Hash.String(), key.Fingerprint())
	if r.checkpoints == nil {
		return
	}
	line := struct {
		Checkpoint string `json:"checkpoint"`
	}{string(note)}
	if err := json.NewEncoder(r.checkpoints).Encode(line); err != nil {
		r.log.Warn("the checkpoint was not written to stdout", "error", err)
	}
}

func (r *recording) failure(err error) {
	r.metrics.AuditFailed()
	r.log.Error("nothing can be recorded at present, and nothing is done that must be", "error", err)
	select {
	case r.failed <- struct{}{}:
	default: // it is known already
	}
}

func (r *recording) settled() {
	select {
	case <-r.failed:
	default:
	}
}

// recordStart records that the daemon works from now on. It goes on working if that fails, for there is much to show
// that need not be recorded.
func (d *daemon) recordStart(ctx context.Context) {
	err := d.store.RecordEvent(ctx, audit.Event{
		Action: audit.ActionServeStarted, Object: audit.Object{Type: "daemon"}, Result: audit.ResultOK,
		Facts: []audit.Fact{audit.Text("version", programVersion())},
	})
	if err != nil && ctx.Err() == nil {
		d.log.Warn("the daemon runs although its start is not recorded", "error", err)
	}
}

// resumeRecording waits for a record that fails, tries until one succeeds, and then scans, for no scan is made that
// cannot be recorded; not more often than resumeScans. It returns when ctx ends.
func (d *daemon) resumeRecording(ctx context.Context) {
	var latest time.Time // scan of this kind
	for {
		select {
		case <-d.recording.failed:
		case <-ctx.Done():
			return
		}
		since, tries := d.clock(), d.tryToRecord(ctx, d.clock())
		if ctx.Err() != nil {
			return
		}
		d.log.Info("recording goes on", "interrupted", d.clock().Sub(since).Round(time.Second), "tries", tries)
		if d.clock().Sub(latest) < resumeScans {
			d.log.Info("the next scan is left to the schedule")
			continue
		}
		latest = d.clock()
		d.jobs.runNow(ctx, scanJob)
	}
}

// tryToRecord returns once something was recorded, or ctx has ended.
func (d *daemon) tryToRecord(ctx context.Context, since time.Time) (tries int) {
	for wait := resumeFirst; ; wait = min(2*wait, resumeLast) {
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return tries
		}
		tries++
		err := d.store.RecordEvent(ctx, audit.Event{
			Action: audit.ActionRecordingResumed, Object: audit.Object{Type: "daemon"}, Result: audit.ResultOK,
			Facts: []audit.Fact{
				audit.Text("interrupted_at", since.UTC().Format(time.RFC3339)), audit.Number("tries", int64(tries)),
			},
		})
		if err == nil {
			return tries
		}
	}
}
