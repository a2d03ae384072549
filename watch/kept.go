package watch

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// KeptAnswer is a final answer as it lies in the outbox: the order, and the receipts and
// letters about it. Its names are patient data.
type KeptAnswer struct {
	Kind    Kind
	Order   string
	Release string
	Dir     string // below the outbox
}

// KeptAnswers lists the final answers that say which release they are of.
func (o *Outbox) KeptAnswers() ([]KeptAnswer, error) {
	var all []KeptAnswer
	for _, k := range []Kind{Sent, Denied} {
		dirs, err := fs.ReadDir(o.root().FS(), string(k))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("list answers: %w", Scrub(err))
		}
		for _, d := range dirs {
			dir := path.Join(string(k), d.Name())
			if t := o.twinAt(k, dir); d.IsDir() && t.Release != "" && t.Order != "" && !strings.Contains(t.Release, Apart) {
				all = append(all, KeptAnswer{k, t.Order, t.Release, dir})
			}
		}
	}
	return all, nil
}

// Remove deletes an answer with all that lies in its folder; the file that says what it is
// about goes last, so that what a crash leaves is found again.
func (o *Outbox) Remove(a KeptAnswer) error {
	if t := o.twinAt(a.Kind, a.Dir); t.Release != a.Release || t.Order != a.Order {
		return fmt.Errorf("remove answer: %w", fs.ErrNotExist)
	}
	files, err := fs.ReadDir(o.root().FS(), a.Dir)
	if err != nil {
		return fmt.Errorf("remove answer: %w", Scrub(err))
	}
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = f.Name()
	}
	last := func(name string) int {
		if name == Twin(a.Kind) {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(names, func(a, b string) int { return last(a) - last(b) })
	for _, name := range names {
		if err := o.root().RemoveAll(path.Join(a.Dir, name)); err != nil {
			return fmt.Errorf("remove answer: %w", Scrub(err))
		}
	}
	if err := o.root().Remove(a.Dir); err != nil {
		return fmt.Errorf("remove answer: %w", Scrub(err))
	}
	return o.syncDir(string(a.Kind))
}
