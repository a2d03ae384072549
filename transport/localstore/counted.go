package localstore

import (
	"context"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"        //nolint:depguard // the types of the server's own interface
	"github.com/aws/aws-sdk-go-v2/service/s3" //nolint:depguard // likewise
	"github.com/versity/versitygw/backend"

	"chartseal/transport"
)

// counting is the server's backend, which notes what goes out of bundles.
type counting struct {
	backend.Backend
	notes *notebook
}

// GetObject serves an object; what is read of a bundle's body is counted when the
// server is done with it.
func (c *counting) GetObject(ctx context.Context, in *s3.GetObjectInput) (*s3.GetObjectOutput, error) {
	out, err := c.Backend.GetObject(ctx, in)
	if err != nil || out == nil || out.Body == nil || aws.ToString(in.Bucket) != Bucket || !transport.IsKey(aws.ToString(in.Key), "") {
		return out, err
	}
	from, bytes, ok := rangeOf(aws.ToString(out.ContentRange), aws.ToInt64(out.ContentLength))
	if !ok {
		return out, nil
	}
	out.Body = &countedBody{ReadCloser: out.Body, done: func(n int64) {
		now := time.Now() //nolint:forbidigo // the clock of the server's own process
		c.notes.sent(aws.ToString(in.Key), aws.ToString(out.ETag), bytes, span{from, from + n}, now)
	}}
	return out, nil
}

// rangeOf reads "bytes 100-199/5000" (RFC 9110, section 14.4); without one the whole
// object goes out.
func rangeOf(header string, length int64) (from, bytes int64, ok bool) {
	if header == "" {
		return 0, length, length > 0
	}
	spans, total, ok := strings.Cut(strings.TrimPrefix(header, "bytes "), "/")
	first, _, dash := strings.Cut(spans, "-")
	from, err1 := strconv.ParseInt(first, 10, 64)
	bytes, err2 := strconv.ParseInt(total, 10, 64)
	return from, bytes, ok && dash && err1 == nil && err2 == nil && from >= 0 && from < bytes
}

// countedBody tells, once it is closed, how much of it was read. The server reads on
// only when what it read before has gone into the connection.
type countedBody struct {
	io.ReadCloser
	n    int64
	done func(n int64)
}

// Read counts.
func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.n += int64(n)
	return n, err
}

// Close tells.
func (b *countedBody) Close() error {
	if b.done != nil {
		b.done(b.n)
		b.done = nil
	}
	return b.ReadCloser.Close()
}
