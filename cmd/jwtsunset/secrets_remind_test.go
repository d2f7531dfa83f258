package main

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"jwtsunset/credential"
	workspace "jwtsunset/simulator/slack"
)

// post is a pretend Slack and the receiver of a webhook, with canaries for all that opens them. It can repeat what it is
// sent wherever an answer has room.
type post struct {
	v                   *vault
	slack, hook, trap   *httptest.Server
	token, wrong, other canary
	key                 canary

	mu sync.Mutex
	// manner is how it answers, and only the path that it answers so; "" for all.
	manner, only string
	// withToken and signed count the requests that had the token, and a signature; trapped those that followed a redirect.
	withToken, signed, trapped int
	signatures                 map[string]bool
}

// manners are the ways in which the answers of post repeat what was sent.
var manners = []string{"in headers", "as HTML", "as a refusal", "as a result", "with status 500", "with a redirect"}

// newPost makes a vault remind by it.
func newPost(v *vault) *post {
	v.t.Helper()
	p := &post{v: v, signatures: map[string]bool{}}
	p.token, p.wrong = tokenOfSlack("Slack token"), tokenOfSlack("wrong Slack token")
	p.other, p.key = newCanary("token that is not Slack's"), newCanary("secret of the webhook")
	app, signing := tokenOfSlack("app-level token"), newCanary("signing secret of Slack")
	v.canaries = append(v.canaries, p.token, p.wrong, p.other, p.key, app, signing)
	w, err := pretendSlackOf(p.token.value)
	if err != nil {
		v.t.Fatal(err)
	}
	p.slack, p.hook = p.serve(p.before(w)), p.serve(http.HandlerFunc(p.receive))
	p.trap = p.serve(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.trapped++
	}))
	for name, c := range map[string]canary{
		"slack-token": p.token, "wrong-token": p.wrong, "other-token": p.other, "webhook-key": p.key, "app-token": app,
		"signing-secret": signing,
	} {
		v.keep(name, c.value+"\n")
	}
	v.keep("two-lines", p.token.value+"\n"+p.token.value+"\n")
	v.keep("empty", "\n")
	v.write("owners.yml", "owners: [{match: \"*\", webhook: true}]\n")
	v.environment = append(v.environment, "SLACK_TOKEN="+p.token.value, "WEBHOOK_KEY="+p.key.value, "NO_TOKEN=")
	v.good = p.with("token_file: slack-token", "secret_file: webhook-key")
	v.configure(v.good)
	return p
}

// tokenOfSlack makes a token of the form of Slack's.
func tokenOfSlack(name string) canary {
	core := newCanary(name).parts[1]
	return canary{name: name, value: "xoxb-" + core, parts: []string{core}}
}

// pretendSlackOf is a workspace with owners of the pretend organization that takes a token.
func pretendSlackOf(token string) (*workspace.Workspace, error) {
	return workspace.New(workspace.Options{Token: token, Limits: workspace.Limits{Off: true}, Users: append(
		workspace.DefaultUsers(),
		workspace.User{Email: "finance-data@example.com", Name: "finance-data"},
		workspace.User{Email: "chidi@example.com", Name: "chidi"},
	)})
}

func (p *post) serve(h http.Handler) *httptest.Server {
	s := httptest.NewServer(h)
	p.v.t.Cleanup(s.Close)
	return s
}

// with is the configuration that reminds, with the places of the token and the key. Names of files are those of keep.
func (p *post) with(token, key string) string {
	place := func(line string) string {
		if kind, name, ok := strings.Cut(line, "_file: "); ok {
			return kind + "_file: " + p.v.path(name)
		}
		return line
	}
	return p.v.configuration("log: {level: debug}",
		fmt.Sprintf("slack: {%s, app_token_file: %s, signing_secret_file: %s, api_url: %q, channel: \"#adobe-credentials\"}",
			place(token), p.v.path("app-token"), p.v.path("signing-secret"), p.slack.URL+"/api/"),
		fmt.Sprintf("webhook: {%s, url: %q}", place(key), p.hook.URL+"/hook"),
		"schedule: {remind: \"@daily\"}",
		fmt.Sprintf("reminders: {%s, owners_file: %q}", atAnyHour, p.v.path("owners.yml")))
}

// answers sets the manner of answers, and of which; "" means well.
func (p *post) answers(manner, only string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.manner, p.only = manner, only
}

