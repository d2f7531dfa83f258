package migrator_test

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"jwtsunset/approval"
	"jwtsunset/audit"
	"jwtsunset/migrator"
)

// TestDesk is every word about every state, by everybody: what counts and what is refused, and that a refusal changes
// nothing and is on record.
func TestDesk(t *testing.T) {
	const (
		ok      = approval.RefusalReason("")
		nothing = approval.RefusedNothing
		early   = approval.RefusedTooEarly
		read    = approval.RefusedReadable
		same    = approval.RefusedSamePair
	)
	attempt := func(truth migrator.Truth, settled bool) []migrator.Attempt {
		return []migrator.Attempt{{
			ID: "a-1", Phase: migrator.PhaseMigrate, Began: begin, Sending: begin, Until: begin.Add(limit), Truth: truth, Settled: settled,
		}}
	}
	request := func(state approval.State, method approval.Method, done string, attempts []migrator.Attempt) migrator.Migration {
		m := migrator.Migration{Request: approval.Request{
			ID: "r1", Organization: "acme", Credential: "A1", State: state, Method: method, Fingerprint: "f", At: begin,
		}, Attempts: attempts}
		if done != "" {
			m.Done = &approval.Decision{By: approval.Signature{Person: done}}
		}
		return m
	}
	const qs, guided, console = approval.MethodQueryService, approval.MethodGuided, approval.MethodConsole
	unsettled, unread := attempt(migrator.TruthUnread, false), attempt(migrator.TruthUnread, true)
	jwt, migrated := attempt(migrator.TruthJWT, true), attempt(migrator.TruthMigrated, true)
	type row struct {
		what string
		m    migrator.Migration
		// after is when it is said.
		after time.Duration
		// What becomes of sender-dead, done, migrated and not-migrated, said by bo.
		dead, done, migrated, not approval.RefusalReason
	}
	rows := []row{
		{"its sender may live", request(attention, qs, "", unsettled), time.Minute, early, nothing, early, early},
		{"the moment before", request(attention, qs, "", unsettled), limit + quarantine - time.Second, early, nothing, early, early},
		{"after the quarantine", request(attention, qs, "", unsettled), limit + quarantine, ok, nothing, early, early},
		{"unreadable", request(attention, qs, "", unread), time.Hour, nothing, nothing, ok, ok},
		{"still JWT", request(attention, qs, "", jwt), time.Hour, nothing, nothing, read, ok},
		{"migrated", request(attention, qs, "", migrated), time.Hour, nothing, nothing, read, read},
		{"of the Console", request(attention, console, "", unread), time.Hour, nothing, nothing, ok, ok},
		{"no attempt", request(attention, qs, "", nil), time.Hour, nothing, nothing, nothing, nothing},
		{"in hand", request(approval.StateRunning, guided, "", unsettled), time.Minute, early, ok, nothing, ok},
		{"in hand, done by another", request(approval.StateRunning, guided, "ana", unsettled), time.Minute, early, ok, ok, ok},
		{"in hand, done by the same", request(approval.StateRunning, guided, "bo", unsettled), time.Minute, early, ok, same, ok},
		{"in hand, readable", request(approval.StateRunning, guided, "ana", attempt(migrator.TruthJWT, false)), time.Minute, early, ok, read, ok},
		{"not done in time", request(attention, guided, "", unread), time.Hour, nothing, ok, nothing, ok},
		{"not seen in time, done by another", request(attention, guided, "ana", unread), time.Hour, nothing, ok, ok, ok},
		{"not seen in time, done by the same", request(attention, guided, "bo", unread), time.Hour, nothing, ok, same, ok},
		{"running", request(approval.StateRunning, qs, "", unsettled), time.Hour, nothing, nothing, nothing, nothing},
	}
	for _, state := range approval.States() {
		if state != approval.StateNeedsAttention && state != approval.StateRunning {
			rows = append(rows, row{string(state), request(state, guided, "ana", unread), time.Hour, nothing, nothing, nothing, nothing})
		}
	}
	for _, r := range rows {
		for word, want := range map[migrator.Word]approval.RefusalReason{
			migrator.WordSenderDead: r.dead, migrator.WordDone: r.done, migrator.WordMigrated: r.migrated, migrator.WordNotMigrated: r.not,
		} {
			for _, who := range []string{"bo", "olga", "nobody", "bo by a closed door", "bo without a reason"} {
				t.Run(r.what+"/"+string(word)+"/"+who, func(t *testing.T) {
					h, reason, want := hand("bo"), "seen", want
					switch who {
					case "olga":
						h = hand(who)
						if word != migrator.WordDone {
							want = approval.RefusedRole
						}
					case "nobody":
						h, want = hand(who), approval.RefusedNobody
					case "bo by a closed door":
						h.Door = audit.DoorSlack
						if word != migrator.WordDone {
							want = approval.RefusedDoor
						}
					case "bo without a reason":
						reason, want = " \n ", approval.RefusedNoReason
					}
					heard(t, r.m, r.after, word, h, reason, want)
				})
			}
		}
	}
}

