package ledger

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"aead.dev/minisign"
)

// testKey signs the heads of all tests.
var testKey = sync.OnceValue(func() minisign.PrivateKey {
	if text := os.Getenv("LEDGER_TEST_KEY"); text != "" { // of the process that started this one
		var key minisign.PrivateKey
		if err := key.UnmarshalText([]byte(text)); err != nil {
			panic(err)
		}
		return key
	}
	_, key, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
})

func keyText(t *testing.T) string {
	t.Helper()
	text, err := testKey().MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func testPub() minisign.PublicKey { return testKey().Public().(minisign.PublicKey) }

func signing() Option { return Signed(Signer{Site: "front-desk", Key: testKey()}) }

func openSigned(t *testing.T, dir string, c *clock, opts ...Option) *Ledger {
	t.Helper()
	l, err := Open(dir, c.now, append(opts, signing())...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func headOf(t testing.TB, dir string) (text []byte, h SignedHead) {
	t.Helper()
	text, err := HeadFile(dir)
	if err != nil {
		t.Fatal(err)
	}
	if h, err = ParseHead(text, testPub()); err != nil {
		t.Fatal(err)
	}
	return text, h
}

func wantFault(t *testing.T, err error, seq uint64, fault Fault) {
	t.Helper()
	broken, ok := errors.AsType[*BrokenError](err)
	if !ok || broken.Seq != seq || broken.Fault != fault {
		t.Errorf("%v, want entry %d %s", err, seq, fault)
	}
}

// add appends entries n to m wherever the ledger stands.
func add(t *testing.T, l *Ledger, n, m int) {
	t.Helper()
	for i := n; i <= m; i++ {
		if _, err := l.Append(t.Context(), sent(i)); err != nil {
			t.Fatal(err)
		}
	}
}

// copyOf copies a ledger's files, as a backup does.
func copyOf(t *testing.T, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

func TestTheHeadIsSignedWithEveryEntry(t *testing.T) {
	dir, c := t.TempDir(), at(2026)
	l := openSigned(t, dir, c)
	if _, err := HeadFile(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty ledger has a head: %v", err)
	}
	for n := 1; n <= 3; n++ {
		fill(t, l, n, n)
		if _, h := headOf(t, dir); h.Head != l.Head() || h.Site != "front-desk" || h.At.Year() != 2026 {
			t.Errorf("head %+v after entry %d", h, n)
		}
	}
	r, err := VerifySigned(t.Context(), dir, testPub())
	if err != nil || r.Signed == nil || r.Signed.Seq != 3 || r.Known != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = openSigned(t, dir, c)
	fill(t, l, 4, 4)
	if _, err := VerifySigned(t.Context(), dir, testPub()); err != nil {
		t.Error(err)
	}
}

// An entry and its head are two writes, and the head is promised before: a crash between
// them leaves a head that lags by one, beside the promised one. It never leads, and there
// is no entry that was not signed.
func TestAHeadMayLagByOneEntry(t *testing.T) {
	dir, c := t.TempDir(), at(2026)
	l := openSigned(t, dir, c)
	var heads [][]byte
	for n := 1; n <= 4; n++ {
		fill(t, l, n, n)
		text, _ := headOf(t, dir)
		heads = append(heads, text)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	whole := copyOf(t, dir)
	for name, tc := range map[string]struct {
		head, next int // 0: there is none
		fault      Fault
	}{
		"after the promise":        {3, 4, ""}, // and the entry, before the head
		"nobody signed the last":   {3, 0, Unsigned},
		"another was promised":     {3, 3, Unsigned},
		"nobody signed two":        {2, 4, Unsigned},
		"a promise that was kept":  {4, 4, ""},
		"a promise of long ago":    {4, 1, ""},
		"the head is gone":         {0, 0, Beheaded},
		"the head is gone, lately": {0, 4, Beheaded},
	} {
		t.Run(name, func(t *testing.T) {
			dir := copyOf(t, whole)
			for file, n := range map[string]int{headName: tc.head, headNew: tc.next} {
				err := os.Remove(filepath.Join(dir, file))
				if n > 0 {
					err = os.WriteFile(filepath.Join(dir, file), heads[n-1], 0o600)
				}
				if err != nil && !errors.Is(err, fs.ErrNotExist) {
					t.Fatal(err)
				}
			}
			_, err := VerifySigned(t.Context(), dir, testPub())
			again, oerr := Open(dir, c.now, signing())
			if tc.fault != "" {
				seq := uint64(0)
				if tc.head > 0 {
					seq = uint64(tc.head + 1)
				}
				wantFault(t, err, seq, tc.fault)
				wantFault(t, oerr, seq, tc.fault)
				return
			}
			if err != nil || oerr != nil {
				t.Fatal(err, oerr)
			}
			defer again.Close()
			if _, h := headOf(t, dir); h.Seq != 4 || again.Head().Seq != 4 {
				t.Errorf("head %+v after opening", h)
			}
		})
	}
}

// The very first entry, too, is promised before it is written.
func TestTheFirstEntryIsPromised(t *testing.T) {
	dir, c := t.TempDir(), at(2026)
	l := openSigned(t, dir, c)
	fill(t, l, 1, 1)
	if err := errors.Join(l.Close(), os.Rename(filepath.Join(dir, headName), filepath.Join(dir, headNew))); err != nil {
		t.Fatal(err)
	}
	if _, err := VerifySigned(t.Context(), dir, testPub()); err != nil {
		t.Error(err)
	}
	unsigned := copyOf(t, dir)
	fill(t, openSigned(t, dir, c), 2, 2)
	if err := os.Remove(filepath.Join(unsigned, headNew)); err != nil {
		t.Fatal(err)
	}
	_, err := VerifySigned(t.Context(), unsigned, testPub())
	wantFault(t, err, 0, Beheaded)
}

func TestAHeadThatDoesNotFit(t *testing.T) {
	whole, c := t.TempDir(), at(2026)
	l := openSigned(t, whole, c)
	fill(t, l, 1, 5)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	other := t.TempDir()
	x := openSigned(t, other, at(2026))
	e := sent(1)
	e.Purpose = "another"
	if _, err := x.Append(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	fill(t, x, 2, 5)
	foreign, _ := headOf(t, other)
	text, _ := headOf(t, whole)
	for name, tc := range map[string]struct {
		act   func(dir string) error
		seq   uint64
		fault Fault
	}{
		"entries cut off": {func(dir string) error {
			b, err := os.ReadFile(filepath.Join(dir, "2026.jsonl"))
			return errors.Join(err, os.WriteFile(filepath.Join(dir, "2026.jsonl"), bytes.Join(bytes.SplitAfter(b, []byte("\n"))[:3], nil), 0o600))
		}, 4, Cut},
		"all entries deleted": {func(dir string) error { return os.Remove(filepath.Join(dir, "2026.jsonl")) }, 1, Cut},
		"written anew": {func(dir string) error {
			b, err := os.ReadFile(filepath.Join(other, "2026.jsonl"))
			return errors.Join(err, os.WriteFile(filepath.Join(dir, "2026.jsonl"), b, 0o600))
		}, 5, Replaced},
		"head of another ledger": {func(dir string) error { return os.WriteFile(filepath.Join(dir, headName), foreign, 0o600) }, 5, Replaced},
		"head edited": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, headName), bytes.Replace(text, []byte("seq: 5"), []byte("seq: 4"), 1), 0o600)
		}, 0, Unsealed},
		"comment edited": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, headName), bytes.Replace(text, []byte("entry 5"), []byte("entry 4"), 1), 0o600)
		}, 0, Unsealed},
		"head cut": {func(dir string) error { return os.WriteFile(filepath.Join(dir, headName), text[:100], 0o600) }, 0, Unsealed},
		"head too long": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, headName), append(bytes.Clone(text), bytes.Repeat([]byte("\n"), maxHead)...), 0o600)
		}, 0, Unsealed},
	} {
		t.Run(name, func(t *testing.T) {
			dir := copyOf(t, whole)
			if err := tc.act(dir); err != nil {
				t.Fatal(err)
			}
			_, err := VerifySigned(t.Context(), dir, testPub())
			wantFault(t, err, tc.seq, tc.fault)
			_, err = Open(dir, c.now, signing())
			wantFault(t, err, tc.seq, tc.fault)
			if strings.Contains(err.Error(), dir) {
				t.Errorf("the error names the folder: %v", err)
			}
		})
	}
}

