package pdffile

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// textString decodes a text string (section 7.9.2.2): UTF-16 or UTF-8 with a byte
// order mark, else PDFDocEncoding. Two things that the standard does not know and
// programs write are taken too: UTF-16 in the other byte order, and UTF-8 without
// a mark, which in PDFDocEncoding would make no word of any language. It reports
// false for what is none of these.
func textString(b []byte) (string, bool) {
	switch {
	case bytes.HasPrefix(b, []byte{0xFE, 0xFF}):
		return utf16Text(b[2:], binary.BigEndian)
	case bytes.HasPrefix(b, []byte{0xFF, 0xFE}):
		return utf16Text(b[2:], binary.LittleEndian)
	case bytes.HasPrefix(b, []byte{0xEF, 0xBB, 0xBF}):
		return string(b[3:]), utf8.Valid(b[3:])
	case utf8.Valid(b) && !bytes.ContainsFunc(b, func(r rune) bool { return r >= 0x18 && r < ' ' }):
		return string(b), true
	}
	var out strings.Builder
	for _, c := range b {
		r := docEncoding(c)
		if r == utf8.RuneError {
			return "", false
		}
		out.WriteRune(r)
	}
	return out.String(), true
}

func utf16Text(b []byte, order binary.ByteOrder) (string, bool) {
	if len(b)%2 != 0 {
		return "", false
	}
	units := make([]uint16, 0, len(b)/2)
	for i := 0; i < len(b); i += 2 {
		units = append(units, order.Uint16(b[i:]))
	}
	runes := utf16.Decode(units)
	var out strings.Builder
	language := false // between two escapes stands the language of what follows (7.9.2.2)
	for _, r := range runes {
		switch {
		case r == 0x1B:
			language = !language
		case r == utf8.RuneError:
			return "", false
		case !language:
			out.WriteRune(r)
		}
	}
	return out.String(), !language
}

// docSigns are what PDFDocEncoding has between 0x18 and 0x1F and between 0x80
// and 0xA0 (table D.2).
var docSigns = map[byte]rune{
	0x18: '˘', 0x19: 'ˇ', 0x1A: 'ˆ', 0x1B: '˙', 0x1C: '˝', 0x1D: '˛', 0x1E: '˚', 0x1F: '˜',
	0x80: '•', 0x81: '†', 0x82: '‡', 0x83: '…', 0x84: '—', 0x85: '–', 0x86: 'ƒ', 0x87: '⁄',
	0x88: '‹', 0x89: '›', 0x8A: '−', 0x8B: '‰', 0x8C: '„', 0x8D: '“', 0x8E: '”', 0x8F: '‘',
	0x90: '’', 0x91: '‚', 0x92: '™', 0x93: 'ﬁ', 0x94: 'ﬂ', 0x95: 'Ł', 0x96: 'Œ', 0x97: 'Š',
	0x98: 'Ÿ', 0x99: 'Ž', 0x9A: 'ı', 0x9B: 'ł', 0x9C: 'œ', 0x9D: 'š', 0x9E: 'ž', 0xA0: '€',
}

// docEncoding is the character of a byte in PDFDocEncoding, which is Latin 1 but
// for its signs; utf8.RuneError where it has none.
func docEncoding(c byte) rune {
	if r, ok := docSigns[c]; ok {
		return r
	}
	switch c {
	case 0x7F, 0x9F, 0xAD:
		return utf8.RuneError
	}
	return rune(c)
}
