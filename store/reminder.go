package store

import (
	"context"
	"database/sql"

	"jwtsunset/notify"
)

// Entries are what the ledger has about a credential, the newest first. The credential's id is compared exactly.
func (s *Store) Entries(ctx context.Context, organization, credentialID string) ([]notify.Entry, error) {
	entries, err := collect(ctx, s.readers, readEntry, s.queries.reminders.entries,
		text(organization), text(credentialID))
	return entries, s.wrap("read the reminders of a credential", err)
}

// History gives what the ledger knows of an organization's credentials, by their ids, as it is at one moment.
func (s *Store) History(ctx context.Context, organization string) (map[string]notify.History, error) {
	h := historyReader{s: s, organization: text(organization), byID: map[string]*notify.History{}}
	err := s.snapshot(ctx, func(tx *sql.Tx) error {
		for _, read := range []func(context.Context, *sql.Tx) error{
			h.readEntries, h.readTold, h.readAnswers, h.readExaminations,
		} {
			if err := read(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, s.wrap("read the history of reminders", err)
	}
	all := make(map[string]notify.History, len(h.byID))
	for id, history := range h.byID {
		all[id] = *history
	}
	return all, nil
}

// historyReader reads the histories of one organization's credentials.
type historyReader struct {
	s            *Store
	organization string
	byID         map[string]*notify.History
}

func (h *historyReader) of(credentialID string) *notify.History {
	history, ok := h.byID[credentialID]
	if !ok {
		history = &notify.History{}
		h.byID[credentialID] = history
	}
	return history
}

func (h *historyReader) readEntries(ctx context.Context, tx *sql.Tx) error {
	latest, err := collect(ctx, tx, readEntry, h.s.queries.reminders.latest, h.organization)
	if err != nil {
		return err
	}
	for _, e := range latest {
		history := h.of(e.Credential)
		if history.Latest == nil {
			history.Latest = map[notify.Tier]notify.Entry{}
		}
		history.Latest[e.Tier] = e
	}
	open, err := collect(ctx, tx, readEntry, h.s.queries.reminders.open, h.organization)
	for _, e := range open {
		history := h.of(e.Credential)
		history.Open = append(history.Open, e)
	}
	return err
}

func (h *historyReader) readTold(ctx context.Context, tx *sql.Tx) error {
	_, err := collect(ctx, tx, func(rows *sql.Rows) (none struct{}, err error) {
		var id string
		var to notify.Recipient
		var steps int
		if err := rows.Scan(&id, &to.Sink, &to.Kind, &to.ID, &to.Group, &steps); err != nil {
			return none, err
		}
		history := h.of(id)
		if history.Told == nil {
			history.Told = map[notify.Recipient]int{}
		}
		history.Told[to] = steps
		return none, nil
	}, h.s.queries.reminders.unanswered, h.organization)
	return err
}

func (h *historyReader) readAnswers(ctx context.Context, tx *sql.Tx) error {
	answers, err := collect(ctx, tx, readAnswer, h.s.queries.reminders.answersOf, h.organization)
	for _, a := range answers {
		history := h.of(a.Credential)
		history.Answers = append(history.Answers, a)
	}
	return err
}

func (h *historyReader) readExaminations(ctx context.Context, tx *sql.Tx) error {
	if h.organization == "" {
		return nil // it would mean all organizations
	}
	examinations, err := collect(ctx, tx, readExamination, h.s.queries.reminders.examinations, h.organization)
	for _, e := range examinations {
		h.of(e.Credential).Examination = e
	}
	return err
}

func readEntry(rows *sql.Rows) (notify.Entry, error) {
	var e notify.Entry
	var due, at int64
	err := rows.Scan(&e.Organization, &e.Credential, &e.Step.Name, &e.Tier, &e.Step.Kind, &e.Step.Days, &due,
		&e.Outcome, &e.Reason, &e.Recipient.Sink, &e.Recipient.Kind, &e.Recipient.ID, &e.Recipient.Group, &e.Message, &at)
	e.Step.Due, e.At = fromMicros(due), fromMicros(at)
	return e, err
}

func entryArgs(args []any, e *notify.Entry) ([]any, error) {
	args = append(args, text(e.Organization), text(e.Credential), text(e.Step.Name), text(string(e.Tier)),
		text(string(e.Step.Kind)), e.Step.Days, micros(e.Step.Due), text(string(e.Outcome)), text(string(e.Reason)))
	args = appendRecipient(args, e.Recipient)
	return append(args, text(e.Message), micros(e.At)), nil
}

// appendRecipient appends the four columns of a recipient.
func appendRecipient(args []any, r notify.Recipient) []any {
	return append(args, text(string(r.Sink)), text(string(r.Kind)), text(r.ID), text(r.Group))
}
