package slack

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"
)

// Ledger is the record of the calls to the Web API. It keeps the last ones in full, within a bound, and counts all. It
// is safe for concurrent use.
type Ledger struct {
	mu            sync.Mutex
	size          int
	entries       []Call
	next          int
	seq           uint64
	counts        map[string]int
	errors        map[string]int
	concurrent    int
	maxConcurrent int
}

// Call is one finished call.
type Call struct {
	// Seq numbers calls in order of arrival, from 1.
	Seq   uint64    `json:"seq"`
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	// Method is the name in the URL, known or not.
	Method string `json:"method"`
	// Channel, User and Email are arguments of the call.
	Channel string `json:"channel,omitempty"`
	User    string `json:"user,omitempty"`
	Email   string `json:"email,omitempty"`
	// TS is the message that was posted, changed or deleted, whether or not the client was told.
	TS string `json:"ts,omitempty"`
	// Status is the status sent, zero where none was. Error is the error in the answer that was sent.
	Status int    `json:"status"`
	OK     bool   `json:"ok"`
	Error  string `json:"error,omitempty"`
	// RetryAfter is that header of the answer.
	RetryAfter string `json:"retry_after,omitempty"`
	// Fault names the faults applied, joined by "+"; "down" is an outage.
	Fault string `json:"fault,omitempty"`
	// Broken is set where the answer did not get to its end.
	Broken bool `json:"broken,omitempty"`
}

func newLedger(size int) *Ledger {
	return &Ledger{size: size, counts: map[string]int{}, errors: map[string]int{}}
}

func (l *Ledger) begin(c *call, now time.Time) *Call {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seq++
	name := c.name
	if c.method == nil {
		name = "unknown"
	}
	l.counts[name]++
	l.concurrent++
	l.maxConcurrent = max(l.maxConcurrent, l.concurrent)
	user := c.arg("user")
	if users := c.arg("users"); users != "" {
		user = users
	}
	return &Call{
		Seq: l.seq, Start: now, Method: c.name, Channel: c.arg("channel"), User: user, Email: c.arg("email"),
	}
}

func (l *Ledger) end(entry *Call, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.concurrent--
	entry.End = now
	if entry.Error != "" {
		l.errors[entry.Error]++
	}
	if len(l.entries) < l.size {
		l.entries = append(l.entries, *entry)
		return
	}
	l.entries[l.next] = *entry
	l.next = (l.next + 1) % l.size
}

// Calls lists the calls that ended last, in order of arrival.
func (l *Ledger) Calls() []Call {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := slices.Clone(l.entries)
	slices.SortFunc(list, func(a, b Call) int { return cmp.Compare(a.Seq, b.Seq) })
	return list
}

// Counts is the number of calls received for each method; those that do not exist count as "unknown".
func (l *Ledger) Counts() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.counts)
}

// Errors is how often each error was sent.
func (l *Ledger) Errors() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.errors)
}

// MaxConcurrent is the largest number of calls that were open at one time.
func (l *Ledger) MaxConcurrent() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.maxConcurrent
}

// Reset forgets all calls and counts. Calls under way still end up in the ledger.
func (l *Ledger) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries, l.next, l.maxConcurrent = nil, 0, l.concurrent
	clear(l.counts)
	clear(l.errors)
}

// Ledger is the record of the calls received so far.
func (w *Workspace) Ledger() *Ledger { return w.ledger }

// Calls lists the calls that ended last, in order of arrival.
func (w *Workspace) Calls() []Call { return w.ledger.Calls() }
