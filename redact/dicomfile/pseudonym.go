package dicomfile

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"math/big"
	"strings"
	"sync"
)

// standardRoot begins the UIDs that the standard itself fixes (PS3.6 annex A);
// they identify nobody.
const standardRoot = "1.2.840.10008."

const (
	uuidRoot     = "2.25." // of UIDs made from 128 bits (PS3.5 section B.2)
	numberPrefix = "ANON-" // of made-up patient numbers
)

// dummyText stands where the standard wants a value and the old one goes
// (PS3.15 section E.1.1, action D).
const dummyText = "REMOVED "

// pseudonyms replaces identifiers the same way throughout a release.
type pseudonyms struct{ salt []byte }

// processSalt serves callers that set no salt: one per run of the program.
var processSalt = sync.OnceValue(func() []byte {
	salt := make([]byte, 32)
	_, _ = rand.Read(salt) // never fails, crypto/rand
	return salt
})

func (p *pseudonyms) digest(kind string, value []byte) []byte {
	mac := hmac.New(sha256.New, p.salt)
	mac.Write([]byte(kind))
	mac.Write(value)
	return mac.Sum(nil)
}

// uid maps one UID to "2.25." and 128 bits (PS3.5 section B.2).
func (p *pseudonyms) uid(old string) string {
	if old == "" || strings.HasPrefix(old, standardRoot) {
		return old
	}
	n := new(big.Int).SetBytes(p.digest("uid", []byte(old))[:16])
	return uuidRoot + n.String()
}

// replacedUID reports a UID that uid can have made.
func replacedUID(uid string) bool {
	number, ours := strings.CutPrefix(uid, uuidRoot)
	n, ok := new(big.Int).SetString(number, 10)
	return ours && ok && n.Sign() >= 0 && n.BitLen() <= 128
}

// uids maps a UI value, which may hold several. same tells that nothing
// changed.
func (p *pseudonyms) uids(old []byte) (value []byte, same bool) {
	old = bytes.TrimRight(old, "\x00 ")
	parts := strings.Split(string(old), `\`)
	for i, u := range parts {
		parts[i] = p.uid(strings.Trim(u, "\x00 "))
	}
	joined := strings.Join(parts, `\`)
	return padded(joined, 0), joined == string(old)
}

// number is the made-up patient number: the same for the same patient in one
// release.
func (p *pseudonyms) number(old []byte) []byte {
	sum := p.digest("patient", bytes.TrimRight(old, "\x00 "))
	return padded(numberPrefix+strings.ToUpper(hex.EncodeToString(sum[:5])), ' ')
}

// madeUpNumber reports a value that number has made.
func madeUpNumber(v []byte) bool {
	digits, ok := strings.CutPrefix(strings.TrimRight(string(v), " "), numberPrefix)
	_, err := hex.DecodeString(digits)
	return ok && err == nil && len(digits) == 10
}
