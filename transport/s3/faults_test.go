package s3_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"chartseal/transport"
	"chartseal/transport/localstore"
	"chartseal/transport/s3"
	"chartseal/transport/storetest"
)

const (
	small = 5000
	part  = storetest.PartSize
	large = 3*part + 77
)

// bench is a real store behind a proxy that does harm.
type bench struct {
	server *server
	proxy  *storetest.Proxy
	store  *s3.Store
	direct *s3.Store // past the proxy
	ticket transport.Ticket
	saved  transport.Ticket
	data   []byte
}

func newBench(t *testing.T, sv *server, size int, change func(*s3.Config), opts ...s3.Option) *bench {
	t.Helper()
	b := &bench{server: sv, data: make([]byte, size)}
	r := rand.NewChaCha8([32]byte{9})
	_, _ = r.Read(b.data)
	b.direct = open(t, b.server.config())
	b.proxy = storetest.NewProxy(t, b.server.Endpoint(), false)
	cfg := b.server.config()
	cfg.Endpoint = b.proxy.URL
	if change != nil {
		change(&cfg)
	}
	b.store = open(t, cfg, opts...)
	key, err := transport.NewKey(nil, "")
	if err != nil {
		t.Fatal(err)
	}
	b.ticket = transport.Ticket{Key: key}
	return b
}

func (b *bench) upload(ctx context.Context) (transport.Object, error) {
	return b.store.Upload(ctx, bytes.NewReader(b.data), int64(len(b.data)), &b.ticket,
		func(t transport.Ticket) error { b.saved = t; return nil }, nil)
}

// stored fails the test unless the object is there, byte for byte.
func (b *bench) stored(t *testing.T) {
	t.Helper()
	link, err := b.direct.Link(t.Context(), b.ticket.Key, time.Minute, "", "")
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, link.URL.Reveal(), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var got bytes.Buffer
	if _, err := got.ReadFrom(resp.Body); err != nil || !bytes.Equal(got.Bytes(), b.data) {
		t.Errorf("status %d, %d bytes of %d, or not the same: %v", resp.StatusCode, got.Len(), len(b.data), err)
	}
}

// checkText fails the test if an error says what must not reach a log.
func (b *bench) checkText(t *testing.T, err error) {
	t.Helper()
	for _, secret := range []string{b.ticket.Key, "127.0.0.1", localstore.Bucket, b.server.AccessKey(), "http"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("error gives away %q: %v", secret, err)
		}
	}
}

// Faults that one call gets over.
func TestUploadSurvives(t *testing.T) {
	cases := []struct {
		name  string
		size  int
		fault storetest.Fault
	}{
		{"500 after commit", small, storetest.Fault{Op: "PutObject", Status: 500, Code: "InternalError", After: true}},
		{"cut after commit", small, storetest.Fault{Op: "PutObject", Drop: true, After: true}},
		{"one cut before commit", small, storetest.Fault{Op: "PutObject", Drop: true, Times: 1}},
		{"500 after completion", large, storetest.Fault{Op: "CompleteMultipartUpload", Status: 500, Code: "InternalError", After: true}},
		{"cut after completion", large, storetest.Fault{Op: "CompleteMultipartUpload", Drop: true, After: true}},
		{"412 after completion", large, storetest.Fault{Op: "CompleteMultipartUpload", Status: 412, Code: "PreconditionFailed", After: true}},
		{"upload forgotten after completion", large, storetest.Fault{Op: "CompleteMultipartUpload", Status: 404, Code: "NoSuchUpload", After: true}},
		{"upload forgotten before completion", large, storetest.Fault{Op: "CompleteMultipartUpload", Status: 404, Code: "NoSuchUpload", Times: 1}},
		{"upload forgotten at a part", large, storetest.Fault{Op: "UploadPart", Status: 404, Code: "NoSuchUpload", Times: 1}},
		{"slow down twice", large, storetest.Fault{Op: "UploadPart", Status: 503, Code: "SlowDown", Times: 2}},
		{"part cut twice", large, storetest.Fault{Op: "UploadPart", Drop: true, Times: 2}},
		{"uploads cannot be listed", large, storetest.Fault{Op: "ListMultipartUploads", Status: 501, Code: "NotImplemented"}},
	}
	sv := startServer(t)
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, sv, tc.size, nil)
			b.proxy.Inject(tc.fault)
			obj, err := b.upload(t.Context())
			if err != nil || obj.Bytes != int64(tc.size) {
				t.Fatalf("%+v, %v", obj, err)
			}
			b.stored(t)
		})
	}
}

