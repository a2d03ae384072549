package s3_test

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"chartseal/transport"
	"chartseal/transport/s3"
)

func TestSmallObjects(t *testing.T) {
	st := open(t, startServer(t).config())
	if _, err := st.Get(t.Context(), transport.Version{Key: "heads/a/latest"}, 100); !errors.Is(err, transport.ErrNotFound) {
		t.Errorf("nothing is there: %v", err)
	}
	if keys := keysOf(t, st, "heads/", ""); len(keys) != 0 {
		t.Errorf("%q", keys)
	}
	for _, key := range []string{"heads/a/1", "heads/a/2", "heads/b/1", "other"} {
		if locked, err := st.PutKept(t.Context(), key, "text/plain", []byte("head "+key), time.Now().AddDate(6, 0, 0)); err != nil || locked {
			t.Fatalf("%v, locked %v", err, locked)
		}
	}
	if b, err := st.Get(t.Context(), transport.Version{Key: "heads/a/2"}, 100); err != nil || string(b) != "head heads/a/2" {
		t.Errorf("%q, %v", b, err)
	}
	if _, err := st.Get(t.Context(), transport.Version{Key: "heads/a/2"}, 5); !errors.Is(err, transport.ErrRejected) {
		t.Errorf("longer than asked for: %v", err)
	}
	if keys := keysOf(t, st, "heads/a/", ""); !slices.Equal(keys, []string{"heads/a/1", "heads/a/2"}) {
		t.Errorf("%q", keys)
	}
	if keys := keysOf(t, st, "", "heads/a/1"); !slices.Equal(keys, []string{"heads/a/2", "heads/b/1", "other"}) {
		t.Errorf("%q", keys)
	}
	// A refused lock is not taken for a refused checksum.
	if obj, err := st.Put(t.Context(), "page", "text/html", []byte("x")); err != nil || obj.CRC64NVME == "" {
		t.Errorf("%+v, %v", obj, err)
	}
	if there, err := st.Stat(t.Context(), "page"); err != nil || there.CRC64NVME == "" {
		t.Errorf("%+v, %v", there, err)
	}
}

// keysOf lists keys in both ways, which must agree in a store that keeps no versions.
func keysOf(t *testing.T, st *s3.Store, prefix, after string) (keys []string) {
	t.Helper()
	var plain []transport.Version
	for v, err := range st.Objects(t.Context(), prefix, after) {
		if err != nil {
			t.Fatal(err)
		}
		plain = append(plain, v)
	}
	for v, err := range st.Versions(t.Context(), prefix, after) {
		if err != nil {
			t.Fatal(err)
		}
		if i := len(keys); !v.Current() || v.Deleted || i >= len(plain) || v.Key != plain[i].Key || v.ETag != plain[i].ETag {
			t.Errorf("%+v is not among %+v", v, plain)
		}
		keys = append(keys, v.Key)
	}
	return keys
}

// Where the bucket has object lock, what is kept cannot be deleted, and what lies beside
// it can.
func TestObjectsUnderLock(t *testing.T) {
	cfg, c := versioned(t)
	cfg.Bucket = "locked"
	if _, err := c.CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: &cfg.Bucket, ObjectLockEnabledForBucket: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	st, err := s3.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	locked, err := st.PutKept(t.Context(), "heads/a/1", "text/plain", []byte("head"), time.Now().AddDate(6, 0, 0))
	if err != nil || !locked {
		t.Fatalf("%v, locked %v", err, locked)
	}
	if err := st.Revoke(t.Context(), "heads/a/1"); !errors.Is(err, transport.ErrDenied) {
		t.Errorf("deleted before its time: %v", err)
	}
	versions, err := c.ListObjectVersions(t.Context(), &awss3.ListObjectVersionsInput{Bucket: &cfg.Bucket, Prefix: aws.String("heads/a/1")})
	if err != nil || len(versions.Versions) != 1 {
		t.Errorf("%+v, %v", versions, err)
	}
	if _, err := st.Put(t.Context(), "page", "text/html", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := st.Revoke(t.Context(), "page"); err != nil {
		t.Error("what is not kept:", err)
	}
}

// Every version and every marker of an object is told, the newest first, over many pages,
// and each can be read; what hides them is the first of them.
func TestHiddenVersions(t *testing.T) {
	cfg, c := versioned(t)
	st := open(t, cfg)
	put := func(key, text string) {
		t.Helper()
		if _, err := st.Put(t.Context(), key, "text/plain", []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	for _, text := range []string{"one", "two", "three"} {
		put("heads/a/1", text)
	}
	put("heads/a/2", "four")
	if _, err := c.DeleteObject(t.Context(), &awss3.DeleteObjectInput{Bucket: &cfg.Bucket, Key: aws.String("heads/a/2")}); err != nil {
		t.Fatal(err)
	}
	var all []string
	for v, err := range st.Versions(t.Context(), "heads/", "") {
		text := "deleted"
		if err == nil && !v.Deleted {
			var b []byte
			b, err = st.Get(t.Context(), v, 100)
			text = string(b)
		}
		if err != nil || v.At.IsZero() {
			t.Fatal(v, err)
		}
		if v.Current() {
			text += " now"
		}
		all = append(all, v.Key+" "+text)
	}
	want := []string{"heads/a/1 three now", "heads/a/1 two", "heads/a/1 one", "heads/a/2 deleted now", "heads/a/2 four"}
	if !slices.Equal(all, want) {
		t.Errorf("%q, want %q", all, want)
	}
	for v, err := range st.Objects(t.Context(), "heads/", "") {
		if err != nil || v.Key != "heads/a/1" || !v.Current() {
			t.Error(v, err)
		}
	}
}

// A listing of many pages tells every version once.
func TestVersionsOverPages(t *testing.T) {
	cfg, c := versioned(t)
	st := open(t, cfg, s3.WithPage(4))
	const most = 22
	for i := range most {
		key := "heads/a/" + strings.Repeat("b", 1+i%3)
		_, err := c.PutObject(t.Context(), &awss3.PutObjectInput{Bucket: &cfg.Bucket, Key: &key, Body: strings.NewReader(strconv.Itoa(i))})
		if err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{}
	last := transport.Version{}
	for v, err := range st.Versions(t.Context(), "heads/", "") {
		if err != nil {
			t.Fatal(err)
		}
		if seen[v.Key+v.ID] || v.Key < last.Key || v.Key == last.Key && (v.Current() || v.At.After(last.At)) {
			t.Fatalf("%+v after %+v", v, last)
		}
		seen[v.Key+v.ID], last = true, v
	}
	if len(seen) != most {
		t.Errorf("%d of %d", len(seen), most)
	}
}
