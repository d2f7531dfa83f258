package config

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"
)

// Limits of what is read: a configuration is written by hand.
const (
	fileLimit  = 1 << 20
	depthLimit = 32
	listLimit  = 1000
	valueLimit = 4096
)

// syntaxError is a text that is not YAML as we take it. It never repeats the text.
type syntaxError struct {
	line, column  int
	message, hint string
}

func (e *syntaxError) Error() string { return e.message }

// parseTree reads one YAML document; nil for a text without one.
func parseTree(data []byte) (*yaml.Node, error) {
	if err := checkBytes(data); err != nil {
		return nil, err
	}
	loader, err := yaml.NewLoader(bytes.NewReader(data), yaml.WithPlugin(loaderlimits.New(
		loaderlimits.DepthValue(depthLimit))))
	if err != nil {
		return nil, err
	}
	var document yaml.Node
	switch err := loader.Load(&document); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, explain(err)
	}
	var second yaml.Node
	switch err := loader.Load(&second); {
	case errors.Is(err, io.EOF):
		return document.Content[0], nil
	case err != nil:
		return nil, explain(err)
	}
	return nil, &syntaxError{line: second.Line, column: second.Column,
		message: "a second document begins here", hint: "keep one and remove the line ---"}
}

// plainly says what the parser's messages mean. Others are not shown, because they may repeat the text.
var plainly = map[string]syntaxError{
	"found character that cannot start any token": {
		message: "a value cannot begin with this character", hint: "put the value in quotes, and indent with spaces only"},
	"mapping values are not allowed in this context": {
		message: "a colon is not expected here",
		hint:    "check the indentation, and put a value that holds a colon and a space in quotes"},
	"did not find expected key": {message: "a key was expected here", hint: "check the indentation"},
	"did not find expected '-' indicator": {
		message: "another element of the list was expected here", hint: "begin it with - or check the indentation"},
	"did not find expected ',' or ']'":   {message: "the list in [ ] is not closed", hint: "add , or ]"},
	"did not find expected ',' or '}'":   {message: "the section in { } is not closed", hint: "add , or }"},
	"found unexpected end of stream":     {message: "the quotes are not closed"},
	"found unknown escape character":     {message: `an unknown \ in double quotes`, hint: "use single quotes"},
	"could not find expected ':'":        {message: "a colon was expected after the key"},
	"did not find expected node content": {message: "a value was expected here"},
	"found a tab character that violates indentation": {
		message: "a tab cannot indent", hint: "use spaces"},
	"found a tab character where an indentation space is expected": {
		message: "a tab cannot indent", hint: "use spaces"},
}

// explain turns the parser's error into ours.
func explain(err error) error {
	e := &syntaxError{message: "not valid YAML"}
	var load *yaml.LoadError
	if !errors.As(err, &load) {
		return e
	}
	if known, ok := plainly[load.Message]; ok {
		*e = known
	}
	switch {
	case strings.HasPrefix(load.Message, "unknown anchor"):
		e.message, e.hint = noAnchors, anchorHint
	case strings.HasPrefix(load.Message, "exceeded max depth"):
		e.message = "nested too deeply"
	}
	mark := load.Mark
	// What is not closed is sought where it begins, not where the file ends.
	if strings.Contains(e.message, "not closed") && load.ContextMark.Line > 0 {
		mark = load.ContextMark
	}
	e.line, e.column = mark.Line, mark.Column
	return e
}

// checkBytes refuses what no editor shows: control characters, and bytes that are not UTF-8.
func checkBytes(data []byte) error {
	line, column := 1, 0
	for rest := data; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		column++
		switch {
		case r == utf8.RuneError && size == 1:
			return &syntaxError{line: line, column: column, message: "is not UTF-8 text"}
		case r == '\n':
			line, column = line+1, 0
		case unicode.IsControl(r) && r != '\t' && r != '\r':
			return &syntaxError{line: line, column: column, message: "a control character is not accepted"}
		}
		rest = rest[size:]
	}
	return nil
}
