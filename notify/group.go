package notify

// groups are the messages of a plan, one for each destination.
type groups struct {
	queued map[destination]*Outgoing
	// order holds the destinations whose message got items, in the order in which it got the first one.
	order []destination
	// busy are the destinations, and the ids, of messages that are being sent or may have been: they stay as they are.
	busy    map[destination]bool
	busyIDs map[string]bool
}

// newGroups begins with the messages that are queued and not on their way.
func newGroups(outbox []Outgoing) groups {
	g := groups{queued: map[destination]*Outgoing{}, busy: map[destination]bool{}, busyIDs: map[string]bool{}}
	for _, o := range outbox {
		to := destination{o.Kind, o.To}
		switch {
		case o.Unclear || o.State == StateSending || o.Pages > 0:
			g.busy[to], g.busyIDs[o.ID] = true, true
		case o.Key == "":
			o.Items = nil // a plan names only what is added
			g.queued[to] = &o
		}
	}
	return g
}

// add adds an item to the message of its destination, which becomes o if there is none.
func (g *groups) add(o Outgoing, item OutgoingItem) {
	to := destination{o.Kind, o.To}
	m, ok := g.queued[to]
	if !ok {
		m = &o
		g.queued[to] = m
	}
	if len(m.Items) == 0 {
		g.order = append(g.order, to)
	}
	if o.NotBefore.Before(m.NotBefore) {
		m.NotBefore = o.NotBefore
	}
	m.Items = append(m.Items, item)
}

// changed gives the messages that are new or have more items.
func (g *groups) changed() []Outgoing {
	var list []Outgoing
	for _, to := range g.order {
		list = append(list, *g.queued[to])
	}
	return list
}

// mention adds to the new reminders what else is open of each recipient: one message lists all of theirs. It comes
// without a step, and nothing is recorded of it but that it was in the message.
func (w *planner) mention(all []examined) {
	at := map[Recipient]int{}
	for i, m := range w.plan.Messages {
		if m.Kind == KindReminder && m.Created.Equal(w.now) {
			at[m.To] = i
		}
	}
	for _, e := range all {
		if i, ok := at[e.Recipient]; ok && e.listed {
			w.plan.Messages[i].Items = append(w.plan.Messages[i].Items, OutgoingItem{
				Organization: e.Organization, Credential: e.Credential, Tier: TierOwner, Guess: !e.Source.Known(),
			})
		}
	}
}
