package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"jwtsunset/secret"
)

// secretLimit is the largest secret that is read, in bytes. Access tokens have a few thousand.
const secretLimit = 64 << 10

// Source is where a secret is read from: a file or an environment variable, never both.
type Source struct {
	File, Env string
	// Key is the key of the configuration that names the file.
	Key string
}

// IsZero tells whether there is no source.
func (s Source) IsZero() bool { return s.File == "" && s.Env == "" }

// Read reads the secret anew, so that a rotated one is used without a restart. One line end at the end is cut off. An
// empty secret is an error. Errors name the file or the variable and never what it holds.
func (s Source) Read() (secret.String, error) {
	text, err := s.text()
	if err != nil {
		return secret.String{}, fmt.Errorf("read secret: %w", err)
	}
	text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
	if text == "" {
		return secret.String{}, fmt.Errorf("read secret: %s is empty", s)
	}
	if strings.ContainsAny(text, "\r\n\x00") {
		return secret.String{}, fmt.Errorf("read secret: %s holds more than one line", s)
	}
	return secret.New(text), nil
}

// String names the source. What looks like no path and is no file either is not repeated: it may be the secret itself,
// written where the name of its file belongs.
func (s Source) String() string {
	if s.Env != "" {
		return "environment variable " + s.Env
	}
	if _, err := os.Stat(s.File); err == nil || filepath.IsAbs(s.File) || strings.HasPrefix(s.File, ".") {
		return "file " + s.File
	}
	return "the file that " + s.Key + " names"
}

func (s Source) text() (string, error) {
	if s.Env != "" {
		text, ok := os.LookupEnv(s.Env)
		if !ok {
			return "", fmt.Errorf("%s is not set", s)
		}
		if len(text) > secretLimit {
			return "", fmt.Errorf("%s is longer than %d bytes", s, secretLimit)
		}
		return text, nil
	}
	if s.File == "" {
		return "", errors.New("neither a file nor an environment variable is configured")
	}
	text, err := readLimited(s.File, secretLimit)
	var problem *fs.PathError
	if errors.As(err, &problem) {
		return "", fmt.Errorf("%s: %w", s, problem.Err)
	}
	return text, err
}

// readLimited reads a whole file of at most limit bytes.
func readLimited(name string, limit int64) (_ string, err error) {
	f, err := os.Open(name) //nolint:gosec // the operator names the file
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return "", err
	}
	if int64(len(data)) > limit {
		return "", fmt.Errorf("file %s is larger than %d bytes", name, limit)
	}
	return string(data), nil
}

// warning says what is wrong with the source at this moment; empty when nothing is.
func (s Source) warning() string {
	if _, err := s.Read(); err != nil {
		return err.Error()
	}
	if s.Env != "" {
		return ""
	}
	info, err := os.Stat(s.File)
	if err != nil {
		return fmt.Sprintf("read secret: %s can no longer be read", s)
	}
	if info.Mode().Perm()&0o004 != 0 {
		return fmt.Sprintf("%s can be read by every user of this machine: chmod o-rwx it", s)
	}
	return ""
}
