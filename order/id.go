package order

import (
	"crypto/sha256"
	"encoding/base32"
	"regexp"
	"strings"
)

var (
	idForm = regexp.MustCompile(`^[A-Za-z0-9_-](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9_-])?$`)
	// reservedName is what Windows keeps for devices, with any extension
	// (Microsoft, "Naming Files, Paths, and Namespaces").
	reservedName = regexp.MustCompile(`(?i)^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)`)
)

// CheckID says in words what is wrong with an order id, "" if nothing: an id
// becomes the name of a folder, on Windows too.
func CheckID(id string) string {
	switch {
	case len(id) > 64:
		return "must be at most 64 characters long"
	case strings.HasPrefix(id, ".") || strings.HasSuffix(id, "."):
		return "must not begin or end with a dot"
	case !idForm.MatchString(id):
		return "may hold only letters A-Z, digits and the signs . _ -"
	case reservedName.MatchString(id):
		return "is a name that Windows keeps for itself; choose another"
	}
	return ""
}

// referencePrefix separates release references from every other digest.
const referencePrefix = "chartseal release order v1\x00"

// Reference is the release reference: 12 letters and digits that stand for an
// order where its id, which may hold a name, must not be shown. Ids that differ
// only in case have the same reference, as their folders would on Windows.
func Reference(id string) string {
	sum := sha256.Sum256([]byte(referencePrefix + strings.ToLower(id)))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:])[:12])
}
