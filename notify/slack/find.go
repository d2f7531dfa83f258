package slack

import (
	"context"
	"fmt"
	"slices"
	"time"

	slackgo "github.com/slack-go/slack"

	"jwtsunset/notify"
)

const (
	clockMargin     = 2 * time.Minute // how far our clock and Slack's may differ
	messagesPerPage = 100
	messagePages    = 20 // more than these are not looked through
)

// cannotTell are the refusals after which a message may be there nevertheless.
var cannotTell = []string{
	ReasonMissingScope, "not_in_channel", "channel_not_found", "no_permission", "access_denied", "restricted_action",
	"not_allowed_token_type", "method_not_supported_for_channel_type", "channel_type_not_supported", "is_archived",
	"is_inactive", "pagination_not_available", "ekm_access_denied", "team_access_not_granted",
	"enterprise_is_restricted", ReasonTooLarge,
}

// Find looks for a page by its metadata, among the messages of our own bot since two minutes before a time. It cannot
// tell where the token may not read the conversation, or where so much was written that the search was given up.
func (c *Client) Find(
	ctx context.Context, m notify.Message, number int, since time.Time,
) (notify.Receipt, notify.Found, error) {
	receipt, found, err := c.find(ctx, m, number, since)
	if err != nil && slices.Contains(cannotTell, asFailure(err).Reason) {
		return notify.Receipt{}, notify.FoundUnknown, nil
	}
	return receipt, found, err
}

func (c *Client) find(
	ctx context.Context, m notify.Message, number int, since time.Time,
) (notify.Receipt, notify.Found, error) {
	s, err := c.current()
	if err != nil {
		return notify.Receipt{}, "", err
	}
	who, err := c.identity(ctx, s)
	if err != nil {
		return notify.Receipt{}, "", err
	}
	channel, err := c.channel(ctx, s, m)
	if err != nil {
		return notify.Receipt{}, "", err
	}
	q := quest{
		client: c, session: s, who: who, channel: channel, dedupe: dedupe(m, number),
		oldest: slackTime(since.Add(-clockMargin)),
	}
	if m.Thread != "" {
		q.thread = m.Thread
		receipt, found, err := q.search(ctx)
		if found == notify.FoundIt || err != nil && asFailure(err).Reason != "thread_not_found" {
			return receipt, found, err
		}
		q.thread = "" // an answer to a message that is gone lies beside it
	}
	return q.search(ctx)
}

// quest is the search for one page in one conversation.
type quest struct {
	client          *Client
	session         *session
	who             identity
	channel, thread string
	dedupe, oldest  string
}

func (q quest) search(ctx context.Context) (notify.Receipt, notify.Found, error) {
	cursor := ""
	for range messagePages {
		messages, next, more, err := q.read(ctx, cursor)
		if err != nil {
			return notify.Receipt{}, "", err
		}
		if i := slices.IndexFunc(messages, q.matches); i >= 0 {
			return q.receipt(messages[i]), notify.FoundIt, nil
		}
		if next == "" {
			if more {
				break
			}
			return notify.Receipt{}, notify.FoundNothing, nil
		}
		cursor = next
	}
	return notify.Receipt{}, notify.FoundUnknown, nil
}

// read gives one page of the conversation or of the thread.
func (q quest) read(
	ctx context.Context, cursor string,
) (messages []slackgo.Message, next string, more bool, err error) {
	if q.thread != "" {
		_, err = q.client.call(ctx, request{method: methodReplies, session: q.session},
			func(ctx context.Context, api *slackgo.Client) (err error) {
				messages, more, next, err = api.GetConversationRepliesContext(ctx, &slackgo.GetConversationRepliesParameters{
					ChannelID: q.channel, Timestamp: q.thread, Cursor: cursor, Oldest: q.oldest, Limit: messagesPerPage,
					IncludeAllMetadata: true,
				})
				return err
			})
		return messages, next, more, err
	}
	_, err = q.client.call(ctx, request{method: methodHistory, session: q.session},
		func(ctx context.Context, api *slackgo.Client) error {
			history, err := api.GetConversationHistoryContext(ctx, &slackgo.GetConversationHistoryParameters{
				ChannelID: q.channel, Cursor: cursor, Oldest: q.oldest, Limit: messagesPerPage, IncludeAllMetadata: true,
			})
			if err == nil {
				messages, next, more = history.Messages, history.ResponseMetaData.NextCursor, history.HasMore
			}
			return err
		})
	return messages, next, more, err
}

// matches tells whether a message is the page. Others could write our metadata, so it must be our bot's own.
func (q quest) matches(m slackgo.Message) bool {
	ours := m.User != "" && m.User == q.who.user || m.BotID != "" && m.BotID == q.who.bot
	return ours && m.Metadata.EventType == eventType && m.Metadata.EventPayload["dedupe"] == q.dedupe &&
		isTimestamp(m.Timestamp)
}

func (q quest) receipt(m slackgo.Message) notify.Receipt {
	return notify.Receipt{Channel: q.channel, Timestamp: m.Timestamp, At: timeOf(m.Timestamp), Text: m.Text}
}

// slackTime is a time as Slack's parameters have it: seconds with six decimals.
func slackTime(t time.Time) string { return fmt.Sprintf("%d.%06d", t.Unix(), t.Nanosecond()/1000) }

// timeOf is when the message with a time stamp was posted, to the second.
func timeOf(timestamp string) time.Time {
	var seconds int64
	if _, err := fmt.Sscanf(timestamp, "%d", &seconds); err != nil {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}
