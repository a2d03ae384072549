package practice

import (
	"fmt"
	"strconv"
	"strings"
)

// history is the medical history form.
func history(c *chart) {
	c.heading("Medical history")
	r := c.k.rng
	yes := func(p float64, detail string) string {
		if r.Float64() < p {
			return detail
		}
		return "no"
	}
	c.table([]float64{80, textWidth - 80}, []string{"Question", "Answer"},
		[]string{"Under a physician's care", yes(0.5, "yes: yearly check-up")},
		[]string{"Medicines taken", yes(0.5, "lisinopril 10 mg in the morning")},
		[]string{"Allergies", yes(0.5, "penicillin (rash)")},
		[]string{"Heart or circulation", yes(0.3, "high blood pressure, treated")},
		[]string{"Bleeding or anticoagulants", yes(0.15, "low-dose aspirin")},
		[]string{"Diabetes", yes(0.15, "type 2, HbA1c 6.8 %")},
		[]string{"Joint replacement or valve", "no"},
		[]string{"Pregnant or nursing", "no"},
		[]string{"Tobacco", yes(0.2, "five cigarettes a day")},
		[]string{"Reaction to local anaesthetics", "no"},
	)
	c.heading("Dental history")
	c.say("Last cleaning seven months ago. Brushes twice a day, uses floss irregularly. Grinds at night; wears a splint. " +
		"No dry mouth. Content with the look of the front teeth.")
	c.heading("Vital signs")
	c.table([]float64{45, 45, 45}, []string{"Blood pressure", "Pulse", "Oxygen"},
		[]string{fmt.Sprintf("%d/%d mmHg", 112+r.IntN(26), 68+r.IntN(18)), fmt.Sprintf("%d /min", 58+r.IntN(30)), "98 %"})
	c.signatures("Patient or guardian", "Reviewed by Dr. R. Lee, DDS")
}

// progress is a page of progress notes.
func progress(c *chart) {
	c.heading("Progress notes")
	tooth := "46"
	if l := c.k.person.findings; len(l.caries) > 0 {
		tooth = strconv.Itoa(l.caries[0])
	} else if len(l.filled) > 0 {
		tooth = strconv.Itoa(l.filled[0])
	}
	for _, n := range []struct{ head, text string }{
		{"Subjective", "Dull ache at tooth " + tooth + " for about two weeks, worse when biting and with cold, lingering for a minute. No swelling, no fever. Pain 4 of 10, controlled with ibuprofen."},
		{"Objective", "Tooth " + tooth + ": mesial caries, tender to percussion (++), cold test prolonged, electric test 22 (control 31). Probing 3-2-3 mm, mobility 0. Adjacent teeth normal. Periapical radiograph: widened ligament space, radiolucency about 4 mm at the mesial root."},
		{"Assessment", "Symptomatic irreversible pulpitis with symptomatic apical periodontitis, tooth " + tooth + ". Differential: cracked tooth (transillumination negative)."},
		{"Plan", "Root canal treatment recommended; alternatives (extraction, no treatment) and risks discussed, questions answered. Referral to an endodontist with chart, radiographs and the cone-beam volume. Ibuprofen 400 mg as needed. Recheck in two weeks."},
		{"Anaesthesia", "Articaine 4 % 1:100,000, 1.7 mL, inferior alveolar block right; negative aspiration; no complications."},
	} {
		c.at(margin, c.GetY()+1, 9.5, "B", ink, n.head)
		c.SetY(c.GetY() + 6)
		c.say("%s", n.text)
	}
	c.table([]float64{30, 22, 26, textWidth - 78}, []string{"Date", "Code", "Tooth", "Procedure"},
		[]string{c.k.date, "D0140", tooth, "limited oral evaluation, problem focused"},
		[]string{c.k.date, "D0220", tooth, "intraoral, first periapical image"},
		[]string{c.k.date, "D0460", tooth, "pulp vitality test"})
	c.signatures("Dr. R. Lee, DDS", "Assistant")
}

// perioChart is the six-point probing chart of both jaws.
func perioChart(c *chart) {
	c.heading("Periodontal chart")
	c.say("Probing depth in millimetres at six sites per tooth: disto-, mid- and mesiobuccal; disto-, mid- and mesiolingual. " +
		"Depths of 4 mm and more in red; bleeding on probing marked with a dot.")
	for _, row := range [][]int{upperRow, lowerRow} {
		c.probing(row)
	}
	c.heading("Indices")
	c.table([]float64{55, 40, textWidth - 95}, []string{"Index", "Value", "Remark"},
		[]string{"Bleeding on probing", fmt.Sprintf("%d %%", 8+c.k.rng.IntN(20)), "target under 10 %"},
		[]string{"Plaque (O'Leary)", fmt.Sprintf("%d %%", 15+c.k.rng.IntN(25)), "instruction repeated"},
		[]string{"Stage and grade", "I, A", "stable"})
}

