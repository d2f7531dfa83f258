package adobe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"jwtsunset/credential"
	"jwtsunset/secret"
)

// identity is a pretend identity service that gives numbered tokens, and a platform that knows which are good.
type identity struct {
	mu      sync.Mutex
	issued  int
	revoked map[string]bool
	life    int
}

func (i *identity) handle(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if r.URL.Path == "/ims/token/v3" {
		i.issued++
		const answer = `{"access_token":"%s%d","token_type":"bearer","expires_in":%d}`
		reply(w, 200, fmt.Sprintf(answer, canaryToken, i.issued, i.life))
		return
	}
	if i.revoked[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")] {
		reply(w, 401, `{"error_code":"401013","message":"Oauth token is not valid: `+r.Header.Get("Authorization")+`"}`)
		return
	}
	reply(w, 200, `{"accounts":[]}`)
}

func (i *identity) count() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.issued
}

func (i *identity) revoke(numbers ...int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, n := range numbers {
		i.revoked[fmt.Sprintf("%s%d", canaryToken, n)] = true
	}
}

func newIdentity() *identity { return &identity{revoked: map[string]bool{}, life: 86399} }

func TestTokenRequest(t *testing.T) {
	var form, contentType string
	o := testOptions(t, "https://adobe.example")
	o.Scopes = []string{"openid", "AdobeID"}
	o.Transport = overHandler(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/ims/token/v3" {
			reply(w, 200, `{"accounts":[]}`)
			return
		}
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		form, contentType = r.PostForm.Encode(), r.Header.Get("Content-Type")
		for _, name := range []string{"Authorization", "X-Api-Key"} {
			if r.Header.Get(name) != "" {
				t.Errorf("the request for a token has a header %s", name)
			}
		}
		if r.URL.RawQuery != "" {
			t.Errorf("the request for a token has the query %q", r.URL.RawQuery)
		}
		reply(w, 200, `{"access_token":"a","token_type":"bearer","expires_in":86399}`)
	})
	if _, err := firstPage(newTestClient(t, o)); err != nil {
		t.Fatal(err)
	}
	want := "client_id=" + testClient + "&client_secret=" + canarySecret +
		"&grant_type=client_credentials&scope=openid%2CAdobeID"
	if form != want || contentType != "application/x-www-form-urlencoded" {
		t.Errorf("sent %q as %q, want %q", form, contentType, want)
	}
}

func TestTokenIsShared(t *testing.T) {
	id := newIdentity()
	c := newTestClient(t, testOptions(t, serve(t, id.handle)))
	together(t, 16, func() error { _, err := firstPage(c); return err })
	if id.count() != 1 {
		t.Errorf("%d tokens were asked for, want 1", id.count())
	}
}

// together runs f so many times at once.
func together(t *testing.T, n int, f func() error) {
	t.Helper()
	var group sync.WaitGroup
	for range n {
		group.Go(func() {
			if err := f(); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

func TestRevokedTokenIsReplacedOnce(t *testing.T) {
	id := newIdentity()
	var waiting atomic.Int32
	all := make(chan struct{})
	o := testOptions(t, "")
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		// The first eight refusals are sent when all eight workers wait for one.
		if strings.HasSuffix(r.Header.Get("Authorization"), "generation1") && id.count() == 1 {
			if n := waiting.Add(1); n == 8 {
				close(all)
			}
			<-all
		}
		id.handle(w, r)
	})
	o.IMSURL, o.PlatformURL, o.ConsoleURL, o.Concurrency = base, base, base, 8
	id.revoke(1)
	c := newTestClient(t, o)
	together(t, 8, func() error { _, err := firstPage(c); return err })
	if id.count() != 2 {
		t.Errorf("%d tokens were asked for, want the first and one more", id.count())
	}
}

func TestTokenRefusedTwice(t *testing.T) {
	id := newIdentity()
	id.revoke(1, 2, 3, 4, 5, 6, 7, 8, 9)
	c := newTestClient(t, testOptions(t, serve(t, id.handle)))
	for range 5 {
		_, err := firstPage(c)
		e := failed(t, err, credential.ReasonUnauthorized)
		if e.Status != 401 || e.Code != "401013" || e.Retryable || !strings.Contains(e.Message, "[redacted]") {
			t.Errorf("error is %+v", e)
		}
	}
	if id.count() > 1+tokenRenewals {
		t.Errorf("%d tokens were asked for within a moment", id.count())
	}
}

func TestTokenLife(t *testing.T) {
	tests := map[string]struct {
		life      int
		keptFor   time.Duration
		renewedBy time.Duration
	}{
		"a day":              {86399, 23*time.Hour + 54*time.Minute, 23*time.Hour + 55*time.Minute},
		"an hour":            {3599, 54 * time.Minute, 55 * time.Minute},
		"a minute":           {60, 53 * time.Second, 55 * time.Second},
		"milliseconds of it": {86399985, 23*time.Hour + 54*time.Minute, 23*time.Hour + 56*time.Minute},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				id := newIdentity()
				id.life = test.life
				o := testOptions(t, "https://adobe.example")
				o.Transport = overHandler(id.handle)
				c := newTestClient(t, o)
				ask := func(want int, when string) {
					t.Helper()
					if _, err := firstPage(c); err != nil {
						t.Fatal(err)
					}
					if id.count() != want {
						t.Errorf("%s: %d tokens, want %d", when, id.count(), want)
					}
				}
				ask(1, "at first")
				pass(t, test.keptFor)
				ask(1, "within its life")
				pass(t, test.renewedBy-test.keptFor)
				ask(2, "near its end")
			})
		})
	}
}