// A ledger whose head is gone is not signed anew by itself: a person goes on with it.
func TestALedgerWithoutAHead(t *testing.T) {
	dir, c := t.TempDir(), at(2026)
	l := openLedger(t, dir, c)
	fill(t, l, 1, 3)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := VerifySigned(t.Context(), dir, testPub())
	wantFault(t, err, 0, Beheaded)
	_, err = Open(dir, c.now, signing())
	wantFault(t, err, 0, Beheaded)
	back := openSigned(t, dir, c, DespiteHead())
	if f := back.HeadFault(); f == nil || f.Fault != Beheaded {
		t.Errorf("fault %v", f)
	}
	if _, err := back.Append(t.Context(), Entry{Key: "restored/1", Event: Restored}); err != nil {
		t.Fatal(err)
	}
	_ = back.Close()
	if _, h := headOf(t, dir); h.Seq != 4 {
		t.Errorf("head %+v", h)
	}
	add(t, openSigned(t, dir, c), 4, 5)
}

// No entry is acknowledged before the head covers it, and none is written twice for it.
func TestAHeadThatCannotBeWritten(t *testing.T) {
	dir, c := t.TempDir(), at(2026)
	l := openSigned(t, dir, c)
	fill(t, l, 1, 1)
	if err := os.Mkdir(filepath.Join(dir, headNew), 0o700); err != nil { // in the way
		t.Fatal(err)
	}
	for _, e := range []Entry{sent(2), sent(2), sent(3)} {
		if _, err := l.Append(t.Context(), e); err == nil || strings.Contains(err.Error(), dir) {
			t.Errorf("an entry that no head covers: %v", err)
		}
	}
	if _, h := headOf(t, dir); h.Seq != 1 {
		t.Errorf("head %+v", h)
	}
	if err := os.Remove(filepath.Join(dir, headNew)); err != nil {
		t.Fatal(err)
	}
	fill(t, l, 2, 3)
	if r, err := VerifySigned(t.Context(), dir, testPub()); err != nil || r.Head.Seq != 3 || r.Signed.Seq != 3 {
		t.Errorf("%+v, %v", r, err)
	}
}

