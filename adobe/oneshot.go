package adobe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"jwtsunset/credential"
)

// OneShot is a configured call that migrates a Query Service credential at once and for good. Adobe publishes none for
// the button on its page, so all of it is the operator's word. In URLTemplate, the values of Headers and Body stand
// {account}, {sandbox} and {organization}, which is the IMS organization.
type OneShot struct {
	// Method is POST, PUT, PATCH or DELETE.
	Method string
	// URLTemplate is a whole address on the platform's scheme, host and port, or on MigratorOptions.OneShotURL's.
	URLTemplate string
	Headers     map[string]string
	// Body is JSON, or empty.
	Body    string
	Success Success
}

// OneShotStatus is a configured read of what a one-shot call has done.
type OneShotStatus struct {
	URLTemplate string
	Headers     map[string]string
	// Member is the dotted path of the member of the answer that holds the word.
	Member string
	// Eligible and Migrated are the words, exactly; every other word is unknown.
	Eligible, Migrated []string
	// AccountMember, if not empty, is the dotted path of a member that must be the account that was asked for.
	AccountMember string
}

// OneShotState is what a OneShotStatus reads.
type OneShotState string

// Every state.
const (
	OneShotEligible OneShotState = "eligible"
	OneShotMigrated OneShotState = "migrated"
	// OneShotUnknown is a word that is not configured. It never counts as migrated.
	OneShotUnknown OneShotState = "unknown"
)

// CheckOneShot finds what is wrong with a template. It sends nothing.
func (m *Migrator) CheckOneShot(o OneShot) error {
	_, err := m.oneShotStart(o, m.sample())
	return err
}

// CheckOneShotStatus finds what is wrong with a template. It sends nothing.
func (m *Migrator) CheckOneShotStatus(q OneShotStatus) error {
	_, err := m.oneShotRead(q, m.sample())
	return err
}

func (m *Migrator) sample() target {
	return target{"0123456789ABCDEF01234567", "prod", m.options.IMSOrg}
}

// OneShot sends the configured call for one account.
func (m *Migrator) OneShot(ctx context.Context, o OneShot, account, sandbox string, by Start) Answer {
	s, err := m.oneShotStart(o, target{account, sandbox, m.options.IMSOrg})
	if err != nil {
		failure := m.reads.failure(endpoint{StageOneShot, "one-shot call"}, credential.ReasonInternal, err)
		s.method, s.endpoint = o.Method, endpoint{stage: StageOneShot}
		return Answer{RequestID: by.RequestID, Outcome: NotSent, Err: s.failed(failure)}
	}
	return m.start(ctx, s, by)
}

// OneShotStatus reads how far a configured call is.
func (m *Migrator) OneShotStatus(ctx context.Context, q OneShotStatus, account, sandbox string) (OneShotState, error) {
	request, err := m.oneShotRead(q, target{account, sandbox, m.options.IMSOrg})
	if err != nil {
		e := endpoint{StageOneShotStatus, "one-shot status"}
		return OneShotUnknown, m.reads.failure(e, credential.ReasonInternal, err)
	}
	state, err := read(ctx, m.reads, request, func(d *decoder) (OneShotState, error) { return q.decode(d, account) })
	return orZero(state, OneShotUnknown), err
}

func (q OneShotStatus) decode(d *decoder, account string) (OneShotState, error) {
	paths := []string{q.Member}
	if q.AccountMember != "" {
		paths = append(paths, q.AccountMember)
	}
	found, err := d.dotted(paths...)
	if err != nil {
		return "", err
	}
	word, ok := found[q.Member]
	switch {
	case !ok:
		return "", malformed("the answer lacks the configured member")
	case q.AccountMember != "" && !strings.EqualFold(found[q.AccountMember], account):
		return "", &problem{credential.ReasonMismatch, "the answer is about another account"}
	case slices.Contains(q.Migrated, word):
		return OneShotMigrated, nil
	case slices.Contains(q.Eligible, word):
		return OneShotEligible, nil
	default:
		return OneShotUnknown, nil
	}
}

// oneShotStart checks the template and fills it in.
func (m *Migrator) oneShotStart(o OneShot, t target) (starting, error) {
	r, err := m.templateRequest(StageOneShot, o.URLTemplate, o.Headers, t)
	if err != nil {
		return starting{}, err
	}
	s := starting{request: r, method: o.Method, success: o.Success}
	if !slices.Contains([]string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}, o.Method) {
		return s, errors.New("method: it is none of POST, PUT, PATCH and DELETE")
	}
	for _, status := range o.Success.Statuses {
		if !slices.Contains(accepting, status) {
			return s, fmt.Errorf("success statuses: %d is none of 200, 201, 202 and 204", status)
		}
	}
	if (o.Success.Member == "") != (len(o.Success.Values) == 0) {
		return s, errors.New("success member and values: one is given without the other")
	}
	if err := checkMember("success member", o.Success.Member); err != nil {
		return s, err
	}
	text, err := t.fill(o.Body)
	if err != nil {
		return s, fmt.Errorf("body: %w", err)
	}
	if s.body = []byte(text); text != "" && !jsontext.Value(s.body).IsValid() {
		return s, errors.New("body: it is not JSON")
	}
	return s, nil
}

