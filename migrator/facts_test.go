package migrator_test

import (
	"context"
	"testing"
	"time"

	"jwtsunset/approval"
	"jwtsunset/audit"
	"jwtsunset/credential"
	"jwtsunset/migrator"
)

// TestChangedFacts changes what a card says, one fact at a time, between the approval and the start and between the two
// checks of a start: nothing starts, and the request is stale.
func TestChangedFacts(t *testing.T) {
	for name, change := range map[string]func(w *world, a *account){
		"name":    func(_ *world, a *account) { a.Name = "other" },
		"owner":   func(_ *world, a *account) { a.Owner.AssignedTo = "other@example.com" },
		"creator": func(_ *world, a *account) { a.Owner.CreatedBy = "x@AdobeID" },
		"kind": func(_ *world, a *account) {
			a.Kind = map[credential.Kind]credential.Kind{
				credential.QueryService: credential.DeveloperConsole, credential.DeveloperConsole: credential.QueryService,
			}[a.Kind]
		},
		"sandbox added": func(_ *world, a *account) { a.Sandboxes = append(a.Sandboxes, "two") },
		"excluded":      func(_ *world, a *account) { a.Excluded = "rule" },
		"inactive":      func(_ *world, a *account) { a.Active = false },
		"project":       func(_ *world, a *account) { a.Console.ProjectID = "p" },
		"workspace":     func(_ *world, a *account) { a.Console.WorkspaceID = "p" },
		"client id":     func(_ *world, a *account) { a.Console.ClientID = "p" },
		"read-only":     func(_ *world, a *account) { a.Console.ReadOnly = true },
		"automatic":     func(_ *world, a *account) { a.project = "automatic" },
		"migrated":      func(w *world, a *account) { a.become(w.now, migrator.TruthMigrated) },
		"gone":          func(w *world, a *account) { a.become(w.now, migrator.TruthGone) },
		"denied":        func(w *world, a *account) { w.policy.Deny = []approval.DenyRule{{Credential: a.ID, Reason: "x"}} },
	} {
		for _, method := range methods {
			for _, between := range []bool{false, true} {
				w := newWorld(t)
				a := w.add(method)
				id, e := w.approved(a), w.engine("p1")
				if between {
					w.step = func(_, what string) {
						if what == "after a write" && w.all()[0].State == approval.StateStarting {
							change(w, a)
							w.step = nil
						}
					}
				} else {
					change(w, a)
				}
				w.tick(e)
				m := w.get(id)
				if len(w.arrived)+len(w.handed) != 0 || m.State != approval.StateStale || m.Why == "" || m.InFlight() {
					t.Errorf("%s by %s: %d starts, %s (%s)", name, method, len(w.arrived), m.State, m.Why)
				}
			}
		}
	}
}

// TestChangedWhileStaged leaves a staged credential to a person where its facts change, once and for all: it does not go
// back by itself. Migrated by somebody else, it is found out and not claimed.
func TestChangedWhileStaged(t *testing.T) {
	w := newWorld(t)
	a := w.add(approval.MethodConsole)
	id, e := w.approved(a), w.engine("p1")
	w.tick(e)
	w.state(id, approval.StateStaged)
	a.Name = "other"
	w.ready(a)
	w.rest(e, 3*time.Hour)
	w.state(id, attention)
	changes := 0
	for _, event := range w.ledger.Events() {
		if to, _ := event.Fact("to"); to.String() == string(approval.StateStaged) {
			changes++
		}
	}
	if changes != 1 {
		t.Errorf("it became staged %d times", changes)
	}
	a.become(w.now, migrator.TruthMigrated)
	w.rest(e, 30*time.Minute)
	if m := w.state(id, approval.StateMigrated); m.Origin != migrator.OriginOutside {
		t.Errorf("claimed: %s", m.Origin)
	}
	w.expectStarts("bind")
}

