package webhook

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"jwtsunset/notify"
)

// TestDocs compares the example, the reasons and the types of docs/webhook.md with the code.
func TestDocs(t *testing.T) {
	content, err := os.ReadFile("../../docs/webhook.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(content)
	e, err := newSink(t, Options{URL: "https://hooks.example.com/jwtsunset"}).newEvent(message(item("looker-prod")), 0, false)
	if err != nil {
		t.Fatal(err)
	}
	want, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(page, "```json\n"+string(want)+"\n```") {
		t.Errorf("the example of an event should be\n%s", want)
	}
	for _, reason := range Reasons() {
		if !strings.Contains(page, "`"+reason+"`") {
			t.Errorf("the reason %s is not in the page", reason)
		}
	}
	for _, kind := range notify.Kinds() {
		for _, updated := range []bool{false, true} {
			if !strings.Contains(page, "`"+eventType(kind, updated)+"`") {
				t.Errorf("the type %s is not in the page", eventType(kind, updated))
			}
		}
	}
}
