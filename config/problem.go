package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with the configuration.
type Problem struct {
	// Where is file:line:column, the environment variable or the flag.
	Where string
	// Field is the path of the key, such as organizations[1].client_id; empty when the problem has none.
	Field string
	// Message says what is wrong, Hint what to do; Hint may be empty.
	Message, Hint string

	place place
}

// place orders problems: the file's by line, then those of variables, those of flags, and those of the file of owners.
type place struct {
	layer        layer
	line, column int
}

// layer is one of the sources of configuration, in rising precedence; the file of owners is beside them.
type layer int

const (
	layerFile layer = iota
	layerEnv
	layerFlag
	layerOwners
)

// String is the problem on one line.
func (p Problem) String() string {
	parts := make([]string, 0, 3)
	for _, part := range []string{p.Where, p.Field, p.Message} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	line := strings.Join(parts, ": ")
	if p.Hint != "" {
		line += "; " + p.Hint
	}
	return line
}

// Problems is everything that is wrong with the configuration, sorted by place. It is never empty when returned.
type Problems []Problem

// shown limits how many problems one error text lists.
const shown = 100

// Error lists the problems, one a line.
func (p Problems) Error() string {
	if len(p) == 1 {
		return "configuration: " + p[0].String()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "configuration: %d problems", len(p))
	for i, problem := range p {
		if i == shown {
			fmt.Fprintf(&b, "\n  and %d more", len(p)-shown)
			break
		}
		b.WriteString("\n  " + problem.String())
	}
	return b.String()
}

func (p Problems) sort() {
	slices.SortStableFunc(p, func(a, b Problem) int {
		return cmp.Or(
			cmp.Compare(a.place.layer, b.place.layer),
			cmp.Compare(a.place.line, b.place.line),
			cmp.Compare(a.place.column, b.place.column),
		)
	})
}
