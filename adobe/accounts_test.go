package adobe

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jwtsunset/credential"
)

const accountSample = `{"accounts":[
  {"lastUpdated":"2024-02-21T10:11:12.345Z","accountName":"looker-prod","description":null,
   "assignedToUser":"ana@example.com","credential":"` + canaryCredential + `",
   "technicalAccountName":"0D2C4B6A-1F3E-4D5C-8B7A-9E8F7D6C5B4A@TECHACCT.ADOBE.COM",
   "technicalAccountId":"5F1C2D3E65D47A1B0A495F8C","lastUpdatedBy":"1234567890ABCDEF0A495C01@AdobeID",
   "createdBy":"1234567890ABCDEF0A495C02@AdobeID","created":"2024-02-20T10:11:12.345Z","active":true}],
 "_page":{"count":1,"next":"2024-02-20T10:11:12.345Z","orderby":"-created","property":"active==true","start":"x"},
 "_links":{"next":{"href":"https://adobe.example:443/data/foundation/queryauth/accounts` +
	`?orderby=-created&property=active==true&start=2024-02-20T10:11:12.345Z"},
           "prev":{"href":"https://adobe.example/other?isPrevLink=true"}},
 "version":1}`

func TestAccountPage(t *testing.T) {
	c := offline(t, func(w http.ResponseWriter, r *http.Request) {
		for name, want := range map[string]string{
			"Authorization": "Bearer " + canaryToken, "X-Api-Key": testClient, "X-Gw-Ims-Org-Id": testOrg,
			"X-Sandbox-Name": "dev-01", "Accept": "application/json",
		} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		if len(r.Header.Get("X-Request-Id")) != 36 {
			t.Errorf("request id is %q, want a UUID", r.Header.Get("X-Request-Id"))
		}
		if r.URL.String() != "https://adobe.example/data/foundation/queryauth/accounts" {
			t.Errorf("asked %s", r.URL)
		}
		reply(w, 200, accountSample)
	})
	got, err := c.AccountPage(context.Background(), "dev-01", credential.Cursor{})
	if err != nil {
		t.Fatal(err)
	}
	want := credential.AccountPage{
		Accounts: []credential.Account{{
			TechnicalAccountID:   "5F1C2D3E65D47A1B0A495F8C",
			TechnicalAccountName: "0D2C4B6A-1F3E-4D5C-8B7A-9E8F7D6C5B4A@TECHACCT.ADOBE.COM",
			Name:                 "looker-prod", AssignedTo: "ana@example.com",
			CreatedBy: "1234567890ABCDEF0A495C02@AdobeID", LastUpdatedBy: "1234567890ABCDEF0A495C01@AdobeID",
			Created:     time.Date(2024, 2, 20, 10, 11, 12, 345e6, time.UTC),
			LastUpdated: time.Date(2024, 2, 21, 10, 11, 12, 345e6, time.UTC), Active: true,
		}},
		Next: &credential.Cursor{OrderBy: "-created", Property: "active==true", Start: "2024-02-20T10:11:12.345Z"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if u := c.Usage(); u.Calls != 2 || u.Throttled != 0 {
		t.Errorf("usage is %+v, want the call and its token", u)
	}
}

func TestAccountQuery(t *testing.T) {
	tests := map[string]struct {
		at    credential.Cursor
		limit int
		want  string
	}{
		"first page":          {want: ""},
		"first page, limited": {limit: 100, want: "limit=100"},
		"oldest first":        {at: credential.OldestFirst(), want: "orderby=%2Bcreated"},
		"every parameter": {
			at:   credential.Cursor{OrderBy: "-created", Property: "active==true", Start: "2024-02-20T10:11:12.345Z"},
			want: "orderby=-created&property=active%3D%3Dtrue&start=2024-02-20T10%3A11%3A12.345Z",
		},
		"hostile parameter": {
			at:   credential.Cursor{Start: "a&orderby=x#?/\u00e9 "},
			want: "start=a%26orderby%3Dx%23%3F%2F%C3%A9+",
		},
		"offset of a time zone": {
			at:   credential.Cursor{Start: "2024-02-20T10:11:12+00:00"},
			want: "start=2024-02-20T10%3A11%3A12%2B00%3A00",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var asked string
			c := offline(t, func(w http.ResponseWriter, r *http.Request) {
				asked = r.URL.RawQuery
				reply(w, 200, `{"accounts":[]}`)
			}, func(o *Options) { o.AccountsLimit = test.limit })
			if _, err := c.AccountPage(context.Background(), "prod", test.at); err != nil {
				t.Fatal(err)
			}
			if asked != test.want {
				t.Errorf("asked %q, want %q", asked, test.want)
			}
		})
	}
}

const goodAccount = `{"technicalAccountId":"5F1C2D3E65D47A1B0A495F8C","accountName":"a","active":true}`

// Each answer must be refused as a whole. Ordinary decoders read most of them as an empty or a different list.
func TestAccountPageRefuses(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 200) + "1" + strings.Repeat("}", 200)
	tests := map[string]string{
		"null list":                   `{"accounts":null}`,
		"missing list":                `{"_page":{}}`,
		"empty object":                `{}`,
		"null":                        `null`,
		"list in place of object":     `[]`,
		"object in place of list":     `{"accounts":{}}`,
		"text in place of list":       `{"accounts":"none"}`,
		"list in another case":        `{"Accounts":[]}`,
		"list in two cases":           `{"accounts":[],"ACCOUNTS":[` + goodAccount + `]}`,
		"list given twice":            `{"accounts":[` + goodAccount + `],"accounts":[]}`,
		"list twice, once escaped":    `{"accounts":[],"\u0061ccounts":[` + goodAccount + `]}`,
		"error object":                `{"error_code":"403025","message":"Profile is not valid"}`,
		"error beside an empty list":  `{"accounts":[],"error_code":"500000","message":"Internal"}`,
		"problem":                     `{"type":"http://ns.adobe.com/aep/errors/X-1-500","title":"Oops","status":500}`,
		"member given twice":          `{"accounts":[{"technicalAccountId":"A","active":true,"active":false}]}`,
		"member in two cases":         `{"accounts":[{"technicalAccountId":"A","active":true,"ACTIVE":false}]}`,
		"member in Unicode case":      "{\"accounts\":[{\"technicalAccountId\":\"A\",\"la\u017ftUpdatedBy\":\"y\"}]}",
		"no id":                       `{"accounts":[{"accountName":"a"}]}`,
		"null id":                     `{"accounts":[{"technicalAccountId":null}]}`,
		"id with control character":   `{"accounts":[{"technicalAccountId":"A\n"}]}`,
		"id is an object":             `{"accounts":[{"technicalAccountId":{}}]}`,
		"id is a fraction":            `{"accounts":[{"technicalAccountId":1.5}]}`,
		"name is a number":            `{"accounts":[{"technicalAccountId":"A","accountName":7}]}`,
		"flag is a text":              `{"accounts":[{"technicalAccountId":"A","active":"false"}]}`,
		"flag is 2":                   `{"accounts":[{"technicalAccountId":"A","active":2}]}`,
		"null account":                `{"accounts":[null]}`,
		"unknown member given twice":  `{"accounts":[{"technicalAccountId":"A","x":1,"x":2}]}`,
		"invalid UTF-8":               "{\"accounts\":[{\"technicalAccountId\":\"A\",\"accountName\":\"\xff\"}]}",
		"something behind":            `{"accounts":[]}{"accounts":[` + goodAccount + `]}`,
		"garbage behind":              `{"accounts":[]} x`,
		"cut in the list":             `{"accounts":[` + goodAccount,
		"cut in a text":               `{"accounts":[{"technicalAccountId":"5F1C`,
		"empty body":                  ``,
		"deep":                        `{"accounts":[{"technicalAccountId":"A","x":` + deep + `}]}`,
		"page is a text":              `{"accounts":[],"_page":"x"}`,
		"links are a list":            `{"accounts":[],"_links":[]}`,
		"next link is a number":       `{"accounts":[],"_links":{"next":7}}`,
		"next link's href is a list":  `{"accounts":[],"_links":{"next":{"href":[]}}}`,
		"next link's href in capital": `{"accounts":[],"_links":{"next":{"HREF":"x"}}}`,
	}
	for name, body := range tests {
		t.Run(name, func(t *testing.T) {
			tries := 0
			c := offline(t, func(w http.ResponseWriter, _ *http.Request) {
				tries++
				reply(w, 200, body)
			})
			page, err := firstPage(c)
			failed(t, err, credential.ReasonMalformed)
			if page.Accounts != nil || page.Next != nil {
				t.Errorf("page is %+v beside an error", page)
			}
			if tries != malformedTries {
				t.Errorf("asked %d times, want %d", tries, malformedTries)
			}
		})
	}
}

