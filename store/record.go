package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"jwtsunset/audit"
	"jwtsunset/credential"
)

// bulkRows is from how many credentials on a recording gets more memory to write with.
const bulkRows = 1000

// Merge decides what a scan writes down. It gets all credentials of the organization, gone ones included, sorted by id,
// and its last finished scan (the zero Scan if there is none). It runs inside the transaction: it must not call the
// store, and must not change the Sandboxes slices that it got in place.
type Merge = func(previous []credential.Credential, last credential.Scan) (credential.Recording, error)

// Record writes down what a scan found, all of it or nothing: merge decides what that is, and nobody else writes
// between what it reads and what it decides. Of the Recording's scan, ID, Organization, IMSOrg and Started stay as
// StartScan wrote them; changes get the scan's id. Credentials and changes must belong to the organization.
//
// An error of merge rolls everything back and is returned. ErrNotFound if there is no such scan, ErrConflict if it was
// recorded already. After any error the same scan can be recorded again, unless the error is ErrConflict; if the error
// came while committing (a cut connection, a full disk), ErrConflict at the next try means that it was recorded.
func (s *Store) Record(ctx context.Context, scanID int64, organization string, merge Merge) error {
	bulk := false
	err := s.inTx(ctx, func(tx *transaction) error {
		recording, err := s.merged(ctx, tx, scanID, organization, merge)
		if err != nil {
			return err
		}
		if bulk = len(recording.Changed) >= bulkRows; bulk {
			if err := s.engine.prepareBulk(ctx, tx.Tx); err != nil {
				return err
			}
		}
		return s.write(ctx, tx, scanID, organization, recording)
	})
	if bulk {
		s.endBulk(context.WithoutCancel(ctx))
	}
	return s.wrap(fmt.Sprintf("record scan %d of %q", scanID, organization), err)
}

// endBulk gives back what prepareBulk took. Failing to costs memory and nothing else.
func (s *Store) endBulk(ctx context.Context) {
	if err := s.engine.endBulk(ctx, s.writer); err != nil {
		s.options.Logger.WarnContext(ctx, "cannot give back the memory of a large write", "error", err)
	}
}

// merged reads what there is and asks merge what to write.
func (s *Store) merged(
	ctx context.Context, tx *transaction, scanID int64, organization string, merge Merge,
) (recording credential.Recording, err error) {
	started, err := s.unfinished(ctx, tx, scanID)
	if err != nil {
		return recording, err
	}
	if started != text(organization) {
		return recording, fmt.Errorf("the scan is one of %q: %w", started, ErrConflict)
	}
	last, err := oneScan(ctx, tx, s.queries.lastScan, started)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return recording, err
	}
	previous, err := s.loadCredentials(ctx, tx, started)
	if err == nil {
		err = s.addProofs(ctx, tx, started, previous)
	}
	if err != nil {
		return recording, err
	}
	if recording, err = merge(previous, last); err != nil {
		return recording, err
	}
	err = validate(&recording, organization)
	return recording, err
}

// validate refuses recordings that could only come from a defect.
func validate(r *credential.Recording, organization string) error {
	if r.Scan.Finished.IsZero() {
		return errors.New("the recording has no finish time")
	}
	for i := range r.Changed {
		if c := &r.Changed[i]; c.Organization != organization || c.ID == "" {
			return fmt.Errorf("the recording holds credential %q of %q", c.ID, c.Organization)
		}
	}
	for i := range r.Changes {
		if c := &r.Changes[i]; c.Organization != organization || c.CredentialID == "" {
			return fmt.Errorf("the recording holds a change of %q of %q", c.CredentialID, c.Organization)
		}
	}
	return nil
}

func (s *Store) write(
	ctx context.Context, tx *transaction, scanID int64, organization string, r credential.Recording,
) error {
	if err := tx.append(ctx, scanEvent(scanID, organization, r)); err != nil {
		return err
	}
	args, err := finishedArgs(&r.Scan)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, s.queries.finishScan, append(args, scanID)...); err != nil {
		return err
	}
	var writer credentialWriter
	changed := sortedByID(r.Changed)
	if err := insertAll(ctx, tx, changed, s.queries.upsertCredentials, writer.args); err != nil {
		return err
	}
	return insertAll(ctx, tx, r.Changes, s.queries.insertChanges, func(args []any, c *credential.Change) ([]any, error) {
		change := *c
		change.ScanID = scanID
		return changeArgs(args, &change)
	})
}

// scanEvent is what the audit log says of a scan: its outcome in numbers, and no name of anything that it found.
func scanEvent(scanID int64, organization string, r credential.Recording) audit.Event {
	result := audit.ResultOK
	if !r.Scan.Complete {
		result = audit.ResultPartial
	}
	facts := []audit.Fact{
		audit.Text("finished", r.Scan.Finished.UTC().Format(time.RFC3339Nano)),
		audit.Number("announced", int64(r.Scan.Announced)), audit.Number("read", int64(r.Scan.Read)),
		audit.Number("affected", int64(r.Scan.Counts.Affected)), audit.Number("migrated", int64(r.Scan.Counts.Migrated)),
		audit.Number("gone", int64(r.Scan.Counts.Gone)), audit.Number("exempt", int64(r.Scan.Counts.Exempt)),
		audit.Number("unknown", int64(r.Scan.Counts.Unknown)), audit.Number("attested", int64(r.Scan.Counts.Attested)),
		audit.Number("held_back", int64(r.Scan.HeldBack)),
		audit.Number("excluded", int64(len(r.Scan.Excluded))), audit.Number("unseen", int64(len(r.Scan.Unseen))),
		audit.Number("changed", int64(len(r.Changed))), audit.Number("changes", int64(len(r.Changes))),
		audit.Text("failed", failures(r.Scan.Failed)),
	}
	return audit.Event{
		Action: audit.ActionScanRecorded, Result: result, Facts: facts,
		Object: audit.Object{Type: "scan", Organization: organization, ID: strconv.FormatInt(scanID, 10)},
	}
}

// failures writes counts by reason: "forbidden 2, server 1".
func failures(failed map[credential.Reason]int) string {
	var parts []string
	for _, reason := range slices.Sorted(maps.Keys(failed)) {
		parts = append(parts, fmt.Sprintf("%s %d", reason, failed[reason]))
	}
	return strings.Join(parts, ", ")
}

// sortedByID gives credentials in the order of their key, in which writing them is fastest.
func sortedByID(credentials []credential.Credential) []credential.Credential {
	byID := func(a, b credential.Credential) int { return strings.Compare(a.ID, b.ID) }
	if slices.IsSortedFunc(credentials, byID) {
		return credentials
	}
	sorted := slices.Clone(credentials)
	slices.SortFunc(sorted, byID)
	return sorted
}
