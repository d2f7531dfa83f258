package audit

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
)

// ErrInvalid says that an event cannot be an entry: a mistake in the calling code, for texts from outside are brought
// into form and not refused.
var ErrInvalid = errors.New("not a valid audit event")

// maxFacts is how many facts an event may have.
const maxFacts = 32

// Event is what happened, as the caller knows it. Its texts are bounded and cleaned when it becomes an entry.
type Event struct {
	Actor  Actor
	Action Action
	Object Object
	// Before and After are fingerprints of the object; "" where there is none.
	Before, After string
	// Policy and Config are digests of what a decision was made from; "" where none was.
	Policy, Config string
	// Attempt is the id of the attempt at a change elsewhere that the event belongs to.
	Attempt string
	// RequestID is what the other side calls the request.
	RequestID string
	Result    Result
	// Facts are kept in their order. Their names are unique.
	Facts []Fact
}

// Fact gives the fact of a name.
func (e Event) Fact(name string) (Fact, bool) {
	for _, f := range e.Facts {
		if f.name == name {
			return f, true
		}
	}
	return Fact{}, false
}

func (e Event) validate() error {
	switch {
	case !isWord(string(e.Action), '-'):
		return fmt.Errorf("action %q is not lower case words joined by hyphens: %w", e.Action, ErrInvalid)
	case !e.Result.valid():
		return fmt.Errorf("result %q is not known: %w", e.Result, ErrInvalid)
	case len(e.Facts) > maxFacts:
		return fmt.Errorf("%d facts, at most %d fit: %w", len(e.Facts), maxFacts, ErrInvalid)
	}
	for _, digest := range []string{e.Before, e.After, e.Policy, e.Config, e.Attempt} {
		if !isToken(digest) {
			return fmt.Errorf("%q is not a fingerprint, digest or id: %w", digest, ErrInvalid)
		}
	}
	if err := e.Actor.validate(); err != nil {
		return err
	}
	if err := e.Object.validate(); err != nil {
		return err
	}
	return validateFacts(e.Facts)
}

// Actor is who did it, by which door, and how sure that is.
type Actor struct {
	// Person is an id from NewPersonID, or "" for the program itself. The person's names live elsewhere and can be
	// erased there without touching the log.
	Person   string
	Door     Door
	Strength Strength
}

// System is the program acting by itself.
var System = Actor{Door: DoorSystem, Strength: StrengthNone}

// NewPersonID makes an id that says nothing about the person.
func NewPersonID() string { return "p-" + randomHex(8) }

func (a Actor) validate() error {
	switch {
	case !a.Door.valid():
		return fmt.Errorf("door %q is not known: %w", a.Door, ErrInvalid)
	case !a.Strength.valid():
		return fmt.Errorf("strength %q is not known: %w", a.Strength, ErrInvalid)
	case a.Person != "" && (len(a.Person) != 18 || a.Person[:2] != "p-" || !isHex(a.Person[2:])):
		return fmt.Errorf("the actor is not a person's id: %w", ErrInvalid)
	}
	return nil
}

// Door is the way that an act came in.
type Door string

// The doors.
const (
	DoorSystem Door = "system" // the program itself, on its schedule
	DoorCLI    Door = "cli"
	DoorWeb    Door = "web"
	DoorSlack  Door = "slack"
	DoorAPI    Door = "api"
)

func (d Door) valid() bool {
	switch d {
	case DoorSystem, DoorCLI, DoorWeb, DoorSlack, DoorAPI:
		return true
	}
	return false
}

// Strength is what the actor's identity rests on.
type Strength string

// The strengths.
const (
	StrengthNone   Strength = "none"
	StrengthOSUser Strength = "os-user" // the user that the operating system runs the command for
	StrengthOIDC   Strength = "oidc"    // a login with the organization's identity provider
	StrengthSlack  Strength = "slack"   // what Slack says
	StrengthToken  Strength = "token"   // possession of a token
)

func (s Strength) valid() bool {
	switch s {
	case StrengthNone, StrengthOSUser, StrengthOIDC, StrengthSlack, StrengthToken:
		return true
	}
	return false
}

// Action is what was done: lower case words joined by hyphens, 2 to 41 bytes.
type Action string

