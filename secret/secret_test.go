package secret

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

const canary = "canary-f00d"

func TestNothingPrintsIt(t *testing.T) {
	s := New(canary)
	type holder struct {
		S   String
		Ptr *String
		M   map[String]String
		Any any
	}
	h := holder{s, &s, map[String]String{s: s}, s}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T %v", "%10s", "%-5.3v", "%!"} {
		fmt.Fprintf(&out, verb+"\n", s)
		fmt.Fprintf(&out, verb+"\n", &s)
		fmt.Fprintf(&out, verb+"\n", h)
	}
	out.WriteString(fmt.Sprint(s, &s, h) + fmt.Errorf("wrapped %v", s).Error() + s.String() + s.GoString())
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(handler).Info("message", "secret", s, "pointer", &s, "holder", h.Ptr)
	}
	for _, v := range []any{s, &s, []String{s}, map[String]int{s: 1}, struct{ S String }{s}} {
		encoded, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(encoded)
	}
	type element struct{ S String }
	encoded, err := xml.Marshal(element{s})
	if err != nil {
		t.Fatal(err)
	}
	out.Write(encoded)
	for _, form := range []string{canary, fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary), "Y2FuYXJ5"} {
		if strings.Contains(out.String(), form) {
			t.Errorf("%q is in the output", form)
		}
	}
	if !strings.Contains(out.String(), redacted) {
		t.Error("nothing was written at all")
	}
}

func TestReveal(t *testing.T) {
	if got := New(canary).Reveal(); got != canary {
		t.Errorf("got %q", got)
	}
	if !New("").IsZero() || New(canary).IsZero() || New("a") == New("b") {
		t.Error("zero or equality is wrong")
	}
}
