package adobe

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"

	"jwtsunset/credential"
)

const (
	sandboxPageSize = 50
	maxSandboxPages = 1000
)

var (
	allSandboxes     = endpoint{credential.StageSandboxes, "/data/foundation/sandbox-management/sandboxes"}
	visibleSandboxes = endpoint{credential.StageSandboxes, "/data/foundation/sandbox-management/"}
)

// Sandboxes lists all sandboxes of the organization, each name once, in Adobe's order. When that needs a permission
// that is missing, it lists those visible to the caller and says so, except where Options.SkipSandboxAdmin asks for
// just that. found, if not nil, is handed the sandboxes of each page as it comes, also when a later page fails; after a
// refusal in mid-list it may be handed a sandbox twice.
func (c *Client) Sandboxes(
	ctx context.Context, found func([]credential.Sandbox),
) (credential.SandboxList, error) {
	if found == nil {
		found = func([]credential.Sandbox) {}
	}
	if c.options.SkipSandboxAdmin {
		list, err := c.visibleSandboxes(ctx, found)
		return credential.SandboxList{Sandboxes: list}, err
	}
	list, err := c.sandboxPages(ctx, allSandboxes, &sandboxSet{found: found})
	var failure *Error
	if errors.As(err, &failure) && failure.reason == credential.ReasonForbidden {
		c.log.Warn("adobe: not allowed to list all sandboxes, asking for the visible ones",
			"code", failure.Code, "message", failure.Message, "request_id", failure.RequestID, "hint", failure.Hint())
		list, err = c.visibleSandboxes(ctx, found)
		return credential.SandboxList{Sandboxes: list, VisibleOnly: true}, err
	}
	return credential.SandboxList{Sandboxes: list}, err
}

// visibleSandboxes asks without paging first: Adobe documents no paging parameters for this path, but answers with no
// more than a page.
func (c *Client) visibleSandboxes(
	ctx context.Context, found func([]credential.Sandbox),
) ([]credential.Sandbox, error) {
	first, err := read(ctx, c, c.platformRequest(visibleSandboxes, "", nil), decodeSandboxes)
	if err != nil {
		return nil, err
	}
	known := &sandboxSet{found: found}
	known.add(first.list)
	if first.isLast() {
		return known.list, nil
	}
	known.offset = len(first.list)
	return c.sandboxPages(ctx, visibleSandboxes, known)
}

// sandboxPages reads pages behind those read already until one is short. Adobe's next links are templates, and its
// count is no total, so neither is used.
func (c *Client) sandboxPages(
	ctx context.Context, e endpoint, known *sandboxSet,
) ([]credential.Sandbox, error) {
	offset := known.offset
	for range maxSandboxPages {
		query := url.Values{"limit": {strconv.Itoa(sandboxPageSize)}, "offset": {strconv.Itoa(offset)}}
		page, err := read(ctx, c, c.platformRequest(e, "", query), decodeSandboxes)
		if err != nil {
			return nil, err
		}
		added := known.add(page.list)
		// A page larger than asked for, and the same again, comes from a service that does not page.
		if page.isLast() || added == 0 && len(page.list) > sandboxPageSize {
			return known.list, nil
		}
		offset += len(page.list)
		if added == 0 {
			return nil, c.failure(e, credential.ReasonCursor, errors.New("a full page holds no new sandbox"))
		}
	}
	return nil, c.failure(e, credential.ReasonCursor, errors.New("the pages do not come to an end"))
}

// sandboxPage is one answer. limit is the page size that Adobe says it used, 0 where it says none.
type sandboxPage struct {
	list  []credential.Sandbox
	limit int64
}

// isLast tells whether the page is shorter than a page can be: than what was asked for, or what Adobe cut that to.
func (p sandboxPage) isLast() bool {
	full := sandboxPageSize
	if p.limit > 0 && p.limit < sandboxPageSize {
		full = int(p.limit)
	}
	return len(p.list) < full
}

// sandboxSet holds the first sandbox of each name, in the order of adding, and hands on what is new.
type sandboxSet struct {
	list   []credential.Sandbox
	names  map[string]struct{}
	offset int // where reading goes on
	found  func([]credential.Sandbox)
}

// add tells how many were new.
func (s *sandboxSet) add(page []credential.Sandbox) (added int) {
	if s.names == nil {
		s.names = make(map[string]struct{}, len(page))
	}
	for _, sandbox := range page {
		if _, ok := s.names[sandbox.Name]; !ok {
			s.names[sandbox.Name] = struct{}{}
			s.list = append(s.list, sandbox)
			added++
		}
	}
	if added > 0 {
		s.found(slices.Clone(s.list[len(s.list)-added:]))
	}
	return added
}

var (
	sandboxListNames = namesOf("sandboxes", "_page", "error", "error_code", "errors")
	sandboxPageNames = namesOf("limit")
	sandboxNames     = namesOf("name", "title", "state", "type", "region", "isDefault")
)

func decodeSandboxes(d *decoder) (sandboxPage, error) {
	var page sandboxPage
	found := false
	err := d.envelope(sandboxListNames, func(name string) error {
		if name == "_page" {
			return page.decodeLimit(d)
		}
		found = true
		return d.list(func() error {
			s, err := decodeSandbox(d)
			page.list = append(page.list, s)
			return err
		})
	})
	if err == nil && !found {
		err = malformed("the answer has no list of sandboxes")
	}
	return page, err
}

// decodeLimit reads the page size. The list does not depend on it, so whatever is no number is none.
func (p *sandboxPage) decodeLimit(d *decoder) error {
	if d.PeekKind() != '{' {
		return d.skip()
	}
	return d.object(sandboxPageNames, func(string) error {
		if d.PeekKind() != '0' {
			return d.skip()
		}
		v, err := d.ReadValue()
		if err != nil {
			return err
		}
		if n, err := strconv.ParseInt(string(v), 10, 32); err == nil {
			p.limit = n
		}
		return nil
	})
}

func decodeSandbox(d *decoder) (credential.Sandbox, error) {
	var s credential.Sandbox
	err := d.object(sandboxNames, func(name string) (err error) {
		switch name {
		case "name":
			s.Name, err = d.text()
		case "title":
			s.Title, err = d.text()
		case "state":
			s.State, err = d.repeated()
		case "type":
			s.Type, err = d.repeated()
		case "region":
			s.Region, err = d.repeated()
		case "isDefault":
			s.Default, err = d.flag()
		}
		return err
	})
	if err == nil && (s.Name == "" || s.State == "") {
		err = malformed("a sandbox has no name or no state")
	}
	return s, err
}
