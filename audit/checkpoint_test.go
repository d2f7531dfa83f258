package audit

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
)

func TestCheckpoint(t *testing.T) {
	k := newKey(t, "jwtsunset-00c0ffee")
	head := Head{Size: 1234, Hash: Hash{1, 2, 3}}
	note, err := k.Sign(head)
	if err != nil {
		t.Fatal(err)
	}
	text := "jwtsunset-00c0ffee\n1234\n" + base64.StdEncoding.EncodeToString(head.Hash[:]) + "\n"
	if !strings.HasPrefix(string(note), text+"\n— jwtsunset-00c0ffee ") || bytes.Count(note, []byte("\n")) != 5 {
		t.Errorf("checkpoint: %s", note)
	}
	for name, open := range map[string]func([]byte) (Head, error){
		"Open": k.Public().Open, "OpenNewest": k.Public().OpenNewest, "ReadCheckpoint": ReadCheckpoint,
	} {
		if opened, err := open(note); err != nil || opened != head {
			t.Errorf("%s: %v, %v", name, opened, err)
		}
	}
	for name, other := range map[string]PublicKey{
		"another key": newKey(t, "jwtsunset-00c0ffee").Public(), "another log": newKey(t, "").Public(), "none": {},
	} {
		if opened, err := other.Open(note); !errors.Is(err, ErrCheckpoint) || opened != (Head{}) {
			t.Errorf("%s: %v, %v", name, opened, err)
		}
		if opened, err := other.OpenNewest(note); !errors.Is(err, ErrCheckpoint) || opened != (Head{}) {
			t.Errorf("%s: %v, %v", name, opened, err)
		}
	}
}

func TestCheckpointOfARotation(t *testing.T) {
	old, next, other := newKey(t, "jwtsunset-00c0ffee"), newKey(t, "jwtsunset-00c0ffee"), newKey(t, "")
	head := Head{Size: 7}
	note, err := SignRotation(head, old, next)
	if err != nil {
		t.Fatal(err)
	}
	if opened, err := next.Public().OpenNewest(note); err != nil || opened != head {
		t.Errorf("%v, %v", opened, err)
	}
	if opened, err := openCheckpoint(note, old.Public(), next.Public()); err != nil || opened != head {
		t.Errorf("%v, %v", opened, err)
	}
	for name, err := range map[string]error{
		"the new key alone":   second(next.Public().Open(note)),
		"the old key alone":   second(old.Public().Open(note)),
		"the old as the last": second(old.Public().OpenNewest(note)),
		"in the other order":  second(openCheckpoint(note, next.Public(), old.Public())),
		"two of another log":  second(openCheckpoint(note, other.Public(), other.Public())),
	} {
		if !errors.Is(err, ErrCheckpoint) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := SignRotation(head, old, other); !errors.Is(err, ErrKey) {
		t.Errorf("a key of another log: %v", err)
	}
	for _, size := range []int64{0, -1} {
		if note, err := old.Sign(Head{Size: size}); err == nil {
			t.Errorf("%d entries: %s", size, note)
		}
	}
}

func second(_ Head, err error) error { return err }

// TestCheckpointForms writes a signed checkpoint in other ways, which package note mostly accepts.
func TestCheckpointForms(t *testing.T) {
	k, stranger := newKey(t, "jwtsunset-00c0ffee"), newKey(t, "jwtsunset-00c0ffee")
	signed := func(k *PrivateKey, text string) string {
		signature, err := k.signer.Sign([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		id := k.Public().KeyHash()
		raw := append([]byte{byte(id >> 24), byte(id >> 16), byte(id >> 8), byte(id)}, signature...)
		return "— jwtsunset-00c0ffee " + base64.StdEncoding.EncodeToString(raw) + "\n"
	}
	zeros := strings.Repeat("A", 43) + "="
	good := "jwtsunset-00c0ffee\n12\n" + zeros + "\n"
	line := signed(k, good)
	if _, err := k.Public().Open([]byte(good + "\n" + line)); err != nil {
		t.Fatal(err)
	}
	for name, note := range map[string]string{
		"nothing":                   "",
		"no signature":              good + "\n",
		"signature twice":           good + "\n" + line + line,
		"a stranger's signature":    good + "\n" + signed(stranger, good),
		"a stranger's more":         good + "\n" + line + signed(stranger, good),
		"a stranger's before":       good + "\n" + signed(stranger, good) + line,
		"no newline at the end":     good + "\n" + strings.TrimSuffix(line, "\n"),
		"empty line at the end":     good + "\n" + line + "\n",
		"another dash":              good + "\n" + strings.Replace(line, "—", "-", 1),
		"another name":              good + "\n" + strings.Replace(line, "c0ffee", "c0ffed", 1),
		"white space":               good + "\n" + strings.Replace(line, "ee ", "ee  ", 1),
		"base64 without padding":    good + "\n" + strings.Replace(line, "=", "", 1),
		"base64 in two lines":       good + "\n" + line[:60] + "\r\n" + line[60:],
		"leading zero":              resigned(signed, k, strings.Replace(good, "12", "012", 1)),
		"plus sign":                 resigned(signed, k, strings.Replace(good, "12", "+12", 1)),
		"no entry":                  resigned(signed, k, strings.Replace(good, "12", "0", 1)),
		"negative":                  resigned(signed, k, strings.Replace(good, "12", "-12", 1)),
		"too many entries":          resigned(signed, k, strings.Replace(good, "12", "9223372036854775808", 1)),
		"spare bits":                resigned(signed, k, strings.Replace(good, "A=", "B=", 1)),
		"short hash":                resigned(signed, k, strings.Replace(good, zeros, zeros[4:], 1)),
		"no hash":                   resigned(signed, k, strings.Replace(good, zeros, "", 1)),
		"one line more":             resigned(signed, k, good+"more\n"),
		"windows' line ends":        strings.ReplaceAll(good+"\n"+line, "\n", "\r\n"),
		"name in capitals":          resigned(signed, k, strings.Replace(good, "c0ffee", "C0FFEE", 1)),
		"not a name of ours":        resigned(signed, k, strings.Replace(good, "jwtsunset-00c0ffee", "example.com/log", 1)),
		"longer than any can be":    good + "\n" + strings.Repeat(line, 20),
		"signature of another text": good + "\n" + signed(k, strings.Replace(good, "12", "13", 1)),
	} {
		if head, err := k.Public().Open([]byte(note)); !errors.Is(err, ErrCheckpoint) {
			t.Errorf("%s: %v, %v", name, head, err)
		}
		if head, err := k.Public().OpenNewest([]byte(note)); !errors.Is(err, ErrCheckpoint) && name != "a stranger's before" &&
			name != "signature twice" {
			t.Errorf("%s: newest: %v, %v", name, head, err)
		}
	}
}

func resigned(signed func(*PrivateKey, string) string, k *PrivateKey, text string) string {
	return text + "\n" + signed(k, text)
}
