package slack

import (
	"fmt"
	"slices"
	"strings"
)

// Channel is one conversation: a public or private channel, or a direct message.
type Channel struct {
	// ID is made up when it is empty.
	ID   string `json:"id"`
	Name string `json:"name"`
	// Private is a private channel, which only members see; IM and MPIM are direct messages.
	Private bool `json:"is_private"`
	IM      bool `json:"is_im"`
	MPIM    bool `json:"is_mpim"`
	// User is the other side of a direct message.
	User     string `json:"user,omitempty"`
	Archived bool   `json:"is_archived"`
	// Members are user ids; the app can post where BotUser is one.
	Members []string `json:"members"`
	Topic   string   `json:"topic"`
	Purpose string   `json:"purpose"`
	// Restriction is the error that a message gets here, such as restricted_action or
	// restricted_action_read_only_channel; empty where posting is allowed.
	Restriction string `json:"restriction,omitempty"`
	Created     int64  `json:"created"`
}

// DefaultChannels is one of each kind: public and private channels with and without the app, an archived one, and one
// in which the app may not post.
func DefaultChannels() []Channel {
	people := []string{"U0ANA00001", "U0LIN00001", "U0JAN00001", "U0BEA00001"}
	with := append(slices.Clone(people), BotUser)
	return []Channel{
		{ID: "C0GENERAL1", Name: "general", Members: with, Purpose: "For everybody"},
		{ID: "C0ADOBECRE", Name: "adobe-credentials", Members: with, Topic: "What is left of JWT"},
		{ID: "C0SECURITY", Name: "security", Private: true, Members: with},
		{ID: "C0BOARD001", Name: "board", Private: true, Members: people},
		{ID: "C0RANDOM01", Name: "random", Members: people},
		{ID: "C0OLDNEWS1", Name: "old-news", Members: with, Archived: true},
		{ID: "C0ANNOUNCE", Name: "announcements", Members: with, Restriction: "restricted_action_read_only_channel"},
	}
}

func (c *Channel) joined() bool { return slices.Contains(c.Members, BotUser) }

// kind is the word for a conversation's kind in scopes.
func (c *Channel) kind() string {
	switch {
	case c.IM:
		return "im"
	case c.MPIM:
		return "mpim"
	case c.Private:
		return "groups"
	}
	return "channels"
}

// channelStore is the conversations by id, by name, and direct messages by their people.
type channelStore struct {
	order  []string
	byID   map[string]*Channel
	byName map[string]string
	direct map[string]string
}

func newChannelStore() channelStore {
	return channelStore{byID: map[string]*Channel{}, byName: map[string]string{}, direct: map[string]string{}}
}

func (s *channelStore) put(c Channel) {
	if old := s.byID[c.ID]; old != nil {
		delete(s.byName, old.Name)
	} else {
		s.order = append(s.order, c.ID)
	}
	s.byID[c.ID] = &c
	if c.Name != "" {
		s.byName[c.Name] = c.ID
	}
}

// AddChannel adds a conversation and fills in what is left out. It fails when the id is taken.
func (w *Workspace) AddChannel(c Channel) (Channel, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.addChannel(c)
}

func (w *Workspace) addChannel(c Channel) (Channel, error) {
	if c.ID != "" && w.channels.byID[c.ID] != nil {
		return Channel{}, fmt.Errorf("slack simulator: the channel id %s is taken", c.ID)
	}
	w.putChannel(&c)
	return c, nil
}

func (w *Workspace) putChannel(c *Channel) {
	if c.ID == "" {
		c.ID = w.nextID("C")
	}
	setDefault(&c.Created, w.clock().Unix())
	c.Members = slices.Clone(c.Members)
	w.channels.put(*c)
}

// SetChannel replaces a conversation, or adds one whose id is not known.
func (w *Workspace) SetChannel(c Channel) Channel {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.putChannel(&c)
	return c
}

// Archive closes a channel.
func (w *Workspace) Archive(id string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.channels.byID[id]
	if c == nil {
		return fmt.Errorf("slack simulator: no channel %s", id)
	}
	c.Archived = true
	return nil
}

// Channels lists all conversations, direct ones among them, in the order in which they came.
func (w *Workspace) Channels() []Channel {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := make([]Channel, 0, len(w.channels.order))
	for _, id := range w.channels.order {
		c := *w.channels.byID[id]
		c.Members = slices.Clone(c.Members)
		list = append(list, c)
	}
	return list
}

// visible is the channel with an id, unless the app cannot see it.
func (w *Workspace) visible(id string) *Channel {
	c := w.channels.byID[id]
	if c == nil || (c.Private || c.IM || c.MPIM) && !c.joined() {
		return nil
	}
	return c
}

// readable finds the conversation of a call that reads it, or says why it cannot be read.
func (c *call) readable(what string) (*Channel, *answer) {
	channel := c.w.visible(c.arg("channel"))
	if channel == nil {
		return nil, refuse(failure("channel_not_found"))
	}
	if scope := channel.kind() + ":" + what; !c.w.granted(scope) {
		return nil, refuse(c.w.missingScope(scope))
	}
	return channel, nil
}

