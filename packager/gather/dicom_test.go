package gather

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"chartseal/order"
	"chartseal/redact"
	"chartseal/redact/dicomfile"
)

var (
	someoneElse = image{id: "77", name: "Stone^Kim", birth: "19700101", study: "20250503"}
	nameless    = image{id: "10432", study: "20250503"}
)

func TestMisfiledImageHoldsTheOrder(t *testing.T) {
	for _, tc := range []struct {
		name, message string
		image         image
		problem       bool
	}{
		{"same", "", maria, false},
		{"by birth date", "", image{id: "10432", birth: "19840309", study: "20250503"}, false},
		{"other patient", "1 file says another patient's name.", someoneElse, true},
		{"other number", "1 file says another patient's name.", image{id: "10433", name: maria.name, birth: maria.birth, study: "20250503"}, true},
		{"other, outside the dates", "1 file says another patient's name.", image{id: "77", name: "Stone^Kim", birth: "19700101", study: "19990101"}, true},
		{"number only", "1 image does not say well enough whose it is.", nameless, true},
		{"number only, outside the dates", "", image{id: "10432", study: "19990101"}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newPractice(t)
			p.put("records/10432/a", maria.bytes())
			p.put("records/10432/b", tc.image.bytes())
			req := p.request(p.source("radiograph", "records/{patient.id}/**"))
			req.Scope.From = day(t, "2020-01-01")
			c := p.collect(req)
			if !tc.problem {
				wantNoProblems(t, c)
				return
			}
			wantProblem(t, c, "R35", tc.message, "10432/b")
			wantPaths(t, c, "10432/a")
		})
	}
}

func TestDecisions(t *testing.T) {
	leave := func(rule, item string) order.Ruling {
		return order.Ruling{Rule: rule, Item: item, Decision: order.LeaveOut}
	}
	release := func(rule, item string) order.Ruling {
		return order.Ruling{Rule: rule, Item: item, Decision: order.ReleaseItem}
	}
	for _, tc := range []struct {
		name   string
		ruling []order.Ruling
		held   []string // rules
		sent   []string
	}{
		{"none", nil, []string{"R35", "R35", "R11", "R20"}, []string{"10432/Face 2025-01-01.pdf", "10432/ok"}},
		{
			"all by item",
			[]order.Ruling{leave("R35", "10432/other"), release("R35", "10432/unclear"), leave("R11", `10432\BROKEN.dcm`), release("R20", "10432/Face 2025-01-01.pdf")},
			nil,
			[]string{"10432/Face 2025-01-01.pdf", "10432/ok", "10432/unclear"},
		},
		{
			"all by rule",
			[]order.Ruling{leave("R35", ""), leave("R11", ""), leave("R20", "")},
			nil,
			[]string{"10432/ok"},
		},
		{
			"another patient's is never released, and what is released is named",
			[]order.Ruling{release("R35", ""), release("R35", "10432/other"), release("R11", "10432/broken.dcm"), release("R20", "")},
			[]string{"R35", "R35", "R11", "R20"},
			[]string{"10432/Face 2025-01-01.pdf", "10432/ok"},
		},
		{
			"of another rule",
			[]order.Ruling{release("R11", "10432/Face 2025-01-01.pdf"), release("R20", "10432/unclear"), release("R20", "10432")},
			[]string{"R35", "R35", "R11", "R20"},
			[]string{"10432/Face 2025-01-01.pdf", "10432/ok"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newPractice(t)
			p.put("records/10432/ok", maria.bytes())
			p.put("records/10432/other", someoneElse.bytes())
			p.put("records/10432/unclear", nameless.bytes())
			p.put("records/10432/broken.dcm", []byte("?"))
			p.pdf("records/10432/Face 2025-01-01.pdf")
			req := p.request(p.source("radiograph", "records/{patient.id}/**"))
			req.Sensitive = []Sensitive{{"facial_photo", "face*"}}
			req.Decisions = tc.ruling
			c := p.collect(req)
			var held []string
			for _, r := range c.Problems {
				held = append(held, r.Rule)
			}
			if !slices.Equal(held, tc.held) {
				t.Errorf("held by %q, want %q", held, tc.held)
			}
			wantPaths(t, c, tc.sent...)
		})
	}
}

