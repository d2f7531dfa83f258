package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"jwtsunset/notify"
	"jwtsunset/report"
)

// forecastAhead is how far a forecast may look.
const forecastAhead = 400 * 24 * time.Hour

func (a *app) forecastCommand() *cobra.Command {
	var format, at string
	cmd := &cobra.Command{
		Use:   "forecast --at DATE",
		Short: "Show what would be sent, and what would come to pass, on a day ahead",
		Long: `Play the time from now to the end of a day with the program's own code, a clock of its own and a record in
memory, and show which messages would be sent on that day, to whom and about what; which deadlines would pass, promises
break and snoozes end; and what would still wait. It takes for granted that nothing changes until then: nobody migrates
or answers, scans go on meeting what they met last, and everything that is sent arrives. Nothing is sent or recorded,
and nobody is asked: only people who are remembered from earlier look-ups are known.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkFormat(format, "text", report.FormatJSON); err != nil {
				return err
			}
			return a.withReminders(cmd.Context(), opening{}, func(r *reminders) error {
				return a.forecast(cmd.Context(), r, at, format)
			})
		},
	}
	cmd.Flags().StringVar(&at, "at", "", "the `date`, as in 2026-01-31 (required)")
	cmd.MarkFlagsOneRequired("at")
	formatFlag(cmd, &format, "text", report.FormatJSON)
	return a.configured(cmd)
}

func (a *app) forecast(ctx context.Context, r *reminders, at, format string) error {
	day, err := time.ParseInLocation(time.DateOnly, at, r.policy.Zone)
	now := a.clock()
	end := day.AddDate(0, 0, 1)
	switch {
	case err != nil:
		return hinted{fmt.Errorf("--at %q is not a date", at), "write it as in 2026-01-31"}
	case !end.After(now):
		return hinted{errors.New("--at lies behind"), "jwtsunset explain ID shows what was sent"}
	case day.Sub(now) > forecastAhead:
		return hinted{errors.New("--at lies too far ahead"), "name a day within 400 days"}
	}
	s, err := r.state(ctx)
	if err != nil {
		return err
	}
	schedule, err := parseSchedule(r.cfg.Schedule.Remind, r.cfg.Schedule.TimeZone, now)
	if err != nil {
		return err
	}
	f, err := r.policy.Forecast(ctx, s, notify.Remembered(ctx, r.store), schedule.Next, later(day, now), end)
	if err != nil {
		return err
	}
	if format == report.FormatJSON {
		return a.writeJSON(forecastRecordOf(f))
	}
	return a.writeForecast(f)
}

// forecastRecord is a forecast as JSON.
type forecastRecord struct {
	From     string              `json:"from"`
	To       string              `json:"to"`
	Messages []foreseenRecord    `json:"messages"`
	Events   []eventRecord       `json:"events"`
	Waiting  []examinationRecord `json:"waiting"`
}

type foreseenRecord struct {
	At          string   `json:"at"`
	Kind        string   `json:"kind"`
	To          string   `json:"to"`
	Language    string   `json:"language"`
	Credentials []string `json:"credentials"`
	Steps       []string `json:"steps"`
}

type eventRecord struct {
	At           string `json:"at"`
	Kind         string `json:"kind"`
	Organization string `json:"organization"`
	Credential   string `json:"credential"`
	Name         string `json:"name"`
}

func forecastRecordOf(f notify.Forecast) forecastRecord {
	r := forecastRecord{
		From: stamp(f.From), To: stamp(f.To),
		Messages: []foreseenRecord{}, Events: []eventRecord{}, Waiting: []examinationRecord{},
	}
	for _, m := range f.Messages {
		r.Messages = append(r.Messages, foreseenRecordOf(m))
	}
	for _, e := range f.Events {
		r.Events = append(r.Events, eventRecord{stamp(e.At), string(e.Kind), e.Organization, e.Credential, e.Name})
	}
	for _, e := range f.Waiting {
		r.Waiting = append(r.Waiting, recordOf(e))
	}
	return r
}

func foreseenRecordOf(m notify.Foreseen) foreseenRecord {
	r := foreseenRecord{
		At: stamp(m.At), Kind: string(m.Message.Kind), To: m.Message.To.String(), Language: m.Message.Language,
		Credentials: []string{}, Steps: []string{},
	}
	for _, i := range m.Message.Items {
		r.Credentials = append(r.Credentials, i.ID)
		r.Steps = append(r.Steps, i.Step.Name)
	}
	return r
}

func (a *app) writeForecast(f notify.Forecast) error {
	r := forecastRecordOf(f)
	if _, err := fmt.Fprintf(a.stdout, "from %s to %s: %s, %s, %s waiting\n", minute(f.From), minute(f.To),
		count(len(r.Messages), "message"), count(len(r.Events), "event"), count(len(r.Waiting), "credential")); err != nil {
		return err
	}
	messages := grid{header: []string{"AT", "KIND", "TO", "LANGUAGE", "ABOUT"}}
	for _, m := range r.Messages {
		messages.add(m.At, m.Kind, m.To, m.Language, strings.Join(m.Credentials, " "))
	}
	events := grid{header: []string{"AT", "EVENT", "CREDENTIAL", "ORGANIZATION", "NAME"}}
	for _, e := range r.Events {
		events.add(e.At, e.Kind, e.Credential, e.Organization, orDash(e.Name))
	}
	waiting := grid{header: []string{"WAITING", "ORGANIZATION", "REASON", "STEP"}}
	for _, e := range r.Waiting {
		waiting.add(e.Credential, e.Organization, e.Reason, orDash(e.Step))
	}
	for _, g := range []grid{messages, events, waiting} {
		if err := g.write(a.stdout); err != nil {
			return err
		}
	}
	return nil
}
