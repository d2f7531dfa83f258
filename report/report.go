// Package report writes what scans found: as a table for a terminal, as JSON and as CSV. It does no input, knows no
// clock of its own and decides nothing: every fact comes from package credential. A result that is not complete is
// never written as if it were, and "we may not look" is never written as "there is nothing".
//
// Texts from outside may hold anything. In tables and CSV they go through [Clean]; in JSON they stay as they are, with
// every character that a terminal could act on written as an escape.
package report

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"jwtsunset/credential"
)

// The output formats.
const (
	FormatTable = "table"
	FormatJSON  = "json"
	FormatCSV   = "csv"
)

// Formats lists the output formats, the default first.
func Formats() []string { return []string{FormatTable, FormatJSON, FormatCSV} }

// Report is what is known of one or several organizations at one moment.
type Report struct {
	Organizations []Organization
	Deadlines     []credential.Deadline
	// Now is the moment from which the time left is counted.
	Now time.Time
	// Selection is what the report was narrowed to; its zero value means everything. Select sets it.
	Selection Filter
}

// Organization is one organization of the configuration with what is known of it.
type Organization struct {
	Name, IMSOrg string
	// Scan is the last scan; nil if there never was one.
	Scan *credential.Scan
	// Credentials are those on record, migrated and gone ones included.
	Credentials []credential.Credential
}

// complete tells whether everything in the organization was seen.
func (o Organization) complete() bool { return o.Scan != nil && o.Scan.Complete }

// Complete tells whether every organization was seen in full by its last scan. A report on no organization is not
// complete: nothing was looked at.
func (r Report) Complete() bool {
	return len(r.Organizations) > 0 &&
		!slices.ContainsFunc(r.Organizations, func(o Organization) bool { return !o.complete() })
}

// AffectedLeft counts the credentials that somebody must still act on.
func (r Report) AffectedLeft() int { return r.counts().Affected }

func (r Report) counts() credential.Counts {
	var sum credential.Counts
	for _, o := range r.Organizations {
		for i := range o.Credentials {
			sum.Add(o.Credentials[i])
		}
	}
	return sum
}

func (r Report) excluded() int {
	n := 0
	for _, o := range r.Organizations {
		if o.Scan != nil {
			n += len(o.Scan.Excluded)
		}
	}
	return n
}

// View chooses the parts of a table.
type View int

// The views of a table.
const (
	ViewAll     View = iota // the credentials and the summary below them
	ViewList                // the credentials alone
	ViewSummary             // the summary alone
)

// Options say how to write a table. JSON and CSV take no notice of them: they always hold everything.
type Options struct {
	// Width is the number of columns of the terminal. 0 means unlimited; fewer than 20 count as 20.
	Width int
	// Color allows the escape sequences for bold and coloured text.
	Color bool
	View  View
	// ListExcluded shows what the configuration excludes, in the list and in the summary, instead of only counting it.
	ListExcluded bool
}

// minWidth is the narrowest terminal that tables are fitted to.
const minWidth = 20

func (o Options) width() int {
	if o.Width <= 0 {
		return 0
	}
	return max(o.Width, minWidth)
}

// Write writes the report in one of Formats. It fails for an unknown format and when w does.
func Write(w io.Writer, format string, r Report, o Options) error {
	return write(w, format, map[string]func(*bufio.Writer) error{
		FormatTable: func(b *bufio.Writer) error { return writeTable(b, r, o) },
		FormatJSON:  func(b *bufio.Writer) error { return writeJSON(b, r) },
		FormatCSV:   func(b *bufio.Writer) error { return writeCSV(b, r.Now, r.rows()) },
	})
}

// write runs the writer of a format on a buffer.
func write(w io.Writer, format string, writers map[string]func(*bufio.Writer) error) error {
	f, ok := writers[format]
	if !ok {
		return fmt.Errorf("unknown output format %q: use %s", format, strings.Join(Formats(), ", "))
	}
	b := bufio.NewWriterSize(w, 64<<10)
	if err := f(b); err != nil {
		return fmt.Errorf("write %s: %w", format, err)
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("write %s: %w", format, err)
	}
	return nil
}

// row is a credential with the deadline that counts for it.
type row struct {
	*credential.Credential
	deadline credential.Deadline
	// due is false where no deadline applies or nothing is left to do.
	due bool
	// seen is the start of the last scan that met the credential; zero if that is not known.
	seen time.Time
}

func newRow(c *credential.Credential, deadlines []credential.Deadline, last *credential.Scan) row {
	d, due := credential.Effective(*c, deadlines)
	r := row{Credential: c, deadline: d, due: due, seen: c.LastSeen}
	if last != nil {
		r.seen = c.SeenAt(*last)
	}
	return r
}

// rows are all credentials, the earliest deadline first and those without one last; then by name.
func (r Report) rows() []row {
	n := 0
	for _, o := range r.Organizations {
		n += len(o.Credentials)
	}
	rows := make([]row, 0, n)
	for _, o := range r.Organizations {
		for i := range o.Credentials {
			rows = append(rows, newRow(&o.Credentials[i], r.Deadlines, o.Scan))
		}
	}
	slices.SortFunc(rows, compareRows)
	return rows
}

// compareRows orders by deadline, then by name. No two rows are equal: the id is unique in its organization.
func compareRows(a, b row) int {
	if a.due != b.due {
		if a.due {
			return -1
		}
		return 1
	}
	return cmp.Or(
		a.deadline.At.Compare(b.deadline.At),
		cmp.Compare(a.Name, b.Name),
		cmp.Compare(a.Organization, b.Organization),
		cmp.Compare(a.ID, b.ID),
	)
}
