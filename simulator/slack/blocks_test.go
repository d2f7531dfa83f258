package slack_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"jwtsunset/simulator/slack"
)

// letters makes a text of n characters.
func letters(n int) string { return strings.Repeat("a", n) }

func plain(n int) any { return map[string]any{"type": "plain_text", "text": letters(n)} }
func mrkdwn(n int) any {
	return map[string]any{"type": "mrkdwn", "text": letters(n)}
}

// many makes a list of n items; make gives the i-th.
func many(n int, item func(i int) any) []any {
	list := []any{}
	for i := range n {
		list = append(list, item(i))
	}
	return list
}

// block is an object of a type with members, given as name and value in turn.
func block(kind string, members ...any) map[string]any {
	object := map[string]any{"type": kind}
	for i := 0; i+1 < len(members); i += 2 {
		object[members[i].(string)] = members[i+1]
	}
	return object
}

func button(members ...any) map[string]any {
	return block("button", append([]any{"text", plain(1)}, members...)...)
}

func actions(elements ...any) any { return block("actions", "elements", elements) }

func options(n int) []any {
	return many(n, func(i int) any { return map[string]any{"text": plain(1), "value": fmt.Sprint(i)} })
}

func dialog(title, text, yes, no int) any {
	return map[string]any{"title": plain(title), "text": plain(text), "confirm": plain(yes), "deny": plain(no)}
}

