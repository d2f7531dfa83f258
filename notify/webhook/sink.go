package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"time"

	"jwtsunset/notify"
)

// maxPages is more than any message needs: an event is sent for every page.
const maxPages = 1 << 20

// maxAnswer is how much of an answer is read, so that its connection can be used again. Nothing in it is used.
const maxAnswer = 64 << 10

// Sink sends messages to the webhook. It is safe for concurrent use.
type Sink struct {
	options Options
	target  *url.URL
	client  *http.Client
}

var _ notify.Sink = (*Sink)(nil)

// New makes a Sink. It asks nothing of the other side.
func New(o Options) (*Sink, error) {
	target, err := o.check()
	if err != nil {
		return nil, err
	}
	o = o.withDefaults()
	return &Sink{options: o, target: target, client: &http.Client{
		Transport: o.Transport,
		Timeout:   o.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse // another address is not the one that was configured
		},
	}}, nil
}

// Pages is how many events a message makes: one for 200 credentials.
func (s *Sink) Pages(m notify.Message) int { return notify.PageOf(m, 0, itemsPerPage, maxPages).Of }

// Send sends one page as an event. The receiver knows a repeat by its id.
func (s *Sink) Send(ctx context.Context, m notify.Message, page int) (notify.Receipt, error) {
	e, err := s.newEvent(m, page, false)
	if err != nil {
		return notify.Receipt{}, err
	}
	return s.post(ctx, e, "send")
}

// Update tells what a message says now by an event of its own.
func (s *Sink) Update(ctx context.Context, m notify.Message, _ notify.Receipt) error {
	e, err := s.newEvent(m, 0, true)
	if err != nil {
		return err
	}
	_, err = s.post(ctx, e, "update")
	return err
}

// Find cannot tell: there is nothing to ask. A page that is sent again has the id that it had.
func (s *Sink) Find(context.Context, notify.Message, int, time.Time) (notify.Receipt, notify.Found, error) {
	return notify.Receipt{}, notify.FoundUnknown, nil
}

func (s *Sink) post(ctx context.Context, e event, operation string) (notify.Receipt, error) {
	started := s.options.Clock()
	requestID, failure := s.exchange(ctx, e, started)
	ended := s.options.Clock()
	if failure != nil {
		s.options.Observe(operation, failure.Reason, ended.Sub(started))
		return notify.Receipt{}, failure
	}
	s.options.Observe(operation, "ok", ended.Sub(started))
	return notify.Receipt{Timestamp: e.ID, RequestID: requestID, At: ended, Text: e.Data.Text}, nil
}

// exchange sends one event, once, and judges the answer.
func (s *Sink) exchange(ctx context.Context, e event, now time.Time) (requestID string, failure *notify.Failure) {
	request, failure := s.newRequest(ctx, e, now)
	if failure != nil {
		return "", failure
	}
	answer, err := s.client.Do(request)
	if err != nil {
		return "", judgeError(err)
	}
	defer func() { _ = answer.Body.Close() }() // its status says all
	_, _ = io.CopyN(io.Discard, answer.Body, maxAnswer)
	return notify.Clean(answer.Header.Get("X-Request-Id"), 100), judgeStatus(answer, now)
}

func (s *Sink) newRequest(ctx context.Context, e event, now time.Time) (*http.Request, *notify.Failure) {
	body, err := json.Marshal(e)
	if err != nil {
		return nil, invalid(err)
	}
	key, err := s.options.Secret()
	if err != nil {
		return nil, badSecret(err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.target.String(), bytes.NewReader(body))
	if err != nil {
		return nil, invalid(withoutURL(err))
	}
	request.Header.Set("Content-Type", "application/cloudevents+json; charset=utf-8")
	request.Header.Set("User-Agent", "jwtsunset")
	if err := sign(request.Header, key, e.ID, now, body); err != nil {
		return nil, badSecret(err)
	}
	return request, nil
}
