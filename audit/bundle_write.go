package audit

import (
	"bufio"
	"context"
	"errors"
	"iter"
	"os"
	"path/filepath"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// bundleWriter fills the folder of a bundle.
type bundleWriter struct {
	folder string
	export Export
	jsonl  bundleFile
	csv    bundleFile      // used only if there shall be a table
	first  int64           // the number of the first entry that goes in; 0 before it came
	named  map[string]bool // the people whom entries name
	row    []byte
}

var errNothing = errors.New("there is no entry of that time or later")

func (b *bundleWriter) write(ctx context.Context) (Exported, error) {
	report, err := b.entries(ctx)
	switch {
	case err != nil:
		return Exported{}, err
	case b.first == 0:
		return Exported{}, errNothing
	}
	x := Exported{First: b.first, Last: report.Last, Head: report.Head}
	newest, err := readCheckpoint(b.export.Log.Newest)
	if err != nil {
		return x, err
	}
	return x, errors.Join(b.checkpoints(newest), b.keys(report), b.people(), b.description())
}

// entries writes the entries while they are verified.
func (b *bundleWriter) entries(ctx context.Context) (report Report, err error) {
	defer func() { err = errors.Join(err, b.jsonl.close(), b.csv.close()) }()
	if err := b.jsonl.create(b.path(fileEntries)); err != nil {
		return report, err
	}
	if b.export.CSV {
		if err := b.csv.create(b.path(fileCSV)); err != nil {
			return report, err
		}
		if _, err := b.csv.buffer.Write(appendCSVHeader(nil)); err != nil {
			return report, err
		}
	}
	log := b.export.Log
	log.Lines = b.copied(log.Lines)
	return Verify(ctx, log, Trust{})
}

// copied passes lines on and writes those that go in.
func (b *bundleWriter) copied(lines iter.Seq2[[]byte, error]) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for line, err := range lines {
			if err == nil {
				err = b.copy(line)
			}
			if !yield(line, err) || err != nil {
				return
			}
		}
	}
}

// copy writes a line if it goes in. What is not an entry, Verify refuses.
func (b *bundleWriter) copy(line []byte) error {
	l, ok := parseLink(line)
	if !ok || b.first == 0 && timeOf(l.time).Before(b.export.Since) {
		return nil
	}
	if b.first == 0 {
		b.first = l.seq
	}
	b.named[string(personIn(line))] = true
	b.row = append(append(b.row[:0], line...), '\n')
	if _, err := b.jsonl.buffer.Write(b.row); err != nil || !b.export.CSV {
		return err
	}
	e, err := ParseEntry(line)
	if err != nil {
		return badEntry(l.seq, "%v", err)
	}
	b.row = appendCSV(b.row[:0], e)
	_, err = b.csv.buffer.Write(b.row)
	return err
}

// checkpoints writes the newest checkpoint, also in the parts that openssl takes, and the older ones that go in.
func (b *bundleWriter) checkpoints(newest checkpoint) error {
	var milestones []byte
	for _, note := range b.export.Log.Milestones {
		c, err := readCheckpoint(note)
		if err != nil {
			return err
		}
		if c.head.Size >= b.first {
			milestones = append(appendText(milestones, string(note), maxCheckpoint), '\n')
		}
	}
	return errors.Join(
		writeFile(b.path(fileMilestones), milestones),
		writeFile(b.path(fileCheckpoint), b.export.Log.Newest),
		writeFile(b.path(fileText), []byte(newest.text())),
		writeFile(b.path(fileSignature), newest.newestSignature()),
	)
}

// keys writes the present key and what the bundle says of itself.
func (b *bundleWriter) keys(r Report) error {
	first := r.Keys[0].Key
	for _, k := range r.Keys[1:] {
		if k.From < b.first {
			first = k.Key
		}
	}
	last := r.Keys[len(r.Keys)-1].Key
	said, err := json.Marshal(about{
		V: 1, Log: last.Name(), First: b.first, Last: r.Last, FirstKey: first.String(), CSV: b.export.CSV,
	}, jsontext.WithIndent("  "))
	return errors.Join(err,
		writeFile(b.path(fileKeyText), []byte(last.String()+"\n")),
		writeFile(b.path(fileKeyPEM), last.PEM()),
		writeFile(b.path(fileExport), append(said, '\n')),
	)
}

// people writes whom the exported entries name.
func (b *bundleWriter) people() error {
	people := map[string]Person{}
	for _, p := range b.export.People {
		if b.named[p.ID] {
			people[p.ID] = p
		}
	}
	list, err := json.Marshal(people, json.Deterministic(true), jsontext.WithIndent("  "))
	return errors.Join(err, writeFile(b.path(filePeople), append(list, '\n')))
}

func (b *bundleWriter) description() error {
	for _, name := range []string{"README.md", "verify.sh", "csv.jq"} {
		content, err := description.ReadFile("bundle/" + name)
		if err := errors.Join(err, writeFile(b.path(name), content)); err != nil {
			return err
		}
	}
	return nil
}

func (b *bundleWriter) path(name string) string { return filepath.Join(b.folder, name) }

// bundleFile is a file that is written little by little. Its zero value is none, and can be closed.
type bundleFile struct {
	file   *os.File
	buffer *bufio.Writer
}

func (f *bundleFile) create(path string) (err error) {
	f.file, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the operator's path
	if err == nil {
		f.buffer = bufio.NewWriterSize(f.file, 1<<16)
	}
	return err
}

// close makes the file durable but for its name.
func (f *bundleFile) close() error {
	if f.buffer == nil {
		return nil
	}
	return errors.Join(f.buffer.Flush(), f.file.Sync(), f.file.Close())
}
