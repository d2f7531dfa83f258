package adobe

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"jwtsunset/credential"
	"jwtsunset/secret"
)

// Proof is that a credential's OAuth half gave a token. The proof is itself a use of the OAuth half: Adobe may show it
// among the usages, at about At, where it must not pass for a use by the application.
type Proof struct {
	At, Expires time.Time
	RequestID   string
}

// maxSecrets is how many secrets are tried. Adobe documents at most two for a credential.
const maxSecrets = 4

// secretValues is the one call of Adobe's specification that shows the secrets of one credential and of no other. It is
// marked as deprecated there. The download of a workspace would show those of all its credentials, and the documented
// list shows none.
var secretValues = endpoint{StageSecrets, integration.path + "/secrets"}

// ProveOAuth asks the identity service for a token as the credential's OAuth half and checks that it is this client's.
// Secrets and token are used here only: nothing of them is given back, logged or kept, and the answers' buffers are
// cleared. Newer secrets are tried first; where none gives a token the error is that of the last one.
func (m *Migrator) ProveOAuth(ctx context.Context, orgID, id string) (Proof, error) {
	c := m.reads
	if c.ims == nil {
		err := errors.New("the identity service has no configured address")
		return Proof{}, c.failure(tokenEndpoint, credential.ReasonInternal, err)
	}
	half, err := m.Binding(ctx, orgID, id)
	if err != nil {
		return Proof{}, err
	}
	if !half.Exists {
		err := errors.New("the credential has no OAuth half")
		return Proof{}, c.failure(binding, credential.ReasonNotFound, err)
	}
	held, err := m.secrets(ctx, orgID, id, half.ClientID)
	if err != nil {
		return Proof{}, err
	}
	var proof Proof
	for _, s := range held {
		proof, err = m.prove(ctx, half, s.value)
		var failure *Error
		if err == nil || !errors.As(err, &failure) ||
			failure.Status != http.StatusBadRequest && failure.Status != http.StatusUnauthorized {
			break
		}
	}
	return proof, err
}

// prove gets one token with one secret.
func (m *Migrator) prove(ctx context.Context, half Binding, value secret.String) (Proof, error) {
	c := m.reads
	issuer := &issuer{
		client: c, clientID: half.ClientID, scopes: c.options.Scopes,
		secret: func() (secret.String, error) { return value, nil },
		accept: func(token string) error { return isTokenOf(token, half.ClientID) },
	}
	if half.scopes != "" {
		issuer.scopes = strings.FieldsFunc(half.scopes, func(r rune) bool { return r == ',' || r == ' ' })
	}
	at := c.options.Clock().UTC()
	g, err := issuer.ask(ctx)
	if err != nil {
		return Proof{}, err
	}
	return Proof{At: at, Expires: at.Add(g.life), RequestID: g.requestID}, nil
}

func isTokenOf(token, clientID string) error {
	c, err := readClaims(token)
	if err == nil && c.clientID != clientID {
		err = &problem{credential.ReasonMismatch, "the token is another client's"}
	}
	return err
}

// heldSecret is a secret of a credential, as long as a proof takes.
type heldSecret struct {
	value            secret.String
	created, expires time.Time // zero expires never
}

// secrets reads the secrets of a credential that are in force, the newest first.
func (m *Migrator) secrets(ctx context.Context, orgID, id, clientID string) ([]heldSecret, error) {
	request := m.reads.consoleRequest(secretValues, nil, orgID, id)
	request.private = true
	list, err := read(ctx, m.reads, request, func(d *decoder) ([]heldSecret, error) {
		return decodeSecrets(d, clientID)
	})
	if err != nil {
		return nil, err
	}
	now := m.options.Clock()
	list = slices.DeleteFunc(list, func(s heldSecret) bool {
		return s.value.IsZero() || !s.expires.IsZero() && !s.expires.After(now)
	})
	slices.SortStableFunc(list, func(a, b heldSecret) int { return cmp.Compare(b.created.Unix(), a.created.Unix()) })
	if len(list) == 0 {
		err := errors.New("the answer shows no secret that is in force")
		return nil, m.reads.failure(secretValues, credential.ReasonMalformed, err)
	}
	return list[:min(len(list), maxSecrets)], nil
}

var secretNames = namesOf("client_secret", "created_at", "expires_at")

func decodeSecrets(d *decoder, clientID string) ([]heldSecret, error) {
	var (
		list  []heldSecret
		named string
		found bool
	)
	err := d.envelope(secretsNames, func(name string) (err error) {
		if name == "client_id" {
			named, err = d.id()
			return err
		}
		found = true
		return d.list(func() error {
			s, err := decodeSecret(d)
			list = append(list, s)
			return err
		})
	})
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, malformed("the answer has no list of secrets")
	case named != "" && named != clientID:
		return nil, &problem{credential.ReasonMismatch, "the secrets are another client's"}
	}
	return list, nil
}

func decodeSecret(d *decoder) (heldSecret, error) {
	var s heldSecret
	err := d.object(secretNames, func(name string) (err error) {
		switch name {
		case "client_secret":
			var text string
			text, err = d.text()
			s.value = secret.New(text)
		case "created_at":
			s.created, err = d.when()
		case "expires_at":
			s.expires, err = d.when()
		}
		return err
	})
	return s, err
}
