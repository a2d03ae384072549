package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"chartseal"
	"chartseal/testdata/practice"
	"chartseal/watch/notice"
)

const signedForm = `authorization:
  description: radiographs
  scope: {kinds: all}
  from: Lakeside Dental (demo)
  to: Hale & Byrne
  purpose: my claim
  expires_on: ENDS
  signed_on: SIGNED
  signer: Jörg Müller
  statements: {revoke: true, conditioning: true, redisclosure: true}
  document: forms/A-1.pdf
`

// authorized is an order under a form that ends tomorrow.
func authorized(id string) []byte {
	who, _ := find("20871")
	now := time.Now()
	text := string(practice.OrderFor(who, id, practice.OrderOptions{Now: now, Recipient: "hale", Kinds: []string{"radiograph"}}))
	text = strings.NewReplacer("basis: treatment", "basis: authorization", "relation: provider", "relation: attorney").Replace(text)
	return []byte(text + strings.NewReplacer("ENDS", now.AddDate(0, 0, 1).Format(time.DateOnly), "SIGNED", now.AddDate(0, 0, -1).Format(time.DateOnly)).Replace(signedForm))
}

// TestRulesAreAskedAgainBeforeTheUpload: what becomes forbidden between intake and
// upload, or before the link is made, is not sent, nothing of it stays in the store,
// and each time the reason is the rule's own.
func TestRulesAreAskedAgainBeforeTheUpload(t *testing.T) {
	t.Parallel()
	cfg := ownPractice(t, `restrictions: ""`, "restrictions: asked.yaml")
	dir := filepath.Dir(cfg.State)
	asked, book := filepath.Join(dir, "asked.yaml"), filepath.Join(dir, "recipients.yaml")
	hale := "hale: {name: Hale & Byrne, kind: attorney, email: h@example.org}\n"
	var ahead atomic.Int64
	expire := func() { ahead.Store(int64(48 * time.Hour)) }
	withdraw := func() {
		must(t, os.WriteFile(asked, []byte(`"20871": {withdrawn: [{on: `+time.Now().Format(time.DateOnly)+"}]}\n"), 0o600))
	}
	for _, c := range []struct {
		id, rule string
		between  func()
	}{
		{"R-expired", "R6", expire},
		{"R-expired-late", "R6", expire},
		{"R-withdrawn", "R9", withdraw},
		{"R-withdrawn-late", "R9", withdraw},
		{"R-restricted", "R33", func() { must(t, os.WriteFile(asked, []byte(`"20871": {not_to: [hale]}`+"\n"), 0o600)) }},
		{"R-mistake", "R33", func() { must(t, os.WriteFile(asked, []byte(`"20871": {not_too: [hale]}`+"\n"), 0o600)) }},
		{"R-gone", "A2", func() { must(t, os.WriteFile(book, []byte("# nobody is left\n"), 0o600)) }},
		{"R-moved", "A2", func() { must(t, os.WriteFile(book, []byte(strings.Replace(hale, "h@", "thief@", 1)), 0o600)) }},
		{"R-quiet", "", func() {}},
	} {
		ahead.Store(0)
		must(t, os.WriteFile(asked, []byte("# nothing yet\n"), 0o600))
		must(t, os.WriteFile(book, []byte(hale), 0o600))
		must(t, os.WriteFile(filepath.Join(dir, "outbox", c.id+".yaml"), authorized(c.id), 0o600))
		opts := (&app{}).options(nil)
		opts.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
		var packed atomic.Int64
		after := "pack noted"
		if strings.HasSuffix(c.id, "-late") { // the bundle is in the store already, and no link was made
			after = "upload remembered"
		}
		opts.Step = func(_, stage, point string) {
			if stage+" "+point == after && packed.Add(1) == 1 {
				c.between()
			}
		}
		p, err := chartseal.Open(context.Background(), cfg, opts)
		must(t, err)
		must(t, p.Run(t.Context(), true))
		must(t, p.Close())
		if packed.Load() == 0 {
			t.Errorf("%s: nothing came between", c.id)
		}
		if c.rule == "" {
			if _, err := os.Stat(filepath.Join(dir, "outbox", "sent", c.id, "receipt.json")); err != nil {
				t.Errorf("%s: %v", c.id, err)
			}
			continue
		}
		var h notice.Hold
		b, err := os.ReadFile(filepath.Join(dir, "outbox", "held", c.id, "hold.json"))
		must(t, err)
		must(t, json.Unmarshal(b, &h))
		if len(h.Reasons) != 1 || h.Reasons[0].Rule != c.rule {
			t.Errorf("%s: %+v, want rule %s", c.id, h.Reasons, c.rule)
		}
	}
	if objects := stored(t, cfg); len(objects) != 2 {
		t.Errorf("%d objects in the store, want the one bundle and its page", len(objects))
	}
}
