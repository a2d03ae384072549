package index

import (
	"slices"
	"testing"

	"chartseal/order"
	"chartseal/packager/gather"
	"chartseal/redact/dicomfile"
)

// What a Refresh in the background has learnt serves the orders.
func TestCollectUsesWhatRefreshLearnt(t *testing.T) {
	b := newBench(t)
	b.patient("site A/a.dcm", "10432")
	b.patient("site A/b.DCM", "77")
	b.patient("site A/c.img", "10432")
	b.patient("elsewhere/d.dcm", "10432")
	src := gather.Source{Kind: "cbct", Path: b.images + "/Site*/**/*.dcm", Match: gather.MatchDICOM}
	b.open()
	folder, err := gather.OpenFolder(t.Context(), src, gather.Limits{})
	b.must(err)
	defer folder.Close()
	b.must(b.index.Refresh(t.Context(), folder))
	wantReads(t, "refresh", b.reads, 2)
	c, err := gather.Collect(t.Context(), gather.Request{
		Patient: order.Patient{ID: " 10432", Name: "Canary, Carl"}, Scope: order.Records{Kinds: []string{order.AllKinds}},
		Sources: []gather.Source{src}, Identify: dicomfile.Identify, SniffDICOM: dicomfile.Sniff, Index: b.index,
	})
	b.must(err)
	defer c.Close()
	wantReads(t, "collect", b.reads, 2)
	var paths []string
	for _, it := range c.Items {
		paths = append(paths, it.Path)
	}
	if !slices.Equal(paths, []string{"site A/a.dcm"}) || len(c.Problems) != 0 {
		t.Errorf("collected %q, %v", paths, c.Problems)
	}
}

func TestOpenFolder(t *testing.T) {
	b := newBench(t)
	for path, match := range map[string]string{
		b.images + "/**":                 "",
		b.images + "/{patient.id}/**":    gather.MatchDICOM,
		b.images + "/missing/**":         gather.MatchDICOM,
		b.images + "/{patient.last}x/**": gather.MatchDICOM,
		"images/**":                      gather.MatchDICOM,
	} {
		if f, err := gather.OpenFolder(t.Context(), gather.Source{Kind: "cbct", Path: path, Match: match}, gather.Limits{}); err == nil {
			b.must(f.Close())
			t.Errorf("%s was opened", path)
		}
	}
}

// A second folder, or another pattern in the same, has its own rows.
func TestFoldersAreApart(t *testing.T) {
	b := newBench(t)
	b.patient("a/1.dcm", "1")
	b.patient("b/2.dcm", "1")
	b.patient("b/3.img", "1")
	b.open()
	for pattern, want := range map[string][]string{
		"**": {"a/1.dcm", "b/2.dcm", "b/3.img"}, "**/*.dcm": {"a/1.dcm", "b/2.dcm"}, "b/*": {"2.dcm", "3.img"}, "*/3*": {"b/3.img"},
	} {
		folder, err := gather.OpenFolder(t.Context(), gather.Source{Kind: "cbct", Path: b.images + "/" + pattern, Match: gather.MatchDICOM}, gather.Limits{})
		b.must(err)
		for range 2 {
			found, err := b.index.Find(t.Context(), folder, "1")
			slices.Sort(found.Paths)
			if err != nil || !slices.Equal(found.Paths, want) {
				t.Errorf("%s: %q, %v", pattern, found.Paths, err)
			}
		}
		b.must(folder.Close())
	}
}
