package bundle_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"aead.dev/minisign"

	"chartseal/packager/bundle"
	"chartseal/packager/bundle/dicomdir"
	"chartseal/redact"
)

// signer is a practice's key.
type signer struct {
	pub  string
	priv minisign.PrivateKey
}

func newSigner(t testing.TB) signer {
	t.Helper()
	return signerFrom(t, rand.Reader)
}

// steadySigner has the same key in every run: no key or signature happens to spell what a
// test looks for.
func steadySigner(t testing.TB) signer {
	t.Helper()
	return signerFrom(t, bytes.NewReader(bytes.Repeat([]byte{7}, 32)))
}

func signerFrom(t testing.TB, random io.Reader) signer {
	t.Helper()
	pub, priv, err := minisign.GenerateKey(random)
	if err != nil {
		t.Fatal(err)
	}
	return signer{pub.String(), priv}
}

var sentAt = time.Date(2026, 11, 18, 9, 30, 7, 0, time.UTC)

func header(s signer) bundle.Header {
	return bundle.Header{
		Order: "R-2026-0113", Reference: "k7dq2m5xw3ha", Created: sentAt,
		Practice: bundle.Practice{
			Name: "Lakeside Dental", Address: "1 Main Street, Albany NY",
			Contact:   bundle.Contact{Name: "Privacy Officer", Phone: "+1 518 555 0100", Email: "privacy@lakeside.example"},
			PublicKey: s.pub,
		},
		Recipient: bundle.Recipient{Name: "Dr. Chen Endodontics", Kind: "provider"},
		Unlock:    "key", Keys: []string{"0123456789abcdef"},
		Basis: "treatment", Purpose: "Referral for root canal", Profile: "treatment",
		ProfileDigests: map[string]string{"dicom": "aa"}, Tool: "chartseal 1.0.0",
		Patient: &bundle.Patient{ID: "10432", Name: "Alvarez, Maria", BirthDate: "1984-03-09"},
		Scope:   &bundle.Scope{Kinds: []string{"chart", "radiograph", "cbct"}, From: "2023-01-01", To: "2026-11-18"},
	}
}

// content is a record for a test.
type content struct {
	rec    bundle.Record
	format string
	data   []byte
}

func samples() []content {
	list := []content{
		{bundle.Record{Kind: "chart", Name: "Progress notes.PDF", Date: "2025-05-03"}, "PDF", bytes.Repeat([]byte("%PDF text "), 1000)},
		{bundle.Record{Kind: "photo", Name: "Ünïcode Lächeln.jpeg", Date: "2024-02-29"}, "JPEG", noise(70_000, 1)},
		{bundle.Record{Kind: "photo", Name: `C:\fakepath\CON.jpg`}, "JPEG", nil},
		{bundle.Record{Kind: "radiograph", Name: "pano.dcm", Date: "2025-05-03", DICOM: instance("PX", 1, 1)}, "DICOM", noise(300_000, 2)},
		{bundle.Record{Kind: "model", Name: "upper jaw.stl", Date: "2025-01-01"}, "STL", bytes.Repeat([]byte("facet normal "), 500_000)},
	}
	for i := range 5 {
		list = append(list, content{
			bundle.Record{Kind: "cbct", Name: fmt.Sprintf("slice%d", i), Date: "2025-06-01", DICOM: instance("CT", 2, i+1)},
			"DICOM", append(noise(2000, i), make([]byte, 50_000)...),
		})
	}
	return list
}

func instance(modality string, series, n int) *dicomdir.Instance {
	return &dicomdir.Instance{
		PatientID: "10432", PatientName: "Alvarez^María", BirthDate: "19840309",
		StudyUID: "1.2.3", StudyDate: "20250503", StudyTime: "101500", StudyDescription: "Before root canal",
		SeriesUID: fmt.Sprintf("1.2.3.%d", series), Modality: modality, SeriesNumber: fmt.Sprint(series),
		SOPClassUID: "1.2.840.10008.5.1.4.1.1.2", SOPInstanceUID: fmt.Sprintf("1.2.3.%d.%d", series, n),
		TransferSyntax: "1.2.840.10008.1.2.1", InstanceNumber: fmt.Sprint(n),
	}
}

// noise is n bytes that do not compress, always the same for one seed.
func noise(n, seed int) []byte {
	b := make([]byte, n)
	x := uint32(seed*2654435761 + 1)
	for i := range b {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		b[i] = byte(x)
	}
	return b
}

// body counts Close.
type body struct {
	io.Reader
	closed *int
}

func (b body) Close() error { *b.closed++; return nil }

func output(format string, r io.Reader, size int64, closed *int) *redact.Output {
	return &redact.Output{Size: size, Body: body{r, closed}, Report: redact.Report{
		Format:  format,
		Removed: []redact.Removal{{Item: "(0010,1040)", Rule: "address", Reason: "Home address", Count: 1}},
	}}
}

// build makes a bundle of the records.
func build(t testing.TB, s signer, h bundle.Header, opts bundle.Options, list []content) ([]byte, bundle.Manifest) {
	t.Helper()
	var buf bytes.Buffer
	m, err := write(t, &buf, s, h, opts, list)
	if err != nil {
		t.Fatal(err)
	}
	return buf.Bytes(), m
}

func write(t testing.TB, to io.Writer, s signer, h bundle.Header, opts bundle.Options, list []content) (bundle.Manifest, error) {
	t.Helper()
	w := bundle.NewWriter(to, h, opts)
	closed := 0
	for _, c := range list {
		if err := w.Add(t.Context(), c.rec, output(c.format, bytes.NewReader(c.data), int64(len(c.data)), &closed)); err != nil {
			return bundle.Manifest{}, errors.Join(err, w.Close())
		}
	}
	if closed != len(list) {
		t.Errorf("%d of %d bodies closed", closed, len(list))
	}
	m, err := w.Finish(t.Context(), bundle.SignManifest(s.priv, bundle.TrustedComment(h.Reference, h.Created)))
	return m, errors.Join(err, w.Close())
}
