package audit

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// exported writes a bundle of a log and gives its folder.
func exported(t testing.TB, e Export) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "export")
	if _, err := WriteBundle(t.Context(), folder, e); err != nil {
		t.Fatal(err)
	}
	return folder
}

// variedLog has what an export can have: both changes of the key, a person, texts of all kinds, and milestones.
func variedLog(t testing.TB) *testLog {
	t.Helper()
	l := newLog(t, 5)
	l.rotate(t)
	l.add(t, Event{
		Actor:  Actor{Person: "p-0123456789abcdef", Door: DoorCLI, Strength: StrengthOSUser},
		Action: ActionHistoryPruned, Object: Object{Type: "history", Organization: "=1+1", ID: "Zoë, \"Ω\"\r\n\t\x01\x7f\x85"},
		Before: "sha256:00ff", After: "+1", Policy: "-2", Attempt: "a/b", RequestID: "@x \U0001F600", Result: ResultPartial,
		Facts: []Fact{
			Text("text", "=cmd\u2028 \x00 \xff"), Number("most", maxInteger), Number("least", -maxInteger), Text("none", ""),
		},
	})
	for range 260 {
		l.grow(t)
	}
	l.replace(t)
	l.grow(t)
	return l
}

func TestBundleRoundTrip(t *testing.T) {
	l := variedLog(t)
	for name, e := range map[string]Export{
		"whole":         {Log: l.log()},
		"with a table":  {Log: l.log(), CSV: true},
		"since entry 6": {Log: l.log(), CSV: true, Since: testTime.Add(6 * time.Second)},
	} {
		t.Run(name, func(t *testing.T) {
			folder := exported(t, e)
			for _, path := range []string{folder, filepath.Join(folder, fileEntries)} {
				log, err := OpenBundle(path)
				if err != nil {
					t.Fatal(err)
				}
				report, err := Verify(t.Context(), log, Trust{Key: l.key.Public(), Checkpoints: l.notes[100:110]})
				if err != nil || report.Head != l.head || !report.Trusted || report.Kept != 10 {
					t.Errorf("%s: report %+v, %v", path, report, err)
				}
				if want := max(1, int64(e.Since.Sub(testTime).Seconds())); !e.Since.IsZero() && report.First != want {
					t.Errorf("it begins with entry %d, not %d", report.First, want)
				}
			}
		})
	}
}

func TestBundleFiles(t *testing.T) {
	l := variedLog(t)
	person, other := "p-0123456789abcdef", "p-fedcba9876543210"
	folder := exported(t, Export{Log: l.log(), CSV: true, People: []Person{{person, "os:ana", "Ana"}, {other, "os:bo", "Bo"}}})
	info, err := os.Stat(folder)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("folder: %v, %v", info.Mode(), err)
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
		if info, err := e.Info(); err != nil || info.Mode() != 0o600 || info.Size() == 0 {
			t.Errorf("%s: mode %v, %d bytes, %v", e.Name(), info.Mode(), info.Size(), err)
		}
	}
	want := []string{
		"README.md", fileCheckpoint, fileSignature, fileText, "csv.jq", fileCSV, fileEntries, fileExport, fileMilestones,
		filePeople, fileKeyPEM, fileKeyText, "verify.sh",
	}
	if !slices.Equal(names, want) {
		t.Errorf("files: %v", names)
	}
	if got := contentOf(t, folder, fileEntries); got != string(l.file()) {
		t.Error("the entries are not those of the log, byte for byte")
	}
	people := contentOf(t, folder, filePeople)
	if !strings.Contains(people, person) || !strings.Contains(people, `"Ana"`) || strings.Contains(people, other) {
		t.Errorf("people: %s", people)
	}
	readme := contentOf(t, folder, "README.md")
	for _, name := range want {
		if !strings.Contains(readme, "`"+name+"`") && name != "README.md" {
			t.Errorf("README.md does not explain %s", name)
		}
	}
	for _, name := range []string{fileEntries, fileCSV, fileKeyText, fileExport} {
		if strings.Contains(contentOf(t, folder, name), "PRIVATE") {
			t.Errorf("%s holds a private key", name)
		}
	}
}

