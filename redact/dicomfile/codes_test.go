package dicomfile

import (
	"bytes"
	"context"
	"testing"

	"chartseal/redact"
)

// TestCodeMeanings: in limited and de-identified sets the meaning of a code
// stays only where its scheme is a published one and stands before it; what is
// said in one item does not count in the next.
func TestCodeMeanings(t *testing.T) {
	for _, e := range encodings[:6] {
		d := &dataset{syn: e.syn, undefined: e.undefined}
		d.text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.1.3").text(0x00080018, "UI", "1.2.3")
		code := func(i *dataset, scheme, meaning string) {
			i.text(0x00080100, "SH", "A-1").text(0x00080102, "SH", scheme).text(0x00080104, "LO", meaning)
		}
		d.seq(0x00082218, "SQ",
			func(i *dataset) {
				code(i, "SRT", "Tooth")
				i.seq(0x00082220, "SQ", func(j *dataset) { code(j, "99PRACTICE", "CANARY, Maria") })
			},
			func(i *dataset) { i.text(0x00080104, "LO", "CANARY two") },
			func(i *dataset) { code(i, "L", "CANARY three") },
			func(i *dataset) { i.text(0x00080104, "LO", "CANARY four").text(0x00080102, "SH", "SCT") },
		)
		d.text(0x00100010, "PN", "A^B").text(0x00280301, "CS", "NO")
		d.us(0x00280002, 1).us(0x00280010, 4).us(0x00280011, 4).us(0x00280100, 16)
		raw := d.el(tagPixelData, "OW", pixelBytes(1)).file(e.ts)
		for _, p := range redact.Profiles() {
			out, err := Clean(context.Background(), source(raw), p)
			if err != nil {
				t.Fatal(err)
			}
			b := cleaned(t, out)
			hidden := p == redact.LimitedSet || p == redact.Deidentified
			if bytes.Contains(b, []byte(canary)) == hidden || !bytes.Contains(b, []byte("Tooth")) {
				t.Errorf("%s, %s: meanings are not as they should be", e.name, p)
			}
		}
	}
}