// An older copy that was restored whole shows only against heads that were kept
// elsewhere. A person may go on with it, and the entry that says so forgives what was
// lost, and nothing later.
func TestARestoredCopy(t *testing.T) {
	dir, c := t.TempDir(), at(2026)
	l := openSigned(t, dir, c)
	fill(t, l, 1, 4)
	_, day := headOf(t, dir)
	backup := copyOf(t, dir)
	fill(t, l, 5, 9)
	_, latest := headOf(t, dir)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	elsewhere := []SignedHead{day, latest}
	if _, err := VerifySigned(t.Context(), backup, testPub()); err != nil {
		t.Error("a copy in itself:", err)
	}
	_, err := VerifySigned(t.Context(), backup, testPub(), elsewhere...)
	wantFault(t, err, 5, Cut)
	back := openSigned(t, backup, c, DespiteHead())
	lost, err := Lacks(t.Context(), backup, elsewhere...)
	if err != nil || lost == nil || lost.From != 5 || lost.To != 9 || lost.Hash != latest.Hash || !lost.At.Equal(latest.At) {
		t.Fatalf("%+v, %v", lost, err)
	}
	if _, err := back.Append(t.Context(), Entry{Key: "restored/1", Event: Restored, Order: "(ledger)", Approver: "IT", Lost: lost}); err != nil {
		t.Fatal(err)
	}
	add(t, back, 5, 7)
	r, err := VerifySigned(t.Context(), backup, testPub(), elsewhere...)
	if err != nil || len(r.Restored) != 1 || r.Restored[0].Seq != 5 || r.Restored[0].Approver != "IT" {
		t.Errorf("%+v, %v", r, err)
	}
	if lost, err = Lacks(t.Context(), backup, elsewhere...); lost != nil || err != nil {
		t.Errorf("still missing: %+v, %v", lost, err)
	}
	_, later := headOf(t, backup)
	later.Hash = latest.Hash // of a ledger that was written anew since
	_, err = VerifySigned(t.Context(), backup, testPub(), append(elsewhere, later)...)
	wantFault(t, err, later.Seq, Replaced)
}

