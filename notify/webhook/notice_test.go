package webhook

import (
	"encoding/json"
	"strings"
	"testing"

	"jwtsunset/notify"
)

// TestNoticeEvent makes an event of a notice: its facts are for machines, as they are, and its words are clean.
func TestNoticeEvent(t *testing.T) {
	m := message()
	m.Kind = notify.KindMigration
	hostile := "<!channel>\u202e " + strings.Repeat("x", 2*textUnits)
	m.Notice = &notify.Notice{
		Kind: notify.NoticeAttention, Request: "0123456789abcdef", Name: hostile, Why: hostile, Until: now,
		Facts: []notify.Fact{{Name: "name", Values: []string{hostile}}, {Name: "owner"}},
	}
	e, err := newSink(t, Options{URL: "https://hooks.example.com/jwtsunset"}).newEvent(m, 0, false)
	if err != nil {
		t.Fatal(err)
	}
	n := e.Data.Notice
	if e.Type != "jwtsunset.migration.v1" || n == nil || n.Event != notify.NoticeAttention || n.Request != "0123456789abcdef" ||
		len(n.Facts) != 2 || notify.Units(n.Facts[0].Values[0]) != textUnits || n.Facts[1].Values != nil || !n.Until.Equal(now) {
		t.Errorf("%s, %+v", e.Type, n)
	}
	if strings.ContainsRune(e.Data.Text, '\u202e') || !strings.Contains(e.Data.Text, "jwtsunset resolve 0123456789abcdef --not-migrated") {
		t.Errorf("it says %q", e.Data.Text)
	}
	encoded, err := json.Marshal(e.Data)
	if err != nil || !strings.Contains(string(encoded), `"items":[]`) {
		t.Errorf("%s, %v", encoded, err)
	}
}
