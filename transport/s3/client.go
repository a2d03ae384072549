package s3

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

const (
	defaultStall   = time.Minute
	answerStalls   = 5 // CompleteMultipartUpload of many gigabytes answers late
	sdkAttempts    = 3
	sdkMaxBackoff  = 2 * time.Second
	wireBufferSize = 64 << 10
	maxAnswer      = 16 << 20 // a page of 1,000 versions has at most some megabytes
)

// newRetryer covers glitches within one request only. The SDK's retry quota is
// off: it would turn a long outage into errors that look like another cause.
func newRetryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = sdkAttempts
		o.MaxBackoff = sdkMaxBackoff
		o.RateLimiter = ratelimit.None
		o.Retryables = append([]retry.IsErrorRetryable{retry.IsErrorRetryableFunc(askedToWait)}, o.Retryables...)
	})
}

// askedToWait leaves a store alone that names a time to come back at, longer
// than the SDK waits: that is for the caller to wait out.
func askedToWait(err error) aws.Ternary {
	if resp, ok := errors.AsType[*smithyhttp.ResponseError](err); ok && retryAfter(resp, time.Time{}) > sdkMaxBackoff {
		return aws.FalseTernary
	}
	return aws.UnknownTernary
}

// newHTTPClient bounds every phase: connections are given up that take or give
// no byte for too long, in a request, its answer or the answer's body. It
// follows no redirect: a store that moves is misconfigured, and ciphertext goes
// nowhere the configuration does not name.
func newHTTPClient(stall time.Duration) *http.Client {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &lively{Conn: c, stall: stall}, nil
	}
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: bounded{&http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           dial,
			TLSHandshakeTimeout:   10 * time.Second,
			ResponseHeaderTimeout: answerStalls * stall,
			ExpectContinueTimeout: time.Second,
			IdleConnTimeout:       90 * time.Second,
			MaxIdleConnsPerHost:   2 * concurrency,
			WriteBufferSize:       wireBufferSize,
			ForceAttemptHTTP2:     true,
		}},
	}
}

// lively is a connection that ends when the other side stops.
type lively struct {
	net.Conn
	stall time.Duration
}

// Read gives up when nothing comes for as long as an answer may take.
func (c *lively) Read(b []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(answerStalls * c.stall)); err != nil { //nolint:forbidigo // deadlines of the system
		return 0, err
	}
	return c.Conn.Read(b)
}

// Write gives up when nothing is taken.
func (c *lively) Write(b []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.stall)); err != nil { //nolint:forbidigo // deadlines of the system
		return 0, err
	}
	return c.Conn.Write(b)
}

// bounded cuts off answers longer than any that is asked for here.
type bounded struct{ http.RoundTripper }

// RoundTrip asks and bounds the answer.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.RoundTripper.RoundTrip(r)
	if err == nil && resp.Body != nil {
		resp.Body = &shortBody{ReadCloser: resp.Body, left: maxAnswer}
	}
	return resp, err
}

type shortBody struct {
	io.ReadCloser
	left int
}

// Read fails once the answer is too long.
func (s *shortBody) Read(p []byte) (int, error) {
	if s.left <= 0 {
		return 0, errEndless
	}
	n, err := s.ReadCloser.Read(p[:min(len(p), s.left)])
	s.left -= n
	return n, err
}
