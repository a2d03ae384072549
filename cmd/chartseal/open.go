package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"aead.dev/minisign"
	"github.com/spf13/cobra"

	"chartseal/packager/bundle"
	"chartseal/packager/seal"
	"chartseal/transport/page"
)

func openCmd(a *app) *cobra.Command {
	var dir, keyFile, signer string
	c := &cobra.Command{
		Use:   "open SOURCE",
		Short: "Open a bundle: download, decrypt, verify, unpack",
		Long: `Opens a bundle from its link, its page's link or a file. A broken download goes
on where it stopped. Nothing is unpacked unless the practice's signature and every
digest are right.

The passphrase is asked for, or taken from CHARTSEAL_PASSPHRASE. The practice's
public key stands on the letter that came with the link.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := openBundle(cmd.Context(), opening{source: args[0], dir: dir, keyFile: keyFile, signer: signer, bar: newBar(os.Stderr)})
			if err != nil {
				return openError(err)
			}
			if a.json {
				return printJSON(cmd.OutOrStdout(), struct {
					*bundle.Manifest
					Dir       string
					Confirmed bool
				}{m, dir, m.Signature.Confirmed})
			}
			return printOpened(cmd.OutOrStdout(), m, dir)
		},
	}
	c.Flags().StringVarP(&dir, "output", "o", "", "folder to unpack into; it is made if it is not there")
	c.Flags().StringVarP(&keyFile, "identity", "i", "", "your private key file (age or ssh); without it the passphrase is asked for")
	c.Flags().StringVar(&signer, "signer", "", "the practice's public key, or a file that holds it")
	_ = c.MarkFlagRequired("output")
	return c
}

// opening is one bundle to be opened.
type opening struct {
	source, dir, keyFile, signer string
	passphrase                   string // asked for when empty
	bar                          *bar
}

// openError picks the exit code: 4 for what is not what the practice sent.
func openError(err error) error {
	if errors.Is(err, bundle.ErrTampered) || errors.Is(err, seal.ErrDamaged) {
		return &exitError{exitUnverified, err}
	}
	return err
}

func openBundle(ctx context.Context, o opening) (m *bundle.Manifest, err error) {
	if err := occupied(o.dir); err != nil {
		return nil, err
	}
	trusted, err := signerKey(o.signer)
	if err != nil {
		return nil, err
	}
	ids, err := o.identities()
	if err != nil {
		return nil, err
	}
	f, done, err := o.fetch(ctx)
	if err != nil {
		return nil, err
	}
	defer closing(&err, f.Close)
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	r, size, err := seal.Open(f, info.Size(), ids)
	if errors.Is(err, seal.ErrDamaged) {
		return nil, errors.Join(err, done()) // do not go on with a bad copy the next time
	}
	if err != nil {
		return nil, err
	}
	m, err = bundle.Unpack(ctx, r, size, o.dir, trusted, func(n, total int64) { o.bar.set("unpack", n, total) })
	o.bar.finish()
	if errors.Is(err, bundle.ErrTampered) || errors.Is(err, seal.ErrDamaged) {
		return nil, errors.Join(err, done())
	}
	if err != nil {
		return nil, err
	}
	return m, done()
}

// partName is where a download is kept until it is opened: beside the folder,
// another name for every link, so that no two bundles are ever mixed.
func partName(dir, link string) string {
	object, _, _ := strings.Cut(link, "?")
	sum := sha256.Sum256([]byte(object))
	return fmt.Sprintf("%s.%x.age.part", filepath.Clean(dir), sum[:4])
}

// occupied refuses a folder that holds a bundle already, before anything is
// downloaded.
func occupied(dir string) error {
	if _, err := os.Lstat(filepath.Join(dir, "manifest.json")); err == nil {
		return bundle.ErrExists
	}
	return nil
}

// signerKey takes a public key as text or from a file.
func signerKey(s string) (string, error) {
	var key minisign.PublicKey
	if s == "" || key.UnmarshalText([]byte(s)) == nil {
		return s, nil
	}
	b, err := os.ReadFile(s)
	if err != nil {
		return "", usage(errors.New("--signer is neither a practice's public key nor a file that holds one"))
	}
	return string(b), nil
}

func (o *opening) identities() (seal.Identities, error) {
	if o.keyFile != "" {
		f, err := os.Open(o.keyFile)
		if err != nil {
			return seal.Identities{}, usage(err)
		}
		ids, err := seal.ParseIdentities(f, func() ([]byte, error) {
			s, err := secret("Passphrase of the key file: ")
			return []byte(s), err
		})
		return ids, errors.Join(err, f.Close())
	}
	if o.passphrase == "" {
		var err error
		if o.passphrase, err = secret("Passphrase (six words): "); err != nil {
			return seal.Identities{}, err
		}
	}
	return seal.FromPassphrase(o.passphrase)
}

// fetch opens the sealed file, downloading it first if the source is a link.
// done removes the downloaded copy.
func (o *opening) fetch(ctx context.Context) (f *os.File, done func() error, err error) {
	if !strings.HasPrefix(o.source, "http://") && !strings.HasPrefix(o.source, "https://") {
		f, err = os.Open(o.source)
		return f, func() error { return nil }, err
	}
	part := partName(o.dir, o.source)
	if err := download(ctx, o.source, part, o.bar); err != nil {
		return nil, nil, err
	}
	f, err = os.Open(part)
	return f, func() error { return os.Remove(part) }, err
}

// Bounds of a download.
const (
	maxPage      = 8 << 20         // a recipient page, in bytes
	stallTimeout = 2 * time.Minute // without an answer
	tries        = 5
)

// download fetches a link into file and goes on where an earlier try stopped.
func download(ctx context.Context, link, file string, b *bar) error {
	client := &http.Client{Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, ResponseHeaderTimeout: stallTimeout, TLSHandshakeTimeout: 30 * time.Second,
	}}
	defer client.CloseIdleConnections()
	link, size, err := probe(ctx, client, link)
	if err != nil {
		return err
	}
	for try := 1; ; try++ {
		err = downloadRest(ctx, client, link, file, size, b)
		if err == nil || try == tries || ctx.Err() != nil || errors.Is(err, errGone) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(try) * time.Second):
		}
	}
}

var errGone = errors.New("the link does not work any more: it has expired or the records were withdrawn; ask the practice for a new one")

// probe learns the bundle's size; the link of a recipient page leads to the
// bundle it carries.
func probe(ctx context.Context, client *http.Client, link string) (string, int64, error) {
	for range 2 {
		res, err := get(ctx, client, link, 0, 0)
		if err != nil {
			return "", 0, err
		}
		if strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
			next, err := followPage(ctx, client, res, link)
			if err != nil {
				return "", 0, err
			}
			link = next
			continue
		}
		_, total, ok := strings.Cut(res.Header.Get("Content-Range"), "/")
		err = res.Body.Close()
		size, perr := strconv.ParseInt(total, 10, 64)
		if !ok || perr != nil {
			return "", 0, errors.New("the server does not say how large the bundle is")
		}
		return link, size, err
	}
	return "", 0, errors.New("this link leads to no bundle")
}

func followPage(ctx context.Context, client *http.Client, first *http.Response, link string) (string, error) {
	if err := first.Body.Close(); err != nil {
		return "", err
	}
	res, err := get(ctx, client, link, 0, maxPage)
	if err != nil {
		return "", err
	}
	html, err := io.ReadAll(io.LimitReader(res.Body, maxPage))
	if err = errors.Join(err, res.Body.Close()); err != nil {
		return "", err
	}
	return page.BundleURL(html)
}

// get asks for the bytes from to last, both included; errors name no link.
func get(ctx context.Context, client *http.Client, link string, from, last int64) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, link, nil)
	if err != nil {
		return nil, usage(errors.New("this is no link"))
	}
	req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", from, last))
	res, err := client.Do(req)
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
	}
	return nil, errors.Join(fmt.Errorf("the server answered %d", res.StatusCode), res.Body.Close())
}

// downloadRest appends what is missing.
func downloadRest(ctx context.Context, client *http.Client, link, file string, size int64, b *bar) (err error) {
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer closing(&err, f.Close)
	have, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if have > size {
		if err := f.Truncate(0); err != nil {
			return err
		}
		have, err = f.Seek(0, io.SeekStart)
		if err != nil {
			return err
		}
	}
	if have == size {
		return nil
	}
	res, err := get(ctx, client, link, have, size-1)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusPartialContent {
		return errors.Join(errors.New("the server cannot resume downloads"), res.Body.Close())
	}
	n, err := io.Copy(f, io.TeeReader(io.LimitReader(res.Body, size-have), counterFunc(func(n int64) { b.set("download", have+n, size) })))
	b.finish()
	if err = errors.Join(err, res.Body.Close()); err != nil || have+n != size {
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

func printOpened(w io.Writer, m *bundle.Manifest, dir string) error {
	p := &printer{w: w}
	p.f("%d records from %s, checked and unpacked into %s.\n", len(m.Records), m.Practice.Name, dir)
	p.f("Open %s with your browser to see what is inside.\n", filepath.Join(dir, "START-HERE.html"))
	if m.Signature.Confirmed {
		p.f("The signature is by the practice's key.\n")
	} else {
		p.f("Signed with the key %s\nCompare it with the key on the practice's letter, or give that key with --signer.\n", m.Practice.PublicKey)
	}
	if m.Practice.Contact.Phone != "" {
		p.f("Questions: %s\n", m.Practice.Contact.Phone)
	}
	return p.err
}
