package s3_test

import (
	"testing"

	"chartseal/transport/storetest"
)

func TestConformance(t *testing.T) {
	sv := startServer(t)
	storetest.Run(t, func(t *testing.T) storetest.Store { return open(t, sv.config()) })
}
