package config

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"chartseal/config/strict"
)

// validator collects what is wrong beyond the shape of the file.
type validator struct {
	doc      *strict.Document
	problems []strict.Problem
	place    place
}

func (v *validator) report(field, format string, args ...any) {
	v.problems = append(v.problems, v.doc.Problem(field, "'%s' %s", field, fmt.Sprintf(format, args...)))
}

func (v *validator) config(c *Config) {
	v.practice(c.Practice)
	v.paths(c)
	v.database(c.Database)
	v.word("site", c.Site, siteForm, "letters, digits and -")
	for i, k := range c.Kinds {
		v.word(fmt.Sprintf("kinds[%d]", i), k, wordForm, "small letters, digits and _")
	}
	v.sources(c)
	for i, s := range c.Sensitive {
		v.word(fmt.Sprintf("sensitive[%d].category", i), s.Category, wordForm, "small letters, digits and _")
		if wrong := patternProblem(s.Path); wrong != "" {
			v.report(fmt.Sprintf("sensitive[%d].path", i), "%s", wrong)
		}
	}
	v.approval(c.Approval)
	v.store(c.Store)
	v.times(c)
	v.dicom(c.DICOM)
	v.deadlines(c.Deadlines)
	v.rules(c.Rules)
	v.brake(c.Brake)
	if n := c.Retention.Years; n < KeepYears || n > maxKeepYears {
		v.report("retention.years", "is %d; it must be between %d (45 CFR 164.530(j)(2)) and %d: a state's law can make the time longer, and nothing makes it shorter", n, KeepYears, maxKeepYears)
	}
	v.lookout(c)
}

const maxKeepYears = 100

// maxIdentityDays is how old the check of who asks may be by itself.
const maxIdentityDays = 30

func (v *validator) rules(r Rules) {
	if n := r.IdentityDays; n < 0 || n > maxIdentityDays {
		v.report("rules.identity_days", "is %d; it must be between 1 and %d, for a rule can only become stricter", n, maxIdentityDays)
	}
	if at := r.Repeat.Duration(); at < 0 || at > maxKeep {
		v.report("rules.repeat", "is %s; it must be between 0s and %s", r.Repeat, strict.Duration(maxKeep))
	}
	for i, id := range r.Off {
		v.word(fmt.Sprintf("rules.off[%d]", i), id, ruleForm, "a letter and a number, like R14")
	}
	for _, id := range slices.Sorted(maps.Keys(r.Tighten)) {
		field := "rules.tighten." + id
		v.word(field, id, ruleForm, "a letter and a number, like R14")
		if slices.Contains(r.Off, id) {
			v.report(field, "is about a rule that rules.off switches off; keep one of the two")
		}
	}
}

func (v *validator) brake(b Brake) {
	for field, n := range map[string]int{"per_day": b.PerDay, "per_recipient": b.PerRecipient, "per_approver": b.PerApprover} {
		if n < 0 {
			v.report("brake."+field, "is %d; write how many releases may go out in 24 hours, or 0 for no limit", n)
		}
	}
}

var (
	wordForm   = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)
	siteForm   = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)
	ruleForm   = regexp.MustCompile(`^[A-Z][0-9]{1,2}$`)
	bucketForm = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`) // S3 User Guide, bucket naming rules
	prefixForm = regexp.MustCompile(`^[A-Za-z0-9!_.*'()/-]*$`)            // S3 User Guide, safe characters of keys
)

func (v *validator) word(field, word string, form *regexp.Regexp, allowed string) {
	if word != "" && !form.MatchString(word) {
		v.report(field, "is %q; write it with %s", word, allowed)
	}
}

// states are the postal codes of the states, the District of Columbia and the
// territories (USPS Publication 28, appendix B).
const states = " AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY DC AS GU MP PR VI "

func (v *validator) practice(p Practice) {
	if p.State != "" && !isState(p.State) {
		v.report("practice.state", "is %q; write the state's two capital letters, like NY, or leave it out", p.State)
	}
}

// maxStateDays is the federal time and its extension (45 CFR 164.524(b)(2)): a
// longer time of a state would say nothing.
const maxStateDays = 60

