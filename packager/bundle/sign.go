package bundle

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"aead.dev/minisign"
)

// ErrSignature is returned for a signature that does not fit the manifest and
// the key.
var ErrSignature = fmt.Errorf("%w: the practice's signature does not fit", ErrTampered)

// TrustedComment is the comment that the signature covers: the release
// reference and the time, nothing about the patient.
func TrustedComment(reference string, at time.Time) string {
	return "chartseal release " + reference + " " + at.UTC().Format(time.RFC3339)
}

// SignManifest returns the function that Finish asks for. The signature is a
// prehashed one, minisign's default since version 0.11, and verifies with
// `minisign -V -p practice.pub -m manifest.json`.
func SignManifest(key minisign.PrivateKey, trustedComment string) func(manifest []byte) ([]byte, error) {
	return func(manifest []byte) ([]byte, error) {
		r := minisign.NewReader(bytes.NewReader(manifest))
		if _, err := io.Copy(io.Discard, r); err != nil {
			return nil, fmt.Errorf("sign manifest: %w", err)
		}
		return r.SignWithComments(key, oneLine(trustedComment), "signature of the practice that sent this bundle"), nil
	}
}

// VerifyManifest checks a signature of the manifest with a public key in
// minisign's text form, with or without its comment line. It returns the
// signing key's id and the trusted comment, or ErrSignature.
func VerifyManifest(publicKey string, manifest, signature []byte) (keyID, comment string, err error) {
	var key minisign.PublicKey
	if key.UnmarshalText([]byte(publicKey)) != nil {
		return "", "", errors.New("the public key to verify with is not a minisign public key")
	}
	var sig minisign.Signature
	if sig.UnmarshalText(signature) != nil {
		return "", "", ErrSignature
	}
	text, err := sig.MarshalText()
	if err != nil || !bytes.Equal(text, signature) || !minisign.Verify(key, manifest, signature) {
		return "", "", ErrSignature
	}
	return fmt.Sprintf("%016X", sig.KeyID), sig.TrustedComment, nil
}
