package migrator_test

import (
	"fmt"
	"testing"
	"time"

	"jwtsunset/approval"
	"jwtsunset/migrator"
)

// TestCancel takes the OAuth half away again where an approver wants it, once, and nowhere else; whatever Adobe answers,
// what is read decides.
func TestCancel(t *testing.T) {
	for name, c := range map[string]struct {
		outcome migrator.Outcome
		effect  string
		want    approval.State
	}{
		"done":                       {migrator.OutcomeAccepted, "done", approval.StateRevoked},
		"done later":                 {migrator.OutcomeUnknown, "later", approval.StateRevoked},
		"done, seen too late":        {migrator.OutcomeUnknown, "too late", approval.StateRevoked},
		"refused":                    {migrator.OutcomeRefused, "none", approval.StateStaged},
		"refused, and done":          {migrator.OutcomeRefused, "done", approval.StateRevoked},
		"said to be done, and isn't": {migrator.OutcomeAccepted, "none", approval.StateNeedsAttention},
		"unknown, not done":          {migrator.OutcomeUnknown, "none", approval.StateNeedsAttention},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			a := w.add(approval.MethodConsole)
			id, e := w.approved(a), w.engine("p1")
			w.cancel(id, "bo", false)
			w.tick(e)
			w.state(id, approval.StateStaged)
			w.cancel(id, "olga", false)
			w.cancel(id, "bo", true)
			w.wanted = true
			w.answers = func(string, *account) shape {
				sh := shape{outcome: c.outcome, effect: c.effect, lag: time.Minute, took: 9 * time.Second}
				if c.effect == "too late" {
					sh.effect, sh.lag = "later", 20*time.Minute
				}
				return sh
			}
			w.ready(a) // ready to finalize, which nobody wants any more
			w.tick(e)
			w.answers = nil
			a.oauthUsed = time.Time{}
			w.rest(e, time.Hour)
			if m := w.state(id, c.want); m.Last().Phase != migrator.PhaseCancel {
				t.Errorf("%+v", m.Last())
			}
			w.expectStarts("bind", "cancel")
		})
	}
}

func (w *world) cancel(id, name string, want bool) {
	w.t.Helper()
	if _, err := w.desk().Cancel(w.t.Context(), id, hand(name), "not now"); (err == nil) != want {
		w.t.Fatalf("cancelled by %s: %v", name, err)
	}
}

// TestCancelMeanwhile wants a binding cancelled at every step of what would finalize it: one of the two happens, and
// never both.
func TestCancelMeanwhile(t *testing.T) {
	cancelled, finished := 0, 0
	for n := 1; ; n++ {
		w := newWorld(t)
		a := w.add(approval.MethodConsole)
		id, e := w.approved(a), w.engine("p1")
		w.tick(e)
		w.now = w.now.Add(time.Hour)
		w.ready(a)
		left := n
		w.step = func(string, string) {
			if left--; left == 0 {
				_, err := w.desk().Cancel(t.Context(), id, hand("bo"), "not now")
				w.wanted = err == nil
			}
		}
		w.rest(e, time.Hour)
		switch m := w.get(id); {
		case w.wanted && m.State == approval.StateRevoked:
			cancelled++
			w.expectStarts("bind", "cancel")
		case !w.wanted && m.State == approval.StateMigrated:
			finished++
			w.expectStarts("bind", "finalize")
		default:
			t.Errorf("step %d: wanted %t, %s (%s), %v", n, w.wanted, m.State, m.Why, w.kinds())
		}
		if left > 0 || t.Failed() || n > 60 {
			break
		}
	}
	if cancelled < 3 || finished < 3 {
		t.Errorf("%d cancelled, %d finished", cancelled, finished)
	}
}

// TestFinalizeFails leaves both halves in place where finalize came to nothing: by Adobe's refusal, or by a person's word.
// Nothing starts again by itself; people approve anew, seeing what is so then, or have the OAuth half taken away.
func TestFinalizeFails(t *testing.T) {
	for _, word := range []bool{false, true} {
		for _, then := range []string{"approved again", "cancelled", "taken back by Adobe", "nobody decides"} {
			t.Run(fmt.Sprintf("by word %t, %s", word, then), func(t *testing.T) {
				w := newWorld(t)
				a := w.add(approval.MethodConsole)
				id, e := w.approved(a), w.engine("p1")
				w.tick(e)
				w.finalizeFails(id, e, word)
				w.ready(a)
				a.Name = "another name"
				w.rest(e, time.Hour)
				m := w.state(id, approval.StateStaged)
				if !m.Spent() || m.Why == "" || len(m.Past) != 1 || m.Card.Fact(approval.FactName)[0] != a.Name {
					t.Fatalf("%+v", m.Request)
				}
				w.expectStarts("bind", "finalize")
				want := []string{"bind", "finalize"}
				state := approval.StateStaged
				switch then {
				case "approved again":
					if err := w.decide(id, "ana", approval.DecisionApprove); err != nil {
						t.Fatal(err)
					}
					want, state = append(want, "finalize"), approval.StateMigrated
				case "cancelled":
					w.cancel(id, "bo", true)
					w.wanted = true
					want, state = append(want, "cancel"), approval.StateRevoked
				case "taken back by Adobe":
					a.become(w.now, migrator.TruthJWT)
					state = attention
				}
				w.rest(e, 40*time.Hour)
				w.state(id, state)
				w.expectStarts(want...)
			})
		}
	}
}

// finalizeFails lets finalize come to nothing: Adobe refuses it, or says that it is done, and a person sees that it is not.
func (w *world) finalizeFails(id string, e *migrator.Engine, word bool) {
	w.t.Helper()
	outcome := migrator.OutcomeRefused
	if word {
		outcome = migrator.OutcomeAccepted
	}
	w.now = w.now.Add(time.Hour)
	w.ready(w.accounts[w.get(id).Credential])
	w.answers = func(string, *account) shape { return shape{outcome: outcome, effect: "none", took: 9 * time.Second} }
	w.tick(e)
	w.answers = nil
	if !word {
		return
	}
	w.state(id, attention)
	if err := w.say(migrator.WordNotMigrated, "bo"); err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.gate().Thaw(w.t.Context(), hand("bo"), approval.Thaw{Reason: "seen to"}); err != nil {
		w.t.Fatal(err)
	}
}
