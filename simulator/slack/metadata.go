package slack

import (
	"bytes"
	"encoding/json"
	"regexp"
)

// MaxMetadata is the most bytes of JSON that a message's metadata may have here. Slack has a limit, metadata_too_large,
// and does not publish it; this is less than what it was seen to take.
const MaxMetadata = 16 << 10

// Metadata is what an app attaches to a message for programs to read.
type Metadata struct {
	EventType    string          `json:"event_type"`
	EventPayload json.RawMessage `json:"event_payload"`
}

// eventType is the form of https://api.slack.com/reference/metadata. Slack was seen to drop metadata of another form
// without a word (slackapi/bolt-python#863); here it is refused.
var eventType = regexp.MustCompile(`^[A-Za-z0-9_]{1,255}$`)

// readMetadata reads and checks the argument metadata. An empty object is no metadata.
func readMetadata(text string) (*Metadata, *answer) {
	if text == "" {
		return nil, nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &members); err != nil {
		return nil, refuse(failure("invalid_metadata_format"))
	}
	if len(members) == 0 {
		return nil, nil
	}
	var m Metadata
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&m); err != nil || !eventType.MatchString(m.EventType) {
		return nil, refuse(failure("invalid_metadata_format"))
	}
	var payload map[string]any
	if err := json.Unmarshal(m.EventPayload, &payload); err != nil || payload == nil {
		return nil, refuse(failure("invalid_metadata_format"))
	}
	for _, value := range payload {
		if !payloadValue(value) {
			return nil, refuse(failure("invalid_metadata_schema"))
		}
	}
	if len(text) > MaxMetadata {
		return nil, refuse(failure("metadata_too_large"))
	}
	return &m, nil
}

// payloadValue holds what the type MessageMetadata of Slack's own client allows: texts, numbers, booleans, flat objects
// and lists of such.
func payloadValue(value any) bool {
	switch value := value.(type) {
	case string, float64, bool:
		return true
	case map[string]any:
		return flat(value)
	case []any:
		for _, item := range value {
			object, isObject := item.(map[string]any)
			if !isObject && !scalar(item) || isObject && !flat(object) {
				return false
			}
		}
		return true
	}
	return false
}

func flat(object map[string]any) bool {
	for _, value := range object {
		if !scalar(value) {
			return false
		}
	}
	return true
}

func scalar(value any) bool {
	switch value.(type) {
	case string, float64, bool:
		return true
	}
	return false
}
