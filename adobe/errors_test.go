package adobe

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"jwtsunset/credential"
	"jwtsunset/secret"
)

func TestErrorBodies(t *testing.T) {
	tests := map[string]struct {
		media, body              string
		code, message, requestID string
	}{
		"gateway": {
			"application/json", `{"error_code":"403010","message":"Oauth token is missing."}`, "403010",
			"Oauth token is missing.", "",
		},
		"gateway, number": {
			"application/json", `{"error_code":403010,"message":"Oauth token is missing."}`, "403010",
			"Oauth token is missing.", "",
		},
		"problem": {
			"application/problem+json",
			`{"type":"/placeholder/type/uri","status":400,"title":"BadRequestError","detail":"no"}`, "",
			"BadRequestError: no", "",
		},
		"sandbox management": {
			"application/json",
			`{"type":"http://ns.adobe.com/aep/errors/SMS-2074-400","status":400,"title":"Bad"}`,
			"SMS-2074-400", "Bad", "",
		},
		"with a report": {
			"application/json",
			`{"type":"http://ns.adobe.com/aep/errors/HYGN-3102-400","title":"T","status":400,` +
				`"report":{"tenantInfo":{}},"error-chain":[{"errorCode":"HYGN-3102-400"}]}`,
			"HYGN-3102-400", "T", "",
		},
		"errors by status": {
			"application/json",
			`{"requestId":"r1","errors":{"403":[{"code":"UPAPI-113752-403","message":"m"}]},"status":403}`,
			"UPAPI-113752-403", "m", "r1",
		},
		"errors as a list": {"application/json", `{"errors":[{"code":"X","message":"m"}]}`, "X", "m", ""},
		"query service": {
			"application/json", `{"code":"1","message":"m","errorType":"USER_ERROR"}`, "1", "m", "",
		},
		"query service, short": {"application/json", `{"message":"m","statusCode":400}`, "", "m", ""},
		"token": {
			"application/json",
			`{"error":"invalid_client","error_description":"invalid client_secret parameter"}`,
			"invalid_client", "invalid client_secret parameter", "",
		},
		"console": {
			"application/json",
			`{"status":400,"id":"2f0b","code":"ERROR_GET_PROJECTS_BY_ORG_ID",` +
				`"messages":[{"template":"ERR_MSG_GENERIC_MESSAGE","message":"Unknown Error"}]}`,
			"ERROR_GET_PROJECTS_BY_ORG_ID", "Unknown Error", "2f0b",
		},
		"console, short": {
			"application/json",
			`{"messages":[{"template":"ERR_MSG_OPERATION_NOT_ALLOWED","message":"no license"}]}`,
			"ERR_MSG_OPERATION_NOT_ALLOWED", "no license", "",
		},
		"console, id only": {"application/json", `{"id":"6c1d"}`, "", "", "6c1d"},
		"text":             {"text/plain", "upstream request timeout", "", "upstream request timeout", ""},
		"page":             {"text/html", "<html><body>Sorry</body></html>", "", "an HTML page", ""},
		"page, untyped":    {"", "  <!DOCTYPE html>", "", "an HTML page", ""},
		"nothing":          {"", "", "", "", ""},
		"list":             {"application/json", `[1,2]`, "", "[1,2]", ""},
		"wrong types": {
			"application/json", `{"error_code":{},"message":[1],"errors":7,"messages":{"a":1},"title":null}`,
			"", "", "",
		},
		"control characters": {
			"application/json", `{"message":"a\u0000\r\n\u001b[31mb\u202ec"}`, "", "a [31mb c", "",
		},
		"long": {
			"text/plain", strings.Repeat("x", 5000), "", strings.Repeat("x", maxMessage-1) + "…", "",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := parseErrorBody([]byte(test.body), test.media)
			if got.code != test.code || got.message != test.message || got.requestID != test.requestID {
				t.Errorf("got %+v, want code %q, message %q, request id %q", got, test.code, test.message, test.requestID)
			}
		})
	}
}

