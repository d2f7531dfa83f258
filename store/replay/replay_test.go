package replay

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// trace is what strace would write of a toy program that keeps files in the folder /d.
type trace struct{ strings.Builder }

func (t *trace) call(name, args, result string) {
	fmt.Fprintf(t, "1 %s(%s) = %s\n", name, args, result)
}

func (t *trace) open(name string, fd int, flags string) {
	t.call("openat", fmt.Sprintf("AT_FDCWD, %s, %s", hexed("/d/"+name), flags), fmt.Sprint(fd))
}

func (t *trace) write(fd, offset int, data string) {
	t.call("pwrite64", fmt.Sprintf("%d, %s, %d, %d", fd, hexed(data), len(data), offset), fmt.Sprint(len(data)))
}

func (t *trace) append(fd int, data string) {
	t.call("write", fmt.Sprintf("%d, %s, %d", fd, hexed(data), len(data)), fmt.Sprint(len(data)))
}

func (t *trace) sync(fd int)       { t.call("fsync", fmt.Sprint(fd), "0") }
func (t *trace) failedSync(fd int) { t.call("fsync", fmt.Sprint(fd), "-1 EIO (Input/output error)") }
func (t *trace) close(fd int)      { t.call("close", fmt.Sprint(fd), "0") }
func (t *trace) rename(from, to string) {
	t.call("rename", hexed("/d/"+from)+", "+hexed("/d/"+to), "0")
}
func (t *trace) ack() { t.append(1, "ok\n") }

// syncFolder syncs the names.
func (t *trace) syncFolder() {
	t.open("", 9, "O_RDONLY|O_CLOEXEC")
	t.sync(9)
	t.close(9)
}

const (
	create = "O_RDWR|O_CREAT|O_CLOEXEC"
	// long is what the programs write, in several sectors.
	long = 4 * sectorSize
)

var oldText, newText = strings.Repeat("o", long), strings.Repeat("n", long)

// program is a toy that wants to bring a text to the disk before it says so.
type program struct {
	name    string
	initial map[string]string // "old" is there, or nothing
	write   func(t *trace)
	caught  bool // whether a power loss can leave another text after the program spoke
	between bool // whether a power loss can leave neither the old text nor the new
}

func (p program) trace() *trace {
	t := &trace{}
	p.write(t)
	return t
}

var existing = map[string]string{"f": oldText}

