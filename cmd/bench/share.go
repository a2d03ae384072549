package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"chartseal/packager/gather"
	"chartseal/packager/gather/index"
	"chartseal/testdata/practice/dcm"
)

// Images of a study, which is all that an invented patient has, and how often a look at
// them is repeated, unless that takes long: the best counts.
const (
	studyImages = 100
	looks       = 5
	longLook    = 5         // seconds
	firstNumber = 1_000_000 // of patients
)

// shareImages is what the index of a shared folder takes: to be built, to be asked to look
// at all again, and to find one patient.
func shareImages(ctx context.Context, _ *bench, dir string, n int) (_ []float64, err error) {
	share := filepath.Join(dir, "share")
	if err := writeImages(ctx, share, n); err != nil {
		return nil, err
	}
	folder, err := gather.OpenFolder(ctx, gather.Source{Kind: "radiograph", Path: share + "/**", Match: gather.MatchDICOM}, gather.Limits{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, folder.Close()) }()
	// An hour on, so that the images are at rest.
	later := func() time.Time { return time.Now().Add(time.Hour) }
	x, err := index.Open(filepath.Join(dir, "index"), bytes.Repeat([]byte{7}, index.KeyBytes), index.Options{Now: later})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, x.Close()) }()
	refresh := func() error { return x.Refresh(ctx, folder) }
	build, err := bestTime(1, refresh)
	if err != nil {
		return nil, err
	}
	again, err := bestTime(looks, refresh)
	if err != nil {
		return nil, err
	}
	find, err := bestTime(looks, func() error {
		found, err := x.Find(ctx, folder, fmt.Sprint(firstNumber+n/studyImages/2))
		if err == nil && len(found.Paths) != studyImages {
			err = fmt.Errorf("%d images are found, not %d", len(found.Paths), studyImages)
		}
		return err
	})
	return []float64{build, again, find}, err
}

// bestTime is the least time of several, in seconds.
func bestTime(times int, do func() error) (best float64, err error) {
	for i := range times {
		began := time.Now()
		if err := do(); err != nil {
			return 0, err
		}
		took := since(began)
		if i == 0 || took < best {
			best = took
		}
		if took > longLook {
			break
		}
	}
	return best, nil
}

// writeImages writes n small images, those of a patient in a folder, a hundred such in one.
func writeImages(ctx context.Context, dir string, n int) error {
	mark := []byte(fmt.Sprint(firstNumber))
	f := dcm.File{Syntax: dcm.ExplicitLE}
	f.Data.Put(dcm.SpecificCharacterSet, "ISO_IR 192") // UTF-8
	f.Data.Put(dcm.SOPClassUID, "1.2.840.10008.5.1.4.1.1.1.3")
	f.Data.Put(dcm.SOPInstanceUID, "1.2.3.4")
	f.Data.Put(dcm.PatientName, "Canary^Carl")
	f.Data.Put(dcm.PatientID, string(mark))
	f.Data.Put(dcm.Rows, uint16(1))
	f.Data.Put(dcm.Columns, uint16(2))
	f.Data.Put(dcm.Attr{Tag: 0x7fe00010, VR: "OB"}, []byte{1, 2})
	data, err := f.Bytes()
	if err != nil {
		return err
	}
	at := bytes.Index(data, mark)
	for i := range n {
		study := i / studyImages
		copy(data[at:], fmt.Sprint(firstNumber+study))
		folder := filepath.Join(dir, fmt.Sprintf("%04d", study/studyImages), fmt.Sprintf("%07d", study))
		if i%studyImages == 0 {
			if err := errors.Join(ctx.Err(), os.MkdirAll(folder, 0o700)); err != nil {
				return err
			}
		}
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%03d.dcm", i%studyImages)), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}
