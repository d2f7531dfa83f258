package adobe

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"jwtsunset/credential"
	"jwtsunset/secret"
	"jwtsunset/simulator"
)

var newReader = bufio.NewReader

// tokenOf makes an access token as the identity service does, without a signature.
func tokenOf(clientID string, created time.Time, life time.Duration) string {
	payload := fmt.Sprintf(`{"client_id":%q,"type":"access_token","created_at":"%d","expires_in":"%d"}`,
		clientID, created.UnixMilli(), life.Milliseconds())
	return "eyJhbGciOiJub25lIn0." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".c2lnbmF0dXJl"
}

func TestMigratorOptionsAreChecked(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*MigratorOptions)
		want   string // "" for good ones
	}{
		"good":           {func(*MigratorOptions) {}, ""},
		"one-shot":       {func(o *MigratorOptions) { o.OneShotURL = "https://qs.example/x" }, ""},
		"one-shot http":  {func(o *MigratorOptions) { o.OneShotURL = "http://qs.example" }, "one-shot address: must be https"},
		"transport":      {func(o *MigratorOptions) { o.Transport = http.DefaultTransport }, "transport"},
		"negative limit": {func(o *MigratorOptions) { o.StartTimeout = -1 }, "time limit of a start"},
		"long limit":     {func(o *MigratorOptions) { o.StartTimeout = time.Hour }, "time limit of a start"},
		"inner":          {func(o *MigratorOptions) { o.ClientID = "" }, "client id"},
	} {
		t.Run(name, func(t *testing.T) {
			o := MigratorOptions{Options: testOptions(t, "https://adobe.example")}
			test.change(&o)
			m, err := NewMigrator(o)
			if test.want != "" {
				if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), `"acme"`) {
					t.Errorf("error is %v, want one with %q", err, test.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if m.options.StartTimeout != DefaultStartTimeout || len(m.options.JWTGrants) == 0 {
				t.Errorf("options %+v", m.options)
			}
			m.Close()
		})
	}
}

func TestBinding(t *testing.T) {
	const sound = `{"organizationId":"` + testOrg + `","clientId":"c1","allowedScopes":"a,b",` +
		`"servicePrincipalId":"5F@techacct.adobe.com","createdByUser":"me","createdAt":"1718000000000"}`
	for name, test := range map[string]struct {
		status int
		body   string
		exists bool
		want   credential.Reason
	}{
		"sound":              {200, sound, true, ""},
		"numeric id":         {200, strings.Replace(sound, `"`+testOrg+`"`, "1", 1), true, ""},
		"short id":           {200, strings.Replace(sound, "@AdobeOrg", "", 1), true, ""},
		"none":               {404, `{"messages":[{"message":"Binding not found"}]}`, false, ""},
		"other organization": {200, strings.Replace(sound, testOrg, "x@AdobeOrg", 1), false, credential.ReasonMismatch},
		"no client":          {200, `{"organizationId":"1"}`, false, credential.ReasonMalformed},
		"error":              {200, `{"error_code":"1"}`, false, credential.ReasonMalformed},
		"forbidden":          {403, `{}`, false, credential.ReasonForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			m := migrator(t, serve(t, func(w http.ResponseWriter, _ *http.Request) { reply(w, test.status, test.body) }))
			b, err := m.Binding(context.Background(), "1", "2")
			if test.want != "" {
				failed(t, err, test.want)
				return
			}
			if err != nil || b.Exists != test.exists {
				t.Errorf("binding %+v, error %v", b, err)
			}
			if b.Exists && (b.ClientID != "c1" || b.CreatedBy != "me" || b.scopes != "a,b" || b.Created.Year() != 2024) {
				t.Errorf("binding %+v", b)
			}
		})
	}
}

func usage(grant, at string) string {
	return `{"last_used_at":` + at + `,"grant_type":` + grant + `}`
}

