package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"chartseal/testdata/practice"
)

// The invented patient whose records these are (testdata/practice).
const (
	patientID   = "10432"
	patientName = "Alvarez, Maria"
	patientBorn = "1984-03-09"
)

const (
	edge       = 600 // of a frame, in pixels of two bytes
	frameBytes = 2 * edge * edge
	sliceEdge  = 758 // 500 slices make 576 MB
	sliceBytes = 2 * sliceEdge * sliceEdge
)

// records makes a volume and a series of b.size megabytes each and returns the
// folders of patients they are in. They are made up, of anatomy and noise as a
// scanner gives, and are the same each time.
func (b *bench) records(ctx context.Context) (volume, series string, err error) {
	volume, series = b.path("volume"), b.path("series")
	for _, f := range []struct{ kind, folder string }{{"volume", volume}, {"series", series}} {
		if _, err := os.Stat(f.folder); err == nil {
			continue
		}
		b.note("making a %s of %d MB", f.kind, b.size)
		cmd := exec.CommandContext(ctx, b.self, childPrefix+"data", f.kind, f.folder, strconv.Itoa(b.size))
		cmd.Stderr = os.Stderr
		if err := cmd.Run(); err != nil { // in a child, so that this process stays small
			return "", "", fmt.Errorf("make data: %w", err)
		}
	}
	return volume, series, nil
}

func childData(args []string) error {
	megabytes, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	dir := filepath.Join(args[1], patientID, "cbct")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if args[0] == "series" {
		return practice.WriteSeries(dir, max(2, megabytes*1_000_000/sliceBytes), sliceEdge, patientID)
	}
	return writeVolume(filepath.Join(dir, "volume.dcm"), megabytes)
}

func writeVolume(name string, megabytes int) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	if err := practice.WriteMultiFrameCBCT(w, edge, edge, max(2, megabytes*1_000_000/frameBytes), patientID); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}
