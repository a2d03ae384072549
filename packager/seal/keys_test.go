package seal_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"filippo.io/age"
	"filippo.io/age/armor"

	"chartseal/packager/seal"
)

func publicKey(t testing.TB, pq bool) string {
	t.Helper()
	key, err := seal.GenerateKey(pq)
	if err != nil {
		t.Fatal(err)
	}
	return key.Public
}

func TestKindsThatDoNotMixAreRefused(t *testing.T) {
	x, pq := publicKey(t, false), publicKey(t, true)
	sshPub, _ := sshKey(t, ed25519Key(t), "")
	for _, keys := range [][]string{{x, pq}, {pq, x}, {pq, sshPub}} {
		if _, err := seal.ParseRecipients(keys); !errors.Is(err, seal.ErrMixedKeys) {
			t.Errorf("%.20q: %v", keys, err)
		}
	}
	for _, keys := range [][]string{{x, publicKey(t, false)}, {x, sshPub}, {pq, publicKey(t, true)}} {
		to := recipients(t, keys...)
		sealed(t, to, []byte("content")) // age accepts what ParseRecipients accepts
		if len(to.Fingerprints()) != 2 || to.Unlock() != seal.UnlockKey {
			t.Errorf("fingerprints %v, unlock %q", to.Fingerprints(), to.Unlock())
		}
	}
}

