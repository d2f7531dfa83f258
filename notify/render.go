package notify

import (
	"fmt"
	"strings"
	"text/template"
)

// Rendered is one page of a message in words, written for one medium.
type Rendered struct {
	// Title is one line in plain words. The others are the medium's.
	Title, Intro string
	// Items has one text for each credential of the page, and Lines the same in one line each. Those of a digest are its
	// parts, and it has no Lines. Those of a notice are its facts, several in each of the Items.
	Items, Lines  []string
	Outro, Footer string
	// Plain is the page in plain words, escaped for the medium: for notifications, screen readers and the record. It is
	// at most PlainUnits long and has as many of the Lines as fit.
	Plain string
}

// PlainUnits is how long Rendered.Plain is at most, as Units counts: Slack takes 4,000 characters when a message is
// changed (docs.slack.dev/reference/methods/chat.update).
const PlainUnits = 3800

// Page is a part of a message. The last page speaks of the items from To on without showing them.
type Page struct {
	// Number is counted from 0, of Of pages. It shows the items from From up to, without, To.
	Number, Of, From, To int
}

// PageOf is one page of a message of which each page shows at most so many items, and that has at most so many pages.
func PageOf(m Message, number, items, pages int) Page {
	all := len(m.Items)
	if m.Replaced {
		all = 0
	}
	of := min(max(1, (all+items-1)/items), pages)
	return Page{Number: number, Of: of, From: min(number*items, all), To: min((number+1)*items, all)}
}

// Render puts one page of a message into words. Errors are *Failure of class Invalid and name file and line. It is safe
// for concurrent use.
func (t *Templates) Render(m Message, page Page, medium Medium) (Rendered, error) {
	language := t.language(m.Language)
	set, known := t.sets[setName{language, m.Kind}]
	if !known {
		return Rendered{}, badTemplate(fmt.Errorf("no template is for messages of the kind %q", m.Kind))
	}
	w := writer{set: set, medium: medium, plain: medium.plain()}
	facts := newFacts(m, medium, language)
	data := facts.page(page)
	r := Rendered{Title: w.title(data)}
	plain := summary{Title: r.Title, Unlisted: data.Unlisted}
	r.Intro, plain.Intro = w.write("intro", data)
	if m.Kind == KindDigest {
		for _, block := range digestParts() {
			w.part(&r, &plain, block, data)
		}
	}
	if data.Notice != nil {
		w.facts(&r, &plain, data.Notice.Facts)
	}
	for i := page.From; i < page.To; i++ {
		w.item(&r, &plain, facts.item(m.Items[i], i+1, wide), facts.item(m.Items[i], i+1, narrow))
	}
	r.Outro, plain.Outro = w.write("outro", data)
	r.Footer, plain.Footer = w.write("footer", data)
	r.Plain = plain.text(func(n int) string { _, text := w.write("more", n); return text })
	if w.err != nil {
		return Rendered{}, badTemplate(w.err)
	}
	return r, nil
}

func badTemplate(err error) *Failure {
	return &Failure{Class: Invalid, Reason: "template", Err: err,
		Hint: "repair the template that it names, or remove it from the folder to use the built-in one"}
}

// digestParts are the blocks of a digest that become Items, in the order in which they are shown. One that comes out
// empty is left out.
func digestParts() []string {
	return []string{"numbers", "reach", "unowned", "broken", "waiting", "late", "checkpoint"}
}

// writer executes blocks and keeps the first error.
type writer struct {
	set           *template.Template
	medium, plain Medium
	err           error
}

func (w *writer) write(block string, data any) (marked, plain string) {
	text, err := execute(w.set, block, data)
	if err != nil && w.err == nil {
		w.err = err
	}
	return w.medium.write(text), w.plain.write(text)
}

// title is in plain words, as Slack's headers are, and is not escaped.
func (w *writer) title(data messageData) string {
	text, err := execute(w.set, "title", data)
	if err != nil && w.err == nil {
		w.err = err
	}
	return oneLine(PlainMedium().write(text))
}

// item writes one credential twice, with room and without.
func (w *writer) item(r *Rendered, plain *summary, full, short itemData) {
	text, _ := w.write("item", full)
	line, words := w.write("line", short)
	r.Items = append(r.Items, text)
	r.Lines = append(r.Lines, oneLine(line))
	plain.Lines = append(plain.Lines, oneLine(words))
}

// part adds a part of a digest.
func (w *writer) part(r *Rendered, plain *summary, block string, data messageData) {
	text, words := w.write(block, data)
	if text == "" {
		return
	}
	r.Items = append(r.Items, text)
	plain.Lines = append(plain.Lines, words)
}

// factsUnits is how long one of the Items of a notice gets.
const factsUnits = 850

// facts writes facts, one on each line, and keeps them together as far as there is room.
func (w *writer) facts(r *Rendered, plain *summary, facts []factData) {
	for _, fact := range facts {
		text, words := w.write("fact", fact)
		text = oneLine(text)
		r.Lines = append(r.Lines, text)
		plain.Lines = append(plain.Lines, oneLine(words))
		last := len(r.Items) - 1
		if last >= 0 && Units(r.Items[last])+1+Units(text) <= factsUnits {
			r.Items[last] += "\n" + text
		} else {
			r.Items = append(r.Items, text)
		}
	}
}

// summary is a page in plain words.
type summary struct {
	Title, Intro  string
	Lines         []string
	Outro, Footer string
	// Unlisted counts those that have no line at all.
	Unlisted int
}

// text puts a summary together. What the lines leave no room for is counted.
func (s summary) text(more func(n int) string) string {
	head := paragraphs(s.Title, ShortenEscaped(s.Intro, PlainUnits/4))
	tail := ShortenEscaped(paragraphs(s.Outro, s.Footer), PlainUnits/4)
	room := PlainUnits - Units(head) - Units(tail) - Units(more(1<<20)) - 8
	var shown []string
	for _, line := range s.Lines {
		line = ShortenEscaped(line, PlainUnits/4)
		if room -= Units(line) + 1; room < 0 {
			break
		}
		shown = append(shown, line)
	}
	if n := len(s.Lines) - len(shown) + s.Unlisted; n > 0 {
		shown = append(shown, more(n))
	}
	return ShortenEscaped(paragraphs(head, strings.Join(shown, "\n"), tail), PlainUnits)
}

// paragraphs joins texts that are not empty.
func paragraphs(texts ...string) string {
	var all []string
	for _, text := range texts {
		if text != "" {
			all = append(all, text)
		}
	}
	return strings.Join(all, "\n\n")
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
