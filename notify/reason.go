package notify

// Reason says why something was decided. Reasons are fixed words, fit for metric labels and for being translated.
type Reason string

// Why a credential is told of, is not, or not yet.
const (
	ReasonDue            Reason = "due"             // a step is due, and a message is queued
	ReasonQueued         Reason = "queued"          // the message for the step that is due was queued before
	ReasonNoStep         Reason = "no-step-due"     // the step that is due was taken
	ReasonMigrated       Reason = "migrated"        // nothing is left to do
	ReasonGone           Reason = "gone"            // it is not there any more
	ReasonExempt         Reason = "exempt"          // the configuration leaves it out
	ReasonSnoozed        Reason = "snoozed"         // the owner asked for silence
	ReasonPromised       Reason = "promised"        // the owner named a date
	ReasonBlocked        Reason = "blocked"         // the owner waits for somebody else
	ReasonRetiring       Reason = "retiring"        // the owner lets it end
	ReasonLookUpFailed   Reason = "look-up-failed"  // the directory gave no answer; nobody else is told instead
	ReasonOldEvidence    Reason = "old-evidence"    // no scan has met it lately, so nobody is told that it is open
	ReasonOutcomeUnknown Reason = "outcome-unknown" // an earlier message to the recipient may be on its way
	ReasonNobody         Reason = "nobody-to-tell"  // no recipient is left
	ReasonRunLimit       Reason = "run-limit"       // the run would send more than the limit, so it sends nothing
)

// Why a message that is queued waits.
const (
	ReasonHeld       Reason = "held" // its sink rests after a failure
	ReasonQuietHours Reason = "quiet-hours"
)

// Why a step was passed over.
const (
	// ReasonSuperseded: a later step was due before this one was taken.
	ReasonSuperseded Reason = "superseded"
	// ReasonSettled: nothing was left to ask when the message was about to be sent.
	ReasonSettled Reason = "settled"
	// ReasonOwnerChanged: another recipient is told now.
	ReasonOwnerChanged Reason = "owner-changed"
)

// Why a candidate is not told.
const (
	ReasonNotFound       Reason = "not-found"
	ReasonDeactivated    Reason = "deactivated"
	ReasonBot            Reason = "bot"
	ReasonGuest          Reason = "guest"
	ReasonExternal       Reason = "external"
	ReasonExternalDomain Reason = "external-domain"
	ReasonAmbiguous      Reason = "ambiguous"
	ReasonNotMine        Reason = "not-mine"
	ReasonNoMapping      Reason = "no-mapping"   // an id that nothing maps to an account
	ReasonRefused        Reason = "refused"      // the sink refused the recipient lately
	ReasonUnnamed        Reason = "nobody-named" // Adobe names no owner
)
