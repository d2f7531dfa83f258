package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"jwtsunset/simulator"
)

// canary is a secret that is looked for. What betrays it are, in any spelling, the whole and the parts that are left of
// it where it is cut or escaped, and further parts as they stand.
type canary struct {
	name, value string
	parts       []string
	further     []string
}

// newCanary makes a secret with a part that no escape changes and one that every escape does.
func newCanary(name string) canary {
	core := make([]byte, 12)
	_, _ = rand.Read(core) // never fails
	text := hex.EncodeToString(core)
	return canary{name: name, value: text + "/+&=", parts: []string{text + "/+&=", text}}
}

// tokenCanary is an access token. All of them begin alike, with what a cut would leave.
func tokenCanary(token string) canary {
	return canary{
		name: "access token", value: token, parts: []string{token[:60]}, further: []string{token[len(token)-32:]},
	}
}

// forms are the ways in which a text may be written, by name.
func forms(text string) map[string]string {
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string always encodes
	}
	all := map[string]string{
		"plain": text, "quoted": strings.Trim(strconv.Quote(text), `"`), "JSON": strings.Trim(string(quoted), `"`),
		"HTML": template.HTMLEscapeString(text), "query": url.QueryEscape(text), "path": url.PathEscape(text),
		"hex": hex.EncodeToString([]byte(text)), "HEX": strings.ToUpper(hex.EncodeToString([]byte(text))),
	}
	for shift := range 3 {
		all[fmt.Sprintf("base64 shifted by %d", shift)] = base64Inside(text, shift, base64.RawStdEncoding)
		all[fmt.Sprintf("base64 for addresses shifted by %d", shift)] = base64Inside(text, shift, base64.RawURLEncoding)
	}
	return all
}

// base64Inside is what of a text's base64 is always the same where other bytes stand before it, 3n and shift of them,
// and behind it.
func base64Inside(text string, shift int, encoding *base64.Encoding) string {
	whole := encoding.EncodeToString([]byte(strings.Repeat("\x00", shift) + text))
	begin := (shift*8 + 5) / 6
	end := (shift + len(text)) * 8 / 6
	return whole[begin:end]
}

// needles are all texts that betray canaries, with what each betrays.
type needles map[string]string

func needlesOf(canaries ...canary) needles {
	all := needles{}
	for _, c := range canaries {
		for _, part := range c.parts {
			for form, written := range forms(part) {
				if written == part {
					form = "plain"
				}
				all[written] = c.name + " as " + form
			}
		}
		for _, part := range c.further {
			all[part] = c.name
		}
	}
	return all
}

// in names what a text betrays.
func (n needles) in(text string) (found []string) {
	for written, what := range n {
		if strings.Contains(text, written) {
			found = append(found, what)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// TestSearchFindsSecrets is the control of the tests below: each form of each canary is found, at every place.
func TestSearchFindsSecrets(t *testing.T) {
	s, err := simulator.New(simulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	token, err := s.IssueUserToken()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []canary{newCanary("secret"), tokenCanary(token)} {
		for form, written := range forms(c.value) {
			if len(needlesOf(c).in("before "+written+" behind")) == 0 {
				t.Errorf("%s as %s is not found in %q", c.name, form, written)
			}
		}
		for n := range 7 {
			encoded := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("u", n) + c.value + ":tail"))
			if len(needlesOf(c).in(encoded)) == 0 {
				t.Errorf("%s is not found behind %d bytes of base64", c.name, n)
			}
		}
		if found := needlesOf(c).in(strings.Repeat("nothing of it ", 100) + newCanary("other").value); found != nil {
			t.Errorf("found %v where nothing is", found)
		}
	}
}

// middleman stands between the program and Adobe. It takes the canary for Adobe's own secret, and notes what is secret
// on the way.
type middleman struct {
	secret string

	mu sync.Mutex
	// echo makes it answer like a broken proxy, with all that it was sent.
	echo bool
	// tokens were given or presented, fields are the passwords of credentials that lists showed.
	tokens, fields map[string]bool
	// calls counts calls with the right secret and calls with a token.
	withSecret, withToken int
}

func (m *middleman) before(adobe http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent, echo := m.note(r)
		if echo {
			shout(w, sent)
			return
		}
		copied := &copier{ResponseWriter: w}
		defer func() { m.learn(copied.body.String()) }()
		adobe.ServeHTTP(copied, r)
	})
}

