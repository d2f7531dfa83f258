package main

import (
	"bufio"
	"fmt"

	"github.com/spf13/cobra"

	"jwtsunset/approval"
	"jwtsunset/report"
)

func (a *app) cancelCommand() *cobra.Command {
	var reason string
	var yes bool
	cmd := &cobra.Command{
		Use:   "cancel ID",
		Short: "Have the OAuth half of a Developer Console credential taken away again",
		Long: `Have the OAuth half taken away that a migration by the method developer-console has added, as long as it has
not been finished. An application that uses that half already fails from then on. It is carried out by serve or by
migrate --yes, like a migration. Nothing else can be cancelled once it has begun; what has not begun is taken back by
revoke.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withMigrations(cmd.Context(), opening{record: true}, false, func(m *migrations) error {
				shown, err := m.store.Migration(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if used := first(shown.Card.Fact(approval.ShownOAuthUsed)); used != "" {
					_, err := fmt.Fprintf(a.stderr, "the OAuth half was used at %s: what uses it will fail\n", report.Clean(used))
					if err != nil {
						return err
					}
				}
				if !yes && shown.State == approval.StateStaged {
					if err := a.confirm(bufio.NewReader(cmd.InOrStdin()), shown.Credential); err != nil {
						return err
					}
				}
				x, err := m.desk.Cancel(cmd.Context(), shown.ID, hand(), reason)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(a.stdout, "recorded: the OAuth half of %s will be taken away\n", report.Clean(x.Credential))
				return err
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, in a few words (required)")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask for a typed confirmation")
	return a.configured(cmd)
}
