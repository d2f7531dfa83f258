package simulator

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const sandboxService = "SMS"

// availableSandboxes lists what the caller may use: active sandboxes that are not forbidden.
func (c *call) availableSandboxes() reply {
	var list []*sandbox
	for _, place := range c.s.org.sandboxes {
		if place.state == "active" && !place.forbidden {
			list = append(list, place)
		}
	}
	return c.sandboxPage("", list)
}

// allSandboxes lists every sandbox of the organization, for callers with the permission Sandbox Administration.
func (c *call) allSandboxes() reply {
	if refused := c.sandboxAdminGate(); refused != nil {
		return *refused
	}
	list, err := c.filterSandboxes()
	if err == nil {
		err = c.orderSandboxes(list)
	}
	if err != nil {
		return c.serviceError(http.StatusBadRequest, sandboxService, err.Error())
	}
	return c.sandboxPage("sandboxes", list)
}

func (c *call) sandboxAdminGate() *reply {
	if c.s.sw(swSandboxAdmin) == "granted" {
		return nil
	}
	answer := c.serviceError(http.StatusForbidden, sandboxService, "Forbidden")
	return &answer
}

func (c *call) oneSandbox() reply {
	place := c.s.org.sandbox(c.values["name"])
	switch {
	case place == nil:
		return c.serviceError(http.StatusNotFound, sandboxService, "Sandbox not found")
	case place.forbidden:
		return c.serviceError(http.StatusForbidden, sandboxService, "Forbidden")
	}
	return jsonReply(http.StatusOK, c.sandboxObject(place, 0))
}

func (c *call) sandboxTypes() reply {
	if refused := c.sandboxAdminGate(); refused != nil {
		return *refused
	}
	return jsonReply(http.StatusOK, map[string]any{"sandboxTypes": []map[string]string{
		{"id": "production", "title": "Production"}, {"id": "development", "title": "Development"},
	}})
}

// filterSandboxes applies property=field==expression. Documented for the name only; the other fields are a guess.
func (c *call) filterSandboxes() ([]*sandbox, error) {
	property := c.query.Get("property")
	if property == "" {
		return slices.Clone(c.s.org.sandboxes), nil
	}
	field, pattern, ok := strings.Cut(property, "==")
	expression, err := regexp.Compile("^(?:" + pattern + ")$")
	read := map[string]func(*sandbox) string{
		"name":  func(s *sandbox) string { return s.name },
		"state": func(s *sandbox) string { return s.state },
		"type":  func(s *sandbox) string { return s.kind },
	}[field]
	if !ok || err != nil || read == nil {
		return nil, fmt.Errorf("property %q cannot be used", property)
	}
	var list []*sandbox
	for _, place := range c.s.org.sandboxes {
		if expression.MatchString(read(place)) {
			list = append(list, place)
		}
	}
	return list, nil
}

// orderSandboxes applies orderBy, such as desc:created.
func (c *call) orderSandboxes(list []*sandbox) error {
	order := c.query.Get("orderBy")
	if order == "" {
		return nil
	}
	direction, fields, _ := strings.Cut(order, ":")
	sign, known := map[string]int{"asc": 1, "desc": -1}[direction]
	var compare []func(a, b *sandbox) int
	for field := range strings.SplitSeq(fields, ",") {
		by := map[string]func(a, b *sandbox) int{
			"name":    func(a, b *sandbox) int { return strings.Compare(a.name, b.name) },
			"title":   func(a, b *sandbox) int { return strings.Compare(a.title, b.title) },
			"created": func(a, b *sandbox) int { return a.created.Compare(b.created) },
			"updated": func(a, b *sandbox) int { return a.modified.Compare(b.modified) },
		}[field]
		known = known && by != nil
		compare = append(compare, by)
	}
	if !known {
		return fmt.Errorf("orderBy %q cannot be used", order)
	}
	slices.SortStableFunc(list, func(a, b *sandbox) int {
		result := 0
		for _, by := range compare {
			result = cmp.Or(result, by(a, b))
		}
		return sign * result
	})
	return nil
}

type sandboxList struct {
	Sandboxes []json.RawMessage `json:"sandboxes"`
	Page      struct {
		Limit int `json:"limit"`
		Count int `json:"count"`
	} `json:"_page"`
	Links map[string]any `json:"_links"`
}

// sandboxPage cuts the page that limit and offset name out of a list. They must come together.
func (c *call) sandboxPage(path string, list []*sandbox) reply {
	limit, offset, err := c.limitOffset()
	if err != nil {
		return c.serviceError(http.StatusBadRequest, sandboxService, err.Error())
	}
	if c.cursor != "" {
		offset = 0
	}
	from := min(offset, len(list))
	page := list[from:min(from+limit, len(list))]
	answer := sandboxList{Sandboxes: []json.RawMessage{}}
	for i, place := range page {
		object, err := encode(c.sandboxObject(place, i))
		if err != nil {
			return plain(http.StatusInternalServerError, err.Error())
		}
		answer.Sandboxes = append(answer.Sandboxes, object)
	}
	answer.Page.Limit = limit
	counts := map[string]int{"one": min(1, len(page)), "page": len(page), "total": len(list)}
	answer.Page.Count = counts[c.s.sw(swSandboxCount)]
	answer.Links = c.sandboxLinks(path, from+len(page) < len(list))
	return jsonReply(http.StatusOK, answer)
}

func (c *call) limitOffset() (limit, offset int, err error) {
	if c.query.Has("limit") != c.query.Has("offset") {
		return 0, 0, fmt.Errorf("limit and offset must be given together")
	}
	if !c.query.Has("limit") {
		return 50, 0, nil
	}
	most, err := strconv.Atoi(c.s.sw(swSandboxLimitMax))
	if err != nil {
		return 0, 0, err
	}
	limit, err = strconv.Atoi(c.query.Get("limit"))
	if err != nil || limit < 1 || limit > most {
		return 0, 0, fmt.Errorf("limit must be from 1 to %d", most)
	}
	offset, err = strconv.Atoi(c.query.Get("offset"))
	if err != nil || offset < 0 {
		return 0, 0, fmt.Errorf("offset must not be negative")
	}
	return limit, offset, nil
}

// sandboxLinks are templates with an explicit port, as Adobe gives them: they cannot be followed as they are.
func (c *call) sandboxLinks(path string, more bool) map[string]any {
	host := (&url.URL{Host: c.r.Host}).Hostname()
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	link := map[string]any{
		"href":      "https://" + host + ":443" + platform + "/sandbox-management/" + path + "?limit={limit}&offset={offset}",
		"templated": true,
	}
	links := map[string]any{"page": link}
	if when := c.s.sw(swSandboxNext); when == "always" || when == "when-more" && more {
		links["next"] = link
	}
	return links
}

func (c *call) sandboxObject(place *sandbox, position int) map[string]any {
	rfc3339 := c.s.sw(swSandboxDates) == "rfc3339" || c.s.sw(swSandboxDates) == "mixed" && position%2 == 1
	layout := time.DateTime
	if rfc3339 {
		layout = "2006-01-02T15:04:05.000Z"
	}
	const user = "1234567890ABCDEF0A495C01@AdobeID"
	return map[string]any{
		"name": place.name, "title": place.title, "state": place.state, "type": place.kind, "region": "VA7",
		"isDefault": place.isDefault, c.s.sw(swETag): 1, "createdDate": place.created.Format(layout),
		"lastModifiedDate": place.modified.Format(layout), "createdBy": user, "modifiedBy": user,
	}
}
