package chartseal

import (
	"fmt"
	"os"
	"testing"

	"chartseal/transport/storetest/versioned"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(versioned.Env); dir != "" {
		fmt.Fprintln(os.Stderr, versioned.Serve(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}
