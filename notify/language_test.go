package notify

import (
	"testing"
	"time"
)

func TestLanguage(t *testing.T) {
	tests := map[string]string{
		"zh-TW": "zh-TW", "zh_TW": "zh-TW", "zh-Hant": "zh-TW", "zh-HK": "zh-TW", "zh-MO": "zh-TW", "ZH-hant-hk": "zh-TW",
		"zh-CN": "de", "zh-Hans-HK": "de", "zh-SG": "de", "zh": "de",
		"en": "en", "en-GB": "en", "en_US.UTF-8": "en", "eng": "de", "ja-JP": "de", "de-DE": "de", "": "de", "-": "de", "tw": "de",
	}
	for locale, want := range tests {
		if got := Language(locale, "de"); got != want {
			t.Errorf("%q: got %q, want %q", locale, got, want)
		}
	}
}

func TestDates(t *testing.T) {
	at := time.Date(2025, time.June, 30, 9, 5, 0, 0, time.FixedZone("", 8*3600))
	tests := map[string][2]string{
		English:            {"30 June 2025", "30 June 2025 09:05 +0800"},
		TraditionalChinese: {"2025年6月30日", "2025年6月30日 09:05 +0800"},
	}
	for language, want := range tests {
		if got := [2]string{formatDate(language, at), formatInstant(language, at)}; got != want {
			t.Errorf("%s: got %q, want %q", language, got, want)
		}
		if got := formatDate(language, time.Time{}) + formatInstant(language, time.Time{}); got != "" {
			t.Errorf("%s: the zero time is %q", language, got)
		}
	}
	if got := formatInstant(English, at.UTC()); got != "30 June 2025 01:05 UTC" {
		t.Errorf("got %q", got)
	}
}
