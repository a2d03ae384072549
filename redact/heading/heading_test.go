package heading

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// typed is a page of lines as a typewriter would set them: a blank is as wide as a
// letter.
func typed(lines ...string) Page {
	p := Page{Number: 2, Height: 792}
	for i, l := range lines {
		if l == "" {
			continue
		}
		at := 36 + 5*float64(len(l)-len(strings.TrimLeft(l, " ")))
		l = strings.TrimSpace(l)
		top := 40 + 13*float64(i)
		p.Texts = append(p.Texts, Text{l, at, top, at + 5*float64(len([]rune(l))), top + 9})
	}
	return p
}

func read(p Page) string {
	var all []string
	for _, c := range Read(p) {
		if c.Page != p.Number {
			all = append(all, fmt.Sprint("page ", c.Page))
		}
		all = append(all, string(c.What)+" "+c.Value)
	}
	return strings.Join(all, "; ")
}

func TestRead(t *testing.T) {
	for name, c := range map[string]struct {
		lines []string
		want  string
	}{
		"beside":               {[]string{"Patient: Alvarez, Maria      DOB: 3/9/1984      Chart #: 10432"}, "name Alvarez, Maria; birth 3/9/1984; id 10432"},
		"one blank apart":      {[]string{"Patient Name: Maria Alvarez DOB 03/09/1984 MRN 10432"}, "name Maria Alvarez; birth 03/09/1984; id 10432"},
		"above":                {[]string{"Patient Name           Date of Birth          Chart No", "Maria Alvarez          03/09/1984             A10432"}, "name Maria Alvarez; birth 03/09/1984; id A10432"},
		"table":                {[]string{"Date          Patient          Code", "1/2/2025      Maria            D1110", "1/2/2025      Carlos           D1110"}, "name Maria; name Carlos"},
		"two columns":          {[]string{"Patient: Maria Alvarez          Guarantor: Carlos Alvarez", "DOB: 03/09/1984                 DOB: 01/02/1955"}, "name Maria Alvarez; birth 03/09/1984"},
		"columns turned":       {[]string{"Guarantor: Carlos Alvarez       Patient: Maria Alvarez", "DOB: 01/02/1955                 DOB: 03/09/1984"}, "name Maria Alvarez; birth 03/09/1984"},
		"one below the other":  {[]string{"Patient: Maria Alvarez", "Birth date: 1984-03-09", "Guarantor: Carlos Alvarez", "Birth date: 1955-01-02"}, "name Maria Alvarez; birth 1984-03-09"},
		"subscriber's section": {[]string{"Name: Maria Alvarez", "", "", "Insured Information", "Name: Carlos Alvarez      DOB: 01/02/1955"}, "name Maria Alvarez"},
		"provider":             {[]string{"Provider: Lee, Anna DDS     Patient: Maria Alvarez     DOB: 3/9/1984"}, "name Maria Alvarez; birth 3/9/1984"},
		"hyphen":               {[]string{"Patient: Maria Alvarez-", "         Gomez", "DOB: 3/9/1984"}, "name Maria Alvarez-Gomez; birth 3/9/1984"},
		"capitals":             {[]string{"PATIENT: ALVAREZ, MARIA     BIRTHDATE: MARCH 9, 1984"}, "name ALVAREZ, MARIA; birth MARCH 9, 1984"},
		"spaced":               {[]string{"P a t i e n t : M a r i a A l v a r e z"}, "name MariaAlvarez"},
		"letter":               {[]string{"RE: Ms. Maria Alvarez (DOB 03/09/1984)", "Dear Dr. Chen,"}, "name Maria Alvarez; birth 03/09/1984"},
		"number beside":        {[]string{"Patient: Maria Alvarez (#10432)"}, "name Maria Alvarez"},
		"in two fields":        {[]string{"Last Name: Alvarez      First Name: Maria"}, "name Alvarez, Maria"},
		"Spanish":              {[]string{"Paciente: Maria Alvarez      Fecha de nacimiento: 09/03/1984      Expediente: 10432"}, "name Maria Alvarez; birth 09/03/1984; id 10432"},
		"Spanish, guarantor":   {[]string{"Nombre del paciente: Maria Alvarez", "Responsable: Carlos Alvarez      Fecha de nacimiento: 02/01/1955", "Dentista: Anna Lee"}, "name Maria Alvarez"},
		"short labels":         {[]string{"Last: Alvarez      First: Maria      MI: J"}, "name Alvarez, Maria"},
		"no names":             {[]string{"Last: 11/05/2026      First: none", "Fecha: 09/03/2026", "Madre: Rosa Alvarez"}, ""},
		"over every page":      {[]string{"Alvarez, Maria      10432      03/09/1984"}, "name Alvarez, Maria; id 10432; birth 03/09/1984"},
		"number at the top":    {[]string{"20871               Page 1 of 2", "Tooth 14      95.00"}, "loose 20871"},
		"nobody":               {[]string{"Patient: denies pain", "PATIENT: TOLERATED WELL", "Pt: 41 y/o female", "Name: ____________", "Patient Portion: 12.00", "Plan name: Delta Dental"}, ""},
		"another label":        {[]string{"Patient:        DOB:        Chart #:"}, ""},
		"in block letters":     {[]string{"Patient (please print): Rosa Lopez", "Patient's Name (Last, First, MI): Alvarez, Maria"}, "name Rosa Lopez; name Alvarez, Maria"},
		"a subject":            {[]string{"RE: Veneer Options", "Re: Invisalign Progress", "RE: Root Canal Therapy"}, ""},
		"account beside":       {[]string{"Patient Name      Patient Acct      Claim Number", "Maria Alvarez     10432             88777"}, "name Maria Alvarez; loose 10432; loose 88777"},
		"short family names":   {[]string{"Patient: Do, Minh", "Patient: Crown, Peter", "Patient: Do you smoke", "Patient: Anna Lee, D.O."}, "name Do, Minh; name Crown, Peter"},
		"relationship":         {[]string{"Patient's relationship to insured: Self"}, ""},
	} {
		if got := read(typed(c.lines...)); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, c.want)
		}
	}
}

