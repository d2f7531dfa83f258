package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"jwtsunset/report"
)

// grid is a table of texts. What comes from outside is made fit for a terminal when it is written.
type grid struct {
	header []string
	rows   [][]string
	// whole keeps cells from being cut.
	whole bool
}

func (g *grid) add(cells ...string) { g.rows = append(g.rows, cells) }

// cellWidth is from where a cell is cut.
const cellWidth = 60

// write writes the grid in columns; nothing for one without rows.
func (g *grid) write(w io.Writer) error {
	if len(g.rows) == 0 {
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{g.header}, g.rows...) {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = report.Clean(cell)
			if !g.whole {
				cells[i] = report.Shorten(cells[i], cellWidth)
			}
		}
		if _, err := fmt.Fprintln(t, strings.TrimRight(strings.Join(cells, "\t"), "\t")); err != nil {
			return err
		}
	}
	return t.Flush()
}

// writeJSON writes a value as people and programs read it.
func (a *app) writeJSON(v any) error {
	encoder := json.NewEncoder(a.stdout)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}

// stamp is an instant in outputs; "" for none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05Z")
}

// minute is an instant in tables.
func minute(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04")
}