func (v *validator) deadlines(d Deadlines) {
	for field, n := range map[string]int{"deadlines.warn": d.Warn, "deadlines.remind": d.Remind} {
		if n < 1 || n > maxStateDays {
			v.report(field, "is %d; it must be a number of days between 1 and %d", n, maxStateDays)
		}
	}
	for _, code := range slices.Sorted(maps.Keys(d.States)) {
		field, t := "deadlines.states."+code, d.States[code]
		if !isState(code) {
			v.report(field, "is no state; write its two capital letters, like NY")
		}
		if t.Inspect.N == 0 && t.Copies.N == 0 {
			v.report(field, "sets no time; write inspect, copies or both, like {inspect: 10, copies: 15 business days}")
		}
		if t.Inspect.N > maxStateDays || t.Copies.N > maxStateDays {
			v.report(field, "is longer than the federal time; it must be at most %d days", maxStateDays)
		}
	}
	for i, day := range d.Closed {
		if _, err := time.Parse(time.DateOnly, day); err != nil {
			v.report(fmt.Sprintf("deadlines.closed[%d]", i), "must be a date written year-month-day, like 2026-11-27")
		}
	}
}

func isState(code string) bool { return len(code) == 2 && strings.Contains(states, " "+code+" ") }

func (v *validator) paths(c *Config) {
	for _, f := range []struct {
		field string
		path  *string
		need  bool
	}{
		{"outbox", &c.Outbox, true},
		{"state", &c.State, true},
		{"recipients", &c.Recipients, true},
		{"restrictions", &c.Restrictions, false},
		{"documents", &c.Documents, false},
		{"export", &c.Export, false},
		{"alerts.mail.password_file", &c.Alerts.Mail.PasswordFile, false},
		{"alerts.webhook.secret_file", &c.Alerts.Webhook.SecretFile, false},
		{"log.file", &c.Log.File, false},
	} {
		if *f.path == "" {
			if f.need {
				v.report(f.field, "is empty; fill it in or remove the line")
			}
			continue
		}
		absolute, wrong := v.place.absolute(*f.path)
		if wrong != "" {
			v.report(f.field, "%s", wrong)
		}
		*f.path = v.place.native(absolute)
	}
	v.apart(c)
}

// apart keeps the folders from swallowing one another: what is under the outbox
// is taken for orders, and the state folder is private to the daemon.
func (v *validator) apart(c *Config) {
	folders := []struct{ field, path string }{{"outbox", c.Outbox}, {"state", c.State}, {"export", c.Export}}
	for _, a := range folders {
		for _, b := range folders {
			if a.field != b.field && a.path != "" && b.path != "" && v.inside(a.path, b.path) {
				v.report(a.field, "lies inside '%s'; give each a folder of its own", b.field)
			}
		}
	}
}

func (v *validator) inside(inner, outer string) bool {
	in, out := v.comparable(inner), v.comparable(outer)
	return in == out || strings.HasPrefix(in, strings.TrimSuffix(out, "/")+"/")
}

