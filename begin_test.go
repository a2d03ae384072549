package chartseal

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/dbos-inc/dbos-transact-golang/dbos"

	"chartseal/registry"
	"chartseal/turns"
)

// bare is a practice with an engine and without anything else: its releases wait for the
// note of their begin, which is never there.
func bare(t *testing.T, dir string) *Practice { return bareAs(t, dir, "here-1") }

func bareAs(t *testing.T, dir, executor string) *Practice {
	t.Helper()
	st, err := openState(dir)
	if err != nil {
		t.Fatal(err)
	}
	p := &Practice{log: slog.New(slog.DiscardHandler), state: st, opts: Options{Now: time.Now}, due: &dueList{}}
	p.engine = &engine{slots: turns.New(1), quick: turns.New(1), broken: make(chan struct{}, 1), stray: map[string]bool{}}
	if p.engine.db, err = registry.OpenSQLite(filepath.Join(dir, "engine.db")); err != nil {
		t.Fatal(err)
	}
	if err := p.engine.launch(t.Context(), p, executor); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *Practice) shut(t *testing.T) {
	t.Helper()
	if err := p.engine.close(); err != nil {
		t.Error(err)
	}
	if err := p.state.close(); err != nil {
		t.Error(err)
	}
}

// begins starts a release and waits until it is taken up.
func (p *Practice) begins(t *testing.T, id string) {
	t.Helper()
	if err := p.engine.start(t.Context(), p, id); err != nil {
		t.Fatal(err)
	}
	p.worksOn(t, id)
}

// worksOn waits until a release is under way.
func (p *Practice) worksOn(t *testing.T, id string) {
	t.Helper()
	eventuallyTrue(t, id+" is taken up", func() bool { return p.engine.rank(id) > 0 })
	if t.Failed() {
		t.FailNow()
	}
}

func (p *Practice) remembered(t *testing.T, id string) dbos.WorkflowStatusType {
	t.Helper()
	var s dbos.WorkflowStatusType
	if err := p.engine.db.SQL().QueryRow(`SELECT status FROM workflow_status WHERE workflow_uuid=$1`, id).Scan(&s); err != nil {
		t.Fatal(err)
	}
	return s
}

// A start that is given up ends the releases under way as the end of the engine does: they
// are remembered as they stand, and taken up by the next.
func TestAStartThatIsGivenUpCancelsNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := bare(t, dir)
	p.begins(t, "a")
	if err := p.engine.start(t.Context(), p, "a"); err != nil { // which changes nothing
		t.Fatal(err)
	}
	p.engine.giveUp(errStopping)
	eventuallyTrue(t, "it is let go", func() bool { return p.engine.rank("a") == 0 })
	if err := p.engine.start(t.Context(), p, "b"); err == nil || len(p.engine.broken) != 1 {
		t.Errorf("an engine that was given up takes in more: %v", err)
	}
	if s := p.remembered(t, "a"); s != dbos.WorkflowStatusPending {
		t.Errorf("the engine remembers it as %s", s)
	}
	p.shut(t)

	p = bare(t, dir)
	defer p.shut(t)
	p.worksOn(t, "a")
	if err := p.engine.start(t.Context(), p, "a"); err != nil {
		t.Fatal(err)
	}
	if s := p.remembered(t, "a"); s != dbos.WorkflowStatusPending {
		t.Errorf("the engine remembers it as %s", s)
	}
}

// A release that was under way when the executor's name was lost is taken up all the same.
func TestALostExecutorLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := bare(t, dir)
	p.begins(t, "a")
	p.shut(t)
	p = bareAs(t, dir, "here-2")
	defer p.shut(t)
	p.worksOn(t, "a")
}

// Above the bound releases queue, and those that an earlier run left, in whatever queue,
// are not started a second time.
func TestManyReleasesQueue(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := bare(t, dir)
	p.engine.busy.Add(underWay)
	if err := p.engine.start(t.Context(), p, "a"); err != nil {
		t.Fatal(err)
	}
	p.engine.busy.Add(-underWay)
	if err := p.engine.start(t.Context(), p, "b"); err != nil {
		t.Fatal(err)
	}
	p.worksOn(t, "b")
	p.worksOn(t, "a")
	p.shut(t)

	p = bare(t, dir)
	defer p.shut(t)
	p.engine.busy.Add(underWay)
	for _, id := range []string{"a", "b"} { // one of them is in the engine's own queue now
		if err := p.engine.start(t.Context(), p, id); err != nil {
			t.Error(err)
		}
		p.worksOn(t, id)
	}
}

// A release that nobody works on is missed when it is seen twice.
func TestAReleaseThatNobodyWorksOn(t *testing.T) {
	t.Parallel()
	p := bare(t, t.TempDir())
	defer p.shut(t)
	p.begins(t, "a")
	ask := func() error { return p.engine.ask(context.Background()) }
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	p.engine.active.Delete("a")
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	if err := ask(); err != ErrEngine { //nolint:errorlint // this very one
		t.Errorf("%v", err)
	}
}
