package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"jwtsunset/approval"
	"jwtsunset/report"
)

// decideFlags are the flags of commands that decide.
type decideFlags struct {
	reason, format string
	yes, override  bool
}

func (a *app) approveCommand() *cobra.Command {
	var f decideFlags
	cmd := a.decision("approve ID...", "Approve the migration of credentials, which cannot be undone",
		`Show the card of each request and, after a typed confirmation, approve it. An approval is bound to the facts on the
card: if they have changed when the migration is to start, it is stale and must be asked for again. You must be one of
people in the configuration with the role approver, by people[].os_user, and neither have asked for it nor own the
credential. Several are recorded one by one.

With --override you answer, as a second person beside those who approve, for a migration whose evidence does not show
that the application has moved; that needs a reason.`,
		&f, func(f decideFlags) approval.DecisionKind {
			if f.override {
				return approval.DecisionOverride
			}
			return approval.DecisionApprove
		})
	cmd.Flags().BoolVar(&f.override, "override", false, "answer for missing evidence instead")
	return cmd
}

func (a *app) declineCommand() *cobra.Command {
	var f decideFlags
	return a.decision("decline ID...", "Decline requests for migration",
		"Decline requests that nobody has approved yet, with a reason that the requester is told.", &f,
		func(decideFlags) approval.DecisionKind { return approval.DecisionDecline })
}

func (a *app) revokeCommand() *cobra.Command {
	var f decideFlags
	return a.decision("revoke ID...", "Take back requests or approvals before the migration starts",
		`Take back what was asked for or approved. That is possible until the migration starts; one that has begun cannot be
taken back. A Developer Console credential whose OAuth half exists stays as it is, and needs another approval.`, &f,
		func(decideFlags) approval.DecisionKind { return approval.DecisionRevoke })
}

// decision makes a command that decides about requests.
func (a *app) decision(
	use, short, long string, f *decideFlags, kind func(decideFlags) approval.DecisionKind,
) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Long: long, Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkFormat(f.format, "text", report.FormatJSON); err != nil {
				return err
			}
			in := bufio.NewReader(cmd.InOrStdin()) // one for all confirmations: it reads ahead
			return a.withMigrations(cmd.Context(), opening{record: true}, false, func(m *migrations) error {
				return a.each(args, func(id string) error { return a.decideOne(cmd.Context(), in, m, id, kind(*f), *f) })
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.reason, "reason", "", "why, in a few words")
	flags.BoolVar(&f.yes, "yes", false, "do not ask for a typed confirmation")
	formatFlag(cmd, &f.format, "text", report.FormatJSON)
	return a.configured(cmd)
}

func (a *app) decideOne(
	ctx context.Context, in io.Reader, m *migrations, id string, kind approval.DecisionKind, f decideFlags,
) error {
	shown, err := m.store.Migration(ctx, id)
	if err != nil {
		return err
	}
	agrees := kind == approval.DecisionApprove || kind == approval.DecisionOverride
	if agrees && f.format == "text" {
		if err := writeCard(a.stdout, shown); err != nil {
			return err
		}
	}
	if agrees && !f.yes {
		if err := a.confirm(in, shown.Credential); err != nil {
			return err
		}
	}
	r, err := m.gate.Decide(ctx, shown.ID, approval.Verb{
		Kind: kind, Hand: hand(), Fingerprint: shown.Fingerprint, Reason: f.reason,
	})
	if err != nil {
		return err
	}
	shown.Request = r
	if f.format == report.FormatJSON {
		return a.writeJSON(migrationRecordOf(shown))
	}
	_, err = fmt.Fprintf(a.stdout, "recorded: %s %s, now %s (%d of %d approvals)\n",
		kind, report.Clean(r.Credential), r.State, len(r.Approvers()), r.Required)
	return err
}

// each does something for each of several arguments. One that fails does not keep the others from being done.
func (a *app) each(ids []string, do func(id string) error) error {
	var problems []error
	for _, id := range ids {
		if err := do(id); err != nil {
			if len(ids) > 1 {
				err = fmt.Errorf("%s: %w", report.Clean(id), refused(err))
			}
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}
