//go:build verify || torture

package pgserver

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// patience bounds every wait for the server. It is long because the machine may be slow, and costs nothing where things
// go right.
const patience = 90 * time.Second

// defaults are the settings of every server, before those of the test. Durability stays as PostgreSQL has it: on.
// Shared memory lies in the data folder, so that a killed server leaves none of it behind.
var defaults = []string{
	"listen_addresses=127.0.0.1",
	"dynamic_shared_memory_type=mmap",
	"shared_buffers=16MB",
	"max_connections=60",
	"lc_messages=C",
	"log_min_messages=log",
	"log_line_prefix=%m [%p] %u@%d ",
}

// Server is a PostgreSQL server of a test's own. Its methods are for one goroutine at a time.
type Server struct {
	folder    string // holds the data, and the Unix socket
	port      int
	password  string // of the superuser postgres
	settings  []string
	process   *process // nil while it does not run
	databases int
}

// Start makes a server and starts it: fsync on, reachable over loop-back TCP with a password (SCRAM) and over a Unix
// socket without. Settings, each "name=value", are put over its postgresql.conf. It is stopped and removed when the
// test ends.
func Start(tb testing.TB, settings ...string) *Server {
	tb.Helper()
	// Not tb.TempDir: its path is too long for a socket's, which Linux limits to 107 bytes.
	folder, err := os.MkdirTemp("", "pg-")
	if err != nil {
		tb.Fatal(err)
	}
	s := &Server{folder: folder, password: rand.Text(), settings: settings}
	tb.Cleanup(func() {
		err := s.shutDown()
		if err := errors.Join(err, os.RemoveAll(folder)); err != nil {
			tb.Errorf("PostgreSQL: %v", err)
		}
	})
	if err := s.initialize(tb.Context()); err != nil {
		tb.Fatalf("make a PostgreSQL server: %v", err)
	}
	// Another program may take the port between our choice and the server's.
	err = errors.New("no port")
	for attempt := 0; err != nil && attempt < 5; attempt++ {
		s.port, err = freePort(tb.Context())
		if err == nil {
			err = s.start(tb.Context())
		}
	}
	if err != nil {
		tb.Fatalf("start PostgreSQL: %v", err)
	}
	s.Execute(tb, "postgres", "SELECT 1")
	return s
}

// initialize creates the data folder, as the user that will run the server.
func (s *Server) initialize(ctx context.Context) error {
	secret := filepath.Join(s.folder, "password")
	if err := os.WriteFile(secret, []byte(s.password), 0o600); err != nil {
		return err
	}
	if err := giveAway(s.folder, secret); err != nil {
		return err
	}
	cmd, err := server(ctx, "initdb", "--pgdata="+s.data(), "--username=postgres", "--pwfile="+secret,
		"--auth-local=trust", "--auth-host=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync")
	if err != nil {
		return err
	}
	var out []byte
	err = onOwnThread(func() (err error) {
		out, err = cmd.CombinedOutput()
		return err
	})
	if err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return os.Remove(secret)
}

func (s *Server) data() string { return filepath.Join(s.folder, "data") }

// Restart starts the server, after Stop or Kill too, and returns once it takes connections. It keeps its port.
func (s *Server) Restart(tb testing.TB) {
	tb.Helper()
	if s.process != nil {
		s.Stop(tb)
	}
	if err := s.start(tb.Context()); err != nil {
		tb.Fatalf("start PostgreSQL: %v", err)
	}
	s.Execute(tb, "postgres", "SELECT 1")
}

func (s *Server) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	args := []string{"-D", s.data(), "-k", s.folder, "-p", strconv.Itoa(s.port)}
	for _, setting := range append(defaults[:len(defaults):len(defaults)], s.settings...) {
		args = append(args, "-c", setting)
	}
	cmd, err := server(context.WithoutCancel(ctx), "postgres", args...)
	if err != nil {
		return err
	}
	s.process, err = run(ctx, cmd, "database system is ready to accept")
	return err
}

// Stop stops the server as an operator would who cannot wait for clients: they are disconnected, and everything is
// written down.
func (s *Server) Stop(tb testing.TB) {
	tb.Helper()
	if err := s.shutDown(); err != nil {
		tb.Fatalf("stop PostgreSQL: %v", err)
	}
}

func (s *Server) shutDown() error {
	if s.process == nil {
		return nil
	}
	defer func() { s.process = nil }()
	return s.process.interrupt(patience)
}

