package metrics

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"jwtsunset/credential"
)

var update = flag.Bool("update", false, "write the golden files")

// noon is well after the end of support and well before nothing.
var noon = time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC)

func fixed(t time.Time) func() time.Time { return func() time.Time { return t } }

func id(n int) string { return fmt.Sprintf("%024X", n) }

// seeded is an organization with one of everything: an unmatched, a migrated, a gone and an exempt credential, one with
// a certificate, a sandbox that was never read, and a partial last scan.
func seeded() *Snapshot {
	last := &credential.Scan{
		Organization: "acme", Started: noon.Add(-2 * time.Hour), Finished: noon.Add(-2*time.Hour + 90*time.Second),
		Announced: 6, Read: 5, Failed: map[credential.Reason]int{credential.ReasonForbidden: 1},
		Excluded: []credential.Exclusion{{What: "sandbox old", Rule: "old-*"}},
		Unseen: []credential.Unseen{
			{What: "sandbox dev", Stage: credential.StageAccounts, Reason: credential.ReasonForbidden},
		},
		Sandboxes: []credential.SandboxScan{
			{Name: "prod", State: "active", Complete: true, LastRead: noon.Add(-2 * time.Hour)},
			{Name: "stage", State: "active", Complete: true, LastRead: noon.Add(-2 * time.Hour)},
			{Name: "dev", State: "active", Reason: credential.ReasonForbidden},
		},
	}
	return &Snapshot{
		Deadlines: credential.DefaultDeadlines(),
		Organizations: []Organization{
			{
				Name: "acme", LastStart: last.Started, LastCompletion: last.Finished,
				LastSuccess: noon.Add(-26 * time.Hour), Interval: 6 * time.Hour, Last: last,
				Credentials: seededCredentials(),
			},
			{Name: "fresh", Interval: 6 * time.Hour},
		},
	}
}

func seededCredentials() []credential.Credential {
	return []credential.Credential{
		{
			Organization: "acme", ID: id(1), Kind: credential.QueryService, Name: "Looker",
			Owner: credential.Owner{AssignedTo: "ana@example.com"}, Sandboxes: []string{"dev", "prod"},
			AuthMethod: credential.AuthUnknown, Presence: credential.Present,
		},
		{
			Organization: "acme", ID: id(2), Kind: credential.QueryService, Name: "Tableau of ana@example.com",
			Sandboxes: []string{"prod"}, AuthMethod: credential.AuthOAuth, Presence: credential.Present,
		},
		{
			Organization: "acme", ID: id(3), Kind: credential.QueryService, Name: "Old job",
			Sandboxes: []string{"stage"}, AuthMethod: credential.AuthJWT, Presence: credential.Gone,
		},
		{
			Organization: "acme", ID: id(4), Kind: credential.DeveloperConsole, Name: "Feed",
			AuthMethod: credential.AuthJWT, Presence: credential.Present,
			Console: credential.Console{
				IntegrationID:       "4",
				CertificateNotAfter: time.Date(2025, time.January, 15, 8, 30, 0, 0, time.UTC),
			},
		},
		{
			Organization: "acme", ID: id(5), Kind: credential.QueryService, Name: "Test",
			Sandboxes: []string{"stage"}, AuthMethod: credential.AuthJWT, Presence: credential.Present,
			Excluded: "Test: ends with the project",
		},
	}
}

// reminding has everything of which reminders count, and two channels.
func reminding() Options {
	return Options{
		SeriesLimit: all,
		Sinks: []Sink{
			{Name: "slack", FailureReasons: []string{"invalid_auth", "ratelimited"}},
			{Name: "webhook", FailureReasons: []string{"timeout"}},
		},
		Kinds:           []string{"reminder", "escalation", "digest"},
		SuppressReasons: []string{"settled"},
		SlackCodes:      []string{"invalid_auth", "ratelimited", "is_archived", "other"},
	}
}

// remindersOfSeeded has a standing of three credentials: an open one whose owner is silent, a migrated one of which only
// the contact counts, and an open one that was never examined.
func remindersOfSeeded() *Reminders {
	return &Reminders{
		LastRun: noon.Add(-10 * time.Minute), OldestDue: noon.Add(-72 * time.Hour), OldestQueued: noon.Add(-time.Hour),
		Queued: map[string]int{"slack": 3},
		Standings: map[string]map[string]Standing{"acme": {
			id(1): {
				Contact: "delivered", OwnerUnknown: true, Silent: true, Waiting: "old-evidence", Answer: "will-migrate",
				PromiseBroken: true,
			},
			id(2): {
				Contact: "acknowledged", OwnerUnknown: true, Silent: true, Waiting: "run-limit", Answer: "snooze",
				PromiseBroken: true,
			},
		}},
	}
}

