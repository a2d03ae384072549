package practice

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"path/filepath"
	"strconv"

	"chartseal/testdata/practice/dcm"
	"chartseal/testdata/practice/picture"
)

// multiframe makes the volume as one Enhanced CT file of few, small frames.
func (s *volume) multiframe(k *kit) ([]byte, error) {
	g := geometry{size: k.o.Size / 2, slices: max(4, k.o.Slices/5)}
	d := k.enhanced(s.v, g.size, g.size, g)
	px := make([]uint16, g.size*g.size*g.slices)
	for i := range g.slices {
		s.head().Slice(px[i*g.size*g.size:][:g.size*g.size], g.size, g.z(i), i)
	}
	d.Put(dcm.PixelData, px)
	return k.file(s.v, d)
}

// enhanced is an Enhanced CT image without its pixels (PS3.3 A.38).
func (k *kit) enhanced(v vendor, rows, cols int, g geometry) dcm.Dataset {
	d := k.image(v, "CT", sopEnhancedCT)
	square := g
	square.size = max(rows, cols)
	ctImage(&d, square)
	for _, a := range []dcm.Attr{
		dcm.ImageOrientationPatient, dcm.PixelSpacing, dcm.SliceThickness, dcm.KVP, dcm.XRayTubeCurrent, dcm.ExposureTime,
		dcm.RescaleIntercept, dcm.RescaleSlope, dcm.RescaleType, dcm.WindowCenter, dcm.WindowWidth,
	} {
		d.Drop(a) // in the functional groups instead
	}
	d.Put(dcm.ImageType, `ORIGINAL\PRIMARY\VOLUME\NONE`)
	d.Put(dcm.Rows, uint16(rows))
	d.Put(dcm.Columns, uint16(cols))
	d.Put(dcm.NumberOfFrames, g.slices)
	d.Put(dcm.AcquisitionDateTime, k.clock().Format("20060102150405"))
	d.Put(dcm.AcquisitionDuration, 18.0)
	d.Put(dcm.PixelPresentation, "MONOCHROME")
	d.Put(dcm.VolumetricProperties, "VOLUME")
	d.Put(dcm.VolumeBasedCalculationTechnique, "NONE")
	d.Put(dcm.ContentQualification, "PRODUCT")
	d.Put(dcm.MultienergyCTAcquisition, "NO")
	d.Put(dcm.BurnedInAnnotation, "NO")
	d.Put(dcm.LossyImageCompression, "00")
	d.Put(dcm.PresentationLUTShape, "IDENTITY")
	d.Put(dcm.FrameOfReferenceUID, dcm.UID(k.study("CT")+" frame"))
	d.Put(dcm.AcquisitionContextSequence, []dcm.Dataset{})
	dimensions(&d, k)
	d.Put(dcm.SharedFunctionalGroupsSequence, dcm.Seq(shared(k, square)))
	d.Put(dcm.PerFrameFunctionalGroupsSequence, perFrame(k, square))
	return d
}

// dimensions says that frames are ordered by position in one stack.
func dimensions(d *dcm.Dataset, k *kit) {
	uid := dcm.UID(k.path + " dimensions")
	var org, stack, place dcm.Dataset
	org.Put(dcm.DimensionOrganizationUID, uid)
	stack.Put(dcm.DimensionOrganizationUID, uid)
	stack.Put(dcm.DimensionIndexPointer, dcm.StackID.Tag)
	stack.Put(dcm.FunctionalGroupPointer, dcm.FrameContentSequence.Tag)
	place.Put(dcm.DimensionOrganizationUID, uid)
	place.Put(dcm.DimensionIndexPointer, dcm.InStackPositionNumber.Tag)
	place.Put(dcm.FunctionalGroupPointer, dcm.FrameContentSequence.Tag)
	d.Put(dcm.DimensionOrganizationSequence, dcm.Seq(org))
	d.Put(dcm.DimensionIndexSequence, dcm.Seq(stack, place))
}

// group wraps one macro: a sequence of one item.
func group(into *dcm.Dataset, seq dcm.Attr, fill func(d *dcm.Dataset)) {
	var d dcm.Dataset
	fill(&d)
	into.Put(seq, dcm.Seq(d))
}

