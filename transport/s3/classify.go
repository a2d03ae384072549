package s3

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"chartseal/transport"
)

var (
	errStalled = errors.New("no byte was taken for too long")
	errEndless = errors.New("the answer does not end")
	errSource  = errors.New("reading the sealed file failed")
)

// classes sorts the error codes of S3 and of stores like it. Source: Amazon S3
// API Reference, "Error responses", list of error codes; ConditionalRequestConflict
// from "Conditional writes". Codes that are not listed go by HTTP status.
var classes = map[string]error{
	"AccessDenied":          transport.ErrDenied,
	"AccountProblem":        transport.ErrDenied,
	"AllAccessDisabled":     transport.ErrDenied,
	"ExpiredToken":          transport.ErrDenied,
	"Forbidden":             transport.ErrDenied,
	"InvalidAccessKeyId":    transport.ErrDenied,
	"InvalidSecurity":       transport.ErrDenied,
	"InvalidToken":          transport.ErrDenied,
	"NotSignedUp":           transport.ErrDenied,
	"RequestExpired":        transport.ErrClock,
	"RequestTimeTooSkewed":  transport.ErrClock,
	"SignatureDoesNotMatch": transport.ErrDenied,
	"TokenRefreshRequired":  transport.ErrDenied,

	"NoSuchBucket":  transport.ErrNoBucket,
	"NoSuchKey":     transport.ErrNotFound,
	"NoSuchUpload":  transport.ErrNotFound,
	"NoSuchVersion": transport.ErrNotFound,
	"NotFound":      transport.ErrNotFound,

	"InsufficientStorage":    transport.ErrFull,
	"NoSpaceLeftOnDevice":    transport.ErrFull,
	"QuotaExceeded":          transport.ErrFull,
	"XMinioStorageFull":      transport.ErrFull,
	"StorageQuotaExceeded":   transport.ErrFull,
	"ServiceQuotaExceeded":   transport.ErrFull,
	"XMinioAdminBucketQuota": transport.ErrFull,
	"PreconditionFailed":     transport.ErrExists,
	"NotImplemented":         transport.ErrRejected,
	"BucketAlreadyExists":    transport.ErrRejected,

	// The bucket is in another region than the configuration says.
	"AuthorizationHeaderMalformed":       transport.ErrRejected,
	"IllegalLocationConstraintException": transport.ErrRejected,
	"PermanentRedirect":                  transport.ErrRejected,

	// What was damaged on the way is sent again.
	"BadDigest":                   transport.ErrUnavailable,
	"ConditionalRequestConflict":  transport.ErrUnavailable,
	"IncompleteBody":              transport.ErrUnavailable,
	"InvalidPart":                 transport.ErrUnavailable,
	"OperationAborted":            transport.ErrUnavailable,
	"RequestLimitExceeded":        transport.ErrUnavailable,
	"RequestThrottled":            transport.ErrUnavailable,
	"RequestTimeout":              transport.ErrUnavailable,
	"TemporaryRedirect":           transport.ErrUnavailable, // a new bucket's name is still on its way through the DNS
	"Throttling":                  transport.ErrUnavailable,
	"ThrottlingException":         transport.ErrUnavailable,
	"XAmzContentSHA256Mismatch":   transport.ErrUnavailable,
	"XAmzContentChecksumMismatch": transport.ErrUnavailable,
}

var statusClasses = map[int]error{
	http.StatusTemporaryRedirect:   transport.ErrUnavailable,
	http.StatusUnauthorized:        transport.ErrDenied,
	http.StatusForbidden:           transport.ErrDenied,
	http.StatusNotFound:            transport.ErrNotFound,
	http.StatusPreconditionFailed:  transport.ErrExists,
	http.StatusRequestTimeout:      transport.ErrUnavailable,
	http.StatusTooManyRequests:     transport.ErrUnavailable,
	http.StatusNotImplemented:      transport.ErrRejected,
	http.StatusInsufficientStorage: transport.ErrFull,
}

