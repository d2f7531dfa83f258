package replay

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// Recording is what a program did to one folder.
type Recording struct {
	Operations []Operation
	initial    map[string]string
}

// Scope says which files a recording is about.
type Scope struct {
	// Folder holds the files, and no folders: an absolute path without symbolic links.
	Folder string
	// Initial are the files that were there before, all on the disk.
	Initial map[string]string
	// Ignore tells the names of files that are left out; nil means none.
	Ignore func(name string) bool
}

// Record makes the calls of one process into operations on a folder. A call that could change the folder in a way that
// the model does not know is an error, and so is a second program, whose descriptors are other ones.
func Record(calls []Call, scope Scope) (*Recording, error) {
	r := newRecorder(scope)
	for _, e := range events(calls) {
		if err := r.event(e); err != nil {
			return nil, fmt.Errorf("call on line %d of the trace: %w", e.call.Entry+1, err)
		}
	}
	return &Recording{Operations: r.operations, initial: r.initial()}, nil
}

// event is the entry into a call or the return from it.
type event struct {
	line int
	exit bool
	call Call
}

func events(calls []Call) []event {
	var list []event
	for _, c := range calls {
		list = append(list, event{c.Entry, false, c})
		if c.Exit >= 0 {
			list = append(list, event{c.Exit, true, c})
		}
	}
	slices.SortStableFunc(list, func(a, b event) int { return cmp.Compare(a.line, b.line) })
	return list
}

// recorder follows a process through its descriptors and the folder's names, as the process sees them.
type recorder struct {
	Scope
	operations  []Operation
	descriptors map[int64]*description
	names       map[string]int // files by name
	sizes       []int64        // by file
	hidden      map[int]bool   // files that are left out
	begun       map[int]begun  // by thread
	programs    int
}

// description is what a descriptor stands for. Duplicates of a descriptor share it.
type description struct {
	file   int // folderFile for the folder itself
	offset int64
	atEnd  bool // O_APPEND
}

const folderFile = -1

// begun is what the entry into a call found for its return.
type begun struct {
	opened *description
	since  int // how many operations there were
}

func newRecorder(scope Scope) *recorder {
	r := &recorder{
		Scope: scope, descriptors: map[int64]*description{}, names: map[string]int{}, hidden: map[int]bool{},
		begun: map[int]begun{},
	}
	shown := r.initial()
	for _, name := range slices.Sorted(maps.Keys(shown)) { // as newDisk numbers them
		r.newFile(name, int64(len(shown[name])))
	}
	for name, content := range scope.Initial {
		if _, done := shown[name]; !done {
			r.newFile(name, int64(len(content)))
		}
	}
	return r
}

// initial are the files that were there before and are not left out.
func (s Scope) initial() map[string]string {
	shown := maps.Clone(s.Initial)
	maps.DeleteFunc(shown, func(name, _ string) bool { return s.Ignore != nil && s.Ignore(name) })
	return shown
}

func (r *recorder) newFile(name string, size int64) int {
	file := len(r.sizes)
	r.sizes = append(r.sizes, size)
	r.names[name] = file
	r.hidden[file] = r.Ignore != nil && r.Ignore(name)
	return file
}

func (r *recorder) add(o Operation) {
	if !r.hidden[o.File] {
		r.operations = append(r.operations, o)
	}
}

// step is what one system call means to the recorder.
type step struct {
	entry, exit func(*recorder, Call) error
	failed      func(*recorder, Call) error // instead of exit
}

