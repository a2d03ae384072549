package bundle

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Names at the top of a bundle.
const (
	startHereName   = "START-HERE.html"
	manifestName    = "manifest.json"
	signatureName   = "manifest.json.minisig"
	bagitName       = "bagit.txt"
	bagInfoName     = "bag-info.txt"
	payloadName     = "manifest-sha256.txt"
	tagManifestName = "tagmanifest-sha256.txt"
)

// bagitText is the bag declaration (RFC 8493 section 2.1.1).
const bagitText = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"

// bagInfo is the bag's metadata (RFC 8493 section 2.2.2).
func bagInfo(m *Manifest) string {
	var octets, files int64
	for _, f := range payload(m) {
		octets += f.Bytes
		files++
	}
	var b strings.Builder
	line := func(label, value string) {
		if value = oneLine(value); value != "" {
			fmt.Fprintf(&b, "%s: %s\n", label, value)
		}
	}
	line("Source-Organization", m.Practice.Name)
	line("Organization-Address", m.Practice.Address)
	line("Contact-Name", m.Practice.Contact.Name)
	line("Contact-Phone", m.Practice.Contact.Phone)
	line("Contact-Email", m.Practice.Contact.Email)
	line("Bagging-Date", m.Created.Format("2006-01-02"))
	line("External-Identifier", m.Reference)
	line("Payload-Oxum", fmt.Sprintf("%d.%d", octets, files))
	line("Bag-Software-Agent", m.Tool)
	return b.String()
}

// payload lists the files under data/.
func payload(m *Manifest) []File {
	var list []File
	for _, f := range m.everyFile() {
		if strings.HasPrefix(f.Path, "data/") {
			list = append(list, f)
		}
	}
	return list
}

// everyFile lists records and added files alike.
func (m *Manifest) everyFile() []File {
	list := make([]File, 0, len(m.Records)+len(m.Files))
	for _, r := range m.Records {
		list = append(list, File{Path: r.Path, Bytes: r.Bytes, SHA256: r.SHA256})
	}
	return append(list, m.Files...)
}

// checksums is a manifest of BagIt (RFC 8493 section 2.1.3), sorted by path.
// Paths need no percent-encoding: SafePath keeps line ends out, and our names
// have no percent sign.
func checksums(files []File) string {
	files = slices.Clone(files)
	slices.SortFunc(files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	var b strings.Builder
	for _, f := range files {
		b.WriteString(f.SHA256 + "  " + strings.ReplaceAll(f.Path, "%", "%25") + "\n")
	}
	return b.String()
}

// tagFiles lists the files at the top but the tag manifest itself.
func tagFiles(m *Manifest, manifest, signature File) []File {
	list := []File{manifest, signature}
	for _, f := range m.Files {
		if !strings.HasPrefix(f.Path, "data/") {
			list = append(list, f)
		}
	}
	return list
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
