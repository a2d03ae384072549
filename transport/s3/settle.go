package s3

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"chartseal/transport"
)

// metaSHA256 is the object's metadata entry (x-amz-meta-sha256) with the
// SHA-256 of the sealed file.
const metaSHA256 = "sha256"

// Stat tells what the store holds under key: ErrNotFound if nothing.
func (s *Store) Stat(ctx context.Context, key string) (transport.Object, error) {
	out, err := s.client.HeadObject(ctx, &s3.HeadObjectInput{
		Bucket: &s.cfg.Bucket, Key: &key, ChecksumMode: s.checksumMode(),
	})
	if err != nil {
		return transport.Object{}, s.fail(ctx, "head object", err)
	}
	return transport.Object{
		Key:       key,
		Bytes:     aws.ToInt64(out.ContentLength),
		SHA256:    out.Metadata[metaSHA256],
		CRC64NVME: fullObject(out.ChecksumCRC64NVME, out.ChecksumType),
		ETag:      unquote(out.ETag),
		VersionID: versionOf(out.VersionId),
	}, nil
}

func (s *Store) checksumMode() types.ChecksumMode {
	if s.plain.Load() {
		return ""
	}
	return types.ChecksumModeEnabled
}

// fullObject drops sums of parts' sums, which end in a dash and a number.
func fullObject(sum *string, kind types.ChecksumType) string {
	if kind == types.ChecksumTypeComposite || strings.Contains(aws.ToString(sum), "-") {
		return ""
	}
	return aws.ToString(sum)
}

// versionOf drops "null", the name of the only version in a bucket without versions.
func versionOf(id *string) string {
	if v := aws.ToString(id); v != "null" {
		return v
	}
	return ""
}

// settle decides what became of an upload by looking at what is under its key:
// the object if it is ours, ErrExists if it is not, ErrNotFound if nothing is.
func (u *upload) settle(ctx context.Context, w wholeSum) (transport.Object, error) {
	obj, err := u.s.Stat(ctx, u.t.Key)
	if err != nil {
		return transport.Object{}, err
	}
	if !same(obj, w) {
		return transport.Object{}, &transport.Error{Op: "confirm upload", Class: transport.ErrExists, Code: "OtherContent"}
	}
	if obj.CRC64NVME == "" {
		obj.CRC64NVME = w.crc
	}
	obj.SHA256 = w.sha256
	return obj, nil
}

// look stands in for If-None-Match on stores that do not know it: whether
// something is under the key, or cannot be seen, so that nothing may be sent.
func (u *upload) look(ctx context.Context, w wholeSum) (obj transport.Object, there bool, err error) {
	if !u.s.unconditional.Load() {
		return transport.Object{}, false, nil
	}
	obj, err = u.settle(ctx, w)
	return obj, !errors.Is(err, transport.ErrNotFound), err
}

// same compares by the full object's CRC64NVME where the store keeps one, then
// by ETag where it is an MD5. Where it is not (encryption with KMS keys, some
// stores), the digest that only this upload put there has to do: the bytes were
// checked part by part with Content-MD5.
func same(obj transport.Object, w wholeSum) bool {
	switch {
	case obj.Bytes != w.size:
		return false
	case obj.CRC64NVME != "":
		return obj.CRC64NVME == w.crc
	case w.etag != "" && obj.ETag == w.etag:
		return true
	}
	return obj.SHA256 == w.sha256
}

// decide settles an upload whose last request failed with cause: a lost reply,
// a precondition, a forgotten upload id.
func (u *upload) decide(ctx context.Context, w wholeSum, cause error) (transport.Object, error) {
	if errors.Is(cause, transport.ErrInterrupted) {
		return transport.Object{}, cause
	}
	obj, err := u.settle(ctx, w)
	switch {
	case err == nil, errors.Is(err, transport.ErrExists), errors.Is(err, transport.ErrDenied):
		return obj, err
	case errors.Is(cause, transport.ErrExists):
		// Something was in the way and is gone, or cannot be seen.
		return obj, &transport.Error{Op: "confirm upload", Class: transport.ErrUnavailable, Code: "Unsettled"}
	}
	return obj, cause
}
