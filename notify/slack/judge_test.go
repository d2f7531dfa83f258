package slack

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"jwtsunset/notify"
	"jwtsunset/secret"
	sim "jwtsunset/simulator/slack"
)

// What the words that matter most mean. The table must not be changed without changing what is said here.
func TestRefusals(t *testing.T) {
	for class, words := range map[notify.Class]string{
		notify.Operator: "not_authed invalid_auth account_inactive token_revoked token_expired missing_scope " +
			"not_allowed_token_type ekm_access_denied team_access_not_granted enterprise_is_restricted " +
			"messages_tab_disabled method_deprecated accesslimited access_denied two_factor_setup_required",
		notify.Permanent: "channel_not_found not_in_channel is_archived is_inactive user_not_found users_not_found " +
			"user_disabled user_not_visible cannot_dm_bot restricted_action restricted_action_read_only_channel " +
			"restricted_action_thread_only_channel restricted_action_non_threadable_channel " +
			"restricted_action_thread_locked message_not_found cant_update_message edit_window_closed thread_not_found " +
			"cannot_reply_to_message no_permission",
		notify.Invalid: "invalid_blocks invalid_blocks_format msg_too_long msg_blocks_too_long no_text " +
			"too_many_attachments metadata_too_large invalid_metadata_format invalid_metadata_schema " +
			"metadata_must_be_sent_from_app invalid_arguments invalid_arg_name invalid_charset block_mismatch",
		notify.Later:   "ratelimited rate_limited team_added_to_org org_login_required message_limit_exceeded update_failed",
		notify.Unclear: "fatal_error internal_error service_unavailable request_timeout messaging_processing_failed",
	} {
		for word := range strings.FieldsSeq(words) {
			if got, known := refusals[word]; !known || got.class != class {
				t.Errorf("%s is %q, want %s", word, got.class, class)
			}
			c := answering(t, func(w http.ResponseWriter, _ *http.Request) {
				reply(w, 200, `{"ok":false,"error":"`+word+`"}`)
			})
			_, err := c.Send(t.Context(), reminder("m", toChannel("C01"), 1), 0)
			f := failed(t, err, class, strings.Replace(word, "rate_limited", "ratelimited", 1))
			if class == notify.Operator && f.Hint == "" {
				t.Errorf("%s: nothing says what to do", word)
			}
			// Looking and changing can be done twice.
			_, err = c.ByID(t.Context(), "U01")
			if err != nil && asFailure(err).Class == notify.Unclear {
				t.Errorf("%s: a look-up is unclear", word)
			}
		}
	}
}

func TestReasons(t *testing.T) {
	all := Reasons()
	label := regexp.MustCompile(`^[a-z0-9_]{2,60}$`)
	for i, reason := range all {
		if !label.MatchString(reason) || i > 0 && all[i-1] >= reason {
			t.Errorf("%q is no label, doubled or out of order", reason)
		}
	}
	for word, r := range refusals {
		if !isSlackWord(word) || r.class == "" {
			t.Errorf("%q with class %q", word, r.class)
		}
	}
	if len(all) < len(refusals)+15 || len(all) > 200 {
		t.Errorf("%d reasons", len(all))
	}
}

