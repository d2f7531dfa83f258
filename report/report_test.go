package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"jwtsunset/credential"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", name, diff)
	}
}

func written(t *testing.T, format string, r Report, o Options) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, format, r, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func reports() map[string]Report {
	later := of(sample())
	later.Now = time.Date(2025, time.June, 16, 9, 0, 0, 0, time.UTC)
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	later.Deadlines[0].At = credential.EndOfDay(2025, time.June, 30, berlin)
	return map[string]Report{
		"sample":   of(sample()),
		"before":   later,
		"partial":  of(partial()),
		"several":  of(sample(), partial(), Organization{Name: "initech", IMSOrg: "X@AdobeOrg"}),
		"empty":    of(empty()),
		"denied":   of(denied()),
		"never":    of(Organization{Name: "acme", IMSOrg: "1A2B3C4D5E6F7A8B0A495C12@AdobeOrg"}),
		"hostile":  of(hostile()),
		"selected": of(sample()).Select(Filter{States: []credential.State{credential.StateExempt}}),
	}
}

func TestGolden(t *testing.T) {
	for name, r := range reports() {
		t.Run(name, func(t *testing.T) {
			for _, columns := range []int{60, 80, 120, 200} {
				got := written(t, FormatTable, r, Options{Width: columns})
				golden(t, fmt.Sprintf("%s-%d.txt", name, columns), got)
				checkTerminal(t, got, columns)
			}
			if name == "hostile" {
				return // its unlimited forms are checked by their properties instead
			}
			golden(t, name+".json", written(t, FormatJSON, r, Options{}))
			golden(t, name+".csv", written(t, FormatCSV, r, Options{}))
			golden(t, name+"-all.txt", written(t, FormatTable, r, Options{ListExcluded: true, Color: true}))
		})
	}
}

// checkTerminal holds what must be true of anything written to a terminal without colours.
func checkTerminal(t *testing.T, out []byte, columns int) {
	t.Helper()
	if !utf8.Valid(out) {
		t.Error("not valid UTF-8")
	}
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSuffix(line, "\n")
		if Clean(line) != line {
			t.Errorf("line is not clean: %.500q", line)
		}
		if columns > 0 && width(line) > max(columns, minWidth) {
			t.Errorf("line of %d columns in a terminal of %d: %q", width(line), columns, Shorten(line, 500))
		}
	}
}

func TestHostileTextsReachNoTerminal(t *testing.T) {
	for _, o := range []Options{{}, {ListExcluded: true}, {Width: 20}, {Width: 1}, {Width: 37, View: ViewSummary}, {Width: 50, View: ViewList}} {
		checkTerminal(t, written(t, FormatTable, of(hostile(), sample()), o), o.Width)
	}
	for _, r := range string(written(t, FormatJSON, of(hostile()), Options{})) {
		if r != '\n' && !strconv.IsPrint(r) {
			t.Errorf("JSON holds %U as it is", r)
		}
	}
	for _, c := range hostile().Credentials {
		for _, columns := range []int{0, 20, 33, 80} {
			var b bytes.Buffer
			d := Detail{Credential: c, History: []credential.Change{{Kind: credential.ChangeRenamed, From: c.Name, To: c.Name}}, Now: now}
			if err := WriteCredential(&b, FormatTable, d, Options{Width: columns}); err != nil {
				t.Fatal(err)
			}
			checkTerminal(t, b.Bytes(), columns)
		}
	}
}

func TestTheTwoAnswersAreToldApart(t *testing.T) {
	none := string(written(t, FormatTable, of(empty()), Options{}))
	notAllowed := string(written(t, FormatTable, of(denied()), Options{}))
	if !strings.Contains(none, noneFound) || strings.Contains(none, "admin verification") {
		t.Errorf("a complete scan of nothing says:\n%s", none)
	}
	if strings.Contains(notAllowed, "none were created") || strings.Contains(notAllowed, "nothing to do") ||
		!strings.Contains(notAllowed, adminVerification) {
		t.Errorf("a scan that may not look says:\n%s", notAllowed)
	}
}

func TestNothingButACompleteScanSaysNoneFound(t *testing.T) {
	unfinished := empty()
	unfinished.Scan.Complete, unfinished.Scan.Finished = false, time.Time{}
	excluded := empty()
	excluded.Scan.Excluded = []credential.Exclusion{{What: "credential X", Rule: "r"}}
	onlyExempt := sample()
	onlyExempt.Credentials = onlyExempt.Credentials[5:]
	for name, r := range map[string]Report{
		"never scanned":          of(Organization{Name: "a"}),
		"one of two":             of(empty(), Organization{Name: "b"}),
		"unfinished":             of(unfinished),
		"denied":                 of(denied()),
		"no organization":        of(),
		"excluded":               of(excluded),
		"only exempt":            of(onlyExempt),
		"nothing matches":        of(sample()).Select(Filter{Owner: "nobody"}),
		"migrated and gone only": of(sample()).Select(Filter{States: []credential.State{credential.StateGone}}),
	} {
		if out := string(written(t, FormatTable, r, Options{})); strings.Contains(out, "none were created") {
			t.Errorf("%s says:\n%s", name, out)
		}
	}
}

