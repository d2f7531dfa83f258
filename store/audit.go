package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"jwtsunset/audit"
	"jwtsunset/migrator"
	"jwtsunset/notify"
)

// Audit says how a store keeps its audit log. The zero value keeps it for the program itself, with its files beside the
// database.
type Audit struct {
	// KeyFile holds the private key that signs checkpoints. It is made when the log begins. Empty: beside a SQLite
	// file, FILE.audit-key; a database server has no such place and needs one.
	KeyFile string
	// CheckpointFile gets the newest checkpoint after each write. At the next start the database must be the one that it
	// is of. Empty: beside a SQLite file, FILE.checkpoint; with a database server none.
	CheckpointFile string
	// Actor is who the process works for.
	Actor Actor
	// Program is the version of the program and Config the digest of its configuration, as entries tell them.
	Program, Config string
	// Adopt accepts a database that is older than, or another than, what CheckpointFile says, and a missing one.
	Adopt bool
	// ReplaceKey puts a new key in the place of one that is lost: KeyFile must not be there.
	ReplaceKey bool
	// Appended is told each new checkpoint once what it covers is recorded, and Failed why something was not recorded.
	// They are called one at a time and must not call the store. Nil is allowed.
	Appended func(note []byte, head audit.Head, key audit.PublicKey)
	Failed   func(error)
}

// Actor is somebody who does something that is recorded. The zero value is the program itself.
type Actor struct {
	// Identity is how the person was recognized, as in os:ana, and Name the name to show. The log itself holds neither.
	Identity, Name string
	// Door and Strength say how the person came; without a door it is the program by itself.
	Door     audit.Door
	Strength audit.Strength
}

// actorKey is where a context has its Actor.
type actorKey struct{}

// WithActor has what is recorded with a context be recorded as done by somebody, in the place of whom the process works
// for: a daemon does something for everybody who comes by the page or from Slack.
func WithActor(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

// actor is who does something.
func (l *ledger) actor(ctx context.Context) Actor {
	if a, ok := ctx.Value(actorKey{}).(Actor); ok {
		return a
	}
	return l.options.Actor
}

// ledger is what a store needs to add to its audit log.
type ledger struct {
	options        Audit
	keyFile        string
	checkpointFile string // "" for none
	stamper        *audit.Stamper

	mu        sync.Mutex
	key       *audit.PrivateKey
	config    string
	published int64 // size of the log that the checkpoint outside is of
}

func (l *ledger) privateKey() *audit.PrivateKey {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.key
}

func (l *ledger) useKey(key *audit.PrivateKey) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.key = key
}

// checkpoint is a signed note, what it is of, and the key that is in force after it.
type checkpoint struct {
	note []byte
	head audit.Head
	key  audit.PublicKey
}

// signature signs what a log has become. It is asked once the log's end has been found sound, when the key is known
// that is in force there.
type signature func(audit.Head) (checkpoint, error)

// Configure makes a configuration the one in force, by its digest, and records it if it is another than before.
func (s *Store) Configure(ctx context.Context, digest string) error {
	if s.ledger == nil {
		return s.wrap("record the configuration", ErrReadOnly)
	}
	s.ledger.mu.Lock()
	s.ledger.config = digest
	s.ledger.mu.Unlock()
	return s.wrap("record the configuration", s.recordConfiguration(ctx))
}

func (s *Store) recordConfiguration(ctx context.Context) error {
	return s.inTx(ctx, func(tx *transaction) error {
		_, err := tx.configured(ctx)
		return err
	})
}

// RecordEvent records something that leaves no other trace in the store. It must be recorded before it is done.
func (s *Store) RecordEvent(ctx context.Context, e audit.Event) error {
	err := s.inTx(ctx, func(tx *transaction) error { return tx.append(ctx, e) })
	return s.wrap("record in the audit log", err)
}

// Undertake records what is about to be done outside the store, and does it: not without the record. If it fails that
// is recorded as well, so that the log never claims what did not happen.
func (s *Store) Undertake(ctx context.Context, e audit.Event, do func(context.Context) error) error {
	if err := s.RecordEvent(ctx, e); err != nil {
		return fmt.Errorf("nothing was done: %w", err)
	}
	err := do(ctx)
	if err == nil {
		return nil
	}
	e.Result = audit.ResultFailed
	return errors.Join(err, s.RecordEvent(context.WithoutCancel(ctx), e))
}

