package localstore

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	mathrand "math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/versity/versitygw/backend/meta"
)

// state is Dir/store.json: what has to stay the same for links to survive a
// restart, since a link holds the port and is signed with the secret.
type state struct {
	Version   int    `json:"version"`
	Port      int    `json:"port"`
	AccessKey string `json:"access_key"`
	SecretKey string `json:"secret_key"`
	Meta      string `json:"meta"` // "xattr" or "sidecar"
}

const (
	stateFile    = "store.json"
	stateVersion = 1
	metaXattr    = "xattr"
	metaSidecar  = "sidecar"
)

// ErrState means that store.json is there and cannot be used. It is not made
// anew, because every link given out would die.
var ErrState = errors.New("the embedded store's own file cannot be read")

func loadState(ctx context.Context, dir string) (state, error) {
	var st state
	data, err := os.ReadFile(filepath.Join(dir, stateFile))
	if errors.Is(err, fs.ErrNotExist) {
		return newState(ctx, dir)
	}
	if err != nil {
		return st, fmt.Errorf("read store state: %w", bare(err))
	}
	if json.Unmarshal(data, &st) != nil || st.Version != stateVersion || st.Port <= 0 || st.Port > 65535 ||
		st.AccessKey == "" || st.SecretKey == "" || (st.Meta != metaXattr && st.Meta != metaSidecar) {
		return st, ErrState
	}
	return st, nil
}

// newState chooses a port that is free now, keys, and where attributes go.
func newState(ctx context.Context, dir string) (state, error) {
	st := state{Version: stateVersion, Meta: probeMeta(filepath.Join(dir, dataDir))}
	var err error
	if st.Port, err = freePort(ctx); err != nil {
		return st, err
	}
	if st.AccessKey, err = randomText(10); err != nil {
		return st, err
	}
	if st.SecretKey, err = randomText(25); err != nil {
		return st, err
	}
	return st, st.save(dir)
}

func (st state) save(dir string) error {
	data, err := json.Marshal(st) //nolint:gosec // into a file of mode 0600
	if err != nil {
		return fmt.Errorf("encode store state: %w", err)
	}
	f, err := os.CreateTemp(dir, stateFile+".*.tmp") // mode 0600
	if err != nil {
		return fmt.Errorf("write store state: %w", bare(err))
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, werr := f.Write(append(data, '\n'))
	if err := errors.Join(werr, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write store state: %w", bare(err))
	}
	if err := replace(f.Name(), filepath.Join(dir, stateFile)); err != nil {
		return fmt.Errorf("write store state: %w", bare(err))
	}
	return nil
}

// The ports that the store chooses from, which stay its own for years. Those from 32768
// (Linux) or 49152 on (Windows, macOS) the system gives to connections for as long as they
// last, and Windows sets whole ranges of them aside, others after each start of the computer.
const (
	firstPort = 20000
	ports     = 10000
	portTries = 100
)

// freePort chooses a port that is free now; one of the system's own choice if need be.
func freePort(ctx context.Context) (int, error) {
	var l net.Listener
	var err error
	for try := range portTries {
		port := 0
		if try < portTries-1 {
			port = firstPort + mathrand.IntN(ports) //nolint:gosec // any will do
		}
		if l, err = (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port))); err == nil || ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		return 0, fmt.Errorf("choose port: %w", bare(err))
	}
	port := l.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // a TCP listener
	return port, l.Close()
}

func randomText(bytes int) (string, error) {
	b := make([]byte, bytes)
	if _, err := rand.Read(b); err != nil {
		return "", fmt.Errorf("read random bits: %w", err)
	}
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b), nil
}

// probeMeta tries whether the file system keeps extended attributes, by keeping
// one: some answer a read and refuse the write.
func probeMeta(dir string) string {
	f, err := os.CreateTemp(dir, "probe-*")
	if err != nil {
		return metaSidecar
	}
	defer func() {
		_ = f.Close()
		_ = os.Remove(f.Name())
	}()
	x := meta.XattrMeta{}
	if x.Test(dir) != nil || x.StoreAttribute(nil, dir, filepath.Base(f.Name()), "probe", []byte("1")) != nil {
		return metaSidecar
	}
	return metaXattr
}

// bare drops paths and addresses from an error of the system.
func bare(err error) error {
	var path *fs.PathError
	var link *os.LinkError
	var op *net.OpError
	var program *exec.Error
	switch {
	case errors.As(err, &program):
		return bare(program.Err)
	case errors.As(err, &path):
		return path.Err
	case errors.As(err, &link):
		return link.Err
	case errors.As(err, &op):
		return op.Err
	}
	return err
}