func TestUsages(t *testing.T) {
	const (
		oauth, jwt = `"client_credentials"`, `"urn:ietf:params:oauth:grant-type:jwt-bearer"`
		early      = 1_700_000_000_000
		later      = 1_710_000_000_000
	)
	at := func(ms int64) string { return `"` + strconv.FormatInt(ms, 10) + `"` }
	for name, test := range map[string]struct {
		secrets         []string // the usages of each secret
		oauth, jwt, old int64    // 0: unknown
		unreadable      int
	}{
		"both":             {[]string{usage(oauth, at(later)), usage(jwt, at(early))}, later, early, early, 0},
		"newest of each":   {[]string{usage(jwt, at(early)), usage(jwt, at(later)), usage(jwt, at(early))}, 0, later, later, 0},
		"other name":       {[]string{usage(`"JWT_TOKEN"`, at(early))}, 0, early, early, 0},
		"unknown word":     {[]string{usage(`"exchange"`, at(later)), usage(jwt, at(early))}, 0, early, later, 0},
		"no word":          {[]string{usage(`null`, at(later))}, 0, 0, later, 0},
		"number":           {[]string{usage(oauth, "1700000000000")}, early, 0, 0, 0},
		"none":             {nil, 0, 0, 0, 0},
		"nothing":          {[]string{""}, 0, 0, 0, 0},
		"unreadable":       {[]string{usage(jwt, `"soon"`), usage(jwt, at(early))}, 0, 0, 0, 1},
		"null":             {[]string{usage(jwt, `null`), usage(oauth, at(early))}, 0, 0, 0, 1},
		"before 1970":      {[]string{usage(jwt, `-5`)}, 0, 0, 0, 1},
		"no time":          {[]string{`{"grant_type":` + jwt + `}`}, 0, 0, 0, 1},
		"zero":             {[]string{usage(jwt, `"0"`)}, 0, 0, 0, 1},
		"case of OAuth":    {[]string{usage(`"CLIENT_CREDENTIALS"`, at(later))}, 0, 0, later, 0},
		"control in words": {[]string{usage(`"a\u0000b"`, at(later))}, 0, 0, later, 0},
	} {
		t.Run(name, func(t *testing.T) {
			list := []string{`{"uuid":"u","client_secret":"` + canaryCredential + `","secret_usages":null}`}
			for _, uses := range test.secrets {
				list = append(list, `{"secret_usages":[`+uses+`]}`)
			}
			m := migrator(t, serve(t, func(w http.ResponseWriter, _ *http.Request) {
				reply(w, 200, `{"client_id":"c1","client_secrets":[`+strings.Join(list, ",")+`]}`)
			}))
			u, err := m.Usages(context.Background(), "1", "2")
			if err != nil {
				t.Fatal(err)
			}
			noCanary(t, "the usages", fmt.Sprintf("%+v", u))
			check := func(what string, got time.Time, known bool, want int64) {
				t.Helper()
				if known != (want > 0) || known && got.UnixMilli() != want || !known && !got.IsZero() {
					t.Errorf("%s: %v, %v in %+v", what, got, known, u)
				}
			}
			oauthAt, known := u.Last(GrantOAuth)
			check("OAuth", oauthAt, known, test.oauth)
			jwtAt, known := u.Last(GrantJWT)
			check("JWT", jwtAt, known, test.jwt)
			oldAt, known := u.Old()
			check("old", oldAt, known, test.old)
			if u.Unreadable != test.unreadable || u.ClientID != "c1" {
				t.Errorf("usages %+v", u)
			}
		})
	}
}

func TestUnsoundUsages(t *testing.T) {
	for _, body := range []string{
		`{}`, `{"client_secrets":null}`, `{"client_secrets":{}}`, `[]`, `{"client_secrets":[],"error":"x"}`,
		`{"client_secrets":[{"secret_usages":{}}]}`, `{"client_secrets":[{"secret_usages":[],"Secret_usages":[]}]}`,
		`{"client_secrets":[{"secret_usages":["` + canaryCredential + `"]}]}`,
		`{"client_secrets":[{"client_secret":"` + canaryCredential + `"`,
	} {
		m := migrator(t, serve(t, func(w http.ResponseWriter, _ *http.Request) { reply(w, 200, body) }))
		u, err := m.Usages(context.Background(), "1", "2")
		failed(t, err, credential.ReasonMalformed)
		if _, known := u.Last(GrantJWT); known {
			t.Errorf("%s: known", body)
		}
	}
}

