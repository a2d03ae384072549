package chartseal

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chartseal/config"
	"chartseal/order"
	"chartseal/packager/seal"
	"chartseal/transport"
)

func newKey(t *testing.T, pq bool) string {
	t.Helper()
	k, err := seal.GenerateKey(pq)
	if err != nil {
		t.Fatal(err)
	}
	return k.Public
}

// The escrow key is added where age allows it, and otherwise the receipt says why not.
func TestTheEscrowKey(t *testing.T) {
	classic, pq := newKey(t, false), newKey(t, true)
	words, err := seal.NewPassphrase(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		escrow     string
		keys       []string
		keysInAll  int
		note, miss string
	}{
		"none":              {"", []string{classic}, 1, "", ""},
		"beside a key":      {newKey(t, false), []string{classic}, 2, "The practice can open this bundle, too", ""},
		"the same key":      {classic, []string{classic}, 1, "The practice can open this bundle, too", ""},
		"post-quantum both": {newKey(t, true), []string{pq}, 2, "The practice can open this bundle, too", ""},
		"mixed":             {classic, []string{pq}, 1, "", "post-quantum keys with others"},
		"a passphrase":      {classic, nil, 0, "", "opens with a passphrase"},
	} {
		t.Run(name, func(t *testing.T) {
			keys, err := seal.WithPassphrase(words)
			if tc.keys != nil {
				keys, err = seal.ParseRecipients(tc.keys)
			}
			if err != nil {
				t.Fatal(err)
			}
			all, note, miss := withEscrow(&config.Config{Bundle: config.Bundle{Escrow: tc.escrow}}, keys)
			if len(all.Fingerprints()) != tc.keysInAll || all.Unlock() != keys.Unlock() {
				t.Errorf("keys %v, unlock %s", all.Fingerprints(), all.Unlock())
			}
			if (note == "") != (tc.note == "") || !strings.Contains(note, tc.note) || (miss == "") != (tc.miss == "") || !strings.Contains(miss, tc.miss) {
				t.Errorf("note %q, missing %q", note, miss)
			}
			// What is sealed already tells the same again: pack asks twice.
			if _, again, _ := withEscrow(&config.Config{Bundle: config.Bundle{Escrow: tc.escrow}}, all); again != note {
				t.Errorf("again: %q", again)
			}
		})
	}
}

// The check names those whom the escrow key does not help, and a key that is none is an
// error of the configuration.
func TestTheCheckOfTheEscrowKey(t *testing.T) {
	cfg := &config.Config{Recipients: filepath.Join(t.TempDir(), "recipients.yaml"), Bundle: config.Bundle{Escrow: newKey(t, false)}}
	book := "a: {name: A, kind: provider, keys: [" + newKey(t, false) + "]}\nb: {name: B, kind: provider, keys: [" + newKey(t, true) + "]}\nc: {name: C, kind: provider}\n"
	if err := os.WriteFile(cfg.Recipients, []byte(book), 0o600); err != nil {
		t.Fatal(err)
	}
	examine := func() (out []transport.Finding) {
		examineEscrow(cfg, func(check string, level transport.Level, format string, args ...any) {
			r := &transport.Finding{Check: check, Level: level, Message: format}
			for _, a := range args {
				if s, ok := a.(string); ok {
					r.Message = strings.Replace(r.Message, "%s", s, 1)
				}
			}
			out = append(out, *r)
		})
		return out
	}
	if got := examine(); len(got) != 2 || got[0].Level != transport.OK || got[1].Level != transport.Warning || !strings.Contains(got[1].Message, "for b do not") {
		t.Errorf("found %+v", got)
	}
	if err := CheckRules(cfg); err != nil {
		t.Error(err)
	}
	cfg.Bundle.Escrow = "age1nonsense"
	if got := examine(); len(got) != 1 || got[0].Level != transport.Problem {
		t.Errorf("found %+v", got)
	}
	if err := CheckRules(cfg); err == nil || !strings.Contains(err.Error(), "bundle.escrow") {
		t.Errorf("a key that is none: %v", err)
	}
}

