package slack_test

import (
	"fmt"
	"slices"
	"testing"

	"jwtsunset/simulator/slack"
)

// texts are those of the messages in an answer.
func texts(got reply) (all []string) {
	list, _ := got.Body["messages"].([]any)
	for _, m := range list {
		all = append(all, m.(map[string]any)["text"].(string))
	}
	return all
}

func TestHistoryRange(t *testing.T) {
	w, _ := workspace(t)
	var ts []string
	for i := range 5 {
		ts = append(ts, ok(t, w, "chat.postMessage", "channel", "C0GENERAL1", "text", fmt.Sprint(i)).text("ts"))
	}
	tests := []struct {
		arguments []string
		want      []string
	}{
		{nil, []string{"4", "3", "2", "1", "0"}},
		{[]string{"oldest", ts[1]}, []string{"4", "3", "2"}},
		{[]string{"oldest", ts[1], "inclusive", "1"}, []string{"4", "3", "2", "1"}},
		{[]string{"latest", ts[1]}, []string{"0"}},
		{[]string{"latest", ts[1], "inclusive", "true"}, []string{"1", "0"}},
		{[]string{"oldest", ts[1], "latest", ts[3]}, []string{"2"}},
		{[]string{"oldest", ts[2], "latest", ts[2]}, nil},
		{[]string{"oldest", ts[2], "latest", ts[2], "inclusive", "true"}, []string{"2"}},
		{[]string{"oldest", ts[3], "latest", ts[1]}, nil},
		{[]string{"oldest", "0", "latest", "now"}, []string{"4", "3", "2", "1", "0"}},
		{[]string{"oldest", fmt.Sprint(start.Unix())}, []string{"4", "3", "2", "1", "0"}},
		{[]string{"oldest", fmt.Sprint(start.Unix() + 1)}, nil},
	}
	for _, test := range tests {
		got := ok(t, w, "conversations.history", append(test.arguments, "channel", "C0GENERAL1")...)
		if !slices.Equal(texts(got), test.want) {
			t.Errorf("%v: got %v, want %v", test.arguments, texts(got), test.want)
		}
	}
}

func TestHistoryPages(t *testing.T) {
	w, _ := workspace(t, withoutLimits)
	var want []string
	for i := range 23 {
		ts := ok(t, w, "chat.postMessage", "channel", "C0GENERAL1", "text", fmt.Sprint(i)).text("ts")
		if i%7 == 3 {
			w.Delete("C0GENERAL1", ts)
			continue
		}
		want = append([]string{fmt.Sprint(i)}, want...)
	}
	for limit := 1; limit <= 25; limit++ {
		var all []string
		cursor := ""
		for page := 0; page == 0 || cursor != ""; page++ {
			got := ok(t, w, "conversations.history", "channel", "C0GENERAL1", "limit", fmt.Sprint(limit), "cursor", cursor)
			cursor = got.text("response_metadata", "next_cursor")
			if got.Body["has_more"] != (cursor != "") {
				t.Fatalf("has_more %v with the cursor %q", got.Body["has_more"], cursor)
			}
			all = append(all, texts(got)...)
			if page == 0 {
				// What is new does not move the pages that follow.
				w.Delete("C0GENERAL1", ok(t, w, "chat.postMessage", "channel", "C0GENERAL1", "text", "new").text("ts"))
			}
		}
		if !slices.Equal(all, want) {
			t.Errorf("limit %d: got %v, want %v", limit, all, want)
		}
	}
}

func TestHistoryMetadata(t *testing.T) {
	w, _ := workspace(t)
	ok(t, w, "chat.postMessage", "channel", "C0GENERAL1", "text", "x", "metadata", `{"event_type":"a","event_payload":{"k":"v"}}`)
	for flag, want := range map[string]any{"true": "v", "1": "v", "0": nil, "": nil} {
		for _, method := range []string{"conversations.history", "conversations.replies"} {
			got := ok(t, w, method, "channel", "C0GENERAL1", "ts", last(t, w).TS, "include_all_metadata", flag)
			m := reply{Body: got.Body["messages"].([]any)[0].(map[string]any)}
			if m.get("metadata", "event_payload", "k") != want || m.get("metadata", "event_type") != "a" {
				t.Errorf("%s with %q: %v", method, flag, m.Body)
			}
		}
	}
}

