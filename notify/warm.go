package notify

import (
	"context"
	"slices"

	"jwtsunset/credential"
)

// warmFrom is from how many look-ups on the whole directory is read instead.
const warmFrom = 100

// Lister is a Directory that can give all its accounts in few requests. Each comes with its address in lower case as
// the Identity.
type Lister interface {
	List(ctx context.Context, each func(Person)) error
}

// Warm looks up many addresses at once, where that takes fewer requests than asking for each. Identities that are no
// addresses, and those that are remembered, are left alone.
func (a *Accounts) Warm(ctx context.Context, identities []string) error {
	lister, ok := a.Directory.(Lister)
	if !ok {
		return nil
	}
	wanted, err := a.unknown(ctx, identities)
	if err != nil || len(wanted) < warmFrom {
		return err
	}
	found := map[string]Person{}
	err = lister.List(ctx, func(p Person) {
		if before, twice := found[p.Identity]; wanted[p.Identity] && twice {
			found[p.Identity] = shared(before, p)
		} else if wanted[p.Identity] {
			found[p.Identity] = p
		}
	})
	if err != nil {
		return err
	}
	return a.remember(ctx, wanted, found)
}

// shared is what counts of two accounts with one address. Those that were switched off do not: a look-up by e-mail
// passes over them too.
func shared(a, b Person) Person {
	switch {
	case b.Standing == StandingDeactivated:
		return a
	case a.Standing == StandingDeactivated:
		return b
	default:
		return Person{Identity: a.Identity, Standing: StandingAmbiguous}
	}
}

// unknown gives the addresses that have to be looked up.
func (a *Accounts) unknown(ctx context.Context, identities []string) (map[string]bool, error) {
	wanted := map[string]bool{}
	for _, identity := range identities {
		if isAdobeID(identity) || wanted[identity] {
			continue
		}
		p, known, err := a.Memory.Person(ctx, identity)
		if err != nil {
			return nil, err
		}
		if !known || !fresh(p, a.Clock()) {
			wanted[identity] = true
		}
	}
	return wanted, nil
}

// remember keeps what the whole directory says of the wanted addresses: who is not in it is not there.
func (a *Accounts) remember(ctx context.Context, wanted map[string]bool, found map[string]Person) error {
	for identity := range wanted {
		p, ok := found[identity]
		if !ok {
			p = Person{Standing: StandingNotFound}
		}
		p.Identity, p.CheckedAt = identity, a.Clock()
		if err := a.Memory.RememberPerson(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// Addresses are those that finding the owners of open credentials may look up, in their order.
func (p *Policy) Addresses(organizations []Organization) []string {
	var list []string
	for _, o := range organizations {
		for _, c := range o.Credentials {
			list = append(list, p.addresses(c)...)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func (p *Policy) addresses(c credential.Credential) []string {
	var list []string
	if settled(c) != "" || !p.Sinks[SinkSlack] {
		return nil
	}
	for _, n := range candidates(c.Owner) {
		_, mapped := p.Owners.Account(n.identity)
		if !mapped && !isAdobeID(n.identity) && p.ours(n.identity) {
			list = append(list, n.identity)
		}
	}
	return list
}
