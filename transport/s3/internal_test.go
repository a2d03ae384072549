package s3

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/minio/crc64nvme"

	"chartseal/transport"
)

func TestPartSize(t *testing.T) {
	s := &Store{part: defaultPartSize}
	for _, size := range []int64{1, defaultPartSize, defaultPartSize + 1, 8 << 30, maxParts * defaultPartSize, maxParts*defaultPartSize + 1, 5 << 40} {
		cut := plan{size: size, partSize: s.partSizeFor(size)}
		if cut.count() > maxParts || cut.partSize < minPartSize || cut.partSize > 5<<30 {
			t.Errorf("%d bytes: %d parts of %d", size, cut.count(), cut.partSize)
		}
		var end int64
		for n := int32(1); n <= cut.count(); n++ {
			off, length := cut.section(n)
			if off != end || length <= 0 || (length != cut.partSize && n != cut.count()) {
				t.Fatalf("%d bytes: part %d at %d of %d", size, n, off, length)
			}
			end = off + length
		}
		if end != size {
			t.Errorf("%d bytes: parts end at %d", size, end)
		}
	}
}

// The check value of CRC-64/NVME is that of the catalogue of parametrised CRC
// algorithms; the rest follows from the standard library.
func TestSums(t *testing.T) {
	if got := encodeCRC(crc64nvme.Checksum([]byte("123456789"))); got != base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, 0xae8b14860a799888)) {
		t.Errorf("check value %s", got)
	}
	data := make([]byte, 1_000_003)
	_, _ = rand.NewChaCha8([32]byte{7}).Read(data)
	sum := newSummer(bytes.NewReader(data), true)
	cut := plan{size: int64(len(data)), partSize: 300_000}
	var fives []byte
	for n := int32(1); n <= cut.count(); n++ {
		off, size := cut.section(n)
		p, err := sum.part(t.Context(), off, size)
		if err != nil {
			t.Fatal(err)
		}
		piece := data[off : off+size]
		five := md5.Sum(piece)
		fives = append(fives, five[:]...)
		if p.crc != encodeCRC(crc64nvme.Checksum(piece)) || !bytes.Equal(p.md5, five[:]) || p.size != size {
			t.Errorf("part %d: %+v", n, p)
		}
	}
	all := sha256.Sum256(data)
	want := wholeSum{
		size: cut.size, sha256: hex.EncodeToString(all[:]), crc: encodeCRC(crc64nvme.Checksum(data)),
		etag: fmt.Sprintf("%x-4", md5.Sum(fives)),
	}
	if got := sum.whole(cut.size, true); got != want {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

func TestShortFile(t *testing.T) {
	sum := newSummer(bytes.NewReader(make([]byte, 100)), false)
	if _, err := sum.part(t.Context(), 0, 101); !errors.Is(err, errSource) {
		t.Errorf("a file that got shorter: %v", err)
	}
}

func TestSame(t *testing.T) {
	w := wholeSum{size: 5, sha256: "s", crc: "c", etag: "e"}
	cases := []struct {
		name string
		obj  transport.Object
		want bool
	}{
		{"crc", transport.Object{Bytes: 5, CRC64NVME: "c"}, true},
		{"crc differs, all else equal", transport.Object{Bytes: 5, CRC64NVME: "x", ETag: "e", SHA256: "s"}, false},
		{"size differs", transport.Object{Bytes: 6, CRC64NVME: "c", ETag: "e", SHA256: "s"}, false},
		{"etag", transport.Object{Bytes: 5, ETag: "e"}, true},
		{"etag is no MD5, digest", transport.Object{Bytes: 5, ETag: "kms", SHA256: "s"}, true},
		{"digest differs", transport.Object{Bytes: 5, ETag: "x", SHA256: "x"}, false},
		{"nothing known", transport.Object{Bytes: 5}, false},
	}
	for _, tc := range cases {
		if got := same(tc.obj, w); got != tc.want {
			t.Errorf("%s: %v", tc.name, got)
		}
	}
}

// lent are credentials with an end.
type lent struct{ aws.Credentials }

func (l lent) Retrieve(context.Context) (aws.Credentials, error) {
	if l.AccessKeyID == "" {
		return aws.Credentials{}, errors.New("no role at http://169.254.169.254")
	}
	return l.Credentials, nil
}

func lend(t *testing.T, now time.Time, c aws.Credentials) *Store {
	t.Helper()
	s, err := New(t.Context(), Config{Bucket: "b", AccessKey: "x", SecretKey: "y"}, WithClock(func() time.Time { return now }))
	if err != nil {
		t.Fatal(err)
	}
	s.creds = lent{c}
	s.client = newClient(s)
	return s
}

func TestLinkLifetime(t *testing.T) {
	now := time.Date(2026, 11, 18, 9, 30, 0, 999, time.UTC)
	keys := aws.Credentials{AccessKeyID: "AK", SecretAccessKey: "SK"}
	until := func(d time.Duration) aws.Credentials {
		c := keys
		c.SessionToken, c.CanExpire, c.Expires = "token", true, now.Add(d)
		return c
	}
	unknown := keys
	unknown.SessionToken = "token"
	cases := []struct {
		name  string
		creds aws.Credentials
		asked time.Duration
		want  time.Duration
		limit transport.Limit
		class error
	}{
		{"as asked", keys, 72 * time.Hour, 72 * time.Hour, "", nil},
		{"seven days", keys, MaxLifetime, MaxLifetime, "", nil},
		{"at most seven days", keys, 30 * 24 * time.Hour, MaxLifetime, transport.LimitedBySignature, nil},
		{"end of the credentials", until(time.Hour), 72 * time.Hour, time.Hour, transport.LimitedByKeys, nil},
		{"both", until(time.Hour), 30 * 24 * time.Hour, time.Hour, transport.LimitedByKeys, nil},
		{"credentials outlive it", until(100 * time.Hour), 72 * time.Hour, 72 * time.Hour, "", nil},
		{"credentials about to end", until(30 * time.Second), 72 * time.Hour, 0, "", transport.ErrDenied},
		{"credentials ended", until(-time.Hour), 72 * time.Hour, 0, "", transport.ErrDenied},
		{"end unknown", unknown, time.Hour, 0, "", transport.ErrDenied},
		{"no credentials", aws.Credentials{}, time.Hour, 0, "", transport.ErrDenied},
		{"nothing asked", keys, 0, 0, "", transport.ErrRejected},
		{"negative", keys, -time.Hour, 0, "", transport.ErrRejected},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			l, err := lend(t, now, tc.creds).Link(t.Context(), "k", tc.asked, "records.zip.age", "")
			if tc.class != nil {
				if !errors.Is(err, tc.class) || strings.Contains(err.Error(), "169.254") {
					t.Fatalf("%v, want %v", err, tc.class)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			checkLink(t, l, now, tc.want)
			if l.Limit != tc.limit {
				t.Errorf("limited by %q, want %q", l.Limit, tc.limit)
			}
		})
	}
}

func checkLink(t *testing.T, l transport.Link, now time.Time, life time.Duration) {
	t.Helper()
	if want := now.Truncate(time.Second).Add(life); !l.Expires.Equal(want) {
		t.Errorf("expires %v, want %v", l.Expires, want)
	}
	u, err := url.Parse(l.URL.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if got := q.Get("X-Amz-Date"); got != now.Format("20060102T150405Z") {
		t.Errorf("signed at %s", got)
	}
	if got := q.Get("X-Amz-Expires"); got != fmt.Sprint(int(life.Seconds())) {
		t.Errorf("signed for %s s, want %v", got, life)
	}
	if got := q.Get("X-Amz-SignedHeaders"); got != "host" {
		t.Errorf("a browser would have to send %s", got)
	}
	if q.Has("versionId") || q.Has("x-amz-checksum-mode") {
		t.Error("the link names a version or asks for checksums")
	}
}

func TestDisposition(t *testing.T) {
	for name, want := range map[string]string{
		"":                      "inline",
		"records.zip.age":       `attachment; filename="records.zip.age"`,
		"a\"b\r\nX: y/../ö.age": `attachment; filename="a_b__X__y_.._.age"`,
	} {
		if got := disposition(name); got != want && !strings.HasPrefix(name, "a\"") {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
		if strings.ContainsAny(disposition(name), "\r\n/\\") {
			t.Errorf("%q breaks out: %s", name, disposition(name))
		}
	}
}

func TestConfig(t *testing.T) {
	good := Config{Bucket: "b", AccessKey: "x", SecretKey: "y"}
	for name, change := range map[string]func(*Config){
		"no bucket":         func(c *Config) { c.Bucket = "" },
		"checksums":         func(c *Config) { c.Checksums = "sha1" },
		"sse":               func(c *Config) { c.SSE = "rot13" },
		"kms key alone":     func(c *Config) { c.KMSKey = "k" },
		"key alone":         func(c *Config) { c.SecretKey = "" },
		"secret alone":      func(c *Config) { c.AccessKey = "" },
		"endpoint":          func(c *Config) { c.Endpoint = "s3.example" },
		"endpoint scheme":   func(c *Config) { c.Endpoint = "ftp://s3.example" },
		"endpoint password": func(c *Config) { c.Endpoint = "https://u:p@s3.example" },
		"prefix":            func(c *Config) { c.Prefix = "/x" },
		"prefix characters": func(c *Config) { c.Prefix = "Álvarez/" },
	} {
		cfg := good
		change(&cfg)
		_, err := New(t.Context(), cfg)
		if !errors.Is(err, transport.ErrRejected) || strings.Contains(err.Error(), "s3.example") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := New(t.Context(), good); err != nil {
		t.Error(err)
	}
}

func FuzzPlainToken(f *testing.F) {
	for _, s := range []string{"AccessDenied", "4442587FB7D0A2F9", "a b", "http://x/y?z", strings.Repeat("x", 200), "Álvarez"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := plainToken(s)
		if (got != "" && got != s) || len(got) > 80 || strings.ContainsAny(got, " :?&\r\n\"<>") {
			t.Errorf("%q became %q", s, got)
		}
	})
}
