package report

import (
	"bufio"
	"slices"
	"strings"
)

// gap is the space between two columns of a table.
const gap = 2

// column says how one column of a table may be fitted to a terminal.
type column struct {
	header string
	// least and most bound its width. A column whose least width does not fit is dropped.
	least, most int
	// rank orders the columns by what they are worth: the highest is dropped first, 0 never.
	rank int
}

// style is the escape sequence that a cell is written with; empty for none.
type style string

const (
	plain  style = ""
	bold   style = "\x1b[1m"
	red    style = "\x1b[31m"
	yellow style = "\x1b[33m"
	green  style = "\x1b[32m"
	reset        = "\x1b[0m"
)

// paint writes text in a style where colours are allowed.
func paint(text string, s style, color bool) string {
	if !color || s == plain || text == "" {
		return text
	}
	return string(s) + text + reset
}

// cell is a cleaned text.
type cell struct {
	text  string
	style style
}

// grid is a table that is fitted to a width. Every line has one cell a column.
type grid struct {
	columns []column
	lines   [][]cell
}

// natural is how wide each column would like to be.
func (g grid) natural() []int {
	widths := make([]int, len(g.columns))
	for i, c := range g.columns {
		widths[i] = max(c.least, width(c.header))
		for _, line := range g.lines {
			widths[i] = max(widths[i], min(width(line[i].text), c.most))
		}
	}
	return widths
}

// fit gives the width of each column in a terminal of the given width: 0 for dropped ones. Columns are dropped only
// when not all fit at their least width; what is then left over goes to the narrowest of those that want more.
func (g grid) fit(total int) []int {
	wanted := g.natural()
	if total == 0 {
		return wanted
	}
	widths := make([]int, len(wanted))
	used := -gap
	for i, c := range g.columns {
		widths[i] = min(max(c.least, width(c.header)), wanted[i])
		used += widths[i] + gap
	}
	for used > total {
		i := g.leastWorth(widths)
		if i < 0 {
			break
		}
		used -= widths[i] + gap
		widths[i] = 0
	}
	for ; used < total; used++ {
		i := hungriest(widths, wanted)
		if i < 0 {
			break
		}
		widths[i]++
	}
	return widths
}

// leastWorth finds the column to drop next, -1 if there is none.
func (g grid) leastWorth(widths []int) int {
	found := -1
	for i, c := range g.columns {
		if widths[i] > 0 && c.rank > 0 && (found < 0 || c.rank > g.columns[found].rank) {
			found = i
		}
	}
	return found
}

// hungriest finds the narrowest column that wants to be wider, -1 if there is none.
func hungriest(widths, wanted []int) int {
	found := -1
	for i, w := range widths {
		if w > 0 && w < wanted[i] && (found < 0 || w < widths[found]) {
			found = i
		}
	}
	return found
}

// write writes the header and all lines, none wider than total.
func (g grid) write(b *bufio.Writer, total int, color bool) error {
	widths := g.fit(total)
	header := make([]cell, len(g.columns))
	for i, c := range g.columns {
		header[i] = cell{c.header, bold}
	}
	for _, line := range slices.Concat([][]cell{header}, g.lines) {
		if _, err := b.WriteString(formatLine(line, widths, color) + "\n"); err != nil {
			return err
		}
	}
	return nil
}

func formatLine(line []cell, widths []int, color bool) string {
	var b strings.Builder
	blanks := 0
	for i, c := range line {
		if widths[i] == 0 {
			continue
		}
		text := Shorten(c.text, widths[i])
		b.WriteString(strings.Repeat(" ", blanks))
		b.WriteString(paint(text, c.style, color))
		blanks = widths[i] - width(text) + gap
	}
	return b.String()
}
