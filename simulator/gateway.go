package simulator

import (
	"net/http"
	"strings"
)

// platformGate checks what Experience Platform's gateway checks, in its order and with its documented codes.
func (c *call) platformGate() *reply {
	if refused := c.bearerGate(); refused != nil {
		return refused
	}
	if c.r.Header.Get("x-api-key") != c.grant.clientID {
		return refuse(http.StatusForbidden, "403003", "Api Key is invalid")
	}
	switch c.r.Header.Get("x-gw-ims-org-id") {
	case "":
		return refuse(http.StatusBadRequest, "400003", "Missing header")
	case IMSOrganization:
	default:
		return refuse(http.StatusForbidden, "403027", "User region is missing")
	}
	if !c.grant.may(platformScope) {
		return refuse(http.StatusForbidden, "403025", "Profile is not valid")
	}
	return nil
}

// sandboxGate is platformGate for calls that are bound to one sandbox.
func (c *call) sandboxGate() *reply {
	if refused := c.platformGate(); refused != nil {
		return refused
	}
	if c.r.Header.Get("x-sandbox-name") == "" {
		return refuse(http.StatusBadRequest, "400003", "Missing header")
	}
	return nil
}

// consoleGate checks what the Developer Console's gateway checks. Adobe's tests show 401 for a bad token and 403 for a
// bad key; whether a technical account may call at all is not documented, so a switch decides.
func (c *call) consoleGate() *reply {
	if refused := c.bearerGate(); refused != nil {
		return refused
	}
	key := c.r.Header.Get("x-api-key")
	if key != c.grant.clientID && key != CLIKey {
		return refuse(http.StatusForbidden, "403003", "Api Key is invalid")
	}
	if c.consoleForbidden() {
		answer := c.consoleError(http.StatusForbidden, "ERR_MSG_OPERATION_NOT_ALLOWED",
			"The user doesn't have the matching licenses for this application")
		return &answer
	}
	return c.organizationGate()
}

func (c *call) consoleForbidden() bool {
	if c.grant.user {
		return false
	}
	switch {
	case c.s.org.consoleForbidden, c.s.sw(swTechnicalAccount) == "none":
		return true
	case c.s.sw(swTechnicalAccount) == "organizations-only":
		return c.route.operation != "organizations" && c.route.operation != "integrations"
	}
	return false
}

// organizationGate refuses organizations other than ours and, as has been seen, the IMS form of the id.
func (c *call) organizationGate() *reply {
	id, named := c.values["org"]
	if !named || id == OrganizationID {
		return nil
	}
	answer := c.consoleError(http.StatusForbidden, "ERR_MSG_OPERATION_NOT_ALLOWED", "No access to organization")
	if strings.Contains(id, "@") {
		answer = c.consoleError(http.StatusBadRequest, "ERR_MSG_INVALID_ORG_ID", "Organization id must be numeric")
	}
	return &answer
}

func (c *call) bearerGate() *reply {
	header := c.r.Header.Get("Authorization")
	if header == "" {
		return refuse(http.StatusForbidden, "403010", "Oauth token is missing.")
	}
	scheme, token, _ := strings.Cut(header, " ")
	held, ok := c.s.tokens.find(token, c.s.clock())
	if !strings.EqualFold(scheme, "Bearer") || !ok {
		return refuse(http.StatusUnauthorized, "401013", "Oauth token is not valid")
	}
	c.grant = held
	if c.r.Header.Get("x-api-key") == "" {
		return refuse(http.StatusForbidden, "403000", "Api Key is required")
	}
	return nil
}

func refuse(status int, code, message string) *reply {
	answer := gatewayError(status, code, message)
	return &answer
}
