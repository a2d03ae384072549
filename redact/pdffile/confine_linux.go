package pdffile

import (
	"errors"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// confine limits the process for good:
//   - memory, by RLIMIT_DATA, which counts private writable memory since Linux
//     4.7 (RLIMIT_AS would count the address space that Go only reserves); it is
//     half again as large as the budget, which watchMemory keeps more politely,
//   - no core file with patient data in it,
//   - no change to the file system, by Landlock where the kernel has it,
//   - no new descriptor, so no file, no socket, no child; last, as Landlock
//     needs one and the runtime's poller has to have its own.
func confine(budget int64) error {
	hard := uint64(budget) / 2 * 3 // positive
	if err := limitTo(unix.RLIMIT_DATA, hard); err != nil {
		return err
	}
	if err := limitTo(unix.RLIMIT_CORE, 0); err != nil {
		return err
	}
	if err := landlock(); err != nil {
		return err
	}
	if err := openPoller(); err != nil {
		return err
	}
	return limitTo(unix.RLIMIT_NOFILE, 0)
}

// openPoller makes the runtime open the descriptors of its network poller,
// which timers need too: it does so once, for the first pipe at the latest.
func openPoller() error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	return errors.Join(r.Close(), w.Close())
}

func limitTo(what int, n uint64) error {
	return unix.Setrlimit(what, &unix.Rlimit{Cur: n, Max: n})
}

// landlock gives up every right over files and, since ABI 4, binding and
// connecting TCP sockets (Linux: Documentation/userspace-api/landlock.rst).
func landlock() error {
	abi := landlockABI()
	if abi == 0 {
		return nil
	}
	attr := unix.LandlockRulesetAttr{Handled_access_fs: fileRights(abi)}
	size := unsafe.Sizeof(attr.Handled_access_fs)
	if abi >= 4 {
		attr.Handled_access_net = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
		size += unsafe.Sizeof(attr.Handled_access_net)
	}
	fd, _, errno := syscall.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), size, 0) //nolint:gosec // how a structure is passed to the kernel
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

// landlockABI returns the version of Landlock, 0 for a kernel without it.
func landlockABI() uintptr {
	abi, _, errno := syscall.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0
	}
	return abi
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