// note looks at a request and gives the secrets in it.
func (m *middleman) note(r *http.Request) (sent []string, echo bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok {
		m.tokens[token] = true
		m.withToken++
		sent = append(sent, token)
	}
	if r.Method == http.MethodPost && r.ParseForm() == nil {
		sent = append(sent, r.PostForm.Get("client_secret"))
		if r.PostForm.Get("client_secret") == m.secret {
			m.withSecret++
			r.PostForm.Set("client_secret", simulator.ClientSecret)
		}
	}
	return sent, m.echo
}

// shout repeats secrets wherever an answer has room for them.
func shout(w http.ResponseWriter, secrets []string) {
	all := strings.Join(secrets, " ")
	w.Header().Set("X-Request-Id", all)
	w.Header().Set("X-Debug-Id", all)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusForbidden)
	fmt.Fprintf(w, `{"error": %[1]q, "error_description": %[1]q, "error_code": %[1]q, "message": %[1]q, "title": %[1]q,
		"detail": %[1]q, "report": {"message": %[1]q, "additionalContext": %[1]q}}`, "you sent "+all)
}

var (
	givenToken = regexp.MustCompile(`"access_token": ?"([^"]+)"`)
	givenField = regexp.MustCompile(`"credential": ?"([^"]+)"`)
)

// learn looks at an answer.
func (m *middleman) learn(body string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, match := range givenToken.FindAllStringSubmatch(body, -1) {
		m.tokens[match[1]] = true
	}
	for _, match := range givenField.FindAllStringSubmatch(body, -1) {
		m.fields[match[1]] = true
	}
}

func (m *middleman) setEcho(on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.echo = on
}

// canaries are those that came by.
func (m *middleman) canaries() (all []canary) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for token := range m.tokens {
		if len(token) > 100 {
			all = append(all, tokenCanary(token))
		}
	}
	for field := range m.fields {
		all = append(all, canary{name: "credential field", value: field, parts: []string{field}})
	}
	return all
}

// copier keeps what is answered.
type copier struct {
	http.ResponseWriter
	body bytes.Buffer
}

