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
	listFamily             // of an archive's content
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
	"3":      imageFamily,   // US multi-frame
	"4":      imageFamily,   // MR
	"5":      imageFamily,   // NM, retired
	"6":      imageFamily,   // US; 6.3 photoacoustic
	"7":      captureFamily, // secondary capture
	"8":      overlayFamily, // standalone overlay, retired
	"9":      waveFamily,    // standalone curve, retired; 9.x waveforms
	"10":     overlayFamily, // standalone lookup tables, retired
	"11":     overlayFamily, // and presentation states
	"12":     imageFamily,   // XA, XRF
	"13":     imageFamily,   // X-ray 3D: 13.1.1 angiographic, 13.1.2 craniofacial, 13.1.3 breast
	"14":     imageFamily,   // optical coherence
	"20":     imageFamily,   // NM
	"30":     segmentFamily, // parametric map
	"66":     rawFamily,
	"66.1":   reportFamily, // spatial registration, fiducials
	"66.2":   reportFamily,
	"66.3":   reportFamily,
	"66.4":   segmentFamily,
	"66.5":   surfaceFamily,
	"66.6":   surfaceFamily, // tracts
	"66.7":   segmentFamily, // label map
	"66.8":   segmentFamily, // height map
	"67":     reportFamily,  // real world value mapping
	"68.1":   surfaceFamily, // scanned mesh, as of an intra-oral scanner
	"68.2":   surfaceFamily, // scanned points
	"77.1":   photoFamily,   // visible light: 77.1.1 endoscopic, 77.1.4 photographic, 77.1.7 dermoscopic
	"77.2":   photoFamily,   // retired
	"77.1.2": imageFamily,   // microscopic
	"77.1.3": imageFamily,
	"77.1.5": imageFamily,  // ophthalmic
	"77.1.6": imageFamily,  // whole slide
	"77.1.8": imageFamily,  // confocal microscopy
	"77.1.9": imageFamily,  // likewise, tiled
	"78":     reportFamily, // ophthalmic measurements
	"79":     reportFamily,
	"80":     reportFamily, // visual field
	"81":     imageFamily,  // ophthalmic thickness map
	"82":     imageFamily,  // corneal topography map
	"88":     reportFamily,
	"90":     reportFamily, // content assessment
	"91":     reportFamily, // annotations of microscopy
	"104":    documentFamily,
	"128":    imageFamily,   // PET
	"129":    waveFamily,    // PET curve, retired
	"130":    imageFamily,   // enhanced PET
	"131":    overlayFamily, // structured display
	"200":    reportFamily,  // protocols of CT and XA
	"201":    listFamily,    // inventory
	"481":    therapyFamily,
}

// otherFamilies are the storage classes whose UIDs do not begin with
// storageRoot (PS3.4 table B.5-1 and annex GG).
var otherFamilies = map[string]family{
	"1.2.840.10008.1.3.10":      directoryFamily,
	"1.2.840.10008.5.1.4.34.7":  therapyFamily, // RT beams delivery instruction
	"1.2.840.10008.5.1.4.34.10": therapyFamily, // RT brachy application setup
	"1.2.840.10008.5.1.4.38.1":  overlayFamily, // hanging protocol
	"1.2.840.10008.5.1.4.39.1":  overlayFamily, // color palette
	"1.2.840.10008.5.1.4.43.1":  therapyFamily, // implant templates
	"1.2.840.10008.5.1.4.44.1":  therapyFamily,
	"1.2.840.10008.5.1.4.45.1":  therapyFamily,
}

// familyOf gives the family of a SOP class.
func familyOf(sopClass string) family {
	if f, known := otherFamilies[sopClass]; known {
		return f
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