// notified lets one of each thing happen.
func notified(m *Metrics) {
	m.NotificationSent("reminder", "slack", 90*time.Minute)
	m.NotificationFailed("escalation", "slack", "invalid_auth")
	m.NotificationSuppressed("reminder", "webhook", "settled")
	m.ChannelUp("slack", false)
	m.ChannelUp("webhook", true)
	m.SlackCalled("chat.postMessage", "ok", 300*time.Millisecond)
}

// all is no limit on the series of single credentials.
const all = -1

// published is at noon and without a limit, unless o says otherwise.
func published(o Options, s *Snapshot) *Metrics {
	if o.Clock == nil {
		o.Clock = fixed(noon)
	}
	if o.SeriesLimit == 0 {
		o.SeriesLimit = all
	}
	m := New(o)
	m.Publish(s)
	return m
}

// lively has something in every family of the contract.
func lively() *Metrics {
	o := reminding()
	o.Organizations, o.Jobs = []string{"acme", "fresh"}, []string{"scan"}
	m := published(o, seeded())
	m.PublishReminders(remindersOfSeeded())
	m.PublishMigrations(migrationsOfSeeded())
	m.MigrationTook(8700 * time.Millisecond)
	notified(m)
	m.ObserveCall(credential.StageAccounts, 200, 80*time.Millisecond)
	m.ObserveCall(credential.StageAccounts, 403, 120*time.Millisecond)
	m.ObserveCall(credential.StageToken, 0, 30*time.Second)
	m.ObserveThrottle(1500 * time.Millisecond)
	m.ScanStarted("acme", noon.Add(-2*time.Hour))
	m.ScanFinished(*seeded().Organizations[0].Last)
	m.ScanStarted("fresh", noon.Add(-time.Minute))
	m.ScanSkipped("acme")
	m.JobPanicked("scan")
	m.ReloadDone(noon.Add(time.Minute), errors.New("bad file"))
	m.AuditAppended(42, strings.Repeat("3f", 32), "0123 4567 89ab cdef")
	m.AuditFailed()
	m.AuditVerified(noon.Add(-time.Hour), true)
	m.StoreChecked(true)
	return m
}

func gather(t testing.TB, m *Metrics) map[string]*dto.MetricFamily {
	t.Helper()
	families, err := m.Registry().Gather()
	if err != nil {
		t.Fatalf("gather: %v", err)
	}
	byName := map[string]*dto.MetricFamily{}
	for _, f := range families {
		byName[f.GetName()] = f
	}
	return byName
}

func labelsOf(m *dto.Metric) map[string]string {
	labels := map[string]string{}
	for _, p := range m.GetLabel() {
		labels[p.GetName()] = p.GetValue()
	}
	return labels
}

// value finds the one series of a family that has all the labels given as name, value, name, value.
func value(t testing.TB, families map[string]*dto.MetricFamily, name string, pairs ...string) (float64, bool) {
	t.Helper()
	var found []float64
	for _, m := range families["jwtsunset_"+name].GetMetric() {
		labels, match := labelsOf(m), true
		for i := 0; i < len(pairs); i += 2 {
			match = match && labels[pairs[i]] == pairs[i+1]
		}
		if match {
			found = append(found, m.GetGauge().GetValue()+m.GetCounter().GetValue())
		}
	}
	if len(found) > 1 {
		t.Fatalf("%s%v matches %d series", name, pairs, len(found))
	}
	return slices.Max(append(found, -1e18)), len(found) == 1
}

func want(t testing.TB, families map[string]*dto.MetricFamily, expected float64, name string, pairs ...string) {
	t.Helper()
	if got, ok := value(t, families, name, pairs...); !ok || got != expected {
		t.Errorf("%s%v = %v (present %v), want %v", name, pairs, got, ok, expected)
	}
}

func wantAbsent(t testing.TB, families map[string]*dto.MetricFamily, name string, pairs ...string) {
	t.Helper()
	if got, ok := value(t, families, name, pairs...); ok {
		t.Errorf("%s%v = %v, want it absent", name, pairs, got)
	}
}

