package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// SQLSTATE codes, of PostgreSQL's documentation, appendix A.
const (
	codeForbidden      = "42501" // insufficient_privilege
	codeReadOnly       = "25006" // read_only_sql_transaction
	codeNoDatabase     = "3D000" // invalid_catalog_name
	codeNoParameter    = "42704" // undefined_object; of a session that begins, a parameter
	codeProtocol       = "08P01" // protocol_violation; so a pooler refuses parameters
	codeFull           = "53100" // disk_full
	codeManyClients    = "53300" // too_many_connections
	codeLockTimeout    = "55P03" // lock_not_available
	codeCanceled       = "57014" // query_canceled
	codeIdleTooLong    = "25P03" // idle_in_transaction_session_timeout
	codeDamagedData    = "XX001" // data_corrupted
	codeTooLong        = "54000" // program_limit_exceeded
	codeDamagedIndex   = "XX002" // index_corrupted
	codeSerialization  = "40001" // serialization_failure
	codeDeadlock       = "40P01" // deadlock_detected
	codeUniqueness     = "23505" // unique_violation
	classConnection    = "08"
	classAuthorization = "28"
	classResources     = "53"
	classShutdown      = "57P"
)

// reworded is an error under another text. What it is of can still be told.
type reworded struct {
	text string
	err  error
}

func (e reworded) Error() string { return e.text }
func (e reworded) Unwrap() error { return e.err }

// explain says what to do about the errors of PostgreSQL, and of the way to it, that a person can do something about.
func (d postgres) explain(err error) error {
	where := place(d.config.ConnConfig)
	var failure *pgconn.PgError
	var connecting *pgconn.ConnectError
	switch {
	case errors.As(err, &failure):
		return d.explainFailure(err, failure)
	case errors.As(err, &connecting):
		return reworded{fmt.Sprintf("cannot connect to the database server: %s: is it running, and are host and port right?",
			oneLine(connecting.Unwrap())), err}
	case errors.Is(err, errCommit):
		return fmt.Errorf("the connection to the %s ended before its answer: it is not known whether this was recorded; it is, "+
			"if the same is refused as a conflict when tried again: %w", where, err)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case connectionLost(err):
		return fmt.Errorf("the connection to the %s was lost: try again: %w", where, err)
	default:
		return err
	}
}

// connectionLost tells whether an error is that of a connection that ended under way.
func connectionLost(err error) bool {
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, pgconn.ErrConnClosed) || errors.Is(err, driver.ErrBadConn)
}

// oneLine is the text of an error of several lines in one, each of them once.
func oneLine(err error) string {
	lines := strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' || r == '\t' })
	return strings.Join(slices.Compact(lines), "; ")
}

// explainFailure says what to do about what the server answered.
func (d postgres) explainFailure(err error, failure *pgconn.PgError) error {
	text := func(advice string, sentinel error) error {
		message := fmt.Sprintf("%s (%s): %s", failure.Message, failure.Code, advice)
		if sentinel != nil {
			return fmt.Errorf("%w: %w", sentinel, reworded{message, err})
		}
		return reworded{message, err}
	}
	if errors.Is(err, errCommit) && (class(failure, classShutdown) || class(failure, classConnection)) {
		return text("it is not known whether this was recorded; it is, if the same is refused as a conflict when tried again", nil)
	}
	switch failure.Code {
	case codeNoDatabase:
		return text("create it with createdb, or correct the address", ErrMissing)
	case codeDamagedData, codeDamagedIndex:
		return text("restore a backup; the server's log says more", ErrCorrupt)
	case codeUniqueness:
		return text("another process has written the same: "+failure.ConstraintName, ErrConflict)
	case codeForbidden:
		return text("the role "+quoted(d.config.ConnConfig)+" lacks a privilege: the documentation lists the GRANTs", nil)
	}
	if advice := advise(failure); advice != "" {
		return text(advice, nil)
	}
	return err
}

func quoted(c *pgx.ConnConfig) string { return fmt.Sprintf("%q", c.User) }

// advise says what to do about an answer of the server; "" where nothing is known.
func advise(failure *pgconn.PgError) string {
	switch failure.Code {
	case codeFull:
		return "nothing was recorded: make room on the server's disk"
	case codeManyClients:
		return "raise the server's max_connections, or lower pool_max_conns in the addresses of its clients"
	case codeReadOnly:
		return "the server has become read-only or a standby: put the primary's host into the address"
	case codeLockTimeout:
		return "another session holds a lock for longer than lock_timeout: try again, or find it in pg_locks"
	case codeCanceled:
		return "the server stopped the statement: if statement_timeout did, raise it in the address"
	case codeIdleTooLong:
		return "nothing was recorded: the program was stopped or starved for longer than idle_in_transaction_session_timeout"
	case codeSerialization, codeDeadlock:
		return "nothing was recorded: try again"
	case codeTooLong:
		return "nothing was recorded: a name or an id is longer than PostgreSQL's indexes take, about 2,700 bytes"
	case codeNoParameter, codeProtocol:
		return "if the server or a pooler refuses a parameter, correct it in the address; PgBouncer needs " +
			"ignore_startup_parameters for most"
	}
	switch {
	case class(failure, classAuthorization):
		return "check user, password, and pg_hba.conf on the server"
	case class(failure, classResources):
		return "nothing was recorded: the server lacks memory or another resource"
	case class(failure, classShutdown):
		return "nothing was recorded: the server shuts down or starts, or an administrator ended the session: try again"
	}
	return ""
}

func class(failure *pgconn.PgError, prefix string) bool {
	return strings.HasPrefix(failure.Code, prefix)
}
