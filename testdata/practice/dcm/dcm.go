// Package dcm writes DICOM files for tests, benchmarks and the demonstration
// practice: the files a dental vendor's software would export, faults and
// indiscretions included. It writes what it is told and checks little, so that
// tests can write what no careful writer would.
//
// Formats follow DICOM PS3.5 (encoding) and PS3.10 section 7 (file format).
// It reads nothing, and no real patient's file ever passes through it.
package dcm

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Syntax is a transfer syntax UID (PS3.5 section 10).
type Syntax string

// The transfer syntaxes this package writes.
const (
	ImplicitLE   Syntax = "1.2.840.10008.1.2"      // PS3.5 A.1
	ExplicitLE   Syntax = "1.2.840.10008.1.2.1"    // PS3.5 A.2
	JPEGBaseline Syntax = "1.2.840.10008.1.2.4.50" // PS3.5 A.4.1, 8 bit lossy
)

// Attr names an attribute: its tag (group in the upper 16 bits) and the value
// representation it is written with.
type Attr struct {
	Tag uint32
	VR  string
}

// Element is one attribute with its value. Value is one of
//
//	string            text; several values separated by a backslash
//	int               text of an IS
//	[]byte            raw bytes, padded to even length
//	uint16, []uint16  US, OW
//	int16             SS
//	uint32, []uint32  UL
//	float32           FL
//	float64, []float64  FD
//	[]Dataset         a sequence, one item each
//	Fragments         encapsulated pixel data
//	Stream            bytes made while they are written
type Element struct {
	Attr
	Value any
}

// Fragments is encapsulated pixel data, one fragment per frame (PS3.5 A.4);
// the basic offset table is written for it.
type Fragments [][]byte

// Stream is a value of known, even length in bytes that is made while it is
// written, so that it need not be held in memory. Top level only.
type Stream struct {
	Length uint32
	Write  func(w io.Writer) error
}

// Dataset is a list of elements. It is written in the order of the tags.
type Dataset []Element

// Put sets an attribute, replacing an earlier value.
func (d *Dataset) Put(a Attr, value any) {
	for i := range *d {
		if (*d)[i].Tag == a.Tag {
			(*d)[i] = Element{a, value}
			return
		}
	}
	*d = append(*d, Element{a, value})
}

// PutAll sets every attribute of other.
func (d *Dataset) PutAll(other Dataset) {
	for _, e := range other {
		d.Put(e.Attr, e.Value)
	}
}

// Drop takes an attribute out.
func (d *Dataset) Drop(a Attr) {
	*d = slices.DeleteFunc(*d, func(e Element) bool { return e.Tag == a.Tag })
}

// Private adds a private block: the creator in (group,0010) and the elements
// in (group,10xx), where each element's tag is its last byte (PS3.5 7.8).
func (d *Dataset) Private(group uint16, creator string, elements ...Element) {
	base := uint32(group) << 16
	d.Put(Attr{base | 0x0010, "LO"}, creator)
	for _, e := range elements {
		d.Put(Attr{base | 0x1000 | e.Tag&0xFF, e.VR}, e.Value)
	}
}

// P makes an element for [Dataset.Private].
func P(last uint8, vr string, value any) Element {
	return Element{Attr{uint32(last), vr}, value}
}

// Code is one item of a code sequence (PS3.3 section 8).
func Code(value, scheme, meaning string) Dataset {
	var d Dataset
	d.Put(CodeValue, value)
	d.Put(CodingSchemeDesignator, scheme)
	d.Put(CodeMeaning, meaning)
	return d
}

// Seq makes a sequence value of the items given.
func Seq(items ...Dataset) []Dataset { return items }

// DS writes numbers as a decimal string: at most 16 characters each (PS3.5 6.2).
func DS(values ...float64) string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = decimal(v)
	}
	return strings.Join(out, `\`)
}

func decimal(v float64) string {
	for prec := 10; prec >= 0; prec-- {
		s := strconv.FormatFloat(v, 'f', prec, 64)
		if strings.Contains(s, ".") {
			s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
		}
		if s == "-0" {
			s = "0"
		}
		if len(s) <= 16 {
			return s
		}
	}
	return strconv.FormatFloat(v, 'e', 8, 64)
}

func (d Dataset) sorted() Dataset {
	out := slices.Clone(d)
	slices.SortStableFunc(out, func(a, b Element) int {
		return int(int64(a.Tag) - int64(b.Tag))
	})
	return out
}

func (d Dataset) text(a Attr) string {
	for _, e := range d {
		if e.Tag == a.Tag {
			return fmt.Sprint(e.Value)
		}
	}
	return ""
}
