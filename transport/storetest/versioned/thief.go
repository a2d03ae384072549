package versioned

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3" //nolint:depguard // what somebody else may do in a bucket
)

// Hide puts a delete marker over every object under a prefix, as a plain delete does.
func Hide(t *testing.T, c *s3.Client, bucket, prefix string) {
	t.Helper()
	list, err := c.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range list.Contents {
		if _, err := c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: o.Key}); err != nil {
			t.Fatal(err)
		}
	}
}

// Cover puts something else over an object.
func Cover(t *testing.T, c *s3.Client, bucket, key, text string) {
	t.Helper()
	if _, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(text)}); err != nil {
		t.Fatal(err)
	}
}

// Erase deletes what object lock does not keep, and every marker.
func Erase(t *testing.T, c *s3.Client, bucket, key string) {
	t.Helper()
	list, err := c.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: &bucket, Prefix: &key})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range list.Versions {
		if _, err := c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: v.Key, VersionId: v.VersionId}); err != nil {
			t.Log("kept:", err)
		}
	}
	for _, m := range list.DeleteMarkers {
		if _, err := c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: m.Key, VersionId: m.VersionId}); err != nil {
			t.Fatal(err)
		}
	}
}
