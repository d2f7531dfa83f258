package adobe

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// headers are what a request needs beside its token.
type headers struct{ apiKey, imsOrg, sandbox string }

// authorization is what the authorizer adds to a request, and the only place that it may go to.
type authorization struct {
	headers
	token  bearer
	origin string
}

type authorizationKey struct{}

func withAuthorization(ctx context.Context, a authorization) context.Context {
	return context.WithValue(ctx, authorizationKey{}, a)
}

var errNotPinned = errors.New("refused to send a token to an address that is not the configured one")

// authorizer adds token, key and organization to requests, below the level at which net/http copies headers from one
// request to the next. It sends nothing at all to an address other than the one that the authorization is for.
type authorizer struct{ base http.RoundTripper }

func (t *authorizer) RoundTrip(r *http.Request) (*http.Response, error) {
	auth, ok := r.Context().Value(authorizationKey{}).(authorization)
	if !ok || origin(r.URL) != auth.origin {
		return nil, errNotPinned
	}
	r = r.Clone(r.Context())
	if err := auth.token.authorize(r.Header); err != nil {
		return nil, err
	}
	r.Header.Set("X-Api-Key", auth.apiKey)
	setUnlessEmpty(r.Header, "X-Gw-Ims-Org-Id", auth.imsOrg)
	setUnlessEmpty(r.Header, "X-Sandbox-Name", auth.sandbox)
	return t.base.RoundTrip(r)
}

// CloseIdleConnections lets http.Client reach the base transport.
func (t *authorizer) CloseIdleConnections() {
	if c, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

func setUnlessEmpty(h http.Header, name, value string) {
	if value != "" {
		h.Set(name, value)
	}
}

// origin is the scheme, host and port of an address, in one spelling.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

func refuseRedirects(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// newTransport builds on net/http's default, so that proxies and certificates from the environment work.
func newTransport(o Options, b bases) http.RoundTripper {
	t, ok := http.DefaultTransport.(*http.Transport)
	if ok {
		t = t.Clone()
	} else {
		t = &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true}
	}
	secure(t, o, b)
	t.ResponseHeaderTimeout = o.RequestTimeout
	t.MaxIdleConnsPerHost = o.Concurrency
	t.MaxConnsPerHost = o.Concurrency + 1 // one more for a token, where all addresses are one
	return t
}

// secure sets what every transport of ours has.
func secure(t *http.Transport, o Options, b bases) {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second, Control: refuseLinkLocal(b)}
	t.DialContext = dialer.DialContext
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.RootCAs}
	t.TLSHandshakeTimeout = 10 * time.Second
	t.MaxResponseHeaderBytes = 256 << 10
}

// newStartTransport is for one request that must not be sent twice. net/http resends where a kept connection turns out
// to be dead, and over HTTP/2 after a GOAWAY; a fresh connection of HTTP/1.1 that serves one request leaves it no cause
// (net/http, persistConn.shouldRetryRequest). Proxies are the environment's, as for reads. Nothing is decompressed, so
// that length and hash are those of the answer as sent.
func newStartTransport(o Options, b bases) *http.Transport {
	var http1 http.Protocols
	http1.SetHTTP1(true)
	t := &http.Transport{
		Proxy:             http.ProxyFromEnvironment,
		DisableKeepAlives: true, DisableCompression: true,
		Protocols:    &http1,
		TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{},
	}
	secure(t, o, b)
	return t
}

// refuseLinkLocal keeps connections away from link-local addresses, where clouds serve their machines' secrets, unless
// one is configured in so many words.
func refuseLinkLocal(b bases) func(network, address string, c syscall.RawConn) error {
	configured := map[string]bool{}
	for _, u := range []*url.URL{b.ims, b.platform, b.console, b.oneShot} {
		if u != nil {
			configured[u.Hostname()] = true
		}
	}
	return func(_, address string, _ syscall.RawConn) error {
		dialed, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("dial: %w", err)
		}
		ip := dialed.Addr().Unmap()
		if (ip.IsLinkLocalUnicast() || ip.IsLinkLocalMulticast()) && !configured[ip.WithZone("").String()] {
			return errors.New("dial: refused a link-local address")
		}
		return nil
	}
}

// newRequestID makes the random UUID by which Adobe can find a request of ours.
func newRequestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, says its documentation
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
