package simulator

import (
	"net/http"
	"slices"
	"time"
)

// notAdobe is where the simulator puts calls that Adobe must have but does not publish. No program may take them for
// Adobe's.
const notAdobe = ControlPrefix + "not-adobe/"

// queryServiceRoutes stand in for the Migrate button of Query Service's page, of which Adobe publishes no call, and for
// the status beside it.
func queryServiceRoutes() []route {
	const account = notAdobe + "query-service/accounts/{account}"
	return []route{
		newRoute("account-status", "GET", account, (*call).queryAccountStatus).asks((*call).sandboxGate),
		newRoute("migrate", "POST", account+"/migrate", (*call).migrateQueryAccount).asks((*call).sandboxGate).starts(),
	}
}

// queryAccount finds the account of the path, which must be one of the sandbox's.
func (c *call) queryAccount() (*account, *reply) {
	if refused := c.accountsGate(); refused != nil {
		return nil, refused
	}
	a := c.s.org.byAccount[c.values["account"]]
	if a == nil || !a.query || !c.s.lists(c.sandbox(), a) {
		answer := c.serviceError(http.StatusNotFound, queryService, "Account not found")
		return nil, &answer
	}
	return a, nil
}

// lists tells whether a sandbox's list of accounts has the account.
func (s *Simulator) lists(sandbox string, a *account) bool {
	scope := s.scope(sandbox)
	return scope == everywhere || slices.Contains(a.sandboxes, scope)
}

// queryStatus is the word of Query Service's page.
func (a *account) queryStatus(now time.Time) string {
	if at := a.shown(now); at == completed || at == none {
		return "Migrated"
	}
	return "Eligible"
}

func (c *call) queryAccountStatus() reply {
	a, refused := c.queryAccount()
	if refused != nil {
		return *refused
	}
	return jsonReply(http.StatusOK, map[string]string{
		"technicalAccountId": a.id, "migrationStatus": a.queryStatus(c.s.clock()), "name": a.name,
	})
}

// migrateQueryAccount retires the JWT half at once: there is no time with both, and no way back.
func (c *call) migrateQueryAccount() reply {
	a, refused := c.queryAccount()
	switch {
	case refused != nil:
		return *refused
	case a.state() == none:
		return c.serviceError(http.StatusBadRequest, queryService, "Not a JWT credential")
	case a.state() == completed:
		return alreadyMigrated(http.StatusConflict)
	case a.integration != nil && a.integration.readOnly:
		return c.serviceError(http.StatusForbidden, queryService, "The credential is read-only")
	}
	c.move(a)
	return jsonReply(http.StatusOK, map[string]string{"technicalAccountId": a.id, "status": "Migrated"})
}

func alreadyMigrated(status int) reply {
	return jsonReply(status, map[string]string{"status": "Migrated", "message": "already migrated"})
}
