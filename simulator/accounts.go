package simulator

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

const (
	queryService = "QRYSVC"
	// stampLayout is the form of created and lastUpdated, and so of the cursor.
	stampLayout = "2006-01-02T15:04:05.000Z"
	// maxLimit bounds the limit parameter, of which nothing is documented for accounts.
	maxLimit = 1000
	// adminVerificationFailed is the text of Adobe's page; its form in an answer is not documented.
	adminVerificationFailed = "AEP admin verification failed. Contact your administrator."
)

// accountObject is an account as the list shows it: no type, no status, no sandbox.
type accountObject struct {
	LastUpdated          string `json:"lastUpdated"`
	AccountName          string `json:"accountName"`
	Description          string `json:"description"`
	AssignedToUser       string `json:"assignedToUser"`
	TechnicalAccountName string `json:"technicalAccountName"`
	TechnicalAccountID   string `json:"technicalAccountId"`
	LastUpdatedBy        string `json:"lastUpdatedBy"`
	CreatedBy            string `json:"createdBy"`
	Created              string `json:"created"`
	Active               bool   `json:"active"`
	Credential           string `json:"credential,omitempty"`
}

// encode prepares the account's bytes in the list, so that a page costs no more than copying.
func (a *account) encode(withSecret bool) {
	object := accountObject{
		LastUpdated: a.updated.Format(stampLayout), AccountName: a.name, Description: a.description, AssignedToUser: a.owner,
		TechnicalAccountName: strings.ToUpper(a.uuid) + "@TECHACCT.ADOBE.COM", TechnicalAccountID: a.id,
		LastUpdatedBy: a.updatedBy, CreatedBy: a.createdBy, Created: a.created.Format(stampLayout), Active: !a.inactive,
	}
	if withSecret {
		object.Credential = a.secret
	}
	encoded, err := encode(object)
	if err != nil {
		// A struct of strings and a bool always encodes.
		panic(fmt.Sprintf("simulator: encode account: %v", err))
	}
	a.encoded = encoded
}

// accountQuery is what a call for a page of accounts asks.
type accountQuery struct {
	active    string
	ascending bool
	start     time.Time
	backwards bool
	inclusive bool
	limit     int
}

// accounts answers one page of a sandbox's Query Service accounts.
func (c *call) accounts() reply {
	if refused := c.accountsGate(); refused != nil {
		return *refused
	}
	q, err := c.accountQuery()
	if err != nil {
		return c.serviceError(http.StatusBadRequest, queryService, err.Error())
	}
	list := c.s.org.index[listKey{c.s.scope(c.sandbox()), q.active}]
	if c.cursor == "stuck" {
		q.start = time.Time{}
	}
	page, more := q.page(list)
	return c.accountPage(q, page, more, list)
}

// accountsGate refuses sandboxes that the caller cannot read.
func (c *call) accountsGate() *reply {
	place := c.s.org.sandbox(c.sandbox())
	var answer reply
	switch {
	case c.s.org.noAdmin:
		answer = c.noAdmin()
	case place == nil || place.state != "active":
		status, err := strconv.Atoi(c.s.sw(swUnknownSandbox))
		if err != nil {
			status = http.StatusForbidden
		}
		answer = c.serviceError(status, queryService, "Sandbox is unknown or not active")
	case place.forbidden:
		answer = c.serviceError(http.StatusForbidden, queryService, "Forbidden")
	default:
		return nil
	}
	return &answer
}

func (c *call) noAdmin() reply {
	switch c.s.sw(swAdminVerification) {
	case "200-text":
		return plain(http.StatusOK, adminVerificationFailed)
	case "200-json":
		return jsonReply(http.StatusOK, map[string]string{"message": adminVerificationFailed})
	}
	return c.serviceError(http.StatusForbidden, queryService, adminVerificationFailed)
}

func (c *call) accountQuery() (q accountQuery, err error) {
	q.inclusive, q.limit = c.s.sw(swCursor) == "inclusive", c.s.options.PageSize
	switch c.query.Get("orderby") {
	case "", "-created":
	case "+created":
		q.ascending = c.s.sw(swAscending) == "supported"
	default:
		return q, fmt.Errorf("orderby must be +created or -created")
	}
	switch property := c.query.Get("property"); property {
	case "":
		q.active = map[string]string{"active": "true"}[c.s.sw(swDefaultFilter)]
	case "active==true", "active==false":
		q.active = strings.TrimPrefix(property, "active==")
	default:
		return q, fmt.Errorf("property must be active==true or active==false")
	}
	if limit := c.query.Get("limit"); limit != "" && c.s.sw(swLimit) == "honoured" {
		if q.limit, err = strconv.Atoi(limit); err != nil || q.limit < 1 || q.limit > maxLimit {
			return q, fmt.Errorf("limit must be from 1 to %d", maxLimit)
		}
	}
	if start := c.query.Get("start"); start != "" {
		if q.start, err = time.Parse(time.RFC3339Nano, start); err != nil {
			return q, fmt.Errorf("start must be a time stamp")
		}
	}
	q.backwards = c.query.Get("isPrevLink") == "true"
	return q, nil
}

