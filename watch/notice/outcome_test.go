package notice

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"
)

func denialData() Denial {
	return Denial{
		Order: "R-61", Release: "k7q2mzt4xw3e", DeniedAt: time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC), File: "deny.yaml", LedgerSeq: 7,
		To: Recipient{Name: "Maria Alvarez", Address: "2217 Wisteria Terrace\nAlbany NY"}, Received: "2026-11-18", Own: true,
		Ground: "endangers_life", GroundWords: "a licensed professional judges that access is likely to endanger someone's life or physical safety",
		Part: "all", Explanation: "The chart names a person who could be hurt if it were known who spoke to us", Professional: "Dr. Anna Lee, DDS",
		Reviewable: true, Reviewer: "Dr. Bo Stone, DMD", Review: "write to the practice, or call and ask for the review",
		Contact: Contact{Name: "Privacy Officer", Phone: "+1 518 555 0100"}, State: "NY",
	}
}

func extensionData() Extension {
	return Extension{
		Order: "R-70", Release: "k7q2mzt4xw3e", ExtendedAt: time.Date(2026, 12, 9, 9, 0, 0, 0, time.UTC), File: "extend.yaml",
		To: Recipient{Name: "Maria Alvarez", Address: "2217 Wisteria Terrace\nAlbany NY"}, Received: "2026-11-18", First: "2026-12-18",
		Until: "2027-01-10", Due: "2027-01-10", Reason: "The CBCT volumes lie in the archive of another office and must be fetched from there",
	}
}

func textOf(sections []section) string {
	var b strings.Builder
	for _, s := range sections {
		b.WriteString(s.head + "\n" + s.text + "\n")
	}
	return strings.ReplaceAll(b.String(), "\u00A0", " ")
}

// denialElements are what 45 CFR 164.524(d)(2) asks of the letter, with the words
// that carry each.
var denialElements = map[string][]string{
	"the basis, (d)(2)(i)":                      {"The reason is that a licensed professional judges", "The chart names a person", "Dr. Anna Lee, DDS, a licensed health care professional"},
	"review rights, (d)(2)(ii), (a)(4), (d)(4)": {"right to have this decision reviewed", "Dr. Bo Stone, DMD, a licensed health care professional who took no part", "write to the practice, or call and ask for the review", "pass your request on promptly", "tell you in writing what the reviewer decides, and do what it says"},
	"complaints to the practice, (d)(2)(iii)":   {"How to complain to us", "Privacy Officer", "telephone +1 518 555 0100", "Lakeside Dental, 1 Main Street", "Nobody will treat you worse"}, // 164.530(g) for the last
	"complaints to the Secretary, (d)(2)(iii)":  {"Secretary of the U.S. Department of Health and Human Services, Office for Civil Rights", "in writing", "180 days", "https://ocrportal.hhs.gov", "OCRComplaint@hhs.gov", "200 Independence Avenue, S.W., Room 509F HHH Bldg., Washington, D.C. 20201"},
	"New York Public Health Law § 18":           {"Medical Record Access Review Committee"},
}

func TestDenialLetterHoldsWhatTheLawAsks(t *testing.T) {
	text := textOf(denialData().sections(letterData().Practice))
	for element, words := range denialElements {
		for _, w := range words {
			if !strings.Contains(text, w) {
				t.Errorf("%s: no %q", element, w)
			}
		}
	}
	for _, word := range []string{"pursuant", "herein", "aforementioned", "notwithstanding", "endangers_life", "164."} { // plain language, (d)(2)
		if strings.Contains(text, word) {
			t.Errorf("the letter says %q", word)
		}
	}
}

