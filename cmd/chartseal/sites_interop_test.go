//go:build interop && unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"chartseal"
	"chartseal/ledger"
	"chartseal/testdata/postgres"
	"chartseal/testdata/practice"
)

// station is one site: a practice folder and the real daemon on it.
type station struct {
	t         *testing.T
	dir, conf string
	outbox    string
	log       string
	env       []string // more of it
	began     time.Time
	proc      *exec.Cmd
	exited    chan error
	said      bytes.Buffer
}

// newStation makes a practice folder for a site on the shared database.
func newStation(t *testing.T, url, site string, changes ...string) *station {
	t.Helper()
	s := &station{t: t, dir: filepath.Join(t.TempDir(), "practice")}
	err := smallPractice(s.dir)
	check(t, err)
	s.conf, s.outbox, s.log = filepath.Join(s.dir, "chartseal.yaml"), filepath.Join(s.dir, "outbox"), filepath.Join(s.dir, "log.json")
	s.change(append([]string{`database: ""`, `database: "` + url + `"`, `site: "demo"`, `site: "` + site + `"`}, changes...)...)
	t.Cleanup(s.kill)
	return s
}

// change replaces texts of the configuration, in pairs.
func (s *station) change(pairs ...string) {
	s.t.Helper()
	b, err := os.ReadFile(s.conf)
	check(s.t, err)
	text := string(b)
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			s.t.Fatalf("the configuration has no %q", pairs[i])
		}
		text = strings.Replace(text, pairs[i], pairs[i+1], 1)
	}
	check(s.t, os.WriteFile(s.conf, []byte(text), 0o600))
}

// cmd is chartseal with this site's configuration.
func (s *station) cmd(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], append(args, "-c", s.conf)...)
	cmd.Env = append(append(os.Environ(), "CHARTSEAL_TEST_CHILD=1", "CHARTSEAL_LOG="+s.log), s.env...)
	return cmd
}

// do runs a command and returns what it prints and its exit code.
func (s *station) do(args ...string) (string, int) {
	s.t.Helper()
	out, err := s.cmd(args...).CombinedOutput()
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		return string(out), e.ExitCode()
	}
	check(s.t, err)
	return string(out), 0
}

func (s *station) up() {
	s.t.Helper()
	s.proc = s.cmd("run")
	s.proc.Stderr = &s.said
	s.began = time.Now()
	check(s.t, s.proc.Start())
	s.exited = make(chan error, 1)
	go func(p *exec.Cmd, done chan<- error) { done <- p.Wait() }(s.proc, s.exited)
}

// lives waits until the daemon has opened everything and looked at its outbox.
func (s *station) lives() {
	s.t.Helper()
	comes(s.t, "a sign of life", func() bool {
		sign, err := os.Stat(filepath.Join(s.dir, "state", "daemon.json"))
		return err == nil && sign.ModTime().After(s.began)
	})
}

func (s *station) kill() { _ = s.end(syscall.SIGKILL) }
func (s *station) stop() error {
	return s.end(syscall.SIGTERM)
}

func (s *station) end(sig syscall.Signal) error {
	if s.proc == nil {
		return nil
	}
	_ = s.proc.Process.Signal(sig)
	p := s.proc
	s.proc = nil
	select {
	case err := <-s.exited:
		if err != nil {
			err = fmt.Errorf("%w: %s", err, s.said.String())
		}
		return err
	case <-time.After(patience):
		_ = p.Process.Kill()
		<-s.exited
		s.t.Errorf("the daemon did not end on %v", sig)
		return nil
	}
}

func (s *station) drop(id string, who int) {
	s.t.Helper()
	o := practice.OrderFor(practice.People()[who%5], id, practice.OrderOptions{Now: time.Now(), Kinds: []string{"chart"}})
	file := filepath.Join(s.outbox, "order-"+id+".yaml")
	check(s.t, os.WriteFile(file+".tmp", o, 0o600))
	check(s.t, os.Rename(file+".tmp", file))
}

// answers counts the answer folders of a kind whose name is the order's, or
// begins with it.
func (s *station) answers(kind, id string) []string {
	all, err := filepath.Glob(filepath.Join(s.outbox, kind, id+"*"))
	check(s.t, err)
	var out []string
	for _, d := range all {
		if base := filepath.Base(d); base == id || strings.HasPrefix(base, id+" (") {
			out = append(out, d)
		}
	}
	return out
}

