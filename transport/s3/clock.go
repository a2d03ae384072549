package s3

import (
	"context"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Time asks the store what time it is: the Date of an answer (RFC 9110 section
// 6.6.1), in whole seconds. It is the second clock for whoever deletes by age.
// A store that does not say gives the zero time.
func (s *Store) Time(ctx context.Context) (time.Time, error) {
	out, err := s.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &s.cfg.Bucket})
	if err = s.fail(ctx, "head bucket", err); err != nil {
		return time.Time{}, err
	}
	at, _ := awsmiddleware.GetServerTime(out.ResultMetadata)
	return at, nil
}
