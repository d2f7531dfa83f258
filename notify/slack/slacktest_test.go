package slack

import (
	"net/http"
	"testing"

	"github.com/slack-go/slack/slacktest"

	"jwtsunset/notify"
)

// The library's own pretend Slack understands what is sent. It has no conversations.open, no chat.update and no
// metadata, and finds every user under every address.
func TestAgainstTheLibrarysServer(t *testing.T) {
	server := slacktest.NewTestServer(func(c slacktest.Customize) {
		c.Handle("/conversations.open", func(w http.ResponseWriter, _ *http.Request) {
			reply(w, 200, `{"ok":true,"channel":{"id":"D024BE91L"}}`)
		})
	})
	server.Start()
	defer server.Stop()
	c := hurried(newClient(t, options(t, server.GetAPIURL())))
	for _, to := range []notify.Recipient{toChannel("C024BE91L"), toUser("U024BE91L")} {
		receipt := send(t, c, reminder("m-1", to, 3))
		if receipt.Timestamp == "" || receipt.Text == "" || receipt.Channel[1:] != "024BE91L" {
			t.Errorf("%s: receipt %+v", to, receipt)
		}
	}
	person, err := c.ByEmail(t.Context(), "ana@example.com")
	if err != nil || person.Standing == notify.StandingActive {
		t.Errorf("the server's answer about somebody else was believed: %+v, %v", person, err)
	}
}
