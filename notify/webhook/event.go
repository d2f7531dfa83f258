package webhook

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"time"

	"jwtsunset/credential"
	"jwtsunset/notify"
)

// Types of events are "jwtsunset.reminder.v1" for a message, and "jwtsunset.reminder.updated.v1" where things have
// changed since it was sent.
func eventType(kind notify.Kind, updated bool) string {
	if updated {
		return "jwtsunset." + string(kind) + ".updated.v1"
	}
	return "jwtsunset." + string(kind) + ".v1"
}

// itemsPerPage is how many credentials one event has at most.
const itemsPerPage = 200

// event is a CloudEvent in the JSON format's structured mode (CloudEvents 1.0.2, JSON event format).
type event struct {
	SpecVersion     string    `json:"specversion"`
	ID              string    `json:"id"`
	Source          string    `json:"source"`
	Type            string    `json:"type"`
	Subject         string    `json:"subject,omitempty"`
	Time            time.Time `json:"time"`
	DataContentType string    `json:"datacontenttype"`
	Data            data      `json:"data"`
}

// data is the message for machines, with its words.
type data struct {
	Message   string        `json:"message"`
	Kind      notify.Kind   `json:"kind"`
	Page      int           `json:"page"`
	Pages     int           `json:"pages"`
	Recipient recipientData `json:"recipient"`
	Language  string        `json:"language"`
	Title     string        `json:"title"`
	Text      string        `json:"text"`
	Link      string        `json:"link,omitempty"`
	Replaced  bool          `json:"replaced,omitempty"`
	Items     []itemData    `json:"items"`
	Digest    *digestData   `json:"digest,omitempty"`
	Notice    *noticeData   `json:"notice,omitempty"`
}

type recipientData struct {
	Kind notify.RecipientKind `json:"kind"`
	ID   string               `json:"id"`
}

type itemData struct {
	Organization string          `json:"organization"`
	ID           string          `json:"id"`
	Name         string          `json:"name"`
	Kind         credential.Kind `json:"kind"`
	Sandboxes    []string        `json:"sandboxes"`
	Owner        string          `json:"owner,omitempty"`
	OwnerUnknown bool            `json:"owner_unknown,omitempty"`
	Created      *time.Time      `json:"created,omitempty"`
	LastUpdated  *time.Time      `json:"last_updated,omitempty"`
	LastSeen     *time.Time      `json:"last_seen,omitempty"`
	Deadline     *deadlineData   `json:"deadline,omitempty"`
	Step         *stepData       `json:"step,omitempty"`
	Answer       *answerData     `json:"answer,omitempty"`
	Settled      notify.Reason   `json:"settled,omitempty"`
}

// deadlineData has the instant at which the deadline has passed, and the days left: negative once it has.
type deadlineData struct {
	Name     string    `json:"name"`
	At       time.Time `json:"at"`
	DaysLeft int       `json:"days_left"`
}

type stepData struct {
	Kind notify.StepKind `json:"kind"`
	Name string          `json:"name"`
	Due  time.Time       `json:"due"`
	Days int             `json:"days"`
}

type answerData struct {
	Kind  notify.AnswerKind `json:"kind"`
	Until *time.Time        `json:"until,omitempty"`
	Link  string            `json:"link,omitempty"`
	Note  string            `json:"note,omitempty"`
	By    string            `json:"by,omitempty"`
	At    time.Time         `json:"at"`
}

type digestData struct {
	From          time.Time              `json:"from"`
	To            time.Time              `json:"to"`
	Organizations []organizationData     `json:"organizations"`
	Reach         map[notify.Contact]int `json:"reach"`
	Silent        int                    `json:"silent"`
	Unowned       []itemData             `json:"unowned"`
	UnownedTotal  int                    `json:"unowned_total"`
	Broken        []itemData             `json:"broken"`
	BrokenTotal   int                    `json:"broken_total"`
	Waiting       []waitingData          `json:"waiting"`
	WaitingTotal  int                    `json:"waiting_total"`
	OldestDue     *time.Time             `json:"oldest_due,omitempty"`
	Checkpoint    string                 `json:"checkpoint,omitempty"`
}

type organizationData struct {
	Name      string                        `json:"name"`
	Counts    countsData                    `json:"counts"`
	Before    *countsData                   `json:"before,omitempty"`
	Complete  bool                          `json:"complete"`
	ScannedAt *time.Time                    `json:"scanned_at,omitempty"`
	Changes   map[credential.ChangeKind]int `json:"changes"`
	Deadline  *deadlineData                 `json:"deadline,omitempty"`
	Pace      paceData                      `json:"pace"`
}

type countsData struct {
	Affected int `json:"affected"`
	Migrated int `json:"migrated"`
	Gone     int `json:"gone"`
	Exempt   int `json:"exempt"`
	Unknown  int `json:"unknown"`
	Attested int `json:"attested"`
}

type paceData struct {
	Verdict credential.Verdict `json:"verdict"`
	PerWeek float64            `json:"per_week"`
	Zero    *time.Time         `json:"zero,omitempty"`
}

type waitingData struct {
	Item  itemData  `json:"item"`
	Since time.Time `json:"since"`
}