// TestRevokedMeanwhile revokes an approval at every step of the engine: either the migration has begun and the revocation
// is refused, or nothing starts and the request is and stays revoked.
func TestRevokedMeanwhile(t *testing.T) {
	for _, method := range methods {
		revoked, refused := 0, 0
		for n := 1; ; n++ {
			w := newWorld(t)
			id, e := w.approved(w.add(method)), w.engine("p1")
			left := n
			var err error
			w.step = func(string, string) {
				if left--; left == 0 {
					err = w.decide(id, "bo", approval.DecisionRevoke)
				}
			}
			w.tick(e)
			if left > 0 {
				break
			}
			w.step = nil
			begun := w.get(id).State
			switch {
			case err != nil:
				refused++
			case begun == approval.StateRevoked:
				revoked++
				if len(w.arrived)+len(w.handed) != 0 {
					t.Errorf("%s, step %d: revoked, and started", method, n)
				}
			case begun != approval.StateStaged:
				t.Errorf("%s, step %d: revoked, and %s", method, n, begun)
			}
		}
		if revoked < 2 || refused < 2 {
			t.Errorf("%s: %d revoked, %d refused", method, revoked, refused)
		}
	}
}

// TestOverride finishes a migration without evidence where a second person answers for it, and not where the evidence has
// come to say something else than that person saw.
func TestOverride(t *testing.T) {
	for name, worse := range map[string]bool{"as was seen": false, "found in use since": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			a := w.add(approval.MethodConsole)
			id, e := w.approved(a), w.engine("p1")
			w.tick(e)
			w.rest(e, 20*time.Minute)
			w.state(id, approval.StateStaged)
			if err := w.decide(id, "ana", approval.DecisionOverride); err != nil {
				t.Fatal(err)
			}
			w.rest(e, 20*time.Minute)
			w.state(id, approval.StateStaged) // the one who approved is no second person
			if worse {
				a.oauthUsed, a.jwtUsed = w.now.Add(-2*time.Hour), w.now.Add(-time.Hour)
			}
			if err := w.decide(id, "bo", approval.DecisionOverride); err != nil {
				t.Fatal(err)
			}
			w.rest(e, 20*time.Minute)
			if !worse {
				w.state(id, approval.StateMigrated)
				return
			}
			if m := w.state(id, approval.StateStaged); m.Override != nil || m.Card.Fact(approval.FactVerdict)[0] != string(approval.VerdictStillInUse) {
				t.Fatalf("%+v", m)
			}
			if err := w.decide(id, "bo", approval.DecisionOverride); err != nil {
				t.Fatal(err)
			}
			w.rest(e, 20*time.Minute)
			w.state(id, approval.StateMigrated)
		})
	}
}

// TestUnreadEvidence ends no approval and no override because the evidence could not be read for a while, and finishes
// nothing meanwhile.
func TestUnreadEvidence(t *testing.T) {
	w := newWorld(t)
	a := w.add(approval.MethodConsole)
	id, e := w.approved(a), w.engine("p1")
	a.unseen = true
	w.rest(e, time.Hour)
	w.state(id, approval.StateApproved)
	a.unseen = false
	w.rest(e, time.Hour)
	w.state(id, approval.StateStaged)
	w.ready(a)
	a.unseen = true
	w.rest(e, time.Hour)
	w.state(id, approval.StateStaged)
	w.expectStarts("bind")
	a.unseen = false
	w.rest(e, time.Hour)
	w.state(id, approval.StateMigrated)
}

// TestUnprovedOAuth does not finish where the OAuth half gives no token, and does once it does.
func TestUnprovedOAuth(t *testing.T) {
	w := newWorld(t)
	a := w.add(approval.MethodConsole)
	id, e := w.approved(a), w.engine("p1")
	w.tick(e)
	w.now = w.now.Add(time.Hour)
	w.ready(a)
	a.noOAuth = errBroken
	w.rest(e, time.Hour)
	w.state(id, approval.StateStaged)
	a.noOAuth = nil
	w.rest(e, 10*time.Minute)
	w.state(id, approval.StateMigrated)
}

