package simulator

import (
	"context"
	"net/http"
	"time"
)

// What becomes of a start that meets a fault.
const (
	// effectDone lets the start run to its end before the fault strikes.
	effectDone = "done"
	// effectNone keeps the start from changing anything.
	effectNone = "none"
	// effectLater lets the fault strike at once and the start run to its end all the same.
	effectLater = "later"
)

// runningStart is a start on its way through the simulator.
type runningStart struct {
	*pendingStart
	account *account
	// rehearsed is the answer that the start would get if it were over at once.
	rehearsed reply
	// length is how long the start takes before it has its effect.
	length time.Duration
	over   chan struct{}
	// final is the answer when the work is over.
	final reply
}

// receive takes a start in: it checks it, and writes it down before anything comes of it.
func (s *Simulator) receive(c *call, due *dueFaults) func(*call) reply {
	st := &runningStart{over: make(chan struct{}), rehearsed: s.rehearse(c)}
	record := Start{
		Received: s.clock().UTC(), Operation: c.route.operation, Credential: c.values["credential"],
		TechnicalAccountID: c.values["account"], Sandbox: c.sandbox(), Effect: due.effect(), Fault: due.names(),
		RequestID: c.requestID, Remote: c.r.RemoteAddr, Attempt: c.r.Header.Get(attemptHeader),
	}
	st.account = s.target(c)
	if a := st.account; a != nil {
		record.TechnicalAccountID = a.id
		if a.integration != nil {
			record.Credential = a.integration.id
		}
	}
	record.Accepted = st.rehearsed.succeeds() && due.letsThrough()
	p, err := s.ledger.starts.receive(record)
	st.pendingStart, c.start = p, st
	st.length = s.startLength(p) + s.options.Latency + due.delay
	if err != nil {
		s.logger.ErrorContext(c.r.Context(), "start not written down", "error", err)
		st.rehearsed = plain(http.StatusInternalServerError, "simulator cannot write its starts file")
	}
	return s.carryOut
}

// target is the account that a start names, nil where there is none.
func (s *Simulator) target(c *call) *account {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if i := s.org.byID[c.values["credential"]]; i != nil {
		return i.account
	}
	return s.org.byAccount[c.values["account"]]
}

// startLength is how long a start takes: a one-shot migration 8 to 10 seconds, as Adobe's page says, by the seed.
func (s *Simulator) startLength(p *pendingStart) time.Duration {
	switch {
	case p.Operation != "migrate":
		return s.options.ConsoleTime
	case s.options.MigrationTime != nil:
		return *s.options.MigrationTime
	}
	d := dice{s.options.Seed ^ p.Seq<<20}
	return 8*time.Second + time.Duration(d.below(2001))*time.Millisecond
}

func (r reply) succeeds() bool { return r.status < http.StatusMultipleChoices }

// rehearse is the answer that a start would get now. Nothing stays changed.
func (s *Simulator) rehearse(c *call) reply {
	a := s.target(c)
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.route.gate != nil {
		if refused := c.route.gate(c); refused != nil {
			return *refused
		}
	}
	defer a.restoreLater()()
	return c.route.handle(c)
}

// restoreLater gives what takes back the moves made after it. It touches nothing that no move changes, which may be
// read without the lock.
func (a *account) restoreLater() func() {
	if a == nil {
		return func() {}
	}
	oauth, before, settles := a.oauth, a.before, a.settles
	var i integration
	if a.integration != nil {
		i = *a.integration
	}
	return func() {
		a.oauth, a.before, a.settles = oauth, before, settles
		if a.integration != nil {
			a.integration.status, a.integration.certificates = i.status, i.certificates
			a.integration.boundAt, a.integration.oauthUsed = i.boundAt, i.oauthUsed
		}
	}
}

// carryOut lets a start run and answers when it is over. It runs to its end also when the caller has hung up, since
// nothing cancels a start.
func (s *Simulator) carryOut(c *call) reply {
	st := c.start
	if !st.Accepted {
		return st.rehearsed
	}
	s.ledger.starts.work(st.pendingStart)
	go s.finish(c)
	if st.Effect == effectLater {
		return st.rehearsed
	}
	select {
	case <-st.over:
		return st.final
	case <-c.r.Context().Done():
		panic(http.ErrAbortHandler)
	}
}

// finish makes the start's change when its time is over. Another start may have been faster: then it is refused.
func (s *Simulator) finish(c *call) {
	st := c.start
	if err := wait(context.Background(), st.length); err != nil {
		return // cannot be: nothing ends this context
	}
	s.mu.Lock()
	restore := st.account.restoreLater()
	st.final = c.route.handle(c)
	if st.Effect == effectNone {
		restore()
	}
	s.mu.Unlock()
	s.ledger.starts.worked(st.pendingStart, st.final.succeeds() && st.Effect != effectNone, s.clock().UTC())
	close(st.over)
}

// answered writes down the status that a start is about to be answered with; other calls have no such record.
func (c *call) answered(status int) {
	if c.start != nil {
		c.s.ledger.starts.answered(c.start.pendingStart, status, c.s.clock().UTC())
	}
}
