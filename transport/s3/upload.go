package s3

import (
	"context"
	"errors"
	"io"

	"chartseal/transport"
)

// concurrency is how many parts are on their way at once. More bought nothing
// on loopback, and a practice's uplink is the limit anywhere else.
const concurrency = 4

// restarts bounds how often one call begins anew after the store forgot the
// upload or turned out to need another kind of checksum.
const restarts = 3

// Upload brings src, the sealed file of size bytes, into the store under t.Key
// and returns once the store has confirmed the whole object by its checksum.
//
// It resumes: parts that the store already holds, equal in size and checksum,
// are not sent again. save is called with the ticket before the store hears of
// it, and again once there is an upload id, and must make it durable; after an error of class ErrUnavailable,
// ErrInterrupted or ErrFull, call Upload again with the ticket last saved and
// the same file. It is idempotent: an object that is already there and equal is
// success. One that differs is ErrExists; nothing is ever overwritten.
//
// A file that does not hash to t.SHA256 is never completed (ErrChanged). Memory
// does not depend on size. progress (may be nil) gets the number of bytes the
// store has taken so far, the resumed ones included; it is called from several
// goroutines, one at a time, and must be quick.
func (s *Store) Upload(ctx context.Context, src io.ReaderAt, size int64, t *transport.Ticket,
	save func(transport.Ticket) error, progress func(sent int64),
) (transport.Object, error) {
	u := &upload{s: s, src: src, t: t, save: save, progress: progress}
	if err := u.prepare(ctx, size); err != nil {
		return transport.Object{}, s.fail(ctx, "prepare upload", err)
	}
	for turn := range restarts {
		obj, err := u.once(ctx)
		if err == nil && turn > 0 {
			u.s.abortKey(ctx, u.t.Key, "")
		}
		if !errors.Is(err, errRestart) {
			return obj, err
		}
	}
	return transport.Object{}, &transport.Error{Op: "upload", Class: transport.ErrUnavailable, Code: "UploadLost"}
}

// errRestart means that the ticket has been cleared and the upload can begin
// anew within the same call. What was given up is then aborted twice: parts that
// were on their way the first time may stay (Amazon S3 API Reference,
// AbortMultipartUpload).
var errRestart = errors.New("upload has to begin anew")

type upload struct {
	s        *Store
	src      io.ReaderAt
	t        *transport.Ticket
	save     func(transport.Ticket) error
	progress func(int64)
}

func (u *upload) plan() plan { return plan{size: u.t.Size, partSize: u.t.PartSize} }

// prepare binds the ticket to the file.
func (u *upload) prepare(ctx context.Context, size int64) error {
	switch {
	case u.t.Key == "" || size <= 0:
		return &transport.Error{Op: "prepare upload", Class: transport.ErrRejected, Code: "InvalidTicket"}
	case u.t.UploadID != "" && (u.t.Size != size || !u.plan().fits() || u.t.SHA256 == ""):
		return &transport.Error{Op: "prepare upload", Class: transport.ErrChanged, Code: "OtherSize"}
	case u.t.UploadID == "":
		u.t.Size, u.t.PartSize = size, u.s.partSizeFor(size)
	}
	if u.t.SHA256 != "" {
		return nil
	}
	sum := newSummer(u.src, false)
	if _, err := sum.part(ctx, 0, size); err != nil {
		return err
	}
	u.t.SHA256 = sum.whole(size, false).sha256
	return nil
}

func (u *upload) once(ctx context.Context) (transport.Object, error) {
	if u.t.UploadID == "" && u.plan().count() == 1 {
		return u.single(ctx)
	}
	return u.multipart(ctx)
}

// checksum is what a new upload is checked with.
func (s *Store) checksum() string {
	if s.plain.Load() {
		return sumMD5
	}
	return sumCRC64
}

// fallBack reports whether err says that the store cannot do what was just
// tried for the checksum's sake, and switches to plain MD5 if it may.
func (s *Store) fallBack(err error, tried string) bool {
	if tried != sumCRC64 || s.cfg.Checksums != ChecksumsAuto || s.cfg.Endpoint == "" || !notOffered(err) {
		return false
	}
	s.plain.Store(true)
	return true
}

// check compares the file as it was read with the ticket.
func (u *upload) check(w wholeSum) error {
	if w.sha256 != u.t.SHA256 {
		return &transport.Error{Op: "upload", Class: transport.ErrChanged, Code: "OtherContent"}
	}
	return nil
}
