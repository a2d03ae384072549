package main

import (
	"errors"
	"os"

	"github.com/spf13/cobra"

	"chartseal"
	"chartseal/packager/seal"
	"chartseal/redact/pdffile"
)

// workerCmd is the child process for what needs limits or much memory of its
// own: libraries that parse foreign documents, and stretching a passphrase.
func workerCmd() *cobra.Command {
	return &cobra.Command{
		Use:    "worker KIND",
		Short:  "A child process of the daemon",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch args[0] {
			case "pdf":
				return pdffile.Work(cmd.Context(), os.Stdin, os.Stdout, os.Getenv(chartseal.PDFCacheEnv))
			case "wrap":
				return seal.Wrap(os.Stdin, os.Stdout)
			}
			return usage(errors.New("unknown kind of worker"))
		},
	}
}