// Kill ends all processes of the server at once and without warning, as the end of its machine would, but for what the
// operating system still holds in memory. Restart brings it back.
func (s *Server) Kill(tb testing.TB) {
	tb.Helper()
	defer func() { s.process = nil }()
	if err := s.process.kill(); err != nil {
		tb.Fatalf("kill PostgreSQL: %v", err)
	}
}

// BecomeStandby restarts the server as a standby of no primary: it answers, and cannot be written to.
func (s *Server) BecomeStandby(tb testing.TB) {
	tb.Helper()
	signal := filepath.Join(s.data(), "standby.signal")
	if err := errors.Join(os.WriteFile(signal, nil, 0o600), giveAway(signal)); err != nil {
		tb.Fatal(err)
	}
	s.Restart(tb)
}

// Log is what the server has printed since it was started last.
func (s *Server) Log() string {
	if s.process == nil {
		return ""
	}
	return s.process.printed()
}

// URL is the address of a database for the superuser, over TCP and with the password.
func (s *Server) URL(database string) string {
	return s.userURL("postgres", s.password, database)
}

// UserURL is URL for another user.
func (s *Server) UserURL(user, password, database string) string {
	return s.userURL(user, password, database)
}

func (s *Server) userURL(user, password, database string) string {
	address := url.URL{
		Scheme: "postgres", User: url.UserPassword(user, password), Host: s.Address(), Path: "/" + database,
	}
	return address.String()
}

// SocketURL is the address of a database for the superuser, over the Unix socket and without password.
func (s *Server) SocketURL(database string) string {
	query := url.Values{"host": {s.folder}, "port": {strconv.Itoa(s.port)}, "user": {"postgres"}}
	address := url.URL{Scheme: "postgres", Path: "/" + database, RawQuery: query.Encode()}
	return address.String()
}

// Address is the host and port that the server listens on.
func (s *Server) Address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// Password is the superuser's, which no message may ever hold.
func (s *Server) Password() string { return s.password }

// CreateDatabase creates an empty database of a name that the server has not used before, and gives the name.
func (s *Server) CreateDatabase(tb testing.TB) string {
	tb.Helper()
	s.databases++
	name := fmt.Sprintf("test_%d", s.databases)
	s.Execute(tb, "postgres", "CREATE DATABASE "+name)
	return name
}

// Execute runs statements in a database, as the superuser on a connection of their own.
func (s *Server) Execute(tb testing.TB, database string, statements ...string) {
	tb.Helper()
	s.with(tb, database, func(ctx context.Context, conn *pgx.Conn) error {
		for _, statement := range statements {
			if _, err := conn.Exec(ctx, statement); err != nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
		}
		return nil
	})
}

// Query runs a query of one value in a database, as the superuser, and gives the value as text.
func (s *Server) Query(tb testing.TB, database, query string, args ...any) string {
	tb.Helper()
	var value any
	s.with(tb, database, func(ctx context.Context, conn *pgx.Conn) error {
		return conn.QueryRow(ctx, query, args...).Scan(&value)
	})
	return fmt.Sprint(value)
}

// with runs f with a connection of the superuser. Tests call it in their cleanups too, when their context has ended.
func (s *Server) with(tb testing.TB, database string, f func(context.Context, *pgx.Conn) error) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.SocketURL(database))
	if err != nil {
		tb.Fatalf("PostgreSQL: %v\n%s", err, s.Log())
	}
	if err := errors.Join(f(ctx, conn), conn.Close(ctx)); err != nil {
		tb.Fatalf("PostgreSQL: %v", err)
	}
}

// Tool is one of PostgreSQL's client programs, ready to run.
func Tool(tb testing.TB, name string, args ...string) *exec.Cmd {
	tb.Helper()
	path, err := find(name)
	if err != nil {
		tb.Fatal(err)
	}
	return exec.CommandContext(tb.Context(), path, args...) //nolint:gosec // the program is one of PostgreSQL's
}

// find finds one of PostgreSQL's programs.
func find(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("PostgreSQL's %s is missing (run these tests with `make verify`): %w", name, err)
	}
	return filepath.Abs(path)
}

// freePort is a loop-back port that nothing listens on: PostgreSQL cannot choose one itself.
func freePort(ctx context.Context) (int, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err := errors.Join(err, listener.Close()); err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(port))
}
