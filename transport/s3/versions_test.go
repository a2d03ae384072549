package s3_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"chartseal/transport"
	"chartseal/transport/s3"
	"chartseal/transport/storetest"
	versionedstore "chartseal/transport/storetest/versioned"
)

// versioned starts a store whose bucket keeps versions.
func versioned(t *testing.T) (s3.Config, *awss3.Client) {
	t.Helper()
	endpoint, c := versionedstore.Start(t)
	cfg := s3.Config{
		Bucket: "versioned", Endpoint: endpoint, PathStyle: true,
		AccessKey: versionedstore.AccessKey, SecretKey: versionedstore.SecretKey, Prefix: "out/",
	}
	open(t, cfg)
	_, err := c.PutBucketVersioning(t.Context(), &awss3.PutBucketVersioningInput{
		Bucket: &cfg.Bucket, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	})
	if err != nil {
		t.Fatal(err)
	}
	return cfg, c
}

// left counts the versions and delete markers under a key.
func left(t *testing.T, c *awss3.Client, bucket, key string) (versions, markers int) {
	t.Helper()
	out, err := c.ListObjectVersions(t.Context(), &awss3.ListObjectVersionsInput{Bucket: &bucket, Prefix: &key})
	if err != nil {
		t.Fatal(err)
	}
	return len(out.Versions), len(out.DeleteMarkers)
}

func putPage(t *testing.T, st *s3.Store, times int) (key string) {
	t.Helper()
	key, err := transport.NewKey(nil, "out/")
	if err != nil {
		t.Fatal(err)
	}
	key = strings.TrimSuffix(key, transport.KeySuffix) + transport.PageSuffix
	for n := range times {
		if _, err := st.Put(t.Context(), key, "text/html", []byte(fmt.Sprint(n))); err != nil {
			t.Fatal(err)
		}
	}
	return key
}

