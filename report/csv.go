package report

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// csvColumns are the columns of CSV, in their order and named as the members of a credential in JSON. New columns are
// added at the end.
var csvColumns = []csvColumn[credentialRecord]{
	{"id", func(r credentialRecord) string { return guard(r.ID) }},
	{"kind", func(r credentialRecord) string { return guard(string(r.Kind)) }},
	{"name", func(r credentialRecord) string { return guard(r.Name) }},
	{"owner", func(r credentialRecord) string { return guard(r.Owner) }},
	{"organization", func(r credentialRecord) string { return guard(r.Organization) }},
	{"sandboxes", func(r credentialRecord) string { return guard(strings.Join(r.Sandboxes, " ")) }},
	{"auth_method", func(r credentialRecord) string { return guard(string(r.AuthMethod)) }},
	{"eligible", func(r credentialRecord) string { return guard(string(r.Eligible)) }},
	{"affected", func(r credentialRecord) string { return strconv.FormatBool(r.Affected) }},
	{"presence", func(r credentialRecord) string { return guard(string(r.Presence)) }},
	{"deadline", func(r credentialRecord) string { return optional(r.Deadline) }},
	{"deadline_reason", func(r credentialRecord) string { return guard(r.DeadlineReason) }},
	{"seconds_left", func(r credentialRecord) string { return number(r.SecondsLeft) }},
	{"created", func(r credentialRecord) string { return optional(r.Created) }},
	{"last_updated", func(r credentialRecord) string { return optional(r.LastUpdated) }},
	{"state", func(r credentialRecord) string { return guard(string(r.State)) }},
	{"days_left", func(r credentialRecord) string { return number(r.DaysLeft) }},
	{"description", func(r credentialRecord) string { return guard(r.Description) }},
	{"active", func(r credentialRecord) string { return strconv.FormatBool(r.Active) }},
	{"assigned_to", func(r credentialRecord) string { return guard(r.AssignedTo) }},
	{"created_by", func(r credentialRecord) string { return guard(r.CreatedBy) }},
	{"updated_by", func(r credentialRecord) string { return guard(r.UpdatedBy) }},
	{"project", func(r credentialRecord) string { return guard(r.Project) }},
	{"project_id", func(r credentialRecord) string { return guard(r.ProjectID) }},
	{"workspace", func(r credentialRecord) string { return guard(r.Workspace) }},
	{"workspace_id", func(r credentialRecord) string { return guard(r.WorkspaceID) }},
	{"integration_id", func(r credentialRecord) string { return guard(r.IntegrationID) }},
	{"client_id", func(r credentialRecord) string { return guard(r.ClientID) }},
	{"console_type", func(r credentialRecord) string { return guard(r.ConsoleType) }},
	{"migration_status", func(r credentialRecord) string { return guard(string(r.MigrationStatus)) }},
	{"technical_account_email", func(r credentialRecord) string { return guard(r.TechnicalAccountEmail) }},
	{"read_only", func(r credentialRecord) string { return strconv.FormatBool(r.ReadOnly) }},
	{"certificate_not_after", func(r credentialRecord) string { return optional(r.CertificateNotAfter) }},
	{"first_seen", func(r credentialRecord) string { return optional(r.FirstSeen) }},
	{"last_seen", func(r credentialRecord) string { return optional(r.LastSeen) }},
	{"missed", func(r credentialRecord) string { return strconv.Itoa(r.Missed) }},
	{"gone_at", func(r credentialRecord) string { return optional(r.GoneAt) }},
	{"excluded", func(r credentialRecord) string { return guard(r.Excluded) }},
}

// writeCSV writes one record a credential.
func writeCSV(b *bufio.Writer, now time.Time, rows []row) error {
	return writeColumns(b, csvColumns, func(yield func(credentialRecord) bool) {
		for _, r := range rows {
			if !yield(newCredentialRecord(r, now)) {
				return
			}
		}
	})
}

// csvColumn is one column of records of a kind.
type csvColumn[T any] struct {
	name string
	cell func(T) string
}

// writeColumns writes a header and one record each as RFC 4180 has it. Every record is one line.
func writeColumns[T any](b *bufio.Writer, columns []csvColumn[T], records iter.Seq[T]) error {
	w := csv.NewWriter(b)
	w.UseCRLF = true
	cells := make([]string, len(columns))
	for i, column := range columns {
		cells[i] = column.name
	}
	if err := w.Write(cells); err != nil {
		return fmt.Errorf("header: %w", err)
	}
	for record := range records {
		for i, column := range columns {
			cells[i] = column.cell(record)
		}
		if err := w.Write(cells); err != nil {
			return fmt.Errorf("record: %w", err)
		}
	}
	w.Flush()
	return w.Error()
}

// formulaStarts are the characters, wide forms included, with which a spreadsheet takes a cell for a formula.
const formulaStarts = "=+-@\t\r＝＋－＠"

// guard cleans a text and, if a spreadsheet could take it for a formula, puts an apostrophe before it.
func guard(s string) string {
	s = Clean(s)
	if startsFormula(strings.TrimLeftFunc(s, unicode.IsSpace)) {
		return "'" + s
	}
	return s
}

func startsFormula(s string) bool {
	first, _ := utf8.DecodeRuneInString(s)
	return s != "" && strings.ContainsRune(formulaStarts, first)
}

// number leaves an integer of ours as it is: its minus sign makes no formula, and an apostrophe would make it a text.
func number[T int | int64](n *T) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(int64(*n), 10)
}

func optional(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
