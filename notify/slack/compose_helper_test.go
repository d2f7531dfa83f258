package slack

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"jwtsunset/credential"
	"jwtsunset/notify"
)

var testNow = time.Date(2026, time.November, 23, 9, 0, 0, 0, time.UTC)

var loaded = sync.OnceValues(func() (*notify.Templates, error) { return notify.LoadTemplates("") })

func builtIn(t testing.TB) *notify.Templates {
	t.Helper()
	templates, err := loaded()
	if err != nil {
		t.Fatal(err)
	}
	return templates
}

// account is a Query Service credential long overdue.
func account(name, id string, sandboxes ...string) notify.Item {
	return notify.Item{
		Organization: "acme", ID: id, Name: name, Kind: credential.QueryService, Sandboxes: sandboxes,
		Owner: "ana@example.com", Created: day(2023, 3, 4), LastUpdated: day(2024, 5, 6), LastSeen: day(2026, 11, 22),
		Deadline: credential.DefaultDeadlines()[0],
		Step:     notify.Step{Kind: notify.StepOverdue, Name: "end-of-support/overdue-511", Due: testNow, Days: 511},
	}
}

// integration is a Developer Console credential with some weeks left.
func integration(name, id string) notify.Item {
	item := account(name, id)
	item.Kind = credential.DeveloperConsole
	item.Deadline = credential.Deadline{Name: "conversion", At: credential.EndOfDay(2026, time.December, 20, time.UTC)}
	item.Step = notify.Step{Kind: notify.StepWindow, Name: "conversion/30d", Due: testNow, Days: 30}
	return item
}

func day(year int, month time.Month, d int) time.Time {
	return time.Date(year, month, d, 12, 0, 0, 0, time.UTC)
}

// goldenMessages has a message of each kind, and each of its forms, in a language.
func goldenMessages(language string) map[string]notify.Message {
	reminder := notify.Message{
		ID: "0123456789abcdef0123456789abcdef", Kind: notify.KindReminder, Language: language, Now: testNow,
		To: notify.Recipient{Sink: notify.SinkSlack, Kind: notify.ToUser, ID: "U0ANA00001"},
		Items: []notify.Item{
			account("looker-prod", "5F1C0A7B64D2C3E80A495F8C", "prod"),
			account("tableau_finance", "5F1C0A7B64D2C3E80A495F8D", "prod", "stage", "dev-01", "dev-02", "dev-03"),
			integration("Nightly export", "5F1C0A7B64D2C3E80A495F8E"),
		},
	}
	single, linked, updated, settled, replaced := reminder, reminder, reminder, reminder, reminder
	single.Items = reminder.Items[:1]
	linked.Link = "https://jwtsunset.example.com/mine"
	updated.Items = mixed(reminder.Items)
	settled.Items = done(reminder.Items)
	replaced.Replaced = true
	guessed := reminder
	guessed.To = notify.Recipient{Sink: notify.SinkSlack, Kind: notify.ToChannel, ID: "#adobe-credentials"}
	guessed.Items = guesses(reminder.Items)
	hostile := reminder
	hostile.Items = hostileItems()
	long := reminder
	long.Items = many(450)
	all := map[string]notify.Message{
		"reminder": reminder, "reminder-single": single, "reminder-linked": linked, "reminder-updated": updated,
		"reminder-settled": settled, "reminder-replaced": replaced, "reminder-guessed": guessed,
		"reminder-hostile": hostile, "reminder-long": long,
		"escalation": escalation(reminder), "digest": digest(reminder), "digest-empty": emptyDigest(reminder),
		"migration-hostile": hostileNotice(reminder),
	}
	for _, kind := range notify.NoticeKinds() {
		all["migration-"+string(kind)] = notice(reminder, kind)
	}
	return all
}

func mixed(items []notify.Item) []notify.Item {
	mixed := append([]notify.Item(nil), items...)
	mixed[0].Settled = notify.ReasonMigrated
	mixed[2].Answer = &notify.Answer{
		Kind: notify.AnswerBlocked, Until: day(2027, 1, 15), At: day(2026, 11, 20), By: "ana",
		Link: "https://vendor.example.com/tickets/42?a=1&b=2", Note: "waits for release 7",
	}
	return mixed
}

func done(items []notify.Item) []notify.Item {
	done := append([]notify.Item(nil), items...)
	for i, reason := range []notify.Reason{notify.ReasonMigrated, notify.ReasonGone, notify.ReasonRetiring} {
		done[i].Settled = reason
	}
	return done
}