func TestBadPublicKeys(t *testing.T) {
	x := publicKey(t, false)
	secret, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	weakPub, _ := sshKey(t, weak, "")
	for _, c := range []struct{ name, key, want string }{
		{"empty", " ", "is empty"},
		{"cut", x[:40], "mistyped"},
		{"one letter", x[:10] + "b" + x[11:], "mistyped"},
		{"hybrid cut", publicKey(t, true)[:500], "mistyped"},
		{"private", secret.String(), "private key"},
		{"private, small letters", strings.ToLower(secret.String()), "private key"},
		{"weak", weakPub, "too weak"},
		{"two lines", x + "\n" + x, "too long"},
		{"ssh nonsense", "ssh-ed25519 AAAA", "mistyped"},
		{"pgp", "-----BEGIN PGP PUBLIC KEY BLOCK-----", "not known"},
	} {
		_, err := seal.ParseRecipients([]string{x, c.key})
		var ke *seal.KeyError
		if !errors.As(err, &ke) || ke.N != 2 || !strings.Contains(ke.Reason, c.want) {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if k := strings.TrimSpace(c.key); len(k) > 8 && strings.Contains(err.Error(), k[len(k)-8:]) {
			t.Errorf("%s: the key is repeated in %q", c.name, err)
		}
	}
	if _, err := seal.ParseRecipients(nil); !errors.Is(err, seal.ErrNoKeys) {
		t.Errorf("no keys: %v", err)
	}
	if _, err := seal.ParseRecipients(make([]string, 1000)); err == nil {
		t.Error("1000 keys accepted")
	}
	if _, err := seal.NewWriter(&bytes.Buffer{}, seal.Recipients{}); !errors.Is(err, seal.ErrNoKeys) {
		t.Errorf("sealing for nobody: %v", err)
	}
}

func TestAKeyGivenTwiceCountsOnce(t *testing.T) {
	x := publicKey(t, false)
	sshPub, _ := sshKey(t, ed25519Key(t), "")
	to := recipients(t, x, " "+x+" ", sshPub, strings.TrimSuffix(sshPub, " someone@office"))
	if got := to.Fingerprints(); len(got) != 2 || got[0] != seal.Fingerprint(x) || len(got[0]) != 16 {
		t.Errorf("fingerprints %v", got)
	}
}

func TestPassphrases(t *testing.T) {
	seen := map[string]bool{}
	for range 200 {
		p, err := seal.NewPassphrase(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if seen[p] || strings.Count(p, "-") != 5 || p != seal.NormalizePassphrase(p) {
			t.Fatalf("passphrase %q", p)
		}
		seen[p] = true
		if _, err := seal.WithPassphrase(p); err != nil {
			t.Fatalf("%q: %v", p, err)
		}
	}
	if _, err := seal.NewPassphrase(bytes.NewReader(nil)); err == nil {
		t.Error("a passphrase without randomness")
	}
	for _, weak := range []string{
		"", "secret", "correct horse battery staple", "a-a-a-a-a-a",
		"zoom-zoom-zoom-zoom-zoom-zoom", "crop-unlit-mossy-dingo-relax",
	} {
		if _, err := seal.WithPassphrase(weak); !errors.Is(err, seal.ErrWeakPassphrase) {
			t.Errorf("%q: %v", weak, err)
		}
	}
}

func TestNormalizePassphrase(t *testing.T) {
	const want = "crop-unlit-mossy"
	for _, typed := range []string{
		"crop-unlit-mossy", "Crop Unlit Mossy", " crop  unlit\tmossy \r\n", "CROP–UNLIT—MOSSY",
		"crop‐unlit‑mossy", "crop−unlit－mossy", "crop, unlit, mossy.", "crop_unlit_mossy",
		"ｃｒｏｐ unlit　mossy", "cr\u00adop unlit mossy", "“crop unlit mossy”",
	} {
		if got := seal.NormalizePassphrase(typed); got != want {
			t.Errorf("%q becomes %q", typed, got)
		}
	}
}

// Six words open also where their spaces were left out or set elsewhere, or where they
// were typed with the numbers that the letter gives them.
func TestWordsWithoutTheirSpaces(t *testing.T) {
	const want = "crop-unlit-mossy-dingo-relax-salute"
	for _, typed := range []string{
		"cropunlitmossydingorelaxsalute", "CropUnlitMossyDingoRelaxSalute", "crop unlit mossydingo relax salute",
		"crop un lit mossy dingo relax salute", "1. crop 2. unlit 3. mossy 4. dingo 5. relax 6. salute",
		"1crop2unlit3mossy4dingo5relax6salute", "cropu nlit mossy dingo relax salute",
	} {
		if got := seal.NormalizePassphrase(typed); got != want {
			t.Errorf("%q becomes %q", typed, got)
		}
	}
	for _, other := range []string{"cropunlitmossy", "cropunlitmossydingorelaxsalutecrop", "cropunlitmossydingorelaxsalut", "ångström"} {
		if got := seal.NormalizePassphrase(other); got != other {
			t.Errorf("%q becomes %q", other, got)
		}
	}
	to, err := seal.WithPassphrase(want)
	if err != nil {
		t.Fatal(err)
	}
	file, _ := sealed(t, to, []byte("content"))
	ids, err := seal.FromPassphrase("cropunlitmossydingorelaxsalute")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := seal.Open(bytes.NewReader(file), int64(len(file)), ids); err != nil {
		t.Error(err)
	}
}

func TestKeyFiles(t *testing.T) {
	key, err := seal.GenerateKey(true)
	if err != nil {
		t.Fatal(err)
	}
	plain := key.File(time.Unix(0, 0))
	file, _ := sealed(t, recipients(t, key.Public), []byte("content"))
	opens := func(name string, keyFile []byte, p seal.Prompt) {
		t.Helper()
		src := bytes.NewReader(file)
		if _, _, err := seal.Open(src, src.Size(), identities(t, keyFile, p)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	opens("plain", plain, nil)
	opens("saved by Notepad", bytes.ReplaceAll(plain, []byte("\n"), []byte("\r\n")), nil)
	opens("with a mark", append([]byte("\xef\xbb\xbf"), plain...), nil)
	opens("written by PowerShell", utf16Of(string(plain)), nil)
	opens("encrypted", encrypted(t, plain, "open sesame", false), prompt("open sesame"))
	opens("encrypted, armored", encrypted(t, plain, "open sesame", true), prompt("open sesame"))

	locked := encrypted(t, plain, "open sesame", true)
	for name, p := range map[string]seal.Prompt{"no prompt": nil, "wrong": prompt("sesame"), "empty": prompt("")} {
		if _, err := seal.ParseIdentities(bytes.NewReader(locked), p); !errors.Is(err, seal.ErrKeyPassphrase) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, bad := range []string{"", "# nothing\n", "AGE-SECRET-KEY-1QQQ", key.Public, "-----BEGIN OPENSSH PRIVATE KEY-----\n"} {
		_, err := seal.ParseIdentities(strings.NewReader(bad), nil)
		if err == nil || len(bad) > 0 && strings.Contains(err.Error(), bad) {
			t.Errorf("%.30q: %v", bad, err)
		}
	}
}

// utf16Of is a text as the > of Windows PowerShell writes it.
func utf16Of(s string) []byte {
	b := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(strings.ReplaceAll(s, "\n", "\r\n"))) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

func TestWrongPassphraseOfAnSSHKey(t *testing.T) {
	pub, priv := sshKey(t, ed25519Key(t), "open sesame")
	file, _ := sealed(t, recipients(t, pub), []byte("content"))
	_, _, err := seal.Open(bytes.NewReader(file), int64(len(file)), identities(t, priv, prompt("sesame")))
	if !errors.Is(err, seal.ErrKeyPassphrase) {
		t.Errorf("got %v", err)
	}
	if _, err := seal.ParseIdentities(bytes.NewReader(priv), nil); !errors.Is(err, seal.ErrKeyPassphrase) {
		t.Errorf("without a prompt: %v", err)
	}
}

func encrypted(t testing.TB, data []byte, passphrase string, armored bool) []byte {
	t.Helper()
	rec, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		t.Fatal(err)
	}
	rec.SetWorkFactor(10)
	var buf bytes.Buffer
	var out io.WriteCloser = nopCloser{&buf}
	if armored {
		out = armor.NewWriter(&buf)
	}
	w, err := age.Encrypt(out, rec)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Close(), out.Close()); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

func FuzzParseRecipients(f *testing.F) {
	f.Add(publicKey(f, false))
	f.Add(publicKey(f, true))
	pub, _ := sshKey(f, ed25519Key(f), "")
	f.Add(pub)
	f.Fuzz(func(t *testing.T, key string) {
		to, err := seal.ParseRecipients([]string{key})
		if err != nil {
			return
		}
		if _, err := seal.NewWriter(&bytes.Buffer{}, to); err != nil {
			t.Errorf("%q is accepted but cannot be sealed for: %v", key, err)
		}
	})
}

func FuzzOpen(f *testing.F) {
	p := agePair(f, "", false)
	file, opener := sealed(f, p.to, []byte("content"))
	f.Add(file)
	f.Add([]byte("age-encryption.org/v1\n-> scrypt AAAAAAAAAAAAAAAAAAAAAA 18\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if bytes.Equal(data, file) || bytes.Contains(data, []byte("-> scrypt ")) && len(data) > 80 {
			return
		}
		if _, err := read(seal.Open(bytes.NewReader(data), int64(len(data)), p.ids)); err == nil {
			t.Error("opened")
		}
		if _, err := read(opener.Open(bytes.NewReader(data), int64(len(data)))); err == nil {
			t.Error("opened with another file's key")
		}
	})
}
