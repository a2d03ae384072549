//go:build interop && unix

package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"chartseal"
	"chartseal/ledger"
	"chartseal/testdata/postgres"
)

// stateOf reads an order's row by its release reference.
func stateOf(t *testing.T, conn *pgx.Conn) map[string]string {
	t.Helper()
	out := map[string]string{}
	var there bool
	check(t, conn.QueryRow(t.Context(), `SELECT to_regclass('chartseal.chartseal_sites') IS NOT NULL`).Scan(&there))
	if !there {
		return out
	}
	rows, err := conn.Query(t.Context(), `SELECT ref, state FROM chartseal.chartseal_orders`)
	check(t, err)
	var ref, state string
	_, err = pgx.ForEachRow(rows, []any{&ref, &state}, func() error { out[ref] = state; return nil })
	check(t, err)
	return out
}

// barCommit keeps every order from the point of no return, as a database does that is busy
// with other sites; end gives way.
func barCommit(t *testing.T, pg *postgres.Server) (end func()) {
	t.Helper()
	conn := pg.Connect(t, postgres.Database)
	for _, q := range []string{
		`CREATE FUNCTION chartseal.bar() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'barred' USING ERRCODE='lock_not_available'; END$$`,
		`CREATE TRIGGER bar BEFORE UPDATE ON chartseal.chartseal_orders FOR EACH ROW WHEN (NEW.state='recording') EXECUTE FUNCTION chartseal.bar()`,
	} {
		_, err := conn.Exec(t.Context(), q)
		check(t, err)
	}
	return func() {
		t.Helper()
		_, err := conn.Exec(t.Context(), `DROP FUNCTION chartseal.bar CASCADE`)
		check(t, err)
		check(t, conn.Close(t.Context()))
	}
}

// waitAtCommit lets a site work until all its orders wait at the point of no return,
// uploaded and with their links made.
func waitAtCommit(t *testing.T, pg *postgres.Server, s *station, orders int) {
	t.Helper()
	conn := pg.Connect(t, postgres.Database)
	comes(t, "the orders wait at the point of no return", func() bool {
		var n int
		check(t, conn.QueryRow(t.Context(), `SELECT COUNT(*) FROM chartseal.chartseal_orders WHERE state='working' AND stage='record' AND waiting<>''`).Scan(&n))
		return n == orders && s.objects("*.html") == orders
	})
	check(t, conn.Close(t.Context()))
}