// fail turns an error of the SDK into one that may be logged. ctx is the
// caller's: its end is told apart from the store's.
func (s *Store) fail(ctx context.Context, op string, err error) error {
	var done *transport.Error
	if err == nil || errors.As(err, &done) {
		return err
	}
	e := &transport.Error{Op: op}
	if resp, ok := errors.AsType[*smithyhttp.ResponseError](err); ok {
		e.Status = resp.HTTPStatusCode()
		e.RetryAfter = retryAfter(resp, s.now())
	}
	var id interface{ ServiceRequestID() string }
	if errors.As(err, &id) {
		e.RequestID = plainToken(id.ServiceRequestID())
	}
	var api smithy.APIError
	switch {
	case errors.Is(err, errSource):
		e.Class, e.Code = transport.ErrChanged, "Unreadable"
	case ctx.Err() != nil:
		e.Class, e.Cause = transport.ErrInterrupted, ctx.Err()
	case errors.Is(err, errEndless):
		e.Class, e.Code = transport.ErrRejected, "AnswerTooLong"
	case errors.Is(err, errStalled):
		e.Class, e.Code = transport.ErrUnavailable, "Stalled"
	case errors.As(err, &api):
		e.Code = plainToken(api.ErrorCode())
		e.Class = classOf(e.Code, e.Status)
	case e.Status != 0:
		e.Class = classOf("", e.Status)
	default:
		e.Code, e.Class = s.unanswered(ctx, err)
	}
	if s.denied != nil && errors.Is(e.Class, transport.ErrDenied) {
		s.denied()
	}
	return e
}

// retryAfter reads the header Retry-After, in seconds or as a date (RFC 9110,
// section 10.2.3).
func retryAfter(resp *smithyhttp.ResponseError, now time.Time) time.Duration {
	if resp.Response == nil || resp.Response.Response == nil {
		return 0
	}
	value := resp.Response.Header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}

func classOf(code string, status int) error {
	if c, ok := classes[code]; ok {
		return c
	}
	if c, ok := statusClasses[status]; ok {
		return c
	}
	if status >= 500 || status == 0 || status < 300 {
		return transport.ErrUnavailable
	}
	return transport.ErrRejected
}

// unanswered names what kept a request from being answered.
func (s *Store) unanswered(ctx context.Context, err error) (code string, class error) {
	if _, noCreds := s.creds.Retrieve(ctx); noCreds != nil {
		return "NoCredentials", transport.ErrDenied
	}
	var invalid *smithy.InvalidParamsError
	var serialization *smithy.SerializationError
	if errors.As(err, &invalid) || errors.As(err, &serialization) {
		return "InvalidRequest", transport.ErrRejected
	}
	return networkCode(err), transport.ErrUnavailable
}

// errRefused is what Windows says, which package syscall does not take for ECONNREFUSED
// (Microsoft, "Windows Sockets Error Codes", WSAECONNREFUSED). Other systems have no such number.
const errRefused = syscall.Errno(10061)

func networkCode(err error) string {
	var (
		dns       *net.DNSError
		cert      *tls.CertificateVerificationError
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		record    tls.RecordHeaderError
		timeout   interface{ Timeout() bool }
	)
	switch {
	case errors.As(err, &dns):
		return "NameNotResolved"
	case errors.As(err, &cert), errors.As(err, &authority), errors.As(err, &host), errors.As(err, &record):
		return "TLS"
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, errRefused):
		return "ConnectionRefused"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "Timeout"
	}
	return "NoAnswer"
}

// plainToken keeps what error codes and request ids consist of, so that a
// store cannot write sentences, or our own key, into a log.
func plainToken(s string) string {
	const most = 80
	if len(s) > most || strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("+/=_.-", r)
	}) {
		return ""
	}
	return s
}

func codeOf(err error) string {
	if e, ok := errors.AsType[*transport.Error](err); ok {
		return e.Code
	}
	return ""
}

// notOffered reports whether the store says it does not know the operation or
// one of its parameters.
func notOffered(err error) bool {
	switch codeOf(err) {
	case "NotImplemented", "InvalidArgument", "InvalidRequest", "MalformedXML", "UnsupportedArgument",
		"UnsupportedHeader", "UnsupportedOperation", "NotSupported", "MethodNotAllowed", "XNotImplemented":
		return true
	}
	var e *transport.Error
	return errors.As(err, &e) && e.Status == http.StatusNotImplemented
}

func unquote(etag *string) string { return strings.Trim(aws.ToString(etag), `"`) }
