package simulator

import (
	"slices"
	"sync"
	"time"
)

// Start is one request that can change how a credential gets its tokens: a one-shot migration, or one of the Developer
// Console's binding-create, binding-delete and finalize. Each one received in full has its record, whatever became of
// it.
type Start struct {
	// Seq numbers starts in order of arrival, from 1, and goes on over restarts with one starts file.
	Seq      uint64    `json:"seq"`
	Received time.Time `json:"received"`
	// Ended is when its work was over and its answer decided, before the answer's first byte left; zero until then.
	Ended     time.Time `json:"ended,omitzero"`
	Operation string    `json:"operation"`
	// Credential is the Developer Console's id and empty where there is none. Of an id that is unknown, it and
	// TechnicalAccountID are what the path says.
	Credential         string `json:"credential"`
	TechnicalAccountID string `json:"technical_account_id"`
	Sandbox            string `json:"sandbox"`
	// Accepted is set where every check on arrival was passed and no fault stood before them.
	Accepted bool `json:"accepted"`
	// Effect is what was planned for the start: "done", "none" or "later"; see Fault.
	Effect string `json:"effect"`
	// TookEffect is set where the start itself changed the credential.
	TookEffect bool `json:"took_effect"`
	// Status is the status answered, zero where none was or where the caller was gone by then.
	Status    int    `json:"status"`
	RequestID string `json:"request_id"`
	Remote    string `json:"remote"`
	// Attempt is the caller's own number of this start, from the header X-Jwtsunset-Attempt.
	Attempt string `json:"attempt"`
	Fault   string `json:"fault"`
}

// attemptHeader is how a caller tells its attempts apart.
const attemptHeader = "X-Jwtsunset-Attempt"

// StartCounts are the signs of a caller that starts too much.
type StartCounts struct {
	// Overlaps is how many starts arrived while another was under way, of whatever credential.
	Overlaps int `json:"overlaps"`
	// Repeats is how many starts were accepted beyond the first of their credential and operation.
	Repeats int `json:"repeats"`
	// Resent is how many starts came with an attempt that had come before for their credential and operation.
	Resent int `json:"resent"`
}

type startKey struct{ account, operation, attempt string }

// startLedger is the record of starts. Unlike the ledger of requests it forgets nothing, as it is evidence. Its lock is
// taken last and held while the file is written, so that the file has the order of the counts.
type startLedger struct {
	mu       sync.Mutex
	records  []*pendingStart
	counts   StartCounts
	underWay int
	accepted map[startKey]int
	attempts map[startKey]int
	file     *startsFile
	// failure is why the file could not be written.
	failure string
}

// pendingStart is a record with what is still to come for it.
type pendingStart struct {
	Start
	// working is set while the work goes on, answered once the answer is decided. It ends when both are over.
	working, answered bool
}

func newStartLedger() *startLedger {
	return &startLedger{accepted: map[startKey]int{}, attempts: map[startKey]int{}}
}

// receive writes a start down. Where that fails the start must not take effect.
func (l *startLedger) receive(arrived Start) (*pendingStart, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	arrived.Seq = l.next()
	err := l.write(eventReceived, arrived)
	arrived.Accepted = arrived.Accepted && err == nil
	p := &pendingStart{Start: arrived}
	l.count(p)
	return p, err
}

func (l *startLedger) next() uint64 {
	if len(l.records) == 0 {
		return 1
	}
	return l.records[len(l.records)-1].Seq + 1
}

// count takes an arrived start into the counts.
func (l *startLedger) count(p *pendingStart) {
	key := startKey{account: p.TechnicalAccountID, operation: p.Operation}
	if l.underWay > 0 {
		l.counts.Overlaps++
	}
	if p.Accepted && l.accepted[key] > 0 {
		l.counts.Repeats++
	}
	if p.Accepted {
		l.accepted[key]++
	}
	key.attempt = p.Attempt
	if p.Attempt != "" && l.attempts[key] > 0 {
		l.counts.Resent++
	}
	l.attempts[key]++
	l.underWay++
	l.records = append(l.records, p)
}

// work notes that the work of a start begins, which the end of its call does not end.
func (l *startLedger) work(p *pendingStart) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p.working = true
}

// worked notes that the work of a start is over, and whether it changed the credential.
func (l *startLedger) worked(p *pendingStart, tookEffect bool, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p.working, p.TookEffect = false, tookEffect
	l.end(p, now)
}

// answered notes the status that a start is answered with. Only the first counts.
func (l *startLedger) answered(p *pendingStart, status int, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p.answered {
		return
	}
	p.answered, p.Status = true, status
	l.end(p, now)
}

// end closes a record for which nothing is to come any more.
func (l *startLedger) end(p *pendingStart, now time.Time) {
	if p.working || !p.answered {
		return
	}
	l.underWay--
	p.Ended = now
	// The caller has its answer in any case; the failure shows in the ledger.
	_ = l.write(eventEnded, p.Start)
}

// acceptedFor is how many starts were accepted for an account.
func (l *startLedger) acceptedFor(account string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for operation := range moves {
		n += l.accepted[startKey{account: account, operation: operation}]
	}
	return n
}

func (l *startLedger) list() []Start {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]Start, 0, len(l.records))
	for _, p := range l.records {
		list = append(list, p.Start)
	}
	return slices.Clip(list)
}

// Starts lists every start since the beginning, in order of arrival. Reset does not forget them.
func (l *Ledger) Starts() []Start { return l.starts.list() }

// StartCounts tells of starts that should not have been.
func (l *Ledger) StartCounts() StartCounts {
	l.starts.mu.Lock()
	defer l.starts.mu.Unlock()
	return l.starts.counts
}

// StartsError is why the starts file could not be written, empty while it can.
func (l *Ledger) StartsError() string {
	l.starts.mu.Lock()
	defer l.starts.mu.Unlock()
	return l.starts.failure
}
