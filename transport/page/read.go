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

// Pointer is what a page says of its bundle.
type Pointer struct {
	URL    string `json:"url"`    // the presigned link: a secret
	Signer string `json:"signer"` // the minisign key that signed it; "": the page names none

	Reference string `json:"reference"` // of the release; "": the page names none
	Head      Head   `json:"head"`      // of the sealed file; zero in pages of older versions
}

// Read finds the bundle of a rendered page, for people who open the page's link with
// `chartseal open`.
func Read(html []byte) (p Pointer, err error) {
	_, rest, ok := bytes.Cut(html, dataStart)
	data, _, closed := bytes.Cut(rest, dataEnd)
	if !ok || !closed {
		return p, ErrNoPage
	}
	if err := json.Unmarshal(data, &p); err != nil || p.URL == "" {
		return Pointer{}, ErrNoPage
	}
	return p, nil
}
