package s3_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"chartseal/transport"
	"chartseal/transport/s3"
	"chartseal/transport/storetest"
)

// A store that names a time to come back at is left alone until then.
func TestRetryAfter(t *testing.T) {
	sv := startServer(t)
	const date = "a date" // in five minutes
	for value, want := range map[string][2]time.Duration{
		"120": {2 * time.Minute, 2 * time.Minute}, date: {0, 5 * time.Minute},
		"": {}, "soon": {}, "-1": {}, "99999999999999999999": {}, "2000000000": {time.Hour, time.Hour},
	} {
		t.Run(value, func(t *testing.T) {
			b := newBench(t, sv, small, nil)
			dated, at := value == date, time.Now().Add(5*time.Minute).Truncate(time.Second)
			if dated {
				value = at.UTC().Format(http.TimeFormat)
			}
			fired := b.proxy.Inject(storetest.Fault{Op: "PutObject", Status: 503, Code: "SlowDown", Header: http.Header{"Retry-After": {value}}})
			_, err := b.upload(t.Context())
			if dated {
				want[0] = time.Until(at)
			}
			if got := transport.RetryAfter(err); !errors.Is(err, transport.ErrUnavailable) || got < want[0] || got > want[1] {
				t.Errorf("%v, after %v; want %v", err, got, want)
			}
			if most := map[bool]int{true: 1, false: 3}[want[1] > 0]; fired() != most {
				t.Errorf("asked %d times, want %d", fired(), most)
			}
		})
	}
}

// An answer that trickles out and stops, or never ends, holds up nobody.
func TestBadAnswers(t *testing.T) {
	var asked atomic.Int32
	page := "<ListPartsResult><IsTruncated>true</IsTruncated><NextPartNumberMarker>1</NextPartNumberMarker>" +
		"<Part><PartNumber>1</PartNumber><Size>5</Size><ETag>x</ETag></Part></ListPartsResult>"
	cases := []struct {
		name  string
		reply http.HandlerFunc
		class error
		stall time.Duration // long where the machine must not be the one that stalls
	}{
		{"stops within", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "<ListPartsResult>")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, transport.ErrUnavailable, 100 * time.Millisecond},
		{"never begins", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, transport.ErrUnavailable, 100 * time.Millisecond},
		{"never ends", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "<ListPartsResult>")
			for junk := bytes.Repeat([]byte(" "), 1<<20); ; {
				if _, err := w.Write(junk); err != nil {
					return
				}
			}
		}, transport.ErrRejected, time.Minute},
		{"turns in circles", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, page) }, transport.ErrNotFound, time.Minute},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			asked.Store(0)
			sv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				if storetest.Op(r) != "ListParts" {
					http.NotFound(w, r)
					return
				}
				asked.Add(1)
				tc.reply(w, r)
			}))
			defer sv.Close()
			st, err := s3.New(t.Context(), s3.Config{Bucket: "b", Endpoint: sv.URL, PathStyle: true, AccessKey: "x", SecretKey: "y"},
				s3.WithPartSize(part), s3.WithStall(tc.stall))
			if err != nil {
				t.Fatal(err)
			}
			ticket := transport.Ticket{Key: "k", SHA256: "s", Size: large, PartSize: part, UploadID: "u", Checksum: "CRC64NVME"}
			begin := time.Now()
			_, err = st.Upload(t.Context(), bytes.NewReader(make([]byte, large)), large, &ticket, func(transport.Ticket) error { return nil }, nil)
			if !errors.Is(err, tc.class) || asked.Load() > 3 {
				t.Errorf("%v after asking %d times, want %v", err, asked.Load(), tc.class)
			}
			t.Logf("%v in %v", err, time.Since(begin))
		})
	}
}

// Keys are changed while an upload is under way: it stops with ErrDenied, and
// goes on with the new keys, in the same process, where it was.
func TestKeysRotated(t *testing.T) {
	sv := startServer(t)
	file := filepath.Join(t.TempDir(), "credentials")
	for name, value := range map[string]string{
		"AWS_SHARED_CREDENTIALS_FILE": file, "AWS_CONFIG_FILE": filepath.Join(t.TempDir(), "none"),
		"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_PROFILE": "", "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
	write := func(secret string) {
		t.Helper()
		text := fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", sv.AccessKey(), secret)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(sv.SecretKey().Reveal())
	b := newBench(t, sv, large, func(c *s3.Config) { c.AccessKey, c.SecretKey = "", "" })
	b.proxy.Inject(storetest.Fault{Op: "UploadPart", Status: 403, Code: "InvalidAccessKeyId"})
	write("old")
	if _, err := b.upload(t.Context()); !errors.Is(err, transport.ErrDenied) {
		t.Fatal(err)
	}
	b.proxy.Heal()
	if _, err := b.upload(t.Context()); !errors.Is(err, transport.ErrDenied) {
		t.Fatalf("with keys that do not fit: %v", err)
	}
	id := b.ticket.UploadID
	write(sv.SecretKey().Reveal())
	if _, err := b.upload(t.Context()); err != nil || id == "" || b.ticket.UploadID != id {
		t.Fatalf("with the new keys: %v", err)
	}
	b.stored(t)
}

// Nothing is known of an object in a bucket that is not there: a link into the
// old bucket may well be alive.
func TestRevokeWithoutBucket(t *testing.T) {
	cfg := startServer(t).config()
	cfg.Bucket = "renamed"
	st, err := s3.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := st.Revoke(t.Context(), "k"); !errors.Is(err, transport.ErrNoBucket) {
		t.Errorf("revoked: %v", err)
	}
	if n, err := st.Purge(t.Context(), time.Now(), nil); n != 0 || !errors.Is(err, transport.ErrNoBucket) {
		t.Errorf("purged %d: %v", n, err)
	}
}

// Tickets that no upload could have made are refused before anything is sent.
func TestTicketBounds(t *testing.T) {
	sv := startServer(t)
	b := newBench(t, sv, small, nil)
	good := transport.Ticket{Key: "k", SHA256: strings.Repeat("0", 64), Size: small, PartSize: part, UploadID: "u"}
	for name, change := range map[string]func(*transport.Ticket) int64{
		"no key":           func(k *transport.Ticket) int64 { k.Key = ""; return small },
		"empty file":       func(k *transport.Ticket) int64 { *k = transport.Ticket{Key: "k"}; return 0 },
		"grown file":       func(*transport.Ticket) int64 { return small + 1 },
		"no part size":     func(k *transport.Ticket) int64 { k.PartSize = 0; return small },
		"too many parts":   func(k *transport.Ticket) int64 { k.Size, k.PartSize = 10_001, 1; return 10_001 },
		"part of six GiB":  func(k *transport.Ticket) int64 { k.PartSize = 6 << 30; return small },
		"digest forgotten": func(k *transport.Ticket) int64 { k.SHA256 = ""; return small },
	} {
		ticket := good
		size := change(&ticket)
		before := len(b.proxy.Requests(""))
		_, err := b.store.Upload(t.Context(), bytes.NewReader(b.data), size, &ticket, func(transport.Ticket) error { return nil }, nil)
		if err == nil || transport.Retryable(err) || len(b.proxy.Requests("")) != before {
			t.Errorf("%s: %v after %d requests", name, err, len(b.proxy.Requests(""))-before)
		}
	}
}
