package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// contender is one program, or some in a pipe, that does a job.
type contender struct {
	name  string
	needs []string // programs
	// command works on src, and writes out; work is an empty folder for what it
	// needs on the way.
	command func(ctx context.Context, src, out, work string) *exec.Cmd
	after   func() error // tidies up, unmeasured; may be nil
}

// endPatience is how long a killed program may keep its output open.
const endPatience = 10 * time.Second

// figures are what one run took.
type figures struct {
	wall, cpu time.Duration
	peak      int64 // bytes: the largest of its processes; see peakOf
	small     bool  // it may have been less
	written   int64 // bytes of its output
}

// missing is the first program that is not installed; "" if all are.
func (c *contender) missing() string {
	for _, name := range c.needs {
		if _, err := exec.LookPath(name); err != nil {
			return name
		}
	}
	return ""
}

// sh is a command line of the shell, whose $1 to $3 are src, out and work, and $4 a
// key to seal for.
func (b *bench) sh(line, key string) func(ctx context.Context, src, out, work string) *exec.Cmd {
	return func(ctx context.Context, src, out, work string) *exec.Cmd {
		return exec.CommandContext(ctx, "sh", "-ec", line, "sh", src, out, work, key)
	}
}

// measure runs a contender once.
func (b *bench) measure(ctx context.Context, c *contender, src string) (f figures, err error) {
	work, err := os.MkdirTemp(b.dir, "round")
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	out := filepath.Join(work, "out")
	cmd := c.command(ctx, src, out, filepath.Join(work, "work"))
	if err := os.Mkdir(filepath.Join(work, "work"), 0o700); err != nil {
		return f, err
	}
	flush(ctx) // nobody pays for another's writes
	endAll(cmd)
	var said bytes.Buffer
	cmd.Stderr = &said
	began := time.Now()
	err = cmd.Run()
	f.wall = time.Since(began)
	if err != nil {
		return f, fmt.Errorf("%s: %w: %s", c.name, err, bytes.TrimSpace(said.Bytes()))
	}
	f.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	f.peak = peakOf(cmd.ProcessState)
	f.small = f.peak <= status(os.Getpid(), "VmHWM")+1<<20
	if c.after != nil {
		if err := c.after(); err != nil {
			return f, err
		}
	}
	f.written, err = sizeOf(out)
	return f, err
}

// flush waits until what was written is on the disk.
func flush(ctx context.Context) {
	_ = exec.CommandContext(ctx, "sync").Run() // where there is one
}

func sizeOf(name string) (total int64, err error) {
	err = filepath.WalkDir(name, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil // it writes nothing
	}
	return total, err
}

// contest runs all contenders in turns. Those whose programs are missing have no
// figures.
func (b *bench) contest(ctx context.Context, list []contender, src string) ([][]figures, error) {
	all := make([][]figures, len(list))
	for round := range b.rounds {
		for i := range list {
			if list[i].missing() != "" {
				continue
			}
			f, err := b.measure(ctx, &list[i], src)
			if err != nil {
				return nil, err
			}
			all[i] = append(all[i], f)
			b.note("round %d: %s %.2f s, %.2f s of processor, peak %.0f MiB, %.1f MB", round+1, list[i].name, f.wall.Seconds(), f.cpu.Seconds(), mib(f.peak), float64(f.written)/1e6)
		}
	}
	return all, nil
}

// spread is a median with the lowest and the highest.
type spread struct{ median, low, high float64 }

func spreadOf(values []float64) spread {
	if len(values) == 0 {
		return spread{}
	}
	v := slices.Sorted(slices.Values(values))
	n := len(v)
	return spread{(v[(n-1)/2] + v[n/2]) / 2, v[0], v[n-1]}
}

// ratios are those of the same round.
func ratios(of, to []figures) spread {
	var all []float64
	for i := range min(len(of), len(to)) {
		all = append(all, of[i].wall.Seconds()/to[i].wall.Seconds())
	}
	return spreadOf(all)
}

func seconds(list []figures, get func(figures) time.Duration) spread {
	var all []float64
	for _, f := range list {
		all = append(all, get(f).Seconds())
	}
	return spreadOf(all)
}

// peakText is the highest peak, in MiB.
func peakText(list []figures) string {
	peak, small := int64(0), true
	for _, f := range list {
		peak, small = max(peak, f.peak), small && f.small
	}
	switch {
	case peak == 0:
		return "–"
	case small:
		return fmt.Sprintf("≤ %.0f", mib(peak))
	}
	return fmt.Sprintf("%.0f", mib(peak))
}

// peakWords explain it below a table.
const peakWords = "Peak memory in MiB, of the largest process; ≤ is what the bench itself had, below which nothing is seen."

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }
