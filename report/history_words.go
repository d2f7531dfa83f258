package report

import (
	"cmp"
	"fmt"

	"jwtsunset/credential"
)

// changePhrases name kinds of change as sentences do.
var changePhrases = map[credential.ChangeKind]string{
	credential.ChangeFound:       "found",
	credential.ChangeMigrated:    "migrated",
	credential.ChangeGone:        "gone",
	credential.ChangeCameBack:    "came back",
	credential.ChangeMissing:     "missing",
	credential.ChangeWentBack:    "went back from OAuth",
	credential.ChangeAuthMethod:  "auth method changed",
	credential.ChangeOwner:       "owner changed",
	credential.ChangeRenamed:     "renamed",
	credential.ChangeSandboxes:   "sandboxes changed",
	credential.ChangeCertificate: "certificate changed",
	credential.ChangeActive:      "active flag changed",
	credential.ChangeExcluded:    "excluded",
	credential.ChangeIncluded:    "included again",
}

// phraseOf names a kind of change; one of a later version by its own name.
func phraseOf(kind credential.ChangeKind) string {
	return cmp.Or(changePhrases[kind], string(kind))
}

// changeInWords says what changed, from what to what.
func changeInWords(c credential.Change) string {
	phrase := phraseOf(c.Kind)
	switch c.Kind {
	case credential.ChangeFound:
		return phrase + orNothing(" as ", c.To)
	case credential.ChangeGone, credential.ChangeMissing:
		return phrase + orNothing(", last seen ", c.To)
	case credential.ChangeCameBack:
		return phrase + orNothing(", had been missed since ", c.From)
	case credential.ChangeExcluded:
		return phrase + orNothing(" by ", c.To)
	case credential.ChangeIncluded:
		return phrase + orNothing(", was excluded by ", c.From)
	default:
		if c.From == "" && c.To == "" {
			return phrase
		}
		return fmt.Sprintf("%s: %s -> %s", phrase, cmp.Or(c.From, "-"), cmp.Or(c.To, "-"))
	}
}

func orNothing(before, text string) string {
	if text == "" {
		return ""
	}
	return before + text
}