// Whatever comes back: what it means for the next attempt.
func TestAnswers(t *testing.T) {
	good := `{"ok":true,"channel":"C01","ts":"1.2"}`
	header := func(name, value string, status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(name, value)
			reply(w, status, body)
		}
	}
	status := func(code int, body string) http.HandlerFunc { return header("X", "x", code, body) }
	tests := map[string]struct {
		handler http.HandlerFunc
		class   notify.Class
		reason  string
		wait    time.Duration
	}{
		"429":                 {header("Retry-After", "7", 429, `{"ok":false,"error":"ratelimited"}`), notify.Later, ReasonRateLimited, 7 * time.Second},
		"429, no time":        {status(429, `x`), notify.Later, ReasonRateLimited, 30 * time.Second},
		"429, nonsense":       {header("Retry-After", "soon", 429, ``), notify.Later, ReasonRateLimited, 30 * time.Second},
		"429, negative":       {header("Retry-After", "-5", 429, ``), notify.Later, ReasonRateLimited, 30 * time.Second},
		"429, zero":           {header("Retry-After", "0", 429, ``), notify.Later, ReasonRateLimited, time.Second},
		"429, for ever":       {header("Retry-After", strings.Repeat("9", 50), 429, ``), notify.Later, ReasonRateLimited, time.Hour},
		"429, huge page":      {status(429, strings.Repeat("x", 1<<20)), notify.Later, ReasonRateLimited, 30 * time.Second},
		"200 and ratelimited": {header("Retry-After", "9", 200, `{"ok":false,"error":"ratelimited"}`), notify.Later, ReasonRateLimited, 9 * time.Second},
		"500":                 {status(500, `x`), notify.Unclear, ReasonServerError, 0},
		"502":                 {status(502, `<html>`), notify.Unclear, ReasonServerError, 0},
		"503 that says ok":    {status(503, good), notify.Unclear, ReasonServerError, 0},
		"599":                 {status(599, ``), notify.Unclear, ReasonServerError, 0},
		"201":                 {status(201, good), notify.Unclear, ReasonServerError, 0},
		"204":                 {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, notify.Unclear, ReasonServerError, 0},
		"400":                 {status(400, `x`), notify.Operator, ReasonClientError, 0},
		"403":                 {status(403, `x`), notify.Operator, ReasonClientError, 0},
		"404":                 {status(404, `x`), notify.Operator, ReasonClientError, 0},
		"407":                 {status(407, `x`), notify.Operator, ReasonClientError, 0},
		"408":                 {status(408, `x`), notify.Unclear, ReasonServerError, 0},
		"302":                 {header("Location", "/elsewhere", 302, ``), notify.Unclear, ReasonRedirect, 0},
		"empty":               {status(200, ``), notify.Unclear, ReasonMalformed, 0},
		"garbage":             {status(200, `{{{`), notify.Unclear, ReasonMalformed, 0},
		"cut JSON":            {status(200, good[:20]), notify.Unclear, ReasonMalformed, 0},
		"trailing":            {status(200, good+`{}`), notify.Unclear, ReasonMalformed, 0},
		"null":                {status(200, `null`), notify.Unclear, ReasonMalformed, 0},
		"list":                {status(200, `[]`), notify.Unclear, ReasonMalformed, 0},
		"no ok":               {status(200, `{}`), notify.Unclear, ReasonMalformed, 0},
		"ok false only":       {status(200, `{"ok":false}`), notify.Unclear, ReasonMalformed, 0},
		"ok in words":         {status(200, `{"ok":"true"}`), notify.Unclear, ReasonMalformed, 0},
		"no place":            {status(200, `{"ok":true}`), notify.Unclear, ReasonMalformed, 0},
		"no channel":          {status(200, `{"ok":true,"ts":"1.2"}`), notify.Unclear, ReasonMalformed, 0},
		"evil time stamp":     {status(200, `{"ok":true,"channel":"C01","ts":"<!channel>"}`), notify.Unclear, ReasonMalformed, 0},
		"evil channel":        {status(200, `{"ok":true,"channel":{"id":"C01"},"ts":"1.2"}`), notify.Unclear, ReasonMalformed, 0},
		"HTML":                {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }, notify.Unclear, ReasonMalformed, 0},
		"unknown word":        {status(200, `{"ok":false,"error":"brand_new_error"}`), notify.Unclear, ReasonOther, 0},
		"unfit word":          {status(200, `{"ok":false,"error":"Not A Word\n"}`), notify.Unclear, ReasonOther, 0},
		"too large":           {status(200, `{"ok":true,"x":"`+strings.Repeat("x", 1<<17)+`"}`), notify.Unclear, ReasonTooLarge, 0},
		"cut off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			reply(w, 200, good)
			panic(http.ErrAbortHandler)
		}, notify.Unclear, ReasonNetwork, 0},
		"hung up": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, notify.Unclear, ReasonNetwork, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int32
			handler := func(w http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				test.handler(w, r)
			}
			c := answering(t, handler)
			c.options.MaxAnswer = 1 << 16
			_, err := c.Send(t.Context(), reminder("m", toChannel("C01"), 1), 0)
			f := failed(t, err, test.class, test.reason)
			if f.Wait != test.wait || calls.Load() != 1 {
				t.Errorf("wait %s, %d requests", f.Wait, calls.Load())
			}
			if !slices.Contains(Reasons(), f.Reason) {
				t.Errorf("%s is not on the list of reasons", f.Reason)
			}
			c = answering(t, handler)
			c.options.MaxAnswer = 1 << 16
			_, err = c.ByID(t.Context(), "U01")
			if f := asFailure(err); err == nil || f.Class != notify.Later && f.Class != notify.Operator {
				t.Errorf("a look-up fails with %v", err)
			}
		})
	}
}