// shared are the macros that hold for all frames (PS3.3 C.7.6.16 and C.8.15.3).
func shared(k *kit, g geometry) dcm.Dataset {
	var s dcm.Dataset
	group(&s, dcm.PixelMeasuresSequence, func(d *dcm.Dataset) {
		d.Put(dcm.PixelSpacing, dcm.DS(g.spacing(), g.spacing()))
		d.Put(dcm.SliceThickness, dcm.DS(g.thickness()))
	})
	group(&s, dcm.PlaneOrientationSequence, func(d *dcm.Dataset) { d.Put(dcm.ImageOrientationPatient, `1\0\0\0\1\0`) })
	group(&s, dcm.FrameAnatomySequence, func(d *dcm.Dataset) {
		d.Put(dcm.FrameLaterality, "B")
		d.Put(dcm.AnatomicRegionSequence, dcm.Seq(dcm.Code("661005", "SCT", "Jaw region")))
	})
	group(&s, dcm.PixelValueTransformationSequence, func(d *dcm.Dataset) {
		d.Put(dcm.RescaleIntercept, "-1024")
		d.Put(dcm.RescaleSlope, "1")
		d.Put(dcm.RescaleType, "HU")
	})
	group(&s, dcm.FrameVOILUTSequence, func(d *dcm.Dataset) {
		d.Put(dcm.WindowCenter, "500")
		d.Put(dcm.WindowWidth, "3000")
	})
	group(&s, dcm.CTImageFrameTypeSequence, func(d *dcm.Dataset) {
		d.Put(dcm.FrameType, `ORIGINAL\PRIMARY\VOLUME\NONE`)
		d.Put(dcm.PixelPresentation, "MONOCHROME")
		d.Put(dcm.VolumetricProperties, "VOLUME")
		d.Put(dcm.VolumeBasedCalculationTechnique, "NONE")
	})
	group(&s, dcm.IrradiationEventIdentificationSequence, func(d *dcm.Dataset) {
		d.Put(dcm.IrradiationEventUID, dcm.UID(k.study("CT")+" exposure"))
	})
	sharedCT(&s, g)
	return s
}

// sharedCT are the macros about the machine.
func sharedCT(s *dcm.Dataset, g geometry) {
	group(s, dcm.CTAcquisitionTypeSequence, func(d *dcm.Dataset) {
		d.Put(dcm.AcquisitionType, "FREE")
		d.Put(dcm.ConstantVolumeFlag, "NO")
		d.Put(dcm.FluoroscopyFlag, "NO")
	})
	group(s, dcm.CTAcquisitionDetailsSequence, func(d *dcm.Dataset) {
		d.Put(dcm.RotationDirection, "CW")
		d.Put(dcm.RevolutionTime, 18.0)
		d.Put(dcm.SingleCollimationWidth, g.thickness())
		d.Put(dcm.TotalCollimationWidth, picture.HeadTop-picture.HeadBottom)
		d.Put(dcm.TableHeight, "0")
		d.Put(dcm.GantryDetectorTilt, "0")
		d.Put(dcm.DataCollectionDiameter, dcm.DS(picture.HeadWidth))
	})
	group(s, dcm.CTTableDynamicsSequence, func(d *dcm.Dataset) { d.Put(dcm.TableSpeed, 0.0) })
	group(s, dcm.CTGeometrySequence, func(d *dcm.Dataset) {
		d.Put(dcm.DistanceSourceToDetector, "700")
		d.Put(dcm.DistanceSourceToDataCollectionCenter, 500.0)
	})
	group(s, dcm.CTReconstructionSequence, func(d *dcm.Dataset) {
		d.Put(dcm.ReconstructionAlgorithm, "FILTER_BACK_PROJ")
		d.Put(dcm.ConvolutionKernel, "BONE")
		d.Put(dcm.ConvolutionKernelGroup, "BONE")
		d.Put(dcm.ReconstructionDiameter, dcm.DS(picture.HeadWidth))
		d.Put(dcm.ReconstructionPixelSpacing, []float64{g.spacing(), g.spacing()})
		d.Put(dcm.ReconstructionAngle, 360.0)
		d.Put(dcm.ImageFilter, "NONE")
	})
	group(s, dcm.CTPositionSequence, func(d *dcm.Dataset) {
		d.Put(dcm.TablePosition, 0.0)
		d.Put(dcm.DataCollectionCenterPatient, []float64{0, 0, 0})
		d.Put(dcm.ReconstructionTargetCenterPatient, []float64{0, 0, 0})
	})
	group(s, dcm.CTExposureSequence, func(d *dcm.Dataset) {
		d.Put(dcm.ExposureTimeInms, 9000.0)
		d.Put(dcm.XRayTubeCurrentInmA, 8.0)
		d.Put(dcm.ExposureInmAs, 72.0)
		d.Put(dcm.ExposureModulationType, "NONE")
	})
	group(s, dcm.CTXRayDetailsSequence, func(d *dcm.Dataset) {
		d.Put(dcm.KVP, "90")
		d.Put(dcm.FocalSpots, "0.5")
		d.Put(dcm.FilterType, "FLAT")
		d.Put(dcm.FilterMaterial, "ALUMINUM")
	})
}