func (c *copier) Write(p []byte) (int, error) {
	c.body.Write(p)
	return c.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (c *copier) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// vault is a place full of canaries that collects all that comes out of it.
type vault struct {
	*place
	middleman *middleman
	canaries  []canary
	// good is the configuration with the right secret.
	good string
	// pieces are the texts that came out, by where.
	mu     sync.Mutex
	pieces map[string]string
	// ours are the files that the test itself wrote secrets into.
	ours []string
}

// The canaries that every vault has.
const (
	rightSecret = iota
	wrongSecret
	storePassword
	inlineSecret
	canaryCount
)

func newVault(t *testing.T) *vault {
	t.Helper()
	v := &vault{pieces: map[string]string{}, canaries: make([]canary, canaryCount)}
	for i, name := range []string{"client secret", "wrong client secret", "password of the store", "inline secret"} {
		v.canaries[i] = newCanary(name)
	}
	v.middleman = &middleman{
		secret: v.canaries[rightSecret].value, tokens: map[string]bool{}, fields: map[string]bool{},
	}
	v.place = newPlaceBehind(t, simulator.Options{
		Seed: 41, Switches: map[string]string{"credential-field": "present"},
	}, v.middleman.before)
	v.quiet = true
	v.keep("client-secret", v.canaries[rightSecret].value+"\n")
	v.keep("wrong-secret", v.canaries[wrongSecret].value+"\n")
	token, err := v.adobe.IssueUserToken()
	if err != nil {
		t.Fatal(err)
	}
	v.canaries = append(v.canaries, tokenCanary(token))
	v.keep("user-token", token+"\n")
	address := "postgres://jwtsunset:" + url.QueryEscape(v.canaries[storePassword].value) + "@127.0.0.1:1/jwtsunset"
	v.keep("store-address", address+"\n")
	v.environment = []string{
		"ADOBE_SECRET=" + v.canaries[rightSecret].value, "STORE_ADDRESS=" + address,
		"BROKEN_ADDRESS=postgres://jwtsunset:" + v.canaries[storePassword].value + "@127.0.0.1:1:1/%zz",
	}
	v.good = v.configuration("log: {level: debug}")
	v.configure(v.good)
	return v
}

// keep writes a file that may hold secrets.
func (v *vault) keep(name, content string) string {
	v.t.Helper()
	path := v.write(name, content)
	v.ours = append(v.ours, path)
	return path
}

// configure puts a configuration in force, which may hold a secret where none belongs.
func (v *vault) configure(text string) {
	v.t.Helper()
	v.reconfigure(text)
	v.ours = append(v.ours, v.config)
}

// with is the good configuration with another source of the secret.
func (v *vault) with(source string) string {
	return strings.Replace(v.good, "client_secret_file: "+v.path("client-secret"), source, 1)
}

// saw keeps a text that came out.
func (v *vault) saw(where, text string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.pieces[fmt.Sprintf("%d. %s", len(v.pieces)+1, where)] = text
}

// act runs a command to its end and keeps what came out. A negative code stands for any.
func (v *vault) act(what string, code int, args ...string) {
	v.t.Helper()
	c := v.runCommand(v.command(args...))
	if got := c.wait(); code >= 0 && got != code {
		v.t.Errorf("%s: %v ended with code %d, want %d: %s", what, args, got, code, &c.stderr)
	}
	v.saw(fmt.Sprintf("%s: stdout of %.40v", what, args), c.stdout.String())
	v.saw(fmt.Sprintf("%s: stderr of %.40v", what, args), c.stderr.String())
}

// configured is act with the configuration of the vault.
func (v *vault) configured(what string, code int, args ...string) {
	v.t.Helper()
	v.act(what, code, append(args, "-c", v.config)...)
}

// inside is configured in the test's own process, which is enough where neither the environment nor a signal matters
// and there are many.
func (v *vault) inside(what string, code int, args ...string) {
	v.t.Helper()
	var stdout, stderr bytes.Buffer
	a := &app{stdout: &stdout, stderr: &stderr, environ: v.environment, clock: time.Now}
	if got := a.run(v.t.Context(), append(args, "-c", v.config)); code >= 0 && got != code {
		v.t.Errorf("%s: %v ended with code %d, want %d: %s", what, args, got, code, &stderr)
	}
	v.saw(fmt.Sprintf("%s: stdout of %.40v", what, args), stdout.String())
	v.saw(fmt.Sprintf("%s: stderr of %.40v", what, args), stderr.String())
}

// files keeps every file that the test has not written itself, the database and its log above all.
func (v *vault) files(where string) {
	v.t.Helper()
	err := filepath.WalkDir(v.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || slices.Contains(v.ours, path) {
			return err
		}
		data, err := os.ReadFile(path)
		switch {
		case err != nil:
			return err
		case isKeyFile(path):
			v.learnKey(string(data))
		default:
			v.saw(where+": file "+filepath.Base(path), string(data))
		}
		return nil
	})
	if err != nil {
		v.t.Error(err)
	}
}

// isKeyFile tells whether a file is the one place where the private key of the audit log belongs.
func isKeyFile(path string) bool { return strings.HasSuffix(path, ".audit-key") }

// learnKey makes the private key of the audit log a canary.
func (v *vault) learnKey(line string) {
	v.t.Helper()
	line = strings.TrimSpace(line)
	core := line[strings.LastIndexByte(line, '+')+1:]
	if fields := strings.SplitN(line, "+", 5); len(fields) == 5 {
		core = fields[4]
	}
	seed, err := base64.StdEncoding.DecodeString(core)
	if err != nil || len(seed) != 33 {
		v.t.Fatalf("the key of the audit log has %d bytes (%v)", len(seed), err)
	}
	v.canaries = append(v.canaries, canary{
		name: "key of the audit log", value: core, parts: []string{core, string(seed[1:])},
	})
}

// done searches everything for every secret.
func (v *vault) done() {
	v.t.Helper()
	v.files("at the end")
	all := needlesOf(append(slices.Clone(v.canaries), v.middleman.canaries()...)...)
	for _, where := range slices.Sorted(maps.Keys(v.pieces)) {
		if found := all.in(v.pieces[where]); found != nil {
			v.t.Errorf("%s betrays the %s:\n%.1500s", where, strings.Join(found, ", the "), v.pieces[where])
		}
	}
}

// wantInPlay fails unless Adobe really got the secret and tokens, and showed the passwords of credentials.
func (v *vault) wantInPlay() {
	v.t.Helper()
	m := v.middleman
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.withSecret == 0 || m.withToken == 0 || len(m.tokens) == 0 || len(m.fields) == 0 {
		v.t.Errorf("%d calls had the secret, %d one of %d tokens, and %d passwords were shown: nothing was tested",
			m.withSecret, m.withToken, len(m.tokens), len(m.fields))
	}
}

