//go:build !unix

package chartseal

// readAttrs finds none: on Windows the embedded store keeps them in files of their own.
func readAttrs(string) (map[string][]byte, error) { return nil, nil }

func writeAttrs(_ string, attrs map[string][]byte) error {
	if len(attrs) > 0 {
		return errNoAttrs
	}
	return nil
}