func (s *station) events(event ledger.Event) map[string]int {
	s.t.Helper()
	out := map[string]int{}
	for e, err := range ledger.Entries(context.Background(), filepath.Join(s.dir, "state", "ledger")) {
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		check(s.t, err)
		if e.Event == event {
			out[e.Order]++
		}
	}
	return out
}

// objects counts the sealed bundles in the site's own store.
func (s *station) objects(pattern string) int {
	all, err := filepath.Glob(filepath.Join(s.dir, "state", "store", "data", "*", pattern))
	check(s.t, err)
	return len(all)
}

func (s *station) sealed() int {
	all, err := filepath.Glob(filepath.Join(s.dir, "state", "sealed", "*"))
	check(s.t, err)
	return len(all)
}

// whyHeld is the text of a held answer.
func whyHeld(t *testing.T, dir string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "WHY-HELD.txt"))
	check(t, err)
	return strings.Join(strings.Fields(string(b)), " ")
}

// noSecrets makes sure that no log or message shows the database's address.
func (s *station) noSecrets(pg *postgres.Server) {
	s.t.Helper()
	b, err := os.ReadFile(s.log)
	check(s.t, err)
	all := append(b, s.said.Bytes()...)
	if len(b) == 0 {
		s.t.Error("nothing was logged")
	}
	for _, secret := range []string{postgres.User, postgres.Password, postgres.Database, "127.0.0.1:" + pg.Port(), "@127.0.0.1"} {
		if bytes.Contains(all, []byte(secret)) {
			s.t.Errorf("a log shows %q:\n%.2000s", secret, all)
		}
	}
}

// noPatients makes sure that no row of any table names a patient, an order, a
// path or a link.
func noPatients(t *testing.T, pg *postgres.Server, ids []string) {
	t.Helper()
	noPatientsIn(t, pg, postgres.Database, ids)
}

func noPatientsIn(t *testing.T, pg *postgres.Server, database string, ids []string) {
	t.Helper()
	dump := pg.Dump(t, database)
	if !bytes.Contains(dump, []byte("INSERT INTO chartseal.chartseal_orders")) || !bytes.Contains(dump, []byte("INSERT INTO chartseal_engine.operation_outputs")) {
		t.Fatal("the dump has no rows")
	}
	needles := append([]string{"X-Amz-Signature", "http://", "https://", "outbox", "/tmp/", ".yaml", "root canal", "Lakeside", "chen", "Chen", "dr-"}, ids...)
	for _, p := range practice.People() {
		needles = append(needles, p.First, p.Last, p.BirthDate, p.Name)
		if len(p.ID) >= 5 {
			needles = append(needles, p.ID)
		}
	}
	for _, n := range needles {
		if at := wholeWord(n).FindIndex(dump); at != nil {
			t.Errorf("the database names %q: %s", n, dump[max(0, at[0]-80):min(len(dump), at[1]+80)])
		}
	}
}

// wholeWord finds a text; a number not within a longer one, as times have many digits.
func wholeWord(text string) *regexp.Regexp {
	expr := regexp.QuoteMeta(text)
	if strings.Trim(text, "0123456789") == "" {
		expr = `(?:^|[^0-9])` + expr + `(?:[^0-9]|$)`
	}
	return regexp.MustCompile(expr)
}

