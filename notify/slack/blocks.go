package slack

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"unicode/utf8"

	slackgo "github.com/slack-go/slack"

	"jwtsunset/notify"
)

// Slack's limits (docs.slack.dev/reference/block-kit/blocks), in characters. We count in notify.Units of the escaped
// text, which no way of counting exceeds.
const (
	maxBlocks  = 50
	maxHeader  = 150
	maxSection = 3000
	maxContext = 2000
)

// maxJSON is how many bytes all blocks of a message have at most, as JSON. Slack documents no such limit, and refuses
// messages with msg_blocks_too_long from about 13,200 characters on, braces and names included
// (github.com/slackapi/bolt-js issue 2509).
const maxJSON = 11500

// medium writes Slack's mrkdwn. Texts from outside stand in code spans, in which Slack formats and links nothing, and
// which they cannot end.
func medium() notify.Medium {
	return notify.Medium{
		Escape: escape,
		Bold:   [2]string{"*", "*"},
		Field:  [2]string{"`", "`"},
		Block:  [2]string{"```\n", "\n```"},
		Link: func(address, label string) string {
			address = entities.Replace(address)
			if label == "" {
				return "<" + address + ">"
			}
			return "<" + address + "|" + entities.Replace(label) + ">"
		},
	}
}

// entities are the three characters that Slack wants to see escaped, and no others.
var entities = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// emoji matches what Slack may show as an emoji, and scheme what makes an address.
var (
	emoji  = regexp.MustCompile(`:[^\s:]+:`)
	scheme = regexp.MustCompile(`://`)
)

// escape makes one line from outside mean nothing to Slack, also where it does not stand in a code span: no mention, no
// link, no quote, no emoji and no format. What cannot be escaped is replaced by a sign that looks like it.
func escape(s string) string {
	s = scheme.ReplaceAllString(s, "\ua789//")
	s = emoji.ReplaceAllStringFunc(s, func(code string) string { return strings.ReplaceAll(code, ":", "\ua789") })
	var b strings.Builder
	last := rune(0)
	for i, r := range s {
		next, _ := utf8.DecodeRuneInString(s[i+utf8.RuneLen(r):])
		switch {
		case r == '`':
			b.WriteRune('ˋ')
		case r == '>' && strings.Trim(s[:i], "> ") == "":
			b.WriteRune('＞')
		case strings.ContainsRune("@#", r) && !isWordPart(last):
			b.WriteRune(r - '!' + '！')
		case strings.ContainsRune("*_~", r) && !(isWordPart(last) && isWordPart(next)):
			b.WriteRune(lookAlike[r])
		default:
			b.WriteString(entities.Replace(string(r)))
		}
		last = r
	}
	return b.String()
}

// lookAlike has the signs in the place of those that begin and end a format.
var lookAlike = map[rune]rune{'*': '∗', '_': '＿', '~': '∼'}

// isWordPart tells whether a format mark beside the character is a part of a word. Letters beyond ASCII are taken for
// ends of words, which at worst replaces too much.
func isWordPart(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z'
}

// cut shortens an escaped text to so many units without breaking an entity or a link, and closes the code span that the
// cut opened.
func cut(s string, units int) string {
	if notify.Units(s) <= units {
		return s
	}
	s = notify.ShortenEscaped(s, units-1)
	if i := strings.LastIndexByte(s, '<'); i >= 0 && !strings.Contains(s[i:], ">") {
		s = s[:i] + "…"
	}
	if strings.Count(s, "`")%2 == 1 {
		s += "`"
	}
	return s
}

func header(text string) slackgo.Block {
	return slackgo.NewHeaderBlock(slackgo.NewTextBlockObject(slackgo.PlainTextType, cut(text, maxHeader), false, false))
}

func section(text string, units int) slackgo.Block {
	return slackgo.NewSectionBlock(mrkdwn(cut(text, min(units, maxSection))), nil, nil,
		slackgo.SectionBlockOptionExpand(true))
}

func footer(text string, units int) slackgo.Block {
	return slackgo.NewContextBlock("", mrkdwn(cut(text, min(units, maxContext))))
}

// mrkdwn is verbatim: Slack makes no links or mentions of words that look like one.
func mrkdwn(text string) *slackgo.TextBlockObject {
	return slackgo.NewTextBlockObject(slackgo.MarkdownType, text, false, true)
}

// fits tells whether Slack takes the blocks together.
func fits(blocks []slackgo.Block) bool {
	var encoded bytes.Buffer
	encoder := json.NewEncoder(&encoded)
	encoder.SetEscapeHTML(false) // Slack counts what it has read
	return encoder.Encode(blocks) == nil && len(blocks) <= maxBlocks && encoded.Len() <= maxJSON
}
