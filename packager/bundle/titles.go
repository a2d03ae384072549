package bundle

import (
	"strings"

	"chartseal/packager/bundle/dicomdir"
)

// kindTitles name a record of each kind.
var kindTitles = map[string]string{
	"chart":          "Chart",
	"treatment_plan": "Treatment plan",
	"consent":        "Consent",
	"billing":        "Billing record",
	"lab":            "Lab record",
	"implant":        "Implant record",
	"radiograph":     "Radiograph",
	"cbct":           "CBCT volume",
	"scan":           "Scan",
	"photo":          "Photograph",
	"model":          "Model",
}

// modalityTitles name a DICOM file by its modality (PS3.3 C.7.3.1.1.1).
var modalityTitles = map[string]string{
	"PX": "Panoramic radiograph",
	"IO": "Intraoral radiograph",
	"CT": "CT volume",
	"XC": "Photograph",
	"ES": "Endoscopic picture",
	"MR": "MR images",
	"US": "Ultrasound images",
}

// title is what a person calls a record: by modality where that says more than
// the kind.
func title(kind string, x *dicomdir.Instance) string {
	if x != nil {
		if t := modalityTitles[strings.ToUpper(x.Modality)]; t != "" && (kind != "cbct" || x.Modality != "CT") {
			return t
		}
	}
	if t := kindTitles[kind]; t != "" {
		return t
	}
	word := oneLine(strings.ReplaceAll(kind, "_", " "))
	if word == "" {
		return "Record"
	}
	return strings.ToUpper(word[:1]) + word[1:]
}