// wantSeen fails unless a text that is no secret is found where secrets are looked for.
func (v *vault) wantSeen(text string, where ...string) {
	v.t.Helper()
	control := canary{name: "control", value: text, parts: []string{text}}
	for _, place := range where {
		seen := false
		for name, piece := range v.pieces {
			seen = seen || strings.Contains(name, place) && needlesOf(control).in(piece) != nil
		}
		if !seen {
			v.t.Errorf("%q is not found in any %q: the search does not look there", text, place)
		}
	}
}

// secretive says for each command how it is run with success and with every failure that may betray a secret.
var secretive = map[string]func(v *vault){
	"jwtsunset":                       func(v *vault) { v.act("help", exitDone) },
	"jwtsunset help":                  func(v *vault) { v.act("help", exitDone, "help", "serve") },
	"jwtsunset completion":            func(v *vault) { v.act("help", exitDone, "completion") },
	"jwtsunset completion bash":       func(v *vault) { v.act("script", exitDone, "completion", "bash") },
	"jwtsunset completion zsh":        func(v *vault) { v.act("script", exitDone, "completion", "zsh") },
	"jwtsunset completion fish":       func(v *vault) { v.act("script", exitDone, "completion", "fish") },
	"jwtsunset completion powershell": func(v *vault) { v.act("script", exitDone, "completion", "powershell") },
	"jwtsunset version":               func(v *vault) { v.act("version", exitDone, "version") },
	"jwtsunset config":                func(v *vault) { v.act("help", exitDone, "config") },
	"jwtsunset config init":           (*vault).configInit,
	"jwtsunset config check":          (*vault).configCheck,
	"jwtsunset scan":                  (*vault).scan,
	"jwtsunset list":                  (*vault).list,
	"jwtsunset show":                  (*vault).show,
	"jwtsunset serve":                 (*vault).serveSecretly,
	"jwtsunset healthcheck":           (*vault).healthcheck,
	"jwtsunset history":               (*vault).history,
	"jwtsunset audit":                 func(v *vault) { v.act("help", exitDone, "audit") },
	"jwtsunset audit verify":          (*vault).auditVerify,
	"jwtsunset audit export":          (*vault).auditExport,
	"jwtsunset audit checkpoint":      (*vault).auditCheckpoint,
	"jwtsunset audit rotate-key":      (*vault).auditRotateKey,
	"jwtsunset audit replace-key":     (*vault).auditReplaceKey,
	"jwtsunset audit people":          (*vault).auditPeople,
	"jwtsunset audit forget":          (*vault).auditForget,
	"jwtsunset store":                 func(v *vault) { v.act("help", exitDone, "store") },
	"jwtsunset store version":         func(v *vault) { v.storeCommand("version") },
	"jwtsunset store check":           func(v *vault) { v.storeCommand("check") },
	"jwtsunset store upgrade":         func(v *vault) { v.storeCommand("upgrade") },
	"jwtsunset store backup":          func(v *vault) { v.storeCommand("backup", v.path("backup.db")) },
	"jwtsunset store adopt":           func(v *vault) { v.storeCommand("adopt", "--yes") },
	"jwtsunset store copy":            (*vault).storeCopy,
	"jwtsunset remind":                (*vault).remind,
	"jwtsunset explain":               (*vault).explain,
	"jwtsunset forecast":              (*vault).forecast,
	"jwtsunset answer":                (*vault).answer,
	"jwtsunset snooze":                (*vault).snooze,
	"jwtsunset owners":                (*vault).owners,
	"jwtsunset request":               (*vault).request,
	"jwtsunset approve":               (*vault).approve,
	"jwtsunset decline":               (*vault).decline,
	"jwtsunset revoke":                (*vault).revoke,
	"jwtsunset queue":                 (*vault).queue,
	"jwtsunset migrate":               (*vault).migrate,
	"jwtsunset resolve":               (*vault).resolve,
	"jwtsunset cancel":                (*vault).cancel,
	"jwtsunset freeze":                (*vault).freeze,
	"jwtsunset thaw":                  (*vault).thaw,
	"jwtsunset slack":                 func(v *vault) { v.act("help", exitDone, "slack") },
	"jwtsunset slack check":           (*vault).slackCheck,
	"jwtsunset demo":                  (*vault).demo,
	"jwtsunset simulate":              (*vault).simulate,
}

