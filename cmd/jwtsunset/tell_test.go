package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"jwtsunset/approval"
	"jwtsunset/audit"
	"jwtsunset/credential"
	"jwtsunset/migrator"
	"jwtsunset/notify"
	workspace "jwtsunset/simulator/slack"
)

// town is a clerk in whose configuration people ask for migrations.
type town struct {
	*clerk
	// left are credentials that nobody has asked for yet, and whose owner is on Slack.
	left []credential.Credential
	// seen counts the messages that were looked at.
	seen int
}

const (
	ana = "U0ANA00001" // asks
	bea = "U0BEA00001" // decides
)

func newTown(t *testing.T, reminders string) *town {
	t.Helper()
	w := &town{clerk: newClerk(t, reminders)}
	w.reconfigure(w.reminding(reminders, `people:
  - {name: ana, slack: `+ana+`, emails: [ana@example.com], os_user: ana}
  - {name: bea, emails: [bea@example.com], os_user: bea, roles: [approver]}
  - {name: gone, slack: U0GONE0001, emails: [gone@example.com], os_user: gone}
  - {name: ben, emails: [ben@example.com], os_user: ben}
approval: {four_eyes: false}`, `migrator: {enabled: true, methods: {developer-console: guided}}`))
	if err := w.d.reload(t.Context(), w.loaded()); err != nil {
		t.Fatal(err)
	}
	w.tells()
	w.works(scanJob)
	for to, list := range w.owed() {
		for _, c := range list {
			if to != fallbackChannel {
				w.left = append(w.left, c)
			}
		}
	}
	slices.SortFunc(w.left, func(a, b credential.Credential) int { return strings.Compare(a.ID, b.ID) })
	w.thaw()
	return w
}

// tells makes the courier know notices.
func (w *town) tells() { w.d.reminders.courier.Notice = w.d.reminders.noticeOf }

func (w *town) thaw() {
	w.t.Helper()
	if _, err := w.store.ChangeLine(w.t.Context(), func(l *approval.Line) (audit.Event, error) {
		l.Frozen, l.Stopped = nil, ""
		return event(audit.ActionLineThawed), nil
	}); err != nil {
		w.t.Fatal(err)
	}
}

func event(a audit.Action) audit.Event {
	return audit.Event{Action: a, Object: audit.Object{Type: "line"}, Result: audit.ResultOK}
}

// ask makes a request of somebody for the next credential.
func (w *town) ask(who string) approval.Request {
	w.t.Helper()
	c := w.left[0]
	w.left = w.left[1:]
	gate := approval.Gate{Ledger: w.store.Requests(), Policy: approvalPolicy(w.loaded()), Clock: w.time}
	s := approval.Subject{Credential: c, Method: approval.MethodGuided, Verdict: approval.VerdictNotNeeded}
	hand := approval.Hand{Identity: approval.IdentityOf(approval.SchemeOS, who), Door: audit.DoorCLI}
	r, joined, err := gate.Request(w.t.Context(), s, approval.Ask{Hand: hand, Reason: "a <reason>"})
	if err != nil || joined {
		w.t.Fatal(joined, err)
	}
	return r
}

// change changes a migration and the line.
func (w *town) change(id string, change func(*migrator.Migration, *approval.Line)) {
	w.t.Helper()
	if _, err := w.store.ChangeMigration(w.t.Context(), id,
		func(m *migrator.Migration, l *approval.Line) (audit.Event, error) {
			change(m, l)
			return event(audit.ActionMigrationChanged), nil
		}); err != nil {
		w.t.Fatal(err)
	}
}

// newTo counts the messages that came since the last call, by recipient.
func (w *town) newTo() map[string]int {
	w.t.Helper()
	counts := map[string]int{}
	for _, m := range w.slack.Messages()[w.seen:] {
		counts[w.whose(m)]++
	}
	w.seen = w.slack.MessageCount()
	return counts
}

