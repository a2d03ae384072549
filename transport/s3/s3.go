// Package s3 is the store of sealed bundles: any service that speaks the S3
// protocol, AWS or another, reached with the AWS SDK, which no other package
// imports.
//
// # Retries
//
// The owner of retries is the caller: an outage is waited out by whoever keeps
// the [transport.Ticket], with transport.Retryable telling whether to. The SDK
// inside makes at most three attempts within a few seconds, for resets and
// "slow down" answers, and nothing else here repeats a request.
//
// # Errors
//
// Every error is a *transport.Error (or comes from the caller's save): class,
// store's code and request id, without address, bucket or key.
package s3

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"chartseal/transport"
)

// Values of Config.Checksums.
const (
	ChecksumsAuto         = "auto"          // CRC64NVME, given up for a custom endpoint that rejects it
	ChecksumsCRC64NVME    = "crc64nvme"     // CRC64NVME or failure
	ChecksumsWhenRequired = "when_required" // only Content-MD5, which every store knows
)

// Values of Config.SSE, as in the header x-amz-server-side-encryption.
const (
	SSEKMS    = "aws:kms"
	SSEAES256 = "AES256"
)

// Config says where the store is and how to speak with it.
type Config struct {
	Bucket    string
	Region    string // "us-east-1" if empty
	Endpoint  string // http(s) URL of a store other than AWS; empty means AWS
	PathStyle bool   // bucket in the path instead of the host name
	Prefix    string // begins the key of every object
	SSE       string // "", SSEKMS or SSEAES256
	KMSKey    string // key id or ARN for SSEKMS; empty means the account's default key
	Checksums string // one of the Checksums values; empty means auto

	AccessKey    string // empty: the SDK's default chain (environment, shared files, container, instance)
	SecretKey    transport.Secret
	SessionToken transport.Secret
	Profile      string // of the shared configuration files, for the default chain
}

// Store is one bucket, or one prefix of it. It is safe for concurrent use.
type Store struct {
	cfg    Config
	client *s3.Client
	creds  aws.CredentialsProvider
	signer *signer // nil: the SDK's own
	denied func()  // the store refused the credentials; nil if there are no others to be had
	now    func() time.Time
	stall  time.Duration
	part   int64
	page   *int32 // entries of a page of versions; nil: as many as the store likes
	http   *http.Client

	plain         atomic.Bool // the store rejected CRC64NVME
	unconditional atomic.Bool // the store does not know If-None-Match
	lockless      atomic.Bool // the bucket has no object lock, or the key may not use it
}

// Option changes a Store as it is made.
type Option func(*Store)

// WithClock sets the clock that links are dated with.
func WithClock(now func() time.Time) Option { return func(s *Store) { s.now = now } }

// WithStall sets how long a part may go without a byte being taken before it is
// given up (60 s). Once all of it has been taken the store has three times as
// long to answer.
func WithStall(d time.Duration) Option { return func(s *Store) { s.stall = d } }

// WithPartSize sets the size of parts in bytes (16 MiB), 5 MiB to 5 GiB. Files
// that fit into one part are sent in one request; parts grow for files of more
// than 10,000. Source of the limits: Amazon S3 User Guide, "Amazon S3
// multipart upload limits".
func WithPartSize(bytes int64) Option {
	return func(s *Store) { s.part = min(max(bytes, minPartSize), maxPartSize) }
}

// WithHTTPClient replaces the HTTP client.
func WithHTTPClient(c *http.Client) Option { return func(s *Store) { s.http = c } }

// New makes a Store. It reads credentials' files but does not speak with the
// store; Check does. An error is of class transport.ErrRejected (the
// configuration) or transport.ErrDenied (no credentials' source).
func New(ctx context.Context, cfg Config, opts ...Option) (*Store, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	s := &Store{cfg: cfg, now: time.Now, stall: defaultStall, part: defaultPartSize} //nolint:forbidigo // the default of an injected clock
	for _, o := range opts {
		o(s)
	}
	if s.http == nil {
		s.http = newHTTPClient(s.stall)
	}
	if err := s.findCredentials(ctx); err != nil {
		return nil, err
	}
	s.plain.Store(cfg.Checksums == ChecksumsWhenRequired)
	s.client = newClient(s)
	return s, nil
}

func newClient(s *Store) *s3.Client { return s3.New(s.options()) }

// options leaves nothing to the environment but the credentials: where bundles
// go is decided by the configuration file alone.
func (s *Store) options() s3.Options {
	o := s3.Options{
		Region:       s.cfg.Region,
		Credentials:  s.creds,
		UsePathStyle: s.cfg.PathStyle,
		HTTPClient:   s.http,
		Retryer:      newRetryer(),
		// Sums are computed here, once, and sent as plain headers. Left to
		// itself the SDK adds CRC32 trailers that many stores reject.
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
	}
	if s.signer != nil {
		o.HTTPSignerV4 = s.signer
	}
	if s.cfg.Endpoint != "" {
		o.BaseEndpoint = aws.String(s.cfg.Endpoint)
	}
	return o
}

// complete fills defaults and rejects what cannot work.
func (c *Config) complete() error {
	if c.Region == "" {
		c.Region = "us-east-1"
	}
	if c.Checksums == "" {
		c.Checksums = ChecksumsAuto
	}
	switch {
	case c.Bucket == "":
		return rejected("the bucket is missing")
	case c.Checksums != ChecksumsAuto && c.Checksums != ChecksumsCRC64NVME && c.Checksums != ChecksumsWhenRequired:
		return rejected("checksums must be auto, crc64nvme or when_required")
	case c.SSE != "" && c.SSE != SSEKMS && c.SSE != SSEAES256:
		return rejected("sse must be aws:kms or AES256")
	case c.KMSKey != "" && c.SSE != SSEKMS:
		return rejected("kms_key needs sse: aws:kms")
	case (c.AccessKey == "") != (c.SecretKey == ""):
		return rejected("access key and secret key belong together")
	case strings.HasPrefix(c.Prefix, "/") || strings.ContainsFunc(c.Prefix, notKeyRune):
		return rejected("the prefix may hold letters, digits and / . _ - and not begin with /")
	}
	return c.checkEndpoint()
}

func (c *Config) checkEndpoint() error {
	if c.Endpoint == "" {
		return nil
	}
	u, err := url.Parse(c.Endpoint)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return rejected("the endpoint must be an http:// or https:// address")
	}
	if u.User != nil {
		return rejected("the endpoint must not hold a user or password")
	}
	return nil
}

func notKeyRune(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("/._-", r)
}

func rejected(why string) error {
	return fmt.Errorf("configure store: %w: %s", transport.ErrRejected, why)
}
