package slack

import (
	"encoding/json"
	"slices"
	"sort"
	"time"
)

// Message is one message as the workspace stores it.
type Message struct {
	Channel string `json:"channel"`
	TS      string `json:"ts"`
	// ThreadTS is the time stamp of the thread's first message; empty for messages in no thread. ReplyTo is what the
	// sender asked for, which differs where the message to reply to was not there.
	ThreadTS  string `json:"thread_ts,omitempty"`
	ReplyTo   string `json:"reply_to,omitempty"`
	Broadcast bool   `json:"reply_broadcast,omitempty"`
	User      string `json:"user"`
	// Text is the top-level text, cut to what Slack keeps of it.
	Text        string          `json:"text"`
	Blocks      json.RawMessage `json:"blocks,omitempty"`
	Attachments json.RawMessage `json:"attachments,omitempty"`
	Metadata    *Metadata       `json:"metadata,omitempty"`
	ClientMsgID string          `json:"client_msg_id,omitempty"`
	// Edited is the time stamp of the last edit that people see; Slack does not mark those with blocks.
	Edited string `json:"edited,omitempty"`
	// Revisions counts the edits, marked or not.
	Revisions int  `json:"revisions,omitempty"`
	Deleted   bool `json:"deleted,omitempty"`
	// Posted is the clock's time of the first version.
	Posted time.Time `json:"posted"`
	// Mentions and Links are all that Slack would make of the texts, see Mention.
	Mentions []Mention `json:"mentions,omitempty"`
	Links    []Link    `json:"links,omitempty"`
}

// messageStore is the messages in the order of their time stamps, by channel, by thread and by time stamp.
type messageStore struct {
	all      []*Message
	byStamp  map[string]*Message
	channels map[string][]*Message
	threads  map[string][]*Message
}

func newMessageStore() messageStore {
	return messageStore{
		byStamp: map[string]*Message{}, channels: map[string][]*Message{}, threads: map[string][]*Message{},
	}
}

// add stores a message whose time stamp is later than all others.
func (s *messageStore) add(m *Message) {
	s.all = append(s.all, m)
	s.byStamp[m.TS] = m
	if m.ThreadTS != "" {
		s.threads[m.ThreadTS] = append(s.threads[m.ThreadTS], m)
	}
	if m.ThreadTS == "" || m.Broadcast {
		s.channels[m.Channel] = append(s.channels[m.Channel], m)
	}
}

// find is the message of a channel with a time stamp, deleted or not.
func (s *messageStore) find(channel, stamp string) *Message {
	m := s.byStamp[stamp]
	if m == nil || m.Channel != channel {
		return nil
	}
	return m
}

// live is find without messages that were deleted.
func (s *messageStore) live(channel, stamp string) *Message {
	m := s.find(channel, stamp)
	if m == nil || m.Deleted {
		return nil
	}
	return m
}

// replies are the messages of a thread that were not deleted, without its first.
func (s *messageStore) replies(stamp string) []*Message {
	return slices.DeleteFunc(slices.Clone(s.threads[stamp]), func(m *Message) bool { return m.Deleted })
}

// between cuts out of a list the messages within bounds, which are time stamps in normal form or empty.
func between(list []*Message, oldest, latest string, inclusive bool) []*Message {
	from, to := 0, len(list)
	if oldest != "" {
		from = sort.Search(len(list), func(i int) bool {
			stamp := normalStamp(list[i].TS)
			return stamp > oldest || inclusive && stamp == oldest
		})
	}
	if latest != "" {
		to = sort.Search(len(list), func(i int) bool {
			stamp := normalStamp(list[i].TS)
			return stamp > latest || !inclusive && stamp == latest
		})
	}
	return list[from:max(from, to)]
}

// Messages lists everything ever posted, edited texts in their last form, in the order of posting.
func (w *Workspace) Messages() []Message {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := make([]Message, 0, len(w.messages.all))
	for _, m := range w.messages.all {
		list = append(list, *m)
	}
	return list
}

// MessageCount is how many messages were ever posted.
func (w *Workspace) MessageCount() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.messages.all)
}

// Delete removes a message, as a person in Slack would. It returns false where there is none.
func (w *Workspace) Delete(channel, stamp string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	m := w.messages.live(channel, stamp)
	if m != nil {
		m.Deleted = true
	}
	return m != nil
}

// Say posts a message of a user, as a person in Slack would, and returns its time stamp. threadTS may be empty.
func (w *Workspace) Say(channel, user, text, threadTS string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	m := &Message{
		Channel: channel, User: user, Text: text, ThreadTS: threadTS, ReplyTo: threadTS,
		TS: w.stamps.next(w.clock()), Posted: w.clock(),
	}
	m.Mentions, m.Links = w.parseText(text, "text", parseOptions{})
	w.messages.add(m)
	return m.TS
}

// messageObject is a message as Slack's answers show it. Without allMetadata, Slack tells of the metadata its type
// alone (slackapi/python-slack-sdk#1501).
func (w *Workspace) messageObject(m *Message, allMetadata bool) map[string]any {
	object := map[string]any{
		"type": "message", "user": m.User, "text": m.Text, "ts": m.TS, "team": w.team.ID,
	}
	if m.User == BotUser {
		object["bot_id"], object["app_id"] = BotID, AppID
		object["bot_profile"] = map[string]any{
			"id": BotID, "app_id": AppID, "user_id": BotUser, "name": "jwtsunset", "deleted": false, "team_id": w.team.ID,
		}
	}
	addRaw(object, "blocks", m.Blocks)
	addRaw(object, "attachments", m.Attachments)
	if m.ClientMsgID != "" {
		object["client_msg_id"] = m.ClientMsgID
	}
	if m.Edited != "" {
		object["edited"] = map[string]any{"user": m.User, "ts": m.Edited}
	}
	if m.Broadcast {
		object["subtype"] = "thread_broadcast"
	}
	if m.Metadata != nil {
		shown := *m.Metadata
		if !allMetadata {
			shown.EventPayload = json.RawMessage("{}")
		}
		object["metadata"] = shown
	}
	w.addThread(object, m)
	return object
}

func addRaw(object map[string]any, name string, raw json.RawMessage) {
	if len(raw) > 0 && string(raw) != "[]" {
		object[name] = raw
	}
}

func (w *Workspace) addThread(object map[string]any, m *Message) {
	if m.ThreadTS != "" {
		object["thread_ts"] = m.ThreadTS
		if parent := w.messages.byStamp[m.ThreadTS]; parent != nil {
			object["parent_user_id"] = parent.User
		}
		return
	}
	replies := w.messages.replies(m.TS)
	if len(replies) == 0 {
		return
	}
	var users []string
	for _, r := range replies {
		if !slices.Contains(users, r.User) {
			users = append(users, r.User)
		}
	}
	object["thread_ts"], object["reply_count"], object["latest_reply"] = m.TS, len(replies), replies[len(replies)-1].TS
	object["reply_users"], object["reply_users_count"], object["subscribed"] = users, len(users), false
	object["is_locked"] = false
}
