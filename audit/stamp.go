package audit

import (
	"fmt"
	"sync"
	"time"
)

// ClockState says what the machine's clock did since the last stamp.
type ClockState string

// The states of the clock.
const (
	ClockSteady ClockState = "steady"
	// ClockStepped: the wall clock moved against the monotonic one by more than a second. Someone set it, or it was
	// corrected.
	ClockStepped ClockState = "stepped"
)

// maxDrift is how far wall and monotonic clock may part between two stamps before the wall clock counts as set.
const maxDrift = time.Second

// Stamp is when something happened, by two clocks: the wall clock, which can be set, and the time since the run of the
// program began, which cannot.
type Stamp struct {
	// Time is the wall clock's time. Entries keep it in UTC, cut to the microsecond.
	Time time.Time
	// Run is 16 hexadecimal digits, chosen once for each run of the program.
	Run string
	// Elapsed is how long the run had lasted. Entries keep whole microseconds.
	Elapsed time.Duration
	Clock   ClockState
}

func (s Stamp) validate() error {
	switch year := s.Time.UTC().Year(); {
	case year < 1 || year > 9999:
		return fmt.Errorf("the clock shows the year %d: %w", year, ErrInvalid)
	case len(s.Run) != 16 || !isHex(s.Run):
		return fmt.Errorf("run %q is not 16 hexadecimal digits: %w", s.Run, ErrInvalid)
	case s.Elapsed < 0 || s.Elapsed.Microseconds() > maxInteger:
		return fmt.Errorf("a run of %s: %w", s.Elapsed, ErrInvalid)
	case s.Clock != ClockSteady && s.Clock != ClockStepped:
		return fmt.Errorf("clock state %q is not known: %w", s.Clock, ErrInvalid)
	}
	return nil
}

// Stamper makes the stamps of one run of the program. It is safe for concurrent use.
type Stamper struct {
	run  string
	read func() (wall time.Time, elapsed time.Duration)

	mu      sync.Mutex
	wall    time.Time
	elapsed time.Duration
}

// NewStamper begins a run. The clock is time.Now, or in tests another.
func NewStamper(clock func() time.Time) *Stamper {
	start := clock()
	return newStamper(func() (time.Time, time.Duration) {
		now := clock()
		return now.Round(0), now.Sub(start) // Round takes the monotonic reading off; Sub uses it
	})
}

func newStamper(read func() (time.Time, time.Duration)) *Stamper {
	s := &Stamper{run: randomHex(8), read: read}
	s.wall, s.elapsed = read()
	return s
}

// Stamp says when now is. Stamps of one Stamper never go back in Elapsed.
func (s *Stamper) Stamp() Stamp {
	s.mu.Lock()
	defer s.mu.Unlock()
	wall, elapsed := s.read()
	elapsed = max(elapsed, s.elapsed)
	clock := ClockSteady
	if drift := wall.Sub(s.wall) - (elapsed - s.elapsed); drift.Abs() > maxDrift {
		clock = ClockStepped
	}
	s.wall, s.elapsed = wall, elapsed
	return Stamp{Time: wall.UTC(), Run: s.run, Elapsed: elapsed, Clock: clock}
}
