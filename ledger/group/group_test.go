package group

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"aead.dev/minisign"

	"chartseal/ledger"
)

var start = time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)

func newKey(t *testing.T) (minisign.PublicKey, minisign.PrivateKey) {
	t.Helper()
	pub, key, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return pub, key
}

func headOf(seq int, fork string) ledger.Head {
	return ledger.Head{Seq: uint64(seq), Hash: fmt.Sprintf("%s%063d", fork, seq)}
}

// rowsOf are rows of the numbers from to to, signed one second after another.
func rowsOf(key minisign.PrivateKey, fork string, from, to int) (rows []Row) {
	s := ledger.Signer{Site: "north", Key: key}
	for n := from; n <= to; n++ {
		h := headOf(n, fork)
		rows = append(rows, Row{h, s.Sign(h, nil, start.Add(time.Duration(n)*time.Second))})
	}
	return rows
}

func each(rows []Row) iter.Seq2[Row, error] {
	sorted := slices.Clone(rows)
	slices.SortStableFunc(sorted, func(a, b Row) int { return int(a.Seq) - int(b.Seq) })
	return func(yield func(Row, error) bool) {
		for _, r := range sorted {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func TestAWholeLedger(t *testing.T) {
	pub, key := newKey(t)
	rep, err := Check(each(rowsOf(key, "a", 1, 20)), "north", pub, headOf(7, "a"), headOf(21, "a"), headOf(7, "b"))
	if err != nil || rep.Head != headOf(20, "a") || !rep.At.Equal(start.Add(20*time.Second)) ||
		!slices.Equal(rep.Unmet, []ledger.Head{headOf(21, "a"), headOf(7, "b")}) {
		t.Errorf("%+v, %v", rep, err)
	}
	if rep, err := Check(each(nil), "north", pub); err != nil || rep.Head.Seq != 0 {
		t.Errorf("empty: %+v, %v", rep, err)
	}
	away := errors.New("away")
	if _, err := Check(func(yield func(Row, error) bool) { yield(Row{}, away) }, "north", pub); !errors.Is(err, away) {
		t.Errorf("a database that is away: %v", err)
	}
}

// Whoever has the database and not the key changes nothing unseen but the end, which a
// head that is known otherwise shows.
func TestEveryChangeOfTheMirrorIsFound(t *testing.T) {
	pub, key := newKey(t)
	_, other := newKey(t)
	good := rowsOf(key, "a", 1, 20)
	south := ledger.Signer{Site: "south", Key: key}
	change := func(seq int, do func(*Row)) []Row {
		rows := slices.Clone(good)
		do(&rows[seq-1])
		return rows
	}
	for name, c := range map[string]struct {
		rows  []Row
		seq   uint64
		fault ledger.Fault
	}{
		"the first is gone":      {good[1:], 1, ledger.Vanished},
		"one is gone":            {slices.Delete(slices.Clone(good), 4, 5), 5, ledger.Vanished},
		"ten are gone":           {slices.Delete(slices.Clone(good), 4, 14), 5, ledger.Vanished},
		"another hash":           {change(3, func(r *Row) { r.Hash = headOf(3, "b").Hash }), 3, ledger.Unproved},
		"another number":         {change(20, func(r *Row) { r.Seq = 21 }), 21, ledger.Unproved},
		"a head of another row":  {change(3, func(r *Row) { r.Signed = good[3].Signed }), 3, ledger.Unproved},
		"another key":            {append(slices.Clone(good), rowsOf(other, "a", 21, 21)...), 21, ledger.Unproved},
		"another site":           {change(9, func(r *Row) { r.Signed = south.Sign(r.Head, nil, start) }), 9, ledger.Unproved},
		"a byte of a signature":  {change(9, func(r *Row) { r.Signed = flip(r.Signed) }), 9, ledger.Unproved},
		"no signature":           {change(9, func(r *Row) { r.Signed = nil }), 9, ledger.Unproved},
		"number nought":          {append(slices.Clone(good), Row{headOf(0, "a"), nil}), 0, ledger.Unproved},
		"written anew":           {append(slices.Clone(good), rowsOf(key, "b", 15, 22)...), 15, ledger.Forked},
		"written anew, at end":   {append(slices.Clone(good), rowsOf(key, "b", 20, 20)...), 20, ledger.Forked},
		"written anew, shorter":  {append(slices.Clone(good), rowsOf(key, "b", 12, 14)...), 12, ledger.Forked},
		"a loss that is not own": {append(slices.Clone(good), gone(other, "b", 15, 15, 20, start.Add(time.Hour))), 15, ledger.Unproved},
	} {
		_, err := Check(each(c.rows), "north", pub)
		broken, ok := errors.AsType[*ledger.BrokenError](err)
		if !ok || broken.Seq != c.seq || broken.Fault != c.fault || !errors.Is(err, ledger.ErrBroken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func flip(b []byte) []byte {
	b = bytes.Clone(b)
	at := bytes.LastIndexByte(bytes.TrimSpace(b), '\n') + 10
	if b[at]++; b[at] == 'Z'+1 || b[at] == 'z'+1 {
		b[at] -= 2
	}
	return b
}

// gone is the row of an entry with which a person went on without others.
func gone(key minisign.PrivateKey, fork string, seq, from, to int, at time.Time) Row {
	h := headOf(seq, fork)
	s := ledger.Signer{Site: "north", Key: key}
	return Row{h, s.Sign(h, &ledger.Loss{From: uint64(from), To: uint64(to), Until: at}, at.Add(time.Millisecond))}
}

// An older copy that was gone on with leaves its former entries beside the new ones: the
// key has signed which they are, and since when.
func TestAnOlderCopyThatWasGoneOnWith(t *testing.T) {
	pub, key := newKey(t)
	former := rowsOf(key, "a", 1, 20)
	accepted := start.Add(time.Hour)
	s := ledger.Signer{Site: "north", Key: key}
	row := func(seq int) Row {
		h := headOf(seq, "b")
		return Row{h, s.Sign(h, nil, accepted.Add(time.Duration(seq)*time.Second))}
	}
	rows := append(slices.Clone(former), row(11), gone(key, "b", 12, 11, 20, accepted), row(13))
	rep, err := Check(each(rows), "north", pub)
	if err != nil || rep.Head != headOf(13, "b") || len(rep.Lost) != 1 || rep.Lost[0].From != 11 || rep.Lost[0].To != 20 {
		t.Fatalf("%+v, %v", rep, err)
	}
	if h, err := ledger.ParseHead(former[19].Signed, pub); err != nil || !rep.Forgives(h) {
		t.Errorf("the last of the former entries: %v", err)
	}
	for n := 14; n <= 25; n++ {
		rows = append(rows, row(n))
	}
	if rep, err := Check(each(rows), "north", pub); err != nil || rep.Head != headOf(25, "b") {
		t.Errorf("longer than before: %+v, %v", rep, err)
	}
	hidden := slices.DeleteFunc(slices.Clone(rows), func(r Row) bool { return r.Head == headOf(12, "b") })
	if _, err := Check(each(hidden), "north", pub); !errors.Is(err, ledger.ErrBroken) || !strings.Contains(err.Error(), "entry 11 ") {
		t.Errorf("without the row that says so: %v", err)
	}
	late := append(slices.Clone(rows), rowsOf(key, "c", 15, 15)...)
	late[len(late)-1].Signed = s.Sign(headOf(15, "c"), nil, accepted.Add(time.Minute))
	if _, err := Check(each(late), "north", pub); !errors.Is(err, ledger.ErrBroken) || !strings.Contains(err.Error(), "entry 15 stands twice") {
		t.Errorf("a second ledger of after: %v", err)
	}
}

// A database that is younger than a purge has no rows of what went; the site's key must have
// signed that it did, and up to where.
func TestADatabaseThatIsYoungerThanAPurge(t *testing.T) {
	pub, key := newKey(t)
	s := ledger.Signer{Site: "north", Key: key}
	rows := rowsOf(key, "a", 13, 20)
	if _, err := Check(each(rows), "north", pub); !errors.Is(err, ledger.ErrBroken) || !strings.Contains(err.Error(), "entry 1 ") {
		t.Errorf("nobody says that they were purged: %v", err)
	}
	rows[5].Signed = s.SignMark(ledger.Mark{Head: rows[5].Head, Purged: 12}, start)
	rep, err := Check(each(rows), "north", pub)
	if err != nil || rep.Begins != 12 || rep.Head != headOf(20, "a") {
		t.Errorf("%+v, %v", rep, err)
	}
	for name, less := range map[string][]Row{"more is gone": rows[1:], "the row that says so is gone": slices.Delete(slices.Clone(rows), 5, 6), "only rows after it": rows[6:]} {
		if _, err := Check(each(less), "north", pub); !errors.Is(err, ledger.ErrBroken) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if rep, err := Check(each(append(rowsOf(key, "a", 1, 12), rows...)), "north", pub); err != nil || rep.Begins != 0 {
		t.Errorf("an older database: %+v, %v", rep, err)
	}
}

// A hundred thousand rows take seconds.
func BenchmarkCheck(b *testing.B) {
	pub, key, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	const n = 10_000
	rows := rowsOf(key, "a", 1, n)
	for b.Loop() {
		if _, err := Check(each(rows), "north", pub); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed())/float64(b.N)/n/1e3, "µs/entry")
}
