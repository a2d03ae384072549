package localstore

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"chartseal/transport"
)

// downloadsDir holds, for each bundle that somebody began to fetch, which of its
// bytes have gone out. It names keys and times; who asked is not noted, since an
// address is personal data and tells the practice nothing that it could use.
const downloadsDir = "downloads"

const (
	// maxSpans bounds what is kept of a download in pieces. Beyond it the smallest
	// piece is forgotten, so that a download may be missed and is never made up.
	maxSpans = 1024
	maxNote  = 128 << 10 // bytes
)

// span is a run of bytes, from From up to but without To.
type span struct {
	From int64 `json:"from"`
	To   int64 `json:"to"`
}

// download is the note about one bundle.
type download struct {
	Bytes int64     `json:"bytes"` // of the whole
	ETag  string    `json:"etag"`
	Spans []span    `json:"spans,omitempty"`
	Whole time.Time `json:"whole,omitzero"` // when the last missing byte had gone out
	Once  bool      `json:"once,omitempty"` // by a single request
}

// add takes note of bytes that went out, and reports whether anything is new.
func (d *download) add(s span, now time.Time) bool {
	if !d.Whole.IsZero() || s.From >= s.To {
		return false
	}
	before := slices.Clone(d.Spans)
	d.Spans = merge(append(d.Spans, s))
	if len(d.Spans) == 1 && d.Spans[0] == (span{0, d.Bytes}) {
		d.Whole, d.Once, d.Spans = now.UTC().Truncate(time.Second), s == span{0, d.Bytes}, nil
		return true
	}
	return !slices.Equal(before, d.Spans)
}

// merge joins spans that touch, and forgets the smallest of too many.
func merge(all []span) []span {
	slices.SortFunc(all, func(a, b span) int {
		if a.From != b.From {
			return int(min(max(a.From-b.From, -1), 1))
		}
		return int(min(max(a.To-b.To, -1), 1))
	})
	out := all[:0]
	for _, s := range all {
		if n := len(out); n > 0 && s.From <= out[n-1].To {
			out[n-1].To = max(out[n-1].To, s.To)
			continue
		}
		out = append(out, s)
	}
	for len(out) > maxSpans {
		least := 0
		for i, s := range out {
			if s.To-s.From < out[least].To-out[least].From {
				least = i
			}
		}
		out = slices.Delete(out, least, least+1)
	}
	return out
}

// notebook keeps the notes, in the child that serves.
type notebook struct {
	mu  sync.Mutex
	dir string
}

// sent notes what went out of a bundle. A note that cannot be written is lost: the
// download then counts as not seen.
func (n *notebook) sent(key, etag string, bytes int64, s span, now time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	file := filepath.Join(n.dir, key)
	d, err := readDownload(file)
	if err != nil || d.Bytes != bytes || d.ETag != etag {
		d = download{Bytes: bytes, ETag: etag}
	}
	if d.add(s, now) {
		_ = writeDownload(file, d)
	}
}

func readDownload(file string) (d download, err error) {
	f, err := os.Open(file)
	if err != nil {
		return d, bare(err)
	}
	defer func() { _ = f.Close() }() // only read
	info, err := f.Stat()
	if err != nil {
		return d, bare(err)
	}
	if info.Size() > maxNote || !info.Mode().IsRegular() {
		return d, errors.New("no note of a download")
	}
	return d, json.NewDecoder(f).Decode(&d)
}

// How often, and after what pause, a file is put into its place.
const (
	renameTries = 30
	renamePause = 20 * time.Millisecond
)

// halfNote begins the name of a note that is being written.
const halfNote = ".tmp-"

func writeDownload(file string, d download) error {
	b, err := json.Marshal(d)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(file), halfNote+"*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = replace(f.Name(), file)
	}
	if err == nil {
		return nil
	}
	_ = os.Remove(f.Name())
	return err
}

// replace waits for who reads the file at this moment, and is in the way on Windows.
func replace(from, to string) (err error) {
	for range renameTries {
		if err = os.Rename(from, to); err == nil { //nolint:forbidigo // it is tried again
			return nil
		}
		time.Sleep(renamePause)
	}
	return err
}

// Downloads lists the bundles that somebody began to fetch, by their keys: when the
// last byte of a bundle had gone out for the first time, or no time for one that was
// fetched in part only. Requests for the size (HEAD), the recipient page and pieces
// that do not make up the whole never count. That a byte was received nobody can see
// from here: it was given to the network.
//
// The list outlives the bundles; see ForgetDownload.
func (s *Server) Downloads() (map[string]transport.Fetch, error) {
	files, err := os.ReadDir(filepath.Join(s.opts.Dir, downloadsDir))
	if err != nil {
		return nil, fmt.Errorf("read downloads: %w", bare(err))
	}
	out := map[string]transport.Fetch{}
	for _, f := range files {
		if !transport.IsKey(f.Name(), "") {
			continue
		}
		d, err := readDownload(filepath.Join(s.opts.Dir, downloadsDir, f.Name()))
		if err != nil {
			continue // damaged: it is written anew with the next request
		}
		out[f.Name()] = transport.Fetch{At: d.Whole, Pieces: !d.Whole.IsZero() && !d.Once}
	}
	return out, nil
}

// ForgetDownload drops what is noted about a bundle.
func (s *Server) ForgetDownload(key string) error {
	if !transport.IsKey(key, "") {
		return fmt.Errorf("forget download: %w", fs.ErrInvalid)
	}
	err := os.Remove(filepath.Join(s.opts.Dir, downloadsDir, key))
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return fmt.Errorf("forget download: %w", bare(err))
}

// sweepNotes removes what a killed child was writing.
func (s *Server) sweepNotes() error {
	return each(filepath.Join(s.opts.Dir, downloadsDir), func(name string, f fs.DirEntry) error {
		if !f.Type().IsRegular() || !strings.HasPrefix(f.Name(), halfNote) {
			return nil
		}
		return os.Remove(name)
	})
}
