package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"chartseal"
	"chartseal/config"
	"chartseal/order"
	"chartseal/watch"
)

func sendCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "send ORDER",
		Short: "Take one order through, in the foreground",
		Long: `Takes one order through and waits for its answer. The order file stays where it
is. When the daemon is running, the order is handed to it through the outbox.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.send(cmd, args[0]) },
	}
}

func (a *app) send(cmd *cobra.Command, file string) (err error) {
	data, signature, err := readOrder(file)
	if err != nil {
		return usage(err)
	}
	cfg, err := a.load()
	if err != nil {
		return err
	}
	tuneMemory()
	progress := newBar(os.Stderr)
	defer progress.finish()
	p, err := chartseal.Open(cmd.Context(), cfg, a.options(showProgress(progress)))
	if errors.Is(err, chartseal.ErrLocked) {
		fmt.Fprintln(os.Stderr, "chartseal is running here; the order is handed to it. Waiting for its answer; the order goes on if you stop waiting.")
		ans, err := a.handOver(cmd.Context(), cfg, filepath.Base(file), data, signature)
		if err != nil {
			return a.reportHeld(cmd.OutOrStdout(), err)
		}
		return a.reportAnswer(cmd.OutOrStdout(), ans)
	}
	if err != nil {
		return err
	}
	defer closing(&err, p.Close)
	ans, err := p.Send(cmd.Context(), filepath.Base(file), data, signature)
	if err != nil {
		return a.reportHeld(cmd.OutOrStdout(), err)
	}
	progress.finish()
	return a.reportAnswer(cmd.OutOrStdout(), ans)
}

// readOrder reads an order and the signature beside it, bounded.
func readOrder(file string) (data, signature []byte, err error) {
	if data, err = readBounded(file); err != nil {
		return nil, nil, fmt.Errorf("read order: %w", err)
	}
	signature, err = readBounded(file + watch.SignatureSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return data, nil, nil
	}
	return data, signature, err
}

func readBounded(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	b, err := watch.ReadBounded(f)
	return b, errors.Join(err, f.Close())
}

// showProgress draws the stages that have a size, and says what is waited for.
func showProgress(b *bar) chartseal.WatchFunc {
	return func(e chartseal.Event) {
		if e.Waiting != nil {
			fmt.Fprintf(os.Stderr, "Still trying: %s: %v\n", e.Stage, e.Waiting)
			return
		}
		b.set(e.Stage, e.Done, e.Total)
	}
}

// reportAnswer prints the text staff get and ends with the code of the outcome.
func (a *app) reportAnswer(w io.Writer, ans chartseal.Answer) error {
	name := chartseal.TextOf(ans.Kind)
	if a.json {
		name = watch.Twin(ans.Kind)
	}
	text, err := os.ReadFile(filepath.Join(ans.Dir, name))
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	if _, err := w.Write(text); err != nil {
		return err
	}
	if ans.Kind == watch.Held {
		return &exitError{code: exitHeld}
	}
	return nil
}

// reportHeld prints why an order was not even taken in, where that is the error.
func (a *app) reportHeld(w io.Writer, err error) error {
	held, ok := errors.AsType[*chartseal.Held](err)
	if !ok {
		return err
	}
	p := &printer{w: w}
	if a.json {
		p.err = printJSON(w, struct {
			Held []order.Reason `json:"held"`
		}{held.Reasons})
	} else {
		p.f("NOTHING WAS SENT. The order stays where it is; send it again later.\n\n")
		for _, r := range held.Reasons {
			p.f("%s (rule %s)\n", r.Message, r.Rule)
		}
	}
	if p.err != nil {
		return p.err
	}
	return &exitError{code: exitHeld}
}

// handOver drops the order into the outbox of a running daemon and waits for
// an answer that is younger than the drop.
func (a *app) handOver(ctx context.Context, cfg *config.Config, name string, data, signature []byte) (chartseal.Answer, error) {
	folder := chartseal.AnswerName(ctx, cfg, a.options(nil), name, data)
	if !watch.Droppable(name) { // the daemon would leave it alone
		name = "order-" + order.Reference(name) + ".yaml"
		if folder == filepath.Base(name) {
			folder = name
		}
	}
	if watch.IsStopped(cfg.Outbox) {
		return chartseal.Answer{}, chartseal.LedgerHold()
	}
	dropped := time.Now()
	for suffix, b := range map[string][]byte{watch.SignatureSuffix: signature, "": data} {
		if b == nil {
			continue
		}
		if err := drop(cfg.Outbox, name+suffix, b); err != nil {
			return chartseal.Answer{}, err
		}
	}
	for told := false; ; {
		for _, k := range []watch.Kind{watch.Sent, watch.Held, watch.Denied, watch.Extended} {
			dir := filepath.Join(cfg.Outbox, string(k), watch.FolderName(folder))
			if info, err := os.Stat(filepath.Join(dir, watch.Twin(k))); err == nil && info.ModTime().After(dropped) {
				return chartseal.Answer{Kind: k, Dir: dir}, nil
			}
		}
		if !told && watch.IsStopped(cfg.Outbox) {
			told = true
			fmt.Fprintln(os.Stderr, "Nothing is sent at the moment, because of the ledger. The order waits in the outbox, and goes on when IT has cleared that up.")
		}
		select {
		case <-ctx.Done():
			return chartseal.Answer{}, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// drop writes a file into the outbox under a temporary name and renames it,
// never over another order.
func drop(outbox, name string, b []byte) error {
	dest := filepath.Join(outbox, name)
	if _, err := os.Lstat(dest); err == nil {
		return errors.New("a file of this name already waits in the outbox")
	}
	tmp := dest + ".tmp"
	if err := os.WriteFile(tmp, b, 0o660); err != nil {
		return fmt.Errorf("drop order: %w", err)
	}
	if err := watch.Replace(tmp, dest); err != nil {
		return fmt.Errorf("drop order: %w", err)
	}
	return nil
}
