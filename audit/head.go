package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// hashPrefix keeps a hash of an entry from being the hash of anything else.
const hashPrefix = "jwtsunset-audit-v1\n"

// Hash is the SHA-256 of an entry. The zero Hash stands before entry 1.
type Hash [sha256.Size]byte

// String is the hash in hexadecimal digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Head is a log in short: how many entries it has, and the hash of the last, which binds all before. The zero Head is
// the empty log.
type Head struct {
	Size int64
	Hash Hash
}

// Append makes the entry that follows: its line, without a newline at the end, and the head with it. An event without
// actor is System's. Nothing is written anywhere. The error is ErrInvalid.
func (h Head) Append(event Event, stamp Stamp) (line []byte, next Head, err error) {
	if event.Actor == (Actor{}) {
		event.Actor = System
	}
	e := Entry{Seq: h.Size + 1, Prev: h.Hash, Stamp: stamp, Event: event}
	line, err = e.encode()
	if err != nil {
		return nil, h, fmt.Errorf("make audit entry %d (%s): %w", e.Seq, event.Action, err)
	}
	return line, Head{Size: e.Seq, Hash: e.Hash}, nil
}
