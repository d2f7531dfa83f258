package approval

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"jwtsunset/credential"
)

// fieldsBound are the fields of a Subject that a decision is bound to, with the fact that each is part of.
var fieldsBound = map[string]string{
	"Credential.Organization": FactOrganization, "Credential.ID": FactCredential, "Credential.Kind": FactKind,
	"Credential.Name": FactName, "Credential.Owner.AssignedTo": FactOwner, "Credential.Owner.CreatedBy": FactCreatedBy,
	"Credential.Sandboxes": FactSandboxes, "Credential.AuthMethod": FactAuthMethod,
	"Credential.Eligible": FactEligible, "Credential.Active": FactActive, "Credential.Excluded": FactExcluded,
	"Credential.Console.ProjectID": FactProject, "Credential.Console.ProjectName": FactProject,
	"Credential.Console.WorkspaceID": FactWorkspace, "Credential.Console.WorkspaceName": FactWorkspace,
	"Credential.Console.IntegrationID": FactIntegration, "Credential.Console.ClientID": FactClientID,
	"Credential.Console.Status": FactStatus, "Credential.Console.ReadOnly": FactReadOnly,
	"Method": FactMethod, "Verdict": FactVerdict, "ProjectType": FactProjectType, "APIs": FactAPIs, "Profiles": FactProfiles,
}

// fieldsShown are those that are shown and bind nothing: they change without anything having changed.
var fieldsShown = map[string]string{
	"Shown.Read": ShownRead, "Credential.Created": ShownCreated, "Credential.LastUpdated": ShownUpdated,
	"Shown.Deadline.Name": ShownDeadline, "Shown.Deadline.At": ShownDeadline, "Shown.JWTUsed": ShownJWTUsed,
	"Shown.OAuthUsed": ShownOAuthUsed, "Credential.Console.CertificateNotAfter": ShownCertificates,
}

// fieldsAside are those that no card has, with the reason why not.
var fieldsAside = map[string]string{
	"Credential.Description":                   "any owner may reword it at any time",
	"Credential.Owner.UpdatedBy":               "who touched it last does not own it",
	"Credential.Console.Type":                  "the auth method says it",
	"Credential.Console.TechnicalAccountEmail": "the credential's id says it",
	"Credential.FirstSeen":                     "a time of ours",
	"Credential.LastSeen":                      "a time of ours",
	"Credential.Missed":                        "a count of our scans",
	"Credential.Proof":                         "what an earlier migration of ours has proved, which Truth reads again",
	"Credential.Presence":                      "our scans' word for it; a fresh read tells before a start",
	"Credential.GoneAt":                        "a time of ours",
	"Shown.Deadline.AppliesTo":                 "the rule by which a deadline was chosen",
}

// subjectField is a field of a Subject, those of the structs within it included.
type subjectField struct {
	path  string
	index []int
	typ   reflect.Type
}

func subjectFields() []subjectField {
	var fields []subjectField
	var visit func(prefix string, index []int, typ reflect.Type)
	visit = func(prefix string, index []int, typ reflect.Type) {
		for i := range typ.NumField() {
			f := typ.Field(i)
			at := append(slices.Clone(index), i)
			if f.Type.Kind() == reflect.Struct && f.Type != reflect.TypeFor[time.Time]() {
				visit(prefix+f.Name+".", at, f.Type)
				continue
			}
			fields = append(fields, subjectField{prefix + f.Name, at, f.Type})
		}
	}
	visit("", nil, reflect.TypeFor[Subject]())
	return fields
}

// filled is a subject in which no field has its zero value.
func filled(t *testing.T) Subject {
	t.Helper()
	var s Subject
	for i, f := range subjectFields() {
		reflect.ValueOf(&s).Elem().FieldByIndex(f.index).Set(valueOf(t, f.typ, i))
	}
	return s
}

// valueOf makes a value that is another for each n but for truth values, which are true.
func valueOf(t *testing.T, typ reflect.Type, n int) reflect.Value {
	t.Helper()
	v := reflect.New(typ).Elem()
	switch {
	case typ == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(noon.Add(time.Duration(n) * time.Hour)))
	case typ.Kind() == reflect.String:
		v.SetString(fmt.Sprintf("value %d", n))
	case typ.Kind() == reflect.Bool:
		v.SetBool(true)
	case typ.Kind() == reflect.Int:
		v.SetInt(int64(n) + 1)
	case typ.Kind() == reflect.Slice:
		v = reflect.Append(v, valueOf(t, typ.Elem(), n), valueOf(t, typ.Elem(), n+1))
	default:
		t.Fatalf("no value of %s is known", typ)
	}
	return v
}

// change is another value for a field.
type change struct {
	name  string
	field subjectField
	value reflect.Value
}