func (w *town) whose(m workspace.Message) string {
	for _, c := range w.slack.Channels() {
		if c.ID == m.Channel && c.IM {
			return c.User
		}
	}
	return m.Channel
}

func (w *town) wantNew(what string, want map[string]int) {
	w.t.Helper()
	if got := w.newTo(); !maps.Equal(got, want) {
		w.t.Errorf("%s: told %v, want %v", what, got, want)
	}
}

// last is the newest message.
func (w *town) last() workspace.Message {
	all := w.slack.Messages()
	return all[len(all)-1]
}

func end(s approval.State, why string) func(*migrator.Migration, *approval.Line) {
	return func(m *migrator.Migration, _ *approval.Line) { m.End(s, why, monday) }
}

// attempt puts an attempt of a person on record.
func attempt(m *migrator.Migration) {
	m.State = approval.StateRunning
	m.Attempts = append(m.Attempts, migrator.Attempt{
		ID: "a-" + m.ID, Method: m.Method, Began: monday, Sending: monday, Until: monday.Add(time.Hour),
	})
}

func migrated(m *migrator.Migration, _ *approval.Line) {
	end(approval.StateMigrated, "read back from Adobe")(m, nil)
	m.Proof, m.Origin, m.MigratedAt, m.Watch = migrator.ProofRead, migrator.OriginOurs, monday, migrator.WatchOpen
	m.WatchedUntil = monday.Add(24 * time.Hour)
}

// TestMigrationsAreToldOnce lets each thing happen to a request and looks who is told: once, however often it is looked
// for, and by another process too.
func TestMigrationsAreToldOnce(t *testing.T) {
	t.Parallel()
	w := newTown(t, atAnyHour)
	for _, test := range []struct {
		name   string
		change func(*migrator.Migration, *approval.Line)
		// ana asked; owner stands for whoever owns the credential.
		want  []string
		words []string
	}{
		{"declined", end(approval.StateDeclined, "not now"), []string{ana}, []string{"declined", "not now"}},
		{"expired", end(approval.StateExpired, ""), []string{ana}, []string{"expired"}},
		{"stale", end(approval.StateStale, "changed: owner"), []string{ana}, []string{"changed: owner"}},
		{"revoked", end(approval.StateRevoked, "wrong one"), []string{ana}, []string{"took it back", "wrong one"}},
		{"failed", end(approval.StateFailed, "Adobe refused it"), []string{ana, fallbackChannel}, []string{"Adobe refused"}},
		{"migrated", migrated, []string{"owner", ana, fallbackChannel}, []string{"is migrated"}},
		{"unconfirmed", func(m *migrator.Migration, l *approval.Line) {
			migrated(m, l)
			m.Watch = migrator.WatchUnused
		}, []string{"owner", ana, fallbackChannel, ana, fallbackChannel}, []string{"question"}},
		{"alarm", func(m *migrator.Migration, l *approval.Line) {
			migrated(m, l)
			m.Watch, l.Stopped, l.StoppedAt = migrator.WatchBack, "a migrated credential is jwt", monday
		}, []string{"owner", ana, fallbackChannel, ana, fallbackChannel, fallbackChannel}, []string{"thaw"}},
		{"handed out", func(m *migrator.Migration, _ *approval.Line) { attempt(m) }, []string{ana, fallbackChannel},
			[]string{"resolve ID --done", "https://experience.adobe.com/"}},
		{"needs attention", func(m *migrator.Migration, _ *approval.Line) {
			attempt(m)
			m.State, m.Why = approval.StateNeedsAttention, "it cannot be read"
			m.Last().Settled = true
		}, []string{ana, fallbackChannel}, []string{"it cannot be read", "resolve ID --not-migrated"}},
	} {
		owner := w.ownerOf(w.left[0])
		r := w.ask("ana")
		w.works(tellJob, deliverJob)
		w.wantNew(test.name+": requested", map[string]int{fallbackChannel: 1})
		request := w.last()
		if text := string(request.Blocks); !strings.Contains(text, "jwtsunset approve "+r.ID) ||
			!strings.Contains(text, "cannot be undone") || !strings.Contains(text, r.Credential) {
			t.Errorf("%s: the channel is told %s", test.name, text)
		}
		w.change(r.ID, test.change)
		want := map[string]int{}
		for _, to := range test.want {
			if to == "owner" && owner != ana {
				want[owner]++
			} else if to != "owner" {
				want[to]++
			}
		}
		w.works(tellJob, deliverJob, tellJob)
		w.end()
		w.begin()
		w.tells()
		w.works(tellJob, deliverJob)
		w.wantNew(test.name, want)
		for _, word := range test.words {
			word = strings.ReplaceAll(word, "ID", r.ID)
			if !slices.ContainsFunc(w.slack.Messages(), func(m workspace.Message) bool {
				return m.TS > request.TS && strings.Contains(m.Text+string(m.Blocks), word)
			}) {
				t.Errorf("%s: no message says %q", test.name, word)
			}
		}
		w.thaw()
		w.change(r.ID, func(m *migrator.Migration, _ *approval.Line) {
			if m.State.Open() {
				m.End(approval.StateFailed, "", monday.AddDate(0, 0, -30))
			}
		})
	}
	if slices.ContainsFunc(w.slack.Calls(), func(c workspace.Call) bool { return c.Method == "chat.update" }) {
		t.Error("a message was changed after it was sent")
	}
	w.advance(newsFor + time.Hour)
	w.works(tellJob, deliverJob)
	w.wantNew("a week later", map[string]int{})
}

