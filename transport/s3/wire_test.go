package s3_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"chartseal/transport"
	"chartseal/transport/localstore"
	"chartseal/transport/s3"
	"chartseal/transport/storetest"
)

var writes = []string{"PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"}

// What goes over the wire, by mode. The SDK's default trailing checksums broke
// nearly every store that is not AWS, once for single requests and again for
// uploads in parts: neither may come back.
func TestWire(t *testing.T) {
	sv := startServer(t)
	for _, mode := range []string{s3.ChecksumsAuto, s3.ChecksumsCRC64NVME, s3.ChecksumsWhenRequired} {
		for _, tls := range []bool{false, true} {
			name := mode + " http"
			if tls {
				name = mode + " https"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				testWire(t, sv, mode, tls)
			})
		}
	}
}

func testWire(t *testing.T, sv *server, mode string, tls bool) {
	p := storetest.NewProxy(t, sv.Endpoint(), tls)
	cfg := sv.config()
	cfg.Endpoint, cfg.Checksums = p.URL, mode
	st := open(t, cfg, s3.WithHTTPClient(p.Client()))
	for _, size := range []int{small, large} {
		key, err := transport.NewKey(nil, "")
		if err != nil {
			t.Fatal(err)
		}
		_, err = st.Upload(t.Context(), bytes.NewReader(make([]byte, size)), int64(size), &transport.Ticket{Key: key},
			func(transport.Ticket) error { return nil }, nil)
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := st.Put(t.Context(), "page.html", "text/html", []byte("x")); err != nil {
		t.Fatal(err)
	}
	for _, op := range writes {
		rs := p.Requests(op)
		if len(rs) == 0 {
			t.Errorf("no %s went by", op)
		}
		for _, r := range rs {
			checkHeaders(t, r, mode, tls)
		}
	}
}

func checkHeaders(t *testing.T, r storetest.Request, mode string, tls bool) {
	t.Helper()
	h := r.Header
	if strings.Contains(h.Get("Content-Encoding"), "aws-chunked") || h.Get("X-Amz-Trailer") != "" ||
		h.Get("X-Amz-Decoded-Content-Length") != "" || strings.HasPrefix(h.Get("X-Amz-Content-Sha256"), "STREAMING") {
		t.Errorf("%s is chunked: %v", r.Op, h)
	}
	data := r.Op == "PutObject" || r.Op == "UploadPart"
	if h.Get("Content-Length") == "" && data {
		t.Errorf("%s has no length", r.Op)
	}
	if signed := h.Get("X-Amz-Content-Sha256") != "UNSIGNED-PAYLOAD"; data && signed == tls {
		t.Errorf("%s: payload signed is %v with TLS %v", r.Op, signed, tls)
	}
	sums := amzChecksums(h)
	switch {
	case mode == s3.ChecksumsWhenRequired && len(sums) > 0:
		t.Errorf("%s carries %v", r.Op, sums)
	case mode == s3.ChecksumsWhenRequired && data && h.Get("Content-Md5") == "":
		t.Errorf("%s carries no Content-MD5", r.Op)
	case mode != s3.ChecksumsWhenRequired && len(sums) == 0:
		t.Errorf("%s carries no checksum", r.Op)
	case mode != s3.ChecksumsWhenRequired && data && h.Get("X-Amz-Checksum-Crc64nvme") == "":
		t.Errorf("%s carries %v", r.Op, sums)
	}
	if r.Op == "CompleteMultipartUpload" && h.Get("If-None-Match") != "*" {
		t.Errorf("%s may overwrite", r.Op)
	}
}

func amzChecksums(h http.Header) []string {
	var names []string
	for name := range h {
		if strings.HasPrefix(name, "X-Amz-Checksum-") || name == "X-Amz-Sdk-Checksum-Algorithm" {
			names = append(names, name)
		}
	}
	return names
}

func TestBundleHeaders(t *testing.T) {
	sv := startServer(t)
	for _, sse := range []string{"", s3.SSEAES256, s3.SSEKMS} {
		for size, op := range map[int]string{small: "PutObject", large: "CreateMultipartUpload"} {
			t.Run(op+" "+sse, func(t *testing.T) {
				t.Parallel()
				b := newBench(t, sv, size, func(c *s3.Config) {
					c.SSE = sse
					if sse == s3.SSEKMS {
						c.KMSKey = "alias/records"
					}
				})
				_, _ = b.upload(t.Context()) // the embedded store offers no encryption; the request is what counts
				rs := b.proxy.Requests(op)
				if len(rs) == 0 {
					t.Fatalf("no %s went by", op)
				}
				h := rs[0].Header
				want := map[string]string{
					"Content-Type":                                "application/octet-stream",
					"X-Amz-Server-Side-Encryption":                sse,
					"X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id": map[bool]string{true: "alias/records"}[sse == s3.SSEKMS],
					"X-Amz-Meta-Sha256":                           b.ticket.SHA256,
				}
				for name, value := range want {
					if h.Get(name) != value {
						t.Errorf("%s: %q, want %q", name, h.Get(name), value)
					}
				}
				if op == "PutObject" && h.Get("If-None-Match") != "*" {
					t.Error("the bundle may overwrite")
				}
			})
		}
	}
}

// A resumed upload sends nothing that the store holds, known by CRC64NVME or by
// an ETag that is an MD5, and sends again what it holds in another form.
func TestResumeSendsTheRest(t *testing.T) {
	sv := startServer(t)
	for _, mode := range []string{s3.ChecksumsCRC64NVME, s3.ChecksumsWhenRequired} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, sv, large, func(c *s3.Config) { c.Checksums = mode })
			b.proxy.Inject(storetest.Fault{Op: "CompleteMultipartUpload", Status: 403, Code: "AccessDenied"})
			sent := func() int {
				before := len(b.proxy.Requests("UploadPart"))
				if _, err := b.upload(t.Context()); err == nil {
					t.Fatal("no error")
				}
				return len(b.proxy.Requests("UploadPart")) - before
			}
			if n := sent(); n != 4 {
				t.Errorf("%d parts sent at first, want 4", n)
			}
			if n := sent(); n != 0 {
				t.Errorf("%d parts sent again, want none", n)
			}
			b.data[2*part] ^= 1
			b.ticket.SHA256 = sha256Hex(b.data)
			if n := sent(); n != 1 {
				t.Errorf("%d parts sent after one had changed", n)
			}
		})
	}
}