// commandsOf are the commands of the tree, by path. Those that cobra adds are there as well.
func commandsOf(root *cobra.Command) map[string]*cobra.Command {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	all := map[string]*cobra.Command{}
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		all[c.CommandPath()] = c
		for _, child := range c.Commands() {
			walk(child)
		}
	}
	walk(root)
	return all
}

// TestNoCommandBetraysASecret runs every command, and searches all that comes out for every secret in every spelling.
func TestNoCommandBetraysASecret(t *testing.T) {
	t.Parallel()
	commands := commandsOf(new(app).root())
	for path := range secretive {
		if commands[path] == nil {
			t.Errorf("%s is tested and does not exist", path)
		}
	}
	for path := range commands {
		run := secretive[path]
		if run == nil {
			t.Errorf("%s exists: say in the table how to run it with secrets", path)
			continue
		}
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			v := newVault(t)
			run(v)
			v.done()
		})
	}
}

// sources are configurations that work, each with the secret from elsewhere, or that fail at the store.
func (v *vault) sources() map[string]string {
	return map[string]string{
		"secret from a file":      v.good,
		"secret from environment": v.with("client_secret_env: ADOBE_SECRET"),
		"user token": strings.Replace(v.with("user_token_file: "+v.path("user-token")),
			"client_id: "+simulator.ClientID, "client_id: "+simulator.CLIKey, 1),
	}
}

// stores are configurations whose store cannot be opened.
func (v *vault) stores() map[string]string {
	all := map[string]string{}
	for _, line := range []string{
		"store_env: STORE_ADDRESS", "store_env: BROKEN_ADDRESS", "store_file: " + v.path("store-address"),
		"store_file: " + v.path("client-secret"),
	} {
		all[line] = strings.Replace(v.good, "store: sqlite:"+v.database(), line, 1)
	}
	return all
}

func (v *vault) scan() {
	for name, text := range v.sources() {
		v.configure(text)
		for _, format := range []string{"table", "json", "csv"} {
			v.configured(name, exitLeft, "scan", "-o", format)
		}
	}
	v.wantInPlay()
	v.wantSeen(v.plainName(), "stdout", "file jwtsunset.db")
	v.failingScans()
	v.badly(6, "scan")
}

// plainName is the name of a credential that no escape changes.
func (v *vault) plainName() string {
	v.t.Helper()
	for _, c := range v.adobe.Truth().Credentials {
		if c.Visible && regexp.MustCompile(`^[a-z]+(-[a-z]+)+$`).MatchString(c.Name) {
			v.files("control")
			return c.Name
		}
	}
	v.t.Fatal("no credential has a plain name")
	return ""
}

// failingScans scans with the wrong secret, with everything that Adobe can do wrong, and with an Adobe that repeats
// what it was told.
func (v *vault) failingScans() {
	v.configure(v.with("client_secret_file: " + v.path("wrong-secret")))
	v.configured("wrong secret", exitPartial, "scan")
	v.middleman.setEcho(true)
	v.configured("wrong secret that comes back", exitPartial, "scan", "-o", "json")
	for name, text := range v.sources() {
		v.configure(text)
		v.configured(name+" that comes back", exitPartial, "scan", "-o", "json")
	}
	v.middleman.setEcho(false)
	v.configure(v.good)
	for _, kind := range simulator.FaultKinds() {
		if kind.Name == "hang" || kind.Name == "huge" {
			continue // they take time and show nothing
		}
		for _, operation := range []string{"token", "accounts"} {
			if v.adobe.SetFaults([]simulator.Fault{{Kind: kind.Name, Operation: operation, RetryAfter: "0"}}) == nil {
				v.inside(kind.Name+" at "+operation, -1, "scan", "-o", "json")
			}
		}
	}
	v.adobeAnswers()
	for name, text := range v.stores() {
		v.configure(text)
		v.configured(name, exitError, "scan")
	}
	v.configure(v.good)
}

