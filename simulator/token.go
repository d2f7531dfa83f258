package simulator

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
)

// platformScope and secretScope are the scopes that the platform and the secrets calls insist on. Which of the scopes
// that Adobe tells its users to ask for really matters is not documented.
const (
	platformScope = "read_organizations"
	secretScope   = "read_client_secret"
)

// grantable are the scopes that the simulator's credentials may ask for.
var grantable = map[string]bool{
	"openid": true, "AdobeID": true, "read_organizations": true, "additional_info.projectedProductContext": true,
	"session": true, "additional_info.roles": true, "additional_info.job_function": true, "adobeio_api": true,
	"read_client_secret": true, "manage_client_secrets": true, "adobeio.appregistry.read": true,
	"unified_dev_portal": true, "read_pc.dma_bullseye": true, "gnav": true, "profile": true, "email": true,
}

// keyID names the signing key in token headers and in the key list.
const keyID = "ims_na1-key-at-simulator"

// signingKey signs tokens; certificateKey is the customer's, whose public half every bound certificate holds. Both are
// made on first use and shared by all simulators of a process.
var signingKey, certificateKey = sync.OnceValues(newKey), sync.OnceValues(newKey)

func newKey() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) }

// grant is what an access token stands for.
type grant struct {
	clientID string
	scopes   map[string]bool
	// user is set on a person's token, as against a technical account's.
	user    bool
	expires time.Time
}

func (g grant) may(scope string) bool { return g.scopes[scope] }

// tokenStore holds the tokens that are in force.
type tokenStore struct {
	mu     sync.Mutex
	grants map[string]grant
}

// maxTokens is when expired tokens are swept out.
const maxTokens = 1000

func (t *tokenStore) add(token string, g grant, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.grants) >= maxTokens {
		for old, held := range t.grants {
			if !now.Before(held.expires) {
				delete(t.grants, old)
			}
		}
	}
	t.grants[token] = g
}

func (t *tokenStore) find(token string, now time.Time) (grant, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	g, ok := t.grants[token]
	return g, ok && now.Before(g.expires)
}

func (t *tokenStore) revoke(token string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.grants, token)
}

func (t *tokenStore) revokeAll() {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.grants)
}

// issue makes a token of Adobe's form and puts it in force. Lifetimes of zero or less give a token that is not.
func (s *Simulator) issue(clientID, userID, scope string, user bool, lifetime time.Duration) (string, error) {
	now := s.clock()
	payload := map[string]any{
		"id": fmt.Sprintf("%d_sim-%08d_va6c2", now.UnixMilli(), s.serial.Add(1)), "type": "access_token",
		"client_id": clientID, "user_id": userID, "as": "ims-na1", "aa_id": userID, "scope": scope,
		"created_at": strconv.FormatInt(now.UnixMilli(), 10), "expires_in": strconv.FormatInt(lifetime.Milliseconds(), 10),
	}
	token, err := sign(map[string]any{"alg": "RS256", "kid": keyID, "itt": "at", "typ": "JWT"}, payload)
	if err != nil {
		return "", err
	}
	held := grant{clientID: clientID, scopes: map[string]bool{}, user: user, expires: now.Add(lifetime)}
	for _, name := range splitScope(scope) {
		held.scopes[name] = true
	}
	s.tokens.add(token, held, now)
	return token, nil
}

// splitScope reads a list of scopes: comma separated as documented, with blanks as in some of Adobe's samples.
func splitScope(scope string) []string {
	return strings.FieldsFunc(scope, func(r rune) bool { return r == ',' || r == ' ' })
}

// IssueUserToken gives a token as a person gets it on signing in with Adobe's command line program. It goes with the
// x-api-key of CLIKey.
func (s *Simulator) IssueUserToken() (string, error) {
	return s.issue(CLIKey, "1234567890ABCDEF0A495C01@AdobeID",
		"AdobeID,openid,read_organizations,unified_dev_portal,additional_info.projectedProductContext,read_client_secret",
		true, s.options.TokenLifetime)
}

func sign(header, payload map[string]any) (string, error) {
	key, err := signingKey()
	if err != nil {
		return "", fmt.Errorf("simulator: make a signing key: %w", err)
	}
	head, err := json.Marshal(header)
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(payload)
	if err != nil {
		return "", err
	}
	signed := base64.RawURLEncoding.EncodeToString(head) + "." + base64.RawURLEncoding.EncodeToString(body)
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
	if err != nil {
		return "", err
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// assertion is the part of a Service Account's JWT that the exchange looks at.
type assertion struct {
	Expires  float64 `json:"exp"`
	Issuer   string  `json:"iss"`
	Subject  string  `json:"sub"`
	Audience string  `json:"aud"`
}

var errForm = errors.New("not a signed JWT")

// verify reads a Service Account's JWT and checks its signature.
func verify(token string, key *rsa.PublicKey) (claims assertion, metascope bool, err error) {
	signed, signature, _ := cutLast(token, ".")
	head, body, ok := strings.Cut(signed, ".")
	var header struct {
		Algorithm string `json:"alg"`
	}
	if !ok || decodePart(head, &header) != nil || header.Algorithm != "RS256" {
		return claims, false, errForm
	}
	raw, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil {
		return claims, false, errForm
	}
	digest := sha256.Sum256([]byte(signed))
	if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], raw); err != nil {
		return claims, false, err
	}
	all := map[string]any{}
	if decodePart(body, &claims) != nil || decodePart(body, &all) != nil {
		return claims, false, errForm
	}
	for name, value := range all {
		metascope = metascope || strings.Contains(name, "/s/") && value == any(true)
	}
	return claims, metascope, nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

func decodePart(part string, target any) error {
	raw, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, target)
}

// certificateKeyPEM is the private key that belongs to every certificate bound in the pretend Developer Console.
func certificateKeyPEM() ([]byte, error) {
	key, err := certificateKey()
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}
