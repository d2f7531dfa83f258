package simulator

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// projectSize is the page size where page is given without size.
const projectSize = 100

// projects lists projects: all in one answer without page, else the page asked for, counted from 1.
func (c *call) projects() reply {
	compare, err := c.projectOrder()
	if err != nil {
		return c.consoleError(http.StatusBadRequest, "ERR_MSG_INVALID_PARAMETER", err.Error())
	}
	var list []*project
	for _, p := range c.s.org.projects {
		if !p.hidden && c.wants(p) {
			list = append(list, p)
		}
	}
	if compare != nil {
		slices.SortStableFunc(list, compare)
	}
	page, size, err := c.projectPage(len(list))
	if err != nil {
		return c.consoleError(http.StatusBadRequest, "ERR_MSG_INVALID_PARAMETER", err.Error())
	}
	from := min((page-1)*size, len(list))
	objects := []map[string]any{}
	for _, p := range list[from:min(from+size, len(list))] {
		objects = append(objects, c.listedProject(p))
	}
	answer := jsonReply(http.StatusOK, objects)
	if when := c.s.sw(swPaginationHeaders); when == "always" || when == "paged" && c.query.Has("page") {
		answer = answer.with("X-Pagination-Count", strconv.Itoa(len(list))).
			with("X-Pagination-Page", strconv.Itoa(page)).with("X-Pagination-Size", strconv.Itoa(size))
	}
	return answer
}

func (c *call) projectOrder() (func(a, b *project) int, error) {
	field, order := c.query.Get("sortField"), c.query.Get("sortOrder")
	by, ok := map[string]func(a, b *project) int{
		"":                   nil,
		"date_created":       func(a, b *project) int { return a.created.Compare(b.created) },
		"date_last_modified": func(a, b *project) int { return a.modified.Compare(b.modified) },
		"title":              func(a, b *project) int { return strings.Compare(a.title, b.title) },
	}[field]
	if !ok {
		return nil, fmt.Errorf("sortField must be one of date_last_modified, date_created, title")
	}
	sign, ok := map[string]int{"": 1, "ASC": 1, "DESC": -1}[order]
	if !ok {
		return nil, fmt.Errorf("sortOrder must be one of DESC, ASC")
	}
	if by == nil {
		return nil, nil
	}
	return func(a, b *project) int { return sign * cmp.Or(by(a, b), strings.Compare(a.id, b.id)) }, nil
}

func (c *call) projectPage(total int) (page, size int, err error) {
	page, size = 1, projectSize
	for name, target := range map[string]*int{"page": &page, "size": &size} {
		if !c.query.Has(name) {
			continue
		}
		if *target, err = strconv.Atoi(c.query.Get(name)); err != nil || *target < 1 || *target > 1_000_000 {
			return 0, 0, fmt.Errorf("%s must be a positive integer", name)
		}
	}
	if c.cursor != "" {
		page = 1
	}
	if !c.query.Has("page") {
		size = max(total, 1)
	}
	return page, size, nil
}

// wants applies the filters of the list of projects.
func (c *call) wants(p *project) bool {
	kind, ids := c.query.Get("projectType"), c.query.Get("projectIds")
	if title := c.query.Get("title"); title != "" && title != p.title || kind != "" && kind != p.kind ||
		ids != "" && !slices.Contains(strings.Split(ids, ","), p.id) {
		return false
	}
	types, flows := c.query.Get("credentialType"), c.query.Get("credentialFlowType")
	if types == "" && flows == "" {
		return true
	}
	return slices.ContainsFunc(p.integrations(), func(i *integration) bool {
		return (types == "" || c.typeMatches(i, strings.Split(types, ","))) &&
			(flows == "" || slices.Contains(strings.Split(flows, ","), i.flowType()))
	})
}

// typeMatches tells whether a credentialType filter finds the credential. The filter's values leave out the type of a
// credential in mid-migration.
func (c *call) typeMatches(i *integration, types []string) bool {
	if at := c.shown(i); at != started {
		return slices.Contains(types, i.credentialType(at))
	}
	service, oauth := slices.Contains(types, "service"), slices.Contains(types, "oauth_server_to_server")
	return map[string]bool{"both": service || oauth, "service": service, "oauth": oauth}[c.s.sw(swMigrateFilter)]
}

func (p *project) integrations() []*integration {
	var list []*integration
	for _, w := range p.workspaces {
		list = append(list, w.integrations...)
	}
	return list
}

func (c *call) projectObject(p *project) map[string]any {
	return map[string]any{
		"id": p.id, "name": p.name, "description": "", "type": p.kind, "enabled": c.boolean(true),
		"deleted": c.boolean(false), "title": p.title, "org_id": OrganizationID, "appId": c.text(""),
		"date_created": c.date(p.created), "date_last_modified": c.date(p.modified),
		"who_created": p.createdBy, "who_last_modified": p.createdBy,
	}
}

func (c *call) listedProject(p *project) map[string]any {
	object := c.projectObject(p)
	where := c.s.sw(swIncludeCredentials)
	if c.query.Get("includeCredentials") != "true" {
		where = "ignored"
	}
	var short, full []map[string]any
	for _, w := range p.workspaces {
		item := map[string]any{"id": w.id, "name": w.name, "runtime": c.text(w.runtimeNamespace)}
		if where == "metadata" {
			item["credentials"] = c.credentialObjects(w)
		}
		short = append(short, item)
		full = append(full, map[string]any{"id": w.id, "name": w.name, "credentials": c.credentialObjects(w)})
	}
	object["metadata"] = map[string]any{"workspaces": short}
	if where == "workspaces" {
		object["workspaces"] = full
	}
	return object
}

// namedProject finds the project of the path. The specification knows no 404 here, only 500.
func (c *call) namedProject() (*project, *reply) {
	p := c.s.org.project(c.values["project"])
	if p == nil || p.hidden {
		answer := c.consoleError(http.StatusInternalServerError, "ERR_MSG_GENERIC_MESSAGE", "Unknown Error")
		return nil, &answer
	}
	return p, nil
}

func (c *call) oneProject() reply {
	p, refused := c.namedProject()
	if refused != nil {
		return *refused
	}
	return jsonReply(http.StatusOK, c.projectObject(p))
}
