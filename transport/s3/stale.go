package s3

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"chartseal/transport"
)

// maxListed bounds how many entries one walk over the bucket looks at.
const maxListed = 100_000

// AbortStale aborts unfinished uploads of bundles that began before the given
// time and reports how many. Only keys of the form transport.NewKey gives are
// touched: a bucket may be shared. It is nil work on a store that cannot list
// uploads.
func (s *Store) AbortStale(ctx context.Context, before time.Time) (int, error) {
	return s.abortUploads(ctx, s.cfg.Prefix, func(u types.MultipartUpload) bool {
		return transport.IsKey(aws.ToString(u.Key), s.cfg.Prefix) && u.Initiated != nil && u.Initiated.Before(before)
	})
}

// abortKey aborts all uploads of one key but that with the id to keep, as far
// as the store lets us see them.
func (s *Store) abortKey(ctx context.Context, key, keep string) {
	_, _ = s.abortUploads(ctx, key, func(u types.MultipartUpload) bool {
		return aws.ToString(u.Key) == key && aws.ToString(u.UploadId) != keep
	})
}

func (s *Store) abortUploads(ctx context.Context, prefix string, stale func(types.MultipartUpload) bool) (int, error) {
	aborted, seen := 0, 0
	pages := s3.NewListMultipartUploadsPaginator(s.client, &s3.ListMultipartUploadsInput{
		Bucket: &s.cfg.Bucket, Prefix: &prefix,
	})
	for pages.HasMorePages() && seen < maxListed {
		page, err := pages.NextPage(ctx)
		if err = s.fail(ctx, "list uploads", err); err != nil {
			if notOffered(err) {
				return aborted, nil
			}
			return aborted, err
		}
		seen += len(page.Uploads) + 1
		for _, u := range page.Uploads {
			if !stale(u) {
				continue
			}
			if err := s.abortUpload(ctx, aws.ToString(u.Key), aws.ToString(u.UploadId)); err != nil {
				return aborted, err
			}
			aborted++
		}
	}
	return aborted, nil
}

func (s *Store) abortUpload(ctx context.Context, key, id string) error {
	if id == "" {
		return nil
	}
	_, err := s.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
		Bucket: &s.cfg.Bucket, Key: &key, UploadId: &id,
	})
	if err = s.fail(ctx, "abort upload", err); errors.Is(err, transport.ErrNotFound) {
		return nil
	}
	return err
}
