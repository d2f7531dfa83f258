package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"jwtsunset/approval"
	"jwtsunset/migrator"
	"jwtsunset/report"
)

// writeCard shows what a decision rests on. What comes from outside is made fit for a terminal.
func writeCard(w io.Writer, m migrator.Migration) error {
	var b strings.Builder
	fmt.Fprintf(&b, "request %s, %s\n", m.ID, m.State)
	if m.Why != "" {
		fmt.Fprintf(&b, "  %s\n", report.Clean(m.Why))
	}
	fmt.Fprintln(&b)
	for _, f := range m.Card.Facts {
		writeFact(&b, f)
	}
	fmt.Fprintln(&b)
	for _, f := range m.Card.Shown {
		writeFact(&b, f)
	}
	fmt.Fprintf(&b, "  %-20s %s\n", "requested-by", by(m.By))
	if m.Reason != "" {
		fmt.Fprintf(&b, "  %-20s %s\n", "reason", report.Clean(m.Reason))
	}
	fmt.Fprintf(&b, "  %-20s %d of %d\n", "approvals", len(m.Approvers()), m.Required)
	for _, d := range m.Past {
		fmt.Fprintf(&b, "  %-20s %s at %s %s (used or over)\n", d.Kind, by(d.By), minute(d.At), report.Clean(d.Reason))
	}
	for _, d := range m.Decisions {
		fmt.Fprintf(&b, "  %-20s %s at %s %s\n", d.Kind, by(d.By), minute(d.At), report.Clean(d.Reason))
	}
	fmt.Fprintf(&b, "  %-20s %s\n\n", "fingerprint", m.Fingerprint)
	for _, line := range m.Card.Effects {
		fmt.Fprintf(&b, "  %s\n", line)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func writeFact(b *strings.Builder, f approval.Fact) {
	values := make([]string, len(f.Values))
	for i, v := range f.Values {
		values[i] = report.Clean(v)
	}
	text := strings.Join(values, ", ")
	if text == "" {
		text = "not known"
	}
	fmt.Fprintf(b, "  %-20s %s\n", f.Name, text)
}

// by is who did something.
func by(s approval.Signature) string {
	if s.Person == "" {
		return "the program"
	}
	return fmt.Sprintf("%s (%s, %s)", report.Clean(s.Person), s.Door, s.Strength)
}

// migrationRecord is a migration as JSON.
type migrationRecord struct {
	ID           string             `json:"id"`
	Organization string             `json:"organization"`
	Credential   string             `json:"credential"`
	State        string             `json:"state"`
	Method       string             `json:"method"`
	RequestedBy  string             `json:"requested_by"`
	RequestedAt  string             `json:"requested_at"`
	Reason       string             `json:"reason"`
	Approvers    []string           `json:"approvers"`
	Required     int                `json:"required"`
	Expires      string             `json:"expires"`
	Fingerprint  string             `json:"fingerprint"`
	Card         approval.Card      `json:"card"`
	Decisions    []decisionRecord   `json:"decisions"`
	Past         []decisionRecord   `json:"past_decisions"`
	Attempts     []migrator.Attempt `json:"attempts"`
	Proof        string             `json:"proof"`
	Origin       string             `json:"origin"`
	MigratedAt   string             `json:"migrated_at"`
	Watch        string             `json:"watch"`
	Why          string             `json:"why"`
}

type decisionRecord struct {
	Kind     string `json:"kind"`
	Person   string `json:"person"`
	Door     string `json:"door"`
	Strength string `json:"strength"`
	At       string `json:"at"`
	Reason   string `json:"reason"`
	Seen     string `json:"seen"`
}

func migrationRecordOf(m migrator.Migration) migrationRecord {
	r := migrationRecord{
		ID: m.ID, Organization: m.Organization, Credential: m.Credential, State: string(m.State), Method: string(m.Method),
		RequestedBy: m.By.Person, RequestedAt: stamp(m.At), Reason: m.Reason, Approvers: append([]string{}, m.Approvers()...),
		Required: m.Required, Expires: stamp(m.Expires), Fingerprint: m.Fingerprint, Card: m.Card,
		Decisions: decisionRecords(m.Decisions), Past: decisionRecords(m.Past),
		Attempts: append([]migrator.Attempt{}, m.Attempts...), Proof: string(m.Proof),
		Origin: string(m.Origin), MigratedAt: stamp(m.MigratedAt), Watch: string(m.Watch), Why: m.Why,
	}
	return r
}

func decisionRecords(list []approval.Decision) []decisionRecord {
	records := []decisionRecord{}
	for _, d := range list {
		records = append(records, decisionRecord{
			Kind: string(d.Kind), Person: d.By.Person, Door: string(d.By.Door), Strength: string(d.By.Strength),
			At: stamp(d.At), Reason: d.Reason, Seen: d.Fingerprint,
		})
	}
	return records
}

// elapsed is how long something has been going on, in whole seconds.
func elapsed(from, now time.Time) string {
	if from.IsZero() {
		return ""
	}
	return now.Sub(from).Truncate(time.Second).String()
}
