package dicomfile

import "strings"

// family sorts SOP classes by what they carry (PS3.4 table B.5-1).
type family uint8

const (
	unknownFamily   family = iota
	imageFamily            // pixels made by a device
	captureFamily          // secondary capture: a screen, a scan of paper
	photoFamily            // visible light
	segmentFamily          // segments and parametric maps: pixels
	surfaceFamily          // surfaces: no pixels
	reportFamily           // structured reports, key objects
	overlayFamily          // presentation states: drawings and text over an image
	documentFamily         // encapsulated PDF, CDA, STL, OBJ
	rawFamily              // a maker's own data
	waveFamily             // waveforms, sound
	therapyFamily          // radiotherapy
	directoryFamily        // DICOMDIR
)

const storageRoot = "1.2.840.10008.5.1.4.1.1."

// storageFamilies maps the part of the UID after storageRoot; the longest
// prefix of whole components wins.
var storageFamilies = map[string]family{
	"1":      imageFamily,   // CR; 1.1–1.3 DX, MG and IO
	"2":      imageFamily,   // CT, enhanced CT
	"3":      imageFamily,   // US multi-frame, retired
	"4":      imageFamily,   // MR
	"6":      imageFamily,   // US
	"7":      captureFamily, // secondary capture
	"9":      waveFamily,
	"11":     overlayFamily,
	"12":     imageFamily, // XA, XRF
	"13":     imageFamily, // X-ray 3D: 13.1.1 angiographic, 13.1.2 craniofacial, 13.1.3 breast
	"14":     imageFamily, // optical coherence
	"20":     imageFamily, // NM
	"30":     segmentFamily,
	"66":     rawFamily,
	"66.4":   segmentFamily,
	"66.5":   surfaceFamily,
	"66.1":   reportFamily, // spatial registration, fiducials
	"66.2":   reportFamily,
	"66.3":   reportFamily,
	"66.7":   segmentFamily,
	"77.1":   photoFamily,
	"88":     reportFamily,
	"104":    documentFamily,
	"128":    imageFamily, // PET
	"130":    imageFamily, // enhanced PET
	"481":    therapyFamily,
	"77.1.5": imageFamily, // ophthalmic
	"77.1.6": imageFamily, // whole slide
}

// familyOf gives the family of a SOP class.
func familyOf(sopClass string) family {
	if sopClass == "1.2.840.10008.1.3.10" {
		return directoryFamily
	}
	rest, ok := strings.CutPrefix(sopClass, storageRoot)
	for ok && rest != "" {
		if f, known := storageFamilies[rest]; known {
			return f
		}
		rest = rest[:max(0, strings.LastIndexByte(rest, '.'))]
	}
	return unknownFamily
}

// requiresSerial reports the kinds of image whose serial number is Type 1
// (PS3.3 section C.7.5.2, Enhanced General Equipment): it gets a dummy value
// instead of going.
func requiresSerial(sopClass string) bool {
	rest, ok := strings.CutPrefix(sopClass, storageRoot)
	if !ok {
		return false
	}
	switch rest {
	case "2.1", "2.2", "4.1", "4.2", "4.3", "4.4", "6.2", "12.1.1", "12.2.1", "14.1", "14.2",
		"30", "66.4", "66.5", "66.7", "77.1.6", "128.1", "130":
		return true
	}
	return strings.HasPrefix(rest, "13.1.")
}