// TestInteropTakeover kills a site at the point of no return, has its orders sent
// at another, and lets it come back.
func TestInteropTakeover(t *testing.T) {
	t.Parallel()
	pg := postgres.Start(t)
	a, b := newStation(t, pg.URL(), "front"), newStation(t, pg.URL(), "back")
	a.up()
	b.up()
	comes(t, "both are there", func() bool {
		out, _ := b.do("site", "list")
		return strings.Count(out, "running") == 2
	})
	ids := []string{"R-ONE", "R-TWO", "R-THREE"}
	end := barCommit(t, pg)
	for i, id := range ids {
		a.drop(id, i)
	}
	waitAtCommit(t, pg, a, len(ids))
	if out, code := b.do("site", "takeover", "front", "--yes"); code != 1 || !strings.Contains(out, "it is running") {
		t.Fatalf("a running site: exit %d, %s", code, out)
	}
	a.kill()
	end()
	refuseTakeovers(t, b)

	// One order had passed the point of no return when the power went.
	conn := pg.Connect(t, postgres.Database)
	_, err := conn.Exec(t.Context(), `UPDATE chartseal.chartseal_orders SET state='recording' WHERE ref=(SELECT MIN(ref) FROM chartseal.chartseal_orders)`)
	check(t, err)
	check(t, conn.Close(t.Context()))
	out, code := b.do("site", "takeover", "front", "--yes", "--json")
	var took chartseal.Takeover
	if err := json.Unmarshal([]byte(out), &took); err != nil || code != 0 || len(took.Moved) != 2 || len(took.Recording) != 1 {
		t.Fatalf("exit %d, %v, %s", code, err, out)
	}
	for _, id := range ids {
		if strings.Contains(out, id) {
			t.Errorf("the takeover names the order %s", id)
		}
		b.drop(id, index(ids, id))
	}
	comes(t, "the other site answers", func() bool { return len(dirs(t, b, "sent")) == 2 && len(dirs(t, b, "held")) == 1 })
	if text := whyHeld(t, dirs(t, b, "held")[0]); !strings.Contains(text, `being worked on already at the site "front"`) {
		t.Error(text)
	}

	before := a.objects("*.age")
	a.up()
	comes(t, "the site that was dead ends its orders", func() bool { return len(dirs(t, a, "sent")) == 1 && len(dirs(t, a, "held")) == 2 })
	comes(t, "what was sealed for others is gone", func() bool { return a.sealed() == 0 }) // a moment after the answer
	if before != 3 || a.objects("*.age") != 1 || a.objects("*.html") != 1 || a.sealed() != 0 {
		t.Errorf("%d objects before; left %d, %d pages, %d sealed files", before, a.objects("*.age"), a.objects("*.html"), a.sealed())
	}
	for _, d := range dirs(t, a, "held") {
		if text := whyHeld(t, d); !strings.Contains(text, "Nothing was sent from here") {
			t.Error(text)
		}
	}
	sentA, sentB := a.events(ledger.Sent), b.events(ledger.Sent)
	for _, id := range ids {
		if sentA[id]+sentB[id] != 1 {
			t.Errorf("%s was sent %d + %d times", id, sentA[id], sentB[id])
		}
	}
	if n := len(a.events(ledger.TakenOver)); n != 2 {
		t.Errorf("%d taken-over entries in the ledger", n)
	}
	// Once more: a site that is taken over and has answered is not disturbed.
	check(t, a.stop())
	a.up()
	a.lives()
	time.Sleep(5 * time.Second) // some scans
	check(t, a.stop())
	if out, code := a.do("ledger", "verify"); code != 0 {
		t.Error(out)
	}
	if len(a.events(ledger.Sent)) != 1 || len(a.events(ledger.TakenOver)) != 2 || len(dirs(t, a, "held")) != 2 {
		t.Error("the second start did something again")
	}
	check(t, b.stop())
	noPatients(t, pg, ids)
	a.noSecrets(pg)
	b.noSecrets(pg)
}

func index(all []string, s string) int {
	for i, x := range all {
		if x == s {
			return i
		}
	}
	return -1
}

// refuseTakeovers: what must not be taken over, and is not.
func refuseTakeovers(t *testing.T, s *station) {
	t.Helper()
	for _, c := range []struct {
		args []string
		code int
		say  string
	}{
		{[]string{"front"}, 2, "add --yes"}, // nobody to ask
		{[]string{"nobody", "--yes"}, 2, "no site of this name"},
		{[]string{"back", "--yes"}, 2, "very configuration"},
	} {
		if out, code := s.do(append([]string{"site", "takeover"}, c.args...)...); code != c.code || !strings.Contains(out, c.say) {
			t.Errorf("%v: exit %d, %s", c.args, code, out)
		}
	}
}