func TestRetryAfterDate(t *testing.T) {
	for value, want := range map[string]time.Duration{
		start.Add(90 * time.Second).Format(http.TimeFormat): 90 * time.Second,
		start.Add(-time.Hour).Format(http.TimeFormat):       time.Second,
		start.Add(99 * time.Hour).Format(http.TimeFormat):   time.Hour,
		"12": 12 * time.Second, "1.5": 30 * time.Second, "": 30 * time.Second,
	} {
		if got := retryAfter(value, start); got != want {
			t.Errorf("%q: %s, want %s", value, got, want)
		}
	}
}

func TestNothingWasSent(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	base := "http://" + listener.Addr().String() + "/"
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	m := reminder("m", toChannel("C01"), 1)
	_, err = hurried(newClient(t, options(t, base))).Send(t.Context(), m, 0)
	failed(t, err, notify.Later, ReasonNetwork)

	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = hurried(newClient(t, options(t, base))).Send(canceled, m, 0)
	f := failed(t, err, notify.Later, ReasonCanceled)
	if !errors.Is(f, context.Canceled) {
		t.Errorf("%v hides the cause", f)
	}

	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	server.StartTLS()
	defer server.Close()
	_, err = hurried(newClient(t, options(t, server.URL+"/"))).Send(t.Context(), m, 0)
	f = failed(t, err, notify.Later, ReasonTLS)
	mustContain(t, f.Hint, "certificates")
	if !isCertificateProblem(fmt.Errorf("x: %w", x509.UnknownAuthorityError{})) {
		t.Error("an unknown authority is no problem of certificates")
	}
}

// A connection that was had may have carried the request.
func TestSilence(t *testing.T) {
	seen := make(chan struct{}, 10)
	c := answering(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		seen <- struct{}{}
		<-r.Context().Done()
	})
	c.options.Timeout = 200 * time.Millisecond
	m := reminder("m", toChannel("C01"), 1)
	_, err := c.Send(t.Context(), m, 0)
	failed(t, err, notify.Unclear, ReasonTimeout)
	<-seen
	c.options.Timeout = time.Minute
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-seen
		cancel()
	}()
	_, err = c.Send(ctx, m, 0)
	failed(t, err, notify.Unclear, ReasonCanceled)
}

// A transport that does not tell whether it had a connection leaves it open.
func TestUnknownTransport(t *testing.T) {
	o := options(t, "https://slack.example/api/")
	o.Transport = failing{errors.New("xoxb-secret and https://user:password@host/?token=1 failed")}
	_, err := hurried(newClient(t, o)).Send(t.Context(), reminder("m", toChannel("C01"), 1), 0)
	f := failed(t, err, notify.Unclear, ReasonNetwork)
	for _, part := range []string{"xoxb", "password", "token=1", "https://slack.example"} {
		if strings.Contains(f.Error(), part) {
			t.Errorf("%q holds %q", f, part)
		}
	}
}

