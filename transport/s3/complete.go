package s3

import (
	"context"
	"encoding/hex"
	"errors"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"chartseal/transport"
)

// complete makes the object out of its parts, unless something is under the
// key already, and has the store confirm the whole.
func (u *upload) complete(ctx context.Context, parts []types.CompletedPart, w wholeSum) (transport.Object, error) {
	if obj, there, err := u.look(ctx, w); there {
		return obj, err
	}
	err := u.finish(ctx, parts, w)
	if err == nil {
		// Some stores answer "done" for an upload id they do not know if any
		// object is under the key, so that the answer alone proves nothing.
		return u.confirm(ctx, w)
	}
	if u.s.dropCondition(err) {
		obj, err := u.complete(ctx, parts, w)
		u.s.unconditional.Store(!notOffered(err)) // else it was not the condition
		return obj, err
	}
	obj, err := u.decide(ctx, w, err)
	switch {
	case err == nil, errors.Is(err, transport.ErrExists):
		u.abort(ctx) // useless now: ours is there, or never will be
	case forgot(err):
		return u.startOver(ctx)
	}
	return obj, err
}

func (u *upload) finish(ctx context.Context, parts []types.CompletedPart, w wholeSum) error {
	in := &s3.CompleteMultipartUploadInput{
		Bucket: &u.s.cfg.Bucket, Key: &u.t.Key, UploadId: &u.t.UploadID,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: parts}, IfNoneMatch: u.s.ifNoneMatch(),
	}
	if u.t.Checksum == sumCRC64 {
		in.ChecksumType, in.ChecksumCRC64NVME, in.MpuObjectSize = types.ChecksumTypeFullObject, &w.crc, &u.t.Size
	}
	_, err := u.s.client.CompleteMultipartUpload(ctx, in)
	return u.s.fail(ctx, "complete upload", err)
}

// forgotten is for an upload id the store does not know any more: the object is
// there, because an earlier completion's reply was lost, or all begins anew.
func (u *upload) forgotten(ctx context.Context, cause error) (transport.Object, error) {
	if _, err := u.s.Stat(ctx, u.t.Key); errors.Is(err, transport.ErrNotFound) {
		return u.startOver(ctx)
	}
	w, err := u.sums(ctx)
	if err != nil {
		return transport.Object{}, err
	}
	if err = u.check(w); err != nil {
		return transport.Object{}, err
	}
	obj, err := u.decide(ctx, w, cause)
	if err == nil && u.progress != nil {
		u.progress(u.t.Size)
	}
	return obj, err
}

// sums reads the whole file without sending it.
func (u *upload) sums(ctx context.Context) (wholeSum, error) {
	cut := u.plan()
	sum := newSummer(u.src, true)
	for n := int32(1); n <= cut.count(); n++ {
		off, size := cut.section(n)
		if _, err := sum.part(ctx, off, size); err != nil {
			return wholeSum{}, u.s.fail(ctx, "read sealed file", err)
		}
	}
	return sum.whole(u.t.Size, true), nil
}

// startOver forgets the upload id, durably, so that the next turn makes a new one.
func (u *upload) startOver(ctx context.Context) (transport.Object, error) {
	u.abort(ctx)
	u.t.UploadID = ""
	u.t.PartSize = u.s.partSizeFor(u.t.Size)
	if err := u.save(*u.t); err != nil {
		return transport.Object{}, err
	}
	return transport.Object{}, errRestart
}

// abort lets the store drop the parts. That it fails does no harm: AbortStale
// comes by later.
func (u *upload) abort(ctx context.Context) {
	_ = u.s.abortUpload(ctx, u.t.Key, u.t.UploadID)
}

func hexOf(b []byte) string { return hex.EncodeToString(b) }