// ownerOf is the account of a credential's owner.
func (w *town) ownerOf(c credential.Credential) string {
	for to, list := range w.owed() {
		if slices.ContainsFunc(list, func(x credential.Credential) bool { return x.ID == c.ID }) {
			return to
		}
	}
	return ""
}

// TestRequesterWhoOwnsIsToldOnce has one person in both places.
func TestRequesterWhoOwnsIsToldOnce(t *testing.T) {
	t.Parallel()
	w := newTown(t, atAnyHour)
	w.left = slices.DeleteFunc(w.left, func(c credential.Credential) bool {
		return !strings.EqualFold(c.Owner.AssignedTo, "ben@example.com")
	})
	if len(w.left) == 0 {
		t.Fatal("ben owns nothing")
	}
	owner := w.ownerOf(w.left[0])
	r := w.ask("ben")
	w.change(r.ID, migrated)
	w.works(tellJob, deliverJob)
	w.wantNew("migrated", map[string]int{owner: 1, fallbackChannel: 1})
}

// TestWhoCannotBeToldIsReplaced has a requester whose account is gone: the channel is told instead.
func TestWhoCannotBeToldIsReplaced(t *testing.T) {
	t.Parallel()
	w := newTown(t, atAnyHour)
	r := w.ask("gone")
	w.change(r.ID, end(approval.StateDeclined, "no"))
	w.works(tellJob, deliverJob)
	w.wantNew("declined", map[string]int{fallbackChannel: 1})
}

// TestLookUpsThatFailAreMadeUpFor has no directory at first: nobody else is told instead.
func TestLookUpsThatFailAreMadeUpFor(t *testing.T) {
	t.Parallel()
	w := newTown(t, atAnyHour)
	declined, done := w.ask("bea"), w.ask("bea")
	owner := w.ownerOf(*w.credential(done.Credential))
	w.change(declined.ID, end(approval.StateDeclined, "no"))
	w.change(done.ID, migrated)
	failing := func(string) (notify.Person, error) {
		return notify.Person{}, &notify.Failure{Class: notify.Later, Reason: "timeout", Err: errors.New("down")}
	}
	if _, err := w.d.reminders.tell(t.Context(), failing); err != nil {
		t.Fatal(err)
	}
	w.works(deliverJob)
	w.wantNew("without a directory", map[string]int{fallbackChannel: 1})
	w.works(tellJob, deliverJob)
	w.wantNew("with it again", map[string]int{bea: 2, owner: 1})
}