// TestClockAfterCrash restarts a machine whose clock has jumped forward while Adobe still works on a start: it is not taken
// for one that came to nothing.
func TestClockAfterCrash(t *testing.T) {
	for _, c := range []struct{ jump, lag time.Duration }{
		{0, limit + settle - time.Minute}, {0, time.Minute}, {time.Hour, time.Minute}, {365 * 24 * time.Hour, settle - time.Second},
		{-30 * time.Second, limit + time.Minute},
	} {
		w := newWorld(t)
		id := w.approved(w.add(approval.MethodQueryService))
		w.answers = func(string, *account) shape { return shape{effect: "none"} }
		w.step = func(process, what string) {
			if what == "sent" {
				panic(crash{process})
			}
		}
		a := w.accounts[w.order[0]]
		if _, died := w.alive(w.engine("p1")); !died {
			t.Fatal("it lives")
		}
		w.step = nil
		w.now = w.now.Add(c.jump)
		a.become(w.now.Add(c.lag), migrator.TruthMigrated)
		process := 2
		w.survive(&process, w.engine("p2"), 20*time.Minute, 10*time.Second)
		if m := w.get(id); m.State != approval.StateMigrated {
			t.Errorf("after a jump of %s: %s (%s)", c.jump, m.State, m.Why)
		}
	}
}

// TestLedgerFails sees that a ledger which cannot put an attempt on record is told of, and that the credential is left
// alone for a while.
func TestLedgerFails(t *testing.T) {
	w := newWorld(t)
	id, e := w.approved(w.add(approval.MethodQueryService)), w.engine("p1")
	w.broken = func(_, what string) error {
		if what == "before" {
			return errBroken
		}
		return nil
	}
	if _, err := e.Tick(t.Context()); err == nil {
		t.Error("nobody is told")
	}
	reads := w.reads
	for range 10 {
		_, _ = e.Tick(t.Context())
	}
	if w.reads > reads {
		t.Errorf("read %d times in a moment", w.reads-reads)
	}
	w.broken = nil
	w.rest(e, 10*time.Minute)
	w.state(id, approval.StateMigrated)
}

// TestLostRight does not start what was approved by somebody who may not any more, and starts it when another one agrees.
func TestLostRight(t *testing.T) {
	w := newWorld(t)
	id, e := w.approved(w.add(approval.MethodQueryService)), w.engine("p1")
	w.policy.People[0].Roles = nil
	w.rest(e, time.Hour)
	w.state(id, approval.StateApproved)
	w.expectStarts()
	if err := w.decide(id, "bo", approval.DecisionApprove); err != nil {
		t.Fatal(err)
	}
	w.rest(e, 10*time.Minute)
	w.state(id, approval.StateMigrated)
}

// TestExpires ends an approval by time, and lets one that is staged wait for another approval.
func TestExpires(t *testing.T) {
	w := newWorld(t)
	w.lineUp(func(l *approval.Line) { l.Stopped = "x" })
	id, e := w.approved(w.add(approval.MethodQueryService)), w.engine("p1")
	w.rest(e, 7*24*time.Hour+time.Hour)
	w.state(id, approval.StateExpired)
	w.lineUp(func(l *approval.Line) { l.Stopped = "" })

	a := w.add(approval.MethodConsole)
	id = w.approved(a)
	w.rest(e, 8*24*time.Hour)
	w.ready(a)
	w.rest(e, time.Hour)
	w.state(id, approval.StateStaged)
	if err := w.decide(id, "bo", approval.DecisionApprove); err != nil {
		t.Fatal(err)
	}
	w.rest(e, time.Hour)
	w.state(id, approval.StateMigrated)
	w.expectStarts("bind", "finalize")
}

