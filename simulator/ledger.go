package simulator

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Ledger is the record of the requests to Adobe's calls. It keeps the last ones in full, within a bound, and counts
// all. It is safe for concurrent use.
type Ledger struct {
	mu            sync.Mutex
	size          int
	entries       []Entry
	next          int
	seq           uint64
	counts        map[string]int
	concurrent    int
	maxConcurrent int
	faults        *faultSet
	starts        *startLedger
}

// Entry is one finished request.
type Entry struct {
	// Seq numbers requests in order of arrival, from 1.
	Seq   uint64    `json:"seq"`
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	// Operation is the name of Adobe's call, "unknown" where there is none.
	Operation string `json:"operation"`
	Method    string `json:"method"`
	Path      string `json:"path"`
	// Query is the query as sent; of calls to the identity service, whose parameters are secrets, it is left out.
	Query   string `json:"query"`
	Sandbox string `json:"sandbox"`
	// Status is the status sent, zero where none was.
	Status int `json:"status"`
	// Fault names the faults applied, joined by "+".
	Fault string `json:"fault"`
	// Broken is set where the answer did not get to its end.
	Broken bool `json:"broken"`
}

func newLedger(size int) *Ledger {
	return &Ledger{size: size, counts: map[string]int{}, starts: newStartLedger()}
}

func (l *Ledger) begin(c *call, now time.Time) *Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seq++
	l.counts[c.route.operation]++
	l.concurrent++
	l.maxConcurrent = max(l.maxConcurrent, l.concurrent)
	entry := &Entry{
		Seq: l.seq, Start: now, Operation: c.route.operation, Method: c.r.Method, Path: c.r.URL.Path,
		Query: c.r.URL.RawQuery, Sandbox: c.sandbox(),
	}
	if strings.HasPrefix(entry.Path, "/ims/") {
		entry.Query = ""
	}
	return entry
}

func (l *Ledger) end(entry *Entry, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.concurrent--
	entry.End = now
	if len(l.entries) < l.size {
		l.entries = append(l.entries, *entry)
		return
	}
	l.entries[l.next] = *entry
	l.next = (l.next + 1) % l.size
}

// Entries lists the requests that ended last, in order of arrival.
func (l *Ledger) Entries() []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := slices.Clone(l.entries)
	slices.SortFunc(list, func(a, b Entry) int { return cmp.Compare(a.Seq, b.Seq) })
	return list
}

// Counts is the number of requests received for each operation.
func (l *Ledger) Counts() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.counts)
}

// MaxConcurrent is the largest number of requests that were open at one time.
func (l *Ledger) MaxConcurrent() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.maxConcurrent
}

// Faults tells for each fault in force how often it was reached.
func (l *Ledger) Faults() []FaultCount { return l.faults.counts() }

// Reset forgets all entries and counts but those of starts. Requests under way still end up in the ledger.
func (l *Ledger) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries, l.next, l.maxConcurrent = nil, 0, l.concurrent
	clear(l.counts)
}

// snapshot is the ledger as the control endpoint shows it.
type snapshot struct {
	Counts        map[string]int `json:"counts"`
	MaxConcurrent int            `json:"max_concurrent"`
	Faults        []FaultCount   `json:"faults"`
	Entries       []Entry        `json:"entries"`
	Starts        []Start        `json:"starts"`
	StartCounts
	StartsError string `json:"starts_error,omitempty"`
}

func (l *Ledger) snapshot() snapshot {
	return snapshot{
		l.Counts(), l.MaxConcurrent(), l.Faults(), l.Entries(), l.Starts(), l.StartCounts(), l.StartsError(),
	}
}
