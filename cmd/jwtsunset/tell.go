package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"jwtsunset/approval"
	"jwtsunset/migrator"
	"jwtsunset/notify"
	"jwtsunset/store"
)

// This file queues what people are told about migrations. It is worked out from what is on record of migrations and of
// messages, so that a crash between a change and the telling of it loses nothing.

// newsFor is how long it is told that a request has ended, and watchMost what a watch may have taken after that,
// whatever the configuration says by now.
const (
	newsFor   = 7 * 24 * time.Hour
	watchMost = 30 * 24 * time.Hour
)

// tiding is one thing to tell.
type tiding struct {
	kind notify.NoticeKind
	// mark tells two of a kind apart that are about the same request, or about the line.
	mark string
	// migration is nil where the news are about the line.
	migration *migrator.Migration
	line      *approval.Line
	// at is when it came to an end; zero while it goes on.
	at time.Time
}

// aboutLine stands in the place of a request's id.
const aboutLine = "line"

// occasion names the news in the keys of messages.
func (n tiding) occasion() string {
	id := aboutLine
	if n.migration != nil {
		id = n.migration.ID
	}
	return strings.Join([]string{string(notify.KindMigration), id, string(n.kind), n.mark}, "/")
}

// parseOccasion is what an occasion was made from, also with more behind it.
func parseOccasion(key string) (id string, kind notify.NoticeKind, mark string, ok bool) {
	parts := strings.SplitN(key, "/", 5)
	if len(parts) < 4 || parts[0] != string(notify.KindMigration) {
		return "", "", "", false
	}
	return parts[1], notify.NoticeKind(parts[2]), parts[3], true
}

// ended are the states of requests that are over, and what is told of them.
var ended = map[approval.State]notify.NoticeKind{
	approval.StateDeclined: notify.NoticeDeclined, approval.StateRevoked: notify.NoticeRevoked,
	approval.StateExpired: notify.NoticeExpired, approval.StateStale: notify.NoticeStale,
	approval.StateFailed: notify.NoticeFailed, approval.StateMigrated: notify.NoticeMigrated,
}

// newsOf is what there is to tell of a migration as it stands.
func newsOf(m *migrator.Migration, now time.Time) []tiding {
	is := func(k notify.NoticeKind, mark string) []tiding { return []tiding{{kind: k, mark: mark, migration: m}} }
	attempt := ""
	if a := m.Last(); a != nil {
		attempt = a.ID
	}
	switch {
	case m.State == approval.StateRequested:
		return is(notify.NoticeRequested, "")
	case m.Spent() && len(m.Decisions) == 0 && m.Cancel == nil:
		return is(notify.NoticeRenewal, attempt)
	case m.State == approval.StateStaged && m.Expired(now) && m.Cancel == nil:
		return is(notify.NoticeRenewal, strconv.FormatInt(m.Expires.Unix(), 10))
	case m.State == approval.StateRunning && m.Method == approval.MethodGuided && m.Done == nil:
		return is(notify.NoticeHandedOut, attempt)
	case m.State == approval.StateNeedsAttention:
		return is(notify.NoticeAttention, attempt+"-"+digestOfText(m.Why))
	case ended[m.State] == "":
		return nil
	}
	all := []tiding{{kind: ended[m.State], migration: m, at: m.Ended}}
	switch m.Watch {
	case migrator.WatchBack:
		all = append(all, tiding{kind: notify.NoticeAlarm, migration: m, at: later(m.Ended, m.WatchedUntil)})
	case migrator.WatchUnused:
		all = append(all, tiding{kind: notify.NoticeUnconfirmed, migration: m, at: later(m.Ended, m.WatchedUntil)})
	case migrator.WatchOpen, migrator.WatchSound: // all is well
	}
	return all
}

// digestOfText tells texts apart in a few characters.
func digestOfText(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:4])
}

// newsOfLine is what there is to tell of the line. A new database is nobody's concern before something is asked for.
func newsOfLine(l *approval.Line, asked bool) []tiding {
	var all []tiding
	if f := l.Frozen; f != nil && (asked || !f.New || f.By.Person != "") {
		all = append(all, tiding{kind: notify.NoticeFrozen, mark: strconv.FormatInt(f.At.UnixMicro(), 10), line: l})
	}
	if l.Stopped != "" {
		all = append(all, tiding{kind: notify.NoticeStopped, mark: strconv.FormatInt(l.StoppedAt.UnixMicro(), 10), line: l})
	}
	return all
}

// allNews is everything that people are to know by now.
func (r *reminders) allNews(ctx context.Context, now time.Time) ([]tiding, error) {
	open, err := r.store.Migrations(ctx)
	if err != nil {
		return nil, err
	}
	over, err := r.store.MigrationsEnded(ctx, now.Add(-r.newsFor()-max(watchMost, r.cfg.Migrator.Watch)))
	if err != nil {
		return nil, err
	}
	line, err := r.store.Line(ctx)
	if err != nil {
		return nil, err
	}
	all := newsOfLine(&line, r.cfg.Migrator.Enabled && len(open) > 0)
	for _, list := range [][]migrator.Migration{open, over} {
		for i := range list {
			for _, n := range newsOf(&list[i], now) {
				if n.at.IsZero() || now.Sub(n.at) < r.newsFor() {
					all = append(all, n)
				}
			}
		}
	}
	return all, nil
}

// newsFor is shorter than messages are kept: what was told and forgotten would be told again.
func (r *reminders) newsFor() time.Duration { return min(newsFor, r.cfg.History.Keep/2) }

