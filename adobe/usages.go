package adobe

import (
	"context"
	"slices"
	"strings"
	"time"
)

// Grant is a way to get tokens, as far as a migration needs to tell them apart.
type Grant string

// Every grant. Adobe documents only the word of the first; see MigratorOptions.JWTGrants.
const (
	GrantOAuth Grant = "client_credentials"
	GrantJWT   Grant = "jwt"
	GrantOther Grant = "other" // by a word that we do not know; it may well be a JWT exchange
)

// GrantUse is the newest use by one of Adobe's words. At is never zero.
type GrantUse struct {
	Grant Grant
	Word  string
	At    time.Time
}

// Usages is when a credential was last used, as far as Adobe tells. What is not in it is unknown: that a grant is
// missing never means that it was not used.
type Usages struct {
	ClientID string
	Grants   []GrantUse
	// Unreadable counts entries without a readable time. They may be newer than all others.
	Unreadable int
}

// Last is the newest use by a grant. known is false where nothing can be said, which is not "never".
func (u Usages) Last(g Grant) (at time.Time, known bool) {
	return u.newest(func(use GrantUse) bool { return use.Grant == g })
}

// Old is the newest use that may have been of the JWT half: by every word but that of the OAuth half.
func (u Usages) Old() (at time.Time, known bool) {
	return u.newest(func(use GrantUse) bool { return use.Grant != GrantOAuth })
}

func (u Usages) newest(counts func(GrantUse) bool) (at time.Time, known bool) {
	for _, use := range u.Grants {
		if counts(use) && use.At.After(at) {
			at = use.At
		}
	}
	if u.Unreadable > 0 || at.IsZero() {
		return time.Time{}, false
	}
	return at, true
}

var secretsList = endpoint{StageSecrets, "/console/organizations/{organization}/credentials/{integration}/secrets"}

// Usages reads when a credential's secrets were last used, and by which grant. This call shows no secret's value, and
// none would be decoded.
func (m *Migrator) Usages(ctx context.Context, orgID, id string) (Usages, error) {
	request := m.reads.consoleRequest(secretsList, nil, orgID, id)
	request.private = true
	return read(ctx, m.reads, request, func(d *decoder) (Usages, error) {
		return decodeUsages(d, m.options.JWTGrants)
	})
}

var (
	secretsNames = namesOf("client_id", "client_secrets", "error", "error_code", "errors")
	usagesNames  = namesOf("secret_usages")
	usageNames   = namesOf("last_used_at", "grant_type")
)

func decodeUsages(d *decoder, jwtGrants []string) (Usages, error) {
	var (
		u     Usages
		found bool
	)
	err := d.envelope(secretsNames, func(name string) (err error) {
		if name == "client_id" {
			u.ClientID, err = d.id()
			return err
		}
		found = true
		return d.list(func() error {
			return d.object(usagesNames, func(string) error { return u.decodeList(d, jwtGrants) })
		})
	})
	if err == nil && !found {
		err = malformed("the answer has no list of secrets")
	}
	return u, err
}

// decodeList reads the uses of one secret: null where Adobe knows of none.
func (u *Usages) decodeList(d *decoder, jwtGrants []string) error {
	if d.PeekKind() == 'n' {
		return d.skip()
	}
	return d.list(func() error {
		var (
			word string
			at   time.Time
		)
		err := d.object(usageNames, func(name string) (err error) {
			switch name {
			case "last_used_at":
				at, err = d.when()
			case "grant_type":
				word, err = d.text()
			}
			return err
		})
		if err == nil {
			u.add(clean(word, 80), at, jwtGrants)
		}
		return err
	})
}

func (u *Usages) add(word string, at time.Time, jwtGrants []string) {
	if at.IsZero() {
		u.Unreadable++
		return
	}
	use := GrantUse{Grant: grantOf(word, jwtGrants), Word: word, At: at}
	i := slices.IndexFunc(u.Grants, func(g GrantUse) bool { return g.Word == word })
	switch {
	case i < 0:
		u.Grants = append(u.Grants, use)
	case u.Grants[i].At.Before(at):
		u.Grants[i] = use
	}
}

func grantOf(word string, jwtGrants []string) Grant {
	switch {
	case word == string(GrantOAuth):
		return GrantOAuth
	case slices.ContainsFunc(jwtGrants, func(known string) bool { return strings.EqualFold(known, word) }):
		return GrantJWT
	default:
		return GrantOther
	}
}
