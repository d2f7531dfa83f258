package slack

import (
	"context"
	"errors"
	"fmt"

	slackgo "github.com/slack-go/slack"

	"jwtsunset/notify"
)

// eventType names our metadata; Slack's names have letters, digits and underscores.
const eventType = "jwtsunset_message"

// dedupe is what a page is found by again: the message's id, which nobody can guess, and the page.
func dedupe(m notify.Message, page int) string { return fmt.Sprintf("%s/%d", m.ID, page) }

// page is one page in words, ready to be sent.
type page struct {
	text   string
	blocks []slackgo.Block
	dedupe string
	thread string
}

// Pages is in how many messages m is sent: the first, and the others in its thread.
func (c *Client) Pages(m notify.Message) int { return Pages(m) }

func (c *Client) page(m notify.Message, number int) (page, error) {
	text, blocks, err := Compose(c.options.Templates, m, number)
	if f := (*notify.Failure)(nil); errors.As(err, &f) {
		return page{}, f
	}
	if err != nil {
		f := fail(notify.Invalid, ReasonTemplate, fmt.Errorf("message %s, page %d: %w", clean(m.ID), number, err))
		f.Hint = "check the operator's templates with remind --preview"
		return page{}, f
	}
	return page{text: text, blocks: blocks, dedupe: dedupe(m, number), thread: m.Thread}, nil
}

// options are what both new messages and updates have. What the blocks say is repeated in the text, for notifications
// and screen readers. Names and links in it stay as they are written, and nothing is fetched to be shown beneath.
func (p page) options(blocks []slackgo.Block) []slackgo.MsgOption {
	return []slackgo.MsgOption{
		slackgo.MsgOptionText(p.text, false), // escaped where it was composed
		slackgo.MsgOptionBlocks(blocks...),
		slackgo.MsgOptionParse(false),
		slackgo.MsgOptionLinkNames(false),
		slackgo.MsgOptionMetadata(slackgo.SlackMetadata{
			EventType: eventType, EventPayload: map[string]any{"dedupe": p.dedupe},
		}),
	}
}

// channel is where a message goes: where m says, else where Slack says that the recipient is.
func (c *Client) channel(ctx context.Context, s *session, m notify.Message) (string, error) {
	switch {
	case m.Channel != "" && isID(m.Channel):
		return m.Channel, nil
	case m.To.Kind == notify.ToUser:
		return c.directChannel(ctx, s, m.To.ID)
	case m.To.Kind == notify.ToChannel:
		return c.channelID(ctx, s, m.To.ID)
	default:
		return "", fail(notify.Permanent, ReasonBadRecipient, fmt.Errorf("%s is no recipient on Slack", clean(m.To.String())))
	}
}
