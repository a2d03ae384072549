package chartseal

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"chartseal/ledger"
	"chartseal/order"
	"chartseal/watch/notice"
)

// Every outcome names who asked and why, about whom, for whom, on whose word, and what of
// the bundle there is: each line stands for itself.
func TestEveryLineOfTheLedgerNamesWhatItMust(t *testing.T) {
	k := keepBooks(t, t.TempDir(), &shelf{all: map[string][]byte{}})
	k.orders = nil
	o := &order.Order{
		ID: "R-1", Basis: order.Authorized, Purpose: "claim", Patient: order.Patient{ID: "10432"},
		Requester: order.Requester{Name: "M. Alvarez"}, Approved: order.Approval{By: "dr-lee"},
		Recipient:     order.Recipient{Name: "Acme Law", Kind: "attorney", Address: "2 Main Street"},
		Records:       order.Records{Kinds: []string{"chart"}},
		Authorization: &order.Authorization{SignedOn: day(t, "2026-01-02"), ExpiresOn: day(t, "2027-01-02")},
		Decisions:     []order.Ruling{{Rule: "R12", Decision: "release", By: "dr-lee", On: day(t, "2026-11-01"), Reason: "asked again"}},
	}
	draft := k.draft(o, "ref", "sha")
	draft.SignatureSum, draft.SignatureKey, draft.Authorization = "sig", "key", "form"
	r := &release{ID: "ref", Manifest: "man", PageKey: "p.html", Links: &links{Expires: time.Now().Add(time.Hour)}}
	r.Ticket.SHA256, r.Object.Key, r.Object.Bytes = "cipher", "x.zip.age", 7
	pk := &packed{Description: "1 chart", Recipient: notice.Recipient{Name: "Acme Law", Address: "2 Main Street", Kind: "attorney"}}

	for _, d := range []error{k.recordDecisions(t.Context(), r, draft), k.recordHold(t.Context(), "ref.0", draft, []order.Reason{{Rule: "R12", Message: "why"}})} {
		if d != nil {
			t.Fatal(d)
		}
	}
	sentLine := sentEntry(r, draft, pk)
	lines := append([]ledger.Entry{sentLine, k.of(&sentLine, ledger.Revoked, "ref/revoked"), k.of(&sentLine, ledger.Expired, "ref/expired")},
		outcomeEntries(r, draft, &outcome{
			Denial: &notice.Denial{Ground: "g"}, Extension: &notice.Extension{Until: "2026-12-01", Reason: "r"}, Handed: &notice.Handed{Contents: "all"},
		})...)
	for _, line := range lines {
		if _, err := k.enter(t.Context(), line); err != nil {
			t.Fatal(err)
		}
	}
	always := []string{
		"at", "order", "order_sha256", "patient", "information", "purpose", "basis", "requester", "approver", "signature_sha256", "signature_key",
		"authorization_sha256", "signed_on", "permission_ends", "accountable", "accountable_why",
	}
	bundle := []string{"recipient", "manifest_sha256", "bundle_sha256", "bytes", "object_key", "link_expires"}
	want := map[ledger.Event][]string{
		ledger.Sent: slices.Concat(always, bundle, []string{"decisions", "page_key"}), ledger.Revoked: slices.Concat(always, bundle), ledger.Expired: slices.Concat(always, bundle),
		ledger.Held: append([]string{"recipient", "notices"}, always...), ledger.Override: append([]string{"recipient", "decisions"}, always...),
		ledger.Delivered: append([]string{"recipient"}, always...), ledger.Denied: append([]string{"notices"}, always...), ledger.Extended: append([]string{"until"}, always...),
	}
	for e, err := range k.ledger.Entries(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(e)
		var has map[string]any
		if err != nil || json.Unmarshal(b, &has) != nil {
			t.Fatal(err)
		}
		for _, name := range want[e.Event] {
			if _, ok := has[name]; !ok {
				t.Errorf("%s has no %s: %s", e.Event, name, b)
			}
		}
		if e.Event == ledger.Held && !strings.HasPrefix(e.Information, asked) || e.PermissionEnds != "2027-01-02" {
			t.Errorf("%s: %q, %q", e.Event, e.Information, e.PermissionEnds)
		}
		delete(want, e.Event)
	}
	if len(want) > 0 {
		t.Errorf("no lines of %v", want)
	}
	k.close(t)
}

func day(t *testing.T, text string) order.Date {
	t.Helper()
	d, err := order.ParseDate(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// What a signed permission ends with is known as long as its documents must be kept.
func TestPermissionLasts(t *testing.T) {
	for want, o := range map[string]*order.Order{
		"":                     {Basis: order.Treatment, Authorization: &order.Authorization{ExpiresEvent: "of no account"}},
		"2027-01-02":           {Basis: order.Authorized, Authorization: &order.Authorization{ExpiresOn: day(t, "2027-01-02")}, Part2Consent: &order.Part2Consent{ExpiresOn: day(t, "2026-12-02")}},
		"end of the treatment": {Basis: order.Authorized, Authorization: &order.Authorization{ExpiresOn: day(t, "2027-01-02")}, Part2Consent: &order.Part2Consent{ExpiresEvent: " end of the treatment"}},
		"no end":               {Basis: order.LimitedSet, Agreement: &order.Agreement{}},
	} {
		if got := order.PermissionLasts(o); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
