package adobe

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jwtsunset/credential"
)

// consoleCall is one answer of the Console and what must come of it.
type consoleCall[T any] struct {
	uri, body string
	header    http.Header
	ask       func(*Client) (T, error)
	want      T
}

func (call consoleCall[T]) check(t *testing.T) {
	t.Helper()
	c := offline(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RequestURI() != call.uri {
			t.Errorf("asked %s, want %s", r.URL.RequestURI(), call.uri)
		}
		for name := range call.header {
			w.Header().Set(name, call.header.Get(name))
		}
		reply(w, 200, call.body)
	})
	got, err := call.ask(c)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(call.want, got); diff != "" {
		t.Error(diff)
	}
}

func TestOrganizationID(t *testing.T) {
	for _, id := range []string{`"234567"`, `234567`} {
		consoleCall[string]{
			uri: "/console/organizations",
			body: `[{"id":1,"code":"OTHER@AdobeOrg"},{"id":` + id + `,"code":"` + strings.ToLower(testOrg) + `","name":"Example",
			       "description":null,"type":"entp","roles":[{"named_role":"org_admin"}]}]`,
			ask:  func(c *Client) (string, error) { return c.OrganizationID(context.Background()) },
			want: "234567",
		}.check(t)
	}
	c := offline(t, func(w http.ResponseWriter, _ *http.Request) { reply(w, 200, `[{"id":"1","code":"OTHER@AdobeOrg"}]`) })
	_, err := c.OrganizationID(context.Background())
	if e := failed(t, err, credential.ReasonNotVisible); !strings.Contains(e.Hint(), "Developer") {
		t.Errorf("hint is %q", e.Hint())
	}
}

func TestProjectPage(t *testing.T) {
	consoleCall[credential.ProjectPage]{
		uri: "/console/organizations/234567/projects?page=1&size=100&sortField=date_created&sortOrder=ASC",
		body: `[{"id":4566206088344523456,"name":"123AquaTiger","description":"","type":"default","enabled":1,"deleted":0,
		       "title":"QS BI","org_id":"234567","appId":null,"date_created":"2022-05-10T08:00:00.000Z","metadata":{}}]`,
		header: http.Header{"X-Pagination-Count": {"250"}},
		ask: func(c *Client) (credential.ProjectPage, error) {
			return c.ProjectPage(context.Background(), "234567", 1)
		},
		want: credential.ProjectPage{
			Projects: []credential.Project{
				{ID: "4566206088344523456", Name: "123AquaTiger", Title: "QS BI", Type: "default"},
			},
			Total: 250, More: true,
		},
	}.check(t)
}

func TestProjectPaging(t *testing.T) {
	tests := map[string]struct {
		n, page  int
		count    string
		total    int
		more     bool
		mismatch bool
	}{
		"announced, more":       {100, 1, "101", 101, true, false},
		"announced, last":       {1, 2, "101", 101, false, false},
		"announced, exactly":    {100, 1, "100", 100, false, false},
		"announced, none":       {0, 1, "0", 0, false, false},
		"not announced, full":   {100, 1, "", -1, true, false},
		"not announced, short":  {99, 1, "", -1, false, false},
		"garbage":               {100, 1, "many", -1, true, false},
		"less than read, full":  {100, 2, "5", -1, true, false},
		"less than read, short": {7, 2, "5", -1, false, false},
		"negative":              {100, 1, "-1", -1, true, false},
		"short, but more":       {60, 1, "101", 101, true, false},
		"empty, but more":       {0, 2, "250", 250, true, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := projectPage(make([]credential.Project, test.n), test.page, test.count)
			if got.Total != test.total || got.More != test.more || (err != nil) != test.mismatch {
				t.Errorf("got total %d, more %v, error %v", got.Total, got.More, err)
			}
		})
	}
}

func TestWorkspaces(t *testing.T) {
	consoleCall[[]credential.Workspace]{
		uri: "/console/organizations/234567/projects/4566206088344523456/workspaces",
		body: `[{"id":"4566206088344534567","name":"Production","title":null,"enabled":1,"runtime_enabled":false},
		        {"id":2,"name":"Stage"}]`,
		ask: func(c *Client) ([]credential.Workspace, error) {
			return c.Workspaces(context.Background(), "234567", "4566206088344523456")
		},
		want: []credential.Workspace{{ID: "4566206088344534567", Name: "Production"}, {ID: "2", Name: "Stage"}},
	}.check(t)
}

