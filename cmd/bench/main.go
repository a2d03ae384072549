// Command bench measures chartseal beside the programs that people would use
// instead, on made-up records, and prints a table:
//
//	go run ./cmd/bench
//
// Every program runs in a process of its own, in turns, some rounds long; the
// ratios are taken within each round, so that what else the computer does hits both
// sides. It needs some 3 GB of room where -dir says, 6 GB for growth; a folder in memory
// keeps the speed of the disk out of the figures:
//
//	go run ./cmd/bench -dir /dev/shm -into docs/performance.md
//	go run ./cmd/bench -dir /dev/shm -only growth -plots docs -into docs/performance.md
//	go run ./cmd/bench -only weight -into docs/performance.md
//
// puts the tables into that document. The targets are those of the design, section 11.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) > 1 && strings.HasPrefix(os.Args[1], childPrefix) {
		if err := child(os.Args[1], os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends it at once, and leaves its data
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench is one run.
type bench struct {
	rounds   int
	size     int // megabytes of each of the two large records
	sizes    []int
	idle     time.Duration
	most     int // count of growth
	curves   string
	only     []string
	parent   string // folder in which dir is made
	dir      string
	plots    string // folder for pictures; none if empty
	into     string // document for the tables
	markdown bool
	program  string // chartseal, if it is built already
	self     string
	out      io.Writer
	failed   error // to write to out
	targets  []target
}

// target is what the design asks for, and what was seen.
type target struct {
	what, want string
	seen       string
	verdict    verdict
}

type verdict string

const (
	met     verdict = "reached"
	unmet   verdict = "NOT reached"
	unknown verdict = "not measured"
)

// part is what -only chooses.
type part struct {
	name, says string
	always     bool // also without -only
	run        func(context.Context, *bench) error
}

func parts() []part {
	return []part{
		{"pack", "packing a volume and a series, beside other programs", true, packPart},
		{"upload", "uploading, beside rclone", true, uploadPart},
		{"memory", "memory of the daemon by the size of an order", true, memoryPart},
		{"growth", "how costs grow with counts, in half an hour", false, growthPart},
		{"small", "start, answer, idling, sizes", true, smallPart},
		{"weight", "what the program is made of", false, weightPart},
	}
}

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	b := &bench{out: out}
	if err := b.flags(args); err != nil {
		return err
	}
	if b.self, err = os.Executable(); err != nil {
		return err
	}
	if b.parent == "" {
		b.parent = os.TempDir()
	}
	if b.parent, err = filepath.Abs(b.parent); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp(b.parent, "chartseal-bench"); err != nil {
		return err
	}
	defer func() {
		if rerr := os.RemoveAll(b.dir); err == nil {
			err = rerr
		}
	}()
	if b.into != "" {
		var text bytes.Buffer
		b.markdown, b.out = true, &text
		defer func() {
			if err == nil {
				err = put(b.into, strings.Join(b.only, ","), text.Bytes())
			}
		}()
	}
	if !slices.Equal(b.only, []string{"weight"}) { // which is the same on every machine
		b.describe(ctx)
	}
	for _, p := range parts() {
		if !b.chosen(p) {
			continue
		}
		began := time.Now()
		if err := p.run(ctx, b); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		b.note("%s took %s", p.name, time.Since(began).Round(time.Second))
	}
	return b.summary()
}

func (b *bench) flags(args []string) error {
	var only, sizes, profiles string
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.IntVar(&b.rounds, "rounds", 3, "how often each program runs")
	f.IntVar(&b.size, "size", 576, "megabytes of the volume and of the series")
	f.StringVar(&sizes, "sizes", "500,2000,8000", "megabytes of the orders of the part memory")
	f.DurationVar(&b.idle, "idle", time.Minute, "how long the idle daemon is watched")
	f.IntVar(&b.most, "most", 10_000, "highest count of the part growth: of files, patients and orders, ten times as many lines, a hundred times as many images; the design asks for no less than 10000")
	f.StringVar(&b.curves, "curves", "", "of the part growth, only what has this text in its name")
	f.StringVar(&only, "only", "", "parts to run, with commas: "+names())
	f.StringVar(&b.parent, "dir", "", "where to make the data, some 3 GB (default: the folder for temporary files)")
	f.StringVar(&b.plots, "plots", "", "folder for pictures of growth")
	f.StringVar(&profiles, "profiles", "", "folder for profiles of chartseal's packing (go tool pprof)")
	f.StringVar(&b.program, "chartseal", "", "the program to measure (default: built from this source)")
	f.StringVar(&b.into, "into", "", "document that the tables are put into, between its marks")
	f.BoolVar(&b.markdown, "markdown", false, "write Markdown")
	if err := f.Parse(args); err != nil {
		return err
	}
	switch {
	case b.rounds < 1 || b.size < 1:
		return errors.New("rounds and size must be 1 or more")
	case b.idle < time.Second:
		return errors.New("idle must be a second or more")
	case b.most < leastMost:
		return fmt.Errorf("most must be %d or more: a curve has two points at least", leastMost)
	case b.curves != "" && b.into+b.plots != "":
		return errors.New("with -curves there is no -into and no -plots: the other curves would be lost")
	}
	if profiles != "" {
		if err := os.Setenv(profileEnv, profiles); err != nil {
			return err
		}
	}
	if only != "" {
		b.only = strings.Split(only, ",")
	}
	for _, name := range b.only {
		if !strings.Contains(","+names()+",", ","+name+",") {
			return fmt.Errorf("no part %q; there are %s", name, names())
		}
	}
	for s := range strings.SplitSeq(sizes, ",") {
		var n int
		if _, err := fmt.Sscan(s, &n); err != nil || n < 1 {
			return fmt.Errorf("sizes: %q is no number of megabytes", s)
		}
		b.sizes = append(b.sizes, n)
	}
	return nil
}

func names() string {
	var all []string
	for _, p := range parts() {
		all = append(all, p.name)
	}
	return strings.Join(all, ",")
}

func (b *bench) chosen(p part) bool {
	if len(b.only) == 0 {
		return p.always
	}
	return slices.Contains(b.only, p.name)
}

// path is a place in the folder of this run.
func (b *bench) path(parts ...string) string {
	return filepath.Join(append([]string{b.dir}, parts...)...)
}

// note says on the side what goes on.
func (b *bench) note(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s  %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}
