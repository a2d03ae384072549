package ledger

// exclusions are the disclosures that an accounting does not list, 45 CFR
// 164.528(a)(1), by the basis of the release. The practice still records them.
var exclusions = map[string]string{
	"treatment":      "to carry out treatment, 45 CFR 164.528(a)(1)(i)",
	"payment":        "to carry out payment, 45 CFR 164.528(a)(1)(i)",
	"operations":     "to carry out health care operations, 45 CFR 164.528(a)(1)(i)",
	"patient_access": "to the individual, 45 CFR 164.528(a)(1)(ii)",
	"authorization":  "under an authorization, 45 CFR 164.528(a)(1)(iv)",
	"limited_set":    "part of a limited data set, 45 CFR 164.528(a)(1)(viii)",
	"deidentified":   "not protected health information, 45 CFR 164.502(d)(2)",
}

// accountable tells whether an accounting of disclosures lists an entry, and
// why or why not. What no exclusion names is listed, such as a directive or
// legal process.
func accountable(e Event, basis string) (bool, string) {
	switch e {
	case Sent, Delivered, Relinked:
	case Fetched: // the disclosure is the link, which has a line of its own
		return false, "part of a release recorded before"
	case Revoked, Expired, Held, Denied, Extended, Withdrawn, TakenOver, Override, Accounted, Purged, Concluded, Restored:
		return false, "nothing was disclosed by this"
	}
	if why, ok := exclusions[basis]; ok {
		return false, why
	}
	return true, "no exclusion of 45 CFR 164.528(a)(1) applies"
}