func guesses(items []notify.Item) []notify.Item {
	guesses := append([]notify.Item(nil), items...)
	for i := range guesses {
		guesses[i].Guess, guesses[i].Owner = true, ""
	}
	guesses[1].Created, guesses[1].LastSeen, guesses[1].Name = time.Time{}, time.Time{}, ""
	guesses[1].Deadline, guesses[1].Step.Kind = credential.Deadline{}, notify.StepNoDeadline
	return guesses
}

// hostileTexts try to mention, to link, to format, to hide and to pretend.
func hostileTexts() []string {
	return []string{
		"<!channel> <!here> <@U0LIN00001> <!subteam^S0OWNERS01>", "<https://evil.example|click here>",
		"*approved* _by_ ~CISO~ `now`", "> quoted", ">>> all quoted", ":tada: :white_check_mark:", "@channel @here @lin #general",
		"https://evil.example/x evil.example lin@example.com", "a\nb\r\nc\td\u2028e", "\u202eDAED\u202c \u2066x\u2069 \u200b\ufeff",
		strings.Repeat("長", 10000), strings.Repeat("<&>", 3000), strings.Repeat("👩‍👩‍👧‍👦", 500), "Z" + strings.Repeat("\u0301", 5000),
		"“ended” and ``` then\n```", `{"type":"section"}`, "| pipe |", "&lt;!channel&gt; &amp;", "\x00\x07\x1b[31mred", "\xff\xfe bad",
		"approved by CISO, no action needed", strings.Repeat("*", 3000), strings.Repeat("`", 3000), "\x02\x03\x0e\x0f\x10\x11\x12\x13\x14",
		"{{.Link}} {{template \"item\"}}", "1. next item — *done*", "\u202e\u2066\u2067\u2068\u061c\u200e\u200f", "🇹🇼🇹🇼 👍🏽 ✔️ 1️⃣",
	}
}

func hostileItems() []notify.Item {
	var items []notify.Item
	texts := hostileTexts()
	for i, text := range texts {
		item := account(text, text, text, texts[(i+1)%len(texts)], text, text)
		item.Organization, item.Owner, item.Deadline.Name = texts[(i+2)%len(texts)], text, text
		item.Answer = &notify.Answer{Kind: notify.AnswerBlocked, Until: testNow, At: testNow, Link: text, Note: text, By: text}
		items = append(items, item)
	}
	return items
}

func many(n int) []notify.Item {
	var items []notify.Item
	for i := range n {
		item := account("export", "5F1C0A7B64D2C3E80A49", []string{"prod", "dev", ""}[i%3])
		item.ID += strings.ToUpper(string([]byte{'A' + byte(i/26/26%26), 'A' + byte(i/26%26), 'A' + byte(i%26)}))
		if item.Sandboxes[0] == "" {
			item.Sandboxes = nil
		}
		items = append(items, item)
	}
	return items
}

func escalation(reminder notify.Message) notify.Message {
	m := reminder
	m.Kind = notify.KindEscalation
	m.To = notify.Recipient{Sink: notify.SinkSlack, Kind: notify.ToChannel, ID: "#adobe-credentials", Group: "S0OWNERS01"}
	m.Items = append([]notify.Item(nil), reminder.Items...)
	m.Items[1].Step = notify.Step{Kind: notify.StepBroken, Name: "answer-1/broken", Due: testNow, Days: 1}
	m.Items[1].Answer = &notify.Answer{Kind: notify.AnswerWillMigrate, Until: day(2026, 11, 20), At: day(2026, 10, 1), By: "ana"}
	m.Items[2].Owner = ""
	return m
}

