package watch

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestKeepAccounting(t *testing.T) {
	dir := t.TempDir()
	files := map[string][]byte{"letter.pdf": []byte("%PDF-"), "list.csv": []byte("a,b")}
	if err := KeepAccounting(t.Context(), dir, "one", files); !errors.Is(err, ErrAway) {
		t.Errorf("an empty mount point: %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("something was written there: %v, %v", left, err)
	}
	o, err := Open(dir, Options{Owner: "here-1"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = o.Close() }()
	stale := filepath.Join(dir, filepath.FromSlash(accountingNew)) // of a crash
	if err := errors.Join(os.MkdirAll(stale, 0o700), os.WriteFile(filepath.Join(stale, "other.pdf"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := KeepAccounting(t.Context(), dir, "one", files); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadDir(filepath.Join(dir, "accountings", "one"))
	if err != nil || len(got) != 2 {
		t.Errorf("%v, %v", got, err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(AccountingPlace("one", "letter.pdf")))); err != nil || string(b) != "%PDF-" {
		t.Errorf("%q, %v", b, err)
	}
	if p, err := o.Look(); err != nil || len(p.Pending)+len(p.Ignored)+len(p.Left) > 0 {
		t.Errorf("the folder is taken for something that staff dropped: %+v, %v", p, err)
	}
	if kept, err := o.KeptAnswers(); err != nil || len(kept) > 0 {
		t.Errorf("the copies are offered for removal: %+v, %v", kept, err)
	}
}