// Faults that end a call, with the class they end it with. Once healed, the
// ticket last saved brings the upload to its end.
func TestUploadFails(t *testing.T) {
	cases := []struct {
		name  string
		size  int
		fault storetest.Fault
		class error
		retry bool
	}{
		{"403 at once", small, storetest.Fault{Op: "PutObject", Status: 403, Code: "AccessDenied"}, transport.ErrDenied, false},
		{"403 at a part", large, storetest.Fault{Op: "UploadPart", Status: 403, Code: "ExpiredToken"}, transport.ErrDenied, false},
		{"403 at the end", large, storetest.Fault{Op: "CompleteMultipartUpload", Status: 403, Code: "AccessDenied"}, transport.ErrDenied, false},
		{"403 when confirming", small, storetest.Fault{Op: "HeadObject", Status: 403}, transport.ErrDenied, false},
		{"412 with nothing there", large, storetest.Fault{Op: "CompleteMultipartUpload", Status: 412, Code: "PreconditionFailed"}, transport.ErrUnavailable, true},
		{"done with nothing there", small, storetest.Fault{Op: "PutObject", Status: 200}, transport.ErrUnavailable, true},
		{"slow down", large, storetest.Fault{Op: "UploadPart", Status: 503, Code: "SlowDown"}, transport.ErrUnavailable, true},
		{"bad gateway", large, storetest.Fault{Op: "CreateMultipartUpload", Status: 502}, transport.ErrUnavailable, true},
		{"full", large, storetest.Fault{Op: "UploadPart", Status: 507, Code: "InsufficientStorage"}, transport.ErrFull, true},
		{"damaged part", large, storetest.Fault{Op: "UploadPart", Damage: true}, transport.ErrUnavailable, true},
		{"damaged object", small, storetest.Fault{Op: "PutObject", Damage: true}, transport.ErrUnavailable, true},
		{"no listing", large, storetest.Fault{Op: "ListParts", Drop: true}, transport.ErrUnavailable, true},
		{"hanging part", large, storetest.Fault{Op: "UploadPart", Hang: true}, transport.ErrUnavailable, true},
		{"moved", small, storetest.Fault{Op: "PutObject", Status: 301, Code: "PermanentRedirect"}, transport.ErrRejected, false},
	}
	sv := startServer(t)
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var opts []s3.Option
			if tc.fault.Hang {
				opts = append(opts, s3.WithStall(time.Second))
			}
			b := newBench(t, sv, tc.size, nil, opts...)
			b.proxy.Inject(tc.fault)
			_, err := b.upload(t.Context())
			if !errors.Is(err, tc.class) || transport.Retryable(err) != tc.retry {
				t.Fatalf("%v; want %v, retryable %v", err, tc.class, tc.retry)
			}
			t.Log(err)
			b.checkText(t, err)
			b.proxy.Heal()
			b.store = b.direct // a loaded machine must not stall the rest
			if b.saved.Key != "" {
				b.ticket = b.saved
			} else if b.ticket.UploadID != "" {
				t.Fatal("the ticket was not saved")
			}
			if _, err := b.upload(t.Context()); err != nil {
				t.Fatalf("after healing: %v", err)
			}
			b.stored(t)
		})
	}
}

func TestErrorKeepsRequestID(t *testing.T) {
	sv := startServer(t)
	b := newBench(t, sv, small, nil)
	b.proxy.Inject(storetest.Fault{Op: "PutObject", Status: 403, Code: "AccessDenied"})
	_, err := b.upload(t.Context())
	if want := "put object: store denied the credentials (AccessDenied, status 403, request TESTREQUEST1)"; err.Error() != want {
		t.Errorf("got  %v\nwant %v", err, want)
	}
}

func hasChecksum(r *http.Request) bool {
	return r.Header.Get("X-Amz-Checksum-Algorithm") != "" || r.Header.Get("X-Amz-Checksum-Crc64nvme") != ""
}