// probing draws one jaw: recession and depth rows over a little curve.
func (c *chart) probing(row []int) {
	y := c.GetY() + 2
	label, step := 16.0, (textWidth-16)/16
	for i, n := range row {
		x := margin + label + (float64(i)+0.5)*step
		c.number(x, y+2, n)
		if c.k.person.findings.state(n) == "missing" {
			continue
		}
		c.sites(x, y+6, step)
		c.sites(x, y+12, step)
	}
	for i, text := range []string{"Tooth", "Buccal", "Lingual"} {
		c.at(margin, y+float64(i)*6+0.2, 8, "", grey, text)
		c.color([3]int{205, 218, 220})
		c.SetLineWidth(0.15)
		c.Line(margin, y+4.8+float64(i)*6, pageWidth-margin, y+4.8+float64(i)*6)
	}
	c.SetY(y + 20)
}

func (c *chart) sites(x, y, step float64) {
	for s := range 3 {
		d := 1 + c.k.rng.IntN(3)
		if c.k.rng.IntN(12) == 0 {
			d += 2
		}
		colour := ink
		if d >= 4 {
			colour = red
		}
		at := x + (float64(s)-1)*step*0.3
		c.at(at-0.8, y, 8, "", colour, strconv.Itoa(d))
		if c.k.rng.IntN(6) == 0 {
			c.fill(red)
			c.Circle(at, y-0.4, 0.4, "F")
		}
	}
}

// treatmentPlan lists phases, codes and fees.
func treatmentPlan(c *chart) {
	c.heading("Treatment plan")
	f := c.k.person.findings
	var rows [][]string
	add := func(teeth []int, code, what, fee string) {
		for _, n := range teeth {
			rows = append(rows, []string{strconv.Itoa(len(rows) + 1), strconv.Itoa(n), code, what, fee})
		}
	}
	add(f.lesion, "D3330", "endodontic therapy, molar (referral)", "1,280.00")
	add(f.caries, "D2392", "resin-based composite, two surfaces, posterior", "245.00")
	add(f.implant, "D6080", "implant maintenance", "140.00")
	add(f.endo, "D2740", "crown, porcelain or ceramic", "1,150.00")
	rows = append(rows, []string{strconv.Itoa(len(rows) + 1), "all", "D1110", "prophylaxis, adult", "118.00"})
	c.table([]float64{16, 18, 22, textWidth - 82, 26}, []string{"Phase", "Tooth", "Code", "Procedure", "Fee (USD)"}, rows...)
	c.say("Alternatives, their risks and the consequence of no treatment were explained. Fees are estimates; the insurer's share is not known in advance.")
	c.heading("Goals")
	c.say("Free of pain and infection; restore chewing on the right side; keep the periodontium stable.")
	c.signatures("Patient or guardian", "Dr. R. Lee, DDS")
}

// consent is a signed consent form.
func consent(c *chart) {
	c.heading("Consent to treatment")
	c.say("I have been told in words I understand what is wrong with my tooth and how it can be treated.")
	c.say("Treatment: root canal treatment under local anaesthesia, with radiographs during treatment, followed by a lasting restoration.")
	c.heading("I understand that")
	for _, line := range []string{
		"the treatment succeeds in about nine of ten cases, and a tooth may have to be treated again or removed;",
		"instruments can separate, canals can be blocked, the root can be perforated or crack;",
		"numbness of lip or tongue after the injection is nearly always temporary;",
		"pain or swelling in the first days is common and can be treated;",
		"I may change my mind at any time.",
	} {
		c.say("•  %s", line)
	}
	c.signatures("Patient or guardian", "Witness")
}

// statement is an account statement.
func statement(c *chart) {
	c.heading("Account statement")
	r := c.k.rng
	total := 0
	var rows [][]string
	for _, item := range [][2]string{{"D0150", "comprehensive oral evaluation"}, {"D0274", "bitewings, four images"}, {"D1110", "prophylaxis, adult"}, {"D2150", "amalgam, two surfaces"}} {
		fee := 60 + r.IntN(160)
		total += fee
		rows = append(rows, []string{c.k.date, item[0], item[1], fmt.Sprintf("%d.00", fee)})
	}
	paid := total * 6 / 10
	rows = append(rows, []string{c.k.date, "", "payment by insurer, " + strings.ToUpper(c.k.person.insurance[:3]), fmt.Sprintf("-%d.00", paid)})
	c.table([]float64{30, 24, textWidth - 84, 30}, []string{"Date", "Code", "Service", "USD"}, rows...)
	c.at(margin, c.GetY()+2, 11, "B", ink, fmt.Sprintf("Balance due: USD %d.00", total-paid))
	c.SetY(c.GetY() + 10)
	c.say("Please pay within 30 days. Questions about this bill: +1 518 555 0100, option 2.")
}

// signatures draws signature lines with a scrawl over them.
func (c *chart) signatures(names ...string) {
	y := c.GetY() + 14
	w := (textWidth - 12) / 2
	for i, name := range names {
		x := margin + float64(i)*(w+12)
		c.color(blue)
		c.SetLineWidth(0.35)
		c.MoveTo(x+4, y-2)
		for s := range 7 {
			sx := x + 4 + float64(s)*5
			c.CurveBezierCubicTo(sx+1, y-9-3*c.k.rng.Float64(), sx+3, y+3*c.k.rng.Float64(), sx+5, y-3-2*c.k.rng.Float64())
		}
		c.DrawPath("D")
		c.color(grey)
		c.SetLineWidth(0.2)
		c.Line(x, y, x+w, y)
		c.at(x, y+1, 7.5, "", grey, name+"   "+c.k.date)
	}
	c.SetY(y + 8)
}
