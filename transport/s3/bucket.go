package s3

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"chartseal/transport"
)

// EnsureBucket makes the bucket if it is missing. It is for the embedded store
// only: a practice's own bucket is set up by whoever answers for it.
func (s *Store) EnsureBucket(ctx context.Context) error {
	_, err := s.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &s.cfg.Bucket})
	if err = s.fail(ctx, "head bucket", err); !errors.Is(err, transport.ErrNotFound) {
		return err
	}
	_, err = s.client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &s.cfg.Bucket})
	err = s.fail(ctx, "create bucket", err)
	if codeOf(err) == "BucketAlreadyOwnedByYou" {
		return nil
	}
	return err
}
