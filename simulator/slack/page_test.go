package slack_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"jwtsunset/simulator/slack"
)

// showPage gets the page for people.
func showPage(t *testing.T, w http.Handler, query string) string {
	t.Helper()
	recorder := httptest.NewRecorder()
	w.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/"+query, nil))
	if recorder.Code != http.StatusOK || !strings.HasPrefix(recorder.Header().Get("Content-Type"), "text/html") {
		t.Fatalf("status %d, %s", recorder.Code, recorder.Header().Get("Content-Type"))
	}
	page := recorder.Body.String()
	if !strings.Contains(page, "</html>") {
		t.Fatalf("the page breaks off: %.300s", page)
	}
	return page
}

func TestPage(t *testing.T) {
	w, _ := workspace(t, withoutLimits)
	if page := showPage(t, w, ""); !strings.Contains(page, "No messages yet") {
		t.Error("an empty workspace does not say so")
	}
	const at = "channel"
	ts := ok(t, w, "chat.postMessage", at, "C0GENERAL1", "text", "*bold* _slanted_ ~gone~ `code` a*b*c <https://example.com|guide> <@U0ANA00001> <!here> <#C0SECURITY> &lt;b&gt;").text("ts")
	ok(t, w, "chat.postMessage", at, "C0GENERAL1", "text", "the reply", "thread_ts", ts)
	ok(t, w, "chat.update", at, "C0GENERAL1", "ts", ts, "text", last(t, w).Text+" "+w.Messages()[0].Text)
	w.Delete("C0GENERAL1", w.Say("C0GENERAL1", "U0LIN00001", "taken back", ""))
	dm := ok(t, w, "conversations.open", "users", "U0LIN00001").text("channel", "id")
	ok(t, w, "chat.postMessage", at, dm, "text", "notified so", "blocks", encode(t, []any{
		block("header", "text", map[string]any{"type": "plain_text", "text": "The <b>header</b> *as is*"}),
		block("section", "text", map[string]any{"type": "mrkdwn", "text": "• *strong*"}, "fields", []any{mrkdwn(7)},
			"accessory", block("overflow", "options", options(2))),
		block("divider"),
		block("context", "elements", []any{plain(9), block("image", "image_url", "https://example.com/x.png", "alt_text", "a chart")}),
		actions(block("button", "text", map[string]any{"type": "plain_text", "text": "Press me"}, "style", "primary")),
		block("image", "image_url", "https://example.com/y.png", "alt_text", "another chart"),
		block("rich_text", "elements", []any{block("rich_text_list", "style", "ordered", "elements", []any{
			block("rich_text_section", "elements", []any{
				block("text", "text", "rich", "style", map[string]any{"bold": true}), block("user", "user_id", "U0BEA00001"),
				block("link", "url", "https://example.com/z"), block("emoji", "name", "tada"),
			}),
		})}),
	}))
	page := showPage(t, w, "")
	for _, want := range []string{
		`<span class="bold">bold</span>`, `<span class="italic">slanted</span>`, `<span class="strike">gone</span>`,
		`<span class="code">code</span>`, "a*b*c", `href="https://example.com" rel="noreferrer">guide</a>`,
		`<span class="mention">@Ana</span>`, `<span class="mention">@here</span>`, `<span class="mention">#security</span>`,
		"&lt;b&gt;", "notifies @here", "(edited)", "(deleted)", `class="reply "`, "the reply", "taken back",
		`lang="zh-TW"`, "林小雨", "lin@example.com · zh-TW · Asia/Taipei", "Mon 2 Mar 2026, 17:00 Asia/Taipei", "Mon 2 Mar 2026, 09:00 UTC",
		"<h3>The &lt;b&gt;header&lt;/b&gt; *as is*</h3>", `<span class="bold">strong</span>`, "aaaaaaa", "<hr>", "[a chart]",
		`<button type="button" class="primary" disabled>Press me</button>`, "another chart", "notified so",
		`1. <span class="bold">rich</span><span class="mention">@Bea</span>`, "https://example.com/z", ":tada:",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if !strings.Contains(showPage(t, w, "?channel="+dm), "all conversations") {
		t.Error("one conversation has no way back")
	}
}

// TestPageIsSafe holds that what a message says cannot run on the page, and that nothing else can.
func TestPageIsSafe(t *testing.T) {
	w, _ := workspace(t)
	hostile := `<script>alert(1)</script> <javascript:alert(1)|x> <https://x" onclick="y|z> "><img src=x onerror=1> <data://x|d>`
	u, err := w.AddUser(slack.User{Email: `"><script>@example.com`, RealName: "<script>x</script>"})
	if err != nil {
		t.Fatal(err)
	}
	ok(t, w, "chat.postMessage", "channel", u.ID, "text", hostile)
	ok(t, w, "chat.postMessage", "channel", u.ID, "text", hostile, "blocks", encode(t, []any{
		block("section", "text", map[string]any{"type": "mrkdwn", "text": hostile}),
		block("header", "text", map[string]any{"type": "plain_text", "text": hostile}),
	}))
	page := showPage(t, w, "")
	for _, bad := range []string{"<script", "<img", `href="javascript:`, `" onclick`, `href="data:`} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %s", bad)
		}
	}
}

// TestPageStaysSmall holds that the page of a large workspace can be read.
func TestPageStaysSmall(t *testing.T) {
	w, _ := workspace(t, withoutLimits)
	for i := range 200 {
		u, err := w.AddUser(slack.User{Email: fmt.Sprintf("user-%d@example.com", i)})
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			ok(t, w, "chat.postMessage", "channel", u.ID, "text", letters(100))
		}
	}
	page := showPage(t, w, "")
	if len(page) > 1<<20 || !strings.Contains(page, "160 conversations are not shown") || !strings.Contains(page, "8 earlier") {
		t.Errorf("%d bytes", len(page))
	}
}
