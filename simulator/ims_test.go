package simulator

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func credentials() url.Values {
	return url.Values{
		"grant_type": {"client_credentials"}, "client_id": {ClientID}, "client_secret": {ClientSecret}, "scope": {allScopes},
	}
}

func TestTokenRefusals(t *testing.T) {
	c := newCaller(t, newSimulator(t, Options{}))
	for _, test := range []struct{ field, value, code, description string }{
		{"grant_type", "authorization_code", "unsupported_grant_type", "grant_type"},
		{"client_id", "someone", "invalid_client", "invalid client_id parameter"},
		{"client_secret", "wrong", "invalid_client", "invalid client_secret parameter"},
		{"scope", "", "invalid_scope", "missing"},
		{"scope", "openid,everything", "invalid_scope", "everything"},
		{"org_id", "other@AdobeOrg", "bad_request", "org_id"},
	} {
		values := credentials()
		values.Set(test.field, test.value)
		got := c.form("/ims/token/v3", values)
		if got.status != 400 || got.text("error") != test.code ||
			!strings.Contains(got.text("error_description"), test.description) || got.header.Get("X-Debug-Id") == "" {
			t.Errorf("%s=%s: %d %s", test.field, test.value, got.status, got.body)
		}
	}
}

func TestTokenTakesFormMultipartAndQuery(t *testing.T) {
	c := newCaller(t, newSimulator(t, Options{}))
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for name, values := range credentials() {
		if err := form.WriteField(name, values[0]); err != nil {
			t.Fatal(err)
		}
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]response{
		"form":  c.form("/ims/token/v3", credentials()),
		"query": c.send(http.MethodPost, "/ims/token/v3?"+credentials().Encode(), http.Header{}, nil),
		"multipart": c.send(http.MethodPost, "/ims/token/v2", http.Header{"Content-Type": {form.FormDataContentType()}},
			&body),
	} {
		object := got.object()
		if got.status != 200 || object["token_type"] != "bearer" || object["expires_in"] != 86399.0 {
			t.Errorf("%s: %d %v", name, got.status, object)
		}
	}
}

func TestTokenIsASignedJWT(t *testing.T) {
	c := newCaller(t, newSimulator(t, Options{}))
	parts := strings.Split(c.form("/ims/token/v3", credentials()).text("access_token"), ".")
	var payload map[string]string
	if err := decodePart(parts[1], &payload); err != nil {
		t.Fatal(err)
	}
	if payload["client_id"] != ClientID || payload["type"] != "access_token" || payload["as"] != "ims-na1" ||
		payload["expires_in"] != "86400000" || payload["created_at"] != "1750075200000" || payload["scope"] != allScopes {
		t.Errorf("payload %v", payload)
	}
	var keys struct{ Keys []struct{ N, E string } }
	if err := json.Unmarshal([]byte(c.get("/ims/keys").body), &keys); err != nil {
		t.Fatal(err)
	}
	number := func(text string) *big.Int {
		raw, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		return new(big.Int).SetBytes(raw)
	}
	key := rsa.PublicKey{N: number(keys.Keys[0].N), E: int(number(keys.Keys[0].E).Int64())}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	signature := number(parts[2]).FillBytes(make([]byte, 256))
	if err := rsa.VerifyPKCS1v15(&key, crypto.SHA256, digest[:], signature); err != nil {
		t.Error(err)
	}
}