// page cuts the page out of a list that is sorted oldest first, and tells whether more follow in the query's order.
func (q accountQuery) page(list []*account) (page []*account, more bool) {
	// Reading backwards takes the page next to start on its other side, in the same order.
	towardsNewer := q.ascending != q.backwards
	from, to := 0, len(list)
	if !q.start.IsZero() && towardsNewer {
		from = sort.Search(len(list), func(i int) bool {
			return list[i].created.After(q.start) || q.inclusive && list[i].created.Equal(q.start)
		})
	}
	if !q.start.IsZero() && !towardsNewer {
		to = sort.Search(len(list), func(i int) bool {
			return list[i].created.After(q.start) || !q.inclusive && list[i].created.Equal(q.start)
		})
	}
	more = to-from > q.limit
	if towardsNewer {
		to = min(to, from+q.limit)
	} else {
		from = max(from, to-q.limit)
	}
	page = list[from:to]
	if !q.ascending {
		page = slices.Clone(page)
		slices.Reverse(page)
	}
	return page, more
}

type accountMeta struct {
	Count    int     `json:"count"`
	Next     *string `json:"next,omitzero"`
	OrderBy  string  `json:"orderby"`
	Property string  `json:"property,omitempty"`
	Start    string  `json:"start,omitempty"`
}

func (c *call) accountPage(q accountQuery, page []*account, more bool, list []*account) reply {
	meta := accountMeta{OrderBy: "-created", Count: len(page)}
	if q.ascending {
		meta.OrderBy = "+created"
	}
	if q.active != "" {
		meta.Property = "active==" + q.active
	}
	switch c.s.sw(swAccountsCount) {
	case "one":
		meta.Count = min(1, len(page))
	case "total":
		meta.Count = len(list)
	}
	links := map[string]any{}
	if len(page) > 0 {
		last := page[len(page)-1].created
		if c.cursor == "loop" && page[0] != q.head(list) {
			last = q.beyond()
		}
		c.link(&meta, links, page[0].created, last, more)
	}
	return c.joinAccounts(page, meta, links)
}

// link adds the cursors of a page that begins and ends at the given times.
func (c *call) link(meta *accountMeta, links map[string]any, begin, end time.Time, more bool) {
	first, last := begin.Format(stampLayout), end.Format(stampLayout)
	meta.Start = first
	links["prev"] = c.nextForm(c.accountHref(*meta, first) + "&isPrevLink=true")
	switch {
	case more || c.cursor != "" || c.s.sw(swLastPage) == "next":
		meta.Next = &last
		links["next"] = c.nextForm(c.accountHref(*meta, last))
	case c.s.sw(swLastPage) == "null":
		links["next"] = nil
	default:
		clear(links)
	}
}

// head is the account that a list begins with in the query's order.
func (q accountQuery) head(list []*account) *account {
	if q.ascending {
		return list[0]
	}
	return list[len(list)-1]
}

// beyond is a cursor that leads back to the first page, but is not the same as its own.
func (q accountQuery) beyond() time.Time {
	if q.ascending {
		return epoch.AddDate(-1, 0, 0)
	}
	return epoch.AddDate(70, 0, 0)
}

// accountHref is written as Adobe writes it: with "==" and ":" as they are. A leading plus has to be escaped.
func (c *call) accountHref(meta accountMeta, start string) string {
	base := c.base()
	if c.s.sw(swLinkHost) == "adobe" {
		base = "https://platform.adobe.io"
	}
	href := base + platform + "/queryauth/accounts?orderby=" + strings.Replace(meta.OrderBy, "+", "%2B", 1)
	if meta.Property != "" {
		href += "&property=" + meta.Property
	}
	href += "&start=" + start
	if limit := c.query.Get("limit"); limit != "" && c.s.sw(swLimit) == "honoured" {
		href += "&limit=" + limit
	}
	return href
}

func (c *call) nextForm(href string) any {
	if c.s.sw(swNextForm) == "string" {
		return href
	}
	return map[string]string{"href": href}
}

// joinAccounts puts encoded accounts and the page's frame together.
func (c *call) joinAccounts(page []*account, meta accountMeta, links map[string]any) reply {
	frame, err := encode(map[string]any{"_page": meta, "_links": links, "version": 1})
	if err != nil {
		return plain(http.StatusInternalServerError, err.Error())
	}
	size := len(frame) + 16
	for _, a := range page {
		size += len(a.encoded) + 1
	}
	var body bytes.Buffer
	body.Grow(size)
	body.WriteString(`{"accounts":[`)
	for i, a := range page {
		if i > 0 {
			body.WriteByte(',')
		}
		body.Write(a.encoded)
	}
	body.WriteString("],")
	body.Write(frame[1:])
	return reply{status: http.StatusOK, kind: jsonKind, body: body.Bytes()}
}
