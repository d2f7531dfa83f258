package store

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestNetworkFileSystems(t *testing.T) {
	for magic, name := range map[uint32]string{
		unix.NFS_SUPER_MAGIC: "NFS", unix.CIFS_SUPER_MAGIC: "CIFS", unix.SMB2_SUPER_MAGIC: "SMB", unix.FUSE_SUPER_MAGIC: "FUSE",
	} {
		err := refuseNetworkFS(magic, false)
		if !errors.Is(err, ErrNetworkFS) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
		if err := refuseNetworkFS(magic, true); err != nil {
			t.Errorf("%s although allowed: %v", name, err)
		}
	}
	for _, magic := range []uint32{unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.TMPFS_MAGIC, unix.OVERLAYFS_SUPER_MAGIC} {
		if err := refuseNetworkFS(magic, false); err != nil {
			t.Errorf("%#x: %v", magic, err)
		}
	}
	if err := localDisk("/nowhere/at/all", true); err == nil {
		t.Error("a missing folder has a file system")
	}
}
