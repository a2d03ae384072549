package ledger

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"
)

// TestMain lets the test binary be the process that is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("LEDGER_TEST_APPEND"); dir != "" {
		appendForever(dir)
	}
	os.Exit(m.Run())
}

// appendForever appends and prints each receipt once it has it.
func appendForever(dir string) {
	l, err := Open(dir, time.Now, signing())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for i := int(l.Head().Seq) + 1; err == nil; i++ {
		var r Receipt
		if r, err = l.Append(context.Background(), sent(i)); err == nil {
			_, err = fmt.Println(r.Seq, r.Hash)
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// What was acknowledged before a kill is in the ledger after it.
func TestKilledProcess(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for round := range 6 {
		cmd := exec.CommandContext(t.Context(), self)
		cmd.Env = append(os.Environ(), "LEDGER_TEST_APPEND="+dir, "LEDGER_TEST_KEY="+keyText(t))
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var acknowledged []Head
		for lines := bufio.NewReader(out); ; {
			line, err := lines.ReadString('\n')
			if err != nil {
				break // killed, perhaps in the middle of a line
			}
			var r Head
			if _, err := fmt.Sscan(line, &r.Seq, &r.Hash); err != nil {
				t.Fatal(err)
			}
			acknowledged = append(acknowledged, r)
			if len(acknowledged) == 3 { // it is running: a second writer is refused
				if _, err := Open(dir, at(2026).now); !errors.Is(err, ErrLocked) {
					t.Errorf("opened beside a running process: %v", err)
				}
			}
			if len(acknowledged) == 5+3*round {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = cmd.Wait() // killed
		if r := verify(t, dir, acknowledged...); r.Known != len(acknowledged) || r.Known < 5+3*round {
			t.Errorf("round %d: %d of %d acknowledged entries found", round, r.Known, len(acknowledged))
		}
		last := acknowledged[len(acknowledged)-1]
		if r, err := VerifySigned(t.Context(), dir, testPub()); err != nil || r.Signed == nil || r.Signed.Seq < last.Seq {
			t.Errorf("round %d: the signed head is %+v after entry %d was acknowledged: %v", round, r.Signed, last.Seq, err)
		}
	}
}
