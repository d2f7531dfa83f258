package credential

import (
	"go/ast"
	"go/parser"
	"go/token"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"
)

// scanOn is a scan that started at an instant of November 2026 and found so many affected and migrated.
func scanOn(id int64, day, hour int, complete bool, affected, migrated int) ScanSummary {
	started := time.Date(2026, time.November, day, hour, 17, 0, 0, time.UTC)
	return ScanSummary{
		ID: id, Started: started, Finished: started.Add(time.Minute), Complete: complete,
		Counts: Counts{Affected: affected, Migrated: migrated, Unknown: affected / 2},
	}
}

func pointOn(id int64, day int, complete bool, affected, migrated int) Point {
	return Point{
		Day: time.Date(2026, time.November, day, 0, 0, 0, 0, time.UTC), Complete: complete, ScanID: id,
		Counts: Counts{Affected: affected, Migrated: migrated, Unknown: affected / 2},
	}
}

func TestBurnDown(t *testing.T) {
	unfinished := scanOn(9, 9, 1, false, 0, 0)
	unfinished.Finished = time.Time{}
	elsewhere := scanOn(1, 3, 0, true, 5, 0)
	elsewhere.Started = elsewhere.Started.In(zone(t, "America/Los_Angeles"))
	for name, test := range map[string]struct {
		scans []ScanSummary
		want  []Point
	}{
		"none":             {nil, nil},
		"only a crash":     {[]ScanSummary{unfinished}, nil},
		"one":              {[]ScanSummary{scanOn(1, 3, 6, true, 5, 1)}, []Point{pointOn(1, 3, true, 5, 1)}},
		"the day is UTC's": {[]ScanSummary{elsewhere}, []Point{pointOn(1, 3, true, 5, 0)}},
		"the last complete one of a day": {
			[]ScanSummary{scanOn(3, 3, 18, false, 9, 0), scanOn(1, 3, 6, true, 8, 0), scanOn(2, 3, 12, true, 6, 2)},
			[]Point{pointOn(2, 3, true, 6, 2)},
		},
		"days without a scan have no point": {
			[]ScanSummary{scanOn(1, 3, 6, true, 8, 0), scanOn(2, 7, 6, true, 6, 2)},
			[]Point{pointOn(1, 3, true, 8, 0), pointOn(2, 7, true, 6, 2)},
		},
		"a partial scan lowers nothing": {
			[]ScanSummary{scanOn(1, 3, 6, true, 8, 2), scanOn(2, 4, 6, false, 0, 0), scanOn(3, 5, 6, true, 6, 4)},
			[]Point{pointOn(1, 3, true, 8, 2), pointOn(2, 4, false, 8, 2), pointOn(3, 5, true, 6, 4)},
		},
		"a partial scan may raise": {
			[]ScanSummary{scanOn(1, 3, 6, true, 8, 2), scanOn(2, 4, 6, false, 10, 9), scanOn(3, 4, 12, false, 9, 0)},
			[]Point{pointOn(1, 3, true, 8, 2), pointOn(3, 4, false, 10, 2)},
		},
		"what a partial scan raised stays until a complete one": {
			[]ScanSummary{scanOn(1, 3, 6, false, 10, 2), scanOn(2, 4, 6, false, 4, 0), scanOn(3, 5, 6, true, 7, 3)},
			[]Point{pointOn(1, 3, false, 10, 2), pointOn(2, 4, false, 10, 2), pointOn(3, 5, true, 7, 3)},
		},
		"a clock that was set back": {
			[]ScanSummary{scanOn(1, 5, 6, true, 8, 0), scanOn(2, 3, 6, true, 6, 0), scanOn(3, 5, 1, true, 7, 0)},
			[]Point{pointOn(2, 3, true, 6, 0), pointOn(3, 5, true, 7, 0)},
		},
	} {
		if got := BurnDown(test.scans); !slices.Equal(got, test.want) {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, test.want)
		}
	}
}

