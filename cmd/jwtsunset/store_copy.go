package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"jwtsunset/config"
	"jwtsunset/store"
)

// target is where store copy copies to: exactly one is set.
type target struct{ address, file, env string }

func (a *app) storeCopyCommand() *cobra.Command {
	var to target
	cmd := &cobra.Command{
		Use:   "copy",
		Short: "Copy everything into another, empty database, and prove it",
		Long: `Copy everything into another, empty database: from SQLite to PostgreSQL or back, or to one of the same kind.
Then both are read once more and must hold the same, row by row. serve must not run meanwhile. The copy goes on
with the same audit log, so it needs the same key: set audit.key_file when you put its address into the configuration.

An address that holds a password does not belong on the command line: use --to-file or --to-env.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.storeCopy(cmd.Context(), to) },
	}
	flags := cmd.Flags()
	flags.StringVar(&to.address, "to", "", "`address` of the other database: sqlite:PATH or postgres://USER@HOST/DATABASE")
	flags.StringVar(&to.file, "to-file", "", "`file` with that address")
	flags.StringVar(&to.env, "to-env", "", "environment `variable` with that address")
	cmd.MarkFlagsOneRequired("to", "to-file", "to-env")
	cmd.MarkFlagsMutuallyExclusive("to", "to-file", "to-env")
	return a.configured(cmd)
}

func (a *app) storeCopy(ctx context.Context, to target) error {
	return a.withStore(ctx, opening{record: true}, func(cfg *config.Config, from *store.Store) (err error) {
		lock, err := from.Lock(ctx)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, lock.Release()) }()
		other, err := a.openTarget(ctx, cfg, to)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, other.Close()) }()
		tables, err := store.Copy(ctx, from, other)
		if err != nil {
			return err
		}
		return a.writeTables(tables)
	})
}

// openTarget opens the other database, made if it is missing.
func (a *app) openTarget(ctx context.Context, cfg *config.Config, to target) (*store.Store, error) {
	address, err := to.read()
	if err != nil {
		return nil, err
	}
	log, err := a.commandLogger(cfg.Log)
	if err != nil {
		return nil, err
	}
	return store.Open(ctx, address, store.Options{
		Logger: log, Clock: a.clock, Create: true, AllowNetworkFS: cfg.StoreOnNetwork,
	})
}

func (t target) read() (string, error) {
	if t.address == "" {
		return revealed(config.Source{File: t.file, Env: t.env, Key: "--to-file"}.Read())
	}
	if !config.ValidStore(t.address) {
		return "", hinted{
			errors.New("--to must be sqlite:PATH or postgres://USER@HOST/DATABASE, without a password"),
			"put an address with a password into a file or an environment variable: --to-file, --to-env",
		}
	}
	return t.address, nil
}

func (a *app) writeTables(tables []store.Table) error {
	for _, t := range tables {
		if _, err := fmt.Fprintf(a.stdout, "%-16s %9d rows  sha256 %s\n", t.Name, t.Rows, t.Digest); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(a.stdout, "both hold the same")
	return err
}