// mannerOf notes a request and says how it is answered.
func (p *post) mannerOf(r *http.Request) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.Header.Get("Authorization") == "Bearer "+p.token.value {
		p.withToken++
	}
	if _, signature, ok := strings.Cut(r.Header.Get("Webhook-Signature"), ","); ok {
		p.signed++
		p.signatures[signature] = true
	}
	if p.only != "" && !strings.HasSuffix(r.URL.Path, p.only) {
		return ""
	}
	return p.manner
}

func (p *post) before(slack http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent := r.Header.Get("Authorization")
		switch manner := p.mannerOf(r); manner {
		case "":
			slack.ServeHTTP(w, r)
		case "in headers":
			slack.ServeHTTP(&shouter{ResponseWriter: w, text: sent}, r)
		default:
			p.repeat(w, manner, sent)
		}
	})
}

// receive is the webhook's side.
func (p *post) receive(w http.ResponseWriter, r *http.Request) {
	sent := r.Header.Get("Webhook-Signature")
	switch manner := p.mannerOf(r); manner {
	case "":
		w.WriteHeader(http.StatusNoContent)
	case "in headers":
		(&shouter{ResponseWriter: w, text: sent}).WriteHeader(http.StatusForbidden)
	default:
		p.repeat(w, manner, sent)
	}
}

// repeat repeats a text that was sent.
func (p *post) repeat(w http.ResponseWriter, manner, sent string) {
	w.Header().Set("Content-Type", "application/json")
	fields := fmt.Sprintf(`"error": %[1]q, "needed": %[1]q, "team": %[1]q, "user": %[1]q, "url": %[1]q, "team_id": "T0AAAAAAAA",
		"user_id": "U0AAAAAAAA", "bot_id": %[1]q, "channel": {"id": %[1]q, "name": %[1]q}, "ts": %[1]q,
		"response_metadata": {"messages": [%[1]q], "warnings": [%[1]q]}`, sent)
	switch manner {
	case "as HTML":
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, "<html><title>%[1]s</title>%[1]s</html>", sent)
	case "as a refusal":
		fmt.Fprintf(w, `{"ok": false, %s}`, fields)
	case "as a result":
		fmt.Fprintf(w, `{"ok": true, %s}`, fields)
	case "with status 500":
		w = &shouter{ResponseWriter: w, text: sent}
		w.WriteHeader(http.StatusInternalServerError)
		fmt.Fprintf(w, `{"ok": false, %s}`, fields)
	case "with a redirect":
		w.Header().Set("Location", p.trap.URL+"/?sent="+url.QueryEscape(sent))
		w.WriteHeader(http.StatusTemporaryRedirect)
	}
}

// shouter repeats a text in the headers of an answer that the program reads.
type shouter struct {
	http.ResponseWriter
	text string
	told bool
}

// WriteHeader is for http.ResponseWriter, as is Write.
func (s *shouter) WriteHeader(status int) {
	for _, name := range []string{"X-Slack-Req-Id", "X-Request-Id", "X-OAuth-Scopes", "X-Accepted-OAuth-Scopes"} {
		s.Header().Set(name, s.text)
	}
	s.told = true
	s.ResponseWriter.WriteHeader(status)
}

func (s *shouter) Write(b []byte) (int, error) {
	if !s.told {
		s.WriteHeader(http.StatusOK)
	}
	return s.ResponseWriter.Write(b)
}

// settled makes canaries of the signatures, and fails unless everything that is looked for was sent where it belongs.
func (p *post) settled(posts bool) {
	p.v.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for signature := range p.signatures {
		p.v.canaries = append(p.v.canaries, canary{name: "signature", value: signature, further: []string{signature[:40]}})
	}
	if p.withToken == 0 || posts && p.signed == 0 {
		p.v.t.Errorf("%d requests had the token and %d a signature: nothing was tested", p.withToken, p.signed)
	}
	if p.trapped > 0 {
		p.v.t.Errorf("%d redirects were followed", p.trapped)
	}
}

// badTokens are configurations whose token is of no use.
func (p *post) badTokens() map[string]string {
	const key = "secret_file: webhook-key"
	return map[string]string{
		"wrong token":             p.with("token_file: wrong-token", key),
		"a token of another kind": p.with("token_file: other-token", key),
		"a token and more":        p.with("token_file: two-lines", key),
		"an empty file":           p.with("token_file: empty", key),
		"no such file":            p.with("token_file: nowhere", key),
		"a folder":                p.with("token_file: .", key),
		"no such key":             p.with("token_file: slack-token", "secret_file: nowhere"),
		"an empty key":            p.with("token_file: slack-token", "secret_file: empty"),
		"a key and more":          p.with("token_file: slack-token", "secret_file: two-lines"),
	}
}