// TestInteropSharedOutbox: two daemons on one outbox; one dies, and what it had
// claimed is answered by the other.
func TestInteropSharedOutbox(t *testing.T) {
	t.Parallel()
	pg := postgres.Start(t)
	a := newStation(t, pg.URL(), "front")
	b := newStation(t, pg.URL(), "back", "outbox: outbox ", `outbox: "`+a.outbox+`" `)
	b.outbox = a.outbox
	a.up()
	b.up()
	comes(t, "both are there", func() bool {
		out, _ := b.do("site", "list")
		return strings.Count(out, "running") == 2
	})
	var ids []string
	for i := range 20 {
		id := "R-S" + string(rune('A'+i))
		ids = append(ids, id)
		a.drop(id, i)
	}
	comes(t, "all are sent", func() bool { return len(dirs(t, a, "sent")) == len(ids) })
	sentA, sentB := len(a.events(ledger.Sent)), len(b.events(ledger.Sent))
	if sentA+sentB != len(ids) || len(dirs(t, a, "held")) != 0 {
		t.Fatalf("%d + %d sent, %d held", sentA, sentB, len(dirs(t, a, "held")))
	}
	t.Logf("%d by the one, %d by the other", sentA, sentB)
	check(t, b.stop())
	end := barCommit(t, pg)
	for i := range 3 { // only a is there to claim these
		a.drop("R-D"+string(rune('A'+i)), i)
	}
	conn := pg.Connect(t, postgres.Database)
	comes(t, "the orders are taken in", func() bool { return len(stateOf(t, conn)) == len(ids)+3 })
	a.kill()
	end()
	was := 0
	for _, s := range stateOf(t, conn) {
		if s == "working" {
			was++
		}
	}
	b.up()
	comes(t, "it runs", func() bool { out, _ := b.do("site", "list"); return strings.Contains(out, "running") })
	b.lives()
	time.Sleep(6 * time.Second) // some scans
	claims, err := filepath.Glob(filepath.Join(a.outbox, "working", "*"))
	check(t, err)
	if was != 3 || len(claims) < was {
		t.Fatalf("%d orders of the dead site, %d claims: the other touched them", was, len(claims))
	}
	if out, code := b.do("site", "takeover", "front", "--yes"); code != 0 || !strings.Contains(out, "put back into this outbox") {
		t.Fatalf("exit %d: %s", code, out)
	}
	comes(t, "the other site answers them", func() bool { return len(dirs(t, a, "sent")) == len(ids)+3 })
	a.up()
	a.lives()
	time.Sleep(10 * time.Second) // some scans
	check(t, a.stop())
	check(t, b.stop())
	total := map[string]int{}
	for _, s := range []*station{a, b} {
		for id, n := range s.events(ledger.Sent) {
			total[id] += n
		}
	}
	for id, n := range total {
		if n != 1 {
			t.Errorf("%s was sent %d times", id, n)
		}
	}
	if len(total) != len(ids)+3 || len(dirs(t, a, "held")) != 0 {
		t.Errorf("%d orders sent, %d held", len(total), len(dirs(t, a, "held")))
	}
	left, err := filepath.Glob(filepath.Join(a.outbox, "working", "*"))
	check(t, err)
	if len(left) != 0 {
		t.Errorf("%d claims are left", len(left))
	}
}

// TestInteropSiteIdentity: one name, one daemon; one state folder, one daemon.
func TestInteropSiteIdentity(t *testing.T) {
	t.Parallel()
	pg := postgres.Start(t)
	a := newStation(t, pg.URL(), "front")
	copied := newStation(t, pg.URL(), "other")
	if out, code := a.do("run", "--until-idle"); code != 0 {
		t.Fatalf("exit %d, %s", code, out)
	}
	check(t, os.CopyFS(filepath.Join(copied.dir, "state"), os.DirFS(filepath.Join(a.dir, "state"))))
	a.up()
	comes(t, "it runs", func() bool { out, _ := a.do("site", "list"); return strings.Contains(out, "running") })
	twin := newStation(t, pg.URL(), "front")
	if out, code := twin.do("run", "--until-idle"); code != 2 || !strings.Contains(out, "already works under this site name") {
		t.Errorf("same name: exit %d, %s", code, out)
	}
	check(t, os.Remove(filepath.Join(copied.dir, "state", "store", "store.json"))) // with its port, which is taken on this computer
	began := time.Now()
	if out, code := copied.do("run", "--until-idle"); code != 2 || !strings.Contains(out, "copy of this state folder") {
		t.Errorf("same executor: exit %d, %s", code, out)
	}
	t.Logf("a copy of the state folder is refused after %.1f s", time.Since(began).Seconds())
	check(t, a.stop())
	a.change(`site: "front"`, `site: "desk"`) // renamed: the old name is free
	if out, code := a.do("run", "--until-idle"); code != 0 {
		t.Errorf("renamed: exit %d, %s", code, out)
	}
	if out, code := twin.do("run", "--until-idle"); code != 0 {
		t.Errorf("the free name: exit %d, %s", code, out)
	}
	if out, _ := a.do("site", "list"); !strings.Contains(out, "desk ") || !strings.Contains(out, "front ") || strings.Contains(out, "other ") {
		t.Errorf("sites:\n%s", out)
	}
	if out, code := a.do("check"); code != 0 || !strings.Contains(out, "its locks hold") || strings.Contains(out, "verify-full") {
		t.Errorf("check: exit %d, %s", code, out)
	}
}