// inline are configurations with a secret where none belongs, each of which must be refused.
func (v *vault) inline() map[string]string {
	c := v.canaries[inlineSecret].value
	all := map[string]string{
		"as the whole file": c + "\n",
		"unclosed":          v.with(`client_secret_file: "` + c),
		"without a blank":   v.with("client_secret:" + c),
		"as an alias":       v.with("client_secret_file: *" + c),
		"as a tag":          v.with("client_secret_file: !" + c + " x"),
		"as an anchor":      v.with("client_secret_file: &" + c + " x"),
		"behind a tab":      v.with("\tclient_secret: " + c),
		"twice":             v.with("client_secret_file: " + c + "\n    client_secret_file: " + c),
	}
	for _, line := range []string{
		"client_secret: %s", "secret: %s", "client_secret_env: %s", "client_secret: {value: %s}", "client_secret_file: [%s]",
		"user_token: %s", "user_token_env: %s",
	} {
		all[line] = v.with(fmt.Sprintf(line, c))
	}
	for _, line := range []string{
		"slack: {token: %s}", "slack: {token_env: %s}", "slack: {signing_secret: %s}", "slack: {app_token_env: %s}",
		"slack: {api_url: 'https://user:%s@slack.example.com/api/'}", "slack: {channel: '#%s'}", "webhook: {secret: %s}",
		"webhook: {secret_env: %s}", "webhook: {url: 'https://user:%s@hooks.example.com'}",
		"webhook: {url: 'https://hooks.example.com/?key=%s'}", "reminders: {hours: %s}", "reminders: {windows: [%s]}",
		"reminders: {language: %s}", "reminders: {page_url: 'https://user:%s@example.com'}", "migrator: {client_secret: %s}", "deadlines: [{name: x, date: %s}]",
		"schedule: {time_zone: %s}", "listen: {metrics: %s}", "metrics: {owner_label: %s}",
		"scan: {timeout: %s}", "scan: {exclude: [{sandbox: '[%s', reason: x}]}", "people: %s", "approval: {via: [%s]}",
	} {
		all[line] = v.configuration(fmt.Sprintf(line, c))
	}
	replace := func(old, line string) { all[line] = strings.Replace(v.good, old, fmt.Sprintf(line, c), 1) }
	replace("ims_org: "+simulator.IMSOrganization, "ims_org: %s")
	replace("name: acme", "name: %s")
	replace("ims_url: "+v.server.URL, "ims_url: https://user:%s@ims.example.com")
	replace("platform_url: "+v.server.URL, "platform_url: https://ims.example.com/?key=%s")
	replace("retries: 1", "retries: %s")
	replace("level: debug", "level: %s")
	replace("store: sqlite:"+v.database(), "store: postgres://jwtsunset:%s@127.0.0.1/jwtsunset")
	replace("store: sqlite:"+v.database(), "store: %s")
	return all
}

// overrides are arguments and variables with a secret where none belongs.
func (v *vault) overrides() (flags, variables []string) {
	c := v.canaries[inlineSecret].value
	flags = []string{
		"--set=organizations[0].client_secret=" + c, "--set=organizations[0].client_secret_env=" + c,
		"--store=postgres://jwtsunset:" + c + "@127.0.0.1/jwtsunset", "--adobe.concurrency=" + c,
		"--adobe.ims-url=https://user:" + c + "@ims.example.com",
	}
	variables = []string{
		"JWTSUNSET_ORGANIZATIONS_0_CLIENT_SECRET=" + c, "JWTSUNSET_ORGANIZATIONS=[{client_secret: " + c + "}]",
		"JWTSUNSET_STORE=postgres://jwtsunset:" + c + "@127.0.0.1/jwtsunset", "JWTSUNSET_SECRET=" + c,
		"JWTSUNSET_ADOBE_REQUEST_TIMEOUT=" + c, "JWTSUNSET_SCAN={" + c,
	}
	return flags, variables
}

// badly runs a command with configurations that hold a secret inline: with each of them, or with one of so many where
// it reads its configuration as all commands do.
func (v *vault) badly(oneOf int, command ...string) {
	v.t.Helper()
	inline := v.inline()
	for i, name := range slices.Sorted(maps.Keys(inline)) {
		if (i+len(command[0]))%oneOf == 0 {
			v.configure(inline[name])
			v.inside("inline "+name, exitError, command...)
		}
	}
	v.configure(v.good)
	flags, variables := v.overrides()
	for i, flag := range flags {
		if (i+len(command[0]))%oneOf == 0 {
			v.inside("inline by a flag", exitError, append(command, flag)...)
		}
	}
	usual := v.environment
	for i, variable := range variables {
		if (i+len(command[0]))%oneOf == 0 {
			v.environment = append(slices.Clone(usual), variable)
			v.inside("inline by a variable", exitError, command...)
		}
	}
	v.environment = usual
}

