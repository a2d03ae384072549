package chartseal

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"aead.dev/minisign"

	"chartseal/config"
	"chartseal/durable"
	"chartseal/ledger"
	"chartseal/packager/seal"
	"chartseal/registry"
	"chartseal/transport"
	"chartseal/vault"
)

// house is a practice whose state folder holds a little of everything, without a daemon.
type house struct {
	cfg  *config.Config
	to   seal.Recipients
	key  []byte // opens what is sealed
	dest string
}

func newHouse(t *testing.T) *house {
	t.Helper()
	dir := t.TempDir()
	k, err := seal.GenerateKey(false)
	if err != nil {
		t.Fatal(err)
	}
	to, err := seal.ParseRecipients([]string{k.Public})
	if err != nil {
		t.Fatal(err)
	}
	h := &house{to: to, key: k.File(time.Now()), dest: filepath.Join(dir, "backups"), cfg: &config.Config{
		Site: "main", State: filepath.Join(dir, "state"), Outbox: filepath.Join(dir, "outbox"), File: filepath.Join(dir, "chartseal.yaml"),
		Recipients: filepath.Join(dir, "recipients.yaml"), Store: config.Store{Kind: config.StoreLocal},
	}}
	s, err := openState(h.cfg.State)
	if err != nil {
		t.Fatal(err)
	}
	db, err := registry.OpenSQLite(s.path(engineFile))
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(
		db.Migrate(t.Context()), db.Close(), os.Mkdir(h.dest, 0o700), s.save(&release{ID: "abc", Claim: "c", OrderSHA: "00", Sealed: "x.age"}),
		os.WriteFile(h.cfg.File, []byte("practice: of the backup\n"), 0o600),
		os.WriteFile(s.path("sealed", "x.age"), bytes.Repeat([]byte("sealed"), 1<<18), 0o600),
		os.WriteFile(s.path("chartseal.log"), []byte("a line"), 0o600), os.MkdirAll(s.path("store", "data", "empty"), 0o700),
		os.WriteFile(s.path("store", "data", "an object"), []byte("kept"), 0o600),
		writeSomeAttr(s.path("store", "data", "an object")), s.close(),
	)
	if err != nil {
		t.Fatal(err)
	}
	h.enter(t, 3)
	return h
}

// writeSomeAttr gives a file an attribute, where the disk has them.
func writeSomeAttr(path string) error {
	if err := durable.SetAttrs(path, map[string][]byte{"user.etag": []byte("e\x00tag"), "user.none": {}}); !errors.Is(err, durable.ErrNoAttrs) {
		return err
	}
	return nil
}

