package audit

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestAppend holds the form of an entry to the byte: it cannot change without a new version of it.
func TestAppend(t *testing.T) {
	head := Head{Size: 11, Hash: Hash{0xab, 31: 0xcd}}
	event := Event{
		Actor:  Actor{Person: "p-7f3a000000000001", Door: DoorCLI, Strength: StrengthOSUser},
		Action: ActionScanRecorded, Object: Object{Type: "scan", Organization: "acme <&> \"é\"", ID: "12"},
		Before: "b", After: "a", Policy: "p", Config: "sha256:c", Attempt: "t", RequestID: "r\\1", Result: ResultPartial,
		Facts: []Fact{Number("affected", -3), Text("unseen", "a\tb\x01")},
	}
	stamp := Stamp{
		Time: time.Date(2026, time.November, 23, 17, 11, 31, 123456789, time.FixedZone("", 3600)), Run: "9f3c2a1b4d5e6f70",
		Elapsed: 8123456789 * time.Nanosecond, Clock: ClockStepped,
	}
	line, next, err := head.Append(event, stamp)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"v":1,"seq":12,"prev":"ab000000000000000000000000000000000000000000000000000000000000cd",` +
		`"time":"2026-11-23T16:11:31.123456Z","run":"9f3c2a1b4d5e6f70","elapsed_us":8123456,"clock":"stepped",` +
		`"actor":{"person":"p-7f3a000000000001","door":"cli","strength":"os-user"},"action":"scan-recorded",` +
		`"object":{"type":"scan","organization":"acme <&> \"é\"","id":"12"},"before":"b","after":"a","policy":"p",` +
		`"config":"sha256:c","attempt":"t","request_id":"r\\1","result":"partial",` +
		`"facts":{"affected":-3,"unseen":"a\tb\u0001"},` +
		`"hash":"3038f00fd90327e4fafb64f6afc82b3f69d4f9c5122c627c660638108b2199a8"}`
	if string(line) != want {
		t.Errorf("line: %s\nwant: %s", line, want)
	}
	e, err := ParseEntry(line)
	if err != nil {
		t.Fatal(err)
	}
	if next != e.Head() || next.Size != 12 || e.Prev != head.Hash || !reflect.DeepEqual(e.Event, event) {
		t.Errorf("entry: %+v", e)
	}
	if !e.Time.Equal(stamp.Time.Truncate(time.Microsecond)) || e.Elapsed != 8123456*time.Microsecond || e.Run != stamp.Run {
		t.Errorf("stamp: %+v", e.Stamp)
	}
}

func TestAppendTakesTheProgramForTheActor(t *testing.T) {
	line, _, err := Head{}.Append(scanEvent(1), (&testLog{at: testTime}).stamp())
	if err != nil || !bytes.Contains(line, []byte(`"actor":{"person":"","door":"system","strength":"none"}`)) {
		t.Errorf("%s, %v", line, err)
	}
}

func TestAppendRefuses(t *testing.T) {
	good := (&testLog{at: testTime}).stamp()
	for name, change := range map[string]func(*Head, *Event, *Stamp){
		"action with capitals":  func(_ *Head, e *Event, _ *Stamp) { e.Action = "Scan" },
		"action too long":       func(_ *Head, e *Event, _ *Stamp) { e.Action = Action(strings.Repeat("a", 42)) },
		"action too short":      func(_ *Head, e *Event, _ *Stamp) { e.Action = "a" },
		"action with a quote":   func(_ *Head, e *Event, _ *Stamp) { e.Action = `a"b` },
		"no result":             func(_ *Head, e *Event, _ *Stamp) { e.Result = "" },
		"unknown result":        func(_ *Head, e *Event, _ *Stamp) { e.Result = "fine" },
		"unknown door":          func(_ *Head, e *Event, _ *Stamp) { e.Actor = Actor{Door: "window", Strength: StrengthNone} },
		"unknown strength":      func(_ *Head, e *Event, _ *Stamp) { e.Actor = Actor{Door: DoorCLI, Strength: "sure"} },
		"a person's name":       func(_ *Head, e *Event, _ *Stamp) { e.Actor = Actor{"p-ana@example.com!", DoorCLI, StrengthNone} },
		"a person's address":    func(_ *Head, e *Event, _ *Stamp) { e.Actor = Actor{"ana@example.com", DoorCLI, StrengthNone} },
		"object without type":   func(_ *Head, e *Event, _ *Stamp) { e.Object = Object{ID: "1"} },
		"object type":           func(_ *Head, e *Event, _ *Stamp) { e.Object.Type = "a_b" },
		"digest with a quote":   func(_ *Head, e *Event, _ *Stamp) { e.Before = `"` },
		"digest with a newline": func(_ *Head, e *Event, _ *Stamp) { e.Attempt = "a\n" },
		"digest too long":       func(_ *Head, e *Event, _ *Stamp) { e.Config = strings.Repeat("a", 129) },
		"fact name":             func(_ *Head, e *Event, _ *Stamp) { e.Facts = []Fact{Text("a-b", "")} },
		"fact without name":     func(_ *Head, e *Event, _ *Stamp) { e.Facts = []Fact{{}} },
		"fact twice":            func(_ *Head, e *Event, _ *Stamp) { e.Facts = []Fact{Text("ab", ""), Number("ab", 1)} },
		"fact too large":        func(_ *Head, e *Event, _ *Stamp) { e.Facts = []Fact{Number("ab", 1<<53)} },
		"fact too small":        func(_ *Head, e *Event, _ *Stamp) { e.Facts = []Fact{Number("ab", -1<<53)} },
		"too many facts":        func(_ *Head, e *Event, _ *Stamp) { e.Facts = manyFacts(33, "") },
		"too long":              func(_ *Head, e *Event, _ *Stamp) { e.Facts = manyFacts(17, strings.Repeat("a", 2000)) },
		"no run":                func(_ *Head, _ *Event, s *Stamp) { s.Run = "" },
		"run":                   func(_ *Head, _ *Event, s *Stamp) { s.Run = "9F3C2A1B4D5E6F70" },
		"negative elapsed":      func(_ *Head, _ *Event, s *Stamp) { s.Elapsed = -1 },
		"clock":                 func(_ *Head, _ *Event, s *Stamp) { s.Clock = "fast" },
		"year 10000":            func(_ *Head, _ *Event, s *Stamp) { s.Time = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"year 0":                func(_ *Head, _ *Event, s *Stamp) { s.Time = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC) },
		"number too large":      func(h *Head, _ *Event, _ *Stamp) { h.Size = maxInteger },
		"negative number":       func(h *Head, _ *Event, _ *Stamp) { h.Size = -1 },
	} {
		t.Run(name, func(t *testing.T) {
			head, event, stamp := Head{Size: 3}, scanEvent(3), good
			if _, _, err := head.Append(event, stamp); err != nil {
				t.Fatal(err)
			}
			change(&head, &event, &stamp)
			line, next, err := head.Append(event, stamp)
			if !errors.Is(err, ErrInvalid) || line != nil || next != head {
				t.Errorf("%s, %v, %v", line, next, err)
			}
		})
	}
}

