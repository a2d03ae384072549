package index

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"chartseal/packager/gather"
	"chartseal/redact"
	"chartseal/redact/dicomfile"
	"chartseal/testdata/practice/dcm"
)

// bench is a folder of images with an index.
type bench struct {
	t      testing.TB
	images string
	state  string
	key    []byte
	now    time.Time
	reads  int // headers read by the index
	told   []error
	mu     sync.Mutex
	folder *gather.Folder
	index  *Index
	maxAge time.Duration
}

// newBench has a clock that is an hour ahead, so that all files are at rest.
func newBench(t testing.TB) *bench {
	t.Helper()
	b := &bench{t: t, images: filepath.Join(t.TempDir(), "images"), state: filepath.Join(t.TempDir(), "index"), now: time.Now().Add(time.Hour), key: bytes.Repeat([]byte{7}, KeyBytes)}
	b.must(os.MkdirAll(b.images, 0o755))
	return b
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *bench) later(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

func (b *bench) identify(ctx context.Context, src redact.Source) (*dicomfile.Identity, error) {
	b.mu.Lock()
	b.reads++
	b.mu.Unlock()
	return dicomfile.Identify(ctx, src)
}

func (b *bench) trouble(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.told = append(b.told, err)
}

// open opens folder and index, again if need be.
func (b *bench) open() {
	b.t.Helper()
	b.shut()
	var err error
	b.folder, err = gather.OpenFolder(b.t.Context(), gather.Source{Kind: "cbct", Path: b.images + "/**", Match: gather.MatchDICOM}, gather.Limits{})
	b.must(err)
	b.index, err = Open(b.state, b.key, Options{Now: b.clock, Identify: b.identify, Trouble: b.trouble, MaxAge: b.maxAge})
	b.must(err)
	b.t.Cleanup(b.shut)
}

func (b *bench) shut() {
	if b.index == nil {
		return
	}
	if err := errors.Join(b.index.Close(), b.folder.Close()); err != nil {
		b.t.Error(err)
	}
	b.index = nil
}

func (b *bench) path(rel string) string { return filepath.Join(b.images, filepath.FromSlash(rel)) }

func (b *bench) put(rel string, data []byte) {
	b.t.Helper()
	b.must(os.MkdirAll(filepath.Dir(b.path(rel)), 0o755))
	b.must(os.WriteFile(b.path(rel), data, 0o644))
}

// patient writes an image of a patient.
func (b *bench) patient(rel, id string) {
	b.t.Helper()
	b.put(rel, picture(b.t, id))
}

// picture is a small image. Equal lengths of id make equal lengths of file.
func picture(t testing.TB, id string) []byte {
	t.Helper()
	f := dcm.File{Syntax: dcm.ExplicitLE}
	f.Data.Put(dcm.SpecificCharacterSet, "ISO_IR 192") // UTF-8
	f.Data.Put(dcm.SOPClassUID, "1.2.840.10008.5.1.4.1.1.1.3")
	f.Data.Put(dcm.SOPInstanceUID, "1.2.3.4")
	f.Data.Put(dcm.PatientName, "Canary^Carl")
	f.Data.Put(dcm.PatientID, id)
	f.Data.Put(dcm.Rows, uint16(1))
	f.Data.Put(dcm.Columns, uint16(2))
	f.Data.Put(dcm.Attr{Tag: 0x7fe00010, VR: "OB"}, []byte{1, 2})
	out, err := f.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (b *bench) find(id string) gather.Found {
	b.t.Helper()
	found, err := b.index.Find(b.t.Context(), b.folder, id)
	b.must(err)
	slices.Sort(found.Paths)
	return found
}

// want compares with what is expected and with a scan, and tells the headers
// that were read.
func (b *bench) want(id string, unreadable int, paths ...string) (reads int) {
	b.t.Helper()
	before := b.reads
	found := b.find(id)
	if !slices.Equal(found.Paths, paths) || found.Unreadable+len(found.Closed) != unreadable {
		b.t.Errorf("index: %+v, want %q and %d", found, paths, unreadable)
	}
	reads = b.reads - before
	b.likeScan(id, found)
	return reads
}

func (b *bench) likeScan(id string, found gather.Found) {
	b.t.Helper()
	scan := gather.Scan{Identify: dicomfile.Identify, SniffDICOM: dicomfile.Sniff, Workers: 2}
	want, err := scan.Find(b.t.Context(), b.folder, id)
	b.must(err)
	slices.Sort(want.Paths)
	slices.Sort(want.Closed)
	slices.Sort(found.Closed)
	if !slices.Equal(found.Paths, want.Paths) || !slices.Equal(found.Closed, want.Closed) || found.Unreadable != want.Unreadable {
		b.t.Errorf("patient %s: index %+v, scan %+v", id, found, want)
	}
}

func wantReads(t *testing.T, what string, got, want int) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %d headers were read, want %d", what, got, want)
	}
}
