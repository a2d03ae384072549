package gather

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strings"
	"time"
)

// sideSuffix marks a side file: pano.jpg.meta.yaml tells of pano.jpg what the file
// itself cannot. It holds lines such as "date: 2025-05-03", for formats and names
// without a date, and "sensitive: [hiv_sti, sud]", the categories of the record; it
// may hold blank lines and # comments. It is no record itself.
const sideSuffix = ".meta.yaml"

// maxSideFile bounds a side file, in bytes.
const maxSideFile = 4 << 10

var errSideFile = errors.New("side file says something other than date and sensitive")

// side is what a side file tells.
type side struct {
	date      string // ISO 8601, "" if it does not say
	sensitive []string
}

func isSideFile(name string) bool {
	return len(name) > len(sideSuffix) && strings.HasSuffix(fold(name), fold(sideSuffix))
}

// readSide reads a side file. One that tells nothing, or anything else, is refused:
// a category that was misspelled must not go unnoticed.
func readSide(r io.Reader) (side, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxSideFile+1))
	if err != nil {
		return side{}, bare(err)
	}
	if len(text) > maxSideFile {
		return side{}, errSideFile
	}
	var s side
	for line := range bytes.Lines(bytes.TrimPrefix(text, []byte("\ufeff"))) {
		content, _, _ := strings.Cut(string(line), "#")
		if content = strings.TrimSpace(content); content == "" {
			continue
		}
		if !s.add(content) {
			return side{}, errSideFile
		}
	}
	if s.date == "" && s.sensitive == nil {
		return side{}, errSideFile
	}
	return s, nil
}

// add reads one line; each of the two may stand there once.
func (s *side) add(line string) bool {
	key, value, _ := strings.Cut(line, ":")
	value = strings.TrimSpace(value)
	switch strings.TrimSpace(key) {
	case "date":
		t, err := time.Parse(isoDate, strings.Trim(value, `"'`))
		if err != nil || s.date != "" || t.Year() < year1 {
			return false
		}
		s.date = t.Format(isoDate)
		return true
	case "sensitive":
		if s.sensitive != nil {
			return false
		}
		for word := range strings.SplitSeq(strings.TrimSuffix(strings.TrimPrefix(value, "["), "]"), ",") {
			word = strings.Trim(strings.TrimSpace(word), `"'`)
			if !categoryForm.MatchString(word) {
				return false
			}
			s.sensitive = append(s.sensitive, word)
		}
		return true
	}
	return false
}

// categoryForm is the form of a category's name, as orders write it.
var categoryForm = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)
