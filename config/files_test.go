package config

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// TestFilesLeavesNothingOut: whatever setting ends in _file is among the files that the
// service's account must be able to read.
func TestFilesLeavesNothingOut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	abs := func(name string) string { return filepath.ToSlash(filepath.Join(dir, name)) }
	c, err := Parse(filepath.Join(dir, "chartseal.yaml"), []byte(`
practice: {name: P}
recipients: book/recipients.yaml
restrictions: restrictions.yaml
sources: [{kind: chart, path: "records/{patient.id}/**"}]
approval: {require: name, approvers: {lee: ""}}
database: postgres://u@db/x?sslmode=verify-full&sslrootcert=`+abs("ca.pem")+`&sslkey=`+abs("client.key")+`&sslcert=`+abs("client.pem")+`&passfile=`+abs("pgpass")+`
alerts:
  mail: {server: smtp.example.com, user: u, password_file: mail-password, from: a@example.com, to: [b@example.com]}
  webhook: {url: "https://example.com/", secret_file: webhook-secret}
`))
	if err != nil {
		t.Fatal(err)
	}
	secret := map[string]bool{}
	for _, f := range c.Files() {
		secret[filepath.ToSlash(f.Path)] = f.Secret
	}
	want := map[string]bool{
		abs("chartseal.yaml"): false, abs("book/recipients.yaml"): false, abs("book/recipients.yaml.minisig"): false, abs("restrictions.yaml"): false,
		abs("mail-password"): true, abs("webhook-secret"): true,
		abs("ca.pem"): false, abs("client.pem"): false, abs("client.key"): true, abs("pgpass"): true,
	}
	if !reflect.DeepEqual(secret, want) {
		t.Errorf("files: %v, want %v", secret, want)
	}
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, file := range sources {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(file, "_test.go") {
			n += len(regexp.MustCompile("`yaml:\"[a-z_]*_file\"`").FindAll(b, -1))
		}
	}
	if n != 2 {
		t.Errorf("%d settings name a file, and 2 are tried here", n)
	}
}