// pass lets time go by in a synctest bubble.
func pass(t *testing.T, d time.Duration) {
	t.Helper()
	if err := wait(context.Background(), d); err != nil {
		t.Fatal(err)
	}
}

func TestTokenFailures(t *testing.T) {
	tests := map[string]struct {
		status int
		body   string
		want   credential.Reason
		tries  int
	}{
		"wrong secret": {
			400,
			`{"error":"invalid_client","error_description":"invalid client_secret parameter ` + canarySecret + `"}`,
			credential.ReasonToken, 1,
		},
		"unauthorized": {401, `{"error":"invalid_client"}`, credential.ReasonToken, 1},
		"scope":        {400, `{"error":"invalid_scope"}`, credential.ReasonToken, 1},
		"no JSON":      {400, "<html>" + canarySecret + "</html>", credential.ReasonToken, 1},
		"server error": {
			500, `{"error":"internal_error","error_description":"Please try again later"}`,
			credential.ReasonToken, 5,
		},
		"throttled": {429, ``, credential.ReasonToken, 5},
		"redirect":  {302, ``, credential.ReasonRedirect, 1},
		"no life": {
			200, `{"access_token":"` + canaryToken + `","token_type":"bearer","expires_in":0}`,
			credential.ReasonToken, 1,
		},
		"negative life": {
			200, `{"access_token":"` + canaryToken + `","token_type":"bearer","expires_in":-1}`,
			credential.ReasonToken, 1,
		},
		"life missing": {
			200, `{"access_token":"` + canaryToken + `","token_type":"bearer"}`, credential.ReasonToken, 1,
		},
		"life is no number": {
			200, `{"access_token":"` + canaryToken + `","token_type":"bearer","expires_in":"soon"}`,
			credential.ReasonToken, 1,
		},
		"wrong type": {
			200, `{"access_token":"` + canaryToken + `","token_type":"mac","expires_in":86399}`,
			credential.ReasonToken, 1,
		},
		"type missing": {
			200, `{"access_token":"` + canaryToken + `","expires_in":86399}`, credential.ReasonToken, 1,
		},
		"empty token": {
			200, `{"access_token":"","token_type":"bearer","expires_in":86399}`, credential.ReasonToken, 1,
		},
		"token with newline": {
			200, `{"access_token":"a\r\nX-Evil: 1","token_type":"bearer","expires_in":86399}`,
			credential.ReasonToken, 1,
		},
		"token twice": {
			200, `{"access_token":"a","access_token":"b","token_type":"bearer","expires_in":86399}`,
			credential.ReasonToken, 1,
		},
		"token in two cases": {
			200, `{"access_token":"a","Access_Token":"b","token_type":"bearer","expires_in":86399}`,
			credential.ReasonToken, 1,
		},
		"error in a 200": {
			200, `{"error":"invalid_client","access_token":"a","token_type":"bearer","expires_in":86399}`,
			credential.ReasonToken, 1,
		},
		"form in place of it": {200, "access_token=a&token_type=bearer", credential.ReasonToken, 1},
		"page in place of it": {200, "<html></html>", credential.ReasonToken, 1},
		"nothing":             {200, "", credential.ReasonToken, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tries := 0
				o := testOptions(t, "https://adobe.example")
				o.Transport = overHandler(func(w http.ResponseWriter, r *http.Request) {
					tries++
					if r.URL.Path != "/ims/token/v3" {
						t.Errorf("asked %s without a token", r.URL)
					}
					w.Header().Set("X-Debug-Id", "trace-7")
					w.Header().Set("Location", "https://evil.example/")
					reply(w, test.status, test.body)
				})
				c := newTestClient(t, o)
				_, err := firstPage(c)
				e := failed(t, err, test.want)
				if e.Stage != credential.StageToken || e.Status != test.status || e.RequestID != "trace-7" || e.Retryable {
					t.Errorf("error is %+v", e)
				}
				if tries != test.tries {
					t.Errorf("asked %d times, want %d", tries, test.tries)
				}
				if _, again := firstPage(c); again == nil || tries != test.tries {
					t.Errorf("asked again at once: %d times, error %v", tries, again)
				}
				pass(t, tokenPause)
				if _, again := firstPage(c); again == nil || tries != 2*test.tries {
					t.Errorf("after a while asked %d times in all, want %d", tries, 2*test.tries)
				}
			})
		})
	}
}

