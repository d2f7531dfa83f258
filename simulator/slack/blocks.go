package slack

// The limits of Block Kit that a message can meet, in characters and items. Source: the pages of the blocks and
// elements under https://docs.slack.dev/reference/block-kit.
const (
	maxBlocks      = 50
	maxID          = 255
	maxHeader      = 150
	maxText        = 3000
	maxFields      = 10
	maxField       = 2000
	maxContext     = 10
	maxActions     = 25
	maxAltText     = 2000
	maxMarkdown    = 12_000
	maxButton      = 75
	maxValue       = 2000
	maxOption      = 75
	maxOptionValue = 150
	maxOptions     = 100
	maxOverflow    = 5
	maxPlaceholder = 150

	// MaxBlocksText is the most text in all blocks of a message together. Slack's documentation names no such limit, yet
	// chat.postMessage answers msg_blocks_too_long; its staff speak of 12,000 characters and a reserve for the blocks
	// themselves (slackapi/bolt-js#2509), and users measured 13,200.
	MaxBlocksText = 12_000
)

// blockKinds are the blocks that a message may have here. Blocks that need more than a message, such as file and input,
// and those that Slack added for assistants are not among them.
var blockKinds map[string]rule

// init, not a literal: elements and blocks refer to one another.
func init() {
	elements := interactive()
	blockKinds = map[string]rule{
		"divider": shape{"type": typed()}.block(),
		"header":  shape{"type": typed(), "text": must(plainText(maxHeader))}.block(),
		"section": section(elements),
		"context": shape{
			"type": typed(), "elements": must(list(1, maxContext, byType(map[string]rule{
				"mrkdwn": anyText(maxText), "plain_text": anyText(maxText), "image": imageElement.check,
			}))),
		}.block(),
		"actions": shape{"type": typed(), "elements": must(list(1, maxActions, byType(elements)))}.block(),
		"image": shape{
			"type": typed(), "image_url": must(address), "alt_text": must(str(1, maxAltText)),
			"title": may(plainText(maxAltText)),
		}.block(),
		"markdown":  shape{"type": typed(), "text": must(str(1, maxMarkdown))}.block(),
		"rich_text": shape{"type": typed(), "elements": must(list(1, maxOptions, byType(richBlocks())))}.block(),
	}
}

// typed is the property type, which byType has looked at.
func typed() member { return must(func(*validator, string, any) {}) }

// block is a block of this shape with its block_id, which no other block of the message may have.
func (s shape) block() rule {
	s["block_id"] = may(str(0, maxID))
	return func(v *validator, at string, value any) {
		v.actionIDs = map[string]bool{}
		s.check(v, at, value)
		v.unique(v.blockIDs, at, "block_id", value)
	}
}

// section has a text or fields, or both.
func section(elements map[string]rule) rule {
	accessories := map[string]rule{"image": imageElement.check}
	for kind, r := range elements {
		accessories[kind] = r
	}
	whole := shape{
		"type": typed(), "text": may(anyText(maxText)), "fields": may(list(1, maxFields, anyText(maxField))),
		"accessory": may(byType(accessories)), "expand": may(boolean),
	}.block()
	return func(v *validator, at string, value any) {
		whole(v, at, value)
		object, _ := value.(map[string]any)
		if object["text"] == nil && object["fields"] == nil {
			v.problem(at, "missing required field: text or fields")
		}
	}
}

var imageElement = shape{"type": typed(), "image_url": must(address), "alt_text": must(str(1, maxAltText))}

// plainText is a text object of type plain_text, never an empty one.
func plainText(most int) rule {
	return byType(map[string]rule{
		"plain_text": shape{"type": typed(), "text": must(str(1, most)), "emoji": may(boolean)}.check,
	})
}

// anyText is a text object of either type, never an empty one.
func anyText(most int) rule {
	return byType(map[string]rule{
		"plain_text": shape{"type": typed(), "text": must(str(1, most)), "emoji": may(boolean)}.check,
		"mrkdwn":     shape{"type": typed(), "text": must(str(1, most)), "verbatim": may(boolean)}.check,
	})
}

// readBlocks reads and checks the argument blocks. Both results are nil where it is no list of JSON.
func readBlocks(raw []byte) (blocks []any, problems []string) {
	value, err := decodeJSON(raw)
	if err != nil {
		return nil, nil
	}
	blocks, ok := value.([]any)
	if !ok {
		return nil, nil
	}
	v := &validator{blockIDs: map[string]bool{}}
	list(0, maxBlocks, byType(blockKinds))(v, "/blocks", value)
	return blocks, v.problems
}

// ValidateBlocks tells what Slack would find wrong with the JSON of a message's blocks, nil for nothing. A problem
// names its rule and its place, as Slack's response_metadata.messages do.
func ValidateBlocks(raw []byte) []string {
	blocks, problems := readBlocks(raw)
	switch {
	case blocks == nil && problems == nil:
		return []string{"invalid_blocks_format: blocks must be a JSON array [json-pointer:/blocks]"}
	case len(problems) > 0:
		return problems
	case textOf(blocks) > MaxBlocksText:
		return []string{"msg_blocks_too_long: the texts are longer than 12000 characters together [json-pointer:/blocks]"}
	}
	return nil
}

// textOf is the length of all texts that people would see.
func textOf(blocks []any) int {
	n := 0
	walk(blocks, "", func(_ string, object map[string]any) {
		if text, ok := object["text"].(string); ok {
			n += units(text)
		}
	})
	return n
}

// fillBlocks adds what Slack adds to blocks that it stores. The caller holds the lock.
func (w *Workspace) fillBlocks(blocks []any) {
	for _, block := range blocks {
		object := block.(map[string]any)
		if id, _ := object["block_id"].(string); id == "" {
			object["block_id"] = w.nextID("b")[1:6]
		}
	}
	walk(blocks, "", func(_ string, object map[string]any) {
		switch object["type"] {
		case "plain_text":
			setMember(object, "emoji", true)
		case "mrkdwn":
			setMember(object, "verbatim", false)
		}
	})
}

func setMember(object map[string]any, name string, value any) {
	if _, given := object[name]; !given {
		object[name] = value
	}
}
