package slack

import (
	"context"
	"fmt"
	"sync"

	slackgo "github.com/slack-go/slack"

	"jwtsunset/notify"
	"jwtsunset/secret"
)

// session is what is known with one token. Another token may be another bot's, to whom nothing of it applies.
type session struct {
	token secret.String

	mu     sync.Mutex
	who    identity
	direct map[string]string   // user id to the channel of the private conversation
	named  map[string][]string // name of a channel to ids, those in use before those archived; nil until listed
}

// identity is who the bot is.
type identity struct {
	user, bot              string
	team, enterprise, name string
	scopes                 []string // nil if Slack did not say
}

// current gives the session of the token as it is now.
func (c *Client) current() (*session, error) {
	token, err := c.options.Token()
	if err != nil {
		f := fail(notify.Operator, ReasonTokenUnreadable, err)
		f.Hint = hintToken
		return nil, f
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session == nil || c.session.token != token {
		c.session = &session{token: token, direct: map[string]string{}}
	}
	return c.session, nil
}

// identity asks Slack who the bot is, once for each session.
func (c *Client) identity(ctx context.Context, s *session) (identity, error) {
	s.mu.Lock()
	who := s.who
	s.mu.Unlock()
	if who.team != "" {
		return who, nil
	}
	who, err := c.askIdentity(ctx, s)
	if err != nil {
		return identity{}, err
	}
	s.mu.Lock()
	s.who = who
	s.mu.Unlock()
	return who, nil
}

func (c *Client) askIdentity(ctx context.Context, s *session) (identity, error) {
	var me *slackgo.AuthTestResponse
	x, err := c.call(ctx, request{method: methodAuthTest, session: s},
		func(ctx context.Context, api *slackgo.Client) (err error) {
			me, err = api.AuthTestContext(ctx)
			return err
		})
	if err != nil {
		return identity{}, err
	}
	if !isID(me.TeamID) || !isID(me.UserID) {
		return identity{}, fail(notify.Later, ReasonMalformed, fmt.Errorf("%s: %w", methodAuthTest, errIncomplete))
	}
	if c.options.Team != "" && me.TeamID != c.options.Team && me.EnterpriseID != me.TeamID {
		f := fail(notify.Operator, ReasonWrongWorkspace,
			fmt.Errorf("the token is for the workspace %s, and %s is configured", me.TeamID, c.options.Team))
		f.Hint = hintToken
		return identity{}, f
	}
	return identity{
		user: me.UserID, bot: clean(me.BotID), team: me.TeamID, enterprise: me.EnterpriseID, name: clean(me.Team),
		scopes: x.scopes,
	}, nil
}

// directChannel gives the channel of the private conversation with a user.
func (c *Client) directChannel(ctx context.Context, s *session, user string) (string, error) {
	s.mu.Lock()
	id := s.direct[user]
	s.mu.Unlock()
	if id != "" {
		return id, nil
	}
	return c.openDirect(ctx, s, user)
}

// openDirect asks Slack for the channel, whatever is remembered.
func (c *Client) openDirect(ctx context.Context, s *session, user string) (string, error) {
	if !isID(user) {
		return "", fail(notify.Permanent, ReasonBadRecipient, fmt.Errorf("%q is not the id of a Slack user", clean(user)))
	}
	var opened *slackgo.Channel
	_, err := c.call(ctx, request{method: methodOpen, session: s},
		func(ctx context.Context, api *slackgo.Client) (err error) {
			opened, _, _, err = api.OpenConversationContext(ctx, &slackgo.OpenConversationParameters{Users: []string{user}})
			return err
		})
	if err != nil {
		return "", err
	}
	if opened == nil || !isID(opened.ID) {
		return "", fail(notify.Later, ReasonMalformed, fmt.Errorf("%s: %w", methodOpen, errIncomplete))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.direct[user] = opened.ID
	return opened.ID, nil
}
