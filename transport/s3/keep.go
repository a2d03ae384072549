package s3

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"chartseal/transport"
)

// PutKept is Put for what must not be changed before a day: in a bucket with object
// lock the version is under retention, in governance mode, so that the key of the
// daemon cannot delete it and the account's administrator can. Without object lock it
// is a plain Put. It reports whether the store locks.
//
// Source: Amazon S3 User Guide, "Locking objects with Object Lock". The key needs
// s3:PutObjectRetention.
func (s *Store) PutKept(ctx context.Context, key, contentType string, content []byte, until time.Time) (locked bool, err error) {
	if !s.lockless.Load() {
		_, err = s.put(ctx, key, contentType, content, until)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, transport.ErrUnavailable), errors.Is(err, transport.ErrInterrupted), errors.Is(err, transport.ErrFull):
			return false, err
		}
	}
	if _, err = s.put(ctx, key, contentType, content, time.Time{}); err == nil {
		s.lockless.Store(true) // it was the lock that the store did not want
	}
	return false, err
}

// Get reads a version of a small object whole, or with its key alone the newest:
// ErrNotFound if it is not there, ErrRejected if it is longer than most bytes. Versions
// that a newer one or a marker hides need s3:GetObjectVersion (ErrDenied).
func (s *Store) Get(ctx context.Context, v transport.Version, most int64) ([]byte, error) {
	in := &s3.GetObjectInput{Bucket: &s.cfg.Bucket, Key: &v.Key}
	if !v.Current() {
		in.VersionId = &v.ID
	}
	out, err := s.client.GetObject(ctx, in)
	if err != nil {
		return nil, s.fail(ctx, "get object", err)
	}
	defer func() { _ = out.Body.Close() }() // only read
	b, err := io.ReadAll(io.LimitReader(out.Body, most+1))
	if err != nil {
		return nil, s.fail(ctx, "get object", err)
	}
	if int64(len(b)) > most {
		return nil, &transport.Error{Op: "get object", Class: transport.ErrRejected, Code: "ObjectTooLong"}
	}
	return b, nil
}

// keep puts an object under retention.
func keep(in *s3.PutObjectInput, until time.Time) {
	if !until.IsZero() {
		in.ObjectLockMode, in.ObjectLockRetainUntilDate = types.ObjectLockModeGovernance, &until
	}
}
