package adobe

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"jwtsunset/credential"
)

// paging is what an answer says of the page behind it: "_links.next" and "_page".
type paging struct {
	href string
	// start, orderBy and property are the members "next", "orderby" and "property" of "_page".
	start, orderBy, property string
}

var (
	pageNames  = namesOf("next", "orderby", "property")
	linksNames = namesOf("next")
	linkNames  = namesOf("href")
)

func (p *paging) decodePage(d *decoder) error {
	if d.PeekKind() == 'n' {
		return d.skip()
	}
	return d.object(pageNames, func(name string) (err error) {
		switch name {
		case "next":
			p.start, err = d.id()
		case "orderby":
			p.orderBy, err = d.text()
		case "property":
			p.property, err = d.text()
		}
		return err
	})
}

// decodeLinks reads the next link, which Adobe's services write as an object or as a text.
func (p *paging) decodeLinks(d *decoder) error {
	if d.PeekKind() == 'n' {
		return d.skip()
	}
	return d.object(linksNames, func(string) (err error) {
		if d.PeekKind() != '{' {
			p.href, err = d.text()
			return err
		}
		return d.object(linkNames, func(string) (err error) {
			p.href, err = d.text()
			return err
		})
	})
}

// next makes the cursor of the next page, nil where there is none. Of a link nothing but the cursor's parameters are
// ever used, and those only when it leads to where the page came from; else suspicion says why not, and "_page" is
// used in its place. A link that cannot be used and cannot be replaced is an error: the list would seem to end here.
func (p *paging) next(base *url.URL, at credential.Cursor) (next *credential.Cursor, suspicion string, err error) {
	cursor := credential.Cursor{OrderBy: orZero(p.orderBy, at.OrderBy), Property: orZero(p.property, at.Property)}
	if p.href != "" {
		var parameters credential.Cursor
		if parameters, suspicion = linkCursor(p.href, base); suspicion == "" {
			cursor.OrderBy = orZero(parameters.OrderBy, cursor.OrderBy)
			cursor.Property = orZero(parameters.Property, cursor.Property)
			cursor.Start = parameters.Start
		}
	}
	cursor.Start = orZero(cursor.Start, p.start)
	switch {
	case cursor.Start == "" && p.href == "":
		return nil, suspicion, nil
	case cursor.Start == "":
		return nil, suspicion, &problem{credential.ReasonCursor, "the next link names no page that may be asked for"}
	case !isParameter(cursor.Start) || !isParameter(cursor.OrderBy) || !isParameter(cursor.Property):
		return nil, suspicion, &problem{credential.ReasonCursor, "the next page's parameters hold what none can hold"}
	}
	return &cursor, suspicion, nil
}

// linkCursor takes the cursor's parameters from a link that leads to the accounts of base, in whatever spelling.
// Suspicion is a fixed text: it goes to the log.
func linkCursor(href string, base *url.URL) (cursor credential.Cursor, suspicion string) {
	if len(href) > 4*maxText || strings.Contains(href, `\`) || strings.ContainsFunc(href, unicode.IsControl) {
		return cursor, "it is too long, or holds characters that no link has"
	}
	// The query is cut off first: Adobe writes templates into it, and nothing in it can change where a link leads.
	href, _, _ = strings.Cut(href, "#")
	address, query, _ := strings.Cut(href, "?")
	link, err := base.Parse(address)
	switch {
	case err != nil || link.Opaque != "":
		return cursor, "it is no address"
	case link.User != nil:
		return cursor, "it holds a user name"
	case origin(link) != origin(base):
		return cursor, "it leads to another scheme, host or port"
	case address != "" && link.EscapedPath() != base.EscapedPath()+accounts.path:
		return cursor, "it leads to another path"
	}
	return queryCursor(query)
}

// queryCursor reads the parameters of a query. A plus sign is itself there and no space: Adobe writes
// "orderby=+created" and offsets of times without encoding them. A value that is still a template is none.
func queryCursor(query string) (cursor credential.Cursor, suspicion string) {
	into := map[string]*string{"orderby": &cursor.OrderBy, "property": &cursor.Property, "start": &cursor.Start}
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		target, ok := into[name]
		if !ok {
			continue
		}
		decoded, err := url.PathUnescape(value)
		if err != nil {
			return credential.Cursor{}, "a parameter is not encoded as one"
		}
		if *target != "" && *target != decoded {
			return credential.Cursor{}, "a parameter is given twice"
		}
		if !strings.ContainsAny(decoded, "{}") {
			*target = decoded
		}
	}
	return cursor, ""
}

// isParameter tells whether a text can be a parameter's value: valid, printable, and not too long.
func isParameter(s string) bool {
	return len(s) <= maxText && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}
