package s3_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"chartseal/transport/localstore"
	"chartseal/transport/s3"
	"chartseal/transport/storetest"
	versionedstore "chartseal/transport/storetest/versioned"
)

// childEnv makes this test binary the embedded store's child process, and names the file
// in which it tells its number.
const childEnv = "CHARTSEAL_TEST_STORE"

func TestMain(m *testing.M) {
	if file := os.Getenv(childEnv); file != "" {
		if err := errors.Join(storetest.Announce(file), localstore.Serve(context.Background(), os.Stdin)); err != nil {
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
	pidFile string
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
	sv := &server{pidFile: dir + ".pid"}
	sv.Server, err = localstore.Start(t.Context(), localstore.Options{
		Dir: dir,
		Command: func(context.Context) *exec.Cmd {
			cmd := exec.Command(exe)
			cmd.Env = append(os.Environ(), childEnv+"="+sv.pidFile)
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
	_ = storetest.Kill(sv.pid())
}

func (sv *server) pid() int { return storetest.Announced(sv.pidFile) }

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
	if err := st.EnsureBucket(t.Context()); err != nil {
		t.Fatal(err)
	}
	return st
}
