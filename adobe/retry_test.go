package adobe

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"jwtsunset/credential"
)

func TestRetries(t *testing.T) {
	good := func(w http.ResponseWriter) { reply(w, 200, `{"accounts":[]}`) }
	answer := func(status int, body string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { reply(w, status, body) }
	}
	tests := map[string]struct {
		answers []func(http.ResponseWriter)
		want    credential.Reason // "" for success
		calls   int
	}{
		"500 then good":            {[]func(http.ResponseWriter){answer(500, `{"id":"x"}`), good}, "", 2},
		"504 as text then good":    {[]func(http.ResponseWriter){answer(504, "upstream request timeout"), good}, "", 2},
		"garbage twice, then good": {[]func(http.ResponseWriter){answer(200, "{"), answer(200, "<html>"), good}, "", 3},
		"429 then good":            {[]func(http.ResponseWriter){answer(429, ""), good}, "", 2},
		"408 then good":            {[]func(http.ResponseWriter){answer(408, ""), good}, "", 2},
		"500 for ever":             {[]func(http.ResponseWriter){answer(500, "")}, credential.ReasonServer, 5},
		"501":                      {[]func(http.ResponseWriter){answer(501, "")}, credential.ReasonServer, 5},
		"429 for ever":             {[]func(http.ResponseWriter){answer(429, "")}, credential.ReasonThrottled, 5},
		"garbage for ever":         {[]func(http.ResponseWriter){answer(200, "{")}, credential.ReasonMalformed, 3},
		"garbage between errors": {
			[]func(http.ResponseWriter){answer(200, "{"), answer(500, ""), answer(200, "{")},
			credential.ReasonMalformed, 4,
		},
		"400": {[]func(http.ResponseWriter){answer(400, "")}, credential.ReasonBadRequest, 1},
		"403": {[]func(http.ResponseWriter){answer(403, "")}, credential.ReasonForbidden, 1},
		"404": {[]func(http.ResponseWriter){answer(404, "")}, credential.ReasonNotFound, 1},
		"418": {[]func(http.ResponseWriter){answer(418, "")}, credential.ReasonBadRequest, 1},
		"206 is a part": {
			[]func(http.ResponseWriter){answer(206, `{"accounts":[]}`)}, credential.ReasonMalformed, 1,
		},
		"204 is nothing": {[]func(http.ResponseWriter){answer(204, "")}, credential.ReasonMalformed, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls := 0
				c := offline(t, func(w http.ResponseWriter, _ *http.Request) {
					next := test.answers[min(calls, len(test.answers)-1)]
					calls++
					next(w)
				})
				_, err := firstPage(c)
				if test.want == "" && err != nil {
					t.Error(err)
				}
				if test.want != "" {
					failed(t, err, test.want)
				}
				if calls != test.calls || c.Usage().Calls != calls+1 {
					t.Errorf("sent %d requests, want %d; usage says %d with the token", calls, test.calls, c.Usage().Calls)
				}
			})
		})
	}
}

func TestPausesGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Time
		c := offline(t, func(w http.ResponseWriter, _ *http.Request) {
			at = append(at, time.Now())
			reply(w, 500, "")
		}, func(o *Options) { o.RetryWait = time.Second })
		_, err := firstPage(c)
		failed(t, err, credential.ReasonServer)
		for i := 1; i < len(at); i++ {
			middle := time.Second << (i - 1)
			if pause := at[i].Sub(at[i-1]); pause < middle/2 || pause > middle*3/2 {
				t.Errorf("pause %d is %v, want %v to %v", i, pause, middle/2, middle*3/2)
			}
		}
	})
}

func TestRetryAfterHeader(t *testing.T) {
	const limit = 2 * time.Minute
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	tests := map[string]time.Duration{
		"":                               0,
		"7":                              7 * time.Second,
		" 7 ":                            7 * time.Second,
		"0":                              0,
		"-5":                             0,
		"+5":                             0,
		"1.5":                            0,
		"soon":                           0,
		"7s":                             0,
		"315360000":                      limit,
		"99999999999999999999999999":     limit,
		strings.Repeat("9", 10_000):      limit,
		"Sun, 01 Nov 2026 12:00:30 GMT":  30 * time.Second,
		"Sunday, 01-Nov-26 12:00:30 GMT": 30 * time.Second,
		"Sun Nov  1 12:00:30 2026":       30 * time.Second,
		"Sun, 01 Nov 2026 11:00:00 GMT":  0,
		"Sun, 01 Nov 2036 12:00:00 GMT":  limit,
		"Sun, 99 Nov 2036 12:00:00 GMT":  0,
		"2026-11-01T12:00:30Z":           0,
	}
	for value, want := range tests {
		if got := retryAfter(value, now, limit); got != want {
			t.Errorf("%q gives %v, want %v", value[:min(len(value), 40)], got, want)
		}
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	for header, want := range map[string]time.Duration{"7": 7 * time.Second, "100000": 2 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			var at []time.Time
			c := offline(t, func(w http.ResponseWriter, _ *http.Request) {
				if at = append(at, time.Now()); len(at) == 1 {
					w.Header().Set("Retry-After", header)
					reply(w, 429, `{"error_code":"429050","message":"Too many requests"}`)
					return
				}
				reply(w, 200, `{"accounts":[]}`)
			})
			if _, err := firstPage(c); err != nil {
				t.Fatal(err)
			}
			if pause := at[1].Sub(at[0]); pause < want || pause > want+time.Second {
				t.Errorf("Retry-After %s: paused %v", header, pause)
			}
			if held := c.Usage().Throttled; held < want || held > want+time.Second {
				t.Errorf("Retry-After %s: usage says %v", header, held)
			}
		})
	}
}

