package migrator_test

import (
	"reflect"
	"testing"
	"time"

	"jwtsunset/approval"
	"jwtsunset/migrator"
)

// TestDryRun asks in many situations what would happen: nothing is sent and nothing recorded, and what is foreseen to be
// first is what then starts first.
func TestDryRun(t *testing.T) {
	for name, prepare := range map[string]func(w *world, ids []string, list []*account){
		"plain":             func(*world, []string, []*account) {},
		"one has changed":   func(_ *world, _ []string, list []*account) { list[0].Name = "another" },
		"one is unreadable": func(_ *world, _ []string, list []*account) { list[0].unread = errBroken },
		"one is gone":       func(w *world, _ []string, list []*account) { list[0].become(w.now, migrator.TruthGone) },
		"one is migrated":   func(w *world, _ []string, list []*account) { list[1].become(w.now, migrator.TruthMigrated) },
		"expired":           func(w *world, _ []string, _ []*account) { w.now = w.now.Add(8 * 24 * time.Hour) },
		"revoked":           func(w *world, ids []string, _ []*account) { _ = w.decide(ids[0], "ana", approval.DecisionRevoke) },
		"no approver left":  func(w *world, _ []string, _ []*account) { w.policy.People[0].Roles = nil },
		"frozen": func(w *world, _ []string, _ []*account) {
			w.lineUp(func(l *approval.Line) { l.Frozen = &approval.Freeze{Reason: "x"} })
		},
		"daily limit": func(w *world, _ []string, _ []*account) {
			w.rules.Daily = 1
			w.lineUp(func(l *approval.Line) { l.Started(w.now) })
		},
		"clock": func(w *world, _ []string, _ []*account) {
			w.lineUp(func(l *approval.Line) { l.Highest = w.now.Add(time.Hour) })
		},
		"in flight": func(w *world, _ []string, _ []*account) {
			w.approved(w.add(approval.MethodGuided))
			for n := 0; n < 3 && len(w.handed) == 0; n++ {
				w.answers = func(string, *account) shape { return shape{early: true} }
				w.tick(w.engine("p0"))
			}
		},
		"staged and ready": func(w *world, _ []string, list []*account) {
			e := w.engine("p0")
			for w.tick(e) {
			}
			if err := e.Release(w.t.Context()); err != nil {
				w.t.Fatal(err)
			}
			w.ready(list[2])
			w.arrived = nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			list := []*account{w.add(approval.MethodQueryService), w.add(approval.MethodQueryService), w.add(approval.MethodConsole)}
			var ids []string
			for _, a := range list {
				ids = append(ids, w.approved(a))
			}
			prepare(w, ids, list)
			w.answers = nil
			before, line, events, handed := w.all(), w.line(), w.ledger.Events(), len(w.handed)
			e := w.engine("p1")
			foreseen, err := e.DryRun(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(before, w.all()) || !reflect.DeepEqual(line, w.line()) || !reflect.DeepEqual(events, w.ledger.Events()) {
				t.Fatal("a dry run has recorded something")
			}
			if len(w.arrived) != 0 || len(w.handed) != handed {
				t.Fatal("a dry run has started something")
			}
			var first *migrator.Foreseen
			for i, f := range foreseen {
				if f.Hold == "" && f.Phase == "" || f.Hold != "" && f.Why == "" {
					t.Errorf("nothing is said of %s: %+v", f.Migration.Credential, f)
				}
				if f.Hold == "" && first == nil {
					first = &foreseen[i]
				}
			}
			w.provable = true
			w.dead["p0"] = true
			for n := 0; n < 10 && len(w.arrived) == 0; n++ {
				w.tick(e)
			}
			switch {
			case first == nil && len(w.arrived) != 0:
				t.Errorf("%+v has started, and nothing was foreseen", w.arrived[0])
			case first != nil && len(w.arrived) == 0:
				t.Errorf("%s was foreseen, and nothing has started", first.Migration.Credential)
			case first != nil && (w.arrived[0].account != first.Migration.Credential || w.arrived[0].kind != string(first.Phase)):
				t.Errorf("%s was foreseen, and %+v has started", first.Migration.Credential, w.arrived[0])
			}
		})
	}
}
