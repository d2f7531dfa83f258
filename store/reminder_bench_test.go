package store

import (
	"fmt"
	"slices"
	"testing"

	"jwtsunset/notify"
)

// benchReminders is a ledger of 100,000 credentials with 20 weekly steps each, all of which were sent and not answered.
func benchReminders(b *testing.B) *Store {
	b.Helper()
	s, _ := newFile(b)
	x := wholeExamination()
	p := notify.Plan{Examinations: make([]notify.Examination, benchRows)}
	for n := range p.Examinations {
		x.Credential = sample("acme", n).ID
		p.Examinations[n] = x
	}
	plan(b, s, p)
	for _, statement := range []string{
		`WITH RECURSIVE week (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM week WHERE n < 19)
		INSERT INTO reminder SELECT organization, credential_id, 'end-of-support@2025-09-14T09:00:00Z/' || n || 'd', 'owner',
			'window', n, at - n * 604800000000, 'sent', '', 'slack', 'user', 'U0' || substr(credential_id, 20), '',
			hex(randomblob(16)), at FROM examination, week`,
		`INSERT INTO reminder_latest SELECT organization, credential_id, tier, step, due_at FROM reminder WHERE step_days = 0`,
		`INSERT INTO unanswered SELECT organization, credential_id, sink, to_kind, to_id, to_group, 20 FROM reminder
			WHERE step_days = 0`,
	} {
		if _, err := s.writer.ExecContext(b.Context(), statement); err != nil {
			b.Fatal(err)
		}
	}
	return s
}

// BenchmarkReminderHistory reads what a plan needs to know of 100,000 credentials with 20 steps each.
func BenchmarkReminderHistory(b *testing.B) {
	s := benchReminders(b)
	b.ReportAllocs()
	for b.Loop() {
		all, err := s.History(b.Context(), "acme")
		if err != nil || len(all) != benchRows {
			b.Fatal(len(all), err)
		}
	}
}

// BenchmarkRecordPlan records a plan of 10,000 messages with one item each, beside 200,000 steps.
func BenchmarkRecordPlan(b *testing.B) {
	s, _ := newFile(b)
	var p notify.Plan
	for n := range 2 * benchRows {
		p.Skipped = append(p.Skipped, passed(itemFor(n%benchRows, n/benchRows), notify.OutcomeSkipped, "x"))
	}
	plan(b, s, p)
	b.ReportAllocs()
	for round := 0; b.Loop(); round++ {
		b.StopTimer()
		messages := benchMessages(round)
		b.StartTimer()
		queued(b, s, messages...)
		b.StopTimer()
		if _, err := s.writer.ExecContext(b.Context(), "UPDATE message SET state = 'failed'"); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

func benchMessages(round int) []notify.Outgoing {
	messages := make([]notify.Outgoing, 10_000)
	for n := range messages {
		to := ana
		to.ID = fmt.Sprint("U", n)
		messages[n] = reminderTo(fmt.Sprintf("%016x%016x", n*7919%10_000, round), to, itemFor(n, 1000+round))
	}
	return messages
}

// BenchmarkDeliver claims and settles one of 10,000 messages that are waiting.
func BenchmarkDeliver(b *testing.B) {
	s, _ := newFile(b)
	round := 0
	var ids []string
	for b.Loop() {
		if len(ids) == 0 {
			b.StopTimer()
			queued(b, s, benchMessages(round)...)
			for _, o := range outbox(b, s) {
				ids = append(ids, o.ID)
			}
			slices.Sort(ids)
			round++
			b.StartTimer()
		}
		sent(b, s, ids[0])
		ids = ids[1:]
	}
}
