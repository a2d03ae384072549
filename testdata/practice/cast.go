package practice

// person is a patient and what only the practice's machines know about them.
type person struct {
	Patient
	charset   string // DICOM character set the machines use for this name
	married   string // earlier name
	mother    string
	guardian  string
	street    string
	phone     string
	ssn       string // area numbers 900 to 999 are never issued
	insurance string
	findings  findings
}

// cast is the practice's patients. Two share a surname, and the id of one is
// the beginning of another's: mistakes to be caught.
var cast = []*person{
	{
		Patient: Patient{ID: "10432", Name: "Alvarez, Maria", First: "Maria", Last: "Alvarez", BirthDate: "1984-03-09", Sex: "F"},
		charset: "ISO_IR 100", married: "Castellane", mother: "Benavidez^Rosalind", street: "2217 Wisteria Terrace",
		phone: "+1 518 555 0143", ssn: "947-21-6081", insurance: "KDX-4471920",
		findings: findings{filled: []int{16, 47}, caries: []int{46}, lesion: []int{46}, missing: []int{28}, implant: []int{36}},
	},
	{
		Patient: Patient{ID: "1043", Name: "Alvarez, Miguel", First: "Miguel", Last: "Alvarez", BirthDate: "1979-07-21", Sex: "M"},
		charset: "ISO_IR 100", mother: "Iturralde^Pilar", street: "88 Quarry Hill Road",
		phone: "+1 518 555 0188", ssn: "951-70-3342", insurance: "KDX-8830017",
		findings: findings{filled: []int{26, 36, 37}, endo: []int{36}, crowned: []int{36}, missing: []int{18, 28}},
	},
	{
		Patient: Patient{ID: "20871", Name: "Müller, Jörg", First: "Jörg", Last: "Müller", BirthDate: "1962-11-02", Sex: "M"},
		charset: "ISO_IR 100", mother: "Tannhäuser^Ilse", street: "5 Old Mill Court",
		phone: "+1 518 555 0127", ssn: "938-45-9917", insurance: "NBT-2206643",
		findings: findings{implant: []int{46}, missing: []int{18, 28, 38, 48, 45}, crowned: []int{11, 21}, filled: []int{17, 27}, endo: []int{21}},
	},
	{
		Patient: Patient{ID: "NG-2201", Name: "Nguyễn, Thị Mai", First: "Thị Mai", Last: "Nguyễn", BirthDate: "1991-01-28", Sex: "F"},
		charset: "ISO_IR 192", mother: "Đặng^Thu Hà", street: "301 Harbor View, Apt 9",
		phone: "+1 518 555 0161", ssn: "966-12-0458", insurance: "NBT-7719032",
		findings: findings{filled: []int{36}, caries: []int{26}},
	},
	{
		Patient: Patient{ID: "LW0057", Name: "Wójcik, Łukasz", First: "Łukasz", Last: "Wójcik", BirthDate: "1988-06-30", Sex: "M"},
		charset: "ISO_IR 101", mother: "Brzęczyszczykiewicz^Zofia", street: "14 Ferry Street",
		phone: "+1 518 555 0110", ssn: "972-63-8820", insurance: "KDX-1180552",
		findings: findings{filled: []int{46}, missing: []int{14, 24, 34, 44}},
	},
	{
		Patient: Patient{ID: "OBS7", Name: "O'Brien-Sørensen, Siobhán", First: "Siobhán", Last: "O'Brien-Sørensen", BirthDate: "1955-09-14", Sex: "F"},
		charset: "ISO_IR 100", married: "Fairweather", mother: "Kierkegård^Signe", street: "720 Lighthouse Lane",
		phone: "+1 518 555 0175", ssn: "985-37-1264", insurance: "MCB-5590218",
		findings: findings{crowned: []int{14, 15, 36}, endo: []int{14, 36}, missing: []int{18, 17, 28, 38, 48}, filled: []int{26, 47}},
	},
	{
		Patient: Patient{ID: "30118", Name: "Okafor, Adaeze", First: "Adaeze", Last: "Okafor", BirthDate: "2012-05-17", Sex: "F"},
		charset: "ISO_IR 100", mother: "Umeadi^Chidinma", guardian: "Okafor^Emeka", street: "46 Birchbark Way",
		phone: "+1 518 555 0199", ssn: "959-88-7731", insurance: "NBT-3347781",
		findings: findings{missing: []int{18, 28, 38, 48}, caries: []int{16}},
	},
}

// findings are the states of teeth, by ISO 3950 number. Chart and pictures
// agree on them.
type findings struct {
	filled, crowned, endo, caries, lesion, missing, implant []int
}

func patientByID(id string) *person {
	for _, p := range cast {
		if p.ID == id {
			return p
		}
	}
	panic("no such patient: " + id) // the plan names only patients of the cast
}