// exposition is what is ours and does not depend on the machine, without the hundreds of counters at zero.
func exposition(t *testing.T, m *Metrics) string {
	t.Helper()
	var out bytes.Buffer
	families := gather(t, m)
	for _, f := range Families() {
		if f.Name == "jwtsunset_build_info" {
			continue
		}
		family := families[f.Name]
		if f.Type != "gauge" {
			family = used(family)
		}
		if _, err := expfmt.MetricFamilyToText(&out, family); err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
	}
	return out.String()
}

func used(f *dto.MetricFamily) *dto.MetricFamily {
	kept := &dto.MetricFamily{Name: f.Name, Help: f.Help, Type: f.Type}
	for _, m := range f.GetMetric() {
		if m.GetCounter().GetValue() > 0 || m.GetHistogram().GetSampleCount() > 0 {
			kept.Metric = append(kept.Metric, m)
		}
	}
	return kept
}

func TestExpositionIsExactlyThis(t *testing.T) {
	const path = "testdata/exposition.prom"
	got := exposition(t, lively())
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(golden), got); diff != "" {
		t.Errorf("exposition (-want +got):\n%s", diff)
	}
}

func TestNumberOfSeries(t *testing.T) {
	m := lively()
	stages, reasons := len(credential.Stages()), len(credential.Reasons())
	for name, n := range map[string]int{
		"credentials":                           80, // of acme only: nothing of fresh was ever read
		"sandbox_credentials":                   20,
		"credential_info":                       4,
		"credential_open":                       4,
		"credential_deadline_timestamp_seconds": 2,
		"credential_remaining_seconds":          2,
		"deadline_remaining_seconds":            2,
		"scan_errors_total":                     2 * stages * reasons,
		"scans_total":                           6,
		"scans_skipped_total":                   2,
		"scan_last_success_timestamp_seconds":   2,
		"scan_items":                            4,
		"api_requests_total":                    8 * stages,
		"api_request_duration_seconds":          stages,
		"job_panics_total":                      1,
		"credential_series_limited":             1,
		"build_info":                            1,
		"no_such_family":                        0,
		"credential_certificate_not_after_timestamp_seconds": 1,
	} {
		if got, err := testutil.GatherAndCount(m.Registry(), "jwtsunset_"+name); err != nil || got != n {
			t.Errorf("%s has %d series (%v), want %d", name, got, err, n)
		}
	}
}

func TestLint(t *testing.T) {
	for name, m := range map[string]*Metrics{"empty": New(Options{}), "lively": lively()} {
		problems, err := testutil.GatherAndLint(m.Registry())
		if err != nil || len(problems) > 0 {
			t.Errorf("%s: %v, %v", name, problems, err)
		}
	}
}

func TestCountdownFollowsTheClock(t *testing.T) {
	now := time.Date(2025, time.June, 16, 0, 0, 0, 0, time.UTC)
	m := published(Options{Clock: func() time.Time { return now }}, seeded())
	families := gather(t, m)
	want(t, families, 15*86400, "deadline_remaining_seconds", "deadline", "end-of-support")
	want(t, families, 15*86400, "credential_remaining_seconds", "credential_id", id(1))
	now = time.Date(2025, time.July, 1, 0, 0, 1, 0, time.UTC)
	want(t, gather(t, m), -1, "credential_remaining_seconds", "credential_id", id(1))
	want(t, gather(t, m), 1751328000, "deadline_timestamp_seconds", "deadline", "end-of-support")
}

func TestOneCredentialsSeries(t *testing.T) {
	families := gather(t, published(Options{}, seeded()))
	want(t, families, 1, "credential_open", "credential_id", id(1))
	want(t, families, 1, "credential_info", "credential_id", id(1), "deadline_reason", "end-of-support", "team", "",
		"contact", "none", "state", "affected", "auth_method", "unknown", "kind", "query-service", "name", "Looker")

	// A migrated credential is known by name, and nothing is due any more.
	want(t, families, 0, "credential_open", "credential_id", id(2))
	want(t, families, 1, "credential_info", "credential_id", id(2), "state", "migrated", "deadline_reason", "")
	wantAbsent(t, families, "credential_remaining_seconds", "credential_id", id(2))
	wantAbsent(t, families, "credential_deadline_timestamp_seconds", "credential_id", id(2))

	// A gone one is counted only.
	for _, name := range []string{"credential_open", "credential_info", "credential_remaining_seconds"} {
		wantAbsent(t, families, name, "credential_id", id(3))
	}
	want(t, families, 1, "credentials", "organization", "acme", "kind", "query-service", "auth_method", "jwt",
		"state", "gone")

	// An exempt one is known by name, and nobody need act on it.
	want(t, families, 0, "credential_open", "credential_id", id(5))
	want(t, families, 1, "credential_info", "credential_id", id(5), "state", "exempt")
	wantAbsent(t, families, "credential_remaining_seconds", "credential_id", id(5))

	want(t, families, 1, "credential_info", "credential_id", id(4), "deadline_reason", "certificate")
	want(t, families, 1736929800, "credential_certificate_not_after_timestamp_seconds", "credential_id", id(4))
}