// TestPartialScansNeverLower holds for any scans: a point is lower than the one before only where a complete scan says
// so, and partial scans change no complete point.
func TestPartialScansNeverLower(t *testing.T) {
	random := rand.New(rand.NewPCG(rand.Uint64(), 0))
	for range 2000 {
		var scans, complete []ScanSummary
		for id := range random.Int64N(30) {
			s := scanOn(id+1, 1+random.IntN(28), random.IntN(24), random.IntN(2) == 0, random.IntN(9), random.IntN(9))
			if scans = append(scans, s); s.Complete {
				complete = append(complete, s)
			}
		}
		points := BurnDown(scans)
		for i, p := range points {
			if i > 0 && (!p.Day.After(points[i-1].Day) || !p.Complete && lower(p.Counts, points[i-1].Counts)) {
				t.Fatalf("point %+v after %+v", p, points[i-1])
			}
		}
		points = slices.DeleteFunc(points, func(p Point) bool { return !p.Complete })
		if want := BurnDown(complete); !slices.Equal(points, want) {
			t.Fatalf("complete points\n got %+v\nwant %+v", points, want)
		}
	}
}

func lower(a, b Counts) bool {
	return a.Affected < b.Affected || a.Migrated < b.Migrated || a.Gone < b.Gone || a.Exempt < b.Exempt || a.Unknown < b.Unknown
}

