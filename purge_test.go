package chartseal

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"aead.dev/minisign"

	"chartseal/config"
	"chartseal/ledger"
	"chartseal/watch"
)

// archive is a practice that answered some orders in 2026.
func archive(t *testing.T) (k *bookkeeper, answer func(kind watch.Kind, id, ref string) string) {
	t.Helper()
	k = keepBooks(t, t.TempDir(), &shelf{all: map[string][]byte{}})
	k.cfg.Retention.Years = 6
	if err := k.ledger.Close(); err != nil {
		t.Fatal(err)
	}
	k.opts.Now = func() time.Time { return time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC) }
	var err error
	if k.ledger, err = k.openLedger(); err != nil {
		t.Fatal(err)
	}
	if k.box, err = watch.Open(k.cfg.Outbox, watch.Options{Owner: "here-1"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.box.Close() })
	return k, func(kind watch.Kind, id, ref string) string {
		t.Helper()
		dir := filepath.Join(k.cfg.Outbox, string(kind), id)
		if err := os.MkdirAll(filepath.Join(dir, "EARLIER-HOLD"), 0o700); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{
			watch.Twin(kind): `{"order":"` + id + `","release":"` + ref + `"}`, "LINK-LETTER.pdf": "%PDF", id + ".yaml": "order", "EARLIER-HOLD/WHY-HELD.txt": "why",
		} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
}

