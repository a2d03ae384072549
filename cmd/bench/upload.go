package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"time"

	"chartseal/transport"
	"chartseal/transport/localstore"
	"chartseal/transport/s3"
)

// jobEnv tells a child what to upload; secrets are no arguments.
const jobEnv = "CHARTSEAL_BENCH_JOB"

// job is what the uploading child is told.
type job struct{ Endpoint, Access, Secret, Path, Key, SHA256 string }

func (j job) store(ctx context.Context) (*s3.Store, error) {
	return s3.New(ctx, s3.Config{
		Bucket: localstore.Bucket, Endpoint: j.Endpoint, PathStyle: true,
		AccessKey: j.Access, SecretKey: transport.Secret(j.Secret),
	})
}

func childUpload(ctx context.Context) error {
	var j job
	if err := json.Unmarshal([]byte(os.Getenv(jobEnv)), &j); err != nil {
		return err
	}
	st, err := j.store(ctx)
	if err != nil {
		return err
	}
	f, err := os.Open(j.Path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	_, err = st.Upload(ctx, f, info.Size(), &transport.Ticket{Key: j.Key, SHA256: j.SHA256}, func(transport.Ticket) error { return nil }, nil)
	return err
}

// uploadPart uploads a sealed file to the embedded store.
func uploadPart(ctx context.Context, b *bench) (err error) {
	sv, err := localstore.Start(ctx, localstore.Options{
		Dir:     b.path("store"),
		Command: func(ctx context.Context) *exec.Cmd { return exec.CommandContext(ctx, b.self, childPrefix+"store") },
	})
	if err != nil {
		return err
	}
	defer func() { _ = sv.Close() }()
	j := job{Endpoint: sv.Endpoint(), Access: sv.AccessKey(), Secret: sv.SecretKey().Reveal(), Path: b.path("sealed")}
	if j.SHA256, err = noise(j.Path, int64(b.size)*1_000_000); err != nil {
		return err
	}
	st, err := j.store(ctx)
	if err != nil {
		return err
	}
	if err := st.EnsureBucket(ctx); err != nil {
		return err
	}
	gone := func() error { return st.Revoke(ctx, j.Key) }
	list := []contender{
		{"rclone copyto", []string{"rclone"}, j.rclone(), gone},
		{"rclone copyto, not waiting", []string{"rclone"}, j.rclone(unwaiting...), gone},
		{"chartseal", nil, j.ours(b), gone},
	}
	return b.compareUploads(ctx, list, j.Path)
}

// unwaiting are flags without which rclone waits up to a second, before each of its parts, for
// the store to say that it may go on (RFC 9110, 100 Continue).
var unwaiting = []string{"--expect-continue-timeout", "0s"}

// compareUploads compares the last of the contenders with the fastest of the others.
func (b *bench) compareUploads(ctx context.Context, list []contender, path string) error {
	all, err := b.contest(ctx, list, path)
	if err != nil {
		return err
	}
	t := table{
		title: fmt.Sprintf("Upload of %d MB to the embedded store", b.size), head: []string{"program", "time", "× " + list[0].name, "from – to", "MB/s", "processor", "peak memory"},
		after: fmt.Sprintf("Medians of %d rounds; seconds. Not waiting: %s. The store's own work is not in the processor time. ", b.rounds, strings.Join(unwaiting, " ")) + peakWords,
	}
	best := 0
	for i := range list {
		if tool := list[i].missing(); tool != "" {
			t.row(list[i].name, "not measured: no "+tool, "", "", "", "", "")
			continue
		}
		wall := seconds(all[i], func(f figures) time.Duration { return f.wall })
		cpu := seconds(all[i], func(f figures) time.Duration { return f.cpu })
		r := ratios(all[i], all[0])
		t.row(list[i].name, fmt.Sprintf("%.2f", wall.median), fmt.Sprintf("%.2f", r.median), fmt.Sprintf("%.2f – %.2f", r.low, r.high),
			fmt.Sprintf("%.0f", float64(b.size)/wall.median), fmt.Sprintf("%.2f", cpu.median), peakText(all[i]))
		if i < len(list)-1 && r.median < ratios(all[best], all[0]).median {
			best = i
		}
	}
	b.print(&t)
	b.atLeast("upload: "+list[best].name, 1, all[best], all[len(all)-1])
	return os.Remove(path)
}

// fresh is the job with a name that no object has.
func (j *job) fresh() error {
	key, err := transport.NewKey(nil, "")
	j.Key = key
	return err
}

func (j *job) rclone(flags ...string) func(ctx context.Context, src, out, work string) *exec.Cmd {
	return func(ctx context.Context, src, _, work string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, "rclone", "copyto", src, ":s3:", "--config", work+"/none",
			"--s3-provider", "Other", "--s3-no-check-bucket", "--s3-endpoint", j.Endpoint)
		if cmd.Err = errors.Join(cmd.Err, j.fresh()); cmd.Err != nil {
			return cmd
		}
		cmd.Args[3] += localstore.Bucket + "/" + j.Key
		cmd.Args = append(cmd.Args, flags...)
		// rclone before 1.64 fails on a custom CA bundle.
		cmd.Env = append(os.Environ(), "AWS_CA_BUNDLE=", "RCLONE_S3_ACCESS_KEY_ID="+j.Access, "RCLONE_S3_SECRET_ACCESS_KEY="+j.Secret)
		return cmd
	}
}

func (j *job) ours(b *bench) func(ctx context.Context, src, out, work string) *exec.Cmd {
	return func(ctx context.Context, _, _, _ string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, b.self, childPrefix+"upload")
		if cmd.Err = errors.Join(cmd.Err, j.fresh()); cmd.Err != nil {
			return cmd
		}
		told, err := json.Marshal(j)
		cmd.Err = err
		cmd.Env = append(os.Environ(), append(daemonEnv, jobEnv+"="+string(told))...)
		return cmd
	}
}

// noise writes a file that nothing can compress and returns its SHA-256.
func noise(name string, size int64) (string, error) {
	f, err := os.Create(name)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	if _, err := io.CopyN(io.MultiWriter(f, sum), rand.NewChaCha8([32]byte{3}), size); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), f.Close()
}
