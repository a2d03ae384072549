package bundle_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"chartseal/packager/bundle"
	"chartseal/testdata/racing"
)

func verify(data []byte, trusted string) (*bundle.Manifest, error) {
	return bundle.Verify(context.Background(), bytes.NewReader(data), int64(len(data)), trusted)
}

func TestVerifyTellsWhoseBundleItIs(t *testing.T) {
	s, stranger := newSigner(t), newSigner(t)
	for _, compress := range []bool{false, true} {
		data, want := build(t, s, header(s), bundle.Options{Compress: compress}, samples())
		m, err := verify(data, s.pub)
		if err != nil {
			t.Fatal(err)
		}
		if !m.Signature.Confirmed || m.Signature.Comment != "chartseal release k7dq2m5xw3ha 2026-11-18T09:30:07Z" {
			t.Errorf("signature %+v", m.Signature)
		}
		if len(m.Records) != len(want.Records) || m.Records[0].Removed[0].Reason != "Home address" {
			t.Errorf("records %+v", m.Records)
		}
		if m, err = verify(data, ""); err != nil || m.Signature.Confirmed {
			t.Errorf("without a key: %v, %+v", err, m)
		}
		if _, err = verify(data, "untrusted comment: minisign public key\n"+s.pub+"\n"); err != nil {
			t.Errorf("key with its comment: %v", err)
		}
		if _, err = verify(data, stranger.pub); !errors.Is(err, bundle.ErrSignature) || !errors.Is(err, bundle.ErrTampered) {
			t.Errorf("another practice's key: %v", err)
		}
		if _, err = verify(data, "RWQ"); err == nil || errors.Is(err, bundle.ErrTampered) {
			t.Errorf("a key that is none: %v", err)
		}
	}
}

// small is a bundle in which every byte can be tried.
func small(t testing.TB, s signer, compress bool) []byte {
	data, _ := build(t, s, header(s), bundle.Options{Compress: compress}, []content{
		{bundle.Record{Kind: "chart", Name: "a.pdf", Date: "2025-05-03"}, "PDF", bytes.Repeat([]byte("text "), 40)},
		{bundle.Record{Kind: "photo", Name: "b.jpg"}, "JPEG", noise(300, 1)},
		{bundle.Record{Kind: "radiograph", DICOM: instance("PX", 1, 1)}, "DICOM", noise(500, 2)},
	})
	return data
}

// positions are all bytes of the ZIP's structure and of short members, and
// every 61st byte of long ones.
func positions(t testing.TB, data []byte) []int {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	skip := map[int]bool{}
	every := 1
	if racing.Enabled {
		every = 8
	}
	for _, f := range z.File {
		off, err := f.DataOffset()
		if err != nil {
			t.Fatal(err)
		}
		const edge = 64
		for i := edge; i < int(f.CompressedSize64)-edge; i++ {
			skip[int(off)+i] = i%61 != 0
		}
	}
	var list []int
	for i := range data {
		if !skip[i] && i%every == 0 {
			list = append(list, i)
		}
	}
	return list
}

func TestEveryFlippedByteIsSeen(t *testing.T) {
	s := newSigner(t)
	data := small(t, s, false)
	for _, i := range positions(t, data) {
		flip := []byte{0x01, 0x20, 0x80}[i%3]
		data[i] ^= flip
		_, err := verify(data, []string{s.pub, ""}[i%2])
		if !errors.Is(err, bundle.ErrTampered) && !errors.Is(err, bundle.ErrNewer) {
			t.Fatalf("byte %d changed by %#x: %v", i, flip, err)
		}
		data[i] ^= flip
	}
}

// In deflated members some bits mean nothing (RFC 1951: those that fill up the
// byte before a stored block): either the change is seen, or all contents are
// as they were signed.
func TestAFlippedByteNeverChangesAnyContent(t *testing.T) {
	s := newSigner(t)
	data := small(t, s, true)
	want := contents(t, data, s.pub)
	accepted := 0
	for _, i := range positions(t, data) {
		data[i] ^= 0x01
		if _, err := verify(data, s.pub); err == nil {
			accepted++
			for name, c := range contents(t, data, s.pub) {
				if !bytes.Equal(c, want[name]) {
					t.Fatalf("byte %d changed, %s differs", i, name)
				}
			}
		}
		data[i] ^= 0x01
	}
	if accepted > 50 {
		t.Errorf("%d changes mean nothing", accepted)
	}
}

func contents(t testing.TB, data []byte, trusted string) map[string][]byte {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "out")
	if _, err := bundle.Unpack(t.Context(), bytes.NewReader(data), int64(len(data)), dir, trusted, nil); err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	err := filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		out[filepath.ToSlash(rel)], err = os.ReadFile(p)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestCutOrExtendedBundlesAreRefused(t *testing.T) {
	s := newSigner(t)
	data := small(t, s, false)
	for cut := range data {
		if _, err := verify(data[:cut], s.pub); !errors.Is(err, bundle.ErrTampered) {
			t.Fatalf("cut to %d bytes: %v", cut, err)
		}
	}
	for _, more := range [][]byte{{0}, make([]byte, 22), data} {
		for _, bad := range [][]byte{append(bytes.Clone(data), more...), append(bytes.Clone(more), data...)} {
			if _, err := verify(bad, s.pub); !errors.Is(err, bundle.ErrTampered) {
				t.Errorf("%d bytes more: %v", len(more), err)
			}
		}
	}
}