// oneShotRead checks the template and fills it in.
func (m *Migrator) oneShotRead(q OneShotStatus, t target) (request, error) {
	r, err := m.templateRequest(StageOneShotStatus, q.URLTemplate, q.Headers, t)
	if err != nil {
		return request{}, err
	}
	if q.Member == "" || len(q.Migrated) == 0 {
		return r, errors.New("member and the words for migrated are needed")
	}
	for _, word := range q.Migrated {
		if slices.Contains(q.Eligible, word) {
			return r, fmt.Errorf("words: %q means both eligible and migrated", clean(word, 40))
		}
	}
	return r, errors.Join(checkMember("member", q.Member), checkMember("account member", q.AccountMember))
}

// checkMember accepts a dotted path, or none.
func checkMember(name, path string) error {
	parts := strings.Split(path, ".")
	if path != "" && (len(parts) > maxDepth/2 || slices.Contains(parts, "")) {
		return fmt.Errorf("%s: it is no dotted path", name)
	}
	return nil
}

// target is what a template is filled in with.
type target struct{ account, sandbox, organization string }

// fill puts in what a template asks for. Only texts that mean nothing in an address, a header or JSON are put in.
func (t target) fill(template string) (string, error) {
	pairs := []string{}
	for name, value := range map[string]string{
		"account": t.account, "sandbox": t.sandbox, "organization": t.organization,
	} {
		if !strings.Contains(template, "{"+name+"}") {
			continue
		}
		if !isPathID(value) {
			return "", fmt.Errorf("%q cannot be the %s", clean(value, 80), name)
		}
		pairs = append(pairs, "{"+name+"}", value)
	}
	return strings.NewReplacer(pairs...).Replace(template), nil
}

// templateRequest makes the request of a template. Its errors do not repeat the template, which may hold a password by
// mistake; errors of the request show the template's path.
func (m *Migrator) templateRequest(
	stage credential.Stage, template string, headers map[string]string, t target,
) (request, error) {
	if !isPathID(t.account) {
		return request{}, fmt.Errorf("%q cannot be the account", clean(t.account, 80))
	}
	shown, err := url.Parse(template)
	if err != nil {
		return request{}, errors.New("address: it is none")
	}
	address, err := t.fill(template)
	if err != nil {
		return request{}, fmt.Errorf("address: %w", err)
	}
	base, err := m.pin(address)
	if err != nil {
		return request{}, fmt.Errorf("address: %w", err)
	}
	r := m.reads.platformRequest(endpoint{stage, shown.Path}, t.sandbox, nil)
	r.base, r.target = base, address
	r.extra, err = t.fillHeaders(headers)
	return r, err
}

// pin finds the configured address that a filled template leads to.
func (m *Migrator) pin(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Opaque != "" || u.Hostname() == "":
		return nil, errors.New("it is not one like https://host/path")
	case u.User != nil || u.Fragment != "":
		return nil, errors.New("it must not hold a user name or fragment")
	case strings.ContainsAny(address, `{}\`):
		return nil, errors.New("it holds braces other than {account}, {sandbox} and {organization}")
	}
	for _, base := range m.bases.origins() {
		if origin(u) == origin(base) {
			return base, nil
		}
	}
	return nil, errors.New("its scheme, host and port are not those of a configured address")
}

// reserved are the headers that are ours or net/http's to set, that make net/http or a proxy send again, or that change
// what a method means.
var reserved = []string{
	"Authorization", "X-Api-Key", "X-Gw-Ims-Org-Id", "X-Sandbox-Name", "X-Request-Id", "User-Agent", "Cookie", "Host",
	"Idempotency-Key", "X-Idempotency-Key", "X-Http-Method", "X-Http-Method-Override", "X-Method-Override",
	"Expect", "Connection", "Keep-Alive", "Content-Length", "Transfer-Encoding", "Te", "Trailer", "Upgrade",
	"Accept-Encoding", "Proxy-Authorization", "Proxy-Connection",
}

func (t target) fillHeaders(headers map[string]string) (map[string]string, error) {
	filled := map[string]string{}
	for name, value := range headers {
		canonical := textproto.CanonicalMIMEHeaderKey(name)
		if !isPathID(name) || strings.ContainsAny(name, "@") {
			return nil, errors.New("headers: a name cannot be one")
		}
		if slices.Contains(reserved, canonical) {
			return nil, fmt.Errorf("headers: %s is not for a template to set", canonical)
		}
		value, err := t.fill(value)
		if err != nil {
			return nil, fmt.Errorf("headers: %s: %w", canonical, err)
		}
		if !isHeaderValue(strings.ReplaceAll(value, " ", "")) {
			return nil, fmt.Errorf("headers: the value of %s cannot be one", canonical)
		}
		filled[canonical] = value
	}
	return filled, nil
}
