package chartseal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"aead.dev/minisign"

	"chartseal/ledger"
	"chartseal/watch"
)

// public is the practice's public key, also where the state folder is only looked at;
// fs.ErrNotExist before the first start. That the key is missing, or is not the one that
// the practice signs with, is ledger.ErrBroken: a ledger written anew would pass without.
func (s *state) public() (pub minisign.PublicKey, err error) {
	if s.lock != nil {
		return s.pub, nil
	}
	secret := &state{dir: s.dir}
	_, err = os.Stat(s.path("keys", "practice.key"))
	if err == nil {
		err = secret.readKey()
	}
	hasSecret := err == nil
	b, err := os.ReadFile(s.path("keys", "practice.pub"))
	switch {
	case errors.Is(err, fs.ErrNotExist) && hasSecret:
		return secret.pub, nil
	case errors.Is(err, fs.ErrNotExist) && s.begun():
		return pub, fmt.Errorf("%w: keys/practice.pub in the state folder is missing, so nobody can tell who signed it; restore it from the backup", ledger.ErrBroken)
	case err != nil:
		return pub, fmt.Errorf("read public key: %w", watch.Scrub(err))
	}
	if err := pub.UnmarshalText([]byte(strings.TrimSpace(string(b)))); err != nil {
		return pub, fmt.Errorf("%w: keys/practice.pub in the state folder is damaged; restore it from the backup", ledger.ErrBroken)
	}
	if hasSecret && !pub.Equal(secret.pub) {
		return pub, fmt.Errorf("%w: keys/practice.pub in the state folder is not the public half of practice.key beside it; restore both from the backup", ledger.ErrBroken)
	}
	return pub, nil
}

// begun says that a ledger was begun here, or a key made for one.
func (s *state) begun() bool {
	if _, err := os.Stat(s.path("keys", "practice.key")); err == nil {
		return true
	}
	files, err := os.ReadDir(s.path("ledger"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return true // who knows
	}
	return readHeadCopy(s).Seq > 0 || slices.ContainsFunc(files, func(f fs.DirEntry) bool {
		return f.Name() == "head" || filepath.Ext(f.Name()) == ".jsonl"
	})
}

// verifyHere verifies the ledger of a state folder against what is in that folder.
func (s *state) verifyHere(ctx context.Context) (rep ledger.Report, err error) {
	by, err := s.public()
	if err != nil {
		return rep, err
	}
	return ledger.VerifySigned(ctx, s.path("ledger"), by, s.remembered(by).Heads...)
}