var programs = []program{
	{name: "overwrites and syncs", initial: existing, between: true, write: func(t *trace) {
		t.open("f", 3, "O_RDWR")
		t.write(3, 0, newText)
		t.sync(3)
		t.ack()
	}},
	{name: "forgets to sync", initial: existing, caught: true, between: true, write: func(t *trace) {
		t.open("f", 3, "O_RDWR")
		t.write(3, 0, newText)
		t.close(3)
		t.ack()
	}},
	{name: "speaks before it syncs", initial: existing, caught: true, between: true, write: func(t *trace) {
		t.open("f", 3, "O_RDWR")
		t.write(3, 0, newText)
		t.ack()
		t.sync(3)
	}},
	{name: "syncs before it writes", initial: existing, caught: true, between: true, write: func(t *trace) {
		t.open("f", 3, "O_RDWR")
		t.sync(3)
		t.write(3, 0, newText)
		t.ack()
	}},
	{name: "does not look whether the sync failed", initial: existing, caught: true, between: true, write: func(t *trace) {
		t.open("f", 3, "O_RDWR")
		t.write(3, 0, newText)
		t.failedSync(3)
		t.ack()
	}},
	{name: "tries a failed sync again", initial: existing, caught: true, between: true, write: func(t *trace) {
		t.open("f", 3, "O_RDWR")
		t.write(3, 0, newText)
		t.failedSync(3)
		t.sync(3)
		t.ack()
	}},
	{name: "writes again after a failed sync", initial: existing, between: true, write: func(t *trace) {
		t.open("f", 3, "O_RDWR")
		t.write(3, 0, newText)
		t.failedSync(3)
		t.write(3, 0, newText)
		t.sync(3)
		t.ack()
	}},
	{name: "creates, syncs and syncs the folder", write: func(t *trace) {
		t.open("f", 3, create)
		t.write(3, 0, newText)
		t.sync(3)
		t.syncFolder()
		t.ack()
	}, between: true},
	{name: "forgets the folder of a new file", caught: true, between: true, write: func(t *trace) {
		t.open("f", 3, create)
		t.write(3, 0, newText)
		t.sync(3)
		t.ack()
	}},
	{name: "replaces by a rename", initial: existing, write: func(t *trace) {
		t.open("f.new", 3, create)
		t.append(3, newText[:long/2])
		t.append(3, newText[long/2:])
		t.sync(3)
		t.close(3)
		t.rename("f.new", "f")
		t.syncFolder()
		t.ack()
	}},
	{name: "replaces and forgets the folder", initial: existing, caught: true, write: func(t *trace) {
		t.open("f.new", 3, create)
		t.append(3, newText)
		t.sync(3)
		t.rename("f.new", "f")
		t.ack()
	}},
	{name: "replaces before it syncs", initial: existing, between: true, write: func(t *trace) {
		t.open("f.new", 3, create)
		t.append(3, newText)
		t.rename("f.new", "f")
		t.syncFolder()
		t.sync(3)
		t.ack()
	}},
	{name: "links a whole file", write: func(t *trace) {
		t.open("draft", 3, create)
		t.append(3, newText)
		t.call("fdatasync", "3", "0")
		t.call("linkat", "AT_FDCWD, "+hexed("/d/draft")+", AT_FDCWD, "+hexed("/d/f")+", 0", "0")
		t.syncFolder()
		t.ack()
		t.call("unlinkat", "AT_FDCWD, "+hexed("/d/draft")+", 0", "0")
	}},
	{name: "syncs through another descriptor", initial: existing, between: true, write: func(t *trace) {
		t.open("f", 3, "O_RDWR")
		t.call("dup", "3", "4")
		t.close(3)
		t.open("f", 3, "O_RDONLY")
		t.write(4, 0, newText)
		t.sync(3)
		t.ack()
	}},
	{name: "syncs another file", initial: map[string]string{"f": oldText, "g": ""}, caught: true, between: true, write: func(t *trace) {
		t.open("f", 3, "O_RDWR")
		t.write(3, 0, newText)
		t.open("g", 4, "O_RDWR")
		t.sync(4)
		t.ack()
	}},
	{name: "writes into a truncated file", initial: existing, between: true, write: func(t *trace) {
		t.open("f", 3, "O_WRONLY|O_TRUNC")
		t.append(3, newText)
		t.sync(3)
		t.ack()
	}},
	{name: "appends", initial: map[string]string{"f": newText[:long/2]}, between: true, write: func(t *trace) {
		t.open("f", 3, "O_WRONLY|O_APPEND")
		t.append(3, newText[long/2:])
		t.sync(3)
		t.ack()
	}},
	{name: "writes while another thread syncs", initial: existing, caught: true, between: true, write: func(t *trace) {
		t.open("f", 3, "O_RDWR")
		t.WriteString("2 fsync(3 <unfinished ...>\n")
		t.write(3, 0, newText)
		t.WriteString("2 <... fsync resumed>) = 0\n")
		t.ack()
	}},
	{name: "speaks while another thread syncs", initial: existing, caught: true, between: true, write: func(t *trace) {
		t.open("f", 3, "O_RDWR")
		t.write(3, 0, newText)
		t.WriteString("2 fsync(3 <unfinished ...>\n")
		t.ack()
		t.WriteString("2 <... fsync resumed>) = 0\n")
	}},
}