// TestInteropDatabaseOutage: the database is stopped, killed, cut off and
// frozen while orders are on their way; each ends once.
func TestInteropDatabaseOutage(t *testing.T) {
	t.Parallel()
	pg := postgres.Start(t)
	a := newStation(t, pg.URL(), "front")
	pg.Down()
	fails(t, a, "send", filepath.Join(a.dir, "chartseal.yaml"))
	fails(t, a, "check")
	a.up()
	comes(t, "the daemon says that it waits", func() bool { return strings.Contains(logOf(a), "waiting for the shared database") })
	if out, code := a.do("status"); code != 0 || !strings.Contains(out, "cannot be reached") {
		t.Errorf("status: exit %d, %s", code, out)
	}
	store := storeAddress(t, a)
	if resp, err := http.Get("http://" + store); err != nil {
		t.Errorf("links are dead while the database is away: %v", err)
	} else {
		resp.Body.Close()
	}
	pg.Up(t)
	n := 0
	drop := func() {
		for within := false; !within; { // all four may be sent between two looks
			for range 4 {
				a.drop(fmt.Sprintf("R-OUT-%02d", n), n)
				n++
			}
			comes(t, "the daemon is in the middle of them", func() bool {
				left := n - len(dirs(t, a, "sent"))
				within = left > 0 && strings.Count(logOf(a), `"stage":"admit"`) > n-4
				return within || left == 0
			})
		}
		time.Sleep(time.Duration(n) * 100 * time.Millisecond) // at another stage each time
	}
	for _, trouble := range []struct {
		name string
		do   func()
	}{
		{"cut", func() { pg.Cut(t) }},
		{"stopped", func() { pg.Down(); time.Sleep(5 * time.Second); pg.Up(t) }},
		{"killed", func() { pg.Kill(); time.Sleep(3 * time.Second); pg.Up(t) }},
		{"cut", func() { pg.Cut(t) }},
		{"frozen", func() { pg.Freeze(t, true); time.Sleep(25 * time.Second); pg.Freeze(t, false) }},
		{"restarted at once", func() { pg.Kill(); pg.Up(t) }},
	} {
		drop()
		began := time.Now()
		trouble.do()
		over := time.Now()
		comes(t, "all are sent after the database was "+trouble.name, func() bool { return len(dirs(t, a, "sent")) == n })
		t.Logf("%s for %.1f s: all sent %.1f s later", trouble.name, over.Sub(began).Seconds(), time.Since(over).Seconds())
	}
	astray(t, pg, a)
	pg.Down()
	time.Sleep(2 * time.Second)
	began := time.Now()
	check(t, a.stop()) // ends although the database is away
	t.Logf("ended %.1f s after the signal", time.Since(began).Seconds())
	pg.Up(t)
	if out, code := a.do("run", "--until-idle"); code != 0 {
		t.Errorf("exit %d, %s", code, out)
	}
	for id, k := range a.events(ledger.Sent) {
		if k != 1 {
			t.Errorf("%s was sent %d times", id, k)
		}
	}
	if len(a.events(ledger.Sent)) != n || a.objects("*.age") != n || a.sealed() != 0 || len(dirs(t, a, "held")) != 0 {
		t.Errorf("%d of %d sent, %d objects, %d sealed files left, %d held", len(a.events(ledger.Sent)), n, a.objects("*.age"), a.sealed(), len(dirs(t, a, "held")))
	}
	noPatients(t, pg, []string{"R-OUT"})
	a.noSecrets(pg)
}

