package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// allowedScopes are the scopes that every credential of the pretend organization may ask for.
const allowedScopes = "openid,AdobeID,read_organizations,additional_info.projectedProductContext,session"

// restBeforeFinish is how long the old credential must not have been used for Adobe's second safety check.
const restBeforeFinish = 24 * time.Hour

// migratable finds the credential that a migration call names.
func (c *call) migratable() (*integration, *reply) {
	i, refused := c.namedIntegration()
	if refused != nil {
		return nil, refused
	}
	if i.apiKeyOnly {
		answer := c.wrongState("Credential is not a server to server credential")
		return nil, &answer
	}
	return i, nil
}

// wrongState refuses a migration call. The specification lists no 409 for these, so 400 is what is left.
func (c *call) wrongState(message string) reply {
	return c.consoleError(http.StatusBadRequest, "ERR_MSG_INVALID_STATE", message)
}

func (c *call) readOnly() reply {
	return c.consoleError(http.StatusForbidden, "ERR_MSG_OPERATION_NOT_ALLOWED", "The project is read-only")
}

// reported is the migration status that the Developer Console tells.
func (s *Simulator) reported(i *integration) string {
	if i.converted {
		return s.sw(swConvertedStatus)
	}
	return string(i.shown(s.clock()))
}

// shown is the state of a credential that reads tell.
func (c *call) shown(i *integration) status { return i.shown(c.s.clock()) }

// moves are the changes that starts make, by operation. A change is told by its operation alone, so that those of a
// file of starts can be made again.
var moves = map[string]func(*account, time.Time){
	"migrate": (*account).migrate,
	"binding-create": func(a *account, at time.Time) {
		a.integration.status, a.integration.boundAt, a.integration.oauthUsed = started, at, time.Time{}
	},
	"binding-delete": func(a *account, _ time.Time) {
		a.integration.status, a.integration.boundAt, a.integration.oauthUsed = notStarted, time.Time{}, time.Time{}
	},
	"finalize": func(a *account, _ time.Time) { a.integration.status, a.integration.certificates = completed, nil },
}

// migrate is Query Service's one-shot migration. The Developer Console shows the same technical account, so a
// credential that it knows is at its end there too.
func (a *account) migrate(at time.Time) {
	if a.integration == nil {
		a.oauth = true
		return
	}
	a.integration.status, a.integration.certificates = completed, nil
	if a.integration.boundAt.IsZero() {
		a.integration.boundAt = at
	}
}

// move makes the change of an operation, which reads show after the time to settle.
func (s *Simulator) move(a *account, operation string, at time.Time) {
	a.before, a.settles = a.shown(at), at.Add(s.options.Settle)
	moves[operation](a, at)
}

// move makes the change of the call's operation now.
func (c *call) move(a *account) { c.s.move(a, c.route.operation, c.s.clock().UTC()) }

func (c *call) migrationStatus() reply {
	i, refused := c.migratable()
	if refused != nil {
		return *refused
	}
	return jsonReply(http.StatusOK, map[string]string{"migrationStatus": c.s.reported(i)})
}

// startMigration adds the OAuth half: from NOT_STARTED to STARTED.
func (c *call) startMigration() reply {
	i, refused := c.migratable()
	switch {
	case refused != nil:
		return *refused
	case i.readOnly:
		return c.readOnly()
	case i.status != notStarted:
		return c.wrongState("Migration cannot be started in state " + string(i.status))
	}
	c.move(i.account)
	return jsonReply(http.StatusCreated, i.binding())
}

func (i *integration) binding() map[string]string {
	at := i.boundAt
	if at.IsZero() {
		at = i.created
	}
	return map[string]string{
		"organizationId": IMSOrganization, "clientId": i.clientID, "allowedScopes": allowedScopes,
		"servicePrincipalId": i.account.id + "@techacct.adobe.com", "createdByUser": i.createdBy,
		"createdAt": strconv.FormatInt(at.UnixMilli(), 10),
	}
}

