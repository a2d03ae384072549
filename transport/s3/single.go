package s3

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"chartseal/transport"
)

// single sends a small file in one request.
func (u *upload) single(ctx context.Context) (transport.Object, error) {
	kind := u.s.checksum()
	sum := newSummer(u.src, kind == sumMD5)
	p, err := sum.part(ctx, 0, u.t.Size)
	if err != nil {
		return transport.Object{}, u.s.fail(ctx, "read sealed file", err)
	}
	w := sum.whole(u.t.Size, false)
	if err := u.check(w); err != nil {
		return transport.Object{}, err
	}
	u.t.Checksum = kind
	if err := u.save(*u.t); err != nil {
		return transport.Object{}, err
	}
	return u.put(ctx, p, w)
}

func (u *upload) put(ctx context.Context, p partSum, w wholeSum) (transport.Object, error) {
	if obj, there, err := u.look(ctx, w); there {
		return obj, err
	}
	m := &meter{progress: u.progress}
	wctx, watch, stop := u.s.watched(ctx)
	defer stop()
	b := newBody(u.src, 0, u.t.Size, m, watch)
	_, err := u.s.client.PutObject(wctx, u.putInput(b, p))
	b.settle(err == nil)
	if err == nil {
		return u.confirm(ctx, w)
	}
	err = u.s.fail(ctx, "put object", stallOr(wctx, err))
	if u.s.fallBack(err, u.t.Checksum) || u.s.dropCondition(err) {
		return transport.Object{}, errRestart
	}
	return u.decide(ctx, w, err)
}

func (u *upload) putInput(b *body, p partSum) *s3.PutObjectInput {
	in := &s3.PutObjectInput{
		Bucket: &u.s.cfg.Bucket, Key: &u.t.Key, Body: b, ContentLength: &p.size,
		ContentType: aws.String(octetStream), Metadata: map[string]string{metaSHA256: u.t.SHA256},
		ServerSideEncryption: u.s.sse(), SSEKMSKeyId: u.s.kmsKey(), IfNoneMatch: u.s.ifNoneMatch(),
	}
	if u.t.Checksum == sumMD5 {
		in.ContentMD5 = aws.String(p.md5Base64())
	} else {
		in.ChecksumCRC64NVME = &p.crc
	}
	return in
}

// confirm is settle for an upload the store has acknowledged: that nothing is
// there yet means that it is still at work, so it gets a moment.
func (u *upload) confirm(ctx context.Context, w wholeSum) (transport.Object, error) {
	const tries, firstPause = 5, 100 * time.Millisecond
	pause := firstPause
	for range tries {
		obj, err := u.settle(ctx, w)
		if !errors.Is(err, transport.ErrNotFound) {
			return obj, err
		}
		select {
		case <-ctx.Done():
			return obj, u.s.fail(ctx, "confirm upload", ctx.Err())
		case <-time.After(pause):
		}
		pause *= 2
	}
	return transport.Object{}, &transport.Error{Op: "confirm upload", Class: transport.ErrUnavailable, Code: "NotYetThere"}
}

// stallOr returns the stall if that is what ended the request.
func stallOr(ctx context.Context, err error) error {
	if context.Cause(ctx) == errStalled { //nolint:errorlint // our own cause, never wrapped
		return errStalled
	}
	return err
}