func TestSum(t *testing.T) {
	a := []Point{pointOn(1, 3, true, 8, 0), pointOn(3, 5, true, 6, 2), pointOn(5, 6, false, 6, 2)}
	b := []Point{pointOn(2, 4, true, 10, 0), pointOn(4, 5, true, 4, 6)}
	want := []Point{
		pointOn(0, 3, false, 8, 0), pointOn(0, 4, false, 18, 0), pointOn(0, 5, true, 10, 8), pointOn(0, 6, false, 10, 8),
	}
	if got := Sum(a, b); !slices.Equal(got, want) {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
	if got := Sum(a); !slices.EqualFunc(got, a, func(p, q Point) bool { q.ScanID = 0; return p == q }) {
		t.Errorf("the sum of one is %+v, want %+v", got, a)
	}
	for _, p := range Sum(a, nil) {
		if p.Complete {
			t.Errorf("%v is complete though one organization was never seen", p.Day)
		}
	}
	if got := Sum(); got != nil {
		t.Errorf("the sum of nothing is %+v", got)
	}
}

// counted is a complete point of a day of November 2026 with counts of its own.
func counted(day int, n Counts) Point {
	p := pointOn(1, day, true, 0, 0)
	p.Counts = n
	return p
}

// paces are points and what follows from them on the 23rd.
var paces = map[string]struct {
	points  []Point
	verdict Verdict
	perWeek float64
	zero    string
	fewer   int
}{
	"no point":     {nil, VerdictTooFew, 0, "", 0},
	"one point":    {[]Point{pointOn(1, 22, true, 5, 0)}, VerdictTooFew, 0, "", 0},
	"six days":     {[]Point{pointOn(1, 16, true, 9, 0), pointOn(2, 22, true, 5, 4)}, VerdictTooFew, 0, "", 4},
	"seven days":   {[]Point{pointOn(1, 16, true, 9, 0), pointOn(2, 23, true, 5, 4)}, VerdictPace, 4, "2026-12-02", 4},
	"two weeks":    {[]Point{pointOn(1, 9, true, 20, 0), pointOn(2, 23, true, 14, 6)}, VerdictPace, 3, "2026-12-26", 6},
	"partial ones": {[]Point{pointOn(1, 9, false, 20, 0), pointOn(2, 23, false, 14, 6)}, VerdictTooFew, 0, "", 0},
	"too old": {
		[]Point{pointOn(1, -6, true, 90, 0), pointOn(2, 1, true, 20, 70), pointOn(3, 15, true, 14, 76)},
		VerdictPace, 3, "2026-12-18", 6,
	},
	"the first day that counts":    {[]Point{pointOn(1, -5, true, 9, 0), pointOn(2, 22, true, 5, 4)}, VerdictPace, 28.0 / 27, "2026-12-26", 4},
	"before the first that counts": {[]Point{pointOn(1, -6, true, 9, 0), pointOn(2, 22, true, 5, 4)}, VerdictTooFew, 0, "", 0},
	"after now":                    {[]Point{pointOn(1, 16, true, 9, 0), pointOn(2, 24, true, 5, 4)}, VerdictTooFew, 0, "", 0},
	"done":                         {[]Point{pointOn(1, 22, true, 0, 9)}, VerdictDone, 0, "", 0},
	"done in the end":              {[]Point{pointOn(1, 1, true, 9, 0), pointOn(2, 22, true, 0, 9)}, VerdictDone, 0, "", 9},
	"not done while a partial scan meets one": {
		[]Point{pointOn(1, 1, true, 9, 0), pointOn(2, 20, true, 0, 9), pointOn(3, 22, false, 3, 9)},
		VerdictPace, 63.0 / 19, "2026-11-29", 9,
	},
	"done though a partial scan came after": {
		[]Point{pointOn(1, 20, true, 0, 9), pointOn(2, 22, false, 0, 9)}, VerdictDone, 0, "", 0,
	},
	"a partial scan that met more": {
		[]Point{pointOn(1, 9, true, 20, 0), pointOn(2, 16, true, 13, 7), pointOn(3, 23, false, 14, 7)},
		VerdictPace, 7, "2026-12-07", 7,
	},
	"a partial scan that met no more": {
		[]Point{pointOn(1, 9, true, 20, 0), pointOn(2, 16, true, 13, 7), pointOn(3, 23, false, 13, 7)},
		VerdictPace, 7, "2026-11-29", 7,
	},
	"stalled":             {[]Point{pointOn(1, 1, true, 9, 0), pointOn(2, 22, true, 9, 0)}, VerdictStalled, 0, "", 0},
	"stalled and growing": {[]Point{pointOn(1, 1, true, 9, 2), pointOn(2, 22, true, 12, 2)}, VerdictStalled, 0, "", -3},
	"outrun":              {[]Point{pointOn(1, 1, true, 9, 2), pointOn(2, 22, true, 9, 5)}, VerdictOutrun, 0, "", 0},
	"a century": {
		[]Point{pointOn(1, 2, true, 100_001, 0), pointOn(2, 23, true, 100_000, 1)}, VerdictPace, 1.0 / 3, "", 1,
	},
	"gone counts too": {
		[]Point{counted(9, Counts{Affected: 20}), counted(23, Counts{Affected: 10, Migrated: 6, Gone: 4})},
		VerdictPace, 5, "2026-12-07", 10,
	},
	"excluding is no progress": {
		[]Point{counted(9, Counts{Affected: 20}), counted(23, Counts{Affected: 10, Exempt: 10})},
		VerdictStalled, 0, "", 10,
	},
	"excluding besides": {
		[]Point{counted(9, Counts{Affected: 20}), counted(23, Counts{Affected: 10, Exempt: 8, Migrated: 2})},
		VerdictPace, 1, "2027-02-01", 10,
	},
}

func TestPace(t *testing.T) {
	now := at(t, "2026-11-23T12:00:00Z")
	for name, test := range paces {
		p := PaceOf(test.points, now)
		zero := ""
		if !p.Zero.IsZero() {
			zero = p.Zero.Format(time.DateOnly)
		}
		if p.Verdict != test.verdict || p.PerWeek != test.perWeek || zero != test.zero || p.Fewer() != test.fewer {
			t.Errorf("%s: %+v (fewer %d, zero %s)\nwant %+v", name, p, p.Fewer(), zero, test)
		}
		if got := p.Migrated + p.Gone + p.Excluded - p.Found; got != p.Fewer() {
			t.Errorf("%s: the parts make %d fewer, the counts %d", name, got, p.Fewer())
		}
	}
}

func TestShortened(t *testing.T) {
	for _, test := range []struct {
		kinds []ChangeKind
		want  bool
	}{
		{nil, true}, {[]ChangeKind{ChangeOwner}, true}, {[]ChangeKind{ChangeFound}, false},
		{[]ChangeKind{ChangeOwner, ChangeFound}, false},
	} {
		var changes []Change
		for _, kind := range test.kinds {
			changes = append(changes, Change{Kind: kind})
		}
		if got := Shortened(changes); got != test.want {
			t.Errorf("%v: shortened %v", test.kinds, got)
		}
	}
}

// TestChangeKindsIsWhole compares the list with the constants in the source.
func TestChangeKindsIsWhole(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "scan.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var want []ChangeKind
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if kind, isIdent := specType(spec, ok); isIdent && kind == "ChangeKind" {
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, ChangeKind(value))
		}
		return true
	})
	got := ChangeKinds()
	slices.Sort(want)
	slices.Sort(got)
	if len(want) == 0 || !slices.Equal(got, want) {
		t.Errorf("ChangeKinds are %v, the constants %v", got, want)
	}
}

func specType(spec *ast.ValueSpec, ok bool) (name string, found bool) {
	if !ok {
		return "", false
	}
	ident, found := spec.Type.(*ast.Ident)
	if !found {
		return "", false
	}
	return ident.Name, true
}
