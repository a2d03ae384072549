package pdffile

import (
	"bytes"
	"compress/zlib"
	"errors"
	"io"
	"strings"

	"github.com/pdfcpu/pdfcpu/pkg/filter"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// drawn takes what is not drawn out of a stream of content that stands alone,
// and returns the resources it uses; none if it cannot be read.
func (c *copier) drawn(sd types.StreamDict) (types.StreamDict, map[string]map[string]bool, error) {
	content, ok, err := c.content(sd)
	if err != nil || !ok {
		return sd, nil, err
	}
	s, ok := scan(content, nil)
	if !ok {
		if rest := s.rest(); !bytes.Equal(rest, content) {
			c.tally.add(marksRemoved, 1)
			sd = replaced(sd, deflate(rest), stage{name: filter.Flate})
		}
		return sd, nil, nil
	}
	if s.changed() {
		c.tally.add(marksRemoved, 1)
		sd = replaced(sd, deflate(s.out), stage{name: filter.Flate})
	}
	return sd, s.uses, nil
}

// content decodes a stream; false if it is damaged: viewers show what they can
// of such a stream.
func (c *copier) content(sd types.StreamDict) ([]byte, bool, error) {
	stages, err := c.stages(sd.Dict)
	if err != nil {
		return nil, false, err
	}
	b, err := c.decode(sd.Raw, stages)
	if err != nil && len(stages) == 1 && stages[0].name == filter.Flate && stages[0].parms == nil {
		b, err = inflated(sd.Raw)
	}
	return b, err == nil, nil
}

// inflated unpacks data that is whole but for its checksum, which viewers do
// without.
func inflated(b []byte) ([]byte, error) {
	z, err := zlib.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	out, err := io.ReadAll(io.LimitReader(z, maxDecoded))
	if errors.Is(err, zlib.ErrChecksum) {
		return out, nil
	}
	return out, err
}

// drawnPage does the same for the content of a page, which may be in pieces that
// are read as one (7.8.2). in is that of the source, page the copy.
func (w *pageWalk) drawnPage(in types.Object, page types.Dict) error {
	content, ok, err := w.joined(in)
	if err != nil || !ok {
		return err
	}
	s, ok := scan(content, nil)
	drawn := s.out
	if !ok {
		drawn = s.rest()
	}
	if !bytes.Equal(drawn, content) {
		w.tally.add(marksRemoved, 1)
		page["Contents"] = w.out.add(types.StreamDict{
			Dict: types.Dict{"Filter": types.Name(filter.Flate)}, Raw: deflate(drawn),
		})
	}
	if !ok {
		return nil
	}
	page["Resources"] = w.pruned(page["Resources"], s.uses)
	return nil
}

// joined returns the content of a page; false if a piece of it is damaged.
func (w *pageWalk) joined(o types.Object) (content []byte, ok bool, err error) {
	if o, err = w.resolve(o); err != nil {
		return nil, false, err
	}
	pieces, many := o.(types.Array)
	if !many {
		pieces = types.Array{o}
	}
	for i, p := range pieces {
		if p, err = w.resolve(p); err != nil {
			return nil, false, err
		}
		sd, is := p.(types.StreamDict)
		if !is {
			continue
		}
		b, ok, err := w.content(sd)
		if err != nil || !ok {
			return nil, false, err
		}
		if i > 0 {
			content = append(content, '\n')
		}
		if content = append(content, b...); len(content) > maxDecoded {
			return nil, false, nil
		}
	}
	return content, true, nil
}

// pruned returns the resources without those that are not used: what a reader
// never sees. They stay as they are where it is not certain what is used, as
// forms without resources of their own take those of the page (7.8.3).
func (c *copier) pruned(o types.Object, uses map[string]map[string]bool) types.Object {
	res, ok := c.out.at(o).(types.Dict)
	if !ok || c.borrows(res, uses) {
		return o
	}
	out, gone := types.Dict{}, 0
	for kind, v := range res {
		list, ok := c.out.at(v).(types.Dict)
		if !ok || kind == "ProcSet" {
			out[kind] = v
			continue
		}
		kept := types.Dict{}
		for name, e := range list {
			if uses[kind][name] || kind == "ColorSpace" && strings.HasPrefix(name, "Default") {
				kept[name] = e
			}
		}
		gone += len(list) - len(kept)
		switch {
		case len(kept) == len(list):
			out[kind] = v
		case len(kept) > 0:
			out[kind] = kept
		}
	}
	if gone == 0 {
		return o
	}
	c.tally.add(unusedRemoved, gone)
	return out
}

// borrows reports whether something that is used has no resources of its own.
func (c *copier) borrows(res types.Dict, uses map[string]map[string]bool) bool {
	for _, kind := range []string{"XObject", "Pattern", "Font"} {
		list, _ := c.out.at(res[kind]).(types.Dict)
		for name := range uses[kind] {
			var d types.Dict
			switch o := c.out.at(list[name]).(type) {
			case types.StreamDict:
				d = o.Dict
			case types.Dict:
				d = o
			}
			own := d["Resources"] != nil
			switch {
			case d == nil && list[name] != nil: // a form that draws itself is not there yet
				return true
			case kind == "XObject" && d["Subtype"] == types.Name("Form") && !own,
				kind == "Font" && d["Subtype"] == types.Name("Type3") && !own,
				kind == "Pattern" && d["PatternType"] == types.Integer(1) && !own:
				return true
			}
		}
	}
	return false
}

func deflate(b []byte) []byte {
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	_, _ = w.Write(b) // a bytes.Buffer does not fail
	_ = w.Close()
	return z.Bytes()
}
