package dicomdir

import (
	"cmp"
	"slices"
	"strings"
)

// Content are the attributes that the records of other objects than images
// need.
type Content struct {
	Date, Time, Label, Description     string
	CreationDate, CreationTime         string // of a presentation state
	Completion, Verification, Verified string // of a report
	DocumentTitle                      string
	Concept                            Code // the title of a report or a document
	References                         []Reference
}

// Code is a coded concept (PS3.3 section 8).
type Code struct{ Value, Scheme, Meaning string }

// whole: the three parts are Type 1.
func (c Code) whole() bool { return c.Value != "" && c.Scheme != "" && c.Meaning != "" }

// Reference is an image that a presentation state is of.
type Reference struct{ SeriesUID, SOPClassUID, SOPInstanceUID string }

// storage is the root of the storage SOP classes (PS3.4 B.5).
const storage = "1.2.840.10008.5.1.4.1.1."

// recordTypes maps the part of a SOP class UID after the root to the type of
// its directory record (PS3.3 table F.4-1); the longest prefix of whole
// components wins. Raw data, spectroscopy, measurements, radiotherapy and what is not here
// travel unlisted.
var recordTypes = map[string]string{
	"1": "IMAGE", "2": "IMAGE", "3": "IMAGE", "4": "IMAGE", "4.2": "", "5": "IMAGE", "6": "IMAGE", "7": "IMAGE",
	"12": "IMAGE", "13": "IMAGE", "14": "IMAGE", "20": "IMAGE", "30": "IMAGE", "66.4": "IMAGE", "66.7": "IMAGE", "66.8": "IMAGE",
	"77": "IMAGE", "77.1.5.3": "", "81": "IMAGE", "82": "IMAGE", "128": "IMAGE", "130": "IMAGE", "481.1": "IMAGE",
	"9.1": "WAVEFORM", "9.2": "WAVEFORM", "9.3": "WAVEFORM", "9.4": "WAVEFORM", "9.5": "WAVEFORM", "9.6": "WAVEFORM",
	"9.7": "WAVEFORM", "9.8": "WAVEFORM", "9.100": "WAVEFORM", "11.1": "PRESENTATION", "11.2": "PRESENTATION", "11.3": "PRESENTATION",
	"66.1": "REGISTRATION", "66.3": "REGISTRATION", "66.2": "FIDUCIAL", "66.5": "SURFACE", "66.6": "TRACT", "67": "VALUE MAP",
	"68.1": "SURFACE SCAN", "68.2": "SURFACE SCAN",
	"88": "SR DOCUMENT", "88.59": "KEY OBJECT DOC",
	"104.1": "ENCAP DOC", "104.2": "ENCAP DOC", "104.3": "ENCAP DOC", "104.4": "ENCAP DOC", "104.5": "ENCAP DOC",
}

// mimeTypes are the types of the encapsulated documents (PS3.3 A.45, A.85,
// A.104).
var mimeTypes = map[string]string{
	"104.1": "application/pdf", "104.2": "text/XML", "104.3": "model/stl", "104.4": "model/obj", "104.5": "model/mtl",
}

// recordType is the type of the directory record for a SOP class, or "" for
// one that is not listed.
func recordType(class string) string {
	rest, ok := strings.CutPrefix(class, storage)
	for ok && rest != "" {
		if typ, known := recordTypes[rest]; known {
			return typ
		}
		rest = rest[:max(0, strings.LastIndexByte(rest, '.'))]
	}
	return ""
}

// listable reports whether the attributes are there that a record of the type
// must have and that cannot be made up.
func (c *Content) listable(typ string) bool {
	switch typ {
	case "":
		return false
	case "SR DOCUMENT":
		complete := []string{"PARTIAL", "COMPLETE"}
		verified := c.Verification == "UNVERIFIED" || c.Verification == "VERIFIED" && moment(c.Verified) != ""
		return slices.Contains(complete, c.Completion) && verified && c.Concept.whole()
	case "KEY OBJECT DOC":
		return c.Concept.whole()
	case "PRESENTATION":
		for _, r := range c.References {
			if !validUID(r.SeriesUID) || !validUID(r.SOPClassUID) || !validUID(r.SOPInstanceUID) {
				return false
			}
		}
		return len(c.References) > 0 && date(c.CreationDate) != "" && clock(c.CreationTime) != "" && code(c.Label) != ""
	case "REGISTRATION", "FIDUCIAL", "SURFACE", "TRACT", "VALUE MAP":
		return code(c.Label) != ""
	}
	return true
}

