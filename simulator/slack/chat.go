package slack

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf16"
)

const (
	// TruncateText is where chat.postMessage cuts the top-level text, with a warning. Source:
	// https://api.slack.com/changelog/2018-04-truncating-really-long-messages
	TruncateText = 40_000
	// UpdateText is the longest text that chat.update takes, by its page.
	UpdateText = 4_000
	// attachmentsLimit is that of chat.postMessage's page.
	attachmentsLimit = 100
)

// content is what a call wants a message to say.
type content struct {
	text        string
	blocks      json.RawMessage
	attachments json.RawMessage
	metadata    *Metadata
	mentions    []Mention
	links       []Link
	// hasBlocks and hasMetadata tell empty ones from those left out.
	hasBlocks, hasMetadata bool
}

// content reads and checks what a message is to say.
func (c *call) content() (content, *answer) {
	made := content{text: c.arg("text"), hasBlocks: c.has("blocks"), hasMetadata: c.has("metadata")}
	if c.arg("markdown_text") != "" && (made.text != "" || c.arg("blocks") != "") {
		return made, refuse(failure("markdown_text_conflict"))
	}
	if made.text == "" {
		made.text = c.arg("markdown_text")
	}
	if refused := c.readBlocks(&made); refused != nil {
		return made, refused
	}
	if refused := c.readAttachments(&made); refused != nil {
		return made, refused
	}
	metadata, refused := readMetadata(c.arg("metadata"))
	if refused != nil {
		return made, refused
	}
	made.metadata = metadata
	mentions, links := c.w.parseText(made.text, "text", parseOptions{
		names: c.flag("link_names") || c.arg("parse") == "full", full: c.arg("parse") == "full",
	})
	made.mentions, made.links = append(mentions, made.mentions...), append(links, made.links...)
	return made, nil
}

func (c *call) readBlocks(made *content) *answer {
	raw := c.arg("blocks")
	if raw == "" {
		return nil
	}
	blocks, problems := readBlocks([]byte(raw))
	switch {
	case blocks == nil && problems == nil:
		return refuse(failure("invalid_blocks_format"))
	case len(problems) > 0:
		a := explained("invalid_blocks", problems...)
		a.fields["errors"] = problems
		return &a
	case textOf(blocks) > MaxBlocksText:
		return refuse(failure("msg_blocks_too_long"))
	}
	made.mentions, made.links = c.w.parseBlocks(blocks)
	c.w.fillBlocks(blocks)
	filled, err := encode(blocks)
	if err != nil {
		return refuse(failure("invalid_blocks_format"))
	}
	made.blocks = filled
	return nil
}

// readAttachments stores attachments, which are Slack's older form, without a look at what is in them.
func (c *call) readAttachments(made *content) *answer {
	raw := c.arg("attachments")
	if raw == "" {
		return nil
	}
	var list []map[string]any
	if err := json.Unmarshal([]byte(raw), &list); err != nil {
		return refuse(failure("invalid_attachments"))
	}
	if len(list) > attachmentsLimit {
		return refuse(failure("too_many_attachments"))
	}
	made.attachments = json.RawMessage(raw)
	return nil
}

func (m content) empty() bool {
	return strings.TrimSpace(m.text) == "" && missing(m.blocks) && missing(m.attachments)
}

func missing(list json.RawMessage) bool { return len(list) == 0 || string(list) == "[]" }

// units is the length of a text in UTF-16 units.
func units(text string) int {
	n := 0
	for _, r := range text {
		n += max(1, utf16.RuneLen(r))
	}
	return n
}

// truncate cuts a text to some units, between its runes.
func truncate(text string, most int) string {
	n := 0
	for i, r := range text {
		n += max(1, utf16.RuneLen(r))
		if n > most {
			return text[:i]
		}
	}
	return text
}

func chatPostMessage(c *call) answer {
	channel, refused := c.postable()
	if refused != nil {
		return *refused
	}
	made, refused := c.content()
	if refused != nil {
		return *refused
	}
	if made.empty() {
		return failure("no_text")
	}
	if seconds := c.w.limiter.takePost(channel.ID, c.w.clock()); seconds > 0 {
		return rateLimited(seconds)
	}
	m, refused := c.newMessage(channel, made)
	if refused != nil {
		return *refused
	}
	c.w.messages.add(m)
	c.made = m.TS
	a := success("channel", channel.ID, "ts", m.TS, "message", c.w.messageObject(m, true))
	if m.Text != made.text {
		a = a.warned("message_truncated")
		a.fields["response_metadata"].(map[string]any)["messages"] = []string{
			"[WARN] The text was longer than " + strconv.Itoa(TruncateText) + " characters and was cut.",
		}
	}
	return a
}