// append adds an event to the audit log, of the context's actor or else the process's, and a signed checkpoint over the
// whole.
func (tx *transaction) append(ctx context.Context, e audit.Event) error {
	if err := tx.store.reached(StepWritten); err != nil {
		return err
	}
	digest, err := tx.configured(ctx)
	if err != nil {
		return err
	}
	e.Config = digest
	return tx.extend(ctx, e)
}

// configured makes sure that what the program works with is on record, and gives the configuration's digest.
func (tx *transaction) configured(ctx context.Context) (digest string, err error) {
	tx.recording = true
	l := tx.store.ledger
	if l == nil {
		return "", ErrReadOnly
	}
	now, err := tx.circumstances(ctx)
	if err != nil {
		return "", err
	}
	var before circumstances
	err = tx.QueryRowContext(ctx, tx.store.queries.configuration).Scan(&before.digest, &before.program, &before.schema)
	if err != nil && !errors.Is(err, sql.ErrNoRows) || before == now {
		return now.digest, err
	}
	if _, err := tx.ExecContext(ctx, tx.store.queries.setConfiguration,
		now.digest, now.program, now.schema, micros(tx.store.options.Clock())); err != nil {
		return "", err
	}
	return now.digest, tx.extend(ctx, audit.Event{
		Action: audit.ActionConfigurationChanged, Object: audit.Object{Type: "configuration"}, Result: audit.ResultOK,
		Before: before.digest, After: now.digest, Config: now.digest,
		Facts: []audit.Fact{
			audit.Text("program", now.program), audit.Text("program_before", before.program),
			audit.Number("schema", now.schema), audit.Number("schema_before", before.schema),
		},
	})
}

// circumstances are what the program works with.
type circumstances struct {
	digest, program string
	schema          int64
}

func (tx *transaction) circumstances(ctx context.Context) (c circumstances, err error) {
	l := tx.store.ledger
	l.mu.Lock()
	c.digest, c.program = text(l.config), text(l.options.Program)
	l.mu.Unlock()
	err = tx.QueryRowContext(ctx, tx.store.queries.schemaVersion).Scan(&c.schema)
	return c, err
}

// extend adds an event to the audit log as it stands, and signs the outcome.
func (tx *transaction) extend(ctx context.Context, e audit.Event) error {
	return tx.extendSigned(ctx, e, tx.store.ledger.sign, false)
}

func (l *ledger) sign(h audit.Head) (checkpoint, error) {
	key := l.privateKey()
	note, err := key.Sign(h)
	return checkpoint{note, h, key.Public()}, err
}

// extendSigned is extend with a signature of the caller's. The checkpoint stays for good if keep is set, or the log has
// reached a milestone.
func (tx *transaction) extendSigned(ctx context.Context, e audit.Event, sign signature, keep bool) (err error) {
	l := tx.store.ledger
	head, err := tx.soundHead(ctx)
	if err != nil {
		return err
	}
	actor := l.actor(ctx)
	if e.Actor.Person, err = tx.person(ctx, actor); err != nil {
		return err
	}
	e.Actor.Door, e.Actor.Strength = actor.Door, actor.Strength
	line, next, err := head.Append(e, l.stamper.Stamp())
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, tx.store.queries.insertAuditEntry, next.Size, string(line)); err != nil {
		return err
	}
	signed, err := sign(next)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, tx.store.queries.setAuditHead, next.Size, string(signed.note)); err != nil {
		return err
	}
	tx.newest, tx.added = signed, true
	if !keep && next.Size%audit.Milestone != 0 {
		return nil
	}
	_, err = tx.ExecContext(ctx, tx.store.queries.insertCheckpoint, next.Size, string(signed.note))
	return err
}

