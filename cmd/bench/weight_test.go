package main

import "testing"

// What only one part needs is counted with it, and with the smallest that needs it.
func TestPartsOfAProgram(t *testing.T) {
	part := partsOf([]listed{
		{ImportPath: "runtime", Standard: true},
		{ImportPath: "fmt", Standard: true},
		{ImportPath: "example.com/ldap", Imports: []string{"fmt"}},
		{ImportPath: "example.com/common", Imports: []string{"fmt"}},
		{ImportPath: "modernc.org/libc"},
		{ImportPath: "modernc.org/sqlite/lib", Imports: []string{"modernc.org/libc"}},
		{ImportPath: "modernc.org/sqlite", Imports: []string{"modernc.org/sqlite/lib"}},
		{ImportPath: "github.com/versity/versitygw/embedgw", Imports: []string{"example.com/ldap", "example.com/common", "modernc.org/sqlite"}},
		{ImportPath: "chartseal/redact", Imports: []string{"example.com/common"}},
		{ImportPath: "chartseal/cmd/chartseal", Imports: []string{"chartseal/redact", "github.com/versity/versitygw/embedgw"}},
	})
	for path, want := range map[string]string{
		"fmt": library, "example.com/common": others, "example.com/ldap": "embedded store (versitygw)", "modernc.org/libc": "SQLite",
		"github.com/versity/versitygw/embedgw": "embedded store (versitygw)", "chartseal/redact": itself, "chartseal/cmd/chartseal": itself,
	} {
		if part[path] != want {
			t.Errorf("%s: %q, not %q", path, part[path], want)
		}
	}
	for symbol, want := range map[string]string{
		"main.main": "chartseal/cmd/chartseal", "chartseal/ledger.(*Ledger).Append": "chartseal/ledger", "runtime.pclntab": "",
		"go.yaml.in/yaml/v3.init": "go.yaml.in/yaml/v3", "github.com/nats-io/nats%2ego.Connect": "github.com/nats-io/nats.go",
		"slices.SortFunc[go.shape.[]example.com/x.Y]": "slices",
	} {
		if got := packageOf(symbol); got != want {
			t.Errorf("%s: %q, not %q", symbol, got, want)
		}
	}
}
