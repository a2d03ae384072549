package generate

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"chartseal/order"
	"chartseal/order/schema"
)

var write = flag.Bool("write", false, "write the schema instead of comparing it")

const committed = "../order.schema.json"

func TestSchemaIsCurrent(t *testing.T) {
	want, err := Order("../..")
	if err != nil {
		t.Fatal(err)
	}
	if *write {
		if err := os.WriteFile(committed, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(schema.JSON(), want) {
		t.Error("order.schema.json is not what the types say now; run go generate ./order/schema")
	}
}

// validator is an independent reading of the schema.
func validator(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema.JSON()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("order.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("order.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// judged says whether the schema takes an order written in YAML.
func judged(t *testing.T, s *jsonschema.Schema, text string) error {
	t.Helper()
	asJSON, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(doc)
}

const valid = `order: R-1
decision: release
received: "2026-11-18"
patient: {id: "010432", name: "Müller, Jörg", birth_date: "1962-11-02"}
requester:
  name: Maria
  relation: self
  identity: {method: driver's license, by: J. Ortiz, on: "2026-11-18"}
recipient: dr-chen
basis: treatment
records: {kinds: [chart, cephalogram], from: "2023-01-01", to: }
sensitive: []
delivery: link
link: {lifetime: 7d}
approved: {by: dr-lee, on: "2026-11-18"}
decisions: [{rule: R6, decision: release, by: dr-lee, on: "2026-11-18", reason: twice}]
`

// The schema takes and refuses what the program does.
func TestSchemaAgreesWithTheReader(t *testing.T) {
	s := validator(t)
	for name, tt := range map[string]struct {
		old, changed string
		ok           bool
	}{
		"valid":            {"", "", true},
		"all records":      {"[chart, cephalogram]", "all", true},
		"own recipient":    {"recipient: dr-chen", "recipient: {name: X, kind: provider}", true},
		"denial":           {"decision: release", "decision: deny\ndenial: {ground: inmate}", true},
		"unknown key":      {"delivery: link", "delivry: link", false},
		"wrong word":       {"basis: treatment", "basis: treatmnet", false},
		"no patient":       {`patient: {id: "010432", name: "Müller, Jörg", birth_date: "1962-11-02"}`, "", false},
		"no birth date":    {`, birth_date: "1962-11-02"`, "", false},
		"no such day":      {`received: "2026-11-18"`, `received: "2026-02-30"`, false},
		"no basis":         {"basis: treatment\n", "", false},
		"deny, no denial":  {"decision: release", "decision: deny", false},
		"bad id":           {"order: R-1", `order: "R 1"`, false},
		"half a recipient": {"recipient: dr-chen", "recipient: {name: X}", false},
		"half a ruling":    {", reason: twice", "", false},
		"long lifetime":    {"lifetime: 7d", "lifetime: a week", false},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(valid, tt.old) {
				t.Fatalf("the order has no %q", tt.old)
			}
			text := strings.Replace(valid, tt.old, tt.changed, 1)
			byCode := func() error { _, err := order.Parse("o.yaml", []byte(text)); return err }()
			bySchema := judged(t, s, text)
			if (byCode == nil) != tt.ok || (bySchema == nil) != tt.ok {
				t.Errorf("want %v; the program says %v, the schema %v", tt.ok, byCode, bySchema)
			}
		})
	}
}

func TestEveryFieldIsExplained(t *testing.T) {
	var doc struct {
		Properties map[string]struct{ Description string }
	}
	if err := json.Unmarshal(schema.JSON(), &doc); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"order", "received", "recipient", "sensitive", "decisions"} {
		if doc.Properties[name].Description == "" {
			t.Errorf("%s is not explained", name)
		}
	}
}
