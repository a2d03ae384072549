package vault

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chartseal/packager/seal"
)

// writer is what both kinds of backup can do.
type writer interface {
	Put(p Part, content io.Reader) error
	Seal() error
	Open() (*Copy, error)
}

func sum(content string) string {
	d := sha256.Sum256([]byte(content))
	return hex.EncodeToString(d[:])
}

func recipients(t *testing.T) seal.Recipients {
	t.Helper()
	key, err := seal.GenerateKey(false)
	if err != nil {
		t.Fatal(err)
	}
	to, err := seal.ParseRecipients([]string{key.Public})
	if err != nil {
		t.Fatal(err)
	}
	return to
}

func kinds(t *testing.T) map[string]writer {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "backup"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	sealed, err := NewSealed(f, recipients(t))
	if err != nil {
		t.Fatal(err)
	}
	return map[string]writer{"sealed": sealed, "folder": Folder{t.TempDir()}}
}

func put(t *testing.T, w writer, p Part, content string) Part {
	t.Helper()
	p.Size, p.SHA256 = int64(len(content)), sum(content)
	if err := w.Put(p, strings.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	return p
}

func finish(t *testing.T, w writer, inv Inventory) (*Copy, error) {
	t.Helper()
	b, err := json.Marshal(inv)
	if err == nil {
		err = w.Put(Part{Name: InventoryName, Size: int64(len(b))}, bytes.NewReader(b))
	}
	if err == nil {
		err = w.Seal()
	}
	if err != nil {
		t.Fatal(err)
	}
	return w.Open()
}

// Of a part that was put in twice the last one counts, one that the inventory does not
// list is passed over, and what is read is what was put in.
func TestTheLastOfAPartCounts(t *testing.T) {
	for name, w := range kinds(t) {
		at := time.Date(2026, 3, 8, 7, 0, 0, 0, time.UTC)
		parts := map[string]Part{"a": {Name: "a", Folder: true}}
		put(t, w, Part{Name: "a/b"}, "before, and longer")
		put(t, w, Part{Name: "gone"}, "for a while")
		parts["a/b"] = put(t, w, Part{Name: "a/b", At: at}, "after")
		parts["empty"] = put(t, w, Part{Name: "empty"}, "")
		c, err := finish(t, w, Inventory{Format: Format, Site: "front-desk", Contents: InOrder(parts)})
		if err != nil {
			t.Fatal(name, err)
		}
		got := map[string]string{}
		err = c.Check(func(p Part, content io.Reader) error {
			b, err := io.ReadAll(content)
			got[p.Name] = string(b)
			return err
		})
		if want := map[string]string{"a/b": "after", "empty": ""}; err != nil || !maps.Equal(got, want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
		if c.Site != "front-desk" || len(c.Contents) != 3 || !c.Contents[1].At.Equal(at) {
			t.Errorf("%s: %+v", name, c.Inventory)
		}
	}
}

// What was changed, or is missing, is found; so is an inventory that leads elsewhere or is
// a newer program's.
func TestWhatIsNotWholeIsRefused(t *testing.T) {
	of := func(p ...Part) Inventory { return Inventory{Format: Format, Contents: p} }
	for name, c := range map[string]struct {
		list Inventory
		want error
	}{
		"changed":   {of(Part{Name: "a", Size: 1, SHA256: sum("b")}), ErrDamaged},
		"longer":    {of(Part{Name: "a", Size: 2, SHA256: sum("a")}), ErrDamaged},
		"missing":   {of(Part{Name: "b", Size: 1, SHA256: sum("b")}), ErrDamaged},
		"elsewhere": {of(Part{Name: "../a"}), ErrDamaged},
		"absolute":  {of(Part{Name: "/a"}), ErrDamaged},
		"unclean":   {of(Part{Name: "b/../a"}), ErrDamaged},
		"negative":  {of(Part{Name: "a", Size: -1}), ErrDamaged},
		"no format": {Inventory{}, ErrDamaged},
		"newer":     {Inventory{Format: Format + 1}, ErrNewer},
	} {
		for kind, w := range kinds(t) {
			put(t, w, Part{Name: "a"}, "a")
			got, err := finish(t, w, c.list)
			if err == nil {
				err = got.Check(nil)
			}
			if !errors.Is(err, c.want) {
				t.Errorf("%s, %s: %v", name, kind, err)
			}
		}
	}
}

// A part that is shorter than was said makes no backup: the file shrank while it was copied.
func TestAPartThatIsCutIsAnError(t *testing.T) {
	for name, w := range kinds(t) {
		if err := w.Put(Part{Name: "a", Size: 5}, strings.NewReader("abc")); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