func TestAccountPageAccepts(t *testing.T) {
	tests := map[string]string{
		"empty list":        `{"accounts":[]}`,
		"empty links":       `{"accounts":[],"_page":{"next":null},"_links":{}}`,
		"null links":        `{"accounts":[],"_page":null,"_links":null}`,
		"null next":         `{"accounts":[],"_page":{"next":""},"_links":{"next":null}}`,
		"next without href": `{"accounts":[],"_links":{"next":{}}}`,
		"null error":        `{"accounts":[],"error":null}`,
		"unknown members":   `{"accounts":[],"version":1,"x":{"y":[{"z":1}]},"count":1e400}`,
	}
	for name, body := range tests {
		t.Run(name, func(t *testing.T) {
			c := offline(t, func(w http.ResponseWriter, _ *http.Request) { reply(w, 200, body) })
			page, err := firstPage(c)
			if err != nil || len(page.Accounts) != 0 || page.Next != nil {
				t.Errorf("page is %+v, error %v", page, err)
			}
		})
	}
}

func TestNextCursor(t *testing.T) {
	const self = "https://adobe.example/data/foundation/queryauth/accounts"
	at := credential.Cursor{OrderBy: "+created"}
	tests := map[string]struct {
		links, page string
		want        *credential.Cursor
	}{
		"object": {
			links: `{"next":{"href":"` + self + `?orderby=-created&start=S"}}`,
			want:  &credential.Cursor{OrderBy: "-created", Start: "S"},
		},
		"text": {
			links: `{"next":"` + self + `?start=S"}`,
			want:  &credential.Cursor{OrderBy: "+created", Start: "S"},
		},
		"relative": {
			links: `{"next":"/data/foundation/queryauth/accounts?start=S"}`,
			want:  &credential.Cursor{OrderBy: "+created", Start: "S"},
		},
		"query only": {
			links: `{"next":"?start=S"}`, want: &credential.Cursor{OrderBy: "+created", Start: "S"},
		},
		"host in capitals": {
			links: `{"next":"HTTPS://ADOBE.EXAMPLE:443/data/foundation/queryauth/accounts?start=S"}`,
			want:  &credential.Cursor{OrderBy: "+created", Start: "S"},
		},
		"bare plus": {
			links: `{"next":"?orderby=+created&start=2024-02-20T10:11:12+00:00"}`,
			want:  &credential.Cursor{OrderBy: "+created", Start: "2024-02-20T10:11:12+00:00"},
		},
		"encoded": {
			links: `{"next":"?orderby=%2Bcreated&property=active%3D%3Dtrue&` +
				`start=2024-02-20T10%3A11%3A12%2B00%3A00"}`,
			want: &credential.Cursor{OrderBy: "+created", Property: "active==true", Start: "2024-02-20T10:11:12+00:00"},
		},
		"template": {
			links: `{"next":{"href":"` + self + `?limit={limit}&start={start}","templated":true}}`,
			page:  `{"next":"P"}`, want: &credential.Cursor{OrderBy: "+created", Start: "P"},
		},
		"page alone": {
			page: `{"next":"P","orderby":"-created","property":"active==true"}`,
			want: &credential.Cursor{OrderBy: "-created", Property: "active==true", Start: "P"},
		},
		"page is a number": {page: `{"next":40}`, want: &credential.Cursor{OrderBy: "+created", Start: "40"}},
		"other host, page": {
			links: `{"next":"https://evil.example/?start=E&orderby=E"}`, page: `{"next":"P"}`,
			want: &credential.Cursor{OrderBy: "+created", Start: "P"},
		},
		"other parameters": {
			links: `{"next":"?start=S&isPrevLink=true&sandbox=x&limit=1"}`,
			want:  &credential.Cursor{OrderBy: "+created", Start: "S"},
		},
		"fragment in the way": {
			links: `{"next":"` + self + `?start=S#?start=E"}`,
			want:  &credential.Cursor{OrderBy: "+created", Start: "S"},
		},
		"neither":    {},
		"both empty": {links: `{"next":""}`, page: `{"next":""}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			body := fmt.Sprintf(`{"accounts":[],"_links":%s,"_page":%s}`, orZero(test.links, "{}"), orZero(test.page, "{}"))
			c := offline(t, func(w http.ResponseWriter, _ *http.Request) { reply(w, 200, body) })
			page, err := c.AccountPage(context.Background(), "prod", at)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, page.Next); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNextCursorRefused(t *testing.T) {
	tests := map[string]string{
		"no start":          `{"next":"?orderby=-created"}`,
		"template alone":    `{"next":"?start={start}"}`,
		"other host":        `{"next":"https://evil.example/data/foundation/queryauth/accounts?start=S"}`,
		"start twice":       `{"next":"?start=A&start=B"}`,
		"bad escape":        `{"next":"?start=%zz"}`,
		"control character": `{"next":"?start=%0d%0aX-Evil:1"}`,
		"not UTF-8":         `{"next":"?start=%ff"}`,
	}
	for name, links := range tests {
		t.Run(name, func(t *testing.T) {
			calls := 0
			c := offline(t, func(w http.ResponseWriter, _ *http.Request) {
				calls++
				reply(w, 200, `{"accounts":[`+goodAccount+`],"_links":`+links+`}`)
			})
			_, err := firstPage(c)
			failed(t, err, credential.ReasonCursor)
			if calls != 1 {
				t.Errorf("asked %d times, want once", calls)
			}
		})
	}
}

// hostileLinks are links that lead elsewhere than base, in many spellings.
func hostileLinks(base *url.URL, trap string) []string {
	hosts := []string{
		trap, "169.254.169.254", "[fe80::1]", "127.0.0.1:1", "metadata.google.internal", base.Hostname() + ".evil.example",
		"evil.example#" + base.Host, "evil.example\\@" + base.Host, base.Host + "@" + trap, "user:pass@" + base.Host,
		base.Host + ".", base.Hostname() + ":1", "%65vil.example", "0x7f000001", "2130706433", "[::ffff:169.254.169.254]",
		base.Host + "%00." + trap, base.Host + "%2f@" + trap, base.Host + "\t@" + trap, " " + trap, "①②⑦.⓪.⓪.①",
	}
	schemes := []string{
		"http://", "https://", "ftp://", "file://", "gopher://", "//", "\\\\", "http:\\\\", "javascript:",
		"HTTP://",
	}
	paths := []string{
		accounts.path, "/", "/data/foundation/queryauth/accounts/../../../steal", "/data/foundation/%71ueryauth/accounts",
		accounts.path + "/", accounts.path + "%2f..%2fsteal",
	}
	var links []string
	for _, scheme := range schemes {
		for _, host := range hosts {
			for _, path := range paths {
				links = append(links, scheme+host+path+"?start=EVIL&orderby=EVIL")
			}
		}
	}
	return links
}

func TestHostileNextLinks(t *testing.T) {
	trapped := make(chan string, 1)
	trap, err := url.Parse(serve(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case trapped <- r.Method + " " + r.URL.String():
		default:
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	var (
		link  string
		asked []string
	)
	base := serve(t, withToken(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.RequestURI)
		reply(w, 200, `{"accounts":[`+goodAccount+`],"_links":{"next":{"href":`+quote(link)+`}}}`)
	}))
	o := testOptions(t, base)
	o.Logger = nil
	c := newTestClient(t, o)
	self, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	links := hostileLinks(self, trap.Host)
	if len(links) < 1000 {
		t.Fatalf("only %d links", len(links))
	}
	for _, link = range links {
		page, err := firstPage(c)
		if err == nil || page.Next != nil {
			t.Errorf("%q was taken: %+v", link, page.Next)
			continue
		}
		failed(t, err, credential.ReasonCursor)
	}
	if c.SuspiciousLinks() != len(links) {
		t.Errorf("%d suspicious links counted, want %d", c.SuspiciousLinks(), len(links))
	}
	for _, uri := range asked {
		if uri != accounts.path {
			t.Errorf("asked %s", uri)
		}
	}
	select {
	case request := <-trapped:
		t.Errorf("the trap was reached: %s", request)
	default:
	}
}

func TestSecretMemberIsNotKept(t *testing.T) {
	c := offline(t, func(w http.ResponseWriter, _ *http.Request) { reply(w, 200, accountSample) })
	page, err := firstPage(c)
	if err != nil {
		t.Fatal(err)
	}
	noCanary(t, "the page", fmt.Sprintf("%+v", page))
	b := &body{}
	b.WriteString(canaryCredential)
	whole := b.Bytes()
	b.release()
	noCanary(t, "the buffer", string(whole))
}
