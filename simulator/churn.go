package simulator

import (
	"slices"
	"time"
)

// churn moves an organization on, one round at a time, by a seed of its own.
type churn struct {
	dice
	rounds  int
	removed []*account
}

func newChurn(seed uint64) churn { return churn{dice: dice{seed ^ 0xC0FFEE}} }

// Step advances the scenario "churn" by one round: a credential taken away two rounds ago comes back, one disappears,
// one changes owner, one is migrated by somebody else, and a new one appears. Other scenarios stand still.
func (s *Simulator) Step() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.options.Scenario != "churn" {
		return
	}
	s.churn.rounds++
	if s.churn.rounds > 2 {
		s.comeBack()
	}
	s.disappear()
	s.reassign()
	s.migrateOutside()
	s.appear()
	s.org.reindex()
}

func (s *Simulator) comeBack() {
	if len(s.churn.removed) < 2 {
		return
	}
	s.org.accounts = append(s.org.accounts, s.churn.removed[0])
	s.churn.removed = s.churn.removed[1:]
}

// disappear takes away an account that only Query Service knows, as Adobe does with unused ones.
func (s *Simulator) disappear() {
	a := s.choose(func(a *account) bool { return a.query && a.integration == nil })
	if a == nil {
		return
	}
	s.org.accounts = slices.DeleteFunc(s.org.accounts, func(b *account) bool { return b == a })
	s.churn.removed = append(s.churn.removed, a)
}

func (s *Simulator) reassign() {
	a := s.choose(func(a *account) bool { return a.query })
	if a == nil {
		return
	}
	a.owner, a.updatedBy = "new-"+pick(&s.churn.dice, owners), s.churn.user()
	a.updated = s.clock().UTC()
	a.encode(s.sw(swSecretField) == "present")
}

func (s *Simulator) migrateOutside() {
	a := s.choose(func(a *account) bool { return a.integration != nil && a.integration.status == notStarted })
	if a == nil {
		return
	}
	now := s.clock().UTC()
	a.integration.status, a.integration.boundAt, a.integration.oauthUsed = completed, now, now
}

func (s *Simulator) appear() {
	b := builder{
		dice: s.churn.dice, options: s.options, org: s.org, now: s.clock().UTC(),
		stamp: s.newest(), names: []string{"new-" + s.churn.hex(6)}, admin: s.churn.user(),
	}
	b.account(s.org.sandboxes[0].name).encode(s.sw(swSecretField) == "present")
	s.churn.dice = b.dice
}

// choose draws one of the accounts that fit, nil where none does.
func (s *Simulator) choose(fits func(*account) bool) *account {
	var fitting []*account
	for _, a := range s.org.accounts {
		if fits(a) {
			fitting = append(fitting, a)
		}
	}
	if len(fitting) == 0 {
		return nil
	}
	return pick(&s.churn.dice, fitting)
}

// newest is the created time of the account made last.
func (s *Simulator) newest() time.Time {
	newest := epoch
	for _, a := range s.org.accounts {
		if a.created.After(newest) {
			newest = a.created
		}
	}
	return newest
}
