package simulator

import (
	"fmt"
	"net/http"
	"strconv"
)

// maxIntegrations is the largest page of integrations.
const maxIntegrations = 50

// integrationPage lists integrations, with pages counted from 0.
func (c *call) integrationPage() reply {
	page, size, err := c.integrationRange()
	if err != nil {
		return c.consoleError(http.StatusBadRequest, "ERR_MSG_INVALID_PARAMETER", err.Error())
	}
	all := c.s.org.integrations()
	from := min(page*size, len(all))
	content := []map[string]any{}
	for _, i := range all[from:min(from+size, len(all))] {
		content = append(content, map[string]any{
			c.s.sw(swAPIKeyField): i.clientID, "createdDate": c.date(i.created), "description": i.description,
			"id": c.id(i.id), "lastModified": c.date(i.modified), "name": i.name, "orgId": c.id(OrganizationID),
			"production": false, "sdkList": i.services, "status": "ENABLED", "type": i.flowType(),
		})
	}
	return jsonReply(http.StatusOK, map[string]any{
		"page": page, "pages": (len(all) + size - 1) / size, "size": size, "total": len(all), "content": content,
	})
}

func (c *call) integrationRange() (page, size int, err error) {
	size = maxIntegrations
	if c.query.Has("page") {
		if page, err = strconv.Atoi(c.query.Get("page")); err != nil || page < 0 || page > 1_000_000 {
			return 0, 0, fmt.Errorf("page must not be negative")
		}
	}
	if c.query.Has("size") {
		if size, err = strconv.Atoi(c.query.Get("size")); err != nil || size < 1 || size > maxIntegrations {
			return 0, 0, fmt.Errorf("size must be from 1 to %d", maxIntegrations)
		}
	}
	if c.cursor != "" {
		page = 0
	}
	return page, size, nil
}

// namedIntegration finds the integration or credential of the path; Adobe uses one id for both.
func (c *call) namedIntegration() (*integration, *reply) {
	id := c.values["integration"]
	if id == "" {
		id = c.values["credential"]
	}
	if i := c.s.org.byID[id]; i != nil {
		return i, nil
	}
	answer := c.consoleError(http.StatusNotFound, "ERR_MSG_NOT_FOUND", "Integration not found")
	return nil, &answer
}

func (c *call) oneIntegration() reply {
	i, refused := c.namedIntegration()
	if refused != nil {
		return *refused
	}
	object := map[string]any{
		c.s.sw(swAPIKeyField): i.clientID, "description": i.description, "id": c.id(i.id), "name": i.name,
		"orgId": c.id(OrganizationID), "platform": "", "domain": "", "production": false, "readOnly": i.readOnly,
		"redirectUriList": []string{}, "defaultRedirectUri": "", "sdkList": i.services,
		"serviceProperties": []map[string]any{{
			"sdkCode": sdkCode, "name": "Experience Platform API", "roles": []any{}, "scopes": splitScope(allowedScopes),
			"licenseConfigs": licenseConfigs(),
		}},
		"status": "ENABLED", "type": i.flowType(), "createdDate": c.date(i.created), "lastModifiedDate": c.date(i.modified),
	}
	if i.account != nil {
		object["technicalAccountId"] = i.account.id + "@techacct.adobe.com"
		object["technicalAccountEmail"] = i.account.uuid + "@techacct.adobe.com"
	}
	return jsonReply(http.StatusOK, object)
}

// bindings lists the certificates of a Service Account; notAfter is in milliseconds.
func (c *call) bindings() reply {
	i, refused := c.namedIntegration()
	if refused != nil {
		return *refused
	}
	list := []map[string]any{}
	for _, held := range i.certificates {
		list = append(list, map[string]any{
			"bindingId": held.id, "orgId": IMSOrganization, "technicalAccountId": i.account.id + "@techacct.adobe.com",
			"certificateFingerprint": held.fingerprint, "notAfter": held.notAfter.UnixMilli(),
		})
	}
	return jsonReply(http.StatusOK, list)
}

// uploadCertificate is refused: certificates cannot be renewed since 2025-06-30. The error body is not documented.
func (c *call) uploadCertificate() reply {
	if _, refused := c.namedIntegration(); refused != nil {
		return *refused
	}
	return c.consoleError(http.StatusForbidden, "ERR_MSG_OPERATION_NOT_ALLOWED", "Certificates can no longer be added")
}

func (c *call) sdkProperties() reply {
	if _, refused := c.namedIntegration(); refused != nil {
		return *refused
	}
	if c.values["sdk"] != sdkCode {
		return c.consoleError(http.StatusNotFound, "ERR_MSG_NOT_FOUND", "Service not found")
	}
	return jsonReply(http.StatusOK, map[string]any{
		"sdkCode": sdkCode, "name": "Experience Platform API", "sdkList": []any{}, "licenseConfigs": licenseConfigs(),
	})
}
