package notify

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Rehearsal is a Ledger in memory. With it the production code plays what is to come, beginning with what is on record,
// and nothing is written anywhere.
type Rehearsal struct {
	mu       sync.Mutex
	history  map[string]map[string]*rehearsed // by organization and credential
	messages map[string]*rehearsedMessage
	order    []string // ids of messages, in the order in which they were queued
	refused  map[Recipient]Rejection
	people   map[string]Person
	newest   map[destination]string // id of the message sent last
	runs     []Run
}

// rehearsed is what a rehearsal has about one credential.
type rehearsed struct {
	entries     map[entryKey]Entry
	answers     []Answer
	told        map[Recipient]int
	examination Examination
}

type entryKey struct {
	step string
	tier Tier
}

type rehearsedMessage struct {
	Outgoing
	updateDue  time.Time
	superseded bool
	tries      int
}

var _ Ledger = (*Rehearsal)(nil)

// NewRehearsal begins with a state as it was read from another ledger.
func NewRehearsal(s State) *Rehearsal {
	r := &Rehearsal{
		history: map[string]map[string]*rehearsed{}, messages: map[string]*rehearsedMessage{},
		refused: map[Recipient]Rejection{}, people: map[string]Person{}, newest: map[destination]string{},
	}
	for _, o := range s.Organizations {
		for id, h := range o.History {
			r.recall(o.Name, id, h)
		}
	}
	for _, o := range slices.Concat(s.LastSent, s.Outbox) {
		r.put(o)
		if o.State == StateSent {
			r.newest[destination{o.Kind, o.To}] = o.ID
		}
	}
	maps.Copy(r.refused, s.Refused)
	return r
}

func (r *Rehearsal) recall(organization, id string, h History) {
	x := r.of(organization, id)
	for _, e := range slices.Concat(slices.Collect(maps.Values(h.Latest)), h.Open) {
		x.entries[entryKey{e.Step.Name, e.Tier}] = e
	}
	maps.Copy(x.told, h.Told)
	x.answers, x.examination = h.Answers, h.Examination
}

func (r *Rehearsal) put(o Outgoing) {
	o.Items = slices.Clone(o.Items)
	r.messages[o.ID] = &rehearsedMessage{Outgoing: o}
	r.order = append(r.order, o.ID)
}

// of gives what is known of a credential, which is nothing at first.
func (r *Rehearsal) of(organization, id string) *rehearsed {
	if r.history[organization] == nil {
		r.history[organization] = map[string]*rehearsed{}
	}
	x, ok := r.history[organization][id]
	if !ok {
		x = &rehearsed{entries: map[entryKey]Entry{}, told: map[Recipient]int{}}
		r.history[organization][id] = x
	}
	return x
}

// Answer adds an answer.
func (r *Rehearsal) Answer(a Answer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	x := r.of(a.Organization, a.Credential)
	x.answers = append(x.answers, a)
	x.told = map[Recipient]int{}
}

// Answers gives the answers about a credential, the oldest first.
func (r *Rehearsal) Answers(organization, id string) []Answer {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.of(organization, id).answers)
}

// History implements Ledger.
func (r *Rehearsal) History(_ context.Context, organization string) (map[string]History, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := map[string]History{}
	for id, x := range r.history[organization] {
		all[id] = x.summary()
	}
	return all, nil
}

func (x *rehearsed) summary() History {
	h := History{
		Latest: map[Tier]Entry{}, Told: maps.Clone(x.told), Answers: slices.Clone(x.answers), Examination: x.examination,
	}
	for _, e := range x.entries {
		if l, ok := h.Latest[e.Tier]; !ok || e.Step.Due.After(l.Step.Due) {
			h.Latest[e.Tier] = e
		}
		if e.Outcome == OutcomeQueued || e.Outcome == OutcomeFailed {
			h.Open = append(h.Open, e)
		}
	}
	slices.SortFunc(h.Open, func(a, b Entry) int {
		return cmp.Or(a.Step.Due.Compare(b.Step.Due), strings.Compare(string(a.Tier), string(b.Tier)))
	})
	return h
}

// Entries gives all entries of a credential, the step due first at the front.
func (r *Rehearsal) Entries(organization, id string) []Entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.SortedFunc(maps.Values(r.of(organization, id).entries), func(a, b Entry) int {
		return a.Step.Due.Compare(b.Step.Due)
	})
}

// Outbox implements Ledger.
func (r *Rehearsal) Outbox(context.Context) ([]Outgoing, error) {
	return r.collect(func(m *rehearsedMessage) bool { return m.State == StateQueued || m.State == StateSending }), nil
}

// LastSent implements Ledger.
func (r *Rehearsal) LastSent(context.Context) ([]Outgoing, error) {
	return r.collect(func(m *rehearsedMessage) bool { return r.newest[destination{m.Kind, m.To}] == m.ID }), nil
}

func (r *Rehearsal) collect(which func(*rehearsedMessage) bool) []Outgoing {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []Outgoing
	for _, id := range r.order {
		if m := r.messages[id]; which(m) {
			list = append(list, m.copy())
		}
	}
	return list
}

func (m *rehearsedMessage) copy() Outgoing {
	o := m.Outgoing
	o.Items = slices.Clone(o.Items)
	return o
}

// Refused implements Ledger.
func (r *Rehearsal) Refused(_ context.Context, since time.Time) (map[Recipient]Rejection, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	refused := map[Recipient]Rejection{}
	for to, x := range r.refused {
		if !x.At.Before(since) {
			refused[to] = x
		}
	}
	return refused, nil
}

// Person implements Ledger.
func (r *Rehearsal) Person(_ context.Context, identity string) (Person, bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p, ok := r.people[identity]
	return p, ok, nil
}

// RememberPerson implements Ledger.
func (r *Rehearsal) RememberPerson(_ context.Context, p Person) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.people[p.Identity] = p
	return nil
}