// proving is a pretend Developer Console and identity service for proofs.
type proving struct {
	binding, secrets string
	secretsStatus    int
	grant            func(id, secret, scope string) (int, string)
}

func (p proving) handle(w http.ResponseWriter, r *http.Request, asked *atomic.Int32) {
	switch {
	case strings.HasSuffix(r.URL.Path, "/binding"):
		reply(w, 200, p.binding)
	case strings.HasSuffix(r.URL.Path, "/integrations/2/secrets"):
		reply(w, p.secretsStatus, p.secrets)
	case r.URL.Path == "/ims/token/v3" && r.FormValue("client_id") == testClient:
		withToken(nil)(w, r)
	case r.URL.Path == "/ims/token/v3":
		asked.Add(1)
		w.Header().Set("X-Debug-Id", "proof-1")
		status, body := p.grant(r.FormValue("client_id"), r.FormValue("client_secret"), r.FormValue("scope"))
		reply(w, status, body)
	default:
		reply(w, 404, `{}`)
	}
}

func grantOfToken(token string) (int, string) {
	return 200, `{"access_token":"` + token + `","token_type":"bearer","expires_in":3600}`
}

func heldSecrets(clientID string, secrets ...string) string {
	return `{"client_id":"` + clientID + `","client_secrets":[` + strings.Join(secrets, ",") + `]}`
}

func held(value, created, expires string) string {
	return `{"client_secret":"` + value + `","created_at":"` + created + `","expires_at":"` + expires + `"}`
}

