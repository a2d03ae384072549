package pdffile

import (
	"bytes"
	"compress/zlib"
	"io"

	"github.com/pdfcpu/pdfcpu/pkg/filter"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// pictureFilters are those whose data stays as it is (7.4.6 to 7.4.9).
var pictureFilters = map[string]bool{filter.CCITTFax: true, filter.JBIG2: true, filter.DCT: true, filter.JPX: true}

// recoded takes off every coding but one Flate: all others (7.4.2 to 7.4.5) have a
// mark for their end, and what is written behind it nobody sees. The filter of a
// picture stays.
func (c *copier) recoded(sd types.StreamDict, stages []stage) (types.StreamDict, []stage, error) {
	outer, last := stages, stage{name: filter.Flate}
	if n := len(stages); n > 0 && pictureFilters[stages[n-1].name] {
		outer, last = stages[:n-1], stages[n-1]
	}
	if len(outer) == 0 || len(outer) == len(stages) && len(outer) == 1 && outer[0].name == filter.Flate {
		return sd, stages, nil
	}
	data, tails := sd.Raw, 0
	for i, s := range outer {
		end := markedEnd(data, s.name)
		if len(bytes.TrimSpace(data[end:])) > 0 {
			tails++
		}
		var err error
		if data, err = c.decode(data[:end], outer[i:i+1]); err != nil {
			return sd, stages, nil //nolint:nilerr // viewers show what they can of a damaged stream
		}
	}
	c.tally.add(tailRemoved, tails)
	if last.name == filter.Flate {
		data = deflate(data)
	}
	return replaced(sd, data, last), []stage{last}, nil
}

// markedEnd is where the mark stands that ends a coding, all of b if there is none
// or the coding finds it itself.
func markedEnd(b []byte, coding string) int {
	mark := ""
	switch coding {
	case filter.ASCIIHex:
		mark = ">"
	case filter.ASCII85:
		mark = "~>"
	case filter.Flate:
		return flateLength(b)
	}
	if i := bytes.Index(b, []byte(mark)); mark != "" && i >= 0 {
		return i + len(mark)
	}
	return len(b)
}

// cropped cuts the data of a picture behind its last row: there may be what was cut
// off from it, or anything else.
func (c *copier) cropped(sd types.StreamDict, stages []stage) (types.StreamDict, error) {
	size, rows, err := c.pictureSize(sd.Dict)
	if err != nil || size == 0 {
		return sd, err
	}
	if len(stages) == 0 {
		if len(sd.Raw) > size {
			c.tally.add(tailRemoved, 1)
			sd.Raw = sd.Raw[:size]
		}
		return sd, nil
	}
	if stages[0].name != filter.Flate {
		return sd, nil
	}
	parms, err := c.dict(stages[0].parms)
	if err != nil {
		return sd, err
	}
	predictor, err := c.resolve(parms["Predictor"])
	if err != nil {
		return sd, err
	}
	if n, _ := predictor.(types.Integer); n >= 10 {
		if row, err := c.predictedRow(parms); err != nil || row != size/rows {
			return sd, err // its rows are not those of the picture
		}
		size += rows // each row says how it is predicted (7.4.4.4)
	}
	z, err := zlib.NewReader(bytes.NewReader(sd.Raw))
	if err != nil {
		return sd, nil //nolint:nilerr // viewers show what they can of a damaged stream
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(z, data); err != nil {
		return sd, nil //nolint:nilerr // shorter than it should be
	}
	if n, _ := io.ReadFull(z, make([]byte, 1)); n == 0 {
		return sd, nil
	}
	c.tally.add(tailRemoved, 1)
	sd.Raw = deflate(data)
	return sd, nil
}

// predictedRow is how many bytes a row takes that is predicted (table 8).
func (c *copier) predictedRow(parms types.Dict) (int, error) {
	bits := 1
	for key, otherwise := range map[string]types.Integer{"Columns": 1, "Colors": 1, "BitsPerComponent": 8} {
		o, err := c.resolve(parms[key])
		if err != nil {
			return 0, err
		}
		n, ok := o.(types.Integer)
		if !ok {
			n = otherwise
		}
		if n < 1 || n > 1<<16 {
			return 0, nil
		}
		bits *= n.Value()
	}
	return (bits + 7) / 8, nil
}

// pictureSize returns how many bytes and rows the samples of a picture take (8.9.3);
// 0 if its entries do not tell.
func (c *copier) pictureSize(d types.Dict) (size, rows int, err error) {
	number := func(key string) int {
		o, rerr := c.resolve(d[key])
		if rerr != nil {
			err = rerr
		}
		n, _ := o.(types.Integer)
		return n.Value()
	}
	width, height, depth := number("Width"), number("Height"), number("BitsPerComponent")
	mask, merr := c.resolve(d["ImageMask"])
	parts, perr := c.components(d["ColorSpace"])
	switch {
	case err != nil:
		return 0, 0, err
	case merr != nil:
		return 0, 0, merr
	case perr != nil:
		return 0, 0, perr
	case mask == types.Boolean(true):
		parts, depth = 1, 1
	}
	const most = 1 << 16 // pixels on a side; past it the product below may not fit
	if width <= 0 || height <= 0 || width > most || height > most || parts <= 0 || parts > 32 || depth <= 0 || depth > 16 {
		return 0, 0, nil
	}
	if size = height * ((width*parts*depth + 7) / 8); size > maxDecoded {
		return 0, 0, nil
	}
	return size, height, nil
}

// components is how many numbers make a colour of a space (8.6); 0 if unknown.
func (c *copier) components(o types.Object) (int, error) {
	o, err := c.resolve(o)
	if err != nil {
		return 0, err
	}
	list, _ := o.(types.Array)
	if len(list) > 0 {
		if o, err = c.resolve(list[0]); err != nil {
			return 0, err
		}
	}
	name, _ := o.(types.Name)
	switch {
	case name == "DeviceGray", name == "CalGray", name == "Indexed", name == "Separation":
		return 1, nil
	case name == "DeviceRGB", name == "CalRGB", name == "Lab":
		return 3, nil
	case name == "DeviceCMYK":
		return 4, nil
	case len(list) < 2:
		return 0, nil
	}
	of, err := c.resolve(list[1])
	if err != nil {
		return 0, err
	}
	switch of := of.(type) {
	case types.StreamDict: // ICCBased
		n, err := c.resolve(of.Dict["N"])
		count, _ := n.(types.Integer)
		return count.Value(), err
	case types.Array: // DeviceN
		return len(of), nil
	}
	return 0, nil
}