func (v *validator) comparable(name string) string {
	if v.place.windows {
		return strings.ToLower(strings.ReplaceAll(name, `\`, "/"))
	}
	return name
}

func (v *validator) database(address Secret) {
	s := address.Reveal()
	if s != "" && !strings.HasPrefix(s, "postgres://") && !strings.HasPrefix(s, "postgresql://") {
		v.report("database", "must be empty, for the built-in database, or begin with postgres://")
		return
	}
	if _, err := url.Parse(s); err != nil { // whose text shows the address
		v.report("database", "is no address; write it like postgres://user@server:5432/name?sslmode=verify-full, with %%40 for an @ in the password")
	}
}

func (v *validator) sources(c *Config) {
	if c.Sources != nil && len(c.Sources) == 0 {
		v.report("sources", "is empty; name at least one folder of records")
	}
	kinds := append(standardKinds(), c.Kinds...)
	for i := range c.Sources {
		s := &c.Sources[i]
		field := fmt.Sprintf("sources[%d]", i)
		if s.Kind != "" && !slices.Contains(kinds, s.Kind) {
			v.report(field+".kind", "is %q; it must be one of %s, or a kind listed under 'kinds'", s.Kind, strings.Join(standardKinds(), ", "))
		}
		if s.Path == "" {
			continue
		}
		pattern, wrong := v.place.pattern(*s)
		if wrong != "" {
			v.report(field+".path", "%s", wrong)
		}
		s.Path = pattern
	}
}

// standardKinds are the kinds of record that need not be listed. Orders know the
// same words.
func standardKinds() []string {
	return []string{"chart", "treatment_plan", "consent", "billing", "lab", "implant", "radiograph", "cbct", "scan", "photo", "model"}
}

func (v *validator) approval(a Approval) {
	if a.Approvers != nil && len(a.Approvers) == 0 {
		v.report("approval.approvers", "is empty; name at least one person who may approve")
	}
	for _, name := range slices.Sorted(maps.Keys(a.Approvers)) {
		field, key := "approval.approvers."+name, a.Approvers[name]
		if strings.TrimSpace(name) != name || name == "" {
			v.report(field, "has a name that is empty or begins or ends with a space")
		}
		switch {
		case key != "" && !isMinisignKey(key):
			v.report(field, "is not a minisign public key (56 letters that begin with RW); make one with 'chartseal key'")
		case key == "" && a.Require == RequireSignature:
			v.report(field, "has no key, and approval is by signature; make one with 'chartseal key'")
		}
	}
	if a.Book == BookSigned && !slices.ContainsFunc(slices.Collect(maps.Values(a.Approvers)), isMinisignKey) {
		v.report("approval.book", "is signed, and no approver has a key to sign it with; make one with 'chartseal key'")
	}
}

// isMinisignKey checks the form of a public key: "Ed", 8 bytes of id, 32 bytes of
// Ed25519 key (minisign, "Public key format").
func isMinisignKey(s string) bool {
	raw, err := base64.StdEncoding.Strict().DecodeString(s)
	return err == nil && len(raw) == 42 && string(raw[:2]) == "Ed"
}

func (v *validator) store(s Store) {
	if s.BAAOn != "" {
		if _, err := time.Parse(time.DateOnly, s.BAAOn); err != nil {
			v.report("store.baa_on", "must be a date written year-month-day, like 2026-11-18")
		}
	}
	if s.Kind != StoreS3 {
		v.localStore(s)
		return
	}
	switch {
	case s.Bucket == "":
		v.report("store.bucket", "is missing; a store of kind s3 needs a bucket")
	case !bucketForm.MatchString(s.Bucket):
		v.report("store.bucket", "is %q; bucket names have 3 to 63 small letters, digits, dots and dashes", s.Bucket)
	}
	if s.Region == "" && s.Endpoint == "" {
		v.report("store.region", "is missing; write the bucket's region, like us-east-1")
	}
	if s.KMSKey != "" && s.SSE != SSEKMS {
		v.report("store.kms_key", "is used only with sse: aws:kms")
	}
	if !prefixForm.MatchString(s.Prefix) || strings.HasPrefix(s.Prefix, "/") {
		v.report("store.prefix", "is %q; use letters, digits and - _ . /, not beginning with /", s.Prefix)
	}
	v.endpoint(s.Endpoint)
}

func (v *validator) localStore(s Store) {
	for field, value := range map[string]string{"bucket": s.Bucket, "region": s.Region, "endpoint": s.Endpoint, "prefix": s.Prefix, "sse": string(s.SSE), "kms_key": s.KMSKey} {
		if value != "" {
			v.report("store."+field, "is used only with kind: s3")
		}
	}
}

// endpoint demands TLS: a link over plain HTTP would show its secret to the
// network. A store on the same computer may go without.
func (v *validator) endpoint(endpoint string) {
	if endpoint == "" {
		return
	}
	u, err := url.Parse(endpoint)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		v.report("store.endpoint", "must be an address like https://s3.example.com")
	case u.User != nil:
		v.report("store.endpoint", "must not hold a user or password; credentials come from the environment or a file")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		v.report("store.endpoint", "must begin with https://; plain http is allowed only on this computer (127.0.0.1)")
	}
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// maxKeep bounds link.keep: six years, as the ledger is kept (45 CFR
// 164.530(j)(2)).
const maxKeep = 6 * 366 * 24 * time.Hour

func (v *validator) times(c *Config) {
	for _, t := range []struct {
		field     string
		at        strict.Duration
		low, high time.Duration
	}{
		{"link.lifetime", c.Link.Lifetime, time.Second, MaxLinkLifetime.Duration()},
		{"link.keep", c.Link.Keep, c.Link.Lifetime.Duration(), maxKeep},
		{"watch.scan", c.Watch.Scan, 100 * time.Millisecond, time.Hour},
		{"watch.settle", c.Watch.Settle, 10 * time.Millisecond, time.Hour},
	} {
		if t.at.Duration() < t.low || t.at.Duration() > t.high {
			v.report(t.field, "is %s; it must be between %s and %s", t.at, strict.Duration(t.low), strict.Duration(t.high))
		}
	}
}
