package order

import (
	"slices"
	"testing"
	"time"
)

func TestMatchStated(t *testing.T) {
	maria := Patient{ID: "10432", Name: "Alvarez, Maria Elena", BirthDate: on(1984, time.March, 9)}
	const born, notBorn = "03/09/1984", "2/5/71"
	for name, c := range map[string]struct {
		s    Stated
		want Match
	}{
		"name":                              {Stated{Name: "Maria Alvarez"}, Matching},
		"all":                               {Stated{Name: "ALVAREZ, MARIA E.", Births: []string{born}, IDs: []string{"10432"}}, Matching},
		"birth date alone":                  {Stated{Births: []string{born}}, Matching},
		"number alone":                      {Stated{IDs: []string{"#10432"}}, Matching},
		"another program's number":          {Stated{Name: "Maria Alvarez", IDs: []string{"A-77"}, Foreign: true}, Matching},
		"number of who knows whom":          {Stated{Name: "Maria Alvarez", IDs: []string{"A-77"}}, Insufficient},
		"and birth date":                    {Stated{Name: "Maria Alvarez", IDs: []string{"A-77"}, Births: []string{born}}, Matching},
		"number of another":                 {Stated{Name: "Maria Alvarez", IDs: []string{"20871"}, Another: true}, Mismatch},
		"number of another, all else":       {Stated{Name: "Maria Alvarez", IDs: []string{"20871"}, Births: []string{born}, Another: true}, Insufficient},
		"own number and another's":          {Stated{Name: "Maria Alvarez", IDs: []string{"20871", "10432"}, Another: true}, Matching},
		"maiden name":                       {Stated{Name: "Maria Gomez", Births: []string{born}}, Matching},
		"maiden name alone":                 {Stated{Name: "Maria Gomez"}, Insufficient},
		"maiden name and number":            {Stated{Name: "Gomez, Maria", IDs: []string{"10432"}}, Insufficient},
		"maiden name, birth date, number":   {Stated{Name: "Gomez, Maria", IDs: []string{"20871"}, Births: []string{born}}, Insufficient},
		"first name, other birth date":      {Stated{Name: "Maria Gomez", Births: []string{notBorn}}, Mismatch},
		"family":                            {Stated{Name: "Alvarez, Carlos"}, Mismatch},
		"twin":                              {Stated{Name: "Alvarez, Rosa", Births: []string{born}}, Insufficient},
		"twin whose number is on the order": {Stated{Name: "Alvarez, Rosa", Births: []string{born}, IDs: []string{"10432"}}, Insufficient},
		"family with the number":            {Stated{Name: "Alvarez, Rosa", IDs: []string{"10432"}}, Insufficient},
		"namesake":                          {Stated{Name: "Maria Alvarez", Births: []string{notBorn}}, Insufficient},
		"namesake with a number":            {Stated{Name: "Maria Alvarez", Births: []string{notBorn}, IDs: []string{"20871"}}, Mismatch},
		"guarantor's birth date beside":     {Stated{Name: "Maria Alvarez", Births: []string{notBorn, born}}, Matching},
		"somebody else":                     {Stated{Name: "Robert Brown"}, Mismatch},
		"somebody else, same birth date":    {Stated{Name: "Robert Brown", Births: []string{born}}, Insufficient},
		"somebody else, same number":        {Stated{Name: "Robert Brown", IDs: []string{"10432"}}, Insufficient},
		"other birth date":                  {Stated{Births: []string{notBorn}}, Mismatch},
		"other birth date, number":          {Stated{Births: []string{notBorn}, IDs: []string{"10432"}}, Insufficient},
		"other number":                      {Stated{IDs: []string{"20871"}}, Insufficient},
		"a date that is none":               {Stated{Name: "Maria Alvarez", Births: []string{"99/99/1984"}}, Matching},
		"zeros in front of a number":        {Stated{Name: "Maria Alvarez", IDs: []string{"0010432"}}, Matching},
		"nothing":                           {Stated{}, Insufficient},
		"son with the father's name, jr":    {Stated{Name: "Alvarez, Maria Jr"}, Matching},
		"first name alone":                  {Stated{Name: "Maria"}, Matching},
		"another first name alone":          {Stated{Name: "Carlos"}, Mismatch},
		"middle name as first":              {Stated{Name: "Elena Alvarez"}, Matching},
		"spaced out":                        {Stated{Name: "MARIAALVAREZ"}, Matching},
		"spaced out, another":               {Stated{Name: "ROBERTBROWN"}, Mismatch},
		"spaced out, of the family":         {Stated{Name: "CARLOSALVAREZ"}, Mismatch},
		"initial":                           {Stated{Name: "Alvarez, M"}, Matching},
		"another initial":                   {Stated{Name: "Alvarez, C"}, Mismatch},
	} {
		if got := MatchStated(maria, c.s); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestStatedNames(t *testing.T) {
	for _, c := range []struct {
		order, page string
		want        bool
	}{
		{"Smith, Robert", "Bob Smith", true},
		{"Smith, Bob", "SMITH, ROBERT J", true},
		{"Smith, William (Chip)", "Chip Smith", true},
		{"Garcia Lopez, Ana", "Ana Garcia", true},
		{"Alvarez-Gomez, Maria", "Maria Gomez", true},
		{"Müller, Jörg", "JOERG MUELLER", true},
		{"O'Brien, Mary-Jane", "Mary Jane OBrien", true},
		{"Smith, Daniel", "Smith, Daniela", false},
		{"Smith, Christopher", "Smith, Christine", false},
		{"Smith, Maria", "Smith, Mariana", false},
		{"Smith, Ann", "Smith, Anna", true},
		{"Smith, John Jr", "Smith, John Sr", false},
		{"Garcia Lopez, Ana", "Ana Garcia Ruiz", false},
		{"Smith, Bob", "Bob Jones", false},
		{"Kim, Soo-Jin", "Soo Jin Kim", true},
		{"Kim, Soo-Jin", "Soo-Min Kim", false},
	} {
		if got := statedName(c.order, c.page).evidence == agrees; got != c.want {
			t.Errorf("%q and %q: %v", c.order, c.page, got)
		}
	}
}

func TestBirthReadings(t *testing.T) {
	for in, want := range map[string]Date{
		"3/9/1984": on(1984, time.March, 9), "03-09-84": on(1984, time.March, 9), "1984-03-09": on(1984, time.March, 9), "19840309": on(1984, time.March, 9),
		"March 9, 1984": on(1984, time.March, 9), "Mar 9th 1984": on(1984, time.March, 9), "9 March 1984": on(1984, time.March, 9), "09-MAR-1984": on(1984, time.March, 9),
		"Sept. 4, 1950": on(1950, time.September, 4), "13/01/1950": on(1950, time.January, 13), "1/2/45": on(1945, time.January, 2), "1/2/05": on(2005, time.January, 2),
		"March 3rd, 2001": on(2001, time.March, 3), "3 / 9 / 1984": on(1984, time.March, 9), "03.09.1984": on(1984, time.March, 9), "August 1, 1970": on(1970, time.August, 1),
	} {
		if got := birthReadings(in); !slices.Contains(got, want) {
			t.Errorf("%q is read as %v, not %v", in, got, want)
		}
	}
	for _, in := range []string{"", "1984", "13/13/1984", "yesterday", "03/1984"} {
		if got := birthReadings(in); len(got) > 0 {
			t.Errorf("%q is read as %v", in, got)
		}
	}
}
