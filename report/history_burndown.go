package report

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"jwtsunset/credential"
)

// BurnDown is how the numbers of credentials changed from day to day.
type BurnDown struct {
	// Series are the organizations, one each.
	Series []Series
	// Total is their sum; nil where there is only one.
	Total *Series
	// Now is the moment of the report.
	Now time.Time
}

// Series are the days of one organization.
type Series struct {
	// Organization is empty for a sum.
	Organization string
	// Points are in the order of days. More tells whether a limit left older ones out.
	Points []credential.Point
	More   bool
	// Pace is taken from all points, those left out included.
	Pace credential.Pace
}

// WriteBurnDown writes a burn-down in one of Formats. CSV has the points of the organizations and neither sum nor pace.
// It fails for an unknown format and when w does.
func WriteBurnDown(w io.Writer, format string, d BurnDown, o Options) error {
	return write(w, format, map[string]func(*bufio.Writer) error{
		FormatTable: func(b *bufio.Writer) error { return writeBurnDownTable(b, d, o) },
		FormatJSON:  func(b *bufio.Writer) error { return writeBurnDownJSON(b, d) },
		FormatCSV:   func(b *bufio.Writer) error { return writeColumns(b, pointColumns, slices.Values(d.points())) },
	})
}

// seriesPoint is a point with the organization that it is of.
type seriesPoint struct {
	organization string
	credential.Point
}

func (d BurnDown) points() []seriesPoint {
	var all []seriesPoint
	for _, s := range d.Series {
		for _, p := range s.Points {
			all = append(all, seriesPoint{s.Organization, p})
		}
	}
	return all
}

func writeBurnDownTable(b *bufio.Writer, d BurnDown, o Options) error {
	all := d.Series
	if d.Total != nil {
		all = append(slices.Clone(all), *d.Total)
	}
	s := &summary{b: b, o: o, width: o.width()}
	for i, series := range all {
		if i > 0 {
			s.blank()
		}
		s.series(series)
	}
	return s.err
}

func (s *summary) series(series Series) {
	name := series.Organization
	if name == "" {
		name = "all organizations"
	}
	s.line(0, bold, "%s", say(name))
	if len(series.Points) == 0 {
		s.line(0, yellow, "no finished scan on record that fits")
	} else if s.err == nil {
		s.err = pointGrid(series.Points, s.width).write(s.b, s.width, s.o.Color)
	}
	if slices.ContainsFunc(series.Points, func(p credential.Point) bool { return !p.Complete }) {
		s.line(0, plain, "%s and colons mark days without a complete scan: the last numbers known stand, there may be more", atLeast)
	}
	if series.More {
		s.line(0, plain, "the newest %s; older ones were left out", plural(len(series.Points), "day"))
	}
	s.line(0, plain, "%s", paceInWords(series.Pace))
}

// pointGrid is the table of days, with a bar as long as there are affected credentials left.
func pointGrid(points []credential.Point, total int) grid {
	const (
		day = iota
		affected
		bars
		migrated
		gone
		excluded
	)
	longest := 24
	if total > 0 && total < 80 {
		longest = 12
	}
	g := grid{columns: []column{
		day:      {"DAY (UTC)", 10, 10, 0},
		affected: {"AFFECTED", 8, 12, 1},
		bars:     {"", longest, longest, 5},
		migrated: {"MIGRATED", 8, 12, 2},
		gone:     {"GONE", 4, 12, 3},
		excluded: {"EXCLUDED", 8, 12, 4},
	}}
	most := slices.MaxFunc(points, func(p, q credential.Point) int { return p.Counts.Affected - q.Counts.Affected })
	for _, p := range points {
		left := strconv.Itoa(p.Counts.Affected)
		if !p.Complete {
			left = atLeast + left
		}
		g.lines = append(g.lines, []cell{
			day:      {text: p.Day.Format(time.DateOnly)},
			affected: {text: left},
			bars:     {text: bar(p, most.Counts.Affected, longest)},
			migrated: {text: strconv.Itoa(p.Counts.Migrated)},
			gone:     {text: strconv.Itoa(p.Counts.Gone)},
			excluded: {text: strconv.Itoa(p.Counts.Exempt)},
		})
	}
	return g
}

// bar is as long as a point has affected credentials, longest where it has as many as any. As long as one is left it
// never vanishes.
func bar(p credential.Point, most, longest int) string {
	if p.Counts.Affected <= 0 {
		return ""
	}
	mark := "#"
	if !p.Complete {
		mark = ":"
	}
	return strings.Repeat(mark, max(1, p.Counts.Affected*longest/most))
}

// paceInWords says how fast affected credentials become fewer and when none is left, or why that cannot be said.
func paceInWords(p credential.Pace) string {
	lately := fmt.Sprintf("in the last %d weeks", credential.PaceWeeks)
	switch p.Verdict {
	case credential.VerdictPace:
		return fmt.Sprintf("pace: %.1f a week: %s from %s to %s; %s", p.PerWeek, fewerInWords(p),
			p.From.Day.Format(time.DateOnly), p.To.Day.Format(time.DateOnly), zeroInWords(p))
	case credential.VerdictDone:
		return "done: no affected credential was left on " + p.To.Day.Format(time.DateOnly)
	case credential.VerdictStalled:
		return "no pace: nothing migrated " + lately
	case credential.VerdictOutrun:
		return fmt.Sprintf("no pace %s: %s", lately, fewerInWords(p))
	default:
		return "no pace: that takes two complete scans a week apart " + lately
	}
}

// fewerInWords tells what went away apart: "of 12 fewer, 9 migrated and 3 gone".
func fewerInWords(p credential.Pace) string {
	var ways []string
	fewer := 0
	for _, way := range []struct {
		n    int
		name string
	}{{p.Migrated, "migrated"}, {p.Attested, "attested"}, {p.Gone, "gone"}, {p.Excluded, "excluded"}} {
		if way.n > 0 {
			fewer += way.n
			ways = append(ways, fmt.Sprintf("%d %s", way.n, way.name))
		}
	}
	if n := len(ways); n > 1 {
		ways = append(ways[:n-2], ways[n-2]+" and "+ways[n-1])
	}
	text := strings.Join(append([]string{fmt.Sprintf("of %d fewer", fewer)}, ways...), ", ")
	if more := fewer - p.Fewer(); more > 0 {
		text += fmt.Sprintf(", against %d found anew or again", more)
	}
	return text
}

func zeroInWords(p credential.Pace) string {
	if p.Zero.IsZero() {
		return "at that pace some are left for more than a century"
	}
	return "at that pace none is left on " + p.Zero.Format(time.DateOnly)
}
