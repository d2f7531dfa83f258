package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// tally counts what a scheduler's jobs and hooks see.
type tally struct {
	mu     sync.Mutex
	counts map[string]int
	at     map[string][]time.Time
	errors []error
	log    bytes.Buffer
}

func newTally() *tally { return &tally{counts: map[string]int{}, at: map[string][]time.Time{}} }

func (c *tally) count(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts[what]++
	c.at[what] = append(c.at[what], time.Now())
}

func (c *tally) of(what string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.counts[what]
}

func (c *tally) times(what string) []time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at[what]
}

// Write takes the log.
func (c *tally) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.log.Write(p)
}

func (c *tally) logged() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.log.String()
}

func (c *tally) scheduler(clock func() time.Time) *scheduler {
	return newScheduler(time.UTC, slog.New(slog.NewTextHandler(c, nil)), clock, hooks{
		onPanic: func(j job) { c.count("panic " + j.name) },
		onSkip:  func(j job) { c.count("skip " + j.name) },
		onError: func(j job, err error) {
			c.count("error " + j.name)
			c.mu.Lock()
			defer c.mu.Unlock()
			c.errors = append(c.errors, err)
		},
	})
}

func (c *tally) job(name string) job {
	return job{name: name, spec: "* * * * *", timeout: time.Hour, run: func(context.Context) error {
		c.count(name)
		return nil
	}}
}

func mustAdd(t *testing.T, s *scheduler, jobs ...job) {
	t.Helper()
	for _, j := range jobs {
		if err := s.add(j); err != nil {
			t.Fatal(err)
		}
	}
}

func mustStop(t *testing.T, s *scheduler) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := s.stop(ctx); err != nil {
		t.Error(err)
	}
}

func equal(t *testing.T, c *tally, want map[string]int) {
	t.Helper()
	for what, n := range want {
		if got := c.of(what); got != n {
			t.Errorf("%s: %d times, want %d", what, got, n)
		}
	}
}

func TestPanicRunsAgainAtTheNextTick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTally()
		s := c.scheduler(time.Now)
		bad := c.job("bad")
		bad.run = func(context.Context) error {
			c.count("bad")
			panic("out of order")
		}
		mustAdd(t, s, bad, c.job("good"))
		s.start()
		pass(5*time.Minute + time.Second)
		mustStop(t, s)
		equal(t, c, map[string]int{"bad": 5, "panic bad": 5, "skip bad": 0, "good": 5})
		if !strings.Contains(c.logged(), "out of order") {
			t.Errorf("the panic is not in the log:\n%s", c.logged())
		}
	})
}

func TestOverlapIsSkippedAndCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTally()
		s := c.scheduler(time.Now)
		slow := c.job("slow")
		slow.run = func(ctx context.Context) error {
			c.count("slow")
			pass(3*time.Minute + 30*time.Second)
			return ctx.Err()
		}
		mustAdd(t, s, slow, c.job("quick"))
		s.start()
		pass(8*time.Minute + 30*time.Second)
		mustStop(t, s)
		equal(t, c, map[string]int{"slow": 2, "skip slow": 6, "quick": 8, "error slow": 0})
	})
}

func TestOverrunIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTally()
		s := c.scheduler(time.Now)
		heeds := c.job("heeds")
		heeds.timeout = 10 * time.Second
		heeds.run = func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}
		mustAdd(t, s, heeds)
		s.start()
		pass(3*time.Minute + 30*time.Second)
		mustStop(t, s)
		equal(t, c, map[string]int{"error heeds": 3, "skip heeds": 0})
		if !errors.Is(c.errors[0], errOverrun) || !errors.Is(c.errors[0], context.DeadlineExceeded) {
			t.Errorf("reported as %v", c.errors[0])
		}
	})
}

func TestOneThatIgnoresItsLimitBlocksNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTally()
		s := c.scheduler(time.Now)
		release := make(chan struct{})
		stuck := c.job("stuck")
		stuck.timeout = 10 * time.Second
		stuck.run = func(context.Context) error {
			c.count("stuck")
			<-release
			return nil
		}
		mustAdd(t, s, stuck, c.job("other"))
		s.start()
		pass(10*time.Minute + time.Second)
		equal(t, c, map[string]int{"stuck": 1, "skip stuck": 9, "error stuck": 1, "other": 10})
		if !errors.Is(c.errors[0], errOverrun) || !strings.Contains(c.errors[0].Error(), "does not heed it") {
			t.Errorf("reported as %v", c.errors[0])
		}
		if s.runNow(t.Context(), "stuck") {
			t.Error("a second run began beside the stuck one")
		}
		begin := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := s.stop(ctx)
		if err == nil || !strings.Contains(err.Error(), "did not end: stuck") {
			t.Errorf("stop says %v", err)
		}
		if took := time.Since(begin); took != time.Minute+cancelGrace {
			t.Errorf("stop took %s", took)
		}
		close(release)
	})
}

