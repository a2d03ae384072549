package packager

import (
	"crypto/rand"
	"testing"

	"aead.dev/minisign"

	"chartseal/packager/bundle"
)

// practiceKey makes a practice's key and what signs with it.
func practiceKey(t testing.TB) (public string, sign func([]byte) ([]byte, error)) {
	t.Helper()
	pub, private, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return pub.String(), bundle.SignManifest(private, "a comment")
}
