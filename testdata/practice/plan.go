package practice

import (
	"fmt"
	"strings"

	"chartseal/testdata/practice/picture"
)

// plan lists every file of the practice.
func plan(o Options) []job {
	b := &planner{o: o}
	b.maria()
	b.others()
	return b.jobs
}

type planner struct {
	o    Options
	p    *person
	jobs []job
}

func (b *planner) of(id string) *planner {
	b.p = patientByID(id)
	return b
}

func (b *planner) add(folder, kind, date, name string, make func(k *kit) ([]byte, error)) {
	b.jobs = append(b.jobs, job{b.p, b.p.ID + "/" + folder + "/" + name, kind, date, make})
}

// chart adds a PDF named as staff name them: date first.
func (b *planner) chart(date, title string, pages ...page) {
	b.add("charts", "chart", date, date+" "+title+".pdf", func(k *kit) ([]byte, error) {
		return chartPDF(k, title, pages...)
	})
}

func (b *planner) bill(date string) {
	b.add("billing", "billing", date, date+" statement.pdf", func(k *kit) ([]byte, error) {
		return chartPDF(k, "account statement", statement)
	})
}

// film adds an intra-oral radiograph.
func (b *planner) film(date, name string, v vendor, view picture.Intraoral) {
	b.add("radiographs", "radiograph", date, name, func(k *kit) ([]byte, error) {
		return intraoral(k, v, view)
	})
}

func (b *planner) panoramic(date, name string, v vendor) {
	b.add("radiographs", "radiograph", date, name, func(k *kit) ([]byte, error) {
		return panoramic(k, v)
	})
}

// series adds a cone-beam volume as one file per slice.
func (b *planner) series(date string, v vendor) {
	s := newVolume(b.o, b.p, date, v)
	folder := "cbct/" + strings.ReplaceAll(date, "-", "")
	for i := range b.o.Slices {
		b.add(folder, "cbct", date, fmt.Sprintf("CT%06d.dcm", i+1), func(k *kit) ([]byte, error) {
			return s.slice(k, i)
		})
	}
}

// multiframe adds a cone-beam volume as one enhanced file of few frames.
func (b *planner) multiframe(date string, v vendor) {
	b.add("cbct", "cbct", date, "volume_"+strings.ReplaceAll(date, "-", "")+".dcm", func(k *kit) ([]byte, error) {
		return newVolume(k.o, k.person, date, v).multiframe(k)
	})
}

func (b *planner) photo(date, name string, make func(k *kit) ([]byte, error)) {
	b.add("photos", "photo", date, name, make)
}

func (b *planner) scan(date, name string, make func(k *kit) ([]byte, error)) {
	b.add("scans", "scan", date, name, make)
}

