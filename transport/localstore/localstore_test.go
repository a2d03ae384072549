package localstore_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"chartseal/transport/localstore"
	"chartseal/transport/storetest"
)

// The test binary is also the child, one that never answers, and the parent that dies.
const (
	childEnv  = "CHARTSEAL_TEST_STORE" // names the file in which the child tells its number
	mutedEnv  = "CHARTSEAL_TEST_MUTED"
	parentEnv = "CHARTSEAL_TEST_PARENT"
)

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(mutedEnv) != "":
		_, _ = io.Copy(io.Discard, os.Stdin)
	case os.Getenv(childEnv) != "":
		if err := errors.Join(storetest.Announce(os.Getenv(childEnv)), localstore.Serve(context.Background(), os.Stdin)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	case os.Getenv(parentEnv) != "":
		s, err := localstore.Start(context.Background(), options(os.Getenv(parentEnv), nil))
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(s.Endpoint())
		select {}
	default:
		os.Exit(m.Run())
	}
}

func pidFile(dir string) string { return dir + ".pid" }

func options(dir string, last *atomic.Pointer[exec.Cmd]) localstore.Options {
	return localstore.Options{
		Dir: dir,
		Command: func(context.Context) *exec.Cmd {
			exe, _ := os.Executable()
			cmd := exec.Command(exe)
			cmd.Env = append(os.Environ(), childEnv+"="+pidFile(dir))
			if last != nil {
				last.Store(cmd)
			}
			return cmd
		},
	}
}