func TestWorkspaceCredentials(t *testing.T) {
	consoleCall[[]credential.WorkspaceCredential]{
		uri: "/console/organizations/1/projects/2/workspaces/3/credentials",
		body: `[{"id_workspace":"3","id_integration":"345678","flow_type":"entp","credential_type":"service"},
		        {"id_integration":345679,"flow_type":"entp","integration_type":"oauth_server_to_server_migrate"},
		        {"id_integration":"5","integration_type":"service","credential_type":""},
		        {"integration_type":"service","id_integration":"6","credential_type":"oauth_server_to_server"}]`,
		ask: func(c *Client) ([]credential.WorkspaceCredential, error) {
			return c.WorkspaceCredentials(context.Background(), "1", "2", "3")
		},
		want: []credential.WorkspaceCredential{
			{IntegrationID: "345678", FlowType: "entp", Type: credential.TypeService},
			{IntegrationID: "345679", FlowType: "entp", Type: credential.TypeMigrating},
			{IntegrationID: "5", Type: credential.TypeService},
			{IntegrationID: "6", Type: credential.TypeServerServer},
		},
	}.check(t)
}

func TestIntegrationPage(t *testing.T) {
	consoleCall[credential.IntegrationPage]{
		uri: "/console/organizations/1/integrations?page=0&size=50",
		body: `{"page":0,"pages":2,"size":50,"total":51,"content":[
		  {"apikey":"0f1e","createdDate":"2022-05-10T08:00:00.000Z","description":"","id":345678,
		   "lastModified":"2023-05-10T08:00:00.000Z","name":"QS BI","orgId":1,"production":false,
		   "sdkList":["X"],"status":"ENABLED","type":"entp"}]}`,
		ask: func(c *Client) (credential.IntegrationPage, error) {
			return c.IntegrationPage(context.Background(), "1", 0)
		},
		want: credential.IntegrationPage{
			Integrations: []credential.Integration{{
				ID: "345678", Name: "QS BI", ClientID: "0f1e", Status: "ENABLED", Type: "entp",
				Created: time.Date(2022, 5, 10, 8, 0, 0, 0, time.UTC), LastModified: time.Date(2023, 5, 10, 8, 0, 0, 0, time.UTC),
			}},
			Total: 51, More: true,
		},
	}.check(t)
	consoleCall[credential.IntegrationPage]{
		uri:  "/console/organizations/1/integrations?page=1&size=50",
		body: `{"page":1,"pages":2,"total":51,"content":[]}`,
		ask: func(c *Client) (credential.IntegrationPage, error) {
			return c.IntegrationPage(context.Background(), "1", 1)
		},
		want: credential.IntegrationPage{Total: 51},
	}.check(t)
}

func TestIntegration(t *testing.T) {
	want := credential.Integration{
		ID: "345678", Name: "QS BI", ClientID: "0f1e", Status: "ENABLED", Type: "entp", ReadOnly: true,
		TechnicalAccountID: "5F1C2D3E65D47A1B0A495F8C@techacct.adobe.com", TechnicalAccountEmail: "u@techacct.adobe.com",
		Created: time.UnixMilli(1682448485000).UTC(), LastModified: time.UnixMilli(1682448486000).UTC(),
	}
	for name, body := range map[string]string{
		"specification": `{"apikey":"0f1e","technicalAccountId":"5F1C2D3E65D47A1B0A495F8C@techacct.adobe.com",
			"createdDate":"2023-04-25T18:48:05.000Z","lastModifiedDate":"2023-04-25T18:48:06.000Z",
			"readOnly":true,"id":"345678",`,
		"fixture": `{"apiKey":"0f1e","technicalAcctId":"5F1C2D3E65D47A1B0A495F8C@techacct.adobe.com",
			"createdDate":1682448485000,"lastModifiedDate":"1682448486000","readOnly":1,"id":345678,`,
		"both": `{"apiKey":"0f1e","apikey":"","technicalAcctId":"",
			"technicalAccountId":"5F1C2D3E65D47A1B0A495F8C@techacct.adobe.com",
			"createdDate":1682448485000,"lastModifiedDate":1682448486000,"readOnly":true,"id":"345678",`,
	} {
		t.Run(name, func(t *testing.T) {
			consoleCall[credential.Integration]{
				uri: "/console/organizations/1/integrations/345678",
				body: body + `"technicalAccountEmail":"u@techacct.adobe.com","name":"QS BI","description":null,"status":"ENABLED",
					"type":"entp","serviceProperties":[{"sdkCode":"X","roles":[]}],"redirectUriList":null}`,
				ask: func(c *Client) (credential.Integration, error) {
					return c.Integration(context.Background(), "1", "345678")
				},
				want: want,
			}.check(t)
		})
	}
}

func TestCertificates(t *testing.T) {
	consoleCall[[]credential.Certificate]{
		uri: "/console/organizations/1/integrations/entp/345678/bindings",
		body: `[{"bindingId":"b1","orgId":"1","certificateFingerprint":"ab:cd","notAfter":1751241599000},
		        {"bindingId":2,"certificateFingerprint":null,"notAfter":"1751241599000"},{"bindingId":"b3","notAfter":null}]`,
		ask: func(c *Client) ([]credential.Certificate, error) {
			return c.Certificates(context.Background(), "1", "345678")
		},
		want: []credential.Certificate{
			{ID: "b1", Fingerprint: "ab:cd", NotAfter: time.UnixMilli(1751241599000).UTC()},
			{ID: "2", NotAfter: time.UnixMilli(1751241599000).UTC()},
			{ID: "b3"},
		},
	}.check(t)
}