func sha256Hex(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// The store tells of a thousand parts at a time: those behind are known too.
func TestResumeManyParts(t *testing.T) {
	const parts = 1500
	sv := startServer(t)
	b := newBench(t, sv, parts<<10, nil)
	out, err := rawClient(sv).CreateMultipartUpload(t.Context(), &awss3.CreateMultipartUploadInput{
		Bucket: aws.String(localstore.Bucket), Key: &b.ticket.Key,
		ChecksumAlgorithm: types.ChecksumAlgorithmCrc64nvme, ChecksumType: types.ChecksumTypeFullObject,
	})
	if err != nil {
		t.Fatal(err)
	}
	b.ticket = transport.Ticket{
		Key: b.ticket.Key, SHA256: sha256Hex(b.data), Size: parts << 10, PartSize: 1 << 10,
		UploadID: *out.UploadId, Checksum: "CRC64NVME",
	}
	b.proxy.Inject(storetest.Fault{Op: "CompleteMultipartUpload", Status: 403, Code: "AccessDenied"})
	for turn, want := range []int{parts, 0} {
		before := len(b.proxy.Requests("UploadPart"))
		if _, err := b.upload(t.Context()); !errors.Is(err, transport.ErrDenied) {
			t.Fatal(err)
		}
		if sent := len(b.proxy.Requests("UploadPart")) - before; sent != want {
			t.Errorf("turn %d: %d parts sent, want %d", turn, sent, want)
		}
	}
	if pages := len(b.proxy.Requests("ListParts")); pages != 3 {
		t.Errorf("%d pages of parts were asked for, want 1 and then 2", pages)
	}
}