// A store that does not know CRC64NVME gets Content-MD5 instead, unless the
// configuration insists.
func TestChecksumsFallBack(t *testing.T) {
	sv := startServer(t)
	for _, size := range []int{small, large} {
		for op, code := range map[string]string{"CreateMultipartUpload": "NotImplemented", "UploadPart": "InvalidArgument", "PutObject": "NotImplemented"} {
			if (size == small) != (op == "PutObject") {
				continue
			}
			for _, mode := range []string{s3.ChecksumsAuto, s3.ChecksumsCRC64NVME} {
				t.Run(op+" "+mode, func(t *testing.T) {
					t.Parallel()
					b := newBench(t, sv, size, func(c *s3.Config) { c.Checksums = mode })
					b.proxy.Inject(storetest.Fault{Op: op, When: hasChecksum, Status: 501, Code: code})
					_, err := b.upload(t.Context())
					if mode == s3.ChecksumsCRC64NVME {
						if !errors.Is(err, transport.ErrRejected) {
							t.Errorf("insisting on CRC64NVME: %v", err)
						}
						return
					}
					if err != nil {
						t.Fatal(err)
					}
					b.stored(t)
				})
			}
		}
	}
}

// A store without conditional writes still takes bundles, and still none is
// overwritten that can be seen.
func TestWithoutConditions(t *testing.T) {
	sv := startServer(t)
	for size, op := range map[int]string{small: "PutObject", large: "CompleteMultipartUpload"} {
		b := newBench(t, sv, size, nil)
		b.proxy.Inject(storetest.Fault{
			Op: op, Status: 501, Code: "NotImplemented",
			When: func(r *http.Request) bool { return r.Header.Get("If-None-Match") != "" },
		})
		if _, err := b.upload(t.Context()); err != nil {
			t.Fatalf("%s: %v", op, err)
		}
		b.stored(t)
		b.data = append([]byte("other"), b.data...)
		b.ticket = transport.Ticket{Key: b.ticket.Key}
		if _, err := b.upload(t.Context()); !errors.Is(err, transport.ErrExists) {
			t.Errorf("%s over another object: %v", op, err)
		}
	}
}

// The child is killed while parts are under way; the supervisor starts it again
// and the upload goes on where it was.
func TestServerKilled(t *testing.T) {
	sv := startServer(t)
	b := newBench(t, sv, 8*part, nil)
	killed := false
	_, err := b.direct.Upload(t.Context(), bytes.NewReader(b.data), int64(len(b.data)), &b.ticket,
		func(transport.Ticket) error { return nil }, func(sent int64) {
			if sent > 3*part && !killed {
				killed = true
				b.server.kill()
			}
		})
	if err != nil && !transport.Retryable(err) {
		t.Fatal(err)
	}
	t.Log("killed:", err)
	for tries := 0; err != nil; tries++ {
		if tries == 50 || !transport.Retryable(err) {
			t.Fatal(err)
		}
		time.Sleep(200 * time.Millisecond)
		_, err = b.direct.Upload(t.Context(), bytes.NewReader(b.data), int64(len(b.data)), &b.ticket,
			func(transport.Ticket) error { return nil }, nil)
	}
	b.stored(t)
}

// The whole store is away for longer than the SDK tries; once it is back, on
// the same port with the same keys, the upload goes on and old links open.
func TestServerAway(t *testing.T) {
	dir := t.TempDir()
	sv := startServerIn(t, dir)
	b := newBench(t, sv, 8*part, nil)
	old, err := b.direct.Put(t.Context(), "old", "text/plain", []byte("old"))
	if err != nil {
		t.Fatal(err)
	}
	link, err := b.direct.Link(t.Context(), old.Key, time.Hour, "", "")
	if err != nil {
		t.Fatal(err)
	}
	b.store = b.direct
	gone := false
	_, err = b.store.Upload(t.Context(), bytes.NewReader(b.data), int64(len(b.data)), &b.ticket,
		func(t transport.Ticket) error { b.saved = t; return nil }, func(sent int64) {
			if sent > 5*part && !gone {
				gone = true
				sv.kill()
				go func() { _ = sv.Close() }()
			}
		})
	if !errors.Is(err, transport.ErrUnavailable) {
		t.Fatalf("with the store gone: %v", err)
	}
	b.checkText(t, err)
	_ = sv.Close()
	startServerIn(t, dir)
	b.ticket = b.saved
	if _, err = b.upload(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.stored(t)
	resp, err := http.Get(link.URL.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("old link answers %d", resp.StatusCode)
	}
}
