package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"jwtsunset/config"
	"jwtsunset/credential"
	"jwtsunset/report"
	"jwtsunset/scanner"
	"jwtsunset/store"
)

// output is what commands that show credentials have in common.
type output struct {
	format   string
	excluded bool
	columns  int
}

func (o *output) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVarP(&o.format, "output", "o", report.FormatTable, "table, json or csv")
	flags.BoolVar(&o.excluded, "excluded", false, "list what the configuration excludes")
	flags.IntVar(&o.columns, "width", 0, "width of tables in columns (default: the terminal's)")
	if err := cmd.RegisterFlagCompletionFunc("output",
		cobra.FixedCompletions(report.Formats(), cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // the flag was defined two lines above
	}
}

// options fits tables to the terminal that stdout may be.
func (o *output) options(a *app, view report.View) report.Options {
	width, tty := terminal(a.stdout)
	if o.columns > 0 {
		width = o.columns
	}
	return report.Options{Width: width, Color: tty && !a.noColor(), View: view, ListExcluded: o.excluded}
}

func (o *output) check() error {
	for _, f := range report.Formats() {
		if f == o.format {
			return nil
		}
	}
	return hinted{fmt.Errorf("unknown output format %q", o.format), "use one of table, json, csv"}
}

func (a *app) scanCommand() *cobra.Command {
	var out output
	cmd := &cobra.Command{
		Use:   "scan",
		Short: "Scan every organization once and show what is left",
		Long: `Scan every organization of the configuration once, record the outcome and show it.

Exit code: 0 everything was seen and nothing is left to migrate, 3 some are left, 4 not everything could be seen
(whatever is left), 1 any error.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := out.check(); err != nil {
				return err
			}
			cfg, err := a.loadConfig()
			if err != nil {
				return err
			}
			return a.scan(cmd.Context(), cfg, out)
		},
	}
	out.flags(cmd)
	return a.configured(cmd)
}

func (a *app) scan(ctx context.Context, cfg *config.Config, out output) (err error) {
	log, err := a.commandLogger(cfg.Log)
	if err != nil {
		return err
	}
	s, err := a.openStore(ctx, cfg, log, opening{record: true, create: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := a.scanAll(ctx, cfg, s, log); err != nil {
		return err
	}
	r, err := a.report(ctx, cfg, s)
	if err != nil {
		return err
	}
	a.result = exitCode(r)
	return report.Write(a.stdout, out.format, r, out.options(a, report.ViewAll))
}

func (a *app) scanAll(ctx context.Context, cfg *config.Config, s *store.Store, log *slog.Logger) error {
	_, tty := terminal(a.stderr)
	bar := newProgress(a.stderr, tty)
	defer bar.finish()
	for _, org := range cfg.Organizations {
		c, err := client(cfg, org, a.clock, log, nil)
		if err != nil {
			return err
		}
		bar.organization(org.Name)
		show := func(p scanner.Progress) { bar.update(p.Done, p.Total, p.What) }
		_, err = newScanner(cfg, org, c, s, a.clock, log, show).Scan(ctx)
		c.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func exitCode(r report.Report) int {
	switch {
	case !r.Complete():
		return exitPartial
	case r.AffectedLeft() > 0:
		return exitLeft
	default:
		return exitDone
	}
}

// report is what the store knows of the configured organizations.
func (a *app) report(ctx context.Context, cfg *config.Config, s *store.Store) (report.Report, error) {
	r := report.Report{Deadlines: deadlines(cfg), Now: a.clock()}
	for _, org := range cfg.Organizations {
		o := report.Organization{Name: org.Name, IMSOrg: org.IMSOrg}
		last, err := lastScan(ctx, s, org.Name)
		if err != nil {
			return r, err
		}
		o.Scan = last
		if o.Credentials, err = s.Credentials(ctx, org.Name); err != nil {
			return r, err
		}
		r.Organizations = append(r.Organizations, o)
	}
	return r, nil
}

// lastScan is the last finished scan of an organization, nil if there is none.
func lastScan(ctx context.Context, s *store.Store, organization string) (*credential.Scan, error) {
	last, err := s.LastScan(ctx, organization)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil //nolint:nilnil // never scanned is no error
	}
	return &last, err
}

// noColor follows the convention of https://no-color.org.
func (a *app) noColor() bool {
	for _, v := range a.environ {
		if len(v) > len("NO_COLOR=") && v[:len("NO_COLOR=")] == "NO_COLOR=" {
			return true
		}
	}
	return false
}
