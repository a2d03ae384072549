package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"aead.dev/minisign"
	"github.com/spf13/cobra"

	"chartseal/packager/bundle"
	"chartseal/packager/seal"
	"chartseal/transport/page"
)

func openCmd(a *app) *cobra.Command {
	var dir, keyFile, signer string
	var decrypt bool
	c := &cobra.Command{
		Use:   "open SOURCE",
		Short: "Open a bundle: download, decrypt, verify, unpack",
		Long: `Opens a bundle from its link, its page's link or a file. A broken download goes
on where it stopped. Nothing is unpacked unless the practice's signature and every
digest are right.

The passphrase is asked for, or taken from CHARTSEAL_PASSPHRASE; capitals, spaces and
hyphens do not matter. The practice's public key stands on the letter that came with
the link.

With --decrypt the content of any file made with age is saved as it is, without a look
at who made it.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o := opening{source: sourceOf(args[0]), dir: dir, keyFile: keyFile, signer: signer, bar: newBar(os.Stderr)}
			if decrypt {
				return a.decryptOnly(cmd, o)
			}
			m, err := openBundle(cmd.Context(), o)
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
	c.Flags().BoolVar(&decrypt, "decrypt", false, "only decrypt, whatever is inside, and check nothing else")
	_ = c.MarkFlagRequired("output")
	return c
}

// sourceOf takes off what comes along when a link is copied.
func sourceOf(arg string) string {
	if link := strings.TrimSpace(arg); strings.HasPrefix(link, "http://") || strings.HasPrefix(link, "https://") {
		return link
	}
	return arg
}

// opening is one bundle to be opened.
type opening struct {
	source, dir, keyFile, signer string
	passphrase                   string // asked for when empty
	bar                          *bar
}

// errNoBundle says that a file was decrypted and is something else.
var errNoBundle = errors.New("the file was decrypted, but it is no bundle made with chartseal")

// openError picks the exit code: 4 for what is not what the practice sent.
func openError(err error) error {
	if errors.Is(err, bundle.ErrTampered) || errors.Is(err, seal.ErrDamaged) || errors.Is(err, errNoBundle) || errors.Is(err, errOther) || errors.Is(err, errNotSealed) {
		return &exitError{exitUnverified, err}
	}
	return err
}

// opened is a sealed file that is here and whose key fits.
type opened struct {
	content io.ReaderAt
	size    int64
	name    string       // of the file, without a folder and .age
	led     page.Pointer // what the page says, if one led here
	done    func() error // removes the downloaded copy
	close   func() error
}

// unseal brings the sealed file here and opens it. The key is tried before anything
// large is downloaded.
func (o *opening) unseal(ctx context.Context) (_ *opened, err error) {
	src, err := o.find(ctx)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, src.close())
		}
	}()
	if err := notSealed(src.head); err != nil {
		return nil, err
	}
	if src.led.Head.Differs(src.head) { // else the words or the key would be blamed
		return nil, fmt.Errorf("%w: it does not begin as the practice sent it. Try again, from another network; if that does not help, tell the practice", seal.ErrDamaged)
	}
	ids, err := o.identities(src.head)
	if err != nil {
		return nil, err
	}
	f, done, err := src.fetch(ctx)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	out := &opened{name: src.name, led: src.led, done: done, close: src.close}
	out.content, out.size, err = seal.Open(f, info.Size(), ids)
	err = o.explained(err)
	if errors.Is(err, seal.ErrDamaged) {
		err = errors.Join(err, done()) // do not go on with a bad copy the next time
	}
	return out, err
}

// explained says what is wrong with words that do not open it, where that can be told.
func (o *opening) explained(err error) error {
	if why := seal.Misspelt(o.passphrase); errors.Is(err, seal.ErrWrongPassphrase) && why != "" {
		return fmt.Errorf("%w; %s", err, why)
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
	f, err := o.unseal(ctx)
	if err != nil {
		return nil, err
	}
	defer closing(&err, f.close)
	if err := f.isBundle(); err != nil {
		return nil, err
	}
	given := trusted != ""
	if !given { // the page that led here names the practice's key
		trusted = f.led.Signer
	}
	if err = f.isOf(f.led.Reference, trusted); err == nil {
		m, err = bundle.Unpack(ctx, f.content, f.size, o.dir, trusted, func(n, total int64) { o.bar.set("unpack", n, total) })
		o.bar.finish()
	}
	if errors.Is(err, bundle.ErrTampered) || errors.Is(err, seal.ErrDamaged) || errors.Is(err, errOther) {
		return nil, errors.Join(err, f.done())
	}
	if err != nil {
		return nil, err
	}
	m.Signature.Confirmed = given // by a person; the page comes from where the bundle does
	return m, f.done()
}

// errOther says that a page led to the records of another release.
var errOther = errors.New("this is another delivery than the page says, so nothing was unpacked: tell the practice")

// isOf makes sure that a page led to the release that it names.
func (f *opened) isOf(reference, trusted string) error {
	if reference == "" {
		return nil
	}
	m, err := bundle.Peek(f.content, f.size, trusted)
	if err == nil && m.Reference != reference {
		err = errOther
	}
	return err
}

// isBundle tells what else lies in a file that anybody may have made with age.
func (f *opened) isBundle() error {
	head := make([]byte, min(f.size, 512))
	if _, err := f.content.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if bytes.HasPrefix(head, []byte("PK")) { // whatever ZIP it is, is for package bundle to say
		return nil
	}
	return fmt.Errorf("%w; it holds %s. To save that as it is, without a look at who made it, add --decrypt", errNoBundle, looksLike(head, f.size))
}

// errNotSealed says that something else came in place of the sealed file.
var errNotSealed = errors.New("this is not the sealed file")

// notSealed says what it is; nil of what begins as age's files do. Browsers save a
// store's error message, or a page of the network, under the name of what was asked for.
func notSealed(head []byte) error {
	text := bytes.ToLower(bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n"))
	var what string
	switch begins := func(s string) bool { return bytes.HasPrefix(text, []byte(s)) }; {
	case seal.IsSealed(head), seal.IsArmored(head):
		return nil
	case len(head) == 0:
		what = "it is empty, so nothing of the records was saved. Download or copy it again"
	case begins("<!doctype html"), begins("<html"):
		what = "it is a web page. Open that in a browser and save the locked file from there, or give the link itself"
	case begins("<?xml"), begins("<error"):
		what = "it is an error message of the place where the records are kept. The link had expired, or the practice had replaced it by a newer one or withdrawn the records; ask the practice for a new link"
	default:
		what = "it holds " + looksLike(head, int64(len(head))) + ". The name of the sealed file ends in .age"
	}
	return fmt.Errorf("%w: %s", errNotSealed, what)
}

// looksLike names what a file is by its first bytes.
func looksLike(head []byte, size int64) string {
	for magic, name := range map[string]string{
		"%PDF-": "a PDF document", "\xff\xd8\xff": "a JPEG picture", "\x89PNG": "a PNG picture", "ustar": "a tar archive",
		"\x1f\x8b": "a gzip archive", "II*\x00": "a TIFF picture", "MM\x00*": "a TIFF picture", "DICM": "a DICOM file",
	} {
		at := map[string]int{"ustar": 257, "DICM": 128}[magic]
		if len(head) >= at && bytes.HasPrefix(head[at:], []byte(magic)) {
			return name
		}
	}
	switch {
	case size == 0:
		return "nothing"
	case !bytes.ContainsFunc(head, func(r rune) bool { return r < ' ' && !strings.ContainsRune("\t\r\n", r) || r == '\uFFFD' }):
		return "text"
	}
	return "something else"
}

// decryptOnly saves the content of an age file.
func (a *app) decryptOnly(cmd *cobra.Command, o opening) (err error) {
	f, err := o.unseal(cmd.Context())
	if err != nil {
		return openError(err)
	}
	defer closing(&err, f.close)
	file, err := f.save(cmd.Context(), o.dir)
	if err != nil {
		return openError(err)
	}
	if err := f.done(); err != nil {
		return err
	}
	if a.json {
		return printJSON(cmd.OutOrStdout(), map[string]any{"file": file, "bytes": f.size, "checked": false})
	}
	p := &printer{w: cmd.OutOrStdout()}
	p.f("Decrypted into %s. Who made it, and whether it is all they sent, was not checked.\n", file)
	return p.err
}

// save writes the content into a folder under a name of its own. The file appears only
// once all of it was decrypted, and never in place of another.
func (f *opened) save(ctx context.Context, dir string) (file string, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", err
	}
	defer closing(&err, root.Close)
	if _, err := root.Lstat(f.name); err == nil {
		return "", usage(errors.New(filepath.Join(dir, f.name) + " is there already; it was not overwritten"))
	}
	tmp := ".chartseal-" + f.name + ".part"
	out, err := root.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return "", err
	}
	_, err = io.Copy(out, untilDone{ctx, io.NewSectionReader(f.content, 0, f.size)})
	if err = errors.Join(err, out.Close()); err == nil {
		err = appear(root, tmp, f.name)
	}
	if gone := root.Remove(tmp); !errors.Is(gone, os.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	return filepath.Join(dir, f.name), err
}

// appear gives a file its name, never in place of another.
func appear(root *os.Root, tmp, name string) error {
	err := root.Link(tmp, name)
	if err == nil || errors.Is(err, os.ErrExist) {
		return err
	}
	if _, err := root.Lstat(name); err == nil { // FAT and some shares know no links
		return os.ErrExist
	}
	return root.Rename(tmp, name)
}

// untilDone reads until a context ends.
type untilDone struct {
	ctx context.Context //nolint:containedctx // of one copy
	io.Reader
}

func (r untilDone) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
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
	return plainText(b), nil
}

// identities takes the key or the passphrase that a sealed file needs, and tries it on
// the file's head, if all of it is there.
func (o *opening) identities(head []byte) (ids seal.Identities, err error) {
	lock, err := seal.ReadLock(bytes.NewReader(head))
	if errors.Is(err, io.ErrUnexpectedEOF) { // so many recipients: the rest will tell
		if lock, err = nil, nil; len(head) < headBytes { // there is no rest
			err = seal.ErrCut
		}
	}
	if err != nil {
		return ids, err
	}
	switch {
	case o.keyFile != "":
		ids, err = o.keyIdentities()
	case lock != nil && !lock.Passphrase() && o.passphrase == "":
		return ids, usage(fmt.Errorf("this file does not open with a passphrase: it is sealed for %s. Give the file of your private key with --identity", lock))
	default:
		ids, err = o.wordIdentities()
	}
	if err == nil && lock != nil {
		err = o.explained(lock.Fits(ids))
	}
	return ids, err
}

func (o *opening) keyIdentities() (seal.Identities, error) {
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

func (o *opening) wordIdentities() (ids seal.Identities, err error) {
	if o.passphrase == "" {
		if o.passphrase, err = secret("Passphrase (six words): "); err != nil {
			return ids, err
		}
	}
	return seal.FromPassphrase(o.passphrase)
}

// printOpened says what was opened. What the bundle says of itself was written by whoever
// signed it, so each text stays in its line.
func printOpened(w io.Writer, m *bundle.Manifest, dir string) error {
	p := &printer{w: w}
	says := ", which say that they are from"
	if m.Signature.Confirmed {
		says = " from"
	}
	p.f("%d records%s %s, checked and unpacked into %s.\n", len(m.Records), says, oneLine(m.Practice.Name), dir)
	p.f("Open %s with your browser to see what is inside.\n", filepath.Join(dir, "START-HERE.html"))
	if m.Signature.Confirmed {
		p.f("The signature is by the practice's key.\n")
	} else {
		p.f("Signed with the key %s\nCompare it with the key on the practice's letter, or give that key with --signer.\n", oneLine(m.Practice.PublicKey))
	}
	if m.Practice.Contact.Phone != "" {
		p.f("Questions: %s\n", oneLine(m.Practice.Contact.Phone))
	}
	return p.err
}