func start(t *testing.T, o localstore.Options) *localstore.Server {
	t.Helper()
	s, err := localstore.Start(t.Context(), o)
	if err != nil {
		if se, ok := errors.AsType[*localstore.StartError](err); ok {
			t.Log(se.Output)
		}
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// answers reports whether an S3 server is there; the bucket is not.
func answers(endpoint string) bool { return answersWithin(endpoint, time.Minute) }

func answersWithin(endpoint string, patience time.Duration) bool {
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(endpoint + "/" + localstore.Bucket)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusNotFound && resp.Header.Get("Server") == "VERSITYGW"
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for until := time.Now().Add(2 * time.Minute); time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("%s: not within two minutes", what)
}

func TestKeepsPortAndKeys(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state", "store")
	var cmd atomic.Pointer[exec.Cmd]
	first := start(t, options(dir, &cmd))
	if !answers(first.Endpoint()) {
		t.Fatal("no answer")
	}
	all := strings.Join(append(cmd.Load().Args, cmd.Load().Env...), " ")
	if strings.Contains(all, first.SecretKey().Reveal()) || strings.Contains(all, first.AccessKey()) {
		t.Error("a key is among the arguments or in the environment")
	}
	if runtime.GOOS != "windows" {
		for path, mode := range map[string]os.FileMode{".": 0o700, "data": 0o700, "meta": 0o700, "store.json": 0o600} {
			if fi, err := os.Stat(filepath.Join(dir, path)); err != nil || fi.Mode().Perm() != mode {
				t.Errorf("%s: %v, %v; want mode %o", path, fi, err, mode)
			}
		}
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if answers(first.Endpoint()) {
		t.Error("it answers after Close")
	}
	second := start(t, options(dir, nil))
	if second.Endpoint() != first.Endpoint() || second.AccessKey() != first.AccessKey() || second.SecretKey() != first.SecretKey() {
		t.Error("port or keys changed: every link is dead")
	}
	other := start(t, options(t.TempDir(), nil))
	if other.AccessKey() == first.AccessKey() || other.SecretKey() == first.SecretKey() {
		t.Error("two stores share keys")
	}
}

func TestLoopbackOnly(t *testing.T) {
	s := start(t, options(t.TempDir(), nil))
	_, port, _ := strings.Cut(strings.TrimPrefix(s.Endpoint(), "http://"), ":")
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		ip, ok := a.(*net.IPNet)
		if !ok || ip.IP.IsLoopback() || ip.IP.IsLinkLocalUnicast() {
			continue
		}
		c, err := net.DialTimeout("tcp", net.JoinHostPort(ip.IP.String(), port), time.Second)
		if err == nil {
			_ = c.Close()
			t.Errorf("it listens on %s", ip.IP)
		}
	}
}

func TestRestartsChild(t *testing.T) {
	var died atomic.Int32
	dir := t.TempDir()
	o := options(dir, nil)
	o.Died = func() { died.Add(1) }
	s := start(t, o)
	for n := int32(1); n <= 2; n++ {
		old := storetest.Announced(pidFile(dir))
		if err := storetest.Kill(old); err != nil {
			t.Fatal(err)
		}
		eventually(t, "another child", func() bool {
			now := storetest.Announced(pidFile(dir))
			return now != 0 && now != old && answers(s.Endpoint())
		})
		if died.Load() < n {
			t.Errorf("death %d was told %d times", n, died.Load())
		}
	}
}

func TestChildDiesWithParent(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	parent := exec.CommandContext(t.Context(), exe)
	parent.Env = append(os.Environ(), parentEnv+"="+t.TempDir())
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err = parent.Start(); err != nil {
		t.Fatal(err)
	}
	endpoint, err := bufio.NewReader(out).ReadString('\n')
	endpoint = strings.TrimSpace(endpoint)
	if err != nil || !answers(endpoint) {
		t.Fatalf("parent says %q, %v", endpoint, err)
	}
	_ = parent.Process.Kill()
	_ = parent.Wait()
	eventually(t, "end of the child", func() bool { return !answersWithin(endpoint, time.Second) })
}

// A stop is heeded while a child is waited for that neither answers nor ends.
func TestStopsWhileItStarts(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o := options(t.TempDir(), nil)
	o.Command = func(context.Context) *exec.Cmd {
		exe, _ := os.Executable()
		cmd := exec.Command(exe)
		cmd.Env = append(os.Environ(), mutedEnv+"=1")
		time.AfterFunc(100*time.Millisecond, cancel)
		return cmd
	}
	if _, err := localstore.Start(ctx, o); !errors.Is(err, context.Canceled) || errors.Is(err, localstore.ErrStart) {
		t.Errorf("stopped while it starts: %v", err)
	}
}

// The context of the start ends no store that serves.
func TestOutlivesItsStart(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o := options(t.TempDir(), nil)
	command, childs := o.Command, t.Context()
	o.Command = func(ctx context.Context) *exec.Cmd {
		childs = ctx
		return command(ctx)
	}
	s, err := localstore.Start(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if childs.Err() != nil || !answers(s.Endpoint()) {
		t.Error("it ended with its start")
	}
	if err := s.Close(); err != nil || answers(s.Endpoint()) {
		t.Errorf("it answers after Close: %v", err)
	}
}

func TestPortTaken(t *testing.T) {
	dir := t.TempDir()
	s := start(t, options(dir, nil))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", strings.TrimPrefix(s.Endpoint(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, err = localstore.Start(t.Context(), options(dir, nil))
	if !errors.Is(err, localstore.ErrPortTaken) {
		t.Errorf("port taken: %v", err)
	}
}

func TestStateDamaged(t *testing.T) {
	for _, content := range []string{"", "{}", "not JSON", `{"version":1,"port":70000,"access_key":"a","secret_key":"b","meta":"xattr"}`, `{"version":2}`} {
		dir := t.TempDir()
		path := filepath.Join(dir, "store.json")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := localstore.Start(t.Context(), options(dir, nil)); !errors.Is(err, localstore.ErrState) {
			t.Errorf("%q: %v", content, err)
		}
		if after, err := os.ReadFile(path); err != nil || string(after) != content {
			t.Errorf("%q was replaced", content)
		}
	}
}

func TestChildFails(t *testing.T) {
	o := options(t.TempDir(), nil)
	o.Command = func(context.Context) *exec.Cmd {
		exe, _ := os.Executable()
		return exec.Command(exe, "-test.run=^$", "-test.badflag")
	}
	_, err := localstore.Start(t.Context(), o)
	var se *localstore.StartError
	if !errors.Is(err, localstore.ErrStart) || !errors.As(err, &se) {
		t.Fatalf("child that fails: %v", err)
	}
	if strings.Contains(err.Error(), "badflag") {
		t.Error("the error repeats the child's words")
	}
}

func TestNoSuchProgram(t *testing.T) {
	o := options(t.TempDir(), nil)
	missing := filepath.Join(t.TempDir(), "alvarez")
	o.Command = func(context.Context) *exec.Cmd { return exec.Command(missing) }
	if _, err := localstore.Start(t.Context(), o); err == nil || strings.Contains(err.Error(), "alvarez") {
		t.Errorf("%v", err)
	}
}

func TestServeOrders(t *testing.T) {
	for _, in := range []string{"", "\n", "{}\n", "nonsense\n", `{"data":"/x","port":1}` + "\n", strings.Repeat("x", 100_000)} {
		if err := localstore.Serve(t.Context(), strings.NewReader(in)); err == nil || strings.Contains(err.Error(), "nonsense") {
			t.Errorf("orders %.20s: %v", strconv.Quote(in), err)
		}
	}
}
