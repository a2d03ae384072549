package bundle

import (
	"bytes"
	"encoding/json"
	"io"
	"testing"
	"time"

	"chartseal/redact"
)

// A manifest whose records are written one by one is what it is when all are written at once.
func TestTheManifestIsOneText(t *testing.T) {
	m := &Manifest{Schema: Schema, Purpose: "a\n  \"records\": [],\nb <&>", Files: []File{{Path: "a"}}}
	for _, records := range [][]Member{
		nil,
		{{Path: "data/a", Title: noRecords}},
		{{Path: "data/a", Removed: []redact.Removal{{Item: "(0010,1040)", Count: 2}}, Notices: []string{"<é>", ""}}, {}, {Path: "data/c"}},
	} {
		m.Records = append([]Member{}, records...)
		var want bytes.Buffer
		enc := json.NewEncoder(&want)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(m); err != nil {
			t.Fatal(err)
		}
		if got, err := encodeManifest(m); err != nil || !bytes.Equal(got, want.Bytes()) {
			t.Errorf("%d records: %v\n%s\nwant\n%s", len(records), err, got, want.Bytes())
		}
	}
}

// The slices of a series, which lose the same, share the list of it.
func TestRecordsShareWhatTheyLost(t *testing.T) {
	w := NewWriter(io.Discard, Header{Created: time.Unix(1, 0)}, Options{})
	for _, count := range []int{1, 1, 2, 2} {
		err := w.Add(t.Context(), Record{Kind: "model"}, &redact.Output{
			Body: bodyOf(nil, true), Report: redact.Report{Format: "STL", Removed: []redact.Removal{{Item: "comments", Count: count}}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for i, r := range w.manifest.Records {
		if want := 1 + i/2; len(r.Removed) != 1 || r.Removed[0].Count != want {
			t.Errorf("record %d: %+v", i, r.Removed)
		}
		if i%2 == 1 && &r.Removed[0] != &w.manifest.Records[i-1].Removed[0] {
			t.Errorf("record %d has a list of its own", i)
		}
	}
}

// Another bundle of the same practice, whole and signed, is not the one that was written.
func TestReadBackIsOfThisBundle(t *testing.T) {
	w, data, trusted := written(t, 1000)
	other := *w
	other.signed.SHA256 = fileOf(manifestName, []byte("another")).SHA256
	if err := other.back(t, data, trusted); err == nil {
		t.Error("another manifest is taken")
	}
	if err := w.back(t, data, trusted); err != nil {
		t.Error(err)
	}
	other.signed = File{}
	if err := other.back(t, data, trusted); err == nil {
		t.Error("a bundle that is not finished is taken")
	}
}
