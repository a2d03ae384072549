package s3

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"chartseal/transport"
)

// maxEmpty is how many pages without an object are taken from a store.
const maxEmpty = 100

// Versions goes through all versions and delete markers of the objects whose keys begin
// with a prefix and come after a key ("" for all): in the order of the keys, those of one
// key from the newest to the oldest. Where the store keeps no versions these are the
// objects themselves. The key needs s3:ListBucketVersions (ErrDenied).
//
// Source: Amazon S3 API Reference, ListObjectVersions.
func (s *Store) Versions(ctx context.Context, prefix, after string) iter.Seq2[transport.Version, error] {
	return func(yield func(transport.Version, error) bool) {
		in := &s3.ListObjectVersionsInput{Bucket: &s.cfg.Bucket, Prefix: &prefix, MaxKeys: s.page}
		if after != "" {
			in.KeyMarker = &after
		}
		var last transport.Version
		pages := s3.NewListObjectVersionsPaginator(s.client, in)
		for empty := 0; pages.HasMorePages(); empty++ {
			page, err := pages.NextPage(ctx)
			if empty == maxEmpty {
				err = errEndless
			}
			if err = s.fail(ctx, "list versions", err); err != nil {
				if notOffered(err) {
					s.Objects(ctx, prefix, after)(yield)
					return
				}
				yield(transport.Version{}, err)
				return
			}
			for _, v := range versionsOn(page) {
				empty = 0
				if v.Key == last.Key && v.ID == last.ID || v.Key == after { // a store may begin a page with the last one of the page before
					continue
				}
				if last = v; !yield(v, nil) {
					return
				}
			}
		}
	}
}

// versionsOn puts what a page tells apart, versions and markers, in one order.
func versionsOn(page *s3.ListObjectVersionsOutput) []transport.Version {
	all := make([]transport.Version, 0, len(page.Versions)+len(page.DeleteMarkers))
	for _, m := range page.DeleteMarkers {
		all = append(all, version(transport.Version{Deleted: true}, m.Key, m.VersionId, m.IsLatest, m.LastModified))
	}
	for _, o := range page.Versions {
		v := transport.Version{Bytes: aws.ToInt64(o.Size), ETag: unquote(o.ETag)}
		all = append(all, version(v, o.Key, o.VersionId, o.IsLatest, o.LastModified))
	}
	slices.SortStableFunc(all, func(a, b transport.Version) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), current(b)-current(a), b.At.Compare(a.At))
	})
	return all
}

// version fills in what versions and markers share. The newest is read without its id, for
// which s3:GetObject is enough.
func version(v transport.Version, key, id *string, latest *bool, at *time.Time) transport.Version {
	v.Key, v.At = aws.ToString(key), aws.ToTime(at)
	if !aws.ToBool(latest) {
		v.ID = aws.ToString(id)
	}
	return v
}

func current(v transport.Version) int {
	if v.Current() {
		return 1
	}
	return 0
}

// Objects is Versions for a key that may list objects only: the newest version of each,
// and none where a marker hides them. The key needs s3:ListBucket.
func (s *Store) Objects(ctx context.Context, prefix, after string) iter.Seq2[transport.Version, error] {
	return func(yield func(transport.Version, error) bool) {
		in := &s3.ListObjectsV2Input{Bucket: &s.cfg.Bucket, Prefix: &prefix}
		if after != "" {
			in.StartAfter = &after
		}
		pages := s3.NewListObjectsV2Paginator(s.client, in, func(o *s3.ListObjectsV2PaginatorOptions) { o.StopOnDuplicateToken = true })
		for empty := 0; pages.HasMorePages(); empty++ {
			page, err := pages.NextPage(ctx)
			if empty == maxEmpty {
				err = errEndless
			}
			if err != nil {
				yield(transport.Version{}, s.fail(ctx, "list objects", err))
				return
			}
			for _, o := range page.Contents {
				empty = 0
				if !yield(object(o), nil) {
					return
				}
			}
		}
	}
}

func object(o types.Object) transport.Version {
	v := transport.Version{Bytes: aws.ToInt64(o.Size), ETag: unquote(o.ETag)}
	return version(v, o.Key, nil, nil, o.LastModified)
}