// A book is refused for the key that age cannot use, with its line, when it is read.
func TestTheBooksKeysAreChecked(t *testing.T) {
	cfg := &config.Config{Recipients: filepath.Join(t.TempDir(), "recipients.yaml")}
	key := newKey(t, false)
	mistyped := key[:20] + map[bool]string{true: "q", false: "p"}[key[20] != 'q'] + key[21:]
	if err := os.WriteFile(cfg.Recipients, []byte("a: {name: A, kind: provider, keys: ["+key+"]}\nb: {name: B, kind: provider, keys: ["+mistyped+"]}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := loadBook(cfg); err == nil || !strings.Contains(err.Error(), "Line 2: 'b.keys[0]' is not complete or was mistyped") || strings.Contains(err.Error(), mistyped) {
		t.Errorf("a mistyped key: %v", err)
	}
}

// A receipt says why a link ends earlier than asked.
func TestWhyALinkEndsEarly(t *testing.T) {
	l := &links{Asked: 7 * 24 * time.Hour}
	if got := l.note(); got != "" {
		t.Errorf("of a link that lives as asked: %q", got)
	}
	l.Limit = transport.LimitedByKeys
	if got := l.note(); !strings.Contains(got, "earlier than the 7 days") || !strings.Contains(got, "access keys that sign links are temporary") {
		t.Errorf("of temporary keys: %q", got)
	}
	l.Asked, l.Limit = 30*24*time.Hour, transport.LimitedBySignature
	if got := l.note(); !strings.Contains(got, "earlier than the 30 days") || !strings.Contains(got, "seven days at most") {
		t.Errorf("of the longest life: %q", got)
	}
	l = &links{Asked: 7 * 24 * time.Hour, Ends: order.Date{Year: 2026, Month: 11, Day: 20}}
	if got := l.note(); !strings.Contains(got, "earlier than the 7 days") || !strings.Contains(got, "ends on 20 November 2026") {
		t.Errorf("of a permission that ends: %q", got)
	}
}

// No link leads to the records after the last day of the permission they went under, in
// the practice's own time; on that day it does.
func TestALinkEndsWithThePermission(t *testing.T) {
	zone := time.FixedZone("EST", -5*3600)
	now := time.Date(2026, 11, 19, 21, 30, 0, 5, zone)
	const week = 7 * 24 * time.Hour
	for ends, want := range map[order.Date]time.Duration{
		{}:                               week,
		{Year: 2026, Month: 12, Day: 31}: week,
		{Year: 2026, Month: 11, Day: 26}: week,
		{Year: 2026, Month: 11, Day: 25}: 6*24*time.Hour + 150*time.Minute - time.Second,
		{Year: 2026, Month: 11, Day: 19}: 150*time.Minute - time.Second,
		{Year: 2026, Month: 11, Day: 18}: time.Second, // the rules have refused it
	} {
		if got, short := within(week, ends, now); got != want || short != (want != week) {
			t.Errorf("until %s: %s, %v, want %s", ends, got, short, want)
		}
	}
}

// What the store keeps under a lock is told of with its end, the latest of several.
func TestWhatALockKeeps(t *testing.T) {
	now := time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)
	var k *kept
	if k.words(time.UTC) != "" {
		t.Error("nothing is kept, and words are made of it")
	}
	k = k.and(&transport.RetainedError{Versions: 1, Until: now.Add(48 * time.Hour)}, now)
	k = k.and(&transport.RetainedError{Versions: 2, Until: now.Add(24 * time.Hour)}, now)
	if k.Versions != 3 || !k.Again.Equal(now.Add(48*time.Hour)) || !strings.Contains(k.words(time.UTC), "until November 20, 2026, 12:00 UTC") {
		t.Errorf("%+v: %s", k, k.words(time.UTC))
	}
	k = k.and(&transport.RetainedError{Versions: 1}, now)
	if !k.Until.IsZero() || !k.Again.Equal(now.Add(48*time.Hour)) || !strings.Contains(k.words(time.UTC), "legal hold") {
		t.Errorf("%+v: %s", k, k.words(time.UTC))
	}
	for _, r := range []*release{{Outcome: sent, Revoked: true, Kept: k}, {Outcome: sent, Expired: true, Kept: k}} {
		if r.spent() {
			t.Error("a release of which the store keeps something counts as spent")
		}
	}
}