// soundHead is the end of the log. It must be signed by our key and be the hash of the last entry: nothing is ever
// added to a log that was tampered with.
func (tx *transaction) soundHead(ctx context.Context) (audit.Head, error) {
	if tx.newest.note != nil {
		return tx.newest.head, nil
	}
	note, err := tx.store.headNote(ctx, tx)
	if err != nil || note == nil {
		return audit.Head{}, err
	}
	last, err := tx.lastEntry(ctx)
	if err != nil {
		return audit.Head{}, err
	}
	l := tx.store.ledger
	head, err := l.open(note)
	if err != nil {
		return head, fmt.Errorf("the newest checkpoint of the audit log: %w: put the key that signed it into %s, after "+
			"restoring a backup the one of that time; or run jwtsunset audit verify", err, l.keyFile)
	}
	if head != last.Head() {
		return head, fmt.Errorf("%w: its checkpoint is of %d entries and does not fit entry %d, the last one: "+
			"run jwtsunset audit verify", audit.ErrTampered, head.Size, last.Seq)
	}
	tx.newest = checkpoint{note, head, l.privateKey().Public()}
	return head, nil
}

// lastEntry is the end of the log.
func (tx *transaction) lastEntry(ctx context.Context) (audit.Entry, error) {
	var last int64
	if err := tx.QueryRowContext(ctx, tx.store.queries.countAuditEntries).Scan(&last); err != nil {
		return audit.Entry{}, err
	}
	return tx.store.entry(ctx, tx, last)
}

// open reads the newest checkpoint with the key in force. Another process may have changed the key since it was read,
// or was cut off before the key file was replaced, which is done now.
func (l *ledger) open(note []byte) (audit.Head, error) {
	head, err := l.privateKey().Public().OpenNewest(note)
	if err == nil {
		return head, nil
	}
	key, settleErr := audit.SettleKey(l.keyFile, note)
	if settleErr != nil {
		return head, errors.Join(err, settleErr)
	}
	l.useKey(key)
	return key.Public().OpenNewest(note)
}

// entry reads one entry of the log. One that is missing or cannot be read is ErrTampered.
func (s *Store) entry(ctx context.Context, q querier, seq int64) (audit.Entry, error) {
	var line []byte
	switch err := q.QueryRowContext(ctx, s.queries.auditEntry, seq).Scan(&line); {
	case errors.Is(err, sql.ErrNoRows):
		return audit.Entry{}, fmt.Errorf("%w: entry %d is missing: run jwtsunset audit verify", audit.ErrTampered, seq)
	case err != nil:
		return audit.Entry{}, err
	}
	e, err := audit.ParseEntry(line)
	if err != nil {
		return e, fmt.Errorf("%w: entry %d: %w: run jwtsunset audit verify", audit.ErrTampered, seq, err)
	}
	if e.Seq != seq {
		return e, fmt.Errorf("%w: entry %d stands in the place of entry %d: run jwtsunset audit verify", audit.ErrTampered,
			e.Seq, seq)
	}
	return e, nil
}

// headNote is the newest checkpoint; nil before the log has begun.
func (s *Store) headNote(ctx context.Context, q querier) ([]byte, error) {
	var note string
	switch err := q.QueryRowContext(ctx, s.queries.auditHead).Scan(&note); {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, err
	default:
		return []byte(note), nil
	}
}

// told makes known outside what a transaction recorded, or that it could not.
func (s *Store) told(ctx context.Context, tx *transaction, err error) {
	l := s.ledger
	if l == nil || !tx.recording || blameless(err) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		if l.options.Failed != nil {
			l.options.Failed(s.engine.explain(err))
		}
		return
	}
	if !tx.committed || tx.newest.head.Size <= l.published {
		return // it panicked, nothing was added, or another transaction has told more since
	}
	l.published = tx.newest.head.Size
	s.keepOutside(ctx, tx.newest, tx.adopted)
	if l.options.Appended != nil {
		l.options.Appended(tx.newest.note, tx.newest.head, tx.newest.key)
	}
}

// blameless tells whether the store is not to blame for an error.
func blameless(err error) bool {
	for _, cause := range []error{
		context.Canceled, ErrConflict, notify.ErrConflict, notify.ErrTaken, migrator.ErrBusy,
	} {
		if errors.Is(err, cause) {
			return true
		}
	}
	return false
}

// keepOutside writes a checkpoint to where it is kept outside the database; with anyway set, also over one of a longer
// log. What is recorded already stays recorded if that fails.
func (s *Store) keepOutside(ctx context.Context, c checkpoint, anyway bool) {
	file := s.ledger.checkpointFile
	if file == "" || c.note == nil {
		return
	}
	if err := saveCheckpoint(file, c, anyway); err != nil {
		s.options.Logger.ErrorContext(ctx, "the checkpoint outside the database is not up to date", "error", err)
	}
}