func TestStopLetsRunsEndWithinTheirGrace(t *testing.T) {
	for name, tc := range map[string]struct {
		needs, took time.Duration
		cancelled   bool
	}{
		"in time":  {needs: 40 * time.Second, took: 40 * time.Second},
		"too late": {needs: 2 * time.Minute, took: time.Minute, cancelled: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newTally()
				s := c.scheduler(time.Now)
				j := c.job("j")
				var got error
				j.run = func(ctx context.Context) error {
					c.count("j")
					select {
					case <-ctx.Done():
					case <-time.After(tc.needs):
					}
					got = ctx.Err()
					return got
				}
				waiting := c.job("waiting")
				waiting.jitter = time.Hour
				mustAdd(t, s, j, waiting)
				s.start()
				pass(time.Minute)
				synctest.Wait()
				begin := time.Now()
				mustStop(t, s)
				if took := time.Since(begin); took != tc.took {
					t.Errorf("stop took %s, want %s", took, tc.took)
				}
				if (got != nil) != tc.cancelled {
					t.Errorf("the run's context says %v", got)
				}
				if s.runNow(t.Context(), "j") {
					t.Error("a run began after stop")
				}
				pass(time.Hour)
				equal(t, c, map[string]int{"j": 1, "waiting": 0, "error j": 0})
			})
		})
	}
}

func TestStopWithoutStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTally()
		s := c.scheduler(time.Now)
		mustAdd(t, s, c.job("j"))
		mustStop(t, s)
		mustStop(t, s)
		s.start()
		pass(time.Hour)
		equal(t, c, map[string]int{"j": 0})
	})
}

func TestRunNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTally()
		s := c.scheduler(time.Now)
		slow, panics := c.job("slow"), c.job("panics")
		slow.spec, slow.jitter, panics.spec = "0 0 1 6 *", time.Hour, "0 0 1 6 *"
		slow.run = func(context.Context) error {
			c.count("slow")
			pass(time.Minute)
			return errors.New("failed at the end")
		}
		panics.run = func(context.Context) error { panic("p") }
		mustAdd(t, s, slow, panics)
		s.start()
		defer mustStop(t, s)

		begin := time.Now()
		if !s.runNow(t.Context(), "slow") || time.Since(begin) != time.Minute {
			t.Errorf("runNow came back after %s", time.Since(begin))
		}
		if !s.runNow(t.Context(), "panics") {
			t.Error("a run that panics did run")
		}
		if s.runNow(t.Context(), "unknown") {
			t.Error("a job that there is none of ran")
		}
		first := make(chan bool)
		go func() { first <- s.runNow(t.Context(), "slow") }()
		synctest.Wait()
		if s.runNow(t.Context(), "slow") {
			t.Error("two runs at a time")
		}
		if !<-first {
			t.Error("the first of two did not run")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if begin = time.Now(); s.runNow(ctx, "slow") || time.Since(begin) != time.Second {
			t.Errorf("a caller that gave up waited for %s", time.Since(begin))
		}
		equal(t, c, map[string]int{"slow": 3, "skip slow": 1, "error slow": 2, "panic panics": 1})
	})
}

// TestRunNowAtTheTick calls at the very moment of a tick, where either may come first: there must be one run at a time,
// and the call must be told the truth.
func TestRunNowAtTheTick(t *testing.T) {
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			c := newTally()
			s := c.scheduler(time.Now)
			busy := 0
			j := c.job("j")
			j.run = func(context.Context) error {
				c.count("j")
				if busy++; busy > 1 {
					t.Error("two runs at a time")
				}
				pass(time.Second)
				busy--
				return nil
			}
			mustAdd(t, s, j)
			s.start()
			pass(time.Until(time.Now().Truncate(time.Minute).Add(time.Minute)))
			ran := s.runNow(t.Context(), "j")
			pass(10 * time.Second)
			mustStop(t, s)
			if n := c.of("j"); n == 0 || n > 2 || n+c.of("skip j") != 2 {
				t.Errorf("%d runs and %d skips", n, c.of("skip j"))
			}
			if !ran && c.of("skip j") == 0 {
				t.Error("the call was told that it was skipped, and was not")
			}
		})
	}
}

func TestJitterStaysWithinItsBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTally()
		s := c.scheduler(time.Now)
		j := c.job("j")
		j.jitter = 30 * time.Second
		mustAdd(t, s, j)
		s.start()
		pass(101 * time.Minute)
		mustStop(t, s)
		different := map[time.Duration]bool{}
		for _, at := range c.times("j") {
			wait := at.Sub(at.Truncate(time.Minute))
			if different[wait] = true; wait >= j.jitter {
				t.Errorf("waited for %s", wait)
			}
		}
		if c.of("j") < 100 || len(different) < 50 {
			t.Errorf("%d runs with %d different waits", c.of("j"), len(different))
		}
	})
}

func TestReplace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTally()
		s := c.scheduler(time.Now)
		kept, changed, removed := c.job("kept"), c.job("changed"), c.job("removed")
		kept.spec = "@every 10m"
		changed.run = func(ctx context.Context) error {
			c.count("changed")
			<-ctx.Done()
			return ctx.Err()
		}
		mustAdd(t, s, kept, changed, removed)
		s.start()
		pass(5*time.Minute + 30*time.Second)
		if err := s.replace(time.UTC, []job{kept, {name: "changed", spec: "0 0 31 2 *"}, kept}); err == nil ||
			!strings.Contains(err.Error(), "never runs") || !strings.Contains(err.Error(), "kept is there twice") {
			t.Errorf("bad jobs: %v", err)
		}
		pass(time.Minute)
		equal(t, c, map[string]int{"removed": 6, "changed": 1, "skip changed": 5})
		changed.spec = "*/2 * * * *"
		if err := s.replace(time.UTC, []job{kept, changed}); err != nil {
			t.Fatal(err)
		}
		pass(4 * time.Minute) // 10:30: the ten minutes of the job that was kept were not begun anew
		equal(t, c, map[string]int{"removed": 6, "changed": 1, "skip changed": 7, "kept": 1})
		if err := s.replace(time.UTC, []job{removed}); err != nil {
			t.Fatal(err)
		}
		if err := s.replace(time.UTC, []job{changed}); err != nil {
			t.Fatal(err)
		}
		if s.runNow(t.Context(), "changed") {
			t.Error("a job that was taken out and put back runs beside its old run")
		}
		mustStop(t, s)
	})
}

func TestAddRefuses(t *testing.T) {
	c := newTally()
	s := c.scheduler(time.Now)
	mustAdd(t, s, c.job("scan"))
	if err := s.add(c.job("scan")); err == nil || !strings.Contains(err.Error(), "scheduled already") {
		t.Errorf("the same name twice: %v", err)
	}
	if err := s.add(job{name: "odd", spec: "TZ=0"}); err == nil || !strings.Contains(err.Error(), "job odd: the schedule") {
		t.Errorf("a bad schedule: %v", err)
	}
	mustStop(t, s)
}

// TestRunsOverAChangeOfTheClock lets the scheduler itself go through both changes.
func TestRunsOverAChangeOfTheClock(t *testing.T) {
	berlin := inLocation(t, "Europe/Berlin")
	for name, tc := range map[string]struct {
		from string
		want []string
	}{
		"spring": {"2026-03-28T00:00:00+01:00", []string{"28 02:30", "29 03:00", "30 02:30"}},
		"autumn": {"2026-10-24T00:00:00+02:00", []string{"24 02:30", "25 02:30", "26 02:30"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				from, err := time.Parse(time.RFC3339, tc.from)
				if err != nil {
					t.Fatal(err)
				}
				ahead := time.Until(from)
				clock := func() time.Time { return time.Now().Add(ahead) }
				c := newTally()
				s := c.scheduler(clock)
				j := c.job("j")
				j.spec = "30 2 * * *"
				if err := s.replace(berlin, []job{j}); err != nil {
					t.Fatal(err)
				}
				s.start()
				pass(72 * time.Hour)
				mustStop(t, s)
				var got []string
				for _, at := range c.times("j") {
					got = append(got, at.Add(ahead).In(berlin).Format("02 15:04"))
				}
				if fmt.Sprint(got) != fmt.Sprint(tc.want) {
					t.Errorf("ran at %v, want %v", got, tc.want)
				}
			})
		})
	}
}
