package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"aead.dev/minisign"

	"chartseal"
	"chartseal/config"
	"chartseal/ledger"
	"chartseal/packager/bundle"
	"chartseal/packager/seal"
	"chartseal/watch"
	"chartseal/watch/notice"
)

// oracle says whether every order of a scene ended exactly once, with the
// ledger true, and what is wrong otherwise.
type oracle struct {
	*scene
	cfg      *config.Config
	receipts map[string]notice.Receipt // by order
	lines    []ledger.Entry
	faults   []error

	// passphrase reads the words off a passphrase letter; nil where there is no program for it.
	passphrase func(letter string) (string, error)
}

func (c *scene) judge(ctx context.Context, passphrase func(string) (string, error)) error {
	o := &oracle{scene: c, receipts: map[string]notice.Receipt{}, passphrase: passphrase}
	var err error
	if o.cfg, err = config.Load(c.path("chartseal.yaml")); err != nil {
		return err
	}
	o.ledger(ctx)
	o.outbox()
	o.store()
	o.bundles(ctx)
	o.state(ctx)
	_, _, err = findPatients(c.dir, false)
	o.check(err == nil, "private data: %v", err)
	return errors.Join(o.faults...)
}

func (o *oracle) check(ok bool, format string, args ...any) {
	if !ok {
		o.faults = append(o.faults, fmt.Errorf(format, args...))
	}
}

// ledger: one line for each order that was dropped, and an unbroken chain.
func (o *oracle) ledger(ctx context.Context) {
	dir := o.path("state", "ledger")
	var by minisign.PublicKey
	key, err := os.ReadFile(o.path("state", "keys", "practice.pub"))
	o.check(err == nil && by.UnmarshalText(bytes.TrimSpace(key)) == nil, "public key: %v", err)
	rep, err := ledger.VerifySigned(ctx, dir, by)
	o.check(err == nil && rep.Signed != nil && rep.Signed.Seq == rep.Head.Seq, "the ledger does not verify: %+v, %v", rep, err)
	var want, got []string
	for _, x := range crashOrders {
		want = append(want, x.event+" "+x.id)
	}
	for e, err := range ledger.Entries(ctx, dir) {
		o.check(err == nil, "read ledger: %v", err)
		o.lines = append(o.lines, e)
		if e.Event == ledger.Fetched { // somebody looked meanwhile
			o.check(o.recorded(e.Reference, ledger.Sent) == 1 && o.recorded(e.Reference, ledger.Fetched) == 1 && !e.Accountable,
				"%s was fetched before it was sent, or more than once for the first time", e.Order)
			continue
		}
		got = append(got, string(e.Event)+" "+e.Order)
	}
	slices.Sort(want)
	slices.Sort(got)
	o.check(slices.Equal(want, got), "the ledger says %q, not %q", got, want)
}

// recorded counts the lines about a release so far.
func (o *oracle) recorded(release string, event ledger.Event) (n int) {
	for _, e := range o.lines {
		if e.Reference == release && e.Event == event {
			n++
		}
	}
	return n
}

// outbox: the complete answers, each once, and nothing else.
func (o *oracle) outbox() {
	want := map[string]bool{}
	for _, x := range crashOrders {
		dir := path.Join(x.event, x.id)
		files := []string{"WHY-HELD.txt", "hold.json"}
		if x.event == "sent" {
			files = []string{"RECEIPT.txt", "receipt.json", "LINK-LETTER.pdf"}
			if strings.Contains(x.file, "passphrase") {
				files = append(files, "PASSPHRASE-LETTER.pdf")
			}
			o.receipt(dir, x.id)
		}
		order := o.orderFile(dir, x.file, x.id)
		if order == crashOrders[0].file {
			files = append(files, order+watch.SignatureSuffix)
		}
		for _, f := range append(files, order) {
			want[path.Join(dir, f)] = true
		}
	}
	got := map[string]bool{}
	err := fs.WalkDir(os.DirFS(o.path("outbox")), ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil && (name == ".chartseal" || o.vacant(name)) { // whose outbox it is
			return fs.SkipDir
		}
		if err != nil || e.IsDir() {
			if strings.HasPrefix(name, "working/") {
				got[name] = true
			}
			return err
		}
		if name == watch.DueList {
			return nil
		}
		got[name] = true
		info, err := e.Info()
		if err == nil && info.Size() == 0 {
			o.check(false, "%s is empty", name)
		}
		return err
	})
	o.check(err == nil, "walk outbox: %v", err)
	o.check(maps.Equal(want, got), "the outbox holds\n  %q\nnot\n  %q", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
}

// vacant tells a claim's folder that a kill left before the order was in it. With
// a shared database another daemon may be claiming right now, so it is left alone
// for ten minutes.
func (o *oracle) vacant(name string) bool {
	if o.stock.database == nil || path.Dir(name) != "working" {
		return false
	}
	inside, err := os.ReadDir(o.path("outbox", name))
	return err == nil && (len(inside) == 0 || len(inside) == 1 && inside[0].Name() == ".notes")
}

// orderFile is the name of the order in its answer: either of two files of the
// same number may be the one that was sent. Its content must be as dropped.
func (o *oracle) orderFile(dir, file, id string) string {
	for _, x := range crashOrders {
		if x.id != id {
			continue
		}
		if b, err := os.ReadFile(o.path("outbox", dir, x.file)); err == nil {
			o.check(bytes.HasPrefix(b, []byte("order: "+id)) || x.id == x.file, "%s/%s was changed", dir, x.file)
			return x.file
		}
	}
	return file
}

