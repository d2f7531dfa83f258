package main

import (
	"context"

	"github.com/spf13/cobra"

	"jwtsunset/config"
	"jwtsunset/credential"
	"jwtsunset/report"
	"jwtsunset/store"
)

func (a *app) listCommand() *cobra.Command {
	var out output
	var filter report.Filter
	var affected bool
	var states, kinds, methods []string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the credentials on record",
		Long:  "List the credentials that the last scans recorded. Nothing is asked of Adobe.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := out.check(); err != nil {
				return err
			}
			filter.States = convert[credential.State](states)
			filter.Kinds = convert[credential.Kind](kinds)
			filter.AuthMethods = convert[credential.AuthMethod](methods)
			if affected {
				filter.States = append(filter.States, credential.StateAffected)
			}
			if err := filter.Validate(); err != nil {
				return err
			}
			return a.list(cmd.Context(), filter, out)
		},
	}
	out.flags(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&affected, "affected", false, "only those that must still be migrated")
	flags.StringSliceVar(&filter.Organizations, "organization", nil, "only these organizations")
	flags.StringSliceVar(&filter.Sandboxes, "sandbox", nil, "only these sandboxes")
	flags.StringSliceVar(&states, "state", nil, "only these states")
	flags.StringSliceVar(&kinds, "kind", nil, "only these kinds")
	flags.StringSliceVar(&methods, "auth-method", nil, "only these auth methods")
	flags.StringVar(&filter.Owner, "owner", "", "only owners that match this pattern, with * and ?; - for none known")
	return a.configured(cmd)
}

func (a *app) list(ctx context.Context, filter report.Filter, out output) error {
	return a.onRecord(ctx, func(cfg *config.Config, s *store.Store) error {
		r, err := a.report(ctx, cfg, s)
		if err != nil {
			return err
		}
		return report.Write(a.stdout, out.format, r.Select(filter), out.options(a, report.ViewAll))
	})
}

func convert[T ~string](texts []string) []T {
	var all []T
	for _, t := range texts {
		all = append(all, T(t))
	}
	return all
}