// In a bucket that keeps versions nothing may be left of what was revoked or
// purged: a link could name an old version, and an auditor would find it.
func TestVersions(t *testing.T) {
	cfg, c := versioned(t)
	st := open(t, cfg)
	hidden := func() string {
		key := putPage(t, st, 2)
		if _, err := c.DeleteObject(t.Context(), &awss3.DeleteObjectInput{Bucket: &cfg.Bucket, Key: &key}); err != nil {
			t.Fatal(err)
		}
		if versions, markers := left(t, c, cfg.Bucket, key); versions != 2 || markers != 1 {
			t.Fatalf("%d versions and %d markers to begin with", versions, markers)
		}
		return key
	}
	gone := func(what, key string) {
		t.Helper()
		if versions, markers := left(t, c, cfg.Bucket, key); versions != 0 || markers != 0 {
			t.Errorf("%s left %d versions and %d markers", what, versions, markers)
		}
		if _, err := st.Stat(t.Context(), key); !errors.Is(err, transport.ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
	plain, deleted := putPage(t, st, 3), hidden()
	for _, key := range []string{plain, deleted} {
		if err := st.Revoke(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		gone("revoking", key)
	}
	plain, deleted = putPage(t, st, 3), hidden()
	if n, err := st.Purge(t.Context(), time.Now().Add(-time.Hour), nil); n != 0 || err != nil {
		t.Errorf("young versions: %d, %v", n, err)
	}
	time.Sleep(1100 * time.Millisecond)
	between := time.Now()
	time.Sleep(1100 * time.Millisecond)
	rewritten := putPage(t, st, 1)
	if _, err := st.Put(t.Context(), plain, "text/html", []byte("again")); err != nil {
		t.Fatal(err)
	}
	if n, err := st.Purge(t.Context(), between, nil); n != 1 || err != nil {
		t.Errorf("purged %d, %v; want the deleted one alone", n, err)
	}
	gone("purging", deleted)
	if versions, _ := left(t, c, cfg.Bucket, plain); versions != 4 {
		t.Errorf("a key written again kept %d of 4 versions", versions)
	}
	if n, err := st.Purge(t.Context(), time.Now().Add(time.Hour), nil); n != 2 || err != nil {
		t.Errorf("purged %d, %v; want both", n, err)
	}
	gone("purging", plain)
	gone("purging", rewritten)
}

// What object lock keeps is hidden, so that no link leads to it, and told of with its
// end; it is deleted by a later call, and other versions are by the first.
func TestRevokingWhatIsLocked(t *testing.T) {
	cfg, c := versioned(t)
	cfg.Bucket = "locked"
	if _, err := c.CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: &cfg.Bucket, ObjectLockEnabledForBucket: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	st := open(t, cfg)
	lb := &lockBucket{Store: st, c: c, bucket: cfg.Bucket}
	t.Run("retention", lb.testRetention)
	t.Run("legal hold", func(t *testing.T) {
		key := putPage(t, st, 2)
		_, err := c.PutObjectLegalHold(t.Context(), &awss3.PutObjectLegalHoldInput{Bucket: &cfg.Bucket, Key: &key, LegalHold: &types.ObjectLockLegalHold{
			Status: types.ObjectLockLegalHoldStatusOn,
		}})
		if err == nil {
			err = lb.revokeLocked(t, key, time.Time{})
		}
		if err != nil {
			t.Error(err)
		}
	})
}

// lockBucket is a bucket with object lock.
type lockBucket struct {
	*s3.Store
	c      *awss3.Client
	bucket string
}

// testRetention locks for longer where the machine took so long that the lock had ended.
func (l *lockBucket) testRetention(t *testing.T) {
	for life := 6 * time.Second; ; life *= 2 {
		key := putPage(t, l.Store, 2)
		until := time.Now().Add(life).Truncate(time.Second)
		_, err := l.c.PutObjectRetention(t.Context(), &awss3.PutObjectRetentionInput{Bucket: &l.bucket, Key: &key, Retention: &types.ObjectLockRetention{
			Mode: types.ObjectLockRetentionModeCompliance, RetainUntilDate: &until,
		}})
		if err == nil {
			err = l.revokeLocked(t, key, until)
		}
		switch {
		case err == nil:
			l.revokeAfter(t, key, until)
			return
		case time.Now().Before(until):
			t.Fatal(err)
		}
	}
}

// revokeLocked revokes a page twice, the newer of whose two versions is locked, and tells
// what is not as it should be.
func (l *lockBucket) revokeLocked(t *testing.T, key string, until time.Time) error {
	t.Helper()
	link, err := l.Link(t.Context(), key, time.Hour, "", "")
	if err != nil {
		return err
	}
	for range 2 {
		err := l.Revoke(t.Context(), key)
		kept, ok := errors.AsType[*transport.RetainedError](err)
		if !ok || kept.Versions != 1 || !errors.Is(err, transport.ErrDenied) {
			return fmt.Errorf("revoked: %w", err)
		}
		if !kept.Until.Equal(until) {
			return fmt.Errorf("kept until %v, want %v", kept.Until, until)
		}
		if n, markers := left(t, l.c, l.bucket, key); n != 1 || markers != 1 {
			return fmt.Errorf("%d versions, %d markers", n, markers)
		}
		resp, err := http.Get(link.URL.Reveal())
		if err != nil {
			return err
		}
		if _ = resp.Body.Close(); resp.StatusCode != http.StatusNotFound {
			return fmt.Errorf("the link answers %d", resp.StatusCode)
		}
	}
	return nil
}

func (l *lockBucket) revokeAfter(t *testing.T, key string, until time.Time) {
	t.Helper()
	time.Sleep(time.Until(until) + 1200*time.Millisecond)
	if err := l.Revoke(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	if n, markers := left(t, l.c, l.bucket, key); n+markers != 0 {
		t.Errorf("after its end %d versions and %d markers are left", n, markers)
	}
}

// The whole suite holds in such a bucket too.
func TestConformanceVersioned(t *testing.T) {
	cfg, _ := versioned(t)
	cfg.Prefix = ""
	storetest.Run(t, func(t *testing.T) storetest.Store { return open(t, cfg) })
}
