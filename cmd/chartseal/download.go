package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"chartseal/packager/seal"
	"chartseal/transport/page"
)

// Bounds of a download.
const (
	maxPage      = 8 << 20         // a recipient page, in bytes
	headBytes    = 64 << 10        // of a sealed file, for the keys it is sealed for
	stallTimeout = 2 * time.Minute // without an answer, or without a byte of it
	tries        = 5
)

// source is a sealed file before all of it is here.
type source struct {
	head  []byte
	name  string
	led   page.Pointer // what the recipient page says; zero: no page led here
	fetch func(ctx context.Context) (f *os.File, done func() error, err error)
	close func() error // also the file
}

// find looks at the source: a link or a file.
func (o *opening) find(ctx context.Context) (*source, error) {
	if !strings.HasPrefix(o.source, "http://") && !strings.HasPrefix(o.source, "https://") {
		return openFile(o.source, o.dir)
	}
	d := &download{dir: o.dir, bar: o.bar, client: &http.Client{Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, ResponseHeaderTimeout: stallTimeout, TLSHandshakeTimeout: 30 * time.Second,
	}}}
	head, err := d.probe(ctx, o.source)
	if err != nil {
		return nil, errors.Join(err, d.close())
	}
	return &source{head: head, name: d.name(), led: d.led, fetch: d.fetch, close: d.close}, nil
}

// openFile takes a sealed file from the disk. One in age's text form is written anew
// beside the folder, still sealed.
func openFile(name, dir string) (*source, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	head := make([]byte, headBytes)
	n, err := f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.Join(err, f.Close())
	}
	s := &source{head: head[:n], name: contentName(filepath.Base(name)), close: f.Close}
	if seal.IsArmored(s.head) {
		plain, err := dearmor(f, dir)
		if errors.Is(err, seal.ErrDamaged) && !armorEnds(f) {
			err = seal.ErrCut
		}
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
		s.close = func() error { return errors.Join(plain.Close(), os.Remove(plain.Name())) }
		if n, err = plain.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
			return nil, errors.Join(err, s.close())
		}
		f, s.head = plain, head[:n]
	}
	s.fetch = func(context.Context) (*os.File, func() error, error) { return f, func() error { return nil }, nil }
	return s, nil
}

// armorEnds looks at the last bytes of a file in age's text form.
func armorEnds(f *os.File) bool {
	info, err := f.Stat()
	if err != nil {
		return true // unknown
	}
	tail := make([]byte, min(info.Size(), 256))
	_, err = f.ReadAt(tail, info.Size()-int64(len(tail)))
	return err != nil || seal.ArmorEnds(tail)
}

func dearmor(f *os.File, dir string) (*os.File, error) {
	out, err := os.CreateTemp(filepath.Dir(filepath.Clean(dir)), ".chartseal-*.age")
	if err != nil {
		return nil, err
	}
	if _, err = io.Copy(out, seal.Dearmor(bufio.NewReader(f))); err != nil {
		return nil, errors.Join(err, out.Close(), os.Remove(out.Name()))
	}
	return out, nil
}

// contentName is what the content of a file is called: its name without .age.
func contentName(name string) string {
	name = strings.TrimSuffix(strings.TrimSuffix(name, ".asc"), ".age")
	if name == "" || !filepath.IsLocal(name) || strings.HasPrefix(name, ".") || strings.ContainsAny(name, `/\:`) {
		return "content"
	}
	return name
}

// download is one object behind a link.
type download struct {
	dir    string
	bar    *bar
	client *http.Client

	link string
	led  page.Pointer // what the recipient page says
	size int64
	etag string // of the object; empty if the server tells none that is strong
	file *os.File
}

func (d *download) close() error {
	d.client.CloseIdleConnections()
	if d.file == nil {
		return nil
	}
	f := d.file
	d.file = nil
	return f.Close()
}

// discard removes what was downloaded.
func (d *download) discard() error { return errors.Join(d.close(), os.Remove(d.partName())) }

var (
	errGone    = errors.New("the link does not work any more: it has expired, or the practice has replaced it by a newer one or withdrawn the records; look for a newer message from the practice, or ask for a new link")
	errChanged = errors.New("the file behind the link was changed while it was downloaded; try again")
)

// probe learns the bundle's size, version and beginning; the link of a recipient page
// leads to the bundle it carries.
func (d *download) probe(ctx context.Context, link string) (head []byte, err error) {
	for range 2 {
		d.link = link
		res, err := d.get(ctx, 0, headBytes-1, nil)
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
			if link, err = d.followPage(ctx, res); err != nil {
				return nil, err
			}
			continue
		}
		head, err := io.ReadAll(io.LimitReader(res.Body, headBytes))
		if err = errors.Join(err, res.Body.Close()); err != nil {
			return nil, errors.New("the download broke off")
		}
		from, size, ok := contentRange(res.Header)
		if !ok || from != 0 {
			return nil, errors.New("the server does not say how large the bundle is")
		}
		d.size, d.etag = size, strongTag(res.Header)
		return head, nil
	}
	return nil, errors.New("this link leads to no bundle")
}

// contentRange reads "bytes 0-65535/5000000" (RFC 9110, section 14.4).
func contentRange(h http.Header) (from, size int64, ok bool) {
	span, total, ok := strings.Cut(strings.TrimPrefix(h.Get("Content-Range"), "bytes "), "/")
	first, _, _ := strings.Cut(span, "-")
	from, err1 := strconv.ParseInt(first, 10, 64)
	size, err2 := strconv.ParseInt(total, 10, 64)
	return from, size, ok && err1 == nil && err2 == nil && size > 0
}

// strongTag is an entity tag that tells one content from every other (RFC 9110, section
// 8.8.1); "" if there is none.
func strongTag(h http.Header) string {
	if tag := h.Get("ETag"); !strings.HasPrefix(tag, "W/") {
		return tag
	}
	return ""
}

