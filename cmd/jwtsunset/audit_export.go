package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"jwtsunset/audit"
	"jwtsunset/config"
	"jwtsunset/store"
)

// The formats of an export.
const (
	exportJSONL = "jsonl"
	exportCSV   = "csv"
)

// export is one call of audit export.
type export struct {
	folder string
	since  time.Time // zero for the whole log
	format string
}

func (a *app) auditExportCommand() *cobra.Command {
	var since, format string
	cmd := &cobra.Command{
		Use:   "export [FOLDER]",
		Short: "Write the audit log into a folder that an auditor can verify alone",
		Long: `Write the audit log into a new FOLDER (default: jwtsunset-audit-DATE-TIME here) with its checkpoints, the
public key, and how to verify it: with jwtsunset audit verify FOLDER, or with openssl, jq and sha256sum alone. The
names of people go into a file of their own, people.json, which can be left out when the folder is passed on.

The export itself is recorded first, as the last entry of what is exported.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkFormat(format, exportJSONL, exportCSV); err != nil {
				return err
			}
			x := export{format: format, folder: "jwtsunset-audit-" + a.clock().UTC().Format("20060102-150405")}
			if len(args) > 0 {
				x.folder = args[0]
			}
			var err error
			if x.since, err = parseSince(since, a.clock()); err != nil {
				return err
			}
			return a.auditExport(cmd.Context(), x)
		},
	}
	cmd.Flags().StringVar(&since, "since", "", "only from this `date` on, or this long ago: 2026-01-01, 30d, 12h")
	cmd.Flags().StringVar(&format, "format", exportJSONL, "jsonl, or csv for a table beside it")
	if err := cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(
		[]string{exportJSONL, exportCSV}, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // the flag was defined in the line above
	}
	return a.configured(cmd)
}

func (a *app) auditExport(ctx context.Context, x export) error {
	if _, err := os.Lstat(x.folder); !errors.Is(err, fs.ErrNotExist) {
		return hinted{fmt.Errorf("%s: %w", x.folder, errors.Join(err, fs.ErrExist)), "name a folder that does not exist yet"}
	}
	return a.withStore(ctx, opening{record: true}, func(_ *config.Config, s *store.Store) error {
		var done audit.Exported
		err := s.Undertake(ctx, x.event(), func(ctx context.Context) (err error) {
			done, err = x.write(ctx, s)
			return err
		})
		if errors.Is(err, audit.ErrTampered) {
			return coded{err, exitTampered}
		}
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(a.stdout, "wrote entries %d to %d into %s\n", done.First, done.Last, x.folder)
		return err
	})
}

func (x export) event() audit.Event {
	since := ""
	if !x.since.IsZero() {
		since = x.since.UTC().Format(time.RFC3339)
	}
	return audit.Event{
		Action: audit.ActionAuditExported, Object: audit.Object{Type: "log"}, Result: audit.ResultOK,
		Facts: []audit.Fact{audit.Text("since", since), audit.Text("format", x.format)},
	}
}

func (x export) write(ctx context.Context, s *store.Store) (done audit.Exported, err error) {
	people, err := s.People(ctx)
	if err != nil {
		return done, err
	}
	err = s.AuditLog(ctx, func(l audit.Log) error {
		done, err = audit.WriteBundle(ctx, x.folder, audit.Export{
			Log: l, Since: x.since, People: named(people), CSV: x.format == exportCSV,
		})
		return err
	})
	return done, err
}

// named are those of people who are not forgotten.
func named(people []store.Person) []audit.Person {
	var known []audit.Person
	for _, p := range people {
		if p.Identity != "" {
			known = append(known, audit.Person{ID: p.ID, Identity: p.Identity, Name: p.Name})
		}
	}
	return known
}
