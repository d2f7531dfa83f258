package slack

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	slackgo "github.com/slack-go/slack"

	"jwtsunset/credential"
	"jwtsunset/notify"
	pretend "jwtsunset/simulator/slack"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestGolden shows what is sent: every kind of message and form of it, in every language. Of a long one it shows the first
// and the last page.
func TestGolden(t *testing.T) {
	templates := builtIn(t)
	for _, language := range notify.Languages() {
		messages := goldenMessages(language)
		for _, name := range slices.Sorted(maps.Keys(messages)) {
			m := messages[name]
			t.Run(language+"/"+name, func(t *testing.T) {
				golden(t, templates, m, 0, language+"-"+name)
				if last := Pages(m) - 1; last > 0 {
					golden(t, templates, m, last, language+"-"+name+"-last")
				}
			})
		}
	}
}

func golden(t *testing.T, templates *notify.Templates, m notify.Message, page int, name string) {
	t.Helper()
	text, blocks, err := Compose(templates, m, page)
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	encoder := json.NewEncoder(&got)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(map[string]any{"text": text, "blocks": blocks}); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", "golden", name+".json")
	if *update {
		if err := os.WriteFile(file, got.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(fmt.Errorf("%w: write it with go test -run TestGolden -update", err))
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%s has changed; if that is meant, run go test -run TestGolden -update\n%s", file, got.String())
	}
}

// TestStandIn posts every page of every message, in every language, to the strict stand-in, which knows Slack's limits and
// what Slack makes of a text: no text from outside may become a mention or a link.
func TestStandIn(t *testing.T) {
	templates := builtIn(t)
	for _, language := range notify.Languages() {
		pretend, post := standIn(t)
		for name, m := range goldenMessages(language) {
			m.ID = name
			for page := range Pages(m) {
				text, blocks, err := Compose(templates, m, page)
				if err != nil {
					t.Fatal(err)
				}
				if err := post(text, blocks); err != nil {
					t.Errorf("%s, page %d: %v", name, page, err)
				}
			}
		}
		checkMentions(t, pretend)
	}
}

// standIn gives a pretend Slack without rate limits, and what posts to it.
func standIn(t *testing.T) (*pretend.Workspace, func(string, []slackgo.Block) error) {
	t.Helper()
	w, err := pretend.New(pretend.Options{Limits: pretend.Limits{Off: true}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	client := slackgo.New(pretend.BotToken, slackgo.OptionAPIURL(server.URL+"/api/"))
	return w, func(text string, blocks []slackgo.Block) error {
		_, _, err := client.PostMessageContext(t.Context(), "C0ADOBECRE", slackgo.MsgOptionText(text, false),
			slackgo.MsgOptionBlocks(blocks...))
		return err
	}
}

func checkMentions(t *testing.T, w *pretend.Workspace) {
	t.Helper()
	mentions := 0
	for _, m := range w.Messages() {
		for _, mention := range m.Mentions {
			if mentions++; mention.Kind != "subteam" || mention.ID != "S0OWNERS01" || mention.Auto {
				t.Errorf("a text from outside mentions: %+v", mention)
			}
		}
		for _, link := range m.Links {
			known := link.URL == "https://jwtsunset.example.com/mine" || link.URL == adobePage ||
				strings.HasPrefix(link.URL, "https://vendor.example.com/tickets/42?")
			if !known || link.Auto || link.Text != "" {
				t.Errorf("a text from outside links: %+v", link)
			}
		}
	}
	if mentions == 0 {
		t.Error("the user group of the escalation is not mentioned")
	}
}

// TestEveryItemOnce composes messages of any length with hostile texts: every page is within the limits, and every
// credential is on exactly one page or counted among those that no page has room for.
func TestEveryItemOnce(t *testing.T) {
	templates := builtIn(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	for _, n := range []int{0, 1, 39, 40, 41, 400, 401, 5000, random.IntN(5000)} {
		m := randomMessage(random, n)
		seen := map[string]int{}
		for page := range Pages(m) {
			text, blocks, err := Compose(templates, m, page)
			if err != nil {
				t.Fatal(err)
			}
			checkPage(t, text, blocks)
			for _, id := range itemID.FindAllString(shownText(t, blocks), -1) {
				seen[id]++
			}
		}
		if want := min(n, itemsPerPage*maxPages); len(seen) != want {
			t.Errorf("%d items: %d are shown, want %d", n, len(seen), want)
		}
		for id, times := range seen {
			if times != 1 {
				t.Errorf("%d items: %s is shown %d times", n, id, times)
			}
		}
		if rest := n - itemsPerPage*maxPages; rest > 0 {
			_, blocks, _ := Compose(templates, m, maxPages-1)
			if want := fmt.Sprintf("and %d more", rest); !strings.Contains(shownText(t, blocks), want) {
				t.Errorf("%d items: the last page does not say %q", n, want)
			}
		}
	}
}

// TestWorstPages fills the last page of a long message with one hostile text: however much room it takes, each credential
// is told by its whole id.
func TestWorstPages(t *testing.T) {
	templates := builtIn(t)
	for i, text := range hostileTexts() {
		m := notify.Message{ID: "m", Kind: notify.KindReminder, Now: testNow, Link: "https://jwtsunset.example.com/mine",
			Language: notify.Languages()[i%2], To: notify.Recipient{Kind: notify.ToUser, ID: "U0ANA00001"}}
		for n := range 450 {
			item := integration(text, fmt.Sprintf("ID%06dX90495F8C90495F8C", n))
			item.Kind = []credential.Kind{credential.QueryService, credential.DeveloperConsole}[n%2]
			item.Sandboxes = []string{fmt.Sprint(n%11, text), text, text, text}
			item.Organization, item.Owner, item.Deadline.Name, item.Guess = text+text, text, text, n%2 == 0
			m.Items = append(m.Items, item)
		}
		for _, kind := range []notify.Kind{notify.KindReminder, notify.KindEscalation} {
			m.Kind = kind
			plain, blocks, err := Compose(templates, m, maxPages-1)
			if err != nil {
				t.Fatal(err)
			}
			checkPage(t, plain, blocks)
			if shown := itemID.FindAllString(shownText(t, blocks), -1); len(shown) != itemsPerPage {
				t.Errorf("%s of %.20q: %d credentials are shown, want %d", kind, text, len(shown), itemsPerPage)
			}
		}
	}
}

// TestDigestFits composes a digest of which every text is hostile and every list is full.
func TestDigestFits(t *testing.T) {
	templates := builtIn(t)
	for i, text := range hostileTexts() {
		m := goldenMessages(notify.Languages()[i%2])["digest"]
		d := *m.Digest
		item := account(text, text, text, text, text, text)
		item.Organization, item.Owner, item.Deadline.Name = text, text, text
		d.Unowned = slices.Repeat([]notify.Item{item}, 20)
		d.Broken = d.Unowned
		d.Waiting = slices.Repeat([]notify.Waiting{{Item: item, Since: testNow}}, 20)
		o := d.Organizations[0]
		o.Name, o.Deadline.Name = text, text
		d.Organizations = slices.Repeat([]notify.DigestOrganization{o}, 12)
		m.Digest = &d
		plain, blocks, err := Compose(templates, m, 0)
		if err != nil {
			t.Fatal(err)
		}
		checkPage(t, plain, blocks)
	}
}

// TestNoticesFit composes notices of each kind of which every text is hostile: every fact has its line, and what a
// migration does and which command decides are never cut off.
func TestNoticesFit(t *testing.T) {
	templates := builtIn(t)
	for i, text := range hostileTexts() {
		for _, kind := range notify.NoticeKinds() {
			m := notice(goldenMessages(notify.Languages()[i%2])["reminder"], kind)
			n := *m.Notice
			n.Name, n.Requester, n.By, n.Why, n.Page = text, text, text, text, text
			n.Facts = cardFacts(text)
			m.Notice = &n
			plain, blocks, err := Compose(templates, m, 0)
			if err != nil {
				t.Fatal(err)
			}
			checkPage(t, plain, blocks)
			shown := shownText(t, blocks)
			if lines := strings.Count(shown, "\n"); lines < len(n.Facts) {
				t.Errorf("%s of %.20q: %d lines for %d facts", kind, text, lines, len(n.Facts))
			}
			if kind == notify.NoticeRequested && !strings.Contains(shown, "`jwtsunset approve "+n.Request+"`") {
				t.Errorf("%s of %.20q does not say how to approve: %s", kind, text, shown)
			}
		}
	}
}

// itemID matches the ids that randomMessage gives.
var itemID = regexp.MustCompile(`ID[0-9]{6}X`)

func randomMessage(random *rand.Rand, n int) notify.Message {
	texts := hostileTexts()
	pick := func() string {
		text := texts[random.IntN(len(texts))]
		if random.IntN(3) == 0 {
			text += texts[random.IntN(len(texts))]
		}
		return text
	}
	m := notify.Message{ID: "m", Kind: notify.KindReminder, Language: "en", Now: testNow,
		To: notify.Recipient{Kind: notify.ToUser, ID: "U0ANA00001"}}
	if random.IntN(2) == 0 {
		m.Kind = notify.KindEscalation
	}
	for i := range n {
		item := account(pick(), fmt.Sprintf("ID%06dX", i), pick(), pick(), pick(), pick())
		item.Owner, item.Organization, item.Deadline.Name = pick(), pick(), pick()
		if random.IntN(2) == 0 {
			item.Answer = &notify.Answer{Kind: notify.AnswerBlocked, Until: testNow, At: testNow, Link: pick(), Note: pick(), By: pick()}
		}
		m.Items = append(m.Items, item)
	}
	return m
}

// checkPage holds a page against Slack's limits, and looks for what only we may write.
func checkPage(t *testing.T, text string, blocks []slackgo.Block) {
	t.Helper()
	encoded, err := json.Marshal(blocks)
	if err != nil {
		t.Fatal(err)
	}
	if !fits(blocks) || notify.Units(text) > 4000 {
		t.Errorf("%d bytes of %d blocks, and a text of %d characters", len(encoded), len(blocks), notify.Units(text))
	}
	if problems := pretend.ValidateBlocks(encoded); len(problems) > 0 {
		t.Errorf("Slack refuses the blocks: %q", problems)
	}
	for _, s := range []string{text, shownText(t, blocks)} {
		rest := ownMarkup.ReplaceAllString(s, "")
		if strings.ContainsAny(rest, "<>") || strayAmpersand(rest) {
			t.Errorf("a text from outside is not escaped in %q", s)
		}
		if strings.ContainsFunc(s, isInvisible) {
			t.Errorf("%q has characters that cannot be seen", s)
		}
	}
}

// ownMarkup matches what templates write between angle brackets.
var ownMarkup = regexp.MustCompile(`<!subteam\^S[0-9A-Z]+>|<https://[^<>|"\s]+>`)

var entity = regexp.MustCompile(`&(amp|lt|gt);`)

func strayAmpersand(s string) bool { return strings.Contains(entity.ReplaceAllString(s, ""), "&") }

func isInvisible(r rune) bool {
	return r != '\n' && !unicode.IsPrint(r) && r != '\u200d' || unicode.Is(unicode.Bidi_Control, r)
}

// shownText has the texts of blocks but the header's, which is plain.
func shownText(t *testing.T, blocks []slackgo.Block) string {
	t.Helper()
	var all []string
	for _, b := range blocks {
		switch b := b.(type) {
		case *slackgo.SectionBlock:
			all = append(all, b.Text.Text)
			if !b.Text.Verbatim || b.Text.Type != slackgo.MarkdownType {
				t.Errorf("Slack may make links and mentions of %+v", b.Text)
			}
		case *slackgo.ContextBlock:
			for _, element := range b.ContextElements.Elements {
				all = append(all, element.(*slackgo.TextBlockObject).Text)
			}
		}
	}
	return strings.Join(all, "\n")
}

func TestMention(t *testing.T) {
	m := goldenMessages("en")["escalation"]
	m.Items = many(100)
	templates := builtIn(t)
	for page := range Pages(m) {
		text, blocks, err := Compose(templates, m, page)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(text+shownText(t, blocks), "<!subteam^S0OWNERS01>"); got != max(0, 1-page) {
			t.Errorf("page %d mentions the group %d times", page, got)
		}
	}
	m.Replaced = true
	if _, blocks, _ := Compose(templates, m, 0); strings.Contains(shownText(t, blocks), "<!") {
		t.Errorf("the replaced message mentions: %q", shownText(t, blocks))
	}
	m.Replaced = false
	for _, group := range []string{"@owners", "!channel", "S0OWNERS01>", "s0owners01", "S", "S0 1", "U0ANA00001", strings.Repeat("S", 40)} {
		m.To.Group = group
		var f *notify.Failure
		if _, _, err := Compose(templates, m, 0); !errors.As(err, &f) || f.Class != notify.Invalid || f.Hint == "" {
			t.Errorf("%q: got %v", group, err)
		}
	}
}

func TestNoSuchPage(t *testing.T) {
	m := goldenMessages("en")["reminder"]
	for _, page := range []int{-1, 1} {
		if _, _, err := Compose(builtIn(t), m, page); err == nil {
			t.Errorf("page %d was composed", page)
		}
	}
}

func TestEscape(t *testing.T) {
	tests := map[string]string{
		"looker_prod":           "looker_prod",
		"<!channel> & co":       "&lt;!channel&gt; &amp; co",
		"&lt;":                  "&amp;lt;",
		"*bold* a*b":            "∗bold∗ a*b",
		"_it_ a_b __":           "＿it＿ a_b ＿＿",
		"~gone~ a~b":            "∼gone∼ a~b",
		"`code`":                "ˋcodeˋ",
		"> quote > b":           "＞ quote &gt; b",
		">>> all":               "＞＞＞ all",
		":tada: 12:30":          "\ua789tada\ua789 12:30",
		"https://evil.example/": "https\ua789//evil.example/",
		"@here a@b #x a#b":      "＠here a@b ＃x a#b",
		"界_界":                   "界＿界",
		"":                      "",
	}
	for text, want := range tests {
		if got := escape(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestCut(t *testing.T) {
	tests := []struct {
		text  string
		units int
		want  string
	}{
		{"short", 5, "short"},
		{"a &amp; b", 5, "a …"},
		{"a &amp; b c", 9, "a &amp;…"},
		{"see <https://a.example/x> now", 12, "see …"},
		{"the `name` is", 8, "the `n…`"},
		{"👩‍👩‍👧‍👦👩‍👩‍👧‍👦", 15, "👩‍👩‍👧‍👦…"},
	}
	for _, tt := range tests {
		if got := cut(tt.text, tt.units); got != tt.want || notify.Units(got) > tt.units {
			t.Errorf("%q to %d: got %q, want %q", tt.text, tt.units, got, tt.want)
		}
	}
}

func FuzzCompose(f *testing.F) {
	templates := builtIn(f)
	for _, text := range hostileTexts() {
		f.Add(text, text)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		item := account(a, b, a, b)
		item.Owner, item.Organization, item.Deadline.Name = b, a, b
		item.Answer = &notify.Answer{Kind: notify.AnswerBlocked, Until: testNow, At: testNow, Link: a, Note: b, By: a}
		for _, kind := range []notify.Kind{notify.KindReminder, notify.KindEscalation} {
			m := notify.Message{ID: "m", Kind: kind, Language: b, Now: testNow, Link: a, Items: []notify.Item{item, item}}
			text, blocks, err := Compose(templates, m, 0)
			if err != nil {
				t.Fatal(err)
			}
			checkPage(t, text, blocks)
		}
	})
}

func FuzzEscape(f *testing.F) {
	for _, text := range hostileTexts() {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := escape(notify.Clean(text, 200))
		if strings.ContainsAny(got, "<>`") || strayAmpersand(got) || strings.Contains(got, "://") || emoji.MatchString(got) {
			t.Errorf("%q became %q", text, got)
		}
	})
}
