package slack

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
)

// answer is a whole answer before it is sent, so that faults can change it.
type answer struct {
	status int
	kind   string
	header map[string]string
	// fields are the members of Slack's JSON object; body is what other answers hold.
	fields map[string]any
	body   []byte
}

const jsonKind = "application/json; charset=utf-8"

// success is {"ok":true} with further members, given as name and value in turn.
func success(members ...any) answer {
	fields := map[string]any{"ok": true}
	for i := 0; i+1 < len(members); i += 2 {
		fields[members[i].(string)] = members[i+1]
	}
	return answer{status: http.StatusOK, kind: jsonKind, fields: fields}
}

// failure is {"ok":false,"error":code}; Slack sends it with status 200.
func failure(code string) answer {
	return answer{status: http.StatusOK, kind: jsonKind, fields: map[string]any{"ok": false, "error": code}}
}

// explained is a failure whose reasons are told, as Slack does for arguments and blocks.
func explained(code string, reasons ...string) answer {
	a := failure(code)
	messages := make([]string, 0, len(reasons))
	for _, reason := range reasons {
		messages = append(messages, "[ERROR] "+reason)
	}
	a.fields["response_metadata"] = map[string]any{"messages": messages}
	return a
}

// rateLimited is what a client gets that calls too often.
func rateLimited(seconds int) answer {
	a := failure("ratelimited")
	a.status = http.StatusTooManyRequests
	return a.with("Retry-After", strconv.Itoa(seconds))
}

func (a answer) ok() bool      { ok, _ := a.fields["ok"].(bool); return ok }
func (a answer) error() string { code, _ := a.fields["error"].(string); return code }

func (a answer) with(name, value string) answer {
	header := maps.Clone(a.header)
	if header == nil {
		header = map[string]string{}
	}
	header[name] = value
	a.header = header
	return a
}

// cursor adds where the next page starts; Slack's last page has an empty one.
func (a answer) cursor(next string) answer {
	metadata, _ := a.fields["response_metadata"].(map[string]any)
	if metadata == nil {
		metadata = map[string]any{}
	}
	metadata["next_cursor"] = next
	a.fields["response_metadata"] = metadata
	return a
}

// warned adds a warning, in both places in which Slack gives it.
func (a answer) warned(code string) answer {
	if code == "" || a.fields == nil {
		return a
	}
	metadata, _ := a.fields["response_metadata"].(map[string]any)
	if metadata == nil {
		metadata = map[string]any{}
	}
	metadata["warnings"] = []string{code}
	a.fields["warning"], a.fields["response_metadata"] = code, metadata
	return a
}

// bytes is the body as it is sent.
func (a answer) bytes() []byte {
	if a.fields == nil {
		return a.body
	}
	body, err := encode(a.fields)
	if err != nil {
		return []byte(`{"ok":false,"error":"fatal_error"}`)
	}
	return body
}

// encode is json.Marshal without its escaping for HTML, which Slack's answers do not show.
func encode(value any) ([]byte, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buffer.Bytes(), []byte("\n")), nil
}
