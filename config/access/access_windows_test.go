package access

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/windows"
)

// folder is a new folder. Its removal is not insisted on: Wine cannot delete as the
// standard library does.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "access-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// everyone gives a file to everybody.
func everyone(t *testing.T, name string) {
	t.Helper()
	sid, err := windows.CreateWellKnownSid(windows.WinWorldSid)
	if err == nil {
		err = Grant(name, sid, Modify)
	}
	if err != nil {
		t.Fatal(err)
	}
	if o, err := Of(name); err != nil || !o.Read || !o.Write {
		t.Fatalf("everybody was let in: %+v, %v", o, err)
	}
}

func closed(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if o, err := Of(name); err != nil || o.Any() {
			t.Errorf("%s: %+v, %v", filepath.Base(name), o, err)
		}
		f, err := os.Open(name)
		if err != nil {
			t.Errorf("its owner cannot open it: %v", err)
			continue
		}
		_ = f.Close()
	}
}

func TestCloseShutsOutWhoWasLetIn(t *testing.T) {
	dir := filepath.Join(folder(t), "a state")
	deep := filepath.Join(dir, "keys", "practice.key")
	if err := os.MkdirAll(filepath.Dir(deep), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(deep, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{dir, filepath.Dir(deep), deep} {
		everyone(t, name)
	}
	for range 2 { // what is shut already stays so
		if err := Close(filepath.ToSlash(dir)); err != nil {
			t.Fatal(err)
		}
		closed(t, dir, filepath.Dir(deep), deep)
	}
	everyone(t, dir)
	if err := Close(dir); err != nil {
		t.Fatal(err)
	}
	closed(t, dir)
}

func TestCloseFileShutsOneFile(t *testing.T) {
	file := filepath.Join(folder(t), "approver.key")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	everyone(t, file)
	if err := CloseFile(file); err != nil {
		t.Fatal(err)
	}
	closed(t, file)
	if err := CloseFile(file + "x"); err == nil {
		t.Error("a file that is not there was closed")
	}
}

// An account that was named, as a service's, keeps its place when a person opens the
// state; a group does not, nor who may only read.
func TestNamedAccountsKeepTheirPlace(t *testing.T) {
	sd, err := windows.SecurityDescriptorFromString("D:(A;OICI;0x1301ff;;;LS)(A;OICI;FR;;;NS)(A;OICIIO;FA;;;CO)(A;OICI;FA;;;BU)(A;OICI;FA;;;WD)(A;OICI;FA;;;LS)(D;OICI;FA;;;NS)")
	if err != nil {
		t.Fatal(err)
	}
	list, _, err := sd.DACL()
	if err != nil {
		t.Fatal(err)
	}
	g, err := grants(nil).andNamed(list)
	if err != nil || len(g) != 1 || !g[0].sid.IsWellKnown(windows.WinLocalServiceSid) || g[0].mask != Modify {
		t.Errorf("%v, %v", g, err)
	}
}
