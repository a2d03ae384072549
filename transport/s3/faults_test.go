package s3_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

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

// stored fails the test unless the object is there, byte for byte, and nothing
// besides.
func (b *bench) stored(t *testing.T) {
	t.Helper()
	b.alone(t)
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
	if err := same(resp.Body, b.data); err != nil {
		t.Errorf("status %d: %v", resp.StatusCode, err)
	}
}

// same compares as it reads: a buffer that grows is copied again and again under the eyes
// of the race detector, for longer than all else takes.
func same(r io.Reader, want []byte) error {
	rest, buf := want, make([]byte, 64<<10)
	for {
		n, err := r.Read(buf)
		if !bytes.HasPrefix(rest, buf[:n]) {
			return fmt.Errorf("not the same after %d bytes of %d", len(want)-len(rest), len(want))
		}
		rest = rest[n:]
		switch {
		case err == nil:
		case !errors.Is(err, io.EOF):
			return err
		case len(rest) > 0:
			return fmt.Errorf("%d bytes of %d are missing", len(rest), len(want))
		default:
			return nil
		}
	}
}

// alone fails the test unless exactly one version of one object is under the
// key, and no unfinished upload.
func (b *bench) alone(t *testing.T) {
	t.Helper()
	c := rawClient(b.server)
	versions, err := c.ListObjectVersions(t.Context(), &awss3.ListObjectVersionsInput{Bucket: aws.String(localstore.Bucket), Prefix: &b.ticket.Key})
	if err != nil {
		t.Fatal(err)
	}
	uploads, err := c.ListMultipartUploads(t.Context(), &awss3.ListMultipartUploadsInput{Bucket: aws.String(localstore.Bucket), Prefix: &b.ticket.Key})
	if err != nil {
		t.Fatal(err)
	}
	if len(versions.Versions) != 1 || len(versions.DeleteMarkers) != 0 || len(uploads.Uploads) != 0 {
		t.Errorf("%d versions, %d markers and %d unfinished uploads under the key; want one version alone",
			len(versions.Versions), len(versions.DeleteMarkers), len(uploads.Uploads))
	}
}

// rawClient is the SDK's own, for a look behind the store's back.
func rawClient(sv *server) *awss3.Client {
	return awss3.New(awss3.Options{
		Region: localstore.Region, BaseEndpoint: aws.String(sv.Endpoint()), UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(sv.AccessKey(), sv.SecretKey().Reveal(), ""),
	})
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

// stall leaves a loaded machine time in all that must not stall.
func stall(f storetest.Fault) []s3.Option {
	if !f.Hang {
		return nil
	}
	return []s3.Option{s3.WithStall(3 * time.Second)}
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
		{"timeout after commit", small, storetest.Fault{Op: "PutObject", Hang: true, After: true}},
		{"500 before commit", small, storetest.Fault{Op: "PutObject", Status: 500, Code: "InternalError", Times: 1}},
		{"timeout after completion", large, storetest.Fault{Op: "CompleteMultipartUpload", Hang: true, After: true, Times: 1}},
		{"error inside a 200 after completion", large, storetest.Fault{Op: "CompleteMultipartUpload", Status: 200, Code: "InternalError", After: true}},
		{"error inside a 200 before completion", large, storetest.Fault{Op: "CompleteMultipartUpload", Status: 200, Code: "InternalError", Times: 1}},
		{"500 before completion", large, storetest.Fault{Op: "CompleteMultipartUpload", Status: 500, Code: "InternalError", Times: 1}},
		{"500 after a part", large, storetest.Fault{Op: "UploadPart", Status: 500, Code: "InternalError", After: true, Times: 2}},
		{"cut within a part", large, storetest.Fault{Op: "UploadPart", Drop: true, Times: 2}},
		{"slow body", large, storetest.Fault{Op: "UploadPart", Slow: 2 * time.Millisecond}},
		{"lost reply to the creation", large, storetest.Fault{Op: "CreateMultipartUpload", Drop: true, After: true, Times: 1}},
		{"parts cannot be listed", large, storetest.Fault{Op: "ListParts", Status: 501, Code: "NotImplemented"}},
		{"sums refused at the end", large, storetest.Fault{Op: "CompleteMultipartUpload", Status: 400, Code: "InvalidRequest", When: hasChecksum}},
		{"condition refused at the end", large, storetest.Fault{Op: "CompleteMultipartUpload", Status: 501, Code: "NotImplemented", When: hasCondition}},
		{"answer without sums", large, storetest.Fault{Op: "ListParts", Strip: regexp.MustCompile(`<Checksum[^/]*/Checksum[^>]*>`)}},
	}
	sv := startServer(t)
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, sv, tc.size, nil, stall(tc.fault)...)
			fired := b.proxy.Inject(tc.fault)
			obj, err := b.upload(t.Context())
			if fired() < max(tc.fault.Times, 1) {
				t.Errorf("the fault struck %d times", fired())
			}
			if err != nil || obj.Bytes != int64(tc.size) {
				t.Fatalf("%+v, %v", obj, err)
			}
			b.stored(t)
		})
	}
}

