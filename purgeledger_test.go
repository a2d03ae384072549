package chartseal

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"aead.dev/minisign"

	"chartseal/config"
	"chartseal/ledger"
	"chartseal/order"
	"chartseal/watch"
)

// later sets the clock of a practice, whose daemon starts again.
func (k *bookkeeper) later(t *testing.T, day string) {
	t.Helper()
	if err := k.ledger.Close(); err != nil {
		t.Fatal(err)
	}
	k.opts.Now = func() time.Time { return on(day) }
	var err error
	if k.ledger, err = k.openLedger(); err != nil {
		t.Fatal(err)
	}
}

// lineOf is a line about an order.
func lineOf(id string, event ledger.Event, e ledger.Entry) ledger.Entry {
	ref := order.Reference(id)
	e.Key, e.Event, e.Order, e.Reference, e.Patient = ref+"/"+string(event), event, id, ref, "10432"
	return e
}

func segmentsIn(t *testing.T, k *bookkeeper) (names []string) {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(k.state.path("ledger"), "*.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range all {
		names = append(names, strings.TrimSuffix(filepath.Base(name), ".jsonl"))
	}
	return names
}

// A year of the ledger goes when all that it speaks of has been kept long enough and
// nothing in it is needed, on an approver's word, and what is left verifies.
func TestAYearOfTheLedgerIsKeptAsLongAsItIsNeeded(t *testing.T) {
	k, answer := archive(t)
	k.cfg.Approval.Approvers = map[string]string{"dr-lee": ""}
	dir := answer(watch.Sent, "R-1", order.Reference("R-1"))
	k.enterAll(t,
		lineOf("R-1", ledger.Sent, ledger.Entry{Basis: "treatment", LinkExpires: on("2026-11-25")}),
		lineOf("R-2", ledger.Sent, ledger.Entry{Basis: "authorization", PermissionEnds: "2027-03-01"}),
		lineOf("R-3", ledger.Sent, ledger.Entry{Basis: "authorization", PermissionEnds: "end of the case"}),
	)
	k.later(t, "2027-05-01")
	k.enterAll(t, lineOf("R-4", ledger.Sent, ledger.Entry{Basis: "legal_process"}))
	k.later(t, "2033-08-01")
	refused := func(q YearPurge, day string, words ...string) {
		t.Helper()
		_, err := k.purgeLedger(t.Context(), q, on(day))
		held, ok := errors.AsType[*Held](err)
		if !ok {
			t.Errorf("on %s: %v, want a refusal", day, err)
			return
		}
		for _, w := range words {
			if !strings.Contains(held.Reasons[0].Message, w) {
				t.Errorf("on %s: %q lacks %q", day, held.Reasons[0].Message, w)
			}
		}
	}
	first := YearPurge{Decider: Decider{By: "Dr-Lee"}, Through: "2026"}
	// March 1, 2027 and six years, and the ninety days of an accounting.
	refused(first, "2033-05-30", "until May 30, 2033", "R-1: its documents still lie", "R-3: its authorization", "--ended")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	refused(first, "2033-08-01", "order R-3")
	ends := EndedPermission{Decider: first.Decider, Order: "r-3"}
	for day, want := range map[string]error{"2033-08-02": ErrWrongDay, "2026-11-17": ErrWrongDay, "2027-01-20": nil} {
		var err error
		if ends.On, err = order.ParseDate(day); err != nil {
			t.Fatal(err)
		}
		if e, err := k.endPermission(t.Context(), ends, on("2033-08-01")); !errors.Is(err, want) || err == nil && (e.Approver != "dr-lee" || e.Accountable || e.Ended != day) {
			t.Errorf("%s: %+v, %v", day, e, err)
		}
	}
	for id, want := range map[string]error{"R-2": ErrKnownEnd, "R-99": ErrNoOrder} {
		ends.Order = id
		if _, err := k.endPermission(t.Context(), ends, on("2033-08-01")); !errors.Is(err, want) {
			t.Errorf("%s: %v", id, err)
		}
	}
	if err := k.state.save(&release{ID: order.Reference("R-2"), Outcome: sent, Links: &links{Expires: on("2026-11-25")}}); err != nil {
		t.Fatal(err)
	}
	refused(first, "2033-08-01", "R-2: it is not over")
	if err := k.state.save(&release{ID: order.Reference("R-2"), Outcome: sent, Expired: true}); err != nil {
		t.Fatal(err)
	}
	k.cfg.Restrictions = filepath.Join(t.TempDir(), "restrictions.yaml")
	if err := os.WriteFile(k.cfg.Restrictions, []byte("\"10432\": {accounting: {suspended: [{for: Sheriff, from: 2033-01-01, until: 2033-06-30}]}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(first, "2033-08-01", "suspended until June 30, 2033")
	k.cfg.Restrictions = ""

	for _, q := range []YearPurge{{Decider: Decider{By: "IT"}, Through: "2026"}, {Decider: first.Decider, Through: "2025"}} {
		if _, err := k.purgeLedger(t.Context(), q, on("2033-08-01")); !errors.Is(err, ErrConfig) {
			t.Errorf("%+v: %v", q, err)
		}
	}
	refused(YearPurge{Decider: first.Decider, Through: "2027"}, "2033-07-30", "until July 30, 2033")
	if years, err := k.purgeLedger(t.Context(), YearPurge{Through: "2026"}, on("2033-08-01")); err != nil || len(years) != 1 || years[0].Removed || years[0].Until != "2033-05-30" || years[0].To != 3 {
		t.Errorf("%+v, %v", years, err)
	}
	if names := segmentsIn(t, k); !slices.Equal(names, []string{"2026", "2027", "2033"}) {
		t.Fatalf("%q: something went early", names)
	}
	if years, err := k.purgeLedger(t.Context(), first, on("2033-08-01")); err != nil || !years[0].Removed {
		t.Fatalf("%+v, %v", years, err)
	}
	rep, err := ledger.VerifySigned(t.Context(), k.state.path("ledger"), k.state.pub)
	if names := segmentsIn(t, k); err != nil || rep.Begins.Seq != 3 || !slices.Equal(names, []string{"2027", "2033"}) {
		t.Errorf("%q, %+v, %v", names, rep, err)
	}
	if r, err := k.ledgerEntry("purged/ledger/2026.jsonl"); err != nil || r.Approver != "dr-lee" || r.Decisions[0].Rule != "R26" {
		t.Errorf("%+v, %v", r, err)
	}
	k.close(t)
}

// The documents of an order whose permission ends with an event go six years after the
// day that a person states; a later statement can make that longer alone.
func TestAnEventThatCameToPassEndsAPermission(t *testing.T) {
	k, answer := archive(t)
	answer(watch.Sent, "R-3", order.Reference("R-3"))
	k.enterAll(t, lineOf("R-3", ledger.Sent, ledger.Entry{Basis: "authorization", PermissionEnds: "end of the case"}))
	k.later(t, "2026-12-24")
	k.enterAll(t, lineOf("R-3", ledger.Expired, ledger.Entry{Basis: "authorization", PermissionEnds: "end of the case"}))
	k.later(t, "2028-01-01")
	for _, c := range [][2]string{{"2026-12-01", "2032-12-24"}, {"2027-06-30", "2033-06-30"}, {"2027-01-01", "2033-06-30"}} {
		day, err := order.ParseDate(c[0])
		if err != nil {
			t.Fatal(err)
		}
		e, err := k.endPermission(t.Context(), EndedPermission{Decider: Decider{By: "J. Ortiz"}, Order: "R-3", On: day}, on("2028-01-01"))
		if err != nil || !strings.Contains(strings.Join(e.Notices, " "), "no approvers") {
			t.Fatalf("%+v, %v", e, err)
		}
		all, err := k.purge(t.Context(), PurgeRequest{}, on("2028-01-01"))
		if err != nil || len(all) != 1 || all[0].Until != c[1] {
			t.Errorf("ended on %s: %+v, %v", c[0], all, err)
		}
	}
	k.close(t)
}

// Where approval is by signature, what is decided about the ledger is signed, and says just
// that.
func TestWhatIsDecidedAboutTheLedgerIsSigned(t *testing.T) {
	k := keepBooks(t, t.TempDir(), &shelf{all: map[string][]byte{}})
	defer k.close(t)
	pub, key, err := minisign.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	_, stranger, err := minisign.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	k.cfg.Approval = config.Approval{Require: config.RequireSignature, Approvers: map[string]string{"dr-lee": pub.String(), "kim": ""}}
	head, now := ledger.Head{Seq: 7, Hash: strings.Repeat("a", 64)}, on("2026-11-26")
	good := SignStatement(k.cfg, key, head, "dr-lee", statesAccept, "the  disk\nfailed", now)
	elsewhere := *k.cfg
	elsewhere.Site = "north"
	for name, d := range map[string]Decider{
		"none":             {By: "dr-lee"},
		"no key":           {By: "kim"},
		"another key":      {"dr-lee", SignStatement(k.cfg, stranger, head, "dr-lee", statesAccept, "the disk failed", now)},
		"another person":   {"dr-lee", SignStatement(k.cfg, key, head, "kim", statesAccept, "the disk failed", now)},
		"another reason":   {"dr-lee", SignStatement(k.cfg, key, head, "dr-lee", statesAccept, "a fire", now)},
		"another decision": {"dr-lee", SignStatement(k.cfg, key, head, "dr-lee", statesPurge+"2026", "the disk failed", now)},
		"another site":     {"dr-lee", SignStatement(&elsewhere, key, head, "dr-lee", statesAccept, "the disk failed", now)},
		"edited":           {"dr-lee", strings.Replace(good, "after: 7", "after: 8", 1)},
		"no statement":     {"dr-lee", "untrusted comment: "},
	} {
		if _, err := k.decided(d, statesAccept, "the disk failed", &ledger.Entry{}); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
	var line ledger.Entry
	if seen, err := k.decided(Decider{"DR-LEE", good}, statesAccept, "the disk failed", &line); err != nil || seen != head || line.Statement != good || line.SignatureKey != ledger.KeyName(pub) || line.Approver != "dr-lee" || len(line.Notices) > 0 {
		t.Errorf("%+v, %+v, %v", seen, line, err)
	}
	k.cfg.Approval.Require = config.RequireName
	line = ledger.Entry{}
	if _, err := k.decided(Decider{By: "kim"}, statesAccept, "x", &line); err != nil || !slices.Equal(line.Notices, []string{"by the name of an approver, without a signature"}) {
		t.Errorf("%+v, %v", line, err)
	}
}

// A ledger that is gone on with is about its own state alone: a statement signed before is
// no use again.
func TestAnAcceptanceIsOfOneState(t *testing.T) {
	dir := t.TempDir()
	shelf := &shelf{all: map[string][]byte{}}
	k := keepBooks(t, dir, shelf)
	k.write(t, "a")
	before := k.ledger.Head()
	k.close(t)
	bringBack := backUp(t, k.cfg.State)
	k = keepBooks(t, dir, shelf)
	k.write(t, "b")
	k.close(t)
	bringBack()
	k = keepBooks(t, dir, shelf)
	pub, key, err := minisign.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	k.cfg.Approval = config.Approval{Require: config.RequireSignature, Approvers: map[string]string{"dr-lee": pub.String()}}
	for _, c := range []struct {
		head ledger.Head
		want error
	}{{ledger.Head{Seq: 1, Hash: strings.Repeat("0", 64)}, ErrConfig}, {before, nil}} {
		a := Acceptance{Reason: "the disk failed"}
		a.Decider = Decider{"dr-lee", SignStatement(k.cfg, key, c.head, "dr-lee", a.Accepts(), a.Reason, time.Now())}
		e, err := k.AcceptLedger(t.Context(), a)
		if !errors.Is(err, c.want) || err == nil && (e.Statement != a.Signed || e.Lost == nil) {
			t.Errorf("%+v: %+v, %v", c.head, e, err)
		}
	}
	k.close(t)
}

// A request that has no final answer keeps its year, however old it is: what documents it is
// still in effect. When it is answered, the six years begin.
func TestAnOpenRequestKeepsItsYear(t *testing.T) {
	k, _ := archive(t)
	k.cfg.Approval.Approvers = map[string]string{"dr-lee": ""}
	unread := filepath.Join(k.cfg.Outbox, "held", "scan.txt")
	if err := errors.Join(os.MkdirAll(unread, 0o700), os.WriteFile(filepath.Join(unread, watch.Twin(watch.Held)), []byte(`{"order":"scan.txt","release":"unreadable/c1","file":"scan.txt"}`), 0o600)); err != nil {
		t.Fatal(err)
	}
	held := lineOf("R-1", ledger.Held, ledger.Entry{Basis: "patient_access", Received: "2026-11-18"})
	badly := lineOf("R-2", ledger.Held, ledger.Entry{Received: "2026-11-18"}) // it could not be read, but for its number
	badly.Key, badly.Reference = badly.Reference+"/c2/held", badly.Reference+"/c2"
	told := lineOf("R-3", ledger.Extended, ledger.Entry{Basis: "patient_access", Until: "2027-01-15"})
	apart := lineOf("R-4", ledger.Held, ledger.Entry{}) // of another file under the number of one that was sent
	apart.Key, apart.Reference = apart.Reference+"+c3/held", apart.Reference+"+c3"
	k.enterAll(t, held, badly, told, lineOf("R-4", ledger.Sent, ledger.Entry{Basis: "treatment"}), apart,
		ledger.Entry{Key: "unreadable/c1/held", Event: ledger.Held, Order: "scan.txt", Reference: "unreadable/c1"},
		ledger.Entry{Key: "unreadable/c0/held", Event: ledger.Held, Order: "older.txt", Reference: "unreadable/c0"})
	k.later(t, "2034-01-01")
	k.enterAll(t, lineOf("R-5", ledger.Held, ledger.Entry{Basis: "patient_access", Received: "2033-12-30"}))
	q := YearPurge{Decider: Decider{By: "dr-lee"}, Through: "2026"}
	_, err := k.purgeLedger(t.Context(), q, on("2034-01-01"))
	refusal, ok := errors.AsType[*Held](err)
	if !ok {
		t.Fatalf("%v, want a refusal", err)
	}
	words := refusal.Reasons[0].Message
	for _, w := range []string{"order R-1: it is held", "order R-2: it is held", "order R-3: the patient was told that it takes longer", "scan.txt: this file lies"} {
		if !strings.Contains(words, w) {
			t.Errorf("%q lacks %q", words, w)
		}
	}
	for _, w := range []string{"R-4", "R-5", "older.txt"} {
		if strings.Contains(words, w) {
			t.Errorf("%q names %q", words, w)
		}
	}
	if err := os.RemoveAll(unread); err != nil {
		t.Fatal(err)
	}
	k.enterAll(t, lineOf("R-1", ledger.Denied, ledger.Entry{Basis: "patient_access"}), lineOf("R-2", ledger.Withdrawn, ledger.Entry{}), lineOf("R-3", ledger.Sent, ledger.Entry{Basis: "patient_access"}))
	years, err := k.keptYears(t.Context(), on("2034-01-01"))
	if err != nil || len(years[0].Needed) > 0 || years[0].Until != "2040-03-31" { // six years and the ninety days of an accounting after the answers
		t.Errorf("%+v, %v", years, err)
	}
	k.close(t)
}
