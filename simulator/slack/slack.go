// Package slack is a pretend Slack: the Web API and one workspace that it stores, as one http.Handler.
//
// It answers as Slack's public documentation says that Slack answers, and is strict where a sender could go wrong:
// scopes, tokens, channels, the limits and required fields of Block Kit, message metadata and the published rate
// limits. Where the documentation is silent, it takes the stricter reading and says so at the place. Texts are counted
// in UTF-16 units, which no other way of counting exceeds but that of bytes. Faults make chosen calls fail in chosen
// ways.
//
// Below the path at which the handler is mounted, api/METHOD is Slack's, simulator/ shows what the workspace stores and
// takes faults, and the path itself is a page that shows the messages to people.
package slack

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// The fixed points of every Workspace.
const (
	// BotToken is the app's token unless Options say otherwise.
	BotToken = "xoxb-demo-1234567890-jwtsunset"
	// BotUser, BotID and AppID are the app whose token it is, TeamID the workspace unless Options say otherwise.
	BotUser = "U0JWTSUNST"
	BotID   = "B0JWTSUNST"
	AppID   = "A0JWTSUNST"
	TeamID  = "T0DEMOTEAM"
)

// Options choose what a Workspace holds. The zero value is a small workspace with every kind of user and channel.
type Options struct {
	// Clock tells the time for message time stamps, rate limits and time zones; nil means time.Now.
	Clock func() time.Time
	// Seed decides made-up ids and the draws of faults with a probability.
	Seed uint64
	// Token is the app's token; empty means BotToken.
	Token string
	// Scopes are what it was granted; nil means AllScopes.
	Scopes []string
	// Team is the workspace; the zero value is a made-up one.
	Team Team
	// Users, Channels and Groups are who and what is there at the start; nil means DefaultUsers, DefaultChannels and
	// DefaultGroups. The app's own user is always there.
	Users    []User
	Channels []Channel
	Groups   []UserGroup
	// Limits are the rate limits; the zero value is Slack's.
	Limits Limits
	// EditWindow is how long a message can be edited; zero means for ever, which is Slack's default for workspaces.
	EditWindow time.Duration
	// RefuseOrphans refuses replies to a message that is not there with thread_not_found. Otherwise they become messages
	// of their own without thread_ts, as users report of Slack (slack-go/slack#1571); its documentation says neither.
	RefuseOrphans bool
	// Faults are in force from the start; see SetFaults.
	Faults []Fault
	// Latency passes before each answer of the Web API.
	Latency time.Duration
	// LedgerSize bounds how many calls the ledger keeps in full; zero means 10,000. Counters have no bound.
	LedgerSize int
	// Logger receives one debug record for each call; nil discards them.
	Logger *slog.Logger
}

// Team is the workspace that the token belongs to.
type Team struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Domain string `json:"domain"`
}

// Workspace is one pretend workspace behind one http.Handler. It is safe for concurrent use.
type Workspace struct {
	options Options
	clock   func() time.Time
	logger  *slog.Logger
	mux     *http.ServeMux
	faults  faultSet
	ledger  *Ledger
	down    atomic.Bool

	// mu guards all below.
	mu         sync.Mutex
	team       Team
	token      string
	tokenError string
	scopes     []string
	users      directory
	channels   channelStore
	groups     []UserGroup
	messages   messageStore
	limiter    limiter
	stamps     stamps
	serial     uint64
}

// New builds the workspace that o describes. It fails on users, channels or faults that cannot be.
func New(o Options) (*Workspace, error) {
	o.complete()
	w := &Workspace{
		options: o, clock: o.Clock, logger: o.Logger, ledger: newLedger(o.LedgerSize),
		team: o.Team, token: o.Token, scopes: slices.Clone(o.Scopes), groups: slices.Clone(o.Groups),
		users: newDirectory(), channels: newChannelStore(), messages: newMessageStore(), limiter: newLimiter(o.Limits),
	}
	w.faults.seed = o.Seed
	for _, u := range append([]User{botUser(o.Team)}, o.Users...) {
		if _, err := w.addUser(u); err != nil {
			return nil, err
		}
	}
	for _, c := range o.Channels {
		if _, err := w.addChannel(c); err != nil {
			return nil, err
		}
	}
	if err := w.SetFaults(o.Faults); err != nil {
		return nil, err
	}
	w.mux = w.routes()
	return w, nil
}

func (o *Options) complete() {
	setDefault(&o.Token, BotToken)
	setDefault(&o.LedgerSize, 10_000)
	setDefault(&o.Team, Team{ID: TeamID, Name: "Demo", Domain: "demo"})
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Scopes == nil {
		o.Scopes = AllScopes()
	}
	if o.Users == nil {
		o.Users = DefaultUsers()
	}
	if o.Channels == nil {
		o.Channels = DefaultChannels()
	}
	if o.Groups == nil {
		o.Groups = DefaultGroups()
	}
}

func setDefault[T comparable](value *T, fallback T) {
	var zero T
	if *value == zero {
		*value = fallback
	}
}

// ServeHTTP answers one request: as Slack would, or as the fault that is due has it.
func (w *Workspace) ServeHTTP(writer http.ResponseWriter, r *http.Request) {
	w.mux.ServeHTTP(writer, r)
}

func (w *Workspace) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("/api/{method}", w.serveAPI)
	mux.HandleFunc("/simulator/{name}", w.serveControl)
	mux.HandleFunc("GET /{$}", w.servePage)
	return mux
}

// Down switches an outage on or off: while it lasts, every call is answered 503 with a page of HTML and does nothing.
func (w *Workspace) Down(down bool) { w.down.Store(down) }

// SetScopes changes what the token was granted, as a new installation of the app would.
func (w *Workspace) SetScopes(scopes ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.scopes = slices.Clone(scopes)
}

// RevokeToken makes every call with the token fail with an error such as account_inactive, which is Slack's for the bot
// token of an app that was removed and what the empty text means, token_revoked, token_expired or invalid_auth.
func (w *Workspace) RevokeToken(code string) {
	setDefault(&code, "account_inactive")
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tokenError = code
}

// RestoreToken makes the token good again.
func (w *Workspace) RestoreToken() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tokenError = ""
}

// nextID makes up an id of Slack's form, unique in the workspace. The caller holds the lock.
func (w *Workspace) nextID(prefix string) string {
	const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	w.serial++
	// 1,000,003 has no factor in common with 36, so ids repeat only after 36^8 of them.
	n := w.serial*1_000_003 + w.options.Seed*7919
	id := []byte(prefix + "0________")
	for i := len(id) - 1; i >= len(prefix)+1; i-- {
		id[i] = alphabet[n%36]
		n /= 36
	}
	return string(id)
}

// wait lets d pass, or returns earlier with the context's error.
func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// stamps makes message time stamps: unique, rising, in Slack's form and never before the clock's second.
type stamps struct{ second, fraction int64 }

func (s *stamps) next(now time.Time) string {
	s.fraction += 100
	if now.Unix() > s.second {
		s.second, s.fraction = now.Unix(), 100
	}
	if s.fraction >= 1_000_000 {
		s.second, s.fraction = s.second+1, 100
	}
	return fmt.Sprintf("%010d.%06d", s.second, s.fraction)
}
