package bundle

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"path"
	"slices"
	"strings"
	texttemplate "text/template"
	"time"

	"chartseal/packager/bundle/dicomdir"
)

//go:embed pages
var pageFiles embed.FS

// page is one of the files for people.
type page struct {
	path   string
	render func(v *view) ([]byte, error)
}

var pages = []page{
	{"data/README.TXT", renderReadme},
	{"data/INDEX.HTM", htmlPage("index.htm", "'none'")},
	{startHereName, htmlPage("start-here.html", "'self' file: data:")},
}

// view is what the pages show, ready to print.
type view struct {
	*Manifest
	Sent     string // November 18, 2026
	Born     string
	From, To string
	Rows     []row
	Listed   []row    // those of Rows that START-HERE.html has room for
	Unlisted int      // the number of the others
	Notes    []string // the first of Notices, and of what many rows share
	Unnoted  int      // the number of the others
	Pictures []picture
	Removed  []removed
	Size     string // of all records
	Disc     bool   // there is a DICOMDIR
	Foreign  int    // files in the DICOMDIR that are encoded as IHE PDI does not provide
	Style    template.CSS
	Policy   string // content security policy
}

// row is one line of the table of contents: a record, or a DICOM series.
type row struct {
	Title, Date, Format, Size string
	Called                    string // what the imaging program calls it, where that is not in Title
	Link, Name                string // path from the top, and from data/
	Count                     int
	Notices                   []string
	Unseen                    string // why there is no picture of it
	bytes                     int64
	sortDate, first           string
	records                   []int // their numbers, from 0
}

// removed is one reason for which something was taken out.
type removed struct {
	Reason string
	Files  int
}

// Name is a statement's path from data/.
func (s Statement) Name() string { return strings.TrimPrefix(s.Path, "data/") }

func newView(m *Manifest, listed []dicomdir.Instance, thumbnails map[int]Thumbnail) *view {
	v := &view{
		Manifest: m, Sent: humanDate(m.Created.Format("2006-01-02")), Disc: len(listed) > 0,
		Rows: rows(m.Records), Removed: removals(m.Records),
	}
	for _, x := range listed {
		if !dicomdir.Interchange(x) {
			v.Foreign++
		}
	}
	if m.Patient != nil {
		v.Born = humanDate(m.Patient.BirthDate)
	}
	if m.Scope != nil {
		v.From, v.To = humanDate(m.Scope.From), humanDate(m.Scope.To)
	}
	var total int64
	for i := range v.Rows {
		r := &v.Rows[i]
		total += r.bytes
		if isDICOM(r.Format) {
			r.Unseen = unseen(r, thumbnails)
		}
	}
	v.Notes = append(slices.Clone(m.Notices), shared(v.Rows)...)
	v.Unnoted = max(0, len(v.Notes)-maxNotes)
	v.Notes = v.Notes[:len(v.Notes)-v.Unnoted]
	v.Listed, v.Unlisted = withinPage(v.Rows)
	v.Pictures = gallery(m, v.Rows, thumbnails)
	v.Size = humanSize(total)
	return v
}

// rows gathers the files of a DICOM series into one line and sorts by date,
// the newest first.
func rows(records []Member) []row {
	var list []row
	at := map[string]int{}
	for n, m := range records {
		link := m.Path
		if isDICOM(m.Format) {
			link = path.Dir(m.Path) + "/"
		}
		i, ok := at[link]
		if !ok {
			i = len(list)
			at[link] = i
			title, called := rowTitle(m)
			list = append(list, row{Title: title, Called: called, Date: humanDate(m.Date), Format: m.Format, Link: link, sortDate: m.Date, first: m.Path})
		}
		r := &list[i]
		r.Count++
		r.bytes += m.Bytes
		r.records = append(r.records, n)
		for _, n := range m.Notices {
			n = PlainNotice(n)
			if !slices.Contains(r.Notices, n) && len(r.Notices) < 8 {
				r.Notices = append(r.Notices, n)
			}
		}
	}
	for i := range list {
		r := &list[i]
		r.Size = humanSize(r.bytes)
		if r.Count == 1 {
			r.Link = r.first // not the folder
		}
		r.Name = strings.TrimPrefix(r.Link, "data/")
	}
	slices.SortStableFunc(list, func(a, b row) int {
		return cmp.Or(cmp.Compare(b.sortDate, a.sortDate), cmp.Compare(a.Title, b.Title))
	})
	return list
}

