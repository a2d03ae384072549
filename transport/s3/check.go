package s3

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"chartseal/transport"
)

const (
	// refusedSkew is the clock difference at which S3 answers
	// RequestTimeTooSkewed. Source: Amazon S3 API Reference, "Error responses".
	refusedSkew = 15 * time.Minute
	wantedSkew  = time.Minute
)

// Check examines the store without touching a bundle: whether it answers, may
// be written, read and deleted in, keeps strangers out, and how long links can
// live. It stores one small object of its own and removes it. What a store does
// not offer is a notice. Findings come in a fixed order; there is no error,
// since a failure is a finding.
func (s *Store) Check(ctx context.Context) []transport.Finding {
	r := &report{}
	s.checkAddress(r)
	s.checkCredentials(ctx, r)
	if !s.checkReachable(ctx, r) {
		return r.findings
	}
	s.checkProbe(ctx, r)
	s.checkBucket(ctx, r)
	return r.findings
}

type report struct{ findings transport.Findings }

func (r *report) add(check string, level transport.Level, format string, args ...any) {
	r.findings.Add(check, level, format, args...)
}

func (r *report) problem(check, what string, err error) {
	r.add(check, transport.Problem, "%s: %s", what, advice(err))
}

// advice says in plain words what an error of the store asks for.
func advice(err error) string {
	var e *transport.Error
	code := ""
	if errors.As(err, &e) && e.Code != "" {
		code = " (" + e.Code + ")"
	}
	switch {
	case errors.Is(err, transport.ErrClock):
		return "this computer's clock is wrong; set it" + code
	case errors.Is(err, transport.ErrNoBucket):
		return "the bucket is not there; check its name and region" + code
	case otherRegion(err):
		return "the bucket is in another region; set the region in the configuration" + code
	case codeOf(err) == "NoCredentials":
		return "no credentials were found; set access keys in the environment or in the SDK's credentials file"
	case errors.Is(err, transport.ErrDenied):
		return "the store denied it; check the access keys and their rights" + code
	case errors.Is(err, transport.ErrNotFound):
		return "the bucket is not there; check its name and region" + code
	case errors.Is(err, transport.ErrFull):
		return "the store is full" + code
	case errors.Is(err, transport.ErrUnavailable):
		return "the store did not answer; check the network, the proxy and the endpoint" + code
	case errors.Is(err, transport.ErrInterrupted):
		return "the check was interrupted"
	}
	return "the store rejected the request; check region, endpoint and bucket" + code
}

func otherRegion(err error) bool {
	switch codeOf(err) {
	case "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "PermanentRedirect":
		return true
	}
	return false
}

func (s *Store) checkAddress(r *report) {
	u, err := url.Parse(s.cfg.Endpoint)
	if err != nil || u.Scheme != "http" {
		return
	}
	if ip := net.ParseIP(u.Hostname()); u.Hostname() == "localhost" || (ip != nil && ip.IsLoopback()) {
		r.add("address", transport.Notice, "The store is on this computer; links work on this computer only.")
		return
	}
	r.add("address", transport.Warning, "The store is reached without TLS: whoever sees the traffic sees links. Use an https:// endpoint.")
}

func (s *Store) checkCredentials(ctx context.Context, r *report) {
	l, err := s.CredentialLife(ctx)
	if err != nil {
		r.problem("credentials", "No credentials", err)
		return
	}
	left := l.Ends.Sub(s.now())
	switch {
	case l.Unknown:
		r.add("credentials", transport.Problem,
			"%s: temporary, with an end nobody knows, so that no link can be signed. Use the keys of a user.", l.Kind)
	case !l.Ends.IsZero() && left < MaxLifetime:
		r.add("credentials", transport.Warning,
			"%s: temporary, %s left. Links end when they do; use the keys of a user for links of up to seven days.", l.Kind, left.Round(time.Minute))
	default:
		r.add("credentials", transport.OK, "%s: permanent; links may live seven days.", l.Kind)
	}
}

func (s *Store) checkReachable(ctx context.Context, r *report) bool {
	out, err := s.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &s.cfg.Bucket})
	if err = s.fail(ctx, "head bucket", err); err != nil {
		err = s.inWords(ctx, err)
		r.problem("reachable", "The bucket cannot be reached", err)
		return false
	}
	r.add("reachable", transport.OK, "The store answers and the bucket is there.")
	if at := aws.ToString(out.BucketRegion); at != "" && s.cfg.Region != "" && at != s.cfg.Region {
		r.add("region", transport.Warning, "The bucket is in the region %s, and the configuration says %s: links may fail. Correct store.region.", at, s.cfg.Region)
	}
	s.checkCertificate(ctx, r)
	if at, ok := awsmiddleware.GetServerTime(out.ResultMetadata); ok {
		checkClock(r, s.now().Sub(at))
	}
	return true
}

// staleSoon is how long before its end a store's certificate should be renewed.
const staleSoon = 14 * 24 * time.Hour

// checkCertificate looks when the certificate of a store of one's own ends: then nothing
// is uploaded and no link opens. Amazon sees to its own.
func (s *Store) checkCertificate(ctx context.Context, r *report) {
	const check = "tls"
	if !strings.HasPrefix(s.cfg.Endpoint, "https://") {
		return
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, s.cfg.Endpoint, http.NoBody)
	if err != nil {
		return
	}
	resp, err := s.http.Do(req)
	if err != nil {
		r.add(check, transport.Notice, "The store's certificate could not be looked at.")
		return
	}
	_ = resp.Body.Close()
	if resp.TLS == nil || len(resp.TLS.PeerCertificates) == 0 {
		return
	}
	judgeCertificate(r, resp.TLS.PeerCertificates[0].NotAfter, s.now())
}

func judgeCertificate(r *report, ends, now time.Time) {
	const check = "tls"
	if left := ends.Sub(now); left < staleSoon {
		r.add(check, transport.Warning, "The store's TLS certificate ends on %s: then nothing is uploaded and no link opens. Renew it.", ends.Format(time.DateOnly))
		return
	}
	r.add(check, transport.OK, "The store is reached over TLS; its certificate is good until %s.", ends.Format(time.DateOnly))
}

// inWords asks again in a way that is answered with an error code: the answer
// to a HEAD request has a status only.
func (s *Store) inWords(ctx context.Context, err error) error {
	if !errors.Is(err, transport.ErrDenied) && !errors.Is(err, transport.ErrRejected) {
		return err
	}
	_, again := s.client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &s.cfg.Bucket, MaxKeys: aws.Int32(1)})
	if again = s.fail(ctx, "list objects", again); codeOf(again) != "" {
		return again
	}
	return err
}

func checkClock(r *report, skew time.Duration) {
	direction := "ahead of"
	if skew < 0 {
		direction = "behind"
	}
	by := skew.Abs().Round(time.Second)
	switch {
	case skew.Abs() >= refusedSkew:
		r.add("clock", transport.Problem, "This computer's clock is %s %s the store's; stores refuse that. Set the clock.", by, direction)
	case skew.Abs() >= wantedSkew:
		r.add("clock", transport.Warning, "This computer's clock is %s %s the store's, and links end off by as much. Set the clock.", by, direction)
	default:
		r.add("clock", transport.OK, "This computer's clock agrees with the store's.")
	}
}
