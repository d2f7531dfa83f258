package scanner

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"jwtsunset/credential"
)

var day0 = time.Date(2025, 6, 16, 12, 0, 0, 0, time.UTC)

// readError is an error as a client of Adobe's returns it.
type readError struct{ reason credential.Reason }

func (e readError) Error() string             { return "read failed: " + string(e.reason) }
func (e readError) Reason() credential.Reason { return e.reason }

// fakePlatform serves sandboxes of accounts with the cursor that Adobe documents.
type fakePlatform struct {
	mu        sync.Mutex
	list      credential.SandboxList
	listErr   error
	listCut   int // sandboxes that are not handed on before listErr
	accounts  map[string][]credential.Account
	pageSize  int
	inclusive bool
	// alwaysNext keeps naming a next page on the last one.
	alwaysNext bool
	// ignoreOrder answers newest first whatever is asked.
	ignoreOrder bool
	// tiesReversed turns accounts of one time around with the order.
	tiesReversed bool
	fail         map[string]error // "sandbox/page" counted from 1, or "sandbox/*"
	asked        map[string]int
	hook         func(sandbox string)
}

func (f *fakePlatform) Usage() credential.Usage {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, k := range f.asked {
		n += k
	}
	return credential.Usage{Calls: n}
}

func (f *fakePlatform) Sandboxes(
	_ context.Context, found func([]credential.Sandbox),
) (credential.SandboxList, error) {
	for _, s := range f.list.Sandboxes[:len(f.list.Sandboxes)-f.listCut] {
		found([]credential.Sandbox{s})
	}
	if f.listErr != nil {
		return credential.SandboxList{}, f.listErr
	}
	return f.list, nil
}

