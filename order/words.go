package order

// Decision is what the practice answers to a request.
type Decision string

// The answers to a request.
const (
	Release Decision = "release"
	Deny    Decision = "deny"
	Extend  Decision = "extend"
)

// Choices lists the decisions.
func (Decision) Choices() []string { return []string{"release", "deny", "extend"} }

// Basis is why the law lets the records go.
type Basis string

// The bases, with the paragraph of 45 CFR that allows each.
const (
	Treatment     Basis = "treatment"      // 164.506(c)(2)
	Payment       Basis = "payment"        // 164.506(c)(3)
	Operations    Basis = "operations"     // 164.506(c)(4)
	PatientAccess Basis = "patient_access" // 164.524
	ByDirective   Basis = "directive"      // 164.524(c)(3)(ii)
	Authorized    Basis = "authorization"  // 164.508
	ByLegal       Basis = "legal_process"  // 164.512(e), (f)
	LimitedSet    Basis = "limited_set"    // 164.514(e)
	Deidentified  Basis = "deidentified"   // 164.514(b)
)

// Choices lists the bases.
func (Basis) Choices() []string {
	return []string{"treatment", "payment", "operations", "patient_access", "directive", "authorization", "legal_process", "limited_set", "deidentified"}
}

// OwnRequest says that the patient's right of access carries the release, so
// that nothing may be trimmed and no purpose asked.
func (b Basis) OwnRequest() bool { return b == PatientAccess || b == ByDirective }

// Delivery is how the records leave.
type Delivery string

// The ways of delivery. Only link and folder make a bundle.
const (
	ByLink   Delivery = "link"
	ByFolder Delivery = "folder"  // encrypted bundle into the export folder
	Inspect  Delivery = "inspect" // seen in the office; logged only
	ByMail   Delivery = "mail"    // sent by post or by staff; logged only
)

// Choices lists the ways of delivery.
func (Delivery) Choices() []string { return []string{"link", "folder", "inspect", "mail"} }

// Bundled says that chartseal makes a bundle, and does not only record.
func (d Delivery) Bundled() bool { return d == ByLink || d == ByFolder }

// Relation is what the requester is to the patient.
type Relation string

// The relations.
const (
	Self           Relation = "self"
	Representative Relation = "representative"
	Provider       Relation = "provider"
	Insurer        Relation = "insurer"
	Lab            Relation = "lab"
	Attorney       Relation = "attorney"
	Employer       Relation = "employer"
	Court          Relation = "court"
	Agency         Relation = "agency"
	OtherParty     Relation = "other"
)

// Choices lists the relations.
func (Relation) Choices() []string {
	return []string{"self", "representative", "provider", "insurer", "lab", "attorney", "employer", "court", "agency", "other"}
}

// Party is the kind of a recipient: a relation, or patient.
type Party string

// ThePatient is the patient as recipient; "self" is read as the same.
const ThePatient Party = "patient"

// Choices lists the kinds of recipient.
func (Party) Choices() []string { return append([]string{string(ThePatient)}, Self.Choices()...) }

// relation is the party as a relation to the patient.
func (p Party) relation() Relation {
	if p == ThePatient {
		return Self
	}
	return Relation(p)
}

// Authority is what lets a person act for the patient (45 CFR 164.502(g)).
type Authority string

// The kinds of authority.
const (
	Parent            Authority = "parent" // of a minor
	Guardian          Authority = "guardian"
	PowerOfAttorney   Authority = "power_of_attorney"
	HealthCareProxy   Authority = "health_care_proxy"
	Executor          Authority = "executor" // of a patient who died
	CourtAppointment  Authority = "court_appointment"
	AdministratorRole Authority = "administrator"
)

// Choices lists the kinds of authority.
func (Authority) Choices() []string {
	return []string{"parent", "guardian", "power_of_attorney", "health_care_proxy", "executor", "court_appointment", "administrator"}
}

// RulingChoice is what a person decided about a hold.
type RulingChoice string

// The answers to a hold.
const (
	ReleaseItem RulingChoice = "release"
	LeaveOut    RulingChoice = "leave_out"
)

// Choices lists the answers to a hold.
func (RulingChoice) Choices() []string { return []string{"release", "leave_out"} }

// ProcessKind is the kind of a legal demand.
type ProcessKind string

// The kinds of legal demand.
const (
	CourtOrder   ProcessKind = "court_order"
	Subpoena     ProcessKind = "subpoena" // without an order of a court
	OtherProcess ProcessKind = "other"    // law enforcement, warrant, letter
)

// Choices lists the kinds of legal demand.
func (ProcessKind) Choices() []string { return []string{"court_order", "subpoena", "other"} }

// Assurance is what a subpoena without an order must come with (45 CFR
// 164.512(e)(1)(ii)).
type Assurance string

// The two satisfactory assurances.
const (
	PatientNotice   Assurance = "patient_notice"   // the patient was told and the time to object passed
	ProtectiveOrder Assurance = "protective_order" // a qualified protective order was asked for
)

// Choices lists the assurances.
func (Assurance) Choices() []string { return []string{"patient_notice", "protective_order"} }

// StandardKinds are the kinds of record every practice knows. The configuration
// can add more.
func StandardKinds() []string {
	return []string{"chart", "treatment_plan", "consent", "billing", "lab", "implant", "radiograph", "cbct", "scan", "photo", "model"}
}
