package s3

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"chartseal/transport"
)

// minRetention is the shortest life of an object that its links can outlive by
// no minute: MaxLifetime, and the day on which the last may be signed.
const minRetention = 8

// oldVersionDays is how long a store keeps what was overwritten or deleted.
const oldVersionDays = 1

// EnsureLifecycle has the store itself delete what lies under the configured
// prefix days after it was stored, old versions a day later, and abort uploads
// that are unfinished after as many days. It reports whether the store does:
// where not, because it does not offer that or because there is no prefix of
// chartseal's own (it must end with a slash) to tell its objects from others',
// call Purge and AbortStale from time to time.
//
// Every other rule of the bucket is kept as it is. Nothing is written when all
// is as it should be. Fewer than eight days are refused (ErrRejected), since
// links live for seven; ErrDenied means that the key may not read or set rules
// (s3:GetLifecycleConfiguration, s3:PutLifecycleConfiguration).
//
// Source: Amazon S3 API Reference, PutBucketLifecycleConfiguration, which
// replaces all rules of a bucket at once.
func (s *Store) EnsureLifecycle(ctx context.Context, days int) (bool, error) {
	if days < minRetention {
		return false, &transport.Error{Op: "set lifecycle", Class: transport.ErrRejected, Code: "RetentionTooShort"}
	}
	if !strings.HasSuffix(s.cfg.Prefix, "/") {
		return false, nil
	}
	out, err := s.client.GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: &s.cfg.Bucket})
	if err = s.fail(ctx, "get lifecycle", err); codeOf(err) == "NoSuchLifecycleConfiguration" {
		out, err = &s3.GetBucketLifecycleConfigurationOutput{}, nil
	}
	if err != nil {
		return offered(err)
	}
	ours := lifecycleRules(s.cfg.Prefix, int32(min(days, maxDays)))
	rules, changed := mergeRules(out.Rules, ours)
	if !changed {
		return true, nil
	}
	_, err = s.client.PutBucketLifecycleConfiguration(ctx, &s3.PutBucketLifecycleConfigurationInput{
		Bucket:                             &s.cfg.Bucket,
		LifecycleConfiguration:             &types.BucketLifecycleConfiguration{Rules: rules},
		TransitionDefaultMinimumObjectSize: out.TransitionDefaultMinimumObjectSize, // else it goes back to the default
	})
	if err = s.fail(ctx, "set lifecycle", err); err != nil {
		return offered(err)
	}
	return true, nil
}

// maxDays keeps days within the field's type; nothing lives a century.
const maxDays = 36_500

// offered tells a store without lifecycle rules from one that failed.
func offered(err error) (bool, error) {
	if notOffered(err) {
		return false, nil
	}
	return false, err
}

// lifecycleRules are two, since one rule cannot both expire objects by age and
// remove the delete markers that this leaves in a bucket with versions.
func lifecycleRules(prefix string, days int32) []types.LifecycleRule {
	filter := &types.LifecycleRuleFilter{Prefix: &prefix}
	return []types.LifecycleRule{
		{
			ID: aws.String("chartseal expire " + prefix), Status: types.ExpirationStatusEnabled, Filter: filter,
			Expiration:                     &types.LifecycleExpiration{Days: &days},
			NoncurrentVersionExpiration:    &types.NoncurrentVersionExpiration{NoncurrentDays: aws.Int32(oldVersionDays)},
			AbortIncompleteMultipartUpload: &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: &days},
		},
		{
			ID: aws.String("chartseal markers " + prefix), Status: types.ExpirationStatusEnabled, Filter: filter,
			Expiration: &types.LifecycleExpiration{ExpiredObjectDeleteMarker: aws.Bool(true)},
		},
	}
}

// mergeRules puts ours in place of those with their ids, and keeps the others.
func mergeRules(have, ours []types.LifecycleRule) (rules []types.LifecycleRule, changed bool) {
	found := 0
	for _, r := range have {
		mine := false
		for _, o := range ours {
			if aws.ToString(r.ID) == aws.ToString(o.ID) {
				mine = true
				if sameRule(r, o) {
					found++
				}
			}
		}
		if !mine {
			rules = append(rules, r)
		}
	}
	return append(rules, ours...), found != len(ours)
}

// sameRule compares what ours say; stores add defaults when they tell a rule.
func sameRule(a, b types.LifecycleRule) bool {
	return ruleFacts(a) == ruleFacts(b) && len(a.Transitions) == 0 && len(a.NoncurrentVersionTransitions) == 0
}

type facts struct {
	status                  types.ExpirationStatus
	prefix                  string
	days, old, abort, newer int32
	markers                 bool
	date                    time.Time
}

func ruleFacts(r types.LifecycleRule) (f facts) {
	f.status = r.Status
	if r.Filter != nil {
		f.prefix = aws.ToString(r.Filter.Prefix)
	}
	if e := r.Expiration; e != nil {
		f.days, f.markers, f.date = aws.ToInt32(e.Days), aws.ToBool(e.ExpiredObjectDeleteMarker), aws.ToTime(e.Date)
	}
	if n := r.NoncurrentVersionExpiration; n != nil {
		f.old, f.newer = aws.ToInt32(n.NoncurrentDays), aws.ToInt32(n.NewerNoncurrentVersions)
	}
	if a := r.AbortIncompleteMultipartUpload; a != nil {
		f.abort = aws.ToInt32(a.DaysAfterInitiation)
	}
	return f
}
