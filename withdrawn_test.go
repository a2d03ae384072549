package chartseal

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chartseal/ledger"
)

// A link that a patient withdrew stays on the list for staff until it is revoked, or
// has ended by itself; what nobody withdrew, and what a rule that is switched off
// would end, is left alone.
func TestWithdrawnLinksAreListedUntilTheyEnd(t *testing.T) {
	p, now, outbox := listed(t)
	p.cfg.Recipients, p.cfg.Restrictions = filepath.Join(t.TempDir(), "book.yaml"), filepath.Join(t.TempDir(), "asked.yaml")
	write := func(file, text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(p.cfg.Recipients, "acme: {name: Acme Corporation, kind: employer}\n")
	write(p.cfg.Restrictions, "# nobody asked for anything\n")
	for id, basis := range map[string]string{"R-1": "authorization", "R-2": "directive", "R-3": "treatment"} {
		ref := strings.ToLower(strings.ReplaceAll(id, "-", ""))
		if _, err := p.ledger.Append(t.Context(), ledger.Entry{
			Key: ref + "/sent", Event: ledger.Sent, Order: id, Reference: ref, Patient: "10432", Basis: basis,
			Recipient: &ledger.Party{Name: "Acme Corporation", Kind: "employer"}, Signed: map[string]string{"R-1": "2026-11-10"}[id],
		}); err != nil {
			t.Fatal(err)
		}
		// being answered: it cannot be revoked before its end is known
		if err := p.state.save(&release{ID: ref, Links: &links{At: *now, Expires: now.Add(48 * time.Hour)}}); err != nil {
			t.Fatal(err)
		}
	}
	var w withdrawals
	ended := func() string {
		t.Helper()
		if err := p.endWithdrawn(t.Context(), &w, false); err != nil {
			t.Fatal(err)
		}
		return look(t, p, outbox)
	}
	if text := ended(); strings.Contains(text, "withdrew") || w.seen == (stamp{}) {
		t.Errorf("nobody withdrew anything:\n%s", text)
	}
	// it reached the list only after the records went on 25 November
	write(p.cfg.Restrictions, "'10432': {withdrawn: [{to: acme, on: 2026-11-10}]}\n")
	if text := ended(); !strings.Contains(text, "chartseal revoke R-1") {
		t.Errorf("withdrawn since it was signed, before it was sent:\n%s", text)
	}
	write(p.cfg.Restrictions, "'10432': {withdrawn: [{to: acme, on: 2026-11-09}]}\n")
	if text := ended(); strings.Contains(text, "withdrew") {
		t.Errorf("what was withdrawn is an earlier permission:\n%s", text)
	}
	write(p.cfg.Restrictions, "'10432': {withdrawn: [{to: acme, on: 2026-11-25}, {to: acme, on: 2026-11-26}]}\n")
	text := ended()
	for id, want := range map[string]bool{"R-1": true, "R-2": true, "R-3": false} {
		if strings.Contains(text, "chartseal revoke "+id) != want {
			t.Errorf("%s is listed: %v", id, !want)
		}
	}
	p.cfg.Rules.Off = []string{"R21"}
	if text := ended(); strings.Contains(text, "revoke R-2") || !strings.Contains(text, "revoke R-1") {
		t.Errorf("with R21 switched off:\n%s", text)
	}
	*now = now.Add(49 * time.Hour)
	r, err := p.state.load("r1")
	if err != nil {
		t.Fatal(err)
	}
	r.Alive = now.Add(time.Hour)
	if err := p.state.save(r); err != nil {
		t.Fatal(err)
	}
	if text := ended(); !strings.Contains(text, "chartseal revoke R-1") {
		t.Errorf("a new link ended, but an earlier address of the records works:\n%s", text)
	}
	*now = now.Add(2 * time.Hour)
	if text := look(t, p, outbox); strings.Contains(text, "withdrew") {
		t.Errorf("the links have ended:\n%s", text)
	}
}

// What a patient withdrew and nobody has taken yet is named until it is deleted: there is
// no link to revoke, and the drive may be handed over at any moment.
func TestWithdrawnFilesAreListedUntilTheyAreDeleted(t *testing.T) {
	p, _, outbox := listed(t)
	dir := t.TempDir()
	p.cfg.Recipients, p.cfg.Restrictions, p.cfg.Export = filepath.Join(dir, "book.yaml"), filepath.Join(dir, "asked.yaml"), dir
	r := &release{ID: "r1", Way: byFolder, Outcome: sent}
	if err := p.state.save(r); err != nil {
		t.Fatal(err)
	}
	if _, err := p.ledger.Append(t.Context(), ledger.Entry{
		Key: "r1/sent", Event: ledger.Sent, Order: "R-1", Reference: "r1", Patient: "10432", Basis: "authorization",
		Recipient: &ledger.Party{Name: "Acme Corporation", Kind: "employer"}, Signed: "2026-11-10",
	}); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, exportNames(r)[0])
	for name, text := range map[string]string{p.cfg.Recipients: "# nobody\n", p.cfg.Restrictions: "'10432': {withdrawn: [{to: Acme Corp., on: 2026-11-24}]}\n", file: "sealed"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var w withdrawals
	for range 2 { // as long as it is there
		if err := p.endWithdrawn(t.Context(), &w, false); err != nil {
			t.Fatal(err)
		}
		if text := look(t, p, outbox); !strings.Contains(text, "R-1: the patient withdrew the permission on November 24, 2026. Its encrypted files still lie in the export folder") || strings.Contains(text, "chartseal revoke R-1") {
			t.Errorf("the files are not listed:\n%s", text)
		}
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := p.endWithdrawn(t.Context(), &w, false); err != nil {
		t.Fatal(err)
	}
	if text := look(t, p, outbox); strings.Contains(text, "withdrew") {
		t.Errorf("the files are gone:\n%s", text)
	}
}

// A link that leads to somebody whom the patient has excluded since is told, to staff and to
// IT, until a person has ended it or it ends by itself, and lives until then; what an approver
// let go in spite of the request, and what went to others, is left alone.
func TestALinkToSomebodyExcludedSinceIsToldAndNotEnded(t *testing.T) {
	p, now, outbox := listed(t)
	var log locked
	p.log = slog.New(slog.NewTextHandler(&log, nil))
	dir := t.TempDir()
	p.cfg.Recipients, p.cfg.Restrictions, p.cfg.Export = filepath.Join(dir, "book.yaml"), filepath.Join(dir, "asked.yaml"), dir
	write := func(file, text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(p.cfg.Recipients, "acme: {name: Acme Insurance, kind: insurer}\n")
	write(p.cfg.Restrictions, "# nobody asked for anything\n")
	for id, e := range map[string]ledger.Entry{
		"R-1": {Recipient: &ledger.Party{Name: "Acme Insurance", Kind: "insurer"}},
		"R-2": {Recipient: &ledger.Party{Name: "Dr. Chen", Kind: "provider"}},
		"R-3": {Recipient: &ledger.Party{Name: "Acme Insurance", Kind: "insurer"}, Decisions: []ledger.Decision{{Rule: "R33", Decision: "release", By: "dr-lee"}}},
		"R-4": {Recipient: &ledger.Party{Name: "Acme Insurance", Kind: "insurer"}, Delivery: "folder"},
	} {
		ref := strings.ToLower(strings.ReplaceAll(id, "-", ""))
		e.Key, e.Event, e.Order, e.Reference, e.Patient, e.Basis = ref+"/sent", ledger.Sent, id, ref, "10432", "payment"
		if _, err := p.ledger.Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		r := &release{ID: ref, Outcome: sent, Links: &links{At: *now, Expires: now.Add(48 * time.Hour)}}
		if e.Delivery == "folder" {
			r.Way, r.Links = byFolder, nil
			write(filepath.Join(dir, exportNames(r)[0]), "sealed")
		}
		if err := p.state.save(r); err != nil {
			t.Fatal(err)
		}
	}
	var w withdrawals
	looked := func() string {
		t.Helper()
		if err := p.endWithdrawn(t.Context(), &w, false); err != nil {
			t.Fatal(err)
		}
		return look(t, p, outbox)
	}
	if text := looked(); strings.Contains(text, "has asked since") {
		t.Errorf("nobody is excluded:\n%s", text)
	}
	write(p.cfg.Restrictions, "'10432': {not_to: [acme]}\n")
	for range 2 {
		text := looked()
		for _, want := range []string{"Order R-1: the patient has asked since", "works until Friday, November 27", "chartseal revoke R-1", "Order R-4: the patient has asked since that this recipient not get these records. The encrypted files"} {
			if !strings.Contains(text, want) {
				t.Errorf("the list lacks %q:\n%s", want, text)
			}
		}
		if strings.Contains(text, "R-2") || strings.Contains(text, "R-3") || strings.Contains(text, "withdrew") {
			t.Errorf("others are named:\n%s", text)
		}
	}
	if n := strings.Count(log.String(), "alert=excluded"); n != 2 || strings.Contains(log.String(), "R-1") {
		t.Errorf("IT was told %d times, want twice, of two releases: %s", n, log.String())
	}
	r, err := p.state.load("r1")
	if err != nil || r.Revoked || r.Revoking || !p.due.excludes("r1") || p.due.excludes("r2") {
		t.Fatalf("the link was ended: %+v, %v", r, err)
	}
	links, err := withdrawnLinks(t.Context(), p.cfg, *now)
	if err != nil || len(links) != 2 || !links[0].Excluded || links[0].Withdrawn != "" {
		t.Errorf("status has %+v, %v", links, err)
	}
	if err := os.Remove(filepath.Join(dir, exportNames(&release{ID: "r4", Way: byFolder})[0])); err != nil {
		t.Fatal(err)
	}
	looked()
	if w.seen == (stamp{}) {
		t.Error("the ledger is read anew each minute for what a person must decide")
	}
	r.Revoked = true
	if err := p.state.save(r); err != nil {
		t.Fatal(err)
	}
	if text := looked(); strings.Contains(text, "has asked since") {
		t.Errorf("a person ended it:\n%s", text)
	}
	p.cfg.Rules.Off = []string{"R33"}
	r.Revoked = false
	if err := p.state.save(r); err != nil {
		t.Fatal(err)
	}
	if links, err := withdrawnLinks(t.Context(), p.cfg, *now); err != nil || len(links) > 0 {
		t.Errorf("with R33 switched off: %+v, %v", links, err)
	}
}