// TestBodyText: below the heading only what is surely a name counts.
func TestBodyText(t *testing.T) {
	lines := make([]string, 40)
	lines[30] = "Patient: Maria Alvarez"
	lines[32] = "PATIENT: MARIA ALVAREZ"
	lines[34] = "Name: Maria Alvarez"
	lines[36] = "Patient: Maria"
	lines[38] = "Patient: Brown, Robert"
	if got, want := read(typed(lines...)), "name Maria Alvarez; name Brown, Robert"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestBounds(t *testing.T) {
	var lines []string
	for i := range 300 {
		lines = append(lines, fmt.Sprintf("Patient: Maria Alvarez   DOB: 1/2/19%02d   Chart #: %d", i%100, i))
	}
	p := typed(lines...)
	p.Height = 1e6
	start := time.Now()
	if n := len(Read(p)); n != 900 {
		t.Errorf("%d claims", n)
	}
	if d := time.Since(start); d > 30*time.Second {
		t.Errorf("reading took %v", d)
	}
	long := typed("Patient: " + strings.Repeat("Maria ", 2000) + ", Alvarez   Chart #: " + strings.Repeat("1", 5000))
	for _, c := range Read(long) {
		if len(c.Value) > 100 {
			t.Errorf("a value of %d bytes", len(c.Value))
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add("Patient: Maria Alvarez   DOB: 3/9/84", "Chart #: 10432", 36.0, 9.0)
	f.Fuzz(func(t *testing.T, a, b string, x, h float64) {
		p := Page{Number: 1, Height: 792, Texts: []Text{{a, x, 40, x + 5*float64(len(a)), 40 + h}, {b, x, 52, x + 5*float64(len(b)), 52 + h}}}
		for _, c := range Read(p) {
			if c.Value == "" || len(c.Value) > 100 || strings.Contains(c.String(), c.Value) && len(c.Value) > 5 {
				t.Errorf("claim %#v of %d bytes", c, len(c.Value))
			}
		}
	})
}
