package storetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"runtime"
	"strings"
	"testing"
	"time"

	"chartseal/transport"
)

func testSmall(t *testing.T, st Store) { roundTrip(t, st, newFile(1, 70_001)) }

func testParts(t *testing.T, st Store) { roundTrip(t, st, newFile(2, 2*partSize+12_345)) }

func roundTrip(t *testing.T, st Store, f *file) {
	t.Helper()
	sh := &shelf{t: t}
	ticket := newTicket(t, f)
	var told []int64
	obj, err := st.Upload(t.Context(), f, f.size(), ticket, sh.save, func(n int64) {
		if sh.saves == 0 {
			t.Error("bytes were sent before the ticket was saved")
		}
		told = append(told, n)
	})
	if err != nil {
		t.Fatal(err)
	}
	if obj.Key != ticket.Key || obj.Bytes != f.size() || obj.SHA256 != f.sha256() {
		t.Errorf("object %+v does not describe the file", obj)
	}
	checkProgress(t, told, f.size())
	if got := fetch(t, st, obj.Key); !bytes.Equal(got, f.data) {
		t.Error("the object is not byte-equal to the file")
	}
	stat, err := st.Stat(t.Context(), obj.Key)
	if err != nil || stat.Bytes != f.size() || stat.SHA256 != f.sha256() {
		t.Errorf("stat: %+v, %v", stat, err)
	}
}

func checkProgress(t *testing.T, told []int64, size int64) {
	t.Helper()
	if len(told) == 0 || told[len(told)-1] != size {
		t.Fatalf("progress does not end at %d", size)
	}
	for i := 1; i < len(told); i++ {
		if told[i] <= told[i-1] {
			t.Fatalf("progress goes from %d to %d", told[i-1], told[i])
		}
	}
}

func testTwice(t *testing.T, st Store) {
	for _, size := range []int{1000, partSize + 5} {
		f := newFile(3, size)
		ticket := newTicket(t, f)
		sh := &shelf{t: t}
		first, err := st.Upload(t.Context(), f, f.size(), ticket, sh.save, nil)
		if err != nil {
			t.Fatal(err)
		}
		second, err := st.Upload(t.Context(), f, f.size(), sh.load(), sh.save, nil)
		if err != nil || first != second {
			t.Errorf("second upload of %d bytes: %+v, %v; first %+v", size, second, err, first)
		}
	}
}

// interrupt uploads f until at least n bytes are taken, and cancels.
func interrupt(t *testing.T, st Store, f *file, ticket *transport.Ticket, sh *shelf, n int64) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err := st.Upload(ctx, f, f.size(), ticket, sh.save, func(sent int64) {
		if sent >= n {
			cancel()
		}
	})
	checkInterrupted(t, err)
}

func checkInterrupted(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, transport.ErrInterrupted) || !errors.Is(err, context.Canceled) || !transport.Retryable(err) {
		t.Fatalf("interrupted upload says: %v", err)
	}
}

func testResume(t *testing.T, st Store) {
	const parts = 10
	f := newFile(4, parts*partSize)
	sh := &shelf{t: t}
	interrupt(t, st, f, newTicket(t, f), sh, 6*partSize)
	if _, err := st.Stat(t.Context(), sh.load().Key); !errors.Is(err, transport.ErrNotFound) {
		t.Fatalf("half an upload can be seen: %v", err)
	}
	f.read.Store(0)
	obj, err := st.Upload(t.Context(), f, f.size(), sh.load(), sh.save, nil)
	if err != nil {
		t.Fatal(err)
	}
	// One pass for the sums; what is sent is read once more, and over plain
	// HTTP once again for its signature. Six parts had been taken or were under
	// way, four of them at once.
	if most := f.size() + 2*(parts-2)*partSize; f.read.Load() > most {
		t.Errorf("read %d bytes to resume, at most %d expected: nothing was skipped", f.read.Load(), most)
	}
	if got := fetch(t, st, obj.Key); !bytes.Equal(got, f.data) {
		t.Error("the resumed object is not byte-equal to the file")
	}
}

func testForgotten(t *testing.T, st Store) {
	f := newFile(5, haltedSize)
	sh := &shelf{t: t}
	halt(t, st, f, newTicket(t, f), sh)
	before := sh.load().UploadID
	if n, err := st.AbortStale(t.Context(), time.Now().Add(time.Hour)); err != nil || n < 1 { //nolint:forbidigo // a server's clock
		t.Fatalf("abort stale: %d, %v", n, err)
	}
	obj, err := st.Upload(t.Context(), f, f.size(), sh.load(), sh.save, nil)
	if err != nil {
		t.Fatal(err)
	}
	if after := sh.load().UploadID; after == before {
		t.Error("the new upload id was not saved")
	}
	if got := fetch(t, st, obj.Key); !bytes.Equal(got, f.data) {
		t.Error("the object is not byte-equal to the file")
	}
}

