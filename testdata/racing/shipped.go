package racing

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// Shipped builds chartseal as it is shipped, without the race detector, for child
// processes of tests whose subject is the parent; remove deletes it.
func Shipped(ctx context.Context) (file string, remove func(), err error) {
	dir, err := os.MkdirTemp("", "chartseal-shipped-*")
	if err != nil {
		return "", nil, err
	}
	file = filepath.Join(dir, "chartseal")
	if runtime.GOOS == "windows" {
		file += ".exe"
	}
	build := exec.CommandContext(ctx, "go", "build", "-o", file, "chartseal/cmd/chartseal") //nolint:gosec // a folder of our own
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", nil, errors.Join(fmt.Errorf("build chartseal: %w\n%s", err, out), os.RemoveAll(dir))
	}
	return file, func() { _ = os.RemoveAll(dir) }, nil
}
