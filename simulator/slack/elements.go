package slack

import "time"

// confirm is the dialog before an action.
var confirm = shape{
	"title": must(plainText(100)), "text": must(anyText(300)), "confirm": must(plainText(30)),
	"deny": must(plainText(30)), "style": may(oneOf("primary", "danger")),
}

// interactive are the elements that people can act on and that messages may have here.
func interactive() map[string]rule {
	options := list(1, maxOptions, option(false))
	group := shape{"label": must(plainText(maxOption)), "options": must(options)}
	choice := shape{
		"placeholder": may(plainText(maxPlaceholder)), "options": may(options),
		"option_groups": may(list(1, maxOptions, group.check)), "initial_option": may(option(false)),
		"focus_on_load": may(boolean),
	}.element()
	return map[string]rule{
		"button": shape{
			"text": must(plainText(maxButton)), "url": may(address), "value": may(str(0, maxValue)),
			"style": may(oneOf("primary", "danger")), "accessibility_label": may(str(1, maxButton)),
		}.element(),
		"overflow": shape{"options": must(list(1, maxOverflow, option(true)))}.element(),
		"datepicker": shape{
			"initial_date": may(date), "placeholder": may(plainText(maxPlaceholder)), "focus_on_load": may(boolean),
		}.element(),
		"users_select": shape{
			"initial_user": may(str(1, maxID)), "placeholder": may(plainText(maxPlaceholder)), "focus_on_load": may(boolean),
		}.element(),
		"static_select": func(v *validator, at string, value any) {
			choice(v, at, value)
			object, _ := value.(map[string]any)
			if (object["options"] == nil) == (object["option_groups"] == nil) {
				v.problem(at, "must have one of: options, option_groups")
			}
		},
	}
}

// element is an element of this shape with what all have: type, action_id, which no other element of the block may
// have, and confirm.
func (s shape) element() rule {
	s["type"], s["action_id"], s["confirm"] = typed(), may(str(0, maxID)), may(confirm.check)
	return func(v *validator, at string, value any) {
		s.check(v, at, value)
		v.unique(v.actionIDs, at, "action_id", value)
	}
}

// option is one choice of a menu; those of an overflow menu may lead elsewhere.
func option(links bool) rule {
	s := shape{
		"text": must(plainText(maxOption)), "value": must(str(1, maxOptionValue)),
		"description": may(plainText(maxOption)),
	}
	if links {
		s["url"] = may(address)
	}
	return s.check
}

func date(v *validator, at string, value any) {
	text, _ := value.(string)
	if _, err := time.Parse(time.DateOnly, text); err != nil {
		v.problem(at, "must be a valid date")
	}
}
