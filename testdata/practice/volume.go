package practice

import (
	"strings"
	"sync"

	"chartseal/testdata/practice/dcm"
	"chartseal/testdata/practice/picture"
)

// volume is one cone-beam scan: its head is made once, its slices when asked.
type volume struct {
	v    vendor
	date string
	head func() *picture.Head
}

func newVolume(o Options, p *person, date string, v vendor) *volume {
	return &volume{v: v, date: date, head: sync.OnceValue(func() *picture.Head {
		seed, _ := seeds(o.Seed, p.ID+" head")
		f := p.findings
		return picture.NewHead(seed, picture.HeadOptions{Missing: f.missing, Implant: f.implant, Filled: f.filled})
	})}
}

// slice makes one file of a series (PS3.3 A.3).
func (s *volume) slice(k *kit, i int) ([]byte, error) {
	g := geometry{size: k.o.Size, slices: k.o.Slices}
	px := make([]uint16, g.size*g.size)
	s.head().Slice(px, g.size, g.z(i), i)
	return s.file(k, i, px)
}

// file is slice i with the pixels px.
func (s *volume) file(k *kit, i int, px []uint16) ([]byte, error) {
	g := geometry{size: k.o.Size, slices: k.o.Slices}
	d := k.image(s.v, "CT", sopCT)
	ctImage(&d, g)
	d.Put(dcm.SOPInstanceUID, dcm.UID(k.path))
	d.Put(dcm.FrameOfReferenceUID, dcm.UID(k.study("CT")+" frame"))
	d.Put(dcm.InstanceNumber, i+1)
	d.Put(dcm.ImagePositionPatient, g.position(i))
	d.Put(dcm.SliceLocation, dcm.DS(g.z(i)))
	d.Put(dcm.PixelData, px)
	return k.file(s.v, d)
}

// geometry places slices in the patient: the first is the lowest.
type geometry struct {
	size, slices int
}

func (g geometry) spacing() float64 { return picture.HeadWidth / float64(g.size) }

func (g geometry) thickness() float64 {
	return (picture.HeadTop - picture.HeadBottom) / float64(g.slices)
}

// z is the height of the middle of slice i in mm.
func (g geometry) z(i int) float64 { return picture.HeadBottom + (float64(i)+0.5)*g.thickness() }

// position is the centre of the first voxel: ImagePositionPatient (PS3.3 C.7.6.2.1.1).
func (g geometry) position(i int) string {
	corner := -picture.HeadWidth/2 + g.spacing()/2
	return dcm.DS(corner, corner, g.z(i))
}

// ctImage sets what every slice of a series shares (PS3.3 C.8.2).
func ctImage(d *dcm.Dataset, g geometry) {
	d.Put(dcm.ImageType, `ORIGINAL\PRIMARY\AXIAL`)
	d.Put(dcm.StudyDescription, "CBCT both jaws")
	d.Put(dcm.SeriesDescription, "Volume "+strings.TrimSpace(dcm.DS(g.spacing()))+" mm")
	d.Put(dcm.BodyPartExamined, "JAW")
	d.Put(dcm.PatientPosition, "HFS")
	d.Put(dcm.PositionReferenceIndicator, "")
	d.Put(dcm.ImageOrientationPatient, `1\0\0\0\1\0`)
	d.Put(dcm.PixelSpacing, dcm.DS(g.spacing(), g.spacing()))
	d.Put(dcm.SliceThickness, dcm.DS(g.thickness()))
	d.Put(dcm.AcquisitionNumber, 1)
	d.Put(dcm.KVP, "90")
	d.Put(dcm.XRayTubeCurrent, 8)
	d.Put(dcm.ExposureTime, 9000)
	d.Put(dcm.RescaleIntercept, "-1024")
	d.Put(dcm.RescaleSlope, "1")
	d.Put(dcm.RescaleType, "HU")
	d.Put(dcm.WindowCenter, `500\1200`)
	d.Put(dcm.WindowWidth, `3000\4000`)
	d.Put(dcm.SamplesPerPixel, uint16(1))
	d.Put(dcm.PhotometricInterpretation, "MONOCHROME2")
	d.Put(dcm.Rows, uint16(g.size))
	d.Put(dcm.Columns, uint16(g.size))
	d.Put(dcm.BitsAllocated, uint16(16))
	d.Put(dcm.BitsStored, uint16(12))
	d.Put(dcm.HighBit, uint16(11))
	d.Put(dcm.PixelRepresentation, uint16(0))
}
