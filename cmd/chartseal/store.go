package main

import (
	"os"

	"github.com/spf13/cobra"

	"chartseal/transport/localstore"
)

// storeCmd is the embedded S3 server; the daemon starts it as a child.
func storeCmd() *cobra.Command {
	return &cobra.Command{
		Use:    "store",
		Short:  "The embedded store (started by the daemon)",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return localstore.Serve(cmd.Context(), os.Stdin)
		},
	}
}
