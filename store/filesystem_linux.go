package store

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// networkFS names the file systems, by the magic number that statfs(2) gives, on which SQLite's locks or shared memory
// may not hold between machines. FUSE is among them because nothing tells a local one (ntfs-3g) from a remote one
// (sshfs).
var networkFS = map[uint32]string{
	unix.NFS_SUPER_MAGIC:   "NFS",
	unix.SMB_SUPER_MAGIC:   "SMB",
	unix.SMB2_SUPER_MAGIC:  "SMB",
	unix.CIFS_SUPER_MAGIC:  "CIFS",
	unix.FUSE_SUPER_MAGIC:  "FUSE",
	unix.V9FS_MAGIC:        "9P",
	unix.AFS_SUPER_MAGIC:   "AFS",
	unix.AFS_FS_MAGIC:      "AFS",
	unix.CODA_SUPER_MAGIC:  "Coda",
	unix.CEPH_SUPER_MAGIC:  "Ceph",
	unix.OCFS2_SUPER_MAGIC: "OCFS2",
	0x01161970:             "GFS2",
	0x0bd00bd0:             "Lustre",
	0x47504653:             "GPFS",
	0x19830326:             "BeeGFS",
	0x786f4256:             "VirtualBox shared folder",
}

// localDisk refuses folders on known network file systems, unless they are allowed.
func localDisk(folder string, allowed bool) error {
	var stat unix.Statfs_t
	if err := unix.Statfs(folder, &stat); err != nil {
		return fmt.Errorf("find the file system of %s: %w", folder, err)
	}
	return refuseNetworkFS(uint32(stat.Type), allowed) //nolint:gosec // magic numbers have 32 bits
}

func refuseNetworkFS(magic uint32, allowed bool) error {
	if name, network := networkFS[magic]; network && !allowed {
		return fmt.Errorf("it is on %s, where a database can be damaged: put it on a local disk, or allow network file "+
			"systems if only one machine ever opens it: %w", name, ErrNetworkFS)
	}
	return nil
}
