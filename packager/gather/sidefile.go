package gather

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"time"
)

// sideSuffix marks a side file: pano.jpg.meta.yaml gives the date of pano.jpg,
// for formats that cannot carry one and names that do not. It holds one line,
// "date: 2025-05-03", and may hold blank lines and # comments. It is no record
// itself.
const sideSuffix = ".meta.yaml"

// maxSideFile bounds a side file, in bytes.
const maxSideFile = 4 << 10

var errSideFile = errors.New("side file does not say date: YYYY-MM-DD")

func isSideFile(name string) bool {
	return len(name) > len(sideSuffix) && strings.HasSuffix(fold(name), fold(sideSuffix))
}

// sideDate reads a side file.
func sideDate(r io.Reader) (string, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxSideFile+1))
	if err != nil {
		return "", bare(err)
	}
	if len(text) > maxSideFile {
		return "", errSideFile
	}
	date := ""
	for line := range bytes.Lines(bytes.TrimPrefix(text, []byte("\ufeff"))) {
		content, _, _ := strings.Cut(string(line), "#")
		if content = strings.TrimSpace(content); content == "" {
			continue
		}
		value, ok := strings.CutPrefix(content, "date:")
		t, err := time.Parse(isoDate, strings.Trim(strings.TrimSpace(value), `"'`))
		if !ok || err != nil || date != "" || t.Year() < year1 {
			return "", errSideFile
		}
		date = t.Format(isoDate)
	}
	if date == "" {
		return "", errSideFile
	}
	return date, nil
}
