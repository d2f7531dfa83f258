package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"jwtsunset/approval"
)

func (a *app) freezeCommand() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "freeze",
		Short: "Stop all approvals and migrations at once",
		Long: `Let nothing be approved or started until somebody thaws the line. What has begun runs to its end. Everybody in
people may freeze.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withMigrations(cmd.Context(), opening{record: true}, false, func(m *migrations) error {
				if _, err := m.gate.Freeze(cmd.Context(), hand(), reason); err != nil {
					return err
				}
				_, err := fmt.Fprintln(a.stdout, "frozen: nothing starts until jwtsunset thaw")
				return err
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, in a few words (required)")
	return a.configured(cmd)
}

func (a *app) thawCommand() *cobra.Command {
	var t approval.Thaw
	cmd := &cobra.Command{
		Use:   "thaw",
		Short: "Let migrations start again",
		Long: `End a freeze, or let the line go on that has stopped by itself after failures. Only approvers may. The line of
a database that was made from nothing is frozen: with --new-installation you say that it is a new one, and that no
older database, which may know of migrations under way, was lost.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withMigrations(cmd.Context(), opening{record: true}, false, func(m *migrations) error {
				if _, err := m.gate.Thaw(cmd.Context(), hand(), t); err != nil {
					return err
				}
				_, err := fmt.Fprintln(a.stdout, "thawed: approved migrations start again")
				return err
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&t.Reason, "reason", "", "why, in a few words (required)")
	flags.BoolVar(&t.New, "new-installation", false, "this is a new installation, and no older database was lost")
	flags.BoolVar(&t.Clock, "clock", false, "the clock is right, although a later time was recorded: limits count from now")
	return a.configured(cmd)
}
