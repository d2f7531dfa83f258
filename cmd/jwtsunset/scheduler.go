package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/robfig/cron/v3"
)

const (
	// overrunGrace is how long after its time limit a job may take to notice before it is reported.
	overrunGrace = 30 * time.Second
	// cancelGrace is how long stop waits for jobs after it cancelled them.
	cancelGrace = 10 * time.Second
)

// job is something that runs by a schedule.
type job struct {
	name string
	spec string
	// timeout is how long one run may take; 0 means unlimited.
	timeout time.Duration
	// jitter is the longest random wait before a scheduled run, so that many installations do not call at once.
	jitter time.Duration
	// run does the work. It must return soon after its context ends.
	run func(ctx context.Context) error
}

// jobNames are the names of jobs, in their order.
func jobNames(jobs []job) []string {
	names := make([]string, len(jobs))
	for i, j := range jobs {
		names[i] = j.name
	}
	return names
}

// hooks are told what happens to jobs; each may be nil. They are called on goroutines of the
// scheduler's and must be fast.
type hooks struct {
	// onPanic is told of a run that panicked.
	onPanic func(job)
	// onSkip is told of a tick that was skipped, because the run before has not ended.
	onSkip func(job)
	// onError is told of a run that failed; the error is errOverrun if its time limit ended it. A run that does not heed
	// its limit is reported while it still goes on, and again if it ends in an error.
	onError func(job, error)
}

// errOverrun is what a run fails with that was cut off at its time limit.
var errOverrun = errors.New("the run is over its time limit")

// scheduler runs jobs by cron schedules. A job that panics runs again at its next tick. One that overruns its time
// limit has its context cancelled; if it does not heed that, only its own ticks are skipped. All methods are safe for
// concurrent use.
type scheduler struct {
	cron   *cron.Cron
	logger *slog.Logger
	clock  func() time.Time
	// shift is what the clock is ahead of the machine's, which it may be in a demonstration.
	shift time.Duration
	hooks hooks

	// running ends when the grace of stop is over, beginning when stop is called.
	running, beginning context.Context
	cancel, shut       context.CancelFunc

	mu      sync.Mutex
	zone    *time.Location
	closed  bool
	runners map[string]*runner
	// byHand counts the runs of runNow; cron waits for its own.
	byHand sync.WaitGroup
}

// newScheduler makes a scheduler without jobs. The clock must keep running at the machine's pace.
func newScheduler(zone *time.Location, logger *slog.Logger, clock func() time.Time, h hooks) *scheduler {
	s := &scheduler{
		logger: logger, clock: clock, hooks: h, zone: zone, runners: map[string]*runner{},
		shift: time.Until(clock()).Truncate(time.Second),
		cron:  cron.New(cron.WithLocation(time.UTC), cron.WithLogger(cronLog{logger: logger}), cron.WithChain()),
	}
	s.running, s.cancel = context.WithCancel(context.Background())
	s.beginning, s.shut = context.WithCancel(s.running)
	return s
}

// add schedules one more job. It fails for a bad schedule and for a name that is taken.
func (s *scheduler) add(j job) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.runners[j.name]; r != nil && r.entry != 0 {
		return fmt.Errorf("job %s is scheduled already", j.name)
	}
	schedule, err := parseSchedule(j.spec, s.zone, s.clock())
	if err != nil {
		return fmt.Errorf("job %s: %w", j.name, err)
	}
	s.schedule(j, schedule)
	return nil
}

// start begins to run the jobs. Ticks that were missed before are not made up for.
func (s *scheduler) start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.cron.Start()
	}
}

// replace changes to other jobs and another zone after a reload. If any job is bad it fails and changes nothing. Runs
// go on and still keep the next run of their job waiting; a job whose schedule is the same keeps its rhythm.
func (s *scheduler) replace(zone *time.Location, jobs []job) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	schedules, err := s.parseAll(zone, jobs)
	if err != nil {
		return err
	}
	sameZone := zone.String() == s.zone.String()
	s.zone = zone
	for name, r := range s.runners {
		if !slices.ContainsFunc(jobs, func(j job) bool { return j.name == name }) {
			s.unschedule(r)
		}
	}
	for i, j := range jobs {
		r := s.runners[j.name]
		if r != nil && r.entry != 0 && sameZone && r.current().spec == j.spec {
			r.set(j)
			continue
		}
		if r != nil {
			s.unschedule(r)
		}
		s.schedule(j, schedules[i])
	}
	return nil
}

