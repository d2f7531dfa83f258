package adobe

import (
	"context"
	"slices"

	"jwtsunset/credential"
)

var project = endpoint{credential.StageProjects, projects.path + "/{project}"}

// Project reads one project.
func (c *Client) Project(ctx context.Context, orgID, id string) (credential.Project, error) {
	return read(ctx, c, c.consoleRequest(project, nil, orgID, id), func(d *decoder) (credential.Project, error) {
		p, err := decodeProject(d)
		if err == nil && p.ID != id {
			err = &problem{credential.ReasonMismatch, "the answer is about another project"}
		}
		return p, err
	})
}

var oneProjectNames = namesOf("id", "name", "title", "type", "who_created", "error", "error_code", "errors")

func decodeProject(d *decoder) (credential.Project, error) {
	var p credential.Project
	err := d.envelope(oneProjectNames, func(name string) (err error) {
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
	})
	if err == nil {
		err = needID(p.ID)
	}
	return p, err
}

// Access reads what an integration may use: the codes of its APIs, and the names of its product profiles, each once and
// sorted. Adobe may show profiles only once somebody has looked at them in the Developer Console.
func (c *Client) Access(ctx context.Context, orgID, id string) (credential.Access, error) {
	return read(ctx, c, c.consoleRequest(integration, nil, orgID, id), decodeAccess)
}

var (
	accessNames  = namesOf("sdkList", "serviceProperties", "error", "error_code", "errors")
	serviceNames = namesOf("sdkCode", "licenseConfigs")
	profileNames = namesOf("name")
)

func decodeAccess(d *decoder) (credential.Access, error) {
	var a credential.Access
	err := d.envelope(accessNames, func(name string) error {
		if name == "sdkList" {
			return d.list(func() error { return d.add(&a.APIs) })
		}
		return d.list(func() error {
			return d.object(serviceNames, func(name string) error {
				if name == "sdkCode" {
					return d.add(&a.APIs)
				}
				return d.list(func() error {
					return d.object(profileNames, func(string) error { return d.add(&a.Profiles) })
				})
			})
		})
	})
	a.APIs, a.Profiles = once(a.APIs), once(a.Profiles)
	return a, err
}

// add reads a text into a list.
func (d *decoder) add(list *[]string) error {
	text, err := d.repeated()
	*list = append(*list, text)
	return err
}

func once(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}
