//go:build interop

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"chartseal"
	"chartseal/config"
	"chartseal/order"
	"chartseal/order/pdfform"
	"chartseal/testdata/practice"
)

// fillers are programs that others wrote, which fill a form in and save it.
var fillers = map[string]func(t *testing.T, dir, blank, out string, values map[string]string, fields []string){
	"pdftk": fillWithPDFtk, "pypdf": fillWithPypdf, "mupdf": fillWithMuPDF, "poppler": fillWithPoppler,
}

// savers save a filled form once more in their own way.
var savers = map[string]func(t *testing.T, dir, in, out string){
	"as it is": func(t *testing.T, _, in, out string) {
		b, err := os.ReadFile(in)
		check(t, err)
		check(t, os.WriteFile(out, b, 0o600))
	},
	"qpdf, object streams": func(t *testing.T, dir, in, out string) {
		tool(t, dir, "qpdf", "--object-streams=generate", "--linearize", in, out)
	},
	"qpdf, plain": func(t *testing.T, dir, in, out string) { tool(t, dir, "qpdf", "--qdf", in, out) },
	"pdftk":       func(t *testing.T, dir, in, out string) { tool(t, dir, "pdftk", in, "output", out, "need_appearances") },
	"mutool":      func(t *testing.T, dir, in, out string) { tool(t, dir, "mutool", "clean", "-gg", in, out) },
}

// TestInteropForm: forms that other programs fill in and save read back exactly,
// and are released end to end when dropped.
func TestInteropForm(t *testing.T) {
	t.Parallel()
	need(t, "pdftk", "qpdf", "mutool", "pdftocairo", "/usr/bin/python3")
	f := formScene(t)
	f.serve(t)
	for name, fill := range fillers {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			id := "R-" + name
			values := formValues(f.who, id)
			filled := filepath.Join(dir, "filled.pdf")
			fill(t, dir, f.blank, filled, values, f.fields)
			for how, save := range savers {
				saved := filepath.Join(dir, "saved.pdf")
				save(t, dir, filled, saved)
				f.readsBack(t, how, saved, id)
			}
			dropped, err := os.ReadFile(filled)
			check(t, err)
			check(t, drop(f.cfg.Outbox, name+".pdf", dropped))
			waitFor(t, filepath.Join(f.cfg.Outbox, "sent", id, "receipt.json"), filepath.Join(f.cfg.Outbox, "held", id, "WHY-HELD.txt"))
			kept, err := os.ReadFile(filepath.Join(f.cfg.Outbox, "sent", id, name+".pdf"))
			check(t, err)
			if !bytes.Equal(kept, dropped) {
				t.Error("the order that was kept is not the one that was dropped")
			}
		})
	}
	t.Run("lost", f.lost)
}

// formPractice is a practice with its blank form.
type formPractice struct {
	trial
	who    practice.Patient
	blank  string
	fields []string // names, in the order in which they are printed
}

func formScene(t *testing.T) formPractice {
	t.Helper()
	f := formPractice{trial: trial{dir: t.TempDir()}}
	where := filepath.Join(f.dir, "practice")
	var err error
	f.people, err = buildPractice(t.Context(), where, practice.Options{Small: true, Now: time.Now()})
	check(t, err)
	f.cfg, err = config.Load(filepath.Join(where, "chartseal.yaml"))
	check(t, err)
	f.who, _ = find("20871") // Müller, Jörg
	f.blank, err = addForm(where)
	check(t, err)
	p, err := chartseal.OrderForm(f.cfg)
	check(t, err)
	for _, s := range pdfform.Sections(p) {
		for _, row := range s.Rows {
			for _, field := range row {
				f.fields = append(f.fields, field.Name())
			}
		}
	}
	return f
}

// readsBack compares what a file says with the same order in YAML.
func (f formPractice) readsBack(t *testing.T, how, file, id string) {
	t.Helper()
	data, err := os.ReadFile(file)
	check(t, err)
	got, err := chartseal.ReadOrder(t.Context(), f.cfg, (&app{}).options(nil), "x.pdf", data)
	if err != nil {
		t.Fatalf("%s: %v", how, err)
	}
	day := time.Now().Format(time.DateOnly)
	want, err := order.Parse("x.yaml", fmt.Appendf(nil, `order: %s
received: %[2]s
patient: {id: "20871", name: "Müller, Jörg", birth_date: %[3]s}
requester:
  name: Dr. Chen Endodontics
  relation: provider
  identity: {method: known to the practice, by: "Łukasz 王", on: %[2]s}
recipient: dr-chen
basis: treatment
purpose: referral
records: {kinds: [chart, radiograph]}
approved: {by: dr-lee, on: %[2]s}
`, id, day, f.who.BirthDate))
	check(t, err)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\ngot  %+v\nwant %+v", how, got, want)
	}
}

// lost: what programs make of a form that says nothing any more is held.
func (f formPractice) lost(t *testing.T) {
	dir := t.TempDir()
	filled := filepath.Join(dir, "filled.pdf")
	fillWithPDFtk(t, dir, f.blank, filled, formValues(f.who, "R-LOST"), f.fields)
	out := filepath.Join(dir, "out.pdf")
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"flattened": {[]string{"pdftk", filled, "output", out, "flatten"}, "has no fields that can be read"},
		"printed":   {[]string{"pdftocairo", "-pdf", filled, out}, "has no fields that can be read"},
		"locked":    {[]string{"qpdf", "--encrypt", "secret", "owner", "256", "--", filled, out}, "protected with a password"},
		"two pages": {[]string{"pdftk", filled, "cat", "1-2", "output", out}, "is not on this form any more"},
	} {
		tool(t, dir, tt.args[0], tt.args[1:]...)
		data, err := os.ReadFile(out)
		check(t, err)
		_, err = chartseal.ReadOrder(t.Context(), f.cfg, (&app{}).options(nil), "x.pdf", data)
		bad, ok := errors.AsType[*order.ParseError](err)
		if !ok || !strings.Contains(bad.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", name, err, tt.want)
		}
		check(t, os.Remove(out))
	}
	// An owner's password alone keeps nobody from reading.
	tool(t, dir, "qpdf", "--encrypt", "", "owner", "256", "--", filled, out)
	f.readsBack(t, "an owner's password", out, "R-LOST")
}