func (s *scheduler) parseAll(zone *time.Location, jobs []job) ([]cron.Schedule, error) {
	schedules := make([]cron.Schedule, len(jobs))
	names := map[string]bool{}
	var problems []error
	for i, j := range jobs {
		if names[j.name] {
			problems = append(problems, fmt.Errorf("job %s is there twice", j.name))
		}
		names[j.name] = true
		schedule, err := parseSchedule(j.spec, zone, s.clock())
		if err != nil {
			problems = append(problems, fmt.Errorf("job %s: %w", j.name, err))
		}
		schedules[i] = schedule
	}
	return schedules, errors.Join(problems...)
}

// schedule puts a job on cron. The runner of a name is kept for ever, since what it guards may still run.
func (s *scheduler) schedule(j job, schedule cron.Schedule) {
	r := s.runners[j.name]
	if r == nil {
		r = &runner{scheduler: s}
		log := cronLog{logger: s.logger, runner: r}
		// The order matters: the other way round, a run that panics would keep its job skipped for ever.
		r.guarded = cron.NewChain(cron.SkipIfStillRunning(log), cron.Recover(log)).Then(r)
		s.runners[j.name] = r
	}
	r.set(j)
	r.entry = s.cron.Schedule(shifted{schedule, s.shift}, r.guarded)
	s.logger.Info("job scheduled", "job", j.name, "schedule", j.spec, "zone", s.zone.String(),
		"next", schedule.Next(s.clock()))
}

func (s *scheduler) unschedule(r *runner) {
	s.cron.Remove(r.entry)
	r.entry = 0
}

// runNow runs a job at once, without its jitter, and waits for its end, but not longer than ctx, which does not cut the
// run off. It tells whether the job ran: false while a run goes on, after stop, for a name without a job, and when ctx
// ended first.
func (s *scheduler) runNow(ctx context.Context, name string) bool {
	s.mu.Lock()
	r := s.runners[name]
	if s.closed || r == nil || r.entry == 0 {
		s.mu.Unlock()
		return false
	}
	s.byHand.Add(1)
	s.mu.Unlock()

	t := r.draw()
	go func() {
		defer s.byHand.Done()
		r.guarded.Run()
		r.giveBack(t)
	}()
	select {
	case <-t.done:
		return t.ran
	case <-ctx.Done():
		return false
	}
}

// stop begins no other run and waits for those that run. When ctx ends before they do, their contexts are cancelled and
// they are given a little longer. It fails if some do not end even then, and names them.
func (s *scheduler) stop(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.shut()
	ended := make(chan struct{})
	ticks := s.cron.Stop()
	go func() {
		<-ticks.Done()
		s.byHand.Wait()
		close(ended)
	}()
	defer s.cancel()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
	}
	s.logger.Warn("jobs are cut off to stop", "jobs", s.busy())
	s.cancel()
	grace := time.NewTimer(cancelGrace)
	defer grace.Stop()
	select {
	case <-ended:
		return nil
	case <-grace.C:
		return fmt.Errorf("stop the scheduler: these jobs did not end: %s", strings.Join(s.busy(), ", "))
	}
}

// busy names the jobs that run.
func (s *scheduler) busy() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for name, r := range s.runners {
		if r.isBusy() {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// shifted runs a schedule by a clock that is ahead of the machine's.
type shifted struct {
	schedule cron.Schedule
	by       time.Duration
}

// Next is the first run after t, both on the machine's clock.
func (s shifted) Next(t time.Time) time.Time {
	next := s.schedule.Next(t.Add(s.by))
	if next.IsZero() {
		return next
	}
	return next.Add(-s.by)
}

// execute calls the job within its time limit and reports how it went.
func (s *scheduler) execute(j job) {
	ctx, cancel := s.limit(j)
	defer cancel()
	switch err := j.run(ctx); {
	case err == nil:
	case s.running.Err() != nil:
		s.logger.Info("job cut off by the stop", "job", j.name, "error", err)
	case errors.Is(context.Cause(ctx), errOverrun):
		s.failed(j, fmt.Errorf("%w of %s: %w", errOverrun, j.timeout, err))
	default:
		s.failed(j, err)
	}
}

// limit gives a run its context, and reports the run if it does not heed its time limit.
func (s *scheduler) limit(j job) (context.Context, context.CancelFunc) {
	if j.timeout <= 0 {
		return context.WithCancel(s.running)
	}
	ctx, cancel := context.WithTimeoutCause(s.running, j.timeout, errOverrun)
	watch := time.AfterFunc(j.timeout+overrunGrace, func() {
		s.failed(j, fmt.Errorf("%w of %s and does not heed it: its ticks are skipped until it ends",
			errOverrun, j.timeout))
	})
	return ctx, func() {
		watch.Stop()
		cancel()
	}
}

func (s *scheduler) failed(j job, err error) {
	s.logger.Error("job failed", "job", j.name, "error", err)
	if s.hooks.onError != nil {
		s.hooks.onError(j, err)
	}
}
