package main

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf16"
)

// TestSecretsAsWindowsWritesThem: a file with a secret counts whatever Notepad or PowerShell
// made of it, and one that other programs read is refused where they would find nothing.
func TestSecretsAsWindowsWritesThem(t *testing.T) {
	t.Parallel()
	const secret = "pässword one"
	wide := func(order binary.AppendByteOrder) (b []byte) {
		for _, u := range utf16.Encode([]rune("\ufeff" + secret + "\r\n")) {
			b = order.AppendUint16(b, u)
		}
		return b
	}
	for name, c := range map[string]struct {
		content []byte
		marked  bool
	}{
		"plain": {[]byte(secret + "\n"), false}, "CRLF": {[]byte(secret + "\r\n"), false}, "mark": {[]byte("\ufeff" + secret + "\r\n"), true},
		"PowerShell": {wide(binary.LittleEndian), true}, "big endian": {wide(binary.BigEndian), true},
	} {
		file := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(file, c.content, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := keptSecret("CHARTSEAL_NOT_SET", "none", file); got != secret || err != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if got, err := wordsIn(file); got != secret || err != nil {
			t.Errorf("words, %s: %q, %v", name, got, err)
		}
		if err := unmarked(file); errors.Is(err, errMarked) != c.marked || !c.marked && err != nil {
			t.Errorf("for another program, %s: %v", name, err)
		}
	}
}
