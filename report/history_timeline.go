package report

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"jwtsunset/credential"
)

// Timeline is what scans found different in one credential over time.
type Timeline struct {
	Credential credential.Credential
	// Changes are written in their order: oldest first.
	Changes []credential.Change
	// More tells whether a limit left older changes out.
	More bool
	// Shortened tells whether retention removed changes of the credential, and KeptSince when the oldest change is from
	// that is still kept of its organization; zero where none is.
	Shortened bool
	KeptSince time.Time
	// Now is the moment of the report.
	Now time.Time
}

// WriteTimeline writes a timeline in one of Formats. It fails for an unknown format and when w does.
func WriteTimeline(w io.Writer, format string, t Timeline, o Options) error {
	return write(w, format, map[string]func(*bufio.Writer) error{
		FormatTable: func(b *bufio.Writer) error { return writeTimelineTable(b, t, o) },
		FormatJSON:  func(b *bufio.Writer) error { return writeTimelineJSON(b, t) },
		FormatCSV:   func(b *bufio.Writer) error { return writeColumns(b, changeColumns, slices.Values(t.named())) },
	})
}

func (t Timeline) named() []NamedChange {
	named := make([]NamedChange, len(t.Changes))
	for i, c := range t.Changes {
		named[i] = NamedChange{c, t.Credential.Name}
	}
	return named
}

func writeTimelineTable(b *bufio.Writer, t Timeline, o Options) error {
	s := &summary{b: b, o: o, width: o.width()}
	c := &t.Credential
	s.line(0, bold, "%s of %s: %s, first seen %s", who(c.Name, c.ID), say(c.Organization), c.State(),
		instant(c.FirstSeen))
	switch {
	case t.Shortened && t.KeptSince.IsZero():
		s.line(0, yellow, "earlier changes are no longer kept")
	case t.Shortened:
		s.line(0, yellow, "changes before %s are no longer kept", moment(t.KeptSince))
	}
	if t.More {
		s.line(0, plain, "older changes were left out")
	}
	if len(t.Changes) == 0 {
		s.line(1, plain, "no change on record that fits")
	}
	for _, change := range t.Changes {
		s.event(change)
	}
	return s.err
}

// event writes a change behind its time and scan, wrapped beside them where the width allows it.
func (s *summary) event(c credential.Change) {
	first := fmt.Sprintf("  %s  %s  ", moment(c.At), pad(fmt.Sprintf("scan %d", c.ScanID), len("scan 1234")))
	following := strings.Repeat(" ", width(first))
	text := changeInWords(c)
	if s.width > 0 && s.width < 2*width(first) {
		text, first, following = strings.Join(strings.Fields(first), " ")+" "+text, "  ", "    "
	}
	for _, l := range wrap(say(text), s.width, first, following) {
		if s.err == nil {
			_, s.err = s.b.WriteString(l + "\n")
		}
	}
}