// contentRecord follows PS3.3 F.5.19 and later; n numbers the instances of the
// series.
func contentRecord(x *Instance, typ string, n int) *node {
	var e elements
	c := &x.Content
	number := integer(x.InstanceNumber, n)
	switch typ {
	case "PRESENTATION":
		e.charset(c.Description)
		e.references(c.References)
		e.text(0x0020, 0x0013, "IS", number)
		e.label(c)
		e.text(0x0070, 0x0082, "DA", date(c.CreationDate))
		e.text(0x0070, 0x0083, "TM", clock(c.CreationTime))
		e.text(0x0070, 0x0084, "PN", "")
	case "SR DOCUMENT", "KEY OBJECT DOC":
		e.charset(c.Concept.Meaning)
		e.when(c)
		e.text(0x0020, 0x0013, "IS", number)
		if c.Verification == "VERIFIED" && typ == "SR DOCUMENT" {
			e.text(0x0040, 0xA030, "DT", moment(c.Verified))
		}
		e.concept(c.Concept)
		if typ == "SR DOCUMENT" {
			e.text(0x0040, 0xA491, "CS", c.Completion)
			e.text(0x0040, 0xA493, "CS", c.Verification)
		}
	case "ENCAP DOC":
		e.charset(c.DocumentTitle, c.Concept.Meaning)
		e.text(0x0008, 0x0023, "DA", date(c.Date))
		e.text(0x0008, 0x0033, "TM", clock(c.Time))
		e.text(0x0020, 0x0013, "IS", number)
		e.concept(c.Concept)
		e.text(0x0042, 0x0010, "ST", text(c.DocumentTitle, 1024))
		e.text(0x0042, 0x0012, "LO", mimeTypes[strings.TrimPrefix(x.SOPClassUID, storage)])
	case "WAVEFORM", "SURFACE SCAN":
		e.when(c)
		e.text(0x0020, 0x0013, "IS", number)
	default: // with a Content Identification (PS3.3 table 10-12)
		e.charset(c.Description)
		e.when(c)
		e.text(0x0020, 0x0013, "IS", number)
		e.label(c)
		e.text(0x0070, 0x0084, "PN", "")
	}
	return &node{typ: typ, keys: e.b, file: x}
}

// when writes the content's date and time, which must be there.
func (e *elements) when(c *Content) {
	e.text(0x0008, 0x0023, "DA", cmp.Or(date(c.Date), noDate))
	e.text(0x0008, 0x0033, "TM", cmp.Or(clock(c.Time), noTime))
}

func (e *elements) label(c *Content) {
	e.text(0x0070, 0x0080, "CS", code(c.Label))
	e.text(0x0070, 0x0081, "LO", text(c.Description, 64))
}

// concept writes a title; none is an empty sequence.
func (e *elements) concept(c Code) {
	if !c.whole() {
		e.emptySequence(0x0040, 0xA043)
		return
	}
	var in elements
	in.text(0x0008, 0x0100, "SH", text(c.Value, 16))
	in.text(0x0008, 0x0102, "SH", text(c.Scheme, 16))
	in.text(0x0008, 0x0104, "LO", text(c.Meaning, 64))
	e.items(0x0040, 0xA043, in.b)
}

// references writes the images of a presentation state, series by series.
func (e *elements) references(list []Reference) {
	var series [][]byte
	for len(list) > 0 {
		n := 1
		for n < len(list) && list[n].SeriesUID == list[0].SeriesUID {
			n++
		}
		var images [][]byte
		for _, r := range list[:n] {
			var in elements
			in.uid(0x0008, 0x1150, r.SOPClassUID)
			in.uid(0x0008, 0x1155, r.SOPInstanceUID)
			images = append(images, in.b)
		}
		var in elements
		in.items(0x0008, 0x1140, images...)
		in.uid(0x0020, 0x000E, list[0].SeriesUID)
		series = append(series, in.b)
		list = list[n:]
	}
	e.items(0x0008, 0x1115, series...)
}

// moment takes a date and time (PS3.5 section 6.2, DT) up to the second.
func moment(s string) string {
	whole, _, _ := strings.Cut(strings.TrimSpace(s), ".")
	if len(whole) < 8 || len(whole) > 14 || len(whole)%2 == 1 || strings.Trim(whole, "0123456789") != "" {
		return ""
	}
	return whole
}