func TestUnpackGivesBackWhatWentIn(t *testing.T) {
	s := newSigner(t)
	for _, compress := range []bool{false, true} {
		data, m := build(t, s, header(s), bundle.Options{Compress: compress}, samples())
		got := contents(t, data, s.pub)
		for i, c := range samples() {
			if !bytes.Equal(got[m.Records[i].Path], c.data) {
				t.Errorf("record %d differs", i+1)
			}
		}
		for _, name := range []string{
			"START-HERE.html", "manifest.json", "manifest.json.minisig", "bagit.txt", "bag-info.txt",
			"manifest-sha256.txt", "tagmanifest-sha256.txt", "data/DICOMDIR", "data/README.TXT", "data/INDEX.HTM",
		} {
			if len(got[name]) == 0 {
				t.Errorf("no %s", name)
			}
		}
		if len(got) != len(samples())+10 {
			t.Errorf("%d files", len(got))
		}
	}
}

func TestUnpackOverwritesNothingAndLeavesNothing(t *testing.T) {
	s := newSigner(t)
	data := small(t, s, true)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "mine.txt"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	bad := bytes.Clone(data)
	bad[200] ^= 1
	into := func(data []byte) error {
		_, err := bundle.Unpack(t.Context(), bytes.NewReader(data), int64(len(data)), dir, s.pub, nil)
		return err
	}
	if err := into(bad); !errors.Is(err, bundle.ErrTampered) {
		t.Errorf("tampered: %v", err)
	}
	if got := names(t, dir); len(got) != 1 {
		t.Errorf("a refused bundle left %q", got)
	}
	if err := into(data); err != nil {
		t.Fatal(err)
	}
	before := len(names(t, dir))
	if err := into(data); !errors.Is(err, bundle.ErrExists) {
		t.Errorf("unpacked twice: %v", err)
	}
	if got := names(t, dir); len(got) != before {
		t.Errorf("a second unpacking left %q", got)
	}
	fresh := filepath.Join(dir, "deep", "new")
	if _, err := bundle.Unpack(t.Context(), bytes.NewReader(bad), int64(len(bad)), fresh, s.pub, nil); err == nil {
		t.Error("tampered bundle unpacked")
	}
	if _, err := os.Stat(fresh); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("folder of a refused bundle: %v", err)
	}
}

func names(t testing.TB, dir string) []string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range list {
		out = append(out, e.Name())
	}
	return out
}

// What a killed unpacking left goes with the next one, and nothing else.
func TestUnpackSweepsWhatWasLeft(t *testing.T) {
	s := newSigner(t)
	data := small(t, s, false)
	dir := t.TempDir()
	for _, name := range []string{".chartseal-0123456789abcdef", ".chartseal-notes", ".chartseal-0123456789abcdef0"} {
		if err := os.MkdirAll(filepath.Join(dir, name, "data"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := bundle.Unpack(t.Context(), bytes.NewReader(data), int64(len(data)), dir, s.pub, nil); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(dir, ".chartseal-*"))
	if err != nil || len(left) != 2 {
		t.Errorf("%d of what is not ours are left, and of what is (%v)", len(left), err)
	}
}

func TestUnpackStopsWhenAsked(t *testing.T) {
	s := newSigner(t)
	data, _ := build(t, s, header(s), bundle.Options{}, samples())
	ctx, cancel := context.WithCancel(t.Context())
	dir := t.TempDir()
	_, err := bundle.Unpack(ctx, bytes.NewReader(data), int64(len(data)), dir, s.pub, func(done, total int64) {
		if done <= 0 || done > total {
			t.Errorf("progress %d of %d", done, total)
		}
		cancel()
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if got := names(t, dir); len(got) != 0 {
		t.Errorf("left %q", got)
	}
}

type failingAt struct {
	io.ReaderAt
	from int64
}

var errNetwork = errors.New("connection reset")

func (f failingAt) ReadAt(p []byte, off int64) (int, error) {
	if off >= f.from && off < f.from+2<<20 {
		return 0, errNetwork
	}
	return f.ReaderAt.ReadAt(p, off)
}

func TestAFailingSourceIsNotCalledTampering(t *testing.T) {
	s := newSigner(t)
	data, _ := build(t, s, header(s), bundle.Options{}, samples())
	_, err := bundle.Verify(t.Context(), failingAt{bytes.NewReader(data), 1 << 20}, int64(len(data)), s.pub)
	if !errors.Is(err, errNetwork) || errors.Is(err, bundle.ErrTampered) {
		t.Errorf("got %v", err)
	}
}
