package notify

import (
	"strings"
	"time"

	"jwtsunset/credential"
)

// samples are messages on which every template is tried: between them each field is set and not set.
func samples(language string) []Message {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	items := sampleItems(now)
	var all []Message
	for _, kind := range []Kind{KindReminder, KindEscalation} {
		for _, to := range []RecipientKind{ToUser, ToChannel} {
			m := Message{ID: "sample", Kind: kind, To: Recipient{Kind: to}, Language: language, Now: now}
			m.Items = items
			all = append(all, m)
			m.Link = "https://jwtsunset.example/"
			m.Items = items[:1]
			all = append(all, m)
			m.Replaced = true
			all = append(all, m)
			m.Replaced, m.Items = false, settledItems(items)
			all = append(all, m)
		}
	}
	all = append(all, sampleDigests(language, now, items)...)
	return append(all, sampleNotices(language, now)...)
}

// sampleItems has an item for each kind of step, deadline, answer and reason.
func sampleItems(now time.Time) []Item {
	long := strings.Repeat("界", 1000)
	full := Item{
		Organization: "acme", ID: "5F1C0A7B64D2C3E80A495F8C", Name: "looker-prod", Kind: credential.QueryService,
		Sandboxes: []string{"prod", "dev", "stage", "test"}, Owner: "ana@example.com",
		Created: now.AddDate(-3, 0, 0), LastUpdated: now.AddDate(-1, 0, 0), LastSeen: now.Add(-time.Hour),
		Deadline: credential.DefaultDeadlines()[0], Step: Step{Kind: StepOverdue, Name: "sample", Due: now, Days: 7},
	}
	many := []string{long, long, long, long}
	items := []Item{full, {Organization: long, ID: long, Name: long, Owner: long, Sandboxes: many}, {}}
	for _, kind := range []StepKind{StepWindow, StepPromise, StepBroken, StepReview, StepNoDeadline, StepHandover} {
		item := full
		item.Kind, item.Step.Kind, item.Guess = credential.DeveloperConsole, kind, kind == StepWindow
		items = append(items, item)
	}
	for _, at := range []time.Time{now.AddDate(0, 0, 1), now.Add(time.Hour), now.Add(-time.Hour), now.AddDate(0, 0, 30)} {
		for _, name := range []string{"conversion", credential.CertificateDeadline, long} {
			item := full
			item.Deadline = credential.Deadline{Name: name, At: at}
			items = append(items, item)
		}
	}
	for _, kind := range AnswerKinds() {
		item := full
		item.Answer = &Answer{Kind: kind, Until: now, Link: "https://vendor.example/1", Note: long, By: "ana", At: now}
		items = append(items, item)
	}
	return items
}

// settledItems has every reason for which nothing is asked.
func settledItems(items []Item) []Item {
	var all []Item
	for _, reason := range []Reason{
		ReasonMigrated, ReasonGone, ReasonExempt, ReasonSnoozed, ReasonPromised, ReasonBlocked, ReasonRetiring,
		ReasonNotMine, ReasonOwnerChanged, ReasonOldEvidence,
	} {
		item := items[0]
		item.Settled = reason
		all = append(all, item)
	}
	return all
}

// sampleDigests are an empty one, and one for each verdict.
func sampleDigests(language string, now time.Time, items []Item) []Message {
	m := Message{ID: "sample", Kind: KindDigest, To: Recipient{Kind: ToChannel}, Language: language, Now: now}
	from := now.AddDate(0, 0, -7)
	digests := []Digest{{From: from, To: now}}
	for _, verdict := range []credential.Verdict{
		credential.VerdictPace, credential.VerdictDone, credential.VerdictTooFew, credential.VerdictStalled,
		credential.VerdictOutrun,
	} {
		digests = append(digests, sampleDigest(from, now, items, verdict))
	}
	var all []Message
	for i := range digests {
		m.Digest = &digests[i]
		all = append(all, m)
	}
	return all
}

func sampleDigest(from, now time.Time, items []Item, verdict credential.Verdict) Digest {
	o := DigestOrganization{
		Name: "acme", Counts: credential.Counts{Affected: 12, Migrated: 3, Gone: 1, Exempt: 1, Unknown: 2},
		Before: credential.Counts{Affected: 14, Migrated: 1}, Compared: true, Complete: true, ScannedAt: now,
		Changes: map[credential.ChangeKind]int{}, Deadline: credential.DefaultDeadlines()[0],
		Pace: credential.Pace{Verdict: verdict, PerWeek: 1.5, Zero: now.AddDate(0, 2, 0)},
	}
	for _, kind := range credential.ChangeKinds() {
		o.Changes[kind] = 1
	}
	d := Digest{
		From: from, To: now, Organizations: []DigestOrganization{o, {Name: "empty"}}, Reach: map[Contact]int{}, Silent: 2,
		Unowned: items, UnownedTotal: 99, Broken: items, BrokenTotal: 99, OldestDue: now.Add(-5 * time.Hour),
		Waiting: []Waiting{{Item: items[0], Since: from}}, WaitingTotal: 12, Checkpoint: "jwtsunset\n1\nhash\n\n— sig\n",
	}
	for i, contact := range Contacts() {
		d.Reach[contact] = i
	}
	return d
}

// sampleNotices has each kind of notice, whole and with nothing known.
func sampleNotices(language string, now time.Time) []Message {
	long := strings.Repeat("界", 1000)
	var all []Message
	for i, kind := range NoticeKinds() {
		m := Message{ID: "sample", Kind: KindMigration, To: Recipient{Kind: ToChannel}, Language: language, Now: now}
		m.Notice = &Notice{Kind: kind}
		all = append(all, m)
		m.Link = "https://jwtsunset.example/"
		m.To.Kind = ToUser
		verdicts := []string{"still-in-use", "never-seen", "evidence-stale", "unknown", "ready"}
		m.Notice = &Notice{
			Kind: kind, Request: "0123456789abcdef0123456789abcdef", Verdict: verdicts[i%len(verdicts)], Name: "looker-prod",
			Method:  []string{"developer-console", "query-service", "guided"}[i%3],
			Effects: []string{"It cannot be undone."}, Requester: "ana", By: "bo", Why: "a reason", Approvals: 1, Required: 2,
			Page: "https://adobe.example/#/@acme/accounts", Until: now, Attested: i%2 == 0, Outside: i%3 == 0, New: i%2 == 1,
			Facts: []Fact{
				{Name: "name", Values: []string{"looker-prod"}}, {Name: "owner"}, {Name: "excluded"},
				{Name: "other", Values: []string{long, "", "x", "y"}},
			},
		}
		all = append(all, m)
	}
	return all
}
