package adobe

import (
	"context"
	"net/url"
	"strconv"

	"jwtsunset/credential"
)

const integrationPageSize = 50

var (
	integrations = endpoint{credential.StageIntegrations, "/console/organizations/{organization}/integrations"}
	integration  = endpoint{credential.StageIntegration, integrations.path + "/{integration}"}
	certificates = endpoint{credential.StageCertificates, integrations.path + "/entp/{integration}/bindings"}
	status       = endpoint{
		credential.StageStatus,
		"/console/organizations/{organization}/credentials/oauth-server-to-server/{integration}/status",
	}
)

// IntegrationPage reads one page of an organization's integrations; pages are counted from 0.
func (c *Client) IntegrationPage(ctx context.Context, orgID string, page int) (credential.IntegrationPage, error) {
	query := url.Values{"page": {strconv.Itoa(page)}, "size": {strconv.Itoa(integrationPageSize)}}
	request := c.consoleRequest(integrations, query, orgID)
	return read(ctx, c, request, func(d *decoder) (credential.IntegrationPage, error) {
		return decodeIntegrationPage(d, page)
	})
}

// Integration reads the detail record of one integration.
func (c *Client) Integration(ctx context.Context, orgID, id string) (credential.Integration, error) {
	request := c.consoleRequest(integration, nil, orgID, id)
	return read(ctx, c, request, func(d *decoder) (credential.Integration, error) {
		found, err := decodeIntegration(d, d.envelope)
		if err == nil && found.ID != id {
			err = &problem{credential.ReasonMismatch, "the answer is about another integration"}
		}
		return found, err
	})
}

// Certificates lists the certificates bound to a JWT integration.
func (c *Client) Certificates(ctx context.Context, orgID, id string) ([]credential.Certificate, error) {
	return read(ctx, c, c.consoleRequest(certificates, nil, orgID, id), decodeCertificates)
}

// MigrationStatus reads how far an integration's migration to OAuth Server-to-Server is. A word that Adobe does not
// document is an error: no guess may pass for a migration that is done.
func (c *Client) MigrationStatus(ctx context.Context, orgID, id string) (credential.MigrationStatus, error) {
	return read(ctx, c, c.consoleRequest(status, nil, orgID, id), decodeStatus)
}

var (
	integrationPageNames = namesOf("content", "pages", "total", "error", "error_code", "errors")
	// Adobe's specification, documentation and samples spell some members in more than one way.
	integrationNames = namesOf("id", "name", "description", "apikey", "apiKey", "technicalAccountId", "technicalAcctId",
		"technicalAccountEmail", "status", "type", "readOnly", "createdDate", "lastModifiedDate", "lastModified",
		"error", "error_code", "errors")
	certificateNames = namesOf("bindingId", "certificateFingerprint", "notAfter")
	statusNames      = namesOf("migrationStatus", "error", "error_code", "errors")
)

func decodeIntegrationPage(d *decoder, page int) (credential.IntegrationPage, error) {
	p := credential.IntegrationPage{Total: -1}
	pages, found := int64(-1), false
	err := d.envelope(integrationPageNames, func(name string) (err error) {
		switch name {
		case "pages":
			pages, err = d.integer()
		case "total":
			var total int64
			total, err = d.integer()
			p.Total = int(min(max(total, 0), maxItems*maxItems))
		case "content":
			found = true
			err = d.list(func() error {
				i, err := decodeIntegration(d, d.object)
				p.Integrations = append(p.Integrations, i)
				return err
			})
		}
		return err
	})
	if err == nil && !found {
		err = malformed("the answer has no list of integrations")
	}
	p.More = int64(page)+1 < pages
	if pages < 0 {
		p.More = len(p.Integrations) >= integrationPageSize
	}
	if err == nil && p.More && len(p.Integrations) == 0 {
		err = &problem{credential.ReasonMismatch, "more integrations are announced, but the page is empty"}
	}
	return p, err
}

// decodeIntegration reads an integration with object or envelope.
func decodeIntegration(
	d *decoder, object func(*names, func(string) error) error,
) (credential.Integration, error) {
	var i credential.Integration
	err := object(integrationNames, func(name string) (err error) {
		switch name {
		case "id":
			i.ID, err = d.id()
		case "name":
			i.Name, err = d.text()
		case "description":
			i.Description, err = d.text()
		case "apikey", "apiKey":
			err = d.firstText(&i.ClientID, d.text)
		case "technicalAccountId", "technicalAcctId":
			err = d.firstText(&i.TechnicalAccountID, d.text)
		case "technicalAccountEmail":
			i.TechnicalAccountEmail, err = d.text()
		case "status":
			i.Status, err = d.repeated()
		case "type":
			i.Type, err = d.repeated()
		case "readOnly":
			i.ReadOnly, err = d.flag()
		case "createdDate":
			i.Created, err = d.when()
		case "lastModifiedDate", "lastModified":
			i.LastModified, err = d.when()
		default:
			err = d.skip()
		}
		return err
	})
	if err == nil {
		err = needID(i.ID)
	}
	return i, err
}

func decodeCertificates(d *decoder) ([]credential.Certificate, error) {
	return decodeList(d, certificateNames, func(c *credential.Certificate, name string) (err error) {
		switch name {
		case "bindingId":
			c.ID, err = d.id()
		case "certificateFingerprint":
			c.Fingerprint, err = d.text()
		case "notAfter":
			c.NotAfter, err = d.when()
		}
		return err
	}, func(c *credential.Certificate) error { return needID(c.ID) })
}

func decodeStatus(d *decoder) (credential.MigrationStatus, error) {
	var word string
	err := d.envelope(statusNames, func(string) (err error) {
		word, err = d.text()
		return err
	})
	if err != nil {
		return "", err
	}
	switch s := credential.MigrationStatus(word); s {
	case credential.MigrationNotStarted, credential.MigrationStarted,
		credential.MigrationCompleted, credential.MigrationNone:
		return s, nil
	default:
		return "", malformed("the migration status %q is none that Adobe documents", clean(word, 40))
	}
}
