package slack

import (
	"regexp"
	"strings"
)

// Mention is something in a message that would notify people.
type Mention struct {
	// Kind is channel, here, everyone, user or subteam; ID is the user or user group.
	Kind string `json:"kind"`
	ID   string `json:"id,omitempty"`
	// Where is "text", or the place in the blocks as a JSON pointer.
	Where string `json:"where"`
	// Auto is what was no mention as written but could become one: a bare @channel or the @name of a user group, in a
	// text that Slack is free to parse. Which ones it makes mentions of is not documented, so all are told here.
	Auto bool `json:"auto,omitempty"`
}

// Link is an address in a message that people can follow.
type Link struct {
	URL string `json:"url"`
	// Text is what is shown for it, empty where that is the address.
	Text  string `json:"text,omitempty"`
	Where string `json:"where"`
	// Auto is a bare address that Slack makes a link of.
	Auto bool `json:"auto,omitempty"`
}

// parseOptions are the arguments that change how a text is read.
type parseOptions struct {
	// names makes mentions of bare names (link_names, or parse=full), full makes links of bare addresses.
	names, full bool
}

var (
	// control is what Slack takes for more than text: an angle bracket up to its end. Text from elsewhere has none where
	// it was escaped.
	control = regexp.MustCompile(`<([^<>]*)>`)
	bareURL = regexp.MustCompile(`https?://[^\s<>|]+`)
	// bareName is an @name that does not follow a letter, as in an address.
	bareName = regexp.MustCompile(`(?:^|[^\w@.])@([\w.-]+)`)
)

// parseText finds the mentions and links of a text in mrkdwn, as Slack would find them.
func (w *Workspace) parseText(text, where string, o parseOptions) (mentions []Mention, links []Link) {
	for _, found := range control.FindAllStringSubmatch(text, -1) {
		target, label, _ := strings.Cut(found[1], "|")
		if m, ok := mentionOf(target); ok {
			m.Where = where
			mentions = append(mentions, m)
		} else if isAddress(target) {
			links = append(links, Link{URL: target, Text: label, Where: where})
		}
	}
	rest := control.ReplaceAllString(text, " ")
	if o.names {
		mentions = append(mentions, w.bareMentions(rest, where)...)
	}
	if o.full {
		for _, url := range bareURL.FindAllString(rest, -1) {
			links = append(links, Link{URL: url, Where: where, Auto: true})
		}
	}
	return mentions, links
}

// mentionOf reads the inside of angle brackets.
func mentionOf(target string) (Mention, bool) {
	switch {
	case target == "!channel", target == "!here", target == "!everyone", target == "!group":
		kind := strings.TrimPrefix(target, "!")
		if kind == "group" {
			kind = "channel"
		}
		return Mention{Kind: kind}, true
	case strings.HasPrefix(target, "!subteam^"):
		return Mention{Kind: "subteam", ID: strings.TrimPrefix(target, "!subteam^")}, true
	case strings.HasPrefix(target, "@"):
		return Mention{Kind: "user", ID: strings.TrimPrefix(target, "@")}, true
	}
	return Mention{}, false
}

func isAddress(target string) bool {
	return strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") || strings.HasPrefix(target, "tel:")
}

func (w *Workspace) bareMentions(text, where string) (mentions []Mention) {
	for _, found := range bareName.FindAllStringSubmatch(text, -1) {
		switch name := strings.ToLower(strings.TrimRight(found[1], ".-")); name {
		case "channel", "here", "everyone":
			mentions = append(mentions, Mention{Kind: name, Where: where, Auto: true})
		default:
			for _, g := range w.groups {
				if g.Handle == name {
					mentions = append(mentions, Mention{Kind: "subteam", ID: g.ID, Where: where, Auto: true})
				}
			}
		}
	}
	return mentions
}

// parseBlocks finds the mentions and links of all texts in blocks: those in mrkdwn, which Slack is free to parse unless
// they say verbatim, and the elements of rich text.
func (w *Workspace) parseBlocks(blocks []any) (mentions []Mention, links []Link) {
	walk(blocks, "/blocks", func(at string, object map[string]any) {
		switch object["type"] {
		case "mrkdwn":
			text, _ := object["text"].(string)
			verbatim, _ := object["verbatim"].(bool)
			loose := !verbatim
			m, l := w.parseText(text, at, parseOptions{names: loose, full: loose})
			mentions, links = append(mentions, m...), append(links, l...)
		case "markdown":
			text, _ := object["text"].(string)
			m, l := w.parseText(text, at, parseOptions{names: true, full: true})
			mentions, links = append(mentions, m...), append(links, l...)
		default:
			if m, ok := richMention(object); ok {
				m.Where = at
				mentions = append(mentions, m)
			}
			if url, ok := object["url"].(string); ok {
				links = append(links, Link{URL: url, Text: label(object), Where: at})
			}
		}
	})
	return mentions, links
}

// richMention reads an element of rich text.
func richMention(object map[string]any) (Mention, bool) {
	text := func(name string) string { value, _ := object[name].(string); return value }
	switch object["type"] {
	case "user":
		return Mention{Kind: "user", ID: text("user_id")}, true
	case "usergroup":
		return Mention{Kind: "subteam", ID: text("usergroup_id")}, true
	case "broadcast":
		return Mention{Kind: text("range")}, true
	}
	return Mention{}, false
}

// label is the text on a link or button.
func label(object map[string]any) string {
	switch text := object["text"].(type) {
	case string:
		return text
	case map[string]any:
		inner, _ := text["text"].(string)
		return inner
	}
	return ""
}
