package gather

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestCheckSources(t *testing.T) {
	for _, tc := range []struct {
		path, match string
		want        error
	}{
		{"/r/{patient.id}/**", "", nil},
		{"/r/{patient.initial}/{patient.last}{patient.first}{patient.id}/**", "", nil},
		{"/r/{patient.last}, {patient.first} */**", "", nil},
		{"/r/*_{patient.id}/**", "", nil},
		{"/r/{patient.id}.pdf", "", nil},
		{"/r/{patient.id}/{a,b}/*.pdf", "", nil},
		{"/r/**", "dicom", nil},
		{"r/{patient.id}/**", "", ErrSourceRelative},
		{"", "", ErrSourceRelative},
		{"/r/**", "", ErrSourceOpen},
		{"/r/{patient.initial}/**", "", ErrSourceOpen},
		{"/r/{patient.last}/**", "", ErrSourceOpen},
		{"/r/{patient.name}/**", "", ErrSourceTemplate},
		{"/r/{patient.id}*/**", "", ErrSourceTouching},
		{"/r/*{patient.id}/**", "", ErrSourceTouching},
		{"/r/[ab]{patient.id}/**", "", ErrSourceTouching},
		{"/r/{{patient.id},all}/**", "", ErrSourceTouching},
		{"/r/../{patient.id}/**", "", ErrSourcePattern},
		{"/r/{patient.id}/[a/**", "", ErrSourcePattern},
		{"/r/{patient.id}/{a/b,c}/**", "", ErrSourcePattern},
		{"/r", "dicom", ErrSourceNoFile},
		{"/r/{patient.id}/**", "pdf", ErrSourceMatch},
	} {
		err := CheckSources([]Source{{Kind: "chart", Path: absolute(tc.path), Match: tc.match}})
		if !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", tc.path, err, tc.want)
		}
	}
}

func TestFold(t *testing.T) {
	for _, pair := range [][2]string{{"PANO.JPG", "pano.jpg"}, {"Müller", "Mu\u0308LLER"}, {"ΣΑΣ", "σας"}, {"K", "\u212a"}} {
		if fold(pair[0]) != fold(pair[1]) {
			t.Errorf("%q and %q differ", pair[0], pair[1])
		}
	}
	if fold("Muller") == fold("Müller") || fold("ı") == fold("i") {
		t.Error("different names fold to one")
	}
}

// The steps of a pattern must agree with what ** means, whatever the depth.
func TestPattern(t *testing.T) {
	for _, tc := range []struct {
		pattern, path string
		want          bool
	}{
		{"**", "a", true},
		{"**", "a/b/c", true},
		{"**/*.pdf", "x.pdf", true},
		{"**/*.pdf", "a/b/X.PDF", true},
		{"a/**/b", "a/b", true},
		{"a/**/b", "a/x/y/b", true},
		{"a/**/b", "a/x/y/c", false},
		{"a/**/**/b", "a/x/b", true},
		{"*", "a/b", false},
		{"a/*", "a", false},
		{"**/x/**/y", "x/x/a/y", true},
		{"{a,b}/?.pdf", "B/1.pdf", true},
		{"[!a]*", "b", true},
	} {
		pattern, err := fill(splitPattern(tc.pattern), values{}, false)
		if err != nil {
			t.Fatal(err)
		}
		at := reach(pattern, positions{0})
		names := splitPattern(tc.path)
		for i, name := range names {
			if at = step(pattern, at, name); i < len(names)-1 && !open(pattern, at) {
				at = nil
			}
		}
		if got := done(pattern, at); got != tc.want {
			t.Errorf("%s on %s: %v, want %v", tc.pattern, tc.path, got, tc.want)
		}
	}
}

func TestSplitName(t *testing.T) {
	for name, want := range map[string][2]string{
		"Alvarez, Maria": {"Alvarez", "Maria"}, "Maria Elena Alvarez": {"Alvarez", "Maria Elena"},
		"de la Cruz, Ana": {"de la Cruz", "Ana"}, "Cher": {"Cher", ""}, "": {"", ""}, " , ": {"", ""},
	} {
		last, first := splitName(name)
		if got := [2]string{last, first}; got != want {
			t.Errorf("%q splits into %q, want %q", name, got, want)
		}
	}
}

func TestSpellings(t *testing.T) {
	v := valuesOf("7", "O'Brien, Mary Jane")
	got := v.spellings(true)
	if !slices.Contains(got, values{"7", "OBrien", "MaryJane"}) || !slices.Contains(got, values{"7", "OBrien", "Mary"}) {
		t.Errorf("spellings %+v", got)
	}
	if slices.ContainsFunc(v.spellings(false), func(v values) bool { return v.first == "Mary" }) {
		t.Error("the first given name alone must not find a folder without the id")
	}
}

func FuzzValues(f *testing.F) {
	for _, s := range []string{"10432", "../x", "a/b", "CON", "x. ", "*", "[a]", "\x00", "{1,2}"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, id, name string) {
		v := valuesOf(id, name)
		pattern, err := fill([]string{"{patient.initial} {patient.last} {patient.first} {patient.id}"}, v, true)
		if err != nil {
			return
		}
		// A value stands for itself alone: the pattern matches its own text.
		_, size := utf8.DecodeRuneInString(v.last)
		if whole := v.last[:size] + " " + v.last + " " + v.first + " " + v.id; !pattern[0].match(whole) {
			t.Errorf("id %q, name %q: pattern does not match %q", id, name, whole)
		}
		for _, bad := range []string{"", ".", "..", "x", v.id + "1"} {
			if pattern[0].match(bad) {
				t.Errorf("id %q, name %q: pattern matches %q", id, name, bad)
			}
		}
	})
}

// Only a digit itself is taken for a digit, and ASCII folds as everything else does.
func TestDigitsHaveOneSpelling(t *testing.T) {
	for r := range rune(unicode.MaxRune + 1) {
		name := string(r)
		if got := fold(name); got != name && strings.ContainsAny(got, "0123456789") {
			t.Errorf("%U is taken for %q", r, got)
		}
		if r < utf8.RuneSelf && fold(name) != strings.Map(foldRune, name) {
			t.Errorf("%q folds to %q", name, fold(name))
		}
	}
	for name, one := range map[string]bool{"10432": true, "": false, "P10432": false, "10432*": false, "1\u0663": false} {
		if oneSpelling(name) != one {
			t.Errorf("%q: %v", name, !one)
		}
	}
}
