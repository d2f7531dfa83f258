package adobe

import (
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"jwtsunset/credential"
)

func TestRedirectsAreNotFollowed(t *testing.T) {
	var trapped atomic.Int32
	trap := serve(t, func(http.ResponseWriter, *http.Request) { trapped.Add(1) })
	for _, status := range []int{300, 301, 302, 303, 304, 305, 307, 308} {
		for _, target := range []string{trap + "/x", "//" + strings.TrimPrefix(trap, "http://"), "/elsewhere", ""} {
			var calls atomic.Int32
			handler := func(w http.ResponseWriter, _ *http.Request) {
				calls.Add(1)
				w.Header().Set("Location", target)
				w.WriteHeader(status)
			}
			_, err := firstPage(client(t, handler))
			e := failed(t, err, credential.ReasonRedirect)
			if e.Status != status || calls.Load() != 1 {
				t.Errorf("%d to %q: error %v after %d calls", status, target, e, calls.Load())
			}
			calls.Store(0)
			c := newTestClient(t, testOptions(t, serve(t, handler)))
			_, err = firstPage(c)
			if e := failed(t, err, credential.ReasonRedirect); e.Stage != credential.StageToken || calls.Load() != 1 {
				t.Errorf("token, %d to %q: error %v after %d calls", status, target, e, calls.Load())
			}
		}
	}
	if n := trapped.Load(); n != 0 {
		t.Errorf("the trap was reached %d times", n)
	}
}

func TestAuthorizerIsPinned(t *testing.T) {
	var sent []string
	rt := &authorizer{base: roundTripper(func(r *http.Request) (*http.Response, error) {
		sent = append(sent, r.URL.String())
		return httptest.NewRecorder().Result(), nil
	})}
	home := &url.URL{Scheme: "https", Host: "platform.adobe.io"}
	auth := authorization{origin: origin(home), headers: headers{apiKey: "k"}}
	good := []string{"https://platform.adobe.io/x", "https://PLATFORM.adobe.io:443/"}
	bad := []string{
		"http://platform.adobe.io/", "https://platform.adobe.io:8443/", "https://evil.example/",
		"https://platform.adobe.io.evil.example/",
		"https://platform.adobe.io./", "https://evil.example:443/platform.adobe.io", "http://platform.adobe.io:443/",
	}
	ask := func(ctx context.Context, address string) error {
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		resp, err := rt.RoundTrip(r)
		if err == nil {
			err = resp.Body.Close()
		}
		if len(r.Header) > 0 {
			t.Errorf("the caller's request was changed: %v", r.Header)
		}
		return err
	}
	auth.token = bearer{text: testSecret("t")}
	pinned := withAuthorization(context.Background(), auth)
	for _, address := range good {
		if err := ask(pinned, address); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, address := range bad {
		if err := ask(pinned, address); !errors.Is(err, errNotPinned) {
			t.Errorf("%s: %v", address, err)
		}
	}
	if err := ask(context.Background(), good[0]); !errors.Is(err, errNotPinned) {
		t.Errorf("without authorization: %v", err)
	}
	if len(sent) != len(good) {
		t.Errorf("sent %q", sent)
	}
}

// Each service gets its own headers only.
func TestHeadersGoWhereTheyBelong(t *testing.T) {
	header := func(name string) (string, chan http.Header) {
		seen := make(chan http.Header, 1)
		return serve(t, withToken(func(w http.ResponseWriter, r *http.Request) {
			seen <- r.Header
			reply(w, 200, map[string]string{"platform": `{"accounts":[]}`, "console": `[]`}[name])
		})), seen
	}
	platform, atPlatform := header("platform")
	console, atConsole := header("console")
	o := testOptions(t, platform)
	o.ConsoleURL, o.ConsoleAPIKey = console, "console-key"
	c := newTestClient(t, o)
	if _, err := firstPage(c); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Workspaces(context.Background(), "1", "2"); err != nil {
		t.Fatal(err)
	}
	p, k := <-atPlatform, <-atConsole
	if p.Get("X-Api-Key") != testClient || p.Get("X-Gw-Ims-Org-Id") != testOrg || p.Get("X-Sandbox-Name") != "prod" {
		t.Errorf("Experience Platform got %v", p)
	}
	if k.Get("X-Api-Key") != "console-key" || k.Get("X-Gw-Ims-Org-Id") != "" || k.Get("X-Sandbox-Name") != "" {
		t.Errorf("the Console got %v", k)
	}
}

func TestHostileSandboxNamesAndIDs(t *testing.T) {
	c := offline(t, func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("asked %s with %v", r.URL, r.Header)
		reply(w, 200, `[]`)
	})
	for _, name := range []string{"a\r\nX-Evil: 1", "a b", "\x00", "ü", strings.Repeat("a", 300)} {
		_, err := c.AccountPage(context.Background(), name, credential.Cursor{})
		failed(t, err, credential.ReasonMalformed)
	}
	long := strings.Repeat("1", 200)
	for _, id := range []string{"", ".", "..", "../x", "a/b", "a?b", "a#b", "a%2fb", "a\nb", "ü", long} {
		_, err := c.Workspaces(context.Background(), "1", id)
		failed(t, err, credential.ReasonMalformed)
	}
}

