//go:build !unix

package durable

// Attrs finds none: on Windows the embedded store keeps them in files of their own.
func Attrs(string) (map[string][]byte, error) { return nil, nil }

// SetAttrs is ErrNoAttrs if there are any, for the same reason.
func SetAttrs(_ string, attrs map[string][]byte) error {
	if len(attrs) > 0 {
		return ErrNoAttrs
	}
	return nil
}
