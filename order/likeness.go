package order

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
	"slices"
	"strings"
)

// Likeness is the same for two orders that send the same records of a patient to
// the same recipient on the same basis, whatever their ids, days and approvals.
// It is a digest: 64 hexadecimal digits.
func Likeness(o *Order, to Recipient) string {
	kinds := slices.Sorted(slices.Values(o.Records.Kinds))
	text := []string{
		foldID(o.Patient.ID), o.Patient.BirthDate.String(), to.Key, phrase(to.Name), strings.ToLower(to.Email),
		string(o.Basis), strings.Join(kinds, ","), o.Records.From.String(), o.Records.To.String(),
		strings.Join(slices.Sorted(slices.Values(o.Sensitive)), ","), string(o.Delivery),
	}
	var items []string
	for _, it := range o.Records.Items {
		items = append(items, strings.ToLower(path.Clean(strings.ReplaceAll(it.File, `\`, "/")))+" "+it.Pages.String())
	}
	text = append(text, slices.Sorted(slices.Values(items))...)
	sum := sha256.Sum256([]byte(strings.Join(text, "\x00")))
	return hex.EncodeToString(sum[:])
}
