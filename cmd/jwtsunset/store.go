package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"jwtsunset/approval"
	"jwtsunset/audit"
	"jwtsunset/config"
	"jwtsunset/report"
	"jwtsunset/store"
)

func (a *app) storeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "store",
		Short: "Look after the database: upgrade, check, back up, copy",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		a.storeVersionCommand(), a.storeUpgradeCommand(), a.storeCheckCommand(), a.storeBackupCommand(),
		a.storeCopyCommand(), a.storeAdoptCommand(),
	)
	return cmd
}

func (a *app) storeVersionCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the schema version of the database and of this program",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkFormat(format, "text", report.FormatJSON); err != nil {
				return err
			}
			v, err := a.storeVersion(cmd.Context())
			if err != nil {
				return err
			}
			if format == report.FormatJSON {
				return json.NewEncoder(a.stdout).Encode(struct {
					Engine string `json:"engine"`
					Schema int64  `json:"schema"`
					Known  int64  `json:"known"`
				}{v.Engine, v.Schema, v.Known})
			}
			_, err = fmt.Fprintf(a.stdout, "%s, schema version %d; this program knows %d: %s\n",
				v.Engine, v.Schema, v.Known, fits(v))
			return err
		},
	}
	formatFlag(cmd, &format, "text", report.FormatJSON)
	return a.configured(cmd)
}

// fits says what the versions mean for who runs this program.
func fits(v store.Version) string {
	switch {
	case v.Schema == 0:
		return "the database has no tables of ours yet"
	case v.Schema < v.Known:
		return "run jwtsunset store upgrade"
	case v.Schema > v.Known:
		return "a newer program is needed"
	default:
		return "up to date"
	}
}

func (a *app) storeVersion(ctx context.Context) (store.Version, error) {
	cfg, err := a.loadConfig()
	if err != nil {
		return store.Version{}, err
	}
	log, err := a.commandLogger(cfg.Log)
	if err != nil {
		return store.Version{}, err
	}
	address, err := revealed(cfg.StoreURL())
	if err != nil {
		return store.Version{}, err
	}
	return store.VersionOf(ctx, address, store.Options{
		Logger: log, Clock: a.clock, AllowNetworkFS: cfg.StoreOnNetwork,
	})
}

func (a *app) storeUpgradeCommand() *cobra.Command {
	return a.configured(&cobra.Command{
		Use:   "upgrade",
		Short: "Bring the schema of the database up to date",
		Long: `Bring the schema of the database up to date. A SQLite file is copied first, and serve and scan do the same by
themselves. With PostgreSQL this command alone does it: run it once, before or while the replicas go over to the new
program. An upgrade that was interrupted goes on where it was.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			before, err := a.storeVersion(cmd.Context())
			if err != nil {
				return err
			}
			return a.withStore(cmd.Context(), opening{record: true, upgrade: true},
				func(_ *config.Config, s *store.Store) error {
					after, err := s.SchemaVersion(cmd.Context())
					if err != nil {
						return err
					}
					if after == before.Schema {
						_, err = fmt.Fprintf(a.stdout, "schema version %d is up to date\n", after)
						return err
					}
					_, err = fmt.Fprintf(a.stdout, "upgraded from schema version %d to %d\n", before.Schema, after)
					return err
				})
		},
	})
}

func (a *app) storeCheckCommand() *cobra.Command {
	return a.configured(&cobra.Command{
		Use:   "check",
		Short: "Read the whole database and the audit log and look for damage",
		Long: `Read the whole database and verify the audit log. Nothing is repaired.

Exit code: 0 sound, 3 damaged or tampered with, 4 could not check, 1 any other error.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.storeCheck(cmd.Context()) },
	})
}

func (a *app) storeCheck(ctx context.Context) error {
	err := a.onRecord(ctx, func(_ *config.Config, s *store.Store) error {
		if err := s.Check(ctx); err != nil {
			return err
		}
		_, err := fmt.Fprintln(a.stdout, "database: sound")
		return err
	})
	if err == nil {
		var outcome verified
		if outcome, err = a.verifyStore(ctx, audit.Trust{}); err == nil {
			_, err = fmt.Fprintf(a.stdout, "audit log: sound, %d entries\n", outcome.LastSeq)
		}
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrCorrupt), errors.Is(err, audit.ErrTampered):
		return coded{err, exitTampered}
	default:
		return unchecked(err)
	}
}

func (a *app) storeBackupCommand() *cobra.Command {
	return a.configured(&cobra.Command{
		Use:   "backup FILE",
		Short: "Copy a SQLite database into a file while it is in use",
		Long: `Copy the whole database, as it is at one moment, into a new FILE, while serve goes on. The copy is checked.
Keep the key of the audit log apart from it. Restoring is putting FILE in the place of the database.
For PostgreSQL use pg_dump.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(cmd.Context(), opening{record: true}, func(_ *config.Config, s *store.Store) error {
				if err := s.Backup(cmd.Context(), args[0]); err != nil {
					return err
				}
				_, err := fmt.Fprintf(a.stdout, "wrote %s\n", args[0])
				return err
			})
		},
	})
}

func (a *app) storeAdoptCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "adopt",
		Short: "Accept that the database is new, or older than the checkpoint outside it knows",
		Long: `Accept a database that is not the one which the checkpoint outside it is of: a restored backup, or none at all,
which makes a new one. What the lost one knew beyond that is lost. That it was accepted, by whom, and what the old
checkpoint said is recorded in the audit log, and the checkpoint is kept beside the new one. Migrations are frozen until
thaw --new-installation: the lost one may have known of some that are under way.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !yes {
				if err := a.confirm(cmd.InOrStdin(), "adopt"); err != nil {
					return err
				}
			}
			return a.withStore(cmd.Context(), opening{record: true, create: true, adopt: true},
				func(_ *config.Config, s *store.Store) error {
					// It may have forgotten a migration that is under way, so nothing starts until a person has looked.
					if _, err := s.ChangeLine(cmd.Context(), approval.FreezeUnknown(a.clock())); err != nil {
						return err
					}
					_, head, err := s.AuditHead(cmd.Context())
					if err != nil {
						return err
					}
					_, err = fmt.Fprintf(a.stdout, "the database is accepted; its audit log has %d entries\n", head.Size)
					return err
				})
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return a.configured(cmd)
}

// confirm asks for a word to be typed. Without a terminal there is nobody to ask, and the word is read all the same.
func (a *app) confirm(in io.Reader, word string) error {
	if _, err := fmt.Fprintf(a.stderr, "This cannot be undone. Type %q to go on: ", word); err != nil {
		return err
	}
	line, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if strings.TrimSpace(line) != word {
		return hinted{errors.New("not confirmed, nothing was done"), "type the word, or give --yes"}
	}
	return nil
}
