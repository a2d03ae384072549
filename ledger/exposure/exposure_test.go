package exposure

import (
	"errors"
	"iter"
	"testing"
	"time"

	"chartseal/ledger"
)

var start = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

func after(days float64) time.Time { return start.Add(time.Duration(days * 24 * float64(time.Hour))) }

func entry(event ledger.Event, ref string, days, lives float64) ledger.Entry {
	e := ledger.Entry{
		Event: event, Reference: ref, At: after(days), Order: "R-" + ref, Patient: "10432", ObjectKey: "out/" + ref + ".zip.age",
		Recipient: &ledger.Party{Name: "Dr. Chen  Endodontics", Email: "chen@x.example"}, Information: "3 radiographs", Delivery: "link",
	}
	if lives > 0 {
		e.LinkExpires = after(days + lives)
	}
	return e
}

func all(entries ...ledger.Entry) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		for _, e := range entries {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func find(t *testing.T, q Query, entries ...ledger.Entry) []Exposed {
	t.Helper()
	q.Now = after(30)
	f, err := Find(all(entries...), q)
	if err != nil {
		t.Fatal(err)
	}
	return f.Releases
}

func TestHowLongALinkReallyLived(t *testing.T) {
	drive := entry(ledger.Sent, "a", 1, 0)
	drive.Delivery = "folder"
	for name, tc := range map[string]struct {
		entries []ledger.Entry
		closed  []float64 // days; below zero: never
		ends    []End
	}{
		"its own time":                   {[]ledger.Entry{entry(ledger.Sent, "a", 1, 7)}, []float64{8}, []End{Ran}},
		"alive now":                      {[]ledger.Entry{entry(ledger.Sent, "a", 28, 7)}, []float64{35}, []End{Open}},
		"revoked":                        {[]ledger.Entry{entry(ledger.Sent, "a", 1, 7), entry(ledger.Revoked, "a", 3, 0)}, []float64{3}, []End{Revoked}},
		"revoked when it was over":       {[]ledger.Entry{entry(ledger.Sent, "a", 1, 1), entry(ledger.Revoked, "a", 3, 0)}, []float64{2}, []End{Ran}},
		"deleted at the end of its time": {[]ledger.Entry{entry(ledger.Sent, "a", 1, 7), entry(ledger.Expired, "a", 31, 0)}, []float64{8}, []End{Ran}},
		"deleted before":                 {[]ledger.Entry{entry(ledger.Sent, "a", 1, 7), entry(ledger.Expired, "a", 5, 0)}, []float64{5}, []End{Deleted}},
		"a second link":                  {[]ledger.Entry{entry(ledger.Sent, "a", 1, 2), entry(ledger.Relinked, "a", 10, 7), entry(ledger.Revoked, "a", 12, 0)}, []float64{3, 12}, []End{Ran, Revoked}},
		"another release revoked":        {[]ledger.Entry{entry(ledger.Sent, "a", 1, 7), entry(ledger.Revoked, "b", 3, 0)}, []float64{8}, []End{Ran}},
		"on a drive":                     {[]ledger.Entry{drive}, []float64{-1}, []End{NeverEnds}},
		"held":                           {[]ledger.Entry{entry(ledger.Held, "a", 1, 0)}, nil, nil},
	} {
		got := find(t, Query{}, tc.entries...)
		if len(tc.ends) == 0 {
			if len(got) != 0 {
				t.Errorf("%s: %+v", name, got)
			}
			continue
		}
		if len(got) != 1 || len(got[0].Windows) != len(tc.ends) {
			t.Errorf("%s: %+v", name, got)
			continue
		}
		for i, w := range got[0].Windows {
			want := time.Time{}
			if tc.closed[i] >= 0 {
				want = after(tc.closed[i])
			}
			if !w.Closed.Equal(want) || w.End != tc.ends[i] {
				t.Errorf("%s: window %d is %+v, want %s %s", name, i, w, want, tc.ends[i])
			}
		}
	}
}

func TestWhatIsAskedFor(t *testing.T) {
	other := entry(ledger.Sent, "b.2", 10, 7)
	other.Recipient = &ledger.Party{Name: "Acme Dental Plan"}
	entries := []ledger.Entry{entry(ledger.Sent, "a", 1, 7), entry(ledger.Revoked, "a", 3, 0), other}
	for name, tc := range map[string]struct {
		q    Query
		want string
	}{
		"everything":             {Query{}, "a b.2 "},
		"a release":              {Query{Release: "A"}, "a "},
		"a release's reference":  {Query{Release: "b"}, "b.2 "},
		"a key":                  {Query{ObjectKey: "out/a.zip.age"}, "a "},
		"the end of a key":       {Query{ObjectKey: "a.zip.age"}, "a "},
		"a part of a key":        {Query{ObjectKey: "zip.age"}, ""},
		"an order":               {Query{Order: "r-a"}, "a "},
		"a recipient":            {Query{Recipient: "chen endo"}, "a "},
		"an address":             {Query{Recipient: "CHEN@x.example"}, "a "},
		"nobody":                 {Query{Recipient: "chang"}, ""},
		"while one lived":        {Query{From: after(2), To: after(2.5)}, "a "},
		"after it was revoked":   {Query{From: after(4), To: after(5)}, ""},
		"both":                   {Query{From: after(2), To: after(11)}, "a b.2 "},
		"since":                  {Query{From: after(12)}, "b.2 "},
		"until":                  {Query{To: after(2)}, "a "},
		"a recipient and a time": {Query{Recipient: "acme", To: after(2)}, ""},
	} {
		got := ""
		for _, x := range find(t, tc.q, entries...) {
			got += x.Release + " "
		}
		if got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

// The link in the letter leads to the page, so that is what people have: the page of each
// link, by its name or as it was pasted, finds the release.
func TestTheLinkInTheLetter(t *testing.T) {
	first, again, other := entry(ledger.Sent, "a", 1, 7), entry(ledger.Relinked, "a", 10, 7), entry(ledger.Sent, "b", 10, 7)
	first.PageKey, again.PageKey, other.PageKey = "out/k7q2.html", "out/m3zt.html", "out/w4xe.html"
	for name, tc := range map[string]struct{ asked, want string }{
		"a page":                   {"out/k7q2.html", "a "},
		"a page's name":            {"k7q2.html", "a "},
		"the page of a later link": {"m3zt.html", "a "},
		"a link":                   {"https://bucket.s3.us-east-1.amazonaws.com/out/m3zt.html?X-Amz-Date=20261101T120000Z&X-Amz-Signature=0f", "a "},
		"a link with the bucket":   {"http://127.0.0.1:40001/bucket/out/w4xe.html?X-Amz-Signature=0f#k", "b "},
		"a link to the bundle":     {"https://s3.example.com/bucket/out/b.zip.age?X-Amz-Signature=0f", "b "},
		"a link in a letter":       {" https://s3.example.com/bucket/out/w4\nxe.html?X-Amz-\n  Signature=0f\n", "b "},
		"a link with escapes":      {"https://s3.example.com/bucket/out%2Fk7q2.html", "a "},
		"without what came before": {"bucket/out/k7q2.html?X-Amz-Signature=0f", "a "},
		"a part of a name":         {"7q2.html", ""},
		"a longer name":            {"xout/k7q2.html", ""},
		"another page":             {"https://s3.example.com/bucket/out/zzzz.html", ""},
	} {
		got := ""
		for _, x := range find(t, Query{ObjectKey: tc.asked}, first, again, other) {
			got += x.Release + " "
		}
		if got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

// Whose page it is cannot be said where the entries do not name pages.
func TestPagesThatAreNotKnown(t *testing.T) {
	known, drive := entry(ledger.Sent, "a", 1, 7), entry(ledger.Sent, "c", 1, 0)
	known.PageKey, drive.Delivery = "out/k7q2.html", "folder"
	f, err := Find(all(known, entry(ledger.Sent, "b", 2, 7), entry(ledger.Relinked, "b", 3, 7), drive), Query{ObjectKey: "w4xe.html"})
	if err != nil || len(f.Releases) != 0 || f.PagesUnknown != 2 {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestDownloadsThatAreKnown(t *testing.T) {
	seen := entry(ledger.Fetched, "a", 3, 0)
	seen.FetchedAt = after(2)
	got := find(t, Query{}, entry(ledger.Sent, "a", 1, 7), seen)
	if len(got) != 1 || len(got[0].Fetched) != 1 || !got[0].Fetched[0].Equal(after(2)) {
		t.Errorf("%+v", got)
	}
}

func TestALedgerThatDoesNotHold(t *testing.T) {
	broken := func(yield func(ledger.Entry, error) bool) {
		_ = yield(entry(ledger.Sent, "a", 1, 7), nil) && yield(ledger.Entry{}, ledger.ErrBroken)
	}
	if f, err := Find(broken, Query{}); !errors.Is(err, ledger.ErrBroken) || f.Releases != nil {
		t.Errorf("%+v, %v", f, err)
	}
}