func TestCertificateWithoutEnd(t *testing.T) {
	s := seeded()
	c := &s.Organizations[0].Credentials[3]
	c.Console.CertificateNotAfter = time.Date(9999, time.December, 31, 23, 59, 59, 0, time.UTC)
	families := gather(t, published(Options{}, s))
	want(t, families, 253402300799, "credential_certificate_not_after_timestamp_seconds", "credential_id", id(4))
	want(t, families, 1, "credential_info", "credential_id", id(4), "deadline_reason", "end-of-support")
}

func TestNothingIsShownBeforeTheFirstPublish(t *testing.T) {
	families := gather(t, New(Options{Organizations: []string{"acme"}}))
	for _, f := range stateFamilies() {
		if families[f.Name] != nil {
			t.Errorf("%s is there before anything was loaded", f.Name)
		}
	}
	want(t, families, 0, "scans_total", "organization", "acme", "result", "failed")
	want(t, families, 1, "config_last_reload_successful")
}

func TestAfterRestartTheLastKnownValuesAreThere(t *testing.T) {
	families := gather(t, published(Options{Organizations: []string{"acme"}}, seeded()))
	want(t, families, 1, "credential_open", "credential_id", id(1))
	want(t, families, float64(noon.Add(-26*time.Hour).Unix()), "scan_last_success_timestamp_seconds",
		"organization", "acme")
	want(t, families, 0, "scans_total", "organization", "acme", "result", "complete")
	want(t, families, 0, "scan_last_success_timestamp_seconds", "organization", "fresh")
	want(t, families, 0, "scan_complete", "organization", "fresh")
	wantAbsent(t, families, "scan_duration_seconds", "organization", "fresh")
}

// The first scan ever could read nothing, or one sandbox of two: what was not seen has no gauge, not even at zero.
func TestFirstScanIsPartial(t *testing.T) {
	at := noon.Add(-time.Hour)
	unread := &credential.Scan{
		Organization: "acme", Started: at, Finished: at.Add(time.Second),
		Sandboxes: []credential.SandboxScan{{Name: "prod"}, {Name: "dev"}},
	}
	s := &Snapshot{Organizations: []Organization{{Name: "acme", LastStart: at, LastCompletion: at, Last: unread}}}
	families := gather(t, published(Options{}, s))
	want(t, families, 0, "scan_complete", "organization", "acme")
	for _, name := range []string{"jwtsunset_credentials", "jwtsunset_sandbox_credentials"} {
		if families[name] != nil {
			t.Errorf("%s is there although nothing was read", name)
		}
	}

	half := *unread
	half.Sandboxes = []credential.SandboxScan{{Name: "prod", Complete: true, LastRead: at}, {Name: "dev"}}
	s.Organizations[0].Last = &half
	families = gather(t, published(Options{}, s))
	want(t, families, 0, "sandbox_credentials", "sandbox", "prod", "state", "affected")
	want(t, families, 0, "credentials", "kind", "query-service", "auth_method", "unknown", "state", "affected")
	if n := len(families["jwtsunset_sandbox_credentials"].GetMetric()); n != 10 {
		t.Errorf("%d sandbox series, want the 10 of prod only", n)
	}
}

func TestRunningScan(t *testing.T) {
	m := published(Options{}, seeded())
	m.ScanStarted("acme", noon)
	families := gather(t, m)
	want(t, families, float64(noon.Unix()), "scan_last_start_timestamp_seconds", "organization", "acme")
	want(t, families, 1, "scan_in_progress", "organization", "acme")
	want(t, families, 0, "scan_in_progress", "organization", "fresh")
	m.ScanFinished(credential.Scan{Organization: "acme", Started: noon, Finished: noon, Complete: true})
	families = gather(t, m)
	want(t, families, 0, "scan_in_progress", "organization", "acme")
	want(t, families, float64(noon.Unix()), "scan_last_start_timestamp_seconds", "organization", "acme")
	want(t, families, 1, "scans_total", "organization", "acme", "result", "complete")
}