func fillWithPDFtk(t *testing.T, dir, blank, out string, values map[string]string, _ []string) {
	t.Helper()
	var fdf strings.Builder
	fdf.WriteString("%FDF-1.2\n1 0 obj\n<</FDF <</Fields [\n")
	for name, v := range values {
		if strings.Contains(name, "-kinds-") {
			fmt.Fprintf(&fdf, "<</T (%s) /V /%s>>\n", name, v)
			continue
		}
		fmt.Fprintf(&fdf, "<</T (%s) /V <FEFF", name)
		for _, u := range utf16.Encode([]rune(v)) {
			fmt.Fprintf(&fdf, "%04X", u)
		}
		fdf.WriteString(">>>\n")
	}
	fdf.WriteString("] >> >>\nendobj\ntrailer\n<</Root 1 0 R>>\n%%EOF\n")
	data := filepath.Join(dir, "data.fdf")
	check(t, os.WriteFile(data, []byte(fdf.String()), 0o600))
	tool(t, dir, "pdftk", blank, "fill_form", data, "output", out)
}

func fillWithPypdf(t *testing.T, dir, blank, out string, values map[string]string, _ []string) {
	t.Helper()
	const script = `
import sys, json
from pypdf import PdfReader, PdfWriter
writer = PdfWriter()
writer.clone_reader_document_root(PdfReader(sys.argv[1]))
values = json.load(open(sys.argv[3]))
for page in writer.pages:
    writer.update_page_form_field_values(page, values)
writer.write(sys.argv[2])
`
	named := map[string]string{}
	for name, v := range values {
		if named[name] = v; strings.Contains(name, "-kinds-") {
			named[name] = "/" + v
		}
	}
	ownPython(t, dir, script, blank, out, asFile(t, dir, named))
}

// fillWithPoppler is what Evince and Okular do. It embeds fonts for names that
// Helvetica cannot write.
func fillWithPoppler(t *testing.T, dir, blank, out string, values map[string]string, _ []string) {
	t.Helper()
	const script = `
import sys, json, gi
gi.require_version("Poppler", "0.18")
from gi.repository import Poppler, Gio
doc = Poppler.Document.new_from_gfile(Gio.File.new_for_path(sys.argv[1]), None, None)
values = json.load(open(sys.argv[3]))
for n in range(doc.get_n_pages()):
    for m in doc.get_page(n).get_form_field_mapping():
        f, v = m.field, values.get(m.field.get_name())
        if v is None:
            continue
        if f.get_field_type() == Poppler.FormFieldType.BUTTON:
            f.button_set_state(True)
        elif f.get_field_type() == Poppler.FormFieldType.CHOICE:
            items = [f.choice_get_item(i) for i in range(f.choice_get_n_items())]
            f.choice_select_item(items.index(v))
        else:
            f.text_set_text(v)
doc.save(Gio.File.new_for_path(sys.argv[2]).get_uri())
`
	seen := map[string]string{} // a list shows its words
	for name, v := range values {
		seen[name] = v
	}
	for name, words := range map[string]string{
		"basis": "Treatment: to another provider or a lab", "requester-relation": "Dentist or doctor", "recipient": "dr-chen | Dr. Chen Endodontics",
	} {
		seen[name] = words
	}
	ownPython(t, dir, script, blank, out, asFile(t, dir, seen))
}

// ownPython is the system's Python, for which the packages are installed.
func ownPython(t *testing.T, dir, script string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/usr/bin/python3", append([]string{"-c", script}, args...)...)
	cmd.Dir = dir
	if msg, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("python3: %v\n%s", err, msg)
	}
}

func asFile(t *testing.T, dir string, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	check(t, err)
	file := filepath.Join(dir, "values.json")
	check(t, os.WriteFile(file, b, 0o600))
	return file
}

// fillWithMuPDF fills in what a person would, and saves an incremental update.
func fillWithMuPDF(t *testing.T, dir, blank, out string, values map[string]string, fields []string) {
	t.Helper()
	const script = `
var given = JSON.parse(read(scriptArgs[2]));
var doc = new PDFDocument(scriptArgs[0]);
var n = 0;
for (var i = 0; i < doc.countPages(); i++) {
	var widgets = doc.loadPage(i).getWidgets();
	for (var j = 0; j < widgets.length; j++) {
		var w = widgets[j];
		if (w.getLabel().indexOf("chartseal-") == 0) continue;
		var v = given.values[given.fields[n++]];
		if (v === undefined) continue;
		if (w.getFieldType() == "checkbox") w.toggle();
		else if (w.getFieldType() == "combobox") w.setChoiceValue(v);
		else w.setTextValue(v);
		w.update();
	}
}
doc.save(scriptArgs[1], "incremental");
`
	file := filepath.Join(dir, "fill.js")
	check(t, os.WriteFile(file, []byte(script), 0o600))
	tool(t, dir, "mutool", "run", file, blank, out, asFile(t, dir, map[string]any{"values": values, "fields": fields}))
}
