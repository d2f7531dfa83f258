package simulator

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// inState finds a credential of the scenario "small" in a state.
func inState(t *testing.T, s *Simulator, at status) *integration {
	t.Helper()
	for _, i := range s.org.integrations() {
		if i.status == at && !i.apiKeyOnly && !i.readOnly {
			return i
		}
	}
	t.Fatalf("no credential is %s", at)
	return nil
}

func migrationPath(i *integration, tail string) string {
	return consoleBase + "/credentials/oauth-server-to-server/" + i.id + tail
}

func TestMigrationStates(t *testing.T) {
	tests := []struct {
		from         status
		method, tail string
		want         int
		to           status
	}{
		{notStarted, "POST", "/binding", 201, started},
		{notStarted, "GET", "/binding", 404, notStarted},
		{notStarted, "DELETE", "/binding", 404, notStarted},
		{notStarted, "PATCH", "/finalize", 400, notStarted},
		{started, "POST", "/binding", 400, started},
		{started, "GET", "/binding", 200, started},
		{started, "DELETE", "/binding", 204, notStarted},
		{started, "PATCH", "/finalize", 200, completed},
		{completed, "POST", "/binding", 400, completed},
		{completed, "DELETE", "/binding", 400, completed},
		{completed, "PATCH", "/finalize", 400, completed},
		{none, "POST", "/binding", 400, none},
		{none, "DELETE", "/binding", 400, none},
		{none, "PATCH", "/finalize", 400, none},
	}
	for _, test := range tests {
		t.Run(string(test.from)+" "+test.method+test.tail, func(t *testing.T) {
			s := newSimulator(t, Options{})
			c, i := newCaller(t, s), inState(t, s, test.from)
			if got := c.call(test.method, migrationPath(i, test.tail)); got.status != test.want {
				t.Errorf("%d %s", got.status, got.body)
			}
			if got := c.get(migrationPath(i, "/status")).text("migrationStatus"); got != string(test.to) {
				t.Errorf("status is %s", got)
			}
		})
	}
	c := newCaller(t, newSimulator(t, Options{}))
	for _, call := range [][2]string{{"GET", "/status"}, {"POST", "/binding"}, {"PATCH", "/finalize"}} {
		if got := c.call(call[0], migrationPath(&integration{id: "1"}, call[1])); got.status != 404 {
			t.Errorf("unknown id %v: %d", call, got.status)
		}
	}
}

func TestReadOnlyCredentialCannotStart(t *testing.T) {
	s := newSimulator(t, Options{})
	c := newCaller(t, s)
	for _, i := range s.org.integrations() {
		if i.readOnly {
			if got := c.call("POST", migrationPath(i, "/binding")); got.status != 403 {
				t.Errorf("%d %s", got.status, got.body)
			}
			return
		}
	}
	t.Error("no credential is read-only")
}

func TestMigrationDecidesWhichGrantWorks(t *testing.T) {
	s := newSimulator(t, Options{})
	c, i := newCaller(t, s), inState(t, s, notStarted)
	oauth := func() int {
		values := credentials()
		values.Set("client_id", i.clientID)
		values.Set("client_secret", i.secrets[0].value)
		values.Set("scope", "openid")
		return c.form("/ims/token/v3", values).status
	}
	jwt := func() int {
		return c.form("/ims/exchange/v1/jwt", url.Values{
			"client_id": {i.clientID}, "client_secret": {i.secrets[0].value},
			"jwt_token": {assertionFor(t, i, func(map[string]any) {})},
		}).status
	}
	for _, step := range []struct {
		method, tail string
		oauth, jwt   int
	}{
		{"GET", "/status", 400, 200}, {"POST", "/binding", 200, 200}, {"DELETE", "/binding", 400, 200},
		{"POST", "/binding", 200, 200}, {"PATCH", "/finalize", 200, 500},
	} {
		c.call(step.method, migrationPath(i, step.tail))
		if a, b := oauth(), jwt(); a != step.oauth || b != step.jwt {
			t.Errorf("after %s %s: OAuth %d, JWT %d", step.method, step.tail, a, b)
		}
	}
}

func TestFinalizeChecks(t *testing.T) {
	for name, test := range map[string]struct {
		jwt, oauth time.Duration
		want       int
	}{
		"both hold":     {48 * time.Hour, time.Hour, 200},
		"old too fresh": {23 * time.Hour, time.Hour, 400},
		"new not used":  {48 * time.Hour, 72 * time.Hour, 400},
	} {
		s := newSimulator(t, Options{Switches: map[string]string{swFinalizeChecks: "enforced", swFinalizeBody: "status"}})
		c, i := newCaller(t, s), inState(t, s, started)
		i.jwtUsed, i.oauthUsed = now.Add(-test.jwt), now.Add(-test.oauth)
		got := c.call("PATCH", migrationPath(i, "/finalize"))
		if got.status != test.want || test.want == 200 && got.text("migrationStatus") != "COMPLETED" {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
}

func TestConvertedStatus(t *testing.T) {
	for _, value := range []string{"COMPLETED", "NONE"} {
		s := newSimulator(t, Options{Switches: map[string]string{swConvertedStatus: value}})
		for _, i := range s.org.integrations() {
			if i.converted {
				if got := newCaller(t, s).get(migrationPath(i, "/status")).text("migrationStatus"); got != value {
					t.Errorf("status %s, want %s", got, value)
				}
			}
		}
	}
}

func TestSecrets(t *testing.T) {
	s := newSimulator(t, Options{Switches: map[string]string{swSecretStatus: "docs", swNulls: "null"}})
	c, i := newCaller(t, s), inState(t, s, completed)
	path := consoleBase + "/credentials/" + i.id + "/secrets"
	added := c.call("POST", path)
	if added.status != http.StatusCreated || added.text("client_secret") == "" {
		t.Fatalf("%d %s", added.status, added.body)
	}
	if got := c.call("POST", path); got.status != 400 {
		t.Errorf("third secret: %d", got.status)
	}
	listed := c.get(path)
	if strings.Contains(listed.body, added.text("client_secret")) ||
		!strings.Contains(listed.body, `"secret_usages":null`) ||
		!strings.Contains(listed.body, "client_credentials") {
		t.Errorf("list: %s", listed.body)
	}
	if got := c.call("DELETE", path+"/"+added.text("uuid")); got.status != http.StatusNoContent {
		t.Errorf("delete: %d %s", got.status, got.body)
	}
	migrating := consoleBase + "/credentials/" + inState(t, s, started).id + "/secrets"
	if got := c.call("POST", migrating); got.status != 400 {
		t.Errorf("in mid-migration: %d", got.status)
	}
}

func TestServicesChangeOutsideAMigrationOnly(t *testing.T) {
	s := newSimulator(t, Options{})
	c := newCaller(t, s)
	change := func(i *integration, tail string) response {
		return c.send("PATCH", migrationPath(i, tail), c.header, strings.NewReader(`{"sdkCode":"`+sdkCode+`"}`))
	}
	if got := change(inState(t, s, started), "/service/subscribe"); got.status != 400 {
		t.Errorf("in mid-migration: %d", got.status)
	}
	free := inState(t, s, completed)
	if got := change(free, "/service/unsubscribe"); got.status != 200 || len(free.services) != 0 {
		t.Errorf("unsubscribe: %d, %v left", got.status, free.services)
	}
	if got := change(free, "/service/subscribe"); got.status != 200 || len(free.services) != 1 {
		t.Errorf("subscribe: %d, %v held", got.status, free.services)
	}
}
