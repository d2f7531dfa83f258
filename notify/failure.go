package notify

import (
	"fmt"
	"time"
)

// Class says what a failure means for the next attempt.
type Class string

// The classes.
const (
	// Later: nothing was sent; the same message can be sent again after a while.
	Later Class = "later"
	// Unclear: the message may have been sent; it must be looked for before it is sent again.
	Unclear Class = "unclear"
	// Permanent: this recipient cannot be told this way; another one must be.
	Permanent Class = "permanent"
	// Invalid: this message is refused, whoever it is for; a mistake of ours or of a template.
	Invalid Class = "invalid"
	// Operator: nothing can be sent to anyone until somebody repairs the configuration.
	Operator Class = "operator"
)

// Failure is an error of a Sink or Directory. Its text holds no secret and no message.
type Failure struct {
	Class Class
	// Reason is from a fixed list of the sink, fit for a metric label: "ratelimited", "invalid_auth", "timeout".
	Reason string
	// Wait is how long the sink asks to wait; zero if it does not say.
	Wait time.Duration
	// Hint says what to do; "" where waiting is all there is to do.
	Hint string
	Err  error
}

func (f *Failure) Error() string {
	if f.Err == nil {
		return f.Reason
	}
	return fmt.Sprintf("%s: %v", f.Reason, f.Err)
}

func (f *Failure) Unwrap() error { return f.Err }
