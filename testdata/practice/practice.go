// Package practice makes a synthetic dental practice: patients who never
// lived, with charts, radiographs, volumes, photographs, scans and bills that
// look like the files of a real one, indiscretions of the machines included.
// The demonstration, the tests and the benchmarks use it; the repository holds
// no picture and no binary fixture.
//
// Every secret a machine or a program hides in a file is also listed in
// [File.Canaries], so that a test can look for it after redaction.
package practice

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// Options say how big the practice is. The zero value is the demonstration's.
type Options struct {
	Seed   uint64    // the same seed gives the same bytes
	Slices int       // slices of the cone-beam series; 0 means 120 (Small: 12)
	Size   int       // edge of a slice in pixels; 0 means 256 (Small: 32)
	Small  bool      // tiny pictures, for fast tests
	Now    time.Time // for orders; zero means 18 November 2026. Files do not depend on it
}

// Practice is what [Make] has written.
type Practice struct {
	Patients []Patient
	Litter   []string // files an operating system leaves in folders; slash paths below records
}

// Patient is one synthetic patient.
type Patient struct {
	ID          string
	Name        string // as an order writes it: "Alvarez, Maria"
	First, Last string
	BirthDate   string // YYYY-MM-DD
	Sex         string // F, M or O
	Files       []File // sorted by path
}

// File is one record.
type File struct {
	Path     string   // slash-separated, below the records folder
	Kind     string   // chart, radiograph, cbct, photo, scan or billing
	Date     string   // of the record, YYYY-MM-DD
	Canaries []string // what redaction for treatment must remove: verbatim in the bytes, as ASCII, UTF-8 or UTF-16
}

// Patient returns the patient with an id.
func (p *Practice) Patient(id string) (Patient, bool) {
	i := slices.IndexFunc(p.Patients, func(q Patient) bool { return q.ID == id })
	if i < 0 {
		return Patient{}, false
	}
	return p.Patients[i], true
}

// Canaries returns every planted secret once, sorted.
func (p *Practice) Canaries() []string {
	var all []string
	for _, patient := range p.Patients {
		for _, f := range patient.Files {
			all = append(all, f.Canaries...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Make writes dir/records/PATIENT/{charts,radiographs,cbct,photos,scans,billing}.
// It fails if a file is there already. Work runs on all processors and stops
// when ctx ends.
func Make(ctx context.Context, dir string, o Options) (*Practice, error) {
	o = o.withDefaults()
	jobs := plan(o)
	secrets := make([][]string, len(jobs))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, j := range jobs {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			k := newKit(o, j)
			data, err := j.make(k)
			if err != nil {
				return fmt.Errorf("make %s: %w", j.path, err)
			}
			secrets[i] = k.secrets
			return write(filepath.Join(dir, "records", filepath.FromSlash(j.path)), data)
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	p := assemble(jobs, secrets)
	return p, p.strew(dir)
}

func (o Options) withDefaults() Options {
	slices, size := 120, 256
	if o.Small {
		slices, size = 12, 32
	}
	if o.Slices == 0 {
		o.Slices = slices
	}
	if o.Size == 0 {
		o.Size = size
	}
	if o.Now.IsZero() {
		o.Now = time.Date(2026, 11, 18, 9, 0, 0, 0, time.UTC)
	}
	return o
}

// write creates a file that was not there, and its folders.
func write(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

func assemble(jobs []job, secrets [][]string) *Practice {
	p := &Practice{}
	for _, person := range cast {
		patient := person.Patient
		for i, j := range jobs {
			if j.person == person {
				patient.Files = append(patient.Files, File{Path: j.path, Kind: j.kind, Date: j.date, Canaries: secrets[i]})
			}
		}
		slices.SortFunc(patient.Files, func(a, b File) int { return compare(a.Path, b.Path) })
		p.Patients = append(p.Patients, patient)
	}
	return p
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
