package bundle

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"

	"github.com/klauspost/compress/flate"

	"chartseal/packager/bundle/zipform"
)

// Bounds of what a reader holds in memory.
const (
	maxManifest  = 64 << 20
	maxSignature = 4096
)

// Progress is told how many of total bytes have been read.
type Progress func(done, total int64)

// Verify checks a whole bundle: size bytes of ZIP in r. It reads r once from
// front to back, besides the directory and the manifest, and keeps no content.
//
// trusted is the practice's minisign public key. With "" the key that the
// bundle itself names is used; Manifest.Signature.Confirmed is then false, and
// the result says only that the bundle is whole, not whose it is. Errors are
// [ErrTampered], [ErrNewer], those of r, and ctx's.
func Verify(ctx context.Context, r io.ReaderAt, size int64, trusted string) (*Manifest, error) {
	v, err := open(r, size, trusted)
	if err != nil {
		return nil, err
	}
	if err := v.pass(ctx, nil, nil); err != nil {
		return nil, err
	}
	return v.manifest, nil
}

// Peek reads the signed manifest of a bundle, whose members it does not look at. Errors and
// trusted are as with [Verify].
func Peek(r io.ReaderAt, size int64, trusted string) (*Manifest, error) {
	v, err := open(r, size, trusted)
	if err != nil {
		return nil, err
	}
	return v.manifest, nil
}

// verifier is a bundle whose manifest is verified and whose directory fits it.
type verifier struct {
	zip      *zipform.Reader
	src      io.ReaderAt
	manifest *Manifest
	files    map[string]File // every member with what it must be
	tags     string          // the one right content of tagmanifest-sha256.txt
	parts    parts           // where deflated members can be inflated from; may be nil
}

// open checks everything but the content of the members.
func open(r io.ReaderAt, size int64, trusted string) (*verifier, error) {
	z, err := zipform.Open(r, size)
	if err != nil {
		return nil, asTampered(err)
	}
	v := &verifier{zip: z, src: r}
	members, err := index(z)
	if err != nil {
		return nil, err
	}
	signed, err := v.small(members[manifestName], maxManifest)
	if err != nil {
		return nil, err
	}
	signature, err := v.small(members[signatureName], maxSignature)
	if err != nil {
		return nil, err
	}
	if v.manifest, err = readManifest(signed, signature, trusted); err != nil {
		return nil, err
	}
	if !z.Stamped(v.manifest.Created) {
		return nil, tampered("the time stamps differ from the manifest's")
	}
	return v, v.expect(members, fileOf(manifestName, signed), fileOf(signatureName, signature))
}

// index maps names to members. Names must be safe on every system and differ
// in any letter case.
func index(z *zipform.Reader) (map[string]*zipform.Entry, error) {
	members := make(map[string]*zipform.Entry, len(z.Entries))
	folded := make(map[string]bool, len(z.Entries))
	for i := range z.Entries {
		e := &z.Entries[i]
		if !SafePath(e.Name) {
			return nil, tampered("member %d has an unsafe name", i+1)
		}
		fold := foldPath(e.Name)
		if folded[fold] {
			return nil, tampered("member %d has the name of another", i+1)
		}
		folded[fold] = true
		members[e.Name] = e
	}
	for i := range z.Entries {
		for dir := folderOf(foldPath(z.Entries[i].Name)); dir != ""; dir = folderOf(dir) {
			if folded[dir] {
				return nil, tampered("member %d lies in another member", i+1)
			}
		}
	}
	return members, nil
}

// foldPath maps paths that a system may take for one to one string.
func foldPath(p string) string { return strings.ToLower(strings.ToUpper(p)) }

func folderOf(p string) string {
	i := strings.LastIndexByte(p, '/')
	return p[:max(i, 0)]
}

