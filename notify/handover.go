package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
)

// handoverDelay puts the handing over of a step a moment after it.
const handoverDelay = time.Microsecond

// handover gives the step to be taken for a credential whose step s is due. That is s itself, unless it was told to
// somebody who is not the owner any more: the new owner then gets a step of the same occasion and need not wait for the
// next one. Nothing is left to take where a new owner was not told and the step falls back to somebody who was told
// since the last answer: once is enough.
func handover(s Step, h History, found resolution) Step {
	last := h.Latest[TierOwner]
	if s.IsZero() || last.Step.Due.Before(s.Due) {
		return s
	}
	told := last.Recipient == found.recipient
	switch {
	case last.Step.Kind == StepHandover && last.Outcome != OutcomeSent && !told && h.Told[found.recipient] > 0:
		return Step{}
	case last.Step.Kind == StepHandover && (told || last.Outcome == OutcomeSent && !isNew(h, found)):
		return last.Step
	case last.Step.Kind == StepHandover, last.Outcome == OutcomeSent && !told && isNew(h, found):
		return handedTo(s, last.Step, found.recipient)
	default:
		return s
	}
}

// isNew tells whether an owner was found who was not told of the credential since the last answer.
func isNew(h History, found resolution) bool {
	return found.source.Known() && h.Told[found.recipient] == 0
}

// handedTo is a step for another recipient, due just after the last one.
func handedTo(s, last Step, to Recipient) Step {
	sum := sha256.Sum256([]byte(to.String()))
	base, _, _ := strings.Cut(s.Name, "/for-")
	return Step{
		Kind: StepHandover, Name: base + "/for-" + hex.EncodeToString(sum[:4]), Days: s.Days,
		Due: last.Due.Add(handoverDelay),
	}
}