// perFrame has one item per frame: where it lies, and its place in the stack.
func perFrame(k *kit, g geometry) []dcm.Dataset {
	stamp := k.clock().Format("20060102150405")
	out := make([]dcm.Dataset, g.slices)
	for i := range out {
		group(&out[i], dcm.FrameContentSequence, func(d *dcm.Dataset) {
			d.Put(dcm.FrameAcquisitionNumber, uint16(1))
			d.Put(dcm.FrameReferenceDateTime, stamp)
			d.Put(dcm.FrameAcquisitionDateTime, stamp)
			d.Put(dcm.FrameAcquisitionDuration, 18000.0)
			d.Put(dcm.StackID, "1")
			d.Put(dcm.InStackPositionNumber, uint32(i+1))
			d.Put(dcm.DimensionIndexValues, []uint32{1, uint32(i + 1)})
		})
		group(&out[i], dcm.PlanePositionSequence, func(d *dcm.Dataset) { d.Put(dcm.ImagePositionPatient, g.position(i)) })
	}
	return out
}

// every is how many neighbouring frames of a big volume share one drawing;
// each still gets its own noise.
const every = 16

// WriteMultiFrameCBCT streams an Enhanced CT volume of a patient of the cast:
// 600 by 600 by 800 makes 576 MB in about 4 MB of memory. It is meant for
// benchmarks; the same arguments give the same bytes.
func WriteMultiFrameCBCT(w io.Writer, rows, cols, frames int, patientID string) error {
	k, err := benchKit(patientID)
	if err != nil {
		return err
	}
	g := geometry{size: max(rows, cols), slices: frames}
	d := k.enhanced(orbitaVolume, rows, cols, g)
	head := newVolume(k.o, k.person, k.date, orbitaVolume).head()
	buf := bufio.NewWriterSize(w, 1<<20)
	d.Put(dcm.PixelData, dcm.Stream{Length: uint32(2 * rows * cols * frames), Write: func(w io.Writer) error {
		return streamFrames(w, head, g, rows, cols)
	}})
	f := dcm.File{Syntax: dcm.ExplicitLE, Undefined: true, Data: d}
	if err := f.Write(buf); err != nil {
		return err
	}
	return buf.Flush()
}

func streamFrames(w io.Writer, head *picture.Head, g geometry, rows, cols int) error {
	var drawing []float32
	px := make([]uint16, g.size*g.size)
	out := make([]byte, 2*rows*cols)
	for i := range g.slices {
		if i%every == 0 {
			drawing = head.Draw(g.size, g.z(i))
		}
		head.Expose(px, drawing, g.size, i)
		for r := range rows {
			for c, v := range px[r*g.size : r*g.size+cols] {
				binary.LittleEndian.PutUint16(out[2*(r*cols+c):], v)
			}
		}
		if _, err := w.Write(out); err != nil {
			return err
		}
	}
	return nil
}

// WriteSeries writes a cone-beam series of n slices, size by size pixels, into
// dir, which must exist: CT000001.dcm and so on. Neighbours share drawings as in
// [WriteMultiFrameCBCT]. For benchmarks.
func WriteSeries(dir string, n, size int, patientID string) error {
	k, err := benchKit(patientID)
	if err != nil {
		return err
	}
	k.o.Slices, k.o.Size = n, size
	s := newVolume(k.o, k.person, k.date, orbitaVolume)
	g := geometry{size: size, slices: n}
	px := make([]uint16, size*size)
	var drawing []float32
	for i := range n {
		if i%every == 0 {
			drawing = s.head().Draw(size, g.z(i))
		}
		s.head().Expose(px, drawing, size, i)
		k.path = fmt.Sprintf("bench/CT%06d.dcm", i+1)
		data, err := s.file(k, i, px)
		if err != nil {
			return err
		}
		if err := write(filepath.Join(dir, filepath.Base(k.path)), data); err != nil {
			return err
		}
	}
	return nil
}

func benchKit(patientID string) (*kit, error) {
	for _, p := range cast {
		if p.ID == patientID {
			return newKit(Options{}.withDefaults(), job{person: p, path: "bench/volume.dcm", kind: "cbct", date: "2026-11-09"}), nil
		}
	}
	return nil, fmt.Errorf("no patient %s in the practice", strconv.Quote(patientID))
}
