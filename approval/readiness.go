package approval

import (
	"time"

	"jwtsunset/credential"
)

// Verdict says whether evidence shows that a credential's application has moved to OAuth.
type Verdict string

// The verdicts.
const (
	// VerdictReady: the OAuth half is in use, and the JWT half has not been for long enough.
	VerdictReady Verdict = "ready"
	// VerdictStillInUse: the JWT half was used too lately, or after the OAuth half.
	VerdictStillInUse Verdict = "still-in-use"
	// VerdictNeverSeen: no use of the OAuth half is on record.
	VerdictNeverSeen Verdict = "never-seen"
	// VerdictStale: the evidence was read too long ago.
	VerdictStale Verdict = "evidence-stale"
	// VerdictUnknown: the evidence could not be read, or does not tell when the JWT half was last used.
	VerdictUnknown Verdict = "unknown"
	// VerdictNotNeeded: the application need not change, so there is nothing to wait for.
	VerdictNotNeeded Verdict = "not-needed"
)

// Safe tells whether a migration can be finished without a recorded override.
func (v Verdict) Safe() bool { return v == VerdictReady || v == VerdictNotNeeded }

// Evidence is what was read of a credential's use.
type Evidence struct {
	// Read is when it was read; zero if it could not be.
	Read time.Time
	// JWTUsed and OAuthUsed are the last uses by each grant; zero where Adobe shows none, which does not mean that there
	// was none.
	JWTUsed, OAuthUsed time.Time
	// RequestID is Adobe's id of the answer.
	RequestID string
}

// Judgement are the limits by which evidence is judged.
type Judgement struct {
	// Rest is how long the JWT half must not have been used: at least 24 hours by Adobe's own check.
	Rest time.Duration
	// MaxAge is how old evidence may be.
	MaxAge time.Duration
}

// Judge works out the verdict for a credential that a method would migrate. Query Service's own migration retires the
// JWT at once and leaves name and password as they are, so no application has to move first.
func (j Judgement) Judge(m Method, c credential.Credential, e Evidence, now time.Time) Verdict {
	age := now.Sub(e.Read)
	switch {
	case (m == MethodQueryService || m == MethodGuided) && c.Kind == credential.QueryService:
		return VerdictNotNeeded
	case e.Read.IsZero():
		return VerdictUnknown
	case age < -clockTolerance || age > j.MaxAge:
		return VerdictStale
	case e.OAuthUsed.IsZero():
		return VerdictNeverSeen
	case e.JWTUsed.IsZero():
		return VerdictUnknown
	case !e.OAuthUsed.After(e.JWTUsed), now.Sub(e.JWTUsed) < j.Rest:
		return VerdictStillInUse
	default:
		return VerdictReady
	}
}

// clockTolerance is how far clocks may disagree.
const clockTolerance = time.Minute
