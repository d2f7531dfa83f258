package config

import (
	"fmt"
	"slices"
	"time"
)

// Approval says who must agree before a credential is migrated.
type Approval struct {
	// Via are the doors by which decisions can be made: web, cli, slack, api.
	Via      []string `key:"via"`
	Required int      `key:"required"`
	// Expires is how long an approval holds.
	Expires time.Duration `key:"expires"`
	// FourEyes rules out the requester and the owner as approvers.
	FourEyes bool `key:"four_eyes"`
	// Sandboxes are those where more people must agree.
	Sandboxes []ApprovalRule `key:"sandboxes"`
}

// ApprovalRule asks for a number of approvals where a credential is in a sandbox.
type ApprovalRule struct {
	// Match is a pattern of sandbox names in the syntax of path.Match.
	Match    string `key:"match"`
	Required int    `key:"required"`
}

// The doors by which people decide.
const (
	doorWeb   = "web"
	doorCLI   = "cli"
	doorSlack = "slack"
	doorAPI   = "api"
)

// doors are all of them.
var doors = []string{doorWeb, doorCLI, doorSlack, doorAPI}

// workingDoors are those that have an effect in this version.
var workingDoors = []string{doorCLI}

// roleApprover is the role of those who may approve.
const roleApprover = "approver"

func defaultApproval() Approval {
	return Approval{Via: []string{"web", "cli"}, Required: 1, Expires: 168 * time.Hour, FourEyes: true}
}

// mayApprove tells whether a person may approve.
func (p Person) mayApprove() bool { return slices.Contains(p.Roles, roleApprover) }

// checkApprovers sees that somebody can approve, by some door. A role or door that is none has been reported.
func (l *loading) checkApprovers(c *Config) {
	if !slices.ContainsFunc(c.People, func(p Person) bool { return len(p.Roles) > 0 }) {
		l.fail("migrator.enabled", "needs a person in people with the role approver",
			"add roles: [approver] to whoever decides, and os_user for the command line")
	}
	idle := func(door string) bool { return slices.Contains(doors, door) && !slices.Contains(workingDoors, door) }
	if len(c.Approval.Via) == 0 || !slices.ContainsFunc(c.Approval.Via, func(door string) bool { return !idle(door) }) {
		l.fail("approval.via", "needs "+choice(workingDoors)+" for migrator.enabled",
			"in this version nobody can decide by another one")
	}
}

// approvalWarnings lists what keeps people from approving.
func (c *Config) approvalWarnings() []string {
	var found []string
	for i, p := range c.People {
		if p.mayApprove() && p.OSUser == "" {
			found = append(found, fmt.Sprintf("people[%d] is an approver without os_user: in this version people decide on"+
				" the command line only, where it tells who they are", i))
		}
	}
	found = append(found, c.tooFew("approval.required", c.Approval.Required)...)
	for i, rule := range c.Approval.Sandboxes {
		found = append(found, c.tooFew(fmt.Sprintf("approval.sandboxes[%d].required", i), rule.Required)...)
	}
	return found
}

// tooFew warns of a number of approvals for which there are not enough approvers.
func (c *Config) tooFew(path string, required int) []string {
	n := 0
	for _, p := range c.People {
		if p.mayApprove() {
			n++
		}
	}
	switch {
	case required > n:
		return []string{fmt.Sprintf("%s is %d, and people has only %d with the role approver: nothing can be approved",
			path, required, n)}
	case required == n && c.Approval.FourEyes:
		return []string{fmt.Sprintf("%s is %d, and people has no more with the role approver: by approval.four_eyes what one"+
			" of them owns or asks for cannot be approved", path, required)}
	default:
		return nil
	}
}
