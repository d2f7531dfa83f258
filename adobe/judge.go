package adobe

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
)

// Success says which answers to a call by template mean that it was accepted.
type Success struct {
	// Statuses are some of 200, 201, 202 and 204; none means all of these.
	Statuses []int
	// Member, if not empty, is the dotted path of a member of the answer whose value must be one of Values.
	Member string
	Values []string
}

// accepting are the statuses that can mean success. Others, such as 206 and 207, speak of parts.
var accepting = []int{http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent}

// judge sorts a complete answer, by the mapping that is documented at the outcomes. code is Adobe's code of a refusal.
func (m *Migrator) judge(status int, a *answer, success Success) (o Outcome, code string) {
	if status >= 300 {
		code = refusalCode(a)
	}
	switch status {
	case http.StatusBadRequest:
		if m.saysAlready(a) {
			return Already, code
		}
		return Refused, code
	case http.StatusConflict:
		if m.saysAlready(a) {
			return Already, code
		}
	case http.StatusForbidden, http.StatusNotFound, http.StatusTooManyRequests:
		return Refused, code
	default:
		if slices.Contains(orDefault(success.Statuses, accepting), status) && m.succeeded(a, success) {
			return Accepted, ""
		}
	}
	return Unknown, code
}

// refusalCode is Adobe's code of a refusal. Nothing else of a start's answer gets into an error.
func refusalCode(a *answer) string {
	if code := parseErrorBody(a.Bytes(), a.header.Get("Content-Type")).code; plainCode.MatchString(code) {
		return code
	}
	return ""
}

// succeeded tells whether the body is no error and says what success is configured to say. An empty body says nothing.
func (m *Migrator) succeeded(a *answer, success Success) bool {
	if a.Len() == 0 {
		return success.Member == ""
	}
	found, err := decodeAnswer(newDecoder(a, m.reads.texts), func(d *decoder) (map[string]string, error) {
		return d.dotted(success.Member)
	})
	if err != nil || success.Member == "" {
		return err == nil
	}
	value, ok := found[success.Member]
	return ok && slices.Contains(success.Values, value)
}

// saysAlready looks for the configured phrases in the texts of a sound JSON body, names not included.
func (m *Migrator) saysAlready(a *answer) bool {
	said, err := decodeAnswer(newDecoder(a, m.reads.texts), func(d *decoder) (bool, error) {
		return d.says(m.options.AlreadyTexts)
	})
	return err == nil && said
}

// says reads a whole value and tells whether one of its texts holds one of the phrases, in any case.
func (d *decoder) says(phrases []string) (bool, error) {
	said := false
	for depth := d.StackDepth(); ; {
		token, err := d.ReadToken()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return false, err
		}
		kind, length := d.StackIndex(d.StackDepth())
		isName := kind == '{' && length%2 == 1
		if token.Kind() == '"' && !isName && holdsAny(token.String(), phrases) {
			said = true
		}
		switch now := d.StackDepth(); {
		case now > maxDepth:
			return false, malformed("the answer is nested more than %d levels deep", maxDepth)
		case now == depth:
			return said, nil
		}
	}
}

func holdsAny(text string, phrases []string) bool {
	text = strings.ToLower(text)
	return slices.ContainsFunc(phrases, func(phrase string) bool {
		return phrase != "" && strings.Contains(text, strings.ToLower(phrase))
	})
}

// dotted reads an object and gives the values of those members, named by dotted paths, that are there: texts, numbers
// in their own digits, true and false. Members by which Adobe reports errors make the answer one, unless asked for.
func (d *decoder) dotted(paths ...string) (map[string]string, error) {
	found := map[string]string{}
	err := d.members("", paths, found)
	return found, err
}

// members reads the object at a path that ends with a dot, or the outermost one.
func (d *decoder) members(at string, paths []string, found map[string]string) error {
	wanted := map[string]bool{}
	for _, path := range paths {
		if rest, ok := strings.CutPrefix(path, at); ok && rest != "" {
			name, _, deeper := strings.Cut(rest, ".")
			wanted[name] = wanted[name] || deeper
		}
	}
	known := []string{}
	for name := range wanted {
		known = append(known, name)
	}
	if at == "" {
		known = append(known, "error", "error_code", "errors", "messages")
	}
	return d.object(namesOf(known...), func(name string) error {
		deeper, asked := wanted[name]
		switch {
		case d.PeekKind() == 'n':
			return d.skip()
		case !asked:
			return malformed("the answer is an error in place of what was asked for")
		case deeper:
			return d.members(at+name+".", paths, found)
		}
		value, err := d.scalar()
		found[at+name] = value
		return err
	})
}

// scalar reads a text, a number in its own digits, true or false.
func (d *decoder) scalar() (string, error) {
	switch d.PeekKind() {
	case '"':
		return d.text()
	case '0', 't', 'f':
		v, err := d.ReadValue()
		return string(v), err
	default:
		return "", d.wrong("a text")
	}
}
