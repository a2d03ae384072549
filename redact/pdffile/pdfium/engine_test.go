package pdfium

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"chartseal/redact/pdffile/pdfium/pdfiumtest"
)

// onePage is a PDF of one letter-size page.
func onePage(attrs, content string) []byte {
	var b bytes.Buffer
	var at []int
	obj := func(s string) {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", len(at), s)
	}
	b.WriteString("%PDF-1.7\n")
	obj("<</Type/Catalog/Pages 2 0 R>>")
	obj("<</Type/Pages/Count 1/Kids[3 0 R]>>")
	obj("<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>" + attrs + ">>")
	obj(fmt.Sprintf("<</Length %d>>\nstream\n%s\nendstream", len(content), content))
	x := b.Len()
	fmt.Fprintf(&b, "xref\n0 5\n0000000000 65535 f \n")
	for _, o := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&b, "trailer\n<</Size 5/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", x)
	return b.Bytes()
}

var shared *Engine

func TestMain(m *testing.M) {
	dir, err := pdfiumtest.Cache()
	if err == nil {
		shared, err = Start(context.Background(), dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func open(t *testing.T, pdf []byte) *Page {
	t.Helper()
	doc, err := shared.Open(pdf)
	if err != nil {
		t.Fatal(err)
	}
	page, err := doc.Page(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := page.Close(); err != nil {
			t.Error(err)
		}
		if err := doc.Close(); err != nil {
			t.Error(err)
		}
	})
	return page
}

func text(t *testing.T, p *Page) (*Text, string) {
	t.Helper()
	x, err := p.Text()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = x.Close() })
	var b strings.Builder
	for _, c := range x.Chars {
		b.WriteRune(c.Rune)
	}
	return x, b.String()
}

func dark(p *Picture, x, y int) bool { return p.RGB[3*(y*p.Width+x)] < 128 }

func TestTextAndBoxes(t *testing.T) {
	for _, rotate := range []int{0, 90, 180, 270} {
		page := open(t, onePage(fmt.Sprintf("/Rotate %d/CropBox[36 36 576 756]", rotate), "BT /F1 24 Tf 100 600 Td (hello) Tj ET"))
		x, s := text(t, page)
		if strings.TrimSpace(s) != "hello" {
			t.Errorf("read %q", s)
		}
		b, err := x.Box(strings.Index(s, "e"))
		if err != nil {
			t.Fatal(err)
		}
		if b.Left < 100 || b.Right > 160 || b.Bottom < 590 || b.Top > 630 {
			t.Errorf("box %v", b)
		}
		plain, err := page.Render(View{DPI: 72})
		if err != nil {
			t.Fatal(err)
		}
		if plain.Width != 540 || plain.Height != 720 {
			t.Errorf("%d by %d pixels", plain.Width, plain.Height)
		}
		black, err := page.Render(View{DPI: 72, Black: []Box{b}})
		if err != nil {
			t.Fatal(err)
		}
		midX, midY := int((b.Left+b.Right)/2-36), int(756-(b.Bottom+b.Top)/2)
		if !dark(black, midX, midY) || !dark(black, midX, midY-9) || dark(plain, midX, midY-20) || dark(black, 500, 600) {
			t.Errorf("turned by %d: the box is not where the text is", rotate)
		}
		turned, err := page.Render(View{DPI: 72, Turned: true})
		if err != nil {
			t.Fatal(err)
		}
		if (turned.Width > turned.Height) != (rotate%180 == 90) {
			t.Errorf("turned by %d, the page is %d by %d", rotate, turned.Width, turned.Height)
		}
	}
}

func TestRefused(t *testing.T) {
	for name, in := range map[string]string{"empty": "", "no PDF": "hello", "cut": "%PDF-1.7\n1 0 obj\n<<"} {
		if d, err := shared.Open([]byte(in)); err == nil {
			t.Errorf("%s: opened", name)
			_ = d.Close()
		}
	}
	page := open(t, onePage("/CropBox[0 0 20000 20000]/MediaBox[0 0 20000 20000]", ""))
	if _, err := page.Render(View{DPI: 600}); err == nil {
		t.Error("a page of 4 square yards at 600 dpi was drawn")
	}
}

func TestPrivate(t *testing.T) {
	dir := t.TempDir()
	mine, others := filepath.Join(dir, "mine"), filepath.Join(dir, "others")
	link := filepath.Join(dir, "link")
	for d, mode := range map[string]os.FileMode{mine: 0o700, others: 0o755} {
		if err := os.Mkdir(d, mode); err != nil {
			t.Fatal(err)
		}
	}
	switch err := os.Symlink(mine, link); {
	case err != nil && runtime.GOOS == "windows":
		t.Skip("making a symbolic link takes a right on Windows")
	case err != nil:
		t.Fatal(err)
	}
	if !private(mine) || private("") || private(filepath.Join(dir, "none")) || private(link) {
		t.Error("a folder is judged wrongly")
	}
	if private(others) && os.PathSeparator == '/' {
		t.Error("a folder of others counts as private")
	}
}

func TestCacheIsUsed(t *testing.T) {
	dir, err := pdfiumtest.Cache()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	e, err := Start(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("started in %v", time.Since(began))
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) == 0 {
		t.Errorf("the cache is empty: %v", err)
	}
}

// TestDamagedCache: a file that was cut short is noticed, and goes.
func TestDamagedCache(t *testing.T) {
	source, err := pdfiumtest.Cache()
	if err != nil {
		t.Fatal(err)
	}
	kept, err := filepath.Glob(filepath.Join(source, compiled))
	if err != nil || len(kept) == 0 {
		t.Fatal(kept, err)
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, f := range kept {
		rel, _ := filepath.Rel(source, f)
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(rel)), 0o700); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, rel), b[:len(b)/2], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if e, err := start(t.Context(), dir); err == nil { // Start compiles anew then, which takes too long here
		_ = e.Close()
		t.Fatal("the damaged file was used")
	}
	discard(dir)
	if left, _ := filepath.Glob(filepath.Join(dir, compiled)); len(left) > 0 {
		t.Error("the damaged file is still there")
	}
	if !private(dir) {
		t.Error("the folder is gone, too")
	}
}
