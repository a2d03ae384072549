package pdffile

import (
	"errors"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// confine limits the process: memory by RLIMIT_DATA, which counts private
// writable memory since Linux 4.7 (RLIMIT_AS would count the address space
// that Go only reserves), no core file with patient data in it, and no access
// to files and network by Landlock. Of Landlock it takes what the kernel has.
func confine(budget int64) error {
	for what, n := range map[int]uint64{unix.RLIMIT_DATA: uint64(budget) + 64<<20, unix.RLIMIT_CORE: 0} { //nolint:gosec // positive
		if err := unix.Setrlimit(what, &unix.Rlimit{Cur: n, Max: n}); err != nil {
			return err
		}
	}
	return landlock()
}

// landlock gives up opening files and, since ABI 4, binding and connecting TCP
// sockets (Linux: Documentation/userspace-api/landlock.rst).
func landlock() error {
	abi, _, errno := syscall.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return nil // a kernel without it
	}
	attr := unix.LandlockRulesetAttr{Handled_access_fs: fileRights(abi)}
	size := unsafe.Sizeof(attr.Handled_access_fs)
	if abi >= 4 {
		attr.Handled_access_net = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
		size += unsafe.Sizeof(attr.Handled_access_net)
	}
	fd, _, errno := syscall.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), size, 0)
	if errno != 0 {
		return errno
	}
	defer func() { _ = unix.Close(int(fd)) }()
	// Both calls bind one thread, so every thread has to make them; a binary
	// with cgo cannot and goes without. Ours has none.
	_, _, errno = syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0)
	if errno == 0 {
		_, _, errno = syscall.AllThreadsSyscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0)
	}
	if errno != 0 && !errors.Is(errno, syscall.ENOTSUP) {
		return errno
	}
	return nil
}

// fileRights returns every right over files that the ABI knows.
func fileRights(abi uintptr) uint64 {
	rights := uint64(unix.LANDLOCK_ACCESS_FS_MAKE_SYM)<<1 - 1 // ABI 1: the first 13
	if abi >= 2 {
		rights |= unix.LANDLOCK_ACCESS_FS_REFER
	}
	if abi >= 3 {
		rights |= unix.LANDLOCK_ACCESS_FS_TRUNCATE
	}
	if abi >= 5 {
		rights |= unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	}
	return rights
}
