package simulator

import (
	"encoding/base64"
	"errors"
	"math/big"
	"net/http"
	"strings"
	"time"
)

// imsRoutes are the identity service's calls. Adobe documents token/v3; its own client library calls token/v2.
func imsRoutes() []route {
	var routes []route
	for _, path := range []string{"/ims/token/v3", "/ims/token/v2", "/ims/token/v1"} {
		routes = append(routes, newRoute("token", "POST", path, (*call).token).writes())
	}
	for _, path := range []string{"/ims/exchange/jwt", "/ims/exchange/jwt/", "/ims/exchange/v1/jwt"} {
		routes = append(routes, newRoute("exchange", "POST", path, (*call).exchange).writes())
	}
	return append(routes,
		newRoute("revoke", "POST", "/ims/revoke", (*call).revoke),
		newRoute("validate", "POST", "/ims/validate_token/v1", (*call).validate),
		newRoute("invalidate", "POST", "/ims/invalidate_token/v2", (*call).invalidate),
		newRoute("ims-organizations", "GET", "/ims/organizations/v6", (*call).imsOrganizations),
		newRoute("openid-configuration", "GET", "/ims/.well-known/openid-configuration", (*call).openidConfiguration),
		newRoute("keys", "GET", "/ims/keys", (*call).keys),
	)
}

// oauthError is the error body of OAuth 2.0 (RFC 6749, 5.2), which all clients of Adobe's expect.
func (c *call) oauthError(status int, code, description string) reply {
	body := map[string]string{"error": code, "error_description": description}
	return jsonReply(status, body).with("X-Debug-Id", c.requestID)
}

// parameter is a form field, or a query parameter, which the token endpoint takes as well.
func (c *call) parameter(name string) string {
	if value := c.form.Get(name); value != "" {
		return value
	}
	return c.query.Get(name)
}

type tokenAnswer struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int64  `json:"expires_in"`
}

// token is the client_credentials grant; expires_in counts seconds.
func (c *call) token() reply {
	if kind := c.parameter("grant_type"); kind != "client_credentials" {
		return c.oauthError(http.StatusBadRequest, "unsupported_grant_type", "invalid grant_type parameter")
	}
	userID, refused := c.client()
	if refused != nil {
		return *refused
	}
	if org := c.parameter("org_id"); org != "" && org != IMSOrganization {
		return c.oauthError(http.StatusBadRequest, "bad_request", "invalid org_id parameter")
	}
	scope := c.parameter("scope")
	if len(splitScope(scope)) == 0 {
		return c.oauthError(http.StatusBadRequest, "invalid_scope", "missing scope parameter")
	}
	for _, name := range splitScope(scope) {
		if !grantable[name] {
			return c.oauthError(http.StatusBadRequest, "invalid_scope", "scope "+name+" is not allowed for this client")
		}
	}
	if c.scopeless {
		scope = ""
	}
	seconds := func(left time.Duration) int64 { return int64(left / time.Second) }
	return c.grantToken(c.parameter("client_id"), userID, scope, seconds)
}

// client checks the client's id and secret and notes the use of a Developer Console credential.
func (c *call) client() (userID string, refused *reply) {
	id, secret := c.parameter("client_id"), c.parameter("client_secret")
	if id == ClientID && secret == ClientSecret {
		return "0A1B2C3D4E5F60710A495FFF@techacct.adobe.com", nil
	}
	i := c.s.org.byClient[id]
	if id != ClientID && (i == nil || i.apiKeyOnly) {
		answer := c.oauthError(http.StatusBadRequest, "invalid_client", "invalid client_id parameter")
		return "", &answer
	}
	if i == nil || !i.holds(secret) || i.status == notStarted {
		answer := c.oauthError(http.StatusBadRequest, "invalid_client", "invalid client_secret parameter")
		return "", &answer
	}
	i.oauthUsed = c.s.clock().UTC()
	return i.account.id + "@techacct.adobe.com", nil
}

func (i *integration) holds(secret string) bool {
	for _, s := range i.secrets {
		if secret == s.value {
			return true
		}
	}
	return false
}

func (c *call) grantToken(clientID, userID, scope string, count func(time.Duration) int64) reply {
	lifetime := c.s.options.TokenLifetime
	token, err := c.s.issue(clientID, userID, scope, false, lifetime)
	if err != nil {
		return c.oauthError(http.StatusInternalServerError, "internal_error", err.Error())
	}
	return jsonReply(http.StatusOK, tokenAnswer{token, "bearer", count(lifetime - time.Millisecond)}).
		with("X-Debug-Id", c.requestID)
}