func (c change) apply(s *Subject) { reflect.ValueOf(s).Elem().FieldByIndex(c.field.index).Set(c.value) }

// changesOf gives every kind of change to a field: another value, none, and of lists one more, one less, one other.
func changesOf(t *testing.T, f subjectField) []change {
	t.Helper()
	list := []change{{"none", f, reflect.Zero(f.typ)}}
	if f.typ.Kind() == reflect.Bool {
		return list
	}
	list = append(list, change{"another", f, valueOf(t, f.typ, 100)})
	if f.typ.Kind() == reflect.Slice {
		was := filled(t)
		v := reflect.ValueOf(was).FieldByIndex(f.index)
		other := reflect.MakeSlice(f.typ, 0, 2)
		list = append(list,
			change{"one more", f, reflect.Append(reflect.AppendSlice(other, v), valueOf(t, f.typ.Elem(), 50))},
			change{"one less", f, v.Slice(0, 1)}, change{"the other less", f, v.Slice(1, 2)},
			change{"one twice", f, reflect.Append(reflect.AppendSlice(other, v), v.Index(0))})
	}
	return list
}

// factsOf are the facts that changes must show in, in the order of the card.
func factsOf(c Card, changes ...change) []string {
	var names []string
	for _, f := range c.Facts {
		if slices.ContainsFunc(changes, func(x change) bool { return fieldsBound[x.field.path] == f.Name }) {
			names = append(names, f.Name)
		}
	}
	return names
}

// TestEveryFieldHasItsPlace sees that each field of a Subject is in exactly one list, so that a new one is thought
// about, and that no list names a field that is none.
func TestEveryFieldHasItsPlace(t *testing.T) {
	left := map[string]bool{}
	for _, list := range []map[string]string{fieldsBound, fieldsShown, fieldsAside} {
		for path := range list {
			if left[path] {
				t.Errorf("%s is in two lists", path)
			}
			left[path] = true
		}
	}
	for _, f := range subjectFields() {
		if !left[f.path] {
			t.Errorf("%s: nobody has said whether a decision is bound to it", f.path)
		}
		delete(left, f.path)
	}
	for path := range left {
		t.Errorf("%s is no field", path)
	}
	names := map[string]bool{}
	card := NewCard(filled(t))
	for _, f := range slices.Concat(card.Facts, card.Shown) {
		if names[f.Name] || len(f.Values) == 0 {
			t.Errorf("%s is there twice, or empty", f.Name)
		}
		names[f.Name] = true
	}
}

// TestEachFieldChanged changes each field in every way: what binds changes the fingerprint and is named, what is shown
// changes only what is shown, and nothing else changes anything.
func TestEachFieldChanged(t *testing.T) {
	base := NewCard(filled(t))
	for _, f := range subjectFields() {
		for _, c := range changesOf(t, f) {
			s := filled(t)
			c.apply(&s)
			card := NewCard(s)
			want := factsOf(base, c)
			if !slices.Equal(base.Changed(card), want) || !slices.Equal(card.Changed(base), want) {
				t.Errorf("%s, %s: changed %q and %q, want %q", f.path, c.name, base.Changed(card), card.Changed(base), want)
			}
			if (card.Fingerprint() == base.Fingerprint()) != (len(want) == 0) {
				t.Errorf("%s, %s: the fingerprint is right only if it says that %q changed", f.path, c.name, want)
			}
			if name, ok := fieldsShown[f.path]; ok && slices.Equal(card.Fact(name), base.Fact(name)) {
				t.Errorf("%s, %s: it is not shown", f.path, c.name)
			}
			if _, ok := fieldsAside[f.path]; ok && !reflect.DeepEqual(card, base) {
				t.Errorf("%s, %s: the card has changed", f.path, c.name)
			}
		}
	}
}

// TestTwoFieldsChanged changes each two fields together: no change hides another one, and no two pairs of changes have
// one fingerprint.
func TestTwoFieldsChanged(t *testing.T) {
	base := NewCard(filled(t))
	seen := map[string]string{base.Fingerprint(): ""}
	fields, pairs := subjectFields(), 0
	for i := range fields {
		for j := range i {
			s := filled(t)
			a, b := lastChange(t, fields[i]), lastChange(t, fields[j])
			a.apply(&s)
			b.apply(&s)
			card := NewCard(s)
			want := factsOf(base, a, b)
			if got := base.Changed(card); !slices.Equal(got, want) {
				t.Errorf("%s and %s: changed %q, want %q", fields[i].path, fields[j].path, got, want)
			}
			var bound []string // which changes the fingerprint tells
			for _, c := range []change{b, a} {
				if fieldsBound[c.field.path] != "" {
					bound = append(bound, c.field.path)
				}
			}
			key := strings.Join(bound, " and ")
			if before, ok := seen[card.Fingerprint()]; ok && before != key {
				t.Errorf("%q and %q have one fingerprint", before, key)
			}
			seen[card.Fingerprint()] = key
			pairs++
		}
	}
	t.Logf("%d pairs", pairs)
}

