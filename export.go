package chartseal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"chartseal/durable"
	"chartseal/order"
	"chartseal/registry"
	"chartseal/transport"
	"chartseal/transport/page"
	"chartseal/watch"
)

// errNoExport says that the export folder is not there: the drive is not plugged in,
// or the share is away. It is not made up, for that would fill the wrong disk.
var errNoExport = errors.New("the export folder is not there")

// exportNames are the files of a release in the export folder: the sealed bundle,
// and the page that opens it without anything to install.
func exportNames(r *release) []string {
	name := "records-" + strings.ReplaceAll(r.ID, ".", "-")
	return []string{name + transport.KeySuffix, name + transport.PageSuffix}
}

// hidden begins the name of a file in the export folder that nobody may take yet.
const hidden = ".chartseal-"

// export judges the order once more and copies the sealed file into the export
// folder, under a hidden name: nobody can take it before it is in the ledger.
func (p *Practice) export(ctx context.Context, r *release) error {
	if r.Object.Bytes > 0 {
		return nil
	}
	if err := p.orders.Has(ctx, r.ID); err != nil {
		return err
	}
	if err := p.judge(ctx, r, order.AtUpload); err != nil {
		return err
	}
	n, err := p.copyOut(ctx, r)
	if err != nil {
		return spoiled(err)
	}
	p.step(r.ID, "export", "copied")
	r.Object.Bytes, r.At = n, p.opts.Now()
	return p.state.save(r)
}

// handOut gives the files in the export folder their names, after the ledger has
// its line. What went missing meanwhile is copied again. Its trouble is waited out,
// whatever it is: what the ledger calls sent can be held no more.
func (p *Practice) handOut(ctx context.Context, r *release) error {
	names := exportNames(r)
	final := p.exported(names[0])
	sum, _, err := digestFile(ctx, final)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case sum == r.Ticket.SHA256:
		return p.putPage(ctx, r, names) // done before a crash
	}
	if info, err := os.Stat(p.exported(hidden + names[0])); err != nil || info.Size() != r.Object.Bytes { // it was read back
		if _, err := p.copyOut(ctx, r); err != nil {
			return err
		}
	}
	if err := p.putPage(ctx, r, names); err != nil {
		return err
	}
	if err := watch.Replace(p.exported(hidden+names[0]), final); err != nil {
		return fmt.Errorf("name exported file: %w", scrub(err))
	}
	p.step(r.ID, "answer", "exported")
	return durable.SyncDir(p.cfg.Export)
}

// putPage writes the page beside the bundle. It has no link and no secret.
func (p *Practice) putPage(ctx context.Context, r *release, names []string) error {
	ref, _ := registry.SplitID(r.ID)
	html, err := page.Render(p.pageData(r, ref, names[0], transport.Link{}))
	if err != nil {
		return errors.New("render recipient page: " + scrub(err).Error())
	}
	if _, _, err := p.writeOut(ctx, names[1], bytes.NewReader(html)); err != nil {
		return err
	}
	if err := watch.Replace(p.exported(hidden+names[1]), p.exported(names[1])); err != nil {
		return fmt.Errorf("name exported file: %w", scrub(err))
	}
	return durable.SyncDir(p.cfg.Export)
}

func (p *Practice) exported(name string) string { return filepath.Join(p.cfg.Export, name) }

// copyOut copies the sealed file and reads the copy back.
func (p *Practice) copyOut(ctx context.Context, r *release) (int64, error) {
	in, err := p.openSealed(r)
	if err != nil {
		return 0, err
	}
	defer func() { _ = in.Close() }()
	name := exportNames(r)[0]
	sum, n, err := p.writeOut(ctx, name, in)
	if err != nil {
		return 0, err
	}
	if sum != r.Ticket.SHA256 {
		return 0, errors.Join(transport.ErrChanged, scrub(os.Remove(p.exported(hidden+name))))
	}
	was, _, err := digestFile(ctx, p.exported(hidden+name))
	if err == nil && was != sum {
		err = errors.New("read exported file back: it differs")
	}
	return n, err
}

// writeOut writes a file into the export folder under its hidden name.
func (p *Practice) writeOut(ctx context.Context, name string, in io.Reader) (sum string, n int64, err error) {
	if info, err := os.Stat(p.cfg.Export); err != nil || !info.IsDir() {
		return "", 0, errNoExport
	}
	out, err := os.OpenFile(p.exported(hidden+name), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return "", 0, fmt.Errorf("write into export folder: %w", scrub(err))
	}
	h := sha256.New()
	n, err = io.Copy(io.MultiWriter(out, h), reader{ctx, in})
	if err == nil {
		err = out.Sync()
	}
	if err = errors.Join(err, out.Close()); err != nil {
		return "", 0, errors.Join(fmt.Errorf("write into export folder: %w", scrub(err)), scrub(os.Remove(p.exported(hidden+name))))
	}
	return hex.EncodeToString(h.Sum(nil)), n, durable.SyncDir(p.cfg.Export)
}

// digestFile reads a file to its end and returns its SHA-256 and its size.
func digestFile(ctx context.Context, name string) (sum string, n int64, err error) {
	f, err := os.Open(name)
	if err != nil {
		return "", 0, fmt.Errorf("read exported file: %w", scrub(err))
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	if n, err = io.Copy(h, reader{ctx, f}); err != nil {
		return "", 0, fmt.Errorf("read exported file: %w", scrub(err))
	}
	return hex.EncodeToString(h.Sum(nil)), n, nil
}

// reader stops when the context does.
type reader struct {
	ctx context.Context //nolint:containedctx // io.Reader takes none
	r   io.Reader
}

// Read reads unless the context has ended.
func (r reader) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(b)
}

// takeBack removes what lies hidden in the export folder of a release that ends
// without having been sent.
func (p *Practice) takeBack(r *release) error {
	if r.Way != byFolder || p.cfg.Export == "" {
		return nil
	}
	err := os.Remove(p.exported(hidden + exportNames(r)[0]))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove exported file: %w", scrub(err))
	}
	return nil
}