func TestProveOAuth(t *testing.T) {
	now := time.Now()
	const half = `{"organizationId":"1","clientId":"c1","allowedScopes":"openid, session"}`
	token := tokenOf("c1", now, time.Hour)
	good := func(id, secret, scope string) (int, string) {
		if id != "c1" || secret != canaryCredential || scope != "openid,session" {
			return 400, `{"error":"invalid_client","error_description":"bad ` + secret + `"}`
		}
		return grantOfToken(token)
	}
	one := heldSecrets("c1", held(canaryCredential, "1700000000000", "PERMANENT"))
	for name, test := range map[string]struct {
		proving
		want  credential.Reason
		asked int32
	}{
		"good": {proving{half, one, 200, good}, "", 1},
		"second of two": {proving{half, heldSecrets("c1", held(canaryCredential, "1700000000000", "PERMANENT"),
			held("newer-"+canaryCredential, "1710000000000", "PERMANENT")), 200, good}, "", 2},
		"newest first": {proving{half, heldSecrets("c1", held("older", "1700000000000", ""),
			held(canaryCredential, "1710000000000", "")), 200, good}, "", 1},
		"expired":    {proving{half, heldSecrets("c1", held(canaryCredential, "1", "1700000000000")), 200, good}, "malformed", 0},
		"no secret":  {proving{half, heldSecrets("c1"), 200, good}, "malformed", 0},
		"no values":  {proving{half, heldSecrets("c1", `{"uuid":"x"}`), 200, good}, "malformed", 0},
		"other's":    {proving{half, heldSecrets("c2", held(canaryCredential, "1", "")), 200, good}, "mismatch", 0},
		"no half":    {proving{`{"organizationId":"1"}`, one, 200, good}, "malformed", 0},
		"garbled":    {proving{half, one[:len(one)-3], 200, good}, "malformed", 0},
		"wrong kind": {proving{half, `{"client_secrets":"` + canaryCredential + `"}`, 200, good}, "malformed", 0},
		"case":       {proving{half, `{"client_secrets":[{"CLIENT_SECRET":"` + canaryCredential + `"}]}`, 200, good}, "malformed", 0},
		"secret as name": {proving{half, `{"client_secrets":[{"` + canaryCredential + `":1,"` + canaryCredential + `":2}]}`,
			200, good}, "malformed", 0},
		"with words": {proving{half, `AEP admin verification failed ` + canaryCredential, 200, good}, "malformed", 0},
		"error with secrets": {proving{half, `{"error_code":"` + canaryCredential + `","message":"` + canaryCredential + `",` +
			`"id":"` + canaryCredential + `"}`, 403, good}, "forbidden", 0},
		"part": {proving{half, one, 206, good}, "malformed", 0},
		"other client's token": {proving{half, one, 200, func(string, string, string) (int, string) {
			return grantOfToken(tokenOf("c2", now, time.Hour))
		}}, "token", 1},
		"token without claims": {proving{half, one, 200, func(string, string, string) (int, string) {
			return grantOfToken(canaryToken)
		}}, "token", 1},
		"opaque token": {proving{half, one, 200, func(string, string, string) (int, string) {
			return grantOfToken("opaque")
		}}, "token", 1},
		"other type": {proving{half, one, 200, func(string, string, string) (int, string) {
			return 200, `{"access_token":"` + token + `","token_type":"mac","expires_in":3600}`
		}}, "token", 1},
		"201": {proving{half, one, 200, func(string, string, string) (int, string) {
			_, body := grantOfToken(token)
			return 201, body
		}}, "token", 1},
		"refused, echoing": {proving{half, one, 200, func(_, secret, _ string) (int, string) {
			return 401, `{"error":"` + secret + `","error_description":"` + secret + `"}`
		}}, "token", 1},
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int32
			m := newTestMigrator(t, testOptions(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
				test.handle(w, r, &asked)
			})))
			proof, err := m.ProveOAuth(context.Background(), "1", "2")
			noCanary(t, "the proof", fmt.Sprintf("%+v", proof))
			if asked.Load() != test.asked {
				t.Errorf("%d tokens were asked for, want %d", asked.Load(), test.asked)
			}
			if test.want != "" {
				if e := failed(t, err, test.want); proof != (Proof{}) {
					t.Errorf("proof %+v with %v", proof, e)
				}
				return
			}
			left := proof.Expires.Sub(proof.At)
			if err != nil || proof.RequestID != "proof-1" || time.Since(proof.At) > time.Minute || left < 59*time.Minute {
				t.Errorf("proof %+v, error %v", proof, err)
			}
		})
	}
	o := testOptions(t, serve(t, withToken(func(w http.ResponseWriter, _ *http.Request) { reply(w, 404, `{}`) })))
	_, err := newTestMigrator(t, o).ProveOAuth(context.Background(), "1", "2")
	failed(t, err, credential.ReasonNotFound)
	o.UserToken, o.ClientSecret, o.IMSURL = o.ClientSecret, nil, ""
	_, err = newTestMigrator(t, o).ProveOAuth(context.Background(), "1", "2")
	failed(t, err, credential.ReasonInternal)
}

func TestClaims(t *testing.T) {
	made := time.UnixMilli(1_700_000_000_000)
	c, err := readClaims(tokenOf("c1", made, time.Hour))
	if err != nil || c.clientID != "c1" || !c.expires.Equal(made.Add(time.Hour)) {
		t.Errorf("claims %+v, error %v", c, err)
	}
	encode := func(payload string) string {
		return "h." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".s"
	}
	for _, token := range []string{
		"", "a", "a.b", "a.b.c.d", "a.!.c", encode(`[]`), encode(`{"client_id":"a","client_id":"b"}`), encode(`{"a`),
		encode(`{"CLIENT_ID":"a"}`), encode(`{"client_id":1}`), encode(`{"created_at":"x"}`), canaryToken,
	} {
		c, err := readClaims(token)
		if err == nil || c != (claims{}) {
			t.Errorf("%q: %+v", token, c)
			continue
		}
		noCanary(t, "the error", err.Error())
	}
	for _, payload := range []string{
		`{"created_at":"9223372036854775807","expires_in":"1"}`, `{"created_at":"1","expires_in":"-1"}`,
	} {
		if c, err := readClaims(encode(payload)); err != nil || !c.expires.IsZero() {
			t.Errorf("%s: %+v, %v", payload, c, err)
		}
	}
}

