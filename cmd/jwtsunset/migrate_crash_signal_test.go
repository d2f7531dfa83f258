package main

import (
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"jwtsunset/approval"
	"jwtsunset/simulator"
)

// stopped is a place in which a migration takes a while and has been approved.
type stopped struct {
	*place
	credential string
}

func newStopped(t *testing.T) *stopped {
	t.Helper()
	p := newPlace(t, simulator.Options{Seed: 1, MigrationTime: new(2 * time.Second)})
	p.reconfigure(p.configuration(migratingConfig(p.server.URL, "false", "")))
	s := &stopped{place: p}
	for _, c := range p.adobe.Truth().Credentials {
		if c.AuthType == "jwt" && !c.ReadOnly && slices.Equal(c.Sandboxes, []string{"prod"}) {
			s.credential = c.TechnicalAccountID
		}
	}
	p.run("scan").want(exitLeft)
	p.run("thaw", "--new-installation", "--reason", "new").want(exitDone)
	p.run("request", s.credential).want(exitDone)
	p.run("approve", s.credential, "--yes").want(exitDone)
	return s
}

// starting begins to migrate and waits until the start has arrived.
func (s *stopped) starting() *process {
	s.t.Helper()
	c := s.start(s.command("migrate", "--yes", "-c", s.config))
	s.called("migrate")
	return c
}

// wantState fails unless the migration is in a state, and was started once.
func (s *stopped) wantState(want approval.State) {
	s.t.Helper()
	db := s.open()
	defer db.Close()
	m, err := db.Migration(s.t.Context(), s.credential)
	if err != nil || m.State != want {
		s.t.Errorf("the migration is %q (%v), want %q", m.State, err, want)
	}
	if n, counts := len(s.adobe.Ledger().Starts()), s.adobe.Ledger().StartCounts(); n != 1 ||
		counts != (simulator.StartCounts{}) {
		s.t.Errorf("%d starts, want 1: %+v", n, counts)
	}
}

// TestKillMigrationBySignal tells a process to stop while a start is under way. It stays until the start was answered
// and that is on record; told twice it ends at once, and the next process finds out what came of it.
func TestKillMigrationBySignal(t *testing.T) {
	t.Parallel()
	t.Run("once", func(t *testing.T) {
		t.Parallel()
		s := newStopped(t)
		c := s.starting()
		c.signal(syscall.SIGTERM)
		c.want(exitError, "stopped before the end")
		if start := s.adobe.Ledger().Starts()[0]; start.Ended.IsZero() || start.Status != 200 {
			t.Errorf("the process ended before its start was answered: %+v", start)
		}
		s.wantState(approval.StateMigrated)
		s.run("migrate", "--yes").want(exitDone)
		s.wantState(approval.StateMigrated)
		s.run("audit", "verify").want(exitDone)
	})
	t.Run("twice", func(t *testing.T) {
		t.Parallel()
		s := newStopped(t)
		c := s.starting()
		// How soon the second one counts nobody tells.
		eventually(t, "the end of the process", func() error {
			_ = c.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
			select {
			case <-c.exited:
				return nil
			default:
				return fmt.Errorf("it goes on")
			}
		})
		if status, ok := c.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGTERM {
			t.Errorf("it ended with %v, not by the signal", c.cmd.ProcessState)
		}
		if start := s.adobe.Ledger().Starts()[0]; !start.Ended.IsZero() {
			t.Errorf("the process stayed until its start was answered: %+v", start)
		}
		s.wantState(approval.StateRunning)
		s.run("migrate", "--yes").want(exitDone)
		s.wantState(approval.StateMigrated)
		s.run("audit", "verify").want(exitDone)
	})
}
