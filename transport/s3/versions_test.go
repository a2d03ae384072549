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
func left(t *testing.T, c *awss3.Client, key string) (versions, markers int) {
	t.Helper()
	out, err := c.ListObjectVersions(t.Context(), &awss3.ListObjectVersionsInput{Bucket: aws.String("versioned"), Prefix: &key})
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
		if versions, markers := left(t, c, key); versions != 2 || markers != 1 {
			t.Fatalf("%d versions and %d markers to begin with", versions, markers)
		}
		return key
	}
	gone := func(what, key string) {
		t.Helper()
		if versions, markers := left(t, c, key); versions != 0 || markers != 0 {
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
	if versions, _ := left(t, c, plain); versions != 4 {
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
	versions := func(key string) (n, markers int) {
		out, err := c.ListObjectVersions(t.Context(), &awss3.ListObjectVersionsInput{Bucket: &cfg.Bucket, Prefix: &key})
		if err != nil {
			t.Fatal(err)
		}
		return len(out.Versions), len(out.DeleteMarkers)
	}
	var until time.Time
	for name, lock := range map[string]func(key string) error{
		"retention": func(key string) error {
			_, err := c.PutObjectRetention(t.Context(), &awss3.PutObjectRetentionInput{Bucket: &cfg.Bucket, Key: &key, Retention: &types.ObjectLockRetention{
				Mode: types.ObjectLockRetentionModeCompliance, RetainUntilDate: &until,
			}})
			return err
		},
		"legal hold": func(key string) error {
			_, err := c.PutObjectLegalHold(t.Context(), &awss3.PutObjectLegalHoldInput{Bucket: &cfg.Bucket, Key: &key, LegalHold: &types.ObjectLockLegalHold{
				Status: types.ObjectLockLegalHoldStatusOn,
			}})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			key := putPage(t, st, 2)
			until = time.Now().Add(6 * time.Second).Truncate(time.Second)
			if err := lock(key); err != nil { // of the newer of two
				t.Fatal(err)
			}
			link, err := st.Link(t.Context(), key, time.Hour, "", "")
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				err := st.Revoke(t.Context(), key)
				kept, ok := errors.AsType[*transport.RetainedError](err)
				if !ok || kept.Versions != 1 || !errors.Is(err, transport.ErrDenied) {
					t.Fatalf("revoked: %v", err)
				}
				if name == "retention" && !kept.Until.Equal(until) || name != "retention" && !kept.Until.IsZero() {
					t.Errorf("kept until %v, want %v", kept.Until, until)
				}
				if n, markers := versions(key); n != 1 || markers != 1 {
					t.Errorf("%d versions, %d markers", n, markers)
				}
				resp, err := http.Get(link.URL.Reveal())
				if err != nil {
					t.Fatal(err)
				}
				if _ = resp.Body.Close(); resp.StatusCode != http.StatusNotFound {
					t.Errorf("the link answers %d", resp.StatusCode)
				}
			}
			if name != "retention" {
				return
			}
			time.Sleep(time.Until(until) + 1200*time.Millisecond)
			if err := st.Revoke(t.Context(), key); err != nil {
				t.Fatal(err)
			}
			if n, markers := versions(key); n+markers != 0 {
				t.Errorf("after its end %d versions and %d markers are left", n, markers)
			}
		})
	}
}

// The whole suite holds in such a bucket too.
func TestConformanceVersioned(t *testing.T) {
	cfg, _ := versioned(t)
	cfg.Prefix = ""
	storetest.Run(t, func(t *testing.T) storetest.Store { return open(t, cfg) })
}
