package slack

// richBlocks are the elements of a rich text block.
func richBlocks() map[string]rule {
	inline := list(0, 1000, byType(richElements()))
	part := shape{"type": typed(), "elements": must(inline)}
	quote := shape{"type": typed(), "elements": must(inline), "border": may(integer)}
	return map[string]rule{
		"rich_text_section":      part.check,
		"rich_text_preformatted": quote.check,
		"rich_text_quote":        quote.check,
		"rich_text_list": shape{
			"type": typed(), "style": must(oneOf("bullet", "ordered")), "indent": may(integer), "offset": may(integer),
			"border":   may(integer),
			"elements": must(list(1, 1000, byType(map[string]rule{"rich_text_section": part.check}))),
		}.check,
	}
}

// richElements are what a line of rich text is made of.
func richElements() map[string]rule {
	style := may(shape{
		"bold": may(boolean), "italic": may(boolean), "strike": may(boolean), "code": may(boolean),
		"underline": may(boolean), "highlight": may(boolean), "client_highlight": may(boolean), "unlink": may(boolean),
	}.check)
	id := must(str(1, maxID))
	return map[string]rule{
		"text": shape{"type": typed(), "text": must(str(1, maxText)), "style": style}.check,
		"link": shape{
			"type": typed(), "url": must(address), "text": may(str(1, maxText)), "unsafe": may(boolean), "style": style,
		}.check,
		"emoji":     shape{"type": typed(), "name": id, "unicode": may(str(1, maxID)), "skin_tone": may(integer)}.check,
		"user":      shape{"type": typed(), "user_id": id, "style": style}.check,
		"usergroup": shape{"type": typed(), "usergroup_id": id, "style": style}.check,
		"channel":   shape{"type": typed(), "channel_id": id, "style": style}.check,
		"broadcast": shape{"type": typed(), "range": must(oneOf("here", "channel", "everyone")), "style": style}.check,
		"color":     shape{"type": typed(), "value": id}.check,
		"date": shape{
			"type": typed(), "timestamp": must(integer), "format": must(str(1, maxText)), "url": may(address),
			"fallback": may(str(1, maxText)), "style": style,
		}.check,
	}
}
