package store

import (
	"context"
	"database/sql"

	"jwtsunset/notify"
)

// Examinations are what the plans decided last about the credentials of an organization, in the order of their ids; of
// all organizations, sorted by organization and id, if it is empty.
func (s *Store) Examinations(ctx context.Context, organization string) ([]notify.Examination, error) {
	all, err := collect(ctx, s.readers, readExamination, s.queries.reminders.examinations, text(organization))
	return all, s.wrap("read the examinations", err)
}

func readExamination(rows *sql.Rows) (notify.Examination, error) {
	var e notify.Examination
	var at, due, next int64
	var refusals string
	err := rows.Scan(&e.Organization, &e.Credential, &at, &e.Decision, &e.Reason, &e.Step.Name, &e.Step.Kind,
		&e.Step.Days, &due, &next, &e.Recipient.Sink, &e.Recipient.Kind, &e.Recipient.ID, &e.Recipient.Group, &e.Source,
		&refusals, &e.Contact, &e.Unanswered)
	if err != nil {
		return e, err
	}
	e.At, e.Step.Due, e.Next = fromMicros(at), fromMicros(due), fromMicros(next)
	e.Refusals, err = decodeList("refusals", refusals, refusalRow.value)
	return e, err
}

func examinationArgs(args []any, e *notify.Examination) ([]any, error) {
	refusals, err := encodeList(e.Refusals, newRefusalRow)
	args = append(args, text(e.Organization), text(e.Credential), micros(e.At), text(string(e.Decision)),
		text(string(e.Reason)), text(e.Step.Name), text(string(e.Step.Kind)), e.Step.Days, micros(e.Step.Due), micros(e.Next))
	args = appendRecipient(args, e.Recipient)
	return append(args, text(string(e.Source)), refusals, text(string(e.Contact)), e.Unanswered), err
}

// refusalRow is the form in which a refusal is kept. Its member names are part of the schema.
type refusalRow struct {
	Candidate string `json:"candidate"`
	Source    string `json:"source"`
	Reason    string `json:"reason"`
}

func newRefusalRow(r notify.Refusal) refusalRow {
	return refusalRow{Candidate: text(r.Candidate), Source: text(string(r.Source)), Reason: text(string(r.Reason))}
}

func (r refusalRow) value() notify.Refusal {
	return notify.Refusal{Candidate: r.Candidate, Source: notify.Source(r.Source), Reason: notify.Reason(r.Reason)}
}
