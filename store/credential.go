package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"jwtsunset/credential"
)

// Credentials are the credentials of an organization, gone ones included, sorted by id; of all organizations, sorted by
// organization and id, if it is empty. Credentials may share their Sandboxes slices: do not change those in place.
func (s *Store) Credentials(ctx context.Context, organization string) ([]credential.Credential, error) {
	var credentials []credential.Credential
	err := s.snapshot(ctx, func(tx *sql.Tx) (err error) {
		if credentials, err = s.loadCredentials(ctx, tx, organization); err != nil {
			return err
		}
		return s.addProofs(ctx, tx, organization, credentials)
	})
	return credentials, s.wrap("read the credentials", err)
}

// addProofs adds what is known of credentials beside what scans tell.
func (s *Store) addProofs(ctx context.Context, q querier, organization string, all []credential.Credential) error {
	type key struct{ organization, id string }
	proofs := map[key]credential.Proof{}
	_, err := collect(ctx, q, func(rows *sql.Rows) (none struct{}, err error) {
		var k key
		var proof credential.Proof
		err = rows.Scan(&k.organization, &k.id, &proof)
		proofs[k] = proof
		return none, err
	}, s.queries.migrations.proofs, text(organization))
	if err != nil || len(proofs) == 0 {
		return err
	}
	for i := range all {
		all[i].Proof = proofs[key{all[i].Organization, all[i].ID}]
	}
	return nil
}

// Credential finds one credential by its id, in whatever case the id is written. An empty organization means any;
// ErrAmbiguous if the id is then in several. ErrNotFound if there is none.
func (s *Store) Credential(ctx context.Context, organization, id string) (credential.Credential, error) {
	found, err := s.credentialRows(ctx, s.queries.credentialExactly, organization, id)
	if err == nil && len(found) == 0 {
		// SQLite reads the whole table for this one.
		found, err = s.credentialRows(ctx, s.queries.credential, organization, id)
	}
	if err == nil {
		var c credential.Credential
		if c, err = only(found, id); err == nil {
			return s.withProof(ctx, c)
		}
	}
	return credential.Credential{}, s.wrap("read a credential", err)
}

// withProof adds what is known of one credential beside what scans tell: the proof of its newest migration.
func (s *Store) withProof(ctx context.Context, c credential.Credential) (credential.Credential, error) {
	of, err := collect(ctx, s.readers, readMigrationRow, s.queries.migrations.of, text(c.Organization), text(c.ID))
	for i := len(of) - 1; i >= 0; i-- { // the newest comes first, and counts
		if of[i].proof != "" {
			c.Proof = credential.Proof(of[i].proof)
		}
	}
	return c, s.wrap("read the proof of a migration", err)
}

func (s *Store) credentialRows(ctx context.Context, query, organization, id string) ([]credential.Credential, error) {
	return collect(ctx, s.readers, newCredentialReader().read, query, text(organization), text(id))
}

// only picks the one credential that an id means: the only one found, or the only one that is written exactly so.
func only(found []credential.Credential, id string) (credential.Credential, error) {
	if len(found) > 1 {
		exact := slices.DeleteFunc(slices.Clone(found), func(c credential.Credential) bool { return c.ID != id })
		if len(exact) == 1 {
			found = exact
		}
	}
	switch len(found) {
	case 0:
		return credential.Credential{}, fmt.Errorf("no credential has the id %q: %w", id, ErrNotFound)
	case 1:
		return found[0], nil
	default:
		return credential.Credential{}, fmt.Errorf("%q is in %q and in %q: name the organization: %w",
			id, found[0].Organization, found[1].Organization, ErrAmbiguous)
	}
}

func (s *Store) loadCredentials(
	ctx context.Context, q querier, organization string,
) ([]credential.Credential, error) {
	count, list, args := s.queries.countCredentialsOf, s.queries.credentialsOf, []any{text(organization)}
	if organization == "" {
		count, list, args = s.queries.countCredentials, s.queries.credentials, nil
	}
	// Counting first costs little and saves the copies of a slice that grows.
	var n int
	if err := q.QueryRowContext(ctx, count, args...).Scan(&n); err != nil {
		return nil, err
	}
	return collectInto(ctx, make([]credential.Credential, 0, n), q, newCredentialReader().read, list, args...)
}

// credentialRow is a row of table credential, in the order of its columns. Integers are read through any, which spares
// database/sql its conversions.
type credentialRow struct {
	organization, id, kind, name, description, assignedTo, createdBy, updatedBy string
	sandboxes                                                                   string
	integrationID, projectID, projectName, workspaceID, workspaceName, clientID string
	consoleType, consoleStatus, technicalAccountEmail                           string
	readOnly, certificateNotAfter                                               any
	authMethod, eligible                                                        string
	active, createdAt, updatedAt, firstSeenAt, lastSeenAt, missed               any
	presence                                                                    string
	goneAt                                                                      any
	excludedBy                                                                  string
}

