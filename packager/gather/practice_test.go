package gather

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"chartseal/order"
	"chartseal/redact/dicomfile"
)

// image describes a small but whole DICOM file.
type image struct{ id, name, birth, study, class string }

var maria = image{id: "10432", name: "Alvarez^Maria", birth: "19840309", study: "20250503"}

func (im image) bytes() []byte {
	const explicitLittle = "1.2.840.10008.1.2.1"
	class := im.class
	if class == "" {
		class = "1.2.840.10008.5.1.4.1.1.1.3" // Digital Intra-Oral X-Ray, For Presentation
	}
	var meta, body bytes.Buffer
	element(&meta, 0x0002, 0x0001, "OB", "\x00\x01")
	element(&meta, 0x0002, 0x0002, "UI", class)
	element(&meta, 0x0002, 0x0003, "UI", "1.2.3.4")
	element(&meta, 0x0002, 0x0010, "UI", explicitLittle)
	element(&body, 0x0008, 0x0016, "UI", class)
	element(&body, 0x0008, 0x0018, "UI", "1.2.3.4")
	element(&body, 0x0008, 0x0020, "DA", im.study)
	element(&body, 0x0008, 0x0060, "CS", "IO")
	element(&body, 0x0010, 0x0010, "PN", im.name)
	element(&body, 0x0010, 0x0020, "LO", im.id)
	element(&body, 0x0010, 0x0030, "DA", im.birth)
	element(&body, 0x0028, 0x0010, "US", "\x01\x00")
	element(&body, 0x0028, 0x0011, "US", "\x02\x00")
	element(&body, 0x0028, 0x0100, "US", "\x08\x00")
	element(&body, 0x7fe0, 0x0010, "OB", "\x01\x02")
	var file bytes.Buffer
	file.Write(make([]byte, 128))
	file.WriteString("DICM")
	length := binary.LittleEndian.AppendUint32(nil, uint32(meta.Len()))
	element(&file, 0x0002, 0x0000, "UL", string(length))
	file.Write(meta.Bytes())
	file.Write(body.Bytes())
	return file.Bytes()
}

// element writes one element in explicit little endian (PS3.5 7.1.2).
func element(b *bytes.Buffer, group, elem uint16, vr, value string) {
	if len(value)%2 == 1 {
		pad := " "
		if vr == "UI" {
			pad = "\x00"
		}
		value += pad
	}
	head := binary.LittleEndian.AppendUint16(nil, group)
	head = binary.LittleEndian.AppendUint16(head, elem)
	head = append(head, vr...)
	if vr == "OB" {
		head = append(head, 0, 0)
		head = binary.LittleEndian.AppendUint32(head, uint32(len(value)))
	} else {
		head = binary.LittleEndian.AppendUint16(head, uint16(len(value)))
	}
	b.Write(head)
	b.WriteString(value)
}

// practice is a folder of records on disk.
type practice struct {
	t   *testing.T
	dir string
}

func newPractice(t *testing.T) practice {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	p := practice{t, dir}
	p.mkdir("records")
	return p
}

func (p practice) path(rel string) string { return filepath.Join(p.dir, filepath.FromSlash(rel)) }

func (p practice) mkdir(rel string) {
	p.t.Helper()
	if err := os.MkdirAll(p.path(rel), 0o755); err != nil {
		p.t.Fatal(err)
	}
}

func (p practice) put(rel string, data []byte) { p.t.Helper(); mustPut(p.t, p, rel, data) }

func mustPut(t testing.TB, p practice, rel string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(p.path(rel)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p.path(rel), data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func (p practice) pdf(rel string) { p.t.Helper(); p.put(rel, []byte("%PDF-1.7\n%%EOF\n")) }

// modified sets the day a file was last changed.
func (p practice) modified(rel, day string) {
	p.t.Helper()
	at, err := time.Parse(isoDate, day)
	if err != nil {
		p.t.Fatal(err)
	}
	at = at.Add(12 * time.Hour)
	if err := os.Chtimes(p.path(rel), at, at); err != nil {
		p.t.Fatal(err)
	}
}

func (p practice) source(kind, path string) Source {
	return Source{Kind: kind, Path: p.dir + "/" + path}
}

func sniffPDF(head []byte) bool  { return bytes.HasPrefix(head, []byte("%PDF-")) }
func sniffJPEG(head []byte) bool { return bytes.HasPrefix(head, []byte{0xff, 0xd8, 0xff}) }

// request asks for all kinds of Maria Alvarez.
func (p practice) request(sources ...Source) Request {
	return Request{
		Patient:    order.Patient{ID: "10432", Name: "Alvarez, Maria", BirthDate: day(p.t, "1984-03-09")},
		Scope:      order.Records{Kinds: []string{"all"}},
		Sources:    sources,
		Identify:   dicomfile.Identify,
		SniffDICOM: dicomfile.Sniff,
		Formats:    []Format{{"pdf", sniffPDF}, {"jpeg", sniffJPEG}},
		Zone:       time.UTC,
	}
}

func (p practice) collect(req Request) *Collection {
	p.t.Helper()
	c, err := Collect(p.t.Context(), req)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		if err := c.Close(); err != nil {
			p.t.Error(err)
		}
	})
	return c
}

func paths(c *Collection) []string {
	var out []string
	for _, it := range c.Items {
		out = append(out, it.Path)
	}
	return out
}

func wantPaths(t *testing.T, c *Collection, want ...string) {
	t.Helper()
	if got := paths(c); !slices.Equal(got, want) {
		t.Errorf("items %q, want %q", got, want)
	}
}

func wantNoProblems(t *testing.T, c *Collection) {
	t.Helper()
	for _, r := range c.Problems {
		t.Errorf("unexpected problem %s: %s %q", r.Rule, r.Message, r.Items)
	}
}

// wantProblem asks for exactly one problem, with these items.
func wantProblem(t *testing.T, c *Collection, rule, message string, items ...string) {
	t.Helper()
	if len(c.Problems) != 1 {
		t.Fatalf("%d problems, want 1: %+v", len(c.Problems), c.Problems)
	}
	r := c.Problems[0]
	if r.Rule != rule || !r.Stops() || r.Citation == "" || !slices.Equal(r.Items, items) {
		t.Errorf("problem %+v, want rule %s with items %q", r, rule, items)
	}
	if !bytes.Contains([]byte(r.Message), []byte(message)) || !bytes.Contains([]byte(r.Message), []byte("Nothing was sent.")) {
		t.Errorf("message %q, want %q", r.Message, message)
	}
}

func day(t *testing.T, s string) order.Date {
	t.Helper()
	d, err := order.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// absolute gives a Unix path the volume that Windows wants.
func absolute(path string) string {
	if os.PathSeparator == '\\' && len(path) > 0 && path[0] == '/' {
		return "C:" + path
	}
	return path
}
