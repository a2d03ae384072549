//go:build interop

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"filippo.io/age"

	"chartseal"
	"chartseal/cmd/chartseal/service"
	"chartseal/testdata/practice"
)

// TestInteropWine runs the program that is built for Windows. Wine is not Windows: it has
// no virtual accounts, its service manager knows less, and sharing violations differ.
func TestInteropWine(t *testing.T) {
	t.Parallel()
	need(t, "wine", "wineserver", "x86_64-w64-mingw32-gcc")
	w := newWine(t)
	t.Run("init and check", w.starts)
	t.Run("access lists", w.lists)
	t.Run("orders", w.orders)
	t.Run("killed", w.killed)
	t.Run("backup and restore", w.restored)
	t.Run("service", w.service)
	t.Run("demo", w.demo)
}

// wine is a Windows of its own with chartseal and a small practice.
type wine struct {
	exe, dir string
	practice string // its folder
	config   string
	env      []string
}

// prngShim is what Wine 8 lacks and Go needs to start: the random numbers that the
// system hands to programs (ProcessPrng of bcryptprimitives.dll).
const prngShim = `#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID data, ULONG n);
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T n) { return SystemFunction036(data, (ULONG)n); }
`

func newWine(t *testing.T) *wine {
	t.Helper()
	w := &wine{dir: t.TempDir()}
	prefix := filepath.Join(w.dir, "prefix")
	w.env = append(os.Environ(), "WINEPREFIX="+prefix, "WINEDEBUG=-all", "DISPLAY=", "CHARTSEAL_LOG=",
		chartseal.PDFCacheEnv+"=Z:"+filepath.Join(w.dir, "pdfium"))
	w.exe = filepath.Join(w.dir, "chartseal.exe")
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-tags", "wine", "-ldflags=-checklinkname=0", "-o", w.exe, ".")
	build.Env = append(os.Environ(), "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build for Windows: %v\n%s", err, out)
	}
	w.wineTool(t, "wineboot", "-i")
	t.Cleanup(func() { // ends what runs in this Windows, and nothing else
		end := exec.Command("wineserver", "-k")
		end.Env = w.env
		_ = end.Run()
	})
	// As long as Windows itself waits for a service's first word; Wine waits ten seconds.
	w.wineTool(t, "wine", "reg", "add", `HKLM\SYSTEM\CurrentControlSet\Control`, "/v", "ServicesPipeTimeout", "/t", "REG_DWORD", "/d", "30000", "/f")
	w.wineTool(t, "wineserver", "-k") // its service manager reads that when it starts
	shim := filepath.Join(w.dir, "shim.c")
	check(t, os.WriteFile(shim, []byte(prngShim), 0o600))
	tool(t, w.dir, "x86_64-w64-mingw32-gcc", "-shared", "-o", filepath.Join(prefix, "drive_c", "windows", "system32", "bcryptprimitives.dll"), shim, "-ladvapi32")
	w.practice = filepath.Join(w.dir, "Lakeside Dental", "practice") // a blank, as Windows likes them
	check(t, os.MkdirAll(filepath.Dir(w.practice), 0o755))
	check(t, smallPractice(w.practice))
	w.config = `Z:` + strings.ReplaceAll(filepath.Join(w.practice, "chartseal.yaml"), "/", `\`)
	return w
}

func (w *wine) wineTool(t *testing.T, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = w.env
	_, said := w.listen(t, cmd)
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, said())
	}
}

// command is chartseal.exe.
func (w *wine) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "wine", append([]string{w.exe}, args...)...)
	cmd.Env, cmd.Dir = w.env, w.dir
	return cmd
}

// run returns what a command printed, and its exit code.
func (w *wine) run(t *testing.T, args ...string) (string, int) {
	t.Helper()
	cmd := w.command(t.Context(), args...)
	out, said := w.listen(t, cmd)
	err := cmd.Run()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	if words := said(); words != "" {
		t.Logf("%s says: %s", strings.Join(args, " "), words)
	}
	return out(), cmd.ProcessState.ExitCode()
}

// listen has a command write to files: Wine's own services inherit what they are
// started with, and would keep a pipe open.
func (w *wine) listen(t *testing.T, cmd *exec.Cmd) (out, said func() string) {
	t.Helper()
	file := func() (*os.File, func() string) {
		f, err := os.CreateTemp(w.dir, "said-*")
		check(t, err)
		t.Cleanup(func() { check(t, f.Close()) })
		return f, func() string {
			b, err := os.ReadFile(f.Name())
			check(t, err)
			return string(b)
		}
	}
	cmd.Stdout, out = file()
	cmd.Stderr, said = file()
	return out, said
}

// must fails unless a command does its work.
func (w *wine) must(t *testing.T, args ...string) string {
	t.Helper()
	out, code := w.run(t, args...)
	if code != exitOK {
		t.Fatalf("%s: exit code %d\n%s", strings.Join(args, " "), code, out)
	}
	return out
}

func (w *wine) starts(t *testing.T) {
	if out := w.must(t, "version"); !strings.Contains(out, "windows/amd64") {
		t.Errorf("version says %s", out)
	}
	w.must(t, "init", "fresh")
	out := w.must(t, "check", "-c", `fresh\chartseal.yaml`) // no problem: the state is closed by its access list
	for _, want := range []string{"Objects can be stored", "Source 6 (billing) can be read", "Nobody else can read the keys"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in what check says: %s", want, out)
		}
	}
}

// lists: the tests of access lists, of who gets which, and of files that are read while
// they are replaced, which only Windows has.
func (w *wine) lists(t *testing.T) {
	w.tests(t, "../../config/access", "TestCloseShutsOutWhoWasLetIn")
	w.tests(t, "./service", "TestHandOverSaysWhatIsLeft")
	w.tests(t, "../../watch", "TestReplaceWaitsForAReader", "-test.run=^Test(Replace|FullDisk)")
}

// tests runs those of a package, of which one must be among them.
func (w *wine) tests(t *testing.T, dir, one string, args ...string) {
	t.Helper()
	file := filepath.Join(w.dir, filepath.Base(dir)+"-test.exe")
	build := exec.CommandContext(t.Context(), "go", "test", "-vet=off", "-c", "-o", file, dir)
	build.Env = append(os.Environ(), "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build for Windows: %v\n%s", err, out)
	}
	cmd := exec.CommandContext(t.Context(), "wine", append([]string{file, "-test.v"}, args...)...)
	cmd.Env, cmd.Dir = w.env, w.dir
	out, _ := w.listen(t, cmd)
	if err := cmd.Run(); err != nil || !strings.Contains(out(), "--- PASS: "+one) {
		t.Errorf("%s: %v\n%s", dir, err, out())
	}
}

// drop puts an order into the outbox as staff would.
func (w *wine) drop(t *testing.T, id string, patient int, kinds ...string) {
	t.Helper()
	order := practice.OrderFor(practice.People()[patient], id, practice.OrderOptions{Now: time.Now(), Kinds: kinds})
	check(t, os.WriteFile(filepath.Join(w.practice, "outbox", id+".yaml"), order, 0o644))
}

func (w *wine) answer(id string) string {
	return filepath.Join(w.practice, "outbox", "sent", id, "receipt.json")
}

func (w *wine) answered(t *testing.T, id string) {
	t.Helper()
	defer func() {
		if t.Failed() {
			w.showLog(t)
		}
	}()
	for range 4800 { // eight minutes: Wine is slow beside other tests
		if there(w.answer(id)) {
			return
		}
		if b, err := os.ReadFile(filepath.Join(w.practice, "outbox", "held", id, "WHY-HELD.txt")); err == nil {
			t.Fatalf("%s", b)
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("no answer to %s", id)
}

func there(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// showLog shows what the daemons logged at last.
func (w *wine) showLog(t *testing.T) {
	t.Helper()
	for _, log := range []string{filepath.Join(w.dir, "log.json"), filepath.Join(w.practice, "state", "chartseal.log")} {
		if b, err := os.ReadFile(log); err == nil {
			t.Logf("%s: %s", filepath.Base(log), b[max(0, len(b)-4000):])
		}
	}
}

// daemon starts the daemon; end kills it as a power cut would.
func (w *wine) daemon(t *testing.T) (end func()) {
	t.Helper()
	cmd := w.command(context.Background(), "run", "-c", w.config, "--log", `Z:`+filepath.Join(w.dir, "log.json"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	_, said := w.listen(t, cmd)
	check(t, cmd.Start())
	done := false
	end = func() {
		if !done {
			done = true
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			_ = cmd.Wait()
			if words := said(); words != "" {
				t.Logf("the daemon says: %s", words)
			}
		}
	}
	t.Cleanup(end)
	return end
}

// orders: what is dropped while the daemon runs is answered, its link works, and a
// command reaches the running daemon.
func (w *wine) orders(t *testing.T) {
	end := w.daemon(t)
	waitFor(t, filepath.Join(w.practice, "state", "daemon.json"), "none")
	w.drop(t, "R-WINE-1", 1, "chart", "radiograph")
	w.answered(t, "R-WINE-1")
	if out := w.must(t, "status", "-c", w.config); !strings.Contains(out, "the daemon runs") || !strings.Contains(out, "R-WINE-1") {
		t.Errorf("status says %s", out)
	}
	w.must(t, "revoke", "R-WINE-1", "-c", w.config)
	end()
}

// killed: whatever is under way when the daemon dies is sent once, and only once.
func (w *wine) killed(t *testing.T) {
	ids := []string{"R-WINE-2", "R-WINE-3", "R-WINE-4"}
	for i, id := range ids {
		w.drop(t, id, i, "radiograph")
	}
	end := w.daemon(t)
	w.answered(t, ids[0])
	end()
	w.must(t, "run", "--until-idle", "-c", w.config)
	for _, id := range ids {
		w.answered(t, id)
		if sent := w.entries(t, "sent", id); sent != 1 {
			t.Errorf("%s was sent %d times", id, sent)
		}
	}
	w.must(t, "ledger", "verify", "-c", w.config)
}

// entries counts the ledger's lines of an event and an order.
func (w *wine) entries(t *testing.T, event, order string) (n int) {
	t.Helper()
	for line := range strings.Lines(w.must(t, "ledger", "show", "--json", "-c", w.config)) {
		var e struct{ Event, Order string }
		check(t, json.Unmarshal([]byte(line), &e))
		if e.Event == event && e.Order == order {
			n++
		}
	}
	return n
}

// restored: a backup is sealed, read back, and put in place of the state that it is of,
// which the service then goes on with.
func (w *wine) restored(t *testing.T) {
	key, err := age.GenerateX25519Identity()
	check(t, err)
	check(t, os.WriteFile(filepath.Join(w.dir, "backup-key.txt"), []byte(key.String()+"\n"), 0o600))
	check(t, os.Mkdir(filepath.Join(w.dir, "back ups"), 0o700))
	w.must(t, "backup", "back ups", "--to", key.Recipient().String(), "-c", w.config)
	found, err := filepath.Glob(filepath.Join(w.dir, "back ups", "chartseal-*.age"))
	if err != nil || len(found) != 1 {
		t.Fatalf("backups: %v, %v", found, err)
	}
	w.must(t, "restore", `Z:`+found[0], "-i", "backup-key.txt", "--replace", "-c", w.config)
	if aside, err := filepath.Glob(filepath.Join(w.practice, "state", "before-restore-*")); err != nil || len(aside) != 1 {
		t.Errorf("put aside: %v, %v", aside, err)
	}
}

// service: Wine's service manager starts it, hears of it and stops it. The account is
// one that Wine knows.
func (w *wine) service(t *testing.T) {
	defer func() {
		if t.Failed() {
			w.showLog(t)
		}
	}()
	stay := exec.Command("wine", "cmd") // else Wine's service manager ends, and begins anew with what starts by itself
	stay.Env = w.env
	stdin, err := stay.StdinPipe()
	check(t, err)
	w.listen(t, stay)
	check(t, stay.Start())
	defer func() {
		check(t, stdin.Close())
		_ = stay.Wait()
	}()
	w.mustBe(t, false, "not installed")
	out := w.must(t, "service", "install", "-c", w.config, "--account", `NT AUTHORITY\LocalService`)
	if !strings.Contains(out, "only the service and administrators can open") {
		t.Errorf("install says %s", out)
	}
	if out, code := w.run(t, "service", "install", "-c", w.config); code != exitFailed {
		t.Errorf("installed twice: exit code %d\n%s", code, out)
	}
	w.must(t, "service", "start")
	if s := w.mustBe(t, true, "running"); !s.Starts || !strings.Contains(s.Account, "LocalService") || s.PID == 0 {
		t.Errorf("status: %+v", s)
	}
	w.drop(t, "R-WINE-5", 2, "radiograph")
	w.answered(t, "R-WINE-5")
	w.must(t, "service", "stop")
	w.mustBe(t, false, "stopped")
	if out := w.must(t, "status", "-c", w.config); !strings.Contains(out, "NO DAEMON IS RUNNING") {
		t.Errorf("after the stop status says %s", out)
	}
	w.must(t, "service", "uninstall")
	w.mustBe(t, false, "not installed")
}

// mustBe asks for the service's state.
func (w *wine) mustBe(t *testing.T, running bool, state string) (s service.Status) {
	t.Helper()
	out, code := w.run(t, "service", "status", "--json")
	check(t, json.Unmarshal([]byte(out), &s))
	if s.Running != running || s.State != state || (code == exitOK) != running {
		t.Fatalf("status, exit code %d: %s", code, out)
	}
	return s
}

func (w *wine) demo(t *testing.T) {
	out := w.must(t, "demo", "--once", "--dir", "demo")
	if !strings.Contains(out, "signature and every digest are right") {
		t.Errorf("the demo says %s", out)
	}
	if found, err := filepath.Glob(filepath.Join(w.dir, "demo", "opened", "data", "DICOM", "*")); err != nil || len(found) == 0 {
		t.Error(fmt.Errorf("no images in what the demo opened: %w", err))
	}
}
