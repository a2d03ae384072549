//go:build interop

package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// verifier is the program of docs/ledger.md, which shares no line with this package.
func verifier(t *testing.T, dir string, copies ...string) (said string, holds bool) {
	t.Helper()
	pub := filepath.Join(t.TempDir(), "practice.pub")
	text, err := testPub().MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(pub, append(text, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "python3", append([]string{"../docs/verify_ledger.py", dir, pub}, copies...)...).CombinedOutput()
	if code, ok := errors.AsType[*exec.ExitError](err); ok && code.ExitCode() == 4 {
		return string(out), false
	}
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out), true
}

func TestInteropTheIndependentVerifierAgrees(t *testing.T) {
	past, heads := grown(t)
	whole := past[len(past)-1]
	said, holds := verifier(t, whole.write(t))
	if !holds || strings.TrimSpace(said) != "18 "+heads[17].Hash {
		t.Fatalf("a whole ledger: %s", said)
	}
	for _, m := range mutations {
		for seed := range uint64(2) {
			f := whole.clone()
			m.do(rand.New(rand.NewPCG(seed, 9)), f, past)
			if said, holds = verifier(t, f.write(t)); holds != f.same(whole) {
				t.Errorf("%s, seed %d: %s", m.name, seed, said)
			}
		}
	}
	latest := filepath.Join(t.TempDir(), "latest")
	if err := os.WriteFile(latest, whole[headName], 0o600); err != nil {
		t.Fatal(err)
	}
	if said, holds = verifier(t, past[9].write(t), latest); holds || !strings.Contains(said, "entry 11") {
		t.Errorf("an older copy: %s", said)
	}
	if err := os.WriteFile(latest, []byte("chartseal ledger head v1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if said, holds = verifier(t, whole.write(t), latest); !holds || !strings.Contains(said, "1 copies are not signed by this key") {
		t.Errorf("a copy that is none: %s", said)
	}
	forged := whole.clone()
	forged[headName] = bytes.Replace(forged[headName], []byte("seq: 18"), []byte("seq: 17"), 1)
	if said, holds = verifier(t, forged.write(t)); holds || !strings.Contains(said, "not signed by this key") {
		t.Errorf("an edited head: %s", said)
	}
	for at, line := range bytes.SplitAfter(whole[headName], []byte("\n"))[headLines:fileLines] { // also where only other readers would mind
		for _, odd := range []string{"\r", "\x00", " "} {
			if at == 0 && odd != "\r" { // the untrusted comment may say anything
				continue
			}
			forged[headName] = bytes.Replace(whole[headName], line, slices.Insert(slices.Clone(line), 30, odd[0]), 1)
			_, err := VerifySigned(t.Context(), forged.write(t), testPub())
			if said, holds = verifier(t, forged.write(t)); holds || err == nil {
				t.Errorf("a head with %q in line %d: %v, %s", odd, headLines+at+1, err, said)
			}
		}
	}
}

// A folder that is not there is no ledger without entries.
func TestInteropTheIndependentVerifierNeedsAFolder(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "python3", "../docs/verify_ledger.py", filepath.Join(t.TempDir(), "away")).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "usage: ") {
		t.Errorf("%v: %s", err, out)
	}
}

// An older copy with which a person went on holds for both.
func TestInteropTheIndependentVerifierForgivesWhatIsAccepted(t *testing.T) {
	past, heads := grown(t)
	dir := past[9].write(t)
	c := at(2026)
	l := openSigned(t, dir, c)
	lost, err := Lacks(t.Context(), dir, heads[17])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(t.Context(), Entry{Key: "restored/1", Event: Restored, Order: "(ledger)", Lost: lost}); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	latest := filepath.Join(t.TempDir(), "latest")
	if err := os.WriteFile(latest, past[17][headName], 0o600); err != nil {
		t.Fatal(err)
	}
	if said, holds := verifier(t, dir, latest); !holds || !strings.HasPrefix(said, "11 ") {
		t.Errorf("%s", said)
	}
}

