package watch

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestNetworkFileSystemsAreKnown(t *testing.T) {
	for name, magic := range map[string]int64{
		"nfs": 0x6969, "smb": 0x517B, "cifs": 0xFF534D42, "smb2": 0xFE534D42, "fuse": 0x65735546, "9p": 0x01021997, "ceph": 0x00C36400,
	} {
		if !networkTypes[magic] {
			t.Errorf("%s is watched for events it never sends", name)
		}
	}
	for name, magic := range map[string]int64{"ext4": 0xEF53, "xfs": 0x58465342, "btrfs": 0x9123683E, "tmpfs": 0x01021994, "overlay": 0x794C7630} {
		if networkTypes[magic] {
			t.Errorf("%s is taken for a network file system", name)
		}
	}
	dir := t.TempDir()
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		t.Fatal(err)
	}
	if got, want := remote(dir), networkTypes[int64(st.Type)&0xffffffff]; got != want {
		t.Errorf("%x is remote: %v", st.Type, got)
	}
}

func TestANetworkFileSystemIsPolledOnly(t *testing.T) {
	o, _, _ := newBox(t)
	o.remote = true
	wake, stop := o.events()
	defer stop()
	if wake != nil || !o.Polled() {
		t.Fatal("events are waited for")
	}
	if got := o.pause(Survey{}); got != 15*time.Second {
		t.Fatalf("next scan in %v", got)
	}
}
