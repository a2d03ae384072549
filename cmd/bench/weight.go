package main

import (
	"cmp"
	"context"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// roots are the parts of the program that can be told apart, by the modules that bring
// them in. What only one of them needs is counted with it.
var roots = []struct {
	part    string
	modules []string
}{
	{"embedded store (versitygw)", []string{"github.com/versity/versitygw"}},
	{"pdfium, and what runs it (WebAssembly)", []string{"github.com/klippa-app/go-pdfium"}},
	{"pdfcpu", []string{"github.com/pdfcpu/pdfcpu"}},
	{"engine (DBOS)", []string{"github.com/dbos-inc/dbos-transact-golang"}},
	{"SQLite", []string{"modernc.org/sqlite"}},
	{"PostgreSQL client", []string{"github.com/jackc/pgx/v5"}},
	{"S3 client", []string{"github.com/aws/aws-sdk-go-v2", "github.com/aws/smithy-go"}},
	{"DICOM dictionary", []string{"github.com/suyashkumar/dicom"}},
	{"letters: PDF writer and fonts", []string{"codeberg.org/go-pdf/fpdf", "github.com/go-fonts/liberation"}},
	{"sealing (age)", []string{"filippo.io/age"}},
	{"deflate", []string{"github.com/klauspost/compress"}},
	{"command line", []string{"github.com/spf13/cobra", "github.com/spf13/pflag"}},
	{itself, []string{"chartseal"}},
}

const (
	itself  = "chartseal itself, with its page, forms and made-up practice"
	library = "Go: runtime and standard library"
	others  = "libraries that several of these need"
)

// weightPart says what the program is made of: the code and the data of each part, as
// they are linked for linux/amd64, and what the tables about functions and types take.
func weightPart(ctx context.Context, b *bench) error {
	file := b.path("weighed")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-w", "-o", file, "./cmd/chartseal") // with symbols
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0")
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build chartseal (run this in the folder of go.mod): %w: %s", err, said)
	}
	imports, err := importsOf(ctx, "./cmd/chartseal")
	if err != nil {
		return err
	}
	weights, all, err := weigh(file, partsOf(imports))
	if err != nil {
		return errors.Join(err, os.Remove(file))
	}
	t := table{
		title: "Size of the program, by part", head: []string{"part", "code", "data", "with its share of the tables"},
		after: "MB, linked for linux/amd64 as it is shipped. With a part is counted what no other part needs. The tables tell the runtime of functions, types and " +
			"lines; they are shared out by code.",
	}
	var told weight
	for _, w := range weights {
		told.code += w.code
		told.data += w.data
	}
	tables := float64(all - told.code - told.data)
	shared := func(name string) float64 {
		w := weights[name]
		return float64(w.code+w.data) + tables*float64(w.code)/float64(told.code)
	}
	names := slices.SortedFunc(maps.Keys(weights), func(a, b string) int { return cmp.Compare(shared(b), shared(a)) })
	mb := func(n float64) string { return fmt.Sprintf("%.1f", n/1e6) }
	for _, name := range names {
		t.row(name, mb(float64(weights[name].code)), mb(float64(weights[name].data)), mb(shared(name)))
	}
	t.row("tables", "", mb(tables), "")
	t.row("all", mb(float64(told.code)), mb(float64(all-told.code)), mb(float64(all)))
	b.print(&t)
	return os.Remove(file)
}

// listed is what `go list` says of a package.
type listed struct {
	ImportPath string
	Imports    []string
	ImportMap  map[string]string
	Standard   bool
}

// importsOf lists a program's packages; the program is the last.
func importsOf(ctx context.Context, program string) ([]listed, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-deps", "-json=ImportPath,Imports,ImportMap,Standard", program)
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0")
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("list packages: %w", err)
	}
	var all []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		switch err := d.Decode(&p); {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, err
		}
		for i, name := range p.Imports {
			if vendored, ok := p.ImportMap[name]; ok {
				p.Imports[i] = vendored
			}
		}
		all = append(all, p)
	}
}

// partsOf says to which part each package belongs: to the smallest without which nobody
// would need it.
func partsOf(all []listed) map[string]string {
	part := map[string]string{}
	size := map[string]int{}
	for _, p := range all {
		part[p.ImportPath] = others
		if p.Standard {
			part[p.ImportPath] = library
		}
	}
	for _, r := range roots {
		left := reached(all, r.modules)
		var only []string
		for _, p := range all {
			if !left[p.ImportPath] && (r.part != itself || within(p.ImportPath, r.modules)) {
				only = append(only, p.ImportPath)
			}
		}
		for _, path := range only {
			if n := size[path]; n == 0 || len(only) < n {
				part[path], size[path] = r.part, len(only)
			}
		}
	}
	return part
}

// reached are the packages that the program needs without some modules.
func reached(all []listed, without []string) map[string]bool {
	imports := map[string][]string{}
	for _, p := range all {
		imports[p.ImportPath] = p.Imports
	}
	seen := map[string]bool{}
	todo := []string{all[len(all)-1].ImportPath, "runtime"}
	for len(todo) > 0 {
		path := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[path] || within(path, without) {
			continue
		}
		seen[path] = true
		todo = append(todo, imports[path]...)
	}
	return seen
}

func within(path string, modules []string) bool {
	return slices.ContainsFunc(modules, func(m string) bool { return path == m || strings.HasPrefix(path, m+"/") })
}

// weight is in bytes.
type weight struct{ code, data int }

// weigh adds up the symbols of a program by part. all is the size of what is loaded of it.
func weigh(file string, part map[string]string) (weights map[string]weight, all int, err error) {
	f, err := elf.Open(file)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for _, s := range f.Sections {
		if s.Flags&elf.SHF_ALLOC != 0 && s.Type != elf.SHT_NOBITS {
			all += int(s.Size)
		}
	}
	symbols, err := f.Symbols()
	if err != nil {
		return nil, 0, err
	}
	weights = map[string]weight{}
	for _, s := range symbols {
		name, ok := part[packageOf(s.Name)]
		if !ok || int(s.Section) >= len(f.Sections) || f.Sections[s.Section].Type == elf.SHT_NOBITS {
			continue
		}
		w := weights[name]
		if f.Sections[s.Section].Flags&elf.SHF_EXECINSTR != 0 {
			w.code += int(s.Size)
		} else {
			w.data += int(s.Size)
		}
		weights[name] = w
	}
	return weights, all, nil
}

// packageOf is the package of a symbol: what stands before the first dot behind the last
// slash. Tables have names that are no package's.
func packageOf(symbol string) string {
	symbol, _, _ = strings.Cut(symbol, "[")
	if symbol == "runtime.pclntab" || symbol == "runtime.findfunctab" {
		return ""
	}
	slash := strings.LastIndexByte(symbol, '/') + 1
	name, _, _ := strings.Cut(symbol[slash:], ".")
	if strings.HasPrefix(symbol, "main.") {
		return "chartseal/cmd/chartseal"
	}
	return symbol[:slash] + strings.ReplaceAll(name, "%2e", ".") // as the linker writes the other dots of a name
}
