package notify

import (
	"slices"
	"strings"
	"time"
)

// The languages that messages are written in.
const (
	English            = "en"
	TraditionalChinese = "zh-TW"
)

// Languages lists all.
func Languages() []string { return []string{English, TraditionalChinese} }

// Language is the language for somebody with a locale as directories name it (en-GB, zh_TW, zh-Hant-HK); fallback where
// there is none for it. Simplified Chinese (zh-CN, zh-SG, zh-Hans) is not given in Traditional characters and Taiwan's
// words: it gets the fallback, like every language that is not here.
func Language(locale, fallback string) string {
	parts := strings.FieldsFunc(strings.ToLower(locale), func(r rune) bool { return r == '-' || r == '_' || r == '.' })
	if len(parts) == 0 {
		return fallback
	}
	switch {
	case parts[0] == English:
		return English
	case parts[0] != "zh" || slices.Contains(parts, "hans"):
		return fallback
	case slices.ContainsFunc(parts[1:], isTraditional):
		return TraditionalChinese
	default:
		return fallback
	}
}

func isTraditional(part string) bool {
	return slices.Contains([]string{"hant", "tw", "hk", "mo"}, part)
}

// formatDate writes a calendar date; "" for the zero time.
func formatDate(language string, t time.Time) string {
	switch {
	case t.IsZero():
		return ""
	case language == TraditionalChinese:
		return t.Format("2006年1月2日")
	default:
		return t.Format("2 January 2006")
	}
}

// formatInstant writes a date and a time of day with its zone; "" for the zero time.
func formatInstant(language string, t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return formatDate(language, t) + t.Format(" 15:04 ") + zoneName(t)
}

// zoneName is the zone's own name where it has one that a reader can look up, else what it is called at that time.
func zoneName(t time.Time) string {
	if name := t.Location().String(); name != "Local" && name != "" {
		return name
	}
	return t.Format("MST")
}
