package notify

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"
)

// post queues a notice for the lobby at a time, on a Sunday night if the time says so.
func (v *van) post(at string, k NoticeKind) {
	v.t.Helper()
	v.now = instant(v.t, at)
	a := v.policy.Addressees(v.people.look, nil).Fallback()
	o := v.policy.NewNotice("migration/r/"+string(k)+"/", k, a, v.now)
	if err := v.ledger.RecordPlan(v.t.Context(), Plan{Messages: []Outgoing{o}}); err != nil {
		v.t.Fatal(err)
	}
}

func (v *van) saying(n *Notice, err error) {
	v.courier.Notice = func(context.Context, Outgoing) (*Notice, error) { return n, err }
}

// TestNoticesKeepHours queues notices of each kind at night: the urgent ones are sent then, the others in the hours of
// the channel.
func TestNoticesKeepHours(t *testing.T) {
	for _, kind := range NoticeKinds() {
		v := newVan(t)
		v.deliver("2025-06-23T10:00:00Z")
		v.saying(&Notice{Kind: kind}, nil)
		v.post("2025-06-29T02:00:00Z", kind)
		night := v.deliver("2025-06-29T02:00:00Z").Sent
		day := v.deliver("2025-06-30T12:00:00Z").Sent
		want := []int{0, 1}
		if kind.Urgent() {
			want = []int{1, 0}
		}
		if got := []int{night, day}; !slices.Equal(got, want) {
			t.Errorf("%s: sent at night and by day: %d, want %d", kind, got, want)
		}
	}
}

// TestNoticeIsReadAgain drops what is not so any more, and puts off what cannot be read.
func TestNoticeIsReadAgain(t *testing.T) {
	v := newVan(t)
	v.deliver("2025-06-23T10:00:00Z")
	v.post("2025-06-23T11:00:00Z", NoticeRequested)
	broken := errors.New("disk full")
	for _, want := range []error{errNoNotices, broken} {
		if _, err := v.courier.Deliver(t.Context(), nil); !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
		v.saying(nil, broken)
		v.now = v.now.Add(time.Hour)
	}
	v.saying(nil, nil)
	if done := v.deliver("2025-06-23T14:00:00Z"); done.Dropped != 1 || done.Sent != 0 {
		t.Errorf("%+v", done)
	}
	if last := v.settled[len(v.settled)-1]; last.State != StateDropped || last.Reason != ReasonSettled {
		t.Errorf("%+v", last)
	}
}

// TestNoticesStand sends several to one channel: none is changed by the next one.
func TestNoticesStand(t *testing.T) {
	v := newVan(t)
	v.deliver("2025-06-23T10:00:00Z")
	v.saying(&Notice{Kind: NoticeMigrated}, nil)
	for _, kind := range NoticeKinds() {
		v.post("2025-06-23T11:00:00Z", kind)
		v.deliver("2025-06-23T12:00:00Z")
	}
	if done := v.deliver("2025-06-23T13:00:00Z"); done != (Delivered{}) || len(v.sink.updated) > 0 {
		t.Errorf("%+v, updated %+v", done, v.sink.updated)
	}
}

// TestColleague finds people whom the configuration names.
func TestColleague(t *testing.T) {
	v := newVan(t)
	down := &Failure{Class: Later, Reason: "timeout"}
	look := func(identity string) (Person, error) {
		switch identity {
		case "id:U1", "ana@example.com":
			return Person{Standing: StandingActive, ID: "U1", Locale: "zh-TW", Zone: "Asia/Taipei"}, nil
		case "down@example.com":
			return Person{}, down
		}
		return Person{Standing: StandingNotFound}, nil
	}
	to := Recipient{Sink: SinkSlack, Kind: ToUser, ID: "U1"}
	for _, test := range []struct {
		name    string
		slackID string
		emails  []string
		refused map[Recipient]Rejection
		want    Recipient
		err     error
	}{
		{"by id", "U1", nil, nil, to, nil},
		{"by address", "", []string{"Ana@Example.com"}, nil, to, nil},
		{"by another address", "U0", []string{"gone@example.com", "ana@example.com"}, nil, to, nil},
		{"by none", "U0", []string{"gone@example.com"}, nil, Recipient{}, nil},
		{"unnamed", "", nil, nil, Recipient{}, nil},
		{"no answer", "", []string{"down@example.com", "ana@example.com"}, nil, Recipient{}, down},
		{"refused", "U1", []string{"ana@example.com"}, map[Recipient]Rejection{to: {}}, Recipient{}, nil},
	} {
		a, err := v.policy.Addressees(look, test.refused).Colleague(test.slackID, test.emails)
		if a.To != test.want || !errors.Is(err, test.err) {
			t.Errorf("%s: %+v, %v", test.name, a, err)
		}
		if !a.To.IsZero() && (a.Language != TraditionalChinese || a.Zone.String() != "Asia/Taipei") {
			t.Errorf("%s: told in %s in %s", test.name, a.Language, a.Zone)
		}
	}
}