type failing struct{ err error }

func (f failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.err }

func TestRedirectsAreNotFollowed(t *testing.T) {
	var trapped atomic.Int32
	trap := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { trapped.Add(1) }))
	defer trap.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		var calls atomic.Int32
		c := answering(t, func(w http.ResponseWriter, _ *http.Request) {
			calls.Add(1)
			w.Header().Set("Location", trap.URL)
			w.WriteHeader(status)
		})
		_, err := c.Send(t.Context(), reminder("m", toChannel("C01"), 1), 0)
		f := failed(t, err, notify.Unclear, ReasonRedirect)
		if calls.Load() != 1 || f.Hint == "" {
			t.Errorf("%d: %d calls, hint %q", status, calls.Load(), f.Hint)
		}
	}
	if n := trapped.Load(); n != 0 {
		t.Errorf("the trap was reached %d times", n)
	}
}

func TestAuthorizerIsPinned(t *testing.T) {
	var sent []string
	home := &url.URL{Scheme: "https", Host: "slack.com"}
	a := &authorizer{origin: origin(home), base: recording(&sent)}
	x := &exchange{request: request{session: &session{token: secret.New(sim.BotToken)}}}
	ask := func(ctx context.Context, address string) error {
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, address, nil)
		_, err := a.RoundTrip(r)
		if r.Header.Get("Authorization") != "" {
			t.Error("the caller's request was changed")
		}
		return err
	}
	ctx := withExchange(t.Context(), x)
	for _, address := range []string{"https://slack.com/api/x", "https://SLACK.com:443/"} {
		if err := ask(ctx, address); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, address := range []string{
		"http://slack.com/", "https://slack.com:8443/", "https://evil.example/", "https://slack.com.evil.example/",
		"https://slack.com./", "https://api.slack.com/", "http://slack.com:443/",
	} {
		if err := ask(ctx, address); !errors.Is(err, errNotPinned) {
			t.Errorf("%s: %v", address, err)
		}
	}
	if err := ask(t.Context(), "https://slack.com/"); !errors.Is(err, errNotPinned) {
		t.Errorf("without an exchange: %v", err)
	}
	if len(sent) != 2 {
		t.Errorf("sent %q", sent)
	}
}

type recorder struct{ sent *[]string }

func recording(sent *[]string) recorder { return recorder{sent} }

func (r recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	*r.sent = append(*r.sent, req.URL.String())
	return httptest.NewRecorder().Result(), nil
}

