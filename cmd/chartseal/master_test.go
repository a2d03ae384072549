package main

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"chartseal/testdata/practice"
)

// master is the folder of a small practice made once, which the tests copy: to make
// one takes a hundred times as long.
var (
	master     string
	makeMaster = sync.OnceValue(func() (err error) {
		if master, err = os.MkdirTemp("", "chartseal-practice-*"); err == nil {
			_, err = buildPractice(context.Background(), filepath.Join(master, "p"), practice.Options{Small: true, Now: time.Now()})
		}
		return err
	})
)

// cleaned removes what the tests share after the last of them.
type cleaned struct{ *testing.M }

// Run runs the tests.
func (m cleaned) Run() int {
	defer buildUnwatched()()
	code := m.M.Run()
	if master != "" {
		_ = os.RemoveAll(master)
	}
	return code
}

// smallPractice makes a small synthetic practice with the embedded store.
func smallPractice(dir string) error {
	if err := makeMaster(); err != nil {
		return err
	}
	return copyTree(filepath.Join(master, "p"), dir)
}

// copyTree copies files and folders with their modes and their times, by which records
// are dated.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		copied := filepath.Join(to, rel)
		if e.IsDir() {
			return os.MkdirAll(copied, info.Mode().Perm()|0o700)
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(copied, b, info.Mode().Perm()); err != nil {
			return err
		}
		if err := os.Chmod(copied, info.Mode().Perm()); err != nil { // whatever the umask
			return err
		}
		return os.Chtimes(copied, info.ModTime(), info.ModTime())
	})
}
