package main

import (
	"errors"
	"os"

	"github.com/spf13/cobra"

	"chartseal/redact/pdffile"
)

// workerCmd is the child process in which libraries that parse foreign
// documents run, with limits of their own.
func workerCmd() *cobra.Command {
	return &cobra.Command{
		Use:    "worker KIND",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] != "pdf" {
				return usage(errors.New("unknown kind of worker"))
			}
			return pdffile.Work(cmd.Context(), os.Stdin, os.Stdout)
		},
	}
}
