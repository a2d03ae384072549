package pdffile

import (
	"bytes"
	"compress/zlib"
	"context"
	"errors"
	"io"

	"github.com/pdfcpu/pdfcpu/pkg/filter"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"chartseal/redact"
	"chartseal/redact/imagefile"
)

// maxDecoded bounds what one stream may unpack to.
const maxDecoded = 512 << 20

// stage is one filter of a stream with its parameters (section 7.4).
type stage struct {
	name  string
	parms types.Object // direct or a reference, nil if none
}

// resolver follows references of one document.
type resolver func(types.Object) (types.Object, error)

func (c *copier) stages(d types.Dict) ([]stage, error) { return stagesOf(d, c.resolve) }

func (c *copier) decode(data []byte, stages []stage) ([]byte, error) {
	return decoded(data, stages, c.resolve)
}

// stagesOf lists the filters of a stream in the order of decoding.
func stagesOf(d types.Dict, resolve resolver) ([]stage, error) {
	f, err := resolve(d["Filter"])
	if err != nil {
		return nil, err
	}
	p, err := resolve(d["DecodeParms"])
	if err != nil {
		return nil, err
	}
	names, ok := f.(types.Array)
	if !ok && f != nil {
		names = types.Array{f}
	}
	parms, ok := p.(types.Array)
	if !ok && p != nil {
		parms = types.Array{p}
	}
	out := make([]stage, len(names))
	for i, n := range names {
		if n, err = resolve(n); err != nil {
			return nil, err
		}
		name, _ := n.(types.Name)
		if name == "Crypt" {
			return nil, redact.Refuse(redact.Encrypted, "a part of the PDF is encrypted on its own")
		}
		out[i].name = string(name)
		if i < len(parms) {
			out[i].parms = parms[i]
		}
	}
	return out, nil
}

// embedded cleans what the data of a stream carries beside what a viewer
// shows: the metadata of pictures and colour profiles, and bytes behind the
// end of compressed data.
func (c *copier) embedded(sd types.StreamDict, e embedding) (types.StreamDict, error) {
	stages, err := c.stages(sd.Dict)
	if err != nil {
		return sd, err
	}
	if e == profile && sd.Dict["N"] != nil && sd.Dict["FunctionType"] == nil {
		return c.profile(sd, stages)
	}
	if e == picture && len(stages) > 0 {
		switch stages[len(stages)-1].name {
		case filter.DCT:
			return c.picture(sd, stages, cleanJPEG)
		case filter.JPX:
			return c.picture(sd, stages, cleanJPX)
		}
	}
	if sd, stages, err = c.recoded(sd, stages); err != nil {
		return sd, err
	}
	used := len(sd.Raw)
	if len(stages) > 0 && stages[0].name == filter.Flate {
		used = flateLength(sd.Raw)
	}
	if e == picture && len(stages) <= 1 {
		if sd, err = c.cropped(sd, stages); err != nil {
			return sd, err
		}
	}
	if used < len(sd.Raw) {
		if len(bytes.TrimSpace(sd.Raw[used:])) > 0 {
			c.tally.add(tailRemoved, 1)
		}
		sd.Raw = sd.Raw[:used]
	}
	return sd, nil
}

// flateLength returns how many bytes of b its zlib stream takes, all of them
// when it is damaged: viewers show what they can of such a stream.
func flateLength(b []byte) int {
	r := bytes.NewReader(b)
	z, err := zlib.NewReader(r)
	if err != nil {
		return len(b)
	}
	if n, err := io.Copy(io.Discard, io.LimitReader(z, maxDecoded)); err != nil || n == maxDecoded {
		return len(b)
	}
	return len(b) - r.Len()
}

