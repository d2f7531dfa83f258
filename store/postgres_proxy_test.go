//go:build verify

package store

import (
	"bytes"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"jwtsunset/approval"
	"jwtsunset/audit"
	"jwtsunset/migrator"
	"jwtsunset/verify/pgserver"
)

// proxy is a network between a client and a server that can fail.
type proxy struct {
	listener net.Listener
	target   string
	group    sync.WaitGroup

	mu    sync.Mutex
	links []*link
	// onCommit is done once, in place of passing a COMMIT on.
	onCommit func(l *link, message []byte)
}

// link is one connection through the proxy. While it is silent the client's end is closed and the server's is not.
type link struct {
	client, server net.Conn
	dropAnswers    bool
	silent         bool
}

func newProxy(t *testing.T, target string) *proxy {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: listener, target: target}
	p.group.Go(p.accept)
	t.Cleanup(func() {
		err := closed(listener.Close())
		p.mu.Lock()
		for _, l := range p.links {
			err = errors.Join(err, closed(l.client.Close()), closed(l.server.Close()))
		}
		p.mu.Unlock()
		p.group.Wait()
		if err != nil {
			t.Error(err)
		}
	})
	return p
}

// closed overlooks that something was closed before.
func closed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (p *proxy) address() string { return p.listener.Addr().String() }

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := (&net.Dialer{}).Dial("tcp", p.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		l := &link{client: client, server: server}
		p.mu.Lock()
		p.links = append(p.links, l)
		p.mu.Unlock()
		p.group.Go(func() { p.forward(l) })
		p.group.Go(func() { p.answer(l) })
	}
}

// forward passes on what the client says.
func (p *proxy) forward(l *link) {
	buffer := make([]byte, 1<<16)
	for {
		n, err := l.client.Read(buffer)
		p.mu.Lock()
		silent, act := l.silent, p.onCommit
		commits := act != nil && bytes.Contains(buffer[:n], []byte("commit\x00"))
		if commits {
			p.onCommit = nil
		}
		p.mu.Unlock()
		switch {
		case silent:
			return
		case commits:
			act(l, bytes.Clone(buffer[:n]))
		case n > 0:
			_, _ = l.server.Write(buffer[:n])
		}
		if err != nil {
			_ = l.server.Close()
			return
		}
	}
}

// answer passes on what the server says.
func (p *proxy) answer(l *link) {
	buffer := make([]byte, 1<<16)
	for {
		n, err := l.server.Read(buffer)
		p.mu.Lock()
		drop := l.dropAnswers
		p.mu.Unlock()
		if n > 0 && !drop {
			_, _ = l.client.Write(buffer[:n])
		}
		if err != nil || drop {
			_ = l.client.Close()
			return
		}
	}
}

// silence ends all present connections for the client, and lets the server believe that they go on.
func (p *proxy) silence() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.links {
		l.silent = true
		_ = l.client.Close()
	}
}

// failOnCommit has act happen in place of the next COMMIT.
func (p *proxy) failOnCommit(act func(l *link, message []byte)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.onCommit = act
}

// commitCuts are the ways to lose the answer to a commit, and whether it is made all the same.
var commitCuts = map[string]struct {
	cut      func(p *proxy) func(l *link, message []byte)
	recorded bool
}{
	"before": {func(*proxy) func(*link, []byte) {
		return func(l *link, _ []byte) { _ = l.client.Close() }
	}, false},
	"after": {func(p *proxy) func(*link, []byte) {
		return func(l *link, message []byte) {
			p.mu.Lock()
			l.dropAnswers = true
			p.mu.Unlock()
			_, _ = io.Copy(l.server, bytes.NewReader(message))
		}
	}, true},
}

// proxied opens a new database through a network that can fail.
func proxied(t *testing.T, server *pgserver.Server) (*Store, *proxy) {
	t.Helper()
	_, address, o := openNew(t, server)
	network := newProxy(t, server.Address())
	return openAt(t, strings.Replace(address, server.Address(), network.address(), 1), o), network
}

