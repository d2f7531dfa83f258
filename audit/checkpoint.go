package audit

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Milestone is how far apart the checkpoints are that a log keeps for good: one at every multiple of it, besides one at
// every change of the key and the newest. They narrow down where a log was rewritten.
const Milestone = 256

// ErrCheckpoint says that a text is not a checkpoint signed by just the keys that should sign it.
var ErrCheckpoint = errors.New("not a valid checkpoint")

// maxCheckpoint is how many bytes a checkpoint with two signatures can have, and some more.
const maxCheckpoint = 1024

// Sign makes the checkpoint of a log that is not empty.
func (k *PrivateKey) Sign(h Head) ([]byte, error) { return sign(h, k) }

// SignRotation makes the checkpoint at an entry of KeyRotated: the old key vouches for the new.
func SignRotation(h Head, old, next *PrivateKey) ([]byte, error) { return sign(h, old, next) }

// Open reads a checkpoint that this key alone signed. It accepts just the bytes that Sign gives. The error is
// ErrCheckpoint.
func (k PublicKey) Open(note []byte) (Head, error) { return openCheckpoint(note, k) }

// OpenNewest is Open for the newest checkpoint of a log, which may be one of SignRotation that changed to this key. The
// signature of the key before is then not checked; Verify does that.
func (k PublicKey) OpenNewest(note []byte) (Head, error) {
	c, err := readCheckpoint(note)
	if err != nil {
		return Head{}, err
	}
	c.signatures = c.signatures[len(c.signatures)-1:]
	return openCheckpoint([]byte(c.render()), k)
}

// ReadCheckpoint reads a checkpoint without asking who signed it: for telling what one says, never for trusting it.
// The error is ErrCheckpoint.
func ReadCheckpoint(note []byte) (Head, error) {
	c, err := readCheckpoint(note)
	return c.head, err
}

func sign(h Head, keys ...*PrivateKey) ([]byte, error) {
	if h.Size < 1 {
		return nil, errors.New("sign a checkpoint: the audit log is empty")
	}
	signers := make([]note.Signer, len(keys))
	for i, k := range keys {
		if k.Public().Name() != keys[0].Public().Name() {
			return nil, fmt.Errorf("sign a checkpoint: the keys are of different logs: %w", ErrKey)
		}
		signers[i] = k.signer
	}
	return note.Sign(&note.Note{Text: checkpointText(keys[0].Public().Name(), h)}, signers...)
}

// checkpointText is what is signed.
func checkpointText(name string, h Head) string {
	return name + "\n" + strconv.FormatInt(h.Size, 10) + "\n" + base64.StdEncoding.EncodeToString(h.Hash[:]) + "\n"
}

// openCheckpoint reads a checkpoint signed by all these keys, in this order, and no other. Base64 has spare bits and
// notes may have signatures that nobody asked for, so readCheckpoint takes only what is the same when written anew.
func openCheckpoint(text []byte, keys ...PublicKey) (Head, error) {
	c, err := readCheckpoint(text)
	if err != nil {
		return Head{}, err
	}
	known := make([]note.Verifier, len(keys))
	for i, k := range keys {
		known[i] = k
		if k.Name() != c.name {
			return Head{}, fmt.Errorf("it is of the log %s and not of %s: %w", c.name, k.Name(), ErrCheckpoint)
		}
	}
	if len(c.signatures) != len(keys) {
		return Head{}, fmt.Errorf("it has %d signatures, not %d: %w", len(c.signatures), len(keys), ErrCheckpoint)
	}
	opened, err := note.Open(text, note.VerifierList(known...))
	if err != nil || len(opened.Sigs) != len(keys) {
		return Head{}, fmt.Errorf("it is not signed by %s: %w", fingerprints(keys), ErrCheckpoint)
	}
	for i, k := range keys {
		if opened.Sigs[i].Hash != k.KeyHash() {
			return Head{}, fmt.Errorf("it is not signed by %s in this order: %w", fingerprints(keys), ErrCheckpoint)
		}
	}
	return c.head, nil
}

// fingerprints names keys for people.
func fingerprints(keys []PublicKey) string {
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = "the key " + k.Fingerprint()
	}
	return strings.Join(names, " and ")
}

// checkpoint is one as it is written; nobody has checked its signatures.
type checkpoint struct {
	name string
	head Head
	// signatures have 4 bytes each that name the key and then 64 that are its signature.
	signatures [][]byte
}

const signatureSize = 4 + ed25519.SignatureSize

var errCheckpointForm = fmt.Errorf("it is not in the form of a checkpoint: %w", ErrCheckpoint)

// readCheckpoint takes a checkpoint apart and refuses what is not in its one form.
func readCheckpoint(text []byte) (checkpoint, error) {
	if len(text) > maxCheckpoint {
		return checkpoint{}, errCheckpointForm
	}
	lines := strings.Split(string(text), "\n") // name, size, hash, nothing, one or two signatures, nothing
	if len(lines) != 6 && len(lines) != 7 || !isLogName(lines[0]) {
		return checkpoint{}, errCheckpointForm
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	hash, hashErr := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || size < 1 || hashErr != nil || len(hash) != len(Hash{}) {
		return checkpoint{}, errCheckpointForm
	}
	c := checkpoint{name: lines[0], head: Head{Size: size, Hash: Hash(hash)}}
	for _, line := range lines[4 : len(lines)-1] {
		raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(line, signatureStart(c.name)))
		if err != nil || len(raw) != signatureSize {
			return checkpoint{}, errCheckpointForm
		}
		c.signatures = append(c.signatures, raw)
	}
	if c.render() != string(text) {
		return checkpoint{}, errCheckpointForm
	}
	return c, nil
}

// text is what the signatures are of.
func (c checkpoint) text() string { return checkpointText(c.name, c.head) }

// newestSignature is the signature of the key in force after the checkpoint, without the name of the key.
func (c checkpoint) newestSignature() []byte { return c.signatures[len(c.signatures)-1][4:] }

// render is the whole checkpoint, as package note writes it.
func (c checkpoint) render() string {
	var b strings.Builder
	b.WriteString(c.text() + "\n")
	for _, s := range c.signatures {
		b.WriteString(signatureStart(c.name) + base64.StdEncoding.EncodeToString(s) + "\n")
	}
	return b.String()
}

func signatureStart(name string) string { return "— " + name + " " }
