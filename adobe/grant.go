package adobe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"jwtsunset/credential"
	"jwtsunset/secret"
)

const (
	tokenLifeMax = 24 * time.Hour // what Adobe documents; a longer life is a mistake, such as milliseconds
	tokenBodyMax = 1 << 20
)

var tokenEndpoint = endpoint{credential.StageToken, "/ims/token/v3"}

// issuer asks the identity service for tokens with the client credentials grant (RFC 6749, section 4.4).
type issuer struct {
	client   *Client
	clientID string
	secret   func() (secret.String, error)
	scopes   []string
	// accept, if not nil, looks at a token before it counts as given.
	accept func(token string) error
}

// granted is a token, how long it lives, and the id of the request that gave it.
type granted struct {
	text      secret.String
	life      time.Duration
	requestID string
}

// issue gives a token and how long it lives.
func (i *issuer) issue(ctx context.Context) (secret.String, time.Duration, error) {
	g, err := i.ask(ctx)
	return g.text, g.life, err
}

// ask repeats what can be repeated: never a 400 or 401.
func (i *issuer) ask(ctx context.Context) (granted, error) {
	return retry(ctx, i.client, tokenEndpoint, func() (granted, *Error) { return i.once(ctx) })
}

func (i *issuer) once(ctx context.Context) (granted, *Error) {
	c := i.client
	clientSecret, err := i.secret()
	if err == nil && clientSecret.IsZero() {
		err = errors.New("it is empty")
	}
	if err != nil {
		err = fmt.Errorf("client secret: %w", err)
		return granted{}, c.failure(tokenEndpoint, credential.ReasonToken, err)
	}
	config := clientcredentials.Config{
		ClientID: i.clientID, ClientSecret: clientSecret.Reveal(),
		TokenURL:  c.ims.String() + tokenEndpoint.path,
		AuthStyle: oauth2.AuthStyleInParams,
		Scopes:    []string{strings.Join(i.scopes, ",")}, // Adobe wants commas, the library puts spaces
	}
	transport := &grantTransport{issuer: i, secret: clientSecret}
	requestCtx, cancel := context.WithTimeout(ctx, c.options.RequestTimeout)
	defer cancel()
	requestCtx = context.WithValue(requestCtx, oauth2.HTTPClient, &http.Client{
		Transport:     transport,
		CheckRedirect: refuseRedirects,
	})
	token, err := config.Token(requestCtx)
	if err == nil && i.accept != nil {
		err = i.accept(token.AccessToken)
	}
	if err != nil {
		return granted{}, i.failure(ctx, err)
	}
	life := min(time.Until(token.Expiry), tokenLifeMax)
	return granted{secret.New(token.AccessToken), life, transport.requestID}, nil
}

// failure keeps the reasons that say more than "no token".
func (i *issuer) failure(ctx context.Context, err error) *Error {
	var failure *Error
	if !errors.As(err, &failure) {
		failure = i.client.transportFailure(ctx, tokenEndpoint, nil, err)
	}
	switch failure.reason {
	case credential.ReasonTLS, credential.ReasonRedirect, credential.ReasonCanceled, credential.ReasonScanTimeout:
	default:
		failure.reason = credential.ReasonToken
	}
	return failure
}

// grantTransport sends one request for a token, to the configured address only, and lets pass nothing but a sound
// answer: what the library makes of others would be a token without end or an error with the whole body in it.
type grantTransport struct {
	issuer    *issuer
	secret    secret.String
	requestID string // of the last answer
}

func (t *grantTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	c := t.issuer.client
	if origin(r.URL) != origin(c.ims) {
		return nil, errNotPinned
	}
	r = r.Clone(r.Context())
	describe(r.Header)
	if err := c.options.reached(credential.StageToken, StepBefore); err != nil {
		return nil, err
	}
	start := time.Now()
	resp, body, err := t.exchange(r)
	_ = c.options.reached(credential.StageToken, StepAnswered)
	call := Call{Stage: credential.StageToken, Duration: time.Since(start)}
	if resp != nil {
		call.Status = resp.StatusCode
	}
	c.sent(call)
	if err != nil {
		return nil, err
	}
	defer body.release()
	if resp.StatusCode != http.StatusOK {
		return nil, c.statusFailure(tokenEndpoint, resp, body.Bytes(), t.secret)
	}
	return t.sound(resp, body)
}

func (t *grantTransport) exchange(r *http.Request) (*http.Response, *body, error) {
	resp, err := t.issuer.client.base.RoundTrip(r)
	if err != nil {
		return nil, nil, err
	}
	b, err := readBody(resp, tokenBodyMax)
	return resp, b, err
}

// sound checks a 200 and hands the library a body of our own.
func (t *grantTransport) sound(resp *http.Response, b *body) (*http.Response, error) {
	c := t.issuer.client
	d := newDecoder(&answer{body: b, header: resp.Header}, c.texts)
	g, err := decodeAnswer(d, decodeGrant)
	if err != nil {
		told := parseErrorBody(b.Bytes(), "application/json")
		failure := c.failure(tokenEndpoint, credential.ReasonToken, err)
		failure.Status, failure.RequestID = resp.StatusCode, scrub(requestID(resp.Header), t.secret)
		failure.Code = scrub(told.code, t.secret)
		return nil, failure
	}
	t.requestID = scrub(requestID(resp.Header), t.secret)
	resp.Header.Set("Content-Type", "application/json")
	resp.Body = io.NopCloser(bytes.NewReader(g.encode()))
	return resp, nil
}

// grant is the identity service's answer.
type grant struct {
	token     string
	tokenType string
	expiresIn int64
}

var grantNames = namesOf("access_token", "token_type", "expires_in", "error", "error_code", "errors")

// decodeGrant accepts a bearer token with a life of at least a second.
func decodeGrant(d *decoder) (grant, error) {
	var g grant
	err := d.envelope(grantNames, func(name string) (err error) {
		switch name {
		case "access_token":
			g.token, err = d.text()
		case "token_type":
			g.tokenType, err = d.text()
		case "expires_in":
			g.expiresIn, err = d.integer()
		}
		return err
	})
	switch {
	case err != nil:
		return grant{}, err
	case g.token == "" || !isHeaderValue(g.token):
		return grant{}, malformed("the answer holds no usable access token")
	case !strings.EqualFold(g.tokenType, "bearer"):
		return grant{}, malformed("the token is of another type than bearer")
	case g.expiresIn <= 0:
		return grant{}, malformed("the token has no time to live")
	}
	return g, nil
}

// encode writes the answer anew. A token of visible ASCII needs quoting only.
func (g grant) encode() []byte {
	life := min(g.expiresIn, int64(tokenLifeMax/time.Second))
	return fmt.Appendf(nil, `{"access_token":%q,"token_type":"bearer","expires_in":%d}`, g.token, life)
}
