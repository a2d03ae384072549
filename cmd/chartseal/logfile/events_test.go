package logfile

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// eventLog keeps what is written.
type eventLog struct{ lines []string }

func (e *eventLog) put(kind string, id uint32, text string) error {
	e.lines = append(e.lines, fmt.Sprintf("%s %d %s", kind, id, strings.ReplaceAll(text, "\r\n", " ")))
	return errors.New("full")
}
func (e *eventLog) Info(id uint32, text string) error    { return e.put("info", id, text) }
func (e *eventLog) Warning(id uint32, text string) error { return e.put("warning", id, text) }
func (e *eventLog) Error(id uint32, text string) error   { return e.put("error", id, text) }

// TestEventsTellWhatPeopleShouldSee: by number, and without what a system said.
func TestEventsTellWhatPeopleShouldSee(t *testing.T) {
	t.Parallel()
	w := &eventLog{}
	log := slog.New(NewEvents(w))
	release := log.With(slog.String("release", "ab12"), slog.String("stage", "admit"), slog.String("error", "Maria"))
	release.Info("done")
	release.Info("held", slog.Any("rules", []string{"R3", "R12"}))
	release.Warn("waiting", slog.String("class", "store unavailable"), slog.String("error", "open Maria.dcm"))
	log.Warn("2 orders are overdue", slog.String("alert", "overdue"), slog.String("phase", "begins"))
	log.Info("2 orders are overdue", slog.String("alert", "overdue"), slog.String("phase", "over"))
	log.Error("the ledger was changed", slog.String("alert", "ledger"))
	log.Warn("scan failed", slog.String("stage", "watch"), slog.String("path", "/Maria"))
	log.Error("odd")
	log.WithGroup("g").Info("nothing")
	want := []string{
		"warning 20 An order is on hold: nothing was sent for it. WHY-HELD.txt in the outbox says why. (release ab12, stage admit, rules [R3 R12])",
		"warning 21 A release waits, and goes on by itself once the cause is gone. (release ab12, stage admit, class store unavailable)",
		"warning 12 2 orders are overdue (alert overdue, begins)",
		"info 9 2 orders are overdue (alert overdue, over)",
		"error 14 the ledger was changed (alert ledger)",
		"warning 40 scan failed (stage watch)",
		"error 41 odd",
	}
	if !slices.Equal(w.lines, want) {
		t.Errorf("%s", strings.Join(w.lines, "\n"))
	}
}

// TestEventNumbersAreDescribed: each has a line of its own in the guide for IT.
func TestEventNumbersAreDescribed(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "it-setup.md"))
	if err != nil {
		t.Fatal(err)
	}
	ids := []uint32{EventStarted, EventStopped, EventFailed, eventOver, eventHeld, eventWaits, eventWarning, eventError}
	for _, id := range eventOf {
		ids = append(ids, id)
	}
	for alert, file := range alerts(t) {
		if _, known := eventOf[alert]; !known {
			t.Errorf("%s calls people by %q, which has no number", file, alert)
		}
	}
	slices.Sort(ids)
	if len(slices.Compact(slices.Clone(ids))) != len(ids) {
		t.Errorf("a number has two meanings: %v", ids)
	}
	for _, id := range ids {
		if !strings.Contains(string(b), fmt.Sprintf("\n| %d |", id)) {
			t.Errorf("event %d is not described", id)
		}
	}
}

// alerts are the words by which lines of the program call people, and where.
func alerts(t *testing.T) map[string]string {
	t.Helper()
	word, found := regexp.MustCompile(`slog\.String\("alert", "([^"]+)"\)`), map[string]string{}
	for _, pattern := range []string{"../../../*.go", "../*.go", "../*/*.go", "../../../*/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range word.FindAllSubmatch(b, -1) {
				if !strings.HasSuffix(file, "_test.go") {
					found[string(m[1])] = file
				}
			}
		}
	}
	if len(found) < 5 {
		t.Errorf("only %d found: the log is written otherwise", len(found))
	}
	return found
}