// channelObject is a conversation as Slack's answers show it.
func (w *Workspace) channelObject(c *Channel) map[string]any {
	object := map[string]any{
		"id": c.ID, "created": c.Created, "is_archived": c.Archived, "is_im": c.IM, "is_mpim": c.MPIM,
		"is_private": c.Private || c.IM || c.MPIM, "is_org_shared": false, "context_team_id": w.team.ID, "updated": c.Created,
	}
	if c.IM {
		other := w.users.byID[c.User]
		object["user"], object["is_user_deleted"] = c.User, other == nil || other.Deleted
		object["is_open"] = true
		return object
	}
	object["name"], object["name_normalized"] = c.Name, c.Name
	object["is_channel"], object["is_group"] = !c.Private, false
	object["is_general"], object["is_member"] = c.Name == "general", c.joined()
	object["is_shared"], object["is_ext_shared"], object["creator"] = false, false, "U0BEA00001"
	object["topic"] = map[string]any{"value": c.Topic, "creator": "", "last_set": 0}
	object["purpose"] = map[string]any{"value": c.Purpose, "creator": "", "last_set": 0}
	return object
}

func conversationsInfo(c *call) answer {
	channel, refused := c.readable("read")
	if refused != nil {
		return *refused
	}
	object := c.w.channelObject(channel)
	if c.flag("include_num_members") {
		object["num_members"] = len(channel.Members)
	}
	return success("channel", object)
}

func conversationsMembers(c *call) answer {
	channel, refused := c.readable("read")
	if refused != nil {
		return *refused
	}
	page, next, refused := paged(c, channel.Members, 100, 1000)
	if refused != nil {
		return *refused
	}
	return success("members", page).cursor(next)
}

// listTypes are the words for kinds of conversations in conversations.list.
var listTypes = map[string]string{
	"public_channel": "channels", "private_channel": "groups", "im": "im", "mpim": "mpim",
}

func conversationsList(c *call) answer {
	types := c.arg("types")
	setDefault(&types, "public_channel")
	wanted := map[string]bool{}
	for name := range strings.SplitSeq(types, ",") {
		kind, known := listTypes[strings.TrimSpace(name)]
		if !known {
			return failure("invalid_types")
		}
		if !c.w.granted(kind + ":read") {
			return c.w.missingScope(kind + ":read")
		}
		wanted[kind] = true
	}
	page, next, refused := paged(c, c.w.listable(wanted, c.flag("exclude_archived")), 100, 1000)
	if refused != nil {
		return *refused
	}
	objects := make([]any, 0, len(page))
	for _, id := range page {
		objects = append(objects, c.w.channelObject(c.w.channels.byID[id]))
	}
	return success("channels", objects).cursor(next)
}

func (w *Workspace) listable(kinds map[string]bool, openOnly bool) []string {
	var ids []string
	for _, id := range w.channels.order {
		if c := w.visible(id); c != nil && kinds[c.kind()] && !(openOnly && c.Archived) {
			ids = append(ids, id)
		}
	}
	return ids
}

func conversationsJoin(c *call) answer {
	channel := c.w.visible(c.arg("channel"))
	switch {
	case channel == nil:
		return failure("channel_not_found")
	case channel.kind() != "channels":
		return failure("method_not_supported_for_channel_type")
	case channel.Archived:
		return failure("is_archived")
	case channel.joined():
		return success("channel", c.w.channelObject(channel)).warned("already_in_channel")
	}
	channel.Members = append(channel.Members, BotUser)
	return success("channel", c.w.channelObject(channel))
}

// conversationsOpen opens a direct message; it is the same one each time.
func conversationsOpen(c *call) answer {
	if id := c.arg("channel"); id != "" {
		channel := c.w.visible(id)
		switch {
		case channel == nil:
			return failure("channel_not_found")
		case !channel.IM && !channel.MPIM:
			return failure("method_not_supported_for_channel_type")
		}
		return c.opened(channel, true)
	}
	if c.arg("users") == "" {
		return failure("users_list_not_supplied")
	}
	users := strings.Split(c.arg("users"), ",")
	if refused := c.openable(users); refused != nil {
		return *refused
	}
	channel, old := c.w.direct(users)
	return c.opened(channel, old)
}

// openable says why there can be no direct message with users.
func (c *call) openable(users []string) *answer {
	scope := "im:write"
	if len(users) > 1 {
		scope = "mpim:write"
	}
	if !c.w.granted(scope) {
		return refuse(c.w.missingScope(scope))
	}
	if len(users) > 8 {
		return refuse(failure("too_many_users"))
	}
	for _, id := range users {
		switch u := c.w.users.byID[id]; {
		case u == nil:
			return refuse(failure("user_not_found"))
		case u.Deleted:
			return refuse(failure("user_disabled"))
		case u.Stranger:
			return refuse(failure("user_not_visible"))
		case u.Bot || id == "USLACKBOT":
			return refuse(failure("cannot_dm_bot"))
		}
	}
	return nil
}

func (c *call) opened(channel *Channel, old bool) answer {
	object := map[string]any{"id": channel.ID}
	if c.flag("return_im") {
		object = c.w.channelObject(channel)
	}
	a := success("channel", object)
	if old {
		a.fields["no_op"], a.fields["already_open"] = true, true
	}
	return a
}

// direct is the direct message of the app with users, made where there is none yet.
func (w *Workspace) direct(users []string) (channel *Channel, old bool) {
	people := slices.Sorted(slices.Values(users))
	key := strings.Join(people, ",")
	if id := w.channels.direct[key]; id != "" {
		return w.channels.byID[id], true
	}
	made := Channel{
		ID: w.nextID("D"), IM: true, User: users[0], Members: append(people, BotUser), Created: w.clock().Unix(),
	}
	if len(users) > 1 {
		made.ID, made.IM, made.MPIM, made.User = w.nextID("G"), false, true, ""
		made.Name = "mpdm-" + strings.ToLower(strings.Join(people, "--")) + "-1"
	}
	w.channels.put(made)
	w.channels.direct[key] = made.ID
	return w.channels.byID[made.ID], false
}
