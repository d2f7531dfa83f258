package adobe

import (
	"context"
	"net/url"
	"strconv"

	"jwtsunset/credential"
)

var accounts = endpoint{credential.StageAccounts, "/data/foundation/queryauth/accounts"}

// AccountPage reads one page of a sandbox's Query Service accounts, those with non-expiring credentials. The cursor
// given back is that of the answer's next link, or of its "_page" member; it is nil where both name none. The page may
// be empty and its cursor may lead in a circle: following it is up to the caller.
func (c *Client) AccountPage(
	ctx context.Context, sandbox string, at credential.Cursor,
) (credential.AccountPage, error) {
	request := c.platformRequest(accounts, sandbox, c.accountQuery(at))
	return read(ctx, c, request, func(d *decoder) (credential.AccountPage, error) {
		list, paging, err := decodeAccounts(d)
		if err != nil {
			return credential.AccountPage{}, err
		}
		next, suspicion, err := paging.next(c.platform, at)
		if suspicion != "" {
			c.suspicious.Add(1)
			c.log.Warn("adobe: suspicious next link, nothing of it is used",
				"sandbox", clean(sandbox, 80), "why", suspicion)
		}
		return credential.AccountPage{Accounts: list, Next: next}, err
	})
}

func (c *Client) accountQuery(at credential.Cursor) url.Values {
	query := url.Values{}
	for name, value := range map[string]string{"orderby": at.OrderBy, "property": at.Property, "start": at.Start} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if c.options.AccountsLimit > 0 {
		query.Set("limit", strconv.Itoa(c.options.AccountsLimit))
	}
	return query
}

var (
	accountListNames = namesOf("accounts", "_page", "_links", "error", "error_code", "errors")
	// The member "credential" is not among the names, so that it is passed over: with the account's id it would be the
	// password.
	accountNames = namesOf("technicalAccountId", "technicalAccountName", "accountName", "description", "assignedToUser",
		"createdBy", "lastUpdatedBy", "created", "lastUpdated", "active")
)

func decodeAccounts(d *decoder) ([]credential.Account, paging, error) {
	var (
		list  []credential.Account
		pages paging
		found bool
	)
	err := d.envelope(accountListNames, func(name string) error {
		switch name {
		case "_page":
			return pages.decodePage(d)
		case "_links":
			return pages.decodeLinks(d)
		}
		found = true
		return d.list(func() error {
			a, err := decodeAccount(d)
			list = append(list, a)
			return err
		})
	})
	if err == nil && !found {
		err = malformed("the answer has no list of accounts")
	}
	return list, pages, err
}

// decodeAccount reads one account. Adobe's own list shows active accounts where nothing else is asked for, so one that
// does not say is active.
func decodeAccount(d *decoder) (credential.Account, error) {
	a := credential.Account{Active: true}
	err := d.object(accountNames, func(name string) error { return decodeAccountMember(d, &a, name) })
	if err == nil && (a.TechnicalAccountID == "" || !isHeaderValue(a.TechnicalAccountID)) {
		err = malformed("an account has no usable technical account id")
	}
	return a, err
}

func decodeAccountMember(d *decoder, a *credential.Account, name string) (err error) {
	switch name {
	case "technicalAccountId":
		a.TechnicalAccountID, err = d.id()
	case "technicalAccountName":
		a.TechnicalAccountName, err = d.text()
	case "accountName":
		a.Name, err = d.text()
	case "description":
		a.Description, err = d.repeated()
	case "assignedToUser":
		a.AssignedTo, err = d.repeated()
	case "createdBy":
		a.CreatedBy, err = d.repeated()
	case "lastUpdatedBy":
		a.LastUpdatedBy, err = d.repeated()
	case "created":
		a.Created, err = d.when()
	case "lastUpdated":
		a.LastUpdated, err = d.when()
	case "active":
		a.Active, err = d.flag()
	}
	return err
}