func (c *call) readBinding() reply {
	i, refused := c.migratable()
	switch {
	case refused != nil:
		return *refused
	case c.shown(i) == notStarted:
		return c.consoleError(http.StatusNotFound, "ERR_MSG_NOT_FOUND", "Binding not found")
	}
	return jsonReply(http.StatusOK, i.binding())
}

// cancelMigration takes the OAuth half away again: from STARTED to NOT_STARTED.
func (c *call) cancelMigration() reply {
	i, refused := c.migratable()
	switch {
	case refused != nil:
		return *refused
	case i.readOnly:
		return c.readOnly()
	case i.status == notStarted:
		return c.consoleError(http.StatusNotFound, "ERR_MSG_NOT_FOUND", "Binding not found")
	case i.status != started:
		return c.wrongState("Migration cannot be cancelled in state " + string(i.status))
	}
	c.move(i.account)
	return noContent(http.StatusNoContent)
}

// finalize retires the JWT half for good: from STARTED to COMPLETED.
func (c *call) finalize() reply {
	i, refused := c.migratable()
	switch {
	case refused != nil:
		return *refused
	case i.readOnly:
		return c.readOnly()
	case i.status != started:
		return c.wrongState("Migration cannot be finalized in state " + string(i.status))
	case c.s.sw(swFinalizeChecks) == "enforced" && !i.safeToFinish(c.s.clock()):
		return c.wrongState("The old credential was used too recently, or the new one was not used since")
	}
	c.move(i.account)
	switch c.s.sw(swFinalizeBody) {
	case "status":
		return jsonReply(http.StatusOK, map[string]string{"migrationStatus": string(i.status)})
	case "credential":
		return jsonReply(http.StatusOK, map[string]any{"id": c.id(i.id), "credential_type": i.credentialType(i.status)})
	}
	return noContent(http.StatusOK)
}

// safeToFinish is Adobe's two checks: the new half was used after the old one, and the old one not for a day.
func (i *integration) safeToFinish(now time.Time) bool {
	return i.oauthUsed.After(i.jwtUsed) && now.Sub(i.jwtUsed) >= restBeforeFinish
}

// changeServices replaces, adds to or takes from the services of a credential; in mid-migration it is refused.
func (c *call) changeServices() reply {
	i, refused := c.migratable()
	switch {
	case refused != nil:
		return *refused
	case i.status == started:
		return c.wrongState("Services cannot be changed while a migration is in progress")
	}
	codes, err := c.serviceCodes()
	if err != nil {
		return c.consoleError(http.StatusBadRequest, "ERR_MSG_INVALID_PARAMETER", err.Error())
	}
	kept := slices.DeleteFunc(slices.Clone(i.services), func(held string) bool { return slices.Contains(codes, held) })
	switch {
	case c.r.Method == http.MethodPut:
		i.services = codes
	case strings.HasSuffix(c.r.URL.Path, "/unsubscribe"):
		i.services = kept
	default:
		i.services = slices.Concat(kept, codes)
	}
	return jsonReply(http.StatusOK, map[string]any{"sdkList": i.services, "errorList": []any{}})
}

type serviceItem struct {
	Code string `json:"sdkCode"`
}

// serviceCodes reads the body: a list of service items for PUT, one item for PATCH.
func (c *call) serviceCodes() ([]string, error) {
	items := make([]serviceItem, 1)
	var target any = &items[0]
	if c.r.Method == http.MethodPut {
		target = &items
	}
	if err := json.Unmarshal(c.body, target); err != nil {
		return nil, fmt.Errorf("body is not a service item: %w", err)
	}
	codes := []string{}
	for _, item := range items {
		if item.Code != sdkCode {
			return nil, fmt.Errorf("unknown sdkCode %q", item.Code)
		}
		codes = append(codes, item.Code)
	}
	return codes, nil
}