// A copy that went on before anybody noticed is a fork.
func TestARestoredCopyThatWentOn(t *testing.T) {
	dir, c := t.TempDir(), at(2026)
	l := openSigned(t, dir, c)
	fill(t, l, 1, 4)
	_, day := headOf(t, dir)
	fill(t, l, 5, 5)
	backup := copyOf(t, dir)
	fill(t, l, 6, 7)
	_, next := headOf(t, dir)
	back := openSigned(t, backup, c)
	add(t, back, 11, 14)
	_, err := VerifySigned(t.Context(), backup, testPub(), day, next)
	wantFault(t, err, 7, Replaced)
	lost, err := Lacks(t.Context(), backup, day, next)
	if err != nil || lost == nil || lost.From != 6 || lost.To != 7 { // what was written since the copy is not what was lost
		t.Errorf("%+v, %v", lost, err)
	}
}

// Segments of another day under the newest head: a person may go on with them, too.
func TestOnlyTheSegmentsWereRestored(t *testing.T) {
	dir, c := t.TempDir(), at(2026)
	l := openSigned(t, dir, c)
	fill(t, l, 1, 2)
	old, err := os.ReadFile(filepath.Join(dir, "2026.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	fill(t, l, 3, 5)
	_, own := headOf(t, dir)
	if err := errors.Join(l.Close(), os.WriteFile(filepath.Join(dir, "2026.jsonl"), old, 0o600)); err != nil {
		t.Fatal(err)
	}
	_, err = Open(dir, c.now, signing())
	wantFault(t, err, 3, Cut)
	back := openSigned(t, dir, c, DespiteHead())
	if f := back.HeadFault(); f == nil || f.Fault != Cut {
		t.Errorf("fault %v", f)
	}
	if _, h := headOf(t, dir); h.Seq != 5 { // until it is explained
		t.Errorf("head %+v", h)
	}
	lost, err := Lacks(t.Context(), dir, own)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := back.Append(t.Context(), Entry{Key: "restored/1", Event: Restored, Lost: lost}); err != nil {
		t.Fatal(err)
	}
	_ = back.Close()
	if _, err := VerifySigned(t.Context(), dir, testPub(), own); err != nil {
		t.Error(err)
	}
	add(t, openSigned(t, dir, c), 8, 9)
}

func TestHas(t *testing.T) {
	dir := t.TempDir()
	l := openLedger(t, dir, at(2026))
	fill(t, l, 1, 3)
	here := l.Head()
	got, _, err := Has(t.Context(), dir, []Head{here, {2, here.Hash}, {9, here.Hash}})
	if err != nil || len(got) != 1 || got[0] != here {
		t.Errorf("%v, %v", got, err)
	}
	if got, _, err = Has(t.Context(), filepath.Join(dir, "none"), []Head{here}); err != nil || got != nil {
		t.Errorf("%v, %v", got, err)
	}
}

// Verifying beside a daemon that appends finds nothing wrong.
func TestVerifyWhileItGrows(t *testing.T) {
	dir := t.TempDir()
	l := openSigned(t, dir, at(2026))
	fill(t, l, 1, 1)
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 2; ctx.Err() == nil; i++ {
			if _, err := l.Append(context.Background(), sent(i)); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for begun := time.Now(); time.Since(begun) < 300*time.Millisecond; {
		if _, err := VerifySigned(t.Context(), dir, testPub()); err != nil {
			t.Error(err)
			break
		}
	}
	stop()
	wg.Wait()
}
