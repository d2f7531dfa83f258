package audit

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// ErrKey says that a text is not a key of an audit log.
var ErrKey = errors.New("not a key of an audit log")

const (
	namePrefix = "jwtsunset-"
	// algorithmEd25519 is the first byte of a key in the form of signed notes.
	algorithmEd25519 = 1
)

// PublicKey checks checkpoints. It carries the name of its log, which stays the same when the key changes. The zero
// PublicKey is none. Compare with ==.
type PublicKey struct {
	name string
	key  [ed25519.PublicKeySize]byte
}

// ParsePublicKey reads the form that String gives, and no other.
func ParsePublicKey(text string) (PublicKey, error) {
	name, rest, _ := strings.Cut(text, "+")
	_, encoded, _ := strings.Cut(rest, "+")
	raw, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || len(raw) != 1+ed25519.PublicKeySize || raw[0] != algorithmEd25519 || !isLogName(name) {
		return PublicKey{}, fmt.Errorf("the public key is not of the form %s<8 digits>+<8 digits>+<base64>: %w", namePrefix,
			ErrKey)
	}
	k := PublicKey{name: name, key: [ed25519.PublicKeySize]byte(raw[1:])}
	if k.String() != text {
		return PublicKey{}, fmt.Errorf("the public key has a typing error: its check digits do not match: %w", ErrKey)
	}
	return k, nil
}

// IsZero tells whether there is no key.
func (k PublicKey) IsZero() bool { return k == PublicKey{} }

// Name is the name of the log, "jwtsunset-" and 8 hexadecimal digits.
func (k PublicKey) Name() string { return k.name }

// String is the key on one line, in the form of golang.org/x/mod/sumdb/note: name, check digits, key.
func (k PublicKey) String() string {
	return fmt.Sprintf("%s+%08x+%s", k.name, k.KeyHash(), base64.StdEncoding.EncodeToString(k.typed()))
}

// KeyHash is the number by which signatures name the key.
func (k PublicKey) KeyHash() uint32 {
	sum := sha256.Sum256(append([]byte(k.name+"\n"), k.typed()...))
	return binary.BigEndian.Uint32(sum[:])
}

// Verify tells whether a signature of a message is this key's (RFC 8032).
func (k PublicKey) Verify(message, signature []byte) bool {
	return ed25519.Verify(k.key[:], message, signature)
}

// Fingerprint is short enough to be compared by eye or read out: 16 digits of the key's SHA-256, in groups of four.
func (k PublicKey) Fingerprint() string {
	sum := sha256.Sum256(k.key[:])
	digits := hex.EncodeToString(sum[:8])
	return strings.Join([]string{digits[:4], digits[4:8], digits[8:12], digits[12:]}, " ")
}

// PEM is the key as openssl reads it: SubjectPublicKeyInfo (RFC 8410) in PEM.
func (k PublicKey) PEM() []byte {
	der, err := x509.MarshalPKIXPublicKey(ed25519.PublicKey(k.key[:]))
	if err != nil {
		panic(err) // it knows Ed25519
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func (k PublicKey) typed() []byte { return append([]byte{algorithmEd25519}, k.key[:]...) }

// PrivateKey signs checkpoints. However it is printed, logged or encoded, "[redacted]" comes out.
type PrivateKey struct {
	public PublicKey
	signer note.Signer
	// reveal gives the text for the key file. It is a function because package fmt prints through unexported fields, but
	// not what a function holds.
	reveal func() string
}

// generateKey makes a key for the log of this name, or for a new log if it is "".
func generateKey(name string) (*PrivateKey, error) {
	if name == "" {
		name = namePrefix + randomHex(4)
	}
	text, _, err := note.GenerateKey(nil, name) // nil is crypto/rand
	if err != nil {
		return nil, fmt.Errorf("generate a key: %w", err)
	}
	return parsePrivateKey(text)
}

// parsePrivateKey reads the form that generateKey makes. Its errors do not repeat the text.
func parsePrivateKey(text string) (*PrivateKey, error) {
	malformed := fmt.Errorf("it holds no private key: %w", ErrKey)
	signer, err := note.NewSigner(text)
	if err != nil || !isLogName(signer.Name()) {
		return nil, malformed
	}
	parts := strings.SplitN(text, "+", 5) // PRIVATE, KEY, name, check digits, key
	raw, err := base64.StdEncoding.Strict().DecodeString(parts[len(parts)-1])
	if err != nil || len(raw) != 1+ed25519.SeedSize {
		return nil, malformed
	}
	public := PublicKey{name: signer.Name()}
	copy(public.key[:], ed25519.NewKeyFromSeed(raw[1:])[ed25519.SeedSize:])
	return &PrivateKey{public: public, signer: signer, reveal: func() string { return text }}, nil
}

// Public is the key that checks what this one signs.
func (k *PrivateKey) Public() PublicKey { return k.public }

const redacted = "[redacted]"

// String, GoString, Format, LogValue, MarshalText and MarshalJSON keep the key out of all output.
func (k PrivateKey) String() string { return redacted }

// GoString is String for %#v.
func (k PrivateKey) GoString() string { return redacted }

// Format writes "[redacted]" for every verb and flag.
func (k PrivateKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue keeps the key out of log/slog.
func (k PrivateKey) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText keeps the key out of YAML, XML and map keys.
func (k PrivateKey) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON keeps the key out of JSON.
func (k PrivateKey) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

func isLogName(name string) bool {
	digits, ours := strings.CutPrefix(name, namePrefix)
	return ours && len(digits) == 8 && isHex(digits)
}
