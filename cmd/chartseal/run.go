package main

import (
	"github.com/spf13/cobra"
)

func runCmd(a *app) *cobra.Command {
	var untilIdle bool
	c := &cobra.Command{
		Use:   "run",
		Short: "Watch the outbox in the foreground",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			p, err := a.open(cmd.Context(), nil)
			if err != nil {
				return err
			}
			defer closing(&err, p.Close)
			return p.Run(cmd.Context(), untilIdle)
		},
	}
	c.Flags().BoolVar(&untilIdle, "until-idle", false, "stop once every order present has been answered")
	return c
}
