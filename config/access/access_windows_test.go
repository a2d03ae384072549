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

func sids(t *testing.T, texts ...string) (out []*windows.SID) {
	t.Helper()
	for _, text := range texts {
		sid, err := windows.StringToSid(text)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, sid)
	}
	return out
}

func TestAListLetsWhoItNames(t *testing.T) {
	const localService, users = "S-1-5-19", "S-1-5-32-545"
	for _, c := range []struct {
		list string
		who  []string
		mask windows.ACCESS_MASK
		want bool
	}{
		{"D:(A;;FR;;;LS)", []string{localService}, windows.FILE_READ_DATA, true},
		{"D:(A;;FR;;;LS)", []string{localService}, windows.FILE_READ_DATA | windows.FILE_WRITE_DATA, false},
		{"D:(A;;FR;;;LS)(A;;GA;;;BU)", []string{localService, users}, windows.FILE_READ_DATA | windows.FILE_WRITE_DATA, true},
		{"D:(A;;GR;;;BU)", []string{localService, users}, windows.FILE_READ_DATA, true},
		{"D:(A;;FR;;;BU)", []string{localService}, windows.FILE_READ_DATA, false},
		{"D:(D;;FR;;;LS)(A;;FR;;;BU)", []string{localService, users}, windows.FILE_READ_DATA, false},
		{"D:(A;OIIO;FR;;;LS)", []string{localService}, windows.FILE_READ_DATA, false},
	} {
		sd, err := windows.SecurityDescriptorFromString(c.list)
		if err != nil {
			t.Fatal(err)
		}
		list, _, err := sd.DACL()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := lets(list, sids(t, c.who...), c.mask); err != nil || got != c.want {
			t.Errorf("%s for %v: %v, %v", c.list, c.who, got, err)
		}
	}
}

// What an editor renames into place in the folder of the recipient book has the
// folder's rights: the entry is for files, and for none of the folders below.
func TestGrantFilesCountsForFilesToCome(t *testing.T) {
	localService := sids(t, "S-1-5-19")[0]
	list, err := merged(grants{{localService, ReadOnly}}, windows.SUB_OBJECTS_ONLY_INHERIT|windows.INHERIT_NO_PROPAGATE, nil)
	if err != nil {
		t.Fatal(err)
	}
	seen := false
	if err := each(list, func(sid *windows.SID, ace *windows.ACCESS_ALLOWED_ACE) {
		seen = sid.Equals(localService) && ace.Mask == ReadOnly &&
			ace.Header.AceFlags == windows.OBJECT_INHERIT_ACE|windows.NO_PROPAGATE_INHERIT_ACE
	}); err != nil || !seen {
		t.Errorf("%v, %v", seen, err)
	}
	if err := GrantFiles(folder(t), localService); err != nil {
		t.Error(err)
	}
}

// Without a list everybody is let in; one with a single entry would shut the others out.
func TestGrantShutsNobodyOut(t *testing.T) {
	to := grants{{sids(t, "S-1-5-19")[0], ReadOnly}}
	if list, err := extended(to, windows.NO_INHERITANCE, nil); err != nil || list != nil {
		t.Errorf("no list became one of %d entries, %v", list.AceCount, err)
	}
	sd, err := windows.SecurityDescriptorFromString("D:(A;;FA;;;BU)")
	if err != nil {
		t.Fatal(err)
	}
	old, _, err := sd.DACL()
	if err != nil {
		t.Fatal(err)
	}
	if list, err := extended(to, windows.NO_INHERITANCE, old); err != nil || list == nil || list.AceCount != 2 {
		t.Errorf("%v, %v", list, err)
	}
}
