package chartseal

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"chartseal/durable"
	"chartseal/order"
	"chartseal/packager"
	"chartseal/packager/bundle"
	"chartseal/packager/gather"
	"chartseal/packager/seal"
	"chartseal/redact"
	"chartseal/registry"
	"chartseal/transport/page"
	"chartseal/watch"
	"chartseal/watch/notice"
)

// partial ends the name of a sealed file that is not whole yet.
const partial = ".partial"

// pack gathers, cleans, bundles and seals the records into one file under
// state. The file gets its name only when it was read back and found whole.
// Name and passphrase are chosen once, before the first byte: tries that fail
// leave one file and not many.
func (p *Practice) pack(ctx context.Context, r *release) error {
	if r.Manifest != "" {
		return nil
	}
	if err := p.orders.Has(ctx, r.ID); err != nil { // do not pack for nothing
		return err
	}
	c, o, err := p.reopen(ctx, r)
	if err != nil {
		return err
	}
	to, err := p.recipient(o)
	if err != nil {
		return err
	}
	if r.Sealed == "" {
		if err := p.prepare(r, to); err != nil {
			return err
		}
	}
	if err := r.sealedFor(to); err != nil {
		return err
	}
	plan, err := p.plan(ctx, r, o, to)
	if err != nil {
		return err
	}
	out, err := p.readAndPack(ctx, plan, r.ID, r.Sealed)
	if held, ok := errors.AsType[*packager.HeldError](err); ok {
		return &Held{held.Reasons}
	}
	if err != nil {
		return err
	}
	if r.Head, err = p.state.sealedHead(r.Sealed); err != nil {
		return err
	}
	p.step(r.ID, "pack", "sealed")
	pk := describePacked(out, to, plan.To.Unlock())
	if _, _, missing := withEscrow(p.cfg, plan.To); missing != "" {
		pk.Notices = append(pk.Notices, missing)
	}
	if err := r.note(c, packedNote, pk); err != nil {
		return err
	}
	p.step(r.ID, "pack", "noted")
	r.Manifest, r.Ticket.SHA256 = out.ManifestSHA256, out.SHA256
	return p.state.save(r)
}

// sealedHead is how a sealed file begins, which the recipient page compares.
func (s *state) sealedHead(name string) (h page.Head, err error) {
	f, err := os.Open(s.path("sealed", name))
	if err != nil {
		return h, wrap("read sealed file", watch.Scrub(err))
	}
	defer func() { _ = f.Close() }() // only read
	head, err := io.ReadAll(io.LimitReader(f, page.MaxHead))
	return page.HeadOf(seal.Header(head)), wrap("read sealed file", watch.Scrub(err))
}

// prepare names the sealed file and makes the passphrase of a recipient without a key.
func (p *Practice) prepare(r *release, to order.Recipient) (err error) {
	r.Sealed, r.SealedFor = randomName()+".age", recipientDigest(to)
	if len(to.Keys) == 0 {
		if r.Passphrase, err = seal.NewPassphrase(rand.Reader); err != nil {
			return err
		}
		r.Words = true
	}
	if err := p.state.save(r); err != nil {
		return err
	}
	p.step(r.ID, "pack", "named")
	return nil
}

// recipientDigest tells one recipient, with address and keys, from every other.
func recipientDigest(to order.Recipient) string { return digest(fmt.Appendf(nil, "%q", to)) }

// sealedFor holds an order whose recipient is no longer who it was when sealing
// began: a key that was replaced may be in wrong hands, an address may be wrong.
func (r *release) sealedFor(to order.Recipient) error {
	if r.SealedFor == "" || r.SealedFor == recipientDigest(to) {
		return nil
	}
	return &Held{[]order.Reason{{
		Rule: "A2", Outcome: order.Refuse, Citation: "practice policy",
		Message: "The recipient's entry in the recipient book was changed while the order was being worked on. Nothing was sent. Check the entry, then drop the order again.",
	}}}
}

// readAndPack packs, and gives up when a folder with records does not answer.
func (p *Practice) readAndPack(ctx context.Context, plan *packager.Plan, id, sealed string) (out *packager.Packed, err error) {
	done := make(chan *packager.Packed, 1)
	err = p.readings.Run(ctx, id, gather.Folders(plan.Sources, plan.Order.Records.Kinds), func(ctx context.Context) error {
		out, err := p.packInto(ctx, plan, sealed)
		done <- out
		return err
	})
	if err != nil {
		return nil, err
	}
	return <-done, nil
}

