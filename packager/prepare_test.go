package packager

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"chartseal/order"
	"chartseal/packager/gather"
	"chartseal/packager/seal"
	"chartseal/redact"
	"chartseal/testdata/practice/dcm"
)

// pictureFolder is a folder of so many radiographs of the patient of the demonstration,
// and a plan that packs them. closed counts the bodies of cleaned records that were
// closed, made those that were made.
func pictureFolder(t *testing.T, n int) (p Plan, folder string, made, closed *atomic.Int32) {
	t.Helper()
	records := t.TempDir()
	folder = filepath.Join(records, "10432")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		f := dcm.File{Syntax: dcm.ExplicitLE, Data: radiographOf(i, []byte{1, 2, 3, 4})}
		raw, err := f.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprint(i, ".dcm")), raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	born, err := order.ParseDate("1984-03-09")
	if err != nil {
		t.Fatal(err)
	}
	key, err := seal.GenerateKey(false)
	if err != nil {
		t.Fatal(err)
	}
	p = planFor(t, order.Treatment, []string{"radiograph"}, DICOMRules{})
	p.Order.Patient = order.Patient{ID: "10432", Name: "Alvarez, Maria", BirthDate: born}
	p.Sources = []gather.Source{{Kind: "radiograph", Path: filepath.Join(records, "{patient.id}", "**")}}
	if p.To, err = seal.ParseRecipients([]string{key.Public}); err != nil {
		t.Fatal(err)
	}
	made, closed = new(atomic.Int32), new(atomic.Int32)
	for i, f := range p.Formats {
		p.Formats[i].Clean = func(ctx context.Context, src redact.Source, as redact.Profile, asked Asked) (*redact.Output, error) {
			out, err := f.Clean(ctx, src, as, asked)
			if err == nil {
				made.Add(1)
				out.Body = &closing{out.Body.(readable), closed}
			}
			return out, err
		}
	}
	return p, folder, made, closed
}

type readable interface {
	redact.Source
	Read([]byte) (int, error)
	Close() error
}

type closing struct {
	readable
	n *atomic.Int32
}

func (c *closing) Close() error { c.n.Add(1); return c.readable.Close() }

func writeAll(ctx context.Context, t *testing.T, p *Plan, c *gather.Collection) error {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "sealed"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	sealed, err := seal.NewWriter(f, p.To)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = p.write(ctx, c, sealed)
	return err
}

// Records that change after others were packed hold the order, all of them named, and what
// was cleaned ahead of them is closed.
func TestWhatIsCleanedAheadIsClosed(t *testing.T) {
	p, folder, made, closed := pictureFolder(t, 8)
	c, err := collect(t.Context(), &p)
	if err != nil || len(c.Items) != 8 {
		t.Fatal(err, len(c.Items))
	}
	defer func() { _ = c.Close() }()
	for _, i := range []int{2, 5} {
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprint(i, ".dcm")), []byte("something else"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	err = writeAll(t.Context(), t, &p, c)
	held, ok := errors.AsType[*HeldError](err)
	if !ok || len(held.Reasons) != 1 || !slices.Equal(held.Reasons[0].Items, []string{"10432/2.dcm", "10432/5.dcm"}) {
		t.Errorf("%v: %+v", err, held)
	}
	if made.Load() < 2 || made.Load() != closed.Load() {
		t.Errorf("%d cleaned, %d closed", made.Load(), closed.Load())
	}
}

// A record that changes after it was cleaned ahead and before it is packed holds the order,
// although what was cleaned lies in memory and the file has its old size and time.
func TestWhatChangesAfterItWasCleanedAheadHolds(t *testing.T) {
	p, folder, made, _ := pictureFolder(t, 3)
	c, err := collect(t.Context(), &p)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	file := filepath.Join(folder, "1.dcm")
	p.Progress = func(done, _ int64) {
		if done != c.Items[0].Bytes {
			return
		}
		for made.Load() < 2 {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(20 * time.Millisecond) // longer than a tick of the file system's clock
		other := make([]byte, c.Items[1].Bytes)
		if err := errors.Join(os.WriteFile(file, other, 0o600), os.Chtimes(file, c.Items[1].ModTime, c.Items[1].ModTime)); err != nil {
			t.Error(err)
		}
	}
	err = writeAll(t.Context(), t, &p, c)
	held, ok := errors.AsType[*HeldError](err)
	if !ok || len(held.Reasons) == 0 || !slices.Equal(held.Reasons[0].Items, []string{"10432/1.dcm"}) {
		t.Errorf("%v: %+v", err, held)
	}
}

// The child process that cleans a document in a DICOM file has so much time and no more: it
// is not begun while another record is packed, which may take longer.
func TestADocumentIsNotCleanedAhead(t *testing.T) {
	p, folder, _, _ := pictureFolder(t, 1)
	document := encapsulated(t, []byte("%PDF-1.7, and no more"), dcm.ExplicitLE)
	if err := os.WriteFile(filepath.Join(folder, "document.dcm"), document, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := collect(t.Context(), &p)
	if err != nil || len(c.Items) != 2 {
		t.Fatal(err, len(c.Items))
	}
	defer func() { _ = c.Close() }()
	ahead := p.prepareAll(t.Context(), c)
	defer ahead.stop()
	for i, want := range []bool{true, false} {
		r := ahead.take()
		if cleaned := r.out != nil || r.err != nil; cleaned != want {
			t.Errorf("item %d: cleaned ahead %v, %v", i, cleaned, r.err)
		}
		_ = r.close()
	}
}

// The end of the context ends the cleaning.
func TestCleaningAheadStops(t *testing.T) {
	p, _, made, closed := pictureFolder(t, 8)
	c, err := collect(t.Context(), &p)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	ctx, stop := context.WithCancel(t.Context())
	p.Progress = func(done, _ int64) {
		if done > c.Items[0].Bytes {
			stop()
		}
	}
	if err := writeAll(ctx, t, &p, c); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
	if n := made.Load(); n < 2 || n > 2+aheadItems+1 || n != closed.Load() {
		t.Errorf("%d cleaned, %d closed", n, closed.Load())
	}
}
