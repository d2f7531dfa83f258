package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"jwtsunset/credential"
	"jwtsunset/notify"
	"jwtsunset/report"
)

func (a *app) explainCommand() *cobra.Command {
	var format, organization string
	cmd := &cobra.Command{
		Use:   "explain ID",
		Short: "Say who is told of a credential, when, and why or why not",
		Long: `Say which reminder of a credential is due, whom it goes to and how that was found, what would be done about it
now and why, what the owner answered, and what became of every step so far. ID is the technical account id that list
shows.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkFormat(format, "text", report.FormatJSON); err != nil {
				return err
			}
			return a.withReminders(cmd.Context(), opening{}, func(r *reminders) error {
				return a.explainOne(cmd.Context(), r, organization, args[0], format)
			})
		},
	}
	cmd.Flags().StringVar(&organization, "organization", "", "the organization, where several have the credential")
	formatFlag(cmd, &format, "text", report.FormatJSON)
	return a.configured(cmd)
}

// explanation is all that decides about the reminders of one credential, as JSON.
type explanation struct {
	Name     string            `json:"name"`
	State    string            `json:"state"`
	Deadline string            `json:"deadline"`
	Left     string            `json:"time_left"`
	Now      examinationRecord `json:"now"`
	Answers  []answerRecord    `json:"answers"`
	Steps    []stepRecord      `json:"steps"`
}

// stepRecord is a step in the ledger, as JSON.
type stepRecord struct {
	Step      string `json:"step"`
	Due       string `json:"due"`
	Tier      string `json:"tier"`
	Outcome   string `json:"outcome"`
	Reason    string `json:"reason"`
	Recipient string `json:"recipient"`
	Message   string `json:"message"`
	At        string `json:"at"`
}

func (a *app) explainOne(ctx context.Context, r *reminders, organization, id, format string) error {
	c, err := oneCredential(ctx, r.store, organization, id)
	if err != nil {
		return err
	}
	x, err := r.explain(ctx, c)
	if err != nil {
		return err
	}
	if format == report.FormatJSON {
		return a.writeJSON(x)
	}
	return a.writeExplanation(x)
}

// explain gathers what decides about one credential. Only people whom it may concern are looked up.
func (r *reminders) explain(ctx context.Context, c credential.Credential) (explanation, error) {
	x := explanation{Name: c.Name, State: string(c.State()), Answers: []answerRecord{}, Steps: []stepRecord{}}
	s, err := r.state(ctx)
	if err != nil {
		return x, err
	}
	s.Organizations = only(s.Organizations, c)
	if d, ok := credential.Effective(c, r.policy.Deadlines); ok {
		x.Deadline, x.Left = d.Name+" "+stamp(d.At), d.Countdown(s.Now)
	}
	look, err := r.rehearsedLookUp(ctx, s)
	if err != nil {
		return x, err
	}
	for _, e := range r.policy.Examine(s, look) {
		x.Now = recordOf(e)
	}
	answers, err := r.store.Answers(ctx, c.Organization, c.ID)
	if err != nil {
		return x, err
	}
	for _, answer := range answers {
		x.Answers = append(x.Answers, answerRecordOf(answer))
	}
	entries, err := r.store.Entries(ctx, c.Organization, c.ID)
	for _, e := range entries {
		x.Steps = append(x.Steps, stepRecord{
			Step: e.Step.Name, Due: stamp(e.Step.Due), Tier: string(e.Tier), Outcome: string(e.Outcome),
			Reason: string(e.Reason), Recipient: e.Recipient.String(), Message: e.Message, At: stamp(e.At),
		})
	}
	return x, err
}

// only leaves one credential of all organizations.
func only(organizations []notify.Organization, c credential.Credential) []notify.Organization {
	for _, o := range organizations {
		if o.Name == c.Organization {
			o.Credentials = []credential.Credential{c}
			return []notify.Organization{o}
		}
	}
	return nil
}

func (a *app) writeExplanation(x explanation) error {
	facts := grid{header: []string{"credential", x.Now.Credential + "  " + x.Name}}
	facts.add("organization", x.Now.Organization)
	facts.add("state", x.State)
	facts.add("deadline", orDash(x.Deadline))
	facts.add("time left", orDash(x.Left))
	facts.add("told", x.Now.Recipient+" (by "+x.Now.Source+")")
	for _, refusal := range x.Now.Refusals {
		facts.add("not told", refusals([]notify.Refusal{refusal}))
	}
	facts.add("contact", fmt.Sprintf("%s, %d unanswered", x.Now.Contact, x.Now.Unanswered))
	facts.add("step", orDash(x.Now.Step))
	facts.add("due", orDash(x.Now.Due))
	facts.add("now", x.Now.Decision+": "+x.Now.Reason)
	facts.add("next step", orDash(x.Now.Next))
	if err := facts.write(a.stdout); err != nil {
		return err
	}
	if err := a.writeAnswers(x.Answers); err != nil {
		return err
	}
	steps := grid{header: []string{"STEP", "DUE", "TIER", "OUTCOME", "REASON", "RECIPIENT", "RECORDED"}}
	for _, s := range x.Steps {
		steps.add(s.Step, s.Due, s.Tier, s.Outcome, orDash(s.Reason), s.Recipient, s.At)
	}
	if len(steps.rows) > 0 {
		if _, err := fmt.Fprintln(a.stdout); err != nil {
			return err
		}
	}
	return steps.write(a.stdout)
}
