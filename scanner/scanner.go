// Package scanner takes one look at one organization: it lists the sandboxes, reads each one's non-expiring
// credentials and the Developer Console's, joins the two, and says what could not be seen and why.
//
// What holds: a look that could not see everything is partial, and a partial look only adds and updates. Nothing is
// declared gone, migrated or fewer because something could not be read.
package scanner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"jwtsunset/credential"
)

// Platform reads Experience Platform. Its errors carry a credential.Reason.
type Platform interface {
	// Sandboxes lists the sandboxes. found is handed them as they come, also when the list fails later.
	Sandboxes(ctx context.Context, found func([]credential.Sandbox)) (credential.SandboxList, error)
	// AccountPage reads one page of a sandbox's accounts. Whether to go on is the scanner's decision.
	AccountPage(ctx context.Context, sandbox string, at credential.Cursor) (credential.AccountPage, error)
	// Usage counts the calls since the client was made.
	Usage() credential.Usage
}

// Console reads the Developer Console. Its errors carry a credential.Reason.
type Console interface {
	OrganizationID(ctx context.Context) (string, error)
	// ProjectPage reads one page of projects; pages count from 1.
	ProjectPage(ctx context.Context, orgID string, page int) (credential.ProjectPage, error)
	Workspaces(ctx context.Context, orgID, projectID string) ([]credential.Workspace, error)
	WorkspaceCredentials(
		ctx context.Context, orgID, projectID, workspaceID string,
	) ([]credential.WorkspaceCredential, error)
	// IntegrationPage reads one page of integrations; pages count from 0.
	IntegrationPage(ctx context.Context, orgID string, page int) (credential.IntegrationPage, error)
	Integration(ctx context.Context, orgID, id string) (credential.Integration, error)
	Certificates(ctx context.Context, orgID, id string) ([]credential.Certificate, error)
	MigrationStatus(ctx context.Context, orgID, id string) (credential.MigrationStatus, error)
}

// Recorder keeps what scans find.
type Recorder interface {
	// Scans lists the newest scans of an organization, newest first, unfinished ones included.
	Scans(ctx context.Context, organization string, limit int) ([]credential.Scan, error)
	StartScan(ctx context.Context, scan credential.Scan) (id int64, err error)
	// Record writes the outcome in one transaction: merge is given the credentials and the last finished scan as they
	// are at that moment.
	Record(ctx context.Context, scanID int64, organization string,
		merge func(previous []credential.Credential, last credential.Scan) (credential.Recording, error)) error
	// AbandonScan closes a scan that was told to stop; nothing of it is kept.
	AbandonScan(ctx context.Context, scanID int64) error
}

// Options say what to scan and with what.
type Options struct {
	Organization, IMSOrg string
	Platform             Platform
	// Console is nil when the Console is not to be asked.
	Console  Console
	Recorder Recorder
	Rules    Rules
	// Concurrency is the number of requests under way at once; 1 if smaller.
	Concurrency int
	// Timeout bounds the reading; what is unread by then is unseen. 0 means no limit.
	Timeout time.Duration
	// PageLimit ends a list that does not come to an end by itself; 10,000 if 0.
	PageLimit  int
	OrderCheck OrderCheck
	// Inactive asks each sandbox for accounts that are not active too, which doubles the requests.
	Inactive bool
	Clock    func() time.Time
	Logger   *slog.Logger
	// Progress is told of every finished request, from one goroutine at a time; nil if nobody watches.
	Progress func(Progress)
}

// Progress is how far a scan has come. Total grows while lists are found.
type Progress struct {
	Done, Total int
	What        string
}

// recordTimeout bounds the writing of the outcome, which goes on when the reading has run out of time.
const recordTimeout = time.Minute

// Scanner scans one organization. A Scanner may be used again, but not by two goroutines at once.
type Scanner struct{ o Options }

