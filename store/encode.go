package store

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

var latest = time.Date(9999, time.December, 31, 23, 59, 59, 999_999_000, time.UTC)

// micros is how a time is kept. It saturates: times come from outside, and one absurd value must neither wrap round nor
// keep a whole scan from being recorded.
func micros(t time.Time) int64 {
	switch {
	case !t.After(time.Time{}):
		return 0
	case t.After(latest):
		return latest.UnixMicro()
	default:
		return t.UnixMicro()
	}
}

// fromMicros is the inverse of micros.
func fromMicros(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}

// text brings a text to the form that every database can keep: valid UTF-8 without NUL.
func text(s string) string {
	if utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// bit is how a bool is kept.
func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// encodeList writes a list as JSON, each item through its row form. The result is canonical: the same list always
// gives the same text, and none is "[]".
func encodeList[T, R any](items []T, row func(T) R) (string, error) {
	rows := make([]R, len(items))
	for i, item := range items {
		rows[i] = row(item)
	}
	b, err := json.Marshal(rows)
	return string(b), err
}

// decodeList is the inverse of encodeList; an empty list is nil.
func decodeList[R, T any](column, list string, item func(R) T) ([]T, error) {
	if list == "[]" {
		return nil, nil // spares the decoder for what most rows have
	}
	var rows []R
	if err := json.Unmarshal([]byte(list), &rows); err != nil {
		return nil, fmt.Errorf("column %s holds no list: %w: %w", column, ErrCorrupt, err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	items := make([]T, len(rows))
	for i, row := range rows {
		items[i] = item(row)
	}
	return items, nil
}