// A part that was on its way when its upload was aborted can bring that upload back.
func TestUploadBegunAnewLeavesNothing(t *testing.T) {
	b := newBench(t, startServer(t), large, nil)
	c := rawClient(b.server)
	b.proxy.Inject(storetest.Fault{Op: "UploadPart", Status: 404, Code: "NoSuchUpload", Times: 1})
	b.proxy.Inject(storetest.Fault{Op: "CompleteMultipartUpload", Slow: time.Nanosecond, When: func(r *http.Request) bool {
		_, err := c.CreateMultipartUpload(r.Context(), &awss3.CreateMultipartUploadInput{Bucket: aws.String(localstore.Bucket), Key: &b.ticket.Key})
		if err != nil {
			t.Error(err)
		}
		return true
	}})
	if _, err := b.upload(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.stored(t)
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
		{"moved for now", large, storetest.Fault{Op: "UploadPart", Status: 307, Code: "TemporaryRedirect"}, transport.ErrUnavailable, true},
		{"other region", large, storetest.Fault{Op: "UploadPart", Status: 400, Code: "AuthorizationHeaderMalformed"}, transport.ErrRejected, false},
		{"clock", large, storetest.Fault{Op: "UploadPart", Status: 403, Code: "RequestTimeTooSkewed"}, transport.ErrClock, false},
		{"clock denies", small, storetest.Fault{Op: "PutObject", Status: 403, Code: "RequestTimeTooSkewed"}, transport.ErrDenied, false},
		{"no bucket", large, storetest.Fault{Op: "ListParts", Status: 404, Code: "NoSuchBucket"}, transport.ErrNoBucket, false},
		{"no bucket at a part", large, storetest.Fault{Op: "UploadPart", Status: 404, Code: "NoSuchBucket"}, transport.ErrNoBucket, false},
		{"404 of something in between", large, storetest.Fault{Op: "ListParts", Status: 404}, transport.ErrNotFound, false},
		{"404 in between at the end", large, storetest.Fault{Op: "CompleteMultipartUpload", Status: 404}, transport.ErrNotFound, false},
		{"500 before commit", small, storetest.Fault{Op: "PutObject", Status: 500, Code: "InternalError"}, transport.ErrUnavailable, true},
		{"throttled", large, storetest.Fault{Op: "UploadPart", Status: 400, Code: "ThrottlingException"}, transport.ErrUnavailable, true},
		{"hanging within an object", small, storetest.Fault{Op: "PutObject", Hang: true}, transport.ErrUnavailable, true},
		{"full at the end", large, storetest.Fault{Op: "CompleteMultipartUpload", Status: 507, Code: "InsufficientStorage"}, transport.ErrFull, true},
		{"conflict", large, storetest.Fault{Op: "CompleteMultipartUpload", Status: 409, Code: "ConditionalRequestConflict"}, transport.ErrUnavailable, true},
	}
	sv := startServer(t)
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, sv, tc.size, nil, stall(tc.fault)...)
			fired := b.proxy.Inject(tc.fault)
			_, err := b.upload(t.Context())
			if fired() == 0 {
				t.Error("the fault did not strike")
			}
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
			id := b.ticket.UploadID
			if _, err := b.upload(t.Context()); err != nil {
				t.Fatalf("after healing: %v", err)
			}
			if id != "" && b.ticket.UploadID != id {
				t.Error("the upload began anew although the store still held it")
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

func hasCondition(r *http.Request) bool { return r.Header.Get("If-None-Match") != "" }

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
			When: hasCondition,
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
