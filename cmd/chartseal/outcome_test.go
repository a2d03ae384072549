package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"chartseal/ledger"
)

// endEnv names the step, "stage: point", at which a child ends itself; with
// "delete " in front it deletes the claims there and goes on.
const endEnv = "CHARTSEAL_TEST_END_AT"

func endAt() {
	at, remove := strings.CutPrefix(os.Getenv(endEnv), "delete ")
	if at == "" {
		return
	}
	var once sync.Once
	onStep = func(_, stage, point string) {
		if stage+": "+point != at {
			return
		}
		if remove {
			once.Do(deleteClaims)
			return
		}
		self, _ := os.FindProcess(os.Getpid())
		_ = self.Kill()
		select {} // nothing more happens
	}
}

// outcomeScene is a small quick practice with an export folder.
func outcomeScene(t *testing.T) *scene {
	t.Helper()
	c := &scene{dir: t.TempDir()}
	err := smallPractice(c.home())
	must(t, err)
	must(t, os.Mkdir(filepath.Join(c.dir, "drive"), 0o700))
	b, err := os.ReadFile(c.path("chartseal.yaml"))
	must(t, err)
	text := strings.NewReplacer("{scan: 5s, settle: 500ms}", "{scan: 100ms, settle: 100ms}", `export: ""`, "export: ../drive").Replace(string(b))
	must(t, os.WriteFile(c.path("chartseal.yaml"), []byte(text), 0o600))
	return c
}

// drop writes an access order with changes into the outbox.
func (c *scene) drop(t *testing.T, id string, changes ...string) {
	t.Helper()
	text := string(patientAccess("10432", id, time.Now(), "billing"))
	now := strings.NewReplacer(changes...).Replace(text)
	if now == text {
		t.Fatal("the order was not changed")
	}
	must(t, os.WriteFile(c.path("outbox", id+".yaml"), []byte(now), 0o600))
}

// events are the ledger's lines, "event order", in their order.
func (c *scene) events(t *testing.T) (lines []string) {
	t.Helper()
	_, err := ledger.Verify(t.Context(), c.path("state", "ledger"))
	must(t, err)
	for e, err := range ledger.Entries(t.Context(), c.path("state", "ledger")) {
		must(t, err)
		lines = append(lines, string(e.Event)+" "+e.Order)
	}
	return lines
}

// A kill between the ledger and the answer, and at the other places that matter,
// leaves every outcome recorded once and answered once.
func TestOutcomesSurviveKills(t *testing.T) {
	t.Parallel()
	c := outcomeScene(t)
	until := time.Now().AddDate(0, 0, 50).Format(time.DateOnly)
	denial := "denial: {ground: confidential_source, part: PART, explanation: It was told in confidence.}"
	for _, x := range []struct {
		at, id  string
		changes []string
	}{
		{"record: denied", "Deny-1", []string{"decision: release", "decision: deny\n" + strings.Replace(denial, "PART", "all", 1)}},
		{"record: extended", "Extend-2", []string{"decision: release", "decision: extend\nextension: {reason: away, until: " + until + "}"}},
		{"record: denied", "Part-3", []string{"decision: release", "decision: release\n" + strings.Replace(denial, "PART", "the models, kinds: [model]", 1)}},
		{"export: copied", "Drive-4", []string{"delivery: link", "delivery: folder"}},
		{"answer: exported", "", nil},
		{"record: delivered", "Look-5", []string{"delivery: link", "delivery: inspect"}},
	} {
		if x.id != "" {
			c.drop(t, x.id, x.changes...)
		}
		err := c.run(t.Context(), []string{endEnv + "=" + x.at})
		if _, killed := errors.AsType[*exec.ExitError](err); !killed {
			t.Errorf("not ended at %q: %v", x.at, err)
		}
	}
	must(t, c.run(t.Context(), nil))
	got := c.events(t)
	slices.Sort(got)
	if want := []string{"delivered Look-5", "denied Deny-1", "denied Part-3", "extended Extend-2", "sent Drive-4", "sent Part-3"}; !slices.Equal(got, want) {
		t.Errorf("the ledger says %q", got)
	}
	for _, f := range []string{
		"denied/Deny-1/DENIAL-LETTER.pdf", "denied/Deny-1/denial.json", "denied/Deny-1/Deny-1.yaml", "extended/Extend-2/EXTENSION-LETTER.pdf",
		"sent/Part-3/receipt.json", "sent/Part-3/DENIAL-LETTER.pdf", "sent/Drive-4/DRIVE-LETTER.pdf", "sent/Look-5/receipt.json", "DUE-LIST.html",
	} {
		if _, err := os.Stat(c.path("outbox", filepath.FromSlash(f))); err != nil {
			t.Errorf("no %s", f)
		}
	}
	for pattern, n := range map[string]int{
		"outbox/*/*/*.json": 5 + 1, "outbox/working/*": 0, "outbox/held/*": 0, "state/sealed/*": 0, "../drive/*.zip.age": 1, "../drive/*": 2, "../drive/.*": 0,
	} {
		if found, _ := filepath.Glob(c.path(pattern)); len(found) != n {
			t.Errorf("%s: %q", pattern, found)
		}
	}
	if _, _, err := findPatients(c.dir, false); err != nil {
		t.Error(err)
	}
}

// An order that is deleted after its denial was recorded gets an answer that says so.
func TestADeletedDenialIsAnswered(t *testing.T) {
	t.Parallel()
	c := outcomeScene(t)
	c.drop(t, "Deny-1", "decision: release", "decision: deny\ndenial: {ground: inmate, part: all, explanation: The prison asks.}")
	must(t, c.run(t.Context(), []string{endEnv + "=delete record: denied"}))
	b, err := os.ReadFile(c.path("outbox", "denied", "Deny-1", "DENIED.txt"))
	if err != nil || !strings.Contains(string(b), "WAS DELETED WHILE IT WAS BEING ANSWERED") {
		t.Errorf("%v: %s", err, b)
	}
	if got := c.events(t); !slices.Equal(got, []string{"denied Deny-1"}) {
		t.Errorf("the ledger says %q", got)
	}
}
