package audit

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// The files of a bundle.
const (
	fileEntries    = "entries.jsonl"
	fileCSV        = "entries.csv"
	fileMilestones = "milestones.jsonl"
	fileCheckpoint = "checkpoint"
	fileText       = "checkpoint.txt"
	fileSignature  = "checkpoint.sig"
	fileKeyPEM     = "public-key.pem"
	fileKeyText    = "public-key.txt"
	filePeople     = "people.json"
	fileExport     = "export.json"
)

// description holds what every bundle has: how to read and verify it.
//
//go:embed bundle/README.md bundle/verify.sh bundle/csv.jq
var description embed.FS

// Export says what goes into a bundle.
type Export struct {
	// Log is the whole log.
	Log Log
	// Since leaves out the entries before the first of this time or later. The zero time leaves out none.
	Since time.Time
	// People are those whom entries may name by id. Only those whom an exported entry names go in.
	People []Person
	// CSV adds the entries as a table.
	CSV bool
}

// Person is whom an entry's actor is, as far as it is known and not forgotten.
type Person struct {
	ID       string `json:"-"`        // as in Actor.Person
	Identity string `json:"identity"` // how the person was recognized
	Name     string `json:"name"`
}

// Exported says what a bundle has.
type Exported struct {
	First, Last int64
	Head        Head
}

// about is what a bundle says of itself, in export.json.
type about struct {
	V        int    `json:"v"`
	Log      string `json:"log"`
	First    int64  `json:"first"`
	Last     int64  `json:"last"`
	FirstKey string `json:"first_key"`
	CSV      bool   `json:"csv"`
}

// WriteBundle writes entries to a new folder, with all that somebody else needs to verify and read them. On the way it
// verifies the whole log, and makes no bundle of one that was tampered with. The folder appears whole or not at all;
// after a crash one whose name ends in ".incomplete-" and digits may remain. What is there already is never changed;
// the error is fs.ErrExist.
func WriteBundle(ctx context.Context, folder string, e Export) (Exported, error) {
	x, err := writeBundle(ctx, filepath.Clean(folder), e)
	if err != nil {
		return Exported{}, fmt.Errorf("export the audit log to %s: %w", folder, err)
	}
	return x, nil
}

func writeBundle(ctx context.Context, folder string, e Export) (x Exported, err error) {
	switch _, err := os.Lstat(folder); {
	case err == nil:
		return x, fs.ErrExist
	case !errors.Is(err, fs.ErrNotExist):
		return x, err
	}
	unfinished, err := os.MkdirTemp(filepath.Dir(folder), filepath.Base(folder)+".incomplete-")
	if err != nil {
		return x, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(unfinished))
		}
	}()
	b := bundleWriter{folder: unfinished, export: e, named: map[string]bool{}}
	if x, err = b.write(ctx); err != nil {
		return x, err
	}
	if err := syncFolder(unfinished); err != nil {
		return x, err
	}
	if err := os.Rename(unfinished, folder); err != nil {
		return x, err
	}
	return x, syncFolder(filepath.Dir(folder))
}
