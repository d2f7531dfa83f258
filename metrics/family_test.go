package metrics

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"jwtsunset/credential"
)

const docsPage = "../docs/metrics.md"

// What is gathered and what the contract says are the same, names, types, labels and help.
func TestFamiliesAreWhatIsGathered(t *testing.T) {
	gathered := map[string]Family{}
	for name, f := range gather(t, lively()) {
		if !strings.HasPrefix(name, namespace+"_") {
			continue
		}
		labels := slices.Sorted(maps.Keys(labelsOf(f.GetMetric()[0])))
		gathered[name] = Family{name, strings.ToLower(f.GetType().String()), labels, f.GetHelp()}
	}
	contract := map[string]Family{}
	for _, f := range Families() {
		f.Labels = slices.Sorted(slices.Values(f.Labels))
		if _, twice := contract[f.Name]; twice {
			t.Errorf("%s is listed twice", f.Name)
		}
		contract[f.Name] = f
	}
	if diff := cmp.Diff(contract, gathered); diff != "" {
		t.Errorf("families (-contract +gathered):\n%s", diff)
	}
}

func TestNamingRules(t *testing.T) {
	name := regexp.MustCompile(`^jwtsunset_[a-z]+(_[a-z]+)*$`)
	known := []string{
		"organization", "credential_id", "deadline", "sandbox", "kind", "auth_method", "state", "name", "team",
		"deadline_reason", "contact", "result", "stage", "reason", "operation", "code", "job", "hash", "key",
		"channel", "method", "decision", "cause", "watch", "branch", "goarch", "goos", "goversion", "revision", "tags", "version",
	}
	for _, f := range Families() {
		if !name.MatchString(f.Name) {
			t.Errorf("%s is not a name in lower case with our prefix", f.Name)
		}
		if (f.Type == "counter") != strings.HasSuffix(f.Name, "_total") {
			t.Errorf("%s is a %s: counters and only they end in _total", f.Name, f.Type)
		}
		for _, word := range []string{"timestamp", "remaining", "duration", "interval", "throttled", "lateness"} {
			if strings.Contains(f.Name, word) && !strings.Contains(f.Name, "_seconds") {
				t.Errorf("%s does not name its unit", f.Name)
			}
		}
		if !strings.HasSuffix(f.Help, ".") {
			t.Errorf("%s: the help %q is not a sentence", f.Name, f.Help)
		}
		for _, label := range f.Labels {
			if !slices.Contains(known, label) {
				t.Errorf("%s has the unknown label %q", f.Name, label)
			}
		}
	}
}

func readDocs(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(docsPage)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Every family has a row in a table of the page: | `name` | type | `label` `label` | meaning | absent |.
func TestEveryFamilyIsDocumented(t *testing.T) {
	rows := map[string][]string{}
	for line := range strings.Lines(readDocs(t)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if name := strings.Trim(cells[0], " `"); strings.HasPrefix(name, namespace+"_") && len(cells) == 5 {
			rows[name] = cells
		}
	}
	quoted := regexp.MustCompile("`([a-z_]+)`")
	for _, f := range Families() {
		cells, ok := rows[f.Name]
		if !ok {
			t.Errorf("%s has no row of five cells in %s", f.Name, docsPage)
			continue
		}
		if got := strings.TrimSpace(cells[1]); got != f.Type {
			t.Errorf("%s is documented as %s, is %s", f.Name, got, f.Type)
		}
		var labels []string
		for _, m := range quoted.FindAllStringSubmatch(cells[2], -1) {
			labels = append(labels, m[1])
		}
		if diff := cmp.Diff(f.Labels, labels); diff != "" {
			t.Errorf("%s: labels (-contract +documented):\n%s", f.Name, diff)
		}
	}
}

// Every name of ours that the page mentions, queries included, exists.
func TestEveryDocumentedNameExists(t *testing.T) {
	exists := map[string]bool{}
	for _, f := range Families() {
		exists[f.Name] = true
		if f.Type == "histogram" {
			exists[f.Name+"_bucket"], exists[f.Name+"_sum"], exists[f.Name+"_count"] = true, true, true
		}
	}
	names := regexp.MustCompile(`\bjwtsunset_[a-z_]+`).FindAllString(readDocs(t), -1)
	if len(names) < len(Families()) {
		t.Fatalf("the page mentions %d names only", len(names))
	}
	for _, name := range names {
		if !exists[name] {
			t.Errorf("%s mentions %s, which does not exist", docsPage, name)
		}
	}
}

// The page lists every value that a label of a fixed set can have.
func TestEveryLabelValueIsDocumented(t *testing.T) {
	docs := readDocs(t)
	values := []string{resultComplete, resultPartial, resultFailed, "listed", "read", "excluded", "none", "other"}
	values = append(values, texts(credential.Kinds())...)
	values = append(values, texts(credential.AuthMethods())...)
	values = append(values, texts(credential.States())...)
	values = append(values, texts(credential.Stages())...)
	values = append(values, texts(credential.Reasons())...)
	values = slices.Concat(values, contacts(), answerKinds(), waitReasons(), slackMethods(), usualSlackCodes(),
		decisions(), migrationResults(), pauseCauses(), watchStates())
	for _, v := range append(values, credential.CertificateDeadline) {
		if !strings.Contains(docs, "`"+v+"`") {
			t.Errorf("%s does not name the value %q", docsPage, v)
		}
	}
}

func texts[T ~string](values []T) []string {
	var all []string
	for _, v := range values {
		all = append(all, string(v))
	}
	return all
}