func (w *town) credential(id string) *credential.Credential {
	for _, c := range w.stored().credentials {
		if c.ID == id {
			return &c
		}
	}
	w.t.Fatalf("there is no credential %s", id)
	return nil
}

// TestNewsAtNight lets things happen on a Saturday night: what needs somebody is told at once, and the rest on Monday.
func TestNewsAtNight(t *testing.T) {
	t.Parallel()
	w := newTown(t, `hours: "09:00-17:00"`)
	w.advance(5*24*time.Hour + 11*time.Hour)
	done, stuck := w.ask("ana"), w.ask("ana")
	w.change(done.ID, migrated)
	w.change(stuck.ID, func(m *migrator.Migration, l *approval.Line) {
		attempt(m)
		m.State, m.Why, m.Last().Settled = approval.StateNeedsAttention, "unread", true
		l.Stopped, l.StoppedAt = "unread", w.time()
	})
	w.works(tellJob, deliverJob)
	w.wantNew("at night", map[string]int{fallbackChannel: 2, ana: 1})
	w.advance(2 * 24 * time.Hour) // Monday evening, when it is day in America
	w.works(tellJob, deliverJob)
	w.advance(18 * time.Hour)
	w.works(tellJob, deliverJob)
	got := w.newTo()
	if got[fallbackChannel] != 1 || got[ana] != 1 {
		t.Errorf("on the next working day: told %v", got)
	}
}

// TestWhatIsNotSoAnyMoreIsNotTold decides on a request, and thaws the line, before the messages are sent.
func TestWhatIsNotSoAnyMoreIsNotTold(t *testing.T) {
	t.Parallel()
	w := newTown(t, atAnyHour)
	r := w.ask("ana")
	if _, err := w.store.ChangeLine(t.Context(), func(l *approval.Line) (audit.Event, error) {
		l.Frozen = &approval.Freeze{By: approval.Signature{Person: "bea"}, Reason: "look first", At: w.time()}
		return event(audit.ActionLineFrozen), nil
	}); err != nil {
		t.Fatal(err)
	}
	w.slack.Down(true)
	w.works(tellJob, deliverJob)
	w.slack.Down(false)
	w.thaw()
	w.change(r.ID, func(m *migrator.Migration, _ *approval.Line) { m.State = approval.StateApproved })
	w.advance(time.Hour)
	w.works(deliverJob)
	w.wantNew("after the decision", map[string]int{})
	w.shown.scrape().want(t, `jwtsunset_notification_queue_length{channel="slack"}`, 0)
}

