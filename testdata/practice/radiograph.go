package practice

import (
	"bytes"
	"image"
	"image/jpeg"
	"strconv"

	"chartseal/testdata/practice/dcm"
	"chartseal/testdata/practice/picture"
)

// intraoral makes a periapical or bitewing image (PS3.3 A.28).
func intraoral(k *kit, v vendor, view picture.Intraoral) ([]byte, error) {
	view.Seed, _ = seeds(k.o.Seed, k.path)
	view.Bits = v.bits
	view.Width, view.Height = k.small(64, 800), k.small(48, 600)
	if view.Millimetres == 30 {
		view.Width, view.Height = view.Height, view.Width
	}
	d := k.image(v, "IO", sopIntraoral)
	teeth := append(append([]picture.FilmTooth{}, view.Upper...), view.Lower...)
	anatomy(&d, teeth)
	d.Put(dcm.ImageLaterality, laterality(teeth))
	d.Put(dcm.SeriesDescription, "Intra-oral")
	d.Put(dcm.Sensitivity, "1.0")
	d.Put(dcm.PositionerType, "NONE")
	d.Put(dcm.KVP, "65")
	d.Put(dcm.XRayTubeCurrent, 7)
	d.Put(dcm.ExposureTime, 120)
	d.Put(dcm.PatientOrientation, `P\F`)
	projection(k, &d, v, view.Spacing())
	if err := pixels(&d, v, view.Draw(), view.Width, view.Height); err != nil {
		return nil, err
	}
	return k.file(v, d)
}

// panoramic makes a panoramic image (PS3.3 A.26, modality PX).
func panoramic(k *kit, v vendor) ([]byte, error) {
	seed, _ := seeds(k.o.Seed, k.path)
	view := picture.Panoramic{
		Seed: seed, Bits: v.bits, Width: k.small(96, 1400), Height: k.small(48, 700),
		Teeth: k.person.findings.all(),
	}
	d := k.image(v, "PX", sopDigital)
	d.Put(dcm.AnatomicRegionSequence, dcm.Seq(dcm.Code("661005", "SCT", "Jaw region")))
	d.Put(dcm.ImageLaterality, "B")
	d.Put(dcm.StudyDescription, "Panoramic survey")
	d.Put(dcm.SeriesDescription, "Panoramic")
	d.Put(dcm.BodyPartExamined, "JAW")
	d.Put(dcm.PositionerType, "PANORAMIC")
	d.Put(dcm.KVP, "70")
	d.Put(dcm.XRayTubeCurrent, 10)
	d.Put(dcm.ExposureTime, 14100)
	d.Put(dcm.PatientOrientation, `L\F`)
	projection(k, &d, v, view.Spacing())
	if err := pixels(&d, v, view.Draw(), view.Width, view.Height); err != nil {
		return nil, err
	}
	return k.file(v, d)
}

// projection is what all digital projection images share (PS3.3 C.8.11).
func projection(k *kit, d *dcm.Dataset, v vendor, spacing float64) {
	d.Put(dcm.PresentationIntentType, "FOR PRESENTATION")
	d.Put(dcm.ImageType, `ORIGINAL\PRIMARY`)
	d.Put(dcm.BurnedInAnnotation, "NO")
	d.Put(dcm.DetectorType, "SCINTILLATOR")
	d.Put(dcm.DetectorConfiguration, "AREA")
	d.Put(dcm.DetectorID, k.serial("DET", v.model))
	d.Put(dcm.ImagerPixelSpacing, dcm.DS(spacing, spacing))
	d.Put(dcm.AcquisitionContextSequence, []dcm.Dataset{})
	d.Put(dcm.PixelIntensityRelationship, "LOG")
	d.Put(dcm.PixelIntensityRelationshipSign, int16(-1))
	d.Put(dcm.RescaleIntercept, "0")
	d.Put(dcm.RescaleSlope, "1")
	d.Put(dcm.RescaleType, "US")
	d.Put(dcm.PresentationLUTShape, "IDENTITY")
	top := float64(int(1) << v.bits)
	d.Put(dcm.WindowCenter, dcm.DS(top/2))
	d.Put(dcm.WindowWidth, dcm.DS(top))
}

// pixels sets the image pixel module: native words, or one JPEG baseline frame.
func pixels(d *dcm.Dataset, v vendor, px []uint16, w, h int) error {
	d.Put(dcm.SamplesPerPixel, uint16(1))
	d.Put(dcm.PhotometricInterpretation, "MONOCHROME2")
	d.Put(dcm.Rows, uint16(h))
	d.Put(dcm.Columns, uint16(w))
	d.Put(dcm.PixelRepresentation, uint16(0))
	d.Put(dcm.BitsStored, uint16(v.bits))
	d.Put(dcm.HighBit, uint16(v.bits-1))
	if v.syntax != dcm.JPEGBaseline {
		d.Put(dcm.BitsAllocated, uint16(16))
		d.Put(dcm.LossyImageCompression, "00")
		d.Put(dcm.PixelData, px)
		return nil
	}
	d.Put(dcm.BitsAllocated, uint16(8))
	frame, err := baseline(px, w, h)
	if err != nil {
		return err
	}
	d.Put(dcm.LossyImageCompression, "01")
	d.Put(dcm.LossyImageCompressionRatio, dcm.DS(float64(w*h*100/len(frame))/100))
	d.Put(dcm.LossyImageCompressionMethod, "ISO_10918_1")
	d.Put(dcm.PixelData, dcm.Fragments{frame})
	return nil
}

func baseline(px []uint16, w, h int) ([]byte, error) {
	img := image.NewGray(image.Rect(0, 0, w, h))
	for i, v := range px {
		img.Pix[i] = uint8(min(v, 255))
	}
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, img, &jpeg.Options{Quality: 92}); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// anatomy says which jaw and which teeth are seen. SNOMED codes of the jaws;
// teeth by their ISO 3950 number in a private scheme (PS3.3 section 8.2).
func anatomy(d *dcm.Dataset, teeth []picture.FilmTooth) {
	up, down := false, false
	var seen []dcm.Dataset
	for _, t := range teeth {
		up, down = up || t.Number < 30, down || t.Number >= 30
		n := strconv.Itoa(t.Number)
		seen = append(seen, dcm.Code(n, "99FDI", "Tooth "+n))
	}
	region := dcm.Code("70925003", "SCT", "Maxilla")
	switch {
	case up && down:
		region = dcm.Code("661005", "SCT", "Jaw region")
	case down:
		region = dcm.Code("91609006", "SCT", "Mandible")
	}
	d.Put(dcm.AnatomicRegionSequence, dcm.Seq(region))
	d.Put(dcm.PrimaryAnatomicStructureSequence, seen)
}

func laterality(teeth []picture.FilmTooth) string {
	left, right := false, false
	for _, t := range teeth {
		q := t.Number / 10
		left, right = left || q == 2 || q == 3, right || q == 1 || q == 4
	}
	switch {
	case left && right:
		return "B"
	case left:
		return "L"
	}
	return "R"
}