func TestDenialLettersThatDiffer(t *testing.T) {
	d := denialData()
	d.Reviewable, d.State, d.Professional = false, "CA", ""
	d.Holder = "Dr. Chen Endodontics, 12 Elm Street, Albany"
	text := textOf(d.sections(letterData().Practice))
	if !strings.Contains(text, "no right to have a decision for this reason reviewed") || strings.Contains(text, "Review Committee") || strings.Contains(text, "Dr. Bo Stone") {
		t.Error("the letter offers a review that there is not")
	}
	if !strings.Contains(text, "kept by Dr. Chen Endodontics") { // 164.524(d)(3)
		t.Error("the letter does not say who has the records")
	}
	d.Partial, d.Part = true, "the note of a neighbour"
	if text = textOf(d.sections(letterData().Practice)); !strings.Contains(text, "except for this part: the note of a neighbour.") || !strings.Contains(text, "Everything else is released to you") { // (d)(1)
		t.Error("the letter does not name the part, or does not say that the rest goes")
	}
	d.Own = false // an insurer has no rights under 164.524
	if text = textOf(d.sections(letterData().Practice)); strings.Contains(text, "Secretary") || !strings.Contains(text, "call +1 518 555 0100") {
		t.Errorf("letter to a third party: %s", text)
	}
}

// 45 CFR 164.524(b)(2)(ii): the reasons for the delay, and the day of completion.
func TestExtensionLetterHoldsWhatTheLawAsks(t *testing.T) {
	text := textOf(extensionData().sections(letterData().Practice))
	for _, w := range []string{"asked us for dental records", "November 18, 2026", "lie in the archive of another office", "by January 10, 2027", "only once"} {
		if !strings.Contains(text, w) {
			t.Errorf("no %q", w)
		}
	}
}

