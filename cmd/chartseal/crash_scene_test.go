package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"chartseal/packager/seal"
	"chartseal/testdata/practice"
	"chartseal/watch"
)

// stock is what all runs of a crash matrix share: the records, which chartseal
// only reads, and a practice whose state is set up, to be copied.
type stock struct {
	dir   string
	key   *seal.Key // of the recipient dr-chen
	ports chan int  // for the embedded stores, free when the stock was made

	// database makes a database that all runs of one scene share, empty or as the
	// stock's practice left its own, and returns its address; nil for SQLite.
	database func(name string, empty bool) (string, error)
}

// crashOrders are the orders of every run, by file name, with the event that the
// ledger must show for each. Two of the same number and content: one is sent.
var crashOrders = []struct {
	file, id, event string
	text            func(now time.Time) []byte
}{
	{"a key.yaml", "Mueller-1", "sent", func(now time.Time) []byte {
		return treatment("20871", "Mueller-1", now, "radiograph")
	}},
	{"b passphrase.yaml", "Alvarez-2", "sent", func(now time.Time) []byte {
		return patientAccess("10432", "Alvarez-2", now, "scan")
	}},
	{"c rule.yaml", "Nguyen-3", "held", func(now time.Time) []byte {
		text := string(treatment("NG-2201", "Nguyen-3", now, "radiograph"))
		return []byte(strings.Replace(text, "by: dr-lee", "by: nobody", 1))
	}},
	{"d repeat.yaml", "Mueller-1", "held", func(now time.Time) []byte {
		return treatment("20871", "Mueller-1", now, "radiograph")
	}},
	{"e unreadable.yaml", "e unreadable.yaml", "held", func(time.Time) []byte {
		return []byte("Please send Wójcik's pictures\n")
	}},
}

func patient(id string) practice.Patient {
	p, ok := find(id)
	if !ok {
		panic("no patient " + id)
	}
	return p
}

func treatment(who, id string, now time.Time, kinds ...string) []byte {
	return practice.OrderFor(patient(who), id, practice.OrderOptions{Now: now, Kinds: kinds})
}

func patientAccess(who, id string, now time.Time, kinds ...string) []byte {
	return practice.AccessOrderFor(patient(who), id, practice.OrderOptions{Now: now, Kinds: kinds})
}

// newStock makes the records and a practice that has run once without an order;
// changes may add to both before that.
func newStock(t *testing.T, changes ...func(s *stock, home string)) *stock {
	t.Helper()
	s := &stock{dir: t.TempDir(), ports: make(chan int, 64)}
	var err error
	s.key, err = seal.GenerateKey(false)
	must(t, err)
	home := filepath.Join(s.dir, "practice")
	must(t, smallPractice(home))
	must(t, os.Rename(filepath.Join(home, "records"), filepath.Join(s.dir, "records")))
	must(t, os.WriteFile(filepath.Join(home, "recipients.yaml"), []byte(strings.Replace(demoBook, "email:", "keys: ["+s.key.Public+"], email:", 1)), 0o600))
	s.configure(t, home)
	for _, change := range changes {
		change(s, home)
	}
	for range cap(s.ports) {
		s.ports <- freePort(t)
	}
	c := &scene{stock: s, dir: s.dir}
	must(t, c.run(t.Context(), nil))
	return s
}

// configure points the practice to the shared records and makes it quick.
func (s *stock) configure(t *testing.T, home string) {
	t.Helper()
	file := filepath.Join(home, "chartseal.yaml")
	b, err := os.ReadFile(file)
	must(t, err)
	text := strings.ReplaceAll(string(b), `"records/`, `"`+filepath.ToSlash(s.dir)+`/records/`)
	text = strings.ReplaceAll(text, `: records/`, `: `+filepath.ToSlash(s.dir)+`/records/`)
	text = strings.Replace(text, "{scan: 5s, settle: 500ms}", "{scan: 100ms, settle: 100ms}", 1)
	must(t, os.WriteFile(file, []byte(text), 0o600))
}

// freePort is a port that no other stock of this process got, below those that
// systems give to connections and those that stores choose for themselves: a store that
// starts again must find its port free.
func freePort(t *testing.T) int {
	t.Helper()
	for {
		port := 10_000 + rand.IntN(10_000)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		must(t, l.Close())
		if _, taken := portsTaken.LoadOrStore(port, true); !taken {
			return port
		}
	}
}

var portsTaken sync.Map

