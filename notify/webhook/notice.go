package webhook

import (
	"time"

	"jwtsunset/notify"
)

// noticeData is a notify.Notice.
type noticeData struct {
	Event     notify.NoticeKind `json:"event"`
	Request   string            `json:"request,omitempty"`
	Name      string            `json:"name,omitempty"`
	Method    string            `json:"method,omitempty"`
	Verdict   string            `json:"verdict,omitempty"`
	Facts     []factData        `json:"facts"`
	Requester string            `json:"requester,omitempty"`
	By        string            `json:"by,omitempty"`
	Why       string            `json:"why,omitempty"`
	Approvals int               `json:"approvals"`
	Required  int               `json:"required"`
	Page      string            `json:"page,omitempty"`
	Until     *time.Time        `json:"until,omitempty"`
	Attested  bool              `json:"attested,omitempty"`
	Outside   bool              `json:"outside,omitempty"`
}

type factData struct {
	Name   string   `json:"name"`
	Values []string `json:"values,omitempty"`
}

// valuesKept is how many values of a fact are given.
const valuesKept = 100

func newNotice(n notify.Notice) *noticeData {
	d := &noticeData{
		Event: n.Kind, Request: text(n.Request), Name: text(n.Name), Method: text(n.Method), Verdict: text(n.Verdict),
		Facts: []factData{}, Requester: text(n.Requester), By: text(n.By), Why: text(n.Why), Approvals: n.Approvals,
		Required: n.Required, Page: text(n.Page), Until: known(n.Until), Attested: n.Attested, Outside: n.Outside,
	}
	for _, f := range n.Facts {
		fact := factData{Name: text(f.Name)}
		for _, value := range f.Values[:min(len(f.Values), valuesKept)] {
			fact.Values = append(fact.Values, text(value))
		}
		d.Facts = append(d.Facts, fact)
	}
	return d
}
