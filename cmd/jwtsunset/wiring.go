package main

import (
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"time"

	"jwtsunset/adobe"
	"jwtsunset/config"
	"jwtsunset/credential"
	"jwtsunset/scanner"
	"jwtsunset/store"
)

// deadlines are the configuration's in the form that counts.
func deadlines(cfg *config.Config) []credential.Deadline {
	var all []credential.Deadline
	for _, d := range cfg.Deadlines {
		deadline := credential.Deadline{Name: d.Name, At: endOf(d)}
		for _, k := range d.AppliesTo {
			deadline.AppliesTo = append(deadline.AppliesTo, credential.Kind(k))
		}
		all = append(all, deadline)
	}
	return all
}

// endOf is the moment at which a deadline has passed: the one written, or the end of the day in the deadline's zone.
func endOf(d config.Deadline) time.Time {
	if moment, ok := d.Date.Instant(); ok {
		return moment.In(d.TimeZone)
	}
	year, month, day := d.Date.Day()
	return credential.EndOfDay(year, month, day, d.TimeZone)
}

// client makes the client that reads one organization.
func client(
	cfg *config.Config, org config.Organization, clock func() time.Time, log *slog.Logger, observe func(adobe.Call),
) (*adobe.Client, error) {
	o, err := clientOptions(cfg, org, clock, log, observe)
	if err != nil {
		return nil, err
	}
	c, err := adobe.New(o)
	if err != nil {
		return nil, fmt.Errorf("organization %s: %w", org.Name, err)
	}
	return c, nil
}

// clientOptions are the options of a client for one organization.
func clientOptions(
	cfg *config.Config, org config.Organization, clock func() time.Time, log *slog.Logger, observe func(adobe.Call),
) (adobe.Options, error) {
	a, undocumented := cfg.Adobe, cfg.Adobe.Undocumented
	roots, err := rootCAs(a.CAFile)
	if err != nil {
		return adobe.Options{}, err
	}
	o := adobe.Options{
		Organization: org.Name, IMSOrg: org.IMSOrg, ClientID: org.ClientID, Scopes: org.Scopes,
		IMSURL: a.IMSURL, PlatformURL: a.PlatformURL, ConsoleURL: a.ConsoleURL,
		ConsoleAPIKey:          undocumented.ConsoleAPIKey,
		SkipSandboxAdmin:       undocumented.SandboxList == "visible",
		AccountsLimit:          undocumented.AccountsLimit,
		AdminVerificationTexts: undocumented.AdminVerificationTexts,
		RequestsPerSecond:      a.RequestsPerSecond, Concurrency: a.Concurrency, RequestTimeout: a.RequestTimeout,
		Retries: a.Retries, RetryAfterMax: a.RetryAfterMax, MaxBody: a.MaxResponseBytes, RootCAs: roots,
		Clock: clock, Logger: log, Observe: observe,
	}
	if reached != nil {
		o.Reached = func(stage credential.Stage, step adobe.Step) error {
			return reached("adobe:" + string(stage) + ":" + string(step))
		}
	}
	if source, ok := org.ClientSecret(); ok {
		o.ClientSecret = source.Read
	}
	if source, ok := org.UserToken(); ok {
		o.UserToken = source.Read
	}
	return o, nil
}

// rootCAs adds the certificates of a file to the system's.
func rootCAs(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil //nolint:nilnil // no pool means the system's
	}
	pem, err := os.ReadFile(file) //nolint:gosec // the operator names it
	if err != nil {
		return nil, fmt.Errorf("adobe.ca_file: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("adobe.ca_file: system certificates: %w", err)
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("adobe.ca_file: %s holds no certificate in PEM form", file)
	}
	return pool, nil
}

// newScanner joins client, store and configuration into the scan of one organization.
func newScanner(
	cfg *config.Config, org config.Organization, c *adobe.Client, s *store.Store, clock func() time.Time,
	log *slog.Logger, progress func(scanner.Progress),
) *scanner.Scanner {
	o := scanner.Options{
		Organization: org.Name, IMSOrg: org.IMSOrg, Platform: c, Recorder: s, Rules: rules(cfg.Scan),
		Concurrency: cfg.Adobe.Concurrency, Timeout: cfg.Scan.Timeout, PageLimit: cfg.Scan.PageLimit,
		OrderCheck: scanner.OrderCheck(cfg.Adobe.Undocumented.AccountsOrderCheck),
		Inactive:   cfg.Adobe.Undocumented.InactiveAccounts,
		Clock:      clock, Logger: log, Progress: progress,
	}
	if cfg.Adobe.ConsoleURL != "" {
		o.Console = c
	}
	return scanner.New(o)
}

func rules(c config.Scan) scanner.Rules {
	r := scanner.Rules{IncludeSandboxes: c.Include.Sandboxes}
	for _, e := range c.Exclude {
		r.Exclude = append(r.Exclude, scanner.ExcludeRule{
			Sandbox: e.Sandbox, Credential: e.Credential, Name: e.Name, Owner: e.Owner, Reason: e.Reason,
		})
	}
	return r
}
