//go:build verify

package verify

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"
)

// password and its bcrypt hash, of the lowest cost, open the metrics of this test and nothing else.
const (
	password     = "only-for-this-test"
	passwordHash = "$2a$04$t31ZhGvrZ140J7U9zzkUr.Zfrxn1FbRYt1Xd8ChetxOlzkVNp.iAO"
)

// TestWebConfig guards the metrics with the exporter toolkit's file for TLS and passwords, and looks at them from
// outside: with the password they are there, without it and without TLS they are not. The file is a real operator's,
// and so it is Prometheus's own tooling that must accept it, through a scrape.
func TestWebConfig(t *testing.T) {
	dir := t.TempDir()
	roots := serverCertificate(t, dir)
	webConfig := write(t, filepath.Join(dir, "web.yml"), fmt.Sprintf(`tls_server_config:
  cert_file: %s
  key_file: %s
  min_version: TLS12
basic_auth_users:
  prometheus: %s
`, filepath.Join(dir, "server.pem"), filepath.Join(dir, "server.key"), passwordHash))
	adobe := simulate(t)
	metrics := freeAddress(t)
	config := configure(t, dir, adobe, metrics, "metrics:", "  web_config_file: "+webConfig)
	start(t, program(t, "serve", "-c", config))
	client := &http.Client{
		Timeout: 10 * time.Second,
		Transport: &http.Transport{
			DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		},
	}

	eventually(t, "the metrics over TLS with the password", func(ctx context.Context) error {
		status, err := request(ctx, client, "https://"+metrics+"/metrics", password)
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("status %d", status)
		}
		return err
	})
	for name, given := range map[string]string{"no password": "", "a wrong password": "not-" + password} {
		status, err := request(t.Context(), client, "https://"+metrics+"/metrics", given)
		if err != nil || status != http.StatusUnauthorized {
			t.Errorf("with %s: status %d, error %v; want 401", name, status, err)
		}
	}
	status, err := request(t.Context(), client, "http://"+metrics+"/metrics", password)
	if err == nil && status != http.StatusBadRequest {
		t.Errorf("without TLS: status %d, want 400 or no answer at all", status)
	}
	checkGuardedScrape(t, dir, metrics)
}

// checkGuardedScrape lets Prometheus scrape over TLS with the password.
func checkGuardedScrape(t *testing.T, dir, metrics string) {
	t.Helper()
	p := startPrometheus(t, metrics, "    scheme: https",
		fmt.Sprintf("    tls_config: {ca_file: %q}", filepath.Join(dir, "server.pem")),
		fmt.Sprintf("    basic_auth: {username: prometheus, password: %q}", password))
	p.eventually(t, "a guarded scrape", `up{job="jwtsunset"} == 1 and on() count(jwtsunset_credentials) > 0`)
}

// request asks for a page and gives the status; an empty password sends none.
func request(ctx context.Context, client *http.Client, url, password string) (int, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	if password != "" {
		r.SetBasicAuth("prometheus", password)
	}
	response, err := client.Do(r)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}

// serverCertificate writes server.pem and server.key for the loop-back address and gives the pool that trusts them.
func serverCertificate(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Minute),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certificate := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	write(t, filepath.Join(dir, "server.pem"), certificate)
	write(t, filepath.Join(dir, "server.key"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})))
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(certificate)) {
		t.Fatal("the test's own certificate cannot be read")
	}
	return roots
}