func (k *bookkeeper) enterAll(t *testing.T, lines ...ledger.Entry) {
	t.Helper()
	for _, e := range lines {
		if _, err := k.enter(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
}

func on(text string) time.Time {
	d, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return d.Add(9 * time.Hour)
}

// Nothing goes before six years from the day it was made or last was in effect, whichever
// is later; then it goes with a line in the ledger, which stays whole.
func TestAnswersAreKeptSixYears(t *testing.T) {
	k, answer := archive(t)
	dirs := map[string]string{}
	for id, ref := range map[string]string{"R-made": "made", "R-link": "link", "R-form": "form.2", "R-event": "event", "R-old": "old", "R-unknown": "unknown"} {
		dirs[id] = answer(watch.Sent, id, ref)
	}
	dirs["R-denied"] = answer(watch.Denied, "R-denied", "denied")
	dirs["R-copy"] = answer(watch.Denied, "R-copy", "made+claim")
	line := func(id, ref string, e ledger.Entry) ledger.Entry {
		e.Key, e.Order, e.Reference, e.Patient = ref+"/"+string(e.Event), id, ref, "10432"
		return e
	}
	k.enterAll(t,
		line("R-made", "made", ledger.Entry{Event: ledger.Sent, Basis: "treatment"}),
		line("R-link", "link", ledger.Entry{Event: ledger.Sent, Basis: "treatment", LinkExpires: on("2026-11-25")}),
		line("R-link", "link", ledger.Entry{Event: ledger.Fetched, FetchedAt: on("2026-11-28")}),
		line("R-form", "form", ledger.Entry{Event: ledger.Held, Basis: "authorization", PermissionEnds: "2028-02-29"}),
		line("R-form", "form.2", ledger.Entry{Event: ledger.Sent, Basis: "authorization", PermissionEnds: "2027-05-01"}),
		line("R-event", "event", ledger.Entry{Event: ledger.Sent, Basis: "authorization", PermissionEnds: "end of the case"}),
		line("R-old", "old", ledger.Entry{Event: ledger.Sent, Basis: "authorization"}),
		line("R-denied", "denied", ledger.Entry{Event: ledger.Denied, Basis: "patient_access"}),
	)
	want := map[string]string{"R-made": "2032-11-18", "R-link": "2032-11-28", "R-form": "2034-03-01", "R-event": "", "R-old": "", "R-unknown": "", "R-denied": "2032-11-18"}
	all, err := k.purge(t.Context(), PurgeRequest{}, on("2040-01-01"))
	if err != nil || len(all) != len(want) {
		t.Fatalf("%+v, %v", all, err)
	}
	for _, o := range all {
		if o.Until != want[o.Order] || o.Removed || (o.Until == "") != (o.Why != "") {
			t.Errorf("%+v, want %s", o, want[o.Order])
		}
	}
	there := func() (names string) {
		for _, id := range []string{"R-copy", "R-denied", "R-event", "R-form", "R-link", "R-made", "R-old", "R-unknown"} {
			if _, err := os.Stat(dirs[id]); err == nil {
				names += id[2:] + " "
			}
		}
		return strings.TrimSpace(names)
	}
	for _, c := range []struct {
		day, left string
		years     int
	}{
		{"2026-11-19", "copy denied event form link made old unknown", 6},
		{"2032-11-18", "copy denied event form link made old unknown", 6},
		{"2032-11-19", "copy denied event form link made old unknown", 7},  // longer, as the practice says
		{"2031-12-31", "copy denied event form link made old unknown", -1}, // and never shorter
		{"2032-11-19", "copy event form link old unknown", 6},
		{"2032-11-28", "copy event form link old unknown", 6},
		{"2034-03-01", "copy event form old unknown", 6},
		{"2034-03-02", "copy event old unknown", 6},
		{"2099-01-01", "copy event old unknown", 6},
	} {
		k.cfg.Retention.Years = c.years
		if _, err := k.purge(t.Context(), PurgeRequest{Decider: Decider{By: "J. Ortiz"}}, on(c.day)); err != nil || there() != c.left {
			t.Errorf("on %s (%d years): %s, want %s; %v", c.day, c.years, there(), c.left, err)
		}
	}
	purged := 0
	for e, err := range k.ledger.Entries(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Event == ledger.Purged {
			purged++
			if e.Patient != "10432" || len(e.Decisions) != 1 || e.Decisions[0].By != "J. Ortiz" || e.Accountable {
				t.Errorf("%+v", e)
			}
		}
	}
	if rep, err := ledger.VerifySigned(t.Context(), k.state.path("ledger"), k.state.pub); err != nil || purged != 4 {
		t.Errorf("%d lines, %+v, %v", purged, rep, err)
	}
	k.close(t)
}

// An order that is named and must be kept is refused with the day and the paragraph, and
// then none goes.
func TestAPurgeThatIsTooEarlyIsRefused(t *testing.T) {
	k, answer := archive(t)
	dir := answer(watch.Sent, "R-1", "one")
	k.enterAll(t, ledger.Entry{Key: "one/sent", Event: ledger.Sent, Order: "R-1", Reference: "one", Basis: "treatment"})
	_, err := k.purge(t.Context(), PurgeRequest{Decider: Decider{By: "J. Ortiz"}, Orders: []string{"R-1"}}, on("2032-11-18"))
	held, ok := errors.AsType[*Held](err)
	if !ok || held.Reasons[0].Message != "The documents of order R-1 must be kept until November 18, 2032. Nothing was removed." || held.Reasons[0].Citation != "45 CFR 164.530(j)(2)" {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Error(err)
	}
	if _, err := k.purge(t.Context(), PurgeRequest{Orders: []string{"R-2"}}, on("2040-01-01")); !errors.Is(err, ErrNoAnswer) {
		t.Errorf("an order that nobody knows: %v", err)
	}
	k.cfg.Approval.Approvers = map[string]string{"dr-lee": ""}
	if _, err := k.purge(t.Context(), PurgeRequest{Decider: Decider{By: "J. Ortiz"}}, on("2040-01-01")); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), "dr-lee") {
		t.Errorf("by somebody who is no approver: %v", err)
	}
	k.cfg.Approval.Require = config.RequireSignature
	if _, err := k.purge(t.Context(), PurgeRequest{Decider: Decider{By: "Dr-Lee"}}, on("2040-01-01")); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), "--key") {
		t.Errorf("without a signature: %v", err)
	}
	k.cfg.Approval.Require, k.cfg.Approval.Approvers = "", nil
	k.ledgerBroken.Store(true)
	if _, err := k.purge(t.Context(), PurgeRequest{Decider: Decider{By: "J. Ortiz"}}, on("2040-01-01")); !errors.Is(err, ledger.ErrBroken) {
		t.Errorf("with a broken ledger: %v", err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Error(err)
	}
	k.close(t)
}

