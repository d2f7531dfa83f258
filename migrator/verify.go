package migrator

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"jwtsunset/approval"
)

// Pauses between two readings of the truth.
const (
	firstReading = time.Second
	lastReading  = 30 * time.Second
)

// verify reads the truth until it is what the start was to bring about, or can lag no more, and records the outcome.
// When the program is told to stop it reads once more, and leaves the rest to the next process.
func (e *Engine) verify(ctx context.Context, id string) error {
	pause := firstReading
	for {
		if _, err := e.hold(context.WithoutCancel(ctx)); err != nil {
			return err
		}
		done, err := e.lookOnce(context.WithoutCancel(ctx), id)
		if done || err != nil {
			return err
		}
		if err := e.Sleep(ctx, pause); err != nil {
			return nil //nolint:nilerr // told to stop: what is open is on record
		}
		pause = min(2*pause, lastReading)
	}
}

// lookOnce reads the truth of a migration in flight; done is true once it is not in flight any more.
func (e *Engine) lookOnce(ctx context.Context, id string) (done bool, err error) {
	m, err := e.find(ctx, id)
	if err != nil || m == nil || !m.InFlight() {
		return true, err
	}
	return e.judge(ctx, *m)
}

// find gives an open migration; nil if it is over.
func (e *Engine) find(ctx context.Context, id string) (*Migration, error) {
	open, err := e.Ledger.Migrations(ctx)
	if err != nil {
		return nil, err
	}
	for i := range open {
		if open[i].ID == id {
			return &open[i], nil
		}
	}
	return nil, nil //nolint:nilnil // over is no error
}

// judge reads the truth once and records what it decides. done is false while it may still change.
func (e *Engine) judge(ctx context.Context, m Migration) (done bool, err error) {
	truth, calls := e.truth(ctx, &m)
	now := e.Clock()
	v := e.verdict(&m, truth, now)
	if v.state == "" {
		return false, nil
	}
	err = e.persist(ctx, "the outcome of a migration", func(ctx context.Context) error {
		_, err := e.change(ctx, m.ID, v.why, func(m *Migration, l *approval.Line) error {
			return e.conclude(m, l, v, truth, calls, now)
		})
		return err
	})
	if errors.Is(err, errMoved) {
		return false, nil
	}
	return true, err
}

// errMoved: the migration is not in the state any more that was judged.
var errMoved = errors.New("the migration has moved on")

// truth reads what a credential is; TruthUnread if that cannot be read.
func (e *Engine) truth(ctx context.Context, m *Migration) (Truth, []Call) {
	r, err := e.Reader.Read(ctx, m.Organization, m.Credential)
	if err != nil {
		return TruthUnread, append(r.Calls, Call{Operation: "read", At: e.Clock().UTC(), Error: err.Error()})
	}
	method, ok := e.Methods[m.Method]
	if !ok || !m.concerns(r) {
		return TruthUnread, r.Calls
	}
	t, calls, err := method.Truth(ctx, r)
	if err != nil {
		t = TruthUnread
	}
	return t, append(r.Calls, calls...)
}

// concerns tells whether a reading is one of the migration's credential, and not by mistake another's.
func (m *Migration) concerns(r Reading) bool {
	c := r.Subject.Credential
	return c.Organization == m.Organization && strings.EqualFold(c.ID, m.Credential)
}

// verdict is what becomes of an attempt. Its zero value is that nothing can be said yet.
type verdict struct {
	state  approval.State
	result Result
	origin Origin
	why    string
	// settled is set if no start of the attempt can leave any more.
	settled bool
	// failure counts towards stopping the line, and stop stops it.
	failure, stop bool
}

// verdict works out what becomes of an attempt from what was read. It is the whole of what is ever concluded.
func (e *Engine) verdict(m *Migration, t Truth, now time.Time) verdict {
	a := m.Last()
	settled := a.Settled || e.spent(a)
	if a.Phase.reached(t) {
		return reachedVerdict(a, t)
	}
	switch {
	case e.lags(a, now):
		return verdict{}
	case !settled && m.State == approval.StateNeedsAttention:
		return verdict{}
	case !settled:
		return attention("its sender may still live, and may still send", false)
	case t == TruthUnread:
		return attention("what the credential is cannot be read", true)
	case !a.Phase.before(t):
		return attention(fmt.Sprintf("the credential is %s, which is neither what it was nor what it was to be", t), true)
	case a.Sending.IsZero(), a.Outcome == OutcomeNotSent:
		return failed("nothing was sent")
	case a.Outcome == OutcomeRefused:
		return failed("Adobe refused it")
	case a.Outcome == "":
		return failed("the sender is dead, and Adobe did nothing")
	default:
		return attention(fmt.Sprintf("Adobe's answer was %s, and the credential is still what it was", a.Outcome), true)
	}
}

// lags tells whether the truth may still lag behind what an attempt may have started. The time for that counts from
// when this process first looked, by its own monotonic clock: the clocks of two processes, and of one machine before
// and after a jump, may be hours apart, and what is concluded too early lets another start leave.
func (e *Engine) lags(a *Attempt, now time.Time) bool {
	if a.Sending.IsZero() {
		return false
	}
	if e.looked.attempt != a.ID {
		e.looked.attempt, e.looked.at = a.ID, now
	}
	wait := e.Rules.Settle
	if a.Answered.IsZero() { // its sender may wait for an answer until then
		wait += min(max(a.Until.Sub(e.looked.at), 0), a.Until.Sub(a.Sending))
	}
	return now.Sub(e.looked.at) < wait
}