func heard(
	t *testing.T, before migrator.Migration, after time.Duration, word migrator.Word, h approval.Hand, reason string, want approval.RefusalReason,
) {
	w := newWorld(t)
	w.ledger = migrator.NewRehearsal(approval.Line{}, before)
	w.now = begin.Add(after)
	before = w.get("r1")
	m, err := w.desk().Say(t.Context(), "r1", word, h, reason)
	events := w.ledger.Events()
	if len(events) != 1 {
		t.Fatalf("%d events", len(events))
	}
	if want != "" {
		var refusal *approval.Refusal
		if !errors.As(err, &refusal) || refusal.Reason != want {
			t.Fatalf("%v, not %s", err, want)
		}
		if !reflect.DeepEqual(w.get("r1"), before) || !reflect.DeepEqual(w.line(), approval.Line{}) {
			t.Fatal("a refusal has changed something")
		}
		if fact, _ := events[0].Fact("refused"); events[0].Result != audit.ResultRefused || fact.String() != string(want) {
			t.Fatalf("%+v", events[0])
		}
		return
	}
	if err != nil || events[0].Result != audit.ResultOK {
		t.Fatalf("%v, %+v", err, events[0])
	}
	a := m.Last()
	switch word {
	case migrator.WordSenderDead:
		if m.State != attention || !a.Settled || a.Released.By.Person != "bo" || m.InFlight() {
			t.Fatalf("%+v", m)
		}
	case migrator.WordDone:
		if m.State != before.State || m.Done.By.Person == "" || m.InFlight() != before.InFlight() {
			t.Fatalf("%+v", m)
		}
	case migrator.WordMigrated:
		if m.State != approval.StateMigrated || m.Proof != migrator.ProofAttested || m.InFlight() || m.MigratedAt.IsZero() || m.Watch != "" {
			t.Fatalf("%+v", m)
		}
	case migrator.WordNotMigrated:
		if m.State != approval.StateFailed || m.InFlight() || m.Ended.IsZero() || m.Proof != "" {
			t.Fatalf("%+v", m)
		}
	}
}

// TestNoSuchWord ends nothing: what is not one of the words is not heard.
func TestNoSuchWord(t *testing.T) {
	w := newWorld(t)
	w.ledger = migrator.NewRehearsal(approval.Line{}, migrator.Migration{
		Request:  approval.Request{ID: "r1", State: attention},
		Attempts: []migrator.Attempt{{ID: "a-1", Settled: true, Truth: migrator.TruthUnread}},
	})
	if _, err := w.desk().Say(t.Context(), "r1", "not migrated", hand("bo"), "a slip"); err == nil {
		t.Fatal("heard")
	}
	w.state("r1", attention)
}

// TestGuidedByWord is a migration of which nothing can be read: one says that it is done, and another one that it is so.
func TestGuidedByWord(t *testing.T) {
	w := newWorld(t)
	w.noStatus = true
	w.rules.Canary = true
	id, next := w.approved(w.add(approval.MethodGuided)), w.approved(w.add(approval.MethodGuided))
	e := w.engine("p1")
	w.tick(e)
	w.state(id, approval.StateRunning)
	for _, step := range []struct {
		word migrator.Word
		name string
		ok   bool
	}{
		{migrator.WordMigrated, "bo", false}, {migrator.WordDone, "ana", true}, {migrator.WordMigrated, "ana", false},
		{migrator.WordMigrated, "olga", false}, {migrator.WordMigrated, "bo", true}, {migrator.WordMigrated, "cy", false},
	} {
		if err := w.say(step.word, step.name); (err == nil) != step.ok {
			t.Fatalf("%s by %s: %v", step.word, step.name, err)
		}
	}
	if m := w.state(id, approval.StateMigrated); m.Proof != migrator.ProofAttested {
		t.Fatalf("%+v", m)
	}
	w.tick(e)
	w.state(next, approval.StateRunning)
}

// TestWordMeanwhile lets a person end a migration just while the engine is reading what became of it. The person's word
// stands, and the engine goes on.
func TestWordMeanwhile(t *testing.T) {
	for _, word := range []migrator.Word{migrator.WordNotMigrated, migrator.WordMigrated} {
		w := newWorld(t)
		w.provable = false
		a := w.add(approval.MethodQueryService)
		id := w.approved(a)
		w.step = func(process, what string) {
			if process == "p1" && what == "allowed" {
				panic(crash{process})
			}
		}
		if _, died := w.alive(w.engine("p1")); !died {
			t.Fatal("it lives")
		}
		w.noStatus = true
		e := w.engine("p2")
		w.now = w.now.Add(10 * time.Minute)
		w.alive(e)
		w.rest(e, 10*time.Minute)
		w.state(id, attention)
		w.now = w.now.Add(time.Hour)
		w.noStatus = false
		a.become(w.now, migrator.TruthMigrated)
		n := 0
		w.step = func(_, what string) {
			if what != "before a write" {
				return
			}
			if n++; n != 1 {
				return
			}
			if err := w.say(migrator.WordSenderDead, "bo"); err != nil {
				t.Error(err)
			}
			if err := w.say(word, "bo"); err != nil {
				t.Error(err)
			}
		}
		if _, err := e.Tick(context.Background()); err != nil {
			t.Error(err)
		}
		if m := w.get(id); n == 0 || m.State == attention || m.Proof == migrator.ProofRead {
			t.Errorf("after %s: %s, %s", word, m.State, m.Proof)
		}
	}
}
