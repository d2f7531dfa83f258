package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"jwtsunset/migrator"
	"jwtsunset/report"
)

func (a *app) resolveCommand() *cobra.Command {
	var reason string
	var senderDead, done, migrated, notMigrated bool
	cmd := &cobra.Command{
		Use:   "resolve ID",
		Short: "Say what the program cannot find out about a migration",
		Long: `Say what nothing can read. Exactly one of these, with a reason:
  --done           I have pressed Migrate in Adobe's page, as was asked
  --migrated       I have seen in Adobe's page that it is migrated; never said by who did it
  --not-migrated   I have seen that it is not, and that nothing is under way
  --sender-dead    the process that may have sent a start is certainly dead; not before the quarantine has passed
All but --done take the role approver. What can be read from Adobe is not a matter of anybody's word.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			word := migrator.WordNotMigrated
			switch {
			case senderDead:
				word = migrator.WordSenderDead
			case done:
				word = migrator.WordDone
			case migrated:
				word = migrator.WordMigrated
			}
			return a.withMigrations(cmd.Context(), opening{record: true}, false, func(m *migrations) error {
				x, err := m.desk.Say(cmd.Context(), args[0], word, hand(), reason)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(a.stdout, "recorded: %s is %s\n", report.Clean(x.Credential), x.State)
				return err
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&reason, "reason", "", "how that is known (required)")
	flags.BoolVar(&senderDead, "sender-dead", false, "the sender is certainly dead")
	flags.BoolVar(&done, "done", false, "I have done it")
	flags.BoolVar(&migrated, "migrated", false, "I have seen that it is migrated")
	flags.BoolVar(&notMigrated, "not-migrated", false, "I have seen that it is not")
	cmd.MarkFlagsOneRequired("sender-dead", "done", "migrated", "not-migrated")
	cmd.MarkFlagsMutuallyExclusive("sender-dead", "done", "migrated", "not-migrated")
	return a.configured(cmd)
}
