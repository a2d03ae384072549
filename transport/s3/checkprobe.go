package s3

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"chartseal/transport"
)

var probeText = []byte("chartseal check: this object may be deleted\n")

// checkProbe takes a small object of no meaning the way a bundle goes: upload
// with checksum and condition, link, stranger, revocation.
func (s *Store) checkProbe(ctx context.Context, r *report) {
	key, err := transport.NewKey(nil, s.cfg.Prefix)
	if err != nil {
		r.add("write", transport.Problem, "No random numbers could be read.")
		return
	}
	if !s.probeWrite(ctx, r, key) {
		return
	}
	s.probeOverwrite(ctx, r, key)
	s.probeParts(ctx, r)
	s.probeLink(ctx, r, key)
	s.probeStranger(ctx, r, key)
	s.probeRevoke(ctx, r, key)
}

func (s *Store) probeUpload(ctx context.Context, key string, content []byte) (transport.Object, error) {
	return s.Upload(ctx, bytes.NewReader(content), int64(len(content)), &transport.Ticket{Key: key},
		func(transport.Ticket) error { return nil }, nil)
}

func (s *Store) probeWrite(ctx context.Context, r *report, key string) bool {
	if _, err := s.probeUpload(ctx, key, probeText); err != nil {
		r.problem("write", "An object cannot be stored and confirmed", err)
		return false
	}
	r.add("write", transport.OK, "Objects can be stored.")
	if s.plain.Load() {
		r.add("checksums", transport.Notice, "Transfers are checked with MD5; the store does not offer CRC64NVME, or is configured without.")
		return true
	}
	r.add("checksums", transport.OK, "Transfers are checked with CRC64NVME.")
	return true
}

// probeOverwrite tries to replace the object with another.
func (s *Store) probeOverwrite(ctx context.Context, r *report, key string) {
	_, err := s.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &s.cfg.Bucket, Key: &key, Body: bytes.NewReader(probeText[1:]), IfNoneMatch: s.ifNoneMatch(),
		ContentLength: aws.Int64(int64(len(probeText)) - 1), ServerSideEncryption: s.sse(), SSEKMSKeyId: s.kmsKey(),
	})
	err = s.fail(ctx, "put object", err)
	switch {
	case errors.Is(err, transport.ErrExists):
		r.add("overwrite", transport.OK, "The store refuses to overwrite.")
	case err == nil || s.dropCondition(err):
		r.add("overwrite", transport.Notice, "The store cannot refuse to overwrite; random keys keep bundles apart.")
	default:
		r.problem("overwrite", "Overwriting could not be tried", err)
	}
}

// probeParts begins an upload in parts and drops it.
func (s *Store) probeParts(ctx context.Context, r *report) {
	key, err := transport.NewKey(nil, s.cfg.Prefix)
	if err != nil {
		r.add("parts", transport.Problem, "No random numbers could be read.")
		return
	}
	u := &upload{s: s, t: &transport.Ticket{Key: key, Size: 1, PartSize: defaultPartSize}, save: func(transport.Ticket) error { return nil }}
	err = u.create(ctx)
	if errors.Is(err, errRestart) {
		err = u.create(ctx)
	}
	if err == nil {
		_, err = u.listParts(ctx)
	}
	if err == nil {
		err = s.abortUpload(ctx, key, u.t.UploadID)
	}
	if err != nil {
		r.problem("parts", "Large bundles cannot be uploaded in parts and resumed", err)
		return
	}
	r.add("parts", transport.OK, "Large bundles can be uploaded in parts and resumed.")
}

// probeLink opens a link as a recipient would.
func (s *Store) probeLink(ctx context.Context, r *report, key string) {
	link, err := s.Link(ctx, key, minLifetime, "check", "")
	if err != nil {
		r.problem("link", "No link can be signed", err)
		return
	}
	status, body := s.visit(ctx, link.URL)
	switch {
	case status == http.StatusOK && bytes.Equal(body, probeText):
		r.add("link", transport.OK, "Links open.")
	case status == 0:
		r.add("link", transport.Problem, "A link could not be opened from this computer: look whether a proxy or a firewall keeps it from the store's address.")
	default:
		r.add("link", transport.Problem, "A fresh link is answered with status %d: check the rights of the key and the bucket's policy.", status)
	}
}

// visit gets an address and gives nothing of it away. Status 0 is no answer.
func (s *Store) visit(ctx context.Context, address transport.Secret) (status int, body []byte) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address.Reveal(), http.NoBody)
	if err != nil {
		return 0, nil
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return 0, nil
	}
	defer func() { _ = resp.Body.Close() }()
	body, err = io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	if err != nil {
		return 0, nil
	}
	return resp.StatusCode, body
}

// probeStranger asks for the object and for a list of all without credentials.
func (s *Store) probeStranger(ctx context.Context, r *report, key string) {
	o := s.options()
	o.Credentials = aws.AnonymousCredentials{}
	stranger := s3.New(o)
	_, getErr := stranger.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &s.cfg.Bucket, Key: &key})
	_, listErr := stranger.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &s.cfg.Bucket, MaxKeys: aws.Int32(1)})
	switch {
	case getErr == nil || listErr == nil:
		r.add("strangers", transport.Problem, "Anyone can read the bucket without a link. Block public access before a bundle goes there.")
	case errors.Is(s.fail(ctx, "head object", getErr), transport.ErrDenied):
		r.add("strangers", transport.OK, "Without a link nobody gets in.")
	default:
		r.add("strangers", transport.Notice, "Whether strangers are kept out could not be tried.")
	}
}

func (s *Store) probeRevoke(ctx context.Context, r *report, key string) {
	err := s.Revoke(ctx, key)
	_, locked := errors.AsType[*transport.RetainedError](err)
	switch {
	case err == nil:
		r.add("delete", transport.OK, "Objects can be deleted, so that links can be revoked.")
	case locked:
		r.add("delete", transport.Warning, "A revoked link leads nowhere, but the bucket's lock keeps the encrypted file for a time. Take the default retention off the bucket.")
	case errors.Is(err, transport.ErrDenied):
		r.add("delete", transport.Problem,
			"An object cannot be deleted, or the store does not say that it is gone: links cannot be revoked. The key needs s3:DeleteObject, s3:DeleteObjectVersion, s3:ListBucket and s3:ListBucketVersions.")
	default:
		r.problem("delete", "An object cannot be deleted, so that links cannot be revoked", err)
	}
}
