package config

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/template"
)

//go:embed templates
var templates embed.FS

// Starter is what a new practice's files begin with.
type Starter struct {
	Practice  string            // name of the practice
	State     string            // two letters, or ""
	Site      string            // "": main
	Approvers map[string]string // name to minisign public key; with keys, approval is by signature
}

// Example is a commented chartseal.yaml that parses as it stands.
func Example(s Starter) ([]byte, error) { return render("chartseal.yaml", s) }

// ExampleRecipients is a commented, empty recipients.yaml.
func ExampleRecipients() ([]byte, error) { return render("recipients.yaml", Starter{}) }

// Blanks lists the names of the blank order forms.
func Blanks() []string {
	return []string{"order-treatment.yaml", "order-patient-access.yaml", "order-insurer.yaml"}
}

// Blank is one blank order form, with the fields to fill in left empty.
func Blank(name string) ([]byte, error) {
	if !slices.Contains(Blanks(), name) {
		return nil, fmt.Errorf("find order form: no form %q", name)
	}
	return render(name, Starter{})
}

func render(name string, s Starter) ([]byte, error) {
	text, err := templates.ReadFile("templates/" + name)
	if err != nil {
		return nil, fmt.Errorf("read template: %w", err)
	}
	t, err := template.New(name).Funcs(template.FuncMap{"yaml": quoted, "signed": signed}).Parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("read template: %w", err)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, s); err != nil {
		return nil, fmt.Errorf("fill template: %w", err)
	}
	return out.Bytes(), nil
}

// quoted writes a text as a YAML double-quoted scalar, of which JSON strings are
// a subset (YAML 1.2.2, section 1.3).
func quoted(s string) (string, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(s)
	return strings.TrimSpace(b.String()), err
}

// signed says that every approver has a key.
func signed(approvers map[string]string) bool {
	for _, key := range approvers {
		if key == "" {
			return false
		}
	}
	return len(approvers) > 0
}
