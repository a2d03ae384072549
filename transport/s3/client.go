package s3

import (
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
)

const (
	defaultStall   = time.Minute
	responseWait   = 5 * time.Minute // CompleteMultipartUpload of many gigabytes answers late
	sdkAttempts    = 3
	sdkMaxBackoff  = 2 * time.Second
	wireBufferSize = 64 << 10
)

// newRetryer covers glitches within one request only. The SDK's retry quota is
// off: it would turn a long outage into errors that look like another cause.
func newRetryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = sdkAttempts
		o.MaxBackoff = sdkMaxBackoff
		o.RateLimiter = ratelimit.None
	})
}

// newHTTPClient bounds every phase but the sending of a body, which the stall
// watch bounds. It follows no redirect: a store that moves is misconfigured,
// and ciphertext goes nowhere the configuration does not name.
func newHTTPClient() *http.Client {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           dialer.DialContext,
			TLSHandshakeTimeout:   10 * time.Second,
			ResponseHeaderTimeout: responseWait,
			ExpectContinueTimeout: time.Second,
			IdleConnTimeout:       90 * time.Second,
			MaxIdleConnsPerHost:   2 * concurrency,
			WriteBufferSize:       wireBufferSize,
			ForceAttemptHTTP2:     true,
		},
	}
}
