package main

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"chartseal"
	"chartseal/ledger"
	"chartseal/order"
	"chartseal/testdata/practice"
	"chartseal/transport/page"
)

// A new link has a page of its own, which is there before the link is recorded and is
// shown after; the old page goes, and letter, receipt and page agree.
func TestANewLinkReplacesTheOldOne(t *testing.T) {
	t.Parallel()
	cfg := ownPractice(t)
	who, _ := find("20871")
	text := strings.Replace(string(practice.OrderFor(who, "R-73", practice.OrderOptions{Now: time.Now()})),
		"recipient: dr-chen", `recipient: {name: "Dr. Chen Endodontics", kind: provider, address: "2 Main Street, Albany NY"}`, 1)
	runUntilIdle(t, cfg, time.Now, map[string][]byte{"r.yaml": []byte(text)})
	o, err := order.Parse("r.yaml", []byte(text))
	must(t, err)
	old := receiptOf(t, cfg, "R-73")
	letter := filepath.Join(cfg.Outbox, "sent", "R-73", "LINK-LETTER.pdf")
	before, err := os.ReadFile(letter)
	must(t, err)

	opts := (&app{}).options(nil)
	var events []ledger.Event
	opts.Step = func(_, _, point string) {
		if point == "page stored" {
			events = ledgerEvents(t, cfg)
		}
	}
	p, err := chartseal.Open(context.Background(), cfg, opts)
	must(t, err)
	made, err := p.Relink(t.Context(), o, []byte(text), time.Hour)
	must(t, err)
	if !slices.Equal(events, []ledger.Event{ledger.Sent}) {
		t.Errorf("when the page was stored the ledger said %v", events)
	}
	if got := visited(t, http.MethodGet, old.Page, ""); got != http.StatusNotFound {
		t.Errorf("the old link answers %d", got)
	}
	if got := visited(t, http.MethodGet, made.Page, ""); got != http.StatusOK {
		t.Errorf("the new link answers %d", got)
	}
	if !made.Earlier.Equal(old.LinkExpires) || visited(t, http.MethodGet, old.Link, "") != http.StatusOK {
		t.Errorf("the old address of the bundle works until %v, and %v was told", old.LinkExpires, made.Earlier)
	}
	must(t, p.Close())
	if got := ledgerEvents(t, cfg); !slices.Equal(got, []ledger.Event{ledger.Sent, ledger.Relinked}) {
		t.Errorf("the ledger says %v", got)
	}

	r := receiptOf(t, cfg, "R-73")
	if r.Page != made.Page || r.Page == old.Page || r.Link == old.Link || !r.LinkExpires.Equal(made.Expires) || time.Until(r.LinkExpires) > time.Hour {
		t.Error("the receipt has not the new link")
	}
	if !r.SentAt.Equal(old.SentAt) || len(r.Records) != len(old.Records) || r.Removed != old.Removed || r.Recipient != old.Recipient ||
		r.Unlock != "passphrase" || r.LedgerSeq != old.LedgerSeq || !slices.Equal(r.Notices, old.Notices) || r.RelinkedAt.IsZero() || !made.Letter {
		t.Errorf("the receipt became %+v", r)
	}
	after, err := os.ReadFile(letter)
	if err != nil || !strings.Contains(string(after), r.Page) || strings.Contains(string(after), old.Page) || !strings.Contains(string(before), old.Page) {
		t.Errorf("the letter has not the new link: %v", err)
	}
	note, err := os.ReadFile(filepath.Join(cfg.Outbox, "sent", "R-73", "RECEIPT.txt"))
	if err != nil || !strings.Contains(string(note), r.Page) || strings.Contains(string(note), old.Page) {
		t.Errorf("the note has not the new link: %v\n%s", err, note)
	}
	said := strings.Join(strings.Fields(string(note)), " ")
	if !strings.Contains(said, "The link in the earlier letter no longer works.") ||
		!strings.Contains(said, "can still download the file until "+old.LinkExpires.In(time.Now().Location()).Format("Monday, January 2, 2006, 15:04")) ||
		!strings.Contains(said, "It stays locked without the passphrase.") || !r.EarlierUntil.Equal(old.LinkExpires) {
		t.Errorf("the note does not say what still works:\n%s", note)
	}
	left, err := filepath.Glob(filepath.Join(cfg.Outbox, "sent", "R-73", "*"))
	if err != nil || len(left) != 5 { // order, receipt and twin, two letters
		t.Errorf("in the answer lie %q", left)
	}
	pages, err := filepath.Glob(filepath.Join(cfg.State, "store", "data", "chartseal", "*.html"))
	if err != nil || len(pages) != 1 {
		t.Fatal(pages, err)
	}
	html, err := os.ReadFile(pages[0])
	must(t, err)
	if to, err := page.Read(html); err != nil || to.URL != r.Link || !strings.Contains(string(html), `"unlock":"passphrase"`) {
		t.Errorf("the page leads elsewhere, or does not ask for the passphrase: %v", err)
	}
}

// A new link that was cut short before it was recorded leaves the old one as it was, and
// no page behind; one that was cut short after it leaves no old page.
func TestANewLinkThatIsCutShort(t *testing.T) {
	t.Parallel()
	cfg := ownPractice(t)
	who, _ := find("20871")
	text := practice.OrderFor(who, "R-76", practice.OrderOptions{Now: time.Now()})
	runUntilIdle(t, cfg, time.Now, map[string][]byte{"r.yaml": text})
	o, err := order.Parse("r.yaml", text)
	must(t, err)
	old := receiptOf(t, cfg, "R-76")
	for _, point := range []string{"page stored", "saved"} {
		ctx, cancel := context.WithCancel(t.Context())
		opts := (&app{}).options(nil)
		opts.Step = func(_, _, at string) {
			if at == point {
				cancel()
			}
		}
		p, err := chartseal.Open(t.Context(), cfg, opts)
		must(t, err)
		_, err = p.Relink(ctx, o, text, time.Hour)
		recorded := slices.Contains(ledgerEvents(t, cfg), ledger.Relinked)
		if (err == nil) != recorded || recorded != (point == "saved") {
			t.Errorf("%s: recorded %v, %v", point, recorded, err)
		}
		must(t, p.Close())
		if n := len(stored(t, cfg)); n != 3 {
			t.Errorf("%s: %d objects are stored, want the bundle and two pages", point, n)
		}
		runUntilIdle(t, cfg, time.Now, nil)
		if n := len(stored(t, cfg)); n != 2 {
			t.Errorf("%s: %d objects are left", point, n)
		}
		if !recorded {
			whileOpen(t, cfg, func() {
				if got := visited(t, http.MethodGet, old.Page, ""); got != http.StatusOK {
					t.Errorf("%s: the old link answers %d", point, got)
				}
			})
		}
	}
}
