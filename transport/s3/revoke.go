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

// Revoke deletes every version and every delete marker of the object, drops
// unfinished uploads of it, and returns once the store says that nothing is
// under the key. Every link to it is dead from then on. An object that is not
// there is revoked already.
//
// What cannot be deleted is hidden under a delete marker, so that links are dead all
// the same: a *transport.RetainedError says what stays of an object that is locked; one
// that the credentials may not delete is ErrDenied.
func (s *Store) Revoke(ctx context.Context, key string) error {
	s.abortKey(ctx, key, "")
	kept, err := s.deleteVersions(ctx, key)
	if err != nil {
		return err
	}
	if !kept.hidden {
		if err := s.deleteObject(ctx, key, nil); err != nil {
			return err
		}
	}
	if len(kept.ids) == 0 {
		// In a versioned bucket the plain delete left a marker, and there may have
		// been a version the first walk could not see yet.
		if kept, err = s.deleteVersions(ctx, key); err != nil {
			return err
		}
	}
	_, err = s.Stat(ctx, key)
	switch {
	case err == nil:
		return &transport.Error{Op: "revoke object", Class: transport.ErrUnavailable, Code: "StillThere"}
	case !errors.Is(err, transport.ErrNotFound):
		return err
	}
	return s.whyKept(ctx, key, kept)
}

// kept are the versions of an object that the store did not delete.
type kept struct {
	ids    []*string
	denied error // what it said of the first
	hidden bool  // under a delete marker
}

// deleteVersions walks the versions of one key: first the versions themselves and, when
// all are gone, the delete markers, which hide what stays. Stores without versions may
// not offer the listing.
func (s *Store) deleteVersions(ctx context.Context, key string) (k kept, err error) {
	var markers []*string
	pages := s3.NewListObjectVersionsPaginator(s.client, &s3.ListObjectVersionsInput{Bucket: &s.cfg.Bucket, Prefix: &key})
	for seen := 0; pages.HasMorePages() && seen < maxListed; {
		page, err := pages.NextPage(ctx)
		if err = s.fail(ctx, "list versions", err); err != nil {
			if notOffered(err) {
				return kept{}, nil
			}
			return k, err
		}
		seen += len(page.Versions) + len(page.DeleteMarkers) + 1
		for _, m := range page.DeleteMarkers {
			if aws.ToString(m.Key) == key && m.VersionId != nil {
				markers = append(markers, m.VersionId)
				k.hidden = k.hidden || aws.ToBool(m.IsLatest)
			}
		}
		for _, v := range page.Versions {
			if aws.ToString(v.Key) != key || v.VersionId == nil {
				continue
			}
			err := s.deleteObject(ctx, key, v.VersionId)
			if errors.Is(err, transport.ErrDenied) {
				k.ids, k.denied = append(k.ids, v.VersionId), firstOf(k.denied, err)
			} else if err != nil {
				return k, err
			}
		}
	}
	if len(k.ids) > 0 {
		return k, nil
	}
	for _, id := range markers {
		if err := s.deleteObject(ctx, key, id); err != nil {
			return k, err
		}
	}
	k.hidden = false
	return k, nil
}

// whyKept tells locked versions, and until when, from those that the credentials may
// not delete.
func (s *Store) whyKept(ctx context.Context, key string, k kept) error {
	if len(k.ids) == 0 {
		return nil
	}
	why := &transport.RetainedError{Versions: len(k.ids)}
	held := false
	for _, id := range k.ids {
		until, hold := s.locked(ctx, key, id)
		if until.IsZero() && !hold {
			return k.denied
		}
		held = held || hold
		if until.After(why.Until) {
			why.Until = until
		}
	}
	if held {
		why.Until = time.Time{}
	}
	return why
}

// locked looks at the retention and the legal hold of a version.
func (s *Store) locked(ctx context.Context, key string, id *string) (until time.Time, hold bool) {
	r, err := s.client.GetObjectRetention(ctx, &s3.GetObjectRetentionInput{Bucket: &s.cfg.Bucket, Key: &key, VersionId: id})
	if err == nil && r.Retention != nil && aws.ToTime(r.Retention.RetainUntilDate).After(s.now()) {
		until = aws.ToTime(r.Retention.RetainUntilDate)
	}
	h, err := s.client.GetObjectLegalHold(ctx, &s3.GetObjectLegalHoldInput{Bucket: &s.cfg.Bucket, Key: &key, VersionId: id})
	return until, err == nil && h.LegalHold != nil && h.LegalHold.Status == types.ObjectLockLegalHoldStatusOn
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