func lastChange(t *testing.T, f subjectField) change {
	t.Helper()
	list := changesOf(t, f)
	return list[len(list)-1]
}

// TestSameFactsInAnotherOrder shuffles all lists and gives times in other zones: nothing has changed.
func TestSameFactsInAnotherOrder(t *testing.T) {
	const seed = 1
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	list := []string{"b", "a", "ä", "", "a", "B", "\n"}
	base := filled(t)
	base.APIs, base.Profiles, base.Credential.Sandboxes = list, list, list
	want := NewCard(base)
	for range 200 {
		s := base
		for _, l := range []*[]string{&s.APIs, &s.Profiles, &s.Credential.Sandboxes} {
			*l = slices.Clone(*l)
			random.Shuffle(len(*l), func(i, j int) { (*l)[i], (*l)[j] = (*l)[j], (*l)[i] })
		}
		before := slices.Clone(s.APIs)
		s.Shown.Read = s.Shown.Read.In(time.FixedZone("elsewhere", 3600))
		card := NewCard(s)
		if !reflect.DeepEqual(card, want) || card.Fingerprint() != want.Fingerprint() {
			t.Fatalf("sandboxes %q: changed %q", s.Credential.Sandboxes, want.Changed(card))
		}
		if !slices.Equal(before, s.APIs) {
			t.Fatal("making a card has sorted what it was made from")
		}
	}
}