// TestJSONContract holds the members that others rely on, with their types.
func TestJSONContract(t *testing.T) {
	var got map[string]any
	if err := json.Unmarshal(written(t, FormatJSON, of(sample(), partial(), Organization{Name: "initech"}), Options{}), &got); err != nil {
		t.Fatal(err)
	}
	types := map[string]string{
		"complete": "bool", "organizations": "[]interface {}", "credentials": "[]interface {}", "unseen": "[]interface {}",
	}
	checkMembers(t, got, types)
	organization := member(t, got, "organizations", 1)
	checkMembers(t, organization, map[string]string{
		"name": "string", "ims_org": "string", "complete": "bool", "sandboxes": "[]interface {}", "excluded": "[]interface {}",
		"started": "string", "finished": "string", "announced": "float64", "failed": "map[string]interface {}",
	})
	checkMembers(t, member(t, organization, "sandboxes", 1), map[string]string{
		"name": "string", "state": "string", "complete": "bool", "error": "string", "skipped": "string",
	})
	checkMembers(t, member(t, got, "organizations", 2), map[string]string{
		"complete": "bool", "sandboxes": "[]interface {}", "started": "<nil>", "excluded": "[]interface {}", "failed": "map[string]interface {}",
	})
	checkMembers(t, member(t, got, "unseen", 0), map[string]string{"what": "string", "reason": "string", "organization": "string"})
	all := map[string]string{
		"id": "string", "kind": "string", "name": "string", "owner": "string", "organization": "string", "sandboxes": "[]interface {}",
		"auth_method": "string", "eligible": "string", "affected": "bool", "presence": "string", "deadline": "string",
		"deadline_reason": "string", "seconds_left": "float64", "created": "string", "last_updated": "<nil>",
	}
	first := member(t, got, "credentials", 0)
	checkMembers(t, first, all)
	if first["deadline"] != "2025-05-01T10:11:12.345Z" || first["deadline_reason"] != "certificate" {
		t.Errorf("first deadline is %v for %v", first["deadline"], first["deadline_reason"])
	}
	last := member(t, got, "credentials", len(got["credentials"].([]any))-1)
	all["deadline"], all["seconds_left"], all["created"] = "<nil>", "<nil>", "<nil>"
	checkMembers(t, last, all)
}

func member(t *testing.T, in map[string]any, name string, i int) map[string]any {
	t.Helper()
	values, ok := in[name].([]any)
	if !ok || len(values) <= i {
		t.Fatalf("%s has no element %d", name, i)
	}
	return values[i].(map[string]any)
}

func checkMembers(t *testing.T, got map[string]any, types map[string]string) {
	t.Helper()
	for name, want := range types {
		v, ok := got[name]
		if kind := fmt.Sprintf("%T", v); !ok || kind != want {
			t.Errorf("member %s is %s, want %s", name, kind, want)
		}
	}
}

func TestJSONGivesBackWhatAdobeSent(t *testing.T) {
	var got struct {
		Credentials []struct{ Name string }
	}
	if err := json.Unmarshal(written(t, FormatJSON, of(hostile()), Options{}), &got); err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, c := range got.Credentials {
		names[c.Name] = true
	}
	for _, s := range hostileTexts() {
		if s = toValid(s); !names[s] {
			t.Errorf("%.100q is missing", s)
		}
	}
}

// toValid replaces each invalid byte by U+FFFD.
func toValid(s string) string { return string([]rune(s)) }

func TestSecondsLeftAreRoundedDown(t *testing.T) {
	for _, tc := range []struct {
		at   time.Duration
		want int64
	}{{1500 * time.Millisecond, 1}, {-1500 * time.Millisecond, -2}, {0, 0}, {-time.Nanosecond, -1}} {
		if got := floorSeconds(credential.Deadline{At: now.Add(tc.at)}, now); got != tc.want {
			t.Errorf("%s before the deadline: %d seconds, want %d", tc.at, got, tc.want)
		}
	}
}

