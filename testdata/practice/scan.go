package practice

import (
	"bufio"
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"math/rand/v2"
	"strings"
)

// Size of a page in pixels: letter size at 300 dpi.
const (
	scanWidth  = 2550
	scanHeight = 3300
)

// WriteScan writes a PDF of about size bytes as a bad scanner makes it: pages of
// pictures that no compressor gets small, without a letter of text.
func WriteScan(w io.Writer, size int64) error {
	picture, err := noisyPage()
	if err != nil {
		return err
	}
	pages := int(size)/len(picture) + 1
	p := &pdfWriter{w: bufio.NewWriter(w), offsets: make([]int64, 3+3*pages)}
	p.print("%%PDF-1.7\n")
	var kids strings.Builder
	for i := range pages {
		n := 3 + 3*i
		fmt.Fprintf(&kids, "%d 0 R ", n)
		p.object(n, "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents %d 0 R/Resources<</XObject<</Im %d 0 R>>>>>>", n+1, n+2)
		p.object(n+1, "<</Length 31>>\nstream\nq 612 0 0 792 0 0 cm /Im Do Q  \nendstream")
		p.object(n+2, "<</Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceGray/BitsPerComponent 8/Filter/DCTDecode/Length %d>>\nstream\n%s\nendstream",
			scanWidth, scanHeight, len(picture), picture)
	}
	p.object(1, "<</Type/Catalog/Pages 2 0 R>>")
	p.object(2, "<</Type/Pages/Count %d/Kids[%s]>>", pages, kids.String())
	p.end()
	return p.flush()
}

func noisyPage() ([]byte, error) {
	im := image.NewGray(image.Rect(0, 0, scanWidth, scanHeight))
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range im.Pix {
		im.Pix[i] = uint8(rng.IntN(256))
	}
	var b bytes.Buffer
	err := jpeg.Encode(&b, im, &jpeg.Options{Quality: 40})
	return b.Bytes(), err
}

// pdfWriter writes the objects of a PDF and remembers where they begin.
type pdfWriter struct {
	w       *bufio.Writer
	at      int64
	offsets []int64 // by object number; the first is that of no object
	err     error
}

func (p *pdfWriter) print(format string, args ...any) {
	if p.err == nil {
		var n int
		n, p.err = fmt.Fprintf(p.w, format, args...)
		p.at += int64(n)
	}
}

func (p *pdfWriter) object(n int, format string, args ...any) {
	p.offsets[n] = p.at
	p.print("%d 0 obj\n"+format+"\nendobj\n", append([]any{n}, args...)...)
}

// end writes the table of the objects (ISO 32000-1, 7.5.4) and the trailer.
func (p *pdfWriter) end() {
	table := p.at
	p.print("xref\n0 %d\n0000000000 65535 f \n", len(p.offsets))
	for _, at := range p.offsets[1:] {
		p.print("%010d 00000 n \n", at)
	}
	p.print("trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(p.offsets), table)
}

func (p *pdfWriter) flush() error {
	if p.err != nil {
		return p.err
	}
	return p.w.Flush()
}
