package slack

import (
	"encoding/base64"
	"regexp"
	"strconv"
	"strings"
)

// pageLimit reads the argument limit; Slack's methods differ in its default and its highest value.
func (c *call) pageLimit(fallback, most int) (int, *answer) {
	if !c.has("limit") || c.arg("limit") == "0" {
		return fallback, nil
	}
	limit, err := strconv.Atoi(c.arg("limit"))
	if err != nil || limit < 1 || limit > 1000 {
		return 0, refuse(failure("invalid_limit"))
	}
	return min(limit, most), nil
}

// paged cuts one page out of a list that only grows, and makes the cursor of the next; it is empty after the last.
func paged(c *call, all []string, fallback, most int) (page []string, next string, refused *answer) {
	limit, refused := c.pageLimit(fallback, most)
	if refused != nil {
		return nil, "", refused
	}
	from := 0
	if c.arg("cursor") != "" {
		at, err := strconv.Atoi(readCursor(c.arg("cursor"), "at"))
		if err != nil || at < 0 || at > len(all) {
			return nil, "", refuse(failure("invalid_cursor"))
		}
		from = at
	}
	to := min(from+limit, len(all))
	if to < len(all) {
		next = makeCursor("at", strconv.Itoa(to))
	}
	return all[from:to:to], next, nil
}

func makeCursor(kind, value string) string {
	return base64.StdEncoding.EncodeToString([]byte(kind + ":" + value))
}

// readCursor is the value in a cursor of a kind, empty for what is no such cursor.
func readCursor(cursor, kind string) string {
	text, err := base64.StdEncoding.DecodeString(cursor)
	if err != nil {
		return ""
	}
	value, ok := strings.CutPrefix(string(text), kind+":")
	if !ok {
		return ""
	}
	return value
}

// stampForm is what Slack takes for a time stamp in a range.
var stampForm = regexp.MustCompile(`^[0-9]{1,12}(\.[0-9]{1,6})?$`)

// normalStamp gives a time stamp the form in which two compare as texts.
func normalStamp(stamp string) string {
	second, fraction, _ := strings.Cut(stamp, ".")
	return strings.Repeat("0", max(0, 12-len(second))) + second + "." + (fraction + "000000")[:6]
}
