package scanner

import (
	"context"
	"fmt"
	"slices"
	"time"

	"jwtsunset/credential"
)

// chain reads one sandbox's accounts page by page, in one order. Adobe documents the cursor as the time at which a
// page's last account was created; it does not say whether an account of that same time comes on the next page.
type chain struct {
	at    credential.Cursor
	pages int
	// accounts are those met so far, by id.
	accounts map[string]credential.Account
	asked    map[string]bool
	// conflicts counts accounts that came twice with different content.
	conflicts int
	// largest is the most accounts that one page held.
	largest int
	// end is the time of the last account read.
	end time.Time
	// border is the size of the largest page that ended among accounts of one time; 0 if none did. Others of that time
	// may exist that no page shows.
	border int
	// before is the end of the page before the current one, beforeID its last account, beforeSize its length; 0 on the
	// first page.
	before     time.Time
	beforeID   string
	beforeSize int
	// timed is true when the cursor is the time of the page's last account. One of another kind hides nobody.
	timed bool
	// overlap makes every page begin a moment before the one before it ended. As long as each page shows that account
	// again, nothing can be hidden between them.
	overlap bool
	broken  bool // an overlapping page did not show the account it had to
}

func newChain() *chain {
	return &chain{accounts: map[string]credential.Account{}, asked: map[string]bool{"": true}}
}

// newProof is the chain of a second reading, in the opposite order and with pages that overlap.
func newProof() *chain {
	c := newChain()
	c.at, c.overlap = credential.OldestFirst(), true
	return c
}

// newInactive is the chain of the accounts that are not active. Adobe's links show the filter by which the others are
// read; that its opposite is understood is not documented.
func newInactive() *chain {
	c := newChain()
	c.at = credential.Cursor{OrderBy: "-created", Property: "active==false"}
	return c
}

// problem is a list that cannot be what it claims to be.
type problem struct {
	reason credential.Reason
	text   string
}

func (p *problem) Error() string             { return p.text }
func (p *problem) Reason() credential.Reason { return p.reason }

// step reads the next page. It reports whether another one must be read.
func (c *chain) step(ctx context.Context, platform Platform, sandbox string, limit int) (more bool, err error) {
	page, err := platform.AccountPage(ctx, sandbox, c.at)
	if err != nil {
		return false, err
	}
	c.pages++
	fresh, err := c.take(page.Accounts)
	c.checkOverlap(page.Accounts, fresh)
	switch {
	case err != nil:
		return false, err
	case page.Next == nil || len(page.Accounts) == 0:
		return false, nil
	}
	c.timed = c.standsAtEnd(page.Next.Start)
	c.noteBorder(page.Accounts)
	next := c.follow(*page.Next)
	if fresh == 0 || c.asked[next.Start] {
		return false, c.stuck(page.Accounts)
	}
	if c.pages >= limit {
		return false, &problem{credential.ReasonCursor, fmt.Sprintf("the list has not ended after %d pages", c.pages)}
	}
	last := page.Accounts[len(page.Accounts)-1]
	c.before, c.beforeID, c.beforeSize = last.Created, accountID(last), len(page.Accounts)
	c.asked[next.Start] = true
	c.at = next
	return true, nil
}

// follow is the cursor to ask next. A reading whose pages overlap begins a millisecond, Adobe's precision, earlier.
func (c *chain) follow(next credential.Cursor) credential.Cursor {
	if !c.overlap {
		return next
	}
	at, err := time.Parse(time.RFC3339Nano, next.Start)
	if err != nil {
		c.broken = true
		return next
	}
	next.Start = at.Add(-time.Millisecond).UTC().Format("2006-01-02T15:04:05.000Z")
	return next
}

// checkOverlap looks for the last account of the page before. A full page without a new account may hide others behind
// it, unless it is the only account there is.
func (c *chain) checkOverlap(accounts []credential.Account, fresh int) {
	if !c.overlap || c.beforeSize == 0 {
		return
	}
	shown := slices.ContainsFunc(accounts, func(a credential.Account) bool { return accountID(a) == c.beforeID })
	full := fresh == 0 && len(accounts) >= c.largest && len(c.accounts) > 1
	if !shown || full {
		c.broken = true
	}
}

// take adds a page's accounts and tells how many were new. Of two with one id the one updated last is kept.
func (c *chain) take(accounts []credential.Account) (fresh int, err error) {
	c.largest = max(c.largest, len(accounts))
	for i, a := range accounts {
		id := accountID(a)
		if id == "" {
			return 0, &problem{credential.ReasonMalformed, fmt.Sprintf("account %d of page %d has no id", i+1, c.pages)}
		}
		known, ok := c.accounts[id]
		if !ok {
			fresh++
			c.noteFirstAfterBorder(a)
		}
		if ok && known != a {
			c.conflicts++
		}
		if !ok || a.LastUpdated.After(known.LastUpdated) {
			c.accounts[id] = a
		}
		c.end = a.Created
	}
	return fresh, nil
}

// noteFirstAfterBorder notices a new account of the very time at which the page before ended.
func (c *chain) noteFirstAfterBorder(a credential.Account) {
	if c.timed && c.beforeSize > 0 && a.Created.Equal(c.before) {
		c.border = max(c.border, c.beforeSize)
	}
}

// noteBorder looks at the end of a page that names a next one. An account whose time cannot be read may share it with
// any other, and pages of one account never show whether they do.
func (c *chain) noteBorder(accounts []credential.Account) {
	n := len(accounts)
	lonely := n == 1 && c.largest == 1 && len(c.accounts) > 1
	if c.timed && (c.end.IsZero() || lonely || n > 1 && accounts[n-2].Created.Equal(c.end)) {
		c.border = max(c.border, n)
	}
}

// standsAtEnd tells whether a cursor is the time of the account read last, or may be.
func (c *chain) standsAtEnd(cursor string) bool {
	at, err := time.Parse(time.RFC3339Nano, cursor)
	return err == nil && (c.end.IsZero() || at.Equal(c.end))
}

// stuck judges a page that brought nothing new, or that names a cursor which was asked before. The natural end of a
// list whose cursor includes its own account is a page of accounts of that one time; anything else goes in circles.
func (c *chain) stuck(accounts []credential.Account) error {
	for _, a := range accounts {
		if c.before.Sub(a.Created).Abs() > c.reach() {
			return &problem{credential.ReasonCursor,
				fmt.Sprintf("page %d leads back to accounts that were read before", c.pages)}
		}
	}
	return nil
}

// reach is how far before its cursor a page may begin.
func (c *chain) reach() time.Duration {
	if c.overlap {
		return time.Millisecond
	}
	return 0
}

// proves tells whether this reading shows that nothing is missing: its pages overlap without a gap, and it met all that
// the first reading did.
func (c *chain) proves(first *chain) bool {
	return c.overlap && !c.broken && first.within(c)
}

// within tells whether another reading met every account that this one did.
func (c *chain) within(other *chain) bool {
	for id := range c.accounts {
		if _, ok := other.accounts[id]; !ok {
			return false
		}
	}
	return true
}

// accountID is how an account is named: by its technical account, as a last resort by that account's address.
func accountID(a credential.Account) string {
	if id := credential.AccountID(a.TechnicalAccountID); id != "" {
		return id
	}
	return credential.AccountID(a.TechnicalAccountName)
}
