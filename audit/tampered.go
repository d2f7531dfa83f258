package audit

import (
	"errors"
	"fmt"
)

// ErrTampered says that a log is not what the program wrote. What carries it is a *Tampered.
var ErrTampered = errors.New("audit log is tampered with")

// Tampered says where a log is not what the program wrote.
type Tampered struct {
	// Entry is the number of the first entry that is bad or missing, or may be; 0 if no entry is in doubt. Last is the
	// last one that may be: the same where it is known which one it is.
	Entry, Last int64
	// What is found, as a sentence that names the entry or the checkpoint.
	What string
}

func (t *Tampered) Error() string { return ErrTampered.Error() + ": " + t.What }

// Is makes errors.Is(err, ErrTampered) true.
func (t *Tampered) Is(target error) bool { return target == ErrTampered }

// badEntry says that just this entry is bad.
func badEntry(n int64, format string, args ...any) error {
	return &Tampered{Entry: n, Last: n, What: fmt.Sprintf("entry %d: ", n) + fmt.Sprintf(format, args...)}
}

// missing says that entries are gone, and how that is known.
func missing(first, last int64, why string) error {
	what := fmt.Sprintf("entries %d to %d are missing", first, last)
	if first == last {
		what = fmt.Sprintf("entry %d is missing", first)
	}
	return &Tampered{Entry: first, Last: last, What: what + ": " + why}
}

// rewritten says that entries may have been replaced, all of them from some point on so that they fit one another.
func rewritten(after, upTo int64, format string, args ...any) error {
	return &Tampered{
		Entry: after + 1, Last: upTo,
		What: fmt.Sprintf(format, args...) +
			fmt.Sprintf("; if entries were rewritten, it was after entry %d and at or before entry %d", after, upTo),
	}
}