// troubles runs something with every failure of the token and of who answers.
func (p *post) troubles(run func(what string)) {
	p.v.t.Helper()
	bad := p.badTokens()
	for _, name := range slices.Sorted(maps.Keys(bad)) {
		p.v.configure(bad[name])
		run(name)
	}
	p.v.configure(p.v.good)
	for _, manner := range manners {
		p.answers(manner, "")
		run("all comes back " + manner)
	}
	p.answers("", "")
}

// scanned makes a store that knows credentials and nobody's account, and keeps what the one before held.
func (p *post) scanned(what string) {
	p.v.t.Helper()
	p.v.files("after " + what)
	p.v.discard()
	p.v.inside("scan", exitLeft, "scan")
}

func (v *vault) remind() {
	p := newPost(v)
	v.configured("scan", exitLeft, "scan")
	v.inside("good", exitDone, "remind", "--dry-run")
	v.inside("good", exitDone, "remind", "--dry-run", "-o", "json")
	v.inside("good", exitDone, "remind", "--preview", "ana@example.com", "-o", "json")
	v.inside("good", exitDone, "remind", "--preview", "digest")
	v.configure(p.with("token_env: SLACK_TOKEN", "secret_env: WEBHOOK_KEY"))
	v.configured("good", exitDone, "remind", "--digest", "-o", "json")
	v.configured("good", exitDone, "remind")
	v.wantSeen("slack:user:U0ANA00001", "good: stdout")
	v.wantSeen(v.plainName(), "file jwtsunset.db")
	v.configure(p.with("token_env: NO_TOKEN", "secret_env: NO_TOKEN"))
	v.configured("empty variables", -1, "remind", "--dry-run")
	v.configure(v.good)
	p.troubles(func(what string) {
		p.scanned(what)
		v.inside(what, -1, "remind", "--digest")
	})
	for _, manner := range manners {
		p.answers(manner, "/chat.postMessage")
		p.scanned(manner)
		v.inside("messages come back "+manner, -1, "remind", "-o", "json")
	}
	p.answers("", "")
	v.badly(6, "remind")
	p.settled(true)
}

func (v *vault) slackCheck() {
	p := newPost(v)
	for _, format := range []string{"table", "json"} {
		v.inside("good", -1, "slack", "check", "-o", format)
	}
	v.wantSeen("chat:write", "good: stdout")
	v.configure(p.with("token_env: SLACK_TOKEN", "secret_file: webhook-key"))
	v.configured("token from environment", -1, "slack", "check")
	p.troubles(func(what string) { v.inside(what, -1, "slack", "check", "-o", "json") })
	for _, method := range []string{"/auth.test", "/conversations.list", "/conversations.info"} {
		for _, manner := range manners {
			p.answers(manner, method)
			v.inside(method+" comes back "+manner, -1, "slack", "check")
		}
	}
	p.answers("", "")
	v.badly(6, "slack", "check")
	p.settled(false)
}

// asking runs a command that asks Slack for people and sends nothing.
func (v *vault) asking(command ...string) {
	v.t.Helper()
	p := newPost(v)
	v.configured("scan", exitLeft, "scan")
	for i, word := range command {
		if word == "ID" {
			command[i] = v.ownedID()
		}
	}
	v.inside("good", exitDone, command...)
	v.inside("good", exitDone, append(slices.Clone(command), "-o", "json")...)
	v.configured("good", exitDone, command...)
	p.troubles(func(what string) { v.inside(what, -1, command...) })
	v.badly(6, command...)
	p.settled(false)
}

func (v *vault) owners() { v.asking("owners") }

func (v *vault) explain() { v.asking("explain", "ID") }

// ownedID is the id of an affected credential whose owner has an address.
func (v *vault) ownedID() string {
	v.t.Helper()
	for _, c := range v.stored().credentials {
		if c.State() == credential.StateAffected && strings.HasSuffix(c.Owner.AssignedTo, "@example.com") {
			return c.ID
		}
	}
	v.t.Fatal("no credential has an owner")
	return ""
}