// shared takes the notices that many rows have out of them, to be said once.
func shared(list []row) (often []string) {
	count := map[string]int{}
	for _, r := range list {
		for _, n := range r.Notices {
			if count[n]++; count[n] == 3 {
				often = append(often, n)
			}
		}
	}
	for i := range list {
		list[i].Notices = slices.DeleteFunc(list[i].Notices, func(n string) bool { return count[n] > 2 })
	}
	return often
}

// rowTitle adds the words of the original name, where the path has them: "Chart:
// progress notes".
func rowTitle(m Member) (title, called string) {
	title, called = plainTitle(m.Title)
	base := strings.TrimSuffix(path.Base(m.Path), path.Ext(m.Path))
	parts := strings.SplitN(base, "_", 2)
	if isDICOM(m.Format) || len(parts) < 2 {
		return title, called
	}
	_, words, ok := strings.Cut(strings.TrimPrefix(parts[1], strings.ToLower(m.Kind)+"_"), "_")
	if !ok {
		return title, called
	}
	return title + ": " + strings.ReplaceAll(words, "-", " "), called
}

// PlainNotice is a notice of a record without the names of elements that it may end
// with: those are for manifest.json.
func PlainNotice(n string) string {
	n, _, _ = strings.Cut(n, " (DICOM: ")
	return n
}

// removals counts, for each reason, the files it applied to.
func removals(records []Member) []removed {
	count := map[string]int{}
	for _, m := range records {
		seen := map[string]bool{}
		for _, r := range m.Removed {
			if !seen[r.Reason] {
				seen[r.Reason] = true
				count[r.Reason]++
			}
		}
	}
	list := make([]removed, 0, len(count))
	for reason, n := range count {
		list = append(list, removed{reason, n})
	}
	slices.SortFunc(list, func(a, b removed) int {
		return cmp.Or(cmp.Compare(b.Files, a.Files), cmp.Compare(a.Reason, b.Reason))
	})
	return list
}

// humanDate writes YYYY-MM-DD as the letters do: May 3, 2025.
func humanDate(s string) string {
	t, err := time.Parse("2006-01-02", s)
	if err != nil {
		return ""
	}
	return t.Format("January 2, 2006")
}

func humanSize(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d bytes", n)
	case n < 1000_000:
		return fmt.Sprintf("%d KB", (n+500)/1000)
	case n < 1000_000_000:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1e9)
}

// htmlPage renders a page whose style sheet is the only thing it may load
// besides pictures from where images says: no script, from nowhere.
func htmlPage(name, images string) func(*view) ([]byte, error) {
	tmpl := template.Must(template.ParseFS(pageFiles, "pages/"+name))
	css, err := pageFiles.ReadFile("pages/" + strings.TrimSuffix(strings.TrimSuffix(name, ".html"), ".htm") + ".css")
	if err != nil {
		panic(err) // embedded: a fault of the build
	}
	style := string(css)
	sum := sha256.Sum256(css)
	policy := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; img-src " + images + "; base-uri 'none'; form-action 'none'"
	return func(v *view) ([]byte, error) {
		v.Style, v.Policy = template.CSS(style), policy //nolint:gosec // our own style sheet
		var buf bytes.Buffer
		err := tmpl.Execute(&buf, v)
		return buf.Bytes(), err
	}
}

// renderReadme writes plain text with the line ends Windows' editor wants, as
// IHE PDI's README.TXT (RAD TF-3 4.47.4.1.2.3.2) is read there.
func renderReadme(v *view) ([]byte, error) {
	var buf bytes.Buffer
	if err := readme.Execute(&buf, v); err != nil {
		return nil, err
	}
	return bytes.ReplaceAll(buf.Bytes(), []byte("\n"), []byte("\r\n")), nil
}

var readme = texttemplate.Must(texttemplate.ParseFS(pageFiles, "pages/readme.txt"))
