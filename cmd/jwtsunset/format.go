package main

import (
	"fmt"
	"slices"
	"strings"
)

// checkFormat refuses an output format that a command does not have.
func checkFormat(format string, formats ...string) error {
	if slices.Contains(formats, format) {
		return nil
	}
	return hinted{fmt.Errorf("unknown output format %q", format), "use one of " + strings.Join(formats, ", ")}
}

// joinOr writes "text, csv or json".
func joinOr(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