// packInto writes the sealed file under a partial name and renames it.
func (p *Practice) packInto(ctx context.Context, plan *packager.Plan, name string) (*packager.Packed, error) {
	final := p.state.path("sealed", name)
	f, err := os.OpenFile(final+partial, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create sealed file: %w", scrub(err))
	}
	out, err := packager.Pack(ctx, plan, f)
	if err == nil {
		err = ctx.Err() // given up meanwhile
	}
	if cerr := f.Close(); err == nil && cerr != nil {
		err = fmt.Errorf("write sealed file: %w", scrub(cerr))
	}
	if err == nil {
		if err = watch.Replace(final+partial, final); err == nil {
			return out, durable.SyncDir(p.state.path("sealed"))
		}
		err = fmt.Errorf("name sealed file: %w", scrub(err))
	}
	return nil, errors.Join(err, scrub(os.Remove(final+partial)))
}

// plan is what packing this order takes.
func (p *Practice) plan(ctx context.Context, r *release, o *order.Order, to order.Recipient) (*packager.Plan, error) {
	profile, err := packager.Profile(o.Basis)
	if err != nil {
		return nil, err
	}
	keys, err := recipients(to, r.Passphrase)
	if err != nil {
		return nil, &Held{[]order.Reason{{
			Rule: "R29", Outcome: order.Refuse,
			Message: "The recipient's keys in the recipient book cannot be used: " + err.Error() + ". Nothing was sent. Ask your IT contact to correct the recipient book.",
		}}}
	}
	ref, _ := registry.SplitID(r.ID)
	keys, escrow, _ := withEscrow(p.cfg, keys)
	plan := p.gathering(o)
	plan.To = keys.InChild(func() *exec.Cmd { return p.worker(ctx, "wrap") })
	plan.Compress, plan.Trusted = p.cfg.Bundle.Compress, p.state.pub.String()
	plan.Header = p.header(o, to, keys, ref, profile)
	if escrow != "" {
		plan.Header.Notices = append(plan.Header.Notices, escrow)
	}
	if text := order.Part2Text(o, plan.Facts); text != nil && !plan.Header.Anonymous {
		plan.Part2 = &bundle.Statement{Path: "data/PART2.TXT", Title: "Notice to accompany these records (42 CFR part 2)", Paragraphs: text}
	}
	plan.Sign = bundle.SignManifest(p.state.key, bundle.TrustedComment(ref, p.opts.Now()))
	plan.Progress = func(done, total int64) {
		p.tell(Event{Order: o.ID, Release: r.ID, Stage: "pack", Done: done, Total: total})
	}
	return plan, nil
}

// gathering is the part of a plan that finds and cleans the records.
func (p *Practice) gathering(o *order.Order) *packager.Plan {
	plan := &packager.Plan{Order: o, Facts: p.Facts(o, order.AtIntake)}
	for _, s := range p.cfg.Sources {
		plan.Sources = append(plan.Sources, gather.Source{Kind: s.Kind, Path: s.Path, Match: string(s.Match)})
	}
	for _, s := range p.cfg.Sensitive {
		plan.Mark = append(plan.Mark, gather.Sensitive{Category: s.Category, Pattern: s.Path})
	}
	salt := make([]byte, 32)
	_, _ = rand.Read(salt) // never fails (crypto/rand)
	plan.Formats = packager.Formats(p.worker, salt, p.dicom)
	if p.index != nil { // an interface holding nil is not nil
		plan.Index = p.index
	}
	return plan
}

// PDFCacheEnv names the environment variable with the folder in which workers
// keep the compiled PDF engine. It has to be private: what is in it is run.
const PDFCacheEnv = "CHARTSEAL_PDFIUM_CACHE"

func (p *Practice) worker(ctx context.Context, kind string) *exec.Cmd {
	cmd := p.opts.Self(ctx, "worker", kind)
	if kind == "pdf" {
		UsePDFCache(cmd, p.state.dir)
	}
	return cmd
}

