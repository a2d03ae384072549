package main

import (
	"context"
	"testing"

	"chartseal"
)

// A daemon that is told to stop while it still takes up its orders ends like any other.
func TestStoppedWhileItBegins(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	p, err := chartseal.Open(ctx, ownPractice(t), (&app{}).options(nil))
	must(t, err)
	stop()
	must(t, p.Run(ctx, false))
	must(t, p.Close())
}
