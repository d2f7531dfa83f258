package slack

import (
	"context"

	slackgo "github.com/slack-go/slack"

	"jwtsunset/notify"
)

// listPage is how many accounts Slack is asked for at a time; it gives at most 1,000.
const listPage = 500

// List gives every account of the workspace that has an e-mail address, page by page: for many people this takes far
// fewer requests than looking each up. Who was met before an error is no use: the list is not whole then.
func (c *Client) List(ctx context.Context, each func(notify.Person)) error {
	s, who, err := c.sessionAndIdentity(ctx)
	if err != nil {
		return err
	}
	pages := slackgo.UserPagination{}
	for cursor, first := "", true; first || cursor != ""; first = false {
		_, err := c.call(ctx, request{method: methodUserList, session: s},
			func(ctx context.Context, api *slackgo.Client) (err error) {
				pages, err = api.GetUsersPaginated(slackgo.GetUsersOptionLimit(listPage),
					slackgo.GetUsersOptionCursor(cursor)).Next(ctx)
				return err
			})
		if err != nil {
			return err
		}
		for i := range pages.Users {
			c.give(ctx, &pages.Users[i], who, each)
		}
		cursor = pages.Cursor
	}
	return nil
}

func (c *Client) give(ctx context.Context, user *slackgo.User, who identity, each func(notify.Person)) {
	address := lower(user.Profile.Email)
	if address == "" || !isID(user.ID) {
		return
	}
	p := notify.Person{Identity: address, CheckedAt: c.options.Clock()}
	c.describe(ctx, &p, user, who, address)
	each(p)
}
