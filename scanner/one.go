package scanner

import (
	"context"
	"errors"
	"slices"

	"jwtsunset/credential"
)

// ReadOne reads one credential afresh, in all places where it is known to be, as a scan would see it. What no read
// tells is taken from what is known. A credential that none of its places lists any more comes back as gone. An error
// means that a place could not be read to the point where that is certain, and nothing is to be concluded.
func ReadOne(ctx context.Context, o Options, known credential.Credential) (credential.Credential, error) {
	one := &oneLook{o: o, known: known}
	if o.PageLimit <= 0 {
		one.o.PageLimit = 10_000
	}
	for _, sandbox := range known.Sandboxes {
		if err := one.sandbox(ctx, sandbox); err != nil {
			return known, err
		}
	}
	if known.Console.Matched() && o.Console != nil {
		if err := one.console(ctx); err != nil {
			return known, err
		}
	}
	return one.credential(), nil
}

// oneLook is one credential in the making.
type oneLook struct {
	o       Options
	known   credential.Credential
	account *account
	entry   *consoleEntry
}

// sandbox looks for the credential in a sandbox's accounts. One that a list of several pages does not show may be
// hidden behind the end of a page; a second reading, in the opposite order and with pages that overlap, must show that
// it is not.
func (l *oneLook) sandbox(ctx context.Context, name string) error {
	first := newChain()
	met, err := l.seek(ctx, first, name)
	if met || err != nil || first.pages < 2 {
		return err
	}
	second := newProof()
	if met, err = l.seek(ctx, second, name); met || err != nil {
		return err
	}
	if !second.proves(first) {
		return &problem{credential.ReasonAmbiguous, "the credential may be hidden behind the end of a page"}
	}
	return nil
}

// seek reads a list until the credential is met.
func (l *oneLook) seek(ctx context.Context, c *chain, name string) (met bool, err error) {
	for more := true; more; {
		if more, err = c.step(ctx, l.o.Platform, name, l.o.PageLimit); err != nil {
			return false, err
		}
		if a, ok := c.accounts[l.known.ID]; ok {
			l.met(a, name)
			return true, nil
		}
	}
	return false, nil
}

func (l *oneLook) met(a credential.Account, sandbox string) {
	if l.account == nil {
		l.account = &account{Account: a}
	} else if a.LastUpdated.After(l.account.LastUpdated) {
		l.account.Account = a
	}
	l.account.sandboxes = append(l.account.sandboxes, sandbox)
}

// console reads the Developer Console's side. The project's and the workspace's names are those known.
func (l *oneLook) console(ctx context.Context) error {
	at := l.known.Console
	org, err := l.o.Console.OrganizationID(ctx)
	if err != nil {
		return err
	}
	e := &consoleEntry{
		id:        at.IntegrationID,
		project:   credential.Project{ID: at.ProjectID, Title: at.ProjectName, CreatedBy: l.known.Owner.CreatedBy},
		workspace: credential.Workspace{ID: at.WorkspaceID, Name: at.WorkspaceName},
		notAfter:  at.CertificateNotAfter,
	}
	if e.detail, err = l.o.Console.Integration(ctx, org, e.id); err != nil {
		return gone(err)
	}
	if e.status, err = l.o.Console.MigrationStatus(ctx, org, e.id); err != nil {
		return err
	}
	if at.WorkspaceID != "" {
		if e.kind, err = l.kind(ctx, org); err != nil {
			return err
		}
	}
	l.entry = e
	return nil
}

// gone takes "there is no such integration" for what it says.
func gone(err error) error {
	if credential.ReasonOf(err) == credential.ReasonNotFound {
		return nil
	}
	return err
}

// kind is the credential's type as its workspace shows it.
func (l *oneLook) kind(ctx context.Context, org string) (string, error) {
	at := l.known.Console
	list, err := l.o.Console.WorkspaceCredentials(ctx, org, at.ProjectID, at.WorkspaceID)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(list, func(w credential.WorkspaceCredential) bool { return w.IntegrationID == at.IntegrationID })
	if i < 0 {
		return "", errors.New("the workspace does not show the credential, although the integration is there")
	}
	return list[i].Type, nil
}

// credential is what the reading shows.
func (l *oneLook) credential() credential.Credential {
	j := joined{accounts: map[string]*account{}, console: map[string]*consoleEntry{}}
	if l.account != nil {
		j.accounts[l.known.ID] = l.account
	}
	if l.entry != nil {
		j.console[l.known.ID] = l.entry
	}
	c := j.credential(l.known.Organization, l.known.ID)
	c.FirstSeen, c.Excluded, c.Proof = l.known.FirstSeen, l.known.Excluded, l.known.Proof
	if l.account == nil && l.entry == nil {
		c = l.known
		c.Presence, c.AuthMethod = credential.Gone, credential.AuthUnknown
	}
	return c
}
