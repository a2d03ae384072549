package heads

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"aead.dev/minisign"

	"chartseal/ledger"
	"chartseal/transport"
)

// shelf is a store in memory; more comes after what lies on it.
type shelf struct {
	all  map[string][]byte
	more []transport.Version
}

func (s shelf) Get(_ context.Context, v transport.Version, _ int64) ([]byte, error) {
	if b, ok := s.all[v.Key]; ok {
		return b, nil
	}
	return nil, &transport.Error{Op: "get object", Class: transport.ErrNotFound}
}

// Objects are all there is: it keeps no older versions of its own.
func (s shelf) Objects(_ context.Context, prefix, after string) iter.Seq2[transport.Version, error] {
	return func(yield func(transport.Version, error) bool) {
		for _, key := range slices.Sorted(maps.Keys(s.all)) {
			v := transport.Version{Key: key, Bytes: int64(len(s.all[key])), ETag: string(s.all[key])}
			if strings.HasPrefix(key, prefix) && key > after && !yield(v, nil) {
				return
			}
		}
	}
}

func (s shelf) Versions(ctx context.Context, prefix, after string) iter.Seq2[transport.Version, error] {
	return func(yield func(transport.Version, error) bool) {
		for v, err := range s.Objects(ctx, prefix, after) {
			if !yield(v, err) {
				return
			}
		}
		for _, v := range s.more {
			if strings.HasPrefix(v.Key, prefix) && after == "" && !yield(v, nil) {
				return
			}
		}
	}
}

// book is a ledger of two entries, of which only the first is left in dir.
type book struct {
	dir, place string
	by         minisign.PublicKey
	last       ledger.Head
	text       []byte // of the last one's signed head
}