// astray makes the engine forget that a release is done. The daemon has to
// notice by itself. A daemon that opens its engine again for another reason, such
// as the outage before, takes the release up in passing: then once more.
func astray(t *testing.T, pg *postgres.Server, s *station) {
	t.Helper()
	conn := pg.Connect(t, postgres.Database)
	defer conn.Close(t.Context())
	for range 4 {
		before := strings.Count(logOf(s), "engine lost track")
		tag, err := conn.Exec(t.Context(), `UPDATE chartseal_engine.workflow_status SET status='PENDING', output=NULL
			WHERE workflow_uuid=(SELECT MIN(workflow_uuid) FROM chartseal_engine.workflow_status WHERE status='SUCCESS')`)
		if err != nil || tag.RowsAffected() != 1 {
			t.Fatal(err, tag)
		}
		comes(t, "the stray release is taken up", func() bool {
			var left int
			check(t, conn.QueryRow(t.Context(), `SELECT COUNT(*) FROM chartseal_engine.workflow_status WHERE status<>'SUCCESS'`).Scan(&left))
			return left == 0
		})
		if strings.Count(logOf(s), "engine lost track") > before {
			return
		}
	}
	t.Error("the daemon did not notice the stray release by itself")
}

// TestInteropStatusAcrossSites: what an order waits for at one site is seen at
// another, whether the daemons run or not.
func TestInteropStatusAcrossSites(t *testing.T) {
	t.Parallel()
	pg := postgres.Start(t)
	a := newStation(t, pg.URL(), "front", "{kind: local}", `{kind: s3, bucket: nowhere, region: us-east-1, endpoint: "http://127.0.0.1:1", path_style: true, baa_on: 2026-01-01}`)
	a.env = []string{"AWS_ACCESS_KEY_ID=AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY=secret"}
	b := newStation(t, pg.URL(), "back")
	a.up()
	a.drop("R-WAITS", 0)
	seen := func(s *station) (out chartseal.Standing) {
		text, code := s.do("status", "--json")
		var st chartseal.Status
		if err := json.Unmarshal([]byte(text), &st); err != nil || code != 0 {
			t.Fatalf("%v, exit %d, %s", err, code, text)
		}
		for _, r := range st.Releases {
			out = r
		}
		return out
	}
	comes(t, "the other site sees what is waited for", func() bool { return seen(b).Waiting == "store unavailable" })
	a.kill()
	r := seen(b)
	if r.Site != "front" || r.Stage != "upload" || r.State != "working" || r.Order != "" || r.Since == "" {
		t.Errorf("%+v", r)
	}
	if text, _ := b.do("status"); !strings.Contains(text, "front") || !strings.Contains(text, "store unavailable") {
		t.Error(text)
	}
	if own := seen(a); own.Site != "front" || own.Waiting != "store unavailable" {
		t.Errorf("%+v", own)
	}
	noPatients(t, pg, []string{"R-WAITS"})
}

func logOf(s *station) string {
	b, _ := os.ReadFile(s.log)
	return string(b)
}

// fails: the command ends with 1 and a sentence that names no address.
func fails(t *testing.T, s *station, args ...string) {
	t.Helper()
	began := time.Now()
	out, code := s.do(args...)
	if code != 1 || !strings.Contains(out, "the shared database cannot be reached") || time.Since(began) > 2*time.Minute {
		t.Errorf("%v: exit %d after %v, %s", args, code, time.Since(began), out)
	}
	for _, secret := range []string{postgres.User, postgres.Password, postgres.Database} {
		if strings.Contains(out, secret) {
			t.Errorf("%v shows %s: %s", args, secret, out)
		}
	}
}

// storeAddress is where the embedded store listens.
func storeAddress(t *testing.T, s *station) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(s.dir, "state", "store", "store.json"))
	check(t, err)
	var st struct{ Port int }
	check(t, json.Unmarshal(b, &st))
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(st.Port))
}
