package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"chartseal"
	"chartseal/config"
	"chartseal/packager/bundle"
	"chartseal/testdata/practice"
	"chartseal/watch"
	"chartseal/watch/notice"
)

func demoCmd(a *app) *cobra.Command {
	var d demo
	c := &cobra.Command{
		Use:   "demo",
		Short: "Make an invented practice and release a patient's records",
		Long: `Makes a synthetic practice in a new folder, starts the daemon on the embedded
store, drops a release order, shows what happens and prints the link and how to open
it. The daemon stays up so that the link works; stop it with Ctrl+C.

With --once the demo opens the link itself, as a recipient would, verifies the
bundle, prints a summary and stops.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d.app, d.out = a, &printer{w: cmd.OutOrStdout()}
			err := d.play(cmd.Context())
			if cmd.Context().Err() != nil {
				return nil // stopped by the person who watches
			}
			return err
		},
	}
	c.Flags().StringVar(&d.dir, "dir", "", "folder for the practice (default a new one here)")
	c.Flags().BoolVar(&d.once, "once", false, "open the link as a recipient, verify, stop")
	return c
}

// demo is one performance.
type demo struct {
	app  *app
	out  *printer
	dir  string
	once bool
}

// The order of the demo: a referral to a specialist who has no key yet, so the
// bundle gets a passphrase.
const (
	demoOrder   = "R-2026-0113"
	demoPatient = 0 // the practice's first patient, who has a CBCT
)

func (d *demo) play(ctx context.Context) (err error) {
	if d.dir == "" {
		if d.dir, err = freshDir("chartseal-demo"); err != nil {
			return err
		}
	}
	if _, err := os.Stat(filepath.Join(d.dir, "chartseal.yaml")); err == nil {
		return usage(errors.New("there is a practice in this folder already; choose another with --dir"))
	}
	start := time.Now()
	people, err := d.build(ctx)
	if err != nil {
		return err
	}
	d.out.f("A practice with %d invented patients is in %s (%.1f s).\n", len(people.Patients), d.dir, time.Since(start).Seconds())
	cfg, err := config.Load(filepath.Join(d.dir, "chartseal.yaml"))
	if err != nil {
		return err
	}
	answered := make(chan chartseal.Event, 1)
	p, err := chartseal.Open(ctx, cfg, d.app.options(d.narrate(answered)))
	if err != nil {
		return err
	}
	defer closing(&err, p.Close)
	return d.perform(ctx, p, cfg, people, answered)
}

// perform runs the daemon beside the person who drops an order and waits.
func (d *demo) perform(ctx context.Context, p *chartseal.Practice, cfg *config.Config, people *practice.Practice, answered <-chan chartseal.Event) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- d.app.serve(ctx, p, false) }()
	err := d.audience(ctx, cfg, people, answered, done)
	cancel()
	return errors.Join(err, <-done)
}

func (d *demo) audience(ctx context.Context, cfg *config.Config, people *practice.Practice, answered <-chan chartseal.Event, done chan error) error {
	who := people.Patients[demoPatient]
	order := practice.OrderFor(who, demoOrder, practice.OrderOptions{Now: time.Now(), Kinds: []string{"chart", "radiograph", "cbct"}})
	file := demoOrder + ".yaml"
	if err := drop(cfg.Outbox, file, order); err != nil {
		return err
	}
	d.out.f("Dropped %s into the outbox: a referral of %s to a specialist.\n\n", file, who.Name)
	var pass string
	select {
	case e := <-answered:
		pass = e.Passphrase
		if e.Outcome != string(watch.Sent) {
			return &exitError{exitHeld, fmt.Errorf("the order was held; see %s", filepath.Join(cfg.Outbox, "held"))}
		}
	case err := <-done:
		done <- err
		return errors.Join(errors.New("the daemon stopped before the order was answered"), err)
	case <-ctx.Done():
		return nil
	}
	r, err := readReceipt(filepath.Join(cfg.Outbox, "sent", demoOrder))
	if err != nil {
		return err
	}
	d.showAnswer(cfg, r, pass)
	if d.once {
		return d.receive(ctx, cfg, r, pass)
	}
	d.out.f("\nThe link works as long as this runs. Stop with Ctrl+C.\n")
	if err := d.out.failed(); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// build makes configuration, recipient book and records.
func (d *demo) build(ctx context.Context) (*practice.Practice, error) {
	made, err := buildPractice(ctx, d.dir, practice.Options{Now: time.Now()})
	if err != nil {
		return nil, err
	}
	_, err = addForm(d.dir)
	return made, err
}

// demoBook is the demo's recipient book.
const demoBook = `# Verified recipients. dr-chen has no key yet and gets a passphrase.
dr-chen: {name: "Dr. Chen Endodontics", kind: provider, address: "22 Elm Street, Albany NY", email: office@chen-endo.example}
`

// demoSettings are what the demo's configuration says instead of the template.
var demoSettings = [][2]string{
	{`address: ""`, `address: 1 Main Street, Albany NY`},
	{`phone: ""`, `phone: "+1 518 555 0100"`},
	{`email: ""`, `email: privacy@lakeside.example`},
	{`{scan: 15s, settle: 2s}`, `{scan: 5s, settle: 500ms}`},
}

// buildPractice makes a synthetic practice in dir, ready to run.
func buildPractice(ctx context.Context, dir string, o practice.Options) (*practice.Practice, error) {
	s := config.Starter{Practice: "Lakeside Dental (demo)", State: "NY", Site: "demo", Approvers: map[string]string{"dr-lee": ""}}
	if _, err := initPractice(dir, s); err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "chartseal.yaml")
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	text := string(b)
	for _, c := range demoSettings {
		if !strings.Contains(text, c[0]) {
			return nil, errors.New("the configuration template has changed: " + c[0])
		}
		text = strings.Replace(text, c[0], c[1], 1)
	}
	if err := os.WriteFile(file, []byte(text), 0o640); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "recipients.yaml"), []byte(demoBook), 0o640); err != nil {
		return nil, err
	}
	return practice.Make(ctx, dir, o)
}

// narrate shows each stage once as it begins, and a bar where there is one.
func (d *demo) narrate(answered chan<- chartseal.Event) chartseal.WatchFunc {
	b := newBar(os.Stderr)
	words := map[string]string{
		"admit":  "checking the order against the rules",
		"pack":   "gathering, cleaning, packing and sealing the records",
		"upload": "uploading the sealed bundle",
		"answer": "answered",
	}
	last := ""
	return func(e chartseal.Event) {
		switch {
		case e.Waiting != nil:
			fmt.Fprintf(os.Stderr, "  … still trying: %s: %v\n", e.Stage, e.Waiting)
		case e.Outcome != "":
			b.finish()
			answered <- e
		default:
			if text := words[e.Stage]; text != "" && e.Stage != last {
				b.finish()
				d.out.f("  … %s\n", text)
				last = e.Stage
			}
			b.set(e.Stage, e.Done, e.Total)
		}
	}
}

// readReceipt reads the machine-readable receipt.
func readReceipt(dir string) (r notice.Receipt, err error) {
	b, err := os.ReadFile(filepath.Join(dir, watch.Twin(watch.Sent)))
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(b, &r)
}

func (d *demo) showAnswer(cfg *config.Config, r notice.Receipt, pass string) {
	counts := strings.Join(notice.Kinds(r.Records), ", ")
	d.out.f("\nSent: %s, %s encrypted, %d details removed.\n\n", counts, notice.Size(r.Bundle.Bytes), r.Removed)
	d.out.f("The answer, with receipt and letters:\n  %s\n", filepath.Join(cfg.Outbox, "sent", demoOrder))
	d.out.f("The recipient's link (until %s):\n  %s\n", r.LinkExpires.Local().Format("January 2, 15:04"), r.Page)
	if pass != "" {
		d.out.f("The passphrase, which goes by another way:\n  %s\n", pass)
	}
	d.out.f("Open it in a browser with that link, or with one of:\n")
	d.out.f("  chartseal open %s -o opened\n", quoted(r.Page))
	d.out.f("  curl -o records.zip.age %s\n  age -d -o records.zip records.zip.age\n", quoted(r.Link))
}

// quoted is a link as the system's shell takes it whole: cmd.exe knows no single quotes.
func quoted(link string) string {
	if runtime.GOOS == "windows" {
		return `"` + link + `"`
	}
	return "'" + link + "'"
}

// receive plays the recipient: opens the page's link, verifies, unpacks.
func (d *demo) receive(ctx context.Context, cfg *config.Config, r notice.Receipt, pass string) error {
	pub, err := os.ReadFile(filepath.Join(cfg.State, "keys", "practice.pub"))
	if err != nil {
		return err
	}
	dir := filepath.Join(d.dir, "opened")
	m, err := openBundle(ctx, opening{source: r.Page, dir: dir, passphrase: pass, signer: string(pub)})
	if err != nil {
		return openError(err)
	}
	if !m.Signature.Confirmed || len(m.Records) != len(r.Records) {
		return &exitError{exitUnverified, bundle.ErrTampered}
	}
	d.out.f("\nOpened as the recipient would: signature and every digest are right.\n")
	d.out.f("%d records unpacked into %s; begin with START-HERE.html there.\n", len(m.Records), dir)
	return d.out.failed()
}

// freshDir makes a folder of a name that is not taken.
func freshDir(name string) (string, error) {
	for n := 1; ; n++ {
		dir := name
		if n > 1 {
			dir = fmt.Sprintf("%s-%d", name, n)
		}
		err := os.Mkdir(dir, 0o750)
		if err == nil {
			return dir, nil
		}
		if !errors.Is(err, os.ErrExist) {
			return "", err
		}
	}
}