// maria is the patient of the demonstration's order: seven years of records,
// and a lower molar that a specialist should see.
func (b *planner) maria() {
	b.of("10432")
	b.chart("2019-06-12", "new patient chart", summary, history, perioChart)
	b.chart("2021-04-20", "periodontal chart", summary, perioChart)
	b.chart("2023-02-14", "treatment plan", summary, treatmentPlan)
	b.chart("2025-05-03", "progress note", progress)
	b.chart("2026-11-09", "consent endodontic treatment", consent)
	b.chart("2026-11-10", "referral chart", summary, progress, history, perioChart, treatmentPlan)
	b.film("2019-06-12", "2019-06-12 BW right.dcm", fjordSensor, b.bitewing(17, 16, 15, 14, 47, 46, 45, 44))
	b.film("2019-06-12", "2019-06-12 BW left.dcm", fjordSensor, b.bitewing(24, 25, 26, 27, 34, 35, 36, 37))
	b.film("2021-04-20", "IMG_0031.dcm", dentavista, b.bitewing(17, 16, 15, 14, 47, 46, 45, 44))
	b.film("2021-04-20", "IMG_0032.dcm", dentavista, b.bitewing(24, 25, 26, 27, 34, 35, 36, 37))
	b.film("2023-02-14", "IMG_0107.dcm", dentavista, b.periapical(13, 12, 11, 21))
	b.film("2023-02-14", "IMG_0108.dcm", dentavista, b.periapical(43, 42, 41, 31, 32))
	b.film("2025-05-03", "20250503_141205_PA.dcm", oldScanner, b.periapical(48, 47, 46, 45))
	b.film("2026-11-09", "2026-11-09 PA 46.dcm", fjordSensor, b.periapical(48, 47, 46, 45, 44))
	b.film("2026-11-09", "2026-11-09 PA 36 implant.dcm", fjordSensor, b.periapical(34, 35, 36, 37))
	b.panoramic("2019-06-12", "PANO_20190612.dcm", orbita)
	b.panoramic("2026-11-09", "PANO_20261109.dcm", orbita)
	b.series("2026-11-09", orbitaVolume)
	b.photo("2026-11-09", "2026-11-09 smile.jpg", smilePhoto)
	b.photo("2026-11-09", "2026-11-09 retracted.jpg", retractedPhoto)
	b.photo("2026-11-09", "face-front.jpg", facePhoto)
	b.photo("2026-11-10", "2026-11-10 shade screenshot.png", screenshot)
	b.scan("2026-11-09", "2026-11-09 upper.stl", upperSTL)
	b.scan("2026-11-09", "2026-11-09 lower.ply", lowerPLY)
	b.bill("2025-05-10")
	b.bill("2026-11-12")
}

func (b *planner) others() {
	b.of("1043").chart("2022-09-08", "recall note", summary, progress)
	b.film("2022-09-08", "IMG_0212.dcm", dentavista, b.periapical(34, 35, 36, 37))
	b.film("2024-03-19", "2024-03-19 BW left.dcm", fjordSensor, b.bitewing(24, 25, 26, 27, 34, 35, 36, 37))
	b.bill("2024-04-02")

	b.of("20871").chart("2020-01-30", "implant chart", summary, treatmentPlan, consent)
	b.chart("2026-06-18", "recall note", progress, perioChart)
	b.panoramic("2020-01-30", "PANO_20200130.dcm", orbita)
	b.film("2026-06-18", "2026-06-18 PA 46.dcm", fjordSensor, b.periapical(47, 46, 44, 43))
	b.multiframe("2020-02-11", orbitaVolume)
	b.scan("2020-02-11", "2020-02-11 upper.stl", upperSTL)

	b.of("NG-2201").chart("2024-08-27", "new patient chart", summary, history)
	b.film("2024-08-27", "IMG_0391.dcm", dentavista, b.bitewing(24, 25, 26, 27, 34, 35, 36, 37))
	b.film("2025-10-01", "2025-10-01 PA 26.dcm", fjordSensor, b.periapical(25, 26, 27, 28))
	b.photo("2025-10-01", "2025-10-01 smile.jpg", smilePhoto)

	b.of("LW0057").chart("2023-05-16", "orthodontic records", summary, treatmentPlan)
	b.film("2023-05-16", "2023-05-16 PA 46.dcm", oldScanner, b.periapical(47, 46, 45, 43))
	b.photo("2023-05-16", "face-front.jpg", facePhoto)
	b.scan("2023-05-16", "2023-05-16 lower.ply", lowerPLY)

	b.of("OBS7").chart("2019-11-05", "complete chart", summary, history, perioChart, treatmentPlan)
	b.film("2021-10-12", "IMG_0064.dcm", dentavista, b.periapical(16, 15, 14, 13))
	b.film("2026-02-24", "20260224_093044_PA.dcm", oldScanner, b.periapical(37, 36, 35, 34))
	b.bill("2026-03-06")

	b.of("30118").chart("2025-03-11", "recall note", summary, progress, consent)
	b.film("2025-03-11", "2025-03-11 BW right.dcm", fjordSensor, b.bitewing(16, 15, 14, 46, 45, 44))
}
