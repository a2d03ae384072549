//go:build unix

package logfile

import (
	"fmt"
	"os"
	"syscall"
)

// IsJournal tells whether a file is the stream that systemd has connected to its
// journal: stream is JOURNAL_STREAM, device and inode (systemd.exec(5)).
func IsJournal(f *os.File, stream string) bool {
	info, err := f.Stat()
	if err != nil || stream == "" {
		return false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && stream == fmt.Sprintf("%d:%d", st.Dev, st.Ino)
}
