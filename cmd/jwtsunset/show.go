package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"jwtsunset/report"
	"jwtsunset/store"
)

// historyShown is how many changes of a credential show prints.
const historyShown = 200

func (a *app) showCommand() *cobra.Command {
	var out output
	var organization string
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show all that is known of one credential",
		Long:  "Show one credential, its deadline and its history. ID is the technical account id that list shows.",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := out.check(); err != nil {
				return err
			}
			return a.show(cmd.Context(), organization, args[0], out)
		},
	}
	out.flags(cmd)
	cmd.Flags().StringVar(&organization, "organization", "", "the organization, where several have the credential")
	return a.configured(cmd)
}

func (a *app) show(ctx context.Context, organization, id string, out output) (err error) {
	cfg, err := a.loadConfig()
	if err != nil {
		return err
	}
	log, err := a.commandLogger(cfg.Log)
	if err != nil {
		return err
	}
	s, err := a.openStore(ctx, cfg, log, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	c, err := s.Credential(ctx, organization, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return hinted{fmt.Errorf("no credential %q on record", id), "jwtsunset list shows the ids"}
	case errors.Is(err, store.ErrAmbiguous):
		return hinted{err, "name the organization with --organization"}
	case err != nil:
		return err
	}
	history, err := s.Changes(ctx, c.Organization, c.ID, historyShown)
	if err != nil {
		return err
	}
	last, err := lastScan(ctx, s, c.Organization)
	if err != nil {
		return err
	}
	d := report.Detail{Credential: c, History: history, Deadlines: deadlines(cfg), Scan: last, Now: a.clock()}
	return report.WriteCredential(a.stdout, out.format, d, out.options(a, report.ViewAll))
}
