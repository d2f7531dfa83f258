package report

import (
	"bufio"
	"fmt"
	"slices"
	"strings"
	"time"

	"jwtsunset/credential"
)

// soon is the number of days before a deadline from which it is written in yellow.
const soon = 30

func writeTable(b *bufio.Writer, r Report, o Options) error {
	rows := listable(r, o)
	listed := o.View != ViewSummary && len(rows) > 0
	if listed {
		if err := credentialGrid(rows, r).write(b, o.width(), o.Color); err != nil {
			return err
		}
	}
	if o.View == ViewList && listed {
		return nil
	}
	if listed {
		if err := b.WriteByte('\n'); err != nil {
			return err
		}
	}
	return writeSummary(b, r, o)
}

// listable are the rows of a table: excluded credentials only on request.
func listable(r Report, o Options) []row {
	if o.ListExcluded || slices.Contains(r.Selection.States, credential.StateExempt) {
		return r.rows()
	}
	return slices.DeleteFunc(r.rows(), func(r row) bool { return r.State() == credential.StateExempt })
}

// credentialGrid is the table of credentials. The id never is shortened, because commands take it.
func credentialGrid(rows []row, r Report) grid {
	const (
		name = iota
		organization
		owner
		kind
		sandboxes
		auth
		eligible
		deadline
		left
		id
	)
	columns := []column{
		name:         {"NAME", 12, 48, 0},
		organization: {"ORGANIZATION", 12, 32, 3},
		owner:        {"OWNER", 12, 48, 4},
		kind:         {"KIND", 12, 17, 9},
		sandboxes:    {"SANDBOXES", 9, 40, 7},
		auth:         {"AUTH", 7, 7, 5},
		eligible:     {"ELIGIBLE", 8, 8, 8},
		deadline:     {"DEADLINE", 10, 10, 6},
		left:         {"LEFT", 8, 20, 1},
		id:           {"ID", 0, 40, 2},
	}
	g := grid{columns: columns, lines: make([][]cell, 0, len(rows))}
	for _, row := range rows {
		last, remaining := timeLeft(row, r.Now)
		line := []cell{
			name:         {text: show(row.Name, columns[name])},
			organization: {text: show(row.Organization, columns[organization])},
			owner:        {text: show(row.Owner.String(), columns[owner])},
			kind:         {text: show(string(row.Kind), columns[kind])},
			sandboxes:    {text: show(sandboxNames(row.Sandboxes), columns[sandboxes])},
			auth:         {text: show(string(row.AuthMethod), columns[auth])},
			eligible:     {text: show(string(row.Eligible), columns[eligible])},
			deadline:     {text: last},
			left:         remaining,
			id:           {text: show(row.ID, columns[id])},
		}
		g.columns[id].least = max(g.columns[id].least, width(line[id].text))
		g.columns[left].least = max(g.columns[left].least, width(line[left].text))
		g.lines = append(g.lines, line)
	}
	if len(r.Organizations) < 2 {
		g.drop(organization)
	}
	return g
}

// drop takes a column out.
func (g *grid) drop(i int) {
	g.columns = append(g.columns[:i:i], g.columns[i+1:]...)
	for n, line := range g.lines {
		g.lines[n] = append(line[:i:i], line[i+1:]...)
	}
}

// show makes a text from outside the text of a cell.
func show(s string, c column) string {
	if s = strings.TrimSpace(oneLine(s, c.most)); s == "" {
		return "-"
	}
	return s
}

// sandboxNames names the first sandboxes and counts the others.
func sandboxNames(names []string) string {
	const most = 3
	if len(names) <= most {
		return strings.Join(names, ",")
	}
	return fmt.Sprintf("%s +%d", strings.Join(names[:most-1], ","), len(names)-most+1)
}

// timeLeft is the last good day of a credential's deadline and what is left until then.
func timeLeft(r row, now time.Time) (string, cell) {
	switch state := r.State(); {
	case state == credential.StateGone:
		return "-", cell{"gone", plain}
	case state == credential.StateMigrated:
		return "-", cell{"migrated", green}
	case state == credential.StateAttested:
		return "-", cell{"attested", green}
	case state == credential.StateExempt:
		return "-", cell{"excluded", plain}
	case !r.due:
		return "-", cell{"no deadline", plain}
	}
	return r.deadline.LastDay().Format(time.DateOnly), cell{r.deadline.Countdown(now), urgency(r.deadline, now)}
}

func urgency(d credential.Deadline, now time.Time) style {
	switch days := d.DaysLeft(now); {
	case days < 0 || !now.Before(d.At):
		return red
	case days <= soon:
		return yellow
	default:
		return plain
	}
}