// small reads a whole member of at most limit bytes, by random access.
func (v *verifier) small(e *zipform.Entry, limit int64) ([]byte, error) {
	if e == nil {
		return nil, tampered("the manifest or its signature is missing")
	}
	if e.Size > limit || e.Compressed > limit+limit>>8+1024 {
		return nil, tampered("the manifest or its signature is too large")
	}
	var buf bytes.Buffer
	buf.Grow(int(e.Size))
	err := (&unpacker{}).copy(&buf, e, v.zip.Raw(e))
	return buf.Bytes(), err
}

// readManifest verifies the signature before it looks at anything else of the
// manifest, but for the key when none is trusted.
func readManifest(signed, signature []byte, trusted string) (*Manifest, error) {
	key := trusted
	if key == "" {
		var claim struct {
			Practice struct {
				PublicKey string `json:"public_key"`
			} `json:"practice"`
		}
		if err := json.Unmarshal(signed, &claim); err != nil {
			return nil, tampered("the manifest cannot be read")
		}
		key = claim.Practice.PublicKey
	}
	id, comment, err := VerifyManifest(key, signed, signature)
	if err != nil {
		if trusted == "" && !errors.Is(err, ErrTampered) {
			return nil, tampered("the manifest names no usable key")
		}
		return nil, err
	}
	m, err := parseManifest(signed)
	if err != nil {
		return nil, err
	}
	m.Signature = Signature{KeyID: id, Comment: comment, Confirmed: trusted != ""}
	return m, nil
}

func parseManifest(signed []byte) (*Manifest, error) {
	var head struct {
		Schema string `json:"schema"`
	}
	if err := json.Unmarshal(signed, &head); err != nil {
		return nil, tampered("the manifest cannot be read")
	}
	if head.Schema != Schema {
		if strings.HasPrefix(head.Schema, "chartseal/manifest/") {
			return nil, ErrNewer
		}
		return nil, tampered("the manifest cannot be read")
	}
	m := &Manifest{}
	if err := json.Unmarshal(signed, m); err != nil {
		return nil, tampered("the manifest cannot be read")
	}
	return m, nil
}

// expect compares the directory with the manifest: every member is listed with
// its size, and every listed file is there.
func (v *verifier) expect(members map[string]*zipform.Entry, manifest, signature File) error {
	m := v.manifest
	v.tags = checksums(tagFiles(m, manifest, signature))
	listed := append(m.everyFile(), manifest, signature, fileOf(tagManifestName, []byte(v.tags)))
	v.files = make(map[string]File, len(listed))
	for i, f := range listed {
		if _, twice := v.files[f.Path]; twice {
			return tampered("file %d of the manifest is listed twice", i+1)
		}
		v.files[f.Path] = f
		e := members[f.Path]
		if e == nil {
			return tampered("file %d of the manifest is missing", i+1)
		}
		if e.Size != f.Bytes || !isDigest(f.SHA256) {
			return tampered("file %d has another size than the manifest says", i+1)
		}
	}
	if len(members) != len(listed) {
		return tampered("%d files are not in the manifest", len(members)-len(listed))
	}
	return v.expectBag(m)
}

// expectBag makes sure that the bag's own files say what the manifest says.
func (v *verifier) expectBag(m *Manifest) error {
	for name, text := range map[string]string{
		bagitName:   bagitText,
		payloadName: checksums(payload(m)),
	} {
		if v.files[name].SHA256 != fileOf(name, []byte(text)).SHA256 {
			return tampered("the BagIt files contradict the manifest")
		}
	}
	for _, r := range m.Records {
		if !strings.HasPrefix(r.Path, "data/") {
			return tampered("a record lies outside of data")
		}
	}
	return nil
}

func isDigest(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == sha256.Size && strings.ToLower(s) == s
}

// sink gives where a member's content goes. What it gives is closed when the
// content is complete, before its digest is compared. It is called from several
// goroutines.
type sink func(path string) (io.WriteCloser, error)

