package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"jwtsunset/approval"
	"jwtsunset/config"
	"jwtsunset/migrator"
	"jwtsunset/report"
	"jwtsunset/store"
)

func (a *app) queueCommand() *cobra.Command {
	var format string
	var watch bool
	cmd := &cobra.Command{
		Use:   "queue [ID]",
		Short: "Show requests for migration, and what is under way",
		Long: `Show every open request: its state, its place in the queue, how many have approved, what holds it, and how long
what is under way has been going on. With an ID the card of one request and everything that was done for it.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkFormat(format, report.FormatTable, report.FormatJSON); err != nil {
				return err
			}
			return a.onRecord(cmd.Context(), func(cfg *config.Config, s *store.Store) error {
				if len(args) > 0 {
					return a.oneInQueue(cmd.Context(), s, args[0], format)
				}
				return a.repeat(cmd.Context(), watch, func() error { return a.queue(cmd.Context(), cfg, s, format) })
			})
		},
	}
	cmd.Flags().BoolVar(&watch, "watch", false, "show it again every two seconds, until interrupted")
	formatFlag(cmd, &format, report.FormatTable, report.FormatJSON)
	return a.configured(cmd)
}

// repeat does something once, or again and again until the command is interrupted.
func (a *app) repeat(ctx context.Context, again bool, do func() error) error {
	for {
		if err := do(); err != nil || !again {
			return err
		}
		if sleep(ctx, 2*time.Second) != nil {
			return nil //nolint:nilerr // interrupted, which is how it ends
		}
		if _, err := fmt.Fprint(a.stdout, "\x1b[H\x1b[2J"); err != nil {
			return err
		}
	}
}

func (a *app) oneInQueue(ctx context.Context, s *store.Store, id, format string) error {
	m, err := s.Migration(ctx, id)
	if err != nil {
		return err
	}
	if format == report.FormatJSON {
		return a.writeJSON(migrationRecordOf(m))
	}
	if err := writeCard(a.stdout, m); err != nil {
		return err
	}
	g := grid{header: []string{"ATTEMPT", "PHASE", "BEGAN", "SENT", "OUTCOME", "TRUTH", "RESULT", "WHY"}}
	for _, x := range m.Attempts {
		g.add(x.ID, string(x.Phase), minute(x.Began), minute(x.Sending), orDash(string(x.Outcome)), orDash(string(x.Truth)),
			orDash(string(x.Result)), orDash(x.Why))
	}
	if len(g.rows) > 0 {
		if _, err := fmt.Fprintln(a.stdout); err != nil {
			return err
		}
	}
	return g.write(a.stdout)
}

// queueRecord is the queue as JSON.
type queueRecord struct {
	Frozen     string         `json:"frozen"`
	Stopped    string         `json:"stopped"`
	DoubtAbout string         `json:"doubt_about"`
	Migrations []queuedRecord `json:"migrations"`
}

// queuedRecord is an open request in the queue as JSON. Hold and HeldWhy say what holds this one by itself.
type queuedRecord struct {
	migrationRecord
	Hold    string `json:"hold"`
	HeldWhy string `json:"held_why"`
}

func (a *app) queue(ctx context.Context, cfg *config.Config, s *store.Store, format string) error {
	line, err := s.Line(ctx)
	if err != nil {
		return err
	}
	open, err := s.Migrations(ctx)
	if err != nil {
		return err
	}
	now := a.clock()
	waiting, err := migratorRules(cfg).Queue(ctx, s, open, &line, now)
	if err != nil {
		return err
	}
	place := map[string]migrator.Waiting{}
	turn := map[string]int{}
	for i, w := range waiting {
		place[w.Migration.ID], turn[w.Migration.ID] = w, i+1
	}
	if format == report.FormatJSON {
		return a.writeQueueJSON(line, open, place)
	}
	if err := a.writeLine(line, cfg); err != nil {
		return err
	}
	g := grid{header: []string{"PLACE", "REQUEST", "CREDENTIAL", "NAME", "STATE", "APPROVALS", "FOR", "WHY"}}
	for _, m := range open {
		position := "-"
		if n := turn[m.ID]; n > 0 {
			position = strconv.Itoa(n)
		}
		g.add(position, m.ID[:8], m.Credential, first(m.Card.Fact(approval.FactName)), string(m.State),
			fmt.Sprintf("%d/%d", len(m.Approvers()), m.Required), elapsed(since(m), now), orDash(joined(m.Why, place[m.ID].Why)))
	}
	if len(g.rows) == 0 {
		_, err := fmt.Fprintln(a.stdout, "nothing is asked for")
		return err
	}
	return g.write(a.stdout)
}

// joined are the reasons that there are.
func joined(reasons ...string) string {
	return strings.Join(slices.DeleteFunc(reasons, func(s string) bool { return s == "" }), "; ")
}

// since is when a migration came into the state that people wait for it to leave.
func since(m migrator.Migration) time.Time {
	if a := m.Last(); a != nil && m.State.Busy() {
		return a.Began
	}
	return m.At
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// writeLine says what holds the whole line.
func (a *app) writeLine(l approval.Line, cfg *config.Config) error {
	var text string
	switch {
	case !cfg.Migrator.Enabled:
		text = "migrations are off: migrator.enabled is false"
	case l.Frozen != nil:
		text = fmt.Sprintf("frozen by %s since %s: %s", by(l.Frozen.By), minute(l.Frozen.At), report.Clean(l.Frozen.Reason))
	case l.Stopped != "":
		text = fmt.Sprintf("stopped since %s: %s (%s)", minute(l.StoppedAt), report.Clean(l.Stopped), goesOn(l))
	default:
		return nil
	}
	_, err := fmt.Fprintln(a.stdout, text)
	return err
}

// goesOn says when a line goes on that has stopped by itself.
func goesOn(l approval.Line) string {
	if l.DoubtAbout == "" {
		return "jwtsunset thaw lets it go on"
	}
	return "it goes on by itself once Adobe shows that request " + report.Clean(l.DoubtAbout[:min(8, len(l.DoubtAbout))]) +
		" went well; else say what is so with jwtsunset resolve, then jwtsunset thaw"
}

func (a *app) writeQueueJSON(
	l approval.Line, open []migrator.Migration, place map[string]migrator.Waiting,
) error {
	r := queueRecord{Stopped: l.Stopped, DoubtAbout: l.DoubtAbout, Migrations: []queuedRecord{}}
	if l.Frozen != nil {
		r.Frozen = l.Frozen.Reason
	}
	for _, m := range open {
		w := place[m.ID]
		r.Migrations = append(r.Migrations, queuedRecord{migrationRecordOf(m), string(w.Hold), w.Why})
	}
	return a.writeJSON(r)
}
