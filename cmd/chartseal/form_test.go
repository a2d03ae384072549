package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
	"github.com/rogpeppe/go-internal/testscript"

	"chartseal/testdata/practice"
)

// formValues are an order for a patient as the form's fields hold it.
func formValues(who practice.Patient, id string) map[string]string {
	day := time.Now().Format(time.DateOnly)
	return map[string]string{
		"order": id, "received": day, "patient-id": who.ID, "patient-name": who.Name, "patient-birth_date": who.BirthDate,
		"requester-name": "Dr. Chen Endodontics", "requester-relation": "provider", "requester-identity-method": "known to the practice",
		"requester-identity-by": "Łukasz 王", "requester-identity-on": day, "recipient": "dr-chen", "basis": "treatment", "purpose": "referral",
		"records-kinds-chart": "Yes", "records-kinds-radiograph": "Yes", "approved-by": "dr-lee", "approved-on": day,
	}
}

// fillForm FORM OUT PATIENT ID [field=value…]: fills a form in, as an order for
// treatment.
func fillFormCmd(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 4 {
		ts.Fatalf("usage: fillform FORM OUT PATIENT ID [field=value...]")
	}
	who, ok := find(args[2])
	if !ok {
		ts.Fatalf("no patient %s", args[2])
	}
	values := formValues(who, args[3])
	for _, change := range args[4:] {
		field, v, _ := strings.Cut(change, "=")
		values[field] = v
	}
	out, err := fillForm([]byte(ts.ReadFile(args[0])), values)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), out, 0o600))
}

// fillForm sets the values of fields and saves the file with object streams, as
// Acrobat does.
func fillForm(form []byte, values map[string]string) ([]byte, error) {
	api.DisableConfigDir()
	ctx, err := api.ReadAndValidate(bytes.NewReader(form), model.NewDefaultConfiguration())
	if err != nil {
		return nil, err
	}
	acro, err := ctx.DereferenceDict(ctx.RootDict["AcroForm"])
	if err != nil {
		return nil, err
	}
	fields, err := ctx.DereferenceArray(acro["Fields"])
	if err != nil {
		return nil, err
	}
	left := len(values)
	for _, f := range fields {
		d, err := ctx.DereferenceDict(f)
		if err != nil {
			return nil, err
		}
		name, err := types.StringOrHexLiteral(d["T"])
		if err != nil {
			return nil, err
		}
		v, ok := values[*name]
		if !ok {
			continue
		}
		left--
		if d["FT"] == types.Name("Btn") {
			d["V"], d["AS"] = types.Name(v), types.Name(v)
			continue
		}
		b := []byte{0xFE, 0xFF}
		for _, u := range utf16.Encode([]rune(v)) {
			b = append(b, byte(u>>8), byte(u))
		}
		d["V"] = types.NewHexLiteral(b)
	}
	if left != 0 {
		return nil, fmt.Errorf("%d values have no field", left)
	}
	var out bytes.Buffer
	err = api.WriteContext(ctx, &out)
	return out.Bytes(), err
}
