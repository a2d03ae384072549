package main

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"chartseal"
	"chartseal/config/strict"
	"chartseal/ledger"
	"chartseal/order"
	"chartseal/testdata/practice"
	"chartseal/transport/storetest"
	"chartseal/transport/storetest/versioned"
)

// In a bucket whose object lock keeps everything for a day, links end as anywhere: when a
// new one is made, when the records are withdrawn, and at the end of their time. What
// the store keeps is told, to who withdraws and in the ledger.
func TestLinksInALockedBucket(t *testing.T) {
	endpoint, c := versioned.Start(t)
	versioned.Lock(t, c, "records")
	t.Setenv("AWS_ACCESS_KEY_ID", versioned.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", versioned.SecretKey)
	t.Setenv("AWS_SESSION_TOKEN", "")
	cfg := ownPractice(t, "{kind: local}", bucketAt("records", endpoint), "lifetime: 7d, keep: 30d", "lifetime: 1s, keep: 30d")
	who, _ := find("20871")
	long := practice.OrderFor(who, "R-80", practice.OrderOptions{Now: time.Now()})
	short := strings.Replace(string(practice.OrderFor(who, "R-81", practice.OrderOptions{Now: time.Now()})), "lifetime: 7d", "lifetime: 1s", 1)
	runUntilIdle(t, cfg, time.Now, map[string][]byte{"long.yaml": long, "short.yaml": []byte(short)})
	tomorrow := time.Now().AddDate(0, 0, 1)
	versioned.Retain(t, c, "records", tomorrow)
	first, brief := receiptOf(t, cfg, "R-80"), receiptOf(t, cfg, "R-81")
	answers := func(what, address string, want int) {
		t.Helper()
		if got := visited(t, http.MethodGet, address, ""); got != want {
			t.Errorf("%s answers %d, want %d", what, got, want)
		}
	}

	o, err := order.Parse("long.yaml", long)
	must(t, err)
	p, err := chartseal.Open(t.Context(), cfg, (&app{}).options(nil))
	must(t, err)
	made, err := p.Relink(t.Context(), o, long, time.Hour)
	must(t, err)
	if made.Lingers || !made.Earlier.Equal(first.LinkExpires) {
		t.Errorf("the new link: %+v", made)
	}
	answers("the old link", first.Page, http.StatusNotFound)
	answers("the new link", made.Page, http.StatusOK)
	answers("the earlier address of the bundle", first.Link, http.StatusOK)
	w, err := p.Revoke(t.Context(), "R-80")
	must(t, err)
	if !strings.Contains(w.Kept, "object lock keeps the encrypted file") || !strings.Contains(w.Kept, tomorrow.Format("January 2, 2006")) {
		t.Errorf("after withdrawing it says %q", w.Kept)
	}
	answers("the withdrawn link", made.Page, http.StatusNotFound)
	answers("the withdrawn bundle", first.Link, http.StatusNotFound)
	must(t, p.Close())

	time.Sleep(time.Until(brief.LinkExpires) + 2300*time.Millisecond) // the clock of the store has whole seconds, and the keeping begins in between
	cfg.Link.Keep = strict.Duration(time.Second)                      // not before: the bundle has to be there when it is locked
	runUntilIdle(t, cfg, time.Now, nil)
	answers("the expired bundle", brief.Link, http.StatusForbidden)
	answers("its page", brief.Page, http.StatusOK)
	kept := map[ledger.Event]bool{}
	for e, err := range ledger.Entries(t.Context(), filepath.Join(cfg.State, "ledger")) {
		must(t, err)
		kept[e.Event] = len(e.Notices) == 1 && strings.Contains(e.Notices[0], "object lock keeps the encrypted file")
	}
	if !kept[ledger.Revoked] || !kept[ledger.Expired] || len(kept) != 4 { // and sent, and relinked
		t.Errorf("the ledger says what is kept: %v", kept)
	}

	verify := []string{"ledger", "verify", "-c", cfg.File}
	if code := run(verify); code != 0 {
		t.Errorf("ledger verify ends with %d", code)
	}
	versioned.Hide(t, c, "records", "heads/")
	if code := run(verify); code != exitUnverified {
		t.Errorf("of heads that are hidden it ends with %d", code)
	}
}

// With the keys of a role a link ends with them, and receipt and note say so. (The store
// of the test knows no session tokens; those are tried in package s3.)
func TestALinkEndsWithTheKeysOfARole(t *testing.T) {
	cfg, _, _ := bucketPractice(t)
	ends := time.Now().Add(2 * time.Hour).Truncate(time.Second)
	storetest.Role(t, os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), "", func() time.Time { return ends })
	who, _ := find("20871")
	runUntilIdle(t, cfg, time.Now, map[string][]byte{"r.yaml": practice.OrderFor(who, "R-82", practice.OrderOptions{Now: time.Now()})})
	r := receiptOf(t, cfg, "R-82")
	if r.LinkExpires.After(ends) || ends.Sub(r.LinkExpires) > 2*time.Second {
		t.Errorf("the receipt says %v, and the keys end %v", r.LinkExpires, ends)
	}
	for what, address := range map[string]string{"bundle": r.Link, "page": r.Page} {
		u, err := url.Parse(address)
		must(t, err)
		made, err := time.Parse("20060102T150405Z", u.Query().Get("X-Amz-Date"))
		must(t, err)
		life, err := strconv.Atoi(u.Query().Get("X-Amz-Expires"))
		must(t, err)
		if end := made.Add(time.Duration(life) * time.Second); end.After(ends) || ends.Sub(end) > 3*time.Second {
			t.Errorf("the address of the %s is signed until %v, and the keys end %v", what, end, ends)
		}
	}
	note, err := os.ReadFile(filepath.Join(cfg.Outbox, "sent", "R-82", "RECEIPT.txt"))
	must(t, err)
	said := strings.Join(strings.Fields(string(note)), " ")
	for _, want := range []string{
		"Link until: " + r.LinkExpires.Format("Monday, January 2, 2006, 15:04"),
		"The link ends earlier than the 7 days that were asked for, because the access keys that sign links are temporary and end then.",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("the note lacks %q:\n%s", want, note)
		}
	}
}
