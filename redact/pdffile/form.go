package pdffile

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"

	"chartseal/redact"
)

// Form is what is filled in on an interactive form (ISO 32000-1:2008, 12.7).
// It is patient data.
type Form struct {
	// Values holds every field by its full name, the names of the fields above it
	// joined by dots (12.7.3.2). An empty field has no values, a list may have
	// several; a button that is on has the name of its state.
	Values map[string][]string `json:"values"`
	// Unclear lists fields whose saved value cannot be read, or is not what a
	// reader sees.
	Unclear []string `json:"unclear,omitempty"`
}

// Bounds of a form. The practice's own has some 200 fields.
const (
	maxFormFields = 2000
	maxFieldDepth = 20
	maxFieldText  = 16 << 10  // bytes of one value, as UTF-8
	maxFormBytes  = 512 << 10 // of all names and values
	maxFormSize   = 16 << 20  // bytes of the file
	formTime      = time.Minute
)

// ReadForm reads the form in a PDF file in a child process; worker is that of a
// [Cleaner]. It returns a [*redact.Refusal] for a file that has no form
// (Unsupported), needs a password (Encrypted), is an XFA form, which draws
// itself (Undecided), cannot be read (Malformed, Truncated), or is beyond a bound
// (TooLarge). Any other error is a fault of the machine.
func ReadForm(ctx context.Context, worker func(ctx context.Context) *exec.Cmd, data []byte) (*Form, error) {
	if len(data) == 0 {
		return nil, redact.Refuse(redact.Truncated, "the file is empty")
	}
	if len(data) > maxFormSize {
		return nil, redact.Refuse(redact.TooLarge, "the PDF is larger than a form can be")
	}
	out, err := start(ctx, worker, request{Task: readForm}, bytes.NewReader(data), formTime)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(out.Body, 8*maxFormBytes)) // JSON escapes at most six for one
	if err = errors.Join(err, out.Body.Close()); err != nil {
		return nil, fmt.Errorf("read form: %w", err)
	}
	var form Form
	if json.Unmarshal(text, &form) != nil {
		return nil, errFrame
	}
	return &form, nil
}

// formIn returns the form in a PDF as JSON. It runs in the child process.
func formIn(in []byte) (text []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = redact.Refuse(redact.Malformed, "the PDF is built in a way that cannot be read safely")
		}
	}()
	src, err := read(in)
	if err != nil {
		return nil, err
	}
	w := formWalk{copier: newCopier(src), form: Form{Values: map[string][]string{}}, seen: map[int]bool{}, unclear: map[string]bool{}}
	if err := w.walk(); err != nil {
		return nil, err
	}
	if text, err = json.Marshal(w.form); err != nil {
		return nil, fmt.Errorf("encode form: %w", err)
	}
	return text, nil
}
