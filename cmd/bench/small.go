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
	if err := h.drop("BENCH-0", "radiograph"); err != nil {
		return err
	}
	began := time.Now()
	_, stop, err := h.start(ctx)
	if err != nil {
		return err
	}
	defer stop()
	if err := h.answered(ctx, "BENCH-0"); err != nil {
		return err
	}
	first := time.Since(began)
	var all []float64
	for i := range 3 * b.rounds {
		id := fmt.Sprintf("BENCH-%d", i+1)
		began = time.Now()
		if err := h.drop(id, "radiograph"); err != nil {
			return err
		}
		if err := h.answered(ctx, id); err != nil {
			return err
		}
		all = append(all, time.Since(began).Seconds())
	}
	s := spreadOf(all)
	t.row("first start of the daemon, to the answer of such an order that lies there", fmt.Sprintf("%.2f s", first.Seconds()), "")
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
	daemon := []int{cmd.Process.Pid}
	store := childrenOf(cmd.Process.Pid)
	before, storeBefore := busyness(daemon), busyness(store)
	if err := pause(b.idle); err != nil {
		return err
	}
	x, y := busyness(daemon).since(before, b.idle), busyness(store).since(storeBefore, b.idle)
	all, own := statusOfAll(daemon, "VmRSS"), statusOfAll(daemon, "RssAnon")
	const processor, memory = "idle daemon: processor", "idle daemon: memory"
	if all == 0 {
		t.row(processor, "not measured: no /proc", "")
		b.unseen(processor, "< 1 % of a core", "")
		b.unseen(memory, "< 50 MiB", "")
		return nil
	}
	t.row(processor, fmt.Sprintf("%.2f %% of a core", x.share), fmt.Sprintf("its embedded store: %.2f %%", y.share))
	t.row("idle daemon: wake-ups", fmt.Sprintf("%.1f a second", x.wakes), fmt.Sprintf("its embedded store: %.1f", y.wakes))
	t.row(memory, fmt.Sprintf("%.0f MiB, %.0f of its own", mib(all), mib(own)),
		fmt.Sprintf("its embedded store: %.0f MiB, %.0f of its own", mib(statusOfAll(store, "VmRSS")), mib(statusOfAll(store, "RssAnon"))))
	b.want(processor, "< 1 % of a core", fmt.Sprintf("%.2f %%", x.share), x.share < 1)
	b.want(memory, "< 50 MiB", fmt.Sprintf("%.0f MiB, %.0f of its own", mib(all), mib(own)), all < 50<<20)
	return nil
}

// clockTicks is what processor time is counted in (proc(5), USER_HZ).
const clockTicks = 100

// busy is the processor time of some processes in clock ticks, and how often their
// threads gave up the processor to wait: each time something wakes them again.
type busy struct{ ticks, wakes int64 }

func busyness(pids []int) (n busy) {
	for _, pid := range pids {
		n.add(filepath.Join("/proc", strconv.Itoa(pid)))
	}
	return n
}

func (n *busy) add(dir string) {
	stat, _ := os.ReadFile(filepath.Join(dir, "stat"))
	if _, rest, ok := strings.Cut(string(stat), ") "); ok { // the name may hold spaces
		f := strings.Fields(rest)
		for _, s := range f[11:13] {
			t, _ := strconv.ParseInt(s, 10, 64)
			n.ticks += t
		}
	}
	threads, _ := filepath.Glob(filepath.Join(dir, "task", "*", "status"))
	for _, name := range threads {
		text, _ := os.ReadFile(name)
		for line := range strings.Lines(string(text)) {
			if rest, ok := strings.CutPrefix(line, "voluntary_ctxt_switches:"); ok {
				w, _ := strconv.ParseInt(strings.TrimSpace(rest), 10, 64)
				n.wakes += w
			}
		}
	}
}

// rates are the share of a core in percent, and the wake-ups in a second.
type rates struct{ share, wakes float64 }

func (n busy) since(before busy, d time.Duration) rates {
	return rates{float64(n.ticks-before.ticks) / clockTicks / d.Seconds() * 100, float64(n.wakes-before.wakes) / d.Seconds()}
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