func (v *vault) list() {
	v.configured("scan", exitLeft, "scan")
	for _, format := range []string{"table", "json", "csv"} {
		v.configured("good", exitDone, "list", "-o", format)
	}
	v.wantInPlay()
	v.wantSeen(v.plainName(), "good: stdout")
	v.badly(6, "list")
}

func (v *vault) show() {
	v.configured("scan", exitLeft, "scan")
	name := v.plainName()
	for _, c := range v.adobe.Truth().Credentials {
		if c.Name == name || c.MigrationStatus != "" && len(c.Sandboxes) > 1 {
			for _, format := range []string{"table", "json", "csv"} {
				v.inside("good", exitDone, "show", c.TechnicalAccountID, "-o", format)
			}
		}
	}
	v.wantInPlay()
	v.wantSeen(name, "good: stdout")
	v.configured("unknown", exitError, "show", "000000000000000000000000")
	v.badly(6, "show", "000000000000000000000000")
}

func (v *vault) configInit() {
	v.act("good", exitDone, "config", "init", "another.yml")
	v.act("a file that is there", exitError, "config", "init", v.config)
	v.act("good", exitDone, "config", "init", "--stdout")
}

func (v *vault) configCheck() {
	for name, text := range v.sources() {
		v.configure(text)
		v.configured(name, exitDone, "config", "check")
	}
	for name, text := range v.stores() {
		v.configure(text)
		v.configured(name, -1, "config", "check")
	}
	v.badly(1, "config", "check")
	web := v.keep("web.yml", "basic_auth_users: {prometheus: "+v.canaries[inlineSecret].value+"}\n")
	v.configured("password that is no hash", exitError, "config", "check", "--metrics.web-config-file="+web)
	v.configured("password that is no hash", exitError, "serve", "--metrics.web-config-file="+web)
}

// serveSecretly runs daemons through success, failure and reloads, and looks at them while they run.
func (v *vault) serveSecretly() {
	v.t.Helper()
	d := v.serve()
	d.awaitSample(ofAcme("jwtsunset_scan_complete"), 1)
	v.look("good", d)
	v.wantInPlay()
	v.wantSeen(v.plainName(), "/metrics", "good: file jwtsunset.db")
	v.configure(v.inline()["client_secret: %s"])
	d.signal(syscall.SIGHUP)
	d.await("configuration was not reloaded")
	v.look("bad reload", d)
	d.stop()
	v.saw("good: stderr of serve", d.stderr.String())

	wrong := v.with("client_secret_file: " + v.path("wrong-secret"))
	for name, with := range map[string]struct {
		configuration string
		echo          bool
	}{
		"wrong secret":                 {wrong, false},
		"wrong secret that comes back": {wrong, true},
		"secret that comes back":       {v.good, true},
	} {
		v.discard()
		v.configure(with.configuration)
		v.middleman.setEcho(with.echo)
		d := v.serve()
		d.awaitSample(`jwtsunset_scans_total{organization="acme",result="failed"}`, 1)
		v.look(name, d)
		d.stop()
		v.saw(name+": stderr of serve", d.stderr.String())
	}
	v.middleman.setEcho(false)
	for name, text := range v.stores() {
		v.configure(text)
		v.configured(name, exitError, "serve")
	}
	v.configure(v.good)
	v.badly(6, "serve")
}

// look keeps what a daemon shows while it runs: its pages, its files, and what every user of the machine can see of it.
func (v *vault) look(where string, d *daemonProcess) {
	v.t.Helper()
	for _, path := range []string{"/metrics", "/", "/-/healthy", "/-/ready"} {
		_, body := d.get(path)
		v.saw(where+": "+path, body)
	}
	v.files(where)
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", d.cmd.Process.Pid))
	if err == nil {
		v.saw(where+": arguments", string(line))
	}
}