// TestRevokedWhileStaged keeps a staged credential as it is where its approval is taken back.
func TestRevokedWhileStaged(t *testing.T) {
	w := newWorld(t)
	a := w.add(approval.MethodConsole)
	id, e := w.approved(a), w.engine("p1")
	w.tick(e)
	if err := w.decide(id, "bo", approval.DecisionRevoke); err != nil {
		t.Fatal(err)
	}
	w.ready(a)
	w.rest(e, 3*time.Hour)
	w.state(id, approval.StateStaged)
	w.expectStarts("bind")
}

// TestWhileOneWaits looks after all others while one migration waits for a person.
func TestWhileOneWaits(t *testing.T) {
	w := newWorld(t)
	w.rules.Guided = 20 * 24 * time.Hour
	a := w.add(approval.MethodQueryService)
	done, e := w.approved(a), w.engine("p1")
	w.tick(e)
	hand := w.approved(w.add(approval.MethodGuided))
	w.tick(e)
	w.state(hand, approval.StateRunning)
	waits := w.approved(w.add(approval.MethodQueryService))
	a.become(w.now.Add(time.Hour), migrator.TruthJWT)
	w.rest(e, 8*24*time.Hour)
	if m := w.get(done); m.Watch != migrator.WatchBack {
		t.Errorf("nobody saw that it went back: %s", m.Watch)
	}
	w.state(waits, approval.StateExpired)
}

// TestOwnLease takes its own lease back at once where nobody knows whether the last renewal was recorded.
func TestOwnLease(t *testing.T) {
	w := newWorld(t)
	l := &forgetful{watchful: watchful{w.ledger, w, "p1"}, lose: true}
	id, e := w.approved(w.add(approval.MethodQueryService)), w.engine("p1")
	e.Ledger = l
	if _, err := e.Tick(t.Context()); err == nil {
		t.Fatal("the answer was not lost")
	}
	l.lose = false
	w.tick(e)
	w.state(id, approval.StateMigrated)
}

// forgetful is a ledger that does what it is told and loses the answer.
type forgetful struct {
	watchful
	lose bool
}

func (l *forgetful) ChangeLine(
	ctx context.Context, change func(*approval.Line) (audit.Event, error),
) (approval.Line, error) {
	line, err := l.watchful.ChangeLine(ctx, change)
	if err == nil && l.lose {
		return approval.Line{}, errBroken
	}
	return line, err
}

// TestAnotherCredential reads another credential by mistake: nothing is concluded from it, before a start and after it.
func TestAnotherCredential(t *testing.T) {
	for _, method := range methods {
		for name, mistake := range map[string]func(a *account, on bool){
			"id": func(a *account, on bool) {
				a.answersFor = ""
				if on {
					a.answersFor = "B00000000000000000000000"
				}
			},
			"organization": func(a *account, on bool) {
				a.Organization = "acme"
				if on {
					a.Organization = "other"
				}
			},
		} {
			w := newWorld(t)
			a := w.add(method)
			id, e := w.approved(a), w.engine("p1")
			mistake(a, true)
			w.rest(e, 30*time.Minute)
			w.state(id, approval.StateApproved)
			w.expectStarts()
			mistake(a, false)
			w.step = func(_, what string) {
				if what == "allowed" {
					mistake(a, true)
				}
			}
			w.tick(e)
			if method == approval.MethodGuided {
				mistake(a, true)
				a.become(w.now, migrator.TruthMigrated)
				w.rest(e, 30*time.Minute)
				w.state(id, approval.StateRunning)
			} else {
				w.state(id, attention)
			}
			mistake(a, false)
			w.rest(e, 30*time.Minute)
			want := approval.StateMigrated
			if method == approval.MethodConsole {
				want = approval.StateStaged
			}
			if m := w.get(id); m.State != want {
				t.Errorf("%s, %s: %s", method, name, m.State)
			}
		}
	}
}
