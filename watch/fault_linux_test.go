package watch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// fullEnv makes the test binary answer an order on a full disk.
const fullEnv = "WATCH_FULL_OUTBOX"

// fullDisk answers with a letter that the disk has no room for: a limit on the
// size of files makes the kernel cut the write short, as a full disk does.
func fullDisk(dir string) int {
	signal.Ignore(syscall.SIGXFSZ)
	o, err := Open(dir, Options{})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	claims, err := o.Claims()
	if err != nil || len(claims) != 1 {
		fmt.Println(len(claims), err)
		return 1
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 4096, Max: 4096}); err != nil {
		fmt.Println(err)
		return 1
	}
	if err := claims[0].Answer(context.Background(), bigAnswer()); !errors.Is(err, syscall.EFBIG) {
		fmt.Println("answered on a full disk:", err)
		return 1
	}
	return 0
}

func bigAnswer() Answer {
	a := receipt("R-1", "t")
	a.Files["LINK-LETTER.pdf"] = make([]byte, 100_000)
	return a
}

func TestOnAFullDiskAnAnswerAppearsWholeOrNotAtAll(t *testing.T) {
	o, dir, _ := newBox(t)
	c := claimed(t, o, "R-1.yaml", "order")
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), fullEnv+"="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s, %v", out, err)
	}
	if got := list(t, dir, "sent"); len(got) != 0 {
		t.Fatalf("half an answer: %q", got)
	}
	again, err := o.Claim(c.ID)
	if err != nil {
		t.Fatalf("the order is lost: %v", err)
	}
	give(t, again, bigAnswer())
	if got := list(t, dir, "sent/R-1"); len(got) != 4 {
		t.Fatalf("%q", got)
	}
}

// asStranger runs f as a user whom the file permissions stop, also when the
// tests run as root.
func asStranger(t *testing.T, f func()) {
	t.Helper()
	runtime.LockOSThread() // the file system user is the thread's
	defer runtime.UnlockOSThread()
	if os.Geteuid() == 0 {
		if err := syscall.Setfsuid(65534); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = syscall.Setfsuid(0) }()
	}
	f()
}

func TestAFileThatIsLockedBacksOffAndIsNamed(t *testing.T) {
	o, dir, clk := newBox(t)
	for _, d := range []string{"..", "", workingDir, sentDir, heldDir, deniedDir} {
		if err := os.Chmod(filepath.Join(dir, d), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	put(t, dir, "locked.yaml", "order: 1")
	put(t, dir, "free.yaml", "order: 2")
	for name, mode := range map[string]os.FileMode{"locked.yaml": 0, "free.yaml": 0o666} {
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	sweep(t, o)
	clk.advance(3 * time.Second)
	begin, tries := clk.t, 0
	asStranger(t, func() {
		c, s := sweep(t, o)
		if len(c) != 1 || c[0].File != "free.yaml" {
			t.Fatalf("the other order waits too: %v", c)
		}
		if d, ok := reason(s, "locked.yaml"); !ok || d.Why != Locked || !d.Since.Equal(begin) {
			t.Fatalf("%+v", s.Delayed)
		}
		for clk.t.Sub(begin) < 10*time.Minute {
			was := o.seen["locked.yaml"].next
			clk.advance(time.Second)
			if c, _ := sweep(t, o); len(c) != 0 {
				t.Fatal("claimed while it was locked")
			}
			if o.seen["locked.yaml"].next != was {
				tries++
			}
		}
	})
	if tries < 7 || tries > 14 {
		t.Fatalf("%d attempts in 10 minutes", tries)
	}
	if err := os.Chmod(filepath.Join(dir, "locked.yaml"), 0o600); err != nil {
		t.Fatal(err)
	}
	clk.advance(lastBackOff)
	if c, _ := sweep(t, o); len(c) != 1 || c[0].File != "locked.yaml" {
		t.Fatalf("not claimed when it was free again: %v", c)
	}
}

// The file can be read and not moved, like one that an antivirus program
// holds: the sticky bit lets only its owner rename it.
func TestAFileThatCannotBeMovedBacksOffAndIsNamed(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs a second user, and so root")
	}
	o, dir, clk := newBox(t)
	put(t, dir, "held-open.yaml", "order: 1")
	for name, mode := range map[string]os.FileMode{"..": 0o755, "held-open.yaml": 0o644, workingDir: 0o777, "": 0o777 | os.ModeSticky} {
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	sweep(t, o)
	clk.advance(3 * time.Second)
	asStranger(t, func() {
		c, s := sweep(t, o)
		if d, ok := reason(s, "held-open.yaml"); len(c) != 0 || !ok || d.Why != Locked {
			t.Fatalf("%v, %+v", c, s)
		}
		if got := list(t, dir, workingDir); len(got) != 0 {
			t.Errorf("left in working/: %q", got)
		}
		if o.seen["held-open.yaml"].next.Before(clk.t.Add(firstBackOff)) {
			t.Error("tried again at once")
		}
	})
	clk.advance(time.Minute)
	if c, _ := sweep(t, o); len(c) != 1 {
		t.Fatal("not claimed when it was free again")
	}
}
