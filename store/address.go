package store

import (
	"errors"
	"fmt"
	"strings"
)

// isPostgres tells whether an address is that of a PostgreSQL database.
func isPostgres(address string) bool {
	scheme, _, _ := strings.Cut(address, ":")
	return scheme == "postgres" || scheme == "postgresql"
}

// sqlitePath takes the file's path out of an address. Its errors never repeat the address, which may hold a password.
func sqlitePath(address string) (string, error) {
	scheme, path, found := strings.Cut(address, ":")
	switch {
	case !found:
		return "", errors.New("store address has no scheme: write sqlite:PATH or postgres://USER@HOST/DATABASE")
	case scheme != "sqlite":
		return "", fmt.Errorf("store address has an unknown scheme: write sqlite:PATH or postgres://USER@HOST/DATABASE: %w",
			ErrUnsupported)
	case path == "":
		return "", errors.New("store address names no file: write sqlite:PATH")
	case path == ":memory:" || strings.ContainsAny(path, "?\x00"):
		return "", errors.New("store address must be a plain path: write sqlite:PATH, without parameters")
	case strings.HasPrefix(path, "//") && !strings.HasPrefix(path, "///"):
		return "", errors.New("store address must not name a host: write sqlite:PATH, an absolute path as sqlite:/PATH")
	}
	return path, nil
}
