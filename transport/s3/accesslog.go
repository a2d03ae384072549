package s3

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"chartseal/transport"
)

// Bounds of one reading of the access log.
const (
	maxLogFiles   = 2_000    // what is left is for the next reading
	maxLogBytes   = 64 << 20 // of all files together
	maxLogAccount = 64       // accounts that log under one prefix
)

// logOverlap is how far back files are looked for again: several hosts of the store
// write them, and a name may appear after a later one.
const logOverlap = time.Hour

// logStamp is the time in a log file's name: YYYY-MM-DD-hh-mm-ss-UniqueString. Source:
// Amazon S3 User Guide, "Logging requests with server access logging", log object key
// format.
const logStamp = "2006-01-02-15-04-05"

var logName = regexp.MustCompile(`^(\d{4}-\d{2}-\d{2}-\d{2}-\d{2}-\d{2})-[0-9A-Za-z]+$`)

// Downloads reads the bucket's server access log from a place on, and returns which of
// the wanted objects, by their keys, were fetched whole by somebody with a link, and
// when first. place is brought up to date and should be kept, with what was found, for
// the next call; more says that the log goes on.
//
// The log is a best effort of the store and comes hours late (Amazon S3 User Guide,
// "Best-effort server log delivery"): what it does not tell may have happened.
//
// Errors: [transport.ErrNoAccessLog] where the bucket keeps none, transport.ErrDenied
// where the credentials may not read the setting or the log (s3:GetBucketLogging on the
// bucket, s3:ListBucket and s3:GetObject on the one that holds the log).
func (s *Store) Downloads(ctx context.Context, wanted map[string]transport.Wanted, place *transport.LogPlace) (found map[string]transport.Fetch, more bool, err error) {
	to, err := s.logging(ctx)
	if err != nil {
		return nil, false, err
	}
	r := &logReader{s: s, wanted: wanted, place: place, found: map[string]transport.Fetch{}, left: maxLogBytes}
	r.forget()
	if len(wanted) == 0 {
		return r.found, false, nil
	}
	prefixes, err := s.logPrefixes(ctx, to)
	if err != nil {
		return nil, false, err
	}
	byDay := ""
	if isPartitioned(to) {
		byDay = "2006/01/02/"
	}
	for _, p := range prefixes {
		if err := r.files(ctx, aws.ToString(to.TargetBucket), p, byDay); err != nil {
			return r.found, true, err
		}
	}
	r.settle()
	return r.found, r.more, nil
}

// logging is where the bucket's log goes.
func (s *Store) logging(ctx context.Context) (*types.LoggingEnabled, error) {
	out, err := s.client.GetBucketLogging(ctx, &s3.GetBucketLoggingInput{Bucket: &s.cfg.Bucket})
	if err = s.fail(ctx, "look at access log", err); err != nil {
		if notOffered(err) || errors.Is(err, transport.ErrNotFound) {
			return nil, transport.ErrNoAccessLog
		}
		return nil, err
	}
	if out.LoggingEnabled == nil || aws.ToString(out.LoggingEnabled.TargetBucket) == "" {
		return nil, transport.ErrNoAccessLog
	}
	return out.LoggingEnabled, nil
}

// logPrefixes are what the names of this bucket's log files begin with: the prefix of
// the setting, or below it account, region, bucket and day (the partitioned form).
func (s *Store) logPrefixes(ctx context.Context, to *types.LoggingEnabled) ([]string, error) {
	prefix := aws.ToString(to.TargetPrefix)
	if !isPartitioned(to) {
		return []string{prefix}, nil
	}
	out, err := s.client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{
		Bucket: to.TargetBucket, Prefix: &prefix, Delimiter: aws.String("/"), MaxKeys: aws.Int32(maxLogAccount),
	})
	if err = s.fail(ctx, "list access log", err); err != nil {
		return nil, err
	}
	var all []string
	for _, account := range out.CommonPrefixes {
		all = append(all, aws.ToString(account.Prefix)+s.cfg.Region+"/"+s.cfg.Bucket+"/")
	}
	return all, nil
}

func isPartitioned(to *types.LoggingEnabled) bool {
	return to.TargetObjectKeyFormat != nil && to.TargetObjectKeyFormat.PartitionedPrefix != nil
}

