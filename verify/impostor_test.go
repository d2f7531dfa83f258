//go:build verify

package verify

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

// adobeHosts are the hosts that Adobe's clients have built in.
var adobeHosts = []string{"ims-na1.adobelogin.com", "developers.adobe.io", "platform.adobe.io"}

// impostor answers for Adobe's hosts: programs that cannot be told another address reach the simulator through it and
// notice nothing. It is a proxy that refuses every other host, a TLS server with a certificate for Adobe's, and a
// recorder of what was answered.
type impostor struct {
	// Proxy is the address for HTTPS_PROXY, Plain the simulator's, recorded as well, for programs that can be told.
	Proxy, Plain string
	// Certificate is the file with the certificate to trust.
	Certificate string

	mu       sync.Mutex
	answers  []answer
	strayed  []string
	upstream *httputil.ReverseProxy
}

// answer is one recorded exchange.
type answer struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	Status int    `json:"status"`
	Type   string `json:"type"`
	Body   string `json:"body"`
}

func newImpostor(t *testing.T, simulator string) *impostor {
	t.Helper()
	base, err := url.Parse(simulator)
	if err != nil {
		t.Fatal(err)
	}
	i := &impostor{Certificate: filepath.Join(t.TempDir(), "adobe.pem")}
	i.upstream = &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(base) },
		ModifyResponse: i.record,
	}

	server := httptest.NewUnstartedServer(i.upstream)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{i.certificate(t)}, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	t.Cleanup(server.Close)
	proxy := httptest.NewServer(i.tunnel(server.Listener.Addr().String()))
	t.Cleanup(proxy.Close)
	plain := httptest.NewServer(i.upstream)
	t.Cleanup(plain.Close)
	i.Proxy, i.Plain = proxy.URL, plain.URL
	return i
}

// tunnel answers CONNECT to Adobe's hosts with a connection to the server that plays them.
func (i *impostor) tunnel(server string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, port, _ := net.SplitHostPort(r.Host)
		if r.Method != http.MethodConnect || port != "443" || !slices.Contains(adobeHosts, host) {
			i.mu.Lock()
			i.strayed = append(i.strayed, r.Method+" "+r.Host)
			i.mu.Unlock()
			http.Error(w, "not one of Adobe's hosts", http.StatusForbidden)
			return
		}
		inside, err := (&net.Dialer{}).DialContext(r.Context(), "tcp", server)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		outside, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			_ = inside.Close()
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		go join(inside, outside, buffered)
	})
}

// join carries bytes both ways until either side ends.
func join(inside, outside net.Conn, buffered io.Reader) {
	defer func() { _ = inside.Close(); _ = outside.Close() }()
	if _, err := io.WriteString(outside, "HTTP/1.1 200 OK\r\n\r\n"); err != nil {
		return
	}
	ended := make(chan struct{}, 2)
	go func() { _, _ = io.Copy(inside, buffered); ended <- struct{}{} }()
	go func() { _, _ = io.Copy(outside, inside); ended <- struct{}{} }()
	<-ended
}

func (i *impostor) record(response *http.Response) error {
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if err := response.Body.Close(); err != nil {
		return err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	i.mu.Lock()
	defer i.mu.Unlock()
	i.answers = append(i.answers, answer{
		Method: response.Request.Method, Path: response.Request.URL.EscapedPath(), Status: response.StatusCode,
		Type: response.Header.Get("Content-Type"), Body: string(body),
	})
	return nil
}

// recorded gives the answers so far, and the hosts other than Adobe's that somebody wanted.
func (i *impostor) recorded() (answers []answer, strayed []string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.answers), slices.Clone(i.strayed)
}

// certificate makes the one certificate of this test, valid for Adobe's hosts and for an hour, and writes it to its file.
func (i *impostor) certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a pretend Adobe"}, DNSNames: adobeHosts,
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, i.Certificate, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
