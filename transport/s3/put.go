package s3

import (
	"bytes"
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"chartseal/transport"
)

// Put stores a small object, such as the recipient page, replacing what is
// under the key. Sealed bundles go through Upload, which replaces nothing.
func (s *Store) Put(ctx context.Context, key, contentType string, content []byte) (transport.Object, error) {
	return s.put(ctx, key, contentType, content, time.Time{})
}

// put stores a small object, under retention if until says so.
func (s *Store) put(ctx context.Context, key, contentType string, content []byte, until time.Time) (transport.Object, error) {
	kind := s.checksum()
	sum := newSummer(bytes.NewReader(content), true)
	p, err := sum.part(ctx, 0, int64(len(content)))
	if err != nil {
		return transport.Object{}, s.fail(ctx, "put object", err)
	}
	w := sum.whole(p.size, false)
	in := &s3.PutObjectInput{
		Bucket: &s.cfg.Bucket, Key: &key, Body: bytes.NewReader(content), ContentLength: &p.size,
		ContentType: &contentType, Metadata: map[string]string{metaSHA256: w.sha256},
		ServerSideEncryption: s.sse(), SSEKMSKeyId: s.kmsKey(),
	}
	keep(in, until)
	if kind == sumMD5 {
		in.ContentMD5 = aws.String(p.md5Base64())
	} else {
		in.ChecksumCRC64NVME = &p.crc
	}
	out, err := s.client.PutObject(ctx, in)
	if err != nil {
		err = s.fail(ctx, "put object", err)
		if until.IsZero() && s.fallBack(err, kind) { // else it may be the retention that is refused
			return s.put(ctx, key, contentType, content, until)
		}
		return transport.Object{}, err
	}
	return transport.Object{
		Key: key, Bytes: p.size, SHA256: w.sha256, CRC64NVME: w.crc,
		ETag: unquote(out.ETag), VersionID: versionOf(out.VersionId),
	}, nil
}
