package notify_test

import (
	"context"
	"fmt"
	"sync"
	"time"

	"jwtsunset/notify"
)

// pretendSlack keeps what was posted, fails as Slack does, and checks each message against the world.
type pretendSlack struct {
	world  *world
	outage time.Time

	mu    sync.Mutex
	posts map[string]post
	order []post
}

// refuses is an account that looks like any other and takes no message.
const refuses = "U002"

type post struct {
	notify.Message
	at time.Time
}

func (s *pretendSlack) Pages(notify.Message) int { return 1 }

func (s *pretendSlack) Send(_ context.Context, m notify.Message, page int) (notify.Receipt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.world
	key := fmt.Sprintf("%s/%d", m.ID, page)
	unclear := w.chance(10)
	switch {
	case w.now.Before(s.outage) && w.chance(50), unclear && w.chance(50):
		return notify.Receipt{}, &notify.Failure{Class: notify.Unclear, Reason: "timeout"} // and it was not done
	case w.now.Before(s.outage):
		return notify.Receipt{}, &notify.Failure{Class: notify.Later, Reason: "connection"}
	}
	for _, p := range w.people {
		if p.ID == m.To.ID && (p.Standing != notify.StandingActive || p.ID == refuses) {
			return notify.Receipt{}, &notify.Failure{Class: notify.Permanent, Reason: "user_disabled"}
		}
	}
	if _, twice := s.posts[key]; twice {
		w.t.Errorf("%s: message %s was posted twice", w.now, key)
	}
	s.check(m)
	s.posts[key] = post{m, w.now}
	s.order = append(s.order, s.posts[key])
	if unclear {
		return notify.Receipt{}, &notify.Failure{Class: notify.Unclear, Reason: "timeout"} // and it was done
	}
	return notify.Receipt{Channel: m.To.ID, Timestamp: key, At: w.now}, nil
}

// check looks at a message as its reader would.
func (s *pretendSlack) check(m notify.Message) {
	w := s.world
	for _, i := range m.Items {
		c, err := w.read(context.Background(), i.Organization, i.ID)
		if err != nil || !c.Credential.Affected() {
			w.t.Errorf("%s: %s is told of %s, which is done (%v)", w.now, m.To, i.ID, err)
		}
		if p := w.people[c.Credential.Owner.AssignedTo]; m.Kind == notify.KindReminder && m.To.Kind == notify.ToUser &&
			(p == nil || p.ID != m.To.ID) {
			w.t.Errorf("%s: %s is told of %s of %s", w.now, m.To, i.ID, c.Credential.Owner.AssignedTo)
		}
	}
	zone := time.UTC
	for _, p := range w.people {
		if p.ID == m.To.ID {
			zone = p.Location(time.UTC)
		}
	}
	local := w.now.In(zone)
	if local.Hour() < 9 || local.Hour() >= 17 || local.Weekday() == time.Saturday || local.Weekday() == time.Sunday {
		w.t.Errorf("%s: %s is told at %s", w.now, m.To, local)
	}
}

func (s *pretendSlack) Update(context.Context, notify.Message, notify.Receipt) error { return nil }

func (s *pretendSlack) Find(
	_ context.Context, m notify.Message, page int, since time.Time,
) (notify.Receipt, notify.Found, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.world.now.Before(s.outage) {
		return notify.Receipt{}, "", &notify.Failure{Class: notify.Later, Reason: "timeout"}
	}
	p, ok := s.posts[fmt.Sprintf("%s/%d", m.ID, page)]
	if !ok || p.at.Before(since) {
		return notify.Receipt{}, notify.FoundNothing, nil
	}
	return notify.Receipt{Channel: m.To.ID, Timestamp: m.ID, At: p.at}, notify.FoundIt, nil
}
