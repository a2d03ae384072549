package dicomfile

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
)

// charsets maps the numbers of ISO-IR defined terms to encodings (PS3.3 section
// C.12.1.1.2, tables C.12-2 to C.12-5).
var charsets = map[string]encoding.Encoding{
	"100": charmap.ISO8859_1, "101": charmap.ISO8859_2, "109": charmap.ISO8859_3,
	"110": charmap.ISO8859_4, "144": charmap.ISO8859_5, "127": charmap.ISO8859_6,
	"126": charmap.ISO8859_7, "138": charmap.ISO8859_8, "148": charmap.ISO8859_9,
	"203": charmap.ISO8859_15, "166": charmap.Windows874, "13": japanese.ShiftJIS,
	"87": japanese.EUCJP, "159": japanese.EUCJP, "149": korean.EUCKR, "58": simplifiedchinese.GBK,
}

// escapes maps what follows ESC to the set it selects (PS3.3 tables C.12-3 and
// C.12-4; ISO 2022). Sets in the lower half have no high bit.
var escapes = []struct {
	seq   string
	set   string
	upper bool
}{
	{"$(D", "159", false},
	{"$)C", "149", true},
	{"$)A", "58", true},
	{"$B", "87", false},
	{"$@", "87", false},
	{"(B", "", false},
	{"(J", "", false},
	{")I", "13", true},
	{"-A", "100", true},
	{"-B", "101", true},
	{"-C", "109", true},
	{"-D", "110", true},
	{"-L", "144", true},
	{"-G", "127", true},
	{"-F", "126", true},
	{"-H", "138", true},
	{"-M", "148", true},
	{"-b", "203", true},
	{"-T", "166", true},
}

// charset decodes the text of one data set.
type charset struct {
	whole   encoding.Encoding // multi-byte without code extensions; nil otherwise
	utf8    bool
	initial string // set in the upper half at the start of every value
}

// parseCharset reads (0008,0005); spellings that occur in practice, such as
// "ISO-IR 100", are understood.
func parseCharset(value string) charset {
	first, _, _ := strings.Cut(value, `\`)
	term := strings.NewReplacer("-", " ", "_", " ").Replace(strings.ToUpper(strings.Trim(first, " \t\r\n\x00")))
	switch term {
	case "GB18030":
		return charset{whole: simplifiedchinese.GB18030}
	case "GBK":
		return charset{whole: simplifiedchinese.GBK}
	case "ISO IR 192", "UTF 8":
		return charset{utf8: true}
	}
	n := term[strings.LastIndexByte(term, ' ')+1:]
	if n == "87" || n == "159" {
		n = ""
	}
	if charsets[n] == nil {
		n = ""
	}
	return charset{initial: n}
}

// decode gives the text as UTF-8. What cannot be decoded is taken as UTF-8 if
// it is that, and otherwise returned as the bytes it is.
func (c charset) decode(b []byte) string {
	if isASCII(b) && bytes.IndexByte(b, 0x1B) < 0 {
		return string(b)
	}
	switch {
	case c.utf8:
		return string(b)
	case c.whole != nil:
		return decodeWith(c.whole, b)
	case c.initial == "" && bytes.IndexByte(b, 0x1B) < 0:
		return guess(b)
	}
	return c.extended(b)
}

// guess reads high bytes that no character set declares: UTF-8, or Latin as
// Windows writes it.
func guess(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	return decodeWith(charmap.Windows1252, b)
}

// extended decodes text with ISO 2022 code extensions (PS3.5 section 6.1.2.5).
func (c charset) extended(b []byte) string {
	var out strings.Builder
	lower, upper := "", c.initial
	for len(b) > 0 {
		if b[0] == 0x1B {
			set, up, n := escape(b)
			if up {
				upper = set
			} else {
				lower = set
			}
			b = b[n:]
			continue
		}
		n := run(b)
		switch {
		case b[0] >= 0x80:
			out.WriteString(decodeSet(upper, b[:n]))
		case lower != "":
			out.WriteString(decodeLower(lower, b[:n]))
		default:
			if i := bytes.IndexAny(b[:n], "^=\\\r\n\f"); i >= 0 {
				n, upper = i+1, c.initial
			}
			out.Write(b[:n])
		}
		b = b[n:]
	}
	return out.String()
}

// escape reads the sequence at b.
func escape(b []byte) (set string, upper bool, n int) {
	for _, e := range escapes {
		if bytes.HasPrefix(b[1:], []byte(e.seq)) {
			return e.set, e.upper, 1 + len(e.seq)
		}
	}
	return "", false, 1
}

// run is the length of bytes of one half, up to the next escape.
func run(b []byte) int {
	high := b[0] >= 0x80
	for i, c := range b {
		if c == 0x1B || (c >= 0x80) != high {
			return i
		}
	}
	return len(b)
}

func decodeSet(set string, b []byte) string {
	enc := charsets[set]
	if enc == nil {
		return guess(b)
	}
	return decodeWith(enc, b)
}

// decodeLower decodes JIS X 0208 and 0212 of the lower half as EUC-JP.
func decodeLower(set string, b []byte) string {
	euc := make([]byte, 0, len(b)*2)
	for i, c := range b {
		if set == "159" && i%2 == 0 {
			euc = append(euc, 0x8F)
		}
		euc = append(euc, c|0x80)
	}
	return decodeWith(japanese.EUCJP, euc)
}

func decodeWith(enc encoding.Encoding, b []byte) string {
	out, err := enc.NewDecoder().Bytes(b)
	if err != nil {
		return string(b)
	}
	return string(out)
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}