// TestLimits tries each limit of Block Kit at its number and one over.
func TestLimits(t *testing.T) {
	tests := map[string]struct {
		make  func(n int) any
		limit int
		want  string
	}{
		"header":         {func(n int) any { return block("header", "text", plain(n)) }, 150, "must be less than 151 characters [json-pointer:/blocks/0/text/text]"},
		"section":        {func(n int) any { return block("section", "text", mrkdwn(n)) }, 3000, "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"},
		"plain section":  {func(n int) any { return block("section", "text", plain(n)) }, 3000, "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"},
		"field":          {func(n int) any { return block("section", "fields", []any{mrkdwn(1), mrkdwn(n)}) }, 2000, "must be less than 2001 characters [json-pointer:/blocks/0/fields/1/text]"},
		"fields":         {func(n int) any { return block("section", "fields", many(n, func(int) any { return mrkdwn(1) })) }, 10, "no more than 10 items allowed [json-pointer:/blocks/0/fields]"},
		"context":        {func(n int) any { return block("context", "elements", many(n, func(int) any { return plain(1) })) }, 10, "no more than 10 items allowed [json-pointer:/blocks/0/elements]"},
		"context text":   {func(n int) any { return block("context", "elements", []any{mrkdwn(n)}) }, 3000, "must be less than 3001 characters [json-pointer:/blocks/0/elements/0/text]"},
		"actions":        {func(n int) any { return actions(many(n, func(int) any { return button() })...) }, 25, "no more than 25 items allowed [json-pointer:/blocks/0/elements]"},
		"block_id":       {func(n int) any { return block("divider", "block_id", letters(n)) }, 255, "must be less than 256 characters [json-pointer:/blocks/0/block_id]"},
		"action_id":      {func(n int) any { return actions(button("action_id", letters(n))) }, 255, "must be less than 256 characters [json-pointer:/blocks/0/elements/0/action_id]"},
		"button":         {func(n int) any { return actions(block("button", "text", plain(n))) }, 75, "must be less than 76 characters [json-pointer:/blocks/0/elements/0/text/text]"},
		"button value":   {func(n int) any { return actions(button("value", letters(n))) }, 2000, "must be less than 2001 characters [json-pointer:/blocks/0/elements/0/value]"},
		"button url":     {func(n int) any { return actions(button("url", "https://"+letters(n-8))) }, 3000, "must be less than 3001 characters [json-pointer:/blocks/0/elements/0/url]"},
		"button label":   {func(n int) any { return actions(button("accessibility_label", letters(n))) }, 75, "must be less than 76 characters [json-pointer:/blocks/0/elements/0/accessibility_label]"},
		"confirm title":  {func(n int) any { return actions(button("confirm", dialog(n, 1, 1, 1))) }, 100, "must be less than 101 characters [json-pointer:/blocks/0/elements/0/confirm/title/text]"},
		"confirm text":   {func(n int) any { return actions(button("confirm", dialog(1, n, 1, 1))) }, 300, "must be less than 301 characters [json-pointer:/blocks/0/elements/0/confirm/text/text]"},
		"confirm yes":    {func(n int) any { return actions(button("confirm", dialog(1, 1, n, 1))) }, 30, "must be less than 31 characters [json-pointer:/blocks/0/elements/0/confirm/confirm/text]"},
		"confirm no":     {func(n int) any { return actions(button("confirm", dialog(1, 1, 1, n))) }, 30, "must be less than 31 characters [json-pointer:/blocks/0/elements/0/confirm/deny/text]"},
		"image alt text": {func(n int) any { return block("image", "image_url", "https://x", "alt_text", letters(n)) }, 2000, "must be less than 2001 characters [json-pointer:/blocks/0/alt_text]"},
		"image title":    {func(n int) any { return block("image", "image_url", "https://x", "alt_text", "a", "title", plain(n)) }, 2000, "must be less than 2001 characters [json-pointer:/blocks/0/title/text]"},
		"image url":      {func(n int) any { return block("image", "image_url", "https://"+letters(n-8), "alt_text", "a") }, 3000, "must be less than 3001 characters [json-pointer:/blocks/0/image_url]"},
		"overflow":       {func(n int) any { return actions(block("overflow", "options", options(n))) }, 5, "no more than 5 items allowed [json-pointer:/blocks/0/elements/0/options]"},
		"options":        {func(n int) any { return actions(block("static_select", "options", options(n))) }, 100, "no more than 100 items allowed [json-pointer:/blocks/0/elements/0/options]"},
		"placeholder": {func(n int) any {
			return actions(block("static_select", "options", options(1), "placeholder", plain(n)))
		}, 150, "must be less than 151 characters [json-pointer:/blocks/0/elements/0/placeholder/text]"},
		"option": {func(n int) any {
			return actions(block("static_select", "options", []any{map[string]any{"text": plain(n), "value": "x"}}))
		}, 75, "must be less than 76 characters [json-pointer:/blocks/0/elements/0/options/0/text/text]"},
		"option value": {func(n int) any {
			return actions(block("static_select", "options", []any{map[string]any{"text": plain(1), "value": letters(n)}}))
		}, 150, "must be less than 151 characters [json-pointer:/blocks/0/elements/0/options/0/value]"},
		"markdown": {func(n int) any { return block("markdown", "text", letters(n)) }, 12_000, "must be less than 12001 characters [json-pointer:/blocks/0/text]"},
		"emoji": {func(n int) any {
			return block("header", "text", map[string]any{"type": "plain_text", "text": strings.Repeat("😀", n)})
		}, 75, "must be less than 151 characters [json-pointer:/blocks/0/text/text]"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := slack.ValidateBlocks([]byte(encode(t, []any{test.make(test.limit)}))); got != nil {
				t.Errorf("at the limit: %v", got)
			}
			got := slack.ValidateBlocks([]byte(encode(t, []any{test.make(test.limit + 1)})))
			if diff := cmp.Diff([]string{test.want}, got); diff != "" {
				t.Errorf("one over (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMessageLimits(t *testing.T) {
	dividers := func(n int) []any { return many(n, func(int) any { return block("divider") }) }
	sections := func(n int) []any { return many(4, func(int) any { return block("section", "text", mrkdwn(n)) }) }
	tests := map[string]struct {
		blocks []any
		want   string
	}{
		"50 blocks":              {dividers(50), ""},
		"51 blocks":              {dividers(51), "invalid_blocks"},
		"12,000 characters":      {sections(3000), ""},
		"12,001 characters":      {append(sections(3000), block("section", "text", plain(1))), "msg_blocks_too_long"},
		"one block_id twice":     {[]any{block("divider", "block_id", "a"), block("divider", "block_id", "a")}, "invalid_blocks"},
		"two block_ids":          {[]any{block("divider", "block_id", "a"), block("divider", "block_id", "b")}, ""},
		"one action_id twice":    {[]any{actions(button("action_id", "a"), button("action_id", "a"))}, "invalid_blocks"},
		"one in two blocks":      {[]any{actions(button("action_id", "a")), actions(button("action_id", "a"))}, ""},
		"empty ids are no ids":   {[]any{block("divider", "block_id", ""), block("divider", "block_id", "")}, ""},
		"no block at all":        {[]any{}, ""},
		"a field and no text":    {[]any{block("section", "fields", []any{mrkdwn(1)})}, ""},
		"an unknown block":       {[]any{block("poem")}, "invalid_blocks"},
		"an input block":         {[]any{block("input", "label", plain(1))}, "invalid_blocks"},
		"a block that is a text": {[]any{"divider"}, "invalid_blocks"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w, _ := workspace(t)
			got := call(t, w, "chat.postMessage", "channel", "C0GENERAL1", "text", "x", "blocks", encode(t, test.blocks))
			if got.err() != test.want {
				t.Fatalf("got %v, want %q", got.Body, test.want)
			}
			if valid := slack.ValidateBlocks([]byte(encode(t, test.blocks))) == nil; valid != (test.want == "") {
				t.Errorf("ValidateBlocks disagrees: %v", valid)
			}
		})
	}
}

func TestInvalidBlocks(t *testing.T) {
	tests := map[string][]string{
		`[{"type":"section"}]`: {"missing required field: text or fields [json-pointer:/blocks/0]"},
		`[{"type":"section","text":{"type":"mrkdwn","text":""}}]`: {
			"must be more than 0 characters [json-pointer:/blocks/0/text/text]",
		},
		`[{"type":"section","text":{"type":"mrkdwn","text":7}}]`:                {"must provide a string [json-pointer:/blocks/0/text/text]"},
		`[{"type":"section","text":"hello"}]`:                                   {"must provide an object [json-pointer:/blocks/0/text]"},
		`[{"type":"section","text":{"text":"x"}}]`:                              {"missing required field: type [json-pointer:/blocks/0/text]"},
		`[{"type":"section","text":{"type":"html","text":"x"}}]`:                {"unsupported type: html [json-pointer:/blocks/0/text/type]"},
		`[{"type":"section","text":{"type":"mrkdwn"}}]`:                         {"missing required field: text [json-pointer:/blocks/0/text]"},
		`[{"type":"section","text":{"type":"mrkdwn","text":"x","emoji":true}}]`: {"invalid additional property: emoji [json-pointer:/blocks/0/text]"},
		`[{"type":"section","fields":[]}]`:                                      {"no less than 1 items allowed [json-pointer:/blocks/0/fields]"},
		`[{"type":"section","fields":{}}]`:                                      {"must provide an array [json-pointer:/blocks/0/fields]"},
		`[{"type":"header","text":{"type":"mrkdwn","text":"x"}}]`:               {"unsupported type: mrkdwn [json-pointer:/blocks/0/text/type]"},
		`[{"type":"header"}]`:                                                   {"missing required field: text [json-pointer:/blocks/0]"},
		`[{"type":"divider","text":"x"}]`:                                       {"invalid additional property: text [json-pointer:/blocks/0]"},
		`[{"text":"x"}]`:                                                        {"missing required field: type [json-pointer:/blocks/0]"},
		`[{"type":"actions","elements":[]}]`:                                    {"no less than 1 items allowed [json-pointer:/blocks/0/elements]"},
		`[{"type":"actions","elements":[{"type":"button"}]}]`:                   {"missing required field: text [json-pointer:/blocks/0/elements/0]"},
		`[{"type":"actions","elements":[{"type":"button","text":{"type":"plain_text","text":"x"},"style":"blue"}]}]`: {
			"must be a valid enum value [json-pointer:/blocks/0/elements/0/style]",
		},
		`[{"type":"actions","elements":[{"type":"button","text":{"type":"plain_text","text":"x"},"url":"javascript:x"}]}]`: {
			"must be a valid url [json-pointer:/blocks/0/elements/0/url]",
		},
		`[{"type":"actions","elements":[{"type":"datepicker","initial_date":"tomorrow"}]}]`: {
			"must be a valid date [json-pointer:/blocks/0/elements/0/initial_date]",
		},
		`[{"type":"actions","elements":[{"type":"static_select"}]}]`: {
			"must have one of: options, option_groups [json-pointer:/blocks/0/elements/0]",
		},
		`[{"type":"image","image_url":"https://example.com/x.png"}]`: {"missing required field: alt_text [json-pointer:/blocks/0]"},
		`[{"type":"context","elements":[{"type":"button"}]}]`:        {"unsupported type: button [json-pointer:/blocks/0/elements/0/type]"},
		`[{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[{"type":"text"}]}]}]`: {
			"missing required field: text [json-pointer:/blocks/0/elements/0/elements/0]",
		},
		`[{"type":"rich_text","elements":[{"type":"rich_text_list","style":"none","elements":[]}]}]`: {
			"no less than 1 items allowed [json-pointer:/blocks/0/elements/0/elements]",
			"must be a valid enum value [json-pointer:/blocks/0/elements/0/style]",
		},
		`[{"type":"divider","a/b~c":1,"block_id":7}]`: {
			"must provide a string [json-pointer:/blocks/0/block_id]",
			"invalid additional property: a/b~c [json-pointer:/blocks/0]",
		},
	}
	for blocks, want := range tests {
		w, _ := workspace(t)
		got := call(t, w, "chat.postMessage", "channel", "C0GENERAL1", "text", "x", "blocks", blocks)
		if got.err() != "invalid_blocks" {
			t.Errorf("%s: %v", blocks, got.Body)
			continue
		}
		var messages, problems []string
		for _, m := range got.get("response_metadata", "messages").([]any) {
			messages = append(messages, m.(string))
		}
		for _, problem := range got.Body["errors"].([]any) {
			problems = append(problems, problem.(string))
		}
		if diff := cmp.Diff(want, problems); diff != "" {
			t.Errorf("%s (-want +got):\n%s", blocks, diff)
		}
		if len(messages) != len(problems) || messages[0] != "[ERROR] "+problems[0] {
			t.Errorf("%s: messages %v for errors %v", blocks, messages, problems)
		}
	}
}

func TestInvalidBlocksFormat(t *testing.T) {
	w, _ := workspace(t)
	for _, blocks := range []string{"x", "{}", `"[]"`, "[", "[] []", "null", "7"} {
		got := call(t, w, "chat.postMessage", "channel", "C0GENERAL1", "text", "x", "blocks", blocks)
		if got.err() != "invalid_blocks_format" {
			t.Errorf("%s: %v", blocks, got.Body)
		}
		if slack.ValidateBlocks([]byte(blocks)) == nil {
			t.Errorf("ValidateBlocks takes %s", blocks)
		}
	}
}

// TestStoredBlocks holds that stored blocks have what Slack adds, and otherwise what was sent.
func TestStoredBlocks(t *testing.T) {
	w, _ := workspace(t)
	ok(t, w, "chat.postMessage", "channel", "C0GENERAL1", "text", "x", "blocks",
		`[{"type":"section","text":{"type":"mrkdwn","text":"<a> & \u2028"}},{"type":"header","block_id":"h","text":{"type":"plain_text","text":"x"}}]`)
	var stored []struct {
		Type string
		ID   string `json:"block_id"`
		Text map[string]any
	}
	if err := json.Unmarshal(last(t, w).Blocks, &stored); err != nil {
		t.Fatal(err)
	}
	if stored[0].ID == "" || stored[1].ID != "h" {
		t.Errorf("ids %q and %q", stored[0].ID, stored[1].ID)
	}
	want := []map[string]any{
		{"type": "mrkdwn", "text": "<a> & \u2028", "verbatim": false}, {"type": "plain_text", "text": "x", "emoji": true},
	}
	for i := range want {
		if diff := cmp.Diff(want[i], stored[i].Text); diff != "" {
			t.Errorf("block %d (-want +got):\n%s", i, diff)
		}
	}
}

// measure finds what Slack's documentation limits, by a way of its own: the longest text of each kind of place.
func measure(value any, place string, seen map[string]int) {
	switch value := value.(type) {
	case []any:
		seen[place+"#"] = max(seen[place+"#"], len(value))
		for _, inner := range value {
			measure(inner, place, seen)
		}
	case map[string]any:
		if kind, isText := value["type"].(string); isText {
			place += "/" + kind
		}
		for name, inner := range value {
			measure(inner, place+"."+name, seen)
		}
	case string:
		seen[place] = max(seen[place], len([]rune(value)))
	}
}

// FuzzBlocks holds that no blocks crash the validator or the page, and that what it takes is within Slack's limits.
func FuzzBlocks(f *testing.F) {
	f.Add([]byte(`[{"type":"section","text":{"type":"mrkdwn","text":"*a* <!here> _b_ ~c~ <https://x|y> @channel"}}]`))
	f.Add([]byte(`[{"type":"actions","elements":[{"type":"button","text":{"type":"plain_text","text":"x"}}]}]`))
	f.Add([]byte(`[{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[{"type":"text","text":"x"}]}]}]`))
	f.Add([]byte(`[{"type":"header","text":{"type":"plain_text","text":"` + letters(151) + `"}}]`))
	f.Add([]byte(`[{"type":"context","elements":[{"type":"image","image_url":"https://x","alt_text":"y"}]}]`))
	f.Add([]byte("[[[[[[[[")) // and what breaks off
	limits := map[string]int{
		".blocks#": 50, ".blocks/header.text/plain_text.text": 150, ".blocks/section.text/mrkdwn.text": 3000,
		".blocks/section.fields#": 10, ".blocks/section.fields/mrkdwn.text": 2000, ".blocks/context.elements#": 10,
		".blocks/actions.elements#": 25, ".blocks/actions.elements/button.text/plain_text.text": 75,
		".blocks/divider.block_id": 255,
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if slack.ValidateBlocks(raw) != nil {
			return
		}
		var value any
		if err := json.Unmarshal(raw, &value); err != nil {
			t.Fatalf("took what is no JSON: %v", err)
		}
		seen := map[string]int{}
		measure(value, ".blocks", seen)
		for place, limit := range limits {
			if seen[place] > limit {
				t.Errorf("took %d at %s, the limit is %d", seen[place], place, limit)
			}
		}
		w, err := slack.New(slack.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := call(t, w, "chat.postMessage", "channel", "C0GENERAL1", "text", "x", "blocks", string(raw)); !got.is(true, "ok") {
			t.Errorf("ValidateBlocks took what chat.postMessage refuses: %v", got.Body)
		}
		showPage(t, w, "")
	})
}

func TestKnownNames(t *testing.T) {
	if names := slack.Methods(); !slices.IsSorted(names) || !slices.Contains(names, "chat.postMessage") {
		t.Errorf("methods %v", names)
	}
	if kinds := slack.FaultKinds(); len(kinds) < 15 || kinds[0].Help == "" {
		t.Errorf("kinds %v", kinds)
	}
}
