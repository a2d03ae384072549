package s3

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"chartseal/transport"
)

// maxListed bounds how many entries one walk over the bucket looks at.
const maxListed = 100_000

// AbortStale aborts unfinished uploads of bundles that nobody works on any more,
// and reports how many: those that began before the given time, have received no
// part since, and whose upload id is not among live. Only keys of the form
// transport.NewKey gives are touched, since a bucket may be shared; so may a
// prefix, with other daemons, whose uploads are known by the parts that keep
// coming. One aborted nevertheless begins anew by itself.
//
// It is nil work on a store that cannot list uploads. What fails is passed over,
// and the first such error returned.
func (s *Store) AbortStale(ctx context.Context, before time.Time, live ...string) (int, error) {
	return s.abortUploads(ctx, s.cfg.Prefix, func(u types.MultipartUpload) (bool, error) {
		if !transport.IsKey(aws.ToString(u.Key), s.cfg.Prefix) || u.Initiated == nil || !u.Initiated.Before(before) ||
			slices.Contains(live, aws.ToString(u.UploadId)) {
			return false, nil
		}
		return s.idle(ctx, u, before)
	})
}

// idle reports whether no part of the upload came after the given time.
func (s *Store) idle(ctx context.Context, u types.MultipartUpload, since time.Time) (bool, error) {
	up := &upload{s: s, t: &transport.Ticket{Key: aws.ToString(u.Key), UploadID: aws.ToString(u.UploadId)}}
	parts, err := up.listParts(ctx)
	if forgot(err) {
		return false, nil // finished meanwhile
	}
	for _, p := range parts {
		if p.LastModified != nil && !p.LastModified.Before(since) {
			return false, nil
		}
	}
	return err == nil, err
}

// abortKey aborts all uploads of one key but that with the id to keep, as far
// as the store lets us see them.
func (s *Store) abortKey(ctx context.Context, key, keep string) {
	_, _ = s.abortUploads(ctx, key, func(u types.MultipartUpload) (bool, error) {
		return aws.ToString(u.Key) == key && aws.ToString(u.UploadId) != keep, nil
	})
}

func (s *Store) abortUploads(ctx context.Context, prefix string, stale func(types.MultipartUpload) (bool, error)) (int, error) {
	aborted, seen := 0, 0
	var first error
	pages := s3.NewListMultipartUploadsPaginator(s.client, &s3.ListMultipartUploadsInput{
		Bucket: &s.cfg.Bucket, Prefix: &prefix,
	}, func(o *s3.ListMultipartUploadsPaginatorOptions) { o.StopOnDuplicateToken = true })
	for pages.HasMorePages() && seen < maxListed {
		page, err := pages.NextPage(ctx)
		if err = s.fail(ctx, "list uploads", err); err != nil {
			if notOffered(err) {
				return aborted, first
			}
			return aborted, firstOf(first, err)
		}
		seen += len(page.Uploads) + 1
		for _, u := range page.Uploads {
			old, err := stale(u)
			if old && err == nil {
				if err = s.abortUpload(ctx, aws.ToString(u.Key), aws.ToString(u.UploadId)); err == nil {
					aborted++
				}
			}
			first = firstOf(first, err)
		}
	}
	return aborted, first
}

func firstOf(a, b error) error {
	if a != nil {
		return a
	}
	return b
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
