package audit_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"jwtsunset/audit"
)

// independent is a second verifier, written from the text of the package's documentation. It uses nothing of the
// package, reads every entry as JSON, and looks at the newest checkpoint only.
type independent struct {
	name      string
	key, last ed25519.PublicKey // in force, and the one before if it has to sign, too
	prev      string
	size      int64
}

// verify gives the number of the first bad entry, 0 if there is none, and what is wrong with it or the checkpoint.
func (v *independent) verify(file, newest []byte) (int64, error) {
	v.prev = strings.Repeat("0", 64)
	for len(file) > 0 {
		line, rest, whole := bytes.Cut(file, []byte("\n"))
		if !whole {
			return v.size + 1, errors.New("no newline at its end")
		}
		if err := v.entry(line); err != nil {
			return v.size + 1, err
		}
		v.size++
		file = rest
	}
	return 0, v.checkpoint(string(newest))
}

func (v *independent) entry(line []byte) error {
	var e struct {
		V         int    `json:"v"`
		Seq       int64  `json:"seq"`
		Prev      string `json:"prev"`
		Time      string `json:"time"`
		Run       string `json:"run"`
		Elapsed   int64  `json:"elapsed_us"`
		Clock     string `json:"clock"`
		Actor     struct{ Person, Door, Strength string }
		Action    string
		Object    struct{ Type, Organization, ID string }
		Before    string
		After     string
		Policy    string
		Config    string
		Attempt   string
		RequestID string `json:"request_id"`
		Result    string
		Facts     map[string]any
		Hash      string
	}
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&e); err != nil || e.V != 1 {
		return fmt.Errorf("no entry: %w", err)
	}
	body, found := bytes.CutSuffix(line, []byte(`,"hash":"`+e.Hash+`"}`))
	sum := sha256.Sum256(slices.Concat([]byte("jwtsunset-audit-v1\n"), body, []byte("}")))
	switch {
	case !found || hex.EncodeToString(sum[:]) != e.Hash:
		return errors.New("another hash")
	case e.Seq != v.size+1 || e.Prev != v.prev:
		return errors.New("it does not follow")
	}
	if _, err := time.Parse("2006-01-02T15:04:05.000000Z", e.Time); err != nil {
		return err
	}
	v.prev = e.Hash
	return v.keys(e.Action, e.Facts)
}

func (v *independent) keys(action string, facts map[string]any) (err error) {
	before := v.key
	v.last = nil
	switch action {
	case "log-started":
		v.name, v.key, err = publicKey(facts["key"])
	case "key-rotated", "key-replaced":
		var old ed25519.PublicKey
		if _, old, err = publicKey(facts["old_key"]); err != nil || !old.Equal(v.key) {
			return errors.New("not the key in force")
		}
		_, v.key, err = publicKey(facts["new_key"])
		if action == "key-rotated" {
			v.last = before
		}
	}
	if v.key == nil {
		return errors.New("no key")
	}
	return err
}

func publicKey(fact any) (name string, key ed25519.PublicKey, err error) {
	text, _ := fact.(string)
	parts := strings.SplitN(text, "+", 3)
	if len(parts) != 3 {
		return "", nil, errors.New("no public key")
	}
	raw, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(raw) != 33 || raw[0] != 1 {
		return "", nil, errors.New("no Ed25519 key")
	}
	return parts[0], raw[1:], nil
}

func (v *independent) checkpoint(newest string) error {
	keys := []ed25519.PublicKey{v.key}
	if v.last != nil {
		keys = []ed25519.PublicKey{v.last, v.key}
	}
	hash, err := hex.DecodeString(v.prev)
	if err != nil {
		return err
	}
	text := v.name + "\n" + strconv.FormatInt(v.size, 10) + "\n" + base64.StdEncoding.EncodeToString(hash) + "\n"
	want := text + "\n"
	lines := strings.Split(newest, "\n")
	for i, key := range keys {
		if 4+i >= len(lines) {
			return errors.New("too few signatures")
		}
		id := sha256.Sum256(slices.Concat([]byte(v.name+"\n\x01"), key))
		raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(lines[4+i], "— "+v.name+" "))
		if err != nil || len(raw) != 68 || !bytes.Equal(raw[:4], id[:4]) || !ed25519.Verify(key, []byte(text), raw[4:]) {
			return errors.New("not signed by the key in force")
		}
		want += "— " + v.name + " " + base64.StdEncoding.EncodeToString(raw) + "\n"
	}
	if want != newest {
		return errors.New("not in the form of a checkpoint")
	}
	return nil
}

