package seal_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"chartseal/packager/seal"
)

// pair is a recipient and what opens for it.
type pair struct {
	name string
	to   seal.Recipients
	ids  seal.Identities
}

func pairs(t testing.TB) []pair {
	t.Helper()
	out := []pair{agePair(t, "x25519", false), agePair(t, "hybrid", true)}
	pub, priv := sshKey(t, ed25519Key(t), "")
	out = append(out, pair{"ssh-ed25519", recipients(t, pub), identities(t, priv, nil)})
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	pub, priv = sshKey(t, rsaKey, "")
	out = append(out, pair{"ssh-rsa", recipients(t, pub), identities(t, priv, nil)})
	pub, priv = sshKey(t, ed25519Key(t), "open sesame")
	out = append(out, pair{"ssh with passphrase", recipients(t, pub), identities(t, priv, prompt("open sesame"))})
	return append(out, passphrasePair(t))
}

func agePair(t testing.TB, name string, pq bool) pair {
	t.Helper()
	key, err := seal.GenerateKey(pq)
	if err != nil {
		t.Fatal(err)
	}
	return pair{name, recipients(t, key.Public), identities(t, key.File(time.Unix(0, 0)), nil)}
}

func passphrasePair(t testing.TB) pair {
	t.Helper()
	p, err := seal.NewPassphrase(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	to, err := seal.WithPassphrase(p)
	if err != nil {
		t.Fatal(err)
	}
	ids, err := seal.FromPassphrase(" " + strings.ToUpper(strings.ReplaceAll(p, "-", " – ")) + "\n")
	if err != nil {
		t.Fatal(err)
	}
	return pair{"passphrase", to, ids}
}

func recipients(t testing.TB, keys ...string) seal.Recipients {
	t.Helper()
	to, err := seal.ParseRecipients(keys)
	if err != nil {
		t.Fatal(err)
	}
	return to
}

func identities(t testing.TB, file []byte, p seal.Prompt) seal.Identities {
	t.Helper()
	ids, err := seal.ParseIdentities(bytes.NewReader(file), p)
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

func prompt(s string) seal.Prompt { return func() ([]byte, error) { return []byte(s), nil } }

func ed25519Key(t testing.TB) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sshKey(t testing.TB, key any, passphrase string) (public string, private []byte) {
	t.Helper()
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if passphrase != "" {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey())))
	return line + " someone@office", pem.EncodeToMemory(block)
}

func sealed(t testing.TB, to seal.Recipients, content []byte) ([]byte, *seal.Opener) {
	t.Helper()
	var buf bytes.Buffer
	w, err := seal.NewWriter(&buf, to)
	if err != nil {
		t.Fatal(err)
	}
	if w.Opener() != nil {
		t.Error("an opener before the file is complete")
	}
	for part := range bytesChunks(content, 10_007) {
		if _, err := w.Write(part); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if w.Size() != int64(buf.Len()) {
		t.Errorf("size %d, wrote %d", w.Size(), buf.Len())
	}
	return buf.Bytes(), w.Opener()
}

func bytesChunks(b []byte, n int) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(b) > 0 {
			k := min(n, len(b))
			if !yield(b[:k]) {
				return
			}
			b = b[k:]
		}
	}
}

func read(r io.ReaderAt, n int64, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.NewSectionReader(r, 0, n))
}

func TestEveryKindOpens(t *testing.T) {
	content := make([]byte, 300_000)
	_, _ = rand.Read(content)
	for _, p := range pairs(t) {
		t.Run(p.name, func(t *testing.T) {
			for i, size := range []int{len(content), 0, 1, 65_536} {
				if i > 0 && p.to.Unlock() != seal.UnlockKey {
					continue // scrypt takes its time, whatever the size
				}
				file, opener := sealed(t, p.to, content[:size])
				src := bytes.NewReader(file)
				got, err := read(seal.Open(src, src.Size(), p.ids))
				if err != nil || !bytes.Equal(got, content[:size]) {
					t.Errorf("open %d bytes: %v, equal %v", size, err, bytes.Equal(got, content[:size]))
				}
				got, err = read(opener.Open(src, src.Size()))
				if err != nil || !bytes.Equal(got, content[:size]) {
					t.Errorf("read back %d bytes: %v, equal %v", size, err, bytes.Equal(got, content[:size]))
				}
			}
		})
	}
}

func TestOpenerOpensItsOwnFileOnly(t *testing.T) {
	p := agePair(t, "", false)
	_, opener := sealed(t, p.to, []byte("one"))
	other, _ := sealed(t, p.to, []byte("two"))
	if _, _, err := opener.Open(bytes.NewReader(other), int64(len(other))); !errors.Is(err, seal.ErrDamaged) {
		t.Errorf("opening another file: %v", err)
	}
}