// TestPostgresUnknownCommit cuts the connection in front of COMMIT, and between it and its answer: both times it is
// said that the outcome is not known, and trying again tells.
func TestPostgresUnknownCommit(t *testing.T) {
	server := pgserver.Start(t)
	for name, test := range commitCuts {
		t.Run(name, func(t *testing.T) {
			s, network := proxied(t, server)
			scan := startedScan(t, s)
			network.failOnCommit(test.cut(network))
			err := s.Record(t.Context(), scan, "acme", writing(start, samples("acme", 3)))
			if err == nil || !strings.Contains(err.Error(), "not known whether this was recorded") || errors.Is(err, ErrConflict) {
				t.Errorf("the outcome is not told to be unknown: %v", err)
			}
			err = s.Record(t.Context(), scan, "acme", writing(start, samples("acme", 3)))
			if errors.Is(err, ErrConflict) != test.recorded || !test.recorded && err != nil {
				t.Errorf("tried again: %v", err)
			}
			wantCredentials(t, s, "acme", samples("acme", 3)...)
			auditEntries(t, s)
		})
	}
}

// TestPostgresMigrationCommit cuts the connection in the same places where a migration is changed: the store finds out
// by itself what came of it, and says so.
func TestPostgresMigrationCommit(t *testing.T) {
	server := pgserver.Start(t)
	for name, test := range commitCuts {
		t.Run(name, func(t *testing.T) {
			s, network := proxied(t, server)
			withRequests(t, s, 2)
			n := len(auditEntries(t, s))
			network.failOnCommit(test.cut(network))
			m, err := s.ChangeMigration(t.Context(), requestID(0), becoming(approval.StateStarting))
			if (err == nil) != test.recorded || errors.Is(err, ErrCommitUnknown) || errors.Is(err, errCommit) {
				t.Fatalf("the error is %v", err)
			}
			state, want := approval.StateRequested, []string(nil)
			if test.recorded {
				state, want = approval.StateStarting, []string{changedWords + "starting"}
				if m.State != state {
					t.Errorf("it is %s", m.State)
				}
			}
			if got := migrationOf(t, s, requestID(0)).State; got != state {
				t.Errorf("it is %s", got)
			}
			n = wantAdded(t, s, n, want...)
			network.failOnCommit(test.cut(network))
			_, err = s.ChangeMigration(t.Context(), requestID(1), func(*migrator.Migration, *approval.Line) (audit.Event, error) {
				return mark("refused"), &approval.Refusal{Text: "no"}
			})
			if isRefusal(err) != test.recorded || err == nil {
				t.Errorf("a refusal: %v", err)
			}
			if test.recorded {
				n = wantAdded(t, s, n, "audit-exported mark//refused ok")
			}
			joining := requestFor(1)
			joining.ID = requestID(7)
			network.failOnCommit(test.cut(network))
			kept, joined, err := s.AddRequest(t.Context(), joining, mark("joining"))
			if (err == nil) != test.recorded || joined != test.recorded || test.recorded && kept.ID != requestID(1) {
				t.Errorf("joined %t %s: %v", joined, kept.ID, err)
			}
			wantAdded(t, s, n, slices.Repeat([]string{"audit-exported mark//joining ok joined=" + requestID(1)}, int(bit(test.recorded)))...)
		})
	}
}

// TestPostgresMigrationCut cuts the connection in front of COMMIT, and no other comes up in time.
func TestPostgresMigrationCut(t *testing.T) {
	askFor = time.Second
	t.Cleanup(func() { askFor = 30 * time.Second })
	server := pgserver.Start(t)
	s, network := proxied(t, server)
	withRequests(t, s, 1)
	network.failOnCommit(func(l *link, _ []byte) {
		_ = network.listener.Close()
		_ = l.client.Close()
	})
	_, err := s.ChangeMigration(t.Context(), requestID(0), becoming(approval.StateStarting))
	if !errors.Is(err, ErrCommitUnknown) || strings.Contains(err.Error(), "nothing was recorded") {
		t.Errorf("the error is %v", err)
	}
}
