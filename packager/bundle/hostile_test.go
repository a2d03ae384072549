package bundle

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"aead.dev/minisign"
	"github.com/klauspost/compress/flate"

	"chartseal/packager/bundle/zipform"
)

// forged is a file of a bundle that somebody else made and signed, with a key
// of their own: everything fits but what a test spoils.
type forged struct {
	name   string
	data   []byte
	stored []byte // for deflate
	size   int64  // claimed, if not the data's
}

type forgery struct {
	records   []forged
	unlisted  []forged // members that no manifest knows
	missing   string   // listed, but left out of the ZIP
	manifest  func(*Manifest)
	signature func([]byte) []byte
	tags      func(string) string
}

var forgedAt = time.Date(2026, 11, 18, 0, 0, 0, 0, time.UTC)

func (f forgery) build(t testing.TB) []byte {
	t.Helper()
	pub, priv, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	m := &Manifest{Schema: Schema, Created: forgedAt, Practice: Practice{PublicKey: pub.String()}}
	members := append([]forged(nil), f.records...)
	for _, r := range f.records {
		file := fileOf(r.name, r.data)
		m.Records = append(m.Records, Member{Path: file.Path, Bytes: file.Bytes, SHA256: file.SHA256})
	}
	add := func(name, text string) {
		members = append(members, forged{name: name, data: []byte(text)})
		m.Files = append(m.Files, fileOf(name, []byte(text)))
	}
	add(bagitName, bagitText)
	add(payloadName, checksums(payload(m)))
	if f.manifest != nil {
		f.manifest(m)
	}
	signed, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := SignManifest(priv, "comment")(signed)
	if err != nil {
		t.Fatal(err)
	}
	if f.signature != nil {
		signature = f.signature(signature)
	}
	tags := checksums(tagFiles(m, fileOf(manifestName, signed), fileOf(signatureName, signature)))
	if f.tags != nil {
		tags = f.tags(tags)
	}
	members = append(members, forged{name: manifestName, data: signed}, forged{name: signatureName, data: signature},
		forged{name: tagManifestName, data: []byte(tags)})
	return f.zip(t, append(members, f.unlisted...))
}

