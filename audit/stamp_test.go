package audit

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestStamps lets wall clock and monotonic clock run as a table says.
func TestStamps(t *testing.T) {
	var wall, elapsed time.Duration
	s := newStamper(func() (time.Time, time.Duration) { return testTime.Add(wall), elapsed })
	for i, c := range []struct {
		wall, elapsed time.Duration // how far both move
		want          ClockState
	}{
		{0, 0, ClockSteady},
		{time.Hour, time.Hour, ClockSteady},
		{time.Minute, time.Minute - time.Second, ClockSteady}, // slewed by no more than a second
		{time.Minute, time.Minute - time.Second - 1, ClockStepped},
		{time.Second, time.Second, ClockSteady}, // once for each step
		{-time.Hour, time.Second, ClockStepped},
		{time.Hour, time.Second, ClockStepped},
		{time.Second, time.Hour, ClockStepped},
		{0, -time.Minute, ClockSteady}, // a monotonic clock does not go back; if it did, no stamp would
		{0, time.Second, ClockSteady},
	} {
		wall, elapsed = wall+c.wall, elapsed+c.elapsed
		got := s.Stamp()
		if got.Clock != c.want || !got.Time.Equal(testTime.Add(wall)) || got.Elapsed < 0 {
			t.Errorf("stamp %d: %+v, want %s", i, got, c.want)
		}
		if err := got.validate(); err != nil {
			t.Errorf("stamp %d: %v", i, err)
		}
	}
}

func TestStampsOfTheRealClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, other := NewStamper(time.Now), NewStamper(time.Now)
		<-time.NewTimer(90 * time.Second).C
		got := s.Stamp()
		if got.Elapsed != 90*time.Second || got.Clock != ClockSteady || !got.Time.Equal(time.Now()) || got.Time.Location() != time.UTC {
			t.Errorf("stamp: %+v", got)
		}
		if got.Run == other.Stamp().Run || got.Run != s.Stamp().Run {
			t.Error("runs are not told apart")
		}
	})
}

// TestStampsOfManyGoroutines is for the race detector, too.
func TestStampsOfManyGoroutines(t *testing.T) {
	s := NewStamper(time.Now)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			var last time.Duration
			for range 200 {
				now := s.Stamp()
				if now.Elapsed < last {
					t.Errorf("%s after %s", now.Elapsed, last)
				}
				last = now.Elapsed
			}
		})
	}
	group.Wait()
}
