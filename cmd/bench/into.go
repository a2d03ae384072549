package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
)

// ending ends what a run has put into a document.
const ending = "<!-- end -->"

// put replaces the part of a document that a run of the same parts has made: what is
// between the lines "<!-- bench PARTS -->" and "<!-- end -->".
func put(file, parts string, text []byte) error {
	if parts == "" {
		parts = "all"
	}
	begin := "<!-- bench " + parts + " -->\n"
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	head, rest, ok := strings.Cut(string(old), begin)
	_, tail, ended := strings.Cut(rest, ending)
	if !ok || !ended {
		return fmt.Errorf("%s has no lines %q and %q", file, strings.TrimSpace(begin), ending)
	}
	whole := head + begin + "\n" + string(bytes.TrimSpace(text)) + "\n\n" + ending + tail
	return os.WriteFile(file, []byte(whole), 0o644)
}
