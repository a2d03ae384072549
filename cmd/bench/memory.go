package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"chartseal/testdata/practice"
)

// daemonLimit is the design's for the daemon, in bytes.
const daemonLimit = 64 << 20

// memoryPart sends orders of growing size through the daemon.
func memoryPart(ctx context.Context, b *bench) error {
	t := table{
		title: "Memory of the daemon, by the size of an order", head: []string{"records", "time", "peak, all", "peak, its own", "embedded store"},
		after: "MiB. All: with the pages of the program that the system keeps anyway; its own: without. The embedded store is a process of its own, which a " +
			"practice with a bucket does not have. The records are volumes of at most 2 GB, of which all but the first 16 MB are zeros.",
	}
	for _, size := range b.sizes {
		p, took, err := b.sendLarge(ctx, size)
		if err != nil {
			return err
		}
		b.note("order of %d MB: %.1f s, peak %.1f MiB, %.1f MiB of its own", size, took.Seconds(), mib(p.all), mib(p.own))
		what := fmt.Sprintf("peak memory of the daemon, %d MB", size)
		if p.all == 0 {
			t.row(fmt.Sprintf("%d MB", size), fmt.Sprintf("%.1f", took.Seconds()), "not measured: no /proc", "", "")
			b.unseen(what, "≤ 64 MiB", "")
			continue
		}
		t.row(fmt.Sprintf("%d MB", size), fmt.Sprintf("%.1f", took.Seconds()), fmt.Sprintf("%.0f", mib(p.all)), fmt.Sprintf("%.0f", mib(p.own)), fmt.Sprintf("%.0f", mib(p.store)))
		b.want(what, "≤ 64 MiB", fmt.Sprintf("%.0f MiB, %.0f of its own", mib(p.all), mib(p.own)), p.all <= daemonLimit)
	}
	b.print(&t)
	return nil
}

// peaks are the most that a daemon and its embedded store had in memory, in bytes.
type peaks struct{ all, own, store int64 }

// sendLarge sends one order and returns what that took.
func (b *bench) sendLarge(ctx context.Context, megabytes int) (p peaks, took time.Duration, err error) {
	h, err := b.found(ctx, fmt.Sprintf("memory%d", megabytes), true)
	if err != nil {
		return p, 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(h.dir)) }()
	dir := filepath.Join(h.dir, "records", patientID, "cbct")
	if err = os.MkdirAll(dir, 0o700); err != nil {
		return p, 0, err
	}
	const most = 2000
	for n := 1; megabytes > (n-1)*most; n++ {
		if err = hollowVolume(filepath.Join(dir, fmt.Sprintf("volume%d.dcm", n)), min(most, megabytes-(n-1)*most), n); err != nil {
			return p, 0, err
		}
	}
	if err = h.drop("BENCH-1", "cbct"); err != nil {
		return p, 0, err
	}
	ctx, cancel := inTime(ctx, 30*time.Minute)
	defer cancel()
	var said bytes.Buffer
	cmd := h.command(ctx, "run", "--until-idle")
	cmd.Stdout, cmd.Stderr = &said, &said
	began := time.Now()
	if err = cmd.Start(); err != nil {
		return p, 0, err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for n := 0; ; n++ {
		select {
		case err = <-done:
			took = time.Since(began)
			if err != nil {
				return p, 0, fmt.Errorf("run: %w: %s", cmp.Or(context.Cause(ctx), err), said.Bytes())
			}
			return p, took, h.answered(ctx, "BENCH-1")
		case <-time.After(20 * time.Millisecond):
			p.all, p.own = max(p.all, status(cmd.Process.Pid, "VmHWM")), max(p.own, status(cmd.Process.Pid, "RssAnon"))
			if n%10 == 0 { // to find it takes longer
				p.store = max(p.store, statusOfAll(childrenOf(cmd.Process.Pid), "VmHWM"))
			}
		}
	}
}

// childrenOf are the processes that a process has started (proc(5), stat).
func childrenOf(pid int) (all []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range files {
		text, _ := os.ReadFile(name) // it may have ended
		_, rest, _ := strings.Cut(string(text), ") ")
		if f := strings.Fields(rest); len(f) > 1 && f[1] == strconv.Itoa(pid) {
			if child, err := strconv.Atoi(filepath.Base(filepath.Dir(name))); err == nil {
				all = append(all, child)
			}
		}
	}
	return all
}

func statusOfAll(pids []int, line string) (sum int64) {
	for _, pid := range pids {
		sum += status(pid, line)
	}
	return sum
}

// status is a line in bytes of what Linux says of a process (proc(5)); 0 where it
// says nothing.
func status(pid int, line string) int64 {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0
	}
	for l := range bytes.Lines(text) {
		if rest, ok := bytes.CutPrefix(l, []byte(line+":")); ok {
			kib, err := strconv.ParseInt(string(bytes.TrimSpace(bytes.TrimSuffix(bytes.TrimSpace(rest), []byte("kB")))), 10, 64)
			if err == nil {
				return kib << 10
			}
		}
	}
	return 0
}

// begun is how much of a hollow volume is drawn.
const begun = 16 << 20

// hollowVolume writes a volume of which only the beginning is on the disk; the rest
// is a hole, which reads as zeros. n makes it differ from others.
func hollowVolume(name string, megabytes, n int) error {
	frames := max(2, megabytes*1_000_000/frameBytes)
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	head := &beginning{}
	if err := practice.WriteMultiFrameCBCT(head, edge, edge, frames, patientID); err != nil && !errors.Is(err, errBegun) {
		return err
	}
	length := uint32(frames * frameBytes)
	mark := []byte{0xE0, 0x7F, 0x10, 0x00, 'O', 'W', 0, 0, byte(length), byte(length >> 8), byte(length >> 16), byte(length >> 24)}
	at := bytes.Index(head.Bytes(), mark) // PixelData, explicit little endian (PS3.5 section 7.1.2)
	if at < 0 {
		return errors.New("no pixels in the volume")
	}
	if _, err := io.Copy(f, bytes.NewReader(another(head.Bytes(), n))); err != nil {
		return err
	}
	return f.Truncate(int64(at+len(mark)) + int64(length))
}

var errBegun = errors.New("enough")

// beginning keeps the first bytes and then fails.
type beginning struct{ bytes.Buffer }

// Write keeps p.
func (w *beginning) Write(p []byte) (int, error) {
	if w.Len() > begun {
		return 0, errBegun
	}
	return w.Buffer.Write(p)
}

// another is a DICOM file with another SOP Instance UID of the same length, in its
// header and its data set.
func another(file []byte, n int) []byte {
	mark := []byte{0x08, 0x00, 0x18, 0x00, 'U', 'I'}
	at := bytes.Index(file, mark)
	if at < 0 {
		return file
	}
	length := int(file[at+6]) | int(file[at+7])<<8
	uid := bytes.TrimRight(file[at+8:at+8+length], "\x00")
	other := append(bytes.Clone(uid[:len(uid)-2]), fmt.Sprintf("%02d", 10+n)...)
	return bytes.ReplaceAll(file, uid, other)
}
