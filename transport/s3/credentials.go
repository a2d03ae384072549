package s3

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"chartseal/transport"
)

// findCredentials takes the keys of the configuration, or else those of the
// SDK's chain, which are read again once the store has refused them: keys are
// changed while a long upload waits, and it goes on with the new ones.
func (s *Store) findCredentials(ctx context.Context) error {
	if s.cfg.AccessKey != "" {
		s.creds = aws.NewCredentialsCache(credentials.NewStaticCredentialsProvider(
			s.cfg.AccessKey, s.cfg.SecretKey.Reveal(), s.cfg.SessionToken.Reveal()))
		return nil
	}
	c := &chain{region: s.cfg.Region, profile: s.cfg.Profile}
	if err := c.load(ctx); err != nil {
		return err
	}
	cache := aws.NewCredentialsCache(c)
	s.creds = cache
	s.signer = &signer{}
	s.denied = func() {
		c.refused.Store(true)
		cache.Invalidate()
	}
	return nil
}

// Life is of what kind the credentials in use are, and when they end.
type Life struct {
	Kind    string    // as the SDK calls where they come from
	Ends    time.Time // zero: they do not, or nobody knows
	Unknown bool      // temporary, and nobody knows when they end
	Renews  bool      // new ones are got by themselves as long as their source allows
}

// renewing are the sources that get new credentials by themselves.
var renewing = []string{"AssumeRoleProvider", "WebIdentityCredentials", "EC2RoleProvider", "CredentialsEndpointProvider", "ProcessProvider"}

// CredentialLife tells how long the credentials last; the error is of class
// [transport.ErrDenied] if there are none.
func (s *Store) CredentialLife(ctx context.Context) (Life, error) {
	c, err := s.creds.Retrieve(ctx)
	if err != nil { // whose text names files and profiles
		return Life{}, &transport.Error{Op: "find credentials", Class: transport.ErrDenied, Code: "NoCredentials"}
	}
	kind, _, _ := strings.Cut(c.Source, ":") // it may go on with the name of a file
	l := Life{Kind: kind, Unknown: c.SessionToken != "" && !c.CanExpire, Renews: slices.Contains(renewing, kind)}
	if c.CanExpire {
		l.Ends = c.Expires
	}
	return l, nil
}

// signer is the SDK's, begun anew for another secret: it keeps what it derived
// from one by the name of the key alone, so that a secret put right under the
// same name would never be used.
type signer struct {
	mu     sync.Mutex
	secret string
	of     *v4.Signer
}

// SignHTTP signs with the secret of today.
func (s *signer) SignHTTP(ctx context.Context, c aws.Credentials, r *http.Request, payload, service, region string,
	at time.Time, opts ...func(*v4.SignerOptions),
) error {
	return s.with(c.SecretAccessKey).SignHTTP(ctx, c, r, payload, service, region, at, opts...)
}

func (s *signer) with(secret string) *v4.Signer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of == nil || s.secret != secret {
		s.secret, s.of = secret, v4.NewSigner(noPathEscape)
	}
	return s.of
}

// chain is the SDK's default chain, loaded anew after a refusal. The cache
// around it calls Retrieve one at a time.
type chain struct {
	region, profile string
	source          aws.CredentialsProvider
	refused         atomic.Bool
}

// Retrieve returns the keys of today.
func (c *chain) Retrieve(ctx context.Context) (aws.Credentials, error) {
	if c.refused.Swap(false) {
		if err := c.load(ctx); err != nil {
			c.refused.Store(true)
			return aws.Credentials{}, err
		}
	}
	return c.source.Retrieve(ctx)
}

func (c *chain) load(ctx context.Context) error {
	load := []func(*config.LoadOptions) error{config.WithRegion(c.region)}
	if c.profile != "" {
		load = append(load, config.WithSharedConfigProfile(c.profile))
	}
	loaded, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		// The SDK's text names files and profiles.
		return &transport.Error{Op: "find credentials", Class: transport.ErrDenied, Code: "NoCredentials"}
	}
	c.source = loaded.Credentials
	return nil
}