func TestLettersAboutDecisionsAreValidAndReproducible(t *testing.T) {
	p := letterData().Practice
	drive := letterData()
	drive.File, drive.PageFile, drive.Link = "records-k7q2mzt4xw3e.zip.age", "records-k7q2mzt4xw3e.html", ""
	awkward := denialData()
	awkward.Explanation, awkward.To.Name = strings.Repeat("word ", 2000), "歯科 🦷 \x07"
	for name, make := range map[string]func() ([]byte, error){
		"denial":     func() ([]byte, error) { return DenialLetter(p, denialData(), "k7q2mzt4xw3e") },
		"long":       func() ([]byte, error) { return DenialLetter(p, awkward, "k7q2mzt4xw3e") },
		"extension":  func() ([]byte, error) { return ExtensionLetter(p, extensionData(), "k7q2mzt4xw3e") },
		"drive":      func() ([]byte, error) { return DriveLetter(drive) },
		"passphrase": func() ([]byte, error) { return PassphraseLetter(drive) },
	} {
		a, err := make()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		b, err := make()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		valid(t, a)
		if !bytes.Equal(a, b) {
			t.Errorf("%s letter differs between two runs", name)
		}
		if dir := os.Getenv("CHARTSEAL_LETTERS"); dir != "" { // to be looked at
			if err := os.WriteFile(dir+"/"+name+".pdf", a, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// A reason that would be printed as empty boxes makes no letter.
func TestALetterThatNobodyCouldReadIsNone(t *testing.T) {
	p, d, x := letterData().Practice, denialData(), extensionData()
	for text, want := range map[string]bool{"Told by Jörg Müller, “in confidence” – § 3 €": true, "Łukasz Ωmega Жук": true, "秘密": false, "secret 🦷": false} {
		d.Explanation, x.Reason = text, text
		_, err := DenialLetter(p, d, "k7q2mzt4xw3e")
		_, xerr := ExtensionLetter(p, x, "k7q2mzt4xw3e")
		if (err == nil) != want || (xerr == nil) != want {
			t.Errorf("%s: %v, %v", text, err, xerr)
		}
	}
}

func TestTextsAboutDecisionsSayWhatToDo(t *testing.T) {
	p := letterData().Practice
	d, x := denialData(), extensionData()
	d.Due = "2026-12-18"
	told := x
	told.Told, told.StateLaw, told.Due = "2026-12-08", "California expects copies within 15 days", "2026-12-03"
	hand := Receipt{Order: "R-80", Delivery: "mail", Recipient: d.To, Contents: "charts; 2020-01-01 to 2026-11-18", Denied: true, Part: "a note of 2019"}
	named := Receipt{Order: "R-81", Page: "https://x.example/p", Contents: "14 radiographs", Unlock: "key"}
	named.Except(&Denial{Part: "the bills", Named: true})
	look := hand
	look.Delivery, look.Denied = "inspect", false
	for name, c := range map[string]struct {
		text func(Practice) ([]byte, error)
		want []string
	}{
		"denied":   {d.Text, []string{"THE REQUEST IS DENIED. NOTHING WAS SENT.", "December 18, 2026", "Dr. Bo Stone"}},
		"extended": {x.Text, []string{"THE REQUEST IS STILL OPEN", "EXTENSION-LETTER.pdf", "December 18, 2026", "January 10, 2027", "SAME"}},
		"told":     {told.Text, []string{"You told the requester yourself on December 8, 2026", "California expects copies", "December 3, 2026"}},
		"mail":     {hand.Text, []string{"CHARTSEAL SENT NOTHING ITSELF", "2217 Wisteria", "DENIAL-LETTER.pdf", "Denied:  a note of 2019", "compare it with what goes"}},
		"named":    {named.Text, []string{"THE RECORDS WERE SENT", "Denied:  the bills", "Goes:    14 radiographs", "named by kind or by file, and kept back"}},
		"inspect":  {look.Text, []string{"THE INSPECTION IS RECORDED", "charts; 2020-01-01"}},
		"lost":     {Lost{Order: "R-1", Outcome: "denied"}.Text, []string{"WAS DELETED WHILE", "by hand"}},
	} {
		b, err := c.text(p)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, w := range c.want {
			if !strings.Contains(string(b), w) {
				t.Errorf("%s: no %q in\n%s", name, w, b)
			}
		}
		if strings.Contains(string(b), "\r\n\r\n\r\n\r\n") || strings.Contains(string(b), "<no value>") {
			t.Errorf("%s: %s", name, b)
		}
	}
}

func TestDueListShowsTheOverdueAndEscapes(t *testing.T) {
	over, soon := -3, 1
	rows := []DueRow{
		{Order: "R-1", Where: "On hold", Shown: "held/R-1", Received: "2026-10-20", Due: "2026-11-22", DaysLeft: &over, Urgent: true},
		{Order: "<script>", Where: "Dropped", Shown: "100% #1?.yaml", Received: "2026-11-16", Due: "2026-11-26", DaysLeft: &soon, Urgent: true, Law: "New York expects"},
		{Order: "notes.txt", Where: "On hold"},
	}
	b, err := DueList(letterData().Practice, time.Date(2026, 11, 25, 8, 5, 0, 0, time.UTC), rows,
		[]DueLink{{"R-<9>", "2026-11-24", time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC), false, false}})
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for _, w := range []string{
		"3 days overdue", "1 is overdue: answer it today", "1 day left", "Date unknown", `href="./held/R-1"`, `./100%25%20%231%3F.yaml`, "&lt;script&gt;", "November 25, 2026, 8:05 AM",
		"R-&lt;9&gt;: the patient withdrew the permission on November 24, 2026", "until Saturday, November 28, 2026, 9:00 AM", "<code>chartseal revoke R-&lt;9&gt;</code>",
	} {
		if !strings.Contains(text, w) {
			t.Errorf("no %q", w)
		}
	}
	for _, w := range []string{"<script", "http:", "https:", "src="} { // it loads nothing and runs nothing
		if strings.Contains(text, w) {
			t.Errorf("the list has %q", w)
		}
	}
	none, err := DueList(Practice{}, time.Now(), nil, nil)
	if err != nil || !strings.Contains(string(none), "Every order has been answered") {
		t.Errorf("%v", err)
	}
	many, err := DueList(Practice{}, time.Now(), make([]DueRow, maxDueRows+7), nil)
	if err != nil || !strings.Contains(string(many), "7 more orders are not shown") {
		t.Errorf("%v", err)
	}
}
