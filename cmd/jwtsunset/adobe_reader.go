package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"jwtsunset/adobe"
	"jwtsunset/approval"
	"jwtsunset/config"
	"jwtsunset/credential"
	"jwtsunset/migrator"
	"jwtsunset/scanner"
	"jwtsunset/store"
)

// adobeReader reads single credentials afresh. Places are those that the last scans found.
type adobeReader struct {
	cfg       *config.Config
	store     *store.Store
	clients   map[string]*adobe.Client
	migrators map[string]*adobe.Migrator
	clock     func() time.Time
	log       *slog.Logger
}

var _ migrator.Reader = (*adobeReader)(nil)

func newAdobeReader(
	cfg *config.Config, s *store.Store, own map[string]*adobe.Migrator, clock func() time.Time, log *slog.Logger,
	observe func(adobe.Call),
) (*adobeReader, error) {
	r := &adobeReader{
		cfg: cfg, store: s, clients: map[string]*adobe.Client{}, migrators: own, clock: clock, log: log,
	}
	for _, org := range cfg.Organizations {
		c, err := client(cfg, org, clock, log, observe)
		if err != nil {
			return nil, err
		}
		r.clients[org.Name] = c
	}
	return r, nil
}

func (r *adobeReader) close() {
	for _, c := range r.clients {
		c.Close()
	}
}

// Read implements migrator.Reader.
func (r *adobeReader) Read(ctx context.Context, organization, id string) (migrator.Reading, error) {
	var reading migrator.Reading
	known, err := r.store.Credential(ctx, organization, id)
	if err != nil {
		return reading, err
	}
	c := r.clients[organization]
	if c == nil {
		return reading, fmt.Errorf("the configuration has no organization %q any more", organization)
	}
	began := r.clock()
	o := scanner.Options{Organization: organization, Platform: c, PageLimit: r.cfg.Scan.PageLimit}
	if r.cfg.Adobe.ConsoleURL != "" {
		o.Console = c
	}
	before := c.Usage().Calls
	fresh, err := scanner.ReadOne(ctx, o, known)
	reading.Calls = []migrator.Call{{Operation: "read", At: began.UTC(), Took: r.clock().Sub(began), Error: text(err),
		Length: int64(c.Usage().Calls - before)}}
	if err != nil {
		return reading, err
	}
	reading.Subject = approval.Subject{Credential: fresh, Shown: approval.Shown{Read: began}}
	if d, ok := credential.Effective(fresh, deadlines(r.cfg)); ok {
		reading.Subject.Shown.Deadline = d
	}
	if err := r.access(ctx, c, &reading.Subject); err != nil {
		return reading, err
	}
	err = r.evidence(ctx, &reading)
	return reading, err
}

// access reads what the credential may use, and what kind of project it is in.
func (r *adobeReader) access(ctx context.Context, c *adobe.Client, s *approval.Subject) error {
	at := s.Credential.Console
	if !at.Matched() || r.cfg.Adobe.ConsoleURL == "" {
		return nil
	}
	org, err := c.OrganizationID(ctx)
	if err != nil {
		return err
	}
	access, err := c.Access(ctx, org, at.IntegrationID)
	if err != nil {
		return err
	}
	s.APIs, s.Profiles = access.APIs, access.Profiles
	if at.ProjectID == "" {
		return nil
	}
	p, err := c.Project(ctx, org, at.ProjectID)
	s.ProjectType = p.Type
	return err
}

// evidence reads when each half was last used. What cannot be read stays unknown, which counts as not safe.
func (r *adobeReader) evidence(ctx context.Context, reading *migrator.Reading) error {
	c := reading.Subject.Credential
	m := r.migrators[c.Organization]
	if m == nil || !c.Console.Matched() || r.cfg.Adobe.ConsoleURL == "" {
		return nil
	}
	began := r.clock()
	org, err := m.OrganizationID(ctx)
	var used adobe.Usages
	if err == nil {
		used, err = m.Usages(ctx, org, c.Console.IntegrationID)
	}
	reading.Calls = append(reading.Calls, migrator.Call{
		Operation: "usages", At: began.UTC(), Took: r.clock().Sub(began), Error: text(err),
	})
	if err != nil {
		r.log.WarnContext(ctx, "the last uses of a credential cannot be read, so it counts as not ready",
			"organization", c.Organization, "credential", c.ID, "error", err)
		return ctx.Err()
	}
	e := approval.Evidence{Read: began}
	e.JWTUsed, _ = used.Old() // by any word that is not the OAuth half's
	e.OAuthUsed, _ = used.Last(adobe.GrantOAuth)
	reading.Evidence = e
	reading.Subject.Shown.JWTUsed, reading.Subject.Shown.OAuthUsed = e.JWTUsed, e.OAuthUsed
	return nil
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

var errNoMigrator = errors.New("no credential is configured that may migrate in this organization")
