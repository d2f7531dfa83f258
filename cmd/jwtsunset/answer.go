package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"jwtsunset/config"
	"jwtsunset/notify"
	"jwtsunset/report"
	"jwtsunset/store"
)

// answerFlags are the flags of answer.
type answerFlags struct {
	organization                      string
	willMigrate, review, link, snooze string
	blocked, notMine, retire          bool
	note, format                      string
}

func (a *app) answerCommand() *cobra.Command {
	var f answerFlags
	cmd := &cobra.Command{
		Use:   "answer ID",
		Short: "Record what an owner answered to a reminder",
		Long: `Record what the owner of a credential answered. Exactly one of these:

  --will-migrate DATE   it is migrated by that date: reminders come a week before it, on the day, and once it is broken
  --blocked             it waits for somebody else: say where to read about it with --link, and when to look again with
                        --review
  --not-mine            whoever is told now is not the owner: the next candidate is told
  --retire              it is not needed any more and may be left to end
  --snooze DURATION     be quiet for so long, as in 7d

How long each may last is bounded: reminders.promise_max, reminders.snooze_max, reminders.snooze_count. The answer, and
who recorded it, is in the audit log.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAnswer(cmd.Context(), &f, args[0])
		},
	}
	f.common(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.willMigrate, "will-migrate", "", "migrated by this `date`, as in 2026-01-31")
	flags.BoolVar(&f.blocked, "blocked", false, "waits for somebody else")
	flags.StringVar(&f.link, "link", "", "https `address` where more can be read; for --blocked")
	flags.StringVar(&f.review, "review", "", "`date` on which to look again; for --blocked and --retire (default: after "+
		"reminders.review)")
	flags.BoolVar(&f.notMine, "not-mine", false, "is somebody else's")
	flags.BoolVar(&f.retire, "retire", false, "is not needed any more")
	flags.StringVar(&f.snooze, "snooze", "", "be quiet for this `duration`, as in 7d")
	cmd.MarkFlagsOneRequired("will-migrate", "blocked", "not-mine", "retire", "snooze")
	cmd.MarkFlagsMutuallyExclusive("will-migrate", "blocked", "not-mine", "retire", "snooze")
	return a.configured(cmd)
}

func (a *app) snoozeCommand() *cobra.Command {
	f := answerFlags{}
	cmd := &cobra.Command{
		Use:   "snooze ID",
		Short: "Be quiet about a credential for a while",
		Long: `Send no reminders of a credential for a while: the same as answer --snooze. It comes up again when the time is
over. reminders.snooze_max and reminders.snooze_count are the limits.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAnswer(cmd.Context(), &f, args[0])
		},
	}
	f.common(cmd)
	cmd.Flags().StringVar(&f.snooze, "for", "7d", "how long, as a `duration`")
	return a.configured(cmd)
}

func (f *answerFlags) common(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.organization, "organization", "", "the organization, where several have the credential")
	flags.StringVar(&f.note, "note", "", "why, in a few words")
	formatFlag(cmd, &f.format, "text", report.FormatJSON)
}

func (a *app) withAnswer(ctx context.Context, f *answerFlags, id string) error {
	if err := checkFormat(f.format, "text", report.FormatJSON); err != nil {
		return err
	}
	return a.withStore(ctx, opening{record: true}, func(cfg *config.Config, s *store.Store) error {
		c, err := oneCredential(ctx, s, f.organization, id)
		if err != nil {
			return err
		}
		answer, err := f.answer(cfg, a.clock())
		if err != nil {
			return err
		}
		answer.Organization, answer.Credential = c.Organization, c.ID
		before, err := s.Answers(ctx, c.Organization, c.ID)
		if err != nil {
			return err
		}
		if answer, err = reminderPolicy(cfg).Accept(answer, c, before, a.clock()); err != nil {
			return hinted{err, "jwtsunset explain " + c.ID + " shows the answers so far"}
		}
		if answer, err = s.RecordAnswer(ctx, answer); err != nil {
			return err
		}
		return a.writeAnswer(answer, f.format)
	})
}

// answer makes the answer that the flags say.
func (f *answerFlags) answer(cfg *config.Config, now time.Time) (notify.Answer, error) {
	answer := notify.Answer{Note: f.note, Link: f.link, At: now}
	var err error
	switch {
	case f.willMigrate != "":
		answer.Kind = notify.AnswerWillMigrate
		answer.Until, err = answerDate("--will-migrate", f.willMigrate, cfg.Schedule.TimeZone)
	case f.snooze != "":
		answer.Kind = notify.AnswerSnooze
		d, ok := config.ParseDuration(f.snooze)
		if answer.Until = now.Add(d); !ok {
			err = hinted{fmt.Errorf("%q is not a duration", f.snooze), "write 7d or 12h"}
		}
	case f.notMine:
		answer.Kind = notify.AnswerNotMine
	case f.retire, f.blocked:
		if answer.Kind = notify.AnswerRetire; f.blocked {
			answer.Kind = notify.AnswerBlocked
		}
		answer.Until = now.Add(cfg.Reminders.Review)
		if f.review != "" {
			answer.Until, err = answerDate("--review", f.review, cfg.Schedule.TimeZone)
		}
	}
	return answer, errors.Join(err, f.checkLink())
}

func (f *answerFlags) checkLink() error {
	if f.link == "" {
		return nil
	}
	u, err := url.Parse(f.link)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || !f.blocked {
		return hinted{errors.New("--link is not an https address, or has nothing to explain"),
			"write https://example.com/ticket/1 together with --blocked"}
	}
	return nil
}

// answerDate reads a date: the beginning of that day.
func answerDate(flag, text string, zone *time.Location) (time.Time, error) {
	date, err := time.ParseInLocation(time.DateOnly, text, zone)
	if err != nil {
		return date, hinted{fmt.Errorf("%s %q is not a date", flag, text), "write it as in 2026-01-31"}
	}
	return date, nil
}

// answerRecord is an answer as JSON.
type answerRecord struct {
	ID           int64  `json:"id"`
	Organization string `json:"organization"`
	Credential   string `json:"credential"`
	Kind         string `json:"kind"`
	Until        string `json:"until"`
	Link         string `json:"link"`
	Note         string `json:"note"`
	Candidate    string `json:"candidate"`
	By           string `json:"by"`
	At           string `json:"at"`
}

func answerRecordOf(x notify.Answer) answerRecord {
	return answerRecord{
		ID: x.ID, Organization: x.Organization, Credential: x.Credential, Kind: string(x.Kind), Until: stamp(x.Until),
		Link: x.Link, Note: x.Note, Candidate: x.Candidate, By: x.By, At: stamp(x.At),
	}
}

func (a *app) writeAnswer(x notify.Answer, format string) error {
	if format == report.FormatJSON {
		return a.writeJSON(answerRecordOf(x))
	}
	until := ""
	if !x.Until.IsZero() {
		until = " until " + minute(x.Until)
	}
	_, err := fmt.Fprintf(a.stdout, "recorded: %s %s%s\n", report.Clean(x.Credential), x.Kind, until)
	return err
}

func (a *app) writeAnswers(answers []answerRecord) error {
	g := grid{header: []string{"ANSWER", "UNTIL", "RECORDED", "BY", "ABOUT", "NOTE"}}
	for _, x := range answers {
		g.add(x.Kind, orDash(x.Until), x.At, orDash(x.By), orDash(x.Candidate+x.Link), orDash(x.Note))
	}
	if len(g.rows) > 0 {
		if _, err := fmt.Fprintln(a.stdout); err != nil {
			return err
		}
	}
	return g.write(a.stdout)
}
