package scanner

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"jwtsunset/credential"
)

// look gathers what one scan reads. Tasks run on several goroutines; everything below mu is guarded by it.
type look struct {
	o    Options
	pool *pool
	last credential.Scan
	// earlier are the last scan's sandboxes by name.
	earlier map[string]credential.SandboxScan

	mu          sync.Mutex
	listed      bool // the list of sandboxes was read to its end
	sandboxList []*sandboxLook
	accounts    map[string]*account
	console     *consoleLook
	unseen      []credential.Unseen
	excluded    []credential.Exclusion
	conflicts   int
	announced   int
	read        int
	// largest is the most accounts that one page of any sandbox held.
	largest int
}

// account is an account and the sandboxes that list it.
type account struct {
	credential.Account
	sandboxes []string
}

func newLook(o Options, last credential.Scan, p *pool) *look {
	l := &look{o: o, pool: p, last: last, earlier: map[string]credential.SandboxScan{}, accounts: map[string]*account{}}
	for _, s := range last.Sandboxes {
		l.earlier[s.Name] = s
	}
	if o.Console != nil {
		l.console = newConsoleLook()
	}
	return l
}

// sandboxes is the task that lists the sandboxes. The reading of each begins as soon as its name is known.
func (l *look) sandboxes(ctx context.Context) []task {
	list, err := l.o.Platform.Sandboxes(ctx, l.foundSandboxes)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.announced++
	if err != nil {
		l.fail("list of sandboxes", credential.StageSandboxes, err)
		l.carryForward()
		return nil
	}
	l.read++
	if l.listed = l.believable(list); !l.listed {
		l.carryForward()
	}
	return nil
}

func (l *look) foundSandboxes(page []credential.Sandbox) {
	l.mu.Lock()
	var next []task
	for _, s := range page {
		if l.hasSandbox(s.Name) {
			continue
		}
		if t, ok := l.sandbox(s); ok {
			next = append(next, t)
		}
	}
	l.mu.Unlock()
	l.pool.push(next)
}

func (l *look) hasSandbox(name string) bool {
	return slices.ContainsFunc(l.sandboxList, func(b *sandboxLook) bool { return b.Name == name })
}

// believable tells whether a list of sandboxes is all there is. Every organization has a default sandbox, so an empty
// list means that nothing was shown.
func (l *look) believable(list credential.SandboxList) bool {
	switch {
	case len(list.Sandboxes) == 0:
		l.fail("list of sandboxes", credential.StageSandboxes, &problem{credential.ReasonNotVisible,
			"Adobe listed no sandbox, though every organization has one: " +
				"add the API credential to a role that covers the sandboxes to scan"})
	case list.VisibleOnly:
		l.fail("sandboxes that the API credential cannot see", credential.StageSandboxes,
			&problem{credential.ReasonNotVisible, "Adobe refused the list of all sandboxes and showed the visible ones " +
				"only: grant Sandbox Administration, or set adobe.undocumented.sandbox_list to visible " +
				"if these are all that should be scanned"})
	default:
		return true
	}
	return false
}

// carryForward keeps the sandboxes known from the last scan in the record when the list of them could not be read.
func (l *look) carryForward() {
	for _, s := range l.last.Sandboxes {
		if l.hasSandbox(s.Name) {
			continue
		}
		s.Complete, s.Reason, s.Error = false, credential.ReasonNotVisible, "not listed by this scan"
		l.sandboxList = append(l.sandboxList, &sandboxLook{SandboxScan: s})
	}
}

// finish settles what only the whole scan can tell.
func (l *look) finish() {
	for _, b := range l.sandboxList {
		if b.doubt == nil || b.Complete || b.Error != "" {
			continue
		}
		if l.nothingBehind(b) {
			l.complete(b)
			continue
		}
		l.failSandbox(b, &problem{credential.ReasonAmbiguous,
			"accounts share the time at which a page ends, and reading the list in the other order " +
				"with overlapping pages did not prove that none is missing"})
	}
	l.announced += len(l.accounts)
	l.read += len(l.accounts)
	sortUnseen(l.unseen)
}

// fail notes something that could not be seen.
func (l *look) fail(what string, stage credential.Stage, err error) {
	l.unseen = append(l.unseen, credential.Unseen{
		What: what, Stage: stage, Reason: credential.ReasonOf(err), Detail: sentence(err),
	})
}

// sentence is an error and, where it has one, the advice on what to do next.
func sentence(err error) string {
	text := err.Error()
	var advice interface{ Hint() string }
	if errors.As(err, &advice) && advice.Hint() != "" && !strings.Contains(text, advice.Hint()) {
		text += "; " + advice.Hint()
	}
	return text
}

// sortUnseen makes the order of the record independent of the order in which answers came.
func sortUnseen(unseen []credential.Unseen) {
	slices.SortFunc(unseen, func(a, b credential.Unseen) int {
		return cmp.Or(cmp.Compare(a.Stage, b.Stage), cmp.Compare(a.What, b.What), cmp.Compare(a.Detail, b.Detail))
	})
}
