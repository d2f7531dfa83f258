package main

import (
	"context"

	"github.com/spf13/cobra"

	"jwtsunset/config"
	"jwtsunset/credential"
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

func (a *app) show(ctx context.Context, organization, id string, out output) error {
	return a.onRecord(ctx, func(cfg *config.Config, s *store.Store) error {
		c, err := oneCredential(ctx, s, organization, id)
		if err != nil {
			return err
		}
		d, err := a.detail(ctx, cfg, s, c)
		if err != nil {
			return err
		}
		return report.WriteCredential(a.stdout, out.format, d, out.options(a, report.ViewAll))
	})
}

func (a *app) detail(
	ctx context.Context, cfg *config.Config, s *store.Store, c credential.Credential,
) (report.Detail, error) {
	d := report.Detail{Credential: c, Deadlines: deadlines(cfg), Now: a.clock()}
	var err error
	if d.History, err = s.Changes(ctx, c.Organization, c.ID, historyShown); err != nil {
		return d, err
	}
	d.Scan, err = lastScan(ctx, s, c.Organization)
	return d, err
}
