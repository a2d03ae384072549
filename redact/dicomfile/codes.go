package dicomfile

import (
	"strings"
)

// publicSchemes are designators of coding schemes that somebody publishes (DICOM
// PS3.16 section 8, table 8-1; HL7 table 0396). The meaning of a code of any
// other scheme, such as a practice's own ("99..." or "L"), is free text that
// someone typed.
var publicSchemes = func() map[string]bool {
	m := make(map[string]bool)
	for s := range strings.FieldsSeq(`
		DCM DCMUID SCT SRT SNM3 SNT SDM LN UCUM MDC MDNS UMLS FMA MA RADLEX NCIT PATHLEX BI
		I9 I9C I9CDX I9CP I10 I10C I10P ICD10 ICD10CM ICD10PCS ICDO3 ICD11 I11
		ISO3166_1 ISO3166_2 ISO639_1 ISO639_2 ISO3950 ISO_3950 ISO3950-2010 RFC3066 RFC5646
		C4 C5 CPT4 HCPCS CDT CD2 CDT-2 ADA ACR JC8 JJ1017 JJ1017T JJ1017P NDC RXNORM NICIP POS DC
		GEN ITIS_TSN NCBI_TAXID MGI MMSI HPC CTV3 UNS DOI FAIR`) {
		m[s] = true
	}
	return m
}()

const (
	tagScheme  = 0x00080102
	tagMeaning = 0x00080104
)

// codes knows the coding scheme of every open item.
type codes struct {
	public [maxDepth + 2]bool
}

// decide replaces the meaning of a code whose scheme nobody publishes, or
// comes after it.
func (c *codes) decide(w *walker, e *element, d *decision) error {
	switch {
	case e.tag == tagScheme && e.end-e.val <= maxCreator:
		b, err := w.win.bytes(e.val, int(e.end-e.val))
		c.public[e.depth] = publicSchemes[strings.ToUpper(strings.Trim(string(b), " \x00"))]
		return err
	case e.tag == tagScheme:
		c.public[e.depth] = false
	case e.tag == tagMeaning && d.action.stays() && !c.public[e.depth]:
		d.action = dummy
	}
	return nil
}
