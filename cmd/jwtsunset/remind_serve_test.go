package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"jwtsunset/config"
	"jwtsunset/credential"
	"jwtsunset/metrics"
	"jwtsunset/simulator"
	workspace "jwtsunset/simulator/slack"
	"jwtsunset/store"
)

// workplace is a place with a pretend Slack beside the pretend Adobe.
type workplace struct {
	*place
	slack  *workspace.Workspace
	server *httptest.Server
}

// atAnyHour lets nobody's night keep a message back.
const atAnyHour = `hours: "00:00-24:00", weekdays: [mon, tue, wed, thu, fri, sat, sun]`

// fallbackChannel gets what no owner can be told.
const fallbackChannel = "C0ADOBECRE"

func newWorkplace(t *testing.T, clock func() time.Time) *workplace {
	t.Helper()
	w, err := pretendSlack(clock)
	if err != nil {
		t.Fatal(err)
	}
	w.SetLimits(workspace.Limits{Off: true})
	o := &workplace{slack: w, server: httptest.NewServer(w)}
	t.Cleanup(func() {
		o.server.CloseClientConnections()
		o.server.Close()
	})
	o.place = newPlace(t, simulator.Options{Scenario: "churn", Seed: 1, Clock: clock})
	o.write("slack-token", workspace.BotToken+"\n")
	o.reconfigure(o.reminding(atAnyHour))
	return o
}

// reminding is a configuration that reminds, with the keys of reminders and further lines.
func (o *workplace) reminding(reminders string, further ...string) string {
	return o.configuration(append([]string{
		fmt.Sprintf(`slack: {token_file: %q, api_url: %q, channel: "#adobe-credentials"}`,
			o.path("slack-token"), o.server.URL+"/api/"),
		"schedule: {remind: \"@daily\"}",
		"reminders: {" + reminders + "}",
	}, further...)...)
}

// ranBefore records a scan and a run of reminders some time ago, neither of which could tell anybody anything.
func (o *workplace) ranBefore(ago time.Duration) {
	o.t.Helper()
	o.scanned(ago)
	o.slack.Down(true)
	defer o.slack.Down(false)
	a := &app{stdout: io.Discard, stderr: io.Discard, clock: func() time.Time { return time.Now().Add(-ago) }}
	if code := a.run(o.t.Context(), []string{"remind", "-c", o.config}); code != exitPartial {
		o.t.Fatalf("a run without Slack ended with code %d", code)
	}
	o.adobe.Ledger().Reset()
}

// posted are the first pages of all messages on Slack, by recipient: a user or a channel.
func (o *workplace) posted() map[string][]workspace.Message {
	people := map[string]string{}
	for _, c := range o.slack.Channels() {
		people[c.ID] = c.ID
		if c.IM {
			people[c.ID] = c.User
		}
	}
	all := map[string][]workspace.Message{}
	for _, m := range o.slack.Messages() {
		if m.ThreadTS == "" {
			all[people[m.Channel]] = append(all[people[m.Channel]], m)
		}
	}
	return all
}

// owed are the affected credentials by whom they must be told to: the account of the assigned user, else of the creator,
// else the channel for everything.
func (o *workplace) owed() map[string][]credential.Credential {
	o.t.Helper()
	accounts := map[string]string{}
	for _, u := range o.slack.Users() {
		if u.Email != "" && !u.Deleted && !u.Bot && !u.Restricted && !u.UltraRestricted && !u.Stranger {
			accounts[u.Email] = u.ID
		}
	}
	all := map[string][]credential.Credential{}
	for _, c := range o.stored().credentials {
		if c.State() != credential.StateAffected {
			continue
		}
		to := fallbackChannel
		for _, identity := range []string{c.Owner.CreatedBy, c.Owner.AssignedTo} {
			if id := accounts[strings.ToLower(identity)]; id != "" {
				to = id
			}
		}
		all[to] = append(all[to], c)
	}
	return all
}

