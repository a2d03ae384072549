package watch

import (
	"io/fs"
	"syscall"
)

// dataless marks a file whose bytes a cloud program has not fetched: SF_DATALESS
// (macOS sys/stat.h).
const dataless = 0x40000000

func cloudOnly(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && st.Flags&dataless != 0
}
