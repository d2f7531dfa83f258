package slack

import (
	"fmt"
	"regexp"

	slackgo "github.com/slack-go/slack"

	"jwtsunset/notify"
)

const (
	// itemsPerPage and maxPages bound a message; what they leave no room for is counted by sandbox on the last page.
	itemsPerPage = 40
	maxPages     = 10
	// sectionUnits is how long a section of several items gets, so that Slack's apps show it as a whole.
	sectionUnits = 900
)

// Pages is in how many messages m is sent: 40 credentials in each, and at most 10.
func Pages(m notify.Message) int { return notify.PageOf(m, 0, itemsPerPage, maxPages).Of }

// Compose puts one page of a message, counted from 0, into Slack's form: the text for notifications and screen readers,
// escaped, and the blocks. Both are within Slack's limits whatever the message says: credentials that are too long
// together take one line each, and long lines are cut. It is safe for concurrent use.
func Compose(t *notify.Templates, m notify.Message, page int) (text string, blocks []slackgo.Block, err error) {
	p := notify.PageOf(m, page, itemsPerPage, maxPages)
	if page < 0 || page >= p.Of {
		return "", nil, fmt.Errorf("page %d of a message with %d", page, p.Of)
	}
	mention, err := mention(m, page)
	if err != nil {
		return "", nil, err
	}
	r, err := t.Render(m, p, medium())
	if err != nil {
		return "", nil, err
	}
	if mention != "" {
		r.Intro = mention + " " + r.Intro // and not in the text, or Slack would call the group twice
	}
	return r.Plain, layout(r), nil
}

// shortest is how much of a line always fits, 40 times and with long words around them.
const shortest = 90

// layout arranges a page, as fully as there is room.
func layout(r notify.Rendered) []slackgo.Block {
	blocks := arrange(r, pack(r.Items, "\n\n", sectionUnits), maxSection)
	for units := 4 * shortest; !fits(blocks) && units >= shortest && len(r.Lines) > 0; units /= 2 {
		r.Items = nil
		for _, line := range r.Lines {
			r.Items = append(r.Items, cut(line, units))
		}
		blocks = arrange(r, pack(r.Items, "\n", sectionUnits), maxSection)
	}
	for units := maxSection; !fits(blocks) && units > 1; units /= 2 {
		blocks = arrange(r, pack(r.Items, "\n", maxSection), units)
	}
	return blocks
}

// arrange makes the blocks, with no text longer than so many units.
func arrange(r notify.Rendered, sections []string, units int) []slackgo.Block {
	blocks := []slackgo.Block{header(r.Title)}
	if r.Intro != "" {
		blocks = append(blocks, section(r.Intro, units))
	}
	if len(sections) > 0 {
		blocks = append(blocks, slackgo.NewDividerBlock())
	}
	for _, text := range sections {
		blocks = append(blocks, section(text, units))
	}
	if r.Outro != "" {
		blocks = append(blocks, slackgo.NewDividerBlock(), section(r.Outro, units))
	}
	if r.Footer != "" {
		blocks = append(blocks, footer(r.Footer, units))
	}
	return blocks
}

// pack joins texts into as few as have at most so many units. One that is longer stays by itself.
func pack(texts []string, between string, units int) []string {
	var packed []string
	for _, text := range texts {
		last := len(packed) - 1
		if last >= 0 && notify.Units(packed[last])+len(between)+notify.Units(text) <= units {
			packed[last] += between + text
		} else {
			packed = append(packed, text)
		}
	}
	return packed
}

// userGroup is the form of the ids that Slack gives user groups.
var userGroup = regexp.MustCompile(`^S[0-9A-Z]{2,31}$`)

// mention calls the user group that the operator named for a channel, once, on the first page of a message that asks
// for something.
func mention(m notify.Message, page int) (string, error) {
	switch {
	case m.To.Group == "" || page > 0 || m.Replaced || m.To.Kind != notify.ToChannel:
		return "", nil
	case !userGroup.MatchString(m.To.Group):
		return "", &notify.Failure{Class: notify.Invalid, Reason: "invalid_group",
			Hint: "name user groups in the configuration by their id, as in S0123ABCD",
			Err:  fmt.Errorf("%q is not the id of a user group", notify.Clean(m.To.Group, 40))}
	default:
		return "<!subteam^" + m.To.Group + ">", nil
	}
}
