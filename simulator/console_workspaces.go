package simulator

import "net/http"

func (c *call) workspaces() reply {
	p, refused := c.namedProject()
	if refused != nil {
		return *refused
	}
	list := []map[string]any{}
	for _, w := range p.workspaces {
		list = append(list, c.workspaceObject(p, w))
	}
	return jsonReply(http.StatusOK, list)
}

func (c *call) workspaceObject(p *project, w *workspace) map[string]any {
	return map[string]any{
		"id": w.id, "name": w.name, "title": w.title, "description": "", "quota_usage": "", "enabled": c.boolean(true),
		"runtime_enabled": c.boolean(w.runtimeNamespace != ""), "runtime_namespace": c.text(w.runtimeNamespace),
		"date_created": c.date(w.created), "date_last_modified": c.date(w.created),
		"who_created": p.createdBy, "who_last_modified": p.createdBy,
	}
}

func (c *call) namedWorkspace() (*project, *workspace, *reply) {
	p, refused := c.namedProject()
	if refused != nil {
		return nil, nil, refused
	}
	w := p.workspace(c.values["workspace"])
	if w == nil {
		answer := c.consoleError(http.StatusInternalServerError, "ERR_MSG_GENERIC_MESSAGE", "Unknown Error")
		return nil, nil, &answer
	}
	return p, w, nil
}

func (c *call) oneWorkspace() reply {
	p, w, refused := c.namedWorkspace()
	if refused != nil {
		return *refused
	}
	return jsonReply(http.StatusOK, c.workspaceObject(p, w))
}

func (c *call) endpoints() reply {
	if _, _, refused := c.namedWorkspace(); refused != nil {
		return *refused
	}
	return jsonReply(http.StatusOK, map[string]any{"endpoints": map[string]any{}})
}

func (c *call) plugins() reply {
	if _, _, refused := c.namedWorkspace(); refused != nil {
		return *refused
	}
	return jsonReply(http.StatusOK, []any{})
}

func (c *call) credentials() reply {
	_, w, refused := c.namedWorkspace()
	if refused != nil {
		return *refused
	}
	return jsonReply(http.StatusOK, c.credentialObjects(w))
}

func (c *call) credentialObjects(w *workspace) []map[string]any {
	list := []map[string]any{}
	for _, i := range w.integrations {
		at := c.shown(i)
		object := map[string]any{"id_workspace": w.id, "id_integration": c.id(i.id), "flow_type": i.flowType()}
		field := c.s.sw(swCredentialType)
		if field != "integration_type" {
			object["credential_type"] = i.credentialType(at)
		}
		if field != "credential_type" {
			object["integration_type"] = i.credentialType(at)
		}
		list = append(list, object)
	}
	return list
}

// download is the workspace file, which does hold secrets. Real answers put the workspace beside the organization.
func (c *call) download() reply {
	p, w, refused := c.namedWorkspace()
	if refused != nil {
		return *refused
	}
	credentials := []map[string]any{}
	for _, i := range w.integrations {
		credentials = append(credentials, i.downloaded(c.shown(i)))
	}
	return jsonReply(http.StatusOK, map[string]any{"project": map[string]any{
		"id": p.id, "name": p.name, "title": p.title, "description": "",
		"org": map[string]any{"id": OrganizationID, "name": organizationName, "ims_org_id": IMSOrganization},
		"workspace": map[string]any{
			"id": w.id, "name": w.name, "title": w.title, "description": "", "action_url": "", "app_url": "",
			"details": map[string]any{
				"credentials": credentials,
				"services":    []map[string]string{{"code": sdkCode, "name": "Experience Platform API"}},
				"runtime":     map[string]any{"namespaces": []any{}}, "events": map[string]any{"registrations": []any{}},
				"mesh": map[string]any{},
			},
		},
	}})
}

// downloaded is a credential with the blocks of the grants that work for it in a state: in mid-migration both.
func (i *integration) downloaded(at status) map[string]any {
	object := map[string]any{"id": i.id, "name": i.name, "integration_type": i.credentialType(at)}
	if i.apiKeyOnly {
		object["apiKey"] = i.clientID
		object["api_key"] = map[string]any{"client_id": i.clientID}
		return object
	}
	id, email := i.account.id+"@techacct.adobe.com", i.account.uuid+"@techacct.adobe.com"
	secrets := i.secretValues()
	if (at == notStarted || at == started) && len(secrets) > 0 {
		object["jwt"] = map[string]any{
			"client_id": i.clientID, "client_secret": secrets[0], "technical_account_id": id,
			"technical_account_email": email, "meta_scopes": []string{"ent_dataservices_sdk"},
		}
	}
	if at != notStarted {
		object["oauth_server_to_server"] = map[string]any{
			"client_id": i.clientID, "client_secrets": secrets, "technical_account_id": id,
			"technical_account_email": email, "scopes": splitScope(allowedScopes),
		}
	}
	return object
}

func (i *integration) secretValues() []string {
	values := []string{}
	for _, s := range i.secrets {
		values = append(values, s.value)
	}
	return values
}
