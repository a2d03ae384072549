package dcm

import (
	"crypto/sha256"
	"math/big"
)

// UID derives a unique identifier from a name, always the same for the same
// name: a version 8 UUID under 2.25 (PS3.5 B.2, RFC 9562 section 5.8).
func UID(name string) string {
	sum := sha256.Sum256([]byte("chartseal synthetic practice\x00" + name))
	id := sum[:16]
	id[6] = id[6]&0x0F | 0x80
	id[8] = id[8]&0x3F | 0x80
	return "2.25." + new(big.Int).SetBytes(id).String()
}
