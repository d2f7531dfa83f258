package credential

import (
	"cmp"
	"slices"
	"time"
)

// This file holds the rules of what scans found over time.

// ChangeKinds lists every kind of change, in the order in which outputs name them.
func ChangeKinds() []ChangeKind {
	return []ChangeKind{
		ChangeFound, ChangeMigrated, ChangeGone, ChangeCameBack, ChangeMissing, ChangeWentBack, ChangeAuthMethod,
		ChangeOwner, ChangeRenamed, ChangeSandboxes, ChangeCertificate, ChangeActive, ChangeExcluded, ChangeIncluded,
	}
}

// ScanSummary is the record of a scan without its lists.
type ScanSummary struct {
	ID           int64
	Organization string
	// Started and Finished are as in Scan: Finished is zero for a scan that runs or was cut off.
	Started, Finished time.Time
	Complete          bool
	// Failed counts what could not be read, by reason.
	Failed map[Reason]int
	// HeldBack counts the credentials that this partial scan saw better off than the record says.
	HeldBack int
	Counts   Counts
	// Emptied is set once retention has removed the scan's lists and the changes that it found.
	Emptied bool
}

// Point is where an organization stood on one day.
type Point struct {
	// Day is midnight UTC at which the day begins.
	Day time.Time
	// Complete tells whether a complete scan began on that day; the counts are then those of the last one. Otherwise they
	// are carried forward, and there are at least as many affected credentials as Counts says.
	Complete bool
	// ScanID is the scan that the point is made of; 0 for a sum.
	ScanID int64
	Counts Counts
}

// BurnDown makes one point for each day on which a scan of an organization began and came to its end, in the order of
// days. The scans may stand in any order. Of several scans of a day the last complete one counts. A partial scan lowers
// nothing: a day with only such scans keeps the numbers of the day before, with more affected ones if a scan met more.
func BurnDown(scans []ScanSummary) []Point {
	var points []Point
	for _, s := range chronological(scans) {
		if s.Finished.IsZero() {
			continue
		}
		day := dayOf(s.Started)
		if n := len(points); n == 0 {
			points = append(points, Point{Day: day, ScanID: s.ID, Counts: s.Counts})
		} else if !points[n-1].Day.Equal(day) {
			points = append(points, Point{Day: day, ScanID: s.ID, Counts: points[n-1].Counts})
		}
		points[len(points)-1].take(s)
	}
	return points
}

// take brings a scan into the point of its day.
func (p *Point) take(s ScanSummary) {
	switch {
	case s.Complete:
		p.Complete, p.ScanID, p.Counts = true, s.ID, s.Counts
	case !p.Complete:
		p.ScanID = s.ID
		p.Counts.Affected = max(p.Counts.Affected, s.Counts.Affected)
		p.Counts.Unknown = max(p.Counts.Unknown, s.Counts.Unknown)
	}
}

// chronological gives scans by day, and those of a day in the order in which they were given their ids.
func chronological(scans []ScanSummary) []ScanSummary {
	return slices.SortedFunc(slices.Values(scans), func(a, b ScanSummary) int {
		return cmp.Or(dayOf(a.Started).Compare(dayOf(b.Started)), cmp.Compare(a.ID, b.ID))
	})
}

