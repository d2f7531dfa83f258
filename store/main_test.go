package store

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"jwtsunset/credential"
)

// childVariable makes the test binary play one of the parts that need a process of their own, instead of testing.
const childVariable = "STORE_TEST_CHILD"

func TestMain(m *testing.M) {
	if part := os.Getenv(childVariable); part != "" {
		if err := children[part](os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

var start = time.Date(2025, time.June, 16, 9, 0, 0, 123_456_000, time.UTC)

func quiet(o Options) Options {
	o.Logger = slog.New(slog.DiscardHandler)
	o.Clock = func() time.Time { return start }
	if o.Audit == nil {
		o.Audit = &Audit{Program: "test", Config: "digest"}
	}
	return o
}

// newFile opens a new SQLite store and gives its file.
func newFile(tb testing.TB) (*Store, string) {
	tb.Helper()
	file := filepath.Join(tb.TempDir(), "test.db")
	return reopen(tb, file, Options{Create: true}), file
}

// reopen opens a SQLite file that must open, and closes it at the end of the test if the test does not.
func reopen(tb testing.TB, file string, o Options) *Store {
	tb.Helper()
	s, err := Open(context.Background(), "sqlite:"+file, quiet(o))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// sample is a whole credential; n makes it differ from others.
func sample(organization string, n int) credential.Credential {
	return credential.Credential{
		Organization: organization,
		ID:           fmt.Sprintf("%024X", n),
		Kind:         credential.QueryService,
		Name:         fmt.Sprintf("looker-%d", n),
		Description:  fmt.Sprintf("dashboards of team %d", n%50),
		Owner: credential.Owner{
			AssignedTo: fmt.Sprintf("user%d@example.com", n%500),
			CreatedBy:  fmt.Sprintf("%024X@AdobeID", n%500),
			UpdatedBy:  fmt.Sprintf("%024X@AdobeID", n%200),
		},
		Sandboxes: []string{fmt.Sprintf("dev-%03d", n%200), "prod"},
		Console: credential.Console{
			IntegrationID: fmt.Sprint(100_000 + n), ProjectID: fmt.Sprint(4000 + n%1000),
			ProjectName: fmt.Sprintf("project %d", n%1000), WorkspaceID: fmt.Sprint(7000 + n%1000),
			WorkspaceName: "Production", ClientID: fmt.Sprintf("%032x", n), Type: credential.TypeService,
			Status: credential.MigrationNotStarted, ReadOnly: n%7 == 0,
			TechnicalAccountEmail: fmt.Sprintf("%d@techacct.adobe.com", n),
			CertificateNotAfter:   start.AddDate(0, 0, n%400),
		},
		AuthMethod: credential.AuthJWT, Eligible: credential.EligibleYes, Active: n%3 != 0,
		Created: start.AddDate(-2, 0, -n%300), LastUpdated: start.AddDate(-1, 0, -n%300),
		FirstSeen: start, Missed: n % 2, Presence: credential.Present,
	}
}

func samples(organization string, n int) []credential.Credential {
	list := make([]credential.Credential, n)
	for i := range list {
		list[i] = sample(organization, i)
	}
	return list
}

// record runs one scan of an organization that starts at the given time.
func record(tb testing.TB, s *Store, organization string, at time.Time, merge Merge) int64 {
	tb.Helper()
	ctx := context.Background()
	id, err := s.StartScan(ctx, credential.Scan{Organization: organization, IMSOrg: "ORG@AdobeOrg", Started: at})
	if err != nil {
		tb.Fatal(err)
	}
	if err := s.Record(ctx, id, organization, merge); err != nil {
		tb.Fatal(err)
	}
	return id
}

// writing is a merge that writes down the given credentials and changes.
func writing(at time.Time, changed []credential.Credential, changes ...credential.Change) Merge {
	return func([]credential.Credential, credential.Scan) (credential.Recording, error) {
		return credential.Recording{
			Scan: credential.Scan{Finished: at, Complete: true}, Changed: changed, Changes: changes,
		}, nil
	}
}