func TestCSVHasTheColumnsOfJSON(t *testing.T) {
	encoded, err := json.Marshal(newCredentialRecord(newRow(&credential.Credential{}, nil, nil), now))
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(encoded))
	var names []string
	for depth := 0; decoder.More() || depth > 0; {
		token, err := decoder.Token()
		if err != nil {
			break
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
			continue
		case json.Delim('}'), json.Delim(']'):
			depth--
			continue
		}
		name, ok := token.(string)
		if !ok || depth != 1 {
			continue
		}
		names = append(names, name)
		var skip json.RawMessage
		if err := decoder.Decode(&skip); err != nil {
			t.Fatal(err)
		}
	}
	header, _, _ := strings.Cut(string(written(t, FormatCSV, of(), Options{})), "\r\n")
	if diff := cmp.Diff(strings.Join(names, ","), header); diff != "" {
		t.Error(diff)
	}
}

func TestDetailGolden(t *testing.T) {
	o := sample()
	for i, name := range []string{"query-service", "console", "both", "migrated", "gone", "excluded"} {
		d := Detail{
			Credential: o.Credentials[i], Deadlines: credential.DefaultDeadlines(), Scan: o.Scan, Now: now,
			History: []credential.Change{
				{ScanID: 1, At: day(2026, 11, 1), Kind: credential.ChangeFound},
				{ScanID: 3, At: day(2026, 11, 5), Kind: credential.ChangeOwner, From: "bo@example.com", To: "ana@example.com"},
				{ScanID: 5, At: day(2026, 11, 6), Kind: credential.ChangeSandboxes, To: "prod"},
			},
		}
		for _, format := range Formats() {
			var b bytes.Buffer
			if err := WriteCredential(&b, format, d, Options{Width: 80}); err != nil {
				t.Fatal(err)
			}
			golden(t, "show-"+name+"."+map[string]string{"table": "txt"}[format]+strings.TrimPrefix(format, "table"), b.Bytes())
		}
	}
}

func TestUnknownFormatAndFailingWriter(t *testing.T) {
	if err := Write(&bytes.Buffer{}, "xml", of(), Options{}); err == nil || !strings.Contains(err.Error(), "table, json, csv") {
		t.Errorf("unknown format: %v", err)
	}
	broken := errors.New("broken pipe")
	for _, format := range Formats() {
		for _, after := range []int{0, 100_000} {
			if err := Write(&failing{after: after, err: broken}, format, of(hostile()), Options{}); after == 0 && !errors.Is(err, broken) {
				t.Errorf("%s to a writer that fails: %v", format, err)
			}
		}
	}
}

// failing takes a number of bytes and then fails.
type failing struct {
	after int
	err   error
}

func (f *failing) Write(p []byte) (int, error) {
	if f.after -= len(p); f.after < 0 {
		return 0, f.err
	}
	return len(p), nil
}

func TestComplete(t *testing.T) {
	for name, tc := range map[string]struct {
		r    Report
		want bool
	}{
		"none": {of(), false}, "one": {of(sample()), true}, "never": {of(Organization{}), false},
		"mixed": {of(sample(), partial()), false},
	} {
		if got := tc.r.Complete(); got != tc.want {
			t.Errorf("%s: complete %v", name, got)
		}
	}
	if n := of(sample(), partial()).AffectedLeft(); n != 6 {
		t.Errorf("%d affected, want 6", n)
	}
}

func TestSelect(t *testing.T) {
	r := of(sample(), partial())
	for name, tc := range map[string]struct {
		f    Filter
		want int
	}{
		"all":          {Filter{}, 12},
		"organization": {Filter{Organizations: []string{"acme"}}, 6},
		"sandbox":      {Filter{Sandboxes: []string{"prod", "nowhere"}}, 2},
		"affected":     {Filter{States: []credential.State{credential.StateAffected}}, 6},
		"kind":         {Filter{Kinds: []credential.Kind{credential.DeveloperConsole}}, 4},
		"auth":         {Filter{AuthMethods: []credential.AuthMethod{credential.AuthBoth, credential.AuthJWT}}, 4},
		"owner":        {Filter{Owner: "ANA@*"}, 2},
		"no owner":     {Filter{Owner: NoOwner}, 6},
		"together":     {Filter{Organizations: []string{"globex"}, Owner: "*@adobeid"}, 1},
	} {
		if got := len(r.Select(tc.f).rows()); got != tc.want {
			t.Errorf("%s: %d credentials, want %d", name, got, tc.want)
		}
	}
	if got := r.Select(Filter{Organizations: []string{"acme"}}); !got.Complete() || len(got.Organizations) != 1 {
		t.Error("the partial organization that was not asked for makes the report partial")
	}
	if len(r.Organizations[0].Credentials) != 6 {
		t.Error("Select changed the report it was called on")
	}
}

