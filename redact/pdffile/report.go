package pdffile

import (
	"slices"
	"sort"

	"chartseal/redact"
)

type removal = redact.Removal

// What goes from a PDF. The rule names are stable: manifests cite them.
var (
	infoRemoved       = removal{Item: "document information", Rule: "pdf.info", Reason: "title, author, program and dates of the file, not of the record"}
	xmpRemoved        = removal{Item: "XMP metadata", Rule: "pdf.xmp", Reason: "descriptive metadata"}
	pieceRemoved      = removal{Item: "private program data", Rule: "pdf.pieceinfo", Reason: "working data of the program that made the file"}
	timeRemoved       = removal{Item: "time stamps", Rule: "pdf.time", Reason: "not needed to show the page"}
	actionRemoved     = removal{Item: "actions", Rule: "pdf.action", Reason: "what runs on its own when a file is opened"}
	scriptRemoved     = removal{Item: "JavaScript", Rule: "pdf.javascript", Reason: "what runs on its own when a file is opened"}
	attachmentRemoved = removal{Item: "attached files", Rule: "pdf.attachment", Reason: "files inside the file cannot be cleaned"}
	outlineRemoved    = removal{Item: "bookmarks and page labels", Rule: "pdf.outline", Reason: "free text beside the pages"}
	thumbRemoved      = removal{Item: "page thumbnails", Rule: "pdf.thumbnail", Reason: "may show an earlier version of the page"}
	structureRemoved  = removal{Item: "document structure", Rule: "pdf.structure", Reason: "hidden text beside the pages"}
	printRemoved      = removal{Item: "settings for printing presses", Rule: "pdf.prepress", Reason: "not needed to show the page"}
	viewerRemoved     = removal{Item: "settings for viewers", Rule: "pdf.viewer", Reason: "not needed to show the page"}
	linkRemoved       = removal{Item: "links", Rule: "pdf.link", Reason: "addresses can hold names and lead elsewhere"}
	formRemoved       = removal{Item: "form fields", Rule: "pdf.form", Reason: "what they show is now part of the page"}
	annotRemoved      = removal{Item: "annotations", Rule: "pdf.annotation", Reason: "what they show is now part of the page"}
	hiddenRemoved     = removal{Item: "hidden annotations", Rule: "pdf.annotation.hidden", Reason: "not shown on the page"}
	authorRemoved     = removal{Item: "authors and dates of comments", Rule: "pdf.comment.author", Reason: "account names of the program; the comments stay"}
	signatureRemoved  = removal{Item: "digital signatures", Rule: "pdf.signature", Reason: "a cleaned file is no longer the signed one"}
	revisionRemoved   = removal{Item: "earlier versions", Rule: "pdf.revision", Reason: "what was changed or deleted is still in the file"}
	embeddedRemoved   = removal{Item: "metadata of pictures and colour profiles", Rule: "pdf.embedded", Reason: "camera data, device names and text inside pictures"}
	tailRemoved       = removal{Item: "data behind streams", Rule: "pdf.tail", Reason: "not part of any page"}
	encryptionRemoved = removal{Item: "restrictions on use", Rule: "pdf.encryption", Reason: "the bundle is encrypted instead"}
	drawnRemoved      = removal{Item: "everything but what pages show", Rule: "pdf.redrawn", Reason: "the file cannot be cleaned part by part; its pages are pictures now"}
	marksRemoved      = removal{Item: "marks and comments inside pages", Rule: "pdf.marks", Reason: "hidden text beside what is drawn"}
	unusedRemoved     = removal{Item: "unused fonts and pictures of pages", Rule: "pdf.unused", Reason: "not shown on the page"}
	pagesRemoved      = removal{Item: "pages that were not asked for", Rule: PagesRule, Reason: "the order names the pages that go"}
	otherRemoved      = removal{Item: "other entries", Rule: "pdf.other", Reason: "not needed to show the page"}
)

// PagesRule counts the pages that were not asked for.
const PagesRule = "pdf.pages"

const (
	signatureNotice  = "A PDF was digitally signed; cleaning it ended that signature. The signed original stays with the practice."
	attachmentNotice = "Files attached inside a PDF were removed; if they belong to the record, release them as files of their own."
	hiddenNotice     = "A PDF held annotations that are not shown on screen; they were removed."
	commentNotice    = "Comments in a PDF were kept; the account names of their authors and their dates were removed."
)

// tally counts removals and collects notices.
type tally struct {
	counts  map[removal]int
	notices []string
}

func newTally() *tally { return &tally{counts: map[removal]int{}} }

func (t *tally) add(r removal, n int) {
	if n > 0 {
		t.counts[r] += n
	}
}

func (t *tally) notice(s string) {
	if !slices.Contains(t.notices, s) {
		t.notices = append(t.notices, s)
	}
}

func (t *tally) report() redact.Report {
	out := redact.Report{Format: "PDF", Notices: t.notices}
	for r, n := range t.counts {
		r.Count = n
		out.Removed = append(out.Removed, r)
	}
	sort.Slice(out.Removed, func(i, j int) bool { return out.Removed[i].Item < out.Removed[j].Item })
	return out
}