func TestTokensEnd(t *testing.T) {
	moment := now
	s := newSimulator(t, Options{Clock: func() time.Time { return moment }, TokenLifetime: time.Hour})
	list := func(c *caller) int { return c.get("/data/foundation/queryauth/accounts").status }
	valid := func(c *caller) string {
		header := c.header.Clone()
		return c.send(http.MethodPost, "/ims/validate_token/v1", header, nil).body
	}
	c := newCaller(t, s)
	token := strings.TrimPrefix(c.header.Get("Authorization"), "Bearer ")
	if list(c) != 200 || !strings.Contains(valid(c), `"valid":true`) {
		t.Error("a fresh token is not valid")
	}
	c.form("/ims/revoke", url.Values{"token": {token}})
	if list(c) != 401 || !strings.Contains(valid(c), `"valid":false`) {
		t.Error("a revoked token is valid")
	}
	c = newCaller(t, s)
	if moment = now.Add(time.Hour); list(c) != 401 {
		t.Error("an expired token is valid")
	}
	c = newCaller(t, s)
	values := url.Values{"token": {strings.TrimPrefix(c.header.Get("Authorization"), "Bearer ")}, "client_id": {ClientID}}
	if got := c.form("/ims/invalidate_token/v2", values); got.status != 400 || list(c) != 200 {
		t.Errorf("invalidated without secret: %d", got.status)
	}
	values.Set("client_secret", ClientSecret)
	if got := c.form("/ims/invalidate_token/v2", values); got.status != 200 || list(c) != 401 {
		t.Errorf("not invalidated: %d", got.status)
	}
}

// assertionFor signs the JWT of a Service Account with the key of its certificates.
func assertionFor(t *testing.T, i *integration, change func(map[string]any)) string {
	t.Helper()
	claims := map[string]any{
		"exp": now.Add(time.Minute).Unix(), "iss": IMSOrganization, "sub": i.account.id + "@techacct.adobe.com",
		"aud": "https://ims-na1.adobelogin.com/c/" + i.clientID,
		"https://ims-na1.adobelogin.com/s/ent_dataservices_sdk": true,
	}
	change(claims)
	body, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	key, err := certificateKey()
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode([]byte(`{"alg":"RS256"}`)) + "." + encode(body)
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + encode(signature)
}

func TestJWTExchange(t *testing.T) {
	s := newSimulator(t, Options{})
	c := newCaller(t, s)
	pick := func(at status, expired bool) *integration {
		for _, i := range s.org.integrations() {
			if i.status == at && i.account != nil && i.lastNotAfter().Before(now) == expired {
				return i
			}
		}
		t.Fatalf("no credential is %s", at)
		return nil
	}
	keep := func(map[string]any) {}
	for name, test := range map[string]struct {
		integration *integration
		change      func(map[string]any)
		status      int
		code        string
	}{
		"good":            {pick(notStarted, false), keep, 200, ""},
		"mid-migration":   {pick(started, false), keep, 200, ""},
		"certificate":     {pick(notStarted, true), keep, 400, "invalid_signature"},
		"migrated":        {pick(completed, true), keep, 500, "internal_error"},
		"expired":         {pick(notStarted, false), func(m map[string]any) { m["exp"] = now.Unix() }, 400, "invalid_token"},
		"no metascope":    {pick(notStarted, false), dropMetascope, 400, "invalid_scope"},
		"other issuer":    {pick(notStarted, false), func(m map[string]any) { m["iss"] = "x" }, 400, "bad_request"},
		"other audience":  {pick(notStarted, false), func(m map[string]any) { m["aud"] = "x" }, 400, "bad_request"},
		"audience a list": {pick(notStarted, false), func(m map[string]any) { m["aud"] = []int{1} }, 400, "invalid_token"},
	} {
		i := test.integration
		got := c.form("/ims/exchange/jwt", url.Values{
			"client_id": {i.clientID}, "client_secret": {i.secrets[0].value}, "jwt_token": {assertionFor(t, i, test.change)},
		})
		if got.status != test.status || got.text("error") != test.code {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
		if got.status == 200 && (got.object()["expires_in"] != 86399999.0 || !i.jwtUsed.Equal(now)) {
			t.Errorf("%s: %s, used %v", name, got.body, i.jwtUsed)
		}
	}
}

func dropMetascope(claims map[string]any) {
	for name := range claims {
		if strings.Contains(name, "/s/") {
			delete(claims, name)
		}
	}
}

func FuzzVerifyNeverPanics(f *testing.F) {
	key, err := certificateKey()
	if err != nil {
		f.Fatal(err)
	}
	f.Add("a.b.c")
	f.Add("eyJhbGciOiJSUzI1NiJ9.e30.")
	f.Fuzz(func(t *testing.T, token string) {
		if _, _, err := verify(token, &key.PublicKey); err == nil {
			t.Errorf("%q is taken for signed", token)
		}
	})
}
