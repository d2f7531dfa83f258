package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v4"

	"jwtsunset/config"
)

const healthcheckTimeout = 5 * time.Second

func (a *app) healthcheckCommand() *cobra.Command {
	return a.configured(&cobra.Command{
		Use:   "healthcheck",
		Short: "Ask the daemon on this machine whether it is healthy",
		Long:  "Ask the daemon's metrics listener on this machine for /-/healthy. Exit code 0 if it answers, else 1.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.loadConfig()
			if err != nil {
				return err
			}
			return a.healthcheck(cmd.Context(), cfg)
		},
	})
}

func (a *app) healthcheck(ctx context.Context, cfg *config.Config) error {
	ctx, cancel := context.WithTimeout(ctx, healthcheckTimeout)
	defer cancel()
	certificate, err := servedCertificate(cfg.Metrics.WebConfigFile)
	if err != nil {
		return err
	}
	address, err := localAddress(cfg.Listen.Metrics)
	if err != nil {
		return err
	}
	code, err := get(ctx, address, certificate)
	switch {
	case err != nil:
		return hinted{fmt.Errorf("no answer from %s: %w", address, err), "is jwtsunset serve running?"}
	case code == http.StatusOK, code == http.StatusUnauthorized:
		// A listener with basic auth asks for a password on every path: that answer, too, is the daemon's.
		_, err = fmt.Fprintln(a.stdout, "healthy")
		return err
	default:
		return fmt.Errorf("%s answers with status %d", address, code)
	}
}

// localAddress is where a listener on any address can be reached from this machine.
func localAddress(listen string) (string, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", fmt.Errorf("listen.metrics: %w", err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port), nil
}

func get(ctx context.Context, address string, certificate *x509.Certificate) (code int, err error) {
	url, transport := "http://"+address+"/-/healthy", &http.Transport{DisableKeepAlives: true}
	if certificate != nil {
		url = "https://" + address + "/-/healthy"
		transport.TLSClientConfig = trustOnly(certificate)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}

// servedCertificate is the certificate that the metrics listener shows, nil if it speaks plain HTTP.
func servedCertificate(webConfig string) (*x509.Certificate, error) {
	if webConfig == "" {
		return nil, nil //nolint:nilnil // no TLS
	}
	data, err := os.ReadFile(webConfig) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, fmt.Errorf("metrics.web_config_file: %w", err)
	}
	var c struct {
		TLS struct {
			File   string `yaml:"cert_file"`
			Inline string `yaml:"cert"`
		} `yaml:"tls_server_config"`
	}
	loader, err := yaml.NewLoader(bytes.NewReader(data))
	if err == nil {
		err = loader.Load(&c)
	}
	if err != nil && !errors.Is(err, io.EOF) { // a file without a document is a valid one
		return nil, errors.New("metrics.web_config_file: not readable as YAML")
	}
	text := []byte(c.TLS.Inline)
	if c.TLS.File != "" {
		path := c.TLS.File
		if !filepath.IsAbs(path) {
			path = filepath.Join(filepath.Dir(webConfig), path)
		}
		if text, err = os.ReadFile(path); err != nil { //nolint:gosec // the operator names the file
			return nil, fmt.Errorf("metrics.web_config_file: %w", err)
		}
	}
	if len(text) == 0 {
		return nil, nil //nolint:nilnil // no TLS
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("metrics.web_config_file: the certificate is not in PEM form")
	}
	return x509.ParseCertificate(block.Bytes)
}

// trustOnly accepts exactly the certificate that the daemon was configured with, under a name that it has.
func trustOnly(certificate *x509.Certificate) *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(certificate)
	name := certificate.Subject.CommonName
	switch {
	case len(certificate.DNSNames) > 0:
		name = certificate.DNSNames[0]
	case len(certificate.IPAddresses) > 0:
		name = certificate.IPAddresses[0].String()
	}
	return &tls.Config{RootCAs: pool, ServerName: name, MinVersion: tls.VersionTLS12}
}
