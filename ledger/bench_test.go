package ledger

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// million writes a ledger of n entries, and its signed head, without syncing each.
func million(b *testing.B, n int) string {
	b.Helper()
	dir := b.TempDir()
	f, err := os.Create(filepath.Join(dir, "2026.jsonl"))
	if err != nil {
		b.Fatal(err)
	}
	out := bufio.NewWriterSize(f, 1<<20)
	prev := genesis
	for i := 1; i <= n; i++ {
		e := sent(i)
		e.Format, e.Seq, e.Prev, e.At = 1, uint64(i), prev, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		e.settle()
		line, hash, err := e.seal()
		if err != nil {
			b.Fatal(err)
		}
		if _, err := out.Write(line); err != nil {
			b.Fatal(err)
		}
		prev = hash
	}
	if err := out.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
	signer := Signer{Site: "front-desk", Key: testKey()}
	if err := os.WriteFile(filepath.Join(dir, headName), signer.Sign(Head{uint64(n), prev}, nil, time.Now()), 0o600); err != nil {
		b.Fatal(err)
	}
	return dir
}

// BenchmarkVerify checks a ledger of a million entries against its signed head:
//
//	go test ./ledger -run '^$' -bench Verify -benchtime 3x
func BenchmarkVerify(b *testing.B) {
	const n = 1_000_000
	dir := million(b, n)
	b.ReportAllocs()
	for b.Loop() {
		if r, err := VerifySigned(b.Context(), dir, testPub()); err != nil || r.Head.Seq != n || r.Known != 1 {
			b.Fatal(r, err)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/million-entries")
}

// BenchmarkMarks goes through it as the look at the mirror does, once for what persons went
// on without and once beside the rows:
//
//	go test ./ledger -run '^$' -bench 'Verify|Marks' -benchtime 3x
func BenchmarkMarks(b *testing.B) {
	const n = 1_000_000
	dir := million(b, n)
	b.ReportAllocs()
	for b.Loop() {
		seen := 0
		for range 2 {
			for _, err := range Marks(b.Context(), dir) {
				if err != nil {
					b.Fatal(err)
				}
				seen++
			}
		}
		if seen != 2*n {
			b.Fatal(seen)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/million-entries")
}

// BenchmarkOpen opens it for appending, which indexes its keys as well.
func BenchmarkOpen(b *testing.B) {
	dir := million(b, 1_000_000)
	b.ReportAllocs()
	for b.Loop() {
		l, err := Open(dir, time.Now)
		if err != nil || l.Head().Seq != 1_000_000 {
			b.Fatal(err)
		}
		if err := l.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAppend appends with an fsync for each entry, and one for its signed head.
func BenchmarkAppend(b *testing.B) {
	l, err := Open(b.TempDir(), time.Now, signing())
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	n := 0
	for b.Loop() {
		n++
		e := sent(n)
		e.Key = fmt.Sprintf("k%d", n)
		if _, err := l.Append(b.Context(), e); err != nil {
			b.Fatal(err)
		}
	}
}