// However an answer repeats the token or the message, neither is in an error or a log.
func TestNothingLeaks(t *testing.T) {
	const token = "xoxb-canary-f00d-1234"
	echo := func(r *http.Request) string {
		body, _ := io.ReadAll(r.Body)
		return r.Header.Get("Authorization") + " " + string(body)
	}
	word := func(r *http.Request) string {
		b, err := json.Marshal(echo(r))
		if err != nil {
			t.Error(err)
		}
		return string(b)
	}
	handlers := map[string]http.HandlerFunc{
		"word": func(w http.ResponseWriter, r *http.Request) { reply(w, 200, `{"ok":false,"error":`+word(r)+`}`) },
		"messages": func(w http.ResponseWriter, r *http.Request) {
			reply(w, 200, `{"ok":false,"error":"invalid_blocks","response_metadata":{"messages":["at `+
				r.Header.Get("Authorization")+`"]}}`)
		},
		"needed": func(w http.ResponseWriter, r *http.Request) {
			reply(w, 200, `{"ok":false,"error":"missing_scope","needed":`+word(r)+`}`)
		},
		"errors": func(w http.ResponseWriter, r *http.Request) {
			reply(w, 200, `{"ok":false,"error":"invalid_arguments","errors":[{"x":`+word(r)+`}]}`)
		},
		"fields": func(w http.ResponseWriter, r *http.Request) {
			b := word(r)
			reply(w, 200, `{"ok":true,"ts":`+b+`,"channel":`+b+`,"user":{"id":`+b+`},"user_id":`+b+`,"team_id":`+b+`}`)
		},
		"header": func(w http.ResponseWriter, r *http.Request) {
			text := r.Header.Get("Authorization")
			w.Header().Set("X-Slack-Req-Id", text)
			w.Header().Set("X-Oauth-Scopes", text)
			w.Header().Set("Retry-After", text)
			reply(w, 429, text)
		},
		"status": func(w http.ResponseWriter, r *http.Request) { reply(w, 500, echo(r)) },
		"JSON":   func(w http.ResponseWriter, r *http.Request) { reply(w, 200, echo(r)) },
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "/?t="+url.QueryEscape(r.Header.Get("Authorization")))
			w.WriteHeader(http.StatusFound)
		},
		"cut": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	}
	for name, handler := range handlers {
		t.Run(name, func(t *testing.T) {
			log := &logs{}
			c := answering(t, handler)
			c.log = log.logger()
			c.options.Token = func() (secret.String, error) { return secret.New(token), nil }
			var said strings.Builder
			note := func(err error) {
				var f *notify.Failure
				if errors.As(err, &f) {
					fmt.Fprintf(&said, "%v %+v %s %#v\n", err, *f, f.Hint, f.Err)
				}
			}
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second) // less than a 429 makes us wait
			defer cancel()
			m := reminder("m", toChannel("C01"), 1)
			_, err := c.Send(ctx, m, 0)
			note(err)
			_, err = c.ByEmail(ctx, "ana@example.com")
			note(err)
			_, _, err = c.Find(ctx, m, 0, start)
			note(err)
			report, err := c.Check(ctx, []string{"C01"}, nil)
			note(err)
			fmt.Fprintf(&said, "%+v %+v %#v", report, c, c)
			all := said.String() + log.String()
			if said.Len() < 40 || log.String() == "" {
				t.Errorf("next to nothing was said: %q", all)
			}
			for _, leak := range []string{"canary", "f00d", "etl-nightly", "ana@example.com"} {
				if strings.Contains(all, leak) {
					t.Errorf("%q is in %s", leak, all)
				}
			}
		})
	}
}

func TestClean(t *testing.T) {
	for text, want := range map[string]string{
		"plain text":                          "plain text",
		"a\nb\x1b[31m\u202ec":                 "a b [31m c",
		"Bearer xoxb-1-2 and XOXE.xoxb-3":     "Bearer … and …",
		"https://u:p@proxy.example:1/x?t=1 y": "https:…proxy.example:1/x… y",
		strings.Repeat("é", 600):              strings.Repeat(" ", 200) + "…",
	} {
		if got := clean(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

func TestOptions(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"no token":     func(o *Options) { o.Token = nil },
		"no templates": func(o *Options) { o.Templates = nil },
		"http":         func(o *Options) { o.APIURL = "http://slack.com/api/" },
		"no slash":     func(o *Options) { o.APIURL = "https://slack.com/api" },
		"password":     func(o *Options) { o.APIURL = "https://me:pw-canary@slack.com/api/" },
		"query":        func(o *Options) { o.APIURL = "https://slack.com/api/?x" },
		"no host":      func(o *Options) { o.APIURL = "https:///api/" },
		"other scheme": func(o *Options) { o.APIURL = "ftp://slack.com/" },
		"nonsense":     func(o *Options) { o.APIURL = "https://slack.com:x/" },
		"team":         func(o *Options) { o.Team = "acme" },
		"time":         func(o *Options) { o.Timeout = -1 },
	} {
		o := options(t, "")
		change(&o)
		if _, err := New(o); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, good := range []string{"", "https://slack-gov.com/api/", "http://127.0.0.1:1/", "http://localhost/x/"} {
		if _, err := New(options(t, good)); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
}
