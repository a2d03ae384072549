package practice

// People are the practice's patients, without their files.
func People() []Patient {
	out := make([]Patient, len(cast))
	for i, p := range cast {
		out[i] = p.Patient
	}
	return out
}
