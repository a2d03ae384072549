package watch

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// crashEnv makes the test binary a daemon that claims and answers until it is
// killed, or until nothing is left.
const crashEnv = "WATCH_CRASH_OUTBOX"

var crashRounds = flag.Int("crash.rounds", 60, "how often the daemon is killed")

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashEnv); dir != "" {
		if err := crashDaemon(dir, os.Getenv("WATCH_CRASH_UNTIL_IDLE") != ""); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if dir := os.Getenv(fullEnv); dir != "" {
		os.Exit(fullDisk(dir))
	}
	os.Exit(m.Run())
}

func crashDaemon(dir string, untilIdle bool) error {
	o, err := Open(dir, Options{Owner: "crash", Scan: time.Millisecond, Settle: time.Millisecond})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	claims, err := o.Claims()
	if err != nil {
		return err
	}
	fmt.Println("ready")
	for _, c := range claims {
		if err := o.Offer(ctx, crashAnswer, c); err != nil {
			return err
		}
	}
	quiet := 0
	err = o.Run(ctx, crashAnswer, func(s Survey, err error) {
		n, _ := o.Working()
		quiet++
		if err != nil || s.Waiting > 0 || n > 0 {
			quiet = 0
		}
		if untilIdle && quiet > 20 {
			cancel()
		}
	})
	if ctx.Err() != nil {
		return o.Close()
	}
	return err
}

// crashAnswer answers by the order's text "ID n": most orders are held, so
// that holds are replaced; some are sent, some are answered apart.
func crashAnswer(ctx context.Context, c *Claim) error {
	b, err := c.Order()
	if err != nil {
		return err
	}
	id, number, _ := strings.Cut(string(b), " ")
	n, err := strconv.Atoi(number)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(b)
	token := hex.EncodeToString(sum[:6])
	a := hold(id, token, "held")
	switch n % 5 {
	case 0:
		a = receipt(id, token)
	case 1:
		a = hold(id, token+Apart, "apart")
	}
	return c.Answer(ctx, a)
}

func crashChild(t *testing.T, dir string, more ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(append(os.Environ(), crashEnv+"="+dir), more...)
	cmd.Stderr = os.Stderr
	return cmd
}

// Orders are dropped while the daemon is killed over and over. In the end
// every order and every signature lies in exactly one place, and every answer
// is complete.
func TestKilledAtRandomEveryOrderIsInOnePlace(t *testing.T) {
	dir := t.TempDir()
	rounds, orders := *crashRounds, 0
	life := 20 * time.Millisecond // of a daemon; as long as this machine needs
	for range rounds {
		for range 1 + rand.IntN(3) {
			crashDrop(t, dir, orders)
			orders++
		}
		cmd := crashChild(t, dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
			t.Fatalf("the daemon says %q, %v", line, err)
		}
		time.Sleep(rand.N(life))
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // killed
		if life = max(life*9/10, 5*time.Millisecond); crashCount(t, dir) > 10 {
			life = min(life*2, time.Second)
		}
	}
	left := crashCount(t, dir)
	if out, err := crashChild(t, dir, "WATCH_CRASH_UNTIL_IDLE=1").Output(); err != nil {
		t.Fatalf("%s, %v", out, err)
	}
	crashJudge(t, dir, orders)
	t.Logf("%d kills, %d orders; at the last kill %d were not answered", rounds, orders, left)
}

func crashDrop(t *testing.T, dir string, n int) {
	t.Helper()
	name := fmt.Sprintf("o%d.yaml", n)
	put(t, dir, name+SignatureSuffix, fmt.Sprintf("signature %d", n))
	put(t, dir, name+".tmp", fmt.Sprintf("R-%d %d", n%7, n))
	if err := os.Rename(filepath.Join(dir, name+".tmp"), filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

// crashCount counts what is dropped or claimed and not answered.
func crashCount(t *testing.T, dir string) (n int) {
	t.Helper()
	for _, pattern := range []string{"*.yaml", "working/*/*.yaml"} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		n += len(files)
	}
	return n
}

func crashJudge(t *testing.T, dir string, orders int) {
	t.Helper()
	places := map[string][]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if strings.Contains(p, ".yaml") {
			b, err := os.ReadFile(p)
			places[string(b)] = append(places[string(b)], strings.TrimPrefix(p, dir))
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for n := range orders {
		for _, what := range []string{fmt.Sprintf("R-%d %d", n%7, n), fmt.Sprintf("signature %d", n)} {
			if at := places[what]; len(at) != 1 {
				t.Errorf("%q is in %q", what, at)
			} else if !strings.HasPrefix(at[0], "/held/") && !strings.HasPrefix(at[0], "/sent/") && filepath.Separator == '/' {
				t.Errorf("%q is not answered: %s", what, at[0])
			}
		}
	}
	if got := list(t, dir, workingDir); len(got) != 0 {
		t.Errorf("left in working/: %q", got)
	}
	for _, k := range []Kind{Held, Sent} {
		for _, name := range list(t, dir, string(k)) {
			if got := list(t, dir, string(k), name); len(got) < 4 {
				t.Errorf("%s/%s has only %q", k, name, got)
			}
		}
	}
}
