package s3

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"chartseal/transport"
)

const (
	// MaxLifetime is the longest life of a link: X-Amz-Expires is at most
	// 604800 seconds. Source: Amazon S3 API Reference, "Authenticating
	// Requests: Using Query Parameters (AWS Signature Version 4)".
	MaxLifetime = 7 * 24 * time.Hour

	minLifetime = time.Minute
)

// Link signs an address that gives the object to whoever holds it, by GET
// only, until it expires: after lifetime, MaxLifetime or the end of the signing
// credentials, whichever comes first. Compare Link.Expires with what was asked.
//
// With a file name the browser saves the object under it; without, it shows it.
// contentType may be empty: that of the object.
//
// Nothing is sent to the store, and the object need not exist. Credentials that
// end within a minute, or at a time nobody knows (a session token given in the
// configuration), cannot sign: ErrDenied.
func (s *Store) Link(ctx context.Context, key string, lifetime time.Duration, filename, contentType string) (transport.Link, error) {
	now := s.now()
	life, limit, err := s.lifetime(ctx, now, lifetime)
	if err != nil {
		return transport.Link{}, err
	}
	in := &s3.GetObjectInput{
		Bucket: &s.cfg.Bucket, Key: &key,
		ResponseContentDisposition: aws.String(disposition(filename)),
	}
	if contentType != "" {
		in.ResponseContentType = &contentType
	}
	signer := s3.NewPresignClient(s.client, func(o *s3.PresignOptions) {
		o.Expires = life
		o.Presigner = &datedSigner{signer: v4.NewSigner(noPathEscape), at: now}
	})
	req, err := signer.PresignGetObject(ctx, in)
	if err != nil {
		return transport.Link{}, s.fail(ctx, "sign link", err)
	}
	// The signature's date has whole seconds.
	return transport.Link{URL: transport.Secret(req.URL), Expires: now.Truncate(time.Second).Add(life), Limit: limit}, nil
}

// lifetime clamps what was asked for, in whole seconds, and tells by what.
func (s *Store) lifetime(ctx context.Context, now time.Time, asked time.Duration) (life time.Duration, limit transport.Limit, err error) {
	if asked <= 0 {
		return 0, "", &transport.Error{Op: "sign link", Class: transport.ErrRejected, Code: "InvalidLifetime"}
	}
	if life = asked; life > MaxLifetime {
		life, limit = MaxLifetime, transport.LimitedBySignature
	}
	c, err := s.creds.Retrieve(ctx)
	switch {
	case err != nil && ctx.Err() != nil:
		return 0, "", &transport.Error{Op: "sign link", Class: transport.ErrInterrupted, Cause: ctx.Err()}
	case err != nil:
		return 0, "", &transport.Error{Op: "sign link", Class: transport.ErrDenied, Code: "NoCredentials"}
	case c.CanExpire && c.Expires.Sub(now) < life:
		life, limit = c.Expires.Sub(now), transport.LimitedByKeys
	case c.SessionToken != "" && !c.CanExpire:
		return 0, "", &transport.Error{Op: "sign link", Class: transport.ErrDenied, Code: "CredentialLifeUnknown"}
	}
	if life < min(minLifetime, asked) {
		return 0, "", &transport.Error{Op: "sign link", Class: transport.ErrDenied, Code: "CredentialsEnding"}
	}
	return max(life.Truncate(time.Second), time.Second), limit, nil
}

// datedSigner signs with the Store's clock, so that the expiry told is the one signed.
type datedSigner struct {
	signer *v4.Signer
	at     time.Time
}

// PresignHTTP signs as of d.at, whatever time the SDK gives.
func (d *datedSigner) PresignHTTP(ctx context.Context, c aws.Credentials, r *http.Request, payload, service, region string,
	_ time.Time, opts ...func(*v4.SignerOptions),
) (string, http.Header, error) {
	return d.signer.PresignHTTP(ctx, c, r, payload, service, region, d.at.UTC(), opts...)
}

// noPathEscape is how S3 signs: the path as it is sent.
func noPathEscape(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }

// disposition keeps to the characters that need no quoting rules (RFC 6266,
// appendix D): a link's file name says nothing about a patient anyway.
func disposition(filename string) string {
	if filename == "" {
		return "inline"
	}
	safe := strings.Map(func(r rune) rune {
		if notKeyRune(r) || r == '/' {
			return '_'
		}
		return r
	}, filename)
	return `attachment; filename="` + safe + `"`
}
