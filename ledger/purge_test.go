package ledger

import (
	"bytes"
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"
)

// purgedTo removes the segments up to one from the folder of a ledger, in a year.
func purgedTo(t testing.TB, dir, last string, year int) (Receipt, error) {
	t.Helper()
	l, err := Open(dir, at(year).now, signing())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Purge(t.Context(), last, Entry{Approver: "dr-lee", Decisions: []Decision{{Rule: "R26", Decision: "remove", By: "dr-lee"}}})
}

// shortened is a ledger of which the first two years were purged, what it was before, and
// heads of all its entries.
func shortened(t testing.TB) (purged, before folder, heads []SignedHead) {
	t.Helper()
	past, heads := grown(t)
	before = past[len(past)-1]
	dir := before.write(t)
	if _, err := purgedTo(t, dir, "2025.jsonl", 2032); err != nil {
		t.Fatal(err)
	}
	_, own := headOf(t, dir)
	return readFolder(t, dir), before, append(heads, own)
}

// What remains of purged segments is a line, from which the chain still verifies; heads
// that were kept elsewhere agree, and the ledger goes on.
func TestPurgedSegmentsLeaveACheckpoint(t *testing.T) {
	purged, _, heads := shortened(t)
	if names := slices.Sorted(maps.Keys(purged)); !slices.Equal(names, []string{"2026.jsonl", "2032.jsonl", headName}) {
		t.Fatalf("%q", names)
	}
	dir := purged.write(t)
	r, err := VerifySigned(t.Context(), dir, testPub(), heads...)
	if err != nil || r.Head.Seq != 19 || r.Begins.Head != heads[11].Head || r.Purged != 11 || r.Known != 9 {
		t.Fatalf("%+v, %v", r, err)
	}
	if have, _, err := Has(t.Context(), dir, []Head{heads[3].Head, heads[11].Head, {12, genesis}, heads[15].Head}); err != nil || len(have) != 3 {
		t.Errorf("%+v, %v", have, err)
	}
	forged := heads[11]
	forged.Hash = genesis
	_, err = VerifySigned(t.Context(), dir, testPub(), forged)
	wantFault(t, err, 12, Replaced)

	c := at(2033)
	l := openSigned(t, dir, c)
	for key, there := range map[string]bool{sent(12).Key: false, sent(13).Key: true, sent(18).Key: true} {
		if e, err := l.Find(key); (err == nil && e.Key == key) != there {
			t.Errorf("%s: %+v, %v", key, e, err)
		}
	}
	add(t, l, 20, 21)
	var seqs []uint64
	for e, err := range l.Entries(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		seqs = append(seqs, e.Seq)
		if e.Event == Purged && (len(e.Segments) != 2 || e.Segments[1] != Segment{"2025.jsonl", 7, 12, heads[11].Hash} || e.Began.Year() != 2024) {
			t.Errorf("%+v", e)
		}
	}
	if len(seqs) != 9 || seqs[0] != 13 || seqs[8] != 21 {
		t.Errorf("%v", seqs)
	}
	if _, err := l.Purge(t.Context(), "2026.jsonl", Entry{}); err != nil { // the next one, in its time
		t.Fatal(err)
	}
	if e, err := l.Find("purged/ledger/2026.jsonl"); err != nil || e.Began.Year() != 2024 || e.Segments[0].From != 13 {
		t.Errorf("%+v, %v", e, err)
	}
	if e, err := l.Find(sent(21).Key); err != nil || e.Seq != 21 {
		t.Errorf("%+v, %v", e, err)
	}
	if r, err := VerifySigned(t.Context(), dir, testPub(), heads...); err != nil || r.Begins.Head != heads[17].Head {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestNoSegmentGoesEarly(t *testing.T) {
	past, _ := grown(t)
	whole := past[len(past)-1]
	dir := whole.write(t)
	for last, want := range map[string]error{"2024.jsonl": ErrTooEarly, "2023.jsonl": ErrNoSegment, "": ErrNoSegment} {
		if _, err := purgedTo(t, dir, last, 2030); !errors.Is(err, want) {
			t.Errorf("%s: %v", last, err)
		}
	}
	if !readFolder(t, dir).same(whole) {
		t.Error("something was written")
	}
	if mayGo("2024.jsonl", time.Date(2030, 12, 31, 23, 59, 59, 0, time.UTC)) || !mayGo("2024.jsonl", time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC)) {
		t.Error("the six years are not counted from the end of the segment's year")
	}
}

// Between the line and the last file that goes the ledger holds at every instant, and the
// purge can be asked for again.
func TestAPurgeThatIsCutShort(t *testing.T) {
	purged, before, heads := shortened(t)
	for name, there := range map[string][]string{
		"before the first": {"2024.jsonl", "2025.jsonl"}, "between": {"2025.jsonl"}, "put back": {"2024.jsonl", "2025.jsonl"},
	} {
		f := purged.clone()
		for _, file := range there {
			f[file] = before[file]
		}
		dir := f.write(t)
		torn := filepath.Join(dir, "2025.jsonl.13.torn")
		if err := os.WriteFile(torn, []byte(`{"v":1,"patient":"104`), 0o600); err != nil {
			t.Fatal(err)
		}
		if r, err := VerifySigned(t.Context(), dir, testPub(), heads...); err != nil || r.Head.Seq != 19 {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
		if r, err := purgedTo(t, dir, "2025.jsonl", 2033); err != nil || r.Seq != 19 {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
		if !readFolder(t, dir).same(purged) {
			t.Errorf("%s: not the same in the end", name)
		}
		if _, err := os.Stat(torn); err == nil {
			t.Errorf("%s: the torn line is still there", name)
		}
	}
}

// A reader that has listed the segments before the oldest go misses nothing of the others.
func TestAReaderBesideAPurge(t *testing.T) {
	purged, before, _ := shortened(t)
	f := purged.clone()
	f["2024.jsonl"], f["2025.jsonl"] = before["2024.jsonl"], before["2025.jsonl"]
	dir := f.write(t)
	l := openSigned(t, dir, at(2033))
	n := 0
	for _, err := range Entries(t.Context(), dir) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 1 {
			// Windows does not remove a file that somebody reads: then it is asked for again.
			if _, err := l.Purge(t.Context(), "2025.jsonl", Entry{}); err != nil && runtime.GOOS != "windows" {
				t.Fatal(err)
			}
		}
	}
	if n != 19 {
		t.Errorf("%d entries", n)
	}
}

// What a person accepted as lost stays forgiven when the entry that says so goes, and no
// more than that.
func TestALossIsSaidAnewBeforeItsEntryGoes(t *testing.T) {
	past, heads := grown(t)
	dir := past[4].write(t) // entries 6 to 18 are lost
	c := &clock{t: time.Date(2024, 12, 1, 0, 0, 0, 0, time.UTC)}
	l := openSigned(t, dir, c)
	lost := &Loss{From: 6, To: 18, Hash: heads[17].Hash, At: heads[17].At}
	older := &Loss{From: 1, To: 9, Hash: heads[8].Hash, At: heads[8].At, Key: "00000000000000ab"}
	for i, l1 := range []*Loss{lost, older} {
		if _, err := l.Append(t.Context(), Entry{Key: []string{"restored/1", "restored/2"}[i], Event: Restored, Order: "(ledger)", Approver: "IT", Lost: l1}); err != nil {
			t.Fatal(err)
		}
	}
	c.set(time.Date(2031, 2, 1, 0, 0, 0, 0, time.UTC))
	if _, err := l.Purge(t.Context(), "2024.jsonl", Entry{}); err != nil {
		t.Fatal(err)
	}
	r, err := VerifySigned(t.Context(), dir, testPub(), heads...)
	if err != nil || len(r.Restored) != 2 || r.Restored[0].Lost.Until != heads[17].At || r.Restored[1].Lost.Key != older.Key || r.Head.Seq != 10 {
		t.Fatalf("%+v, %v", r, err)
	}
	later := heads[17]
	later.At = c.now()
	if _, err = VerifySigned(t.Context(), dir, testPub(), later); !errors.Is(err, ErrBroken) {
		t.Errorf("a head that was signed later is forgiven: %v", err)
	}
}

// Whatever else is changed in a ledger whose beginning was purged shows as before; only the
// purged segments may be put back.
func TestEveryMutationOfAShortenedLedgerIsDetected(t *testing.T) {
	purged, before, _ := shortened(t)
	past := []folder{before, purged}
	all := append(slices.Clone(mutations), mutation{"purge more than the line says", func(_ *rand.Rand, f folder, _ []folder) { delete(f, "2026.jsonl") }},
		mutation{"take the line out", func(_ *rand.Rand, f folder, _ []folder) { delete(f, "2032.jsonl") }})
	dir := t.TempDir()
	for _, m := range all {
		for seed := range uint64(8) {
			f := purged.clone()
			m.do(rand.New(rand.NewPCG(seed, 8)), f, past)
			f.writeTo(t, dir)
			_, err := VerifySigned(t.Context(), dir, testPub())
			if whole := f.putBack(before).same(purged); whole != (err == nil) || err != nil && !errors.Is(err, ErrBroken) {
				t.Errorf("%s, seed %d: %v", m.name, seed, err)
			}
		}
	}
}

// putBack takes away purged segments that are as they were before and follow each other to
// what is there.
func (f folder) putBack(before folder) folder {
	out := f.clone()
	for _, name := range []string{"2025.jsonl", "2024.jsonl"} {
		if !bytes.Equal(out[name], before[name]) {
			break
		}
		delete(out, name)
	}
	return out
}

// Without a line that names it, in its time, a beginning cannot be missing.
func TestAForgedLineExcusesNothing(t *testing.T) {
	past, _ := grown(t)
	dir := past[17].write(t)
	c := &clock{t: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)}
	l := openSigned(t, dir, c)
	e := Entry{Key: "purged/ledger/2024.jsonl", Event: Purged, Order: "(ledger)"}
	var err error
	if e.Segments, e.Began, _, err = l.outgoing(t.Context(), []string{"2024.jsonl"}); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(t.Context(), e); err != nil { // with the key at hand, and too early
		t.Fatal(err)
	}
	if err := errors.Join(l.Close(), os.Remove(filepath.Join(dir, "2024.jsonl"))); err != nil {
		t.Fatal(err)
	}
	_, err = VerifySigned(t.Context(), dir, testPub())
	wantFault(t, err, 7, Missing)
	if _, err := Open(dir, c.now, signing()); !errors.Is(err, ErrBroken) {
		t.Errorf("it opens: %v", err)
	}
}

// underAFalseName is a ledger that somebody with the key shortened: this year's segment is said
// to be of another year, and purged.
func underAFalseName(t *testing.T) (dir string, heads []SignedHead) {
	t.Helper()
	past, heads := grown(t)
	dir = past[17].write(t)
	l := openSigned(t, dir, &clock{t: time.Date(2027, 1, 2, 0, 0, 0, 0, time.UTC)})
	e := Entry{Key: "purged/ledger/2019.jsonl", Event: Purged, Order: "(ledger)", Began: heads[0].At}
	e.Segments = []Segment{{"2019.jsonl", 1, 18, heads[17].Hash}}
	if _, err := l.Append(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"2024.jsonl", "2025.jsonl", "2026.jsonl"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir, heads
}

// The heads that the store keeps say when the entries were signed that are said to be purged.
func TestAYearUnderAFalseNameIsNotPurged(t *testing.T) {
	dir, heads := underAFalseName(t)
	if r, err := VerifySigned(t.Context(), dir, testPub()); err != nil || r.Begins.Head != heads[17].Head {
		t.Errorf("by itself: %+v, %v", r, err)
	}
	for _, h := range []SignedHead{heads[2], heads[16], heads[17]} {
		_, err := VerifySigned(t.Context(), dir, testPub(), h)
		wantFault(t, err, h.Seq, Hasty)
		if lost, err := Lacks(t.Context(), dir, h); err != nil || lost == nil || lost.From != h.Seq {
			t.Errorf("what is lost: %+v, %v", lost, err)
		}
	}
}
