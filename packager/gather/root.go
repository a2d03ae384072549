package gather

import (
	"errors"
	"io"
	"io/fs"
	"os"
)

// CheckFolder reports whether the folder a source starts from is there and can
// be listed. The error is a [*SourceError] for source n (1-based).
func CheckFolder(n int, s Source) error {
	at, err := parseSource(s)
	if err != nil {
		return &SourceError{n, s.Kind, err}
	}
	f, err := os.Open(at.root)
	if errors.Is(err, fs.ErrNotExist) {
		return &SourceError{n, s.Kind, ErrSourceMissing}
	}
	if err != nil {
		return &SourceError{n, s.Kind, bare(err)}
	}
	if _, err := f.ReadDir(1); err != nil && !errors.Is(err, io.EOF) {
		return &SourceError{n, s.Kind, errors.Join(bare(err), f.Close())}
	}
	return bare(f.Close())
}