// TestCommandsQueueNews freezes the line by the command: the channel's message waits for whoever sends.
func TestCommandsQueueNews(t *testing.T) {
	t.Parallel()
	o := newWorkplace(t, time.Now)
	o.reconfigure(o.reminding(atAnyHour, fmt.Sprintf(`people: [{name: me, os_user: %q, emails: [ana@example.com]}]`, osUser())))
	o.scanned(0)
	for range 2 {
		var errors strings.Builder
		a := &app{stdout: io.Discard, stderr: &errors, clock: time.Now}
		if code := a.run(t.Context(), []string{"freeze", "-c", o.config, "--reason", "look first"}); code != exitDone {
			t.Fatalf("freeze ended with code %d: %s", code, errors.String())
		}
	}
	var keys []string
	s := o.open()
	defer s.Close()
	queued, err := s.Outbox(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range queued {
		keys = append(keys, m.Key)
	}
	if len(keys) != 2 || !strings.HasPrefix(keys[0], "migration/line/frozen/") || keys[0] == keys[1] {
		t.Errorf("queued are %q", keys)
	}
}

// TestDigestNamesWhatWaits asks for seven migrations.
func TestDigestNamesWhatWaits(t *testing.T) {
	t.Parallel()
	w := newTown(t, atAnyHour)
	var first approval.Request
	for i := range 7 {
		r := w.ask("ana")
		w.advance(time.Hour)
		if i == 0 {
			first = r
		}
	}
	list, n, err := w.d.reminders.waiting(t.Context())
	if err != nil || n != 7 || len(list) != waitingShown || list[0].Item.ID != first.Credential ||
		!list[0].Since.Equal(first.At) || list[0].Item.Name == "" {
		t.Errorf("%d waiting, shown %+v, %v", n, list, err)
	}
}

// TestSpentApprovalIsToldOnce asks people again where finalize came to nothing, once for each attempt and until the first
// of them has approved.
func TestSpentApprovalIsToldOnce(t *testing.T) {
	t.Parallel()
	m := migrator.Migration{Request: approval.Request{ID: "r1", State: approval.StateStaged, Why: "finalize came to nothing"}}
	m.Attempts = []migrator.Attempt{{ID: "a-1"}, {ID: "a-2"}}
	news := newsOf(&m, monday)
	if len(news) != 1 || news[0].kind != notify.NoticeRenewal || news[0].mark != "a-2" {
		t.Fatalf("%+v", news)
	}
	if n := migrationNotice(news[0]); n.Why != m.Why {
		t.Errorf("%+v", n)
	}
	m.Decisions = []approval.Decision{{Kind: approval.DecisionApprove}}
	if news := newsOf(&m, monday); len(news) != 0 {
		t.Errorf("%+v", news)
	}
}

// TestEveryFactHasALabel renders a whole card in both languages: no fact is shown by its bare name.
func TestEveryFactHasALabel(t *testing.T) {
	t.Parallel()
	templates, err := notify.LoadTemplates("")
	if err != nil {
		t.Fatal(err)
	}
	card := approval.NewCard(approval.Subject{})
	for _, language := range notify.Languages() {
		m := notify.Message{Kind: notify.KindMigration, Language: language, Notice: &notify.Notice{
			Kind: notify.NoticeRequested, Facts: cardFacts(card, notify.NoticeRequested),
		}}
		r, err := templates.Render(m, notify.PageOf(m, 0, 40, 1), notify.PlainMedium())
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range slices.Concat(card.Facts, card.Shown) {
			if i >= len(r.Lines) || strings.HasPrefix(r.Lines[i], f.Name+":") || strings.HasPrefix(r.Lines[i], f.Name+"：") {
				t.Errorf("%s: %s has no label", language, f.Name)
			}
		}
	}
}

// TestPreviewOfNotices shows each kind, from what is on record where there is something.
func TestPreviewOfNotices(t *testing.T) {
	t.Parallel()
	w := newTown(t, atAnyHour)
	r := w.ask("ana")
	for _, kind := range notify.NoticeKinds() {
		m := notify.Message{ID: "preview", Language: notify.English, Now: w.time()}
		m, ok, err := w.d.reminders.previewNotice(t.Context(), m, "migration/"+string(kind))
		if !ok || err != nil || m.Notice == nil || (m.Notice.Request == r.ID) != (kind == notify.NoticeRequested) {
			t.Fatalf("%s: %+v, %v, %v", kind, m.Notice, ok, err)
		}
		if _, err := w.d.reminders.templates.Render(m, notify.PageOf(m, 0, 1, 1), notify.PlainMedium()); err != nil {
			t.Error(err)
		}
	}
	for who, want := range map[string]bool{"ana@example.com": false, "migration/party": true} {
		if _, ok, err := w.d.reminders.previewNotice(t.Context(), notify.Message{}, who); ok != want || (err != nil) != want {
			t.Errorf("%s: %v, %v", who, ok, err)
		}
	}
}