func TestFilterValidate(t *testing.T) {
	for _, f := range []Filter{
		{States: []credential.State{"lost"}}, {Kinds: []credential.Kind{"x"}}, {AuthMethods: []credential.AuthMethod{"saml"}},
	} {
		if err := f.Validate(); err == nil || !strings.Contains(err.Error(), "use one of") {
			t.Errorf("%+v: %v", f, err)
		}
	}
	if err := (Filter{States: credential.States(), Kinds: credential.Kinds(), AuthMethods: credential.AuthMethods()}).Validate(); err != nil {
		t.Error(err)
	}
}

func TestGlob(t *testing.T) {
	for _, tc := range []struct {
		pattern, text string
		want          bool
	}{
		{"*", "", true}, {"", "", true}, {"", "a", false}, {"a*c", "abbc", true}, {"a*c", "abbd", false}, {"?", "é", true},
		{"**a", "ba", true}, {"a?", "a", false}, {"*@example.com", "ana@example.com", true}, {"*a*b*", "xxaxxbxx", true},
		{"[a]", "a", false},
	} {
		if got := glob(tc.pattern, tc.text); got != tc.want {
			t.Errorf("glob(%q, %q) = %v", tc.pattern, tc.text, got)
		}
	}
	slow := strings.Repeat("*a", 200) + "b"
	if glob(slow, strings.Repeat("a", 10_000)) {
		t.Error("a pattern that ends in b matched a text without one")
	}
}

func TestShorten(t *testing.T) {
	for _, tc := range []struct {
		text    string
		columns int
		want    string
	}{
		{"looker", 6, "looker"}, {"looker", 5, "look…"}, {"日本語", 6, "日本語"}, {"日本語", 5, "日本…"}, {"日本語", 4, "日…"},
		{"looker", 1, "…"}, {"looker", 0, ""},
	} {
		if got := Shorten(tc.text, tc.columns); got != tc.want {
			t.Errorf("Shorten(%q, %d) = %q, want %q", tc.text, tc.columns, got, tc.want)
		}
	}
}

func FuzzCSV(f *testing.F) {
	for _, s := range hostileTexts()[:12] {
		f.Add(s, s, int64(-5))
	}
	f.Fuzz(func(t *testing.T, name, owner string, left int64) {
		c := credential.Credential{
			Name: name, ID: owner, Description: owner + name, Owner: credential.Owner{AssignedTo: owner}, Sandboxes: []string{name, owner},
			Console: credential.Console{ProjectName: name, ClientID: owner},
		}
		r := Report{
			Organizations: []Organization{{Credentials: []credential.Credential{c}}}, Now: now,
			Deadlines: []credential.Deadline{{Name: name, At: now.Add(time.Duration(left))}},
		}
		out := written(t, FormatCSV, r, Options{})
		checkTerminal(t, bytes.ReplaceAll(out, []byte("\r\n"), []byte("\n")), 0)
		records, err := csv.NewReader(bytes.NewReader(out)).ReadAll()
		if err != nil || len(records) != 2 {
			t.Fatalf("%d records, %v", len(records), err)
		}
		want := newCredentialRecord(r.rows()[0], now)
		for i, column := range csvColumns {
			if got := records[1][i]; got != column.cell(want) {
				t.Errorf("column %s: %q read back as %q", column.name, column.cell(want), got)
			}
			isNumber := slices.Contains([]string{"seconds_left", "days_left"}, column.name)
			if cell := records[1][i]; !isNumber && startsFormula(cell) {
				t.Errorf("column %s begins a formula: %q", column.name, cell)
			}
		}
	})
}

func FuzzTable(f *testing.F) {
	for i, s := range hostileTexts()[:18] {
		f.Add(s, s, 17*i)
	}
	f.Fuzz(func(t *testing.T, a, b string, columns int) {
		columns = max(columns%300, -1)
		o := sample()
		o.Name, o.Scan.Complete = a, false
		o.Credentials[0].Name, o.Credentials[1].Owner.AssignedTo, o.Credentials[2].Sandboxes = a, b, []string{b, a}
		o.Credentials[3].ID, o.Credentials[4].Kind = a, credential.Kind(b)
		o.Scan.Unseen = []credential.Unseen{{What: a, Reason: credential.Reason(b), Detail: b + " " + a}}
		r := of(o, sample())
		r.Deadlines[0].Name = b
		checkTerminal(t, written(t, FormatTable, r, Options{Width: columns, ListExcluded: true}), max(columns, 0))
	})
}

func BenchmarkWrite(b *testing.B) {
	o := sample()
	for len(o.Credentials) < 10_000 {
		o.Credentials = append(o.Credentials, o.Credentials[:6]...)
	}
	for _, format := range Formats() {
		b.Run(format, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := Write(new(bytes.Buffer), format, of(o), Options{Width: 120}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
