package audit

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
)

func TestPrivateKeyDoesNotShow(t *testing.T) {
	k := newKey(t, "")
	raw := k.reveal()
	seed := strings.SplitN(raw, "+", 5)[4] // the base64 may have a + too
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%p", "%T %v"} {
		for _, value := range []any{k, *k, &k, []*PrivateKey{k}, []PrivateKey{*k}, map[string]any{"key": *k}, struct{ K any }{*k}} {
			fmt.Fprintf(&out, verb+"\n", value)
		}
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("key", "key", k, "value", *k, "group", slog.GroupValue(slog.Any("key", k)))
	slog.New(slog.NewJSONHandler(&out, nil)).Info("key", "key", k, "value", *k)
	for _, value := range []any{k, *k, map[string]any{"key": k}, []PrivateKey{*k}} {
		text, err := json.Marshal(value)
		if err != nil || !bytes.Contains(text, []byte(redacted)) {
			t.Errorf("%s, %v", text, err)
		}
		out.Write(text)
	}
	text, err := k.MarshalText()
	if err != nil || string(text) != redacted || k.String() != redacted || k.GoString() != redacted {
		t.Errorf("%s, %v", text, err)
	}
	if shown := out.String(); strings.Contains(shown, seed) || strings.Contains(shown, "PRIVATE") ||
		strings.Count(shown, redacted) < 50 {
		t.Errorf("it shows: %s", shown)
	}
}

