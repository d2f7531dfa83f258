package slack

import (
	"net/http"
	"slices"
	"strings"
)

// method is one method of the Web API.
type method struct {
	handle func(*call) answer
	// scopes are those of which one must be granted; which one may depend on the kind of channel.
	scopes []string
	// required are the arguments that must be there.
	required []string
	// perMinute is the rate limit; zero means none.
	perMinute int
	// open methods need no token, json ones take arguments as application/json.
	open, json bool
}

// The tiers of rate limits, in calls per minute, method and workspace. Slack promises them as lower bounds and
// tolerates bursts now and then; here they are exact. Source: https://docs.slack.dev/apis/web-api/rate-limits, and the
// page of each method for its tier. chat.postMessage has limits of its own, see limiter. auth.test is said to take
// "hundreds of requests per minute".
const (
	tier1    = 1
	tier2    = 20
	tier3    = 50
	tier4    = 100
	authTier = 300
)

var (
	readScopes    = []string{"channels:read", "groups:read", "im:read", "mpim:read"}
	historyScopes = []string{"channels:history", "groups:history", "im:history", "mpim:history"}
	openScopes    = []string{"channels:manage", "groups:write", "im:write", "mpim:write"}
)

// methods is what this workspace answers; every other name is an unknown_method.
var methods map[string]*method

func init() {
	inChannel, atMessage := []string{"channel"}, []string{"channel", "ts"}
	users, groups := []string{"users:read"}, []string{"usergroups:read"}
	chat := []string{"chat:write"}
	methods = map[string]*method{
		"api.test":  {handle: apiTest, perMinute: tier4, open: true, json: true},
		"auth.test": {handle: authTest, perMinute: authTier, json: true},
		"team.info": {handle: teamInfo, scopes: []string{"team:read"}, perMinute: tier3},
		"bots.info": {handle: botsInfo, scopes: users, perMinute: tier3},

		"chat.postMessage": {handle: chatPostMessage, scopes: chat, required: inChannel, json: true},
		"chat.update":      {handle: chatUpdate, scopes: chat, required: atMessage, perMinute: tier3, json: true},
		"chat.delete":      {handle: chatDelete, scopes: chat, required: atMessage, perMinute: tier3, json: true},
		"chat.getPermalink": {
			handle: chatGetPermalink, required: []string{"channel", "message_ts"}, perMinute: tier4,
		},

		"conversations.open": {handle: conversationsOpen, scopes: openScopes, perMinute: tier3, json: true},
		"conversations.join": {
			handle: conversationsJoin, scopes: []string{"channels:join"}, required: inChannel, perMinute: tier3, json: true,
		},
		"conversations.info":    {handle: conversationsInfo, scopes: readScopes, required: inChannel, perMinute: tier3},
		"conversations.list":    {handle: conversationsList, scopes: readScopes, perMinute: tier2},
		"conversations.members": {handle: conversationsMembers, scopes: readScopes, required: inChannel, perMinute: tier4},
		"conversations.history": {handle: conversationsHistory, scopes: historyScopes, required: inChannel, perMinute: tier3},
		"conversations.replies": {handle: conversationsReplies, scopes: historyScopes, required: atMessage, perMinute: tier3},

		"users.info": {handle: usersInfo, scopes: users, required: []string{"user"}, perMinute: tier4},
		"users.list": {handle: usersList, scopes: users, perMinute: tier2},
		"users.lookupByEmail": {
			handle: usersLookupByEmail, scopes: []string{"users:read.email"}, required: []string{"email"}, perMinute: tier3,
		},
		"usergroups.list": {handle: usergroupsList, scopes: groups, perMinute: tier2},
		"usergroups.users.list": {
			handle: usergroupsUsersList, scopes: groups, required: []string{"usergroup"}, perMinute: tier2,
		},
	}
}

