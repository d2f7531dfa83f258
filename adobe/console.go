package adobe

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"jwtsunset/credential"
)

const projectPageSize = 100

var (
	organizations        = endpoint{credential.StageOrganizations, "/console/organizations"}
	projects             = endpoint{credential.StageProjects, "/console/organizations/{organization}/projects"}
	workspaces           = endpoint{credential.StageWorkspaces, projects.path + "/{project}/workspaces"}
	workspaceCredentials = endpoint{credential.StageCredentials, workspaces.path + "/{workspace}/credentials"}
)

// OrganizationID finds the number by which the Developer Console's paths name the organization. An organization that
// the Console does not list is an error with reason not_visible.
func (c *Client) OrganizationID(ctx context.Context) (string, error) {
	listed, err := read(ctx, c, c.consoleRequest(organizations, nil), decodeOrganizations)
	if err != nil {
		return "", err
	}
	for _, o := range listed {
		if strings.EqualFold(o.code, c.options.IMSOrg) {
			return o.id, nil
		}
	}
	return "", c.failure(organizations, credential.ReasonNotVisible,
		fmt.Errorf("the organization is not among the %d that the Developer Console lists", len(listed)))
}

// ProjectPage reads one page of an organization's projects, oldest first; pages are counted from 1.
func (c *Client) ProjectPage(ctx context.Context, orgID string, page int) (credential.ProjectPage, error) {
	query := url.Values{
		"page": {strconv.Itoa(page)}, "size": {strconv.Itoa(projectPageSize)},
		"sortField": {"date_created"}, "sortOrder": {"ASC"},
	}
	return read(ctx, c, c.consoleRequest(projects, query, orgID), func(d *decoder) (credential.ProjectPage, error) {
		list, err := decodeProjects(d)
		if err != nil {
			return credential.ProjectPage{}, err
		}
		return projectPage(list, page, d.answer.header.Get("X-Pagination-Count"))
	})
}

// projectPage works out whether another page follows: by the announced count, else by a full page. A page larger than
// asked for comes from a service that does not page. A count that is less than what was read already is none.
func projectPage(list []credential.Project, page int, count string) (credential.ProjectPage, error) {
	p := credential.ProjectPage{Projects: list, Total: -1, More: len(list) == projectPageSize}
	total, err := strconv.Atoi(count)
	if announced := err == nil; !announced || total < (page-1)*projectPageSize+len(list) {
		return p, nil
	}
	p.Total, p.More = total, page*projectPageSize < total
	if p.More && len(list) == 0 {
		text := fmt.Sprintf("%d projects are announced, but page %d is empty", total, page)
		return p, &problem{credential.ReasonMismatch, text}
	}
	return p, nil
}

// Workspaces lists the workspaces of a project.
func (c *Client) Workspaces(ctx context.Context, orgID, projectID string) ([]credential.Workspace, error) {
	return read(ctx, c, c.consoleRequest(workspaces, nil, orgID, projectID), decodeWorkspaces)
}

// WorkspaceCredentials lists the credentials of a workspace, of every type.
func (c *Client) WorkspaceCredentials(
	ctx context.Context, orgID, projectID, workspaceID string,
) ([]credential.WorkspaceCredential, error) {
	request := c.consoleRequest(workspaceCredentials, nil, orgID, projectID, workspaceID)
	return read(ctx, c, request, decodeWorkspaceCredentials)
}

type organization struct{ id, code string }

var (
	organizationNames = namesOf("id", "code")
	projectNames      = namesOf("id", "name", "title", "type", "who_created")
	workspaceNames    = namesOf("id", "name")
	// Adobe's specification says credential_type where its own programs read integration_type.
	workspaceCredentialNames = namesOf("id_integration", "flow_type", "credential_type", "integration_type")
)

var errNoID = malformed("a record has no id")

// decodeList reads an answer that is a list of objects, each with what element says of its members.
func decodeList[T any](
	d *decoder, known *names, member func(v *T, name string) error, complete func(v *T) error,
) ([]T, error) {
	var list []T
	err := d.list(func() error {
		var v T
		err := d.object(known, func(name string) error { return member(&v, name) })
		if err == nil {
			err = complete(&v)
		}
		list = append(list, v)
		return err
	})
	return list, err
}

func needID(id string) error {
	if id == "" {
		return errNoID
	}
	return nil
}

func decodeOrganizations(d *decoder) ([]organization, error) {
	return decodeList(d, organizationNames, func(o *organization, name string) (err error) {
		switch name {
		case "id":
			o.id, err = d.id()
		case "code":
			o.code, err = d.text()
		}
		return err
	}, func(o *organization) error { return needID(o.id) })
}

func decodeProjects(d *decoder) ([]credential.Project, error) {
	return decodeList(d, projectNames, func(p *credential.Project, name string) (err error) {
		switch name {
		case "id":
			p.ID, err = d.id()
		case "name":
			p.Name, err = d.text()
		case "title":
			p.Title, err = d.text()
		case "type":
			p.Type, err = d.repeated()
		case "who_created":
			p.CreatedBy, err = d.repeated()
		}
		return err
	}, func(p *credential.Project) error { return needID(p.ID) })
}

func decodeWorkspaces(d *decoder) ([]credential.Workspace, error) {
	return decodeList(d, workspaceNames, func(w *credential.Workspace, name string) (err error) {
		switch name {
		case "id":
			w.ID, err = d.id()
		case "name":
			w.Name, err = d.repeated()
		}
		return err
	}, func(w *credential.Workspace) error { return needID(w.ID) })
}

func decodeWorkspaceCredentials(d *decoder) ([]credential.WorkspaceCredential, error) {
	var typed, other string // credential_type and integration_type of the record being read
	return decodeList(d, workspaceCredentialNames, func(w *credential.WorkspaceCredential, name string) (err error) {
		switch name {
		case "id_integration":
			w.IntegrationID, err = d.id()
		case "flow_type":
			w.FlowType, err = d.repeated()
		case "credential_type":
			typed, err = d.repeated()
		case "integration_type":
			other, err = d.repeated()
		}
		return err
	}, func(w *credential.WorkspaceCredential) error {
		w.Type = orZero(typed, other)
		typed, other = "", ""
		if w.Type == "" {
			return malformed("a credential has no type")
		}
		return needID(w.IntegrationID)
	})
}
