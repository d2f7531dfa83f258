package main

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"jwtsunset/notify"
	"jwtsunset/report"
)

func (a *app) ownersCommand() *cobra.Command {
	var format string
	var unknown bool
	cmd := &cobra.Command{
		Use:   "owners",
		Short: "Show who is told of each affected credential",
		Long: `Show for every affected credential whom reminders go to, what told so, who was passed over and why, and how far
the owner was reached: none (nobody is known), unreachable (somebody is named and cannot be told), guessed (not told
yet), delivered, acknowledged (answered). With --unknown only those whose owner is not known or cannot be reached.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkFormat(format, report.FormatTable, report.FormatJSON); err != nil {
				return err
			}
			return a.withReminders(cmd.Context(), opening{}, func(r *reminders) error {
				return a.owners(cmd.Context(), r, unknown, format)
			})
		},
	}
	cmd.Flags().BoolVar(&unknown, "unknown", false, "only credentials whose owner is not known or cannot be reached")
	formatFlag(cmd, &format, report.FormatTable, report.FormatJSON)
	return a.configured(cmd)
}

func (a *app) owners(ctx context.Context, r *reminders, unknown bool, format string) error {
	s, err := r.state(ctx)
	if err != nil {
		return err
	}
	g := grid{header: []string{"CREDENTIAL", "NAME", "OWNER", "TOLD", "BY", "CONTACT", "UNANSWERED", "PASSED OVER"}}
	records := []examinationRecord{}
	look, err := r.rehearsedLookUp(ctx, s)
	if err != nil {
		return err
	}
	for _, x := range r.policy.Overview(s, look).Open {
		e := x.Examination
		if unknown && e.Source.Known() {
			continue
		}
		records = append(records, recordOf(e))
		g.add(e.Credential, x.Item.Name, orDash(x.Item.Owner), e.Recipient.String(), string(e.Source), string(e.Contact),
			strconv.Itoa(e.Unanswered), orDash(refusals(e.Refusals)))
	}
	if format == report.FormatJSON {
		return a.writeJSON(records)
	}
	return g.write(a.stdout)
}

func refusals(list []notify.Refusal) string {
	var words []string
	for _, r := range list {
		words = append(words, strings.TrimSpace(r.Candidate+" "+string(r.Reason)))
	}
	return strings.Join(words, "; ")
}
