package order

import (
	"testing"
	"time"
)

func TestMatchPatient(t *testing.T) {
	born := Date{1984, time.March, 9}
	for _, c := range []struct {
		id, name, birth string
		want            Match
	}{
		{"10432", "Alvarez^Maria", "19840309", Matching},
		{" 10432 ", "ALVAREZ^MARIA^LUISA", "", Matching},
		{"10432", "Álvarez^María", "", Matching},
		{"10432", "Alvarez, Maria", "", Matching},
		{"10432", "Maria Alvarez", "", Matching},
		{"10432", "ALVAREZ MARIA", "", Matching},
		{"10432", "Alvarez^Maria=阿^玛", "", Matching},
		{"10432", "阿^玛=Alvarez^Maria", "", Matching},
		{"10432", "", "1984-03-09", Matching},
		{"10432", "", "1984.03.09", Matching},
		{"10432", "^^^^", "19840309", Matching},
		{"10432", "Garcia^Maria", "19840309", Matching}, // a name changed by marriage
		{"", "Alvarez^Maria", "19840309", Matching},     // two identifiers, no number

		{"10432", "Alvarez^Ana", "19840309", Insufficient},   // a twin
		{"10432", "Alvarez^Maria", "19520309", Insufficient}, // a namesake
		{"10432", "Alvarez", "", Insufficient},
		{"10432", "Alvarez^Ana", "", Insufficient},
		{"10432", "Smith^John", "19840309", Insufficient},
		{"10432", "", "", Insufficient},
		{"10432", "", "1984", Insufficient},
		{"10432", "", "00000000", Insufficient},
		{"", "Alvarez^Maria", "", Insufficient},
		{"", "", "19840309", Insufficient},
		{"", "Garcia^Maria", "19840309", Insufficient},
		{"", "", "", Insufficient},

		{"010432", "Alvarez^Maria", "19840309", Mismatch}, // leading zeros count
		{"10433", "Alvarez^Maria", "19840309", Mismatch},
		{"10432", "Smith^John", "19520101", Mismatch},
		{"10432", "Smith^John", "", Mismatch},
		{"10432", "", "19520101", Mismatch},
		{"10432", "Alvarez^Ana", "19520101", Mismatch},
		{"", "Alvarez^Maria", "19520101", Mismatch},
		{"", "Smith^John", "19840309", Mismatch},
	} {
		p := Patient{ID: "10432", Name: "Alvarez, Maria", BirthDate: born}
		if got := MatchPatient(p, c.id, c.name, c.birth); got != c.want {
			t.Errorf("%q %q %q: %v, want %v", c.id, c.name, c.birth, got, c.want)
		}
	}
}

func TestSingleNamesDoNotOutvote(t *testing.T) {
	p := Patient{ID: "1", Name: "Smith", BirthDate: Date{1984, time.March, 9}}
	if got := MatchPatient(p, "1", "Jones^", "19840309"); got != Insufficient {
		t.Errorf("got %v", got)
	}
}

func TestPatientNumbersFoldCase(t *testing.T) {
	if got := MatchPatient(Patient{ID: "ab12", Name: "X, Y"}, "AB12", "X^Y", ""); got != Matching {
		t.Errorf("got %v", got)
	}
}

// What is kept by a patient's number is found exactly where numbers count as the same.
func TestNumbersThatCountAsTheSameHaveOneKey(t *testing.T) {
	all := []string{
		"10432", " 10432\t", "0010432", "ab-1", "AB-1", "\u00e9-7", "E\u0301-7", "k9", "\u212a9", "\u017f1", "s1", "S1", "\u00df", "\u1e9e", "SS",
		"\u0130", "i", "\u0131", "I", "\u03c2", "\u03c3", "\u03a3", "\xff1", "\ufffd1", "",
	}
	for _, a := range all {
		for _, b := range all {
			if same := numberKey(a) == numberKey(b) && numberKey(a) != ""; same != SamePatient(a, b) {
				t.Errorf("%q and %q: one key %t, one patient %t", a, b, same, SamePatient(a, b))
			}
		}
	}
}

func TestSameName(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"O'Brien, Anne-Marie", "OBRIEN^ANNEMARIE", true},
		{"O’Brien, Anne-Marie", "O'Brien^Anne^Marie", true},
		{"Müller, Jürgen", "MUELLER^JUERGEN", true},
		{"Müller, Jürgen", "Muller^Jurgen", true},
		{"Strauß, Ada", "STRAUSS^ADA", true},
		{"Łukasz, Øre", "Lukasz^Ore", true},
		{"Åberg, Sven", "Aaberg^Sven", true},
		{"de la Cruz, Juan", "DelaCruz^Juan", true},
		{"Juan de la Cruz", "de la Cruz^Juan", true},
		{"Smith-Jones, Al", "SMITH JONES^AL", true},
		{"Smith, John A.", "Smith^John^Albert", true},
		{"Smith, John", "Smith^John^Albert", true},
		{"Smith, John A", "Smith^John^B", false},
		{"Smith, John, Jr.", "Smith^John^^^Sr", false},
		{"Smith, John Jr", "Smith^John^^^JR", true},
		{"Smith, John, Jr.", "Smith^John", true},
		{"Dr. Maria Alvarez", "Alvarez, Maria", true},
		{"Nguyễn, Thị Hương", "NGUYEN^THI HUONG", true},
		{"Иванов, Иван", "ИВАНОВ^ИВАН", true},
		{"Alvarez, Maria", "Maria, Alvarez", false},
		{"Li, Na", "Na Li", true},
		{"Alvarez, Maria", "", false},
		{"", "", false},
		{"Alvarez, Maria", "Alvarez", false},
		{"Alvarez, Maria", "Alvarez^", false},
		{"Suharto", "SUHARTO^", true},
		{"Suharto", "Sukarno^", false},
	} {
		if got := SameName(c.a, c.b); got != c.same {
			t.Errorf("%q and %q: %v", c.a, c.b, got)
		}
		if got := SameName(c.b, c.a); got != c.same {
			t.Errorf("%q and %q: %v", c.b, c.a, got)
		}
	}
}

// TestNamesAreBounded keeps a hostile name from costing more than a moment.
func TestNamesAreBounded(t *testing.T) {
	long := ""
	for range 10000 {
		long += "a b=c^d "
	}
	if got := MatchPatient(Patient{ID: "1", Name: "X, Y"}, "1", long, ""); got == Matching {
		t.Error("a name of 80,000 letters matches")
	}
}