// enter adds entries to the ledger.
func (h *house) enter(t *testing.T, n int) {
	t.Helper()
	s, err := openState(h.cfg.State)
	if err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(s.path("ledger"), time.Now, ledger.Signed(ledger.Signer{Site: "main", Key: s.key}))
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		if _, err := l.Append(t.Context(), ledger.Entry{Key: randomName() + "/held", Event: ledger.Held, Order: "R-1"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(l.Close(), s.close()); err != nil {
		t.Fatal(err)
	}
}

func quiet() Options {
	return Options{Now: time.Now, Log: slog.New(slog.DiscardHandler), Version: "test"}
}

func (h *house) backup(t *testing.T, plain bool) BackupReport {
	t.Helper()
	r, err := Backup(t.Context(), h.cfg, quiet(), Destination{Path: h.dest, To: h.to, Plain: plain})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (h *house) restore(t *testing.T, source string, replace bool) (RestoreReport, error) {
	t.Helper()
	return Restore(t.Context(), h.cfg, quiet(), h.how(source, replace))
}

func (h *house) how(source string, replace bool) Restoration {
	return Restoration{Source: source, Replace: replace, Unlock: func([]byte) (seal.Identities, error) {
		return seal.ParseIdentities(bytes.NewReader(h.key), nil)
	}}
}

// private makes sure that nobody else can read a file or a folder.
func private(t *testing.T, path string) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil || runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		t.Errorf("%v, %v", info, err)
	}
}

// holds is what a state folder holds, by name, with the attributes.
func holds(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, name)
		rel = filepath.ToSlash(rel)
		top, _, _ := strings.Cut(rel, "/")
		if err != nil || rel == "." || isLeftOut(top) && top != "ledger" || strings.HasSuffix(rel, "lock") || top == restoredNote {
			return err
		}
		attrs, err := durable.Attrs(name)
		if err != nil {
			return err
		}
		for _, a := range slices.Sorted(maps.Keys(attrs)) {
			out[rel] += a + "=" + string(attrs[a]) + "\n"
		}
		if d.IsDir() {
			out[rel] += "folder"
			return nil
		}
		b, err := os.ReadFile(name)
		out[rel] += string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// What is restored is what was backed up, sealed or plain, into an empty folder or in place
// of another; nobody else can read either.
func TestWhatIsRestoredIsWhatWasBackedUp(t *testing.T) {
	for _, plain := range []bool{false, true} {
		h := newHouse(t)
		want := holds(t, h.cfg.State)
		r := h.backup(t, plain)
		if r.Entries != 3 || !r.Settled || r.Sealed == plain || r.Ledger != "" || filepath.Dir(r.Path) != h.dest {
			t.Errorf("%+v", r)
		}
		private(t, r.Path)
		if left, _ := filepath.Glob(filepath.Join(h.dest, partPrefix+"*")); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
		if !plain {
			b, err := os.ReadFile(r.Path)
			if err != nil || bytes.Contains(b, []byte(`"order":"R-1"`)) || bytes.Contains(b, []byte("minisign")) {
				t.Errorf("it is not sealed: %v", err)
			}
		}
		h.cfg.State = filepath.Join(t.TempDir(), "elsewhere", "state")
		if err := os.MkdirAll(filepath.Dir(h.cfg.State), 0o700); err != nil {
			t.Fatal(err)
		}
		rep, err := h.restore(t, r.Path, false)
		if err != nil || rep.Entries != 3 || rep.Aside != "" || rep.Distrusted != "" || rep.Key != r.Key {
			t.Fatalf("%+v, %v", rep, err)
		}
		private(t, h.cfg.State)
		private(t, filepath.Join(h.cfg.State, "keys", "practice.key"))
		got := holds(t, h.cfg.State)
		for name := range want {
			if got[name] != want[name] && name != engineFile {
				t.Errorf("%s is not as it was: %.40q", name, got[name])
			}
		}
		if len(got) != len(want) {
			t.Errorf("%v, and it was %v", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
		}
		s, err := openState(h.cfg.State)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A state folder that holds a practice is not touched, unless that is asked for; then it is
// put aside whole. Entries that it had, and the backup has not, are not forgotten: nothing
// is sent until a person has accepted that.
func TestRestoringOverAPractice(t *testing.T) {
	h := newHouse(t)
	r := h.backup(t, false)
	h.enter(t, 2)
	before := holds(t, h.cfg.State)
	if _, err := h.restore(t, r.Path, false); !errors.Is(err, ErrNotRestored) {
		t.Errorf("over a practice: %v", err)
	}
	s, err := openState(h.cfg.State)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.restore(t, r.Path, true); !errors.Is(err, ErrLocked) {
		t.Errorf("over a running one: %v", err)
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	if after := holds(t, h.cfg.State); !maps.Equal(after, before) {
		t.Error("a refused restore changed something")
	}
	rep, err := h.restore(t, r.Path, true)
	if err != nil || rep.Aside == "" || rep.Distrusted == "" || rep.Lost == nil || rep.Lost.From != 4 || rep.Lost.To != 5 {
		t.Fatalf("%+v, %v", rep, err)
	}
	if was := holds(t, filepath.Join(h.cfg.State, rep.Aside)); !maps.Equal(was, before) {
		t.Error("what was put aside is not what was there")
	}
	if b, err := os.ReadFile(filepath.Join(h.cfg.State, "chartseal.log")); err != nil || string(b) != "a line" {
		t.Errorf("the log: %q, %v", b, err)
	}
	at := &state{dir: h.cfg.State}
	if _, err := at.verifyHere(t.Context()); !errors.Is(err, ledger.ErrBroken) {
		t.Errorf("the daemon would send: %v", err)
	}
	if s, err = openState(h.cfg.State); err != nil {
		t.Fatal(err)
	}
	p := &Practice{cfg: h.cfg, opts: quiet(), log: quiet().Log, state: s}
	_, err = p.accept(t.Context(), Acceptance{Decider: Decider{By: "IT"}, Reason: "disk"})
	if err := errors.Join(err, s.close()); err != nil {
		t.Fatal(err)
	}
	if rep, err := at.verifyHere(t.Context()); err != nil || len(rep.Restored) != 1 {
		t.Errorf("after accepting: %+v, %v", rep, err)
	}
	if again := h.backup(t, false); again.Parts != r.Parts+2 { // heads.json and restored.json; nothing of what was put aside
		t.Errorf("%d parts, and there were %d", again.Parts, r.Parts)
	}
}

// Who tries one backup after the other is told each time what it lacks: also of what only the
// folder had that the first one replaced, and of a ledger that went on another way.
func TestRestoringOneBackupAfterTheOther(t *testing.T) {
	h := newHouse(t)
	older := h.backup(t, false)
	h.enter(t, 2)
	newer := h.backup(t, false)
	h.enter(t, 2)
	lacks := func(source string, from, to uint64) {
		t.Helper()
		rep, err := h.restore(t, source, true)
		if err != nil || rep.Lost == nil || rep.Lost.From != from || rep.Lost.To != to {
			t.Fatalf("%+v (%+v), %v", rep, rep.Lost, err)
		}
	}
	lacks(older.Path, 4, 7)
	lacks(older.Path, 4, 7)
	lacks(newer.Path, 6, 7)
	lacks(older.Path, 4, 7)
	s, err := openState(h.cfg.State)
	if err != nil {
		t.Fatal(err)
	}
	p := &Practice{cfg: h.cfg, opts: quiet(), log: quiet().Log, state: s}
	_, err = p.accept(t.Context(), Acceptance{Decider: Decider{By: "IT"}, Reason: "disk"})
	if err := errors.Join(err, s.close()); err != nil {
		t.Fatal(err)
	}
	lacks(newer.Path, 4, 7) // 4 is the entry with which the older one went on
}

// A restore that is cut off anywhere is finished by whoever opens the folder next, and one
// that had not begun to count is given up.
func TestARestoreThatIsCutOff(t *testing.T) {
	h := newHouse(t)
	r := h.backup(t, false)
	want := holds(t, h.cfg.State)
	h.enter(t, 1)
	for cut := range 40 {
		home := filepath.Join(t.TempDir(), "state")
		if err := os.CopyFS(home, os.DirFS(h.cfg.State)); err != nil {
			t.Fatal(err)
		}
		s, in := &state{dir: home}, &state{dir: filepath.Join(home, incomingDir)}
		a, done, err := openBackup(h.how(r.Path, true))
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(in.unpack(t.Context(), a), done()); err != nil {
			t.Fatal(err)
		}
		moves := 0
		if cut > 0 {
			if err := s.beginRestore(asideDir + "x"); err != nil {
				t.Fatal(err)
			}
			moves = halt(t, s, cut-1)
		}
		open, err := openState(home)
		if err != nil {
			t.Fatalf("cut %d: %v", cut, err)
		}
		if err := open.close(); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{incomingDir, restoreMark} {
			if _, err := os.Stat(s.path(name)); err == nil {
				t.Fatalf("cut %d leaves %s", cut, name)
			}
		}
		rep, err := s.verifyHere(t.Context())
		if entries := uint64(3); err != nil || cut == 0 && rep.Head.Seq != entries+1 || cut > 0 && rep.Head.Seq != entries {
			t.Fatalf("cut %d: %+v, %v", cut, rep, err)
		}
		if got := holds(t, home); cut > 0 && (len(got) != len(want) || got["releases/abc.json"] != want["releases/abc.json"]) {
			t.Fatalf("cut %d: %v", cut, slices.Sorted(maps.Keys(got)))
		}
		if cut > 0 && moves < cut-1 {
			return // all were made
		}
	}
	t.Error("there is no end of it")
}

// halt makes the first moves of a restore, and tells how many there were.
func halt(t *testing.T, s *state, most int) (n int) {
	t.Helper()
	aside := asideDir + "x"
	now, err := namesIn(s.dir)
	if err == nil {
		err = os.MkdirAll(s.path(aside), 0o700)
	}
	next, err2 := namesIn(s.path(incomingDir))
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	move := func(from, to string) {
		if n == most {
			return
		}
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
		n++
	}
	for _, name := range now {
		if !staysInPlace(name) {
			move(s.path(name), s.path(aside, name))
		}
	}
	for _, name := range next {
		move(s.path(incomingDir, name), s.path(name))
	}
	return n
}

// Whatever is wrong with a backup, nothing of the state folder is changed.
func TestABackupThatDoesNotHold(t *testing.T) {
	h := newHouse(t)
	sealed, plain := h.backup(t, false).Path, h.backup(t, true).Path
	change := func(name string, by func([]byte) []byte) func(string) error {
		return func(dir string) error {
			file := filepath.Join(dir, filepath.FromSlash(name))
			b, err := os.ReadFile(file)
			return errors.Join(err, os.WriteFile(file, by(b), 0o600))
		}
	}
	swap := func(old, now string) func([]byte) []byte {
		return func(b []byte) []byte { return bytes.Replace(b, []byte(old), []byte(now), 1) }
	}
	for name, c := range map[string]struct {
		meddle func(string) error
		want   error
	}{
		"a part is changed":         {change("state/releases/abc.json", swap("abc", "abd")), ErrBackup},
		"a part is missing":         {func(dir string) error { return os.Remove(filepath.Join(dir, "state", "keys", "practice.key")) }, ErrBackup},
		"the inventory is cut":      {change(vault.InventoryName, func(b []byte) []byte { return b[:len(b)/2] }), ErrBackup},
		"a name leads elsewhere":    {change(vault.InventoryName, swap("state/releases/abc.json", "state/../../abc.json")), ErrBackup},
		"a newer format":            {change(vault.InventoryName, swap(`"format":1`, `"format":2`)), registry.ErrNewer},
		"a newer database":          {change(vault.InventoryName, swap(`"schema":`, `"schema":9`)), registry.ErrNewer},
		"there is no inventory":     {func(dir string) error { return os.Remove(filepath.Join(dir, vault.InventoryName)) }, ErrBackup},
		"nothing of it is a backup": {func(dir string) error { return os.RemoveAll(filepath.Join(dir, "state")) }, ErrBackup},
	} {
		dir := filepath.Join(t.TempDir(), "copy")
		if err := errors.Join(os.CopyFS(dir, os.DirFS(plain)), c.meddle(dir)); err != nil {
			t.Fatal(err)
		}
		refused(t, h, name, dir, c.want)
	}
	b, err := os.ReadFile(sealed)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		b    []byte
		want error
	}{
		"cut":         {b[:len(b)-70_000], seal.ErrDamaged},
		"changed":     {append(bytes.Clone(b[:len(b)/2]), append([]byte{b[len(b)/2] ^ 1}, b[len(b)/2+1:]...)...), seal.ErrDamaged},
		"not sealed":  {[]byte("a letter"), ErrBackup},
		"nothing":     {nil, ErrBackup},
		"another key": {b, seal.ErrWrongKey},
	} {
		file := filepath.Join(t.TempDir(), "b.age")
		if err := os.WriteFile(file, c.b, 0o600); err != nil {
			t.Fatal(err)
		}
		other := *h
		if name == "another key" {
			k, err := seal.GenerateKey(false)
			if err != nil {
				t.Fatal(err)
			}
			other.key = k.File(time.Now())
		}
		refused(t, &other, name, file, c.want)
	}
}

func refused(t *testing.T, h *house, name, source string, want error) {
	t.Helper()
	cfg := *h.cfg
	cfg.State = filepath.Join(t.TempDir(), "state")
	if _, err := Restore(t.Context(), &cfg, quiet(), h.how(source, true)); !errors.Is(err, want) {
		t.Errorf("%s: %v", name, err)
	}
	left, _ := namesIn(cfg.State)
	if left = slices.DeleteFunc(left, func(n string) bool { return n == "lock" }); len(left) > 0 {
		t.Errorf("%s leaves %v", name, left)
	}
}

// A ledger that does not hold is backed up as it is, and that is told; it is not restored.
func TestABackupOfABrokenLedger(t *testing.T) {
	h := newHouse(t)
	file, err := filepath.Glob(filepath.Join(h.cfg.State, "ledger", "*.jsonl"))
	if err != nil || len(file) != 1 {
		t.Fatal(file, err)
	}
	b, err := os.ReadFile(file[0])
	if err := errors.Join(err, os.WriteFile(file[0], bytes.Replace(b, []byte("R-1"), []byte("R-2"), 1), 0o600)); err != nil {
		t.Fatal(err)
	}
	r := h.backup(t, false)
	if !strings.Contains(r.Ledger, "entry 1") {
		t.Errorf("%+v", r)
	}
	refused(t, h, "a broken ledger", r.Path, ledger.ErrBroken)
}

// A backup goes over nothing, and not where the daemon would take it for something else.
func TestWhereABackupMayGo(t *testing.T) {
	h := newHouse(t)
	there := filepath.Join(h.dest, "there")
	if err := errors.Join(os.WriteFile(there, []byte("keep"), 0o600), os.MkdirAll(h.cfg.Outbox, 0o700)); err != nil {
		t.Fatal(err)
	}
	old := filepath.Join(h.dest, partPrefix+"1"+partSuffix)
	if err := errors.Join(os.Mkdir(old, 0o700), os.Chtimes(old, time.Time{}, time.Now().Add(-2*partAge))); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{there, filepath.Join(h.cfg.State, "b"), h.cfg.State, filepath.Join(h.cfg.Outbox, "b.age"), filepath.Join(h.dest, "no", "b")} {
		if _, err := Backup(t.Context(), h.cfg, quiet(), Destination{Path: path, To: h.to}); !errors.Is(err, ErrNoBackup) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if b, err := os.ReadFile(there); err != nil || string(b) != "keep" {
		t.Errorf("%q, %v", b, err)
	}
	named := filepath.Join(h.dest, "named.age")
	if r, err := Backup(t.Context(), h.cfg, quiet(), Destination{Path: named, To: h.to}); err != nil || r.Path != named {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := os.Stat(old); err == nil {
		t.Error("what a killed backup left is still there")
	}
	empty := *h.cfg
	empty.State = filepath.Join(t.TempDir(), "none")
	if _, err := Backup(t.Context(), &empty, quiet(), Destination{Path: h.dest, To: h.to}); !errors.Is(err, ErrNoBackup) {
		t.Errorf("of nothing: %v", err)
	}
}

// The configuration of a backup can be had before there is one.
func TestTheConfigurationOfABackup(t *testing.T) {
	h := newHouse(t)
	q := h.how(h.backup(t, false).Path, false)
	q.Config = filepath.Join(t.TempDir(), "practice")
	r, err := RestoreConfig(q)
	if err != nil || !slices.Equal(r.Config, []string{"chartseal.yaml"}) {
		t.Fatalf("%+v, %v", r, err)
	}
	if b, err := os.ReadFile(filepath.Join(q.Config, "chartseal.yaml")); err != nil || string(b) != "practice: of the backup\n" {
		t.Errorf("%q, %v", b, err)
	}
	if _, err := RestoreConfig(q); !errors.Is(err, ErrNotRestored) {
		t.Errorf("over a folder that is there: %v", err)
	}
}

// A state folder of another practice is replaced without its head being held against the
// backup, and a signing key that does not fit its public half is found.
func TestTheKeysOfABackup(t *testing.T) {
	h, other := newHouse(t), newHouse(t)
	other.enter(t, 9)
	r := h.backup(t, false)
	h.cfg.State = other.cfg.State
	rep, err := h.restore(t, r.Path, true)
	if err != nil || rep.Distrusted != "" {
		t.Fatalf("%+v, %v", rep, err)
	}
	_, key, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	text, err := key.MarshalText()
	if err := errors.Join(err, os.WriteFile(filepath.Join(h.cfg.State, "keys", "practice.key"), text, 0o600)); err != nil {
		t.Fatal(err)
	}
	r = h.backup(t, false)
	if r.Ledger == "" {
		t.Error("a wrong key is not told")
	}
	refused(t, h, "a wrong key", r.Path, ledger.ErrBroken)
}

// check tells how old the last backup is, and that the folder was restored.
func TestCheckKnowsTheLastBackup(t *testing.T) {
	h := newHouse(t)
	look := func(now time.Time) (all []string) {
		examineBackup(h.cfg, now, func(_ string, level transport.Level, format string, args ...any) {
			all = append(all, string(level)+": "+fmt.Sprintf(format, args...))
		})
		return all
	}
	want := func(now time.Time, parts ...string) {
		t.Helper()
		got := look(now)
		if len(got) != len(parts) {
			t.Fatalf("%q", got)
		}
		for i, p := range parts {
			if !strings.Contains(got[i], p) {
				t.Errorf("%q lacks %q", got[i], p)
			}
		}
	}
	want(time.Now(), string(transport.Notice)+": chartseal backup was not run")
	r := h.backup(t, false)
	want(time.Now(), string(transport.OK)+": The last backup")
	want(time.Now().Add(9*24*time.Hour), string(transport.Warning)+": The last backup")
	h.cfg.State = filepath.Join(t.TempDir(), "state")
	want(time.Now())
	if _, err := h.restore(t, r.Path, false); err != nil {
		t.Fatal(err)
	}
	want(time.Now(), "was restored on", "was not run here yet")
}
