package pdffile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"chartseal/redact"
	"chartseal/redact/identifier"
	"chartseal/redact/pdffile/pdfium"
)

// Exit codes of the child that the parent understands.
const (
	exitMemory = 77 // past the limit of memory
	exitSetup  = 78 // the limits could not be set
)

// Work is what the child process does: it reads one request from in, cleans
// the file or reads its form, and writes the answer to out. It first limits its process for good,
// so it must be called once, in a process of its own, before anything else. A
// refusal is an answer and no error. The process may end inside Work when it
// passes its limits.
//
// cache is a private folder for the compiled pdfium, which is run for work that
// needs it: it starts before a byte of the file is read, while the process may
// still read files. Without a folder it is compiled each time, which takes seconds.
func Work(ctx context.Context, in io.Reader, out io.Writer, cache string) error {
	var req request
	if err := readFrame(in, &req); err != nil {
		return err
	}
	if req.Size <= 0 || req.Size > MaxSize || !req.valid() {
		return errFrame
	}
	budget := memoryFor(req.Size)
	engine, err := req.engine(ctx, cache)
	if err != nil {
		return err
	}
	if engine != nil {
		budget += pdfium.Memory
	}
	done := make(chan struct{})
	defer close(done)
	go watchMemory(budget, done)
	if err := confine(budget); err != nil {
		os.Exit(exitSetup)
	}
	return answer(ctx, req, engine, in, out)
}

// engine starts what reads and draws the pages of a file; nil if the task needs
// none.
func (r *request) engine(ctx context.Context, cache string) (*pdfium.Engine, error) {
	if r.Task != cleanFile && r.Task != drawFile {
		return nil, nil
	}
	engine, err := pdfium.Start(ctx, cache)
	if err != nil {
		return nil, err
	}
	debug.FreeOSMemory() // compiling it takes more than running it
	return engine, nil
}

// trimmer is what takes identifiers out under the profile; nil if it needs none.
func (r *request) trimmer(engine *pdfium.Engine) *trimmer {
	rules := identifier.For(r.Profile)
	if r.Task != drawFile && (r.Task != cleanFile || len(rules) == 0) {
		return nil
	}
	return newTrimmer(engine, rules, r.Reviewed)
}

// memoryFor returns the bytes a file of size n may take: about three times the
// file, twice that for the parts it is made of, and a base for the program.
func memoryFor(n int64) int64 { return 384<<20 + 5*n }

// watchMemory ends the process when it holds more than budget. It is the
// limit on systems that have no other.
func watchMemory(budget int64, done <-chan struct{}) {
	debug.SetMemoryLimit(budget / 4 * 3)
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			metrics.Read(sample)
			if sample[0].Value.Uint64()-sample[1].Value.Uint64() > uint64(budget) { // positive
				os.Exit(exitMemory)
			}
		}
	}
}

func answer(ctx context.Context, req request, engine *pdfium.Engine, in io.Reader, out io.Writer) error {
	data := make([]byte, req.Size)
	if _, err := io.ReadFull(in, data); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return refuse(out, &redact.Refusal{Class: redact.Truncated, Reason: "the file became shorter while it was read"}, false)
		}
		return fmt.Errorf("read source: %w", err)
	}
	made, report, err := perform(req, req.trimmer(engine), data)
	var r *redact.Refusal
	switch {
	case errors.As(err, &r):
		_, draw := errors.AsType[drawable](err)
		return refuse(out, r, draw)
	case err != nil:
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	}
	rep := reply{Size: int64(len(made)), Report: report}
	if engine != nil {
		var whole bool
		rep.Claims, whole = claimsIn(engine, data, req.Pages)
		if !whole && !req.Reviewed {
			return refuse(out, &redact.Refusal{Class: redact.Undecided, Reason: "not all of its text can be read, so it cannot be compared with the patient on the order"}, false)
		}
	}
	head, err := encodeFrame(rep)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, io.MultiReader(bytes.NewReader(head), bytes.NewReader(made))); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}

func perform(req request, trim *trimmer, data []byte) ([]byte, redact.Report, error) {
	switch req.Task {
	case cleanFile:
		return cleaned(data, req.Pages, trim)
	case drawFile:
		return trim.redrawn(data, req.Pages)
	case readForm:
		form, err := formIn(data)
		return form, redact.Report{}, err
	}
	return nil, redact.Report{}, errFrame
}

func refuse(out io.Writer, r *redact.Refusal, draw bool) error {
	head, err := encodeFrame(reply{Class: r.Class, Reason: r.Reason, Draw: draw})
	if err != nil {
		return err
	}
	if _, err := out.Write(head); err != nil {
		return fmt.Errorf("write answer: %w", err)
	}
	return nil
}