// name is what the content is called.
func (d *download) name() string {
	u, err := url.Parse(d.link)
	if err != nil {
		return contentName("")
	}
	return contentName(path.Base(u.Path))
}

// partName is where a download is kept until it is opened: beside the folder, another
// name for every object and for every content that it had, so that no two are mixed.
func (d *download) partName() string {
	return fmt.Sprintf("%s.%s-%s.age.part", filepath.Clean(d.dir), d.object(), shortSum(d.etag))
}

func (d *download) object() string {
	object, _, _ := strings.Cut(d.link, "?")
	return shortSum(object)
}

func shortSum(s string) string {
	sum := sha256.Sum256([]byte(s))
	return fmt.Sprintf("%x", sum[:4])
}

// forgetOthers removes what was downloaded of earlier contents of the object.
func (d *download) forgetOthers() error {
	others, err := filepath.Glob(escapeGlob(filepath.Clean(d.dir)) + "." + d.object() + "-*.age.part")
	for _, f := range others {
		if f != d.partName() || d.etag == "" { // without a tag nobody knows what it is part of
			err = errors.Join(err, os.Remove(f))
		}
	}
	return err
}

// escapeGlob takes the meaning off the characters of a pattern.
func escapeGlob(s string) string {
	if filepath.Separator == '\\' { // Windows has no escapes, and no * or ? in names
		return strings.ReplaceAll(s, "[", "?")
	}
	return strings.NewReplacer("*", `\*`, "?", `\?`, "[", `\[`, `\`, `\\`).Replace(s)
}

// fetch downloads the object and goes on where an earlier try, of this process or of one
// that was killed, stopped.
func (d *download) fetch(ctx context.Context) (*os.File, func() error, error) {
	if err := d.forgetOthers(); err != nil {
		return nil, nil, err
	}
	part := d.partName()
	for try := 1; ; try++ {
		err := d.rest(ctx, part)
		if err == nil {
			break
		}
		if try == tries || ctx.Err() != nil || errors.Is(err, errGone) || errors.Is(err, errChanged) {
			return nil, nil, err
		}
		select {
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		case <-time.After(time.Duration(try) * time.Second):
		}
	}
	f, err := os.Open(part)
	if err != nil {
		return nil, nil, err
	}
	d.file = f
	return f, d.discard, nil
}

func (d *download) followPage(ctx context.Context, first *http.Response) (string, error) {
	if err := first.Body.Close(); err != nil {
		return "", err
	}
	res, err := d.get(ctx, 0, maxPage, nil)
	if err != nil {
		return "", err
	}
	html, err := io.ReadAll(io.LimitReader(res.Body, maxPage))
	if err = errors.Join(err, res.Body.Close()); err != nil {
		return "", errors.New("the download broke off")
	}
	to, err := page.Read(html)
	d.led = to
	return to.URL, err
}

// get asks for the bytes from to last, both included; errors name no link.
func (d *download) get(ctx context.Context, from, last int64, header http.Header) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.link, nil)
	if err != nil {
		return nil, usage(errors.New("this is no link"))
	}
	if header != nil {
		req.Header = header
	}
	req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", from, last))
	res, err := d.client.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, errors.New("the server cannot be reached")
	}
	switch res.StatusCode {
	case http.StatusPartialContent, http.StatusOK:
		return res, nil
	case http.StatusForbidden, http.StatusNotFound, http.StatusGone:
		return nil, errors.Join(errGone, res.Body.Close())
	case http.StatusPreconditionFailed, http.StatusRequestedRangeNotSatisfiable:
		return nil, errors.Join(errChanged, res.Body.Close())
	}
	return nil, errors.Join(fmt.Errorf("the server answered %d", res.StatusCode), res.Body.Close())
}

// rest appends what is missing of the object that was probed, and of no other: the
// server is asked to refuse (If-Match), and its answer is compared.
func (d *download) rest(ctx context.Context, file string) (err error) {
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer closing(&err, f.Close)
	have, err := f.Seek(0, io.SeekEnd)
	if err == nil && have > d.size {
		err = f.Truncate(0)
		have = 0
	}
	if err != nil || have == d.size {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	header := http.Header{}
	if d.etag != "" {
		header.Set("If-Match", d.etag)
	}
	res, err := d.get(ctx, have, d.size-1, header)
	if err != nil {
		return err
	}
	err = d.keep(f, have, res, cancel)
	return errors.Join(err, res.Body.Close())
}

// keep writes an answer behind what is here already.
func (d *download) keep(f *os.File, have int64, res *http.Response, cancel context.CancelCauseFunc) error {
	if from, size, ok := contentRange(res.Header); res.StatusCode != http.StatusPartialContent || !ok || from != have {
		return errors.New("the server cannot resume downloads")
	} else if size != d.size || strongTag(res.Header) != d.etag {
		return errChanged
	}
	stalled := time.AfterFunc(stallTimeout, func() { cancel(errors.New("stalled")) })
	defer stalled.Stop()
	told := counterFunc(func(n int64) {
		stalled.Reset(stallTimeout)
		d.bar.set("download", have+n, d.size)
	})
	out := io.NewOffsetWriter(f, have)
	n, err := io.Copy(out, io.TeeReader(io.LimitReader(res.Body, d.size-have), told))
	d.bar.finish()
	if err != nil || have+n != d.size {
		return errors.New("the download broke off")
	}
	return nil
}

// counterFunc is told how much has been written so far.
func counterFunc(told func(int64)) io.Writer { return &counting{told: told} }

type counting struct {
	n    int64
	told func(int64)
}

func (c *counting) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	c.told(c.n)
	return len(p), nil
}
