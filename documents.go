package chartseal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"strings"

	"chartseal/order"
	"chartseal/packager/gather"
)

// maxDocument bounds a signed form, in bytes.
const maxDocument = 64 << 20

// openDocument opens the signed form of an authorization in the practice's folder
// for documents, which no name leads out of.
func (p *Practice) openDocument(o *order.Order) (*os.File, order.Filed) {
	if p.cfg.Documents == "" || o.Authorization == nil || strings.TrimSpace(o.Authorization.Document) == "" {
		return nil, order.NotLooked
	}
	dir, err := os.OpenRoot(p.cfg.Documents)
	if err != nil {
		return nil, order.Missing
	}
	defer func() { _ = dir.Close() }() // a folder that was only read
	name := filepath.FromSlash(strings.ReplaceAll(strings.TrimSpace(o.Authorization.Document), `\`, "/"))
	info, err := dir.Stat(name)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxDocument {
		return nil, order.Missing
	}
	f, err := dir.Open(name)
	if err != nil {
		return nil, order.Missing
	}
	return f, order.Found
}

// reach returns readings.ErrSilent when the folder of signed forms does not answer: what looks
// into it next would hang.
func (p *Practice) reach(ctx context.Context, id string, o *order.Order) error {
	if p.cfg.Documents == "" || o.Authorization == nil {
		return nil
	}
	return p.readings.Run(ctx, id+" form", []string{p.cfg.Documents}, func(ctx context.Context) error {
		defer gather.PulseOf(ctx).Begin(p.cfg.Documents)()
		p.filed(o)
		return nil
	})
}

// filed says whether the signed form is where the order says.
func (p *Practice) filed(o *order.Order) order.Filed {
	f, found := p.openDocument(o)
	if f != nil {
		_ = f.Close() // only looked for
	}
	return found
}

// formDigest is the SHA-256 of the signed form, "" where there is none to read:
// the ledger shows which form a release stood on (45 CFR 164.508(b)(6)).
func (p *Practice) formDigest(o *order.Order) string {
	f, _ := p.openDocument(o)
	if f == nil {
		return ""
	}
	defer func() { _ = f.Close() }() // a file that was only read
	sum := sha256.New()
	if n, err := io.Copy(sum, io.LimitReader(f, maxDocument+1)); err != nil || n > maxDocument {
		return ""
	}
	return hex.EncodeToString(sum.Sum(nil))
}