func digest(reminder notify.Message) notify.Message {
	m := reminder
	m.Kind, m.Items = notify.KindDigest, nil
	m.To = notify.Recipient{Sink: notify.SinkSlack, Kind: notify.ToChannel, ID: "#security"}
	from := time.Date(2026, time.November, 16, 0, 0, 0, 0, time.UTC)
	promised := account("nightly", "5F1C0A7B64D2C3E80A495F90", "dev")
	promised.Answer = &notify.Answer{Kind: notify.AnswerWillMigrate, Until: day(2026, 11, 20), At: day(2026, 10, 1)}
	m.Digest = &notify.Digest{
		From: from, To: from.AddDate(0, 0, 7),
		Organizations: []notify.DigestOrganization{{
			Name: "acme", Counts: credential.Counts{Affected: 37, Migrated: 12, Gone: 2, Exempt: 1, Unknown: 30},
			Before: credential.Counts{Affected: 41, Migrated: 9, Gone: 2}, Compared: true, Complete: true,
			ScannedAt: day(2026, 11, 23).Add(-6 * time.Hour), Deadline: credential.DefaultDeadlines()[0],
			Changes: map[credential.ChangeKind]int{credential.ChangeFound: 1, credential.ChangeMigrated: 3},
			Pace:    credential.Pace{Verdict: credential.VerdictPace, PerWeek: 3.5, Zero: day(2027, 2, 5)},
		}, {Name: "acme-emea", Counts: credential.Counts{Affected: 4}, ScannedAt: day(2026, 11, 21), Pace: credential.Pace{
			Verdict: credential.VerdictTooFew}}},
		Reach: map[notify.Contact]int{
			notify.ContactNone: 3, notify.ContactUnreachable: 2, notify.ContactGuessed: 4, notify.ContactDelivered: 20,
			notify.ContactAcknowledged: 12,
		},
		Silent:  5,
		Unowned: []notify.Item{account("orphan", "5F1C0A7B64D2C3E80A495F91", "prod")}, UnownedTotal: 5,
		Broken: []notify.Item{promised}, BrokenTotal: 1,
		Waiting:      []notify.Waiting{{Item: account("looker-prod", "5F1C0A7B64D2C3E80A495F8C", "prod"), Since: day(2026, 11, 12)}},
		WaitingTotal: 3, OldestDue: testNow.Add(-5 * time.Hour),
		Checkpoint: "jwtsunset.example.com/audit\n1042\nq83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4k=\n\n" +
			"— jwtsunset.example.com/audit 3q2+796tvu/erb7v3q2+796tvu/erb7v\n",
	}
	return m
}

func emptyDigest(reminder notify.Message) notify.Message {
	m := digest(reminder)
	d := *m.Digest
	m.Digest = &notify.Digest{From: d.From, To: d.To, Organizations: []notify.DigestOrganization{{
		Name: "acme", Counts: credential.Counts{Migrated: 49}, Complete: true, ScannedAt: d.Organizations[0].ScannedAt,
		Pace: credential.Pace{Verdict: credential.VerdictDone},
	}}}
	return m
}

// adobePage is where notices lead to.
const adobePage = "https://experience.adobe.example/#/@acme/sname:prod/queries/credentials"

// notice is a message about a migration, or about the line of all.
func notice(reminder notify.Message, kind notify.NoticeKind) notify.Message {
	m := reminder
	m.Kind, m.Items = notify.KindMigration, nil
	m.To = notify.Recipient{Sink: notify.SinkSlack, Kind: notify.ToChannel, ID: "#adobe-credentials"}
	m.Notice = &notify.Notice{Kind: kind, By: "cy", Why: "too many failures"}
	if kind == notify.NoticeStopped || kind == notify.NoticeFrozen {
		return m
	}
	m.Notice = &notify.Notice{
		Kind: kind, Request: "0123456789abcdef0123456789abcdef", Method: "developer-console", Verdict: "still-in-use",
		Name: "looker-prod", Requester: "ana", By: "bo", Why: "waits for release 7 & 8", Approvals: 1, Required: 2,
		Effects: []string{
			"Name, client id, technical account, APIs and product profiles stay.",
			"First an OAuth half is added; both halves work, and nothing breaks.", "It cannot be undone.",
		},
		Page: adobePage, Until: testNow.Add(24 * time.Hour), Facts: cardFacts("looker-prod"),
	}
	if kind != notify.NoticeRequested && kind != notify.NoticeRenewal {
		m.Notice.Facts = m.Notice.Facts[:5]
	}
	return m
}

// factNames are those of a card and of what is shown beside it.
var factNames = []string{
	"organization", "credential", "name", "owner", "sandboxes", "kind", "created-by", "auth-method", "eligible", "active",
	"excluded", "project", "project-type", "workspace", "integration", "client-id", "migration-status", "read-only", "apis",
	"product-profiles", "method", "verdict", "read-at", "created", "last-updated", "deadline", "last-use-jwt",
	"last-use-oauth", "certificate-expires",
}

func cardFacts(value string) (facts []notify.Fact) {
	for i, name := range factNames {
		facts = append(facts, notify.Fact{Name: name, Values: slices.Repeat([]string{value}, i%5)})
	}
	return facts
}

// hostileNotice has a hostile text wherever one can stand.
func hostileNotice(reminder notify.Message) notify.Message {
	m := notice(reminder, notify.NoticeRequested)
	texts := hostileTexts()
	n := m.Notice
	n.Name, n.Requester, n.Why, n.Request = texts[0], texts[1], texts[10], texts[12]
	n.Page, n.Effects = "https://evil.example|x@y", texts[2:6]
	n.Facts = nil
	for i, text := range texts {
		n.Facts = append(n.Facts, notify.Fact{Name: factNames[i], Values: []string{text, texts[(i+1)%len(texts)], text, text}})
	}
	return m
}
