package replay

import (
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
)

// Image is a folder as a disk may show it after the power failed.
type Image struct {
	Operations int               // how many of the recording's operations had been issued
	Acks       []string          // what the program had said by then, write by write
	Files      map[string][]byte // by name
}

// Images gives one image for each point of the recording: before its first operation, after each, so that there is one
// more than there are operations. The seed decides what each of them has lost. An image's bytes are the caller's.
func (r *Recording) Images(seed uint64) iter.Seq[Image] {
	return func(yield func(Image) bool) {
		d := newDisk(r.initial)
		for at := range len(r.Operations) + 1 {
			if !yield(d.drawn(seed)) || at == len(r.Operations) {
				return
			}
			d.apply(r.Operations[at])
		}
	}
}

// Image is the one of Images with that many operations.
func (r *Recording) Image(seed uint64, operations int) Image {
	d := newDisk(r.initial)
	for _, o := range r.Operations[:operations] {
		d.apply(o)
	}
	return d.drawn(seed)
}

// Final is the folder after the last operation if nothing is lost: what the program itself saw.
func (r *Recording) Final() map[string][]byte {
	d := newDisk(r.initial)
	for _, o := range r.Operations {
		d.apply(o)
	}
	return d.image(loss{}).Files
}

// disk is a folder with what is surely on the disk and what may be.
type disk struct {
	operations int
	acks       []string
	files      map[int]*file
	names      map[string]int // files by the names that are surely there
	changes    []pending      // of names, since
}

type file struct {
	settled []byte    // what is surely there, up to the first of writes
	writes  []pending // and truncations
}

// pending is an operation that may be lost unless it is settled. A settled one waits here for those before it, which
// must not overwrite it.
type pending struct {
	Operation
	at      int
	settled bool
	doubted bool // by a failed sync
}

func newDisk(initial map[string]string) *disk {
	d := &disk{files: map[int]*file{}, names: map[string]int{}}
	for number, name := range slices.Sorted(maps.Keys(initial)) {
		d.files[number] = &file{settled: []byte(initial[name])}
		d.names[name] = number
	}
	return d
}

func (d *disk) apply(o Operation) {
	p := pending{Operation: o, at: d.operations}
	d.operations++
	switch o.Kind {
	case Create:
		d.files[o.File] = &file{}
		d.changes = append(d.changes, p)
	case Link, Unlink, Rename:
		d.changes = append(d.changes, p)
	case Write, Truncate:
		f := d.files[o.File]
		f.writes = append(f.writes, p)
	case Sync:
		d.files[o.File].sync(o.Since)
	case FailedSync:
		d.files[o.File].doubt(o.Since)
	case SyncFolder:
		d.syncFolder(o.Since)
	case Ack:
		d.acks = append(d.acks, o.Data)
	}
}

func (f *file) sync(since int) {
	for i := range f.writes {
		if w := &f.writes[i]; w.at < since && !w.doubted {
			w.settled = true
		}
	}
	n := 0
	for n < len(f.writes) && f.writes[n].settled {
		f.settled = f.writes[n].change(f.settled)
		n++
	}
	f.writes = slices.Clone(f.writes[n:])
}

func (f *file) doubt(since int) {
	for i := range f.writes {
		if w := &f.writes[i]; w.at < since && !w.settled {
			w.doubted = true
		}
	}
}

func (d *disk) syncFolder(since int) {
	var later []pending
	for _, c := range d.changes {
		if c.at < since {
			c.rename(d.names)
		} else {
			later = append(later, c)
		}
	}
	d.changes = later
}

// rename makes an operation's change to a folder's names.
func (p pending) rename(names map[string]int) {
	switch p.Kind {
	case Create, Link:
		names[p.Name] = p.File
	case Unlink:
		delete(names, p.Name)
	case Rename:
		delete(names, p.Name)
		names[p.To] = p.File
	default:
		panic("no change of a name")
	}
}

// change makes an operation's change to a file's content.
func (p pending) change(content []byte) []byte {
	if p.Kind == Truncate {
		return resized(content, p.Offset)
	}
	return put(content, p.Offset, p.Data)
}

func resized(content []byte, size int64) []byte {
	if size <= int64(len(content)) {
		return content[:size]
	}
	return append(content, make([]byte, size-int64(len(content)))...)
}

func put(content []byte, offset int64, data string) []byte {
	if end := offset + int64(len(data)); end > int64(len(content)) {
		content = resized(content, end)
	}
	copy(content[offset:], data)
	return content
}

// unsettled are the places of the operations that may be lost, in their order.
func (d *disk) unsettled() []int {
	var places []int
	for _, c := range d.changes {
		places = append(places, c.at)
	}
	for _, f := range d.files {
		for _, w := range f.writes {
			if !w.settled {
				places = append(places, w.at)
			}
		}
	}
	slices.Sort(places)
	return places
}

// drawn is the folder if the loss happens that the seed draws.
func (d *disk) drawn(seed uint64) Image {
	random := rand.New(rand.NewPCG(seed, uint64(d.operations))) //nolint:gosec // it is to be repeatable
	return d.image(drawLoss(random, d.unsettled()))
}

// image is the folder if the given loss happens.
func (d *disk) image(l loss) Image {
	image := Image{Operations: d.operations, Acks: slices.Clone(d.acks), Files: map[string][]byte{}}
	first := map[int]string{} // name by file
	names := d.namesAfter(l)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		number := names[name]
		if other, linked := first[number]; linked {
			image.Files[name] = slices.Clone(image.Files[other])
			continue
		}
		first[number] = name
		image.Files[name] = d.files[number].after(l)
	}
	return image
}

// namesAfter keeps, of each name's changes, those before the first that is lost.
func (d *disk) namesAfter(l loss) map[string]int {
	names := maps.Clone(d.names)
	cut := map[string]bool{}
	for _, c := range d.changes {
		gone := l.fates[c.at] != kept
		for _, name := range c.names() {
			gone = gone || cut[name]
		}
		if !gone {
			c.rename(names)
			continue
		}
		for _, name := range c.names() {
			cut[name] = true
		}
	}
	return names
}

func (f *file) after(l loss) []byte {
	content := slices.Clone(f.settled)
	for _, w := range f.writes {
		switch what := l.fates[w.at]; {
		case w.settled || what == kept:
			content = w.change(content)
		case what == torn && w.Kind == Write:
			content = l.tear(content, w.Operation)
		}
	}
	return content
}
