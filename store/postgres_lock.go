package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// postgresLock is the lock of one daemon for each schema: an advisory lock that belongs to a connection and ends with
// it. Should the connection be lost, Hold takes it again.
type postgresLock struct {
	engine postgres

	mu       sync.Mutex
	conn     *pgx.Conn // nil once released
	session  session
	released bool
}

// session is one connection as the server knows it.
type session struct {
	pid     int32
	started time.Time
}

func (d postgres) lock(ctx context.Context, _ time.Time) (*Lock, error) {
	l := &postgresLock{engine: d}
	if err := l.take(ctx); err != nil {
		return nil, fmt.Errorf("lock the database: %w", d.explain(err))
	}
	return &Lock{hold: l.hold, release: l.release}, nil
}

// take gets the lock on a connection of its own.
func (l *postgresLock) take(ctx context.Context) error {
	conn, err := pgx.ConnectConfig(ctx, l.engine.lockConfig())
	if err != nil {
		return err
	}
	found, err := l.takeWith(ctx, conn)
	if err != nil {
		return errors.Join(err, conn.Close(context.WithoutCancel(ctx)))
	}
	l.conn, l.session = conn, found
	return nil
}

// lockConfig names the process, which the server shows to whoever does not get the lock.
func (d postgres) lockConfig() *pgx.ConnConfig {
	config := d.config.ConnConfig.Copy()
	if host, err := os.Hostname(); err == nil && config.RuntimeParams["application_name"] == applicationName {
		config.RuntimeParams["application_name"] = applicationName + ", process " + strconv.Itoa(os.Getpid()) + " on " + host
	}
	return config
}

// prepareLock keeps the connection from being ended because it is idle, and has the server notice within a minute that
// this machine is gone. $1 is whether that holds for a transaction only.
const prepareLock = `SELECT set_config(name, wanted, $1) FROM pg_settings JOIN (VALUES ('lock_timeout', '2s'),
	('idle_session_timeout', '0'), ('idle_in_transaction_session_timeout', '0'), ('tcp_keepalives_idle', '30'),
	('tcp_keepalives_interval', '10'), ('tcp_keepalives_count', '3')) AS limits (name, wanted) USING (name)`

// endOwn ends the session with which we held the lock and whose loss the server has not noticed.
const endOwn = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
	WHERE pid = $1 AND backend_start = $2 AND pid IN (SELECT pid FROM pg_locks WHERE ` + lockRow + `)`

// takeWith gets the lock on a connection. It waits for two seconds, in which the session of a holder that was killed
// ends. A pooler may give each transaction another session, so that there the lock is that of a transaction which stays
// open; it holds back nothing, for it has neither written nor kept a snapshot.
func (l *postgresLock) takeWith(ctx context.Context, conn *pgx.Conn) (found session, err error) {
	lock := "pg_advisory_lock"
	pooled, err := isPooled(ctx, conn)
	if err == nil && pooled {
		lock = "pg_advisory_xact_lock"
		_, err = conn.Exec(ctx, "BEGIN ISOLATION LEVEL READ COMMITTED")
	}
	if err != nil {
		return found, err
	}
	if _, err := conn.Exec(ctx, prepareLock, pooled); err != nil {
		return found, err
	}
	if _, err := conn.Exec(ctx, endOwn, l.session.pid, l.session.started); err != nil {
		return found, err
	}
	if _, err := conn.Exec(ctx, "SELECT "+lock+"("+daemonLock+")"); err != nil {
		return found, l.refused(ctx, conn, err)
	}
	err = conn.QueryRow(ctx, `SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()`).
		Scan(&found.pid, &found.started)
	return found, err
}

// isPooled tells whether somebody stands between us and the session.
func isPooled(ctx context.Context, conn *pgx.Conn) (bool, error) {
	var pid int64
	err := conn.QueryRow(ctx, `SELECT pg_backend_pid()`).Scan(&pid)
	return pid != int64(conn.PgConn().PID()), err
}

// refused says who holds the lock, if that is why it could not be taken.
func (l *postgresLock) refused(ctx context.Context, conn *pgx.Conn, err error) error {
	var failure *pgconn.PgError
	if !errors.As(err, &failure) || failure.Code != codeLockTimeout {
		return err
	}
	if _, err := conn.Exec(ctx, "ROLLBACK"); err != nil {
		return err
	}
	return heldBy(ctx, conn)
}

// lockRow finds the lock among all locks of the server.
const lockRow = `locktype = 'advisory' AND granted AND classid = 1786213493 AND objid = ` + postgresNamespace + `
	AND objsubid = 2 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`

// heldBy says who holds the lock.
func heldBy(ctx context.Context, conn *pgx.Conn) error {
	var pid int32
	var name, address, since string
	err := conn.QueryRow(ctx, `SELECT pid, coalesce(application_name, 'unknown'),
		coalesce(host(client_addr), 'the server''s own machine'),
		coalesce(to_char(backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), 'an unknown time')
		FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE `+lockRow).Scan(&pid, &name, &address, &since)
	if errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("the database was in use until a moment ago: try again: %w", ErrLocked)
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("the database is in use by %q from %s since %s (server process %d): stop that process, or use another "+
		"database or schema: %w", name, address, since, pid, ErrLocked)
}

func (l *postgresLock) hold(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.released {
		return errors.New("the lock of the database was released")
	}
	held, err := l.held(ctx)
	if held {
		return nil
	}
	if ctx.Err() == nil {
		l.engine.logger.WarnContext(ctx, "the lock of the database was lost with its connection: taking it again", "error", err)
		err = errors.Join(l.close(), l.take(ctx))
	}
	if err != nil {
		return fmt.Errorf("hold the lock of the database: %w", l.engine.explain(err))
	}
	return nil
}

// held tells whether the connection lives and has the lock.
func (l *postgresLock) held(ctx context.Context) (held bool, err error) {
	err = l.conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_locks WHERE pid = pg_backend_pid() AND `+lockRow+`)`).
		Scan(&held)
	return held, err
}

// releaseTimeout bounds the goodbye to a server that does not answer.
const releaseTimeout = 5 * time.Second

// release ends the connection, and with it the lock.
func (l *postgresLock) release() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.released {
		return nil
	}
	l.released = true
	return l.close()
}

func (l *postgresLock) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), releaseTimeout)
	defer cancel()
	return l.conn.Close(ctx)
}