func contentOf(t testing.TB, folder, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestBundleTable(t *testing.T) {
	l := newLog(t, 1)
	l.add(t, Event{
		Action: ActionHistoryPruned, Object: Object{Type: "history", Organization: "=1+1", ID: "a\"b"}, Result: ResultOK,
		After: "+1", Policy: "-2", RequestID: "@x", Facts: []Fact{Text("text", "\ttab"), Number("number", -3)},
	})
	rows := strings.Split(contentOf(t, exported(t, Export{Log: l.log(), CSV: true}), fileCSV), "\n")
	if len(rows) != 4 || rows[3] != "" || !strings.HasPrefix(rows[0], `"seq","time","run","elapsed_us","clock","person",`) {
		t.Fatalf("rows: %q", rows)
	}
	want := `2,"2026-11-23T16:11:33.123456Z","9f3c2a1b4d5e6f70",2000000,"steady","","system","none","history-pruned",` +
		`"history","'=1+1","a""b","","'+1","'-2","","","'@x","ok","{""text"":""\ttab"",""number"":-3}",`
	if !strings.HasPrefix(rows[2], want) {
		t.Errorf("row:  %s\nwant: %s", rows[2], want)
	}
}

func TestWriteBundleRefuses(t *testing.T) {
	l := newLog(t, 3)
	cut := l.log()
	cut.Lines = each(l.lines[:2])
	broken := errors.New("disk on fire")
	failing := l.log()
	failing.Lines = func(yield func([]byte, error) bool) {
		if yield(l.lines[0], nil) {
			yield(nil, broken)
		}
	}
	for name, c := range map[string]struct {
		export Export
		want   error
	}{
		"tampered":    {Export{Log: cut}, ErrTampered},
		"unreadable":  {Export{Log: failing, CSV: true}, broken},
		"none so new": {Export{Log: l.log(), Since: testTime.Add(time.Hour)}, errNothing},
		"empty":       {Export{Log: Log{Lines: each(nil)}}, errNothing},
	} {
		t.Run(name, func(t *testing.T) {
			parent := t.TempDir()
			if _, err := WriteBundle(t.Context(), filepath.Join(parent, "export"), c.export); !errors.Is(err, c.want) {
				t.Errorf("error: %v", err)
			}
			if left, err := os.ReadDir(parent); err != nil || len(left) > 0 {
				t.Errorf("it left %v, %v", left, err)
			}
		})
	}
}

func TestWriteBundleChangesNothing(t *testing.T) {
	l, parent := newLog(t, 1), t.TempDir()
	file := filepath.Join(parent, "file")
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(parent, "empty")
	dangling := filepath.Join(parent, "link")
	if err := errors.Join(os.Mkdir(empty, 0o700), os.Symlink("nowhere", dangling)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, empty, dangling} {
		if _, err := WriteBundle(t.Context(), path, Export{Log: l.log()}); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, path := range []string{filepath.Join(file, "under"), filepath.Join(parent, "no", "such")} {
		if _, err := WriteBundle(t.Context(), path, Export{Log: l.log()}); err == nil || errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if contentOf(t, parent, "file") != "mine" {
		t.Error("the file was changed")
	}
}

// TestBundleManipulated changes one file of a bundle in one way.
func TestBundleManipulated(t *testing.T) {
	l := variedLog(t)
	folder := exported(t, Export{Log: l.log(), CSV: true})
	for _, c := range manipulations(t, l) {
		t.Run(c.name, func(t *testing.T) {
			copied := filepath.Join(t.TempDir(), "export")
			if err := os.CopyFS(copied, os.DirFS(folder)); err != nil {
				t.Fatal(err)
			}
			c.apply(t, copied)
			log, err := OpenBundle(copied)
			if err == nil {
				_, err = Verify(t.Context(), log, Trust{})
			}
			var tampered *Tampered
			if !errors.As(err, &tampered) || !strings.Contains(err.Error(), c.program) {
				t.Errorf("error: %v\nwant: %s", err, c.program)
			}
		})
	}
}

func TestOpenBundleCannotRead(t *testing.T) {
	l := newLog(t, 2)
	for _, name := range []string{
		fileEntries, fileCSV, fileMilestones, fileCheckpoint, fileText, fileSignature, fileKeyPEM, fileKeyText, fileExport,
	} {
		folder := exported(t, Export{Log: l.log(), CSV: true})
		if err := os.Remove(filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
		log, err := OpenBundle(folder)
		if err == nil {
			_, err = Verify(t.Context(), log, Trust{})
		}
		if !errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrTampered) || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: %v", name, err)
		}
	}
	folder := exported(t, Export{Log: l.log(), CSV: true})
	for path, want := range map[string]error{
		filepath.Join(folder, "no-such"): fs.ErrNotExist,
		filepath.Join(folder, fileCSV):   fs.ErrInvalid,
	} {
		if _, err := OpenBundle(path); !errors.Is(err, want) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestOpenBundleTooLong(t *testing.T) {
	folder := exported(t, Export{Log: newLog(t, 1).log()})
	if err := os.Truncate(filepath.Join(folder, fileMilestones), maxSmall+1); err != nil { // a hole, which takes no space
		t.Fatal(err)
	}
	if _, err := OpenBundle(folder); !errors.Is(err, ErrTampered) {
		t.Errorf("error: %v", err)
	}
}
