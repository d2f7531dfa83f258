//go:build verify

package store

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"jwtsunset/verify/pgserver"
)

// daemons are the sessions that hold the lock of Store.Lock.
const daemons = `FROM pg_locks WHERE locktype = 'advisory' AND classid = 1786213493 AND granted`

// TestPostgresLock lets one daemon at a time have a schema, whatever becomes of the others.
func TestPostgresLock(t *testing.T) {
	server := pgserver.Start(t)
	s, address, o := openNew(t, server)
	other := openAt(t, address, o)
	lock, err := s.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantLocked(t, second(other.Lock(t.Context())))
	record(t, other, "acme", start, writing(start, samples("acme", 1))) // the lock is no obstacle to writing
	if err := errors.Join(lock.Hold(t.Context()), lock.Release(), lock.Release()); err != nil {
		t.Error(err)
	}
	if err := lock.Hold(t.Context()); err == nil {
		t.Error("a lock that was released is held")
	}
	again, err := other.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Release(); err != nil {
		t.Error(err)
	}
	elsewhere, _, _ := openNew(t, server)
	one, oneErr := s.Lock(t.Context())
	two, twoErr := elsewhere.Lock(t.Context()) // at the same time: the lock is one database's
	if err := errors.Join(oneErr, twoErr); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(one.Release(), two.Release()); err != nil {
		t.Error(err)
	}
}

func wantLocked(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), fmt.Sprintf("process %d on ", os.Getpid())) ||
		!strings.Contains(err.Error(), "from 127.0.0.1 since 20") {
		t.Errorf("error %v must be ErrLocked and name the holder", err)
	}
}

// TestPostgresLostLock ends the holder's session: the lock is taken again by the next Hold, unless another has it by
// then.
func TestPostgresLostLock(t *testing.T) {
	server := pgserver.Start(t)
	s, address, o := openNew(t, server)
	other := openAt(t, address, o)
	lock, err := s.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	server.Execute(t, "postgres", "SELECT pg_terminate_backend(pid) "+daemons)
	if err := lock.Hold(t.Context()); err != nil {
		t.Errorf("after its session ended: %v", err)
	}
	server.Restart(t)
	if err := lock.Hold(t.Context()); err != nil {
		t.Errorf("after a restart: %v", err)
	}
	wantLocked(t, second(other.Lock(t.Context())))
	server.Kill(t)
	if err := lock.Hold(t.Context()); err == nil || errors.Is(err, ErrLocked) {
		t.Errorf("without a server: %v", err)
	}
	server.Restart(t)
	taken, err := other.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantLocked(t, lock.Hold(t.Context()))
	if err := taken.Release(); err != nil {
		t.Error(err)
	}
	if err := errors.Join(lock.Hold(t.Context()), lock.Release()); err != nil {
		t.Errorf("after the other's release: %v", err)
	}
}

// TestPostgresSilentConnection holds a lock through a network that stops passing anything on. The server does not know
// that the connection is lost, and would keep the lock for its session.
func TestPostgresSilentConnection(t *testing.T) {
	server := pgserver.Start(t)
	_, address, o := openNew(t, server)
	network := newProxy(t, server.Address())
	s := openAt(t, strings.Replace(address, server.Address(), network.address(), 1), o)
	lock, err := s.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	network.silence()
	if err := lock.Hold(t.Context()); err != nil {
		t.Errorf("taking the lock from our own lost session: %v", err)
	}
	if n := server.Query(t, "postgres", "SELECT count(*) "+daemons); n != "1" {
		t.Errorf("%s sessions hold the lock", n)
	}
	if err := lock.Release(); err != nil {
		t.Error(err)
	}
}