// forecast asks nobody, so only what it reads can betray anything.
func (v *vault) forecast() {
	p := newPost(v)
	v.configured("scan", exitLeft, "scan")
	v.inside("good", exitDone, "remind", "--dry-run")
	day := time.Now().AddDate(0, 0, 10).Format(time.DateOnly)
	for _, format := range []string{"text", "json"} {
		v.configured("good", exitDone, "forecast", "--at", day, "-o", format)
	}
	p.troubles(func(what string) { v.inside(what, -1, "forecast", "--at", day) })
	v.inside("a secret for a date", exitError, "forecast", "--at", "soon")
	v.badly(6, "forecast", "--at", day)
	p.settled(false)
}

func (v *vault) answer() {
	newPost(v)
	v.configured("scan", exitLeft, "scan")
	id := v.ownedID()
	v.configured("good", exitDone, "answer", id, "--snooze", "3d", "--note", "on leave")
	v.inside("good", exitDone, "answer", id, "--blocked", "--link", "https://example.com/ticket/1", "-o", "json")
	v.inside("good", exitDone, "answer", id, "--not-mine")
	secret := v.canaries[inlineSecret].value
	v.inside("a password in a link", exitError, "answer", id, "--blocked", "--link", "https://user:"+secret+"@example.com")
	v.inside("a link that is none", exitError, "answer", id, "--blocked", "--link", secret)
	v.badKeys("answer", id, "--retire")
	v.badly(6, "answer", id, "--retire")
}

func (v *vault) snooze() {
	newPost(v)
	v.configured("scan", exitLeft, "scan")
	id := v.ownedID()
	v.configured("good", exitDone, "snooze", id, "--for", "3d")
	v.configured("unknown", exitError, "snooze", "000000000000000000000000")
	v.badKeys("snooze", id)
	v.badly(6, "snooze", id)
}

// TestServeBetraysNoSecretWhileItReminds looks at daemons that make up for a run of reminders.
func TestServeBetraysNoSecretWhileItReminds(t *testing.T) {
	t.Parallel()
	for _, manner := range []string{"in headers", "as a refusal", "with status 500"} {
		t.Run(manner, func(t *testing.T) {
			t.Parallel()
			v := newVault(t)
			p := newPost(v)
			v.scanned(26 * time.Hour)
			p.answers("with status 500", "")
			p.v.ranBefore(26 * time.Hour)
			p.answers(manner, "/chat.postMessage")
			d := v.serve()
			d.await("made up for")
			d.await("messages sent")
			v.look(manner, d)
			d.stop()
			v.saw("stderr of serve", d.stderr.String())
			v.wantSeen("messages sent", "stderr of serve")
			p.settled(true)
			v.done()
		})
	}
}

// ranBefore records a run of reminders some time ago.
func (v *vault) ranBefore(ago time.Duration) {
	v.t.Helper()
	a := &app{stdout: io.Discard, stderr: io.Discard, clock: func() time.Time { return time.Now().Add(-ago) }}
	a.run(v.t.Context(), []string{"remind", "-c", v.config})
}

// TestAuditLogHasNoAddresses reminds people and records their answers: neither the export of the audit log nor the page
// of metrics names anybody by address.
func TestAuditLogHasNoAddresses(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	newPost(v)
	v.configured("scan", exitLeft, "scan")
	v.inside("remind", exitDone, "remind", "--digest")
	id := v.ownedID()
	v.inside("answer", exitDone, "answer", id, "--not-mine", "--note", "asked ana@example.com")
	v.inside("answer", exitDone, "answer", id, "--will-migrate", time.Now().AddDate(0, 0, 20).Format(time.DateOnly))
	v.inside("remind", exitDone, "remind")
	folder := filepath.Join(v.dir, "export")
	v.inside("export", exitDone, "audit", "export", folder, "--format=csv")
	for _, name := range []string{"entries.jsonl", "entries.csv"} {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		if before, _, found := strings.Cut(string(text), "@example.com"); found {
			t.Errorf("%s names somebody: %s@example.com", name, before[max(0, len(before)-100):])
		}
		for _, action := range []string{"message", "answer"} {
			if !strings.Contains(string(text), action) {
				t.Errorf("%s tells of no %s: nothing was tested", name, action)
			}
		}
	}
	d := v.serve()
	if _, page := d.get("/metrics"); strings.Contains(page, "@") || !strings.Contains(page, byContact("delivered")) {
		t.Error("the metrics name somebody, or tell nothing of contacts")
	}
	d.stop()
	v.done()
}