func TestResultOfAScan(t *testing.T) {
	for name, test := range map[string]struct {
		scan credential.Scan
		want string
	}{
		"complete":           {credential.Scan{Complete: true}, "complete"},
		"some read":          {credential.Scan{Read: 1}, "partial"},
		"empty sandbox read": {credential.Scan{Sandboxes: []credential.SandboxScan{{Complete: true}}}, "partial"},
		"nothing read":       {credential.Scan{Sandboxes: []credential.SandboxScan{{}}}, "failed"},
	} {
		if got := result(&test.scan); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

func TestSeriesLimit(t *testing.T) {
	s := seeded()
	o := &s.Organizations[0]
	for n := 10; n < 20; n++ {
		o.Credentials = append(o.Credentials, credential.Credential{
			ID: id(n), Kind: credential.QueryService, AuthMethod: credential.AuthJWT, Presence: credential.Present,
		})
	}
	o.Credentials[10].Console.CertificateNotAfter = time.Date(2025, time.February, 1, 0, 0, 0, 0, time.UTC) // id 15
	m := published(Options{SeriesLimit: 3}, s)
	families := gather(t, m)
	// Of 14 present credentials those two whose certificates ended first, then the first of the others.
	for _, n := range []int{4, 15, 1} {
		want(t, families, 1, "credential_open", "credential_id", id(n))
	}
	want(t, families, 11, "credential_series_limited")
	wantAbsent(t, families, "credential_open", "credential_id", id(2))
	want(t, families, 10, "credentials", "organization", "acme", "kind", "query-service", "auth_method", "jwt",
		"state", "affected")

	m.Configure(Options{SeriesLimit: 14})
	families = gather(t, m)
	want(t, families, 0, "credential_series_limited")
	want(t, families, 0, "credential_open", "credential_id", id(2))

	m.Configure(Options{SeriesLimit: 0})
	families = gather(t, m)
	want(t, families, 14, "credential_series_limited")
	if families["jwtsunset_credential_open"] != nil || families["jwtsunset_credential_info"] != nil {
		t.Error("a limit of 0 leaves series of single credentials")
	}
}

func TestNoPersonInALabelUnlessAsked(t *testing.T) {
	m := lively()
	if body := scrape(t, m, nil).Body.String(); strings.Contains(body, "@") {
		t.Error("an address stands in the exposition")
	}
	want(t, gather(t, m), 1, "credential_info", "credential_id", id(2), "name", "Tableau of [address]")

	m.Configure(Options{OwnerLabel: true, SeriesLimit: all})
	families := gather(t, m)
	want(t, families, 1, "credential_info", "credential_id", id(1), "owner", "ana@example.com")
	want(t, families, 1, "credential_info", "credential_id", id(2), "name", "Tableau of ana@example.com", "owner", "")
}

func TestDoublesCountOnce(t *testing.T) {
	s := seeded()
	o := &s.Organizations[0]
	again := o.Credentials[0]
	again.Name = "Looker, another text"
	collides := again
	collides.ID += "\x00" // another id, the same label
	o.Credentials = append(o.Credentials, again, collides)
	o.Last.Sandboxes = append(o.Last.Sandboxes, o.Last.Sandboxes...)
	s.Organizations = append(s.Organizations, *o)
	s.Deadlines = append(s.Deadlines, s.Deadlines...)
	families := gather(t, published(Options{}, s))
	want(t, families, 2, "credentials", "organization", "acme", "kind", "query-service", "auth_method", "unknown",
		"state", "affected")
	want(t, families, 1, "credential_info", "credential_id", id(1), "name", "Looker")
	want(t, families, 1, "credential_series_limited")
	want(t, families, 2, "sandbox_credentials", "sandbox", "prod", "state", "affected")
}

func TestCountersOfRemovedOrganizationsEnd(t *testing.T) {
	m := lively()
	m.Configure(Options{Organizations: []string{"fresh"}})
	families := gather(t, m)
	wantAbsent(t, families, "scans_skipped_total", "organization", "acme")
	want(t, families, 0, "scans_skipped_total", "organization", "fresh")
	for _, metric := range families["jwtsunset_scan_errors_total"].GetMetric() {
		if labelsOf(metric)["organization"] == "acme" {
			t.Fatalf("%v is still there", metric)
		}
	}
}

func TestReload(t *testing.T) {
	m := New(Options{Clock: fixed(noon)})
	m.ReloadDone(noon.Add(time.Hour), errors.New("line 3: unknown key"))
	families := gather(t, m)
	want(t, families, 0, "config_last_reload_successful")
	want(t, families, float64(noon.Unix()), "config_last_reload_success_timestamp_seconds")
	m.ReloadDone(noon.Add(2*time.Hour), nil)
	families = gather(t, m)
	want(t, families, 1, "config_last_reload_successful")
	want(t, families, float64(noon.Add(2*time.Hour).Unix()), "config_last_reload_success_timestamp_seconds")
}

func TestStatusCodes(t *testing.T) {
	m := New(Options{})
	for _, code := range []int{0, 200, 999, -1, 1000, 599} {
		m.ObserveCall(credential.StageStatus, code, -time.Second)
	}
	families := gather(t, m)
	want(t, families, 1, "api_requests_total", "operation", "migration_status", "code", "none")
	want(t, families, 1, "api_requests_total", "operation", "migration_status", "code", "200")
	want(t, families, 4, "api_requests_total", "operation", "migration_status", "code", "other")
}

// Every scrape sees one snapshot, whole, while they are swapped as fast as they can be.
func TestNoTornStateUnderConcurrentPublish(t *testing.T) {
	const size = 50
	shapes := []*Snapshot{uniform(size, credential.AuthJWT), uniform(2*size, credential.AuthOAuth)}
	m := published(Options{Organizations: []string{"acme"}}, shapes[0])
	stop := make(chan struct{})
	var swapping, scraping sync.WaitGroup
	swapping.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			m.Publish(shapes[i%2])
			m.Configure(Options{Organizations: []string{"acme"}, OwnerLabel: i%3 == 0, SeriesLimit: all})
			m.ScanStarted("acme", noon)
			m.ObserveCall(credential.StageToken, 200, time.Millisecond)
			m.ScanFinished(credential.Scan{Organization: "acme"})
		}
	})
	for range 2 {
		scraping.Go(func() {
			for range 40 {
				wantWhole(t, m, size)
			}
		})
	}
	scraping.Wait()
	close(stop)
	swapping.Wait()
}

