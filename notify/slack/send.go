package slack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	slackgo "github.com/slack-go/slack"

	"jwtsunset/notify"
)

var errNoThread = errors.New("a later page needs the channel and the thread of the first")

// Send sends one page. It sends a second request only where Slack certainly refused the first: without the blocks, if
// Slack refused those, and to the newly opened conversation, if the remembered one is gone.
func (c *Client) Send(ctx context.Context, m notify.Message, number int) (notify.Receipt, error) {
	if number > 0 && (m.Thread == "" || m.Channel == "") {
		return notify.Receipt{}, fail(notify.Invalid, ReasonInternal, errNoThread)
	}
	s, err := c.current()
	if err != nil {
		return notify.Receipt{}, err
	}
	p, err := c.page(m, number)
	if err != nil {
		return notify.Receipt{}, err
	}
	channel, err := c.channel(ctx, s, m)
	if err != nil {
		return notify.Receipt{}, err
	}
	receipt, err := c.post(ctx, s, channel, p)
	if err == nil || asFailure(err).Reason != "channel_not_found" || number > 0 {
		return receipt, err
	}
	moved, found := c.moved(ctx, s, m, channel)
	if !found {
		return receipt, err
	}
	return c.post(ctx, s, moved, p)
}

// moved asks where a recipient is whose channel is not found any more: ids of private conversations belong to one bot,
// and a channel's name can pass to another channel.
func (c *Client) moved(ctx context.Context, s *session, m notify.Message, from string) (string, bool) {
	var (
		to  string
		err error
	)
	if m.To.Kind == notify.ToUser {
		to, err = c.openDirect(ctx, s, m.To.ID)
	} else {
		s.forgetChannels()
		to, err = c.channelID(ctx, s, m.To.ID)
	}
	return to, err == nil && to != from
}

// post posts a page, and once more without its blocks if Slack refuses them.
func (c *Client) post(ctx context.Context, s *session, channel string, p page) (notify.Receipt, error) {
	receipt, err := c.postOnce(ctx, s, channel, p, p.blocks)
	if err == nil || !blocksRefused(err) || len(p.blocks) == 0 {
		return receipt, err
	}
	c.warnOfBlocks(ctx, p, err)
	return c.postOnce(ctx, s, channel, p, nil)
}

// blocksRefused tells whether a message can still be sent as plain text.
func blocksRefused(err error) bool {
	return slices.Contains([]string{"invalid_blocks", "invalid_blocks_format", "block_mismatch", "invalid_arguments",
		"msg_blocks_too_long"}, asFailure(err).Reason)
}

func (c *Client) warnOfBlocks(ctx context.Context, p page, err error) {
	c.log.LogAttrs(ctx, slog.LevelWarn, "Slack refuses the blocks of a message, which is sent as text only",
		slog.String("reason", asFailure(err).Reason), slog.String("message", clean(p.dedupe)),
		slog.Int("blocks", len(p.blocks)), slog.Any("messages", explanations(err)))
}

// explained is the cause of a failure together with what Slack says beside its word.
type explained struct {
	error
	messages []string
}

func (e *explained) Unwrap() error { return e.error }

func explanations(err error) []string {
	var e *explained
	if errors.As(err, &e) {
		return e.messages
	}
	return nil
}

func (c *Client) postOnce(
	ctx context.Context, s *session, channel string, p page, blocks []slackgo.Block,
) (notify.Receipt, error) {
	options := append(p.options(blocks), slackgo.MsgOptionDisableLinkUnfurl(), slackgo.MsgOptionDisableMediaUnfurl())
	if p.thread != "" {
		options = append(options, slackgo.MsgOptionTS(p.thread))
	}
	x, err := c.call(ctx, request{method: methodPost, session: s, channel: channel},
		func(ctx context.Context, api *slackgo.Client) error {
			_, _, err := api.PostMessageContext(ctx, channel, options...)
			return err
		})
	if err != nil {
		return notify.Receipt{}, err
	}
	at, timestamp := x.answer.place()
	if timestamp == "" {
		return notify.Receipt{}, x.unclear(ReasonMalformed, fmt.Errorf("channel or time stamp: %w", errIncomplete))
	}
	return notify.Receipt{
		Channel: at, Timestamp: timestamp, RequestID: x.requestID, At: c.options.Clock(), Text: p.text,
	}, nil
}

// Update changes the first page at a receipt. A message that is gone, or too old to be edited, is a failure of
// notify.Permanent.
func (c *Client) Update(ctx context.Context, m notify.Message, at notify.Receipt) error {
	s, err := c.current()
	if err != nil {
		return err
	}
	if !isID(at.Channel) || !isTimestamp(at.Timestamp) {
		return fail(notify.Permanent, "message_not_found", errors.New("the receipt names no message on Slack"))
	}
	p, err := c.page(m, 0)
	if err != nil {
		return err
	}
	err = c.update(ctx, s, p, p.blocks, at)
	if err != nil && blocksRefused(err) && len(p.blocks) > 0 {
		c.warnOfBlocks(ctx, p, err)
		err = c.update(ctx, s, p, nil, at)
	}
	return err
}

func (c *Client) update(ctx context.Context, s *session, p page, blocks []slackgo.Block, at notify.Receipt) error {
	_, err := c.call(ctx, request{method: methodUpdate, session: s},
		func(ctx context.Context, api *slackgo.Client) error {
			_, _, _, err := api.UpdateMessageContext(ctx, at.Channel, at.Timestamp, p.options(blocks)...)
			return err
		})
	return err
}
