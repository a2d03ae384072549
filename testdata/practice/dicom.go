package practice

import (
	"strconv"
	"strings"
	"time"

	"chartseal/testdata/practice/dcm"
)

// SOP classes (PS3.4 B.5, PS3.6 table A-1).
const (
	sopIntraoral  = "1.2.840.10008.5.1.4.1.1.1.3" // Digital Intra-Oral X-Ray Image Storage - For Presentation
	sopDigital    = "1.2.840.10008.5.1.4.1.1.1.1" // Digital X-Ray Image Storage - For Presentation
	sopCT         = "1.2.840.10008.5.1.4.1.1.2"   // CT Image Storage
	sopEnhancedCT = "1.2.840.10008.5.1.4.1.1.2.1" // Enhanced CT Image Storage
)

// Last0 is the last name in ASCII letters, as old programs name folders.
func (p *person) Last0() string {
	keep := func(r rune) rune {
		if r < 0x80 && r != '\'' {
			return r
		}
		return '_'
	}
	return strings.Map(keep, p.Last)
}

func (p *person) pn() string { return p.Last + "^" + p.First }

func (k *kit) machineNumber() string {
	a, _ := seeds(k.o.Seed, "machine "+k.person.ID)
	return strconv.Itoa(1000 + int(a%9000))
}

// study is what every image of one patient, day and modality shares.
func (k *kit) study(modality string) string { return k.person.ID + k.date + modality }

// image starts an image's dataset: patient, study, series and equipment, with
// all that a vendor's software adds of its own accord.
func (k *kit) image(v vendor, modality, sopClass string) dcm.Dataset {
	var d dcm.Dataset
	k.patient(&d)
	k.acquisition(&d, modality, sopClass)
	k.equipment(&d, v)
	k.request(&d)
	v.private(k, &d)
	return d
}

func (k *kit) patient(d *dcm.Dataset) {
	p := k.person
	d.Put(dcm.SpecificCharacterSet, p.charset)
	d.Put(dcm.PatientName, p.pn())
	d.Put(dcm.PatientID, p.ID)
	d.Put(dcm.PatientBirthDate, strings.ReplaceAll(p.BirthDate, "-", ""))
	d.Put(dcm.PatientSex, p.Sex)
	d.Put(dcm.OtherPatientIDs, k.secret(p.ssn))
	d.Put(dcm.PatientAddress, k.secret(p.street))
	d.Put(dcm.PatientTelephoneNumbers, k.secret(p.phone))
	d.Put(dcm.PatientMotherBirthName, k.plant(p.mother))
	d.Put(dcm.PatientComments, "Insurance "+k.secret(p.insurance))
	if p.guardian != "" {
		d.Put(dcm.ResponsiblePerson, k.secret(p.guardian))
		d.Put(dcm.ResponsiblePersonRole, "FATHER")
	}
	var id dcm.Dataset
	id.Put(dcm.PatientID, "SSN "+p.ssn)
	id.Put(dcm.TypeOfPatientID, "TEXT")
	id.Put(dcm.IssuerOfPatientID, "US-SSA")
	d.Put(dcm.OtherPatientIDsSequence, dcm.Seq(id))
}

// plant notes a secret whose bytes depend on the character set only if it is
// ASCII: others would not be found by a plain search.
func (k *kit) plant(s string) string {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return s
		}
	}
	return k.secret(s)
}

func (k *kit) acquisition(d *dcm.Dataset, modality, sopClass string) {
	date := k.compact()
	clock := k.clock().Format("150405")
	d.Put(dcm.SOPClassUID, sopClass)
	d.Put(dcm.SOPInstanceUID, dcm.UID(k.path))
	d.Put(dcm.StudyInstanceUID, dcm.UID(k.study(modality)))
	d.Put(dcm.SeriesInstanceUID, dcm.UID(k.study(modality)+" series"))
	for _, a := range []dcm.Attr{dcm.StudyDate, dcm.SeriesDate, dcm.AcquisitionDate, dcm.ContentDate} {
		d.Put(a, date)
	}
	for _, a := range []dcm.Attr{dcm.StudyTime, dcm.SeriesTime, dcm.AcquisitionTime, dcm.ContentTime} {
		d.Put(a, clock)
	}
	d.Put(dcm.Modality, modality)
	d.Put(dcm.AccessionNumber, "A"+date[2:]+k.person.ID)
	d.Put(dcm.StudyID, date)
	d.Put(dcm.SeriesNumber, 1)
	d.Put(dcm.InstanceNumber, 1)
}

