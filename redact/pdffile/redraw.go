package pdffile

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"maps"
	"strconv"

	"github.com/pdfcpu/pdfcpu/pkg/filter"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"chartseal/redact/pdffile/pdfium"
)

const (
	// redrawDPI is enough for small print; scanners use no more for letters.
	redrawDPI = 200
	// losslessMost is what a page may take as it is drawn, in bytes. Text stays far
	// below; pages of photographs become JPEG of high quality.
	losslessMost   = 3 << 20
	redrawnQuality = 92
)

// redraw replaces a page by a picture of itself with the hits painted over. Its
// boxes, rotation and remarks stay as they are.
func (t *trimmer) redraw(doc *document, pages *singles, i int, s sight) error {
	pdf, err := pages.pdf(i, false)
	if err != nil {
		return err
	}
	var pic *pdfium.Picture
	var bounds pdfium.Box
	err = onPage(t.engine, pdf, func(page *pdfium.Page) (err error) {
		if bounds, err = page.Bounds(); err != nil {
			return err
		}
		pic, err = page.Render(pdfium.View{DPI: t.dpi, Black: s.boxes})
		return err
	})
	if err != nil {
		return err
	}
	im, err := imageOf(pic)
	if err != nil {
		return err
	}
	ref, _ := pages.kids[i].(types.IndirectRef)
	old, _ := doc.at(ref).(types.Dict)
	page := maps.Clone(old)
	delete(page, "Group")
	page["Resources"] = types.Dict{"XObject": types.Dict{"Page": doc.add(im)}}
	page["Contents"] = doc.add(types.StreamDict{Dict: types.Dict{}, Raw: placing(bounds)})
	doc.objects[ref.ObjectNumber-1] = page
	return nil
}

// placing is content that draws the picture of a page where the page is.
func placing(b pdfium.Box) []byte {
	var out []byte
	for _, v := range []float64{b.Right - b.Left, 0, 0, b.Top - b.Bottom, b.Left, b.Bottom} {
		out = append(strconv.AppendFloat(out, v, 'f', -1, 32), ' ')
	}
	return append(append([]byte("q "), out...), "cm /Page Do Q"...)
}

// imageOf is a drawn page as an image object: without loss where that takes
// little, in grey where it has no colour.
func imageOf(p *pdfium.Picture) (types.StreamDict, error) {
	pixels, colours, space := p.RGB, 3, "DeviceRGB"
	if g := grey(p.RGB); g != nil {
		pixels, colours, space = g, 1, "DeviceGray"
	}
	d := types.Dict{
		"Type": types.Name("XObject"), "Subtype": types.Name("Image"), "Width": types.Integer(p.Width), "Height": types.Integer(p.Height),
		"ColorSpace": types.Name(space), "BitsPerComponent": types.Integer(8),
	}
	if raw := deflate(predicted(pixels, p.Width*colours)); len(raw) <= losslessMost {
		d["Filter"] = types.Name(filter.Flate)
		d["DecodeParms"] = types.Dict{"Predictor": types.Integer(15), "Colors": types.Integer(colours), "Columns": types.Integer(p.Width)}
		return types.StreamDict{Dict: d, Raw: raw}, nil
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, pictureOf(p, pixels, colours), &jpeg.Options{Quality: redrawnQuality}); err != nil {
		return types.StreamDict{}, err
	}
	d["Filter"] = types.Name(filter.DCT)
	return types.StreamDict{Dict: d, Raw: b.Bytes()}, nil
}

func pictureOf(p *pdfium.Picture, pixels []byte, colours int) image.Image {
	if colours == 1 {
		return &image.Gray{Pix: pixels, Stride: p.Width, Rect: image.Rect(0, 0, p.Width, p.Height)}
	}
	out := image.NewRGBA(image.Rect(0, 0, p.Width, p.Height))
	for i := range p.Width * p.Height {
		out.SetRGBA(i%p.Width, i/p.Width, color.RGBA{pixels[3*i], pixels[3*i+1], pixels[3*i+2], 0xff})
	}
	return out
}

// grey returns one byte for each pixel, nil if there is colour.
func grey(rgb []byte) []byte {
	out := make([]byte, len(rgb)/3)
	for i := range out {
		if rgb[3*i] != rgb[3*i+1] || rgb[3*i] != rgb[3*i+2] {
			return nil
		}
		out[i] = rgb[3*i]
	}
	return out
}

// predicted writes rows as their difference from the row above (PNG filter Up,
// 7.4.4.4), which packs lines of text well.
func predicted(pixels []byte, row int) []byte {
	out := make([]byte, 0, len(pixels)+len(pixels)/max(row, 1)+1)
	above := make([]byte, row)
	for i := 0; i+row <= len(pixels); i += row {
		out = append(out, 2)
		for j, v := range pixels[i : i+row] {
			out = append(out, v-above[j])
		}
		above = pixels[i : i+row]
	}
	return out
}
