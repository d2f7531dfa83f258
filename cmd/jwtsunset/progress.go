package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"jwtsunset/report"
)

const (
	// redrawEvery is the least time between two drawings.
	redrawEvery = 100 * time.Millisecond
	// barSteps is the resolution of the bar. The last step is never shown, since a total may still grow.
	barSteps = 1000
	barWidth = 20
	// barRoom is what a line holds beside the text: percentage, bar, its ends and blanks.
	barRoom = barWidth + 10
	// eraseLine empties the current line of a terminal.
	eraseLine = "\r\x1b[2K"
)

// progress shows on one line of a terminal how far a scan is. It is not worth failing for: what cannot be written is
// not shown. All methods are safe for concurrent use, and but for line do nothing where the display is not enabled.
type progress struct {
	w io.Writer
	// bar makes the frames; nil if the display is not enabled.
	bar *progressbar.ProgressBar
	// room is how many columns the text may take.
	room int

	mu          sync.Mutex
	name, what  string
	done, total int
	drawn       time.Time
	// next is the drawing that waits for its time; nil if there is none.
	next     *time.Timer
	finished bool
}

// newProgress makes a display on w, which should be a terminal if it is enabled. Call finish at the end.
func newProgress(w io.Writer, enabled bool) *progress {
	p := &progress{w: w, room: max(terminalWidth(w)-barRoom, 10)}
	if enabled {
		p.bar = progressbar.NewOptions(barSteps, progressbar.OptionSetWriter(io.Discard),
			progressbar.OptionSetWidth(barWidth), progressbar.OptionSetPredictTime(false),
			progressbar.OptionUseANSICodes(true))
	}
	return p
}

// terminalWidth is the number of columns of a terminal, 80 of anything else.
func terminalWidth(w io.Writer) int {
	const usual = 80
	f, ok := w.(*os.File)
	if !ok {
		return usual
	}
	columns, _, err := term.GetSize(int(f.Fd()))
	if err != nil || columns <= 0 {
		return usual
	}
	return columns
}

// organization begins the display of another organization.
func (p *progress) organization(name string) {
	p.show(func() { p.name, p.what, p.done, p.total = name, "", 0, 0 })
}

// update says that done of total steps are made, and what is worked on. The total may grow.
func (p *progress) update(done, total int, what string) {
	p.show(func() { p.what, p.done, p.total = what, done, total })
}

// line writes a line that stays, also where the display is not enabled.
func (p *progress) line(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.drawn.IsZero() && !p.finished {
		text = eraseLine + text
	}
	p.write(text + "\n")
}

// finish takes the display away. Nothing is shown after it.
func (p *progress) finish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.finished {
		return
	}
	p.finished = true
	if p.next != nil {
		p.next.Stop()
	}
	if !p.drawn.IsZero() {
		p.write(eraseLine)
	}
}

// show changes what is to be shown and sees to it that it is drawn as soon as it may be.
func (p *progress) show(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar == nil || p.finished {
		return
	}
	change()
	if p.next == nil {
		p.next = time.AfterFunc(redrawEvery-time.Since(p.drawn), p.draw)
	}
}

func (p *progress) draw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next = nil
	if p.finished {
		return
	}
	p.drawn = time.Now()
	// Both only change the frame: the bar's own writer discards it. They fail for numbers outside of the bar alone,
	// which fraction rules out.
	_ = p.bar.Set(p.fraction())
	p.bar.Describe(p.text())
	p.write(p.bar.String())
}

// fraction is how much is done, in steps of the bar.
func (p *progress) fraction() int {
	if p.total <= 0 {
		return 0
	}
	return int(min(max(float64(p.done)/float64(p.total), 0)*barSteps, barSteps-1))
}

// text is what stands before the bar.
func (p *progress) text() string {
	text := p.name
	if p.total > 0 {
		text += fmt.Sprintf(" %d/%d", p.done, p.total)
	}
	if p.what != "" {
		text += " " + p.what
	}
	return report.Shorten(report.Clean(text), p.room)
}

func (p *progress) write(s string) { _, _ = io.WriteString(p.w, s) }
