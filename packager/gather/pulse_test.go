package gather

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"chartseal/redact"
	"chartseal/redact/dicomfile"
)

// A pulse shows the call that does not return, and in which source's folder; calls that
// returned leave nothing.
func TestAPulseShowsTheCallThatHangs(t *testing.T) {
	var p Pulse
	ctx := WithPulse(t.Context(), &p)
	PulseOf(ctx).at("a")
	PulseOf(ctx).begin()()
	if waits, folder := p.Oldest(); waits != 0 || folder != "" {
		t.Errorf("%s in %q after all have returned", waits, folder)
	}
	end := PulseOf(ctx).begin()
	time.Sleep(5 * time.Millisecond)
	PulseOf(ctx).at("b")
	defer PulseOf(ctx).begin()()
	if waits, folder := p.Oldest(); waits < 5*time.Millisecond || folder != "a" {
		t.Errorf("%s in %q", waits, folder)
	}
	end()
	if _, folder := p.Oldest(); folder != "b" {
		t.Errorf("the call left is in %q", folder)
	}
	PulseOf(context.Background()).at("nobody looks")
	PulseOf(context.Background()).begin()()
}

// Every way into the file system shows its calls: while a file is looked at the folder
// is known, and nothing is left at the end.
func TestASearchShowsItsPulse(t *testing.T) {
	p := newPractice(t)
	p.put("records/10432/radiographs/a.dcm", maria.bytes())
	var pulse Pulse
	req := p.request(p.source("radiograph", "records/{patient.id}/radiographs/**"))
	looked := 0
	req.SniffDICOM = func([]byte) bool { return true }
	req.Identify = func(ctx context.Context, _ redact.Source) (*dicomfile.Identity, error) {
		looked++
		if got := PulseOf(ctx); got != &pulse || got.folder != filepath.Join(p.dir, "records") {
			t.Errorf("the pulse is in %q", got.folder)
		}
		return nil, errors.New("no image")
	}
	c, err := Collect(WithPulse(t.Context(), &pulse), req)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if waits, _ := pulse.Oldest(); waits != 0 || pulse.next < 8 || looked == 0 || pulse.Asks() {
		t.Errorf("%d calls, %d looked at, one waits %s", pulse.next, looked, waits)
	}
}
