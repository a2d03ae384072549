package s3_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"chartseal/transport"
	"chartseal/transport/s3"
)

func TestSmallObjects(t *testing.T) {
	st := open(t, startServer(t).config())
	if _, err := st.Get(t.Context(), "heads/a/latest", 100); !errors.Is(err, transport.ErrNotFound) {
		t.Errorf("nothing is there: %v", err)
	}
	if keys, err := st.Keys(t.Context(), "heads/", 10); err != nil || len(keys) != 0 {
		t.Errorf("%q, %v", keys, err)
	}
	for _, key := range []string{"heads/a/1", "heads/a/2", "heads/b/1", "other"} {
		if locked, err := st.PutKept(t.Context(), key, "text/plain", []byte("head "+key), time.Now().AddDate(6, 0, 0)); err != nil || locked {
			t.Fatalf("%v, locked %v", err, locked)
		}
	}
	if b, err := st.Get(t.Context(), "heads/a/2", 100); err != nil || string(b) != "head heads/a/2" {
		t.Errorf("%q, %v", b, err)
	}
	if _, err := st.Get(t.Context(), "heads/a/2", 5); !errors.Is(err, transport.ErrRejected) {
		t.Errorf("longer than asked for: %v", err)
	}
	keys, err := st.Keys(t.Context(), "heads/a/", 10)
	if err != nil || !slices.Equal(keys, []string{"heads/a/1", "heads/a/2"}) {
		t.Errorf("%q, %v", keys, err)
	}
	if keys, err = st.Keys(t.Context(), "", 3); err != nil || len(keys) != 3 {
		t.Errorf("%q, %v", keys, err)
	}
	// A refused lock is not taken for a refused checksum.
	if obj, err := st.Put(t.Context(), "page", "text/html", []byte("x")); err != nil || obj.CRC64NVME == "" {
		t.Errorf("%+v, %v", obj, err)
	}
	if there, err := st.Stat(t.Context(), "page"); err != nil || there.CRC64NVME == "" {
		t.Errorf("%+v, %v", there, err)
	}
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