// TestInteropSitesShareOrders: two daemons with outboxes of their own on one
// database, and the same order numbers at the same moment.
func TestInteropSitesShareOrders(t *testing.T) {
	t.Parallel()
	pg := postgres.Start(t)
	a, b := newStation(t, pg.URL(), "front"), newStation(t, pg.URL(), "back")
	a.up() // at the same moment: both make the tables
	b.up()
	const own, both = 10, 10
	var ids []string
	for i := range both {
		id := fmt.Sprintf("R-BOTH-%02d", i)
		ids = append(ids, id)
		a.drop(id, i)
		b.drop(id, i)
	}
	for i := range own {
		ids = append(ids, fmt.Sprintf("R-FRONT-%02d", i), fmt.Sprintf("R-BACK-%02d", i))
		a.drop(fmt.Sprintf("R-FRONT-%02d", i), i)
		b.drop(fmt.Sprintf("R-BACK-%02d", i), i)
	}
	began := time.Now()
	comes(t, "every order is answered", func() bool {
		return len(dirs(t, a, "sent"))+len(dirs(t, a, "held")) >= own+both && len(dirs(t, b, "sent"))+len(dirs(t, b, "held")) >= own+both
	})
	t.Logf("2 x %d orders answered in %.1f s", own+both, time.Since(began).Seconds())
	sentA, sentB := a.events(ledger.Sent), b.events(ledger.Sent)
	for i := range both {
		id := fmt.Sprintf("R-BOTH-%02d", i)
		if sentA[id]+sentB[id] != 1 {
			t.Errorf("%s was sent %d times at one site and %d times at the other", id, sentA[id], sentB[id])
		}
		loser, winner := a, "back"
		if sentA[id] == 1 {
			loser, winner = b, "front"
		}
		held := loser.answers("held", id)
		if len(held) != 1 {
			t.Errorf("%s has %d answers at the other site", id, len(held))
			continue
		}
		if text := whyHeld(t, held[0]); !strings.Contains(text, `at the site "`+winner+`"`) {
			t.Errorf("the other site's answer does not name the site %s:\n%s", winner, text)
		}
	}
	if len(sentA)+len(sentB) != 2*own+both || a.objects("*.age")+b.objects("*.age") != 2*own+both {
		t.Errorf("%d + %d orders sent, %d + %d objects, want %d", len(sentA), len(sentB), a.objects("*.age"), b.objects("*.age"), 2*own+both)
	}
	statusOfAll(t, a, b, own)
	measure(t, pg, 2*own+both)
	check(t, a.stop())
	check(t, b.stop())
	noPatients(t, pg, ids)
	a.noSecrets(pg)
	b.noSecrets(pg)
}

func dirs(t *testing.T, s *station, kind string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(s.outbox, kind, "*"))
	check(t, err)
	return all
}

// statusOfAll: each site sees its own orders by name, some at least, and the other's by reference.
func statusOfAll(t *testing.T, a, b *station, some int) {
	t.Helper()
	for _, s := range []*station{a, b} {
		out, code := s.do("status", "--json")
		var st chartseal.Status
		if err := json.Unmarshal([]byte(out), &st); err != nil || code != 0 {
			t.Fatalf("%v, exit %d\n%s", err, code, out)
		}
		named, others := 0, 0
		for _, r := range st.Releases {
			switch {
			case r.Site == "":
				t.Errorf("no site: %+v", r)
			case r.Order != "":
				named++
			default:
				others++
			}
		}
		if named < some || others < some || st.Database != "" {
			t.Errorf("%d own and %d other orders, %q", named, others, st.Database)
		}
	}
}

// measure prints what the two sites cost the database.
func measure(t *testing.T, pg *postgres.Server, orders int) {
	t.Helper()
	conn := pg.Connect(t, postgres.Database)
	defer conn.Close(t.Context())
	number := func(q string) (n float64) {
		t.Helper()
		check(t, conn.QueryRow(t.Context(), q).Scan(&n))
		return n
	}
	const commits = `SELECT (xact_commit+xact_rollback)::float8 FROM pg_stat_database WHERE datname=current_database()`
	const connections = `SELECT COUNT(*)::float8 FROM pg_stat_activity WHERE datname=current_database() AND pid<>pg_backend_pid()`
	peak := number(connections)
	time.Sleep(35 * time.Second) // idle connections go after a while
	was := number(commits)
	time.Sleep(10 * time.Second)
	t.Logf("connections per site: %.1f after work, %.1f idle; transactions per second and site, idle: %.1f",
		peak/2, number(connections)/2, (number(commits)-was)/10/2)
	rows := number(`SELECT ((SELECT COUNT(*) FROM chartseal.chartseal_orders)+(SELECT COUNT(*) FROM chartseal_engine.workflow_status)+(SELECT COUNT(*) FROM chartseal_engine.operation_outputs))::float8`)
	size := number(`SELECT (pg_total_relation_size('chartseal.chartseal_orders')+pg_total_relation_size('chartseal_engine.workflow_status')+pg_total_relation_size('chartseal_engine.operation_outputs'))::float8`)
	t.Logf("per order: %.1f rows, %.0f bytes with indexes", rows/float64(orders), size/float64(orders))
}
