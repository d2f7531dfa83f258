package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Lock is the right to be the only daemon of a database. It ends with Release or with the process, however that ends.
type Lock struct {
	hold    func(context.Context) error
	release func() error
}

// Hold makes sure that the lock is still this process's, and takes it again if it was lost with a connection to a
// database server. ErrLocked says that another process has it by now.
func (l *Lock) Hold(ctx context.Context) error { return l.hold(ctx) }

// Release gives the lock back. Releasing it again does nothing.
func (l *Lock) Release() error { return l.release() }

// lockFile takes an exclusive flock on a file and writes into it who holds it. The operating system gives the lock
// back at the process's end, however it ends; a stopped process keeps it. The file stays where it is: removing it would
// let a second process lock a new one.
func lockFile(path string, now time.Time) (*Lock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the operator names the database
	if err != nil {
		return nil, fmt.Errorf("lock the database: %w", err)
	}
	if err := flock(f); err != nil {
		return nil, errors.Join(refusal(f, err), f.Close())
	}
	if err := sign(f, now); err != nil {
		return nil, errors.Join(fmt.Errorf("lock the database: write %s: %w", path, err), f.Close())
	}
	return &Lock{
		hold:    func(context.Context) error { return nil },
		release: sync.OnceValue(func() error { return errors.Join(f.Truncate(0), f.Close()) }),
	}, nil
}

func flock(f *os.File) error {
	for {
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// sign writes down who holds the lock, for the one who does not get it.
func sign(f *os.File, now time.Time) error {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	holder := fmt.Sprintf("process %d on %s since %s\n", os.Getpid(), host, now.UTC().Format(time.RFC3339))
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err = f.WriteAt([]byte(holder), 0)
	return err
}

// refusal says who holds the lock.
func refusal(f *os.File, err error) error {
	if !errors.Is(err, unix.EWOULDBLOCK) {
		return fmt.Errorf("lock the database: %s: %w", f.Name(), err)
	}
	holder, readErr := io.ReadAll(io.LimitReader(f, 256))
	who := strings.TrimSpace(string(holder))
	if readErr != nil || who == "" {
		who = "unknown"
	}
	return fmt.Errorf("the database is in use: %s is held by %q: stop that process, or use another database: %w",
		f.Name(), who, ErrLocked)
}
