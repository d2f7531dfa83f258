package simulator

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// maxSecrets is how many secrets a credential can have.
const maxSecrets = 2

// secretGate finds the credential and checks the scopes of the I/O Management API.
func (c *call) secretGate() (*integration, *reply) {
	if c.s.sw(swSecretScope) == "required" && !c.grant.may(secretScope) {
		answer := c.consoleError(http.StatusForbidden, "ERR_MSG_OPERATION_NOT_ALLOWED", "Scope "+secretScope+" is missing")
		return nil, &answer
	}
	i, refused := c.namedIntegration()
	if refused == nil && i.apiKeyOnly {
		answer := c.consoleError(http.StatusNotFound, "ERR_MSG_NOT_FOUND", "Credential has no secrets")
		return nil, &answer
	}
	return i, refused
}

func (c *call) secrets() reply { return c.secretList(false) }

// secretValues is the deprecated list, which shows the secrets themselves.
func (c *call) secretValues() reply { return c.secretList(true) }

func (c *call) secretList(values bool) reply {
	i, refused := c.secretGate()
	if refused != nil {
		return *refused
	}
	list := []map[string]any{}
	for n, held := range i.secrets {
		object := c.secretObject(held)
		if n == 0 {
			object["secret_usages"] = c.usages(i)
		}
		if values {
			object["client_secret"] = held.value
		}
		list = append(list, object)
	}
	return jsonReply(http.StatusOK, map[string]any{"client_id": i.clientID, "client_secrets": list})
}

func (c *call) secretObject(held clientSecret) map[string]any {
	return map[string]any{
		"expires_at": "PERMANENT", "expires_at_str": "PERMANENT",
		"created_at":     strconv.FormatInt(held.created.UnixMilli(), 10),
		"created_at_str": held.created.UTC().Format(stampLayout), "uuid": held.uuid, "secret_usages": c.noUsages(),
	}
}

// noUsages is what a secret says that was never used: null in the documentation, a list in the specification.
func (c *call) noUsages() any {
	if c.s.sw(swNulls) == "null" {
		return nil
	}
	return []any{}
}

// usages tells when each grant was last used. How a JWT exchange is named, and whether, is not documented.
func (c *call) usages(i *integration) any {
	var list []map[string]string
	add := func(grant string, at time.Time) {
		if !at.IsZero() && grant != "absent" {
			list = append(list, map[string]string{
				"last_used_at": strconv.FormatInt(at.UnixMilli(), 10), "grant_type": grant,
			})
		}
	}
	add("client_credentials", i.oauthUsed)
	add(c.s.sw(swJWTGrantType), i.jwtUsed)
	if list == nil {
		return c.noUsages()
	}
	return list
}

// changeable refuses changes in mid-migration, when neither secrets nor services can be changed.
func (c *call) changeable() (*integration, *reply) {
	i, refused := c.secretGate()
	if refused == nil && i.status == started {
		answer := c.consoleError(http.StatusBadRequest, "ERR_MSG_OPERATION_NOT_ALLOWED", "A migration is in progress")
		return nil, &answer
	}
	return i, refused
}

func (c *call) addSecret() reply {
	i, refused := c.changeable()
	if refused != nil {
		return *refused
	}
	if len(i.secrets) >= maxSecrets {
		return c.consoleError(http.StatusBadRequest, "ERR_MSG_QUOTA_EXCEEDED", "A credential has at most two secrets")
	}
	d := dice{c.s.options.Seed ^ c.s.serial.Add(1)}
	added := clientSecret{d.uuid(), "p8e-" + d.hex(28), c.s.clock().UTC()}
	i.secrets = append(i.secrets, added)
	object := c.secretObject(added)
	object["client_secret"] = added.value
	return jsonReply(c.either(http.StatusOK, http.StatusCreated), object)
}

func (c *call) deleteSecret() reply {
	i, refused := c.changeable()
	if refused != nil {
		return *refused
	}
	n := slices.IndexFunc(i.secrets, func(held clientSecret) bool { return held.uuid == c.values["secret"] })
	if n < 0 {
		return c.consoleError(http.StatusNotFound, "ERR_MSG_NOT_FOUND", "Secret not found")
	}
	i.secrets = slices.Delete(i.secrets, n, n+1)
	return noContent(c.either(http.StatusOK, http.StatusNoContent))
}

// either is the status of a changed secret, on which specification and documentation differ.
func (c *call) either(specification, documentation int) int {
	if c.s.sw(swSecretStatus) == "docs" {
		return documentation
	}
	return specification
}
