package simulator

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const organizationName = "Example Org"

// consoleRoutes are the Developer Console's calls.
func consoleRoutes() []route {
	const (
		project      = console + "/projects/{project}"
		workspace    = project + "/workspaces/{workspace}"
		integrations = console + "/integrations"
		secrets      = console + "/credentials/{credential}/secrets"
		binding      = s2s + "/{credential}/binding"
	)
	return []route{
		newRoute("organizations", "GET", "/console/organizations", (*call).organizations).lists("."),
		newRoute("services", "GET", console+"/services", (*call).services).lists("."),
		newRoute("services", "GET", "/console/organizations/{code}/services/v2", (*call).servicesV2).lists("services"),
		newRoute("terms", "GET", "/console/services/ims/organizations/{org}/terms", (*call).terms),
		newRoute("terms", "GET", "/console/services/ims/terms", (*call).termsText),

		newRoute("projects", "GET", console+"/projects", (*call).projects).lists("."),
		newRoute("project", "GET", project, (*call).oneProject),
		newRoute("workspaces", "GET", project+"/workspaces", (*call).workspaces).lists("."),
		newRoute("workspace", "GET", workspace, (*call).oneWorkspace),
		newRoute("credentials", "GET", workspace+"/credentials", (*call).credentials).lists("."),
		newRoute("download", "GET", workspace+"/download", (*call).download),
		newRoute("endpoints", "GET", workspace+"/endpoints", (*call).endpoints),
		newRoute("plugins", "GET", workspace+"/plugins", (*call).plugins).lists("."),

		newRoute("bindings", "GET", integrations+"/entp/{integration}/bindings", (*call).bindings).lists("."),
		newRoute("certificate-upload", "POST", integrations+"/entp/{integration}/bindings", (*call).uploadCertificate),
		newRoute("sdk-properties", "GET", integrations+"/entp/{integration}/service/{sdk}/properties", (*call).sdkProperties),
		newRoute("integrations", "GET", integrations, (*call).integrationPage).lists("content"),
		newRoute("integration", "GET", integrations+"/{integration}", (*call).oneIntegration),
		newRoute("integration-secrets", "GET", integrations+"/{integration}/secrets", (*call).secretValues),

		newRoute("client", "GET", "/console/clients/{client}/credential", (*call).clientCredential),
		newRoute("client-workspace", "GET", console+"/clients/{client}/project_workspace", (*call).clientWorkspace),
		newRoute("credential-workspace", "GET", console+"/projects_workspaces/credentials/{credential}",
			(*call).credentialWorkspace),
		newRoute("workspace-project", "GET", console+"/projects_workspaces/workspaces/{workspace}", (*call).workspaceProject),
		newRoute("service-clients", "GET", "/console/data/services/{service}/clients", (*call).serviceClients),

		newRoute("binding-create", "POST", binding, (*call).startMigration).starts(),
		newRoute("binding", "GET", binding, (*call).readBinding),
		newRoute("binding-delete", "DELETE", binding, (*call).cancelMigration).starts(),
		newRoute("status", "GET", s2s+"/{credential}/status", (*call).migrationStatus),
		newRoute("finalize", "PATCH", s2s+"/{credential}/finalize", (*call).finalize).starts(),
		newRoute("subscribe", "PUT", s2s+"/{credential}/services", (*call).changeServices).writes(),
		newRoute("subscribe", "PATCH", s2s+"/{credential}/service/subscribe", (*call).changeServices).writes(),
		newRoute("subscribe", "PATCH", s2s+"/{credential}/service/unsubscribe", (*call).changeServices).writes(),
		newRoute("secrets", "GET", secrets, (*call).secrets),
		newRoute("secret-create", "POST", secrets, (*call).addSecret).writes(),
		newRoute("secret-delete", "DELETE", secrets+"/{secret}", (*call).deleteSecret).writes(),
	}
}

// id is a credential's or integration's id: a text, or a number as in some of Adobe's fixtures.
func (c *call) id(text string) any {
	if c.s.sw(swIDs) == "number" {
		if number, err := strconv.ParseInt(text, 10, 64); err == nil {
			return number
		}
	}
	return text
}

func (c *call) boolean(value bool) any {
	if c.s.sw(swBooleans) == "boolean" {
		return value
	}
	return map[bool]int{true: 1}[value]
}

// date is a time in the form that a switch chooses: specification and fixtures differ.
func (c *call) date(at time.Time) any {
	switch c.s.sw(swConsoleDates) {
	case "timestamp":
		return at.UTC().Format(stampLayout)
	case "milliseconds":
		return at.UnixMilli()
	}
	return at.UTC().Format(time.DateOnly)
}

// text is a text that Adobe leaves null where it is empty, if a switch says so.
func (c *call) text(value string) any {
	if value == "" && c.s.sw(swNulls) == "null" {
		return nil
	}
	return value
}

func (c *call) organizations() reply {
	const admin = "1234567890ABCDEF0A495C01@AdobeID"
	return jsonReply(http.StatusOK, []map[string]any{{
		"id": OrganizationID, "code": IMSOrganization, "name": organizationName, "description": c.text(""),
		"type": "entp", "role": "ADMIN",
		"roles": []map[string]any{{
			"principal": admin, "organization": IMSOrganization, "target": IMSOrganization, "named_role": "org_admin",
			"target_type": "TRG_ORG", "target_data": map[string]any{},
		}},
	}})
}

const sdkCode = "AdobeExperiencePlatformSDK"

func serviceObject() map[string]any {
	return map[string]any{
		"name": "Experience Platform API", "code": sdkCode, "enabled": true, "type": "entp",
		"platformList": []string{"oauth_server_to_server"}, "description": "", "deprecated": false,
		"properties": map[string]any{"licenseConfigs": licenseConfigs()}, "entitledForOrg": true,
	}
}

func licenseConfigs() []map[string]string {
	return []map[string]string{{
		"id": "555111", "name": "AEP-Default-All-Users", "productId": "0A1B2C", "description": "Experience Platform",
	}}
}

// serviceList has Experience Platform alone, unless sdkCodes asks for others.
func (c *call) serviceList() []map[string]any {
	asked := c.query.Get("sdkCodes")
	if asked != "" && !slices.Contains(strings.Split(asked, ","), sdkCode) {
		return []map[string]any{}
	}
	return []map[string]any{serviceObject()}
}

func (c *call) services() reply { return jsonReply(http.StatusOK, c.serviceList()) }

// servicesV2 is the one call that takes the IMS form of the organization's id.
func (c *call) servicesV2() reply {
	if c.values["code"] != IMSOrganization {
		return c.consoleError(http.StatusForbidden, "ERR_MSG_OPERATION_NOT_ALLOWED", "No access to organization")
	}
	return jsonReply(http.StatusOK, map[string]any{
		"orgCode": IMSOrganization, "sdkCodes": c.query.Get("sdkCodes"), "services": c.serviceList(),
	})
}

func (c *call) terms() reply {
	return jsonReply(http.StatusOK, map[string]bool{"accepted": true, "current": true})
}

func (c *call) termsText() reply {
	terms := []map[string]string{{"text": "Simulated terms.", "locale": "en_US"}}
	return jsonReply(http.StatusOK, map[string]any{"tc": terms})
}
