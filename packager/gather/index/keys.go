package index

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"chartseal/packager/gather"
)

// KeyBytes is the length of a key.
const KeyBytes = 32

// LoadKey reads the key of an index, or makes it at the first start: KeyBytes
// random bytes in a file of mode 0600. Without its key an index is worthless,
// and is built anew; it needs no backup. Errors hold no path.
func LoadKey(file string) ([]byte, error) {
	key, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return makeKey(file)
	case err != nil:
		return nil, fmt.Errorf("read key of image index: %w", bare(err))
	case len(key) != KeyBytes:
		return nil, errors.New("read key of image index: it is damaged; delete it")
	}
	return key, nil
}

// makeKey writes beside the file and renames, so that a crash leaves no half key.
func makeKey(file string) ([]byte, error) {
	key := make([]byte, KeyBytes)
	if _, err := rand.Read(key); err != nil {
		return nil, fmt.Errorf("make key of image index: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(file), ".index-key-*") // mode 0600
	if err != nil {
		return nil, fmt.Errorf("make key of image index: %w", bare(err))
	}
	_, err = f.Write(key)
	err = errors.Join(bare(err), bare(f.Sync()), bare(f.Close()))
	if err == nil {
		err = bare(os.Rename(f.Name(), file)) //nolint:forbidigo // nobody reads what was not there
	}
	if err != nil {
		return nil, fmt.Errorf("make key of image index: %w", errors.Join(err, bare(os.Remove(f.Name()))))
	}
	return key, nil
}

// Lengths in bytes. A name's key is the nonce it is sealed with as well, which
// is safe as both follow from the name (synthetic nonce, as in RFC 8452): the
// same nonce never seals two texts.
const (
	nameKeyBytes = 12
	hashBytes    = 16
	checkBytes   = 8 // against damage; who can write the index has its key too
)

// keys hides what is stored.
type keys struct {
	hash  []byte
	names cipher.AEAD
}

func newKeys(key []byte) (*keys, error) {
	if len(key) < KeyBytes {
		return nil, errors.New("key is too short")
	}
	hash, err := hkdf.Key(sha256.New, key, nil, "chartseal image index: hash", 32)
	if err != nil {
		return nil, err
	}
	seal, err := hkdf.Key(sha256.New, key, nil, "chartseal image index: names", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(seal)
	if err != nil {
		return nil, err
	}
	names, err := cipher.NewGCM(block)
	return &keys{hash, names}, err
}

// sum is the keyed hash of some parts, for one use.
func (k *keys) sum(use string, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, k.hash)
	buf := make([]byte, 0, 256)
	for _, p := range append([][]byte{[]byte(use)}, parts...) {
		buf = binary.LittleEndian.AppendUint32(buf, uint32(len(p)))
		buf = append(buf, p...)
	}
	h.Write(buf) // a hash does not fail
	return h.Sum(buf[:0])
}

func (k *keys) patient(f *folderRow, id string) []byte {
	return k.sum("patient", f.key, []byte(gather.FoldID(id)))[:hashBytes]
}

// nobody stands for the patient of files that may be anybody's.
func (k *keys) nobody(f *folderRow) []byte { return k.sum("unreadable", f.key)[:hashBytes] }

func (k *keys) folder(f *gather.Folder) []byte { return k.sum("folder", f.Key())[:hashBytes] }

func (k *keys) stamp(s gather.Stamp) []byte { return k.sum("stamp", s.Bytes())[:hashBytes] }

func (k *keys) name(use string, dir int64, name string) []byte {
	return k.sum(use, number(dir), []byte(name))[:nameKeyBytes]
}

// seal hides a name, and its length but for a multiple of 16 bytes.
func (k *keys) seal(nameKey []byte, name string) []byte {
	padded := make([]byte, (len(name)/hashBytes+1)*hashBytes)
	copy(padded, name)
	return k.names.Seal(nil, nameKey, padded, nil)
}

// open returns ErrDamaged for what seal did not make. No system allows a zero
// byte in a name.
func (k *keys) open(nameKey, sealed []byte) (string, error) {
	if len(nameKey) != nameKeyBytes {
		return "", ErrDamaged
	}
	padded, err := k.names.Open(nil, nameKey, sealed, nil)
	if err != nil {
		return "", ErrDamaged
	}
	return string(bytes.TrimRight(padded, "\x00")), nil
}

// check is the checksum of a row.
func (k *keys) check(parts ...[]byte) []byte { return k.sum("row", parts...)[:checkBytes] }

func number(n int64) []byte { return binary.LittleEndian.AppendUint64(nil, uint64(n)) }

// bare strips an error of the path that package os puts into it.
func bare(err error) error {
	var pathErr *fs.PathError
	var linkErr *os.LinkError
	switch {
	case errors.As(err, &pathErr):
		return pathErr.Err
	case errors.As(err, &linkErr):
		return linkErr.Err
	}
	return err
}
