package slack

import (
	"bytes"
	_ "embed" // for the template
	"html/template"
	"net/http"
	"slices"
	"strings"
)

// The most that one page shows, so that it stays readable and small.
const (
	shownChannels = 40
	shownMessages = 12
	shownAlone    = 300
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// pageView is what the page shows.
type pageView struct {
	Team     Team
	Messages int
	Now      string
	Down     bool
	// Alone is the page of one conversation.
	Alone    bool
	Channels []channelView
	// Hidden is how many conversations with messages are left out.
	Hidden int
}

type channelView struct {
	ID, Title, Detail string
	// Lang is the reader's locale, by which browsers choose the forms of Chinese characters.
	Lang             string
	Direct, Archived bool
	Messages         []messageView
	// Earlier is how many messages are left out.
	Earlier int
}

type messageView struct {
	Author, Initial, Time, Stamp string
	App, Edited, Deleted, Reply  bool
	Revisions                    int
	Spans                        []span
	Blocks                       []blockView
	// Fallback is the text that notifications show where there are blocks.
	Fallback string
	// Loud are the mentions that would notify more than one person.
	Loud []string
}

// servePage shows the conversations with messages to people, the latest first, or the one that ?channel= names.
func (w *Workspace) servePage(writer http.ResponseWriter, r *http.Request) {
	var page bytes.Buffer
	if err := pageTemplate.Execute(&page, w.pageView(r.URL.Query().Get("channel"))); err != nil {
		http.Error(writer, "the page cannot be made: "+err.Error(), http.StatusInternalServerError)
		return
	}
	header := writer.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "no-store")
	if _, err := writer.Write(page.Bytes()); err != nil {
		w.logger.DebugContext(r.Context(), "page not sent", "error", err)
	}
}

func (w *Workspace) pageView(only string) pageView {
	w.mu.Lock()
	defer w.mu.Unlock()
	v := pageView{
		Team: w.team, Messages: len(w.messages.all), Now: localTime(w.clock(), nil), Down: w.down.Load(), Alone: only != "",
	}
	most := shownMessages
	ids := w.latestChannels()
	if only != "" {
		most = shownAlone
		ids = slices.DeleteFunc(ids, func(id string) bool { return id != only })
	}
	for i, id := range ids {
		if i == shownChannels {
			v.Hidden = len(ids) - i
			break
		}
		v.Channels = append(v.Channels, w.channelView(w.channels.byID[id], most))
	}
	return v
}

// latestChannels are the conversations that have messages, the one with the latest message first.
func (w *Workspace) latestChannels() (ids []string) {
	seen := map[string]bool{}
	for _, m := range slices.Backward(w.messages.all) {
		if !seen[m.Channel] && w.channels.byID[m.Channel] != nil {
			seen[m.Channel] = true
			ids = append(ids, m.Channel)
		}
	}
	return ids
}

func (w *Workspace) channelView(c *Channel, most int) channelView {
	v := channelView{ID: c.ID, Title: "#" + c.Name, Detail: c.Topic, Archived: c.Archived, Lang: "en"}
	reader := w.users.byID[c.User]
	switch {
	case c.IM && reader != nil:
		v.Direct, v.Title, v.Lang = true, reader.RealName, reader.Locale
		v.Detail = strings.Join([]string{reader.Email, reader.Locale, reader.TZ}, " · ")
		if reader.Deleted {
			v.Detail = reader.Email + " · deactivated"
		}
	case c.Private:
		v.Title = c.Name + " (private)"
	}
	list := w.messages.channels[c.ID]
	v.Earlier = max(0, len(list)-most)
	for _, m := range list[v.Earlier:] {
		v.Messages = append(v.Messages, w.messageView(m, reader))
		for _, reply := range w.messages.threads[m.TS] {
			v.Messages = append(v.Messages, w.messageView(reply, reader))
		}
	}
	return v
}

func (w *Workspace) messageView(m *Message, reader *User) messageView {
	v := messageView{
		Author: m.User, Time: localTime(m.Posted, reader), Stamp: m.TS, App: m.User == BotUser, Deleted: m.Deleted,
		Reply: m.ThreadTS != "", Edited: m.Edited != "", Revisions: m.Revisions, Blocks: w.blockViews(m.Blocks),
	}
	if u := w.users.byID[m.User]; u != nil {
		v.Author = u.RealName
	}
	v.Initial = strings.ToUpper(string([]rune(v.Author + "?")[:1]))
	if len(v.Blocks) > 0 {
		v.Fallback = m.Text
	} else {
		v.Spans = w.render(m.Text)
	}
	for _, mention := range m.Mentions {
		if mention.Kind != "user" && !mention.Auto {
			v.Loud = append(v.Loud, w.mentionText(mention))
		}
	}
	return v
}
