package watch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
)

// accountingNew is the copy of an accounting while it is being written.
var accountingNew = path.Join(markDir, "accounting.tmp")

// KeepAccounting puts the copy of an accounting that a patient is given (45 CFR
// 164.528(d)(2)) into a folder of its own, below accountings; the folder appears whole or
// not at all. One of that name is the same and stays. Whoever calls it holds the lock of
// the state folder. The error is ErrAway when the folder is no outbox.
func KeepAccounting(ctx context.Context, outbox, name string, files map[string][]byte) error {
	err := inFolder(outbox, func(root *os.Root) error {
		if _, err := root.Lstat(sentDir); err != nil { // an empty mount point
			return fmt.Errorf("%w: %w", ErrAway, Scrub(err))
		}
		to := path.Join(accountingsDir, name)
		if _, err := root.Lstat(to); err == nil || !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := stageAccounting(root, files); err != nil {
			return err
		}
		if err := root.MkdirAll(accountingsDir, 0o770); err != nil {
			return err
		}
		if err := retry(ctx, func() error { return root.Rename(accountingNew, to) }); err != nil {
			return err
		}
		return syncFolder(root, accountingsDir)
	})
	if err != nil {
		return fmt.Errorf("keep the copy of an accounting: %w", err)
	}
	return nil
}

func stageAccounting(root *os.Root, files map[string][]byte) error {
	if err := root.RemoveAll(accountingNew); err != nil { // left by a crash
		return err
	}
	if err := root.MkdirAll(accountingNew, 0o770); err != nil {
		return err
	}
	for _, f := range slices.Sorted(maps.Keys(files)) {
		if err := writeFile(root, path.Join(accountingNew, f), files[f]); err != nil {
			return err
		}
	}
	return syncFolder(root, accountingNew)
}

// AccountingPlace is where, below the outbox, a file of such a copy lies.
func AccountingPlace(name, file string) string { return path.Join(accountingsDir, name, file) }
