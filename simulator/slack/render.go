package slack

import (
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// span is a piece of text that looks the same from end to end.
type span struct {
	Text, URL                                           string
	Bold, Italic, Strike, Underline, Code, Pre, Mention bool
}

// Class names the looks of a span for the style sheet.
func (s span) Class() string {
	var names []string
	for _, look := range []struct {
		on   bool
		name string
	}{
		{s.Bold, "bold"}, {s.Italic, "italic"}, {s.Strike, "strike"}, {s.Code, "code"}, {s.Pre, "pre"},
		{s.Mention, "mention"}, {s.Underline, "underline"},
	} {
		if look.on {
			names = append(names, look.name)
		}
	}
	return strings.Join(names, " ")
}

// markup is what mrkdwn knows: code, controls in angle brackets, and bold, italic and struck text.
var markup = regexp.MustCompile("(?s)```(.+?)```|`([^`\\n]+)`|<([^<>\\n]+)>|" +
	`\*([^*\n]+)\*|_([^_\n]+)_|~([^~\n]+)~`)

// unescape gives the three characters back that Slack wants escaped.
var unescape = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")

// render makes spans of a text in mrkdwn.
func (w *Workspace) render(text string) []span { return w.renderAs(text, span{}) }

func (w *Workspace) renderAs(text string, look span) (spans []span) {
	for text != "" {
		found := markup.FindStringSubmatchIndex(text)
		if found == nil {
			break
		}
		from, to := found[0], found[1]
		group := 1
		for found[2*group] < 0 {
			group++
		}
		content := text[found[2*group]:found[2*group+1]]
		if group >= 4 && !stands(text, from, to, content) {
			spans = append(spans, with(look, text[:from+1]))
			text = text[from+1:]
			continue
		}
		spans = append(spans, with(look, text[:from]))
		text = text[to:]
		if group < 4 {
			spans = append(spans, w.special(group, content, look))
			continue
		}
		inner := look
		inner.Bold, inner.Italic, inner.Strike = look.Bold || group == 4, look.Italic || group == 5, look.Strike || group == 6
		spans = append(spans, w.renderAs(content, inner)...)
	}
	return append(spans, with(look, text))
}

// stands tells whether a mark stands where it counts: around words, not within them.
func stands(text string, from, to int, content string) bool {
	before, _ := utf8.DecodeLastRuneInString(text[:from])
	after, _ := utf8.DecodeRuneInString(text[to:])
	word := func(r rune) bool { return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r)) }
	return !word(before) && !word(after) && strings.TrimSpace(content) == content
}

func with(look span, text string) span {
	look.Text = unescape.Replace(text)
	return look
}

// special makes a span of code, or of what stands in angle brackets.
func (w *Workspace) special(group int, content string, look span) span {
	switch group {
	case 1:
		look.Pre = true
		return with(look, strings.Trim(content, "\n"))
	case 2:
		look.Code = true
		return with(look, content)
	}
	target, label, _ := strings.Cut(content, "|")
	if m, ok := mentionOf(target); ok {
		look.Mention = true
		return with(look, w.mentionText(m))
	}
	switch {
	case strings.HasPrefix(target, "#"):
		look.Mention, label = true, w.channelName(strings.TrimPrefix(target, "#"))
	case strings.HasPrefix(target, "!date^"):
		setDefault(&label, target)
	case isAddress(target):
		look.URL = unescape.Replace(target)
		setDefault(&label, strings.TrimPrefix(target, "mailto:"))
	default:
		label = "<" + content + ">"
	}
	return with(look, label)
}

// mentionText is how a mention looks to people.
func (w *Workspace) mentionText(m Mention) string {
	switch m.Kind {
	case "user":
		if u := w.users.byID[m.ID]; u != nil {
			return "@" + u.RealName
		}
		return "@" + m.ID
	case "subteam":
		for _, g := range w.groups {
			if g.ID == m.ID {
				return "@" + g.Handle
			}
		}
		return "@" + m.ID
	}
	return "@" + m.Kind
}

func (w *Workspace) channelName(id string) string {
	c := w.channels.byID[id]
	if c == nil {
		return "#" + id
	}
	return "#" + c.Name
}

// localTime is a moment as a user's clock shows it, in UTC where the user has none.
func localTime(at time.Time, u *User) string {
	zone, name := time.UTC, "UTC"
	if u != nil {
		if own, err := time.LoadLocation(u.TZ); err == nil {
			zone, name = own, u.TZ
		}
	}
	return at.In(zone).Format("Mon 2 Jan 2006, 15:04") + " " + name
}
