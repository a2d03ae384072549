package practice

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// job is one file to be made.
type job struct {
	person *person
	path   string // below records
	kind   string
	date   string // YYYY-MM-DD
	make   func(k *kit) ([]byte, error)
}

// kit is what the making of one file needs: its own source of chance, so that
// files can be made in any order, and a list of the secrets planted.
type kit struct {
	job
	o       Options
	rng     *rand.Rand
	secrets []string
}

func newKit(o Options, j job) *kit {
	a, b := seeds(o.Seed, j.path)
	return &kit{job: j, o: o, rng: rand.New(rand.NewPCG(a, b))}
}

// seeds derives independent seeds from the practice's seed and a name.
func seeds(seed uint64, name string) (a, b uint64) {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %s", seed, name))
	return binary.LittleEndian.Uint64(sum[:8]), binary.LittleEndian.Uint64(sum[8:16])
}

// secret notes a planted value and returns it.
func (k *kit) secret(s string) string {
	if !slices.Contains(k.secrets, s) {
		k.secrets = append(k.secrets, s)
	}
	return s
}

// serial is a secret that is the same for the same machine and practice.
func (k *kit) serial(prefix, machine string) string {
	a, _ := seeds(k.o.Seed, "serial "+machine)
	return k.secret(fmt.Sprintf("%s%08X", prefix, uint32(a)))
}

// unique is a secret of this file alone.
func (k *kit) unique(prefix string) string {
	return k.secret(fmt.Sprintf("%s%08X", prefix, k.rng.Uint32()))
}

// compact is the date as DICOM writes it.
func (k *kit) compact() string { return strings.ReplaceAll(k.date, "-", "") }

// small chooses between the picture sizes of tests and of the demonstration.
func (k *kit) small(tiny, full int) int {
	if k.o.Small {
		return tiny
	}
	return full
}
