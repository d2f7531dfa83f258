// Package secret holds the one type for values that must never be shown. However such a value is printed, logged or
// encoded, "[redacted]" comes out; only Reveal gives the text, and the places that call it are counted by a test.
package secret

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[redacted]"

// String is a secret text. Its zero value is the empty secret. It can be copied and compared with ==, but comparing is
// not constant in time: use crypto/subtle on what Reveal gives where that matters.
type String struct{ text string }

// New wraps a text.
func New(text string) String { return String{text} }

// Reveal gives the text itself. Call it only where the text leaves for the party that it belongs to.
func (s String) Reveal() string { return s.text }

// IsZero tells whether there is no secret.
func (s String) IsZero() bool { return s.text == "" }

// String, GoString and Format keep the text out of every verb of package fmt.
func (s String) String() string { return redacted }

// GoString is String for %#v.
func (s String) GoString() string { return redacted }

// Format writes "[redacted]" for every verb and flag.
func (s String) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue keeps the text out of log/slog.
func (s String) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText keeps the text out of YAML, XML and map keys.
func (s String) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON keeps the text out of JSON.
func (s String) MarshalJSON() ([]byte, error) { return json.Marshal(redacted) }
