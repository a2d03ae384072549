package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// release is set by the release build: -ldflags "-X main.release=1.2.3".
var release = ""

// version names this build.
func version() string {
	if release != "" {
		return release
	}
	if bi, ok := debug.ReadBuildInfo(); ok && bi.Main.Version != "" && bi.Main.Version != "(devel)" {
		return bi.Main.Version
	}
	return "devel"
}

func versionCmd(a *app) *cobra.Command {
	var parts bool
	var of string
	c := &cobra.Command{
		Use:   "version",
		Short: "Print what this build is",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if parts {
				return printBOM(cmd.OutOrStdout(), of)
			}
			v := map[string]string{"version": version(), "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH}
			if bi, ok := debug.ReadBuildInfo(); ok {
				for _, s := range bi.Settings {
					if s.Key == "vcs.revision" {
						v["revision"] = s.Value
					}
				}
			}
			if a.json {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(v)
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "chartseal %s (%s, %s/%s)\n", v["version"], v["go"], v["os"], v["arch"])
			return err
		},
	}
	c.Flags().BoolVar(&parts, "sbom", false, "list what it was built from: a bill of materials in CycloneDX JSON")
	c.Flags().StringVar(&of, "of", "", "with --sbom: the program to look into (default this one)")
	return c
}