// testLostReply is a crash after the store had completed the upload and before
// anybody noted it.
func testLostReply(t *testing.T, st Store) {
	f := newFile(6, partSize+99)
	sh := &shelf{t: t}
	ticket := newTicket(t, f)
	if _, err := st.Upload(t.Context(), f, f.size(), ticket, sh.save, nil); err != nil {
		t.Fatal(err)
	}
	saves := sh.saves
	obj, err := st.Upload(t.Context(), f, f.size(), sh.load(), sh.save, nil)
	if err != nil || obj.Bytes != f.size() {
		t.Fatalf("%+v, %v", obj, err)
	}
	if sh.saves != saves && sh.load().UploadID != ticket.UploadID {
		t.Error("a finished upload was begun anew")
	}
}

func testOtherContent(t *testing.T, st Store) {
	for _, size := range []int{1000, partSize + 5} {
		f, other := newFile(7, size), newFile(8, size)
		obj := upload(t, st, f)
		sh := &shelf{t: t}
		ticket := &transport.Ticket{Key: obj.Key, SHA256: other.sha256()}
		_, err := st.Upload(t.Context(), other, other.size(), ticket, sh.save, nil)
		if !errors.Is(err, transport.ErrExists) || transport.Retryable(err) {
			t.Errorf("%d bytes over another object: %v", size, err)
		}
		if got := fetch(t, st, obj.Key); !bytes.Equal(got, f.data) {
			t.Error("the object was overwritten")
		}
	}
}

func testChanged(t *testing.T, st Store) {
	for _, size := range []int{1000, partSize + 5} {
		f := newFile(9, size)
		ticket := newTicket(t, f)
		f.data[size/2] ^= 1
		sh := &shelf{t: t}
		_, err := st.Upload(t.Context(), f, f.size(), ticket, sh.save, nil)
		if !errors.Is(err, transport.ErrChanged) || transport.Retryable(err) {
			t.Errorf("changed file of %d bytes: %v", size, err)
		}
		if _, err := st.Stat(t.Context(), ticket.Key); !errors.Is(err, transport.ErrNotFound) {
			t.Errorf("a changed file was stored: %v", err)
		}
	}
}

func testUnreadable(t *testing.T, st Store) {
	for _, size := range []int{1000, partSize + 5} {
		f := newFile(10, size)
		ticket := newTicket(t, f)
		f.fail = &fs.PathError{Op: "read", Path: "/secret/alvarez.zip.age", Err: errors.New("input/output error")}
		sh := &shelf{t: t}
		_, err := st.Upload(t.Context(), f, f.size(), ticket, sh.save, nil)
		if !errors.Is(err, transport.ErrChanged) || strings.Contains(err.Error(), "alvarez") {
			t.Errorf("unreadable file of %d bytes: %v", size, err)
		}
	}
}

func testNotSaved(t *testing.T, st Store) {
	full := errors.New("disk full")
	for _, size := range []int{1000, partSize + 5} {
		f := newFile(11, size)
		ticket := newTicket(t, f)
		_, err := st.Upload(t.Context(), f, f.size(), ticket, func(transport.Ticket) error { return full }, func(int64) {
			t.Error("bytes were sent without a saved ticket")
		})
		if !errors.Is(err, full) {
			t.Errorf("error of save is not passed on: %v", err)
		}
	}
}

func testCancelled(t *testing.T, st Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f := newFile(12, 1000)
	_, upErr := st.Upload(ctx, f, f.size(), newTicket(t, f), (&shelf{t: t}).save, nil)
	_, statErr := st.Stat(ctx, "x")
	for name, err := range map[string]error{"upload": upErr, "stat": statErr, "revoke": st.Revoke(ctx, "x")} {
		if !errors.Is(err, transport.ErrInterrupted) {
			t.Errorf("cancelled %s: %v", name, err)
		}
	}
}

// zeros is a file that costs no memory.
type zeros struct{ size int64 }

// ReadAt reads zeros.
func (z zeros) ReadAt(p []byte, off int64) (int, error) {
	n := int(min(int64(len(p)), z.size-off))
	if n <= 0 {
		return 0, io.EOF
	}
	clear(p[:n])
	return n, nil
}

// testMemory uploads twelve parts and counts what was allocated meanwhile:
// far less than one of them.
func testMemory(t *testing.T, st Store) {
	z := zeros{size: 12 * partSize}
	key, err := transport.NewKey(nil, "")
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err = st.Upload(t.Context(), z, z.size, &transport.Ticket{Key: key}, (&shelf{t: t}).save, nil)
	if err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > partSize {
		t.Errorf("%d bytes allocated for an upload of %d", allocated, z.size)
	}
}
