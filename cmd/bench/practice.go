package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"chartseal/config"
	"chartseal/packager/seal"
	"chartseal/testdata/practice"
)

// home is a practice's folder with the daemon that serves it.
type home struct {
	dir, program string
}

// build makes the program as it is shipped (.ci/package), unless one was given.
func (b *bench) build(ctx context.Context) (string, error) {
	if b.program != "" {
		return b.program, nil
	}
	b.note("building chartseal")
	name := b.path("chartseal")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -buildid=", "-o", name, "./cmd/chartseal")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build chartseal (run this in the folder of go.mod): %w: %s", err, bytes.TrimSpace(said))
	}
	b.program = name
	return name, nil
}

// settings are what the practice's configuration says instead of the template: the
// daemon looks at its outbox often, so that waiting is not what is measured.
const (
	templateWatch = "{scan: 15s, settle: 2s}"
	quickWatch    = "{scan: 1s, settle: 100ms}"
)

// found makes a practice without records.
func (b *bench) found(ctx context.Context, name string, quick bool) (*home, error) {
	program, err := b.build(ctx)
	if err != nil {
		return nil, err
	}
	h := &home{dir: b.path(name), program: program}
	if said, err := exec.CommandContext(ctx, program, "init", h.dir).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("init: %w: %s", err, bytes.TrimSpace(said))
	}
	text, err := config.Example(config.Starter{Practice: "Lakeside Dental", State: "NY", Site: "bench", Approvers: map[string]string{"dr-lee": ""}})
	if err != nil {
		return nil, err
	}
	if !bytes.Contains(text, []byte(templateWatch)) {
		return nil, errors.New("the configuration template has changed: " + templateWatch)
	}
	if quick {
		text = bytes.ReplaceAll(text, []byte(templateWatch), []byte(quickWatch))
	}
	key, err := seal.GenerateKey(false)
	if err != nil {
		return nil, err
	}
	book := `dr-chen: {name: "Dr. Chen Endodontics", kind: provider, address: "22 Elm Street, Albany NY", email: office@chen-endo.example, keys: [` + key.Public + "]}\n"
	return h, errors.Join(
		os.WriteFile(filepath.Join(h.dir, "chartseal.yaml"), text, 0o600),
		os.WriteFile(filepath.Join(h.dir, "recipients.yaml"), []byte(book), 0o600),
	)
}

// command is chartseal with this practice.
func (h *home) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, h.program, append(args, "-c", filepath.Join(h.dir, "chartseal.yaml"))...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 30 * time.Second
	return cmd
}

// drop puts an order for records of a kind into the outbox, as one rename.
func (h *home) drop(id, kind string) error {
	who := practice.Patient{ID: patientID, Name: patientName, BirthDate: patientBorn}
	text := practice.OrderFor(who, id, practice.OrderOptions{Now: time.Now(), Kinds: []string{kind}})
	tmp := filepath.Join(h.dir, "outbox", id+".tmp")
	if err := os.WriteFile(tmp, text, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, filepath.Join(h.dir, "outbox", id+".yaml"))
}

// errTooLong ends what a daemon does not end: one that is short of room waits for it.
var errTooLong = errors.New("it takes too long: is the disk full?")

// inTime bounds how long daemons may work.
func inTime(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, d, errTooLong)
}

// answered waits for the receipt of an order; one that is held is an error.
func (h *home) answered(ctx context.Context, id string) error {
	ctx, cancel := inTime(ctx, 5*time.Minute)
	defer cancel()
	for {
		if _, err := os.Stat(filepath.Join(h.dir, "outbox", "sent", id, "receipt.json")); err == nil {
			return nil
		}
		if why, err := os.ReadFile(h.heldAs(id)); err == nil {
			return fmt.Errorf("the order is held: %s", strings.TrimSpace(string(why)))
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(time.Millisecond):
		}
	}
}

// untilIdle lets the daemon work until all orders have an answer, and returns how it ended.
func (h *home) untilIdle(ctx context.Context, most time.Duration) (*os.ProcessState, error) {
	ctx, cancel := inTime(ctx, most)
	defer cancel()
	daemon := h.command(ctx, "run", "--until-idle")
	if said, err := daemon.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("run: %w: %s", cmp.Or(context.Cause(ctx), err), said)
	}
	return daemon.ProcessState, nil
}

// status asks for the status, and returns how long that took, in seconds.
func (h *home) status(ctx context.Context) (float64, error) {
	began := time.Now()
	if said, err := h.command(ctx, "status", "--json").CombinedOutput(); err != nil {
		return 0, fmt.Errorf("status: %w: %s", err, said)
	}
	return since(began), nil
}

// heldAs is the note that says why an order is held.
func (h *home) heldAs(id string) string {
	return filepath.Join(h.dir, "outbox", "held", id, "WHY-HELD.txt")
}