// clock is the time of the study: the same for every file of a day.
func (k *kit) clock() time.Time {
	day, err := time.Parse(time.DateOnly, k.date)
	if err != nil {
		panic("plan: bad date " + k.date) // the plan is in this package
	}
	a, _ := seeds(k.o.Seed, k.person.ID+k.date)
	return day.Add(9*time.Hour + time.Duration(a%(8*3600))*time.Second)
}

func (k *kit) equipment(d *dcm.Dataset, v vendor) {
	d.Put(dcm.Manufacturer, v.maker)
	d.Put(dcm.ManufacturerModelName, v.model)
	d.Put(dcm.SoftwareVersions, v.software)
	d.Put(dcm.DeviceSerialNumber, k.serial("SN", v.model))
	d.Put(dcm.StationName, k.serial("OP3-", v.maker))
	d.Put(dcm.InstitutionName, "Lakeside Dental, Operatory 3")
	d.Put(dcm.InstitutionAddress, k.secret("Suite 4B, rear entrance, Wharf Alley"))
	d.Put(dcm.InstitutionalDepartmentName, k.secret("Imaging Alcove North"))
	d.Put(dcm.ReferringPhysicianName, k.secret("Haverstock^Beatrix^^Dr"))
	d.Put(dcm.ReferringPhysicianTelephoneNumbers, k.secret("+1 518 555 0136"))
	d.Put(dcm.PerformingPhysicianName, k.secret("Rasmundsen^Odile"))
	d.Put(dcm.OperatorsName, k.secret("Quennell^Tamsin^^^RDH"))
}

// request adds what is nested: the order behind the image, the values some
// program has overwritten, and the patient's earlier name.
func (k *kit) request(d *dcm.Dataset) {
	var r dcm.Dataset
	r.Put(dcm.RequestedProcedureID, k.unique("RP"))
	r.Put(dcm.ScheduledProcedureStepID, k.unique("SPS"))
	r.Put(dcm.ScheduledProcedureStepDescription, "see note of front desk")
	d.Put(dcm.RequestAttributesSequence, dcm.Seq(r))

	var old, o dcm.Dataset
	old.Put(dcm.PatientName, k.secret(k.person.earlier()))
	old.Put(dcm.PatientID, k.unique("TEMP-"))
	o.Put(dcm.SourceOfPreviousValues, k.secret("Walk-in desk import"))
	o.Put(dcm.AttributeModificationDateTime, k.compact()+"180000")
	o.Put(dcm.ModifyingSystem, k.serial("PMS-", "practice management"))
	o.Put(dcm.ReasonForTheAttributeModification, "CORRECT")
	o.Put(dcm.ModifiedAttributesSequence, dcm.Seq(old))
	d.Put(dcm.OriginalAttributesSequence, dcm.Seq(o))
}

// earlier is the name the file carried before it was corrected.
func (p *person) earlier() string {
	if p.married != "" {
		return p.married + "^Unmarried"
	}
	return "Walkin^Unknown " + p.ID
}

// file wraps a dataset as this vendor writes files, with a talkative meta
// header and, for some, a tail.
func (k *kit) file(v vendor, d dcm.Dataset) ([]byte, error) {
	f := dcm.File{Syntax: v.syntax, Undefined: v.undefined, Data: d}
	f.Meta.Put(dcm.ImplementationVersionName, "PRACTICE_SYNTH")
	f.Meta.Put(dcm.SourceApplicationEntityTitle, k.serial("AE_", v.maker))
	if v.syntax == dcm.ExplicitLE && !v.undefined {
		f.Data.Put(dcm.DataSetTrailingPadding, []byte(k.unique("tail ")))
	}
	return f.Bytes()
}
