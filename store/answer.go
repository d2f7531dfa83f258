package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"jwtsunset/audit"
	"jwtsunset/notify"
)

// RecordAnswer writes down what the context's Actor, or else the store's, said about a credential, with its entry of
// the audit log, and gives the answer with its ID, By and, if it had none, At. From here on the credential's owner
// counts as told of nothing. ErrNotFound if there is no such credential; its id is compared exactly.
func (s *Store) RecordAnswer(ctx context.Context, a notify.Answer) (notify.Answer, error) {
	err := validateAnswer(a)
	if err == nil {
		err = s.inTx(ctx, func(tx *transaction) error { return tx.answer(ctx, &a) })
	}
	if err != nil {
		return notify.Answer{}, s.wrap("record an answer", err)
	}
	return a, nil
}

// validateAnswer refuses answers that would mean nothing.
func validateAnswer(a notify.Answer) error {
	notMine := a.Kind == notify.AnswerNotMine
	switch {
	case !slices.Contains(notify.AnswerKinds(), a.Kind):
		return fmt.Errorf("there is no answer %q", a.Kind)
	case notMine && a.Candidate == "":
		return errors.New("the answer does not say who is not the owner")
	case !notMine && a.Until.IsZero():
		return fmt.Errorf("the answer %s has no date", a.Kind)
	}
	return nil
}

func (tx *transaction) answer(ctx context.Context, a *notify.Answer) error {
	q := &tx.store.queries.reminders
	var known int
	if err := tx.QueryRowContext(ctx, q.hasCredential, text(a.Organization), text(a.Credential)).Scan(&known); err != nil {
		return err
	}
	if known == 0 {
		return fmt.Errorf("no credential has the id %q: %w", a.Credential, ErrNotFound)
	}
	if err := tx.sign(ctx, a); err != nil {
		return err
	}
	err := tx.QueryRowContext(ctx, q.insertAnswer, text(a.Organization), text(a.Credential), string(a.Kind),
		micros(a.Until), text(a.Link), text(a.Note), text(a.Candidate), a.By, micros(a.At)).Scan(&a.ID)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, q.answered, text(a.Organization), text(a.Credential)); err != nil {
		return err
	}
	return tx.append(ctx, answerEvent(a))
}

// sign says who gives an answer, and when.
func (tx *transaction) sign(ctx context.Context, a *notify.Answer) (err error) {
	tx.recording = true
	if tx.store.ledger == nil {
		return ErrReadOnly
	}
	if a.At.IsZero() {
		a.At = tx.store.options.Clock()
	}
	a.By, err = tx.person(ctx, tx.store.ledger.actor(ctx))
	return err
}

// answerEvent is what the audit log says of an answer: no address and no free text.
func answerEvent(a *notify.Answer) audit.Event {
	until := ""
	if !a.Until.IsZero() {
		until = a.Until.UTC().Format(time.RFC3339Nano)
	}
	return audit.Event{
		Action: audit.ActionAnswerRecorded, Result: audit.ResultOK,
		Object: audit.Object{Type: "credential", Organization: a.Organization, ID: a.Credential},
		Facts: []audit.Fact{
			audit.Text("answer", strconv.FormatInt(a.ID, 10)), audit.Text("kind", string(a.Kind)), audit.Text("until", until),
		},
	}
}

// Answers are all that was said about a credential, in the order of their ids. The credential's id is compared exactly.
func (s *Store) Answers(ctx context.Context, organization, credentialID string) ([]notify.Answer, error) {
	answers, err := collect(ctx, s.readers, readAnswer, s.queries.reminders.answers,
		text(organization), text(credentialID))
	return answers, s.wrap("read the answers", err)
}

func readAnswer(rows *sql.Rows) (notify.Answer, error) {
	var a notify.Answer
	var until, at int64
	err := rows.Scan(&a.ID, &a.Organization, &a.Credential, &a.Kind, &until, &a.Link, &a.Note, &a.Candidate, &a.By, &at)
	a.Until, a.At = fromMicros(until), fromMicros(at)
	return a, err
}
