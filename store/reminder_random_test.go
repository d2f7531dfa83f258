package store

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jwtsunset/notify"
)

// testRandomReminders does random things in any order, also such as must be refused, and holds after each what must
// always be so.
func testRandomReminders(t *testing.T, open opener) {
	sent, refused := 0, 0
	for range 5 {
		seed := rand.Uint64()
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			s := open(t)
			r := &randomReminders{
				t: t, s: s, random: rand.New(rand.NewPCG(seed, 0)), now: start,
				sent: map[entryKey]int{}, told: map[string]map[notify.Recipient]int{}, newest: map[notify.Recipient]string{},
			}
			s.options.Clock = func() time.Time { return r.now }
			record(t, s, "acme", start, writing(start, samples("acme", randomCredentials)))
			for range 60 {
				r.step()
				r.hold()
			}
			sent, refused = sent+len(r.sent), refused+r.refused
			auditEntries(t, s)
		})
	}
	if sent == 0 || refused == 0 {
		t.Errorf("%d steps were sent and %d calls refused: nothing was tried", sent, refused)
	}
}

const randomCredentials = 4

type randomReminders struct {
	t       *testing.T
	s       *Store
	random  *rand.Rand
	now     time.Time
	last    int // number of the last message
	claims  []notify.Outgoing
	refused int
	// What must come of it: how often each step was sent, who was told how often, and whose newest message is which.
	sent   map[entryKey]int
	told   map[string]map[notify.Recipient]int
	newest map[notify.Recipient]string
}

func (r *randomReminders) step() {
	r.now = r.now.Add(time.Duration(r.random.IntN(90)) * time.Second)
	switch r.random.IntN(8) {
	case 0, 1, 2:
		r.plan()
	case 3, 4:
		r.claim()
	case 5, 6:
		r.settle()
	default:
		r.answer()
	}
}

func (r *randomReminders) item() notify.OutgoingItem {
	i := itemFor(r.random.IntN(randomCredentials), []int{90, 60, 30, 14, 7, 1}[r.random.IntN(6)])
	if r.random.IntN(4) == 0 {
		i.Tier = notify.TierEscalation
	}
	return i
}

// plan queues some items, in a message of their own or one that is waiting, and passes over some steps.
func (r *randomReminders) plan() {
	to := []notify.Recipient{ana, bo, channel, hook}[r.random.IntN(4)]
	r.last++
	o := reminderTo(fmt.Sprintf("m%03d", r.last), to)
	o.Created, o.NotBefore = r.now, r.now.Add(time.Duration(r.random.IntN(60))*time.Second)
	for _, waiting := range outbox(r.t, r.s) {
		if waiting.To == to && r.random.IntN(4) > 0 {
			o.ID = waiting.ID
		}
	}
	for range 1 + r.random.IntN(3) {
		o.Items = append(o.Items, r.item())
	}
	p := notify.Plan{Messages: []notify.Outgoing{o}}
	if r.random.IntN(2) == 0 {
		outcome := []notify.Outcome{notify.OutcomeSkipped, notify.OutcomeFailed}[r.random.IntN(2)]
		p.Skipped = append(p.Skipped, passed(r.item(), outcome, "x"))
	}
	if id := r.newest[to]; id != "" {
		p.Refresh = append(p.Refresh, id)
	}
	r.may(r.s.RecordPlan(r.t.Context(), p))
}

// may accepts what a call may be refused for.
func (r *randomReminders) may(err error) bool {
	r.t.Helper()
	if err == nil {
		return true
	}
	if !errors.Is(err, notify.ErrConflict) && !errors.Is(err, notify.ErrTaken) && !strings.HasSuffix(err.Error(), "twice") {
		r.t.Error(err)
	}
	r.refused++
	return false
}

func (r *randomReminders) claim() {
	ids, err := r.s.Due(r.t.Context(), r.now, 3)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, id := range ids {
		o, err := r.s.Claim(r.t.Context(), id, r.now, r.now.Add(time.Minute))
		if r.may(err) {
			r.claims = append(r.claims, o)
		}
	}
}

