package practice

import (
	"slices"

	"chartseal/testdata/practice/picture"
)

func (f findings) tooth(n int) picture.FilmTooth {
	has := func(list []int) bool { return slices.Contains(list, n) }
	return picture.FilmTooth{
		Number: n, Filled: has(f.filled), Crowned: has(f.crowned), Endo: has(f.endo),
		Caries: has(f.caries), Lesion: has(f.lesion), Implant: has(f.implant), Missing: has(f.missing),
	}
}

// all are the teeth with something to tell.
func (f findings) all() []picture.FilmTooth {
	numbers := slices.Concat(f.filled, f.crowned, f.endo, f.caries, f.lesion, f.missing, f.implant)
	slices.Sort(numbers)
	var out []picture.FilmTooth
	for _, n := range slices.Compact(numbers) {
		out = append(out, f.tooth(n))
	}
	return out
}

// state is the word a chart uses for a tooth.
func (f findings) state(n int) string {
	t := f.tooth(n)
	switch {
	case t.Missing:
		return "missing"
	case t.Implant:
		return "implant"
	case t.Lesion, t.Caries:
		return "caries"
	case t.Endo:
		return "root canal"
	case t.Crowned:
		return "crown"
	case t.Filled:
		return "filled"
	}
	return ""
}

// bitewing takes upper and lower teeth from the left of the film to the right.
func (b *planner) bitewing(numbers ...int) picture.Intraoral {
	var v picture.Intraoral
	for _, n := range numbers {
		if n < 30 {
			v.Upper = append(v.Upper, b.p.findings.tooth(n))
		} else {
			v.Lower = append(v.Lower, b.p.findings.tooth(n))
		}
	}
	return v
}

// periapical takes the teeth of one jaw from the left of the film to the right.
func (b *planner) periapical(numbers ...int) picture.Intraoral {
	v := b.bitewing(numbers...)
	if n := numbers[len(numbers)/2] % 10; n <= 3 { // front teeth: film upright
		v.Millimetres = 30
	}
	return v
}