func (p program) record(t *testing.T) *Recording {
	t.Helper()
	calls, err := Parse(strings.NewReader(p.trace().String()))
	if err != nil {
		t.Fatal(err)
	}
	r, err := Record(calls, Scope{Folder: "/d", Initial: p.initial})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestPrograms shows that the model finds what it is there to find, and nothing in programs that do it right.
func TestPrograms(t *testing.T) {
	for _, p := range programs {
		t.Run(p.name, func(t *testing.T) {
			r := p.record(t)
			if final := string(r.Final()["f"]); final != newText {
				t.Fatalf("the program itself leaves %.20q of %d bytes", final, len(final))
			}
			var caught, between bool
			for seed := range uint64(200) {
				for image := range r.Images(seed) {
					text := string(image.Files["f"])
					caught = caught || len(image.Acks) > 0 && text != newText
					between = between || text != newText && text != p.initial["f"]
				}
			}
			if caught != p.caught || between != p.between {
				t.Errorf("lost after it spoke: %t, want %t; half a text: %t, want %t", caught, p.caught, between, p.between)
			}
		})
	}
}

// TestImages holds what images of a recording have in common.
func TestImages(t *testing.T) {
	for _, p := range programs {
		r := p.record(t)
		var first []Image
		for image := range r.Images(7) {
			if image.Operations != len(first) {
				t.Errorf("%s: image %d is after %d operations", p.name, len(first), image.Operations)
			}
			first = append(first, image)
		}
		if len(first) != len(r.Operations)+1 {
			t.Errorf("%s: %d images of %d operations", p.name, len(first), len(r.Operations))
		}
		if !maps.EqualFunc(first[0].Files, p.initial, func(b []byte, s string) bool { return string(b) == s }) {
			t.Errorf("%s: the power fails at once, and the files differ", p.name)
		}
		if again := slices.Collect(r.Images(7)); !cmp.Equal(first, again) {
			t.Errorf("%s: the same seed gives other images", p.name)
		}
		for at, image := range first {
			if one := r.Image(7, at); !cmp.Equal(image, one) {
				t.Errorf("%s: image %d is another one by itself", p.name, at)
			}
		}
	}
}

// TestTear sees every sector of a torn write kept and lost, the bytes around the write untouched, and nothing but old
// and new bytes by sectors.
func TestTear(t *testing.T) {
	p := program{initial: map[string]string{"f": oldText}, write: func(t *trace) {
		t.open("f", 3, "O_RDWR")
		t.write(3, 100, newText)
	}}
	seen := map[string]bool{}
	for seed := range uint64(2000) {
		for image := range p.record(t).Images(seed) {
			seen[pieces(t, image.Files["f"])] = true
		}
	}
	// The fifth sector is beyond the old end, so that it is new or not there.
	for sector := range 5 {
		for _, state := range []byte{'o', 'n'} {
			found := false
			for s := range seen {
				found = found || sector < len(s) && s[sector] == state
			}
			if !found && (sector < 4 || state == 'n') {
				t.Errorf("no image has sector %d in state %c", sector, state)
			}
		}
	}
	if !seen["oooo"] || !seen["nnnnn"] || !seen["onnnn"] || !seen["nooo"] {
		t.Errorf("images seen: %v", slices.Sorted(maps.Keys(seen)))
	}
}

// pieces says of each sector whether it is old or new.
func pieces(t *testing.T, content []byte) string {
	t.Helper()
	var states []byte
	for i := 0; i < len(content); i += sectorSize {
		sector := content[i:min(i+sectorSize, len(content))]
		if i == 0 {
			if string(sector[:100]) != oldText[:100] {
				t.Fatal("bytes before the write are changed")
			}
			sector = sector[100:]
		}
		if strings.Trim(string(sector), string(sector[:1])) != "" {
			t.Fatalf("sector %d is mixed: %q", i/sectorSize, sector)
		}
		states = append(states, sector[0])
	}
	return string(states)
}

// TestNames holds that each name has a prefix of its operations, and a rename is whole.
func TestNames(t *testing.T) {
	p := program{initial: map[string]string{"a": "1", "b": "2"}, write: func(t *trace) {
		t.rename("a", "c")
		t.call("unlink", hexed("/d/b"), "0")
		t.rename("c", "b")
		t.call("unlink", hexed("/d/b"), "0")
	}}
	r := p.record(t)
	seen := map[string]bool{}
	for seed := range uint64(500) {
		for image := range r.Images(seed) {
			if image.Operations != len(r.Operations) {
				continue
			}
			var files []string
			for _, name := range slices.Sorted(maps.Keys(image.Files)) {
				files = append(files, name+"="+string(image.Files[name]))
			}
			seen[strings.Join(files, " ")] = true
		}
	}
	want := []string{"", "a=1", "a=1 b=2", "b=1", "b=2 c=1", "c=1"}
	if got := slices.Sorted(maps.Keys(seen)); !slices.Equal(got, want) {
		t.Errorf("folders %q, want %q", got, want)
	}
}

// TestFiles follows descriptors, offsets and calls that have no effect.
func TestFiles(t *testing.T) {
	p := program{initial: map[string]string{"f": "0123456789", "hidden-shm": "x"}, write: func(t *trace) {
		t.call("execve", hexed("/bin/toy")+", ["+hexed("toy")+"], 0x7ffc /* 9 vars */", "0")
		t.open("f", 3, "O_RDWR")
		t.call("fcntl", "3, F_DUPFD_CLOEXEC, 0", "0x5 (flags FD_CLOEXEC)")
		t.call("read", "5, "+hexed("01")+", 2", "2")
		t.append(3, "AB") // at 2
		t.call("lseek", "3, -1, SEEK_END", "9")
		t.append(5, "CD") // at 9
		t.call("pwrite64", "3, "+hexed("zzzz")+", 4, 0", "-1 ENOSPC (No space left on device)")
		t.call("pwrite64", "3, "+hexed("EFGH")+", 4, 4", "2") // short
		t.call("ftruncate", "3, 12", "0")
		t.call("dup3", "3, 7, O_CLOEXEC", "7")
		t.write(7, 11, "!")
		t.close(3)
		t.call("openat", "AT_FDCWD, "+hexed("/elsewhere/f")+", "+create, "3")
		t.write(3, 0, "not ours")
		t.open("hidden-shm", 4, "O_RDWR")
		t.call("mmap", "NULL, 8, PROT_READ|PROT_WRITE, MAP_SHARED, 4, 0", "0x7f0000000000")
		t.write(4, 0, "y")
		t.call("openat", "AT_FDCWD, "+hexed("/d")+", O_RDONLY", "6")
		t.call("openat", "6, "+hexed("g")+", O_WRONLY|O_CREAT|O_EXCL, 0600", "8")
		t.append(8, "new")
		t.call("renameat", "6, "+hexed("g")+", 6, "+hexed("h"), "0")
		t.call("unlinkat", "AT_FDCWD, "+hexed("/d/h")+", 0", "-1 EACCES (Permission denied)")
		t.call("mkdirat", "AT_FDCWD, "+hexed("/elsewhere/folder")+", 0700", "0")
		// The process ends in the last calls of its threads, before they did anything.
		t.call("openat", "6, "+hexed("not there")+", O_RDWR", "?")
		t.WriteString("2 rename(" + hexed("/d/not there") + ", " + hexed("/d/f") + " <unfinished ...>\n")
		t.WriteString("3 link(" + hexed("/d/not there") + ", " + hexed("/d/f") + " <unfinished ...>\n")
		t.WriteString("4 unlink(" + hexed("/d/not there") + " <unfinished ...>\n")
	}}
	calls, err := Parse(strings.NewReader(p.trace().String()))
	if err != nil {
		t.Fatal(err)
	}
	r, err := Record(calls, Scope{Folder: "/d", Initial: p.initial, Ignore: func(name string) bool {
		return strings.HasSuffix(name, "-shm")
	}})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for name, content := range r.Final() {
		got[name] = string(content)
	}
	want := map[string]string{"f": "01ABEF678CD!", "h": "new"}
	if !maps.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestRecordRefuses holds that nothing goes unseen.
func TestRecordRefuses(t *testing.T) {
	for want, write := range map[string]func(t *trace){
		"does not know what fallocate does":  func(t *trace) { t.call("fallocate", "3, 0, 0, 4096", "0") },
		"does not know what writev does":     func(t *trace) { t.call("writev", "3, [], 0", "0") },
		"memory map":                         func(t *trace) { t.call("mmap", "NULL, 9, PROT_READ|PROT_WRITE, MAP_SHARED, 3, 0", "0x1") },
		"starts another one":                 func(t *trace) { t.call("execve", `"", [], 0x1`, "0"); t.call("execve", `"", [], 0x1`, "0") },
		"is relative":                        func(t *trace) { t.call("unlink", hexed("f"), "0") },
		"in a folder below":                  func(t *trace) { t.open("sub/f", 4, create) },
		"does not know mkdir":                func(t *trace) { t.call("mkdir", hexed("/d/sub")+", 0700", "0") },
		"does not know the flags":            func(t *trace) { t.open("f", 4, "O_RDWR|O_SYNC") },
		"is opened and was never created":    func(t *trace) { t.open("nothing", 4, "O_RDWR") },
		"is removed and was never created":   func(t *trace) { t.call("unlink", hexed("/d/nothing"), "0") },
		"is renamed and was never created":   func(t *trace) { t.rename("nothing", "f") },
		"is linked and was never created":    func(t *trace) { t.call("link", hexed("/d/nothing")+", "+hexed("/d/g"), "0") },
		"over the folder's border":           func(t *trace) { t.call("rename", hexed("/d/f")+", "+hexed("/e/f"), "0") },
		"with a larger -s":                   func(t *trace) { t.call("pwrite64", "3, "+hexed("ab")+", 3, 0", "3") },
		"is no whole string":                 func(t *trace) { t.call("pwrite64", "3, "+hexed("ab")+"..., 3, 0", "3") },
		"a write at -1":                      func(t *trace) { t.write(3, -1, "ab") },
		"a cut to -1 bytes":                  func(t *trace) { t.call("ftruncate", "3, -1", "0") },
		"a write at 0 of what cannot be wr":  func(t *trace) { t.open("", 9, "O_RDONLY"); t.write(9, 0, "ab") },
		"a write of 2 bytes gives 3":         func(t *trace) { t.call("pwrite64", "3, "+hexed("ab")+", 2, 0", "3") },
		"run strace with -xx":                func(t *trace) { t.call("pwrite64", `3, "ab", 2, 0`, "2") },
		"argument 0 of ftruncate is no numb": func(t *trace) { t.call("ftruncate", "", "0") },
	} {
		toy := &trace{}
		toy.open("f", 3, "O_RDWR")
		write(toy)
		calls, err := Parse(strings.NewReader(toy.String()))
		if err != nil {
			t.Fatalf("%s: %v", want, err)
		}
		_, err = Record(calls, Scope{Folder: "/d", Initial: existing})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "on line") {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// BenchmarkImages builds the images of a program that writes and syncs a file of 200 KiB.
func BenchmarkImages(b *testing.B) {
	p := program{initial: map[string]string{"f": strings.Repeat("x", 200<<10)}, write: func(t *trace) {
		t.open("f", 3, "O_RDWR")
		for i := range 100 {
			t.write(3, i*8192%(200<<10), strings.Repeat("y", 8192))
			if i%10 == 9 {
				t.sync(3)
			}
		}
	}}
	calls, err := Parse(strings.NewReader(p.trace().String()))
	if err != nil {
		b.Fatal(err)
	}
	r, err := Record(calls, Scope{Folder: "/d", Initial: p.initial})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	images := 0
	for b.Loop() {
		for range r.Images(uint64(images)) {
			images++
		}
	}
	b.ReportMetric(float64(images)/b.Elapsed().Seconds(), "images/s")
}