// newMessage is the message that a call makes. A reply to what is no longer there becomes a message of its own, see
// Options.RefuseOrphans.
func (c *call) newMessage(channel *Channel, made content) (*Message, *answer) {
	m := &Message{
		Channel: channel.ID, ReplyTo: c.arg("thread_ts"), User: BotUser, Text: truncate(made.text, TruncateText),
		Blocks: made.blocks, Attachments: made.attachments, Metadata: made.metadata, ClientMsgID: c.arg("client_msg_id"),
		Mentions: made.mentions, Links: made.links, TS: c.w.stamps.next(c.w.clock()), Posted: c.w.clock(),
	}
	if m.ReplyTo == "" {
		return m, nil
	}
	parent := c.w.messages.find(channel.ID, m.ReplyTo)
	if parent != nil && parent.ThreadTS != "" {
		parent = c.w.messages.find(channel.ID, parent.ThreadTS)
	}
	gone := parent == nil || parent.Deleted && len(c.w.messages.replies(parent.TS)) == 0
	switch {
	case gone && c.w.options.RefuseOrphans:
		return nil, refuse(failure("thread_not_found"))
	case !gone:
		m.ThreadTS, m.Broadcast = parent.TS, c.flag("reply_broadcast")
	}
	return m, nil
}

// postable finds the conversation that a message is to go to: by id, by name, or that with a user. Slack lets messages
// to deactivated users through, as users report (slackapi/python-slack-sdk#1156).
func (c *call) postable() (*Channel, *answer) {
	channel := c.destination()
	switch {
	case channel == nil || (channel.Private || channel.IM || channel.MPIM) && !channel.joined():
		return nil, refuse(failure("channel_not_found"))
	case channel.Archived:
		return nil, refuse(failure("is_archived"))
	case !channel.joined() && !c.w.granted("chat:write.public"):
		return nil, refuse(failure("not_in_channel"))
	case channel.Restriction != "":
		return nil, refuse(failure(channel.Restriction))
	}
	return channel, nil
}

func (c *call) destination() *Channel {
	id := c.arg("channel")
	if channel := c.w.channels.byID[id]; channel != nil {
		return channel
	}
	if byName := c.w.channels.byName[strings.TrimPrefix(id, "#")]; byName != "" {
		return c.w.channels.byID[byName]
	}
	u := c.w.users.byID[id]
	if u == nil || u.Stranger || u.Bot {
		return nil
	}
	channel, _ := c.w.direct([]string{u.ID})
	return channel
}

// editable finds the message that a call wants to change.
func (c *call) editable(refusal string) (*Message, *answer) {
	channel := c.w.visible(c.arg("channel"))
	if channel == nil {
		return nil, refuse(failure("channel_not_found"))
	}
	m := c.w.messages.live(channel.ID, c.arg("ts"))
	switch {
	case m == nil:
		return nil, refuse(failure("message_not_found"))
	case m.User != BotUser:
		return nil, refuse(failure(refusal))
	case channel.Archived:
		return nil, refuse(failure("is_inactive"))
	}
	return m, nil
}

func chatUpdate(c *call) answer {
	m, refused := c.editable("cant_update_message")
	if refused != nil {
		return *refused
	}
	if window := c.w.options.EditWindow; window > 0 && c.w.clock().Sub(m.Posted) > window {
		return failure("edit_window_closed")
	}
	made, refused := c.content()
	if refused != nil {
		return *refused
	}
	if units(made.text) > UpdateText {
		return failure("msg_too_long")
	}
	if made.empty() {
		return failure("no_text")
	}
	c.made = m.TS
	m.edit(made, c.w.stamps.next(c.w.clock()))
	return success("channel", m.Channel, "ts", m.TS, "text", m.Text, "message", c.w.messageObject(m, true))
}

// edit changes a message. What is left out stays, but a new text without blocks takes the blocks' place; an empty
// metadata object removes the metadata; and edits with blocks are not marked.
func (m *Message) edit(made content, stamp string) {
	m.Revisions++
	if made.hasBlocks || made.text != "" {
		m.Blocks = made.blocks
		m.Mentions, m.Links = made.mentions, made.links
		if missing(made.blocks) {
			m.Edited = stamp
		}
	}
	if made.text != "" {
		m.Text = made.text
	}
	if !missing(made.attachments) {
		m.Attachments = made.attachments
	}
	if made.hasMetadata {
		m.Metadata = made.metadata
	}
}

func chatDelete(c *call) answer {
	m, refused := c.editable("cant_delete_message")
	if refused != nil {
		return *refused
	}
	m.Deleted = true
	c.made = m.TS
	return success("channel", m.Channel, "ts", m.TS)
}

func chatGetPermalink(c *call) answer {
	channel := c.w.visible(c.arg("channel"))
	if channel == nil {
		return failure("channel_not_found")
	}
	m := c.w.messages.live(channel.ID, c.arg("message_ts"))
	if m == nil {
		return failure("message_not_found")
	}
	link := c.w.team.url() + "archives/" + channel.ID + "/p" + strings.ReplaceAll(m.TS, ".", "")
	if m.ThreadTS != "" {
		link += "?thread_ts=" + m.ThreadTS + "&cid=" + channel.ID
	}
	return success("channel", channel.ID, "permalink", link)
}
