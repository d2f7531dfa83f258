package store

import (
	"errors"
	"fmt"
	"strings"
)

// sqlitePath takes the file's path out of an address. Its errors never repeat the address, which may hold a password.
func sqlitePath(address string) (string, error) {
	scheme, path, found := strings.Cut(address, ":")
	switch {
	case !found:
		return "", errors.New("store address has no scheme: write sqlite:PATH")
	case scheme == "postgres" || scheme == "postgresql":
		return "", fmt.Errorf("store address: this version keeps its data in SQLite only: write sqlite:PATH: %w",
			ErrUnsupported)
	case scheme != "sqlite":
		return "", fmt.Errorf("store address has an unknown scheme: write sqlite:PATH: %w", ErrUnsupported)
	case path == "":
		return "", errors.New("store address names no file: write sqlite:PATH")
	case path == ":memory:" || strings.ContainsAny(path, "?\x00"):
		return "", errors.New("store address must be a plain path: write sqlite:PATH, without parameters")
	case strings.HasPrefix(path, "//") && !strings.HasPrefix(path, "///"):
		return "", errors.New("store address must not name a host: write sqlite:PATH, an absolute path as sqlite:/PATH")
	}
	return path, nil
}