// steps are the calls that can change files, names or descriptors.
var steps = map[string]step{
	"execve":    {entry: (*recorder).program},
	"open":      {entry: (*recorder).beginOpen, exit: (*recorder).endOpen},
	"openat":    {entry: (*recorder).beginOpen, exit: (*recorder).endOpen},
	"close":     {entry: (*recorder).close},
	"dup":       {exit: (*recorder).duplicate},
	"dup2":      {exit: (*recorder).duplicate},
	"dup3":      {exit: (*recorder).duplicate},
	"fcntl":     {exit: (*recorder).control},
	"read":      {exit: (*recorder).read},
	"lseek":     {exit: (*recorder).seek},
	"write":     {entry: (*recorder).write},
	"pwrite64":  {entry: (*recorder).writeAt},
	"ftruncate": {entry: (*recorder).truncate},
	"fsync":     {entry: (*recorder).beginSync, exit: (*recorder).endSync, failed: (*recorder).failSync},
	"fdatasync": {entry: (*recorder).beginSync, exit: (*recorder).endSync, failed: (*recorder).failSync},
	"link":      {entry: (*recorder).link},
	"linkat":    {entry: (*recorder).link},
	"rename":    {entry: (*recorder).rename},
	"renameat":  {entry: (*recorder).rename},
	"renameat2": {entry: (*recorder).rename},
	"unlink":    {entry: (*recorder).unlink},
	"unlinkat":  {entry: (*recorder).unlink},
	"mmap":      {entry: (*recorder).mapMemory},
	"mkdir":     {entry: (*recorder).refuseInside},
	"mkdirat":   {entry: (*recorder).refuseInside},
}

// harmless are calls that change neither what files hold nor which names they have.
var harmless = set(
	"access", "chmod", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_wait", "eventfd2", "faccessat", "faccessat2",
	"fadvise64", "fchmod", "fchmodat", "fchown", "fchownat", "flock", "fstat", "fstatfs", "getcwd", "getdents64", "ioctl",
	"lstat", "newfstatat", "pipe2", "pread64", "pselect6", "readlink", "readlinkat", "stat", "statfs", "statx",
	"utimensat",
)

func set(names ...string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, name := range names {
		m[name] = true
	}
	return m
}

func (r *recorder) event(e event) error {
	known, ok := steps[e.call.Name]
	switch {
	case !ok && harmless[e.call.Name]:
		return nil
	case !ok:
		return fmt.Errorf("the model does not know what %s does to files", e.call.Name)
	}
	do := known.entry
	switch {
	case e.exit && e.call.Errno != "":
		do = known.failed
	case e.exit:
		do = known.exit
	case e.call.Errno != "" && known.failed == nil:
		return nil // a call that failed did nothing, unless it has a meaning of its own
	}
	if do == nil {
		return nil
	}
	return do(r, e.call)
}

func (r *recorder) program(Call) error {
	if r.programs++; r.programs > 1 {
		return errors.New("the program starts another one, whose files are not followed")
	}
	return nil
}

// inside gives the name that a path has in the folder; "." is the folder itself. at is the descriptor that a relative
// path starts from; calls without one have AT_FDCWD.
func (r *recorder) inside(at string, path string) (name string, ok bool, err error) {
	if !filepath.IsAbs(path) {
		if at == "AT_FDCWD" {
			return "", false, fmt.Errorf("the path %q is relative: start the program with absolute ones", path)
		}
		fd, err := Call{Name: "a path", Args: []string{at}}.number(0)
		if d := r.descriptors[fd]; err != nil || d == nil || d.file != folderFile {
			return "", false, err
		}
		path = filepath.Join(r.Folder, path)
	}
	name, err = filepath.Rel(r.Folder, path)
	if err != nil || name == ".." || strings.HasPrefix(name, "../") {
		return "", false, nil //nolint:nilerr // it is somewhere else
	}
	if strings.Contains(name, "/") {
		return "", false, fmt.Errorf("%q is in a folder below, which the model does not know", path)
	}
	return name, true, nil
}

// path gives the name in the folder of a call's path argument. Calls whose name ends in "at" have a descriptor before
// it.
func (r *recorder) path(c Call, i int) (name string, ok bool, err error) {
	at := "AT_FDCWD"
	if strings.HasSuffix(strings.TrimRight(c.Name, "2"), "at") {
		at, i = c.arg(2*i), 2*i+1
	}
	path, err := c.text(i)
	if err != nil {
		return "", false, err
	}
	return r.inside(at, path)
}

func (r *recorder) refuseInside(c Call) error {
	name, ok, err := r.path(c, 0)
	if err == nil && ok {
		err = fmt.Errorf("the model does not know %s, of %q", c.Name, name)
	}
	return err
}

