package imagefile

import (
	"sort"

	"chartseal/redact"
)

// What goes from a picture. The rule names are stable: manifests cite them.
var (
	exifRemoved    = redact.Removal{Item: "EXIF", Rule: "image.exif", Reason: "camera data: position, time, device, owner"}
	xmpRemoved     = redact.Removal{Item: "XMP", Rule: "image.xmp", Reason: "descriptive metadata"}
	iptcRemoved    = redact.Removal{Item: "IPTC and Photoshop resources", Rule: "image.iptc", Reason: "descriptive metadata"}
	commentRemoved = redact.Removal{Item: "comments and text", Rule: "image.text", Reason: "free text that no viewer needs"}
	thumbRemoved   = redact.Removal{Item: "embedded thumbnail", Rule: "image.thumbnail", Reason: "may show an earlier version of the picture"}
	timeRemoved    = redact.Removal{Item: "time stamp", Rule: "image.time", Reason: "not needed to show the picture"}
	appRemoved     = redact.Removal{Item: "application data", Rule: "image.application", Reason: "private data of a program or device"}
	trailerRemoved = redact.Removal{Item: "data after the image", Rule: "image.trailer", Reason: "not part of the picture"}
	strayRemoved   = redact.Removal{Item: "stray bytes", Rule: "image.stray", Reason: "not part of the picture"}
	iccTextRemoved = redact.Removal{Item: "words in the colour profile", Rule: "image.icc.text", Reason: "may name a device or a person; the colours are kept"}
	iccRemoved     = redact.Removal{Item: "colour profile", Rule: "image.icc", Reason: "it could not be cleaned"}
	tagRemoved     = redact.Removal{Item: "descriptive TIFF tags", Rule: "image.tiff.tag", Reason: "not needed to show the picture"}
	unusedRemoved  = redact.Removal{Item: "unused bytes", Rule: "image.tiff.unused", Reason: "not part of the picture"}
)

const iccDroppedNotice = "A damaged colour profile was removed from a picture; colours may look slightly different."

// tally counts removals; the Count of its keys is 0.
type tally map[redact.Removal]int

func (t tally) add(r redact.Removal) { t[r]++ }

// list returns the removals sorted by item.
func (t tally) list() []redact.Removal {
	out := make([]redact.Removal, 0, len(t))
	for r, n := range t {
		r.Count = n
		out = append(out, r)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Item < out[j].Item })
	return out
}
