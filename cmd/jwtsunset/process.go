package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"jwtsunset/migrator"
)

// thisProcess names the process, the machine, and the machine's running since it was started. It is always the same.
var thisProcess = sync.OnceValue(func() migrator.Sender {
	id := make([]byte, 8)
	_, _ = rand.Read(id)
	s := migrator.Sender{Process: "s-" + hex.EncodeToString(id), PID: os.Getpid()}
	if host, err := os.Hostname(); err == nil {
		s.Host = host
	}
	// Linux names each running of a machine; elsewhere nothing proves that a process of before is dead.
	if boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id"); err == nil {
		s.Boot = strings.TrimSpace(string(boot))
	}
	return s
})

// sameBoot tells whether a process ran on this machine since it was started. A container that was moved has another
// host name, a machine that was started again another boot id.
func sameBoot(this, other migrator.Sender) bool {
	return this.Boot != "" && this.Boot == other.Boot && this.Host == other.Host && this.Host != ""
}

// sleep waits, or ends with its context.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func escapePath(s string) string { return url.PathEscape(s) }

// originOf is scheme, host and port of an address; "" of one that has none.
func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
