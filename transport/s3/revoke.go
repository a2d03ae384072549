package s3

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"chartseal/transport"
)

// Revoke deletes every version and every delete marker of the object, drops
// unfinished uploads of it, and returns once the store says that nothing is
// under the key. Every link to it is dead from then on. An object that is not
// there is revoked already.
//
// A version under retention or legal hold cannot be deleted: ErrDenied.
func (s *Store) Revoke(ctx context.Context, key string) error {
	s.abortKey(ctx, key, "")
	if err := s.deleteVersions(ctx, key); err != nil {
		return err
	}
	if err := s.deleteObject(ctx, key, nil); err != nil {
		return err
	}
	// In a versioned bucket the plain delete left a marker, and there may have
	// been a version the first walk could not see yet.
	if err := s.deleteVersions(ctx, key); err != nil {
		return err
	}
	_, err := s.Stat(ctx, key)
	if errors.Is(err, transport.ErrNotFound) {
		return nil
	}
	if err == nil {
		return &transport.Error{Op: "revoke object", Class: transport.ErrUnavailable, Code: "StillThere"}
	}
	return err
}

// deleteVersions walks the versions of one key. Stores without versions may
// not offer the listing.
func (s *Store) deleteVersions(ctx context.Context, key string) error {
	pages := s3.NewListObjectVersionsPaginator(s.client, &s3.ListObjectVersionsInput{Bucket: &s.cfg.Bucket, Prefix: &key})
	for seen := 0; pages.HasMorePages() && seen < maxListed; {
		page, err := pages.NextPage(ctx)
		if err = s.fail(ctx, "list versions", err); err != nil {
			if notOffered(err) {
				return nil
			}
			return err
		}
		seen += len(page.Versions) + len(page.DeleteMarkers) + 1
		for _, id := range versionsOf(page, key) {
			if err := s.deleteObject(ctx, key, id); err != nil {
				return err
			}
		}
	}
	return nil
}

func versionsOf(page *s3.ListObjectVersionsOutput, key string) []*string {
	var ids []*string
	for _, v := range page.Versions {
		if aws.ToString(v.Key) == key && v.VersionId != nil {
			ids = append(ids, v.VersionId)
		}
	}
	for _, m := range page.DeleteMarkers {
		if aws.ToString(m.Key) == key && m.VersionId != nil {
			ids = append(ids, m.VersionId)
		}
	}
	return ids
}

func (s *Store) deleteObject(ctx context.Context, key string, version *string) error {
	if aws.ToString(version) == "" {
		version = nil
	}
	_, err := s.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &s.cfg.Bucket, Key: &key, VersionId: version})
	if err = s.fail(ctx, "delete object", err); errors.Is(err, transport.ErrNotFound) {
		return nil
	}
	return err
}