// AllScopes lists every scope that some method here asks for, and chat:write.public.
func AllScopes() []string {
	all := []string{"chat:write.public"}
	for _, m := range methods {
		all = append(all, m.scopes...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Methods lists the names of the methods that a Workspace answers.
func Methods() []string {
	names := make([]string, 0, len(methods))
	for name := range methods {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// perform answers a call as Slack would. The caller holds the lock.
func (w *Workspace) perform(c *call) answer {
	if c.method == nil {
		return failure("unknown_method")
	}
	if refused := w.authorize(c); refused != nil {
		return *refused
	}
	a := w.performAuthorized(c)
	if !c.method.open {
		a = a.with("X-OAuth-Scopes", strings.Join(w.scopes, ",")).
			with("X-Accepted-OAuth-Scopes", strings.Join(c.method.scopes, ","))
	}
	return a.warned(c.warning)
}

func (w *Workspace) performAuthorized(c *call) answer {
	if seconds := w.limiter.take(c, w.clock()); seconds > 0 {
		return rateLimited(seconds)
	}
	if len(c.method.scopes) > 0 && !w.grantedAny(c.method.scopes) {
		return w.missingScope(c.method.scopes...)
	}
	var missing []string
	for _, name := range c.method.required {
		if c.arg(name) == "" {
			missing = append(missing, "missing required field: "+name)
		}
	}
	if len(missing) > 0 {
		return explained("invalid_arguments", missing...)
	}
	return c.method.handle(c)
}

// authorize checks the token.
func (w *Workspace) authorize(c *call) *answer {
	switch {
	case c.method.open:
		return nil
	case c.token == "":
		return refuse(failure("not_authed"))
	case strings.HasPrefix(c.token, "xapp-"):
		return refuse(failure("not_allowed_token_type"))
	case c.token != w.token:
		return refuse(failure("invalid_auth"))
	case w.tokenError != "":
		return refuse(failure(w.tokenError))
	}
	return nil
}

func (w *Workspace) granted(scope string) bool { return slices.Contains(w.scopes, scope) }

func (w *Workspace) grantedAny(scopes []string) bool { return slices.ContainsFunc(scopes, w.granted) }

func (w *Workspace) missingScope(needed ...string) answer {
	a := failure("missing_scope")
	a.fields["needed"], a.fields["provided"] = strings.Join(needed, ","), strings.Join(w.scopes, ",")
	return a
}

// apiTest answers with its arguments, and with the error that the argument of that name asks for.
func apiTest(c *call) answer {
	a := success()
	if code := c.arg("error"); code != "" {
		a = failure(code)
	}
	if len(c.args) > 0 {
		a.fields["args"] = c.args
	}
	return a
}

func authTest(c *call) answer {
	t := c.w.team
	return success("url", t.url(), "team", t.Name, "team_id", t.ID, "user", "jwtsunset", "user_id", BotUser,
		"bot_id", BotID, "is_enterprise_install", false)
}

func teamInfo(c *call) answer {
	t := c.w.team
	return success("team", map[string]any{
		"id": t.ID, "name": t.Name, "domain": t.Domain, "url": t.url(), "email_domain": "",
	})
}

func botsInfo(c *call) answer {
	if bot := c.arg("bot"); bot != "" && bot != BotID {
		return failure("bot_not_found")
	}
	return success("bot", map[string]any{
		"id": BotID, "app_id": AppID, "user_id": BotUser, "name": "jwtsunset", "deleted": false,
		"updated": c.w.clock().Unix(), "icons": map[string]string{},
	})
}

func (t Team) url() string { return "https://" + t.Domain + ".slack.example/" }

// serveAPI answers one call: as Slack would, or as the fault that is due has it.
func (w *Workspace) serveAPI(writer http.ResponseWriter, r *http.Request) {
	c, problem := w.readCall(writer, r)
	entry := w.ledger.begin(c, w.clock())
	defer func() {
		w.ledger.end(entry, w.clock())
		w.logger.DebugContext(r.Context(), "pretend Slack call", "method", entry.Method, "channel", entry.Channel,
			"status", entry.Status, "error", entry.Error, "fault", entry.Fault)
	}()
	due := w.faults.due(c, w.down.Load())
	entry.Fault = due.names()
	if err := wait(r.Context(), w.options.Latency+due.delay); err != nil {
		return
	}
	w.deliver(writer, c, entry, due, func() answer {
		w.mu.Lock()
		defer w.mu.Unlock()
		if problem != nil && c.method != nil {
			return *problem
		}
		return w.perform(c)
	})
}