var plainWord = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)+$`)

// wantTold fails unless each owner has so many messages, and the last of each lists all of theirs that have plain names.
func (o *workplace) wantTold(messages int) {
	o.t.Helper()
	owed, posted := o.owed(), o.posted()
	if len(owed) < 5 {
		o.t.Fatalf("only %d owners are to be told: too few for this test", len(owed))
	}
	for to, list := range posted {
		if len(owed[to]) == 0 {
			o.t.Errorf("%s was told and owns nothing: %+v", to, list)
		}
	}
	for to, credentials := range owed {
		list := posted[to]
		if len(list) != messages {
			o.t.Errorf("%s has %d messages, want %d", to, len(list), messages)
			continue
		}
		for _, c := range credentials {
			if plainWord.MatchString(c.Name) && !o.tells(list[len(list)-1], c.Name) {
				o.t.Errorf("the message to %s does not tell of %s", to, c.Name)
			}
		}
	}
}

// tells is true of a message that has a word, in itself or in an answer to it.
func (o *workplace) tells(first workspace.Message, word string) bool {
	whole := regexp.MustCompile(`(^|[^a-z0-9-])` + regexp.QuoteMeta(word) + `($|[^a-z0-9-])`)
	return slices.ContainsFunc(o.slack.Messages(), func(m workspace.Message) bool {
		ours := m.Channel == first.Channel && (m.TS == first.TS || m.ThreadTS == first.TS)
		return ours && (whole.MatchString(m.Text) || whole.Match(m.Blocks))
	})
}

const (
	sentReminders = `jwtsunset_notifications_total{channel="slack",kind="reminder"}`
	sentDigests   = `jwtsunset_notifications_total{channel="slack",kind="digest"}`
	queueOfSlack  = `jwtsunset_notification_queue_length{channel="slack"}`
	slackUp       = `jwtsunset_notification_channel_up{channel="slack"}`
)

func failedFor(reason string) string {
	return fmt.Sprintf(`jwtsunset_notifications_failed_total{channel="slack",kind="reminder",reason=%q}`, reason)
}

func byContact(contact string) string {
	return fmt.Sprintf(`jwtsunset_credentials_by_contact{contact=%q,organization="acme"}`, contact)
}

// ofReminders are the series that only a configuration with reminders has.
var ofReminders = regexp.MustCompile(`^jwtsunset_(notification|reminder|slack_|credentials_by_contact|credentials_owner_` +
	`|credentials_silent|answers|promises_)`)

// reminded counts the series of reminders.
func (s samples) reminded() (n int) {
	for series := range s {
		if ofReminders.MatchString(series) {
			n++
		}
	}
	return n
}

// wantDone fails unless the metrics say that everybody was told and nothing waits.
func (s samples) wantDone(t *testing.T, o *workplace) {
	t.Helper()
	s.want(t, queueOfSlack, 0)
	s.want(t, "jwtsunset_notification_oldest_queued_timestamp_seconds", 0)
	s.want(t, "jwtsunset_reminder_oldest_due_timestamp_seconds", 0)
	delivered := 0
	for to, list := range o.owed() {
		if to != fallbackChannel {
			delivered += len(list)
		}
	}
	s.want(t, byContact("delivered"), float64(delivered))
	s.want(t, byContact("guessed"), 0)
	if at := s["jwtsunset_reminders_last_run_timestamp_seconds"]; at == 0 {
		t.Error("no run is shown")
	}
}

// TestServeReminds lets the daemon make up for a run that it missed, starts it again, and runs the command beside it:
// each owner is told once.
func TestServeReminds(t *testing.T) {
	t.Parallel()
	o := newWorkplace(t, time.Now)
	o.ranBefore(26 * time.Hour)
	d := o.serve()
	d.await("a run of reminders was missed and is made up for")
	d.await("messages sent")
	o.wantTold(1)
	m := d.scrape()
	m.want(t, sentReminders, float64(len(o.owed())))
	m.want(t, slackUp, 1)
	m.wantDone(t, o)
	_, page := d.get("/metrics")
	if before, _, found := strings.Cut(page, "@"); found {
		t.Errorf("the metrics name somebody: %s@…", before[strings.LastIndexByte(before, '\n')+1:])
	}
	d.stop()

	d = o.serve()
	o.run("remind").want(exitDone)
	o.wantTold(1)
	again := d.scrape()
	again.want(t, sentReminders, 0)
	again.wantDone(t, o)
	d.stop()
	o.wantTold(1)
}

// TestServeReloadsReminders gives the daemon a list of owners that cannot be read, then a configuration without
// reminders, then one with them again.
func TestServeReloadsReminders(t *testing.T) {
	t.Parallel()
	o := newWorkplace(t, time.Now)
	o.scanned(time.Second) // so that no scan changes anything meanwhile
	d := o.serve()
	before := d.scrape()
	if n := before.reminded(); n < 100 {
		t.Fatalf("there are %d series of reminders", n)
	}
	bad := o.write("owners.yml", "owners: [{match: \"*\", nobody: yes}]\n")
	o.wantRefusal(d, before, o.reminding(atAnyHour+fmt.Sprintf(", owners_file: %q", bad)))
	o.wantRefusal(d, before, o.reminding(atAnyHour+fmt.Sprintf(", owners_file: %q", o.path("none.yml"))))

	o.reconfigure(o.reminding("enabled: false"))
	d.signal(syscall.SIGHUP)
	d.awaitSample("jwtsunset_config_last_reload_successful", 1)
	if n := d.scrape().reminded(); n != 0 {
		t.Errorf("%d series of reminders are left", n)
	}
	o.reconfigure(o.reminding(atAnyHour))
	d.signal(syscall.SIGHUP)
	d.awaitSample(queueOfSlack, 0)
	d.scrape().wantSeriesOf(t, before)
	d.stop()
}

// movable is a clock that the test sets.
type movable struct {
	mu  sync.Mutex
	now time.Time
}

func (c *movable) time() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *movable) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// clerk is a daemon in the test's own process, with a clock that the test sets, whose jobs run when the test says.
type clerk struct {
	*workplace
	*movable
	d     *daemon
	store *store.Store
	log   capture
	// shown is the daemon's listener.
	shown *daemonProcess
}

// monday is the noon of a working day, when it is Monday in every zone in which somebody lives.
var monday = time.Date(2026, time.November, 23, 11, 30, 0, 0, time.UTC)

func newClerk(t *testing.T, reminders string) *clerk {
	t.Helper()
	c := &clerk{movable: &movable{now: monday}}
	c.workplace = newWorkplace(t, c.time)
	c.reconfigure(c.reminding(reminders))
	c.begin()
	t.Cleanup(func() { c.end() })
	return c
}

// begin starts the daemon, end stops it.
func (c *clerk) begin() {
	c.t.Helper()
	a := &app{stdout: io.Discard, stderr: io.Discard, clock: c.time, configPath: c.config}
	log := slog.New(slog.NewTextHandler(&c.log, nil))
	r := newRecording(metrics.New(metrics.Options{Clock: c.time, Logger: log, Version: "test"}), log)
	cfg := c.loaded()
	var err error
	if c.store, err = a.openStore(c.t.Context(), cfg, log, r.opening()); err != nil {
		c.t.Fatal(err)
	}
	if c.d, err = newDaemon(c.t.Context(), cfg, c.store, r, c.time, log, new(slog.LevelVar)); err != nil {
		c.t.Fatal(err)
	}
	server := httptest.NewServer(c.d.metrics.Handler())
	c.t.Cleanup(server.Close)
	c.shown = &daemonProcess{
		process: &process{t: c.t}, address: strings.TrimPrefix(server.URL, "http://"), client: server.Client(),
	}
}

func (c *clerk) end() {
	c.t.Helper()
	mustStop(c.t, c.d.jobs)
	if err := c.store.Close(); err != nil {
		c.t.Error(err)
	}
}

func (c *clerk) loaded() *config.Config {
	c.t.Helper()
	cfg, err := (&app{clock: c.time, configPath: c.config}).loadConfig()
	if err != nil {
		c.t.Fatal(err)
	}
	return cfg
}

// works runs jobs one after the other, each to its end.
func (c *clerk) works(jobs ...string) {
	c.t.Helper()
	for _, job := range jobs {
		eventually(c.t, "a run of "+job, func() error {
			if !c.d.jobs.runNow(c.t.Context(), job) {
				return fmt.Errorf("it runs already, or there is no such job")
			}
			return nil
		})
	}
}

// faults puts faults of Slack's in force; without any it answers well again.
func (c *clerk) faults(specs ...string) {
	c.t.Helper()
	var list []workspace.Fault
	for _, spec := range specs {
		f, err := workspace.ParseFault(spec)
		if err != nil {
			c.t.Fatal(err)
		}
		list = append(list, f)
	}
	if err := c.slack.SetFaults(list); err != nil {
		c.t.Fatal(err)
	}
}

// wantNothingPosted fails if anybody was told anything.
func (c *clerk) wantNothingPosted() {
	c.t.Helper()
	if n := c.slack.MessageCount(); n != 0 {
		c.t.Errorf("%d messages are on Slack, want none", n)
	}
}

// TestMissedRunIsMadeUpFor starts the daemon before any run, and after a scheduled run went by.
func TestMissedRunIsMadeUpFor(t *testing.T) {
	t.Parallel()
	c := newClerk(t, atAnyHour)
	c.works(scanJob)
	c.advance(48 * time.Hour)
	c.d.missedReminders(t.Context())
	c.works(deliverJob)
	c.wantNothingPosted()
	if log := c.log.String(); strings.Contains(log, "made up for") {
		t.Errorf("the very first run is not left to the schedule:\n%s", log)
	}

	c.works(remindJob, deliverJob)
	c.wantTold(1)
	c.end()
	c.advance(time.Hour)
	c.begin()
	c.d.missedReminders(t.Context())
	if log := c.log.String(); strings.Contains(log, "made up for") {
		t.Errorf("a run was made up for an hour after the last one, while none was scheduled:\n%s", log)
	}
	c.end()
	c.advance(7 * 24 * time.Hour)
	c.begin()
	c.d.missedReminders(t.Context())
	c.works(deliverJob)
	if log := c.log.String(); strings.Count(log, "made up for") != 1 {
		t.Errorf("the missed run was not made up for once:\n%s", log)
	}
	c.wantTold(2)
}

// TestRemindersOutlastAnOutage lets Slack be down while people are looked up, then break off answers to messages.
func TestRemindersOutlastAnOutage(t *testing.T) {
	t.Parallel()
	c := newClerk(t, atAnyHour)
	c.slack.Down(true)
	c.works(scanJob, remindJob, deliverJob)
	m := c.shown.scrape()
	if n := m[`jwtsunset_reminders_waiting{reason="look-up-failed"}`]; n < 5 {
		t.Errorf("%v credentials wait for a look-up", n)
	}
	c.wantNothingPosted()

	c.slack.Down(false)
	c.advance(time.Hour)
	c.faults("kind=503,method=chat.postMessage,after=true,times=2", "kind=reset,method=chat.postMessage,times=1,call=4")
	c.works(remindJob, deliverJob)
	m = c.shown.scrape()
	m.want(t, `jwtsunset_reminders_waiting{reason="look-up-failed"}`, 0)
	if n := m[failedFor("http_5xx")] + m[failedFor("network")]; n < 1 {
		t.Errorf("%v failed attempts are counted", n)
	}
	if m[queueOfSlack] == 0 {
		t.Error("nothing waits for Slack")
	}
	c.faults()
	for range 3 {
		c.advance(20 * time.Minute)
		c.works(deliverJob)
	}
	c.wantTold(1)
	m = c.shown.scrape()
	m.wantDone(t, c.workplace)
	m.want(t, slackUp, 1)
	m.want(t, sentReminders, float64(len(c.owed())))
	c.advance(time.Hour)
	c.works(remindJob, deliverJob)
	c.wantTold(1)
}

// TestRevokedTokenIsSaid revokes the token between look-ups and messages, puts a wrong one in its place, and then the
// right one, all without a restart.
func TestRevokedTokenIsSaid(t *testing.T) {
	t.Parallel()
	c := newClerk(t, atAnyHour)
	c.faults("kind=error,error=token_revoked,method=chat.postMessage", "kind=error,error=token_revoked,method=auth.test,call=2")
	c.works(scanJob, remindJob, deliverJob)
	m := c.shown.awaitSample(slackUp, 0)
	if m[failedFor("token_revoked")] < 1 || m[failedFor("token_revoked")] > 4 {
		t.Errorf("%v attempts failed: want one for each courier at most", m[failedFor("token_revoked")])
	}
	m.want(t, queueOfSlack, float64(len(c.owed())))
	if log := c.log.String(); !regexp.MustCompile(`level=ERROR .*reason=token_revoked next="[^"]*slack check`).MatchString(log) {
		t.Errorf("the log does not say what to do:\n%s", log)
	}
	c.wantReady()

	c.faults()
	c.write("slack-token", "xoxb-0-not-this-one\n")
	c.advance(11 * time.Minute)
	c.works(deliverJob)
	m = c.shown.scrape()
	m.want(t, slackUp, 0)
	if m[failedFor("invalid_auth")] < 1 {
		t.Error("the wrong token is not counted")
	}
	c.wantReady()
	c.wantNothingPosted()

	c.write("slack-token", workspace.BotToken+"\n")
	c.advance(11 * time.Minute)
	c.works(deliverJob)
	c.wantTold(1)
	c.shown.scrape().want(t, slackUp, 1)
}

// wantReady fails unless the probe for traffic answers well: without Slack there is still much to show.
func (c *clerk) wantReady() {
	c.t.Helper()
	if code, body := c.shown.get("/-/ready"); code != http.StatusOK {
		c.t.Errorf("not ready: %d %s", code, body)
	}
}

// TestOutageDoesNotHideARevokedToken lets Slack be down after the token was revoked: the channel stays one that an
// operator must repair.
func TestOutageDoesNotHideARevokedToken(t *testing.T) {
	t.Parallel()
	c := newClerk(t, atAnyHour)
	c.faults("kind=error,error=token_revoked,method=chat.postMessage")
	c.works(scanJob, remindJob, deliverJob)
	c.shown.awaitSample(slackUp, 0)
	c.faults("kind=500,method=chat.postMessage")
	c.advance(11 * time.Minute)
	c.works(deliverJob)
	if m := c.shown.scrape(); m[failedFor("http_5xx")] < 1 {
		t.Fatal("nothing was tried")
	}
	c.shown.scrape().want(t, slackUp, 0)
}

// TestFailedLookUpsAreSaid has a token that never worked, or cannot look people up, and no channel for everything: nothing
// is even queued, and the operator must learn of it all the same.
func TestFailedLookUpsAreSaid(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spoil, repair func(*workspace.Workspace)
		logged        string
	}{
		"token revoked": {
			func(w *workspace.Workspace) { w.RevokeToken("") }, (*workspace.Workspace).RestoreToken,
			"reason=account_inactive next=\"[^\"]*slack check",
		},
		"scope missing": {
			func(w *workspace.Workspace) { w.SetScopes("chat:write", "im:write", "users:read") },
			func(w *workspace.Workspace) { w.SetScopes(workspace.AllScopes()...) },
			"reason=missing_scope next=\"add the scope users:read.email",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClerk(t, atAnyHour)
			c.reconfigure(strings.Replace(c.reminding(atAnyHour), `, channel: "#adobe-credentials"`, "", 1))
			if err := c.d.reload(t.Context(), c.loaded()); err != nil {
				t.Fatal(err)
			}
			test.spoil(c.slack)
			c.works(scanJob, remindJob, deliverJob)
			c.wantNothingPosted()
			c.shown.scrape().want(t, slackUp, 0)
			if log := c.log.String(); !regexp.MustCompile(test.logged).MatchString(log) {
				t.Errorf("the log does not say what to do:\n%s", log)
			}
			c.wantReady()
			test.repair(c.slack)
			c.advance(11 * time.Minute)
			c.works(remindJob, deliverJob)
			c.shown.scrape().want(t, slackUp, 1)
			if owed := c.owed(); len(c.posted()) != len(owed)-1 {
				t.Errorf("%d recipients were told, want the %d owners", len(c.posted()), len(owed)-1)
			}
		})
	}
}

// migrate lets time pass at Adobe until a credential is migrated of which somebody was told who has others, and gives it
// as it was before, with its owner's account.
func (c *clerk) migrate() (credential.Credential, string) {
	c.t.Helper()
	for range 60 {
		before := c.owed()
		c.adobe.Step()
		c.works(scanJob)
		now := map[string]credential.State{}
		for _, x := range c.stored().credentials {
			now[x.ID] = x.State()
		}
		for to, list := range before {
			for _, x := range list {
				told := len(c.posted()[to]) > 0 && c.tells(c.posted()[to][0], x.Name)
				if len(list) > 1 && told && plainWord.MatchString(x.Name) &&
					now[x.ID] == credential.StateMigrated {
					return x, to
				}
			}
		}
	}
	c.t.Fatal("no such credential was migrated")
	return credential.Credential{}, ""
}

// TestMigratedMeanwhileIsNotTold migrates a credential after it was told, and another one between planning and sending.
func TestMigratedMeanwhileIsNotTold(t *testing.T) {
	t.Parallel()
	c := newClerk(t, `hours: "00:00-24:00"`)
	c.works(scanJob, remindJob, deliverJob)
	c.wantTold(1)
	c.advance(time.Hour)
	done, owner := c.migrate()
	first := c.posted()[owner][0]
	count := c.slack.MessageCount()
	c.works(remindJob, deliverJob)
	told := c.posted()[owner]
	if len(told) != 1 || told[0].TS != first.TS || told[0].Revisions == 0 || bytes.Equal(told[0].Blocks, first.Blocks) {
		t.Errorf("the message to %s was not brought up to date: %+v", owner, told)
	}
	if c.slack.MessageCount() < count {
		t.Errorf("messages were taken back: %d of %d are left", c.slack.MessageCount(), count)
	}
	c.advance(12*24*time.Hour + 30*time.Minute) // a Saturday, on which nobody is told
	c.works(remindJob, deliverJob)
	if c.shown.scrape()[queueOfSlack] < 5 {
		t.Fatal("nothing waits for the next working day")
	}
	before := c.posted()
	second, owner := c.migrate()
	c.advance(2 * 24 * time.Hour)
	c.works(scanJob, deliverJob)
	list := c.posted()[owner]
	if len(list) != len(before[owner])+1 {
		t.Fatalf("%s has %d messages, want one more than %d", owner, len(list), len(before[owner]))
	}
	for _, gone := range []string{done.Name, second.Name} {
		if c.tells(list[len(list)-1], gone) {
			t.Errorf("%s was told of %s, which is migrated", owner, gone)
		}
	}
	if old := list[len(list)-2]; old.Revisions == 0 {
		t.Error("the message before was not changed")
	}
}

// TestSettledMessageIsDropped leaves out everything of one owner between planning and sending: that owner is not told at
// all.
func TestSettledMessageIsDropped(t *testing.T) {
	t.Parallel()
	c := newClerk(t, `hours: "00:00-24:00"`)
	c.advance(-24 * time.Hour) // a Sunday
	c.works(scanJob, remindJob, deliverJob)
	c.wantNothingPosted()
	owner, list := "", []credential.Credential(nil)
	for to, of := range c.owed() {
		if to != fallbackChannel && (owner == "" || to < owner) {
			owner, list = to, of
		}
	}
	var rules []string
	for _, x := range list {
		rules = append(rules, fmt.Sprintf("{credential: %s, reason: a test}", x.ID))
	}
	c.reconfigure(c.reminding(`hours: "00:00-24:00"`, "scan: {exclude: ["+strings.Join(rules, ", ")+"]}"))
	if err := c.d.reload(t.Context(), c.loaded()); err != nil {
		t.Fatal(err)
	}
	c.advance(24 * time.Hour)
	c.works(scanJob, deliverJob)
	c.wantTold(1)
	if told := c.posted()[owner]; len(told) != 0 {
		t.Errorf("%s was told: %+v", owner, told)
	}
	m := c.shown.scrape()
	m.want(t, `jwtsunset_notifications_suppressed_total{channel="slack",kind="reminder",reason="settled"}`, 1)
	m.want(t, queueOfSlack, 0)
}

// TestDigestIsSentOnceAWeek runs its job on several days of two weeks.
func TestDigestIsSentOnceAWeek(t *testing.T) {
	t.Parallel()
	c := newClerk(t, atAnyHour)
	c.works(scanJob)
	for week := 1; week <= 2; week++ {
		for range 3 {
			c.works(digestJob, deliverJob)
			c.advance(24 * time.Hour)
		}
		if list := c.posted()[fallbackChannel]; len(list) != week {
			t.Fatalf("after %d weeks the channel has %d digests", week, len(list))
		}
		c.shown.scrape().want(t, sentDigests, float64(week))
		c.advance(4 * 24 * time.Hour)
	}
	c.wantCheckpoint(c.posted()[fallbackChannel][1])
}

// wantCheckpoint fails unless a message holds, whole, a checkpoint of the audit log as signed: the one before the message.
func (c *clerk) wantCheckpoint(m workspace.Message) {
	c.t.Helper()
	var texts []string
	var collect func(any)
	collect = func(value any) {
		switch v := value.(type) {
		case string:
			texts = append(texts, v)
		case []any:
			for _, x := range v {
				collect(x)
			}
		case map[string]any:
			for _, x := range v {
				collect(x)
			}
		}
	}
	var blocks any
	if err := json.Unmarshal(m.Blocks, &blocks); err != nil {
		c.t.Fatal(err)
	}
	collect(blocks)
	note, _, err := c.store.AuditHead(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	origin, _, _ := strings.Cut(string(note), "\n")
	whole := regexp.MustCompile(regexp.QuoteMeta(origin) + `\n\d+\n[A-Za-z0-9+/]{43}=\n\n— \S+ [A-Za-z0-9+/]+={0,2}`)
	if !slices.ContainsFunc(texts, whole.MatchString) {
		c.t.Errorf("no checkpoint like\n%s\nis in the digest:\n%s", note, m.Blocks)
	}
}

// TestReloadEndsReminderJobs turns reminders off and on.
func TestReloadEndsReminderJobs(t *testing.T) {
	t.Parallel()
	c := newClerk(t, atAnyHour)
	jobs := []string{remindJob, digestJob, deliverJob}
	c.works(append([]string{scanJob}, jobs...)...)
	posted := c.slack.MessageCount()
	c.reconfigure(c.reminding("enabled: false"))
	if err := c.d.reload(t.Context(), c.loaded()); err != nil {
		t.Fatal(err)
	}
	c.advance(14 * 24 * time.Hour)
	for _, job := range jobs {
		if c.d.jobs.runNow(t.Context(), job) {
			t.Errorf("%s ran although reminders are off", job)
		}
	}
	c.works(scanJob)
	if n := c.shown.scrape().reminded(); n != 0 {
		t.Errorf("%d series of reminders are left after a scan", n)
	}
	if n := c.slack.MessageCount(); n != posted {
		t.Errorf("%d messages were sent although reminders are off", n-posted)
	}
	c.reconfigure(c.reminding(atAnyHour))
	if err := c.d.reload(t.Context(), c.loaded()); err != nil {
		t.Fatal(err)
	}
	c.works(remindJob, deliverJob)
	if n := c.slack.MessageCount(); n <= posted {
		t.Error("nobody is told after reminders were turned on again")
	}
}
