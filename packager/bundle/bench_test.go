package bundle_test

import (
	"os"
	"testing"

	"chartseal/packager/bundle"
	"chartseal/packager/seal"
)

// volume is a synthetic cone-beam volume of 16-bit samples with noise in the
// low bits, as scanners give.
func volume(mib int) []byte {
	b := noise(mib<<20, 7)
	for i := 1; i < len(b); i += 2 {
		b[i-1] = b[i-1]&0x3F | byte(i>>15)<<6
		b[i] = byte(i>>17)&3 + 1
	}
	return b
}

func benchmarkWrite(b *testing.B, compress bool) {
	s := newSigner(b)
	key, err := seal.GenerateKey(false)
	if err != nil {
		b.Fatal(err)
	}
	to, err := seal.ParseRecipients([]string{key.Public})
	if err != nil {
		b.Fatal(err)
	}
	data := volume(64)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		out := &counter{}
		sealed, err := seal.NewWriter(out, to)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := write(b, sealed, s, header(s), bundle.Options{Compress: compress}, []content{
			{bundle.Record{Kind: "cbct", DICOM: instance("CT", 1, 1)}, "DICOM", data},
		}); err != nil {
			b.Fatal(err)
		}
		if err := sealed.Close(); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(out.n)/float64(len(data)), "ratio")
	}
}

type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) { c.n += int64(len(p)); return len(p), nil }

// Packing and sealing, from memory to nowhere.
func BenchmarkWriteStored(b *testing.B)   { benchmarkWrite(b, false) }
func BenchmarkWriteDeflated(b *testing.B) { benchmarkWrite(b, true) }

func benchmarkVerify(b *testing.B, compress bool) {
	s := newSigner(b)
	key, err := seal.GenerateKey(false)
	if err != nil {
		b.Fatal(err)
	}
	to, err := seal.ParseRecipients([]string{key.Public})
	if err != nil {
		b.Fatal(err)
	}
	data := volume(64)
	f, err := os.CreateTemp(b.TempDir(), "")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	sealed, err := seal.NewWriter(f, to)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := write(b, sealed, s, header(s), bundle.Options{Compress: compress}, []content{
		{bundle.Record{Kind: "cbct", DICOM: instance("CT", 1, 1)}, "DICOM", data},
	}); err != nil {
		b.Fatal(err)
	}
	if err := sealed.Close(); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		r, n, err := sealed.Opener().Open(f, sealed.Size())
		if err != nil {
			b.Fatal(err)
		}
		if _, err := bundle.Verify(b.Context(), r, n, s.pub); err != nil {
			b.Fatal(err)
		}
	}
}

// Reading a sealed file back: decrypting and checking every digest.
func BenchmarkVerifyStored(b *testing.B)   { benchmarkVerify(b, false) }
func BenchmarkVerifyDeflated(b *testing.B) { benchmarkVerify(b, true) }
