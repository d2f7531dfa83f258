package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"jwtsunset/config"
	"jwtsunset/notify"
	"jwtsunset/report"
	"jwtsunset/store"
)

// remindFlags are the flags of remind.
type remindFlags struct {
	format, preview, language string
	dryRun, digest            bool
}

func (a *app) remindCommand() *cobra.Command {
	var f remindFlags
	cmd := &cobra.Command{
		Use:   "remind",
		Short: "Remind the owners of affected credentials on Slack",
		Long: `Plan what is due and send it: one message for each owner, with all of theirs. What is on record of Adobe's side
counts, so run a scan first. Running it again sends nothing twice. What has to wait, for the hours in which an owner may
be told or for Slack, stays queued for the next run or for serve.

With --dry-run every examined credential is printed with what would be done about it and why; nothing is queued, sent or
recorded. With --preview the message that an owner would get is printed as it would be worded, or with -o json as Slack
would get it; name the owner by e-mail address, Adobe user id or recipient, or say "digest" or, of a message about
migrations, migration/requested or another kind.

Exit code 0: all that is due was sent or waits for its hour. 4: something is due and could not be told.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return err
			}
			return a.remind(cmd.Context(), f)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.dryRun, "dry-run", false, "print what would be done, and do nothing")
	flags.StringVar(&f.preview, "preview", "", "print the message that this `owner` would get, and do nothing")
	flags.StringVar(&f.language, "language", "", "language of the preview (default: the owner's)")
	flags.BoolVar(&f.digest, "digest", false, "send the digest of this week too, if it was not sent")
	formatFlag(cmd, &f.format, report.FormatTable, report.FormatJSON)
	return a.configured(cmd)
}

func (f *remindFlags) check() error {
	switch {
	case f.dryRun && f.preview != "":
		return hinted{errors.New("--dry-run and --preview are two things"), "leave out one of them"}
	case f.language != "" && f.preview == "":
		return hinted{errors.New("--language is for --preview"), "add --preview OWNER"}
	case f.language != "" && !slices.Contains(notify.Languages(), f.language):
		return hinted{fmt.Errorf("there is no language %q", f.language), "use " + joinOr(notify.Languages())}
	}
	return checkFormat(f.format, report.FormatTable, report.FormatJSON)
}

func (a *app) remind(ctx context.Context, f remindFlags) error {
	switch {
	case f.preview != "":
		return a.withReminders(ctx, opening{}, func(r *reminders) error { return a.preview(ctx, r, f) })
	case f.dryRun:
		return a.withReminders(ctx, opening{}, func(r *reminders) error { return a.dryRun(ctx, r, f) })
	}
	return a.withReminders(ctx, opening{record: true}, func(r *reminders) error {
		if f.digest {
			if _, err := r.queueDigest(ctx); err != nil {
				return err
			}
		}
		if _, err := r.tell(ctx, r.accounts.LookUp(ctx)); err != nil {
			return err
		}
		_, isTerminal := terminal(a.stderr)
		bar := newProgress(a.stderr, isTerminal)
		plan, done, err := r.run(ctx, func(p notify.Plan, d notify.Delivered) {
			ended := d.Sent + d.Failed + d.Dropped + d.PutOff
			bar.update(ended, max(ended, p.Run.Queued), "messages")
		})
		bar.finish()
		if err != nil {
			return err
		}
		outbox, err := r.store.Outbox(ctx)
		if err != nil {
			return err
		}
		return a.writeRun(plan, done, len(outbox), f.format)
	})
}

// withReminders calls do with everything that reminds, as a command that a person waits for.
func (a *app) withReminders(ctx context.Context, o opening, do func(*reminders) error) error {
	return a.withStore(ctx, o, func(cfg *config.Config, s *store.Store) error {
		if !cfg.Reminds() {
			return hinted{errors.New("no way to remind anybody is configured"),
				"set slack.token_file or webhook.url, and leave reminders.enabled on: see docs/slack.md"}
		}
		log, err := a.logger(cfg.Log, new(slog.LevelVar))
		if err != nil {
			return err
		}
		r, err := newReminders(cfg, s, a.clock, log, unobserved{})
		if err != nil {
			return err
		}
		defer r.close()
		return do(r)
	})
}

// runRecord is what a run did, as JSON.
type runRecord struct {
	Examined  int            `json:"examined"`
	Queued    int            `json:"queued"`
	Skipped   int            `json:"skipped"`
	Waiting   int            `json:"waiting"`
	Sent      int            `json:"sent"`
	Failed    int            `json:"failed"`
	Dropped   int            `json:"dropped"`
	Left      int            `json:"left"`
	Updated   int            `json:"updated"`
	OldestDue string         `json:"oldest_due"`
	Reasons   map[string]int `json:"waiting_reasons"`
}

func (a *app) writeRun(plan notify.Plan, done notify.Delivered, left int, format string) error {
	r := runRecord{
		Examined: plan.Run.Examined, Queued: plan.Run.Queued, Skipped: plan.Run.Skipped, Waiting: plan.Run.Waiting,
		Sent: done.Sent, Failed: done.Failed, Dropped: done.Dropped, Left: left, Updated: done.Updated,
		OldestDue: stamp(plan.Run.OldestDue), Reasons: map[string]int{},
	}
	for reason, n := range plan.Reasons {
		r.Reasons[string(reason)] = n
	}
	if plan.Run.Waiting > 0 || done.Failed > 0 || done.Troubled > 0 {
		a.result = exitPartial
	}
	if format == report.FormatJSON {
		return a.writeJSON(r)
	}
	_, err := fmt.Fprintf(a.stdout, "%s examined, %s queued, %d sent, %d waiting for their hour or for another try, "+
		"%d dropped, %d failed\n", count(r.Examined, "credential"), count(r.Queued, "message"), r.Sent, r.Left,
		r.Dropped, r.Failed)
	for _, reason := range slices.Sorted(maps.Keys(r.Reasons)) {
		if err == nil {
			_, err = fmt.Fprintf(a.stdout, "%s due and not told: %s\n", count(r.Reasons[reason], "credential"), reason)
		}
	}
	return err
}

// count writes a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// dryRun prints what a run would decide about every credential.
func (a *app) dryRun(ctx context.Context, r *reminders, f remindFlags) error {
	s, err := r.state(ctx)
	if err != nil {
		return err
	}
	look, err := r.rehearsedLookUp(ctx, s)
	if err != nil {
		return err
	}
	examinations := r.policy.Examine(s, look)
	if f.format == report.FormatJSON {
		records := make([]examinationRecord, 0, len(examinations))
		for _, e := range examinations {
			records = append(records, recordOf(e))
		}
		return a.writeJSON(records)
	}
	g := grid{header: []string{"CREDENTIAL", "ORGANIZATION", "DECISION", "REASON", "STEP", "RECIPIENT", "OWNER BY"}}
	for _, e := range examinations {
		g.add(e.Credential, e.Organization, string(e.Decision), string(e.Reason), orDash(e.Step.Name),
			e.Recipient.String(), string(e.Source))
	}
	return g.write(a.stdout)
}

// rehearsedLookUp looks people up for real and remembers them only as long as the command runs.
func (r *reminders) rehearsedLookUp(ctx context.Context, s notify.State) (notify.LookUp, error) {
	memory := notify.Layered(r.store, notify.NewRehearsal(notify.State{}))
	accounts := &notify.Accounts{Memory: memory, Directory: r.accounts.Directory, Clock: r.clock}
	return accounts.LookUp(ctx), r.warm(ctx, accounts, s.Organizations)
}

// examinationRecord is what was decided about a credential, as JSON.
type examinationRecord struct {
	Organization string           `json:"organization"`
	Credential   string           `json:"credential"`
	Decision     string           `json:"decision"`
	Reason       string           `json:"reason"`
	Step         string           `json:"step"`
	Due          string           `json:"due"`
	Next         string           `json:"next_due"`
	Recipient    string           `json:"recipient"`
	Source       string           `json:"source"`
	Contact      string           `json:"contact"`
	Unanswered   int              `json:"unanswered"`
	Refusals     []notify.Refusal `json:"refusals"`
}

func recordOf(e notify.Examination) examinationRecord {
	r := examinationRecord{
		Organization: e.Organization, Credential: e.Credential, Decision: string(e.Decision), Reason: string(e.Reason),
		Step: e.Step.Name, Due: stamp(e.Step.Due), Next: stamp(e.Next), Recipient: e.Recipient.String(),
		Source: string(e.Source), Contact: string(e.Contact), Unanswered: e.Unanswered, Refusals: e.Refusals,
	}
	if r.Refusals == nil {
		r.Refusals = []notify.Refusal{}
	}
	return r
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
