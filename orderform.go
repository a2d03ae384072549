package chartseal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"aead.dev/minisign"

	"chartseal/config"
	"chartseal/order"
	"chartseal/order/pdfform"
	"chartseal/redact"
	"chartseal/redact/pdffile"
	"chartseal/watch"
)

// ReadOrder reads an order as dropped: YAML, JSON, or the practice's PDF form,
// which a child process opens. What is wrong with the order is an
// [*order.ParseError]; any other error is a fault of the machine.
func ReadOrder(ctx context.Context, cfg *config.Config, opts Options, name string, data []byte) (*order.Order, error) {
	if len(data) > watch.MaxFormBytes || len(data) > watch.MaxOrderBytes && !IsForm(data) {
		return nil, unreadableOrder("This file is larger than a release order can be (1 MiB; 16 MiB for the PDF form). Drop the order itself, not the records.")
	}
	if IsForm(data) {
		return readForm(ctx, cfg, opts, data)
	}
	if strings.EqualFold(filepath.Ext(name), ".pdf") {
		return nil, unreadableOrder("This file is named like a PDF and is none: it is empty, damaged or something else. Fill in the blank order form, save it and drop that.")
	}
	return order.Parse(name, data)
}

// ReadOrder reads an order as dropped; see the function of this name.
func (p *Practice) ReadOrder(ctx context.Context, name string, data []byte) (*order.Order, error) {
	return ReadOrder(ctx, p.cfg, p.opts, name, data)
}

func unreadableOrder(message string) error {
	return &order.ParseError{Problems: []order.Problem{{Message: message}}}
}

// IsForm says that an order is a PDF, whatever its name.
func IsForm(data []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(data[:min(len(data), 1024)], "\ufeff \t\r\n\x00"), []byte("%PDF-"))
}

func readForm(ctx context.Context, cfg *config.Config, opts Options, data []byte) (*order.Order, error) {
	worker := func(ctx context.Context) *exec.Cmd { return opts.Self(ctx, "worker", "pdf") }
	form, err := pdffile.ReadForm(ctx, worker, data)
	if refused, ok := errors.AsType[*redact.Refusal](err); ok {
		return nil, unreadableOrder(formRefusal(refused.Class))
	}
	if err != nil {
		return nil, fmt.Errorf("read order form: %w", err)
	}
	return pdfform.Read(form.Values, form.Unclear, formFor(cfg))
}

// formRefusal says why a PDF cannot be read as an order, and what to do.
func formRefusal(c redact.Class) string {
	const anew = " Fill in the blank order form, save it (do not print it to a PDF, scan it or sign it with a program that locks it) and drop that file."
	switch c { //nolint:exhaustive // the others say that the file is damaged
	case redact.Encrypted:
		return "This PDF is protected with a password and cannot be read. Save the form without a password and drop it again."
	case redact.Unsupported:
		return "This PDF has no fields that can be read: it was printed to a PDF, scanned or flattened, or it is not the practice's order form." + anew
	case redact.Undecided:
		return "This PDF is a form of another kind (XFA), which cannot be read." + anew
	case redact.TooLarge:
		return "This PDF is larger than an order form can be." + anew
	}
	return "This PDF is damaged and cannot be read." + anew
}

// formFor is the practice as its order form shows it, without the recipient book.
func formFor(cfg *config.Config) pdfform.Practice {
	c := cfg.Practice.Contact
	var contact []string
	for _, part := range []string{c.Name, c.Phone, c.Email} {
		if part != "" {
			contact = append(contact, part)
		}
	}
	p := pdfform.Practice{
		Key: practiceKeyID(cfg.State), Name: cfg.Practice.Name, Address: cfg.Practice.Address, Contact: strings.Join(contact, ", "),
		Approvers: sortedKeys(cfg.Approval.Approvers), Different: cfg.Approval.Different, Kinds: kinds(cfg.Kinds), Categories: pdfform.StandardCategories(),
	}
	own := map[string]bool{}
	for _, c := range p.Categories {
		own[c] = true
	}
	for _, s := range cfg.Sensitive {
		if !own[s.Category] {
			own[s.Category] = true
			p.Categories = append(p.Categories, s.Category)
		}
	}
	return p
}

// practiceKeyID is the id of the practice's signing key; "" before there is one.
func practiceKeyID(state string) string {
	text, err := os.ReadFile(filepath.Join(state, "keys", "practice.pub"))
	if err != nil {
		return ""
	}
	var key minisign.PublicKey
	if key.UnmarshalText(bytes.TrimSpace(text)) != nil {
		return ""
	}
	return fmt.Sprintf("%016X", key.ID())
}

// OrderForm is what the practice's blank order form shows, the recipient book
// included.
func OrderForm(cfg *config.Config) (pdfform.Practice, error) {
	p := formFor(cfg)
	read, err := loadBook(cfg)
	if err != nil {
		return p, err
	}
	if read.unsigned {
		return p, fmt.Errorf("%w: the recipient book must be signed by an approver and is not (chartseal approve --book)", ErrConfig)
	}
	for _, key := range sortedKeys(read.book) {
		p.Recipients = append(p.Recipients, pdfform.Recipient(key, read.book[key].Name))
	}
	return p, nil
}

// MakeKey makes the practice's signing key if there is none. The state folder must
// not be in use.
func MakeKey(cfg *config.Config) error {
	s, err := openState(cfg.State)
	if err != nil {
		return err
	}
	return s.close()
}

// inOrderWords says reasons in the words of the order as it was written: those of
// the form, if it is one.
func inOrderWords(data []byte, reasons []order.Reason) []order.Reason {
	if !IsForm(data) {
		return reasons
	}
	for i := range reasons {
		reasons[i].Message = pdfform.InFormWords(reasons[i].Message)
	}
	return reasons
}