// TestValuesThatLookAlike gives facts that could be taken for one another if values were only joined: all differ.
func TestValuesThatLookAlike(t *testing.T) {
	lists := [][]string{
		nil, {"a", "b"}, {"a\nb"}, {"a b"}, {"a,b"}, {`a","b`}, {"a\x00b"}, {"", "a", "b"}, {"ab"}, {"a"},
		{"a", "a"}, {"A"}, {"a "}, {" a"}, {"a\r\nb"}, {"á"}, {"a\u0301"}, {"а"}, {"a\u200b"}, {"null"}, {"[]"}, {"{}"},
		{`"`}, {`\"`}, {`\`}, {`\\`}, {`\n`}, {"<"}, {`\u003c`}, {"\u2028"}, {`\u2028`}, {"\x7f"}, {"\ufffd"}, {"\xff"},
		{"\xfe"}, {"\xff\xff"}, {"a\xff"}, {"\xed\xa0\x80"}, {"\ufffdff"}, {"\ufffd\ufffd"}, {"\ufffdefbfbd"},
		{`"},{"name":"verdict","values":["ready"`}, {strings.Repeat("a", 1<<16)}, {strings.Repeat("a", 1<<16+1)},
	}
	seen := map[string]string{}
	take := func(what string, s Subject) {
		card := NewCard(s)
		if before, ok := seen[card.Fingerprint()]; ok {
			t.Errorf("%.80s and %.80s have one fingerprint", before, what)
		}
		seen[card.Fingerprint()] = what
		var again Card
		text, err := json.Marshal(card)
		if err == nil {
			err = json.Unmarshal(text, &again)
		}
		if err != nil || again.Fingerprint() != card.Fingerprint() || len(card.Changed(again)) > 0 {
			t.Errorf("%.80s: kept as JSON it is another card: %q (%v)", what, card.Changed(again), err)
		}
	}
	take("nothing", testSubject())
	for _, list := range lists[1:] {
		for i, into := range []func(*Subject) *[]string{
			func(s *Subject) *[]string { return &s.APIs }, func(s *Subject) *[]string { return &s.Profiles },
			func(s *Subject) *[]string { return &s.Credential.Sandboxes },
		} {
			s := testSubject()
			*into(&s) = list
			take(fmt.Sprintf("list %d %q", i, list), s)
		}
		s := testSubject()
		s.Credential.Name = strings.Join(list, "")
		s.Credential.Console.ProjectID = fmt.Sprintf("%q", list) // tells lists apart that give one name
		take(fmt.Sprintf("name %q", list), s)
	}
	for _, pair := range [][2]string{{"a", ""}, {"", "a"}, {"a", "b"}, {"b", "a"}, {"ab", ""}, {"", "ab"}, {"a\nb", ""}} {
		s := testSubject()
		s.Credential.Console.ProjectID, s.Credential.Console.ProjectName = pair[0], pair[1]
		take(fmt.Sprintf("project %q", pair), s)
		s = testSubject()
		s.Credential.Console.WorkspaceID, s.Credential.Console.WorkspaceName = pair[0], pair[1]
		take(fmt.Sprintf("workspace %q", pair), s)
	}
	for _, none := range [][]string{{}, {""}, {"", ""}} { // no name is no value
		s := testSubject()
		s.APIs = none
		if NewCard(s).Fingerprint() != NewCard(testSubject()).Fingerprint() {
			t.Errorf("%q is something", none)
		}
	}
}

// TestNoTwoFactsHaveOneFingerprint makes cards of random hostile texts: one fingerprint, one meaning, and the other way
// round.
func TestNoTwoFactsHaveOneFingerprint(t *testing.T) {
	const seed = 2
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	parts := []string{"a", "b", "", " ", "\n", ",", `"`, `\`, "\x00", `","`, "]", "\xff", "\xfe", "\ufffd", "66", "é", "<", "|"}
	text := func() string {
		var b strings.Builder
		for range random.IntN(4) {
			b.WriteString(parts[random.IntN(len(parts))])
		}
		return b.String()
	}
	list := func() []string {
		var l []string
		for range random.IntN(4) {
			l = append(l, text())
		}
		return l
	}
	meaning := func(s Subject) string {
		c := s.Credential
		set := func(l []string) []string {
			l = slices.Sorted(slices.Values(l))
			if len(l) > 0 && l[len(l)-1] == "" {
				return nil
			}
			return l
		}
		return fmt.Sprintf("%q", []any{
			c.Name, c.Owner.AssignedTo, c.Owner.CreatedBy, c.Excluded, c.Console.ProjectID, c.Console.ProjectName,
			c.Console.WorkspaceID, c.Console.WorkspaceName, s.ProjectType, set(c.Sandboxes), set(s.APIs), set(s.Profiles),
		})
	}
	meanings, fingerprints := map[string]string{}, map[string]string{}
	for range 40_000 / fewer {
		var s Subject
		c := &s.Credential
		for _, f := range []*string{
			&c.Name, &c.Owner.AssignedTo, &c.Owner.CreatedBy, &c.Excluded, &c.Console.ProjectID, &c.Console.ProjectName,
			&c.Console.WorkspaceID, &c.Console.WorkspaceName, &s.ProjectType,
		} {
			if random.IntN(5) == 0 {
				*f = text()
			}
		}
		for _, l := range []*[]string{&c.Sandboxes, &s.APIs, &s.Profiles} {
			if random.IntN(3) == 0 {
				*l = list()
			}
		}
		m, f := meaning(s), NewCard(s).Fingerprint()
		if other, ok := meanings[f]; ok && other != m {
			t.Fatalf("one fingerprint:\n%s\n%s", m, other)
		}
		if other, ok := fingerprints[m]; ok && other != f {
			t.Fatalf("two fingerprints: %s", m)
		}
		meanings[f], fingerprints[m] = m, f
	}
	t.Logf("%d meanings", len(fingerprints))
}

// TestCardsOfOtherVersions compares cards of programs that know other facts: whoever compares, what one of them lacks is
// a change.
func TestCardsOfOtherVersions(t *testing.T) {
	card := Card{Facts: []Fact{{"one", []string{"1"}}, {"two", nil}}}
	for _, other := range []Card{
		{Facts: card.Facts[:1]}, {Facts: card.Facts[1:]}, {}, {Facts: append(slices.Clone(card.Facts), Fact{Name: "three"})},
	} {
		there, back := card.Changed(other), other.Changed(card)
		slices.Sort(there)
		slices.Sort(back)
		if len(there) == 0 || !slices.Equal(there, back) || card.Fingerprint() == other.Fingerprint() {
			t.Errorf("%v: %q one way, %q the other", other.Facts, there, back)
		}
	}
	if changed := card.Changed(Card{Facts: slices.Clone(card.Facts)}); changed != nil {
		t.Errorf("changed %q", changed)
	}
}

// TestDeadlineOnCards sees that a deadline is shown in UTC with its name, and that none is nothing.
func TestDeadlineOnCards(t *testing.T) {
	s := testSubject()
	if got := NewCard(s).Fact(ShownDeadline); got != nil {
		t.Errorf("%q", got)
	}
	s.Shown.Deadline = credential.Deadline{Name: "end", At: noon.In(time.FixedZone("", -3600))}
	if got := NewCard(s).Fact(ShownDeadline); !slices.Equal(got, []string{"2026-03-02T12:00:00Z", "end"}) {
		t.Errorf("%q", got)
	}
	if got := NewCard(s).Fact("no such fact"); got != nil {
		t.Errorf("%q", got)
	}
	for _, m := range []Method{MethodConsole, MethodQueryService, MethodGuided} {
		if s.Method = m; len(NewCard(s).Effects) == 0 {
			t.Errorf("the method %s has no effects", m)
		}
	}
}
