package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// plainText is what a person wrote into a small file, in UTF-8 without a byte order mark:
// Notepad writes such marks, and the > of Windows PowerShell writes UTF-16 (Microsoft,
// "about_Character_Encoding").
func plainText(b []byte) string {
	text, _, err := transform.Bytes(unicode.BOMOverride(transform.Nop), b)
	if err != nil {
		return string(b)
	}
	return string(text)
}

// errMarked is of a file that another program reads, which knows no such encodings.
var errMarked = errors.New("it is saved with a byte order mark or in UTF-16, so that no keys would be found in it: save it again in Notepad, encoding ANSI or UTF-8 (without BOM)")

// unmarked looks whether a file begins as plain text does.
func unmarked(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	head := make([]byte, 3)
	n, err := io.ReadFull(f, head)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	for _, mark := range []string{"\xef\xbb\xbf", "\xff\xfe", "\xfe\xff"} {
		if bytes.HasPrefix(head[:n], []byte(mark)) {
			err = fmt.Errorf("%s: %w", file, errMarked)
		}
	}
	return errors.Join(err, f.Close())
}