func manyFacts(n int, text string) (facts []Fact) {
	for i := range n {
		facts = append(facts, Text(fmt.Sprintf("fact_%d", i), text))
	}
	return facts
}

// TestFactsThatFit are as many and as long as the package promises.
func TestFactsThatFit(t *testing.T) {
	stamp := (&testLog{at: testTime}).stamp()
	for name, facts := range map[string][]Fact{
		"most":    manyFacts(32, "a"),
		"longest": manyFacts(12, strings.Repeat("\x01", 2000)),
	} {
		event := scanEvent(1)
		event.Object.Organization, event.Object.ID = strings.Repeat("\"", 999), strings.Repeat("é", 999)
		event.RequestID, event.Facts = strings.Repeat("\U0001F600", 999), facts
		line, _, err := Head{}.Append(event, stamp)
		if err != nil || len(line) > maxLine {
			t.Errorf("%s: %d bytes, %v", name, len(line), err)
		}
		if _, err := ParseEntry(line); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestParseEntryRefuses(t *testing.T) {
	l := newLog(t, 2)
	line := string(l.lines[1])
	for name, c := range map[string]string{
		"nothing":              "",
		"newline":              line + "\n",
		"white space":          strings.Replace(line, `,"time"`, `, "time"`, 1),
		"member twice":         strings.Replace(line, `"result":"ok"`, `"result":"ok","result":"ok"`, 1),
		"unknown member":       strings.Replace(line, `"result":"ok"`, `"result":"ok","more":""`, 1),
		"no member":            strings.Replace(line, `"before":"",`, ``, 1),
		"order":                strings.Replace(line, `"before":"","after":""`, `"after":"","before":""`, 1),
		"other escape":         strings.Replace(line, `"acme"`, `"\u0061cme"`, 1),
		"escape of two bytes":  strings.Replace(line, `"acme"`, `"\u00e9cme"`, 1),
		"escape of a surrogat": strings.Replace(line, `"acme"`, `"\ud83d\ude00"`, 1),
		"escape cut off":       strings.Replace(line, `"acme"`, `"\`, 1),
		"short escape cut off": strings.Split(line, "acme")[0] + `\u0`,
		"raw control":          strings.Replace(line, `"acme"`, "\"ac\x01me\"", 1),
		"invalid UTF-8":        strings.Replace(line, `"acme"`, "\"ac\xffme\"", 1),
		"float":                strings.Replace(line, `"affected":1`, `"affected":1.0`, 1),
		"exponent":             strings.Replace(line, `"affected":1`, `"affected":1e0`, 1),
		"leading zero":         strings.Replace(line, `"affected":1`, `"affected":01`, 1),
		"plus sign":            strings.Replace(line, `"affected":1`, `"affected":+1`, 1),
		"minus zero":           strings.Replace(line, `"affected":1`, `"affected":-0`, 1),
		"null":                 strings.Replace(line, `"affected":1`, `"affected":null`, 1),
		"fact twice":           strings.Replace(line, `"affected":1`, `"affected":1,"affected":1`, 1),
		"another version":      strings.Replace(line, `"v":1`, `"v":2`, 1),
		"hash in capitals":     strings.ToUpper(line[:len(line)-66]) + strings.ToUpper(line[len(line)-66:]),
		"another hash":         line[:len(line)-3] + `_"}`,
		"another content":      strings.Replace(line, `"acme"`, `"acne"`, 1),
		"no time":              strings.Replace(line, `-11-23T`, `-11-31T`, 1),
		"other fraction":       strings.Replace(line, `.123456Z`, `.12345Z`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			if c == line {
				t.Fatal("nothing was changed")
			}
			if _, err := ParseEntry([]byte(c)); !errors.Is(err, ErrMalformed) {
				t.Errorf("error: %v", err)
			}
			// Not even with the right hash.
			if i := strings.LastIndex(c, hashMember); i > 0 && name != "another content" && name != "another hash" && name != "newline" {
				h, _ := hashOpen(nil, []byte(c[:i]))
				if _, err := ParseEntry([]byte(c[:i] + hashMember + h.String() + `"}`)); !errors.Is(err, ErrMalformed) {
					t.Errorf("with the right hash: %v", err)
				}
			}
		})
	}
}

func TestTexts(t *testing.T) {
	for _, c := range []struct {
		limit      int
		text, want string
	}{
		{24, "", `""`},
		{24, "é \u2028 <&>/", "\"é \u2028 <&>/\""},
		{24, "\"\\", `"\"\\"`},
		{24, "\b\f\n\r\t", `"\b\f\n\r\t"`},
		{24, "\x01\x1f", `"\u0001\u001f"`},
		{24, "\x00\x7f\u0080\u009f\xff\xed\xa0\x80", "\"\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\""},
		{24, "\u00a0\ufffd\U0010ffff", "\"\u00a0\ufffd\U0010ffff\""},
		{10, "1234567890", `"1234567890"`},
		{10, "12345678901", `"1234567…"`},
		{10, "12345678\x01", `"1234567…"`},
		{10, "123456\x01890", `"123456…"`},
		{10, "123456éé", `"123456éé"`},
		{10, "123456éééé", `"123456…"`},
	} {
		if got := string(appendText(nil, c.text, c.limit)); got != c.want {
			t.Errorf("%q: %s, want %s", c.text, got, c.want)
		}
	}
}

func TestFacts(t *testing.T) {
	e := Event{Facts: []Fact{Text("text", "a"), Number("number", -5)}}
	text, there := e.Fact("text")
	if n, isNumber := text.Int(); !there || text.String() != "a" || text.Name() != "text" || isNumber || n != 0 {
		t.Errorf("text: %+v", text)
	}
	number, there := e.Fact("number")
	if n, isNumber := number.Int(); !there || number.String() != "-5" || !isNumber || n != -5 {
		t.Errorf("number: %+v", number)
	}
	if none, there := e.Fact("none"); there || none != (Fact{}) {
		t.Errorf("none: %+v", none)
	}
}

func TestPersonIDs(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		id := NewPersonID()
		if err := (Actor{Person: id, Door: DoorWeb, Strength: StrengthOIDC}).validate(); err != nil || seen[id] {
			t.Fatalf("%s: %v", id, err)
		}
		seen[id] = true
	}
}

// TestWords are the closed lists.
func TestWords(t *testing.T) {
	stamp := (&testLog{at: testTime}).stamp()
	try := func(e Event) {
		t.Helper()
		if _, _, err := (Head{}).Append(e, stamp); err != nil {
			t.Error(err)
		}
	}
	for _, door := range []Door{DoorSystem, DoorCLI, DoorWeb, DoorSlack, DoorAPI} {
		for _, strength := range []Strength{StrengthNone, StrengthOSUser, StrengthOIDC, StrengthSlack, StrengthToken} {
			try(Event{Actor: Actor{Door: door, Strength: strength}, Action: ActionAuditExported, Result: ResultOK})
		}
	}
	for _, result := range []Result{ResultOK, ResultPartial, ResultFailed, ResultRefused} {
		for _, action := range []Action{
			ActionLogStarted, ActionScanRecorded, ActionConfigurationChanged, ActionHistoryPruned, ActionStoreCopied,
			ActionStoreBackedUp, ActionStoreAdopted, ActionKeyRotated, ActionKeyReplaced, ActionAuditExported, ActionPersonForgotten,
		} {
			try(Event{Action: action, Result: result})
		}
	}
}

func TestRotation(t *testing.T) {
	old, next := newKey(t, "").Public(), newKey(t, "").Public()
	for _, e := range []Event{KeyRotated(System, old, next), KeyReplaced(System, old, next)} {
		if before, after, ok := e.Rotation(); before != old || after != next || !ok {
			t.Errorf("%s: %v, %v, %t", e.Action, before, after, ok)
		}
	}
	for _, e := range []Event{{}, LogStarted(System, old, "1"), {Action: ActionKeyRotated}, {
		Action: ActionKeyReplaced, Facts: []Fact{Text(factOldKey, old.String()), Text(factNewKey, "none")},
	}} {
		if _, _, ok := e.Rotation(); ok {
			t.Errorf("%s changes the key", e.Action)
		}
	}
}
