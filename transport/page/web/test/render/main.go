// Command render writes a recipient page to standard output, filled from the
// [page.Data] given as JSON on standard input. The browser tests use it, so
// that what they open is what a release uploads.
package main

import (
	"encoding/json"
	"log"
	"os"

	"chartseal/transport/page"
)

func main() {
	var d page.Data
	if err := json.NewDecoder(os.Stdin).Decode(&d); err != nil {
		log.Fatal(err)
	}
	out, err := page.Render(d)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := os.Stdout.Write(out); err != nil {
		log.Fatal(err)
	}
}
