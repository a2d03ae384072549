package s3

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"chartseal/transport"
)

// multipart begins or resumes an upload in parts.
func (u *upload) multipart(ctx context.Context) (transport.Object, error) {
	if u.t.UploadID == "" {
		if err := u.create(ctx); err != nil {
			return transport.Object{}, err
		}
	}
	have, err := u.listParts(ctx)
	if forgot(err) {
		return u.forgotten(ctx, err)
	}
	if err != nil {
		return transport.Object{}, err
	}
	parts, w, err := u.send(ctx, have)
	switch {
	case forgot(err):
		return u.forgotten(ctx, err)
	case u.s.fallBack(err, u.t.Checksum):
		return u.startOver(ctx)
	case err != nil:
		return transport.Object{}, err
	}
	if err := u.check(w); err != nil {
		u.abort(ctx)
		return transport.Object{}, err
	}
	obj, err := u.complete(ctx, parts, w)
	if u.s.fallBack(err, u.t.Checksum) {
		// It took the parts with their sums and will not hear of the whole's.
		return u.startOver(ctx)
	}
	return obj, err
}

// forgot reports whether the store itself says that it does not know the upload
// id. A bare 404, from something in between, says nothing about it.
func forgot(err error) bool { return codeOf(err) == "NoSuchUpload" }

// create asks for an upload id and makes the ticket durable, before and after:
// a crash in between, or a lost reply, leaves an id nobody knows, which only
// the key can find. Such are aborted as soon as the right one is safe.
func (u *upload) create(ctx context.Context) error {
	kind := u.s.checksum()
	u.t.Checksum = kind
	if err := u.save(*u.t); err != nil {
		return err
	}
	out, err := u.s.client.CreateMultipartUpload(ctx, u.createInput(kind))
	if err != nil {
		err = u.s.fail(ctx, "create upload", err)
		if u.s.fallBack(err, kind) {
			return errRestart
		}
		return err
	}
	if aws.ToString(out.UploadId) == "" {
		return &transport.Error{Op: "create upload", Class: transport.ErrUnavailable, Code: "NoUploadId"}
	}
	u.t.UploadID = *out.UploadId
	if err := u.save(*u.t); err != nil {
		u.abort(ctx)
		return err
	}
	u.s.abortKey(ctx, u.t.Key, u.t.UploadID)
	return nil
}

func (u *upload) createInput(kind string) *s3.CreateMultipartUploadInput {
	in := &s3.CreateMultipartUploadInput{
		Bucket: &u.s.cfg.Bucket, Key: &u.t.Key, ContentType: aws.String(octetStream),
		Metadata:             map[string]string{metaSHA256: u.t.SHA256},
		ServerSideEncryption: u.s.sse(), SSEKMSKeyId: u.s.kmsKey(),
	}
	if kind == sumCRC64 {
		in.ChecksumAlgorithm, in.ChecksumType = types.ChecksumAlgorithmCrc64nvme, types.ChecksumTypeFullObject
	}
	return in
}

// listParts returns what the store holds of the upload. On a store that cannot
// tell, or stops telling news, the rest is sent again.
func (u *upload) listParts(ctx context.Context) (map[int32]types.Part, error) {
	have := make(map[int32]types.Part)
	pages := s3.NewListPartsPaginator(u.s.client, &s3.ListPartsInput{
		Bucket: &u.s.cfg.Bucket, Key: &u.t.Key, UploadId: &u.t.UploadID,
	})
	for before := -1; pages.HasMorePages() && len(have) > before && len(have) <= maxParts; {
		before = len(have)
		page, err := pages.NextPage(ctx)
		if err = u.s.fail(ctx, "list parts", err); notOffered(err) {
			break
		}
		if err != nil {
			return nil, err
		}
		for _, p := range page.Parts {
			have[aws.ToInt32(p.PartNumber)] = p
		}
	}
	return have, nil
}

// send reads the file once, in order, and sends the parts the store lacks.
func (u *upload) send(ctx context.Context, have map[int32]types.Part) ([]types.CompletedPart, wholeSum, error) {
	var (
		cut        = u.plan()
		parts      = make([]types.CompletedPart, cut.count())
		sum        = newSummer(u.src, u.t.Checksum == sumMD5 || anyWithoutCRC(have))
		m          = &meter{progress: u.progress}
		group, gtx = errgroup.WithContext(ctx)
	)
	group.SetLimit(concurrency)
	for n := int32(1); n <= cut.count() && gtx.Err() == nil; n++ {
		off, size := cut.section(n)
		p, err := sum.part(gtx, off, size)
		if err != nil {
			group.Go(func() error { return u.s.fail(ctx, "read sealed file", err) })
			break
		}
		if held, ok := have[n]; ok && p.equal(held) {
			parts[n-1] = u.completed(n, p, held.ETag)
			m.add(size)
			continue
		}
		group.Go(func() error {
			etag, err := u.sendPart(gtx, n, off, p, m)
			parts[n-1] = u.completed(n, p, etag)
			return err
		})
	}
	err := group.Wait()
	if err == nil && ctx.Err() != nil {
		err = u.s.fail(ctx, "upload", ctx.Err())
	}
	return parts, sum.whole(u.t.Size, true), interruptedFirst(ctx, err)
}

// interruptedFirst tells the caller's own end from a sibling's failure, which
// cancels the same context.
func interruptedFirst(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return &transport.Error{Op: "upload", Class: transport.ErrInterrupted, Cause: ctx.Err()}
	}
	return err
}

func (u *upload) sendPart(ctx context.Context, n int32, off int64, p partSum, m *meter) (etag *string, err error) {
	wctx, watch, stop := u.s.watched(ctx)
	defer stop()
	b := newBody(u.src, off, p.size, m, watch)
	in := &s3.UploadPartInput{
		Bucket: &u.s.cfg.Bucket, Key: &u.t.Key, UploadId: &u.t.UploadID, PartNumber: &n,
		Body: b, ContentLength: &p.size,
	}
	if u.t.Checksum == sumMD5 {
		in.ContentMD5 = aws.String(p.md5Base64())
	} else {
		in.ChecksumCRC64NVME = &p.crc
	}
	out, err := u.s.client.UploadPart(wctx, in)
	b.settle(err == nil)
	if err != nil {
		return nil, u.s.fail(ctx, "upload part", stallOr(wctx, err))
	}
	return out.ETag, nil
}

func (u *upload) completed(n int32, p partSum, etag *string) types.CompletedPart {
	c := types.CompletedPart{PartNumber: &n, ETag: etag}
	if u.t.Checksum == sumCRC64 {
		c.ChecksumCRC64NVME = &p.crc
	}
	return c
}

// equal compares with a listed part: by CRC64NVME, else by an ETag that is the
// part's MD5. A part of which neither is known is sent again.
func (p partSum) equal(held types.Part) bool {
	switch {
	case aws.ToInt64(held.Size) != p.size:
		return false
	case held.ChecksumCRC64NVME != nil:
		return *held.ChecksumCRC64NVME == p.crc
	case p.md5 != nil:
		return unquote(held.ETag) == hexOf(p.md5)
	}
	return false
}

func anyWithoutCRC(have map[int32]types.Part) bool {
	for _, p := range have {
		if p.ChecksumCRC64NVME == nil {
			return true
		}
	}
	return false
}