func TestErrorIsWholeAndClean(t *testing.T) {
	c := offline(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Request-Id", "abc-"+canaryToken)
		reply(w, 403, `{"error_code":"403025","message":"Profile is not valid for `+r.Header.Get("Authorization")+`\n"}`)
	})
	_, err := c.AccountPage(context.Background(), "prod", credential.Cursor{Start: "2024"})
	e := failed(t, err, credential.ReasonForbidden)
	want := "organization acme: GET /data/foundation/queryauth/accounts: 403 Forbidden: 403025: " +
		"Profile is not valid for Bearer [redacted] (request id abc-[redacted])"
	if e.Error() != want {
		t.Errorf("got  %s\nwant %s", e, want)
	}
	if e.Stage != credential.StageAccounts || e.Retryable || !strings.Contains(e.Hint(), "entitlement") {
		t.Errorf("error is %+v, hint %q", e, e.Hint())
	}
}

func TestErrorNamesNoIDs(t *testing.T) {
	c := offline(t, func(w http.ResponseWriter, _ *http.Request) { reply(w, 404, "") })
	_, err := c.MigrationStatus(context.Background(), "234567", "345678")
	e := failed(t, err, credential.ReasonNotFound)
	if strings.Contains(e.Error(), "345678") || strings.Contains(e.Error(), "234567") {
		t.Errorf("%v", e)
	}
}

func TestAdminVerification(t *testing.T) {
	const text = "AEP admin verification failed. Contact your administrator."
	tests := map[string]struct {
		status int
		body   string
		want   bool
	}{
		"403 as JSON":            {403, `{"message":"` + text + `"}`, true},
		"403 as text":            {403, text, true},
		"403 in capitals":        {403, strings.ToUpper(text), true},
		"401":                    {401, text, true},
		"400":                    {400, `{"title":"x","detail":"` + text + `"}`, true},
		"500":                    {500, `{"errors":[{"message":"` + text + `"}]}`, true},
		"200 in place of a list": {200, `{"message":"` + text + `"}`, true},
		"200 as text":            {200, text, true},
		"200 as a page":          {200, "<html>" + text + "</html>", true},
		"200 with null list":     {200, `{"accounts":null,"message":"` + text + `"}`, true},
		"200 with empty list":    {200, `{"accounts":[],"message":"` + text + `"}`, true},
		"403 of another kind":    {403, `{"message":"no"}`, false},
		"credential named like it": {
			200, `{"accounts":[{"technicalAccountId":"A","description":"` + text + `"}]}`, false,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			calls := 0
			c := offline(t, func(w http.ResponseWriter, _ *http.Request) {
				calls++
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(test.status)
				_, _ = w.Write([]byte(test.body))
			})
			_, err := firstPage(c)
			switch {
			case !test.want && test.status == 200 && err != nil:
				t.Error(err)
			case !test.want && test.status != 200:
				failed(t, err, credential.ReasonForbidden)
			case test.want:
				e := failed(t, err, credential.ReasonAdminVerification)
				if test.status != 401 && calls != 1 {
					t.Errorf("asked %d times, want once", calls)
				}
				for _, words := range []string{"we may not look", "Manage Query Service Integration"} {
					if !strings.Contains(e.Hint(), words) {
						t.Errorf("hint is %q", e.Hint())
					}
				}
			}
		})
	}
}

func TestHints(t *testing.T) {
	silent := map[credential.Reason]bool{
		credential.ReasonCanceled: true, credential.ReasonInternal: true, credential.ReasonAmbiguous: true,
	}
	for _, stage := range credential.Stages() {
		for _, reason := range credential.Reasons() {
			e := &Error{Stage: stage, reason: reason}
			if (e.Hint() == "") != silent[reason] {
				t.Errorf("%s at %s has the hint %q", reason, stage, e.Hint())
			}
		}
	}
}

func TestScrub(t *testing.T) {
	hide := secret.New("s3/cr+t")
	tests := map[string]string{
		"plain s3/cr+t here":                       "plain [redacted] here",
		"client_secret=s3%2Fcr%2Bt&x=1":            "client_secret=[redacted]&x=1",
		"token eyJhbGciOiJSUzI1NiJ9.eyJpZCI6.sig_": "token [redacted]",
		"proxy http://me:pw@host:3128":             "proxy http://[redacted]@host:3128",
		"nothing":                                  "nothing",
		"":                                         "",
	}
	for text, want := range tests {
		if got := scrub(text, hide, secret.String{}); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}
