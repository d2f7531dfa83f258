package audit

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
)

// OpenBundle gives the log in a bundle, by the path of its folder or of the entries.jsonl in it, for Verify. It makes
// sure that the files that say the same in different forms agree: here, and for entries.csv while the lines are read.
// The error is a *Tampered where they do not; otherwise it says which file cannot be read. Nothing stays open.
func OpenBundle(path string) (Log, error) {
	log, err := openBundle(path)
	if err != nil {
		return Log{}, fmt.Errorf("open the audit log in %s: %w", path, err)
	}
	return log, nil
}

func openBundle(path string) (log Log, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return log, err
	}
	if !info.IsDir() {
		if filepath.Base(path) != fileEntries {
			return log, fmt.Errorf("an export is a folder with a file %s: %w", fileEntries, fs.ErrInvalid)
		}
		path = filepath.Dir(path)
	}
	b, err := readBundle(path)
	if err != nil {
		return log, err
	}
	said, err := b.about()
	if err != nil {
		return log, err
	}
	log = Log{Newest: b.files[fileCheckpoint], First: said.First, Lines: b.lines(said)}
	if log.FirstKey, err = ParsePublicKey(said.FirstKey); err != nil {
		return log, differs(fileExport, "%v", err)
	}
	if log.LastKey, err = b.key(); err != nil {
		return log, err
	}
	if err := b.newest(said); err != nil {
		return log, err
	}
	log.Milestones, err = b.milestones()
	return log, err
}

// bundle is the small files of a bundle.
type bundle struct {
	folder string
	files  map[string][]byte
}

func readBundle(folder string) (bundle, error) {
	b := bundle{folder: folder, files: map[string][]byte{}}
	for _, name := range []string{
		fileCheckpoint, fileText, fileSignature, fileMilestones, fileKeyPEM, fileKeyText, fileExport,
	} {
		content, err := readSmall(b.path(name))
		if err != nil {
			return b, err
		}
		b.files[name] = content
	}
	return b, nil
}

// maxSmall is how many bytes a file of a bundle besides the entries may have: the milestones of 50 million entries.
const maxSmall = 64 << 20

func readSmall(path string) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // the operator's path
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	content, err := io.ReadAll(io.LimitReader(f, maxSmall+1))
	if err == nil && len(content) > maxSmall {
		err = differs(filepath.Base(path), "it is longer than an export's can be")
	}
	return content, err
}

func (b bundle) path(name string) string { return filepath.Join(b.folder, name) }

func (b bundle) about() (said about, err error) {
	if err := json.Unmarshal(b.files[fileExport], &said, json.RejectUnknownMembers(true)); err != nil {
		return said, differs(fileExport, "it is not what the program writes: %v", err)
	}
	if said.V != 1 || said.First < 1 || said.Last < said.First {
		return said, differs(fileExport, "it does not say which entries there are")
	}
	return said, nil
}

// key is the public key, which two files have.
func (b bundle) key() (PublicKey, error) {
	text, whole := strings.CutSuffix(string(b.files[fileKeyText]), "\n")
	key, err := ParsePublicKey(text)
	switch {
	case err != nil:
		return key, differs(fileKeyText, "%v", err)
	case !whole:
		return key, differs(fileKeyText, "its line does not end")
	case !bytes.Equal(key.PEM(), b.files[fileKeyPEM]):
		return key, differs(fileKeyPEM, "it is not the key of %s", fileKeyText)
	}
	return key, nil
}

// newest makes sure that the newest checkpoint is the same in both forms, and at the entry that should be the last.
func (b bundle) newest(said about) error {
	c, err := readCheckpoint(b.files[fileCheckpoint])
	switch {
	case err != nil:
		return differs(fileCheckpoint, "%v", err)
	case c.text() != string(b.files[fileText]):
		return differs(fileText, "it is not the text of %s", fileCheckpoint)
	case !bytes.Equal(c.newestSignature(), b.files[fileSignature]):
		return differs(fileSignature, "it is not the signature in %s", fileCheckpoint)
	case c.head.Size != said.Last || c.name != said.Log:
		return differs(fileExport, "it says entry %d of %s is the last, and %s is at entry %d of %s", said.Last, said.Log,
			fileCheckpoint, c.head.Size, c.name)
	}
	return nil
}

// milestones are the lines of their file, each a JSON text in the form of the log's texts.
func (b bundle) milestones() (notes [][]byte, err error) {
	for line := range bytes.Lines(b.files[fileMilestones]) {
		c := cursor{rest: line}
		note := c.text()
		c.literal("\n")
		if c.failed || len(c.rest) > 0 || !bytes.Equal(line, append(appendText(nil, note, maxCheckpoint), '\n')) {
			return nil, differs(fileMilestones, "line %d is not a checkpoint", len(notes)+1)
		}
		notes = append(notes, []byte(note))
	}
	return notes, nil
}

// lines are those of the entries. Where there is a table they are compared with its rows.
func (b bundle) lines(said about) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		entries, err := os.Open(b.path(fileEntries))
		if err != nil {
			yield(nil, err)
			return
		}
		defer func() { _ = entries.Close() }() // it was only read
		if !said.CSV {
			ReadLines(entries)(yield)
			return
		}
		rows, err := os.Open(b.path(fileCSV))
		if err != nil {
			yield(nil, err)
			return
		}
		defer func() { _ = rows.Close() }() // as above
		table := tableReader{rows: bufio.NewReader(rows), entries: said.Last - said.First + 1}
		table.beside(ReadLines(entries))(yield)
	}
}

// tableReader compares a table with the rows that it should have.
type tableReader struct {
	rows      *bufio.Reader
	entries   int64 // that are still to come
	want, got []byte
}

// beside passes lines on, and reads the row of each once the line itself was found good.
func (t *tableReader) beside(lines iter.Seq2[[]byte, error]) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		t.want = appendCSVHeader(nil)
		if err := t.expect(differs(fileCSV, "its header was changed")); err != nil {
			yield(nil, err)
			return
		}
		for line, err := range lines {
			if !yield(line, err) {
				return
			}
			if err := t.row(line); err != nil {
				yield(nil, err)
				return
			}
		}
		if err := t.end(); err != nil {
			yield(nil, err)
		}
	}
}

// row expects the row of an entry. What is not an entry has none; Verify refuses it.
func (t *tableReader) row(line []byte) error {
	e, err := ParseEntry(line)
	if err != nil {
		return nil //nolint:nilerr // as said above
	}
	t.entries--
	t.want = appendCSV(t.want[:0], e)
	return t.expect(badEntry(e.Seq, "its row in %s is not made of it", fileCSV))
}

// expect reads what is wanted; otherwise is the error if something else is there.
func (t *tableReader) expect(otherwise error) error {
	t.got = slices.Grow(t.got[:0], len(t.want))[:len(t.want)]
	_, err := io.ReadFull(t.rows, t.got)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), err == nil && !bytes.Equal(t.got, t.want):
		return otherwise
	}
	return err
}

// end makes sure that no row is left over. If entries are missing, Verify says which.
func (t *tableReader) end() error {
	if t.entries > 0 {
		return nil
	}
	switch _, err := t.rows.ReadByte(); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return err
	}
	return differs(fileCSV, "it has more rows than there are entries")
}

// differs says that a file besides the entries was changed.
func differs(file, format string, args ...any) error {
	return &Tampered{What: file + ": " + fmt.Sprintf(format, args...)}
}
