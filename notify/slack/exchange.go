package slack

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptrace"
	"regexp"
	"strings"
	"sync/atomic"
)

// request is what is asked of Slack.
type request struct {
	method  string
	session *session
	// channel is where a message is posted; "" for methods whose limit does not depend on it.
	channel string
}

// exchange is a request and what came of it.
type exchange struct {
	request
	started atomic.Bool // the request was handed to net/http
	sought  atomic.Bool // net/http looked for a connection
	got     atomic.Bool // and had one: from here on bytes may have left

	status     int // 0 while no answer came
	retryAfter string
	requestID  string
	scopes     []string // what the token may do; nil if Slack did not say
	answer     answer
	understood bool // the answer is JSON of Slack's form
}

// answer is what all answers of Slack have in common, and where a message lies.
type answer struct {
	OK       bool   `json:"ok"`
	Error    string `json:"error"`
	Needed   string `json:"needed"`
	Channel  json.RawMessage
	TS       string
	Metadata struct {
		Messages []string `json:"messages"`
	} `json:"response_metadata"`
}

func (x *exchange) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) { x.sought.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { x.got.Store(true) },
	}
}

// unsent tells whether it is certain that no byte of the request left. A transport that does not tell leaves it open.
func (x *exchange) unsent() bool {
	return !x.started.Load() || x.sought.Load() && !x.got.Load()
}

// note keeps what the headers say.
func (x *exchange) note(resp *http.Response) {
	x.status = resp.StatusCode
	x.retryAfter = resp.Header.Get("Retry-After")
	x.requestID = clean(resp.Header.Get("X-Slack-Req-Id"))
	if _, said := resp.Header["X-Oauth-Scopes"]; said {
		x.scopes = []string{}
		for name := range strings.SplitSeq(strings.Join(resp.Header["X-Oauth-Scopes"], ","), ",") {
			if name = clean(strings.TrimSpace(name)); name != "" {
				x.scopes = append(x.scopes, name)
			}
		}
	}
}

var (
	errStatus     = errors.New("the status is not 200")
	errNotJSON    = errors.New("the answer is not JSON of Slack's form")
	errNotOK      = errors.New("Slack refused") //nolint:staticcheck // a name begins with a capital
	errIncomplete = errors.New("the answer lacks what it must have")
)

// understand reads what all answers have in common, whatever type the header says they have. It fails unless Slack did
// what it was asked.
func (x *exchange) understand(body []byte) error {
	if x.status != http.StatusOK {
		return errStatus
	}
	if err := json.Unmarshal(body, &x.answer); err != nil || !x.answer.OK && x.answer.Error == "" {
		return errNotJSON
	}
	x.understood = true
	if !x.answer.OK {
		return errNotOK
	}
	return nil
}

// place is where a message lies. It is "", "" unless the answer says both.
func (a answer) place() (channel, timestamp string) {
	if json.Unmarshal(a.Channel, &channel) != nil || !isID(channel) || !isTimestamp(a.TS) {
		return "", ""
	}
	return channel, a.TS
}

// word is Slack's word for what went wrong, or what is wrong with the word.
func (a answer) word() string {
	if a.Error == "" || isSlackWord(a.Error) {
		return a.Error
	}
	return "unreadable"
}

// messages are Slack's explanations, made fit for a log.
func (a answer) messages() []string {
	var all []string
	for _, m := range a.Metadata.Messages[:min(len(a.Metadata.Messages), 10)] {
		all = append(all, clean(m))
	}
	return all
}

var (
	wordForm      = regexp.MustCompile(`^[a-z][a-z0-9_]{1,59}$`)
	idForm        = regexp.MustCompile(`^[A-Z][A-Z0-9]{1,29}$`)
	timestampForm = regexp.MustCompile(`^[0-9]{1,20}(\.[0-9]{1,20})?$`)
	scopeForm     = regexp.MustCompile(`^[a-z_.:]{1,40}$`)
	private       = regexp.MustCompile(`(?i)xox[a-z0-9.-]*|xapp-[a-z0-9-]*|//[^/@\s]*@|\?\S*`)
)

func isSlackWord(s string) bool { return wordForm.MatchString(s) }
func isID(s string) bool        { return idForm.MatchString(s) }
func isTimestamp(s string) bool { return timestampForm.MatchString(s) }

// clean makes a text from outside fit for errors and logs: printable ASCII of bounded length without tokens, passwords
// in addresses and queries.
func clean(s string) string {
	s = private.ReplaceAllString(s[:min(len(s), 1000)], "…")
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' && r != '…' {
			return ' '
		}
		return r
	}, s)
	if r := []rune(s); len(r) > 200 {
		s = string(r[:200]) + "…"
	}
	return s
}
