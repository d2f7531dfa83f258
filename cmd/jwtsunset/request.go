package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"jwtsunset/approval"
	"jwtsunset/migrator"
	"jwtsunset/report"
)

// requestFlags are the flags of request.
type requestFlags struct {
	organization, reason, notBefore, format string
}

func (a *app) requestCommand() *cobra.Command {
	var f requestFlags
	cmd := &cobra.Command{
		Use:   "request ID...",
		Short: "Ask for the migration of credentials",
		Long: `Ask for the migration of credentials. Each is read from Adobe afresh, and the facts become the card on which
approvers decide: what it is, whose, when it was last used, what will and will not break, and that it cannot be undone.
You must be one of people in the configuration, by people[].os_user. A credential that is asked for already is joined,
one that must not be touched is refused. Nothing starts before others have approved.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkFormat(f.format, "text", report.FormatJSON); err != nil {
				return err
			}
			return a.withMigrations(cmd.Context(), opening{record: true}, false, func(m *migrations) error {
				return a.each(args, func(id string) error { return a.requestOne(cmd.Context(), m, id, f) })
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.organization, "organization", "", "the organization, where several have the credential")
	flags.StringVar(&f.reason, "reason", "", "why, in a few words")
	flags.StringVar(&f.notBefore, "not-before", "", "earliest `date` of the migration, as in 2026-01-31")
	formatFlag(cmd, &f.format, "text", report.FormatJSON)
	return a.configured(cmd)
}

func (a *app) requestOne(ctx context.Context, m *migrations, id string, f requestFlags) error {
	c, err := oneCredential(ctx, m.store, f.organization, id)
	if err != nil {
		return err
	}
	ask := approval.Ask{Hand: hand(), Reason: f.reason}
	if f.notBefore != "" {
		if ask.NotBefore, err = answerDate("--not-before", f.notBefore, m.cfg.Schedule.TimeZone); err != nil {
			return err
		}
	}
	s, err := m.subject(ctx, c)
	if err != nil {
		return err
	}
	r, joined, err := m.gate.Request(ctx, s, ask)
	if err != nil {
		return err
	}
	if f.format == report.FormatJSON {
		return a.writeJSON(migrationRecordOf(migrator.Migration{Request: r}))
	}
	if joined {
		_, err = fmt.Fprintf(a.stdout, "asked for already, by %s on %s: request %s is %s\n", by(r.By),
			r.At.UTC().Format(time.DateOnly), r.ID, r.State)
		return err
	}
	if err := writeCard(a.stdout, migrator.Migration{Request: r}); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.stdout,
		"\nrecorded. Somebody else can approve it: jwtsunset approve %s\n", report.Clean(r.Credential))
	return err
}
