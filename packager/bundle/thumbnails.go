package bundle

import (
	"encoding/base64"
	"fmt"
	"html/template"
)

// Thumbnail is a small picture of a record, for START-HERE.html.
type Thumbnail struct {
	JPEG          []byte
	Width, Height int  // in pixels
	Slice         bool // it shows a slice from the middle of a volume
	Series        bool // it stands for all records of its series
}

// START-HERE.html stays below 2 MiB, so that a phone opens it at once: the
// thumbnails have their share of it, the table of contents and the notices have
// theirs. What there is no room for is in data/INDEX.HTM and manifest.json.
const (
	maxThumbnails = 900_000 // bytes of all JPEG files; in base64 a third more
	maxContents   = 400_000 // bytes of the rows of the table, about
	maxNotes      = 200     // notices
)

// Show gives a thumbnail of the nth record, counted from 0 in the order of Add.
// It is called before Finish; past the bound of START-HERE.html it does nothing.
func (w *Writer) Show(n int, t Thumbnail) {
	if n < 0 || n >= len(w.manifest.Records) || w.shown+len(t.JPEG) > maxThumbnails {
		return
	}
	w.shown += len(t.JPEG)
	w.thumbnails[n] = t
}

// picture is one of the pictures in START-HERE.html: a thumbnail within the page,
// or a JPEG or PNG file beside it.
type picture struct {
	Title, Date, Alt string
	Src              template.URL // of a thumbnail
	Width, Height    int
	Link             string // path from the top
}

// maxPictures bounds the pictures that are files of their own: a browser decodes
// them all.
const maxPictures = 48

// gallery lists the pictures, in the order of the rows.
func gallery(m *Manifest, rows []row, thumbnails map[int]Thumbnail) (list []picture) {
	files := 0
	for _, r := range rows {
		switch {
		case isDICOM(r.Format):
			list = append(list, drawn(m, r, thumbnails)...)
		case (r.Format == "JPEG" || r.Format == "PNG") && files < maxPictures:
			files++
			list = append(list, picture{Title: r.Title, Date: r.Date, Alt: alt(r.Title, r.Date), Link: r.Link})
		}
	}
	return list
}

// drawn lists the thumbnails of a series.
func drawn(m *Manifest, r row, thumbnails map[int]Thumbnail) (list []picture) {
	for i, n := range r.records {
		t, ok := thumbnails[n]
		if !ok {
			continue
		}
		rec := &m.Records[n]
		title, _ := plainTitle(rec.Title)
		p := picture{
			Title: title, Date: humanDate(rec.Date), Width: t.Width, Height: t.Height, Link: rec.Path,
			Src: template.URL("data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(t.JPEG)), //nolint:gosec // our own
		}
		if len(r.records) > 1 && !t.Series {
			p.Title = fmt.Sprintf("%s, %d of %d", p.Title, i+1, len(r.records))
		}
		if t.Slice {
			p.Title = "Middle slice of " + p.Title
		}
		p.Alt = alt(p.Title, p.Date)
		list = append(list, p)
	}
	return list
}

// alt says what a picture is.
func alt(title, date string) string {
	if date == "" {
		return title
	}
	return title + ", " + date
}

// unseen says of a row of DICOM files that the page shows none or not all of them.
func unseen(r *row, thumbnails map[int]Thumbnail) string {
	seen, whole := 0, false
	for _, n := range r.records {
		if t, ok := thumbnails[n]; ok {
			seen++
			whole = whole || t.Series
		}
	}
	switch {
	case whole || seen == len(r.records):
		return ""
	case seen > 0:
		return fmt.Sprintf("%d of %d are shown below. A DICOM viewer shows all.", seen, len(r.records))
	}
	return "No preview here: open it with a DICOM viewer, or look on the page it came from."
}

// withinPage are the rows that the page has room for, and the number of the others.
func withinPage(rows []row) ([]row, int) {
	size := 0
	for i := range rows {
		r := &rows[i]
		size += 240 + 2*len(r.Title) + 4*len(r.Link)
		for _, n := range r.Notices {
			size += len("<small></small>") + 2*len(n)
		}
		if size > maxContents {
			return rows[:i], len(rows) - i
		}
	}
	return rows, 0
}