// decoded runs data through filters.
func decoded(data []byte, stages []stage, resolve resolver) ([]byte, error) {
	for _, s := range stages {
		o, err := resolve(s.parms)
		if err != nil {
			return nil, err
		}
		d, _ := o.(types.Dict)
		parms := map[string]int{}
		for k, v := range d {
			if v, err = resolve(v); err != nil {
				return nil, err
			}
			if n, ok := v.(types.Integer); ok {
				parms[k] = n.Value()
			}
		}
		f, err := filter.NewFilter(s.name, parms)
		if err != nil {
			return nil, err
		}
		r, err := f.Decode(bytes.NewReader(data))
		if err != nil {
			return nil, err
		}
		if data, err = io.ReadAll(io.LimitReader(r, maxDecoded)); err != nil {
			return nil, err
		}
	}
	return data, nil
}

// picture cleans the file that an image stream holds as its data. The filter
// of the picture stays, those around it are taken off.
func (c *copier) picture(sd types.StreamDict, stages []stage, clean func([]byte) ([]byte, error)) (types.StreamDict, error) {
	last := stages[len(stages)-1]
	data, err := c.decode(sd.Raw, stages[:len(stages)-1])
	if err == nil {
		data, err = clean(data)
	}
	if err != nil {
		return sd, redact.Refuse(redact.Malformed, "a picture inside the PDF is damaged")
	}
	if len(stages) == 1 && bytes.Equal(data, sd.Raw) {
		return sd, nil
	}
	c.tally.add(embeddedRemoved, 1)
	return replaced(sd, data, last), nil
}

// replaced returns sd with other data, decoded by the given filters.
func replaced(sd types.StreamDict, data []byte, s stage) types.StreamDict {
	d := types.Dict{}
	for k, v := range sd.Dict {
		if k != "Filter" && k != "DecodeParms" {
			d[k] = v
		}
	}
	if s.name != "" {
		d["Filter"] = types.Name(s.name)
	}
	if s.parms != nil {
		d["DecodeParms"] = s.parms
	}
	return types.StreamDict{Dict: d, Raw: data}
}

// cleanJPEG takes the metadata off a JPEG. Programs that write PDFs are known
// to leave out the end marker, which viewers do without; then it is put there.
func cleanJPEG(b []byte) ([]byte, error) {
	out, err := cleanPicture(b)
	var r *redact.Refusal
	if errors.As(err, &r) && r.Class == redact.Truncated {
		return cleanPicture(append(bytes.Clone(b), 0xff, 0xd9))
	}
	return out, err
}

func cleanPicture(b []byte) ([]byte, error) {
	if format, _ := imagefile.Sniff(b[:min(len(b), imagefile.HeadSize)]); format != imagefile.JPEG {
		return nil, redact.Refuse(redact.Malformed, "a picture is not in the format it claims")
	}
	// What may be seen in the picture has been decided for the whole PDF.
	out, err := imagefile.Clean(context.Background(), bytes.NewReader(b), redact.Treatment)
	if err != nil {
		return nil, err
	}
	defer func() { _ = out.Body.Close() }()
	buf := make([]byte, out.Size)
	_, err = io.ReadFull(out.Body, buf)
	return buf, err
}

// profile writes a colour profile anew without its words. A broken one becomes
// empty: viewers then go by the number of its components (section 8.6.5.5).
func (c *copier) profile(sd types.StreamDict, stages []stage) (types.StreamDict, error) {
	data, err := c.decode(sd.Raw, stages)
	if err == nil && len(data) == 0 {
		return replaced(sd, nil, stage{}), nil
	}
	var neutral []byte
	if err == nil {
		neutral, err = imagefile.NeutralICC(data)
	}
	if err != nil {
		c.tally.add(embeddedRemoved, 1)
		return replaced(sd, nil, stage{}), nil
	}
	if !bytes.Equal(neutral, data) {
		c.tally.add(embeddedRemoved, 1)
	}
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	_, _ = w.Write(neutral) // a bytes.Buffer does not fail
	_ = w.Close()
	return replaced(sd, z.Bytes(), stage{name: filter.Flate}), nil
}