// One decision can stand for the many slices of a volume, by the folder they lie in;
// the patient's own folder is no such name, and another patient's slice never goes.
func TestAFolderIsReleasedByName(t *testing.T) {
	p := newPractice(t)
	for _, name := range []string{"a", "b", "deep/c"} {
		p.put("records/10432/cbct/"+name, nameless.bytes())
	}
	p.put("records/10432/cbct2/d", nameless.bytes())
	p.put("records/10432/cbct/other", someoneElse.bytes())
	for item, left := range map[string][]string{
		"10432/cbct": {"10432/cbct/a", "10432/cbct/b", "10432/cbct/deep/c"}, `10432\CBCT\`: {"10432/cbct/a", "10432/cbct/b", "10432/cbct/deep/c"},
		"10432/cbct/deep": {"10432/cbct/deep/c"}, "10432": nil, "10432/": nil, "": nil, "10432/cb": nil,
	} {
		req := p.request(p.source("cbct", "records/{patient.id}/**"))
		req.Decisions = []order.Ruling{{Rule: "R35", Item: item, Decision: order.ReleaseItem}}
		c := p.collect(req)
		wantPaths(t, c, left...)
		if len(c.Problems) != 2 {
			t.Errorf("%q: %d problems, want the other patient's and what was not named", item, len(c.Problems))
		}
	}
}

func TestNothingFoundCanBeAccepted(t *testing.T) {
	p := newPractice(t)
	p.pdf("records/10432/c/2025-01-01.pdf")
	p.mkdir("records/10432/r")
	req := p.request(p.source("chart", "records/{patient.id}/c/*"), p.source("radiograph", "records/{patient.id}/r/*"))
	req.Scope.Kinds = []string{"chart", "radiograph"}
	wantProblem(t, p.collect(req), "R11", "The order asks for radiographs; none were found.")
	req.Decisions = []order.Ruling{{Rule: "R11", Decision: order.ReleaseItem}}
	wantNoProblems(t, p.collect(req))
}

func TestDiscIndexIsNoRecord(t *testing.T) {
	p := newPractice(t)
	p.put("records/10432/cd/DICOMDIR", image{class: mediaStorageDirectory}.bytes())
	p.put("records/10432/cd/index", image{class: mediaStorageDirectory}.bytes())
	p.put("records/10432/cd/1", maria.bytes())
	c := p.collect(p.request(p.source("cbct", "records/{patient.id}/**")))
	wantNoProblems(t, c)
	wantPaths(t, c, "10432/cd/1")
	if want := []string{"2 disc indexes (DICOMDIR) were left out; the bundle has its own."}; !slices.Equal(c.Notices, want) {
		t.Errorf("notices %q, want %q", c.Notices, want)
	}
}

func TestSharedFolder(t *testing.T) {
	p := newPractice(t)
	for i := range 40 {
		p.put(fmt.Sprintf("imaging/d%d/other%d", i%3, i), image{id: fmt.Sprint(i), name: "X^Y", birth: "19500101", study: "20250101"}.bytes())
	}
	p.put("imaging/d1/mine", maria.bytes())
	p.put("imaging/d2/deep/mine too.dcm", maria.bytes())
	p.put("imaging/note.txt", []byte("no image"))
	p.put("imaging/broken", maria.bytes()[:300])
	p.put("imaging/nobody", image{name: "X^Y", study: "20250101"}.bytes())
	src := p.source("radiograph", "imaging/**")
	src.Match = MatchDICOM
	req := p.request(src)
	c := p.collect(req)
	wantNoProblems(t, c)
	wantPaths(t, c, "d1/mine", "d2/deep/mine too.dcm")
	if want := []string{"2 files in a shared image folder could not be tied to any patient and were passed over."}; !slices.Equal(c.Notices, want) {
		t.Errorf("notices %q, want %q", c.Notices, want)
	}

	p.put("imaging/wrong name", image{id: "10432", name: "Stone^Kim", birth: "19700101", study: "20250503"}.bytes())
	wantProblem(t, p.collect(req), "R35", "1 file says another patient's name.", "wrong name")

	req.Limits.Search = 20
	wantProblem(t, p.collect(req), "R11", "more files than can be searched")
}

func TestSharedFolderRefusesLinksOfThisPatient(t *testing.T) {
	p := newPractice(t)
	p.put("imaging/mine", maria.bytes())
	p.hardlink("imaging/mine", "imaging/again")
	src := p.source("radiograph", "imaging/**")
	src.Match = MatchDICOM
	wantProblem(t, p.collect(p.request(src)), "R11", "2 files are also filed under other names", "again", "mine")
}

// stale is an index that proposes what it should not.
type stale []string

func (s stale) Find(context.Context, *Folder, string) (Found, error) {
	return Found{Paths: s}, nil
}

func TestIndexOnlyProposes(t *testing.T) {
	p := newPractice(t)
	p.put("imaging/a/mine", maria.bytes())
	p.put("imaging/a/other", someoneElse.bytes())
	p.put("secret", maria.bytes())
	src := p.source("radiograph", "imaging/**")
	src.Match = MatchDICOM
	req := p.request(src)
	req.Index = stale{"a/mine", "a/other"}
	c := p.collect(req)
	wantProblem(t, c, "R35", "1 file says another patient's name.", "a/other")
	wantPaths(t, c, "a/mine")
	for _, out := range []string{"../secret", "a/../../secret"} {
		req.Index = stale{out}
		wantPaths(t, p.collect(req))
	}
	req.Index = stale{"a/gone"}
	wantProblem(t, p.collect(req), "R11", "1 file was being changed.", "a/gone")
}

func TestManyWorkersFindTheSame(t *testing.T) {
	p := newPractice(t)
	var want []string
	for i := range 300 {
		name := fmt.Sprintf("records/10432/s%d/slice%03d", i%7, i)
		p.put(name, maria.bytes())
		want = append(want, strings.TrimPrefix(name, "records/"))
	}
	slices.Sort(want)
	for _, workers := range []int{1, 3, 16} {
		req := p.request(p.source("cbct", "records/{patient.id}/**"))
		req.Limits.Workers = workers
		c := p.collect(req)
		wantPaths(t, c, want...)
		for i := range c.Items {
			if c.Items[i].N != i+1 {
				t.Fatalf("item %d has number %d", i+1, c.Items[i].N)
			}
		}
	}
}

func TestCollectStopsWithItsContext(t *testing.T) {
	p := newPractice(t)
	for i := range 50 {
		p.put(fmt.Sprintf("records/10432/%d", i), maria.bytes())
	}
	ctx, cancel := context.WithCancel(t.Context())
	req := p.request(p.source("cbct", "records/{patient.id}/**"))
	req.Identify = func(ctx context.Context, src redact.Source) (*dicomfile.Identity, error) {
		cancel()
		return dicomfile.Identify(ctx, src)
	}
	if _, err := Collect(ctx, req); err == nil || !strings.Contains(err.Error(), context.Canceled.Error()) {
		t.Errorf("error %v, want canceled", err)
	}
}

// closing is an index that could not look everywhere.
type closing struct{}

func (closing) Find(context.Context, *Folder, string) (Found, error) {
	return Found{Paths: []string{"mine"}, Closed: []string{"study/locked"}, Unseen: 150 * time.Second}, nil
}

// A folder in which this patient's images may lie holds the order, until a
// person decides.
func TestClosedFolderHolds(t *testing.T) {
	p := newPractice(t)
	p.put("imaging/mine", maria.bytes())
	src := p.source("radiograph", "imaging/**")
	src.Match = MatchDICOM
	req := p.request(src)
	req.Index = closing{}
	c := p.collect(req)
	wantProblem(t, c, "R11", "1 folder could not be opened", "study/locked")
	if !strings.Contains(strings.Join(c.Notices, " "), "within the last 3 minutes") {
		t.Errorf("notices %q", c.Notices)
	}
	req.Decisions = []order.Ruling{{Rule: "R11", Item: "study/locked", Decision: order.LeaveOut}}
	if c := p.collect(req); len(c.Problems) != 0 || len(c.Items) != 1 {
		t.Errorf("left out: %+v", c.Problems)
	}
}