// dayOf is midnight UTC at which the day of an instant begins.
func dayOf(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

// Sum adds up the points of several organizations, day by day. On a day without a point an organization has the numbers
// of its last one before. A day is complete when each organization had a complete scan on it, so that one that is
// looked at later than the others does not pass for new credentials.
func Sum(series ...[]Point) []Point {
	var sum []Point
	next := make([]int, len(series))
	for {
		day, ok := earliest(series, next)
		if !ok {
			return sum
		}
		p := Point{Day: day, Complete: true}
		for i, points := range series {
			today := next[i] < len(points) && points[next[i]].Day.Equal(day)
			if today {
				next[i]++
			}
			p.Complete = p.Complete && today && points[next[i]-1].Complete
			if next[i] > 0 {
				p.Counts.sum(points[next[i]-1].Counts)
			}
		}
		sum = append(sum, p)
	}
}

// earliest is the first day that any series still has to come.
func earliest(series [][]Point, next []int) (day time.Time, ok bool) {
	for i, points := range series {
		if next[i] < len(points) && (!ok || points[next[i]].Day.Before(day)) {
			day, ok = points[next[i]].Day, true
		}
	}
	return day, ok
}

func (n *Counts) sum(m Counts) {
	n.Affected += m.Affected
	n.Migrated += m.Migrated
	n.Gone += m.Gone
	n.Exempt += m.Exempt
	n.Attested += m.Attested
	n.Unknown += m.Unknown
}

// Total counts all credentials, whatever their state.
func (n Counts) Total() int { return n.Affected + n.Migrated + n.Gone + n.Exempt + n.Attested }

// Verdict says what can be said of a pace.
type Verdict string

// Every verdict. Only VerdictPace comes with a pace.
const (
	// VerdictPace: there is a pace, and a day at which it comes to zero.
	VerdictPace Verdict = "pace"
	// VerdictDone: the last complete scan met no affected credential, and no scan since.
	VerdictDone Verdict = "done"
	// VerdictTooFew: there are no two complete scans a week apart.
	VerdictTooFew Verdict = "too_few_scans"
	// VerdictStalled: nothing was migrated and nothing went away.
	VerdictStalled Verdict = "stalled"
	// VerdictOutrun: as many or more were found as were migrated or went away.
	VerdictOutrun Verdict = "outrun"
)

// PaceWeeks is over how many weeks a pace is taken.
const PaceWeeks = 4

// longestForecast is how many days ahead a pace is still taken to foretell anything.
const longestForecast = 100 * 365

// Pace is how fast affected credentials become fewer.
type Pace struct {
	Verdict Verdict
	// From and To are the first and the last complete point of the weeks that count; zero if there is none.
	From, To Point
	// Migrated, Gone, Excluded and Found are by how much these became more between From and To: how many more are
	// migrated, gone and left out by the configuration, and how many more credentials there are in all. A credential that
	// was migrated and then deleted has become one less migrated and one more gone.
	Migrated, Gone, Excluded, Found int
	// Attested is how many more are migrated by a person's word.
	Attested int
	// PerWeek is how many affected credentials were migrated or went away in a week, less those found anew. What the
	// configuration excludes is no part of it. 0 without a pace.
	PerWeek float64
	// Zero is the day on which none would be left; zero without a pace and if that is more than a century away.
	Zero time.Time
}

// Fewer is by how much affected credentials became fewer; negative if they became more.
func (p Pace) Fewer() int { return p.From.Counts.Affected - p.To.Counts.Affected }

// Days is how many days lie between the two points compared.
func (p Pace) Days() int { return int(p.To.Day.Sub(p.From.Day) / (24 * time.Hour)) }

// PaceOf is the pace over the PaceWeeks before now. points are in the order of days. It is taken between complete ones;
// partial ones after the last of these tell only that more are left than it says.
func PaceOf(points []Point, now time.Time) Pace {
	begin := dayOf(now).AddDate(0, 0, -7*PaceWeeks)
	var p Pace
	var left Point
	for _, point := range points {
		if point.Day.Before(begin) || point.Day.After(now) {
			continue
		}
		if point.Complete || point.Counts.Affected > left.Counts.Affected {
			left = point
		}
		if point.Complete && p.From.Day.IsZero() {
			p.From = point
		}
		if point.Complete {
			p.To = point
		}
	}
	from, to := p.From.Counts, p.To.Counts
	p.Migrated, p.Gone = to.Migrated-from.Migrated, to.Gone-from.Gone
	p.Excluded, p.Found = to.Exempt-from.Exempt, to.Total()-from.Total()
	p.Attested = to.Attested - from.Attested
	p.judge(left)
	return p
}

// judge says what the numbers mean. left is the last point, as far as it is known how many are left.
func (p *Pace) judge(left Point) {
	lost := p.Migrated + p.Attested + p.Gone - p.Found
	switch {
	case !p.To.Day.IsZero() && left.Counts.Affected == 0:
		p.Verdict = VerdictDone
	case p.Days() < 7:
		p.Verdict = VerdictTooFew
	case lost > 0:
		p.Verdict = VerdictPace
		p.PerWeek = 7 * float64(lost) / float64(p.Days())
		p.forecast(left, lost)
	case p.Migrated <= 0 && p.Attested <= 0 && p.Gone <= 0:
		p.Verdict = VerdictStalled
	default:
		p.Verdict = VerdictOutrun
	}
}

// forecast finds the day on which the last of those left goes, at a pace of so many lost between the two points.
func (p *Pace) forecast(left Point, lost int) {
	days := (left.Counts.Affected*p.Days() + lost - 1) / lost
	if days <= longestForecast {
		p.Zero = left.Day.AddDate(0, 0, days)
	}
}

// Shortened tells whether retention removed changes of a credential, given all that are on record of it: each began
// with ChangeFound.
func Shortened(changes []Change) bool {
	return !slices.ContainsFunc(changes, func(c Change) bool { return c.Kind == ChangeFound })
}