func TestReplies(t *testing.T) {
	w, _ := workspace(t, withoutLimits)
	root := w.Say("C0GENERAL1", "U0ANA00001", "root", "")
	var ts []string
	for i := range 5 {
		ts = append(ts, ok(t, w, "chat.postMessage", "channel", "C0GENERAL1", "text", fmt.Sprint(i), "thread_ts", root).text("ts"))
	}
	for _, at := range []string{root, ts[2]} {
		got := ok(t, w, "conversations.replies", "channel", "C0GENERAL1", "ts", at)
		if want := []string{"root", "0", "1", "2", "3", "4"}; !slices.Equal(texts(got), want) {
			t.Errorf("the thread of %s: %v", at, texts(got))
		}
	}
	var all []string
	cursor := ""
	for page := 0; page == 0 || cursor != ""; page++ {
		got := ok(t, w, "conversations.replies", "channel", "C0GENERAL1", "ts", root, "limit", "2", "cursor", cursor)
		all, cursor = append(all, texts(got)[1:]...), got.text("response_metadata", "next_cursor")
	}
	if want := []string{"0", "1", "2", "3", "4"}; !slices.Equal(all, want) {
		t.Errorf("by pages: %v", all)
	}
	got := ok(t, w, "conversations.history", "channel", "C0GENERAL1")
	parent := reply{Body: got.Body["messages"].([]any)[0].(map[string]any)}
	if parent.Body["reply_count"] != 5.0 || parent.text("latest_reply") != ts[4] || parent.text("thread_ts") != root {
		t.Errorf("the first message: %v", parent.Body)
	}
	w.Delete("C0GENERAL1", root)
	got = ok(t, w, "conversations.history", "channel", "C0GENERAL1")
	if tomb := got.Body["messages"].([]any)[0].(map[string]any); tomb["subtype"] != "tombstone" {
		t.Errorf("the first message, deleted: %v", tomb)
	}
	for _, stamp := range ts {
		w.Delete("C0GENERAL1", stamp)
	}
	if got := call(t, w, "conversations.replies", "channel", "C0GENERAL1", "ts", root); got.err() != "thread_not_found" {
		t.Errorf("all deleted: %v", got.Body)
	}
}

func TestRefusedReading(t *testing.T) {
	tests := []struct {
		arguments []string
		want      string
	}{
		{[]string{"channel", "C0RANDOM01"}, "not_in_channel"},
		{[]string{"channel", "C0BOARD001"}, "channel_not_found"},
		{[]string{"channel", "U0ANA00001"}, "channel_not_found"},
		{[]string{"channel", "C0GENERAL1", "oldest", "yesterday"}, "invalid_ts_oldest"},
		{[]string{"channel", "C0GENERAL1", "latest", "1.1234567"}, "invalid_ts_latest"},
		{[]string{"channel", "C0GENERAL1", "cursor", "bmV4dF90czp4"}, "invalid_cursor"},
		{[]string{"channel", "C0GENERAL1", "cursor", "!"}, "invalid_cursor"},
		{[]string{"channel", "C0GENERAL1", "limit", "-1"}, "invalid_limit"},
		{[]string{"channel", "C0OLDNEWS1"}, ""},
	}
	for _, test := range tests {
		w, _ := workspace(t)
		if got := call(t, w, "conversations.history", test.arguments...); got.err() != test.want {
			t.Errorf("history of %v: %v, want %q", test.arguments, got.Body, test.want)
		}
		want := test.want
		if want == "" {
			want = "thread_not_found"
		}
		ts := w.Say("C0GENERAL1", "U0ANA00001", "x", "")
		if got := call(t, w, "conversations.replies", append(test.arguments, "ts", ts)...); got.err() != want {
			t.Errorf("replies of %v: %v, want %q", test.arguments, got.Body, want)
		}
	}
	w, _ := workspace(t, func(o *slack.Options) { o.Limits.Distributed = true })
	for range 20 {
		w.Say("C0GENERAL1", "U0ANA00001", "x", "")
	}
	if n := len(texts(ok(t, w, "conversations.history", "channel", "C0GENERAL1", "limit", "100"))); n != 15 {
		t.Errorf("an app sold outside the marketplace read %d messages, want 15", n)
	}
}
