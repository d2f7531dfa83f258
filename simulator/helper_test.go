package simulator

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// now is the moment at which every test's clock stands, unless the test turns it.
var now = time.Date(2025, 6, 16, 12, 0, 0, 0, time.UTC)

const allScopes = "openid,AdobeID,read_organizations,additional_info.projectedProductContext,read_client_secret"

func newSimulator(t testing.TB, o Options) *Simulator {
	t.Helper()
	if o.Clock == nil {
		o.Clock = func() time.Time { return now }
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// caller sends requests straight to a Simulator, with the headers that a good client sends.
type caller struct {
	t      testing.TB
	s      *Simulator
	header http.Header
}

func newCaller(t testing.TB, s *Simulator) *caller {
	t.Helper()
	c := &caller{t: t, s: s, header: http.Header{}}
	got := c.form("/ims/token/v3", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {ClientID}, "client_secret": {ClientSecret}, "scope": {allScopes},
	})
	if got.status != http.StatusOK {
		t.Fatalf("token: %d %s", got.status, got.body)
	}
	c.header.Set("Authorization", "Bearer "+got.text("access_token"))
	c.header.Set("x-api-key", ClientID)
	c.header.Set("x-gw-ims-org-id", IMSOrganization)
	c.header.Set("x-sandbox-name", "prod")
	return c
}

type response struct {
	t      testing.TB
	status int
	header http.Header
	body   string
}

func (r response) object() map[string]any {
	r.t.Helper()
	var object map[string]any
	if err := json.Unmarshal([]byte(r.body), &object); err != nil {
		r.t.Fatalf("answer %d %q: %v", r.status, r.body, err)
	}
	return object
}

func (r response) list() []map[string]any {
	r.t.Helper()
	var list []map[string]any
	if err := json.Unmarshal([]byte(r.body), &list); err != nil {
		r.t.Fatalf("answer %d %q: %v", r.status, r.body, err)
	}
	return list
}

func (r response) text(field string) string {
	r.t.Helper()
	text, _ := r.object()[field].(string)
	return text
}

func (c *caller) send(method, target string, header http.Header, body io.Reader) response {
	c.t.Helper()
	r := httptest.NewRequest(method, "http://adobe.example"+target, body)
	r.Header = header.Clone()
	w := httptest.NewRecorder()
	c.s.ServeHTTP(w, r)
	return response{c.t, w.Code, w.Header(), w.Body.String()}
}

func (c *caller) get(target string) response {
	c.t.Helper()
	return c.send(http.MethodGet, target, c.header, nil)
}

func (c *caller) call(method, target string) response {
	c.t.Helper()
	return c.send(method, target, c.header, nil)
}

func (c *caller) form(target string, values url.Values) response {
	c.t.Helper()
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	return c.send(http.MethodPost, target, header, strings.NewReader(values.Encode()))
}

func (c *caller) in(sandbox string) *caller {
	other := *c
	other.header = c.header.Clone()
	other.header.Set("x-sandbox-name", sandbox)
	return &other
}