func (f *fakePlatform) AccountPage(
	ctx context.Context, sandbox string, at credential.Cursor,
) (credential.AccountPage, error) {
	if err := ctx.Err(); err != nil {
		return credential.AccountPage{}, readError{credential.ReasonScanTimeout}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.asked == nil {
		f.asked = map[string]int{}
	}
	f.asked[sandbox]++
	if f.hook != nil {
		f.hook(sandbox)
	}
	for _, key := range []string{fmt.Sprintf("%s/%d", sandbox, f.asked[sandbox]), sandbox + "/*"} {
		if err := f.fail[key]; err != nil {
			return credential.AccountPage{}, err
		}
	}
	return f.page(f.accounts[sandbox], at), nil
}

func (f *fakePlatform) page(all []credential.Account, at credential.Cursor) credential.AccountPage {
	oldest := at.OrderBy == "+created" && !f.ignoreOrder
	all = slices.Clone(all)
	if oldest && f.tiesReversed {
		slices.Reverse(all)
	}
	slices.SortStableFunc(all, func(a, b credential.Account) int {
		if oldest {
			return a.Created.Compare(b.Created)
		}
		return b.Created.Compare(a.Created)
	})
	var rest []credential.Account
	for _, a := range all {
		if at.Start == "" || f.after(a, at.Start, oldest) {
			rest = append(rest, a)
		}
	}
	page := credential.AccountPage{Accounts: rest[:min(len(rest), f.pageSize)]}
	if len(rest) > len(page.Accounts) || f.alwaysNext && len(page.Accounts) > 0 {
		end := page.Accounts[len(page.Accounts)-1].Created.Format(time.RFC3339Nano)
		page.Next = &credential.Cursor{OrderBy: at.OrderBy, Start: end}
	}
	return page
}

func (f *fakePlatform) after(a credential.Account, start string, oldest bool) bool {
	at, err := time.Parse(time.RFC3339Nano, start)
	if err != nil {
		panic(err)
	}
	order := a.Created.Compare(at)
	if !oldest {
		order = -order
	}
	return order > 0 || f.inclusive && order == 0
}

func sandboxes(names ...string) credential.SandboxList {
	var list credential.SandboxList
	for _, n := range names {
		list.Sandboxes = append(list.Sandboxes, credential.Sandbox{Name: n, Title: n, State: "active"})
	}
	return list
}

// makeAccounts gives n accounts, each a minute older than the one before.
func makeAccounts(prefix string, n int) []credential.Account {
	var as []credential.Account
	for i := range n {
		as = append(as, makeAccount(fmt.Sprintf("%s%0*d", prefix, 24-len(prefix), i), day0.Add(-time.Duration(i)*time.Minute)))
	}
	return as
}

func makeAccount(id string, created time.Time) credential.Account {
	return credential.Account{
		TechnicalAccountID: id, TechnicalAccountName: id + "-UUID@TECHACCT.ADOBE.COM", Name: "name of " + id,
		AssignedTo: "ana@example.com", CreatedBy: "1234567890ABCDEF0A495C01@AdobeID",
		Created: created, LastUpdated: created, Active: true,
	}
}

// memory is a Recorder that keeps everything in memory.
type memory struct {
	scans       []credential.Scan
	credentials map[string]credential.Credential
	changes     []credential.Change
	written     int // rows written by the last Record
	abandoned   []int64
	failRecord  error
}

func (m *memory) Scans(context.Context, string, int) ([]credential.Scan, error) {
	scans := slices.Clone(m.scans)
	slices.Reverse(scans)
	return scans, nil
}

func (m *memory) StartScan(_ context.Context, s credential.Scan) (int64, error) {
	s.ID = int64(len(m.scans) + 1)
	m.scans = append(m.scans, s)
	return s.ID, nil
}

func (m *memory) AbandonScan(_ context.Context, id int64) error {
	m.abandoned = append(m.abandoned, id)
	return nil
}

func (m *memory) Record(
	_ context.Context, id int64, _ string,
	merge func([]credential.Credential, credential.Scan) (credential.Recording, error),
) error {
	if m.failRecord != nil {
		return m.failRecord
	}
	var last credential.Scan
	for _, s := range m.scans {
		if !s.Finished.IsZero() {
			last = s
		}
	}
	r, err := merge(m.all(), last)
	if err != nil {
		return err
	}
	m.scans[id-1] = r.Scan
	m.changes = append(m.changes, r.Changes...)
	if m.credentials == nil {
		m.credentials = map[string]credential.Credential{}
	}
	for _, c := range r.Changed {
		m.credentials[c.ID] = c
	}
	m.written = len(r.Changed)
	return nil
}

func (m *memory) all() []credential.Credential {
	var all []credential.Credential
	for _, c := range m.credentials {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b credential.Credential) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	return all
}

// bench is one organization that a test scans again and again, an hour apart.
type bench struct {
	t        *testing.T
	platform *fakePlatform
	console  *fakeConsole
	store    *memory
	rules    Rules
	order    OrderCheck
	now      time.Time
	limit    int
}

func newBench(t *testing.T) *bench {
	return &bench{t: t, store: &memory{}, now: day0, platform: &fakePlatform{
		list: sandboxes("prod", "dev"), pageSize: 3, fail: map[string]error{},
		accounts: map[string][]credential.Account{"prod": makeAccounts("A", 7), "dev": makeAccounts("B", 2)},
	}}
}

func (b *bench) options() Options {
	o := Options{
		Organization: "acme", IMSOrg: "X@AdobeOrg", Platform: b.platform, Recorder: b.store, Rules: b.rules,
		Concurrency: 4, OrderCheck: b.order, Clock: func() time.Time { return b.now }, PageLimit: b.limit,
	}
	if b.console != nil {
		o.Console = b.console
	}
	return o
}

func (b *bench) scan() credential.Scan {
	b.t.Helper()
	b.now = b.now.Add(time.Hour)
	b.platform.asked = nil
	scan, err := New(b.options()).Scan(b.t.Context())
	if err != nil {
		b.t.Fatalf("scan: %v", err)
	}
	if scan.Complete != (len(scan.Unseen) == 0) {
		b.t.Fatalf("complete is %v with unseen %v", scan.Complete, scan.Unseen)
	}
	if got := credential.Tally(b.store.all()); got != scan.Counts {
		b.t.Fatalf("counts %+v, the store holds %+v", scan.Counts, got)
	}
	return scan
}

func (b *bench) credential(id string) credential.Credential {
	b.t.Helper()
	c, ok := b.store.credentials[id]
	if !ok {
		b.t.Fatalf("no credential %s", id)
	}
	return c
}

// fakeConsole serves one project with one workspace for each entry.
type fakeConsole struct {
	entries []fakeEntry
	hidden  map[string]bool // ids that no workspace shows
	fail    map[credential.Stage]error
	failID  map[string]error
	total   int // added to what is announced
}

type fakeEntry struct {
	id, kind, account string
	status            credential.MigrationStatus
	notAfter          time.Time
	readOnly          bool
}

func (f *fakeConsole) OrganizationID(context.Context) (string, error) {
	return "234567", f.fail[credential.StageOrganizations]
}

func (f *fakeConsole) ProjectPage(_ context.Context, _ string, page int) (credential.ProjectPage, error) {
	p := credential.ProjectPage{Total: len(f.entries) + f.total}
	for _, e := range f.entries[(page-1)*2 : min(page*2, len(f.entries))] {
		p.Projects = append(p.Projects, credential.Project{ID: "p" + e.id, Title: "project " + e.id, CreatedBy: "maker"})
	}
	p.More = page*2 < len(f.entries)
	return p, f.fail[credential.StageProjects]
}

func (f *fakeConsole) Workspaces(_ context.Context, _, project string) ([]credential.Workspace, error) {
	return []credential.Workspace{{ID: "w" + project, Name: "Production"}}, f.fail[credential.StageWorkspaces]
}

func (f *fakeConsole) WorkspaceCredentials(
	_ context.Context, _, project, _ string,
) ([]credential.WorkspaceCredential, error) {
	for _, e := range f.entries {
		if "p"+e.id == project && !f.hidden[e.id] {
			return []credential.WorkspaceCredential{{IntegrationID: e.id, FlowType: "entp", Type: e.kind}},
				f.fail[credential.StageCredentials]
		}
	}
	return nil, f.fail[credential.StageCredentials]
}

func (f *fakeConsole) IntegrationPage(context.Context, string, int) (credential.IntegrationPage, error) {
	p := credential.IntegrationPage{Total: len(f.entries)}
	for _, e := range f.entries {
		kind := "entp"
		if e.account == "" {
			kind = "adobeid"
		}
		p.Integrations = append(p.Integrations, credential.Integration{ID: e.id, Type: kind})
	}
	return p, f.fail[credential.StageIntegrations]
}

func (f *fakeConsole) entry(id string) (fakeEntry, error) {
	for _, e := range f.entries {
		if e.id == id {
			return e, f.failID[id]
		}
	}
	return fakeEntry{}, readError{credential.ReasonNotFound}
}

func (f *fakeConsole) Integration(_ context.Context, _, id string) (credential.Integration, error) {
	e, err := f.entry(id)
	if err != nil {
		return credential.Integration{}, err
	}
	return credential.Integration{
		ID: id, Name: "integration " + id, TechnicalAccountID: e.account, Status: "ENABLED", ReadOnly: e.readOnly,
	}, f.fail[credential.StageIntegration]
}

func (f *fakeConsole) Certificates(_ context.Context, _, id string) ([]credential.Certificate, error) {
	e, err := f.entry(id)
	return []credential.Certificate{{ID: "old", NotAfter: e.notAfter.AddDate(-1, 0, 0)}, {ID: "new", NotAfter: e.notAfter}}, err
}

func (f *fakeConsole) MigrationStatus(_ context.Context, _, id string) (credential.MigrationStatus, error) {
	e, err := f.entry(id)
	if err != nil {
		return "", err
	}
	return e.status, f.fail[credential.StageStatus]
}
