package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"jwtsunset/config"
	"jwtsunset/credential"
	"jwtsunset/report"
	"jwtsunset/store"
)

// historyFlags are the flags of history as they were typed.
type historyFlags struct {
	organizations, kinds []string
	since                string
	limit                int
	changes, burnDown    bool
}

func (a *app) historyCommand() *cobra.Command {
	var out output
	var f historyFlags
	cmd := &cobra.Command{
		Use:   "history [ID]",
		Short: "Show what scans found different over time",
		Long: `Show the scans on record, newest first, with what each found different; with --burn-down how the numbers
changed from day to day, oldest first, and at which pace; with an ID the timeline of that one credential, oldest first.
ID is the technical account id that list shows. Nothing is asked of Adobe.

A partial scan could not look everywhere. It never lowers a number: a day without a complete scan keeps the numbers of
the day before, marked as "at least". The pace is taken over complete scans of the last four weeks. What is older than
history.keep is removed, but for the numbers of one complete scan a day.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			q, err := f.query(&out, a.clock())
			if err != nil {
				return err
			}
			return a.history(cmd.Context(), q, args, out)
		},
	}
	out.formatFlags(cmd)
	flags := cmd.Flags()
	flags.StringSliceVar(&f.organizations, "organization", nil, "only these organizations")
	flags.StringVar(&f.since, "since", "", "only from this `date` on, or this long ago: 2026-01-01, 30d, 12h")
	flags.IntVar(&f.limit, "limit", 30, "at most this many scans, days or changes, the newest; 0 for all")
	flags.StringSliceVar(&f.kinds, "kind", nil, "only changes of these kinds, and scans that found one: "+
		strings.Join(kindNames(), ", "))
	flags.BoolVar(&f.changes, "changes", false, "list the changes, not only their numbers")
	flags.BoolVar(&f.burnDown, "burn-down", false, "one line a day, with the pace at which credentials become fewer")
	return a.configured(cmd)
}

// formatFlags are those of commands that list nothing which the configuration could exclude.
func (o *output) formatFlags(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&o.format, "output", "o", report.FormatTable, "table, json or csv")
	cmd.Flags().IntVar(&o.columns, "width", 0, "width of tables in columns (default: the terminal's)")
}

func kindNames() []string {
	var names []string
	for _, kind := range credential.ChangeKinds() {
		names = append(names, string(kind))
	}
	return names
}

// historyQuery says which part of history is asked for.
type historyQuery struct {
	organizations     []string
	kinds             []credential.ChangeKind
	since             time.Time // zero for all
	limit             int       // 0 for all
	changes, burnDown bool
}

// query checks the flags.
func (f *historyFlags) query(out *output, now time.Time) (historyQuery, error) {
	q := historyQuery{
		organizations: f.organizations, kinds: convert[credential.ChangeKind](f.kinds), limit: f.limit,
		changes: f.changes, burnDown: f.burnDown,
	}
	if err := out.check(); err != nil {
		return q, err
	}
	for _, kind := range q.kinds {
		if !slices.Contains(credential.ChangeKinds(), kind) {
			return q, hinted{fmt.Errorf("unknown kind of change %q", kind), "use one of " + strings.Join(kindNames(), ", ")}
		}
	}
	if q.burnDown && (q.changes || len(q.kinds) > 0) {
		return q, hinted{errors.New("--burn-down counts credentials, not changes"), "leave out --changes and --kind"}
	}
	if q.limit < 0 {
		return q, hinted{fmt.Errorf("--limit %d is below 0", q.limit), "use 0 for no limit"}
	}
	var err error
	q.since, err = parseSince(f.since, now)
	return q, err
}

// parseSince reads a date, an instant or how long ago; nothing gives the zero time.
func parseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	since, err := time.Parse(time.DateOnly, text)
	if err != nil {
		since, err = time.Parse(time.RFC3339, text)
	}
	if d, ok := config.ParseDuration(text); ok {
		since, err = now.Add(-d), nil
	}
	switch {
	case err != nil:
		return time.Time{}, hinted{fmt.Errorf("--since %q is neither a date nor a duration", text),
			"write 2026-01-01, 2026-01-01T09:00:00Z, 30d or 12h"}
	case since.After(now):
		return time.Time{}, hinted{fmt.Errorf("--since %q lies ahead", text), "name a date in the past"}
	}
	return since, nil
}

// matches tells whether a kind of change was asked for.
func (q *historyQuery) matches(kind credential.ChangeKind) bool {
	return len(q.kinds) == 0 || slices.Contains(q.kinds, kind)
}

func (a *app) history(ctx context.Context, q historyQuery, ids []string, out output) error {
	if len(ids) > 0 && (q.burnDown || q.changes || len(q.organizations) > 1) {
		return hinted{errors.New("one credential has a timeline and nothing else"),
			"leave out the ID, or --burn-down, --changes and all --organization but one"}
	}
	return a.onRecord(ctx, func(cfg *config.Config, s *store.Store) error {
		if len(ids) > 0 {
			return a.timeline(ctx, s, q, ids[0], out)
		}
		names, err := organizationsAsked(ctx, cfg, s, q.organizations)
		if err != nil {
			return err
		}
		if q.burnDown {
			return a.burnDown(ctx, s, q, names, out)
		}
		return a.pastScans(ctx, s, q, names, out)
	})
}

// organizationsAsked are the configured organizations, or those that were named. The history of one that is no longer
// configured can still be asked for.
func organizationsAsked(
	ctx context.Context, cfg *config.Config, s *store.Store, named []string,
) ([]string, error) {
	var known []string
	for _, o := range cfg.Organizations {
		known = append(known, o.Name)
	}
	if len(named) == 0 {
		return known, nil
	}
	recorded, err := s.Organizations(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range named {
		if !slices.Contains(known, name) && !slices.Contains(recorded, name) {
			known = append(known, recorded...)
			slices.Sort(known)
			return nil, hinted{fmt.Errorf("no organization %q is configured or on record", name),
				"use one of " + strings.Join(slices.Compact(known), ", ")}
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(named))), nil
}

func (a *app) pastScans(ctx context.Context, s *store.Store, q historyQuery, names []string, out output) error {
	h := report.History{Organizations: names, ListChanges: q.changes, Now: a.clock()}
	for _, name := range names {
		scans, err := scansOf(ctx, s, q, name)
		if err != nil {
			return err
		}
		h.Scans = append(h.Scans, scans...)
	}
	slices.SortStableFunc(h.Scans, func(a, b report.PastScan) int {
		return cmp.Or(b.Started.Compare(a.Started), cmp.Compare(b.ID, a.ID))
	})
	if h.More = q.limit > 0 && len(h.Scans) > q.limit; h.More {
		h.Scans = h.Scans[:q.limit]
	}
	return report.WriteHistory(a.stdout, out.format, h, out.options(a, report.ViewAll))
}

// scansOf are the scans of one organization, one more than the limit where there are more.
func scansOf(ctx context.Context, s *store.Store, q historyQuery, name string) ([]report.PastScan, error) {
	limit := 0
	if q.limit > 0 && len(q.kinds) == 0 {
		limit = q.limit + 1
	}
	summaries, err := s.ScanSummaries(ctx, name, q.since, limit)
	if err != nil || len(summaries) == 0 {
		return nil, err
	}
	first := summaries[len(summaries)-1].ID
	counts, err := s.ChangeCounts(ctx, name, first)
	if err != nil {
		return nil, err
	}
	changes := map[int64][]report.NamedChange{}
	if q.changes {
		if changes, err = changesByScan(ctx, s, q, name, first); err != nil {
			return nil, err
		}
	}
	var scans []report.PastScan
	for _, summary := range summaries {
		found := counts[summary.ID]
		for kind := range found {
			if !q.matches(kind) {
				delete(found, kind)
			}
		}
		if len(q.kinds) == 0 || len(found) > 0 {
			scans = append(scans, report.PastScan{ScanSummary: summary, ChangeCounts: found, Changes: changes[summary.ID]})
		}
	}
	return scans, nil
}

// changesByScan are the changes that were asked for, with the names that the credentials have now.
func changesByScan(
	ctx context.Context, s *store.Store, q historyQuery, organization string, first int64,
) (map[int64][]report.NamedChange, error) {
	credentials, err := s.Credentials(ctx, organization)
	if err != nil {
		return nil, err
	}
	names := make(map[string]string, len(credentials))
	for i := range credentials {
		names[credentials[i].ID] = credentials[i].Name
	}
	changes, err := s.ChangesFrom(ctx, organization, first)
	if err != nil {
		return nil, err
	}
	byScan := map[int64][]report.NamedChange{}
	for _, c := range changes {
		if q.matches(c.Kind) {
			byScan[c.ScanID] = append(byScan[c.ScanID], report.NamedChange{Change: c, Name: names[c.CredentialID]})
		}
	}
	return byScan, nil
}

func (a *app) burnDown(ctx context.Context, s *store.Store, q historyQuery, names []string, out output) error {
	d := report.BurnDown{Now: a.clock()}
	var all [][]credential.Point
	for _, name := range names {
		summaries, err := s.ScanSummaries(ctx, name, time.Time{}, 0)
		if err != nil {
			return err
		}
		points := credential.BurnDown(summaries)
		all = append(all, points)
		d.Series = append(d.Series, q.series(name, points, d.Now))
	}
	if len(names) > 1 {
		total := q.series("", credential.Sum(all...), d.Now)
		d.Total = &total
	}
	return report.WriteBurnDown(a.stdout, out.format, d, out.options(a, report.ViewAll))
}

// series cuts points down to what was asked for. The pace is that of all points.
func (q *historyQuery) series(name string, points []credential.Point, now time.Time) report.Series {
	series := report.Series{Organization: name, Pace: credential.PaceOf(points, now)}
	for _, p := range points {
		if dayEnd := p.Day.Add(24 * time.Hour); dayEnd.After(q.since) {
			series.Points = append(series.Points, p)
		}
	}
	if series.More = q.limit > 0 && len(series.Points) > q.limit; series.More {
		series.Points = series.Points[len(series.Points)-q.limit:]
	}
	return series
}

func (a *app) timeline(ctx context.Context, s *store.Store, q historyQuery, id string, out output) error {
	c, err := oneCredential(ctx, s, strings.Join(q.organizations, ""), id)
	if err != nil {
		return err
	}
	t := report.Timeline{Credential: c, Now: a.clock()}
	changes, err := s.Changes(ctx, c.Organization, c.ID, 0)
	if err != nil {
		return err
	}
	if t.Shortened = credential.Shortened(changes); t.Shortened {
		if t.KeptSince, err = s.OldestChange(ctx, c.Organization); err != nil {
			return err
		}
	}
	for _, change := range changes {
		if q.matches(change.Kind) && !change.At.Before(q.since) {
			t.Changes = append(t.Changes, change)
		}
	}
	if t.More = q.limit > 0 && len(t.Changes) > q.limit; t.More {
		t.Changes = t.Changes[:q.limit]
	}
	slices.Reverse(t.Changes)
	return report.WriteTimeline(a.stdout, out.format, t, out.options(a, report.ViewAll))
}

// oneCredential finds a credential by the id that a person typed.
func oneCredential(ctx context.Context, s *store.Store, organization, id string) (credential.Credential, error) {
	c, err := s.Credential(ctx, organization, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		err = hinted{fmt.Errorf("no credential %q on record", id), "jwtsunset list shows the ids"}
	case errors.Is(err, store.ErrAmbiguous):
		err = hinted{err, "name the organization with --organization"}
	}
	return c, err
}