// unmigrated lists the integrations whose migration has not begun.
func unmigrated(t *testing.T, m *Migrator, org string) (ids []string) {
	t.Helper()
	page, err := m.reads.IntegrationPage(context.Background(), org, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range page.Integrations {
		if s, err := m.MigrationStatus(context.Background(), org, i.ID); err == nil && s == credential.MigrationNotStarted {
			ids = append(ids, i.ID)
		}
	}
	return ids
}

func TestSimulatedMigration(t *testing.T) {
	for _, switches := range []map[string]string{
		{}, {"finalize-body": "status"}, {"finalize-body": "credential", "jwt-grant-type": "jwt_token"},
		{"jwt-grant-type": "absent"},
	} {
		sim, c := pretend(t, simulator.Options{Scenario: "small", Seed: 7, Switches: switches})
		m := newTestMigrator(t, c.options)
		migrateOnSimulator(t, sim, m)
	}
}

func migrateOnSimulator(t *testing.T, sim *simulator.Simulator, m *Migrator) {
	t.Helper()
	ctx := context.Background()
	org, err := m.OrganizationID(ctx)
	if err != nil {
		t.Fatal(err)
	}
	do := func(a Answer, want Outcome, id string, status credential.MigrationStatus) {
		t.Helper()
		if a.Outcome != want {
			t.Errorf("%+v", a)
		}
		if got, err := m.MigrationStatus(ctx, org, id); err != nil || got != status {
			t.Errorf("status %q, want %q: %v", got, status, err)
		}
	}
	migrated := 0
	for _, id := range unmigrated(t, m, org) {
		if b, err := m.Binding(ctx, org, id); err != nil || b.Exists {
			t.Fatalf("binding %+v, error %v", b, err)
		}
		a := m.Bind(ctx, org, id, recorded())
		if a.Status == http.StatusForbidden { // read-only projects
			do(a, Refused, id, credential.MigrationNotStarted)
			continue
		}
		do(a, Accepted, id, credential.MigrationStarted)
		do(m.Bind(ctx, org, id, recorded()), Refused, id, credential.MigrationStarted)
		do(m.CancelBinding(ctx, org, id, recorded()), Accepted, id, credential.MigrationNotStarted)
		do(m.CancelBinding(ctx, org, id, recorded()), Refused, id, credential.MigrationNotStarted)
		do(m.Bind(ctx, org, id, recorded()), Accepted, id, credential.MigrationStarted)
		proof, err := m.ProveOAuth(ctx, org, id)
		if err != nil {
			t.Fatal(err)
		}
		uses, err := m.Usages(ctx, org, id)
		at, known := uses.Last(GrantOAuth)
		if err != nil || !known || at.Before(proof.At.Add(-time.Second)) {
			t.Errorf("usages %+v, error %v", uses, err)
		}
		do(m.Finalize(ctx, org, id, recorded()), Accepted, id, credential.MigrationCompleted)
		migrated++
	}
	if migrated == 0 {
		t.Error("nothing was migrated")
	}
	counts := sim.Ledger().Counts()
	if counts["finalize"] != migrated {
		t.Errorf("%d finalized, ledger %v", migrated, counts)
	}
}

func TestSimulatedUsagesOfJWT(t *testing.T) {
	_, c := pretend(t, simulator.Options{Scenario: "small", Seed: 7})
	m := newTestMigrator(t, c.options)
	org, err := m.OrganizationID(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(unmigrated(t, m, org), func(id string) bool {
		u, err := m.Usages(context.Background(), org, id)
		_, known := u.Last(GrantJWT)
		return err == nil && known
	}) {
		t.Error("no use of a JWT half was read")
	}
}

func givenToken() (secret.String, error) { return secret.New(canaryToken), nil }