func (f forgery) zip(t testing.TB, members []forged) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := zipform.NewWriter(&buf, forgedAt)
	for _, x := range members {
		if x.name == f.missing {
			continue
		}
		method, stored, size := zipform.Store, x.data, int64(len(x.data))
		if x.stored != nil {
			method, stored = zipform.Deflate, x.stored
		}
		if x.size != 0 {
			size = x.size
		}
		if err := z.Whole(x.name, method, crc32.ChecksumIEEE(x.data), size, stored); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func verifyBytes(data []byte) error {
	_, err := Verify(context.Background(), bytes.NewReader(data), int64(len(data)), "")
	return err
}

func record(name string) forged { return forged{name: name, data: []byte("content of " + name)} }

func deflated(t testing.TB, data []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, err := flate.NewWriter(&buf, 9)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestForgeriesAreGoodOtherwise(t *testing.T) {
	zeros := make([]byte, 100_000)
	for name, f := range map[string]forgery{
		"plain":    {records: []forged{record("data/a"), record("data/b/c.pdf")}},
		"empty":    {},
		"deflated": {records: []forged{{name: "data/zeros", data: zeros, stored: deflated(t, zeros)}}},
	} {
		if err := verifyBytes(f.build(t)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestUnsafeNamesAreRefused(t *testing.T) {
	for _, name := range []string{
		"../escape", "data/../../escape", "/etc/passwd", "data//a", "data/./a", "data/a/", "data/..",
		`data\a`, `C:\a`, "C:a", "data/a:stream", "data/nul", "data/CON.txt", "data/com1.pdf", "data/COM¹",
		"data/aux .x", "data/a.", "data/a ", "data/ a", "data/a\x00b", "data/a\nb", "data/a\u202Efdp.exe",
		"data/a\u200Bb", "data/a?b", "data/a*", "data/<a>", "data/a|b", "data/\xff", "data/e\u0301", "outside",
		"data/" + strings.Repeat("n", 250), "data/😀",
	} {
		data := forgery{records: []forged{record(name)}}.build(t)
		dir := filepath.Join(t.TempDir(), "in", "out")
		_, err := Unpack(t.Context(), bytes.NewReader(data), int64(len(data)), dir, "", nil)
		if !errors.Is(err, ErrTampered) {
			t.Errorf("%q: %v", name, err)
		}
		if _, err := os.Stat(filepath.Dir(dir)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%q: something was written", name)
		}
	}
}

func TestWhatTheManifestDoesNotSayIsRefused(t *testing.T) {
	two := []forged{record("data/a"), record("data/b")}
	other := fileOf("data/a", []byte("other content here"))
	for name, f := range map[string]forgery{
		"unknown member":      {records: two, unlisted: []forged{record("data/c")}},
		"unknown at top":      {records: two, unlisted: []forged{record("autorun.inf")}},
		"missing member":      {records: two, missing: "data/b"},
		"missing manifest":    {records: two, missing: manifestName},
		"missing signature":   {records: two, missing: signatureName},
		"missing bagit":       {records: two, missing: bagitName},
		"missing tag digests": {records: two, missing: tagManifestName},
		"same name twice":     {records: two, unlisted: []forged{record("data/a")}},
		"same in capitals":    {records: append(two, record("data/A"))},
		"same but for ſ":      {records: []forged{record("data/s"), record("data/ſ")}},
		"file and folder":     {records: append(two, record("data/a/inside"))},
		"listed twice":        {records: two, manifest: func(m *Manifest) { m.Records = append(m.Records, m.Records[0]) }},
		"other content":       {records: two, manifest: func(m *Manifest) { m.Records[0].SHA256 = other.SHA256 }},
		"other size":          {records: two, manifest: func(m *Manifest) { m.Records[0].Bytes++ }},
		"digest in capitals":  {records: two, manifest: func(m *Manifest) { m.Records[0].SHA256 = strings.ToUpper(m.Records[0].SHA256) }},
		"no digest":           {records: two, manifest: func(m *Manifest) { m.Records[0].SHA256 = "" }},
		"other time":          {records: two, manifest: func(m *Manifest) { m.Created = m.Created.Add(time.Hour) }},
		"other key":           {records: two, manifest: func(m *Manifest) { m.Practice.PublicKey = strings.Repeat("A", 56) }},
		"no schema":           {records: two, manifest: func(m *Manifest) { m.Schema = "" }},
		"bag digests":         {records: two, manifest: func(m *Manifest) { m.Files[1].SHA256 = other.SHA256 }},
		"tag digests":         {records: two, tags: func(s string) string { return s + "\n" }},
		"signature comment":   {records: two, signature: func(b []byte) []byte { return bytes.Replace(b, []byte(": comment"), []byte(": comments"), 1) }},
		"signature and more":  {records: two, signature: func(b []byte) []byte { return append(b, "more"...) }},
		"no signature":        {records: two, signature: func([]byte) []byte { return nil }},
	} {
		if err := verifyBytes(f.build(t)); !errors.Is(err, ErrTampered) {
			t.Errorf("%s: %v", name, err)
		}
	}
	newer := forgery{manifest: func(m *Manifest) { m.Schema = "chartseal/manifest/2" }}
	if err := verifyBytes(newer.build(t)); !errors.Is(err, ErrNewer) {
		t.Errorf("newer: %v", err)
	}
}

func TestBombsAreRefused(t *testing.T) {
	zeros := make([]byte, 1<<20)
	packed := deflated(t, zeros)
	for name, x := range map[string]forged{
		"more than it says": {data: zeros[:1000], stored: packed},
		"less than it says": {data: zeros, stored: deflated(t, zeros[:1000])},
		"impossible ratio":  {data: zeros, stored: packed, size: 1 << 40},
		"bytes after":       {data: zeros, stored: append(bytes.Clone(packed), 0)},
		"two streams":       {data: zeros, stored: append(bytes.Clone(packed), packed...)},
		"nonsense":          {data: zeros, stored: bytes.Repeat([]byte{0xFF}, 2000)},
		"cut":               {data: zeros, stored: packed[:len(packed)/2]},
	} {
		x.name = "data/a"
		if err := verifyBytes(forgery{records: []forged{x}}.build(t)); !errors.Is(err, ErrTampered) {
			t.Errorf("%s: %v", name, err)
		}
	}
	big := forgery{manifest: func(m *Manifest) { m.Purpose = strings.Repeat("x", maxManifest) }}
	if err := verifyBytes(big.build(t)); !errors.Is(err, ErrTampered) {
		t.Errorf("huge manifest: %v", err)
	}
}

// Everything the form does not have: other people's ZIPs.
func TestOtherZIPsAreRefused(t *testing.T) {
	good := forgery{records: []forged{record("data/a")}}.build(t)
	for name, change := range map[string]func(*zip.FileHeader){
		"same":      func(*zip.FileHeader) {},
		"symlink":   func(h *zip.FileHeader) { h.SetMode(os.ModeSymlink | 0o777) },
		"comment":   func(h *zip.FileHeader) { h.Comment = "hidden" },
		"extra":     func(h *zip.FileHeader) { h.Extra = []byte{0x99, 0x99, 4, 0, 'h', 'i', 'd', 'e'} },
		"encrypted": func(h *zip.FileHeader) { h.Flags |= 1 },
		"method":    func(h *zip.FileHeader) { h.Method = 12 },
	} {
		data := rezip(t, good, change)
		if err := verifyBytes(data); (err != nil) != (name != "same") || err != nil && !errors.Is(err, ErrTampered) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// rezip writes the same members with archive/zip, the first one changed.
func rezip(t testing.TB, data []byte, change func(*zip.FileHeader)) []byte {
	t.Helper()
	in, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	out := zip.NewWriter(&buf)
	for i, f := range in.File {
		h := f.FileHeader
		if i == 0 {
			change(&h)
		}
		w, err := out.CreateRaw(&h)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := f.OpenRaw()
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if _, err := b.ReadFrom(raw); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(b.Bytes()); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func FuzzVerify(f *testing.F) {
	zeros := make([]byte, 5000)
	good := forgery{records: []forged{record("data/a"), {name: "data/z", data: zeros, stored: deflated(f, zeros)}}}.build(f)
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add(rezip(f, good, func(h *zip.FileHeader) { h.SetMode(os.ModeSymlink) }))
	f.Add(forgery{records: []forged{record("../a")}}.build(f))
	f.Fuzz(func(t *testing.T, data []byte) {
		err := verifyBytes(data)
		if err != nil && !errors.Is(err, ErrTampered) && !errors.Is(err, ErrNewer) {
			t.Errorf("unexpected kind of error: %v", err)
		}
	})
}

func FuzzNames(f *testing.F) {
	for _, s := range []string{"pano.dcm", "CON", "../../x", "a\u202Eb.pdf", "Lächeln.jpg", "日本.png", ".", "a" + strings.Repeat("́", 90)} {
		f.Add("photo", "2025-05-03", s, "JPEG")
	}
	f.Fuzz(func(t *testing.T, kind, date, original, format string) {
		rec := Record{Kind: kind, Date: date}
		if !plainDate(date) {
			rec.Date = ""
		}
		p := memberPath(rec, format, original, MaxRecords)
		if !SafePath(p) {
			t.Errorf("unsafe %q", p)
		}
		base := p[strings.LastIndexByte(p, '/')+1:]
		if utf16Len(base) > maxBase {
			t.Errorf("%d units in %q", utf16Len(base), base)
		}
		if strings.Count(p, "/") != 2 || !strings.HasPrefix(p, "data/") {
			t.Errorf("path %q", p)
		}
	})
}