func TestWrongKeysSayWhatIsNeeded(t *testing.T) {
	key, stranger := agePair(t, "", false), agePair(t, "", false)
	pass, otherPass := passphrasePair(t), passphrasePair(t)
	for _, c := range []struct {
		name string
		to   seal.Recipients
		ids  seal.Identities
		need string
	}{
		{"another key", key.to, stranger.ids, "another key"},
		{"a passphrase for a key", key.to, pass.ids, "a key"},
		{"a key for a passphrase", pass.to, key.ids, "a passphrase"},
	} {
		file, _ := sealed(t, c.to, []byte("content"))
		_, _, err := seal.Open(bytes.NewReader(file), int64(len(file)), c.ids)
		var wrong *seal.WrongKeyError
		if !errors.As(err, &wrong) || wrong.Need != c.need || !errors.Is(err, seal.ErrWrongKey) {
			t.Errorf("%s: %v", c.name, err)
		}
		if strings.Contains(fmt.Sprint(err), "identit") {
			t.Errorf("%s: words of the library in %q", c.name, err)
		}
	}
	file, _ := sealed(t, pass.to, []byte("content"))
	_, _, err := seal.Open(bytes.NewReader(file), int64(len(file)), otherPass.ids)
	if !errors.Is(err, seal.ErrWrongPassphrase) {
		t.Errorf("another passphrase: %v", err)
	}
}

func TestEveryFlippedByteIsSeen(t *testing.T) {
	p := agePair(t, "", false)
	content := bytes.Repeat([]byte("radiograph "), 30)
	file, _ := sealed(t, p.to, content)
	for i := range file {
		bad := bytes.Clone(file)
		bad[i] ^= 0x01
		got, err := read(seal.Open(bytes.NewReader(bad), int64(len(bad)), p.ids))
		if err == nil {
			t.Fatalf("byte %d flipped, and %d bytes were given out", i, len(got))
		}
		if !errors.Is(err, seal.ErrDamaged) && !errors.Is(err, seal.ErrWrongKey) {
			t.Fatalf("byte %d flipped: %v", i, err)
		}
	}
	for cut := range file {
		if _, err := read(seal.Open(bytes.NewReader(file[:cut]), int64(cut), p.ids)); err == nil {
			t.Fatalf("cut to %d bytes, and it opened", cut)
		}
	}
}

func TestDamageInTheMiddleIsSeenWhenRead(t *testing.T) {
	p := agePair(t, "", false)
	file, opener := sealed(t, p.to, make([]byte, 400_000))
	file[150_000] ^= 1
	for name, open := range map[string]func() (io.ReaderAt, int64, error){
		"key":    func() (io.ReaderAt, int64, error) { return seal.Open(bytes.NewReader(file), int64(len(file)), p.ids) },
		"opener": func() (io.ReaderAt, int64, error) { return opener.Open(bytes.NewReader(file), int64(len(file))) },
	} {
		r, n, err := open()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := read(r, n, nil); !errors.Is(err, seal.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type failing struct{ io.ReaderAt }

var errDisk = errors.New("input/output error")

func (f failing) ReadAt(p []byte, off int64) (int, error) {
	if off > 100_000 && off < 300_000 {
		return 0, errDisk
	}
	return f.ReaderAt.ReadAt(p, off)
}

func TestAFailingDiskIsNotCalledTampering(t *testing.T) {
	p := agePair(t, "", false)
	file, _ := sealed(t, p.to, make([]byte, 400_000))
	r, n, err := seal.Open(failing{bytes.NewReader(file)}, int64(len(file)), p.ids)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := read(r, n, nil); !errors.Is(err, errDisk) || errors.Is(err, seal.ErrDamaged) {
		t.Errorf("got %v", err)
	}
}

func TestNothingPrintsASecret(t *testing.T) {
	key, err := seal.GenerateKey(false)
	if err != nil {
		t.Fatal(err)
	}
	ids := identities(t, key.File(time.Unix(0, 0)), nil)
	_, opener := sealed(t, recipients(t, key.Public), nil)
	pass := passphrasePair(t)
	for _, v := range []any{key, *key, *opener, opener, ids, &ids, pass.to, &pass.to, pass.ids} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			if s := fmt.Sprintf(verb, v); strings.Contains(s, "SECRET") || strings.Contains(s, "[16]") || strings.Contains(s, "password") {
				t.Errorf("%s of %T prints %q", verb, v, s)
			}
		}
	}
}
