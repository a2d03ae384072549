package splice_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"chartseal/redact/splice"
)

func TestPlanAgainstBytes(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	src := make([]byte, 5000)
	for i := range src {
		src[i] = byte(rng.Uint32())
	}
	for range 200 {
		p, want := splice.New(bytes.NewReader(src)), []byte(nil)
		for range rng.IntN(20) {
			off := rng.IntN(len(src))
			n := rng.IntN(len(src) - off + 1)
			if rng.IntN(2) == 0 {
				p.Range(int64(off), int64(n))
			} else {
				n = min(n, 9)
				p.Literal(src[off : off+n])
			}
			want = append(want, src[off:off+n]...)
		}
		if p.Size() != int64(len(want)) {
			t.Fatalf("size %d, want %d", p.Size(), len(want))
		}
		if err := iotest.TestReader(io.NewSectionReader(p, 0, p.Size()), want); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(iotest.OneByteReader(p.Body(context.Background())))
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("streamed output differs: %v", err)
		}
	}
}

func TestNeighboursAreOnePiece(t *testing.T) {
	p := splice.New(strings.NewReader("abc"))
	for i := range int64(splice.MaxSegments + 10) {
		p.Range(i, 1)
	}
	if err := p.Check(); err != nil {
		t.Errorf("adjacent ranges: %v", err)
	}
	for range splice.MaxSegments + 10 {
		p.Literal([]byte("x"))
	}
	if err := p.Check(); !errors.Is(err, splice.ErrSegments) {
		t.Errorf("got %v, want ErrSegments", err)
	}
}

func TestShrunkenSourceFails(t *testing.T) {
	p := splice.New(strings.NewReader("abc"))
	p.Range(1, 4)
	if _, err := io.ReadAll(p.Body(context.Background())); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v, want io.ErrUnexpectedEOF", err)
	}
}

func TestBodyStops(t *testing.T) {
	p := splice.New(strings.NewReader("abc"))
	p.Range(0, 3)
	ctx, cancel := context.WithCancel(context.Background())
	b := p.Body(ctx)
	cancel()
	if _, err := b.Read(make([]byte, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("after cancel: %v", err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if _, err := b.Read(make([]byte, 1)); err == nil {
		t.Error("a closed body reads")
	}
}

func TestScanner(t *testing.T) {
	src := bytes.Repeat([]byte("0123456789"), 20000)
	s := splice.NewScanner(context.Background(), bytes.NewReader(src), int64(len(src)))
	if err := iotest.TestReader(io.NewSectionReader(bytes.NewReader(src), 0, 3), src[:3]); err != nil {
		t.Fatal(err)
	}
	s.MoveTo(65530)
	b, err := s.Next(100)
	if err != nil || !bytes.Equal(b, src[65530:65630]) {
		t.Errorf("next across windows: %q, %v", b, err)
	}
	s.MoveTo(0)
	if all, err := io.ReadAll(s); err != nil || !bytes.Equal(all, src) {
		t.Errorf("read all: %d bytes, %v", len(all), err)
	}
	if _, err := s.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("byte at the end: %v", err)
	}
	if _, err := s.Window(1); !errors.Is(err, io.ErrUnexpectedEOF) || s.Err() == nil {
		t.Errorf("window at the end: %v", err)
	}
}
