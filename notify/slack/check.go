package slack

import (
	"context"
	"slices"
	"strings"

	slackgo "github.com/slack-go/slack"

	"jwtsunset/notify"
)

// Check finds out whether messages can be sent: as whom, with which scopes, to the channels (ids, or names with #) and
// mentioning the user groups (ids) of the configuration. It posts nothing. Its error says that the token does not work
// or that Slack cannot be reached; whatever else is wrong is in the report.
func (c *Client) Check(ctx context.Context, channels, groups []string) (Report, error) {
	s, err := c.current()
	if err != nil {
		return Report{}, err
	}
	who, err := c.askIdentity(ctx, s)
	if err != nil {
		return Report{}, err
	}
	r := Report{Workspace: who.name, WorkspaceID: who.team, BotUserID: who.user, BotID: who.bot}
	r.checkScopes(who.scopes)
	s.forgetChannels()
	for _, channel := range channels {
		if err := c.checkChannel(ctx, s, &r, who, channel); err != nil {
			return r, err
		}
	}
	err = c.checkGroups(ctx, s, &r, groups)
	return r, err
}

// checkScopes compares what was granted with what has a use.
func (r *Report) checkScopes(granted []string) {
	if granted == nil {
		r.add(LevelWarning, "scopes", "Slack does not say which scopes the token has",
			"compare the app's scopes with deploy/slack/manifest.yaml")
		return
	}
	for _, scope := range Scopes() {
		has := slices.Contains(granted, scope.Name)
		switch {
		case has:
			r.add(LevelOK, "scope "+scope.Name, "granted: "+scope.Purpose, "")
		case scope.Need == Needed:
			r.add(LevelProblem, "scope "+scope.Name, "missing, and needed "+scope.Purpose, scopeHint("", scope.Name))
		case scope.Need == Useful:
			r.add(LevelWarning, "scope "+scope.Name, "missing; it serves "+scope.Purpose, scopeHint("", scope.Name))
		}
	}
	for _, name := range granted {
		if !slices.ContainsFunc(Scopes(), func(s Scope) bool { return s.Name == name }) {
			r.add(LevelWarning, "scope "+name, "granted, and not used: whoever steals the token can do more than needed",
				"take the scope away from the app and reinstall it")
		}
	}
}

// checkChannel fails only where nothing can be checked.
func (c *Client) checkChannel(ctx context.Context, s *session, r *Report, who identity, asked string) error {
	subject := "channel " + clean(asked)
	id, err := c.channelID(ctx, s, asked)
	if err != nil {
		return r.refusedCheck(subject, err)
	}
	var channel *slackgo.Channel
	_, err = c.call(ctx, request{method: methodInfo, session: s},
		func(ctx context.Context, api *slackgo.Client) (err error) {
			channel, err = api.GetConversationInfoContext(ctx, &slackgo.GetConversationInfoInput{ChannelID: id})
			return err
		})
	if err != nil {
		return r.refusedCheck(subject, err)
	}
	r.describeChannel(subject, channel, slices.Contains(who.scopes, "chat:write.public"))
	return nil
}

func (r *Report) describeChannel(subject string, channel *slackgo.Channel, anywhere bool) {
	name := clean(channel.ID + " #" + channel.Name)
	switch {
	case channel.IsArchived:
		r.add(LevelProblem, subject, name+" is archived", hintArchived)
	case !channel.IsMember && channel.IsPrivate:
		r.add(LevelProblem, subject, "the app is not a member of the private channel "+name, hintInvite)
	case !channel.IsMember && !anywhere:
		r.add(LevelProblem, subject, "the app is not a member of "+name, hintInvite)
	case channel.IsReadOnly:
		r.add(LevelWarning, subject, name+" is read-only for most", "see that the app may post: "+hintPosting)
	case channel.IsExtShared:
		r.add(LevelWarning, subject, name+" is shared with other organizations, whose people will read what is posted",
			"configure a channel of your own")
	case !channel.IsMember:
		r.add(LevelWarning, subject, "the app may post to "+name+", and cannot find its messages there after a crash",
			hintInvite)
	default:
		r.add(LevelOK, subject, name+": the app is a member", "")
	}
}

// refusedCheck makes a finding of what concerns one subject, and passes on what concerns everything.
func (r *Report) refusedCheck(subject string, err error) error {
	f := asFailure(err)
	switch {
	case f.Reason == ReasonMissingScope:
		r.add(LevelWarning, subject, "could not be checked: a scope is missing", f.Hint)
	case f.Class == notify.Permanent:
		detail := f.Reason
		if f.Err != nil {
			detail = f.Err.Error()
		}
		r.add(LevelProblem, subject, detail, f.Hint)
	default:
		return err
	}
	return nil
}

func (c *Client) checkGroups(ctx context.Context, s *session, r *Report, groups []string) error {
	if len(groups) == 0 {
		return nil
	}
	var all []slackgo.UserGroup
	_, err := c.call(ctx, request{method: methodGroups, session: s},
		func(ctx context.Context, api *slackgo.Client) (err error) {
			all, err = api.GetUserGroupsContext(ctx, c.groupOptions()...)
			return err
		})
	if err != nil {
		return r.refusedCheck("user groups", err)
	}
	for _, id := range groups {
		subject := "user group " + clean(id)
		at := slices.IndexFunc(all, func(g slackgo.UserGroup) bool { return g.ID == id })
		switch {
		case at < 0:
			r.add(LevelProblem, subject, "there is no such user group", "configure its id, which begins with S: "+
				"People, User groups, Copy group ID")
		case all[at].DateDelete != 0:
			r.add(LevelProblem, subject, "@"+clean(all[at].Handle)+" is disabled: mentioning it tells nobody",
				"enable the user group or configure another one")
		default:
			r.add(LevelOK, subject, "@"+clean(strings.TrimPrefix(all[at].Handle, "@")), "")
		}
	}
	return nil
}

func (c *Client) groupOptions() []slackgo.GetUserGroupsOption {
	options := []slackgo.GetUserGroupsOption{slackgo.GetUserGroupsOptionIncludeDisabled(true)}
	if c.options.Team != "" {
		options = append(options, func(p *slackgo.GetUserGroupsParams) { p.TeamID = c.options.Team })
	}
	return options
}
