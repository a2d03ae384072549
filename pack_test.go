package chartseal

import (
	"slices"
	"strings"
	"testing"
	"time"

	"chartseal/config"
	"chartseal/order"
	"chartseal/packager"
	"chartseal/packager/bundle"
	"chartseal/packager/seal"
	"chartseal/redact/dicomfile"
)

// TestHeaderOfASetNamesNobody: what goes around de-identified records says no
// more than they do.
func TestHeaderOfASetNamesNobody(t *testing.T) {
	keys, err := seal.ParseRecipients([]string{"age1pkl7jw9t7fkal4eav28g3pcvdg3awgknwq666u5xzxdazfd70vys53lqp4"})
	if err != nil {
		t.Fatal(err)
	}
	from, err := order.ParseDate("2023-01-01")
	if err != nil {
		t.Fatal(err)
	}
	o := &order.Order{
		ID: "ALVAREZ-1", Basis: order.Deidentified, Purpose: "study of Maria Alvarez",
		Patient: order.Patient{ID: "10432", Name: "Alvarez, Maria"}, Records: order.Records{Kinds: []string{"cbct"}, From: from},
	}
	for _, c := range []struct {
		basis   order.Basis
		dates   dicomfile.DatePolicy
		undated bool
	}{
		{order.Deidentified, dicomfile.DatesByTable, true},
		{order.Deidentified, dicomfile.ShiftDates, true},
		{order.Deidentified, dicomfile.KeepDates, false},
		{order.LimitedSet, dicomfile.DatesByTable, false},
		{order.LimitedSet, dicomfile.ShiftDates, true},
	} {
		o.Basis = c.basis
		profile, err := packager.Profile(o.Basis)
		if err != nil {
			t.Fatal(err)
		}
		p := &Practice{cfg: &config.Config{}, state: &state{}, dicom: packager.DICOMRules{Dates: c.dates}}
		p.opts.Now = time.Now
		h := p.header(o, order.Recipient{Name: "University"}, keys, "ref", profile)
		if h.Undated != c.undated || (h.Scope.From == "") != c.undated || !h.Anonymous || h.Patient != nil {
			t.Errorf("%s, %d: %+v, scope %+v", c.basis, c.dates, h, h.Scope)
		}
		if s := h.Order + h.Purpose; strings.Contains(strings.ToLower(s), "alvarez") {
			t.Errorf("%s: the header says %q", c.basis, s)
		}
		if h.ProfileVersions["DICOM"] != dicomfile.ProfileVersion() || h.ProfileDigests["DICOM"] != p.dicom.Digest() || c.dates != dicomfile.DatesByTable && h.ProfileDigests["DICOM"] == dicomfile.ProfileDigest() {
			t.Errorf("%s, %d: the digest does not tell the policy", c.basis, c.dates)
		}
	}
}

// What the receipt says of records names no elements of their files, and says the same
// thing once.
func TestNoticesOfRecordsArePlain(t *testing.T) {
	m := &bundle.Manifest{Records: []bundle.Member{
		{Kind: "radiograph", Notices: []string{"Notes were kept. (DICOM: SeriesDescription)"}},
		{Kind: "radiograph", Notices: []string{"Notes were kept. (DICOM: ProtocolName, SeriesDescription)", "Of one."}},
	}}
	pk := describePacked(&packager.Packed{Manifest: m}, order.Recipient{}, "key")
	if want := []string{"Notes were kept. (2 records)", "Of one."}; !slices.Equal(pk.Notices, want) {
		t.Errorf("got %q, want %q", pk.Notices, want)
	}
}