// flags are the flags of an open.
func flags(c Call) map[string]bool {
	i := 1
	if c.Name == "openat" {
		i = 2
	}
	return set(strings.Split(c.arg(i), "|")...)
}

func (r *recorder) beginOpen(c Call) error {
	delete(r.begun, c.Thread)
	name, ok, err := r.path(c, 0)
	if err != nil || !ok {
		return err
	}
	flags := flags(c)
	if flags["O_TMPFILE"] || flags["O_SYNC"] || flags["O_DSYNC"] {
		return fmt.Errorf("the model does not know the flags %s of %q", c.Args, name)
	}
	if name == "." {
		r.begun[c.Thread] = begun{opened: &description{file: folderFile}}
		return nil
	}
	file, exists := r.names[name]
	switch {
	case !exists && !flags["O_CREAT"] && c.cutOff():
		return nil
	case !exists && !flags["O_CREAT"]:
		return fmt.Errorf("%q is opened and was never created", name)
	case !exists:
		file = r.newFile(name, 0)
		r.add(Operation{Kind: Create, File: file, Name: name})
	case flags["O_TRUNC"]:
		r.resize(file, 0)
	}
	r.begun[c.Thread] = begun{opened: &description{file: file, atEnd: flags["O_APPEND"]}}
	return nil
}

func (r *recorder) endOpen(c Call) error {
	delete(r.descriptors, c.Result)
	if b, ok := r.begun[c.Thread]; ok {
		r.descriptors[c.Result] = b.opened
	}
	return nil
}

// descriptor is what a call's first argument stands for; nil for a file elsewhere.
func (r *recorder) descriptor(c Call) (*description, error) {
	fd, err := c.number(0)
	return r.descriptors[fd], err
}

func (r *recorder) close(c Call) error {
	fd, err := c.number(0)
	delete(r.descriptors, fd)
	return err
}

func (r *recorder) duplicate(c Call) error {
	d, err := r.descriptor(c)
	delete(r.descriptors, c.Result)
	if d != nil {
		r.descriptors[c.Result] = d
	}
	return err
}

// control looks at fcntl, which duplicates descriptors too.
func (r *recorder) control(c Call) error {
	if strings.HasPrefix(c.arg(1), "F_DUPFD") {
		return r.duplicate(c)
	}
	return nil
}

func (r *recorder) read(c Call) error {
	d, err := r.descriptor(c)
	if d != nil {
		d.offset += c.Result
	}
	return err
}

func (r *recorder) seek(c Call) error {
	d, err := r.descriptor(c)
	if d != nil {
		d.offset = c.Result
	}
	return err
}

const stdout = 1

func (r *recorder) write(c Call) error {
	fd, err := c.number(0)
	if err != nil {
		return err
	}
	if fd == stdout {
		text, err := c.text(1)
		r.operations = append(r.operations, Operation{Kind: Ack, Data: text})
		return err
	}
	d := r.descriptors[fd]
	if d == nil {
		return nil
	}
	if d.atEnd && d.file != folderFile {
		d.offset = r.sizes[d.file]
	}
	n, err := r.put(c, d.file, d.offset)
	d.offset += n
	return err
}

func (r *recorder) writeAt(c Call) error {
	d, err := r.descriptor(c)
	if d == nil || err != nil {
		return err
	}
	offset, err := c.number(3)
	if err != nil {
		return err
	}
	_, err = r.put(c, d.file, offset)
	return err
}

// put adds the write of a call, as much of it as the call says it wrote.
func (r *recorder) put(c Call, file int, offset int64) (n int64, err error) {
	if file == folderFile || offset < 0 {
		return 0, fmt.Errorf("a write at %d of what cannot be written there", offset)
	}
	data, err := c.text(1)
	if err != nil {
		return 0, err
	}
	if length, err := c.number(2); err != nil || length != int64(len(data)) {
		return 0, errors.Join(fmt.Errorf("the trace has %d bytes of a write: run strace with a larger -s", len(data)), err)
	}
	if c.Exit >= 0 {
		if c.Result < 0 || c.Result > int64(len(data)) {
			return 0, fmt.Errorf("a write of %d bytes gives %d", len(data), c.Result)
		}
		data = data[:c.Result]
	}
	n = int64(len(data))
	r.sizes[file] = max(r.sizes[file], offset+n)
	r.add(Operation{Kind: Write, File: file, Offset: offset, Data: data})
	return n, nil
}