func TestBodyLimit(t *testing.T) {
	huge := func(w io.Writer) {
		_, _ = io.WriteString(w, `{"accounts":[`)
		for range 2000 {
			if _, err := io.WriteString(w, strings.Repeat(" ", 1<<16)); err != nil {
				return
			}
		}
		_, _ = io.WriteString(w, `]}`)
	}
	for name, handler := range map[string]http.HandlerFunc{
		"plain": func(w http.ResponseWriter, _ *http.Request) { huge(w) },
		"gzip": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			huge(z)
			_ = z.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			calls := 0
			o := testOptions(t, serve(t, withToken(func(w http.ResponseWriter, r *http.Request) {
				calls++
				handler(w, r)
			})))
			o.MaxBody = 1 << 20
			before := allocated()
			_, err := firstPage(newTestClient(t, o))
			failed(t, err, credential.ReasonTooLarge)
			if calls != 1 {
				t.Errorf("asked %d times", calls)
			}
			if grown := allocated() - before; grown > 64<<20 {
				t.Errorf("%d bytes were allocated for a limit of a megabyte", grown)
			}
		})
	}
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

func TestCompressedAnswers(t *testing.T) {
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			t.Error("gzip is not asked for")
		}
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = io.WriteString(z, accountSample)
		_ = z.Close()
	})
	// The sample's next link leads to another host, so "_page" is used.
	page, err := firstPage(c)
	if err != nil || len(page.Accounts) != 1 || page.Next == nil || c.SuspiciousLinks() != 1 {
		t.Errorf("page %+v, error %v", page, err)
	}
	c = offline(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "br")
		reply(w, 200, `{"accounts":[]}`)
	})
	_, err = firstPage(c)
	failed(t, err, credential.ReasonMalformed)
}

func TestContentTypes(t *testing.T) {
	for media, good := range map[string]bool{
		"application/json": true, "application/json; charset=utf-8": true, "application/vnd.adobe.x+json": true, "": true,
		"text/plain": true, "text/json": true, "text/html": false, "application/xml": false, "image/png": false, ";;": false,
	} {
		if isJSON(media) != good {
			t.Errorf("%q: %v", media, !good)
		}
	}
}

// authority signs certificates for the tests of TLS.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{}
	template := certificateTemplate(time.Now().Add(time.Hour))
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	a.key, a.cert = a.sign(t, template)
	return a
}

func certificateTemplate(notAfter time.Time) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: notAfter,
	}
}

// sign makes a certificate, signed by itself while the authority has none.
func (a *authority) sign(t *testing.T, template *x509.Certificate) (*ecdsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	parent, signer := template, key
	if a.cert != nil {
		parent, signer = a.cert, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return key, cert
}

func (a *authority) server(t *testing.T, template *x509.Certificate, change func(*tls.Config)) string {
	t.Helper()
	key, cert := a.sign(t, template)
	server := httptest.NewUnstartedServer(withToken(func(w http.ResponseWriter, _ *http.Request) {
		reply(w, 200, `{"accounts":[]}`)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	pair := tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	if change != nil {
		change(server.TLS)
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL
}

func TestTLS(t *testing.T) {
	trusted := newAuthority(t)
	roots := x509.NewCertPool()
	roots.AddCert(trusted.cert)
	local := func(notAfter time.Time) *x509.Certificate {
		c := certificateTemplate(notAfter)
		c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
		return c
	}
	later, earlier := time.Now().Add(time.Hour), time.Now().Add(-24*time.Hour)
	wrongName := certificateTemplate(later)
	wrongName.DNSNames = []string{"platform.adobe.io"}
	old := func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }
	tests := map[string]struct {
		address string
		good    bool
	}{
		"sound":        {trusted.server(t, local(later), nil), true},
		"expired":      {trusted.server(t, local(earlier), nil), false},
		"wrong name":   {trusted.server(t, wrongName, nil), false},
		"unknown":      {newAuthority(t).server(t, local(later), nil), false},
		"self-signed":  {(&authority{}).server(t, local(later), nil), false},
		"old protocol": {trusted.server(t, local(later), old), false},
		"no TLS":       {"https" + strings.TrimPrefix(serve(t, withToken(nil)), "http"), false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			o := testOptions(t, test.address)
			o.RootCAs = roots
			c := newTestClient(t, o)
			_, err := firstPage(c)
			if test.good {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if e := failed(t, err, credential.ReasonTLS); e.Retryable || c.Usage().Calls != 1 {
				t.Errorf("%d calls, error %v", c.Usage().Calls, e)
			}
		})
	}
}

func TestNetworkErrors(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "http://" + listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	base := serve(t, withToken(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	o := testOptions(t, base)
	_, err = firstPage(newTestClient(t, o))
	if e := failed(t, err, credential.ReasonNetwork); !e.Retryable {
		t.Errorf("cut connection is not retryable: %v", e)
	}
	o = testOptions(t, base)
	o.PlatformURL = address
	c := newTestClient(t, o)
	_, err = firstPage(c)
	if e := failed(t, err, credential.ReasonNetwork); !e.Retryable || c.Usage().Calls != 1+DefaultRetries {
		t.Errorf("refused connection: %d calls, %v", c.Usage().Calls, e)
	}
	_, err = firstPage(newTestClient(t, testOptions(t, address)))
	failed(t, err, credential.ReasonToken)
}

func TestLinkLocalIsNotDialed(t *testing.T) {
	control := refuseLinkLocal(bases{platform: &url.URL{Host: "169.254.7.7:8080"}})
	for address, good := range map[string]bool{
		"169.254.169.254:80": false, "[fe80::1%eth0]:443": false, "[::ffff:169.254.169.254]:80": false, "nonsense": false,
		"169.254.7.7:8080": true, "127.0.0.1:1": true, "93.184.216.34:443": true, "[2001:db8::1]:443": true,
	} {
		if err := control("tcp", address, nil); (err == nil) != good {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestOrigin(t *testing.T) {
	for address, want := range map[string]string{
		"https://a.example": "https://a.example:443", "http://A.example/": "http://a.example:80",
		"https://a.example:443/x": "https://a.example:443", "https://[::1]:8443": "https://[::1]:8443",
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if got := origin(u); got != want {
			t.Errorf("%s: %s", address, got)
		}
	}
}