// New makes a Scanner.
func New(o Options) *Scanner {
	o.Concurrency = max(o.Concurrency, 1)
	if o.PageLimit <= 0 {
		o.PageLimit = 10_000
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.OrderCheck == "" {
		o.OrderCheck = OrderAuto
	}
	return &Scanner{o: o}
}

// Scan takes one look and records it. What could not be seen is part of the record and no error. An error means that
// nothing was recorded: the store failed, or ctx was cancelled.
func (s *Scanner) Scan(ctx context.Context) (credential.Scan, error) {
	scan := credential.Scan{Organization: s.o.Organization, IMSOrg: s.o.IMSOrg, Started: precise(s.o.Clock())}
	last, err := s.lastFinished(ctx)
	if err != nil {
		return scan, fmt.Errorf("scan of %s: %w", s.o.Organization, err)
	}
	if scan.ID, err = s.o.Recorder.StartScan(ctx, scan); err != nil {
		return scan, fmt.Errorf("scan of %s: start: %w", s.o.Organization, err)
	}
	before := s.o.Platform.Usage()
	look := s.look(ctx, last)
	if errors.Is(context.Cause(ctx), context.Canceled) {
		return scan, errors.Join(context.Cause(ctx), s.abandon(ctx, scan.ID))
	}
	after := s.o.Platform.Usage()
	scan.Usage = credential.Usage{Calls: after.Calls - before.Calls, Throttled: after.Throttled - before.Throttled}
	return s.record(ctx, scan, look)
}

// look reads everything there is to read, within the time limit.
func (s *Scanner) look(ctx context.Context, last credential.Scan) *look {
	if s.o.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.o.Timeout)
		defer cancel()
	}
	p := newPool(s.o.Concurrency, s.o.Progress)
	l := newLook(s.o, last, p)
	first := []task{{what: "sandboxes", remaining: last.Pages() + 1, run: l.sandboxes}}
	if s.o.Console != nil {
		first = append(first, l.organization())
	}
	p.run(ctx, first)
	p.run(ctx, l.gaps())
	l.finish()
	return l
}

func (s *Scanner) record(ctx context.Context, scan credential.Scan, l *look) (credential.Scan, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	scan.Finished = precise(s.o.Clock())
	merge := func(previous []credential.Credential, last credential.Scan) (credential.Recording, error) {
		r := l.merge(scan, previous, last)
		scan = r.Scan
		return r, nil
	}
	if err := s.o.Recorder.Record(ctx, scan.ID, s.o.Organization, merge); err != nil {
		return scan, fmt.Errorf("scan of %s: record: %w", s.o.Organization, err)
	}
	s.report(ctx, scan)
	if l.conflicts > 0 {
		s.o.Logger.WarnContext(ctx, "accounts came twice with different content, the one updated last counts",
			"organization", scan.Organization, "accounts", l.conflicts)
	}
	return scan, nil
}

func (s *Scanner) report(ctx context.Context, scan credential.Scan) {
	level := slog.LevelInfo
	if !scan.Complete {
		level = slog.LevelWarn
	}
	s.o.Logger.Log(ctx, level, "scan finished", "organization", scan.Organization, "scan", scan.ID,
		"complete", scan.Complete, "affected", scan.Counts.Affected, "migrated", scan.Counts.Migrated,
		"gone", scan.Counts.Gone, "unseen", len(scan.Unseen), "held_back", scan.HeldBack,
		"excluded", len(scan.Excluded), "calls", scan.Usage.Calls, "duration", scan.Duration())
	for _, u := range scan.Unseen {
		s.o.Logger.LogAttrs(ctx, slog.LevelWarn, "not seen", slog.String("organization", scan.Organization),
			slog.String("what", u.What), slog.String("stage", string(u.Stage)),
			slog.String("reason", string(u.Reason)), slog.String("detail", u.Detail))
	}
}

func (s *Scanner) abandon(ctx context.Context, id int64) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	return s.o.Recorder.AbandonScan(ctx, id)
}

// recentScans is how far back a finished scan is looked for behind ones that a crash cut off.
const recentScans = 100

func (s *Scanner) lastFinished(ctx context.Context) (credential.Scan, error) {
	scans, err := s.o.Recorder.Scans(ctx, s.o.Organization, recentScans)
	if err != nil {
		return credential.Scan{}, fmt.Errorf("read earlier scans: %w", err)
	}
	for _, scan := range scans {
		if !scan.Finished.IsZero() {
			return scan, nil
		}
	}
	return credential.Scan{}, nil
}