// logReader is one reading of the log.
type logReader struct {
	s      *Store
	wanted map[string]transport.Wanted
	place  *transport.LogPlace
	found  map[string]transport.Fetch

	opened int
	left   int64
	more   bool
}

// forget drops the tallies of objects that nobody asks about any more.
func (r *logReader) forget() {
	for key := range r.place.Tally {
		if _, ok := r.wanted[key]; !ok {
			delete(r.place.Tally, key)
		}
	}
}

// since is the time from which files are looked for.
func (r *logReader) since() time.Time {
	var first time.Time
	for _, w := range r.wanted {
		if first.IsZero() || w.Since.Before(first) {
			first = w.Since
		}
	}
	if at, ok := stampIn(r.place.After); ok && at.After(first) {
		first = at
	}
	return first.UTC().Add(-logOverlap)
}

// stampIn reads the time off a log file's name.
func stampIn(name string) (time.Time, bool) {
	m := logName.FindStringSubmatch(name[strings.LastIndexByte(name, '/')+1:])
	if m == nil {
		return time.Time{}, false
	}
	at, err := time.Parse(logStamp, m[1])
	return at, err == nil
}

// files reads the log files under a prefix that were not read yet, oldest first. byDay
// is the form of the folders of a day, if there are any.
func (r *logReader) files(ctx context.Context, bucket, prefix, byDay string) error {
	after := prefix + r.since().Format(byDay+logStamp)
	pages := s3.NewListObjectsV2Paginator(r.s.client,
		&s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix, StartAfter: &after},
		func(o *s3.ListObjectsV2PaginatorOptions) { o.StopOnDuplicateToken = true })
	for pages.HasMorePages() && !r.more {
		page, err := pages.NextPage(ctx)
		if err = r.s.fail(ctx, "list access log", err); err != nil {
			return err
		}
		for _, o := range page.Contents {
			if err := r.file(ctx, bucket, aws.ToString(o.Key)); err != nil {
				return err
			}
		}
	}
	return nil
}

// file reads one log file, once.
func (r *logReader) file(ctx context.Context, bucket, name string) error {
	if _, ok := stampIn(name); !ok || slices.Contains(r.place.Read, name) {
		return nil // somebody else's object, or known
	}
	if r.opened >= maxLogFiles || r.left <= 0 {
		r.more = true
		return nil
	}
	r.opened++
	out, err := r.s.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &name})
	if err = r.s.fail(ctx, "read access log", err); errors.Is(err, transport.ErrNotFound) {
		return nil // deleted since it was listed
	}
	if err != nil {
		return err
	}
	n, err := readLog(out.Body, r.line)
	r.left -= n
	err = errors.Join(err, out.Body.Close())
	if err != nil && !errors.Is(err, errEndless) { // of one that is too long the beginning must do
		return r.s.fail(ctx, "read access log", err)
	}
	r.place.Read = append(r.place.Read, name)
	if at, _ := stampIn(name); r.place.After == "" || at.After(afterOf(r.place)) {
		r.place.After = name
	}
	return nil
}

func afterOf(p *transport.LogPlace) time.Time {
	at, _ := stampIn(p.After)
	return at
}

// settle forgets the names of files that are too old to be listed again.
func (r *logReader) settle() {
	old := afterOf(r.place).Add(-2 * logOverlap)
	r.place.Read = slices.DeleteFunc(r.place.Read, func(name string) bool {
		at, _ := stampIn(name)
		return at.Before(old)
	})
}

// line adds a request to the tally of its object.
func (r *logReader) line(q logged) {
	w, ok := r.wanted[q.key]
	if !ok || q.bucket != r.s.cfg.Bucket || q.size != w.Bytes || !r.found[q.key].At.IsZero() {
		return
	}
	if q.sent >= w.Bytes {
		r.found[q.key] = transport.Fetch{At: q.at}
		delete(r.place.Tally, q.key)
		return
	}
	t := r.place.Tally[q.key]
	if q.part {
		t.Add(q.sent)
	} else {
		t.Start = max(t.Start, q.sent)
	}
	if t.Bytes() >= w.Bytes {
		r.found[q.key] = transport.Fetch{At: q.at, Pieces: true}
		delete(r.place.Tally, q.key)
		return
	}
	if r.place.Tally == nil {
		r.place.Tally = map[string]transport.Tally{}
	}
	r.place.Tally[q.key] = t
}
