package ledger

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// copied is a snapshot's own folder.
func copied(t *testing.T, dir string, s Snapshot) string {
	t.Helper()
	to := t.TempDir()
	for _, e := range s.Segments {
		b, err := os.ReadFile(filepath.Join(dir, e.Name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, e.Name), b[:e.Size], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if s.Head != nil {
		if err := os.WriteFile(filepath.Join(to, headName), s.Head, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

func snapOf(t *testing.T, dir string) Snapshot {
	t.Helper()
	s, err := Snap(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A snapshot holds up to its own head whatever is written meanwhile, also over the turn of
// a year; bytes after the signed entry are left out.
func TestASnapshotOfALedgerThatGrows(t *testing.T) {
	dir, c := t.TempDir(), at(2025)
	if s := snapOf(t, filepath.Join(dir, "none")); s.Head != nil || s.Segments != nil {
		t.Fatalf("of nothing: %+v", s)
	}
	l := openSigned(t, dir, c)
	fill(t, l, 1, 3)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 4; i <= 60; i++ {
			if i == 30 {
				c.set(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
			}
			if _, err := l.Append(t.Context(), sent(i)); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	for last := uint64(0); last < 60; {
		s := snapOf(t, dir)
		h, ok := Unproven(s.Head)
		r, err := VerifySigned(t.Context(), copied(t, dir, s), testPub())
		if err != nil || !ok || r.Head != h.Head || r.Torn > 0 || r.Head.Seq < last {
			t.Fatalf("%+v of %+v: %v", r, h, err)
		}
		last = r.Head.Seq
	}
	<-done
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "2026.jsonl"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"v":1,"seq":61,"prev":"`); err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	if r, err := VerifySigned(t.Context(), copied(t, dir, snapOf(t, dir)), testPub()); err != nil || r.Torn > 0 || r.Head.Seq != 60 {
		t.Errorf("%+v, %v", r, err)
	}
}

// A ledger that lacks its head, or the entry of it, is copied as it is: with every byte.
func TestASnapshotOfADamagedLedger(t *testing.T) {
	dir := t.TempDir()
	l := openSigned(t, dir, at(2025))
	fill(t, l, 1, 3)
	info, err := os.Stat(filepath.Join(dir, "2025.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, headName), filepath.Join(dir, "elsewhere")); err != nil {
		t.Fatal(err)
	}
	if s := snapOf(t, dir); s.Head != nil || len(s.Segments) != 1 || s.Segments[0].Size != info.Size() {
		t.Errorf("without a head: %+v", s)
	}
	if err := os.WriteFile(filepath.Join(dir, headName), []byte("no head"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s := snapOf(t, dir); len(s.Segments) != 1 || s.Segments[0].Size != info.Size() {
		t.Errorf("with no head: %+v", s)
	}
}