// settle ends one of all claims that there ever were; most of them are lost.
func (r *randomReminders) settle() {
	if len(r.claims) == 0 {
		return
	}
	o := r.claims[max(0, len(r.claims)-1-r.random.IntN(4))]
	end := notify.Settlement{
		State: []notify.OutgoingState{
			notify.StateSent, notify.StateSent, notify.StateQueued, notify.StateFailed, notify.StateDropped,
		}[r.random.IntN(5)],
		NotBefore: r.now, Unclear: r.random.IntN(2) == 0, Items: slices.Clone(o.Items), Refused: r.random.IntN(2) == 0,
	}
	for i := range end.Items {
		end.Items[i].Shown = []notify.Reason{"", "", notify.ReasonMigrated, notify.ReasonOwnerChanged}[r.random.IntN(4)]
	}
	if !r.may(r.s.Settle(r.t.Context(), o, end)) || end.State != notify.StateSent {
		return
	}
	r.newest[o.To] = o.ID
	for _, i := range end.Items {
		if i.Shown != "" {
			continue
		}
		r.sent[entryKey{i.Organization, i.Credential, i.Step.Name, i.Tier}]++
		if i.Tier == notify.TierOwner {
			if r.told[i.Credential] == nil {
				r.told[i.Credential] = map[notify.Recipient]int{}
			}
			r.told[i.Credential][o.To]++
		}
	}
}

func (r *randomReminders) answer() {
	id := sample("acme", r.random.IntN(randomCredentials)).ID
	_, err := r.s.RecordAnswer(r.t.Context(), notify.Answer{
		Organization: "acme", Credential: id, Kind: notify.AnswerSnooze, Until: r.now.Add(time.Hour),
	})
	if err != nil {
		r.t.Fatal(err)
	}
	delete(r.told, id)
}

// hold compares the ledger with itself and with what was seen.
func (r *randomReminders) hold() {
	r.t.Helper()
	all, err := r.s.History(r.t.Context(), "acme")
	if err != nil {
		r.t.Fatal(err)
	}
	queued := map[entryKey]string{} // to the message
	for n := range randomCredentials {
		id := sample("acme", n).ID
		entries, err := r.s.Entries(r.t.Context(), "acme", id)
		if err != nil {
			r.t.Fatal(err)
		}
		r.holdEntries(all[id], entries, queued)
		if want, got := r.told[id], all[id].Told; !maps.Equal(got, want) {
			r.t.Errorf("told of %s were %v, want %v", id, got, want)
		}
	}
	r.holdMessages(queued)
}

func (r *randomReminders) holdEntries(h notify.History, entries []notify.Entry, queued map[entryKey]string) {
	r.t.Helper()
	latest := map[notify.Tier]notify.Entry{}
	open := 0
	for _, e := range entries {
		if was, ok := latest[e.Tier]; !ok || later(e.Step, was.Step) {
			latest[e.Tier] = e
		}
		if e.Outcome == notify.OutcomeQueued {
			queued[keyOf(e)] = e.Message
		}
		if e.Outcome == notify.OutcomeQueued || e.Outcome == notify.OutcomeFailed {
			open++
		}
		if wasSent := r.sent[keyOf(e)]; wasSent > 1 || (wasSent == 1) != (e.Outcome == notify.OutcomeSent) {
			r.t.Errorf("a step was sent %d times and is %s", wasSent, e.Outcome)
		}
	}
	if len(h.Open) != open || len(latest) > 0 && !cmp.Equal(h.Latest, latest) {
		r.t.Errorf("%d of %d entries are open, and of the latest ones differ\n%s", len(h.Open), open, cmp.Diff(latest, h.Latest))
	}
}

// holdMessages expects each queued step in exactly the message that it names, and nothing else on its way.
func (r *randomReminders) holdMessages(queued map[entryKey]string) {
	r.t.Helper()
	told := map[entryKey]string{}
	waiting := map[notify.Recipient]int{}
	for _, o := range outbox(r.t, r.s) {
		if len(o.Items) == 0 {
			r.t.Errorf("message %s on its way has no items", o.ID)
		}
		if o.State == notify.StateQueued && o.Attempts == 0 {
			waiting[o.To]++
		}
		for _, i := range o.Items {
			told[entryKey{i.Organization, i.Credential, i.Step.Name, i.Tier}] = o.ID
		}
	}
	if !maps.Equal(told, queued) {
		r.t.Errorf("on their way are %v, and queued %v", told, queued)
	}
	for to, n := range waiting {
		if n > 1 {
			r.t.Errorf("%d messages wait for %s", n, to)
		}
	}
	newest := map[notify.Recipient]string{}
	list, err := r.s.LastSent(r.t.Context())
	for _, o := range list {
		newest[o.To] = o.ID
	}
	if err != nil || !maps.Equal(newest, r.newest) || len(list) != len(newest) {
		r.t.Errorf("the newest messages are %v, %v, want %v", newest, err, r.newest)
	}
}
