package dicomfile

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"chartseal/redact"
)

// refusedAs demands a refusal of a class, without a value in its reason.
func refusedAs(t *testing.T, src redact.Source, p redact.Profile, want redact.Class) {
	t.Helper()
	_, err := Clean(context.Background(), src, p)
	refusal, ok := errors.AsType[*redact.Refusal](err)
	if !ok || refusal.Class != want {
		t.Fatalf("got %v, want %s", err, want)
	}
	if strings.Contains(refusal.Reason, canary) {
		t.Errorf("reason shows a value: %q", refusal.Reason)
	}
}

// within fails a test whose work takes longer than linear work can: the bombs
// below take minutes to hours where something is read again for each element.
func within(t *testing.T, limit time.Duration, work func()) {
	t.Helper()
	began := time.Now()
	work()
	if took := time.Since(began); took > limit {
		t.Errorf("took %v", took)
	}
}

// TestZerosBomb: zeros with one byte behind them are read once, not once for
// every eight of them.
func TestZerosBomb(t *testing.T) {
	d := radiograph(implicitLittle, false).el(tagPixelData, "OW", pixelBytes(1))
	d.buf = append(append(d.buf, make([]byte, 4<<20)...), 1)
	within(t, 5*time.Second, func() {
		refusedAs(t, source(d.file(tsImplicitLittle)), redact.Treatment, redact.Malformed)
	})
}
