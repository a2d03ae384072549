package ledger

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// A crash can leave any part of the last line. The ledger opens, keeps what
// was acknowledged, moves the rest aside, and takes the entry again.
func TestCrashInTheMiddleOfALine(t *testing.T) {
	const segment = "2026.jsonl"
	whole := t.TempDir()
	l := openLedger(t, whole, at(2026))
	fill(t, l, 1, 2)
	before, err := os.ReadFile(filepath.Join(whole, segment))
	if err != nil {
		t.Fatal(err)
	}
	acknowledged := l.Head()
	fill(t, l, 3, 3)
	text, err := os.ReadFile(filepath.Join(whole, segment))
	if err != nil {
		t.Fatal(err)
	}
	for cut := len(before); cut < len(text); cut++ {
		if near := min(cut-len(before), len(text)-cut); near > 3 && near%19 != 0 {
			continue // every cut opens and syncs files
		}
		dir := t.TempDir()
		path := filepath.Join(dir, segment)
		if err := os.WriteFile(path, text[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		if r := verify(t, dir, acknowledged); r.Torn != int64(cut-len(before)) || r.Head != acknowledged {
			t.Fatalf("cut at %d: report %+v", cut, r)
		}
		l := openLedger(t, dir, at(2026))
		rec := l.Recovered()
		switch missing := len(text) - cut; {
		case cut == len(before):
			if rec != nil {
				t.Fatalf("cut at %d: recovered %+v", cut, rec)
			}
		case missing == 1: // all but the line feed
			if rec == nil || rec.File != "" || l.Head().Seq != 3 {
				t.Fatalf("cut at %d: recovered %+v, head %+v", cut, rec, l.Head())
			}
		default:
			if rec == nil || rec.Bytes != int64(cut-len(before)) || l.Head() != acknowledged {
				t.Fatalf("cut at %d: recovered %+v, head %+v", cut, rec, l.Head())
			}
			if torn, err := os.ReadFile(filepath.Join(dir, rec.File)); err != nil || !bytes.Equal(torn, text[len(before):cut]) {
				t.Fatalf("cut at %d: moved aside %q, %v", cut, torn, err)
			}
		}
		fill(t, l, 3, 3)
		if r := verify(t, dir, l.Head()); r.Head.Seq != 3 || r.Torn != 0 {
			t.Fatalf("cut at %d: afterwards %+v", cut, r)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// Some file systems leave zeros where a power cut kept data from the disk.
func TestZerosAtTheEnd(t *testing.T) {
	const segment = "2026.jsonl"
	for name, tail := range map[string][]byte{
		"zeros":                    make([]byte, 700),
		"zeros and a line feed":    append(make([]byte, 700), '\n'),
		"line with zeros in front": append(make([]byte, 512), "referral\",\"hash\":\"00\"}\n"...),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			l := openLedger(t, dir, at(2026))
			fill(t, l, 1, 2)
			head := l.Head()
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			if err := appendTo(filepath.Join(dir, segment), string(tail)); err != nil {
				t.Fatal(err)
			}
			if r := verify(t, dir, head); r.Torn != int64(len(tail)) {
				t.Errorf("report %+v", r)
			}
			l = openLedger(t, dir, at(2026))
			if rec := l.Recovered(); rec == nil || rec.Bytes != int64(len(tail)) || l.Head() != head {
				t.Errorf("recovered %+v, head %+v", rec, l.Head())
			}
			fill(t, l, 3, 3)
		})
	}
}

// A page of the last line that did not reach the disk leaves zeros between a beginning and
// an end that did; the head of the entry was promised, and it is told as a crash.
func TestZerosInTheMiddleOfTheLastLine(t *testing.T) {
	dir := t.TempDir()
	l := openSigned(t, dir, at(2026))
	fill(t, l, 1, 2)
	before, err := HeadFile(dir)
	if err != nil {
		t.Fatal(err)
	}
	fill(t, l, 3, 3)
	promise, err := HeadFile(dir)
	if err = errors.Join(err, l.Close()); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "2026.jsonl")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	hole := len(text) - 200 // in the third line, before its hash
	for i := hole; i < hole+60; i++ {
		text[i] = 0
	}
	for name, b := range map[string][]byte{"2026.jsonl": text, headName: before, headNew: promise} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := VerifySigned(t.Context(), dir, testPub()); err != nil || r.Torn == 0 || r.Head.Seq != 2 {
		t.Errorf("%+v, %v", r, err)
	}
	l = openSigned(t, dir, at(2026))
	if rec := l.Recovered(); rec == nil || rec.File == "" || l.Head().Seq != 2 {
		t.Errorf("recovered %+v, head %+v", rec, l.Head())
	}
	fill(t, l, 3, 3)
	if err := os.WriteFile(file, text, 0o600); err != nil { // zeros written over an entry that was acknowledged
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, headName), promise, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = VerifySigned(t.Context(), dir, testPub())
	wantFault(t, err, 3, Cut)
}

// An incomplete line that is not the last of the ledger is no crash.
func TestTornInTheMiddle(t *testing.T) {
	years, lines, _ := written(t)
	lines[years[0]][3] = lines[years[0]][3][:50]
	dir := write(t, lines)
	if _, err := Verify(t.Context(), dir); err == nil {
		t.Error("verify passes")
	}
	if _, err := Open(dir, at(2026).now); err == nil {
		t.Error("open passes")
	}
}

// A segment that was made and never written to is in nobody's way.
func TestEmptySegment(t *testing.T) {
	years, lines, head := written(t)
	dir := write(t, lines)
	if err := os.WriteFile(filepath.Join(dir, "2027.jsonl"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	verify(t, dir, head)
	l := openLedger(t, dir, at(2027))
	fill(t, l, 13, 13)
	if r := verify(t, dir, l.Head()); len(r.Segments) != len(years)+1 {
		t.Errorf("report %+v", r)
	}
}

func FuzzChain(f *testing.F) {
	dir := f.TempDir()
	l, err := Open(dir, at(2026).now)
	if err != nil {
		f.Fatal(err)
	}
	for i := range 3 {
		if _, err = l.Append(f.Context(), sent(i)); err != nil {
			f.Fatal(err)
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "2026.jsonl"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add(text[:len(text)-1])
	f.Add([]byte("\x00\n"))
	f.Add([]byte(`{"v":1,"seq":` + "\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var c chain
		n := uint64(0)
		rest, err := c.segment(t.Context(), "2026.jsonl", bytes.NewReader(text), func(h header, line []byte, at int64) bool {
			n++
			if h.seq != n || !bytes.Equal(text[at:at+int64(len(line))], line) {
				t.Fatalf("entry %d at %d is not what was read", n, at)
			}
			return true
		})
		if err == nil && !bytes.HasSuffix(text, rest.bytes) {
			t.Error("remainder is not the end")
		}
	})
}