// TestKeyForms reads the forms of a public key as others do.
func TestKeyForms(t *testing.T) {
	k := newKey(t, "")
	public := k.Public()
	again, err := ParsePublicKey(public.String())
	if err != nil || again != public || public.IsZero() || !(PublicKey{}).IsZero() {
		t.Errorf("%v, %v", again, err)
	}
	verifier, err := note.NewVerifier(public.String())
	if err != nil || verifier.Name() != public.Name() || verifier.KeyHash() != public.KeyHash() {
		t.Errorf("package note reads %v, %v", verifier, err)
	}
	block, rest := pem.Decode(public.PEM())
	if block == nil || len(rest) > 0 {
		t.Fatalf("PEM: %s", public.PEM())
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if key, ok := parsed.(ed25519.PublicKey); err != nil || !ok || !key.Equal(ed25519.PublicKey(public.key[:])) {
		t.Errorf("PEM: %v, %v", parsed, err)
	}
	checkpoint, err := k.Sign(Head{Size: 1})
	if err != nil {
		t.Fatal(err)
	}
	opened, err := note.Open(checkpoint, note.VerifierList(verifier))
	if err != nil || len(opened.Sigs) != 1 || opened.Text != public.Name()+"\n1\n"+strings.Repeat("A", 43)+"=\n" {
		t.Errorf("package note opens %+v, %v", opened, err)
	}
	if f := public.Fingerprint(); len(f) != 19 || f == newKey(t, "").Public().Fingerprint() {
		t.Errorf("fingerprint %q", f)
	}
}

func TestParsePublicKeyRefuses(t *testing.T) {
	text := newKey(t, "jwtsunset-00000000").Public().String()
	for name, c := range map[string]string{
		"nothing":       "",
		"newline":       text + "\n",
		"space":         " " + text,
		"capitals":      strings.Replace(text, "jwt", "JWT", 1),
		"another name":  strings.Replace(text, "jwtsunset-0", "jwtsunset-1", 1),
		"another kind":  strings.Replace(text, "+A", "+B", 1),
		"too short":     text[:len(text)-4],
		"too long":      text + "AAAA",
		"another digit": strings.Replace(text, "0+", "0+0", 1),
		"private":       "PRIVATE+KEY+" + text,
	} {
		if k, err := ParsePublicKey(c); !errors.Is(err, ErrKey) || !k.IsZero() {
			t.Errorf("%s: %v, %v", name, k, err)
		}
	}
	for i := range text {
		other := []byte(text)
		other[i] ^= 1
		if k, err := ParsePublicKey(string(other)); err == nil {
			t.Errorf("byte %d: %v", i, k)
		}
	}
}

func TestCreateKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	k, err := CreateKey(path)
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := LoadKey(path)
	if err != nil || loaded.Public() != k.Public() {
		t.Errorf("%v, %v", loaded, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if _, err := CreateKey(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a key: %v", err)
	}
	if again, err := LoadKey(path); err != nil || again.Public() != k.Public() {
		t.Errorf("it was overwritten: %v, %v", again, err)
	}
	if other, err := CreateKey(path + "2"); err != nil || other.Public().Name() == k.Public().Name() {
		t.Errorf("%v, %v", other, err)
	}
	if _, err := CreateKey(filepath.Join(path, "under")); err == nil {
		t.Error("a key under a file")
	}
}

func TestCreateKeyAfterACrash(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadKey(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty file: %v", err)
	}
	k, err := CreateKey(path)
	if err != nil {
		t.Fatal(err)
	}
	if loaded, err := LoadKey(path); err != nil || loaded.Public() != k.Public() {
		t.Errorf("%v, %v", loaded, err)
	}
}

func TestLoadKeyRefuses(t *testing.T) {
	folder := t.TempDir()
	text := newKey(t, "").reveal()
	other, _, err := note.GenerateKey(nil, "example.com")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		content string
		mode    fs.FileMode
		want    error
	}{
		"the group can read":   {text + "\n", 0o640, fs.ErrPermission},
		"others can write":     {text + "\n", 0o602, fs.ErrPermission},
		"no key":               {"hello\n", 0o600, ErrKey},
		"half a key":           {text[:len(text)/2], 0o600, ErrKey},
		"two keys":             {text + "\n" + text + "\n", 0o600, ErrKey},
		"another kind of name": {other + "\n", 0o600, ErrKey},
		"very long":            {strings.Repeat("a", 1<<20), 0o600, ErrKey},
	} {
		path := filepath.Join(folder, name)
		if err := errors.Join(os.WriteFile(path, []byte(c.content), 0o600), os.Chmod(path, c.mode)); err != nil {
			t.Fatal(err)
		}
		k, err := LoadKey(path)
		if k != nil || !errors.Is(err, c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, %v", name, k, err)
		}
		if strings.Contains(err.Error(), text[len(text)-20:]) || strings.Contains(err.Error(), other[len(other)-20:]) {
			t.Errorf("%s: the error repeats the key: %v", name, err)
		}
		if errors.Is(err, fs.ErrPermission) && !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("%s: it does not say what to do: %v", name, err)
		}
	}
	if _, err := LoadKey(folder); !errors.Is(err, ErrKey) {
		t.Errorf("a folder: %v", err)
	}
	if _, err := LoadKey(filepath.Join(folder, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// checkpointOf is a newest checkpoint that a key signed.
func checkpointOf(t *testing.T, k *PrivateKey) []byte {
	t.Helper()
	note, err := k.Sign(Head{Size: 3})
	if err != nil {
		t.Fatal(err)
	}
	return note
}

// TestRotationIsSettled interrupts a change of the key at each step.
func TestRotationIsSettled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	old, err := CreateKey(path)
	if err != nil {
		t.Fatal(err)
	}
	next, err := NextKey(path, old)
	if err != nil || next.Public() == old.Public() || next.Public().Name() != old.Public().Name() {
		t.Fatalf("%v, %v", next, err)
	}
	if again, err := NextKey(path, old); err != nil || again.Public() != next.Public() {
		t.Errorf("the one that waits is not used: %v, %v", again, err)
	}
	// Before the log accepted it, the old one stays.
	if k, err := SettleKey(path, checkpointOf(t, old)); err != nil || k.Public() != old.Public() {
		t.Errorf("%v, %v", k, err)
	}
	if _, err := SettleKey(path, checkpointOf(t, newKey(t, old.Public().Name()))); !errors.Is(err, ErrKey) {
		t.Errorf("a key in neither file: %v", err)
	}
	for range 2 { // and once more when that is done
		if k, err := SettleKey(path, checkpointOf(t, next)); err != nil || k.Public() != next.Public() {
			t.Errorf("%v, %v", k, err)
		}
	}
	if k, err := LoadKey(path); err != nil || k.Public() != next.Public() {
		t.Errorf("%v, %v", k, err)
	}
	if _, err := os.Stat(path + nextSuffix); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the waiting file is still there: %v", err)
	}
}

func TestReplacementKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	lost := newKey(t, "").Public()
	next, err := ReplacementKey(path, lost)
	if err != nil || next.Public().Name() != lost.Name() || next.Public() == lost {
		t.Fatalf("%v, %v", next, err)
	}
	if _, err := LoadKey(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("before the log has it: %v", err)
	}
	if k, err := SettleKey(path, checkpointOf(t, next)); err != nil || k.Public() != next.Public() {
		t.Errorf("%v, %v", k, err)
	}
}

func TestNextKeyRefuses(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "key")
	current := newKey(t, "")
	for name, waiting := range map[string]*PrivateKey{"another log's": newKey(t, ""), "the same": current} {
		if err := os.WriteFile(path+nextSuffix, []byte(waiting.reveal()), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := NextKey(path, current); !errors.Is(err, ErrKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := os.WriteFile(path+nextSuffix, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := NextKey(path, current); !errors.Is(err, ErrKey) {
		t.Errorf("not a key: %v", err)
	}
	if _, err := SettleKey(path, checkpointOf(t, current)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no key and a broken one that waits: %v", err)
	}
	if err := os.WriteFile(path, []byte(newKey(t, "").reveal()), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := SettleKey(path, checkpointOf(t, current)); !errors.Is(err, ErrKey) {
		t.Errorf("another key and a broken one that waits: %v", err)
	}
}

func TestKeepKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	if err := KeepKey(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a key that is not there: %v", err)
	}
	if _, err := CreateKey(path); err != nil {
		t.Fatal(err)
	}
	if err := KeepKey(path); err != nil {
		t.Errorf("a key that is there: %v", err)
	}
}
