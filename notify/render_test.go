package notify

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"jwtsunset/credential"
)

var updateRendered = flag.Bool("update-rendered", false, "rewrite testdata/render")

// TestRendered shows what every block says of the samples, in plain words and in each language.
func TestRendered(t *testing.T) {
	for _, language := range Languages() {
		var b strings.Builder
		for _, m := range samples(language) {
			r, err := loaded(t).Render(m, PageOf(m, 0, 40, 10), PlainMedium())
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "===== %s to %s\n", m.Kind, m.To.Kind)
			fmt.Fprintln(&b, paragraphs(r.Title, r.Intro, strings.Join(r.Items, "\n\n"), r.Outro, r.Footer))
		}
		compareRendered(t, filepath.Join("testdata", "render", language+".txt"), b.String())
	}
}

func compareRendered(t *testing.T, file, got string) {
	t.Helper()
	if *updateRendered {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s has changed; if that is meant, run go test -run TestRendered -update-rendered\n%s", file, got)
	}
}

// TestNothingRaw replaces every text from outside by its escape, which here is an x for each character: none of them may
// be left in any block of any template.
func TestNothingRaw(t *testing.T) {
	hide := PlainMedium()
	hide.Escape = func(s string) string { return strings.Repeat("x", len([]rune(s))) }
	for _, language := range Languages() {
		for _, m := range samples(language) {
			m.Items = taint(m.Items)
			m.Digest = taintDigest(m.Digest)
			m.Notice = taintNotice(m.Notice)
			m.Link = "RAW"
			r, err := loaded(t).Render(m, PageOf(m, 0, max(1, len(m.Items)-1), 1), hide)
			if err != nil {
				t.Fatal(err)
			}
			if all := fmt.Sprintf("%+v", r); strings.Contains(all, "RAW") {
				t.Errorf("%s %s: a text from outside was not escaped: %s", language, m.Kind, all)
			}
		}
	}
}

// taint writes RAW into every text of an item that can have any value.
func taint(items []Item) []Item {
	tainted := append([]Item(nil), items...)
	for i := range tainted {
		item := &tainted[i]
		item.Name, item.ID, item.Owner = "RAW", "RAW", "RAW"
		item.Organization = fmt.Sprint("RAW", i)
		item.Sandboxes = []string{"RAW", "RAW1", "RAW2", "RAW3"}
		if item.Deadline.Name != "" && i%2 == 0 {
			item.Deadline.Name = "RAW"
			item.Deadline.At = item.Deadline.At.In(time.FixedZone("RAW", 0))
		}
		if item.Answer != nil {
			answer := *item.Answer
			answer.Link, answer.Note, answer.By = "RAW", "RAW", "RAW"
			item.Answer = &answer
		}
	}
	return tainted
}

func taintDigest(d *Digest) *Digest {
	if d == nil {
		return nil
	}
	tainted := *d
	tainted.Unowned, tainted.Broken = taint(d.Unowned), taint(d.Broken)
	tainted.Waiting, tainted.Organizations = nil, nil
	for _, w := range d.Waiting {
		tainted.Waiting = append(tainted.Waiting, Waiting{taint([]Item{w.Item})[0], w.Since})
	}
	for _, o := range d.Organizations {
		o.Name = "RAW"
		o.Deadline.Name, o.Deadline.At = "RAW", time.Date(2027, 1, 1, 0, 0, 0, 0, time.FixedZone("RAW", 0))
		tainted.Organizations = append(tainted.Organizations, o)
	}
	tainted.Checkpoint = "RAW\n1\nRAW"
	return &tainted
}

func taintNotice(n *Notice) *Notice {
	if n == nil {
		return nil
	}
	return &Notice{
		Kind: n.Kind, Request: "RAW", Method: n.Method, Verdict: n.Verdict, Name: "RAW", Requester: "RAW", By: "RAW", Why: "RAW",
		Page: "RAW", Effects: []string{"RAW"}, Facts: []Fact{{Name: "RAW", Values: []string{"RAW", "RAW"}}}, Until: n.Until,
	}
}

