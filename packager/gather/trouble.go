package gather

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"chartseal/order"
)

// trouble is what can be wrong with a file or folder of the patient.
type trouble int

const (
	noTrouble trouble = iota
	otherPatient
	unclearPatient
	unclearText
	manyFolders
	otherName
	noFolder
	noValue
	link
	hardLink
	special
	badName
	unreadableFile
	unreadableFolder
	tooDeep
	tooMany
	empty
	changing
	arrived
	decidedTwice
	brokenDICOM
	notDICOM
	unknownFormat
	badSideFile
	itemMissing
	itemUnclear
	itemOutside
	itemPages
	troubles
)

// wording is a trouble in words for staff: one and many are the two forms of
// what happened, todo is what they can do about it.
type wording struct{ rule, one, many, todo string }

// words holds every sentence about a file that gathering refuses. "Nothing was
// sent." goes between what happened and what to do.
var words = [troubles]wording{
	otherPatient:     {"R35", "1 file says another patient's name.", "%d files say another patient's name.", "Move what belongs to someone else into its own folder, or leave it out by a decision on the order; it can never be released with it."},
	unclearPatient:   {"R35", "1 image does not say well enough whose it is.", "%d images do not say well enough whose they are.", "The patient's number must agree with the order, and the name or the birth date as well. Correct this in the imaging program and export again; or look at what it shows, and release or leave it out by a decision on the order."},
	unclearText:      {"R35", "1 file does not agree with the order about whose it is.", "%d files do not agree with the order about whose they are.", "Names, birth dates or numbers in it differ from the order. Look at it: if it is this patient's, release it by a decision on the order; if not, move it to the patient it belongs to, or leave it out by a decision."},
	manyFolders:      {"R35", "More than one folder fits this patient.", "%d folders fit this patient.", "Check which one is right and rename or merge the others."},
	otherName:        {"R35", "1 folder has this patient's number in another name.", "%d folders have this patient's number in other names.", "If it is this patient's, as after a marriage, write the patient's name on the order as the folder has it, or give the folder the name on the order; if it is somebody else's, correct the number."},
	noFolder:         {"R35", "There is no folder for this patient.", "There is no folder for this patient.", "Check the patient's number and name on the order."},
	noValue:          {"R35", "The patient's number or name on the order cannot be part of a folder's name.", "The patient's number or name on the order cannot be part of a folder's name.", "Check the patient's number and name on the order; the name is written \"Last, First\"."},
	link:             {"R11", "1 entry is a link to another place and was not followed.", "%d entries are links to other places and were not followed.", "Put the files themselves into the patient's folder."},
	hardLink:         {"R11", "1 file is also filed under another name (a hard link).", "%d files are also filed under other names (hard links).", "Replace it by a copy of its own, so that it is sure to be this patient's."},
	special:          {"R11", "1 entry is not an ordinary file.", "%d entries are not ordinary files.", "If it is kept in the cloud, open it once so that it is stored here; otherwise take it out of the patient's folder."},
	badName:          {"R11", "1 file has a name that this computer cannot read.", "%d files have names that this computer cannot read.", "Give each a name of ordinary letters that ends in no dot and no space."},
	unreadableFile:   {"R11", "1 file could not be read.", "%d files could not be read.", "Close it in other programs and check who may read it, then save the order again."},
	unreadableFolder: {"R11", "1 folder could not be opened.", "%d folders could not be opened.", "Check who may read it, then save the order again."},
	tooDeep:          {"R11", "1 folder lies too deep to be searched.", "%d folders lie too deep to be searched.", "Move its files further up."},
	tooMany:          {"R11", "The patient's folders hold more files than can be searched.", "The patient's folders hold more files than can be searched.", "Ask for fewer kinds of records in one order, or take out what is no record."},
	empty:            {"R11", "1 file is empty.", "%d files are empty.", "Restore it from a backup, or take it out of the patient's folder."},
	changing:         {"R11", "1 file was being changed.", "%d files were being changed.", "Wait until the program that writes it is done, then save the order again."},
	arrived:          {"R11", "1 file came into the patient's folder while its records were being read.", "%d files came into the patient's folder while its records were being read.", "Wait until the program that writes there is done, then drop the order again."},
	decidedTwice:     {"R11", "A decision on the order names 1 file that is there twice, in two folders of records.", "Decisions on the order name %d files that are there twice, in two folders of records.", "Give one of the two another name, so that it is plain which is meant, and correct the decision."},
	brokenDICOM:      {"R11", "1 DICOM image could not be read.", "%d DICOM images could not be read.", "Export it again from the imaging program. The patient is entitled to a complete copy."},
	notDICOM:         {"R11", "1 file is named .dcm and is no DICOM image.", "%d files are named .dcm and are no DICOM images.", "Export it again from the imaging program."},
	unknownFormat:    {"R11", "1 file has a format that cannot be cleaned.", "%d files have formats that cannot be cleaned.", "Save it as PDF, JPEG, PNG, DICOM, STL or PLY."},
	itemMissing:      {"S1", "1 file that the order names was not found.", "%d files that the order names were not found.", "Write each as it lies in the patient's folder, such as charts/2024.pdf, and its kind under records.kinds; or take it off the order."},
	itemUnclear:      {"S1", "1 file fits a name on the order that is not clear: several have it, or the order names it twice.", "%d files fit a name on the order that is not clear: several have it, or the order names one twice.", "Write each file once, with the folder it lies in, such as charts/2024.pdf."},
	itemOutside:      {"S1", "1 file that the order names is not from the days it asks for.", "%d files that the order names are not from the days it asks for.", "Correct records.from and records.to, or take the file off the order."},
	itemPages:        {"S1", "The order asks for pages of 1 file that has none.", "The order asks for pages of %d files that have none.", "Only of a PDF can pages be named; take 'pages' off the others."},
	badSideFile:      {"R11", "1 side file (.meta.yaml) does not hold a line such as \"date: 2025-05-03\" or \"sensitive: [hiv_sti]\", or holds others.", "%d side files (.meta.yaml) do not hold a line such as \"date: 2025-05-03\" or \"sensitive: [hiv_sti]\", or hold others.", "Correct or delete it; its name ends in small letters."},
}

