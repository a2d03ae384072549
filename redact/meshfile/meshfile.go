// Package meshfile cleans three-dimensional scans: STL (binary and ASCII), PLY
// (ASCII and binary, either byte order) and OBJ. Programs write names of
// patients, cases and folders into headers, comments and names of objects;
// these go. The geometry stays byte for byte: vertices, normals, faces,
// colours and the attribute bytes of STL, which carry colours, unless they read
// as text.
//
// Memory is bounded whatever the size of the scan: binary formats are planned
// as ranges of the source, text formats are read line by line, twice: once to
// check the file and learn the size of the output, once to stream it.
package meshfile

import (
	"bytes"
	"context"
	"errors"
	"io"
	"regexp"
	"slices"
	"sort"
	"strings"

	"chartseal/redact"
)

// The formats that Sniff names.
const (
	STL = "STL" // 3D Systems, StereoLithography Interface Specification, 1989
	PLY = "PLY" // Turk, The PLY Polygon File Format, Stanford 1994
	OBJ = "OBJ" // Wavefront, Advanced Visualizer Manual, appendix B1
)

// HeadSize is how many bytes of a file Sniff wants to see; it makes do with
// fewer if that is the whole file.
const HeadSize = 4096

// Sniff names the format of a scan by head, the first bytes of the file.
// Binary STL and OBJ have no signature and are told by what their first lines
// or triangles look like, so ask for other formats first.
func Sniff(head []byte) (format string, ok bool) {
	head = head[:min(len(head), HeadSize)]
	switch {
	case bytes.HasPrefix(head, []byte("ply\n")) || bytes.HasPrefix(head, []byte("ply\r\n")):
		return PLY, true
	case asciiSTL(head) || binarySTL(head):
		return STL, true
	case looksOBJ(head):
		return OBJ, true
	}
	return "", false
}

// asciiSTL: some programs begin binary files with "solid" too, so a facet has
// to be in sight.
func asciiSTL(head []byte) bool {
	text := bytes.TrimLeft(head, " \t\r\n")
	return bytes.HasPrefix(text, []byte("solid")) && bytes.IndexByte(head, 0) < 0 &&
		(bytes.Contains(text, []byte("facet")) || bytes.Contains(text, []byte("endsolid")))
}

var objVertex = regexp.MustCompile(`(?m)^[ \t]*v([ \t]+[-+]?[0-9.][0-9.eE+-]*){3,7}[ \t]*\r?$`)

func looksOBJ(head []byte) bool {
	return bytes.IndexByte(head, 0) < 0 && objVertex.Match(head)
}

// Clean is a redact.Cleaner. It refuses with Truncated files shorter than they
// say, with Malformed those with text where numbers belong, and with Undecided
// every scan under LimitedSet and Deidentified: a scan of a face is comparable
// to a full-face photograph, and one of teeth may be a biometric identifier
// (45 CFR 164.514(b)(2)(i)(P), (Q) and (e)(2)(xv), (xvi)).
func Clean(ctx context.Context, src redact.Source, p redact.Profile) (*redact.Output, error) {
	switch p {
	case redact.Treatment, redact.PatientAccess, redact.Authorization, redact.Payment, redact.Operations:
	case redact.LimitedSet, redact.Deidentified:
		return nil, redact.Refuse(redact.Undecided,
			"a scan of a face or of teeth can identify a person, so a person has to decide before it goes into a set without identities")
	default:
		return nil, redact.Refuse(redact.Undecided, "nothing is laid down for scans under this basis")
	}
	head := make([]byte, min(HeadSize, src.Size()))
	if _, err := src.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	format, _ := Sniff(head)
	t := tally{}
	var out *redact.Output
	var err error
	switch {
	case format == PLY:
		out, err = cleanPLY(ctx, src, t)
	case format == STL && asciiSTL(head):
		out, err = cleanLines(ctx, src, func() lineCleaner { return &stlText{} }, t)
	case format == STL:
		out, err = cleanSTL(ctx, src, t)
	case format == OBJ:
		out, err = cleanLines(ctx, src, func() lineCleaner { return newOBJ() }, t)
	default:
		return nil, redact.Refuse(redact.Unsupported, "the file is not a scan in a known format; export it as STL, PLY or OBJ")
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = redact.Refuse(redact.Truncated, "the file ends in the middle of the scan")
	}
	if err != nil {
		return nil, err
	}
	out.Report.Format = format
	out.Report.Removed = t.list()
	if t[textureRemoved] > 0 {
		out.Report.Notices = append(out.Report.Notices, textureNotice)
	}
	return out, nil
}

// What goes from a scan. The rule names are stable: manifests cite them.
var (
	headerRemoved  = redact.Removal{Item: "header text", Rule: "mesh.header", Reason: "free text that no viewer needs"}
	commentRemoved = redact.Removal{Item: "comments", Rule: "mesh.comment", Reason: "free text that no viewer needs"}
	nameRemoved    = redact.Removal{Item: "names of objects", Rule: "mesh.name", Reason: "free text; numbered names take their place"}
	textureRemoved = redact.Removal{Item: "names of texture and material files", Rule: "mesh.texture", Reason: "names and paths of files"}
	extraRemoved   = redact.Removal{Item: "data beside the mesh", Rule: "mesh.extra", Reason: "a program's own, not part of the scan"}
	attrRemoved    = redact.Removal{Item: "attribute bytes", Rule: "mesh.attribute", Reason: "they hold text where colours or numbers belong"}
	trailerRemoved = redact.Removal{Item: "data after the mesh", Rule: "mesh.trailer", Reason: "not part of the scan"}
)

const textureNotice = "A scan named a separate file for its colours; that name was removed, so its colours may be missing."

// tally counts removals; the Count of its keys is 0.
type tally map[redact.Removal]int

func (t tally) list() []redact.Removal {
	out := make([]redact.Removal, 0, len(t))
	for r, n := range t {
		r.Count = n
		out = append(out, r)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Item < out[j].Item })
	return out
}

func malformed(clause string) error { return redact.Refuse(redact.Malformed, "%s", clause) }

// numeric reports whether s holds numbers and blanks alone.
func numeric(s string) bool {
	return !slices.ContainsFunc(strings.Fields(s), notNumber)
}

func notNumber(s string) bool { return !number(s) }

// number reports whether s is a number as C prints it, with its sign in front and
// one point; NaN and infinity occur in the normals of degenerate triangles.
func number(s string) bool {
	digits, point, power := false, false, false
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			digits = true
		case (c == '-' || c == '+') && (i == 0 || s[i-1]|0x20 == 'e'):
		case c == '.' && !point && !power:
			point = true
		case c|0x20 == 'e' && digits && !power:
			digits, power = false, true // a power has digits of its own
		default:
			return noNumber(s)
		}
	}
	return digits
}

// noNumber reports whether s is one of the ways to print a value that is none.
func noNumber(s string) bool {
	switch strings.ToLower(strings.TrimLeft(s, "+-")) {
	case "nan", "inf", "infinity", "nan(ind)", "1.#ind", "1.#inf", "1.#qnan":
		return true
	}
	return false
}