// The stock minisign program checks a signed head, split where docs/ledger.md says.
func TestInteropMinisignChecksTheHead(t *testing.T) {
	past, _ := grown(t)
	text := past[17][headName]
	all := bytes.SplitAfter(text, []byte("\n"))
	dir := t.TempDir()
	message, sig := filepath.Join(dir, "head"), filepath.Join(dir, "head.minisig")
	if err := errors.Join(
		os.WriteFile(message, bytes.Join(all[:headLines], nil), 0o600),
		os.WriteFile(sig, bytes.Join(all[headLines:], nil), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "minisign", "-V", "-P", testPub().String(), "-m", message, "-x", sig).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "chartseal ledger head of site front-desk, entry 18") {
		t.Errorf("%v: %s", err, out)
	}
	if err := os.WriteFile(message, bytes.Replace(bytes.Join(all[:headLines], nil), []byte("seq: 18"), []byte("seq: 17"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "minisign", "-V", "-P", testPub().String(), "-m", message, "-x", sig).CombinedOutput(); err == nil {
		t.Errorf("minisign accepts an edited head: %s", out)
	}
}

// It says from which entry on a ledger verifies whose beginning was purged, and finds what
// else is changed in it.
func TestInteropTheIndependentVerifierKnowsPurges(t *testing.T) {
	purged, before, heads := shortened(t)
	copies := t.TempDir()
	var old []string
	for _, at := range []int{3, 11, 15} { // purged, the last purged one, and one that is there
		h := filepath.Join(copies, fmt.Sprint(at))
		signer := Signer{Site: "front-desk", Key: testKey()}
		if err := os.WriteFile(h, signer.Sign(heads[at].Head, nil, heads[at].At), 0o600); err != nil {
			t.Fatal(err)
		}
		old = append(old, h)
	}
	if said, holds := verifier(t, purged.write(t), old...); !holds || !strings.Contains(said, "verified from entry 13 on") || !strings.Contains(said, "19 "+heads[18].Hash) {
		t.Errorf("%s", said)
	}
	for seed, m := range mutations {
		f := purged.clone()
		m.do(rand.New(rand.NewPCG(uint64(seed), 7)), f, []folder{before, purged})
		if said, holds := verifier(t, f.write(t)); holds != f.putBack(before).same(purged) {
			t.Errorf("%s: %s", m.name, said)
		}
	}
	for name, change := range map[string]func(folder){
		"the line is gone":         func(f folder) { delete(f, "2032.jsonl") },
		"more is gone":             func(f folder) { delete(f, "2026.jsonl") },
		"a year is put back":       func(f folder) { f["2025.jsonl"] = before["2025.jsonl"] },
		"another year is put back": func(f folder) { f["2024.jsonl"] = before["2024.jsonl"] },
	} {
		f := purged.clone()
		change(f)
		if said, holds := verifier(t, f.write(t)); holds != (name == "a year is put back") {
			t.Errorf("%s: %s", name, said)
		}
	}
}

// A head that was signed less than six years before a purge is of no entry that went then.
func TestInteropTheIndependentVerifierKnowsAHastyPurge(t *testing.T) {
	dir, heads := underAFalseName(t)
	if said, holds := verifier(t, dir); !holds || !strings.Contains(said, "verified from entry 19 on") {
		t.Errorf("by itself: %s", said)
	}
	signer := Signer{Site: "front-desk", Key: testKey()}
	for _, at := range []int{2, 16, 17} {
		h := filepath.Join(t.TempDir(), "latest")
		if err := os.WriteFile(h, signer.Sign(heads[at].Head, nil, heads[at].At), 0o600); err != nil {
			t.Fatal(err)
		}
		if said, holds := verifier(t, dir, h); holds || !strings.Contains(said, fmt.Sprintf("entry %d: purged too early", at+1)) {
			t.Errorf("entry %d: %s", at+1, said)
		}
	}
}

// It is as short as docs/ledger.md promises.
func TestInteropTheIndependentVerifierIsShort(t *testing.T) {
	text, err := os.ReadFile("../docs/verify_ledger.py")
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(text, []byte("\n")); n > 100 {
		t.Errorf("%d lines", n)
	}
}