func (o *oracle) receipt(dir, id string) {
	b, err := os.ReadFile(o.path("outbox", dir, "receipt.json"))
	if err != nil {
		return // outbox says so
	}
	var r notice.Receipt
	err = json.Unmarshal(b, &r)
	o.check(err == nil && r.Order == id && len(r.Records) > 0, "receipt of %s: %v", id, err)
	left := time.Until(r.LinkExpires)
	o.check(left > 6*24*time.Hour && left <= 7*24*time.Hour, "the link of %s lives for %s", id, left)
	o.receipts[id] = r
	for _, letter := range []string{"LINK-LETTER.pdf", "PASSPHRASE-LETTER.pdf"} {
		b, err := os.ReadFile(o.path("outbox", dir, letter))
		o.check(err != nil || bytes.HasPrefix(b, []byte("%PDF-")) && bytes.HasSuffix(bytes.TrimSpace(b), []byte("%%EOF")), "%s of %s is no whole PDF", letter, id)
	}
}

// store: one object and one page for each order that was sent, no other file,
// no part of an upload.
func (o *oracle) store() {
	want := map[string]bool{}
	for id, r := range o.receipts {
		page, err := url.Parse(r.Page)
		o.check(err == nil, "page link of %s: %v", id, err)
		want[r.Bundle.Key], want[path.Base(page.Path)] = true, true
	}
	got := map[string]bool{}
	root := o.path("state", "store", "data", "chartseal")
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil && name == "heads" { // of the ledger
			return fs.SkipDir
		}
		if err == nil && !e.IsDir() {
			got[name] = true
		}
		return err
	})
	o.check(err == nil, "walk store: %v", err)
	o.check(maps.Equal(want, got), "the store holds %q, the receipts name %q", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
}

// bundles: the object is what ledger and receipt say, and the recipient can open it.
func (o *oracle) bundles(ctx context.Context) {
	for id, r := range o.receipts {
		file := o.path("state", "store", "data", "chartseal", r.Bundle.Key)
		b, err := os.ReadFile(file)
		if err != nil {
			o.check(false, "bundle of %s: %v", id, err)
			continue
		}
		sum := sha256.Sum256(b)
		got := hex.EncodeToString(sum[:])
		o.check(got == r.Bundle.SHA256 && int64(len(b)) == r.Bundle.Bytes, "the object of %s is not the receipt's", id)
		for _, e := range o.lines {
			if e.Order == id && e.Event == ledger.Sent {
				o.check(e.BundleSum == got && e.ObjectKey == r.Bundle.Key && e.Seq == r.LedgerSeq && e.LinkExpires.Equal(r.LinkExpires.Truncate(time.Millisecond)),
					"the ledger's line of %s is not the receipt's", id)
			}
		}
		err = o.open(ctx, b, r)
		o.check(err == nil, "bundle of %s: %v", id, err)
	}
}

func (o *oracle) open(ctx context.Context, sealed []byte, r notice.Receipt) error {
	ids, err := seal.ParseIdentities(bytes.NewReader(o.stock.key.File(time.Now())), nil)
	if r.Unlock == "passphrase" {
		if o.passphrase == nil {
			return nil
		}
		words, werr := o.passphrase(o.path("outbox", "sent", r.Order, "PASSPHRASE-LETTER.pdf"))
		if werr != nil {
			return werr
		}
		ids, err = seal.FromPassphrase(words)
	}
	if err != nil {
		return err
	}
	plain, size, err := seal.Open(bytes.NewReader(sealed), int64(len(sealed)), ids)
	if err != nil {
		return err
	}
	pub, err := os.ReadFile(o.path("state", "keys", "practice.pub"))
	if err != nil {
		return err
	}
	m, err := bundle.Verify(ctx, plain, size, string(pub))
	if err == nil && (!m.Signature.Confirmed || len(m.Records) != len(r.Records)) {
		err = errors.New("the manifest is not the receipt's, or its signature not the practice's")
	}
	return err
}

// state: nothing is left of work under way, and status tells the same.
func (o *oracle) state(ctx context.Context) {
	for _, dir := range []string{".", "sealed", "releases", "keys"} {
		entries, err := os.ReadDir(o.path("state", dir))
		o.check(err == nil, "read state: %v", err)
		for _, e := range entries {
			o.check(dir != "sealed" && !strings.HasPrefix(e.Name(), ".tmp"), "left in state: %s/%s", dir, e.Name())
		}
	}
	files, _ := filepath.Glob(o.path("state", "releases", "*.json")) // random names in it may well hold the letters http
	for _, f := range files {
		b, err := os.ReadFile(f)
		o.check(err == nil && !bytes.Contains(b, []byte("passphrase")) && !bytes.Contains(b, []byte("://")), "a release still holds a secret")
	}
	st, err := chartseal.ReadStatus(ctx, o.cfg)
	if err != nil {
		o.check(false, "status: %v", err)
		return
	}
	count := map[string]int{}
	for _, s := range st.Releases {
		count[s.State]++
		o.check(s.Waiting == "", "status: %s waits", s.Release)
	}
	o.check(count["sent"] == 2 && count["held"] == 1 && len(st.Releases) == 3 && len(st.Pending) == 0 && st.Head == uint64(len(o.lines)),
		"status: %v, pending %d, ledger %d", count, len(st.Pending), st.Head)
	_, err = os.ReadDir(o.path("state", "engine.db"))
	o.check(err != nil, "engine.db is a folder")
}
