package slack

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"jwtsunset/notify"
	sim "jwtsunset/simulator/slack"
)

// inBubble is a pretend Slack with its rate limits, and a client of it with its own, on the bubble's clock.
func inBubble(t *testing.T, o sim.Options) (*sim.Workspace, *Client) {
	t.Helper()
	w, err := sim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	opts := options(t, "http://127.0.0.1/api/")
	opts.Transport = inProcess{w}
	return w, newClient(t, opts)
}

// Many messages by several senders at once stay within Slack's limits and lose nothing.
func TestWithinTheLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, c := inBubble(t, sim.Options{Users: users(150)})
		begun := time.Now()
		numbers := make(chan int)
		go func() {
			defer close(numbers)
			for i := range 300 {
				numbers <- i
			}
		}()
		var wait sync.WaitGroup
		for range 4 {
			wait.Go(func() {
				for i := range numbers {
					to := toChannel("C0ADOBECRE")
					if i%2 == 0 {
						to = toUser(fmt.Sprintf("U0USER%04d", i/2))
					}
					if _, err := c.Send(t.Context(), reminder(fmt.Sprint("m-", i), to, 1), 0); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wait.Wait()
		if v := w.RateViolations(); len(v) != 0 {
			t.Errorf("%d violations, the first: %+v", len(v), v[0])
		}
		if w.MessageCount() != 300 {
			t.Errorf("%d messages", w.MessageCount())
		}
		if took := time.Since(begun); took > 7*time.Minute {
			t.Errorf("300 messages took %s", took)
		}
	})
}

func TestLookUpsWithinTheLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, c := inBubble(t, sim.Options{Users: users(200)})
		for i := range 200 {
			if p, err := c.ByEmail(t.Context(), fmt.Sprintf("user%d@example.com", i)); err != nil || p.Standing != "active" {
				t.Fatalf("%d: %+v, %v", i, p, err)
			}
		}
		if v := w.RateViolations(); len(v) != 0 {
			t.Errorf("%d violations, the first: %+v", len(v), v[0])
		}
	})
}

func users(n int) []sim.User {
	all := make([]sim.User, n)
	for i := range all {
		all[i] = sim.User{ID: fmt.Sprintf("U0USER%04d", i), Email: fmt.Sprintf("user%d@example.com", i)}
	}
	return all
}

// After a 429, everyone who uses the method waits; other methods go on.
func TestClosedForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var posts atomic.Int32
		opts := options(t, "http://127.0.0.1/api/")
		opts.Transport = inProcess{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/api/chat.postMessage" && posts.Add(1) == 1 {
				w.Header().Set("Retry-After", "20")
				reply(w, 429, `{"ok":false,"error":"ratelimited"}`)
				return
			}
			reply(w, 200, map[string]string{
				"/api/chat.postMessage": `{"ok":true,"channel":"C01","ts":"1.2"}`,
				"/api/auth.test":        `{"ok":true,"team_id":"T01","user_id":"U09"}`,
				"/api/users.info":       `{"ok":true,"user":{"id":"U01","team_id":"T01"}}`,
			}[r.URL.Path])
		})}
		c := newClient(t, opts)
		begun := time.Now()
		_, err := c.Send(t.Context(), reminder("m", toChannel("C01"), 1), 0)
		if f := failed(t, err, notify.Later, ReasonRateLimited); f.Wait != 20*time.Second {
			t.Errorf("wait %s", f.Wait)
		}
		if _, err := c.ByID(t.Context(), "U01"); err != nil || time.Since(begun) > time.Second {
			t.Errorf("another method waited: %s, %v", time.Since(begun), err)
		}
		short, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err = c.Send(short, reminder("m", toChannel("C02"), 1), 0)
		if f := failed(t, err, notify.Later, ReasonRateLimited); f.Wait <= 15*time.Second || time.Since(begun) > time.Second {
			t.Errorf("wait %s after %s", f.Wait, time.Since(begun))
		}
		var wait sync.WaitGroup
		for i := range 5 {
			wait.Go(func() {
				if _, err := c.Send(t.Context(), reminder("m", toChannel(fmt.Sprintf("C1%d", i)), 1), 0); err != nil {
					t.Error(err)
				}
				if took := time.Since(begun); took < 20*time.Second || took > 25*time.Second {
					t.Errorf("sent after %s", took)
				}
			})
		}
		wait.Wait()
		c.limits.close(methodPost, time.Hour)
		_, err = c.Send(t.Context(), reminder("m", toChannel("C01"), 1), 0)
		if f := failed(t, err, notify.Later, ReasonRateLimited); f.Wait != time.Hour {
			t.Errorf("a method closed for an hour: wait %s", f.Wait)
		}
	})
}

// A wait ends with its context, and what was not used is given back.
func TestWaitsEndWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimits()
		if f := l.enter(t.Context(), methodPost, "C01"); f != nil {
			t.Fatal(f)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(500*time.Millisecond, cancel)
		if f := l.enter(ctx, methodPost, "C01"); f == nil || f.Reason != ReasonCanceled || f.Class != notify.Later {
			t.Errorf("got %v", f)
		}
		short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		begun := time.Now()
		if f := l.enter(short, methodPost, "C01"); f == nil || f.Wait <= 0 || f.Wait > time.Second || time.Since(begun) != 0 {
			t.Errorf("got %v after %s", f, time.Since(begun))
		}
		if f := l.enter(t.Context(), methodPost, "C01"); f != nil || time.Since(begun) > time.Second {
			t.Errorf("the next one got %v after %s", f, time.Since(begun))
		}
	})
}

// Who waits for a turn when the method is closed waits for that too.
func TestClosedWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimits()
		begun := time.Now()
		time.AfterFunc(500*time.Millisecond, func() { l.close(methodPost, 10*time.Second) })
		for range 2 {
			if f := l.enter(t.Context(), methodPost, "C01"); f != nil {
				t.Fatal(f)
			}
		}
		if took := time.Since(begun); took < 10*time.Second {
			t.Errorf("the second turn came after %s", took)
		}
	})
}

func TestIdleChannelsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimits()
		for i := range 3 * channelsKept {
			if f := l.enter(t.Context(), methodPost, fmt.Sprintf("C%d", i)); f != nil {
				t.Fatal(f)
			}
		}
		if n := len(l.channels); n > channelsKept+1 {
			t.Errorf("%d channels are remembered", n)
		}
	})
}
