//go:build torture

package main

import (
	"errors"
	"math/rand/v2"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"jwtsunset/approval"
	"jwtsunset/migrator"
	"jwtsunset/store"
	"jwtsunset/verify/pgserver"
)

// TestKillMigrationsPostgres is TestKillMigrations with PostgreSQL. There nothing proves that a killed process is dead,
// so that people have to say so now and then.
func TestKillMigrationsPostgres(t *testing.T) {
	t.Parallel()
	databases := newDatabases(t)
	runs := 15
	if os.Getenv("JWTSUNSET_TORTURE") == "long" {
		runs = 2000
	}
	sweep(t, runs, func(t *testing.T, method approval.Method) *arena {
		t.Helper()
		return newArena(t, method, databases.server(t))
	})
}

// databases are those of one PostgreSQL server.
type databases struct {
	mu sync.Mutex
	pg *pgserver.Server
}

func newDatabases(t *testing.T) *databases {
	t.Helper()
	return &databases{pg: pgserver.Start(t)}
}

// server makes a database.
func (d *databases) server(t *testing.T) *server {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	name := d.pg.CreateDatabase(t)
	part := func() {
		d.pg.Execute(t, "postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '"+name+"'")
	}
	return &server{address: d.pg.SocketURL(name), part: part, keep: func() func() {
		d.pg.Execute(t, "postgres", "CREATE DATABASE "+name+"_kept TEMPLATE "+name)
		return func() {
			d.pg.Execute(t, "postgres", "DROP DATABASE "+name+" WITH (FORCE)",
				"CREATE DATABASE "+name+" TEMPLATE "+name+"_kept")
		}
	}}
}

// TestKillPausedSenderPostgres stops a process in the middle of a start, ends its connections, and lets another process
// take over the line once the lease has run out. Then the first one wakes up and goes on as if nothing had happened:
// also of what it sends then there is only one, and nobody else has sent it meanwhile.
func TestKillPausedSenderPostgres(t *testing.T) {
	t.Parallel()
	x := newArena(t, approval.MethodQueryService, newDatabases(t).server(t))
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	x.random = rand.New(rand.NewPCG(seed, 0))
	times := 1
	if os.Getenv("JWTSUNSET_TORTURE") == "long" {
		times = 60
	}
	for range times {
		for i, step := range []string{
			"store:Engine.begin:before-begin", "store:Engine.begin:after-checkpoint", "adobe:one_shot:before",
			"store:Engine.allow:before-begin", "store:Engine.allow:after-checkpoint", "adobe:one_shot:recorded",
			"adobe:one_shot:sent", "adobe:one_shot:answered", "store:Engine.answered:before-begin",
			"store:Engine.answered:after-checkpoint", "store:Engine.judge:before-begin",
		} {
			if err := x.pause(fault{Step: step, Occurrence: 1, How: endStop}, i%2 == 0); err != nil {
				t.Fatalf("%s: %v", step, err)
			}
		}
	}
	t.Logf("%d processes were paused; people had to say %v", x.reached, x.people)
}

// pause stops a process at a step and lets another one go on. The first wakes up while the other is at work, or else
// when that can do nothing more.
func (x *arena) pause(f fault, early bool) error {
	x.t.Helper()
	l := x.begin()
	first := l
	first.Fault = f
	c := x.start(x.living(x.t.Context(), first))
	c.awaitOn(&c.stdout, wordReached)
	x.reached++
	x.part()
	woken := make(chan struct{})
	if early {
		wake := time.AfterFunc(time.Duration(x.random.Int64N(int64(2*time.Second))), func() {
			defer close(woken)
			_ = c.cmd.Process.Signal(syscall.SIGCONT)
		})
		defer wake.Stop()
	} else {
		close(woken)
	}
	l.Silent = true
	err := l.live(x.t.Context())
	if err != nil && !errors.Is(err, store.ErrLocked) && !errors.Is(err, migrator.ErrFenced) && !errors.Is(err, errStuck) {
		return err
	}
	<-woken
	_ = c.cmd.Process.Signal(syscall.SIGCONT) // it may have ended
	c.wait()                                  // with any code: its connections are gone
	l.Silent = false
	return x.verdict(&l, c.stdout.String())
}
