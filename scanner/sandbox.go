package scanner

import (
	"context"
	"fmt"
	"slices"
	"time"

	"jwtsunset/credential"
)

// sandboxLook is one sandbox in the making.
type sandboxLook struct {
	credential.SandboxScan
	rule  string // the rule that leaves the sandbox out
	chain *chain
	// inactive is set while the accounts that are not active are read, which come first.
	inactive bool
	// doubt is the first reading of a list whose second reading did not prove it.
	doubt *chain
}

// sandbox takes one sandbox of the list and gives the task that reads it.
func (l *look) sandbox(s credential.Sandbox) (task, bool) {
	earlier := l.earlier[s.Name]
	b := &sandboxLook{SandboxScan: credential.SandboxScan{
		Name: s.Name, Title: s.Title, State: s.State, LastRead: earlier.LastRead,
	}}
	l.sandboxList = append(l.sandboxList, b)
	if b.rule = l.o.Rules.sandbox(s.Name); b.rule != "" {
		b.Skipped = b.rule
		l.excluded = append(l.excluded, credential.Exclusion{What: "sandbox " + s.Name, Rule: b.rule})
		return task{}, false
	}
	if !s.Active() {
		b.Skipped = fmt.Sprintf("sandbox is %s, not active", s.State)
		return task{}, false
	}
	l.announced++
	b.chain = newChain()
	if l.o.Inactive {
		b.chain, b.inactive = newInactive(), true
	}
	return l.pageTask(b, max(earlier.Pages-1, 0)), true
}

func (l *look) pageTask(b *sandboxLook, remaining int) task {
	return task{what: "sandbox " + b.Name, remaining: remaining, run: func(ctx context.Context) []task {
		more, err := b.chain.step(ctx, l.o.Platform, b.Name, l.o.PageLimit)
		if more && err == nil {
			return []task{l.pageTask(b, max(remaining-1, 0))}
		}
		return l.endOfList(b, err)
	}}
}

// endOfList is reached once for each reading of a sandbox.
func (l *look) endOfList(b *sandboxLook, err error) []task {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.largest = max(l.largest, b.chain.largest)
	l.takeAccounts(b)
	b.Pages += b.chain.pages
	switch {
	case err != nil:
		l.failSandbox(b, err)
	case b.inactive && b.chain.border > 0:
		l.failSandbox(b, &problem{credential.ReasonAmbiguous,
			"accounts that are not active share the time at which a page ends, and others may be hidden behind it"})
	case b.inactive:
		b.inactive, b.chain = false, newChain()
		return []task{l.pageTask(b, max(l.earlier[b.Name].Pages-1, 0))}
	case b.doubt != nil:
		l.judge(b)
	case l.doubtful(b):
		b.doubt = b.chain
		if l.o.OrderCheck != OrderNever {
			b.chain = newProof()
			return []task{l.pageTask(b, b.doubt.pages)}
		}
	default:
		l.complete(b)
	}
	return nil
}

// doubtful tells whether a list that came to its end may still lack accounts.
func (l *look) doubtful(b *sandboxLook) bool {
	if b.chain.pages < 2 {
		return false
	}
	border := b.chain.border > 0 && b.chain.border >= l.largest
	switch l.o.OrderCheck {
	case OrderAlways:
		return true
	case OrderNever:
		return border
	default:
		return border || l.shrunk(b.Name, b.chain)
	}
}

// judge looks at the second reading of a list. Where it proves nothing, the end of the scan decides: it knows how many
// accounts the server puts on a page.
func (l *look) judge(b *sandboxLook) {
	if b.chain.proves(b.doubt) {
		l.complete(b)
	}
}

func (l *look) complete(b *sandboxLook) {
	b.Complete = true
	b.Accounts = len(b.chain.accounts)
	if b.doubt != nil {
		b.Accounts = max(b.Accounts, len(b.doubt.accounts))
	}
	b.chain, b.doubt = nil, nil
	l.read++
}

// failSandbox says why a sandbox was not read. It keeps the page count of the last full reading, so that the next scan
// still begins with the longest chain.
func (l *look) failSandbox(b *sandboxLook, err error) {
	b.Reason = credential.ReasonOf(err)
	b.Error = sentence(err)
	b.Pages = max(b.Pages, l.earlier[b.Name].Pages)
	b.Accounts = len(b.chain.accounts)
	if b.Reason == credential.ReasonAdminVerification {
		err = withHistory(err, b.LastRead)
	}
	l.fail("sandbox "+b.Name, credential.StageAccounts, err)
}

// withHistory adds to "we may not look" what our own record knows: whether we ever could.
func withHistory(err error, lastRead time.Time) error {
	if lastRead.IsZero() {
		return fmt.Errorf("%w (this sandbox was never read: the right was probably never there)", err)
	}
	return fmt.Errorf("%w (this sandbox was last read on %s: a right was taken away since then)",
		err, lastRead.Format(time.DateOnly))
}

// takeAccounts adds what a reading met, also one that did not come to its end: what was seen is there.
func (l *look) takeAccounts(b *sandboxLook) {
	l.conflicts += b.chain.conflicts
	for id, a := range b.chain.accounts {
		have, ok := l.accounts[id]
		if !ok {
			have = &account{Account: a}
			l.accounts[id] = have
		} else if a.LastUpdated.After(have.LastUpdated) {
			have.Account = a
		}
		if !slices.Contains(have.sandboxes, b.Name) {
			have.sandboxes = append(have.sandboxes, b.Name)
		}
	}
}

// nothingBehind tells whether all that cast doubt on a list was a page shorter than pages of this server are: such a
// page is the last one.
func (l *look) nothingBehind(b *sandboxLook) bool {
	onlyBorder := l.o.OrderCheck != OrderAlways && !l.shrunk(b.Name, b.doubt)
	return onlyBorder && b.doubt.border < l.largest && b.chain.within(b.doubt)
}

// shrunk tells whether a list is shorter than when it was last read to its end.
func (l *look) shrunk(sandbox string, c *chain) bool {
	earlier := l.earlier[sandbox]
	return earlier.Complete && len(c.accounts) < earlier.Accounts
}