// OtherPatient is the reason for holding files whose text says that they are another
// patient's. Nobody can release them.
func OtherPatient(items []string) order.Reason { return textReason(otherPatient, items) }

// UnclearText is the reason for holding files whose text does not agree well enough
// with the order about whose they are.
func UnclearText(items []string) order.Reason { return textReason(unclearText, items) }

// UnclearImages is the reason for holding images that do not say well enough whose they are.
func UnclearImages(items []string) order.Reason { return textReason(unclearPatient, items) }

func textReason(t trouble, items []string) order.Reason {
	var f findings
	for _, item := range items {
		f.add(t, item)
	}
	reasons, _ := f.reasons(nil)
	return reasons[0]
}

func (t trouble) sentence(n int) string {
	w := words[t]
	what, also := w.one, " It can also be left out by a decision on the order."
	if n > 1 {
		what, also = strings.Replace(w.many, "%d", strconv.Itoa(n), 1), " They can also be left out by a decision on the order."
	}
	if t.final() || t == otherPatient || t == unclearPatient || t == unclearText {
		also = ""
	}
	return what + " Nothing was sent. " + w.todo + also
}

// findings is the list of troubles: which files have which. Safe for concurrent use.
type findings struct {
	mu    sync.Mutex
	items [troubles][]string
	seen  [troubles]bool
}

func (f *findings) add(t trouble, path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen[t] = true
	if path != "" {
		f.items[t] = append(f.items[t], show(path))
	}
}

// reasons puts the findings into words, the gravest first. What a person
// decided to go without is counted instead.
func (f *findings) reasons(decided decisions) (out []order.Reason, waived int) {
	for t := range troubles {
		if !f.seen[t] {
			continue
		}
		slices.Sort(f.items[t])
		items := slices.Compact(f.items[t])
		w := words[t]
		if !t.final() && decided.about(order.LeaveOut, w.rule, "") {
			waived += len(items)
			continue
		}
		r := hold(w.rule, t.sentence(max(1, len(items))), items)
		switch {
		case t.final():
			r.Outcome = order.Refuse
		case t == unclearPatient, t == unclearText:
			r.May = []order.RulingChoice{order.LeaveOut, order.ReleaseItem}
		case len(items) > 0:
			r.May = []order.RulingChoice{order.LeaveOut}
		}
		out = append(out, r)
	}
	return out, waived
}

// final troubles leave nothing to decide: the order or the folders must change.
func (t trouble) final() bool {
	switch t {
	case manyFolders, noFolder, noValue, tooMany, arrived, decidedTwice, itemMissing, itemUnclear, itemOutside, itemPages:
		return true
	default:
		return false
	}
}

// hold is the reason for a hold, with the law behind the rule. Nothing may be
// decided about it until its May is set: what could not be read or is another
// patient's can only be left out, and a person releases no file unseen.
func hold(rule, message string, items []string) order.Reason {
	return order.Reason{Rule: rule, Outcome: order.Hold, Message: message, Citation: order.Citation(rule), Items: items}
}

// show makes a path safe to print: no control, direction or broken characters.
func show(path string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return unicode.ReplacementChar
		}
		return r
	}, strings.ToValidUTF8(path, string(unicode.ReplacementChar)))
}

// has reports whether any of these was found.
func (f *findings) has(these ...trouble) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.ContainsFunc(these, func(t trouble) bool { return f.seen[t] })
}

// any reports whether any file was refused.
func (f *findings) any() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seen != [troubles]bool{}
}
