package s3

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"chartseal/transport"
)

// maxWalked bounds how many entries a purge looks at: a bucket may be shared.
const maxWalked = 10_000_000

// Purge deletes bundles and recipient pages that were stored before the given
// time, every version of them, as Revoke does, and reports how many. It touches
// only keys of the form transport.NewKey gives, or of pages, under the
// configured prefix, and none that keep wants: those whose links may still be
// alive. A key that was written again since is young.
//
// An object under retention stays. What fails is passed over, and the first
// such error returned; the rest is deleted all the same.
func (s *Store) Purge(ctx context.Context, before time.Time, keep func(key string) bool) (int, error) {
	w := &purge{s: s, before: before, keep: keep}
	err := w.versions(ctx)
	if notOffered(err) {
		err = w.objects(ctx)
	}
	return w.purged, firstOf(err, w.first)
}

type purge struct {
	s      *Store
	before time.Time
	keep   func(string) bool

	purged, seen int
	first        error
}

// versions walks the newest version of every key, which may be a delete marker
// with old versions beneath it.
func (w *purge) versions(ctx context.Context) error {
	pages := s3.NewListObjectVersionsPaginator(w.s.client,
		&s3.ListObjectVersionsInput{Bucket: &w.s.cfg.Bucket, Prefix: &w.s.cfg.Prefix},
		func(o *s3.ListObjectVersionsPaginatorOptions) { o.StopOnDuplicateToken = true })
	for pages.HasMorePages() && w.seen < maxWalked {
		page, err := pages.NextPage(ctx)
		if err = w.s.fail(ctx, "list versions", err); err != nil {
			return err
		}
		w.seen += len(page.Versions) + len(page.DeleteMarkers) + 1
		for _, v := range page.Versions {
			if aws.ToBool(v.IsLatest) {
				w.consider(ctx, v.Key, v.LastModified)
			}
		}
		for _, m := range page.DeleteMarkers {
			if aws.ToBool(m.IsLatest) {
				w.consider(ctx, m.Key, m.LastModified)
			}
		}
		if ctx.Err() != nil {
			return w.s.fail(ctx, "purge", ctx.Err())
		}
	}
	return nil
}

// objects does the same where versions cannot be listed.
func (w *purge) objects(ctx context.Context) error {
	pages := s3.NewListObjectsV2Paginator(w.s.client,
		&s3.ListObjectsV2Input{Bucket: &w.s.cfg.Bucket, Prefix: &w.s.cfg.Prefix},
		func(o *s3.ListObjectsV2PaginatorOptions) { o.StopOnDuplicateToken = true })
	for pages.HasMorePages() && w.seen < maxWalked {
		page, err := pages.NextPage(ctx)
		if err = w.s.fail(ctx, "list objects", err); err != nil {
			return err
		}
		w.seen += len(page.Contents) + 1
		for _, o := range page.Contents {
			w.consider(ctx, o.Key, o.LastModified)
		}
		if ctx.Err() != nil {
			return w.s.fail(ctx, "purge", ctx.Err())
		}
	}
	return nil
}

func (w *purge) consider(ctx context.Context, name *string, stored *time.Time) {
	key, prefix := aws.ToString(name), w.s.cfg.Prefix
	switch {
	case ctx.Err() != nil, stored == nil, !stored.Before(w.before):
		return
	case !transport.IsKey(key, prefix) && !transport.IsPageKey(key, prefix):
		return
	case w.keep != nil && w.keep(key):
		return
	}
	if err := w.s.Revoke(ctx, key); err != nil {
		if !errors.Is(err, transport.ErrInterrupted) {
			w.first = firstOf(w.first, err)
		}
		return
	}
	w.purged++
}
