package adobe

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"jwtsunset/secret"
)

const (
	maxErrorBody = 64 << 10 // bytes of an error's body that are looked at
	maxMessage   = 300      // characters of a message that are kept
)

// told is what an error's body says. Adobe's services use a dozen forms, often without documentation.
type told struct {
	code, message, requestID string
	isError                  bool // the body has one of the members by which Adobe marks errors
}

// errorCode is how Experience Platform's services number their errors, as found at the end of a problem's type.
var errorCode = regexp.MustCompile(`[A-Z]+-[0-9]+-[0-9]+$`)

// parseErrorBody finds code and message in any of the known forms. It is as lenient as decoding answers is strict:
// nothing but texts for people depends on it.
func parseErrorBody(body []byte, contentType string) told {
	text := string(body[:min(len(body), maxErrorBody)])
	var members map[string]any
	options := json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if err := json.Unmarshal([]byte(text), &members, options); err != nil {
		if strings.Contains(contentType, "html") || strings.HasPrefix(strings.TrimSpace(text), "<") {
			return told{message: "an HTML page"}
		}
		return told{message: clean(text, maxMessage)}
	}
	listed := listedErrors(members["errors"])
	messages := entries(members["messages"])
	t := told{
		code: firstOf(members["error_code"], members["code"], members["error"], listed["code"], messages["template"],
			errorCode.FindString(textOf(members["type"])), members["errorType"]),
		message: firstOf(problemText(members), members["message"], members["error_description"], listed["message"],
			messages["message"]),
		requestID: firstOf(members["requestId"], members["id"]),
	}
	t.isError = t.code != "" || members["message"] != nil || listed != nil || messages != nil
	t.code, t.message, t.requestID = clean(t.code, 80), clean(t.message, maxMessage), clean(t.requestID, 100)
	return t
}

// problemText joins title and detail of a problem (RFC 9457).
func problemText(members map[string]any) string {
	title, detail := textOf(members["title"]), textOf(members["detail"])
	if title != "" && detail != "" {
		return title + ": " + detail
	}
	return title + detail
}

// listedErrors finds the first error in {"403":[{...}]}, the statuses in order, or in a plain list.
func listedErrors(v any) map[string]any {
	byStatus, ok := v.(map[string]any)
	if !ok {
		return entries(v)
	}
	statuses := make([]string, 0, len(byStatus))
	for status := range byStatus {
		statuses = append(statuses, status)
	}
	slices.Sort(statuses)
	for _, status := range statuses {
		if first := entries(byStatus[status]); first != nil {
			return first
		}
	}
	return nil
}

// entries is the first object of a list, nil if there is none.
func entries(v any) map[string]any {
	list, _ := v.([]any)
	for _, entry := range list {
		if object, ok := entry.(map[string]any); ok {
			return object
		}
	}
	return nil
}

func firstOf(values ...any) string {
	for _, v := range values {
		if text := textOf(v); text != "" {
			return text
		}
	}
	return ""
}

// textOf is a string, or a number in digits; everything else is nothing.
func textOf(v any) string {
	switch v := v.(type) {
	case string:
		return strings.TrimSpace(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	default:
		return ""
	}
}

// clean makes a text from outside fit for one line of a message: valid, without control and direction characters, and
// no longer than limit characters.
func clean(s string, limit int) string {
	if most := limit * 8; len(s) > most { // enough to fill the limit; the rest is not worth looking at
		s = s[:most]
	}
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > limit {
		return string(runes[:limit-1]) + "…"
	}
	return s
}

// webToken is what Adobe's tokens look like, as far as a text needs it to be recognized.
var webToken = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{8,}[A-Za-z0-9_.-]*`)

// userInfo is a name and password in an address, such as a proxy's.
var userInfo = regexp.MustCompile(`//[^/\s@]+@`)

// scrub takes secrets out of a text in which Adobe might have echoed them.
func scrub(text string, hide ...secret.String) string {
	if text == "" {
		return ""
	}
	for _, s := range hide {
		if s.IsZero() {
			continue
		}
		plain := s.Reveal()
		text = strings.ReplaceAll(text, plain, "[redacted]")
		text = strings.ReplaceAll(text, url.QueryEscape(plain), "[redacted]")
	}
	text = webToken.ReplaceAllString(text, "[redacted]")
	return userInfo.ReplaceAllString(text, "//[redacted]@")
}
