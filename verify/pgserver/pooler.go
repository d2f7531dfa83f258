//go:build verify || torture

package pgserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// Pooler starts a PgBouncer in front of the server that gives each transaction another of few sessions. It gives the
// host and port that it listens on. It ends with the test.
func (s *Server) Pooler(tb testing.TB) (address string) {
	tb.Helper()
	port, err := freePort(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	file := filepath.Join(s.folder, "pgbouncer.ini")
	settings := fmt.Sprintf("[databases]\n* = host=127.0.0.1 port=%d user=postgres password=%s\n"+
		"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %d\nunix_socket_dir =\nauth_type = any\n"+
		"pool_mode = transaction\ndefault_pool_size = 4\n", s.port, s.password, port)
	if err := errors.Join(os.WriteFile(file, []byte(settings), 0o600), giveAway(file)); err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	cmd, err := server(context.WithoutCancel(ctx), "pgbouncer", file)
	if err != nil {
		tb.Fatal(err)
	}
	running, err := run(ctx, cmd, "process up")
	if err != nil {
		tb.Fatalf("start PgBouncer: %v", err)
	}
	tb.Cleanup(func() {
		if err := running.kill(); err != nil {
			tb.Errorf("end PgBouncer: %v", err)
		}
	})
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}
