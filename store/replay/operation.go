// Package replay finds out what a power loss may leave of the files that a program writes. It reads the system calls of
// the real program as strace recorded them, makes them into operations on one folder, and builds, for any point of
// their order, the folders that a disk may show after the power failed there.
//
// The disk that it pretends forgets as much as POSIX lets it forget:
//
//   - What was written to a file since its last sync may each be kept, lost or torn, whatever becomes of the rest. A
//     torn write keeps some of the 512-byte sectors that it touches and loses the others; the bytes around a write
//     are never harmed. A file is as long as what was kept makes it.
//   - Names that were created, linked, renamed or removed since the folder's last sync may be lost too. Of one name, no
//     operation is kept that came after a lost one. A rename is kept or lost whole.
//   - A write counts from its entry, a sync from its return, for what was issued before the sync's entry. An
//     acknowledgement, which is a write to the standard output, counts from its entry.
//   - A sync that failed settles nothing, and what was unsettled then stays so until it is written anew: Linux may drop
//     it although a later sync succeeds.
//
// Writes through memory maps are invisible to strace. A shared map with the right to write, on any file that is not
// left out, is therefore an error; SQLite has one on its WAL index (-shm), which it rebuilds after a crash and which is
// best left out. So is every system call that this package does not know, lest the model miss a write.
package replay

// Kind is what an operation does.
type Kind int

// The operations that the disk knows.
const (
	Create     Kind = iota // File gets Name, and is empty
	Link                   // File gets Name besides those it has
	Unlink                 // Name goes
	Rename                 // Name goes and To is File
	Write                  // Data at Offset of File
	Truncate               // File is cut or grown to Offset
	Sync                   // File's operations before Since are on the disk
	FailedSync             // they may never be
	SyncFolder             // the names' operations before Since are on the disk
	Ack                    // the program says Data
)

// Operation is one step of a program that the disk, or the one whom it speaks to, notices.
type Operation struct {
	Kind   Kind
	File   int // number of the file, whatever its names are
	Name   string
	To     string
	Offset int64
	Data   string
	Since  int // place in the list of operations
}

// names are the names that an operation changes.
func (o Operation) names() []string {
	if o.Kind == Rename {
		return []string{o.Name, o.To}
	}
	return []string{o.Name}
}