// What the daemon forgets by itself, however late, is the working file of a release: of
// the ledger, its heads, the answers with their letters and the practice's key it removes
// nothing.
func TestTheDaemonRemovesNothingThatMustBeKept(t *testing.T) {
	p, _, _ := claimed(t)
	ctx := t.Context()
	old := time.Now().AddDate(-20, 0, 0)
	for _, kind := range []watch.Kind{watch.Sent, watch.Denied, watch.Extended, watch.Held} {
		id := string(kind)
		dir := filepath.Join(p.box.Dir(), id, "R "+id)
		for _, name := range []string{watch.Twin(kind), "LINK-LETTER.pdf", "DENIAL-LETTER.pdf", "R.yaml", "R.yaml.minisig"} {
			if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, name), []byte("{}"), 0o600), os.Chtimes(filepath.Join(dir, name), old, old)); err != nil {
				t.Fatal(err)
			}
		}
	}
	remember(t, p, &release{ID: "expired", Outcome: sent, Expired: true}, sent, ledger.Sent, old)
	remember(t, p, &release{ID: "denied", Outcome: denied}, denied, ledger.Denied, old)
	remember(t, p, &release{ID: "extended", Outcome: extended}, extended, ledger.Extended, old)
	remember(t, p, &release{ID: "held", Outcome: hold}, hold, ledger.Held, old)
	before := contents(t, p.box.Dir(), p.state.path("ledger"), p.state.path("keys"))
	if err := errors.Join(p.thin(ctx, time.Now().AddDate(50, 0, 0)), p.state.sweep()); err != nil {
		t.Fatal(err)
	}
	if left, err := p.state.releaseIDs(); err != nil || len(left) != 1 {
		t.Fatalf("nothing was forgotten: %q, %v", left, err)
	}
	if after := contents(t, p.box.Dir(), p.state.path("ledger"), p.state.path("keys")); !maps.Equal(before, after) || len(before) < 20 {
		t.Errorf("%d files before, %d after", len(before), len(after))
	}
}

// contents are the files of some folders.
func contents(t *testing.T, dirs ...string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			b, err := os.ReadFile(path)
			out[path] = string(b)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// Where approval is by signature, who has answers removed signs it, and a statement that the
// ledger keeps removes nothing a second time.
func TestRemovingAnswersIsSigned(t *testing.T) {
	k, answer := archive(t)
	pub, key, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	k.cfg.Approval = config.Approval{Require: config.RequireSignature, Approvers: map[string]string{"dr-lee": pub.String()}}
	answer(watch.Sent, "R-1", "one")
	k.enterAll(t, ledger.Entry{Key: "one/sent", Event: ledger.Sent, Order: "R-1", Reference: "one", Basis: "treatment", SignatureSum: "ab", SignatureKey: "cd"})
	var q PurgeRequest
	what, why := q.States()
	q.Decider = Decider{"dr-lee", SignStatement(k.cfg, key, k.ledger.Head(), "dr-lee", what, why, on("2040-01-01"))}
	if all, err := k.purge(t.Context(), q, on("2040-01-01")); err != nil || len(all) != 1 || !all[0].Removed {
		t.Fatalf("%+v, %v", all, err)
	}
	e, err := k.ledger.Find("purged/sent/one")
	if err != nil || e.Statement != q.Signed || e.SignatureKey != ledger.KeyName(pub) || e.SignatureSum != "" || e.Decisions[0].By != "dr-lee" {
		t.Errorf("%+v, %v", e, err)
	}
	answer(watch.Sent, "R-1", "one")
	if _, err := k.purge(t.Context(), q, on("2040-01-01")); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), "another state of the ledger") {
		t.Errorf("the same statement again: %v", err)
	}
}
