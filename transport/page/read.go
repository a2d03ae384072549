package page

import (
	"bytes"
	"encoding/json"
	"errors"
)

// ErrNoPage says that a document is no recipient page, or one without a link.
var ErrNoPage = errors.New("this is no recipient page")

// The data element as Render writes it.
var (
	dataStart = []byte(`<script type="application/json" id="data">`)
	dataEnd   = []byte(`</script>`)
)

// BundleURL finds the bundle's presigned link in a rendered page, for people
// who open the page's link with `chartseal open`. The link is a secret.
func BundleURL(html []byte) (string, error) {
	_, rest, ok := bytes.Cut(html, dataStart)
	data, _, closed := bytes.Cut(rest, dataEnd)
	if !ok || !closed {
		return "", ErrNoPage
	}
	var d struct {
		URL string `json:"url"`
	}
	if err := json.Unmarshal(data, &d); err != nil || d.URL == "" {
		return "", ErrNoPage
	}
	return d.URL, nil
}
