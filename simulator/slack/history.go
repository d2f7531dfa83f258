package slack

import "slices"

// timeRange is the part of a conversation that a call asks for, as time stamps in normal form.
type timeRange struct {
	oldest, latest string
	inclusive      bool
	limit          int
}

func (c *call) timeRange(fallback int) (s timeRange, refused *answer) {
	for name, value := range map[string]*string{"oldest": &s.oldest, "latest": &s.latest} {
		text := c.arg(name)
		if text == "" || name == "latest" && text == "now" {
			continue
		}
		if !stampForm.MatchString(text) {
			return s, refuse(failure("invalid_ts_" + name))
		}
		*value = normalStamp(text)
	}
	s.inclusive = c.flag("inclusive")
	s.limit, refused = c.pageLimit(fallback, 999)
	return s, refused
}

// conversationsHistory gives the newest messages first. Replies are not among them unless they were broadcast.
func conversationsHistory(c *call) answer {
	channel, refused := c.readable("history")
	if refused != nil {
		return *refused
	}
	if !channel.joined() {
		return failure("not_in_channel")
	}
	s, refused := c.timeRange(100)
	if refused != nil {
		return *refused
	}
	if most := c.w.limiter.historyItems(); most > 0 {
		s.limit = min(s.limit, most)
	}
	list := between(c.w.messages.channels[channel.ID], s.oldest, s.latest, s.inclusive)
	if cursor := c.arg("cursor"); cursor != "" {
		stamp := readCursor(cursor, "next_ts")
		if !stampForm.MatchString(stamp) {
			return failure("invalid_cursor")
		}
		list = between(list, "", normalStamp(stamp), true)
	}
	return c.newestFirst(list, s.limit)
}

func (c *call) newestFirst(list []*Message, limit int) answer {
	objects, next := []any{}, ""
	for _, m := range slices.Backward(list) {
		if m.Deleted && len(c.w.messages.replies(m.TS)) == 0 {
			continue
		}
		if len(objects) == limit {
			next = makeCursor("next_ts", m.TS)
			break
		}
		objects = append(objects, c.shown(m))
	}
	a := success("messages", objects, "has_more", next != "", "pin_count", 0)
	if next != "" {
		a = a.cursor(next)
	}
	return a
}

// shown is a message in a list; of a deleted one with replies Slack leaves a tombstone.
func (c *call) shown(m *Message) map[string]any {
	if !m.Deleted {
		return c.w.messageObject(m, c.flag("include_all_metadata"))
	}
	object := map[string]any{
		"type": "message", "subtype": "tombstone", "hidden": true, "user": "USLACKBOT", "ts": m.TS,
		"text": "This message was deleted.",
	}
	c.w.addThread(object, m)
	return object
}

// conversationsReplies gives a thread, oldest first, its first message on every page.
func conversationsReplies(c *call) answer {
	channel, refused := c.readable("history")
	if refused != nil {
		return *refused
	}
	if !channel.joined() {
		return failure("not_in_channel")
	}
	s, refused := c.timeRange(999)
	if refused != nil {
		return *refused
	}
	root := c.w.messages.find(channel.ID, c.arg("ts"))
	if root != nil && root.ThreadTS != "" {
		root = c.w.messages.find(channel.ID, root.ThreadTS)
	}
	if root == nil || root.Deleted && len(c.w.messages.replies(root.TS)) == 0 {
		return failure("thread_not_found")
	}
	list := between(c.w.messages.replies(root.TS), s.oldest, s.latest, s.inclusive)
	if cursor := c.arg("cursor"); cursor != "" {
		stamp := readCursor(cursor, "next_ts")
		if !stampForm.MatchString(stamp) {
			return failure("invalid_cursor")
		}
		list = between(list, normalStamp(stamp), "", true)
	}
	objects, next := []any{c.shown(root)}, ""
	for i, m := range list {
		if i == s.limit {
			next = makeCursor("next_ts", m.TS)
			break
		}
		objects = append(objects, c.shown(m))
	}
	a := success("messages", objects, "has_more", next != "")
	if next != "" {
		a = a.cursor(next)
	}
	return a
}
