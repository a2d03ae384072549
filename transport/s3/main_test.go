package s3_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"chartseal/transport/localstore"
	"chartseal/transport/s3"
	"chartseal/transport/storetest"
	versionedstore "chartseal/transport/storetest/versioned"
)

// childEnv makes this test binary the embedded store's child process.
const childEnv = "CHARTSEAL_TEST_STORE"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		if err := localstore.Serve(context.Background(), os.Stdin); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if dir := os.Getenv(versionedstore.Env); dir != "" {
		fmt.Fprintln(os.Stderr, versionedstore.Serve(dir))
		os.Exit(1)
	}
	if told := os.Getenv(clientEnv); told != "" {
		if err := client(told); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// server is the embedded store of one test, whose child can be killed.
type server struct {
	*localstore.Server
	mu  sync.Mutex
	cmd *exec.Cmd
}

func startServer(t testing.TB) *server {
	t.Helper()
	return startServerIn(t, t.TempDir())
}

func startServerIn(t testing.TB, dir string) *server {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	sv := &server{}
	sv.Server, err = localstore.Start(t.Context(), localstore.Options{
		Dir: dir,
		Command: func(context.Context) *exec.Cmd {
			cmd := exec.Command(exe)
			cmd.Env = append(os.Environ(), childEnv+"=1")
			sv.mu.Lock()
			defer sv.mu.Unlock()
			sv.cmd = cmd
			return cmd
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sv.Close() })
	return sv
}

// kill ends the child without warning, as a crash would.
func (sv *server) kill() {
	sv.mu.Lock()
	defer sv.mu.Unlock()
	_ = sv.cmd.Process.Kill()
}

func (sv *server) pid() int {
	sv.mu.Lock()
	defer sv.mu.Unlock()
	return sv.cmd.Process.Pid
}

func (sv *server) config() s3.Config {
	return s3.Config{
		Bucket: localstore.Bucket, Region: localstore.Region, Endpoint: sv.Endpoint(), PathStyle: true,
		AccessKey: sv.AccessKey(), SecretKey: sv.SecretKey(),
	}
}

// open makes a Store with the bucket there.
func open(t testing.TB, cfg s3.Config, opts ...s3.Option) *s3.Store {
	t.Helper()
	opts = append([]s3.Option{s3.WithPartSize(storetest.PartSize)}, opts...)
	st, err := s3.New(t.Context(), cfg, opts...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := st.EnsureBucket(ctx); err != nil {
		t.Fatal(err)
	}
	return st
}