func (r *credentialRow) columns() []any {
	return []any{
		&r.organization, &r.id, &r.kind, &r.name, &r.description, &r.assignedTo, &r.createdBy, &r.updatedBy,
		&r.sandboxes, &r.integrationID, &r.projectID, &r.projectName, &r.workspaceID, &r.workspaceName, &r.clientID,
		&r.consoleType, &r.consoleStatus, &r.technicalAccountEmail, &r.readOnly, &r.certificateNotAfter,
		&r.authMethod, &r.eligible, &r.active, &r.createdAt, &r.updatedAt, &r.firstSeenAt, &r.lastSeenAt,
		&r.missed, &r.presence, &r.goneAt, &r.excludedBy,
	}
}

// credentialReader reads many rows and keeps one copy of each text and list that many of them have in common.
type credentialReader struct {
	row     credentialRow
	columns []any
	texts   map[string]string
	lists   map[string][]string
}

func newCredentialReader() *credentialReader {
	r := &credentialReader{texts: map[string]string{}, lists: map[string][]string{}}
	r.columns = r.row.columns()
	return r
}

func (r *credentialReader) read(rows *sql.Rows) (credential.Credential, error) {
	if err := rows.Scan(r.columns...); err != nil {
		return credential.Credential{}, err
	}
	sandboxes, err := r.list(r.row.sandboxes)
	row := &r.row
	return credential.Credential{
		Organization: r.intern(row.organization),
		ID:           row.id,
		Kind:         credential.Kind(r.intern(row.kind)),
		Name:         row.name,
		Description:  row.description,
		Owner: credential.Owner{
			AssignedTo: r.intern(row.assignedTo),
			CreatedBy:  r.intern(row.createdBy),
			UpdatedBy:  r.intern(row.updatedBy),
		},
		Sandboxes:   sandboxes,
		Console:     r.console(),
		AuthMethod:  credential.AuthMethod(r.intern(row.authMethod)),
		Eligible:    credential.Eligible(r.intern(row.eligible)),
		Active:      integer(row.active) != 0,
		Created:     fromMicros(integer(row.createdAt)),
		LastUpdated: fromMicros(integer(row.updatedAt)),
		FirstSeen:   fromMicros(integer(row.firstSeenAt)),
		LastSeen:    fromMicros(integer(row.lastSeenAt)),
		Missed:      int(integer(row.missed)),
		Presence:    credential.Presence(r.intern(row.presence)),
		GoneAt:      fromMicros(integer(row.goneAt)),
		Excluded:    r.intern(row.excludedBy),
	}, err
}

func (r *credentialReader) console() credential.Console {
	row := &r.row
	return credential.Console{
		IntegrationID:         row.integrationID,
		ProjectID:             r.intern(row.projectID),
		ProjectName:           r.intern(row.projectName),
		WorkspaceID:           r.intern(row.workspaceID),
		WorkspaceName:         r.intern(row.workspaceName),
		ClientID:              row.clientID,
		Type:                  r.intern(row.consoleType),
		Status:                credential.MigrationStatus(r.intern(row.consoleStatus)),
		TechnicalAccountEmail: row.technicalAccountEmail,
		ReadOnly:              integer(row.readOnly) != 0,
		CertificateNotAfter:   fromMicros(integer(row.certificateNotAfter)),
	}
}

func (r *credentialReader) intern(s string) string {
	if s == "" {
		return ""
	}
	kept, ok := r.texts[s]
	if !ok {
		r.texts[s], kept = s, s
	}
	return kept
}

func (r *credentialReader) list(encoded string) ([]string, error) {
	if kept, ok := r.lists[encoded]; ok {
		return kept, nil
	}
	names, err := decodeList("sandboxes", encoded, r.intern)
	if err != nil {
		return nil, err
	}
	names = slices.Clip(names)
	r.lists[encoded] = names
	return names, nil
}

// integer is the value of a column that the schema keeps from being anything but an integer.
func integer(v any) int64 {
	n, _ := v.(int64)
	return n
}

// credentialWriter turns credentials into parameters and keeps the encoded form of the lists that many have in common.
type credentialWriter struct {
	lastList    []string
	lastEncoded string
}

func (w *credentialWriter) args(args []any, c *credential.Credential) ([]any, error) {
	sandboxes, err := w.list(c.Sandboxes)
	if err != nil {
		return args, err
	}
	k := &c.Console
	return append(args,
		text(c.Organization), text(c.ID), text(string(c.Kind)), text(c.Name), text(c.Description),
		text(c.Owner.AssignedTo), text(c.Owner.CreatedBy), text(c.Owner.UpdatedBy), sandboxes,
		text(k.IntegrationID), text(k.ProjectID), text(k.ProjectName), text(k.WorkspaceID), text(k.WorkspaceName),
		text(k.ClientID), text(k.Type), text(string(k.Status)), text(k.TechnicalAccountEmail),
		bit(k.ReadOnly), micros(k.CertificateNotAfter),
		text(string(c.AuthMethod)), text(string(c.Eligible)), bit(c.Active),
		micros(c.Created), micros(c.LastUpdated), micros(c.FirstSeen), micros(c.LastSeen), int64(c.Missed),
		text(string(c.Presence)), micros(c.GoneAt), text(c.Excluded),
	), nil
}

func (w *credentialWriter) list(names []string) (string, error) {
	if w.lastEncoded == "" || !slices.Equal(names, w.lastList) {
		encoded, err := encodeList(names, text)
		if err != nil {
			return "", err
		}
		w.lastList, w.lastEncoded = names, encoded
	}
	return w.lastEncoded, nil
}