// TestCountdown holds that messages count as everything else does.
func TestCountdown(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	m := Message{Kind: KindReminder, Language: English, Now: now}
	for _, after := range []int{-24 * 511, -49, -25, -24, -1, 1, 24, 25, 48, 24 * 90} {
		item := Item{Name: "a", ID: "b", Deadline: credential.Deadline{Name: "d", At: now.Add(time.Duration(after) * time.Hour)}}
		m.Items = append(m.Items, item)
	}
	r, err := loaded(t).Render(m, PageOf(m, 0, 40, 1), PlainMedium())
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range r.Lines {
		if want := fmt.Sprintf("%d. %s, id", i+1, m.Items[i].Deadline.Countdown(now)); !strings.HasPrefix(line, want) {
			t.Errorf("got %q, want %q at its front", line, want)
		}
	}
}

// TestPlain holds that the plain words are bounded, and that every credential has a line or is counted.
func TestPlain(t *testing.T) {
	item := samples(English)[0].Items[0]
	for _, n := range []int{0, 1, 20, 200, 5000} {
		m := Message{Kind: KindReminder, Language: English, Now: samples(English)[0].Now}
		for range n {
			m.Items = append(m.Items, item)
		}
		r, err := loaded(t).Render(m, PageOf(m, 0, 200, 1), PlainMedium())
		if err != nil {
			t.Fatal(err)
		}
		more := 0
		if found := regexp.MustCompile(`(?m)^and (\d+) more$`).FindStringSubmatch(r.Plain); found != nil {
			_, _ = fmt.Sscan(found[1], &more)
		}
		lines := strings.Count(r.Plain, " days overdue, id ")
		if lines+more != n || Units(r.Plain) > PlainUnits || n > 200 && lines < 10 {
			t.Errorf("%d credentials: %d lines and %d more, %d characters", n, lines, more, Units(r.Plain))
		}
	}
}

func TestPageOf(t *testing.T) {
	for n, want := range map[int]Page{
		0: {1, 1, 0, 0}, 1: {1, 1, 1, 1}, 11: {1, 2, 10, 11}, 20: {1, 2, 10, 20}, 21: {1, 3, 10, 20}, 99: {1, 3, 10, 20},
	} {
		if got := PageOf(Message{Items: make([]Item, n)}, 1, 10, 3); got != want {
			t.Errorf("%d items: got %+v, want %+v", n, got, want)
		}
	}
	if got := PageOf(Message{Items: make([]Item, 30), Replaced: true}, 0, 10, 3); got != (Page{0, 1, 0, 0}) {
		t.Errorf("replaced: got %+v", got)
	}
}

func TestRenderFails(t *testing.T) {
	templates, err := LoadTemplates("")
	if err != nil {
		t.Fatal(err)
	}
	m := samples(English)[0]
	m.Kind = "greeting"
	_, err = templates.Render(m, PageOf(m, 0, 40, 10), PlainMedium())
	var f *Failure
	if !errors.As(err, &f) || f.Class != Invalid || f.Reason != "template" || f.Hint == "" {
		t.Errorf("got %#v", err)
	}
}

// TestMessageDocs compares what docs/messages.md lists with what templates see.
func TestMessageDocs(t *testing.T) {
	content, err := os.ReadFile("../docs/messages.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(content)
	documented := map[string]bool{}
	for _, found := range regexp.MustCompile("`\\.([A-Z][A-Za-z]*)`").FindAllStringSubmatch(page, -1) {
		documented[found[1]] = true
	}
	known := fieldNames()
	for name := range known {
		if !documented[name] {
			t.Errorf("the field .%s is not in the page", name)
		}
	}
	for name := range documented {
		if !known[name] {
			t.Errorf("the page names the field .%s, which there is not", name)
		}
	}
	for _, kind := range Kinds() {
		for _, block := range blocks(kind) {
			if !strings.Contains(page, "`"+block+"`") {
				t.Errorf("the block %s is not in the page", block)
			}
		}
	}
	for name := range functions() {
		if !strings.Contains(page, "`"+name+" ") {
			t.Errorf("the function %s is not in the page", name)
		}
	}
	for _, name := range fileNames() {
		if !strings.Contains(page, filepath.Base(name)+suffix) {
			t.Errorf("the file %s is not in the page", name)
		}
	}
}

// TestDataTypes holds that the list of types is whole: every struct that a type leads to is in it.
func TestDataTypes(t *testing.T) {
	known := map[reflect.Type]bool{}
	for _, one := range dataTypes() {
		known[one] = true
	}
	for one := range known {
		for i := range one.NumField() {
			field := one.Field(i).Type
			for field.Kind() == reflect.Slice || field.Kind() == reflect.Pointer {
				field = field.Elem()
			}
			if field.Kind() == reflect.Struct && !known[field] {
				t.Errorf("%s is not in the list", field)
			}
		}
	}
}
