package adobe

import (
	"bytes"
	"encoding/base64"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// claims are what an access token says of itself. The signature is not checked: the token came from the identity
// service over TLS, and nothing is allowed because of a claim.
type claims struct {
	clientID string
	expires  time.Time // zero where the token does not tell
}

// The identity service writes "created_at" and "expires_in", in milliseconds and as texts, where RFC 7519 has "exp".
var claimNames = namesOf("client_id", "created_at", "expires_in")

// readClaims decodes a token's payload. Its errors hold nothing of the token.
func readClaims(token string) (claims, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return claims{}, malformed("the token is not a JSON Web Token")
	}
	payload, err := base64.RawURLEncoding.Strict().DecodeString(parts[1])
	defer clear(payload)
	if err != nil {
		return claims{}, malformed("the token's payload is not encoded as one")
	}
	c, err := decodeClaims(&decoder{Decoder: jsontext.NewDecoder(bytes.NewBuffer(payload))})
	if err != nil {
		return claims{}, malformed("the token's payload cannot be read")
	}
	return c, nil
}

func decodeClaims(d *decoder) (claims, error) {
	var (
		c             claims
		created, life int64
	)
	err := d.object(claimNames, func(name string) (err error) {
		switch name {
		case "client_id":
			c.clientID, err = d.text()
		case "created_at":
			created, err = d.integer()
		case "expires_in":
			life, err = d.integer()
		}
		return err
	})
	if created > 0 && created <= maxMillis && life > 0 && life <= maxMillis {
		c.expires = time.UnixMilli(created + life).UTC()
	}
	return c, err
}