// scene is one run's own practice.
type scene struct {
	stock  *stock
	dir    string // holds practice/, .tmp/ and log.json
	port   int
	binary string   // "" is this test binary
	wrap   []string // a command that starts the binary, such as strace
}

func (c *scene) home() string { return filepath.Join(c.dir, "practice") }

func (c *scene) path(elem ...string) string {
	return filepath.Join(append([]string{c.home()}, elem...)...)
}

// newScene copies the practice into dir, gives its store a port of its own and
// drops the orders.
func (s *stock) newScene(dir string) (*scene, error) {
	c := &scene{stock: s, dir: dir, port: <-s.ports}
	return c, c.fillIn()
}

func (c *scene) fillIn() error {
	if err := os.CopyFS(c.home(), os.DirFS(filepath.Join(c.stock.dir, "practice"))); err != nil {
		return err
	}
	if err := errors.Join(os.Chmod(c.path("state"), 0o700), c.setPort(), c.ownDatabase(false)); err != nil {
		return err
	}
	now := time.Now()
	for _, o := range crashOrders {
		if err := os.WriteFile(c.path("outbox", o.file), o.text(now), 0o600); err != nil {
			return err
		}
	}
	signed := c.path("outbox", crashOrders[0].file+watch.SignatureSuffix) // is not looked at, but goes with its order
	return os.WriteFile(signed, []byte("untrusted comment: none\n"), 0o600)
}

var portLine = regexp.MustCompile(`"port": ?\d+`)

func (c *scene) setPort() error {
	file := c.path("state", "store", "store.json")
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a practice that never ran chooses for itself
	}
	if err != nil {
		return err
	}
	return os.WriteFile(file, portLine.ReplaceAll(b, fmt.Appendf(nil, `"port":%d`, c.port)), 0o600)
}

// ownDatabase gives the scene a database of its own, where runs share one.
func (c *scene) ownDatabase(empty bool) error {
	if c.stock.database == nil {
		return nil
	}
	name := strings.ToLower(filepath.Base(c.dir))
	if empty {
		name += "-new"
	}
	url, err := c.stock.database(name, empty)
	if err != nil {
		return err
	}
	b, err := os.ReadFile(c.path("chartseal.yaml"))
	if err != nil {
		return err
	}
	return os.WriteFile(c.path("chartseal.yaml"), databaseLine.ReplaceAll(b, []byte(`database: "`+url+`"`)), 0o600)
}

var databaseLine = regexp.MustCompile(`(?m)^database: ".*"`)

// neverRan takes away what runs have left: the state, and the mark of whose outbox it is.
func (c *scene) neverRan() error {
	return errors.Join(os.RemoveAll(c.path("state")), os.RemoveAll(c.path("outbox", ".chartseal")), c.ownDatabase(true))
}

// close gives the port back.
func (c *scene) close() { c.stock.ports <- c.port }

// command is chartseal on this practice, with a temporary folder of its own.
func (c *scene) command(ctx context.Context, env []string, args ...string) *exec.Cmd {
	exe := c.binary
	if exe == "" {
		exe = os.Args[0]
	}
	line := append(append([]string{}, c.wrap...), exe)
	line = append(append(line, args...), "-c", c.path("chartseal.yaml"), "--log", filepath.Join(c.dir, "log.json"))
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	tmp := filepath.Join(c.dir, ".tmp")
	_ = os.MkdirAll(tmp, 0o700)
	cmd.Env = append(os.Environ(), "CHARTSEAL_TEST_CHILD=1", "TMPDIR="+tmp, "TMP="+tmp, "TEMP="+tmp)
	cmd.Env = append(cmd.Env, env...)
	cmd.WaitDelay = 10 * time.Second
	ownGroup(cmd)
	return cmd
}

// run lets the daemon work until it is idle.
func (c *scene) run(ctx context.Context, env []string) error {
	ctx, cancel := context.WithTimeout(ctx, 8*time.Minute)
	defer cancel()
	var out lastWords
	cmd := c.command(ctx, env, "run", "--until-idle")
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%w\n%s", err, out.String())
	}
	return nil
}

// lastWords keeps what a process said, for the report of a failure.
type lastWords struct {
	mu sync.Mutex
	b  []byte
}

var _ io.Writer = (*lastWords)(nil)

func (w *lastWords) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.b = append(w.b, p...)
	if n := len(w.b) - 4<<10; n > 0 {
		w.b = w.b[n:]
	}
	return len(p), nil
}

func (w *lastWords) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return string(w.b)
}
