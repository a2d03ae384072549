package s3

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"chartseal/transport"
)

// checkBucket looks at the bucket's own settings.
func (s *Store) checkBucket(ctx context.Context, r *report) {
	for _, c := range []struct {
		name string
		look func(context.Context, *report) error
	}{
		{"public access", s.lookPublicAccess},
		{"policy", s.lookPolicy},
		{"versioning", s.lookVersioning},
		{"encryption", s.lookEncryption},
		{"retention", s.lookRetention},
		{"cleaning", s.lookLifecycle},
		{AccessLogCheck, s.lookLogging},
	} {
		err := s.fail(ctx, "look at bucket", c.look(ctx, r))
		switch {
		case err == nil:
		case notOffered(err):
			r.add(c.name, transport.Notice, "The store does not offer this setting.")
		case errors.Is(err, transport.ErrDenied):
			r.add(c.name, transport.Notice, "The key may not look at this setting.")
		default:
			r.add(c.name, transport.Notice, "This setting could not be looked at: %s.", advice(err))
		}
	}
}

// isCode reports whether the store answered with one of its "not set" codes.
func (s *Store) isCode(ctx context.Context, err error, code string) bool {
	return err != nil && codeOf(s.fail(ctx, "look at bucket", err)) == code
}

func (s *Store) lookPublicAccess(ctx context.Context, r *report) error {
	const check = "public access"
	out, err := s.client.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: &s.cfg.Bucket})
	if s.isCode(ctx, err, "NoSuchPublicAccessBlockConfiguration") {
		r.add(check, transport.Warning, "Public access is not blocked for this bucket. Turn on all four settings of Block Public Access.")
		return nil
	}
	if err != nil {
		return err
	}
	b := out.PublicAccessBlockConfiguration
	if b != nil && aws.ToBool(b.BlockPublicAcls) && aws.ToBool(b.IgnorePublicAcls) &&
		aws.ToBool(b.BlockPublicPolicy) && aws.ToBool(b.RestrictPublicBuckets) {
		r.add(check, transport.OK, "Public access is blocked.")
		return nil
	}
	r.add(check, transport.Warning, "Public access is blocked only in part. Turn on all four settings of Block Public Access.")
	return nil
}

func (s *Store) lookPolicy(ctx context.Context, r *report) error {
	const check = "policy"
	out, err := s.client.GetBucketPolicyStatus(ctx, &s3.GetBucketPolicyStatusInput{Bucket: &s.cfg.Bucket})
	switch {
	case s.isCode(ctx, err, "NoSuchBucketPolicy"):
		r.add(check, transport.OK, "The bucket has no policy that could open it.")
	case err != nil:
		return err
	case out.PolicyStatus != nil && aws.ToBool(out.PolicyStatus.IsPublic):
		r.add(check, transport.Problem, "The bucket's policy makes it public. Change it before a bundle goes there.")
	default:
		r.add(check, transport.OK, "The bucket's policy does not make it public.")
	}
	return nil
}

func (s *Store) lookVersioning(ctx context.Context, r *report) error {
	out, err := s.client.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &s.cfg.Bucket})
	if err != nil {
		return err
	}
	if out.Status == "" {
		r.add("versioning", transport.OK, "The bucket keeps no old versions: what is deleted is gone.")
		return nil
	}
	r.add("versioning", transport.Notice, "The bucket keeps old versions; revoking deletes every version.")
	return nil
}

func (s *Store) lookEncryption(ctx context.Context, r *report) error {
	const check = "encryption"
	_, err := s.client.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: &s.cfg.Bucket})
	if s.isCode(ctx, err, "ServerSideEncryptionConfigurationNotFoundError") {
		r.add(check, transport.Notice, "The store does not encrypt by itself; bundles are sealed before they leave.")
		return nil
	}
	if err != nil {
		return err
	}
	r.add(check, transport.OK, "The store encrypts what is already sealed.")
	return nil
}

func (s *Store) lookRetention(ctx context.Context, r *report) error {
	const check = "retention"
	out, err := s.client.GetObjectLockConfiguration(ctx, &s3.GetObjectLockConfigurationInput{Bucket: &s.cfg.Bucket})
	switch {
	case s.isCode(ctx, err, "ObjectLockConfigurationNotFoundError"), s.isCode(ctx, err, "NoSuchObjectLockConfiguration"):
		r.add(check, transport.OK, "Nothing keeps objects from being deleted.")
	case err != nil:
		return err
	case out.ObjectLockConfiguration != nil && out.ObjectLockConfiguration.Rule != nil:
		r.add(check, transport.Warning, "The bucket's object lock keeps every object for a time: a revoked link leads nowhere, but the encrypted file stays until the lock ends. Take the default retention off the bucket; object lock itself may stay.")
	default:
		r.add(check, transport.OK, "Nothing keeps objects from being deleted.")
	}
	return nil
}

func (s *Store) lookLifecycle(ctx context.Context, r *report) error {
	const check = "cleaning"
	out, err := s.client.GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: &s.cfg.Bucket})
	if err != nil && !s.isCode(ctx, err, "NoSuchLifecycleConfiguration") {
		return err
	}
	if err == nil && anyAborts(out.Rules) {
		r.add(check, transport.OK, "The store drops unfinished uploads by itself.")
		return nil
	}
	r.add(check, transport.Notice, "The store keeps unfinished uploads; chartseal drops its own. A lifecycle rule AbortIncompleteMultipartUpload would drop the rest.")
	return nil
}

// AccessLogCheck names the finding about the bucket's access log.
const AccessLogCheck = "access log"

// lookLogging tells whether it can be known that a bundle was fetched.
func (s *Store) lookLogging(ctx context.Context, r *report) error {
	to, err := s.logging(ctx)
	if errors.Is(err, transport.ErrNoAccessLog) {
		r.add(AccessLogCheck, transport.Notice, "The bucket keeps no access log, so that nobody can tell whether a bundle was fetched. Server access logging to a bucket that the key may read would tell.")
		return nil
	}
	if err != nil {
		return err
	}
	_, err = s.client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: to.TargetBucket, Prefix: to.TargetPrefix, MaxKeys: aws.Int32(1)})
	if err = s.fail(ctx, "list access log", err); errors.Is(err, transport.ErrDenied) {
		r.add(AccessLogCheck, transport.Notice, "The bucket keeps an access log, but the key may not read it (s3:ListBucket and s3:GetObject on the log's bucket), so that nobody can tell whether a bundle was fetched.")
		return nil
	}
	if err != nil {
		return err
	}
	r.add(AccessLogCheck, transport.OK, "The bucket keeps an access log: status tells when a bundle was first fetched, some hours later.")
	return nil
}

func anyAborts(rules []types.LifecycleRule) bool {
	for _, r := range rules {
		if r.Status == types.ExpirationStatusEnabled && r.AbortIncompleteMultipartUpload != nil {
			return true
		}
	}
	return false
}