func (r *recorder) truncate(c Call) error {
	d, err := r.descriptor(c)
	if d == nil || err != nil {
		return err
	}
	size, err := c.number(1)
	switch {
	case err != nil:
		return err
	case size < 0 || d.file == folderFile:
		return fmt.Errorf("a cut to %d bytes of what cannot be cut so", size)
	}
	r.resize(d.file, size)
	return nil
}

func (r *recorder) resize(file int, size int64) {
	r.sizes[file] = size
	r.add(Operation{Kind: Truncate, File: file, Offset: size})
}

func (r *recorder) beginSync(c Call) error {
	r.begun[c.Thread] = begun{since: len(r.operations)}
	return nil
}

func (r *recorder) endSync(c Call) error {
	d, err := r.descriptor(c)
	if d == nil || err != nil {
		return err
	}
	kind := Sync
	if d.file == folderFile {
		kind = SyncFolder
	}
	r.add(Operation{Kind: kind, File: d.file, Since: r.begun[c.Thread].since})
	return nil
}

// failSync leaves folders alone: a journal that could not write their names keeps them for the next time.
func (r *recorder) failSync(c Call) error {
	d, err := r.descriptor(c)
	if d != nil && d.file != folderFile {
		r.add(Operation{Kind: FailedSync, File: d.file, Since: r.begun[c.Thread].since})
	}
	return err
}

// two gives the names of a call's two paths, which must both be in the folder or both elsewhere.
func (r *recorder) two(c Call) (from, to string, ok bool, err error) {
	from, fromInside, err1 := r.path(c, 0)
	to, toInside, err2 := r.path(c, 1)
	if err := errors.Join(err1, err2); err != nil {
		return "", "", false, err
	}
	if fromInside != toInside {
		return "", "", false, fmt.Errorf("%s goes over the folder's border", c.Name)
	}
	return from, to, fromInside, nil
}

func (r *recorder) link(c Call) error {
	from, to, ok, err := r.two(c)
	if err != nil || !ok {
		return err
	}
	file, exists := r.names[from]
	if !exists && c.cutOff() {
		return nil
	}
	if !exists {
		return fmt.Errorf("%q is linked and was never created", from)
	}
	r.names[to] = file
	r.add(Operation{Kind: Link, File: file, Name: to})
	return nil
}

func (r *recorder) rename(c Call) error {
	from, to, ok, err := r.two(c)
	if err != nil || !ok {
		return err
	}
	file, exists := r.names[from]
	if !exists && c.cutOff() {
		return nil
	}
	if !exists {
		return fmt.Errorf("%q is renamed and was never created", from)
	}
	delete(r.names, from)
	r.names[to] = file
	r.add(Operation{Kind: Rename, File: file, Name: from, To: to})
	return nil
}

func (r *recorder) unlink(c Call) error {
	name, ok, err := r.path(c, 0)
	if err != nil || !ok {
		return err
	}
	file, exists := r.names[name]
	if !exists && c.cutOff() {
		return nil
	}
	if !exists {
		return fmt.Errorf("%q is removed and was never created", name)
	}
	delete(r.names, name)
	r.add(Operation{Kind: Unlink, File: file, Name: name})
	return nil
}

// mapMemory refuses maps through which files can be written unseen.
func (r *recorder) mapMemory(c Call) error {
	if !strings.Contains(c.arg(2), "PROT_WRITE") || !strings.Contains(c.arg(3), "MAP_SHARED") {
		return nil
	}
	fd, err := c.number(4)
	if err != nil {
		return err
	}
	if d := r.descriptors[fd]; d != nil && !r.hidden[d.file] {
		return errors.New("the program writes a file through a memory map, which no trace shows")
	}
	return nil
}