// TestMisplacedSecretIsNotRepeated writes the secret where a schedule or the name of its file belongs.
func TestMisplacedSecretIsNotRepeated(t *testing.T) {
	t.Parallel()
	for name, run := range map[string]func(*vault, string){
		"schedule": func(v *vault, secret string) {
			v.configured("flag", exitError, "config", "check", "--schedule.scan="+secret)
			v.configure(v.configuration("schedule: {remind: " + secret + "}"))
			v.configured("file", exitError, "scan")
		},
		"name of the file": func(v *vault, secret string) {
			v.configure(v.with("client_secret_file: " + secret))
			v.configured("check", -1, "config", "check")
			v.configured("scan", -1, "scan")
			d := v.start(v.command("serve", "-c", v.config))
			d.await(serving)
			d.signal(syscall.SIGTERM)
			d.want(exitDone)
			v.saw("serve", d.stderr.String())
		},
		"name of the file of the Slack token": func(v *vault, secret string) {
			v.configure(v.configuration("slack: {token_file: '" + secret + "', api_url: 'http://127.0.0.1:1/'}"))
			v.configured("check", -1, "config", "check")
			v.configured("scan", -1, "scan")
			v.configured("remind", -1, "remind")
			v.configured("slack check", exitError, "slack", "check")
		},
		"name of the file of the webhook's secret": func(v *vault, secret string) {
			v.configure(v.configuration("webhook: {url: 'http://127.0.0.1:1/', secret_file: '"+secret+"'}",
				"reminders: {"+atAnyHour+"}"))
			v.configured("check", -1, "config", "check")
			v.configured("scan", -1, "scan")
			v.configured("remind", exitPartial, "remind")
		},
		"name of the file of owners": func(v *vault, secret string) {
			v.configure(v.configuration("webhook: {url: 'http://127.0.0.1:1/', secret_file: "+v.path("client-secret")+"}",
				"reminders: {owners_file: '"+secret+"'}"))
			v.configured("check", exitError, "config", "check")
			v.configured("remind", exitError, "remind")
		},
		"name of the file of the store": func(v *vault, secret string) {
			v.configure(strings.Replace(v.good, "store: sqlite:"+v.database(), "store_file: "+secret, 1))
			v.configured("check", -1, "config", "check")
			v.configured("scan", exitError, "scan")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newVault(t)
			run(v, v.canaries[inlineSecret].value)
			v.done()
		})
	}
}

func (v *vault) healthcheck() {
	d := v.serve()
	address := "--listen.metrics=" + d.address
	v.configured("good", exitDone, "healthcheck", address)
	d.stop()
	v.configured("no daemon", exitError, "healthcheck", address)
	web := v.keep("web.yml", "basic_auth_users: ["+v.canaries[inlineSecret].value+"\n")
	v.configured("broken web configuration", exitError, "healthcheck", address, "--metrics.web-config-file="+web)
	v.badly(6, "healthcheck", address)
}

func (v *vault) demo() {
	v.act("good", exitLeft, "demo", "--once", "-o", "json")
	v.act("wrong date", exitError, "demo", "--at", "yesterday")
	c := v.start(v.command("demo", "--listen=127.0.0.1:0"))
	c.await("Stop with Ctrl-C")
	c.signal(syscall.SIGTERM)
	c.want(exitDone)
	v.saw("demo", c.stdout.String()+c.stderr.String())
}

// simulate asks the pretend Adobe of the command line for tokens, which it must not show either.
func (v *vault) simulate() {
	v.t.Helper()
	v.act("help", exitDone, "simulate", "--explain")
	c := v.start(v.command("simulate", "--listen=127.0.0.1:0"))
	adobe := c.awaitOn(&c.stdout, `listening on (http://\S+)`)[1]
	for _, secret := range []string{simulator.ClientSecret, v.canaries[wrongSecret].value} {
		body := v.askToken(adobe, secret)
		v.middleman.learn(body)
	}
	if tokens := v.middleman.canaries(); len(tokens) != 1 {
		v.t.Errorf("%d tokens were given, want 1", len(tokens))
	}
	c.signal(syscall.SIGTERM)
	c.want(exitDone)
	v.saw("simulate", c.stdout.String()+c.stderr.String())
}

// askToken asks for a token and then for the sandboxes with it.
func (v *vault) askToken(adobe, secret string) string {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.t.Context(), time.Minute)
	defer cancel()
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {simulator.ClientID}, "client_secret": {secret},
		"scope": {"openid,AdobeID,read_organizations"},
	}
	body := strings.NewReader(form.Encode())
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, adobe+"/ims/token/v3", body)
	if err != nil {
		v.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := v.server.Client().Do(request)
	if err != nil {
		v.t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return string(answer)
}
