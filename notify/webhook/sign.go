package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"jwtsunset/secret"
)

// minKey is how many bytes a key has at least (github.com/standard-webhooks/standard-webhooks, specification).
const minKey = 24

// keyPrefix begins secrets in the form that Standard Webhooks' own libraries hand out.
const keyPrefix = "whsec_"

// sign adds the headers of Standard Webhooks: the id that makes repeats known, the time in Unix seconds, and the
// signature over both and the body.
func sign(header http.Header, s secret.String, id string, at time.Time, body []byte) error {
	key, err := signingKey(s)
	if err != nil {
		return err
	}
	timestamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(mac, "%s.%s.%s", id, timestamp, body) // a hash does not fail
	header.Set("Webhook-Id", id)
	header.Set("Webhook-Timestamp", timestamp)
	header.Set("Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return nil
}

// signingKey reads a secret in either form. Its errors hold nothing of it.
func signingKey(s secret.String) ([]byte, error) {
	key := []byte(s.Reveal())
	if encoded, found := strings.CutPrefix(string(key), keyPrefix); found {
		decoded, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			return nil, errors.New("the webhook's secret begins with " + keyPrefix + " and is not base64 after it")
		}
		key = decoded
	}
	if len(key) < minKey {
		return nil, fmt.Errorf("the webhook's secret has %d bytes; at least %d are needed", len(key), minKey)
	}
	return key, nil
}
