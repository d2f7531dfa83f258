package main

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rivo/uniseg"
)

// frames keeps each write of a progress display.
type frames struct {
	mu   sync.Mutex
	all  []string
	when []time.Time
}

func (f *frames) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all, f.when = append(f.all, string(p)), append(f.when, time.Now())
	return len(p), nil
}

// drawn gives what was written so far, and when.
func (f *frames) drawn() ([]string, []time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.all), slices.Clone(f.when)
}

func (f *frames) last() string {
	all, _ := f.drawn()
	return all[len(all)-1]
}

func TestProgressIsSilentUnlessEnabled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := newProgress(&out, false)
		p.organization("acme")
		p.update(1, 2, "sandbox prod")
		pass(time.Second)
		p.finish()
		if out.Len() > 0 {
			t.Errorf("wrote %q", out.String())
		}
	})
}

func TestProgressRedrawsSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &frames{}
		p := newProgress(f, true)
		p.organization("acme")
		for i := range 2000 {
			p.update(i, 2000, fmt.Sprintf("sandbox s%d", i))
			pass(time.Millisecond)
		}
		p.finish()
		synctest.Wait()
		all, when := f.drawn()
		if n := len(all); n < 15 || n > 22 {
			t.Errorf("%d drawings in two seconds", n)
		}
		for i := 1; i < len(when)-1; i++ {
			if gap := when[i].Sub(when[i-1]); gap < redrawEvery {
				t.Errorf("drawing %d came %s after the one before", i, gap)
			}
		}
	})
}

func TestProgressShowsTheLatest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &frames{}
		p := newProgress(f, true)
		p.organization("acme")
		for i, step := range []struct {
			done, total int
			what, want  string
		}{
			{1, 4, "sandbox prod", "acme 1/4 sandbox prod  25%"},
			{2, 8, "sandbox dev", "acme 2/8 sandbox dev  25%"},
			{3, 5, "", "acme 3/5  60%"},
			{5, 5, "console", "acme 5/5 console  99%"},
			{5, 10, "more", "acme 5/10 more  50%"},
			{7, 5, "odd", "acme 7/5 odd  99%"},
			{-1, 5, "odd", "acme -1/5 odd   0%"},
		} {
			p.update(0, 9, "at once overwritten")
			p.update(step.done, step.total, step.what)
			pass(time.Minute)
			if last := f.last(); !strings.HasPrefix(last, "\r"+step.want) {
				t.Errorf("step %d shows %q, want %q", i, last, step.want)
			}
		}
		p.organization("globex")
		pass(time.Minute)
		if last := f.last(); !strings.HasPrefix(last, "\rglobex   0%") {
			t.Errorf("the next organization shows %q", last)
		}
		p.finish()
		p.finish()
		p.update(1, 2, "after the end")
		pass(time.Minute)
		if last := f.last(); last != eraseLine {
			t.Errorf("the end shows %q", last)
		}
	})
}

func TestProgressCleansAndFits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &frames{}
		p := newProgress(f, true)
		p.organization("a\x1b[2Jc\nme")
		p.update(1, 3, "\u202e日本語\x07\xff"+strings.Repeat("資格", 100))
		pass(time.Second)
		frame := f.last()
		p.finish()
		frame = strings.TrimSuffix(strings.TrimPrefix(frame, "\r"), "\x1b[0K")
		for _, r := range frame {
			if !strconv.IsPrint(r) {
				t.Errorf("the frame holds %U: %q", r, frame)
			}
		}
		if w := uniseg.StringWidth(frame); w > 80 {
			t.Errorf("the frame is %d columns wide: %q", w, frame)
		}
	})
}

func TestProgressOfNothingWritesNothing(t *testing.T) {
	var out bytes.Buffer
	newProgress(&out, true).finish()
	if out.Len() > 0 {
		t.Errorf("wrote %q", out.String())
	}
}

// pass lets time go by on the clock of a synctest bubble.
func pass(d time.Duration) { <-time.After(d) }