// The actions. ActionLogStarted, ActionKeyRotated and ActionKeyReplaced say which key signs; LogStarted, KeyRotated and
// KeyReplaced make their events.
const (
	ActionLogStarted Action = "log-started"
	// ActionServeStarted: the daemon began to work. ActionRecordingResumed: it records again, after it could not.
	ActionServeStarted         Action = "serve-started"
	ActionRecordingResumed     Action = "recording-resumed"
	ActionScanRecorded         Action = "scan-recorded"
	ActionConfigurationChanged Action = "configuration-changed"
	ActionHistoryPruned        Action = "history-pruned"
	ActionStoreCopied          Action = "store-copied"
	ActionStoreBackedUp        Action = "store-backed-up"
	// ActionStoreAdopted: a person accepted that the database is older than, or another than, a checkpoint kept
	// elsewhere says.
	ActionStoreAdopted Action = "store-adopted"
	// ActionKeyRotated: another key signs from here on, and the one before vouches for it.
	ActionKeyRotated Action = "key-rotated"
	// ActionKeyReplaced: the key was lost, and another one signs from here on without its word.
	ActionKeyReplaced     Action = "key-replaced"
	ActionAuditExported   Action = "audit-exported"
	ActionPersonForgotten Action = "person-forgotten"
	// ActionRemindersPlanned: a run decided who is reminded of what.
	ActionRemindersPlanned Action = "reminders-planned"
	// ActionMessageSent, ActionMessageFailed, ActionMessageDropped: how a message to people ended.
	ActionMessageSent    Action = "message-sent"
	ActionMessageFailed  Action = "message-failed"
	ActionMessageDropped Action = "message-dropped"
	// ActionAnswerRecorded: somebody said what becomes of a credential.
	ActionAnswerRecorded Action = "answer-recorded"
	// ActionMigrationRequested, ActionMigrationApproved, ActionMigrationDeclined, ActionMigrationRevoked,
	// ActionMigrationOverridden: somebody asked for a migration, or decided about it; refused ones too.
	ActionMigrationRequested  Action = "migration-requested"
	ActionMigrationApproved   Action = "migration-approved"
	ActionMigrationDeclined   Action = "migration-declined"
	ActionMigrationRevoked    Action = "migration-revoked"
	ActionMigrationOverridden Action = "migration-overridden"
	// ActionSenderReleased, ActionMigrationReported, ActionMigrationAttested, ActionMigrationDismissed: a person said what
	// the program cannot find out about a migration.
	ActionSenderReleased     Action = "sender-released"
	ActionMigrationReported  Action = "migration-reported"
	ActionMigrationAttested  Action = "migration-attested"
	ActionMigrationDismissed Action = "migration-dismissed"
	// ActionMigrationCancelled: a person wants the OAuth half of a credential taken away again.
	ActionMigrationCancelled Action = "migration-cancelled"
	// ActionMigrationChanged: a migration came into another state.
	ActionMigrationChanged Action = "migration-changed"
	// ActionLineFrozen, ActionLineThawed: whether any migration may start. ActionLineTaken: another process works on the
	// line from here on.
	ActionLineFrozen Action = "line-frozen"
	ActionLineThawed Action = "line-thawed"
	ActionLineTaken  Action = "line-taken"
)

// Object is what it was done to. The zero Object is none.
type Object struct {
	Type         string // lower case words joined by hyphens
	Organization string
	ID           string
}

func (o Object) validate() error {
	if o != (Object{}) && !isWord(o.Type, '-') {
		return fmt.Errorf("object type %q is not lower case words joined by hyphens: %w", o.Type, ErrInvalid)
	}
	return nil
}

// Result is how it ended.
type Result string

// The results.
const (
	ResultOK      Result = "ok"
	ResultPartial Result = "partial"
	ResultFailed  Result = "failed"
	ResultRefused Result = "refused"
)

func (r Result) valid() bool {
	switch r {
	case ResultOK, ResultPartial, ResultFailed, ResultRefused:
		return true
	}
	return false
}

// Names of the facts that say which key signs. Their values are public keys in the form of PublicKey.String.
const (
	factKey     = "key"
	factOldKey  = "old_key"
	factNewKey  = "new_key"
	factVersion = "version"
)

// LogStarted is the event that every log begins with. It names the key that signs, and the version of the program.
func LogStarted(actor Actor, key PublicKey, version string) Event {
	return Event{
		Actor: actor, Action: ActionLogStarted, Object: Object{Type: "log", ID: key.Name()}, Result: ResultOK,
		Facts: []Fact{Text(factKey, key.String()), Text(factVersion, version)},
	}
}

// KeyRotated is the event after which another key signs. Its checkpoint is made by SignRotation.
func KeyRotated(actor Actor, old, next PublicKey) Event {
	return Event{
		Actor: actor, Action: ActionKeyRotated, Object: Object{Type: "log", ID: next.Name()}, Result: ResultOK,
		Facts: []Fact{Text(factOldKey, old.String()), Text(factNewKey, next.String())},
	}
}

// KeyReplaced is the event after which another key signs because the old one was lost. Its checkpoint is signed by the
// new key alone, so whoever trusts only the old one no longer accepts the log.
func KeyReplaced(actor Actor, old, next PublicKey) Event {
	e := KeyRotated(actor, old, next)
	e.Action = ActionKeyReplaced
	return e
}

// Rotation gives the key before and the next one where the event is a change of the key: by KeyRotated or KeyReplaced.
func (e Event) Rotation() (before, next PublicKey, ok bool) {
	if e.Action != ActionKeyRotated && e.Action != ActionKeyReplaced {
		return before, next, false
	}
	before, oldErr := e.keyFact(factOldKey)
	next, newErr := e.keyFact(factNewKey)
	return before, next, oldErr == nil && newErr == nil
}

// keyFact reads the public key in a fact.
func (e Event) keyFact(name string) (PublicKey, error) {
	f, _ := e.Fact(name)
	return ParsePublicKey(f.String())
}

// isWord tells whether s is 2 to 41 bytes of lower case letters, digits and joints, beginning with a letter.
func isWord(s string, joint byte) bool {
	if len(s) < 2 || len(s) > 41 || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := range len(s) {
		if !isLower(s[i]) && !isDigit(s[i]) && s[i] != joint {
			return false
		}
	}
	return true
}

// isToken tells whether s can be a fingerprint, digest or id of the program's own making.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		switch {
		case isLower(c), isDigit(c), c >= 'A' && c <= 'Z':
		case c == '.', c == '_', c == ':', c == '+', c == '/', c == '=', c == '-':
		default:
			return false
		}
	}
	return len(s) <= 128
}

func isHex[T ~string | ~[]byte](s T) bool {
	for i := range len(s) {
		if !isDigit(s[i]) && (s[i] < 'a' || s[i] > 'f') {
			return false
		}
	}
	return true
}

func isLower(c byte) bool { return c >= 'a' && c <= 'z' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// randomHex is n bytes that nobody can guess. Package crypto/rand does not fail.
func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}
