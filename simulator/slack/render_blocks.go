package slack

import (
	"encoding/json"
	"fmt"
)

// blockView is one block as the page shows it.
type blockView struct {
	// Kind is the block's type.
	Kind     string
	Spans    []span
	Fields   [][]span
	Elements []elementView
	// Lines are the parts of a rich text.
	Lines []lineView
	URL   string
}

// elementView is a control or a piece of context. Controls do nothing on the page.
type elementView struct {
	Kind, Style, Alt string
	Spans            []span
	Options          []string
}

// lineView is one part of a rich text: a paragraph, an item of a list, a quote or code.
type lineView struct {
	Kind  string
	Spans []span
}

// blockViews makes the blocks of a stored message ready for the page.
func (w *Workspace) blockViews(raw json.RawMessage) []blockView {
	var blocks []map[string]any
	if len(raw) == 0 || json.Unmarshal(raw, &blocks) != nil {
		return nil
	}
	views := make([]blockView, 0, len(blocks))
	for _, b := range blocks {
		views = append(views, w.blockView(b))
	}
	return views
}

func (w *Workspace) blockView(b map[string]any) blockView {
	v := blockView{Kind: textOfMember(b, "type")}
	switch v.Kind {
	case "markdown":
		v.Spans = w.render(textOfMember(b, "text"))
	case "image":
		v.Spans, v.URL = []span{{Text: textOfMember(b, "alt_text")}}, textOfMember(b, "image_url")
	case "rich_text":
		v.Lines = w.richLines(items(b, "elements"), "")
	default:
		v.Spans = w.textObject(b["text"])
		for _, field := range items(b, "fields") {
			v.Fields = append(v.Fields, w.textObject(field))
		}
		elements := items(b, "elements")
		if accessory, ok := b["accessory"].(map[string]any); ok {
			elements = append(elements, accessory)
		}
		for _, e := range elements {
			v.Elements = append(v.Elements, w.elementView(e))
		}
	}
	return v
}

func textOfMember(object map[string]any, name string) string {
	text, _ := object[name].(string)
	return text
}

func items(object map[string]any, name string) (objects []map[string]any) {
	list, _ := object[name].([]any)
	for _, item := range list {
		if inner, ok := item.(map[string]any); ok {
			objects = append(objects, inner)
		}
	}
	return objects
}

func (w *Workspace) textObject(value any) []span {
	object, _ := value.(map[string]any)
	switch text := textOfMember(object, "text"); {
	case text == "":
		return nil
	case object["type"] == "mrkdwn":
		return w.render(text)
	default:
		return []span{{Text: text}}
	}
}

func (w *Workspace) elementView(e map[string]any) elementView {
	v := elementView{Kind: textOfMember(e, "type"), Style: textOfMember(e, "style"), Alt: textOfMember(e, "alt_text")}
	switch v.Kind {
	case "mrkdwn", "plain_text":
		v.Spans = w.textObject(e)
		return v
	case "button":
		v.Spans = w.textObject(e["text"])
	default:
		v.Spans = w.textObject(e["placeholder"])
	}
	groups := items(e, "option_groups")
	for _, group := range append(groups, e) {
		for _, option := range items(group, "options") {
			text, _ := option["text"].(map[string]any)
			v.Options = append(v.Options, textOfMember(text, "text"))
		}
	}
	return v
}

// richLines flattens the parts of a rich text.
func (w *Workspace) richLines(parts []map[string]any, kind string) (lines []lineView) {
	for n, part := range parts {
		switch textOfMember(part, "type") {
		case "rich_text_list":
			inner := w.richLines(items(part, "elements"), textOfMember(part, "style"))
			lines = append(lines, inner...)
		default:
			line := lineView{Kind: textOfMember(part, "type")}
			switch kind {
			case "bullet":
				line.Spans = []span{{Text: "• "}}
			case "ordered":
				line.Spans = []span{{Text: fmt.Sprintf("%d. ", n+1)}}
			}
			for _, e := range items(part, "elements") {
				line.Spans = append(line.Spans, w.richSpan(e))
			}
			lines = append(lines, line)
		}
	}
	return lines
}

func (w *Workspace) richSpan(e map[string]any) span {
	style, _ := e["style"].(map[string]any)
	on := func(name string) bool { value, _ := style[name].(bool); return value }
	s := span{
		Text: textOfMember(e, "text"), Bold: on("bold"), Italic: on("italic"), Strike: on("strike"), Code: on("code"),
		Underline: on("underline"),
	}
	if m, ok := richMention(e); ok {
		s.Mention, s.Text = true, w.mentionText(m)
		return s
	}
	switch textOfMember(e, "type") {
	case "link":
		s.URL = textOfMember(e, "url")
		setDefault(&s.Text, s.URL)
	case "channel":
		s.Mention, s.Text = true, w.channelName(textOfMember(e, "channel_id"))
	case "emoji":
		s.Text = ":" + textOfMember(e, "name") + ":"
	case "date":
		s.Text = textOfMember(e, "fallback")
	}
	return s
}
