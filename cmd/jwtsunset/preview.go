package main

import (
	"context"
	"fmt"
	"strings"

	"jwtsunset/notify"
	"jwtsunset/notify/slack"
	"jwtsunset/report"
)

const previewDigest = "digest"

// previewRecord is a message as Slack would get it.
type previewRecord struct {
	To     string `json:"to"`
	Text   string `json:"text"`
	Blocks any    `json:"blocks"`
}

// preview prints the message that an owner would get if all of theirs were due now.
func (a *app) preview(ctx context.Context, r *reminders, f remindFlags) error {
	m, err := r.previewOf(ctx, f.preview)
	if err != nil {
		return err
	}
	if f.language != "" {
		m.Language = f.language
	}
	var records []previewRecord
	for page := range slack.Pages(m) {
		text, blocks, err := slack.Compose(r.templates, m, page)
		if err != nil {
			return err
		}
		records = append(records, previewRecord{To: m.To.String(), Text: text, Blocks: blocks})
	}
	if f.format == report.FormatJSON {
		return a.writeJSON(records)
	}
	rendered, err := r.templates.Render(m, notify.PageOf(m, 0, max(1, len(m.Items)), 1), notify.PlainMedium())
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.stdout, "to:    %s\npages: %d\n\n%s\n",
		report.Clean(m.To.String()), len(records), rendered.Plain)
	return err
}

// previewOf makes the message for somebody named by address, Adobe user id or recipient.
func (r *reminders) previewOf(ctx context.Context, who string) (notify.Message, error) {
	s, err := r.state(ctx)
	if err != nil {
		return notify.Message{}, err
	}
	look, err := r.rehearsedLookUp(ctx, s)
	m := notify.Message{
		ID: "preview", Kind: notify.KindReminder, Language: r.policy.Language, Now: s.Now, Link: r.cfg.Reminders.PageURL,
	}
	if err != nil {
		return m, err
	}
	if who == previewDigest {
		m.Kind, m.To = notify.KindDigest, r.policy.Fallback
		m.Digest, err = r.digestFrom(ctx, s, look)
		return m, err
	}
	if m, ok, err := r.previewNotice(ctx, m, who); ok || err != nil {
		return m, err
	}
	for _, x := range r.policy.Overview(s, look).Open {
		to := x.Examination.Recipient
		named := strings.EqualFold(x.Item.Owner, who) || strings.EqualFold(to.String(), who) || strings.EqualFold(to.ID, who)
		if !named || (!m.To.IsZero() && m.To != to) {
			continue
		}
		if m.To = to; len(m.Items) == 0 && x.Language != "" {
			m.Language = x.Language
		}
		m.Items = append(m.Items, x.Item)
	}
	if len(m.Items) == 0 {
		return m, hinted{fmt.Errorf("nothing open belongs to %q", who), "jwtsunset owners lists who is told of what"}
	}
	return m, nil
}
