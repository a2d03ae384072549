package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// tools are the programs that chartseal is measured beside, with what makes them
// say their version.
var tools = [][]string{
	{"age", "--version"},
	{"zip", "-v"},
	{"tar", "--version"},
	{"dcmodify", "--version"},
	{"gdcmanon", "--version"},
	{"rclone", "version"},
	{"cp", "--version"},
	{"sha256sum", "--version"},
}

// describe prints what is measured on.
func (b *bench) describe(ctx context.Context) {
	t := table{title: "The machine", head: []string{"", ""}}
	t.row("date", time.Now().UTC().Format(time.DateOnly))
	t.row("processor", fmt.Sprintf("%s, %d cores", procLine("/proc/cpuinfo", "model name"), runtime.NumCPU()))
	t.row("memory", procLine("/proc/meminfo", "MemTotal"))
	t.row("system", strings.TrimSpace(procLine("/etc/os-release", "PRETTY_NAME")+" "+said(ctx, "uname", "-sr")+" "+runtime.GOARCH))
	t.row("data on", said(ctx, "sh", "-c", `df --output=fstype "$1" | tail -1`, "sh", b.dir))
	t.row("load before", procWord("/proc/loadavg"))
	t.row("Go", runtime.Version())
	var missing []string
	for _, tool := range tools {
		if _, err := exec.LookPath(tool[0]); err != nil {
			missing = append(missing, tool[0])
			continue
		}
		t.row(tool[0], said(ctx, tool[0], tool[1:]...))
	}
	if len(missing) > 0 {
		t.row("not installed", strings.Join(missing, ", "))
	}
	b.print(&t)
}

// said is the first line that says something of what a program prints.
func said(ctx context.Context, name string, args ...string) string {
	out, _ := exec.CommandContext(ctx, name, args...).CombinedOutput() // some end with an error code after it
	for line := range strings.SplitSeq(string(out), "\n") {
		line = strings.Trim(line, "$ \t")
		if line != "" && !strings.HasPrefix(line, "Copyright") {
			return line
		}
	}
	return "unknown"
}

// procLine is the value of the first line of a file that begins with key.
func procLine(file, key string) string {
	f, err := os.Open(file)
	if err != nil {
		return runtime.GOOS
	}
	defer func() { _ = f.Close() }()
	for s := bufio.NewScanner(f); s.Scan(); {
		if rest, ok := strings.CutPrefix(s.Text(), key); ok {
			return strings.Trim(rest, " \t:=\"")
		}
	}
	return "unknown"
}

func procWord(file string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return "unknown"
	}
	word, _, _ := strings.Cut(string(b), " ")
	return word
}
