package slack

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"

	slackgo "github.com/slack-go/slack"

	"jwtsunset/notify"
)

const slackbot = "USLACKBOT"

// ByEmail looks an account up by e-mail address. An account whose own address is another one is ambiguous: whoever it
// belongs to, it is not certain to be the person meant.
func (c *Client) ByEmail(ctx context.Context, address string) (notify.Person, error) {
	address = lower(strings.TrimSpace(address))
	s, who, err := c.sessionAndIdentity(ctx)
	if err != nil {
		return notify.Person{}, err
	}
	person := notify.Person{Identity: address, Standing: notify.StandingNotFound, CheckedAt: c.options.Clock()}
	if !strings.Contains(address, "@") {
		return person, nil
	}
	user, err := c.user(ctx, s, methodUserEmail, func(ctx context.Context, api *slackgo.Client) (*slackgo.User, error) {
		return api.GetUserByEmailContext(ctx, address)
	})
	if err != nil || user == nil {
		return person, err
	}
	if c.describe(ctx, &person, user, who, address); person.Standing != notify.StandingActive {
		return person, nil
	}
	// The look-up does not tell the language.
	user, err = c.userByID(ctx, s, user.ID)
	if err != nil {
		return notify.Person{}, err
	}
	if user == nil {
		person.Standing, person.ID = notify.StandingNotFound, ""
		return person, nil
	}
	c.describe(ctx, &person, user, who, address)
	return person, nil
}

// ByID looks an account up by its Slack id.
func (c *Client) ByID(ctx context.Context, id string) (notify.Person, error) {
	s, who, err := c.sessionAndIdentity(ctx)
	if err != nil {
		return notify.Person{}, err
	}
	person := notify.Person{Identity: "id:" + id, Standing: notify.StandingNotFound, CheckedAt: c.options.Clock()}
	if !isID(id) {
		return person, nil
	}
	user, err := c.userByID(ctx, s, id)
	if err != nil || user == nil {
		return person, err
	}
	c.describe(ctx, &person, user, who, "")
	return person, nil
}

func (c *Client) sessionAndIdentity(ctx context.Context) (*session, identity, error) {
	s, err := c.current()
	if err != nil {
		return nil, identity{}, err
	}
	who, err := c.identity(ctx, s)
	return s, who, err
}

// userByID gives nil if there is no such account.
func (c *Client) userByID(ctx context.Context, s *session, id string) (*slackgo.User, error) {
	user, err := c.user(ctx, s, methodUserInfo, func(ctx context.Context, api *slackgo.Client) (*slackgo.User, error) {
		return api.GetUserInfoContext(ctx, id)
	})
	if err == nil && user != nil && user.ID != id {
		return nil, fail(notify.Later, ReasonMalformed, fmt.Errorf("%s: the answer is about another user", methodUserInfo))
	}
	return user, err
}

// user asks for an account. It gives nil if there is none that the app can see.
func (c *Client) user(
	ctx context.Context, s *session, method string, ask func(context.Context, *slackgo.Client) (*slackgo.User, error),
) (user *slackgo.User, err error) {
	_, err = c.call(ctx, request{method: method, session: s},
		func(ctx context.Context, api *slackgo.Client) (err error) {
			user, err = ask(ctx, api)
			return err
		})
	if err != nil {
		if slices.Contains([]string{"users_not_found", "user_not_found", "user_not_visible"}, asFailure(err).Reason) {
			return nil, nil
		}
		return nil, err
	}
	if !isID(user.ID) {
		return nil, fail(notify.Later, ReasonMalformed, fmt.Errorf("%s: %w", method, errIncomplete))
	}
	return user, nil
}

// describe fills in what Slack says of an account that was found by an address, or by its id if that is "".
func (c *Client) describe(ctx context.Context, p *notify.Person, user *slackgo.User, who identity, address string) {
	p.ID, p.Standing = user.ID, standing(user, who)
	mayBeTold := p.Standing == notify.StandingActive || p.Standing == notify.StandingGuest
	if mayBeTold && address != "" && lower(user.Profile.Email) != address {
		p.ID, p.Standing = "", notify.StandingAmbiguous
		c.log.LogAttrs(ctx, slog.LevelWarn, "Slack found an account by an address that is not the account's own; nobody is told",
			slog.String("account", user.ID))
	}
	if localeForm.MatchString(user.Locale) {
		p.Locale = user.Locale
	}
	if zoneForm.MatchString(user.TZ) && user.TZOffset > -86400 && user.TZOffset < 86400 {
		p.Zone, p.Offset = user.TZ, user.TZOffset
	}
}

var (
	localeForm = regexp.MustCompile(`^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}$`)
	zoneForm   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_+/-]{0,63}$`)
)

// standing is what an account counts as. Who is in two kinds is in the one that comes first.
func standing(user *slackgo.User, who identity) notify.Standing {
	switch {
	case user.Deleted:
		return notify.StandingDeactivated
	case user.IsBot || user.IsWorkflowBot || user.IsConnectorBot || user.ID == slackbot:
		return notify.StandingBot
	case user.IsStranger || !ours(user, who):
		return notify.StandingExternal
	case user.IsRestricted || user.IsUltraRestricted:
		return notify.StandingGuest
	case user.IsInvitedUser:
		return notify.StandingNotFound // was invited and has never come
	default:
		return notify.StandingActive
	}
}

// ours tells whether an account belongs to the bot's workspace, or to its organization where the app is installed for
// the whole of it: the token's workspace is then the organization.
func ours(user *slackgo.User, who identity) bool {
	if user.TeamID == who.team || slices.Contains(user.Enterprise.Teams, who.team) {
		return true
	}
	return who.enterprise != "" && who.enterprise == who.team && user.Enterprise.EnterpriseID == who.enterprise
}

// lower lowers ASCII letters only: under Unicode's rules, letters of other scripts become ASCII ones, and so one
// person's address another's.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}
