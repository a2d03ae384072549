package s3_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"chartseal/transport"
	"chartseal/transport/localstore"
	"chartseal/transport/s3"
)

// clientEnv makes this test binary upload one file and report.
const clientEnv = "CHARTSEAL_TEST_CLIENT"

// job is what the uploading process is told. A ticket is a file: kept there
// by one run, and taken up from there by the next.
type job struct {
	Endpoint, Access, Secret, Path, Key, SHA256, Ticket string
	PartSize                                            int64
}

// command is the uploading process.
func (j job) command(ctx context.Context, t testing.TB) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	told, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, exe)
	cmd.Env = append(os.Environ(), clientEnv+"="+string(told))
	cmd.Stderr = os.Stderr
	return cmd
}

// client is what it does.
func client(told string) error {
	var j job
	if err := json.Unmarshal([]byte(told), &j); err != nil {
		return err
	}
	ctx := context.Background()
	var opts []s3.Option
	if j.PartSize > 0 {
		opts = append(opts, s3.WithPartSize(j.PartSize))
	}
	st, err := s3.New(ctx, s3.Config{
		Bucket: localstore.Bucket, Endpoint: j.Endpoint, PathStyle: true,
		AccessKey: j.Access, SecretKey: transport.Secret(j.Secret),
	}, opts...)
	if err != nil {
		return err
	}
	f, err := os.Open(j.Path)
	if err != nil {
		return err
	}
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	ticket, err := j.ticket()
	if err != nil {
		return err
	}
	if _, err = st.Upload(ctx, f, fi.Size(), &ticket, j.keep, nil); err != nil {
		return err
	}
	fmt.Println(peakMegabytes(os.Getpid()))
	return f.Close()
}

func (j job) ticket() (transport.Ticket, error) {
	t := transport.Ticket{Key: j.Key, SHA256: j.SHA256}
	if j.Ticket == "" {
		return t, nil
	}
	data, err := os.ReadFile(j.Ticket)
	if errors.Is(err, fs.ErrNotExist) {
		return t, nil
	}
	if err != nil {
		return t, err
	}
	return t, json.Unmarshal(data, &t)
}

func (j job) keep(t transport.Ticket) error {
	if j.Ticket == "" {
		return nil
	}
	data, err := json.Marshal(t)
	if err != nil {
		return err
	}
	if err := os.WriteFile(j.Ticket+".tmp", data, 0o600); err != nil {
		return err
	}
	return os.Rename(j.Ticket+".tmp", j.Ticket)
}

// sealedFile makes a file that nothing can compress, of CHARTSEAL_BENCH_MB
// megabytes or, where that is not set, of so many.
func sealedFile(t testing.TB, megabytes int64) (path, sum string, size int64) {
	t.Helper()
	if mb, err := strconv.ParseInt(os.Getenv("CHARTSEAL_BENCH_MB"), 10, 64); err == nil && mb > 0 {
		megabytes = mb
	}
	size = megabytes << 20
	path = filepath.Join(t.TempDir(), "sealed")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	h := sha256.New()
	if _, err := io.CopyN(io.MultiWriter(f, h), rand.NewChaCha8([32]byte{3}), size); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path, hex.EncodeToString(h.Sum(nil)), size
}

// run is what an upload by a process of its own took.
type run struct {
	seconds, cpu float64
	megabytes    float64 // the most memory it held (Linux; 0 elsewhere)
}

// uploadApart uploads in a process of its own. Its time counts from its start,
// as that of any other program.
func uploadApart(b *testing.B, sv *server, path, sum, key string) (r run) {
	b.Helper()
	j := job{Endpoint: sv.Endpoint(), Access: sv.AccessKey(), Secret: sv.SecretKey().Reveal(), Path: path, Key: key, SHA256: sum}
	cmd := j.command(b.Context(), b)
	begin := time.Now()
	out, err := cmd.Output()
	if err != nil {
		b.Fatal(err)
	}
	r.seconds, r.cpu = time.Since(begin).Seconds(), cpuOf(cmd)
	if _, err := fmt.Sscan(string(out), &r.megabytes); err != nil {
		b.Fatal(err)
	}
	return r
}

func cpuOf(cmd *exec.Cmd) float64 {
	return (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
}

func revoke(b *testing.B, st *s3.Store, key string) {
	b.Helper()
	if err := st.Revoke(b.Context(), key); err != nil {
		b.Fatal(err)
	}
}
