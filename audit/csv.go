package audit

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// The rows here and those of bundle/csv.jq are the same bytes.

var csvColumns = []string{
	"seq", "time", "run", "elapsed_us", "clock", "person", "door", "strength", "action", "object_type", "organization",
	"object_id", "before", "after", "policy", "config", "attempt", "request_id", "result", "facts", "prev", "hash",
}

// appendCSVHeader appends the row of the columns' names.
func appendCSVHeader(dst []byte) []byte {
	for _, name := range csvColumns {
		dst = append(appendCell(dst, name), ',')
	}
	return endRow(dst)
}

// appendCSV appends the row of an entry: its members in their order, facts as they stand in the log.
func appendCSV(dst []byte, e Entry) []byte {
	dst = append(strconv.AppendInt(dst, e.Seq, 10), ',')
	dst = append(appendCell(dst, e.Time.Format(timeLayout)), ',')
	dst = append(appendCell(dst, e.Run), ',')
	dst = append(strconv.AppendInt(dst, e.Elapsed.Microseconds(), 10), ',')
	for _, text := range []string{
		string(e.Clock), e.Actor.Person, string(e.Actor.Door), string(e.Actor.Strength), string(e.Action), e.Object.Type,
		e.Object.Organization, e.Object.ID, e.Before, e.After, e.Policy, e.Config, e.Attempt, e.RequestID, string(e.Result),
		string(appendFacts(nil, e.Facts)), e.Prev.String(), e.Hash.String(),
	} {
		dst = append(appendCell(dst, text), ',')
	}
	return endRow(dst)
}

// endRow puts a newline in the place of the comma after the last cell.
func endRow(dst []byte) []byte {
	dst[len(dst)-1] = '\n'
	return dst
}

// formulaStarts are the characters, wide forms included, with which a spreadsheet takes a cell for a formula.
const formulaStarts = "=+-@\t\r\n＝＋－＠"

// appendCell appends a text in quotes. One that a spreadsheet could take for a formula gets an apostrophe in front.
func appendCell(dst []byte, text string) []byte {
	dst = append(dst, '"')
	if first, _ := utf8.DecodeRuneInString(text); text != "" && strings.ContainsRune(formulaStarts, first) {
		dst = append(dst, '\'')
	}
	return append(append(dst, strings.ReplaceAll(text, `"`, `""`)...), '"')
}