func newBook(t *testing.T) (b book) {
	t.Helper()
	by, key, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b.by, b.place, b.dir = by, Place("", "front-desk", ledger.KeyName(by)), filepath.Join(t.TempDir(), "older")
	dir := filepath.Join(t.TempDir(), "ledger")
	write := func(name string) {
		l, err := ledger.Open(dir, time.Now, ledger.Signed(ledger.Signer{Site: "front-desk", Key: key}))
		if err != nil {
			t.Fatal(err)
		}
		_, err = l.Append(t.Context(), ledger.Entry{Key: name + "/held", Event: ledger.Held, Order: "R-1"})
		b.last = l.Head()
		if err := errors.Join(err, l.Close()); err != nil {
			t.Fatal(err)
		}
	}
	write("a")
	if err := os.CopyFS(b.dir, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	write("b")
	if b.text, err = ledger.HeadFile(dir); err != nil {
		t.Fatal(err)
	}
	return b
}

// verdict is what a look into a store says of the ledger that is left.
func (b book) verdict(t *testing.T, store Store) error {
	t.Helper()
	e, err := Look(t.Context(), store, b.place, b.dir, b.by)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ledger.VerifySigned(t.Context(), b.dir, b.by, e.Heads...); err != nil {
		return err
	}
	return errors.Join(BegunAnew(t.Context(), b.dir, e.Others), e.Enough())
}

// Strange names do not crowd the newest heads out: they are found among thousands, and
// where there are too many for that nothing counts as verified.
func TestFloodsOfHeads(t *testing.T) {
	b := newBook(t)
	flood := func(n int, name func(i int) string) shelf {
		f := shelf{all: map[string][]byte{}}
		for i := range n {
			f.all[b.place+name(i)] = []byte("hello")
		}
		return f
	}
	with := func(f shelf) shelf {
		f.all[b.place+Day(b.last)] = b.text
		return f
	}
	low := func(i int) string { return fmt.Sprintf("%012d", i) }
	odd := func(i int) string { return fmt.Sprintf("%012d-%064d", 2+i, i) }
	over := flood(0, low)
	over.all[b.place+Latest] = []byte("hello")
	for i := range maxLatest + 1 {
		over.more = append(over.more, transport.Version{Key: b.place + Latest, ID: fmt.Sprint("v", i), ETag: fmt.Sprint("x", i)})
	}
	many := flood(0, low)
	for i := range maxOthers + 1 {
		many.all[Place("", "front-desk", fmt.Sprintf("%016x", i))+Latest] = []byte("hello")
	}
	for name, tc := range map[string]struct {
		store shelf
		want  string
	}{
		"low names":                         {with(flood(4500, low)), "entry 2 is missing"},
		"names like heads":                  {with(flood(maxRead-1, odd)), "entry 2 is missing"},
		"too many like them":                {with(flood(maxRead+1, odd)), "nothing is verified"},
		"too many versions over the newest": {over, "nothing is verified"},
		"too many names":                    {flood(maxHeads+1, low), "nothing is verified"},
		"too many ledgers of the site":      {many, "nothing is verified"},
	} {
		if err := b.verdict(t, tc.store); !errors.Is(err, ledger.ErrBroken) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := b.verdict(t, flood(0, low)); err != nil {
		t.Errorf("an empty place: %v", err)
	}
}

// What a place says of a ledger that is not here: its names prove nothing, and are read when
// it matters; a site that has no place there has none.
func TestList(t *testing.T) {
	b := newBook(t)
	wrong := ledger.Head{Seq: 9, Hash: strings.Repeat("9", 64)}
	s := shelf{all: map[string][]byte{b.place + Day(b.last): b.text, b.place + Latest: b.text, b.place + Day(wrong): []byte("hello")}}
	l, err := List(t.Context(), s, b.place, b.by)
	if err != nil || len(l.Named()) != 2 || len(l.Signed) != 1 || l.Signed[0].Head != b.last {
		t.Fatalf("%+v, %v", l, err)
	}
	none := map[ledger.Head]ledger.SignedHead{}
	if read, err := l.Read(t.Context(), []ledger.Head{b.last, wrong}, none); err != nil || len(read) != 1 || read[0].Head != b.last {
		t.Errorf("%+v, %v", read, err)
	}
	known := map[ledger.Head]ledger.SignedHead{wrong: {Head: wrong}}
	if read, err := l.Read(t.Context(), []ledger.Head{wrong}, known); err != nil || len(read) != 1 || read[0].Head != wrong {
		t.Errorf("what is known: %+v, %v", read, err)
	}
	if read, err := (&Listing{}).Read(t.Context(), []ledger.Head{wrong}, none); err != nil || len(read) > 0 {
		t.Errorf("without a store: %+v, %v", read, err)
	}
	for site, want := range map[string]bool{"front-desk": true, "front": false} {
		if got, err := Any(t.Context(), s, "", site); err != nil || got != want {
			t.Errorf("%s: %v, %v", site, got, err)
		}
	}
	for i := range maxHeads + 1 {
		s.all[b.place+fmt.Sprintf("%012d", i)] = nil
	}
	if _, err := List(t.Context(), s, b.place, b.by); !errors.Is(err, ledger.ErrBroken) {
		t.Errorf("a place that is full: %v", err)
	}
}

// Versions of the newest head that are not read are told of, unless a head with a name of its
// own came after them, of an entry that the ledger has.
func TestWhatVouchesForVersionsThatAreNotRead(t *testing.T) {
	at := func(minute int) transport.Version {
		return transport.Version{At: time.Date(2026, 11, 26, 9, minute, 0, 0, time.UTC)}
	}
	five, nine := ledger.Head{Seq: 5}, ledger.Head{Seq: 9}
	unread := at(30)
	for name, tc := range map[string]struct {
		days map[ledger.Head][]transport.Version
		have ledger.Head
		want bool
	}{
		"nothing":                  {nil, five, false},
		"one before them":          {map[ledger.Head][]transport.Version{five: {at(29)}}, five, false},
		"one after them":           {map[ledger.Head][]transport.Version{five: {at(31)}}, five, true},
		"one that was put again":   {map[ledger.Head][]transport.Version{five: {at(40), at(29)}}, five, false},
		"an earlier entry's later": {map[ledger.Head][]transport.Version{five: {at(40)}, nine: {at(29)}}, nine, false},
		"one of another ledger":    {map[ledger.Head][]transport.Version{five: {at(29)}, nine: {at(40)}}, five, false},
	} {
		l := look{days: tc.days, unread: &unread}
		have := map[ledger.Head]bool{five: true, tc.have: true}
		if got := l.vouched(have); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// What the store's own lifecycle rule deletes is no alarm.
func TestHeadsThatTheStoreDeletes(t *testing.T) {
	head := transport.Version{At: time.Now()}
	for _, tc := range []struct {
		over  *transport.Version
		alarm int
	}{
		{nil, 0},
		{&transport.Version{Deleted: true, At: head.At.AddDate(0, 0, 396)}, 0},
		{&transport.Version{Deleted: true, At: head.At.AddDate(0, 0, 300)}, 1},
		{&transport.Version{At: head.At.AddDate(0, 0, 396)}, 1},
	} {
		var l look
		if l.noteHidden(1, tc.over, head); len(l.Altered) != tc.alarm {
			t.Errorf("%+v: %+v", tc.over, l.Altered)
		}
	}
}
