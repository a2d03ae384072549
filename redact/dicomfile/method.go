package dicomfile

import (
	"fmt"
	"slices"
	"strings"

	"chartseal/redact"
)

var (
	vrCS = mkVR('C', 'S')
	vrLO = mkVR('L', 'O')
)

// Elements that tell how a file was de-identified (PS3.15 section E.1.1 step 6,
// PS3.3 sections C.7.1.1 and C.12.1).
const (
	tagIdentityRemoved = 0x00120062
	tagMethod          = 0x00120063
	tagMethodCodes     = 0x00120064
	tagDatesModified   = 0x00280303
)

// methods are the codes of PS3.16 context group 7050 that are used here.
var methods = map[string]string{
	"113100": "Basic Application Confidentiality Profile",
	"113101": "Clean Pixel Data Option",
	"113106": "Retain Longitudinal Temporal Information Full Dates Option",
	"113107": "Retain Longitudinal Temporal Information Modified Dates Option",
}

// addedBy gives the elements a profile adds to say what was done, in tag order.
// Only a de-identified file may claim that identity is gone.
func addedBy(r *rules) []insertion {
	modified := datesModified(r)
	switch r.profile {
	case redact.LimitedSet:
		return append([]insertion{{tagMethod, vrLO, "chartseal limited data set" + datesMethod(r)}}, modified...)
	case redact.Deidentified:
		return append([]insertion{
			{tagIdentityRemoved, vrCS, "YES"},
			{tagMethod, vrLO, "chartseal PS3.15 Basic Profile" + datesMethod(r)},
			{tagMethodCodes, vrSQ, "113100" + datesCode(r)},
		}, modified...)
	default:
		return nil
	}
}

// datesModified is silent on a limited set that keeps dates: the file may come
// with modified ones.
func datesModified(r *rules) []insertion {
	value := "REMOVED"
	switch {
	case r.dates == ShiftDates:
		value = "MODIFIED"
	case r.dates == KeepDates && r.profile == redact.Deidentified:
		value = "UNMODIFIED"
	case r.dates.Dated(r.profile):
		return nil
	}
	return []insertion{{tagDatesModified, vrCS, value}}
}

func datesMethod(r *rules) string {
	switch {
	case r.dates == ShiftDates:
		return ", dates shifted"
	case r.dates == KeepDates && r.profile == redact.Deidentified:
		return ", dates kept"
	case r.dates == RemoveDates && r.profile == redact.LimitedSet:
		return ", dates removed"
	}
	return ""
}

func datesCode(r *rules) string {
	switch r.dates {
	case ShiftDates:
		return `\113107`
	case KeepDates:
		return `\113106`
	case DatesByTable, RemoveDates:
	}
	return ""
}

func adds(list []insertion, t Tag) bool {
	return slices.ContainsFunc(list, func(in insertion) bool { return in.tag == t })
}

// bytes is the value of an added element; that of a sequence names the codes of
// its items (PS3.3 section 8.8).
func (in *insertion) bytes(syn syntax) []byte {
	if in.vr != vrSQ {
		return padded(in.value, ' ')
	}
	var all []byte
	for code := range strings.SplitSeq(in.value, `\`) {
		var item []byte
		for _, e := range []insertion{
			{0x00080100, vrSH, code}, {0x00080102, vrSH, "DCM"}, {0x00080104, vrLO, methods[code]},
		} {
			value := padded(e.value, ' ')
			item = append(syn.appendHeader(item, e.tag, e.vr, uint32(len(value))), value...)
		}
		all = append(syn.appendU32(syn.appendTag(all, tagItem), uint32(len(item))), item...)
	}
	return all
}

// dateNotice tells what became of the dates, and what that rests on.
func dateNotice(r *rules) string {
	if !r.deidentifies() {
		return ""
	}
	basis := ""
	if r.profile == redact.Deidentified {
		basis = " This set is not de-identified by the safe harbor (45 CFR 164.514(b)(2)) but only by an expert's determination (164.514(b)(1))."
	}
	switch r.dates {
	case ShiftDates:
		return fmt.Sprintf("All dates were moved by one secret number of days, at most %d; the time between them is true.%s", maxShift, basis)
	case KeepDates:
		return "Dates were kept as they are." + basis
	case DatesByTable, RemoveDates:
	}
	return ""
}