// tell queues what nobody was told yet, each once for each recipient however often it is called, and gives how many
// messages that are. Who cannot be looked up now is left for the next time.
func (r *reminders) tell(ctx context.Context, look notify.LookUp) (queued int, err error) {
	now := r.clock()
	all, err := r.allNews(ctx, now)
	if err != nil || len(all) == 0 {
		return 0, err
	}
	told, err := r.store.MessageKeys(ctx)
	if err != nil {
		return 0, err
	}
	refused, err := r.store.Refused(ctx, now.Add(-refusedFor))
	if err != nil {
		return 0, err
	}
	t := teller{reminders: r, people: r.policy.Addressees(look, refused), told: told, now: now}
	for _, n := range all {
		if err := t.tell(ctx, n); err != nil {
			return t.queued, err
		}
	}
	return t.queued, nil
}

// refusedFor is how long somebody is passed over whom Slack refused, as for reminders.
const refusedFor = 24 * time.Hour

// teller queues news.
type teller struct {
	*reminders
	people *notify.Addressees
	// told are the keys of messages on record.
	told   map[string]bool
	now    time.Time
	queued int
}

func (t *teller) tell(ctx context.Context, n tiding) error {
	audience, err := t.audience(ctx, n)
	if err != nil {
		return err
	}
	for _, a := range audience {
		o := t.policy.NewNotice(n.occasion(), n.kind, a, t.now)
		if t.told[o.Key] {
			continue
		}
		if n.migration != nil {
			o.Items = []notify.OutgoingItem{{Organization: n.migration.Organization, Credential: n.migration.Credential}}
		}
		err := t.store.QueueMessage(ctx, o)
		if err != nil && !errors.Is(err, notify.ErrConflict) { // which says that somebody else was faster
			return err
		}
		if t.told[o.Key] = true; err == nil {
			t.queued++
		}
	}
	return nil
}

// audience is whom news concern, each once. Somebody about whom the directory gives no answer is left out, and no
// channel is told instead.
func (t *teller) audience(ctx context.Context, n tiding) ([]notify.Addressee, error) {
	var all []notify.Addressee
	add := func(a notify.Addressee) {
		for _, other := range all {
			if other.To == a.To {
				return
			}
		}
		if !a.To.IsZero() {
			all = append(all, a)
		}
	}
	channel, instead := true, false
	switch n.kind {
	case notify.NoticeMigrated:
		owner, err := t.owner(ctx, n.migration)
		if err != nil && !isFailure(err) {
			return nil, err
		}
		add(owner)
		fallthrough
	case notify.NoticeHandedOut, notify.NoticeFailed, notify.NoticeAttention, notify.NoticeAlarm,
		notify.NoticeUnconfirmed:
		requester, _ := t.requester(n.migration)
		add(requester)
	case notify.NoticeDeclined, notify.NoticeRevoked, notify.NoticeExpired, notify.NoticeStale:
		requester, err := t.requester(n.migration)
		add(requester)
		channel, instead = false, err == nil && requester.To.IsZero()
	case notify.NoticeRequested, notify.NoticeRenewal, notify.NoticeStopped, notify.NoticeFrozen:
	}
	if channel || instead {
		add(t.people.Fallback())
	}
	return all, nil
}

// isFailure tells whether an error says that the directory gave no answer.
func isFailure(err error) bool {
	var f *notify.Failure
	return errors.As(err, &f)
}

// owner is whom reminders about the credential of a migration go to.
func (t *teller) owner(ctx context.Context, m *migrator.Migration) (notify.Addressee, error) {
	current, err := t.current(ctx, m.Organization, m.Credential)
	if err != nil || !current.Known {
		return notify.Addressee{}, err
	}
	return t.people.Owner(current.Credential, current.Answers)
}

// requester is who asked for a migration, as the configuration knows that person now.
func (t *teller) requester(m *migrator.Migration) (notify.Addressee, error) {
	for _, p := range t.cfg.People {
		if p.Name == m.By.Person {
			return t.people.Colleague(p.Slack[strings.Index(p.Slack, "/")+1:], p.Emails) // in T123/U123 the team comes first
		}
	}
	return notify.Addressee{}, nil
}

// noticeOf says what a queued notice tells, as things stand now; nil where it is not so any more.
func (r *reminders) noticeOf(ctx context.Context, o notify.Outgoing) (*notify.Notice, error) {
	id, kind, mark, ok := parseOccasion(o.Key)
	if !ok {
		return nil, fmt.Errorf("message %s tells of %q, which is unknown", o.ID, o.Key)
	}
	if id == aboutLine {
		line, err := r.store.Line(ctx)
		if err != nil {
			return nil, err
		}
		return noticeAmong(newsOfLine(&line, true), kind, mark, lineNotice), nil
	}
	m, err := r.store.Migration(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil //nolint:nilnil // nothing is left to tell
	}
	if err != nil {
		return nil, err
	}
	n := noticeAmong(newsOf(&m, r.clock()), kind, mark, migrationNotice)
	if n == nil {
		return nil, nil //nolint:nilnil // as above
	}
	n.Page, err = r.pageOf(ctx, &m)
	return n, err
}

// noticeAmong makes the notice of the one of several news that is asked for; nil if it is not among them.
func noticeAmong(all []tiding, kind notify.NoticeKind, mark string, notice func(tiding) *notify.Notice) *notify.Notice {
	for _, n := range all {
		if n.kind == kind && n.mark == mark {
			return notice(n)
		}
	}
	return nil
}
