package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// connectTimeout is how long making a connection may take unless the address says connect_timeout.
	connectTimeout = 10 * time.Second
	// applicationName is what the server shows of us unless the address says application_name.
	applicationName = "jwtsunset"
)

// postgresConfig reads the address of a PostgreSQL database. What the address leaves open is as PostgreSQL's own
// programs take it: from the environment (PGHOST, PGPASSFILE, ...), else their defaults. An error never repeats the
// address, which may hold a password, and so does not wrap the driver's.
func postgresConfig(address string) (*pgxpool.Config, error) {
	if err := unambiguous(address); err != nil {
		return nil, err
	}
	config, err := pgxpool.ParseConfig(address)
	if err != nil {
		return nil, unreadable(err)
	}
	if !strings.Contains(address, "pool_max_conns=") {
		config.MaxConns = maxReaders + 1
	}
	// A connection may have ended with the server's restart; asking costs less than a call that fails.
	config.ShouldPing = func(context.Context, pgxpool.ShouldPingParams) bool { return true }
	conn := config.ConnConfig
	if conn.ConnectTimeout == 0 {
		conn.ConnectTimeout = connectTimeout
	}
	// Without it a server that vanished would be waited for without end.
	conn.DialFunc = (&net.Dialer{KeepAliveConfig: net.KeepAliveConfig{
		Enable: true, Idle: 30 * time.Second, Interval: 10 * time.Second, Count: 3,
	}}).DialContext
	if conn.RuntimeParams["application_name"] == "" {
		conn.RuntimeParams["application_name"] = applicationName
	}
	return config, nil
}

// unambiguous refuses addresses in which a part of the password would be taken for something else, because it has a
// character that is not percent-encoded.
func unambiguous(address string) error {
	_, rest, _ := strings.Cut(address, ":")
	authority, found := strings.CutPrefix(rest, "//")
	if !found {
		return errors.New("store address is not complete: write postgres://USER@HOST:PORT/DATABASE")
	}
	behind := ""
	if i := strings.IndexAny(authority, "/?#"); i >= 0 {
		behind = authority[i:]
	}
	if strings.ContainsAny(behind, "@#") {
		return errors.New("store address has an @ or # where none can be: write the characters / ? # @ of user and " +
			"password as %2F %3F %23 %40")
	}
	return nil
}

// unreadable says what is wrong with an address without repeating any of it but the name of a file.
func unreadable(err error) error {
	var file *fs.PathError
	if errors.As(err, &file) {
		return fmt.Errorf("store address names a file that cannot be read: %w", file)
	}
	return errors.New("store address is not valid, or one of its parameters is not, or a variable PG... of the environment: " +
		"write postgres://USER@HOST:PORT/DATABASE?PARAMETER=VALUE, with the characters / ? # @ % of user and password as " +
		"%2F %3F %23 %40 %25")
}

// place says which database an address means.
func place(c *pgx.ConnConfig) string {
	_, address := pgconn.NetworkAddress(c.Host, c.Port)
	return fmt.Sprintf("PostgreSQL database %q at %s", c.Database, address)
}

// sets tells whether the address, or the environment, sets a parameter of the session.
func sets(c *pgx.ConnConfig, parameter string) bool {
	return c.RuntimeParams[parameter] != "" || strings.Contains(c.RuntimeParams["options"], parameter)
}
