// Package versioned is a store for tests that keeps versions and knows object lock,
// which the embedded store does not: the same server in a child process of the test,
// with a folder for versions.
package versioned

import (
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"              //nolint:depguard // to set up a bucket
	"github.com/aws/aws-sdk-go-v2/credentials"      //nolint:depguard // likewise
	"github.com/aws/aws-sdk-go-v2/service/s3"       //nolint:depguard // likewise
	"github.com/aws/aws-sdk-go-v2/service/s3/types" //nolint:depguard // likewise
	"github.com/versity/versitygw/backend/meta"     //nolint:depguard // the embedded store keeps no versions; this one does
	"github.com/versity/versitygw/backend/posix"    //nolint:depguard // likewise
	"github.com/versity/versitygw/embedgw"          //nolint:depguard // likewise

	"chartseal/transport"
)

// Env makes a test binary that store, in the folder it names: its TestMain calls Serve.
const Env = "CHARTSEAL_TEST_VERSIONED"

const (
	portEnv   = Env + "_PORT"
	healthEnv = Env + "_HEALTH"
)

// The keys of the store.
const (
	AccessKey = "ACCESS"
	SecretKey = "SECRETSECRET"
)

// Serve is the child. It returns only with an error.
func Serve(dir string) error {
	side, err := meta.NewSideCar(filepath.Join(dir, "meta"))
	if err != nil {
		return err
	}
	be, err := posix.New(filepath.Join(dir, "data"), side, posix.PosixOpts{
		SideCarDir: filepath.Join(dir, "meta"), VersioningDir: filepath.Join(dir, "versions"),
	})
	if err != nil {
		return err
	}
	return embedgw.RunVersityGW(context.Background(), be, &embedgw.Config{
		RootUserAccess: AccessKey, RootUserSecret: SecretKey, Region: "us-east-1",
		Ports:          []string{"127.0.0.1:" + os.Getenv(portEnv)},
		MaxConnections: 64, MaxRequests: 64, MultipartMaxParts: 10_000,
		KeepAlive: true, Quiet: true, DisableACLs: true, HealthPath: os.Getenv(healthEnv),
	})
}

// Start starts the store and returns its address and a client.
func Start(t *testing.T) (endpoint string, c *s3.Client) {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{"data", "meta", "versions"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	endpoint = launch(t, dir)
	return endpoint, s3.New(s3.Options{
		Region: "us-east-1", BaseEndpoint: &endpoint, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(AccessKey, SecretKey, ""),
	})
}

// How long a child may take to answer, and how many may find their port taken.
const (
	startWait = 2 * time.Minute
	startPoll = 50 * time.Millisecond
	tries     = 20
)

// launch starts the child, and another where somebody took the port first.
func launch(t *testing.T, dir string) (endpoint string) {
	t.Helper()
	for range tries {
		port := freePort(t)
		endpoint = fmt.Sprintf("http://127.0.0.1:%d", port)
		health := "/" + strings.ToLower(crand.Text())
		ctx := spawn(t, dir, port, health)
		if answers(ctx, endpoint+health) {
			return endpoint
		}
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			break
		}
	}
	t.Fatal("the store does not start")
	return ""
}

// spawn starts a child and returns what ends with it, or when it should have answered.
func spawn(t *testing.T, dir string, port int, health string) context.Context {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(context.Background(), exe) //nolint:gosec // our own binary, which outlives what the test cleans up
	cmd.Env = append(os.Environ(), Env+"="+dir, fmt.Sprintf("%s=%d", portEnv, port), healthEnv+"="+health)
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), startWait)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait()
		cancel()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	return ctx
}

// answers waits for an answer on a path that only this child knows.
func answers(ctx context.Context, address string) bool {
	for ctx.Err() == nil {
		if healthy(ctx, address) {
			return true
		}
		select {
		case <-ctx.Done():
		case <-time.After(startPoll):
		}
	}
	return false
}

func healthy(ctx context.Context, address string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// The ports to choose from: below those that systems give to connections, those that
// stores choose for themselves, and those of other tests.
const (
	firstPort = 9000
	ports     = 1000
)

func freePort(t *testing.T) int {
	t.Helper()
	for range ports {
		port := firstPort + rand.IntN(ports) //nolint:gosec // any will do
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = l.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

// Lock makes a bucket with object lock.
func Lock(t *testing.T, c *s3.Client, bucket string) {
	t.Helper()
	_, err := c.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket, ObjectLockEnabledForBucket: aws.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
}

// Retain puts the bundles and pages in a bucket under retention, as Amazon S3 does by
// itself where the bucket has a default retention: this server keeps that one to itself.
func Retain(t *testing.T, c *s3.Client, bucket string, until time.Time) {
	t.Helper()
	list, err := c.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range list.Contents {
		if !transport.IsKey(*o.Key, "") && !transport.IsPageKey(*o.Key, "") {
			continue
		}
		_, err := c.PutObjectRetention(t.Context(), &s3.PutObjectRetentionInput{
			Bucket: &bucket, Key: o.Key,
			Retention: &types.ObjectLockRetention{Mode: types.ObjectLockRetentionModeGovernance, RetainUntilDate: &until},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