// UsePDFCache tells a PDF worker to keep the compiled engine in the state folder,
// unless the environment names another place.
func UsePDFCache(cmd *exec.Cmd, state string) {
	if _, set := os.LookupEnv(PDFCacheEnv); set {
		return
	}
	dir := filepath.Join(state, "pdfium")
	_ = os.Mkdir(dir, 0o700) // there, as a rule; without it the engine is compiled anew
	cmd.Env = append(cmd.Env, PDFCacheEnv+"="+dir)
}

// recipients are the recipient's keys, or the passphrase.
func recipients(to order.Recipient, passphrase string) (seal.Recipients, error) {
	if len(to.Keys) > 0 {
		return seal.ParseRecipients(to.Keys)
	}
	return seal.WithPassphrase(passphrase)
}

func (p *Practice) header(o *order.Order, to order.Recipient, keys seal.Recipients, ref string, profile redact.Profile) bundle.Header {
	c := p.cfg.Practice
	h := bundle.Header{
		Order: o.ID, Reference: ref, Created: p.opts.Now(),
		Practice: bundle.Practice{
			Name: c.Name, Address: c.Address, PublicKey: p.state.pub.String(),
			Contact: bundle.Contact{Name: c.Contact.Name, Phone: c.Contact.Phone, Email: c.Contact.Email},
		},
		Recipient: bundle.Recipient{Name: to.Name, Kind: string(to.Kind)},
		Unlock:    keys.Unlock(), Keys: keys.Fingerprints(),
		Basis: string(o.Basis), Purpose: o.Purpose, Profile: string(profile),
		ProfileVersions: map[string]string{"DICOM": p.dicom.Version()},
		ProfileDigests:  map[string]string{"DICOM": p.dicom.Digest()},
		Tool:            "chartseal " + p.opts.Version,
		Scope:           &bundle.Scope{Kinds: o.Records.Kinds, From: o.Records.From.String(), To: o.Records.To.String()},
		RulesOff:        rulesOff(p.cfg),
		Anonymous:       profile == redact.Deidentified || profile == redact.LimitedSet,
	}
	if h.Anonymous { // order ids and file names may name the patient
		h.Order, h.Purpose = ref, ""                              // staff type the purpose
		if h.Undated = !p.dicom.Dates.Dated(profile); h.Undated { // the records do not tell them either
			h.Scope.From, h.Scope.To = "", ""
		}
		return h
	}
	for _, it := range o.Records.Items {
		h.Scope.Items = append(h.Scope.Items, bundle.Part{File: it.File, Pages: it.Pages.String()})
	}
	h.Patient = &bundle.Patient{ID: o.Patient.ID, Name: o.Patient.Name, BirthDate: o.Patient.BirthDate.String()}
	for _, d := range o.Decisions {
		h.Decisions = append(h.Decisions, bundle.Decision{
			Rule: d.Rule, Item: d.Item, Decision: string(d.Decision), By: d.By, On: d.On.String(), Reason: d.Reason,
		})
	}
	return h
}

// describePacked is what the receipt and the ledger say about the bundle.
func describePacked(out *packager.Packed, to order.Recipient, unlock string) packed {
	m := out.Manifest
	pk := packed{
		Recipient: notice.Recipient{Name: to.Name, Kind: string(to.Kind), Address: to.Address, Email: to.Email},
		Unlock:    unlock, Notices: append([]string{}, m.Notices...),
	}
	seen := map[string]int{}
	for _, rec := range m.Records {
		pk.Records = append(pk.Records, notice.Record{Path: rec.Path, Kind: rec.Kind, SHA256: rec.SHA256, Bytes: rec.Bytes})
		for _, x := range rec.Removed {
			pk.Removed += x.Count
		}
		for _, n := range rec.Notices {
			seen[bundle.PlainNotice(n)]++
		}
	}
	pk.Notices = append(pk.Notices, counted(seen)...)
	for _, st := range m.Statements {
		pk.Statements = append(pk.Statements, st.Title)
	}
	pk.Description = strings.Join(notice.Kinds(pk.Records), ", ")
	return pk
}

// counted lists the notices of single records, each once.
func counted(seen map[string]int) []string {
	var out []string
	for _, n := range sortedKeys(seen) {
		if seen[n] > 1 {
			n += " (" + strconv.Itoa(seen[n]) + " records)"
		}
		out = append(out, n)
	}
	return out
}