// exchange is the retired Service Account grant; expires_in counts milliseconds.
func (c *call) exchange() reply {
	i := c.s.org.byClient[c.parameter("client_id")]
	if i == nil || i.apiKeyOnly || !i.holds(c.parameter("client_secret")) {
		return c.oauthError(http.StatusBadRequest, "invalid_client", "invalid client_id or client_secret parameter")
	}
	if i.status == completed || i.status == none {
		return c.oauthError(http.StatusInternalServerError, "internal_error", "Please try again later")
	}
	now := c.s.clock()
	key, err := certificateKey()
	if err != nil {
		return c.oauthError(http.StatusInternalServerError, "internal_error", err.Error())
	}
	claims, metascope, err := verify(c.parameter("jwt_token"), &key.PublicKey)
	switch {
	case errors.Is(err, errForm):
		return c.oauthError(http.StatusBadRequest, "invalid_token", "JWT token is incorrectly formatted")
	case err != nil || !i.lastNotAfter().After(now):
		return c.oauthError(http.StatusBadRequest, "invalid_signature", "JWT token is not signed by a bound certificate")
	case now.Unix() >= int64(claims.Expires):
		return c.oauthError(http.StatusBadRequest, "invalid_token", "JWT token has expired")
	case claims.Issuer != IMSOrganization || claims.Subject != i.account.id+"@techacct.adobe.com",
		!strings.HasSuffix(claims.Audience, "/c/"+i.clientID):
		return c.oauthError(http.StatusBadRequest, "bad_request", "JWT token has wrong claims")
	case !metascope:
		return c.oauthError(http.StatusBadRequest, "invalid_scope", "JWT token names no metascope")
	}
	i.jwtUsed = now.UTC()
	return c.grantToken(i.clientID, claims.Subject, strings.Join([]string{"openid", "AdobeID", platformScope}, ","),
		time.Duration.Milliseconds)
}

func (c *call) revoke() reply {
	c.s.tokens.revoke(c.parameter("token"))
	return noContent(http.StatusOK)
}

func (c *call) invalidate() reply {
	userID, refused := c.clientRead()
	if refused != nil {
		return *refused
	}
	c.s.tokens.revoke(c.parameter("token"))
	return jsonReply(http.StatusOK, map[string]string{"user_id": userID})
}

// clientRead checks a client's secret without noting a use.
func (c *call) clientRead() (string, *reply) {
	id, secret := c.parameter("client_id"), c.parameter("client_secret")
	if i := c.s.org.byClient[id]; i != nil && i.holds(secret) || id == ClientID && secret == ClientSecret {
		return id, nil
	}
	answer := c.oauthError(http.StatusBadRequest, "invalid_client", "invalid client_id or client_secret parameter")
	return "", &answer
}

// validate says whether a token, in the form or as bearer, is in force and the given client's.
func (c *call) validate() reply {
	token := c.parameter("token")
	if token == "" {
		_, token, _ = strings.Cut(c.r.Header.Get("Authorization"), " ")
	}
	held, ok := c.s.tokens.find(token, c.s.clock())
	client := c.parameter("client_id")
	switch {
	case !ok:
		return jsonReply(http.StatusOK, map[string]any{"valid": false, "reason": "invalid or expired token"})
	case client != "" && client != held.clientID:
		return jsonReply(http.StatusOK, map[string]any{"valid": false, "reason": "client_id mismatch"})
	}
	return jsonReply(http.StatusOK, map[string]any{"valid": true})
}

func (c *call) imsOrganizations() reply {
	_, token, _ := strings.Cut(c.r.Header.Get("Authorization"), " ")
	if _, ok := c.s.tokens.find(token, c.s.clock()); !ok {
		return c.oauthError(http.StatusUnauthorized, "invalid_token", "token is not valid")
	}
	id, source, _ := strings.Cut(IMSOrganization, "@")
	return jsonReply(http.StatusOK, []map[string]any{{
		"orgName": organizationName, "orgRef": map[string]string{"ident": id, "authSrc": source},
		"orgType": "Enterprise", "groups": []any{},
	}})
}

func (c *call) openidConfiguration() reply {
	base := c.base()
	return jsonReply(http.StatusOK, map[string]any{
		"issuer": base, "token_endpoint": base + "/ims/token/v3", "revocation_endpoint": base + "/ims/revoke",
		"jwks_uri": base + "/ims/keys", "grant_types_supported": []string{"client_credentials"},
		"response_types_supported": []string{"token"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
	})
}

func (c *call) keys() reply {
	key, err := signingKey()
	if err != nil {
		return c.oauthError(http.StatusInternalServerError, "internal_error", err.Error())
	}
	return jsonReply(http.StatusOK, map[string]any{"keys": []map[string]string{{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": keyID,
		"n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
	}}})
}

// base is the scheme and host under which the caller reached the simulator.
func (c *call) base() string {
	if c.r.TLS != nil {
		return "https://" + c.r.Host
	}
	return "http://" + c.r.Host
}
