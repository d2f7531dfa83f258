package slack

import (
	"context"
	"fmt"
	"strings"

	slackgo "github.com/slack-go/slack"

	"jwtsunset/notify"
)

const (
	channelsPerPage  = 500
	channelPagesRead = 100
)

// channelID gives the id of a channel that the configuration names by id or as #name.
func (c *Client) channelID(ctx context.Context, s *session, channel string) (string, error) {
	name, isName := strings.CutPrefix(channel, "#")
	if !isName {
		if !isID(channel) {
			return "", badChannel(fmt.Errorf("%q is neither the id of a channel nor a name with #", clean(channel)))
		}
		return channel, nil
	}
	named, err := c.channelNames(ctx, s, name)
	if err != nil {
		return "", err
	}
	switch ids := named[name]; len(ids) {
	case 0:
		f := fail(notify.Permanent, "channel_not_found", fmt.Errorf("no channel that the app sees is named #%s", clean(name)))
		f.Hint = hintChannel
		return "", f
	case 1:
		return ids[0], nil
	default:
		f := fail(notify.Permanent, ReasonAmbiguousName, fmt.Errorf("several channels are named #%s", clean(name)))
		f.Hint = "configure the channel by its id: it is at the end of \"Copy link\""
		return "", f
	}
}

func badChannel(err error) *notify.Failure {
	f := fail(notify.Permanent, ReasonBadRecipient, err)
	f.Hint = hintChannel
	return f
}

// channelNames gives the remembered names, or lists the channels anew where a name is not among them.
func (c *Client) channelNames(ctx context.Context, s *session, name string) (map[string][]string, error) {
	s.mu.Lock()
	named := s.named
	s.mu.Unlock()
	if len(named[name]) > 0 {
		return named, nil
	}
	named, err := c.listChannels(ctx, s)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.named = named
	s.mu.Unlock()
	return named, nil
}

// forgetChannels makes the next look-up of a name list the channels anew.
func (s *session) forgetChannels() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.named = nil
}

// listChannels reads all channels that the app sees. The name of an archived channel counts only where no other has it.
func (c *Client) listChannels(ctx context.Context, s *session) (map[string][]string, error) {
	named, archived := map[string][]string{}, map[string][]string{}
	params := &slackgo.GetConversationsParameters{
		Types: []string{"public_channel", "private_channel"}, Limit: channelsPerPage, TeamID: c.options.Team,
	}
	for range channelPagesRead {
		var page []slackgo.Channel
		_, err := c.call(ctx, request{method: methodList, session: s},
			func(ctx context.Context, api *slackgo.Client) (err error) {
				page, params.Cursor, err = api.GetConversationsContext(ctx, params)
				return err
			})
		if err != nil {
			return nil, onlyThisChannel(err)
		}
		for _, channel := range page {
			if !isID(channel.ID) {
				continue
			}
			if channel.IsArchived {
				archived[channel.Name] = append(archived[channel.Name], channel.ID)
			} else {
				named[channel.Name] = append(named[channel.Name], channel.ID)
			}
		}
		if params.Cursor == "" {
			break
		}
	}
	for name, ids := range archived {
		if len(named[name]) == 0 {
			named[name] = ids
		}
	}
	return named, nil
}

// onlyThisChannel keeps a token that may not list channels from stopping the messages that need no list.
func onlyThisChannel(err error) error {
	f := asFailure(err)
	if f.Reason == ReasonMissingScope {
		f.Class = notify.Permanent
		f.Hint += "; or configure the channel by its id, which needs no list"
	}
	return f
}