// written makes a log as the store does, and gives its file with all checkpoints there were.
func written(t *testing.T) (file []byte, notes, milestones [][]byte) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	key, err := audit.CreateKey(path)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, time.November, 23, 9, 0, 0, 0, time.UTC)
	stamper := audit.NewStamper(func() time.Time { now = now.Add(1500 * time.Microsecond); return now })
	var head audit.Head
	add := func(e audit.Event, sign func(audit.Head) ([]byte, error), keep bool) {
		line, next, err := head.Append(e, stamper.Stamp())
		if err != nil {
			t.Fatal(err)
		}
		note, err := sign(next)
		if err != nil {
			t.Fatal(err)
		}
		head, file, notes = next, slices.Concat(file, line, []byte("\n")), append(notes, note)
		if keep {
			milestones = append(milestones, note)
		}
	}
	scan := audit.Event{
		Action: audit.ActionScanRecorded, Object: audit.Object{Type: "scan", Organization: "Ünï \"q\" \\ \n", ID: "7"},
		Result: audit.ResultPartial, Facts: []audit.Fact{audit.Number("affected", -3), audit.Text("why", "<&> \u2028")},
	}
	add(audit.LogStarted(audit.System, key.Public(), "1.0"), key.Sign, false)
	add(scan, key.Sign, false)
	next, err := audit.NextKey(path, key)
	if err != nil {
		t.Fatal(err)
	}
	both := func(h audit.Head) ([]byte, error) { return audit.SignRotation(h, key, next) }
	add(audit.KeyRotated(audit.System, key.Public(), next.Public()), both, true)
	add(scan, next.Sign, false)
	other, err := audit.ReplacementKey(filepath.Join(t.TempDir(), "key"), next.Public())
	if err != nil {
		t.Fatal(err)
	}
	add(audit.KeyReplaced(audit.System, next.Public(), other.Public()), other.Sign, true)
	add(scan, other.Sign, false)
	return file, notes, milestones
}

// TestIndependentVerifierAgrees lets both verifiers judge a log, its earlier states, and many changes of it.
func TestIndependentVerifierAgrees(t *testing.T) {
	file, notes, milestones := written(t)
	lines := bytes.SplitAfter(file, []byte("\n"))[:len(notes)]
	judge := func(what string, file, newest []byte, milestones [][]byte) (sound bool) {
		bad, err := new(independent).verify(file, newest)
		_, theirs := audit.Verify(t.Context(), audit.Log{
			Lines: audit.ReadLines(bytes.NewReader(file)), Milestones: milestones, Newest: newest,
		}, audit.Trust{})
		if (err == nil) != (theirs == nil) {
			t.Fatalf("%s: one says entry %d: %v, the other: %v", what, bad, err, theirs)
		}
		var tampered *audit.Tampered
		if err != nil && (!errors.As(theirs, &tampered) || bad > 0 && tampered.Entry != bad) {
			t.Fatalf("%s: one says entry %d: %v, the other: %v", what, bad, err, theirs)
		}
		return err == nil
	}
	for size := 1; size <= len(notes); size++ {
		kept := milestones[:min(max(0, (size-1)/2), len(milestones))]
		if !judge(fmt.Sprintf("%d entries", size), bytes.Join(lines[:size], nil), notes[size-1], kept) {
			t.Errorf("the first %d entries are not sound", size)
		}
	}
	newest := notes[len(notes)-1]
	for at := range file {
		edited := bytes.Clone(file)
		edited[at] ^= 1 << (at % 8)
		if judge(fmt.Sprintf("byte %d", at), edited, newest, milestones) {
			t.Fatalf("with a bit of byte %d turned over it is sound to both", at)
		}
	}
	for at := range newest {
		for bit := range 8 {
			edited := bytes.Clone(newest)
			edited[at] ^= 1 << bit
			if judge(fmt.Sprintf("byte %d of the checkpoint", at), file, edited, milestones) {
				t.Fatalf("with a bit of byte %d of the checkpoint turned over it is sound to both", at)
			}
		}
	}
}
