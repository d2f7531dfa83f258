package simulator

import "net/http"

func (c *call) namedClient() (*integration, *reply) {
	if i := c.s.org.byClient[c.values["client"]]; i != nil {
		return i, nil
	}
	answer := c.consoleError(http.StatusNotFound, "ERR_MSG_NOT_FOUND", "Client not found")
	return nil, &answer
}

// clientCredential is the cheapest way to the type of a known client id.
func (c *call) clientCredential() reply {
	i, refused := c.namedClient()
	if refused != nil {
		return *refused
	}
	return jsonReply(http.StatusOK, map[string]any{
		"org_id": OrganizationID, "org_code": IMSOrganization, "project_id": i.project.id, "workspace_id": i.workspace.id,
		"credential_id": i.id, "client_id": i.clientID, "flow_type": i.flowType(),
		"credential_type": i.credentialType(c.shown(i)),
		"metadata":        map[string]string{"adobeid.domain": ""}, "services": []string{sdkCode},
	})
}

func (c *call) clientWorkspace() reply {
	i, refused := c.namedClient()
	if refused != nil {
		return *refused
	}
	return jsonReply(http.StatusOK, map[string]any{
		"projectId": i.project.id, "workspaceId": i.workspace.id, "integrationId": c.id(i.id),
	})
}

func (c *call) credentialWorkspace() reply {
	i, refused := c.namedIntegration()
	if refused != nil {
		return *refused
	}
	return c.lookup(map[string]any{"projectId": i.project.id, "workspaceId": i.workspace.id, "credentialId": c.id(i.id)})
}

func (c *call) workspaceProject() reply {
	for _, p := range c.s.org.projects {
		if p.workspace(c.values["workspace"]) != nil {
			return c.lookup(map[string]any{"projectId": p.id, "workspaceId": c.values["workspace"]})
		}
	}
	return c.consoleError(http.StatusNotFound, "ERR_MSG_NOT_FOUND", "Workspace not found")
}

// lookup is a list of one in the specification and the one itself in client tests.
func (c *call) lookup(found map[string]any) reply {
	if c.s.sw(swLookup) == "object" {
		return jsonReply(http.StatusOK, found)
	}
	return jsonReply(http.StatusOK, []map[string]any{found})
}

// serviceClients needs a service token of Adobe's own, which no customer gets.
func (c *call) serviceClients() reply {
	return c.consoleError(http.StatusForbidden, "ERR_MSG_OPERATION_NOT_ALLOWED", "A service token is required")
}