func TestTokenIsUsedWhileNoOtherCanBeHad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		id := newIdentity()
		down := false
		o := testOptions(t, "https://adobe.example")
		o.Transport = overHandler(func(w http.ResponseWriter, r *http.Request) {
			if down && r.URL.Path == "/ims/token/v3" {
				reply(w, 503, "")
				return
			}
			id.handle(w, r)
		})
		c := newTestClient(t, o)
		if _, err := firstPage(c); err != nil {
			t.Fatal(err)
		}
		down = true
		pass(t, 23*time.Hour+56*time.Minute)
		for range 3 {
			if _, err := firstPage(c); err != nil {
				t.Fatal(err)
			}
		}
		pass(t, 4*time.Minute)
		_, err := firstPage(c)
		failed(t, err, credential.ReasonToken)
	})
}

// A caller that goes away must not take the token from those who stay, nor leave anything running when it was the last.
func TestTokenWaitersComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var givenUp atomic.Int32
		c := newTestClient(t, func() Options {
			o := testOptions(t, "https://adobe.example")
			o.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
				w := httptest.NewRecorder()
				if r.URL.Path == "/ims/token/v3" {
					select {
					case <-release:
					case <-r.Context().Done():
						givenUp.Add(1)
						return nil, r.Context().Err()
					}
					reply(w, 200, `{"access_token":"a","token_type":"bearer","expires_in":86399}`)
				} else {
					reply(w, 200, `{"accounts":[]}`)
				}
				return w.Result(), nil
			})
			return o
		}())
		impatient, cancel := context.WithCancel(context.Background())
		errs := make(chan error, 2)
		ask := func(ctx context.Context) {
			_, err := c.AccountPage(ctx, "prod", credential.Cursor{})
			errs <- err
		}
		go ask(impatient)
		synctest.Wait()
		cancel() // the last one leaves: the request is given up
		failed(t, <-errs, credential.ReasonCanceled)
		synctest.Wait()
		if givenUp.Load() != 1 {
			t.Error("the request that nobody waits for goes on")
		}

		impatient, cancel = context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		go ask(impatient)
		synctest.Wait()
		go ask(context.Background())
		synctest.Wait()
		failed(t, <-errs, credential.ReasonScanTimeout)
		close(release)
		if err := <-errs; err != nil {
			t.Error(err)
		}
	})
}

func TestSecretCannotBeRead(t *testing.T) {
	for name, read := range map[string]func() (secret.String, error){
		"unreadable": func() (secret.String, error) {
			return secret.String{}, errors.New("open /run/secrets/adobe: no such file")
		},
		"empty": func() (secret.String, error) { return secret.String{}, nil },
	} {
		t.Run(name, func(t *testing.T) {
			c := offline(t, nil, func(o *Options) { o.ClientSecret = read })
			_, err := firstPage(c)
			if e := failed(t, err, credential.ReasonToken); !strings.Contains(e.Error(), "client secret: ") {
				t.Errorf("error is %v", e)
			}
			c = offline(t, nil, func(o *Options) { o.ClientSecret, o.UserToken = nil, read })
			_, err = firstPage(c)
			if e := failed(t, err, credential.ReasonToken); !strings.Contains(e.Error(), "user token: ") {
				t.Errorf("error is %v", e)
			}
		})
	}
}

func TestUserToken(t *testing.T) {
	var token atomic.Value
	token.Store(canaryToken + "1")
	id := newIdentity()
	c := offline(t, id.handle, func(o *Options) {
		o.ClientSecret = nil
		o.UserToken = func() (secret.String, error) { return secret.New(token.Load().(string)), nil }
		o.Transport = overHandler(func(w http.ResponseWriter, r *http.Request) {
			if got := r.Header.Get("Authorization"); got != "Bearer "+token.Load().(string) && !id.revoked[got[7:]] {
				t.Errorf("sent %q", got)
			}
			id.handle(w, r)
			token.CompareAndSwap(canaryToken+"2", canaryToken+"3") // somebody replaces the file
		})
	})
	if _, err := firstPage(c); err != nil {
		t.Fatal(err)
	}
	id.revoke(1, 2)
	_, err := firstPage(c)
	failed(t, err, credential.ReasonUnauthorized)
	token.Store(canaryToken + "2")
	if _, err := firstPage(c); err != nil {
		t.Errorf("the new token was not read: %v", err)
	}
	if id.count() != 0 {
		t.Error("a token was asked for beside the user's")
	}
	token.Store("bad token\r\nX-Evil: 1")
	_, err = firstPage(c)
	failed(t, err, credential.ReasonToken)
}
