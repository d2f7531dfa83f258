package adobe

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"jwtsunset/credential"
)

const sandboxSample = `{"sandboxes":[
  {"name":"prod","title":"Production","state":"active","type":"production","region":"VA7","isDefault":true,
   "eTag":2,"createdDate":"2023-04-11 09:12:45","lastModifiedDate":"2023-04-11 09:13:20","createdBy":"x@AdobeID"},
  {"name":"dev-01","title":"Dev 01","state":"deleting","type":"development","region":"VA7","isDefault":false,"etag":1}],
 "_page":{"limit":50,"count":1},
 "_links":{"page":{"href":"https://platform.adobe.io:443/x?limit={limit}&offset={offset}","templated":true}}}`

func TestSandboxes(t *testing.T) {
	c := offline(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != allSandboxes.path || r.URL.RawQuery != "limit=50&offset=0" || r.Header.Get("X-Sandbox-Name") != "" {
			t.Errorf("asked %s with %v", r.URL, r.Header)
		}
		reply(w, 200, sandboxSample)
	})
	got, err := c.Sandboxes(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := credential.SandboxList{Sandboxes: []credential.Sandbox{
		{Name: "prod", Title: "Production", State: "active", Type: "production", Region: "VA7", Default: true},
		{Name: "dev-01", Title: "Dev 01", State: "deleting", Type: "development", Region: "VA7"},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// organizationOf answers as an organization with n sandboxes does, each page overlapping the one before.
func organizationOf(t *testing.T, n int, admin bool, asked *[]string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		*asked = append(*asked, strings.TrimPrefix(r.URL.RequestURI(), "/data/foundation/sandbox-management"))
		if r.URL.Path == allSandboxes.path && !admin {
			reply(w, 403, `{"status":403,"title":"Forbidden","type":"http://ns.adobe.com/aep/errors/SMS-1000-403"}`)
			return
		}
		query := r.URL.Query()
		if query.Has("limit") != query.Has("offset") {
			t.Errorf("limit and offset are not sent together: %s", r.URL)
		}
		offset, _ := strconv.Atoi(query.Get("offset"))
		var list []string
		for i := offset; i < min(offset+50, n); i++ {
			list = append(list, fmt.Sprintf(`{"name":"s%d","state":"active"}`, i))
		}
		reply(w, 200, `{"sandboxes":[`+strings.Join(list, ",")+`]}`)
	}
}

func TestSandboxPages(t *testing.T) {
	tests := map[string]struct {
		n     int
		admin bool
		want  []string
	}{
		"none":       {0, true, []string{"/sandboxes?limit=50&offset=0"}},
		"short page": {49, true, []string{"/sandboxes?limit=50&offset=0"}},
		"full page":  {50, true, []string{"/sandboxes?limit=50&offset=0", "/sandboxes?limit=50&offset=50"}},
		"three pages": {
			120, true,
			[]string{"/sandboxes?limit=50&offset=0", "/sandboxes?limit=50&offset=50", "/sandboxes?limit=50&offset=100"},
		},
		"visible":       {3, false, []string{"/sandboxes?limit=50&offset=0", "/"}},
		"visible, full": {70, false, []string{"/sandboxes?limit=50&offset=0", "/", "/?limit=50&offset=50"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var asked []string
			list, err := offline(t, organizationOf(t, test.n, test.admin, &asked)).Sandboxes(context.Background(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if len(list.Sandboxes) != test.n || list.VisibleOnly == test.admin {
				t.Errorf("%d sandboxes, visible only: %v", len(list.Sandboxes), list.VisibleOnly)
			}
			if diff := cmp.Diff(test.want, asked); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestSandboxPagesOfAnotherSize reads from services that make pages smaller than asked for and say so, or none at all.
func TestSandboxPagesOfAnotherSize(t *testing.T) {
	for _, size := range []int{1, 7, 20, 1000} {
		c := offline(t, func(w http.ResponseWriter, r *http.Request) {
			offset, err := strconv.Atoi(r.URL.Query().Get("offset"))
			if err != nil {
				t.Error(err)
			}
			if size == 1000 {
				offset = 0
			}
			var list []string
			for i := offset; i < min(offset+size, 120); i++ {
				list = append(list, fmt.Sprintf(`{"name":"s%d","state":"active"}`, i))
			}
			reply(w, 200, fmt.Sprintf(`{"sandboxes":[%s],"_page":{"limit":%d,"count":1}}`, strings.Join(list, ","), size))
		})
		list, err := c.Sandboxes(context.Background(), nil)
		if err != nil || len(list.Sandboxes) != 120 {
			t.Errorf("pages of %d: %d sandboxes, %v", size, len(list.Sandboxes), err)
		}
	}
}

func TestSandboxesWithoutAdministration(t *testing.T) {
	var asked []string
	c := offline(t, organizationOf(t, 2, false, &asked), func(o *Options) { o.SkipSandboxAdmin = true })
	list, err := c.Sandboxes(context.Background(), nil)
	if err != nil || len(list.Sandboxes) != 2 || list.VisibleOnly || len(asked) != 1 || asked[0] != "/" {
		t.Errorf("%+v, error %v, asked %q", list, err, asked)
	}
}

func TestSandboxesGoWrong(t *testing.T) {
	full := make([]string, 50)
	for i := range full {
		full[i] = fmt.Sprintf(`{"name":"s%d","state":"active"}`, i)
	}
	samePage := `{"sandboxes":[` + strings.Join(full, ",") + `]}`
	tests := map[string]struct {
		status int
		body   string
		want   credential.Reason
		asked  int
	}{
		"same page for ever": {200, samePage, credential.ReasonCursor, 2},
		"admin verification": {
			403, `{"message":"AEP admin verification failed"}`, credential.ReasonAdminVerification, 1,
		},
		"forbidden everywhere": {
			403, `{"error_code":"403003","message":"Api Key is invalid"}`, credential.ReasonForbidden, 2,
		},
		"null list": {200, `{"sandboxes":null}`, credential.ReasonMalformed, 3},
		"no list":   {200, `{"_page":{"count":0}}`, credential.ReasonMalformed, 3},
		"no name":   {200, `{"sandboxes":[{"state":"active"}]}`, credential.ReasonMalformed, 3},
		"no state":  {200, `{"sandboxes":[{"name":"prod"}]}`, credential.ReasonMalformed, 3},
		"state twice": {
			200, `{"sandboxes":[{"name":"prod","state":"active","State":"deleted"}]}`,
			credential.ReasonMalformed, 3,
		},
		"error beside an empty list": {200, `{"sandboxes":[],"error_code":"1"}`, credential.ReasonMalformed, 3},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			asked := 0
			c := offline(t, func(w http.ResponseWriter, _ *http.Request) {
				asked++
				reply(w, test.status, test.body)
			})
			list, err := c.Sandboxes(context.Background(), nil)
			failed(t, err, test.want)
			if asked != test.asked || len(list.Sandboxes) != 0 {
				t.Errorf("asked %d times, want %d; got %d sandboxes", asked, test.asked, len(list.Sandboxes))
			}
		})
	}
}

// Pages that always hold something new must end too.
func TestSandboxPageCap(t *testing.T) {
	asked := 0
	c := offline(t, func(w http.ResponseWriter, _ *http.Request) {
		list := make([]string, 50)
		for i := range list {
			list[i] = fmt.Sprintf(`{"name":"s%d-%d","state":"active"}`, asked, i)
		}
		asked++
		reply(w, 200, `{"sandboxes":[`+strings.Join(list, ",")+`]}`)
	})
	_, err := c.Sandboxes(context.Background(), nil)
	failed(t, err, credential.ReasonCursor)
	if asked != maxSandboxPages {
		t.Errorf("asked %d times", asked)
	}
}
