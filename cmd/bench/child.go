package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"sync"
	"time"

	"aead.dev/minisign"

	"chartseal/order"
	"chartseal/packager"
	"chartseal/packager/bundle"
	"chartseal/packager/gather"
	"chartseal/packager/seal"
	"chartseal/transport/localstore"
)

// childPrefix begins the first argument of this program as a child of itself.
const childPrefix = "child-"

func child(name string, args []string) error {
	ctx := context.Background()
	switch name {
	case childPrefix + "data":
		return childData(args)
	case childPrefix + "pack":
		return childPack(ctx, args)
	case childPrefix + "store":
		return localstore.Serve(ctx, os.Stdin)
	case childPrefix + "upload":
		return childUpload(ctx)
	}
	return fmt.Errorf("no child %q", name)
}

// The daemon's own settings (cmd/chartseal/practice.go), so that its memory and
// its collector's work are measured.
var daemonEnv = []string{"GOGC=50", "GOMEMLIMIT=32MiB"}

// packing is a child that packs the records below src as the daemon does.
func (b *bench) packing(key string, compress, check bool) func(ctx context.Context, src, out, work string) *exec.Cmd {
	return func(ctx context.Context, src, out, _ string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, b.self, childPrefix+"pack", "-out", out, "-key", key,
			fmt.Sprintf("-compress=%t", compress), fmt.Sprintf("-check=%t", check), src)
		cmd.Env = append(os.Environ(), daemonEnv...)
		return cmd
	}
}

// childPack is the daemon's way from the records to the sealed file: packager.Pack,
// with all its checks. Without -check it ends where the sealed file is complete and
// its reading back would begin.
func childPack(ctx context.Context, args []string) error {
	var out, key string
	var compress, check bool
	f := flag.NewFlagSet("pack", flag.ContinueOnError)
	f.StringVar(&out, "out", "", "")
	f.StringVar(&key, "key", "", "")
	f.BoolVar(&compress, "compress", false, "")
	f.BoolVar(&check, "check", false, "")
	if err := f.Parse(args); err != nil {
		return err
	}
	plan, err := planFor(f.Arg(0), key)
	if err != nil {
		return err
	}
	plan.Compress = compress
	stop, err := profiling(fmt.Sprintf("pack-compress=%t-check=%t", compress, check))
	if err != nil {
		return err
	}
	defer stop()
	file, err := os.OpenFile(out, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err = packager.Pack(ctx, plan, &sealedFile{file, check, stop}); err == nil {
		return file.Close()
	}
	if held, ok := errors.AsType[*packager.HeldError](err); ok {
		return fmt.Errorf("%w: %v", err, held.Reasons)
	}
	return err
}

// profileEnv names the folder for profiles of chartseal's packing; -profiles sets it.
const profileEnv = "CHARTSEAL_BENCH_PROFILES"

// profiling writes a profile of the processor until stop is called.
func profiling(name string) (stop func(), err error) {
	dir := os.Getenv(profileEnv)
	if dir == "" {
		return func() {}, nil
	}
	f, err := os.Create(filepath.Join(dir, name+".pprof"))
	if err != nil {
		return nil, err
	}
	return sync.OnceFunc(func() { pprof.StopCPUProfile(); _ = f.Close() }), pprof.StartCPUProfile(f)
}

// sealedFile is where the bundle goes. As with the other programs nobody waits for
// the disk.
type sealedFile struct {
	*os.File
	check bool
	stop  func() // the profile
}

// Sync is called when all is written.
func (s *sealedFile) Sync() error {
	if !s.check {
		s.stop()
		os.Exit(0)
	}
	return nil
}

// planFor is an order for the volume and the series of the invented patient below
// folder/{patient.id}.
func planFor(folder, key string) (*packager.Plan, error) {
	public, private, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	to, err := seal.ParseRecipients([]string{key})
	if err != nil {
		return nil, err
	}
	born, err := order.ParseDate(patientBorn)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	salt := make([]byte, 32)
	_, _ = rand.Read(salt) // never fails (crypto/rand)
	return &packager.Plan{
		Order: &order.Order{
			ID: "BENCH-1", Basis: order.Treatment, Records: order.Records{Kinds: []string{"cbct"}},
			Patient: order.Patient{ID: patientID, Name: patientName, BirthDate: born},
		},
		Sources: []gather.Source{{Kind: "cbct", Path: folder + "/{patient.id}/**"}},
		Header: bundle.Header{
			Order: "BENCH-1", Reference: "bench", Created: now, Tool: "bench",
			Practice:  bundle.Practice{Name: "Lakeside Dental", PublicKey: public.String()},
			Recipient: bundle.Recipient{Name: "Dr. Chen"}, Unlock: to.Unlock(), Keys: to.Fingerprints(),
		},
		To: to, Formats: packager.Formats(nil, salt), Trusted: public.String(),
		Sign: bundle.SignManifest(private, bundle.TrustedComment("bench", now)),
	}, nil
}