func TestMigrationStatus(t *testing.T) {
	for _, word := range []credential.MigrationStatus{"NOT_STARTED", "STARTED", "COMPLETED", "NONE"} {
		consoleCall[credential.MigrationStatus]{
			uri:  "/console/organizations/1/credentials/oauth-server-to-server/345678/status",
			body: fmt.Sprintf(`{"migrationStatus":%q}`, word),
			ask: func(c *Client) (credential.MigrationStatus, error) {
				return c.MigrationStatus(context.Background(), "1", "345678")
			},
			want: word,
		}.check(t)
	}
}

func TestConsoleRefuses(t *testing.T) {
	ctx := context.Background()
	calls := map[string]func(*Client) error{
		"organizations": func(c *Client) error { _, err := c.OrganizationID(ctx); return err },
		"projects":      func(c *Client) error { _, err := c.ProjectPage(ctx, "1", 1); return err },
		"workspaces":    func(c *Client) error { _, err := c.Workspaces(ctx, "1", "2"); return err },
		"credentials":   func(c *Client) error { _, err := c.WorkspaceCredentials(ctx, "1", "2", "3"); return err },
		"integrations":  func(c *Client) error { _, err := c.IntegrationPage(ctx, "1", 0); return err },
		"integration":   func(c *Client) error { _, err := c.Integration(ctx, "1", "7"); return err },
		"certificates":  func(c *Client) error { _, err := c.Certificates(ctx, "1", "7"); return err },
		"status":        func(c *Client) error { _, err := c.MigrationStatus(ctx, "1", "7"); return err },
	}
	everywhere := []string{
		``, `null`, `7`, `"x"`, `{}`, `[{}]`, `[null]`, `[[]]`,
		`{"messages":[{"message":"Unknown Error"}]}`, `{"error_code":"1"}`,
		`[`, `[{"id":"1","id":"2"}]`, `{"content":null}`, `{"content":{}}`, `<html>`, `[] []`,
	}
	own := map[string][]string{
		"organizations": {`[{"id":"1","code":"A","CODE":"B"}]`, `[{"code":"A"}]`},
		"projects":      {`[{"id":"1","ID":"2"}]`, `[{"id":-1}]`, `[{"id":1e19}]`, `[{"id":{}}]`},
		"credentials": {
			`[{"id_integration":"1"}]`, `[{"credential_type":"service"}]`,
			`[{"id_integration":"1","credential_type":"service","Credential_Type":"x"}]`,
		},
		"integrations": {
			`{"content":[{"name":"x"}]}`, `{"content":[],"content":[{"id":1}]}`, `{"pages":1,"total":0}`,
			`{"content":[],"pages":"x"}`, `{"content":[],"error":"x"}`,
		},
		"integration": {
			`{"id":"7","error":"x"}`, `{"name":"x"}`, `{"id":"7","apiKey":"a","apiKey":"b"}`,
			`{"id":"7","APIKEY":"b"}`,
		},
		"certificates": {`[{"notAfter":1}]`, `[{"bindingId":"b","notafter":1}]`},
		"status": {`{"migrationStatus":"Migrated"}`, `{"migrationStatus":"completed"}`, `{"migrationStatus":null}`,
			`{"migrationStatus":""}`, `{"migrationStatus":"NOT_STARTED","MIGRATIONSTATUS":"COMPLETED"}`,
			`{"migrationStatus":"NOT_STARTED","migrationStatus":"COMPLETED"}`},
	}
	for name, call := range calls {
		for _, body := range append(own[name], everywhere...) {
			t.Run(name+" "+body, func(t *testing.T) {
				c := offline(t, func(w http.ResponseWriter, _ *http.Request) { reply(w, 200, body) })
				failed(t, call(c), credential.ReasonMalformed)
			})
		}
	}
}

func TestConsoleContradictions(t *testing.T) {
	c := offline(t, func(w http.ResponseWriter, _ *http.Request) { reply(w, 200, `{"id":"8"}`) })
	_, err := c.Integration(context.Background(), "1", "7")
	failed(t, err, credential.ReasonMismatch)
	c = offline(t, func(w http.ResponseWriter, _ *http.Request) { reply(w, 200, `{"content":[],"pages":3,"total":101}`) })
	_, err = c.IntegrationPage(context.Background(), "1", 1)
	failed(t, err, credential.ReasonMismatch)
}

func TestConsoleNotConfigured(t *testing.T) {
	c := offline(t, nil, func(o *Options) { o.ConsoleURL = "" })
	_, err := c.OrganizationID(context.Background())
	failed(t, err, credential.ReasonInternal)
}