// pass reads the whole file once and checks every member; to may be nil.
func (v *verifier) pass(ctx context.Context, to sink, progress Progress) error {
	in := readAhead(ctx, v.src, v.zip.Members())
	defer in.Close()
	checks := newCheckers(v, to)
	var done int64
	err := v.zip.Pass(in, func(e *zipform.Entry, stored io.Reader) error {
		if err := checks.check(e, stored); err != nil {
			return err
		}
		done += e.Compressed
		if progress != nil {
			progress(done, v.zip.Members())
		}
		return nil
	})
	if werr := checks.wait(); err == nil {
		err = werr
	}
	return asTampered(err)
}

// check compares one member with the manifest.
func (v *verifier) check(u *unpacker, e *zipform.Entry, stored io.Reader, to sink) error {
	sum := sha256.New()
	if err := visit(u, e, stored, sum, to); err != nil {
		return err
	}
	want, err := hex.DecodeString(v.files[e.Name].SHA256)
	if err != nil || subtle.ConstantTimeCompare(sum.Sum(nil), want) != 1 {
		return tampered("the content of a file differs from the manifest")
	}
	return nil
}

func visit(u *unpacker, e *zipform.Entry, stored io.Reader, sum io.Writer, to sink) error {
	if to == nil {
		return u.copy(sum, e, stored)
	}
	w, err := to(e.Name)
	if err != nil {
		return err
	}
	return errors.Join(u.copy(io.MultiWriter(sum, w), e, stored), w.Close())
}

// copySize is the unit of hashing and writing: large, so that calls do not
// count, small, so that it stays in the processor's cache.
const copySize = 256 << 10

// unpacker turns stored forms into contents, one after the other.
type unpacker struct {
	flate io.ReadCloser
	in    flate.Reader  // that flate reads, byte by byte: what it leaves is left
	ahead *bufio.Reader // in, of what is not in memory
	buf   []byte
}

// copy writes the content of e to w. It checks size and CRC, and that deflate
// has used every stored byte.
func (u *unpacker) copy(w io.Writer, e *zipform.Entry, stored io.Reader) error {
	if int64(len(u.buf)) < min(e.Size, copySize) {
		u.buf = make([]byte, min(max(e.Size, 4096), copySize))
	}
	r := stored
	if e.Method == zipform.Deflate {
		r = u.inflate(stored)
	}
	crc := crc32.NewIEEE()
	n, err := io.CopyBuffer(struct{ io.Writer }{io.MultiWriter(crc, w)}, io.LimitReader(r, e.Size+1), u.buf)
	if err != nil {
		return damaged(err)
	}
	if n != e.Size || crc.Sum32() != e.CRC {
		return tampered("a file differs from what the ZIP says")
	}
	if e.Method == zipform.Deflate {
		if _, err := u.in.ReadByte(); !errors.Is(err, io.EOF) {
			return tampered("bytes after the content of a file")
		}
	}
	return nil
}

// inflate reads what is in memory as it is, which is a tenth faster, and all else
// through a buffer.
func (u *unpacker) inflate(stored io.Reader) io.Reader {
	if r, ok := stored.(*bytes.Reader); ok {
		u.in = r
	} else {
		if u.ahead == nil {
			u.ahead = bufio.NewReaderSize(nil, 64<<10)
		}
		u.ahead.Reset(stored)
		u.in = u.ahead
	}
	if u.flate == nil {
		u.flate = flate.NewReader(u.in)
		return u.flate
	}
	_ = u.flate.(flate.Resetter).Reset(u.in, nil) // never fails without a dictionary
	return u.flate
}

// damaged tells errors of inflating from those of reading and writing.
func damaged(err error) error {
	var corrupt flate.CorruptInputError
	if errors.As(err, &corrupt) || errors.Is(err, io.ErrUnexpectedEOF) {
		return tampered("a file cannot be unpacked")
	}
	return fmt.Errorf("read bundle: %w", err)
}
