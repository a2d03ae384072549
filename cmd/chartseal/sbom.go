package main

import (
	"debug/buildinfo"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
)

// bom is a bill of materials: CycloneDX 1.5 (ECMA-424), JSON.
type bom struct {
	Format     string         `json:"bomFormat"`
	Spec       string         `json:"specVersion"`
	Version    int            `json:"version"`
	Metadata   bomMetadata    `json:"metadata"`
	Components []bomComponent `json:"components"`
}

type bomMetadata struct {
	Component bomComponent `json:"component"`
}

type bomComponent struct {
	Type    string `json:"type"`
	Name    string `json:"name"`
	Version string `json:"version"`
	PURL    string `json:"purl,omitempty"` // package URL, github.com/package-url/purl-spec
}

// printBOM lists what a binary was built from, as the Go linker wrote it into it; file
// "" is this program.
func printBOM(w io.Writer, file string) (err error) {
	if file == "" {
		if file, err = os.Executable(); err != nil {
			return fmt.Errorf("find this program: %w", err)
		}
	}
	info, err := buildinfo.ReadFile(file)
	if err != nil {
		return usage(err)
	}
	return printJSON(w, billOf(info, version()))
}

func billOf(info *debug.BuildInfo, release string) bom {
	b := bom{
		Format: "CycloneDX", Spec: "1.5", Version: 1,
		Metadata: bomMetadata{bomComponent{Type: "application", Name: info.Main.Path, Version: release}},
		Components: []bomComponent{
			goModule("std", strings.TrimPrefix(info.GoVersion, "go")),
		},
	}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		b.Components = append(b.Components, goModule(m.Path, m.Version))
	}
	return b
}

func goModule(path, version string) bomComponent {
	return bomComponent{Type: "library", Name: path, Version: version, PURL: "pkg:golang/" + path + "@" + version}
}