// messageID is the form of ids that headers and addresses can hold.
var messageID = regexp.MustCompile(`^[0-9A-Za-z_-]{1,64}$`)

// newEvent puts a page into its event. The same page always has the same id; an update has one for what it says.
func (s *Sink) newEvent(m notify.Message, number int, updated bool) (event, error) {
	page := notify.PageOf(m, number, itemsPerPage, maxPages)
	switch {
	case number < 0 || number >= page.Of:
		return event{}, invalid(fmt.Errorf("page %d of a message with %d", number, page.Of))
	case !messageID.MatchString(m.ID):
		return event{}, invalid(fmt.Errorf("the message id %q is not one", notify.Clean(m.ID, textUnits)))
	}
	r, err := s.options.Templates.Render(m, page, notify.PlainMedium())
	if err != nil {
		return event{}, err
	}
	e := event{
		SpecVersion: "1.0", ID: fmt.Sprintf("%s/%d", m.ID, number), Source: s.options.Source,
		Type: eventType(m.Kind, updated), Subject: text(m.To.ID), Time: m.Now.UTC(), DataContentType: "application/json",
		Data: newData(m, page, r),
	}
	if updated {
		encoded, err := json.Marshal(e.Data)
		if err != nil {
			return event{}, invalid(err)
		}
		sum := sha256.Sum256(encoded)
		e.ID += "/updated/" + hex.EncodeToString(sum[:8])
	}
	return e, nil
}

// textUnits bounds every text from outside. They are given as they are: the receiver escapes them for where it shows
// them.
const textUnits = 1000

func text(s string) string { return notify.Shorten(s, textUnits) }

func newData(m notify.Message, page notify.Page, r notify.Rendered) data {
	d := data{
		Message: m.ID, Kind: m.Kind, Page: page.Number + 1, Pages: page.Of,
		Recipient: recipientData{m.To.Kind, text(m.To.ID)}, Language: m.Language, Title: r.Title, Text: r.Plain,
		Link: text(m.Link), Replaced: m.Replaced, Items: newItems(m.Items[page.From:page.To], m.Now),
	}
	if m.Digest != nil {
		d.Digest = newDigest(*m.Digest, m.Now)
	}
	if m.Notice != nil {
		d.Notice = newNotice(*m.Notice)
	}
	return d
}

func newItems(items []notify.Item, now time.Time) []itemData {
	all := make([]itemData, len(items))
	for i := range items {
		all[i] = newItem(items[i], now)
	}
	return all
}

// sandboxesKept is how many sandboxes of a credential are named.
const sandboxesKept = 100

func newItem(i notify.Item, now time.Time) itemData {
	d := itemData{
		Organization: text(i.Organization), ID: text(i.ID), Name: text(i.Name), Kind: i.Kind, Sandboxes: []string{},
		Owner: text(i.Owner), OwnerUnknown: i.Guess, Created: known(i.Created), LastUpdated: known(i.LastUpdated),
		LastSeen: known(i.LastSeen), Deadline: newDeadline(i.Deadline, now), Settled: i.Settled,
	}
	for _, name := range i.Sandboxes[:min(len(i.Sandboxes), sandboxesKept)] {
		d.Sandboxes = append(d.Sandboxes, text(name))
	}
	if !i.Step.IsZero() {
		d.Step = &stepData{i.Step.Kind, text(i.Step.Name), i.Step.Due.UTC(), i.Step.Days}
	}
	if a := i.Answer; a != nil {
		d.Answer = &answerData{a.Kind, known(a.Until), text(a.Link), text(a.Note), text(a.By), a.At.UTC()}
	}
	return d
}

func newDeadline(d credential.Deadline, now time.Time) *deadlineData {
	if d.Name == "" {
		return nil
	}
	return &deadlineData{text(d.Name), d.At, d.DaysLeft(now)}
}

// known is nil for the zero time, which means unknown.
func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func newDigest(d notify.Digest, now time.Time) *digestData {
	digest := &digestData{
		From: d.From, To: d.To, Organizations: []organizationData{}, Reach: d.Reach, Silent: d.Silent,
		Unowned: newItems(d.Unowned, now), UnownedTotal: d.UnownedTotal,
		Broken: newItems(d.Broken, now), BrokenTotal: d.BrokenTotal,
		Waiting: []waitingData{}, WaitingTotal: d.WaitingTotal, OldestDue: known(d.OldestDue), Checkpoint: d.Checkpoint,
	}
	for _, o := range d.Organizations {
		digest.Organizations = append(digest.Organizations, newOrganization(o, now))
	}
	for _, w := range d.Waiting {
		digest.Waiting = append(digest.Waiting, waitingData{newItem(w.Item, now), w.Since.UTC()})
	}
	return digest
}

func newOrganization(o notify.DigestOrganization, now time.Time) organizationData {
	d := organizationData{
		Name: text(o.Name), Counts: countsData(o.Counts), Complete: o.Complete, ScannedAt: known(o.ScannedAt),
		Changes: o.Changes, Deadline: newDeadline(o.Deadline, now),
		Pace: paceData{o.Pace.Verdict, o.Pace.PerWeek, known(o.Pace.Zero)},
	}
	if o.Compared {
		before := countsData(o.Before)
		d.Before = &before
	}
	return d
}
