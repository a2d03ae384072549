package seal_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"chartseal/packager/seal"
)

// TestMain lets the test binary be the child that stretches passphrases.
func TestMain(m *testing.M) {
	if os.Getenv("SEAL_TEST_CHILD") != "" {
		if err := seal.Wrap(os.Stdin, os.Stdout); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestAChildStretchesThePassphrase(t *testing.T) {
	pass, err := seal.NewPassphrase(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	to, err := seal.WithPassphrase(pass)
	if err != nil {
		t.Fatal(err)
	}
	to = to.InChild(func() *exec.Cmd {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "SEAL_TEST_CHILD=1")
		return cmd
	})
	if to.Unlock() != seal.UnlockPassphrase {
		t.Fatal(to.Unlock())
	}
	var sealed bytes.Buffer
	w, err := seal.NewWriter(&sealed, to)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("content")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	ids, err := seal.FromPassphrase(pass)
	if err != nil {
		t.Fatal(err)
	}
	r, n, err := seal.Open(bytes.NewReader(sealed.Bytes()), int64(sealed.Len()), ids)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]byte, n)
	if _, err := r.ReadAt(got, 0); err != nil && !errors.Is(err, io.EOF) || string(got) != "content" {
		t.Fatalf("%q, %v", got, err)
	}
	broken := to.InChild(func() *exec.Cmd { return exec.Command(os.Args[0] + "-is-not-there") })
	if _, err := seal.NewWriter(io.Discard, broken); err == nil || strings.Contains(err.Error(), pass) {
		t.Fatalf("error %v", err)
	}
	if text := fmt.Sprintf("%v %+v %#v", to, to, to); strings.Contains(text, pass) {
		t.Fatal("the passphrase can be printed")
	}
}