// reachedVerdict is for an attempt whose aim is reached. An answer that it was so already means that somebody else did
// it.
func reachedVerdict(a *Attempt, t Truth) verdict {
	origin := OriginOurs
	switch {
	case a.Sending.IsZero(), a.Outcome == OutcomeAlready, a.Outcome == OutcomeNotSent, a.Outcome == OutcomeRefused,
		a.Phase == PhaseBind: // a binding alone does not migrate
		origin = OriginOutside
	}
	switch {
	case a.Phase == PhaseCancel:
		return verdict{
			state: approval.StateRevoked, result: ResultCancelled, why: "the OAuth half was taken away", settled: true,
		}
	case t == TruthBoth:
		return verdict{state: approval.StateStaged, result: ResultStaged, why: "both halves work", settled: true}
	default:
		return verdict{
			state: approval.StateMigrated, result: ResultMigrated, origin: origin, why: "read back from Adobe", settled: true,
		}
	}
}

func failed(why string) verdict {
	return verdict{state: approval.StateFailed, result: ResultFailed, why: why, settled: true, failure: true}
}

func attention(why string, settled bool) verdict {
	return verdict{
		state: approval.StateNeedsAttention, result: ResultAttention, why: why, settled: settled, failure: true, stop: true,
	}
}

// spent tells whether the sender of an attempt can send nothing any more: it is this process, which does one thing at a
// time and is here; it is proved dead; or it never put down that it might send, and its fence is behind the line's.
func (e *Engine) spent(a *Attempt) bool {
	return a.Sender.Process == e.Sender.Process || e.Dead(a.Sender) || a.Released != nil ||
		a.Sending.IsZero() && a.Sender.Fence < e.lease.fence
}

// conclude writes a verdict down.
func (e *Engine) conclude(
	m *Migration, l *approval.Line, v verdict, t Truth, calls []Call, now time.Time,
) error {
	a := m.Last()
	if !m.InFlight() && m.State != approval.StateNeedsAttention {
		return errMoved
	}
	a.Truth, a.TruthAt, a.Result, a.Why = t, now.UTC(), v.result, v.why
	a.Settled = a.Settled || v.settled
	a.addCalls(calls)
	if v.settled {
		a.Ended = now.UTC()
	}
	if a.Phase == PhaseCancel && v.state != approval.StateNeedsAttention {
		m.Cancel = nil
	}
	if v.state == approval.StateFailed && m.staged(a.Phase) {
		v.state, v.why = approval.StateStaged, string(a.Phase)+" came to nothing: "+v.why
		m.stageAgain(a.Phase)
	}
	m.Why, m.State = v.why, v.state
	e.count(l, m.ID, v, now)
	switch v.state {
	case approval.StateMigrated:
		m.Proof, m.Origin, m.MigratedAt, m.Ended = ProofRead, v.origin, now.UTC(), now.UTC()
		m.Watch, m.WatchedUntil = WatchOpen, now.Add(e.Rules.Watch).UTC()
	case approval.StateFailed, approval.StateRevoked:
		m.End(v.state, v.why, now.UTC())
	case approval.StateStaged:
		if v.result == ResultStaged {
			m.Why = ""
		}
	default:
	}
	return nil
}

// staged tells whether both halves work as before where a phase came to nothing.
func (m *Migration) staged(p Phase) bool {
	return p == PhaseCancel || p == PhaseFinalize && m.Method == approval.MethodConsole && m.bound()
}

// stageAgain leaves to people what becomes of both halves after a phase that came to nothing: they approve finalize
// again, or cancel. An approval allows one finalize; what somebody wanted cancelled has used up no approval.
func (m *Migration) stageAgain(p Phase) {
	m.State = approval.StateStaged
	if p != PhaseCancel {
		m.Reopen()
	}
}

// count keeps the line's account of failures. What stopped it because nobody knew how one migration came out has passed
// once that is read: the one start that it allowed is used up and has done what it was to do.
func (e *Engine) count(l *approval.Line, id string, v verdict, now time.Time) {
	l.Saw(now)
	l.LastEnd = now.UTC()
	if !v.failure {
		if l.Failures = 0; l.DoubtAbout == id {
			l.Resume()
		}
		return
	}
	l.Failures++
	switch {
	case v.stop:
		l.Stop(v.why, id, now)
	case e.Rules.StopAfter > 0 && l.Failures >= e.Rules.StopAfter:
		l.Stop(v.why, "", now)
	}
}

// callsKept bounds how many requests an attempt keeps: the first ones, and the last of a long wait.
const callsKept = 200

func (a *Attempt) addCalls(calls []Call) {
	a.Calls = append(a.Calls, calls...)
	if n := len(a.Calls); n > callsKept {
		a.Calls = append(a.Calls[:callsKept/2:callsKept/2], a.Calls[n-callsKept/2:]...)
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
