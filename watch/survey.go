package watch

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"
)

// Survey is the outcome of one scan. Its names are patient data.
type Survey struct {
	Ready   []string // settled files, oldest sighting first
	Waiting int      // dropped files that are not claimed yet
	Delayed []Delay  // those of them that take unusually long
	Left    []Left   // what stays untouched

	due  time.Time // when the first of the waiting is worth another look
	more bool      // ready files are left for the next sweep
}

// Why says what a file waits for, in words for staff.
type Why string

// What files wait for.
const (
	Growing   Why = "is still being written"
	Empty     Why = "is empty; the program that made it may still be copying"
	CloudOnly Why = "is not on this computer yet; let the cloud program keep this folder on the device"
	Locked    Why = "is open in another program, or chartseal may not read it"
	Lonely    Why = "is a signature whose order has not arrived"
	Unsigned  Why = "waits for its signature"
	Refused   Why = "was picked up and cannot be worked on at the moment"
)

// Delay is a dropped file that waits.
type Delay struct {
	Name  string    `json:"name"`
	Why   Why       `json:"why"`
	Since time.Time `json:"since"` // by our own clock
}

// Left is a file or folder that stays untouched, and why.
type Left struct {
	Name string `json:"name"`
	Why  string `json:"why"`
}

// Present is what lies in the outbox right now.
type Present struct {
	Pending []string // dropped files that are not claimed yet
	Ignored []string // left untouched
	Delayed []Delay  // of the pending: what the daemon waits for, and since when
	Left    []Left   // the ignored, and what lies in working/ by mistake, with the reason
}

// Look lists the outbox without claiming anything or remembering what it saw;
// it may run beside Run, also in another process.
func (o *Outbox) Look() (Present, error) {
	entries, err := fs.ReadDir(o.root().FS(), ".")
	if err != nil {
		return Present{}, fmt.Errorf("list outbox: %w", Scrub(err))
	}
	var p Present
	pending := map[string]bool{}
	for _, e := range entries {
		if ours(e.Name()) {
			continue
		}
		info, err := o.root().Lstat(e.Name())
		why := ""
		if err == nil {
			why = untouched(e.Name(), info)
		}
		if why == "" {
			p.Pending = append(p.Pending, e.Name())
			pending[e.Name()] = true
			continue
		}
		p.Ignored = append(p.Ignored, e.Name())
		p.Left = append(p.Left, Left{e.Name(), why})
	}
	saved := o.savedSurveys()
	for _, d := range saved.Delayed {
		if pending[d.Name] || d.Why == Refused {
			p.Delayed = append(p.Delayed, d)
		}
	}
	for _, l := range saved.Left {
		if strings.HasPrefix(l.Name, workingDir+"/") {
			p.Left = append(p.Left, l)
		}
	}
	return p, nil
}

const hardLink = "a hard link: the same file has another name elsewhere"

// untouched says why a file is no order; "" for one that may be.
func untouched(name string, info fs.FileInfo) string {
	switch mode := info.Mode(); {
	case mode.IsDir():
		return "a folder"
	case mode&fs.ModeSymlink != 0:
		return "a symbolic link"
	case mode&fs.ModeNamedPipe != 0:
		return "a pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	case !mode.IsRegular():
		return "not an ordinary file"
	case ignored(name):
		return "a file that systems, editors or copy programs leave behind"
	case links(info) > 1:
		return hardLink
	}
	return ""
}

// surveyFile is what the daemon saw last, for Look in another process.
type surveyFile struct {
	Delayed []Delay `json:"delayed"`
	Left    []Left  `json:"left"`
}

const surveyPrefix = "survey-"

// maxSaved bounds the saved survey; a person reads no longer list.
const maxSaved = 1000

// save keeps what is delayed and left in working/, when that is news. It is
// only for display: a failure is no trouble.
func (o *Outbox) save(s Survey) {
	if o.opts.Owner == "" {
		return
	}
	f := surveyFile{Delayed: s.Delayed[:min(len(s.Delayed), maxSaved)]}
	for _, l := range s.Left {
		if strings.HasPrefix(l.Name, workingDir+"/") && len(f.Left) < maxSaved {
			f.Left = append(f.Left, l)
		}
	}
	b, err := json.Marshal(f)
	if err != nil || bytes.Equal(b, o.saved) {
		return
	}
	name := path.Join(markDir, surveyPrefix+digest(o.opts.Owner)+".json")
	if writeFile(o.root(), name+".tmp", b) == nil && o.root().Rename(name+".tmp", name) == nil {
		o.saved = b
	}
}

func (o *Outbox) savedSurveys() (all surveyFile) {
	entries, err := fs.ReadDir(o.root().FS(), markDir)
	if err != nil {
		return all
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), surveyPrefix) || !strings.HasSuffix(e.Name(), ".json") {
			continue
		}
		var f surveyFile
		b, err := o.root().ReadFile(path.Join(markDir, e.Name()))
		if err == nil && json.Unmarshal(b, &f) == nil {
			all.Delayed = append(all.Delayed, f.Delayed...)
			all.Left = append(all.Left, f.Left...)
		}
	}
	return all
}