func wantWhole(t *testing.T, m *Metrics, size int) {
	t.Helper()
	families, err := m.Registry().Gather()
	if err != nil {
		t.Errorf("gather: %v", err)
		return
	}
	var open, series, counted float64
	for _, f := range families {
		for _, metric := range f.GetMetric() {
			switch f.GetName() {
			case "jwtsunset_credential_open":
				series++
				open += metric.GetGauge().GetValue()
			case "jwtsunset_credentials":
				counted += metric.GetGauge().GetValue()
			}
		}
	}
	affected := open == float64(size) && series == float64(size)
	migrated := open == 0 && series == float64(2*size)
	if counted != series || !affected && !migrated {
		t.Errorf("torn state: %v credentials counted, %v with series, %v open", counted, series, open)
	}
}

// uniform is a snapshot of n credentials of one auth method.
func uniform(n int, method credential.AuthMethod) *Snapshot {
	last := &credential.Scan{Organization: "acme", Complete: true, Started: noon, Finished: noon.Add(time.Second)}
	for i := range 10 {
		last.Sandboxes = append(last.Sandboxes, credential.SandboxScan{
			Name: fmt.Sprintf("sandbox-%d", i), Complete: true, LastRead: noon,
		})
	}
	cs := make([]credential.Credential, n)
	for i := range cs {
		cs[i] = credential.Credential{
			Organization: "acme", ID: id(i), Kind: credential.QueryService, Name: fmt.Sprintf("Dashboard %d", i),
			AuthMethod: method, Presence: credential.Present, Sandboxes: []string{fmt.Sprintf("sandbox-%d", i%10)},
		}
	}
	return &Snapshot{
		Deadlines: credential.DefaultDeadlines(),
		Organizations: []Organization{{
			Name: "acme", LastStart: noon, LastCompletion: noon, LastSuccess: noon, Interval: time.Hour, Last: last,
			Credentials: cs,
		}},
	}
}
