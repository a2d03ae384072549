//go:build unix

package logfile

import (
	"fmt"
	"os"
	"syscall"
	"testing"
)

func TestTheJournalIsKnownByItsStream(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = r.Close(), w.Close() }()
	info, err := w.Stat()
	if err != nil {
		t.Fatal(err)
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		t.Fatal("no stat")
	}
	own := fmt.Sprintf("%d:%d", st.Dev, st.Ino)
	for stream, want := range map[string]bool{own: true, "": false, own + "1": false, "x": false} {
		if IsJournal(w, stream) != want {
			t.Errorf("%q: %v", stream, !want)
		}
	}
}