// All workers hold back after one of them was told to, and the time counts once.
func TestEverybodyHoldsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			mu    sync.Mutex
			start = time.Now()
			early int
			sent  int
		)
		var observed time.Duration
		c := offline(t, func(w http.ResponseWriter, r *http.Request) {
			if err := wait(r.Context(), time.Second); err != nil { // the others queue for the slot meanwhile
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			sent++
			if sent == 1 {
				w.Header().Set("Retry-After", "60")
				reply(w, 429, "")
				return
			}
			if time.Since(start) < time.Minute {
				early++
			}
			reply(w, 200, `{"accounts":[]}`)
		}, func(o *Options) {
			o.Concurrency = 1
			o.Observe = func(call Call) { mu.Lock(); observed = max(observed, call.Throttled); mu.Unlock() }
		})
		together(t, 8, func() error { _, err := firstPage(c); return err })
		if early > 0 {
			t.Errorf("%d requests were sent too early", early)
		}
		if held := c.Usage().Throttled; held < time.Minute || held > time.Minute+time.Second {
			t.Errorf("usage says %v, want a minute", held)
		}
		if observed < time.Minute {
			t.Errorf("the longest wait observed is %v", observed)
		}
	})
}

// Without a Retry-After everybody waits as long as the one that was refused.
func TestEverybodyHoldsBackUntold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent atomic.Int32
		start := time.Now()
		c := offline(t, func(w http.ResponseWriter, _ *http.Request) {
			if sent.Add(1) == 1 {
				reply(w, 429, "")
				return
			}
			reply(w, 200, `{"accounts":[]}`)
		}, func(o *Options) { o.RetryWait = time.Minute })
		done := make(chan error)
		go func() {
			_, err := firstPage(c)
			done <- err
		}()
		synctest.Wait()
		if _, err := firstPage(c); err != nil || time.Since(start) < 30*time.Second {
			t.Errorf("another worker waited %v, error %v", time.Since(start), err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// A Retry-After of another answer than 429 holds back the one that was told, and nobody else.
func TestRetryAfterOfOneAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent atomic.Int32
		start := time.Now()
		c := offline(t, func(w http.ResponseWriter, _ *http.Request) {
			if sent.Add(1) == 1 {
				w.Header().Set("Retry-After", start.Add(time.Minute).UTC().Format(http.TimeFormat))
				reply(w, 503, "")
				return
			}
			reply(w, 200, `{"accounts":[]}`)
		})
		done := make(chan error)
		go func() {
			_, err := firstPage(c)
			done <- err
		}()
		synctest.Wait()
		if _, err := firstPage(c); err != nil || time.Since(start) > 0 {
			t.Errorf("another worker waited %v, error %v", time.Since(start), err)
		}
		if err := <-done; err != nil || time.Since(start) < time.Minute {
			t.Errorf("waited %v, error %v", time.Since(start), err)
		}
		if held := c.Usage().Throttled; held != 0 {
			t.Errorf("usage says %v throttled", held)
		}
	})
}

func TestNoSlotIsHeldDuringPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := offline(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("X-Sandbox-Name") == "bad" {
				reply(w, 500, "")
				return
			}
			reply(w, 200, `{"accounts":[]}`)
		}, func(o *Options) { o.Concurrency, o.RetryWait = 1, time.Hour })
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error)
		go func() {
			_, err := c.AccountPage(ctx, "bad", credential.Cursor{})
			done <- err
		}()
		synctest.Wait()
		start := time.Now()
		if _, err := firstPage(c); err != nil || time.Since(start) > 0 {
			t.Errorf("waited %v for the slot, error %v", time.Since(start), err)
		}
		cancel()
		e := failed(t, <-done, credential.ReasonCanceled)
		if e.Status != 500 || !errors.Is(e, context.Canceled) {
			t.Errorf("error forgot what it was about to repeat: %v", e)
		}
	})
}

func TestConcurrencyAndRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			mu        sync.Mutex
			now, most int
			at        []time.Time
		)
		c := offline(t, func(http.ResponseWriter, *http.Request) {}, func(o *Options) {
			o.Concurrency, o.RequestsPerSecond = 3, 10
			o.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
				w := httptest.NewRecorder()
				if r.URL.Path == "/ims/token/v3" {
					reply(w, 200, `{"access_token":"a","token_type":"bearer","expires_in":86399}`)
					return w.Result(), nil
				}
				mu.Lock()
				now++
				most, at = max(most, now), append(at, time.Now())
				mu.Unlock()
				err := wait(r.Context(), time.Second)
				mu.Lock()
				now--
				mu.Unlock()
				reply(w, 200, `{"accounts":[]}`)
				return w.Result(), err
			})
		})
		together(t, 12, func() error { _, err := firstPage(c); return err })
		if most != 3 {
			t.Errorf("%d requests were in flight, want 3", most)
		}
		for i := 1; i < len(at); i++ {
			if gap := at[i].Sub(at[i-1]); gap < 99*time.Millisecond {
				t.Errorf("requests %v apart, want 100ms", gap)
			}
		}
	})
}

func TestRateIsLoweredAndRecovers(t *testing.T) {
	th := newThrottle(1, 16)
	for range 8 { // a burst of refusals lowers it once
		th.hold(time.Hour)
	}
	if th.limiter.Limit() != 8 {
		t.Errorf("limit is %v after a burst, want 8", th.limiter.Limit())
	}
	for range 10 {
		th.until = time.Time{}
		th.hold(time.Hour)
	}
	if th.limiter.Limit() != 1 {
		t.Errorf("limit is %v, want a sixteenth", th.limiter.Limit())
	}
	for range 200 {
		th.succeeded()
	}
	if th.limiter.Limit() != 16 {
		t.Errorf("limit is %v, want it to recover", th.limiter.Limit())
	}
}

func TestDeadlines(t *testing.T) {
	hang := func(o *Options) {
		o.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.URL.Path == "/ims/token/v3" {
				w := httptest.NewRecorder()
				reply(w, 200, `{"access_token":"a","token_type":"bearer","expires_in":86399}`)
				return w.Result(), nil
			}
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
	}
	slowBody := func(o *Options) {
		o.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
			w := httptest.NewRecorder()
			reply(w, 200, `{"access_token":"a","token_type":"bearer","expires_in":86399}`)
			resp := w.Result()
			if r.URL.Path != "/ims/token/v3" {
				resp.Body = io.NopCloser(untilDone{r.Context()})
			}
			return resp, nil
		})
	}
	throttled := func(o *Options) {
		o.Transport = overHandler(withToken(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "60")
			reply(w, 429, "")
		}))
	}
	slowRate := func(o *Options) {
		o.RequestsPerSecond = 0.001
		o.Transport = overHandler(withToken(func(w http.ResponseWriter, _ *http.Request) { reply(w, 500, "") }))
	}
	tests := map[string]struct {
		change func(*Options)
		scan   time.Duration
		want   credential.Reason
		cause  error
	}{
		"one request hangs":    {hang, time.Hour, credential.ReasonTimeout, context.DeadlineExceeded},
		"one body hangs":       {slowBody, time.Hour, credential.ReasonTimeout, context.DeadlineExceeded},
		"scan ends in request": {hang, 10 * time.Second, credential.ReasonScanTimeout, context.DeadlineExceeded},
		"scan ends in body":    {slowBody, 10 * time.Second, credential.ReasonScanTimeout, context.DeadlineExceeded},
		"scan ends in pause":   {throttled, 90 * time.Second, credential.ReasonScanTimeout, context.DeadlineExceeded},
		"scan ends in queue":   {slowRate, time.Minute, credential.ReasonScanTimeout, context.DeadlineExceeded},
		"canceled":             {hang, -1, credential.ReasonCanceled, context.Canceled},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := offline(t, nil, test.change)
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				if test.scan > 0 {
					ctx, cancel = context.WithTimeout(ctx, test.scan)
					defer cancel()
				} else {
					defer time.AfterFunc(time.Second, cancel).Stop()
				}
				start := time.Now()
				_, err := c.AccountPage(ctx, "prod", credential.Cursor{})
				failed(t, err, test.want)
				if !errors.Is(err, test.cause) {
					t.Errorf("%v is not %v", err, test.cause)
				}
				if test.scan > 0 && time.Since(start) > test.scan {
					t.Errorf("took %v", time.Since(start))
				}
			})
		})
	}
}

// untilDone is a body that never comes.
type untilDone struct{ ctx context.Context }

func (u untilDone) Read([]byte) (int, error) {
	<-u.ctx.Done()
	return 0, u.ctx.Err()
}

func TestCutBodies(t *testing.T) {
	calls := 0
	c := client(t, func(w http.ResponseWriter, _ *http.Request) {
		if calls++; calls == 1 {
			w.Header().Set("Content-Length", strconv.Itoa(len(accountSample)))
			_, _ = io.WriteString(w, accountSample[:100])
			return
		}
		reply(w, 200, `{"accounts":[]}`)
	})
	if _, err := firstPage(c); err != nil || calls != 2 {
		t.Errorf("%d calls, error %v", calls, err)
	}
}
