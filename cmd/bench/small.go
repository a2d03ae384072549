package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"chartseal/testdata/practice"
)

// smallPart measures what people feel.
func smallPart(ctx context.Context, b *bench) error {
	t := table{title: "Small things", head: []string{"what", "", "from – to"}}
	program, err := b.build(ctx)
	if err != nil {
		return err
	}
	if err := b.starting(ctx, &t, program); err != nil {
		return err
	}
	if err := b.answering(ctx, &t); err != nil {
		return err
	}
	if err := b.idling(ctx, &t); err != nil {
		return err
	}
	if err := sizes(&t, program); err != nil {
		return err
	}
	if err := b.loading(ctx, &t); err != nil {
		return err
	}
	b.print(&t)
	return nil
}

func (b *bench) starting(ctx context.Context, t *table, program string) error {
	var all []float64
	for range 5 * b.rounds {
		began := time.Now()
		if err := exec.CommandContext(ctx, program, "version").Run(); err != nil {
			return fmt.Errorf("version: %w", err)
		}
		all = append(all, time.Since(began).Seconds())
	}
	s := spreadOf(all)
	t.row("start to end of `chartseal version`", fmt.Sprintf("%.0f ms", 1e3*s.median), fmt.Sprintf("%.0f – %.0f ms", 1e3*s.low, 1e3*s.high))
	return nil
}

const radiographs = 20

// answering drops orders of 20 radiographs, one after the other.
func (b *bench) answering(ctx context.Context, t *table) error {
	h, err := b.found(ctx, "answering", true)
	if err != nil {
		return err
	}
	if err := b.manyRadiographs(ctx, h); err != nil {
		return err
	}
	_, stop, err := h.start(ctx)
	if err != nil {
		return err
	}
	defer stop()
	var all []float64
	for i := range 1 + 3*b.rounds {
		id := fmt.Sprintf("BENCH-%d", i)
		began := time.Now()
		if err := h.drop(id, "radiograph"); err != nil {
			return err
		}
		if err := h.answered(ctx, id); err != nil {
			return err
		}
		if i > 0 { // the first waits for the start
			all = append(all, time.Since(began).Seconds())
		}
	}
	s := spreadOf(all)
	t.row(fmt.Sprintf("order of %d radiographs, dropped to answered (100 ms of settling included)", radiographs),
		fmt.Sprintf("%.2f s", s.median), fmt.Sprintf("%.2f – %.2f s", s.low, s.high))
	b.want(fmt.Sprintf("order of %d radiographs, dropped to answered", radiographs), "< 1 s", fmt.Sprintf("%.2f s (%.2f – %.2f)", s.median, s.low, s.high), s.median < 1)
	return nil
}

// manyRadiographs gives the practice's patient 20 radiographs.
func (b *bench) manyRadiographs(ctx context.Context, h *home) error {
	made := b.path("made")
	all, err := practice.Make(ctx, made, practice.Options{Slices: 4})
	if err != nil {
		return err
	}
	who, _ := all.Patient(patientID)
	dir := filepath.Join(h.dir, "records", patientID, "radiographs")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	n := 0
	for n < radiographs {
		for _, f := range who.Files {
			if f.Kind != "radiograph" || !strings.HasSuffix(f.Path, ".dcm") || n == radiographs {
				continue
			}
			data, err := os.ReadFile(filepath.Join(made, "records", filepath.FromSlash(f.Path)))
			if err != nil {
				return err
			}
			n++
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%02d.dcm", n)), another(data, n), 0o600); err != nil {
				return err
			}
		}
		if n == 0 {
			return fmt.Errorf("the patient has no radiographs")
		}
	}
	return os.RemoveAll(made)
}

// start starts the daemon; what it returns ends it and waits.
func (h *home) start(ctx context.Context) (*exec.Cmd, func(), error) {
	ctx, cancel := context.WithCancel(ctx)
	cmd := h.command(ctx, "run")
	if err := cmd.Start(); err != nil {
		cancel()
		return nil, nil, err
	}
	return cmd, func() { cancel(); _ = cmd.Wait() }, nil
}

// idling watches a daemon that has nothing to do, with the template's configuration.
func (b *bench) idling(ctx context.Context, t *table) error {
	h, err := b.found(ctx, "idling", false)
	if err != nil {
		return err
	}
	cmd, stop, err := h.start(ctx)
	if err != nil {
		return err
	}
	defer stop()
	pause := func(d time.Duration) error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(d):
			return nil
		}
	}
	if err := pause(min(b.idle, 5*time.Second)); err != nil { // its start
		return err
	}
	cpu, wakes := busyness(cmd.Process.Pid)
	if err := pause(b.idle); err != nil {
		return err
	}
	cpuNow, wakesNow := busyness(cmd.Process.Pid)
	share := float64(cpuNow-cpu) / clockTicks / b.idle.Seconds() * 100
	all, own := status(cmd.Process.Pid, "VmRSS"), status(cmd.Process.Pid, "RssAnon")
	t.row("idle daemon: processor", fmt.Sprintf("%.2f %% of a core", share), "")
	t.row("idle daemon: wake-ups", fmt.Sprintf("%.1f a second", float64(wakesNow-wakes)/b.idle.Seconds()), "")
	t.row("idle daemon: memory", fmt.Sprintf("%.0f MiB", mib(all)), fmt.Sprintf("%.0f MiB of its own", mib(own)))
	b.want("idle daemon: processor", "< 1 % of a core", fmt.Sprintf("%.2f %%", share), share < 1)
	b.want("idle daemon: memory", "< 50 MiB", fmt.Sprintf("%.0f MiB, %.0f of its own", mib(all), mib(own)), all < 50<<20)
	return nil
}

// clockTicks is what processor time is counted in (proc(5), USER_HZ).
const clockTicks = 100

// busyness is the processor time of a process in clock ticks, and how often its
// threads gave up the processor to wait: each time something wakes them again.
func busyness(pid int) (ticks, wakes int64) {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	stat, _ := os.ReadFile(filepath.Join(dir, "stat"))
	if _, rest, ok := strings.Cut(string(stat), ") "); ok { // the name may hold spaces
		f := strings.Fields(rest)
		for _, n := range f[11:13] {
			t, _ := strconv.ParseInt(n, 10, 64)
			ticks += t
		}
	}
	threads, _ := filepath.Glob(filepath.Join(dir, "task", "*", "status"))
	for _, name := range threads {
		text, _ := os.ReadFile(name)
		for line := range strings.Lines(string(text)) {
			if rest, ok := strings.CutPrefix(line, "voluntary_ctxt_switches:"); ok {
				n, _ := strconv.ParseInt(strings.TrimSpace(rest), 10, 64)
				wakes += n
			}
		}
	}
	return ticks, wakes
}

// sizes are those of the program and of what a recipient's browser loads.
func sizes(t *table, program string) error {
	info, err := os.Stat(program)
	if err != nil {
		return err
	}
	t.row("program, as shipped", fmt.Sprintf("%.1f MB", float64(info.Size())/1e6), "")
	page, err := os.ReadFile(filepath.Join("transport", "page", "page.html"))
	if err != nil {
		return fmt.Errorf("run this in the folder of go.mod: %w", err)
	}
	var small bytes.Buffer
	z := gzip.NewWriter(&small)
	_, err = z.Write(page)
	if cerr := z.Close(); err == nil {
		err = cerr
	}
	t.row("recipient page, all in one", fmt.Sprintf("%.0f kB", float64(len(page))/1e3), fmt.Sprintf("%.0f kB with gzip", float64(small.Len())/1e3))
	return err
}
