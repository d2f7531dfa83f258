package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"jwtsunset/credential"
	"jwtsunset/metrics"
	"jwtsunset/notify"
	"jwtsunset/notify/slack"
	"jwtsunset/notify/webhook"
)

// The words that packages, metrics and documents have in common are written down in each of them. These tests hold them
// together.

// source is the code of one package without its tests.
type source struct {
	t     *testing.T
	files []*ast.File
}

func parsed(t *testing.T, folder string) source {
	t.Helper()
	s := source{t: t}
	names, err := filepath.Glob(filepath.Join(repository, folder, "*.go"))
	if err != nil || len(names) == 0 {
		t.Fatalf("%s: no source (%v)", folder, err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		s.files = append(s.files, f)
	}
	return s
}

// texts are the constants whose values are written as texts, by name: all of them for which wanted is true of the block
// that they stand in and of their own line.
func (s source) texts(wanted func(block *ast.GenDecl, line *ast.ValueSpec) bool) map[string]string {
	s.t.Helper()
	all := map[string]string{}
	for _, f := range s.files {
		for _, d := range f.Decls {
			block, ok := d.(*ast.GenDecl)
			if !ok || block.Tok != token.CONST {
				continue
			}
			for _, spec := range block.Specs {
				line, ok := spec.(*ast.ValueSpec)
				if !ok || !wanted(block, line) || len(line.Values) == 0 {
					continue
				}
				if value, ok := line.Values[0].(*ast.BasicLit); ok && value.Kind == token.STRING {
					text, err := strconv.Unquote(value.Value)
					if err != nil {
						s.t.Fatal(err)
					}
					all[line.Names[0].Name] = text
				}
			}
		}
	}
	if len(all) == 0 {
		s.t.Fatal("no such constant")
	}
	return all
}

// ofType are the values of a type.
func (s source) ofType(name string) []string {
	s.t.Helper()
	return sorted(s.texts(func(_ *ast.GenDecl, line *ast.ValueSpec) bool {
		kind, ok := line.Type.(*ast.Ident)
		return ok && kind.Name == name
	}))
}

// inBlock are the constants of the block whose comment begins with a text.
func (s source) inBlock(comment string) []string {
	s.t.Helper()
	return sorted(s.texts(func(block *ast.GenDecl, _ *ast.ValueSpec) bool {
		return strings.HasPrefix(block.Doc.Text(), comment)
	}))
}

// waits are the reasons with which a credential is left waiting: those that the obstacles return, and those that are
// assigned together with the decision to wait.
func (s source) waits() []string {
	s.t.Helper()
	reasons := s.texts(func(_ *ast.GenDecl, line *ast.ValueSpec) bool {
		return strings.HasPrefix(line.Names[0].Name, "Reason")
	})
	found := map[string]string{}
	take := func(list []ast.Expr) {
		for _, e := range list {
			if name, ok := e.(*ast.Ident); ok && reasons[name.Name] != "" {
				found[name.Name] = reasons[name.Name]
			}
		}
	}
	for _, f := range s.files {
		ast.Inspect(f, func(n ast.Node) bool {
			if function, ok := n.(*ast.FuncDecl); ok && function.Name.Name == "obstacle" {
				ast.Inspect(function, func(n ast.Node) bool {
					if r, ok := n.(*ast.ReturnStmt); ok {
						take(r.Results)
					}
					return true
				})
			}
			if a, ok := n.(*ast.AssignStmt); ok && slices.ContainsFunc(a.Rhs, func(e ast.Expr) bool {
				name, ok := e.(*ast.Ident)
				return ok && name.Name == "DecisionWait"
			}) {
				take(a.Rhs)
			}
			return true
		})
	}
	return sorted(found)
}

func sorted(texts map[string]string) []string { return slices.Sorted(maps.Values(texts)) }

// wantWords fails unless two lists have the same words, in whatever order.
func wantWords[A, B ~string](t *testing.T, what string, got []A, want []B) {
	t.Helper()
	g, w := map[string]bool{}, map[string]bool{}
	for _, word := range got {
		g[string(word)] = true
	}
	for _, word := range want {
		w[string(word)] = true
	}
	if len(g) == 0 || !maps.Equal(g, w) {
		t.Errorf("%s: got %v, want %v", what, slices.Sorted(maps.Keys(g)), slices.Sorted(maps.Keys(w)))
	}
}

// untouched is the page of metrics of a program that reminds by every sink and has not yet done anything: it has a
// series for each word that the metrics know.
func untouched(t *testing.T) string {
	t.Helper()
	r := &reminders{policy: &notify.Policy{Sinks: map[notify.SinkName]bool{
		notify.SinkSlack: true, notify.SinkWebhook: true,
	}}}
	m := metrics.New(metrics.Options{Version: "test"})
	m.Configure(notificationOptions(r, metrics.Options{Organizations: []string{"acme"}}))
	m.Publish(&metrics.Snapshot{Organizations: []metrics.Organization{{
		Name: "acme", LastSuccess: time.Unix(1, 0), Last: &credential.Scan{Organization: "acme", Complete: true},
	}}})
	m.PublishReminders(&metrics.Reminders{Standings: map[string]map[string]metrics.Standing{"acme": {}}})
	answer := httptest.NewRecorder()
	m.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return answer.Body.String()
}

// labels are the values that a label has in the series which begin with a text.
func labels(page, series, label string) (values []string) {
	value := regexp.MustCompile(`[{,]` + label + `="([^"]*)"`)
	for line := range strings.Lines(page) {
		if match := value.FindStringSubmatch(line); match != nil && strings.HasPrefix(line, series) {
			values = append(values, match[1])
		}
	}
	return values
}

// listed are the words set as code in the paragraph or item of the document of metrics that begins with a text.
func listed(t *testing.T, begin string) (words []string) {
	t.Helper()
	_, rest, ok := strings.Cut(read(t, filepath.Join(repository, metricsDocument)), "\n"+begin)
	if !ok {
		t.Fatalf("%s has no line that begins with %q", metricsDocument, begin)
	}
	if end := regexp.MustCompile(`\n(\n|- )`).FindStringIndex(rest); end != nil {
		rest = rest[:end[0]]
	}
	for _, match := range span.FindAllStringSubmatch(rest, -1) {
		words = append(words, match[1])
	}
	return words
}

// firstColumn is what stands in the first column of the table below a heading, without marks of code and split at commas.
func firstColumn(t *testing.T, document, heading string) (words []string) {
	t.Helper()
	_, rest, ok := strings.Cut(read(t, filepath.Join(repository, document)), "\n"+heading+"\n")
	if !ok {
		t.Fatalf("%s has no heading %q", document, heading)
	}
	rest, _, _ = strings.Cut(rest, "\n## ")
	for i, row := range regexp.MustCompile(`(?m)^\|([^|]*)\|`).FindAllStringSubmatch(rest, -1) {
		if i < 2 { // the names of the columns, and the line under them
			continue
		}
		for word := range strings.SplitSeq(row[1], ",") {
			words = append(words, strings.Trim(word, " `"))
		}
	}
	return words
}

const metricsDocument = "docs/metrics.md"

// withoutNotMine are the kinds of answers that take the place of reminders: one about who the owner is does not.
func withoutNotMine() []notify.AnswerKind {
	return slices.DeleteFunc(notify.AnswerKinds(), func(k notify.AnswerKind) bool { return k == notify.AnswerNotMine })
}

func TestMetricsKnowTheWordsOfReminders(t *testing.T) {
	t.Parallel()
	page, code := untouched(t), parsed(t, "notify")
	for _, c := range []struct {
		series, label string
		want          []string
		documented    string
	}{
		{"jwtsunset_credentials_by_contact{", "contact", words(notify.Contacts()), "- `contact`:"},
		{"jwtsunset_answers{", "kind", words(withoutNotMine()), "- `kind` of an answer:"},
		{"jwtsunset_reminders_waiting{", "reason", code.waits(), "- `reason` of what waits:"},
		{"jwtsunset_notifications_total{", "kind", words(notify.Kinds()), "- `kind` of a message:"},
		{"jwtsunset_notifications_total{", "channel", code.ofType("SinkName"), "- `channel`:"},
	} {
		wantWords(t, c.series+c.label, labels(page, c.series, c.label), c.want)
		wantWords(t, metricsDocument+" "+c.documented, listed(t, c.documented), c.want)
	}
	wantWords(t, "Contacts()", words(notify.Contacts()), code.ofType("Contact"))
	wantWords(t, "AnswerKinds()", words(notify.AnswerKinds()), code.ofType("AnswerKind"))
	wantWords(t, "Kinds()", words(notify.Kinds()), code.ofType("Kind"))
}

func words[S ~string](list []S) []string {
	all := make([]string, len(list))
	for i, word := range list {
		all[i] = string(word)
	}
	return all
}

func TestMetricsKnowWhyMessagesFail(t *testing.T) {
	t.Parallel()
	page := untouched(t)
	for channel, reasons := range map[notify.SinkName][]string{
		notify.SinkSlack: slack.Reasons(), notify.SinkWebhook: webhook.Reasons(),
	} {
		failed := `jwtsunset_notifications_failed_total{channel="` + string(channel)
		wantWords(t, failed, labels(page, failed, "reason"), append(slices.Clone(reasons), "other"))
		dropped := `jwtsunset_notifications_suppressed_total{channel="` + string(channel)
		wantWords(t, dropped, labels(page, dropped, "reason"), []string{string(notify.ReasonSettled), "other"})
	}
	wantWords(t, metricsDocument, listed(t, "- `reason` of a suppressed message:"),
		[]notify.Reason{notify.ReasonSettled})
}

// TestReasonsOfSinksAreAllThereAre looks for reasons that a sink can give and does not list.
func TestReasonsOfSinksAreAllThereAre(t *testing.T) {
	t.Parallel()
	for folder, listed := range map[string][]string{
		"notify/slack": slack.Reasons(), "notify/webhook": webhook.Reasons(),
	} {
		for name, reason := range parsed(t, folder).texts(func(_ *ast.GenDecl, line *ast.ValueSpec) bool {
			return strings.HasPrefix(line.Names[0].Name, "Reason")
		}) {
			if !slices.Contains(listed, reason) {
				t.Errorf("%s: Reasons() lacks %s, which is %q", folder, name, reason)
			}
		}
	}
}

func TestMetricsKnowTheCallsToSlack(t *testing.T) {
	t.Parallel()
	methods := sorted(parsed(t, "notify/slack").texts(func(_ *ast.GenDecl, line *ast.ValueSpec) bool {
		return strings.HasPrefix(line.Names[0].Name, "method")
	}))
	page := untouched(t)
	for _, series := range []string{"jwtsunset_slack_requests_total{", "jwtsunset_slack_request_duration_seconds_count{"} {
		wantWords(t, series, labels(page, series, "method"), methods)
	}
	wantWords(t, metricsDocument, listed(t, "`method`:"), append(slices.Clone(methods), "other"))
	codes := listed(t, "These codes start at zero for each method:")
	wantWords(t, "codes", labels(page, "jwtsunset_slack_requests_total{", "code"), codes)
}

func TestDocumentNamesReasonsAndSteps(t *testing.T) {
	t.Parallel()
	code := parsed(t, "notify")
	const document = "docs/reminders.md"
	reasons := firstColumn(t, document, "## Why was nothing sent?")
	wantWords(t, document+": reasons", reasons, code.inBlock("Why a credential is told of, is not, or not yet."))
	for _, reason := range code.waits() {
		if !slices.Contains(reasons, reason) {
			t.Errorf("%s does not say what it means to wait for %q", document, reason)
		}
	}
	wantWords(t, document+": steps", firstColumn(t, document, "## When"), code.ofType("StepKind"))
	wantWords(t, "docs/owners.md: reasons", firstColumn(t, "docs/owners.md", "## Who is passed over"),
		code.inBlock("Why a candidate is not told."))
}
