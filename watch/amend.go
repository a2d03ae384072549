package watch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// Amend puts files into an answer that is in its place, instead of those of the same
// names: each is there whole, the old or the new, and the twin changes last. The error
// is fs.ErrNotExist when there is no such answer.
func (o *Outbox) Amend(ctx context.Context, k Kind, order, token string, files map[string][]byte) error {
	dir, err := o.answerAs(k, order, token)
	if err != nil {
		return fmt.Errorf("find answer: %w", err)
	}
	names := slices.Sorted(maps.Keys(files))
	slices.SortStableFunc(names, func(a, b string) int {
		switch {
		case a == Twin(k):
			return 1
		case b == Twin(k):
			return -1
		}
		return 0
	})
	root := o.root()
	for _, name := range names {
		tmp := path.Join(dir, ".tmp-"+name)
		if err = writeFile(root, tmp, files[name]); err == nil {
			err = Scrub(retry(ctx, func() error { return root.Rename(tmp, path.Join(dir, name)) }))
		}
		if err != nil {
			return fmt.Errorf("amend answer: %w", errors.Join(err, Scrub(root.Remove(tmp))))
		}
	}
	return o.syncDir(dir)
}

// ReadAnswer reads a file of an answer; the error is fs.ErrNotExist when there is no
// such answer or file.
func (o *Outbox) ReadAnswer(k Kind, order, token, name string) ([]byte, error) {
	dir, err := o.answerAs(k, order, token)
	if err != nil {
		return nil, fmt.Errorf("find answer: %w", err)
	}
	info, err := o.root().Lstat(path.Join(dir, name))
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", Scrub(err))
	}
	if !info.Mode().IsRegular() || info.Size() > MaxFormBytes {
		return nil, fmt.Errorf("read answer: %w", fs.ErrInvalid)
	}
	b, err := o.root().ReadFile(path.Join(dir, name))
	return b, Scrub(err)
}

// answerAs finds the answer of an order that was given under a token.
func (o *Outbox) answerAs(k Kind, order, token string) (string, error) {
	for n := 1; ; n++ {
		dir := candidate(k, order, n)
		if _, err := o.root().Lstat(dir); errors.Is(err, fs.ErrNotExist) {
			return "", fs.ErrNotExist
		} else if err != nil {
			return "", Scrub(err)
		}
		if t := o.twinAt(k, dir); t.Release == token && !strings.Contains(token, Apart) {
			return dir, nil
		}
	}
}
