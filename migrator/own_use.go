package migrator

import (
	"time"

	"jwtsunset/approval"
)

// OperationProve is the operation of a call that proves that the OAuth half works, by getting a token with it.
const OperationProve = "prove-oauth"

// ownUseReach is how far Adobe's time of a use may be from our time of the proof that it was.
const ownUseReach = 2 * time.Minute

// withoutOwnUse takes away a use of the OAuth half that was this program's own proof: it says nothing of the
// application. What was known of the application's use before takes its place.
func (e *Engine) withoutOwnUse(m *Migration, read approval.Evidence) approval.Evidence {
	if !e.isOwnUse(m, read.OAuthUsed) {
		return read
	}
	read.OAuthUsed = m.Evidence.OAuthUsed
	if at, ok := e.proved[m.ID]; ok && read.OAuthUsed.IsZero() {
		read.OAuthUsed = at.before
	}
	return read
}

func (e *Engine) isOwnUse(m *Migration, used time.Time) bool {
	if used.IsZero() {
		return false
	}
	for i := range m.Attempts {
		for _, call := range m.Attempts[i].Calls {
			if call.Operation == OperationProve && used.Sub(call.At).Abs() <= ownUseReach+call.Took {
				return true
			}
		}
	}
	return used.Sub(e.proved[m.ID].at).Abs() <= ownUseReach
}

// proof is a proof that is not on record with an attempt yet.
type proof struct{ at, before time.Time }

// noteProofs remembers when this process proved that the OAuth half of a credential works.
func (e *Engine) noteProofs(id string, used time.Time, calls []Call) {
	for _, call := range calls {
		if call.Operation != OperationProve {
			continue
		}
		if e.proved == nil {
			e.proved = map[string]proof{}
		}
		e.proved[id] = proof{call.At, used}
	}
}
